/* SPDX-License-Identifier: MIT
 * sequence.h - what layers over sequences share: shapes T x C, steps and channels. */
#ifndef VAEI_SEQUENCE_H
#define VAEI_SEQUENCE_H

#include "nn/layer.h"

/* `in` must be steps x channels: else VAE_E_SHAPE. */
vae_status_t vaei_sequence_check(const vaei_layer *l, const vaei_shape *in);
/* The same, and the image of one line that the sequence is to a convolution. */
vae_status_t vaei_sequence_line(const vaei_layer *l, const vaei_shape *in, vaei_shape *line);
/* An option `pad` must tell before and behind alone: "1", "2x0", "same". */
vae_status_t vaei_sequence_check_pad(const char *layer, const int64_t pad[4]);

#endif
