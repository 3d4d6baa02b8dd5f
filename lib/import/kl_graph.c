/* SPDX-License-Identifier: MIT
 * kl_graph.c - writes the layers of AutoencoderKL. */
#include "import/kl_graph.h"

#include <stdio.h>

#define LEVELS_MAX 64 /* of levels, and of resnets in a level */

const vaei_rename_row vaei_kl_renames[] = {
    {"encoder.quant_conv", "quant_conv"},
    {"decoder.post_quant_conv", "post_quant_conv"},
    {"encoder.down.#", "encoder.down_blocks.#"},
    {"decoder.up.#", "decoder.up_blocks.^"},
    {"block.#", "resnets.#"},
    {"attn.#", "attentions.#"},
    {"downsample", "downsamplers.0"},
    {"upsample", "upsamplers.0"},
    {"mid.block_#", "mid_block.resnets.#-1"},
    {"mid.attn_#", "mid_block.attentions.#-1"},
    {"nin_shortcut", "conv_shortcut"},
    {"norm_out", "conv_norm_out"},
    {"attentions.#.norm", "attentions.#.group_norm"},
    {"attentions.#.q", "attentions.#.to_q"},
    {"attentions.#.k", "attentions.#.to_k"},
    {"attentions.#.v", "attentions.#.to_v"},
    {"attentions.#.query", "attentions.#.to_q"},
    {"attentions.#.key", "attentions.#.to_k"},
    {"attentions.#.value", "attentions.#.to_v"},
    {"attentions.#.proj_out", "attentions.#.to_out.0"},
    {"attentions.#.proj_attn", "attentions.#.to_out.0"},
    {NULL, NULL},
};

static const vaei_graph_row resnet[] = {
    {"norm1", "groupnorm groups=@ eps=1e-6"}, {"", "silu"}, {"conv1", "conv2d out=# kernel=3 pad=1"},
    {"norm2", "groupnorm groups=@ eps=1e-6"}, {"", "silu"}, {"conv2", "conv2d out=# kernel=3 pad=1"},
};
static const vaei_graph_row shortcut[] = {{"conv_shortcut", "conv2d out=# kernel=1"}};
static const vaei_graph_row down[] = {{"downsamplers.0.conv", "conv2d out=# kernel=3 stride=2 pad=0x1x0x1"}};
static const vaei_graph_row up[] = {{"", "upsample factor=2"}, {"upsamplers.0.conv", "conv2d out=# kernel=3 pad=1"}};
static const vaei_graph_row first[] = {{"conv_in", "conv2d out=# kernel=3 pad=1"}};
static const vaei_graph_row last[] = {
    {"conv_norm_out", "groupnorm groups=@ eps=1e-6"},
    {"", "silu"},
    {"conv_out", "conv2d out=# kernel=3 pad=1"},
};

/* Writes resnets 0, 1 ... of a level or of the middle. Each is followed by its attention if the file has one. */
static void put_resnets(vaei_graph *g, const char *block) {
    for (int32_t j = 0; j < LEVELS_MAX && g->status == VAE_OK; j++) {
        const char *name = vaei_graph_name(g, "%s.resnets.%d", block, (int)j);
        if (!vaei_graph_has(g, name, "conv1.weight")) return;
        VAEI_GRAPH_RESIDUAL(g, name, resnet, shortcut);
        const char *attention = vaei_graph_name(g, "%s.attentions.%d", block, (int)j);
        if (vaei_graph_has(g, attention, "to_q.weight")) vaei_graph_attention(g, attention);
    }
}

static void put_encoder(vaei_graph *g) {
    VAEI_GRAPH_ROWS(g, "encoder", first);
    for (int32_t i = 0; i < LEVELS_MAX && g->status == VAE_OK; i++) {
        const char *level = vaei_graph_name(g, "encoder.down_blocks.%d", (int)i);
        if (!vaei_graph_has(g, level, "resnets.0.conv1.weight")) break;
        put_resnets(g, level);
        if (vaei_graph_has(g, level, "downsamplers.0.conv.weight")) VAEI_GRAPH_ROWS(g, level, down);
    }
    put_resnets(g, "encoder.mid_block");
    VAEI_GRAPH_ROWS(g, "encoder", last);
}

