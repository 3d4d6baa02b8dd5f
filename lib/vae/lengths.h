/* SPDX-License-Identifier: MIT
 * lengths.h - whether a model may be given examples of unlike lengths: each of its layers must leave out what lies beyond an example's. */
#ifndef VAEI_LENGTHS_H
#define VAEI_LENGTHS_H

#include "vae/network.h"

/* VAE_E_UNSUPPORTED with the part that does not: lengths[n] must then be NULL. */
vae_status_t vaei_lengths_check(const vaei_network *net);

#endif
