/* SPDX-License-Identifier: MIT
 * sequence.c - checks shapes and padding of sequences. */
#include "nn/sequence.h"

#include "nn/image.h"

vae_status_t vaei_sequence_check(const vaei_layer *l, const vaei_shape *in) {
    char text[96];
    if (in->n == 2) return VAE_OK;
    return vaei_fail(VAE_E_SHAPE, "%s: wants steps x channels, got %s", l->ops->module.name, vaei_shape_text(in, text));
}

vae_status_t vaei_sequence_line(const vaei_layer *l, const vaei_shape *in, vaei_shape *line) {
    VAEI_TRY(vaei_sequence_check(l, in));
    *line = vaei_image_shape(1, in->d[0], in->d[1]);
    return VAE_OK;
}

vae_status_t vaei_sequence_check_pad(const char *layer, const int64_t pad[4]) {
    if (pad[0] == pad[1] && pad[2] == pad[3]) return VAE_OK;
    return vaei_fail(VAE_E_SPEC, "%s: pad has four sizes, wanted one for both sides, or before x behind", layer);
}
