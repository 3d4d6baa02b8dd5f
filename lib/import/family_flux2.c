/* SPDX-License-Identifier: MIT
 * family_flux2.c - the autoencoder of FLUX.2, also with its small decoder: an AutoencoderKL of 32 channels with statistics of the latents.
 *
 *     z is that of AutoencoderKL. The diffusion model sees (fold(z) - running_mean) / sqrt(running_var + 1e-4), where fold turns the four
 *     pixels of each 2 x 2 square into channels.
 *
 * Programs differ in the order of these channels and in the constant, and no shape tells which of them wrote a file. So only the raw z is
 * offered. */
#include "import/kl_graph.h"

static const char *const signs[] = {"bn.running_mean", NULL};
static const char *const leaves[] = {"bn.", NULL};

static vae_status_t measure(vaei_import *im, vaei_graph *g) {
    if (im->way.scaled)
        return vaei_fail(VAE_E_UNSUPPORTED, "%.80s: latents of FLUX.2 are normalised by statistics of 2 x 2 squares: use the raw latents",
                         im->file.where);
    return vaei_kl_measure(im, g);
}

const vaei_family vaei_family_flux2 = {
    .name = "AutoencoderKLFlux2",
    .encoder = "encoder.conv_in.weight",
    .decoder = "decoder.conv_in.weight",
    .config_class = "AutoencoderKLFlux2",
    .signs = signs,
    .leaves = leaves,
    .renames = vaei_kl_renames,
    .signed_pixels = 1,
    .measure = measure,
    .build = vaei_kl_build,
};
