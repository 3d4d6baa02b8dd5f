/* SPDX-License-Identifier: MIT
 * sequence.h - functions that layers over sequences share: shapes T x C, steps and channels. */
#ifndef VAEI_SEQUENCE_H
#define VAEI_SEQUENCE_H

#include "nn/layer.h"

/* Checks that `in` is steps x channels, otherwise VAE_E_SHAPE. */
vae_status_t vaei_sequence_check(const vaei_layer *l, const vaei_shape *in);
/* Checks the same, and makes the image of one line by which a convolution reads the sequence. */
vae_status_t vaei_sequence_line(const vaei_layer *l, const vaei_shape *in, vaei_shape *line);
/* Checks that an option `pad` has only values for before and behind: "1", "2x0", "same". */
vae_status_t vaei_sequence_check_pad(const char *layer, const int64_t pad[4]);

#endif
