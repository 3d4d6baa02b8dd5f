/* SPDX-License-Identifier: MIT
 * family_kl.c - AutoencoderKL: the autoencoder of Stable Diffusion 1, 2, XL, 3 and its x4 upscaler, of FLUX.1, and of the many models that
 * use one of these; also the asymmetric decoder for inpainting, without its mask.
 *
 *     z = mean of quant_conv(encoder(x)), or of encoder(x)             y = decoder(post_quant_conv(z)), or decoder(z)
 *     model-side latent (z - shift) factor */
#include "import/kl_graph.h"

static const char *const signs[] = {"decoder.conv_in.weight", "encoder.conv_in.weight", NULL};
static const char *const leaves[] = {"decoder.condition_encoder.", NULL};

const vaei_family vaei_family_kl = {
    .name = "AutoencoderKL",
    .encoder = "encoder.conv_in.weight",
    .decoder = "decoder.conv_in.weight",
    .rank = 4,
    .config_class = "AutoencoderKL",
    .signs = signs,
    .leaves = leaves,
    .factor = 0.18215,
    .renames = vaei_kl_renames,
    .signed_pixels = 1,
    .measure = vaei_kl_measure,
    .build = vaei_kl_build,
};