static void put_decoder(vaei_graph *g) {
    VAEI_GRAPH_ROWS(g, "decoder", first);
    put_resnets(g, "decoder.mid_block");
    for (int32_t i = 0; i < LEVELS_MAX && g->status == VAE_OK; i++) {
        const char *level = vaei_graph_name(g, "decoder.up_blocks.%d", (int)i);
        if (!vaei_graph_has(g, level, "resnets.0.conv1.weight")) break;
        put_resnets(g, level);
        if (vaei_graph_has(g, level, "upsamplers.0.conv.weight")) VAEI_GRAPH_ROWS(g, level, up);
    }
    VAEI_GRAPH_ROWS(g, "decoder", last);
}

vae_status_t vaei_kl_measure(vaei_import *im, vaei_graph *g) {
    int64_t down_factor = 1, up_factor = 1;
    for (int32_t i = 0; i < LEVELS_MAX; i++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "encoder.down_blocks.%d", (int)i);
        if (vaei_graph_has(g, name, "downsamplers.0.conv.weight") && down_factor < 1024) down_factor *= 2;
        (void)snprintf(name, sizeof(name), "decoder.up_blocks.%d", (int)i);
        if (vaei_graph_has(g, name, "upsamplers.0.conv.weight") && up_factor < 1024) up_factor *= 2;
    }
    im->factor = im->has_decoder ? up_factor : down_factor;
    if (im->has_decoder) {
        const int32_t mapped = vaei_graph_has(g, "", "post_quant_conv.weight");
        im->channels = vaei_graph_size(g, "decoder.conv_out.weight", 0);
        im->latent = vaei_graph_size(g, mapped ? "post_quant_conv.weight" : "decoder.conv_in.weight", 1);
    } else {
        const int32_t mapped = vaei_graph_has(g, "", "quant_conv.weight");
        im->channels = vaei_graph_size(g, "encoder.conv_in.weight", 1);
        im->latent = vaei_graph_size(g, mapped ? "quant_conv.weight" : "encoder.conv_out.weight", 0) / 2;
    }
    if (g->status == VAE_OK && im->has_encoder && im->has_decoder && down_factor != up_factor)
        return vaei_fail(VAE_E_SHAPE, "%.80s: its encoder divides the sides by %lld, its decoder multiplies them by %lld", im->file.where,
                         (long long)down_factor, (long long)up_factor);
    return VAE_OK;
}

/* Writes the layers behind the latent: one that undoes the scaling if the caller wants the scaling, and post_quant_conv if there is one. */
static void put_after_latent(vaei_graph *g) {
    const vaei_import *im = g->im;
    char factor[32], shift[32];
    if (im->way.scaled) {
        vaei_text_float(factor, sizeof(factor), (double)(float)(1 / im->scaling.factor));
        vaei_text_float(shift, sizeof(shift), (double)(float)im->scaling.shift);
        vaei_graph_layer(g, "rescale factor=%s offset=%s", factor, shift);
    }
    if (vaei_graph_has(g, "", "post_quant_conv.weight")) vaei_graph_row_of(g, "post_quant_conv", "conv2d out=# kernel=1");
}

void vaei_kl_encoder_section(vaei_graph *g) {
    vaei_graph_stack(g, "encoder");
    if (!g->im->has_encoder) {
        vaei_graph_missing_encoder(g);
        return;
    }
    vaei_graph_pixels_in(g);
    put_encoder(g);
}

void vaei_kl_decoder_section(vaei_graph *g) {
    vaei_graph_stack(g, "decoder");
    if (!g->im->has_decoder) {
        vaei_graph_missing_decoder(g);
        return;
    }
    put_after_latent(g);
    put_decoder(g);
    vaei_graph_pixels_out(g);
}

void vaei_kl_build(vaei_import *im, vaei_graph *g) {
    (void)im;
    vaei_kl_encoder_section(g);
    vaei_graph_heads(g);
    vaei_kl_decoder_section(g);
}
