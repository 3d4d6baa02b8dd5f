/* SPDX-License-Identifier: MIT
 * family_vq.c - VQModel and VQGAN: the autoencoders with a codebook of latent diffusion (f4, f8) and of taming-transformers (f16).
 *
 *     h = quant_conv(encoder(x))        code = argmin_k |h - e_k|^2        y = decoder(post_quant_conv(e_code))
 *
 * The layers are those of AutoencoderKL. Esser, Rombach, Ommer 2020 (arXiv:2012.09841). */
#include "import/kl_graph.h"

static const char *const signs[] = {"quantize.embedding.weight", NULL};

static vae_status_t measure(vaei_import *im, vaei_graph *g) {
    im->codes = vaei_graph_size(g, "quantize.embedding.weight", 0);
    const int64_t dim = vaei_graph_size(g, "quantize.embedding.weight", 1);
    VAEI_TRY(vaei_kl_measure(im, g));
    im->latent = dim;
    if (im->way.scaled && (im->scaling.factor != 1 || im->scaling.shift != 0))
        return vaei_fail(VAE_E_UNSUPPORTED, "%.80s: latents of a codebook have no scaling: use the raw latents", im->file.where);
    return VAE_OK;
}

static void build(vaei_import *im, vaei_graph *g) {
    vaei_kl_encoder_section(g);
    if (im->has_encoder && vaei_graph_has(g, "", "quant_conv.weight")) vaei_graph_row_of(g, "quant_conv", "conv2d out=# kernel=1");
    vaei_graph_module(g, "latent", "vq codes=%lld dim=%lld learn=gradient freeze=true", (long long)im->codes, (long long)im->latent);
    vaei_graph_take_named(g, "latent.codebook", "quantize.embedding.weight", (vaei_take){.how = VAEI_TAKE_ROWS});
    vaei_kl_decoder_section(g);
}

const vaei_family vaei_family_vq = {
    .name = "VQModel",
    .encoder = "encoder.conv_in.weight",
    .decoder = "decoder.conv_in.weight",
    .config_class = "VQModel",
    .signs = signs,
    .renames = vaei_kl_renames,
    .signed_pixels = 1,
    .measure = measure,
    .build = build,
};
