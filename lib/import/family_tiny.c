/* SPDX-License-Identifier: MIT
 * family_tiny.c - AutoencoderTiny: TAESD, TAESDXL, TAESD3, TAEF1, TAEF2. They compute nearly the same pictures and latents as the large
 * autoencoders, in a twentieth of the time.
 *
 *     block    y = relu(conv4(relu(conv2(relu(conv0 x)))) + x)         in TAEF2, at the size of the latents, before it:
 *              x = x + pool3(relu(groupnorm(pool0 x)))                 1x1 convolutions to four times the channels and back
 *     encoder  conv, blocks, { conv of stride 2 without bias, blocks } ..., conv
 *     decoder  3 tanh(z / 3), conv, relu, { blocks, upsample, conv without bias } ..., block, conv
 *
 * Pictures are in 0..1, and the latents are those of the diffusion model. The layers have numbers, and so have layers without tensors:
 * in the original decoder, 0 is the tanh, which diffusers does not count, 2 is the relu, and the others are the upsamplings.
 *
 * https://github.com/madebyollin/taesd */
#include "import/graph.h"

#define LAYERS_MAX 64

static const char *const signs[] = {"encoder.layers.0.weight",
                                    "decoder.layers.0.weight",
                                    "encoder.0.weight",
                                    "decoder.1.weight",
                                    "taesd_encoder.0.weight",
                                    "taesd_decoder.1.weight",
                                    NULL};
static const char *const leaves[] = {"vae_scale", "vae_shift", NULL};

static const vaei_rename_row renames[] = {
    {"taesd_encoder.#", "encoder.layers.#"},
    {"taesd_decoder.#", "decoder.layers.#-1"},
    {"encoder.#", "encoder.layers.#"},
    {"decoder.#", "decoder.layers.#-1"},
    {NULL, NULL},
};

static const vaei_graph_row body[] = {
    {"conv.0", "conv2d out=# kernel=3 pad=1"}, {"", "relu"}, {"conv.2", "conv2d out=# kernel=3 pad=1"}, {"", "relu"},
    {"conv.4", "conv2d out=# kernel=3 pad=1"},
};
static const vaei_graph_row skip[] = {{"skip", "conv2d out=# kernel=1 bias=false"}};
static const vaei_graph_row pool[] = {
    {"pool.0", "conv2d out=# kernel=1 bias=false"},
    {"pool.1", "groupnorm groups=4 eps=1e-5"},
    {"", "relu"},
    {"pool.3", "conv2d out=# kernel=1 bias=false"},
};

enum { NOTHING, CONV, CONV_WITHOUT_BIAS, BLOCK };

/* Tells by its tensors what layer number i is. */
static int32_t kind_of(vaei_graph *g, const char *half, int32_t i) {
    const char *name = vaei_graph_name(g, "%s.layers.%d", half, (int)i);
    if (vaei_graph_has(g, name, "conv.0.weight")) return BLOCK;
    if (!vaei_graph_has(g, name, "weight")) return NOTHING;
    return vaei_graph_has(g, name, "bias") ? CONV : CONV_WITHOUT_BIAS;
}

static int32_t layers_of(vaei_graph *g, const char *half) {
    int32_t n = 0;
    for (int32_t i = 0; i < LAYERS_MAX; i++)
        if (kind_of(g, half, i) != NOTHING) n = i + 1;
    return n;
}

static void put_block(vaei_graph *g, const char *name) {
    if (vaei_graph_has(g, name, "pool.0.weight")) {
        vaei_graph_open(g, "residual", "body");
        VAEI_GRAPH_ROWS(g, name, pool);
        vaei_graph_close(g);
    }
    VAEI_GRAPH_RESIDUAL(g, name, body, skip);
    vaei_graph_layer(g, "relu");
}

/* Writes one half. A convolution without bias stands where the size changes; in an encoder it has the stride. */
static void put_half(vaei_graph *g, const char *half, const char *without_bias) {
    const int32_t n = layers_of(g, half);
    for (int32_t i = 0; i < n && g->status == VAE_OK; i++) {
        const char *name = vaei_graph_name(g, "%s.layers.%d", half, (int)i);
        const int32_t kind = kind_of(g, half, i);
        if (kind == BLOCK) put_block(g, name);
        else if (kind == CONV) vaei_graph_row_of(g, name, "conv2d out=# kernel=3 pad=1");
        else if (kind == CONV_WITHOUT_BIAS) vaei_graph_row_of(g, name, without_bias);
        else vaei_graph_layer(g, i == 1 ? "relu" : "upsample factor=2");
    }
}

static vae_status_t measure(vaei_import *im, vaei_graph *g) {
    const char *const half = im->has_decoder ? "decoder" : "encoder";
    const int32_t n = layers_of(g, half);
    im->factor = 1;
    for (int32_t i = 0; i < n && im->factor < 1024; i++)
        if (kind_of(g, half, i) == CONV_WITHOUT_BIAS) im->factor *= 2;
    const char *first = vaei_graph_name(g, "%s.layers.0.weight", half), *last = vaei_graph_name(g, "%s.layers.%d.weight", half, (int)n - 1);
    im->latent = im->has_decoder ? vaei_graph_size(g, first, 1) : vaei_graph_size(g, last, 0);
    im->channels = im->has_decoder ? vaei_graph_size(g, last, 0) : vaei_graph_size(g, first, 1);
    return VAE_OK;
}

static void build(vaei_import *im, vaei_graph *g) {
    vaei_graph_stack(g, "encoder");
    if (im->has_encoder) put_half(g, "encoder", "conv2d out=# kernel=3 stride=2 pad=1 bias=false");
    else vaei_graph_missing_encoder(g);
    vaei_graph_module(g, "latent", "none");
    vaei_graph_stack(g, "decoder");
    if (im->has_decoder) {
        vaei_graph_layer(g, "rescale factor=0.33333334");
        vaei_graph_layer(g, "tanh");
        vaei_graph_layer(g, "rescale factor=3");
        put_half(g, "decoder", "conv2d out=# kernel=3 pad=1 bias=false");
    } else {
        vaei_graph_missing_decoder(g);
    }
}

const vaei_family vaei_family_tiny = {
    .name = "AutoencoderTiny",
    .encoder = "encoder.layers.0.weight",
    .decoder = "decoder.layers.0.weight",
    .rank = 4,
    .model_side = 1,
    .config_class = "AutoencoderTiny",
    .signs = signs,
    .leaves = leaves,
    .renames = renames,
    .measure = measure,
    .build = build,
};
