/* SPDX-License-Identifier: MIT
 * family_wan.c - the video autoencoder of Wan 2.1, which Qwen-Image uses too, for a single frame.
 *
 *     norm       y = weight x / |x| sqrt(C)                        over the channels of a pixel
 *     resnet     h = conv2(silu(norm2(conv1(silu(norm1 x)))))      y = x + h, or conv_shortcut(x) + h where the widths differ
 *     attention  y = x + proj(softmax(q k^T / sqrt(C)) v)          one head, norm before it, q k v in one projection
 *     encoder    conv_in, resnets and convs of stride 2, resnet, attention, resnet, norm, silu, conv_out; quant_conv
 *     decoder    post_quant_conv; conv_in, resnet, attention, resnet, resnets and { upsample, conv }, norm, silu, conv_out, clamp to -1..1
 *
 * Convolutions over time see zeros before the first frame, so that only their last tap acts on a single frame. The convolutions that change
 * the number of frames are left out.
 *
 * https://github.com/Wan-Video/Wan2.1 */
#include "import/graph.h"

#define BLOCKS_MAX 64
#define NORM       "rmsnorm eps=1e-20 bias=false"

static const char *const signs[] = {"decoder.mid_block.resnets.0.norm1.gamma", "encoder.mid_block.resnets.0.norm1.gamma",
                                    "decoder.middle.0.residual.0.gamma", "encoder.middle.0.residual.0.gamma", NULL};

static const vaei_rename_row renames[] = {
    {"/conv1", "quant_conv"},
    {"/conv2", "post_quant_conv"},
    {"/encoder.conv1", "encoder.conv_in"},
    {"/decoder.conv1", "decoder.conv_in"},
    {"encoder.downsamples.#", "encoder.down_blocks.#"},
    {"residual.0", "norm1"},
    {"residual.2", "conv1"},
    {"residual.3", "norm2"},
    {"residual.6", "conv2"},
    {"shortcut", "conv_shortcut"},
    {"middle.0", "mid_block.resnets.0"},
    {"middle.1", "mid_block.attentions.0"},
    {"middle.2", "mid_block.resnets.1"},
    {"head.0", "norm_out"},
    {"head.2", "conv_out"},
    {"gamma", "weight"},
    {NULL, NULL},
};

static const vaei_graph_row resnet[] = {
    {"norm1", NORM}, {"", "silu"}, {"conv1", "conv2d out=# kernel=3 pad=1"},
    {"norm2", NORM}, {"", "silu"}, {"conv2", "conv2d out=# kernel=3 pad=1"},
};
static const vaei_graph_row shortcut[] = {{"conv_shortcut", "conv2d out=# kernel=1"}};
static const vaei_graph_row down[] = {{"resample.1", "conv2d out=# kernel=3 stride=2 pad=0x1x0x1"}};
static const vaei_graph_row up[] = {{"", "upsample factor=2"}, {"resample.1", "conv2d out=# kernel=3 pad=1"}};
static const vaei_graph_row first[] = {{"conv_in", "conv2d out=# kernel=3 pad=1"}};
static const vaei_graph_row last[] = {{"norm_out", NORM}, {"", "silu"}, {"conv_out", "conv2d out=# kernel=3 pad=1"}};

static void put_attention(vaei_graph *g, const char *name) {
    static const char *const names[] = {"to_q", "to_k", "to_v"};
    const char *weight = vaei_graph_name(g, "%s.to_qkv.weight", name), *bias = vaei_graph_name(g, "%s.to_qkv.bias", name);
    const int64_t C = vaei_graph_size(g, weight, 1);
    vaei_graph_open(g, "residual", "body");
    vaei_graph_row_of(g, vaei_graph_name(g, "%s.norm", name), NORM);
    vaei_graph_layer(g, "attention heads=1");
    for (int32_t i = 0; i < 3; i++) {
        const vaei_take part = {.how = VAEI_TAKE_PART, .first = i * C};
        vaei_graph_take(g, vaei_graph_name(g, "%s.weight", names[i]), weight, part);
        vaei_graph_take(g, vaei_graph_name(g, "%s.bias", names[i]), bias, part);
    }
    vaei_graph_take(g, "to_out.0.weight", vaei_graph_name(g, "%s.proj.weight", name), (vaei_take){.how = VAEI_TAKE_ROWS});
    vaei_graph_take(g, "to_out.0.bias", vaei_graph_name(g, "%s.proj.bias", name), (vaei_take){.how = VAEI_TAKE_ROWS});
    vaei_graph_close(g);
}

/* Writes a resnet, or a change of size by these rows. Returns 0 if the file has no such block. */
static int32_t put_block(vaei_graph *g, const char *name, const vaei_graph_row *rows, size_t n) {
    if (vaei_graph_has(g, name, "conv1.weight")) {
        VAEI_GRAPH_RESIDUAL(g, name, resnet, shortcut);
    } else if (vaei_graph_has(g, name, "resample.1.weight")) {
        vaei_graph_rows(g, name, rows, n);
        vaei_graph_leave(g, name, "time_conv.weight");
        vaei_graph_leave(g, name, "time_conv.bias");
    } else {
        return 0;
    }
    return 1;
}

