/* SPDX-License-Identifier: MIT
 * lengths.h - tells whether a model can use examples of different lengths: each layer must leave out the steps beyond an example's
 * length. */
#ifndef VAEI_LENGTHS_H
#define VAEI_LENGTHS_H

#include "vae/network.h"

/* VAE_E_UNSUPPORTED if a part cannot; the sentence names the part, and lengths[n] must then be NULL. */
vae_status_t vaei_lengths_check(const vaei_network *net);

#endif