static void put_middle(vaei_graph *g, const char *half) {
    VAEI_GRAPH_RESIDUAL(g, vaei_graph_name(g, "%s.mid_block.resnets.0", half), resnet, shortcut);
    put_attention(g, vaei_graph_name(g, "%s.mid_block.attentions.0", half));
    VAEI_GRAPH_RESIDUAL(g, vaei_graph_name(g, "%s.mid_block.resnets.1", half), resnet, shortcut);
}

static void put_encoder(vaei_graph *g) {
    VAEI_GRAPH_ROWS(g, "encoder", first);
    for (int32_t i = 0; i < BLOCKS_MAX && put_block(g, vaei_graph_name(g, "encoder.down_blocks.%d", (int)i), down, VAEI_COUNT(down)); i++) {
    }
    put_middle(g, "encoder");
    VAEI_GRAPH_ROWS(g, "encoder", last);
}

/* Writes the blocks of the decoder, which are one list in the original names and levels of resnets in those of diffusers. */
static void put_up_blocks(vaei_graph *g) {
    for (int32_t i = 0; i < BLOCKS_MAX && put_block(g, vaei_graph_name(g, "decoder.upsamples.%d", (int)i), up, VAEI_COUNT(up)); i++) {}
    for (int32_t i = 0; i < BLOCKS_MAX; i++) {
        int32_t j = 0;
        while (j < BLOCKS_MAX && put_block(g, vaei_graph_name(g, "decoder.up_blocks.%d.resnets.%d", (int)i, (int)j), up, 0)) j++;
        if (j == 0) return;
        (void)put_block(g, vaei_graph_name(g, "decoder.up_blocks.%d.upsamplers.0", (int)i), up, VAEI_COUNT(up));
    }
}

static void put_decoder(vaei_graph *g) {
    vaei_graph_row_of(g, "post_quant_conv", "conv2d out=# kernel=1");
    VAEI_GRAPH_ROWS(g, "decoder", first);
    put_middle(g, "decoder");
    put_up_blocks(g);
    VAEI_GRAPH_ROWS(g, "decoder", last);
    vaei_graph_layer(g, "hardtanh");
}

/* Counts the blocks of a half that change the size, in either scheme of names, and returns the factor of all of them. */
static int64_t factor_of(const vaei_graph *g, const char *const patterns[], size_t n) {
    char name[64];
    int64_t factor = 1;
    for (int32_t i = 0; i < BLOCKS_MAX; i++) {
        for (size_t p = 0; p < n && factor < 1024; p++) {
            vaei_writer w = {name, sizeof(name), 0};
            for (const char *at = patterns[p]; *at; at++) {
                if (*at == '#') vaei_write(&w, "%d", (int)i);
                else vaei_write(&w, "%c", *at);
            }
            if (vaei_graph_has(g, name, "resample.1.weight")) factor *= 2;
        }
    }
    return factor;
}

static vae_status_t measure(vaei_import *im, vaei_graph *g) {
    static const char *const downs[] = {"encoder.down_blocks.#"}, *const ups[] = {"decoder.upsamples.#",
                                                                                  "decoder.up_blocks.#.upsamplers.0"};
    if (im->way.scaled)
        return vaei_fail(VAE_E_UNSUPPORTED, "%.80s: latents of Wan and Qwen-Image are normalised by a vector: use the raw latents",
                         im->file.where);
    g->how = VAEI_TAKE_LAST;
    im->factor = im->has_decoder ? factor_of(g, ups, VAEI_COUNT(ups)) : factor_of(g, downs, VAEI_COUNT(downs));
    im->channels = im->has_decoder ? vaei_graph_size(g, "decoder.conv_out.weight", 0) : vaei_graph_size(g, "encoder.conv_in.weight", 1);
    im->latent = im->has_decoder ? vaei_graph_size(g, "decoder.conv_in.weight", 1) : vaei_graph_size(g, "quant_conv.weight", 0) / 2;
    return VAE_OK;
}

static void build(vaei_import *im, vaei_graph *g) {
    vaei_graph_stack(g, "encoder");
    if (im->has_encoder) {
        vaei_graph_pixels_in(g);
        put_encoder(g);
    } else {
        vaei_graph_missing_encoder(g);
    }
    vaei_graph_heads(g);
    vaei_graph_stack(g, "decoder");
    if (im->has_decoder) {
        put_decoder(g);
        vaei_graph_pixels_out(g);
    } else {
        vaei_graph_missing_decoder(g);
    }
}

const vaei_family vaei_family_wan = {
    .name = "AutoencoderKLWan",
    .encoder = "encoder.conv_in.weight",
    .decoder = "decoder.conv_in.weight",
    .signs = signs,
    .renames = renames,
    .signed_pixels = 1,
    .measure = measure,
    .build = build,
};
