/* SPDX-License-Identifier: MIT
 * layer_pixel_unshuffle.c - h f x w f x c becomes h x w x c f^2: downsampling that loses no value, in the order of
 * torch.nn.PixelUnshuffle. */
#include "nn/pixel_shuffle.h"

typedef struct conf {
    int64_t factor;
} conf;

static const vaei_option options[] = {VAEI_OPTION_INT(conf, factor, 2, 1, 64, "factor by which height and width shrink"), {0}};

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    const int64_t f = ((const conf *)l->conf)->factor;
    char text[96];
    (void)node;
    VAEI_TRY(vaei_image_check(l, in));
    if (in->d[0] % f != 0 || in->d[1] % f != 0)
        return vaei_fail(VAE_E_SHAPE, "pixel_unshuffle: factor=%lld does not divide the image %s", (long long)f, vaei_shape_text(in, text));
    vaei_shuffle *s = vaei_arena_alloc(b->arena, sizeof(*s));
    if (!s) return VAE_E_NOMEM;
    *s = (vaei_shuffle){in->d[0] / f, in->d[1] / f, in->d[2], f};
    l->state = s;
    *out = vaei_image_shape(s->h, s->w, s->c * f * f);
    return VAE_OK;
}

static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    (void)m;
    vaei_shuffle_to_coarse(l->state, r, x, y);
}

static void backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx) {
    (void)m, (void)x, (void)y;
    if (dx) vaei_shuffle_to_fine(l->state, r, dy, dx);
}

const vaei_layer_ops vaei_layer_pixel_unshuffle = {
    .module = {"pixel_unshuffle", "moves pixels to channels",
               "pixel_unshuffle factor=2\n"
               "pixel_unshuffle factor=1",
               "Shi et al. 2016 (arXiv:1609.05158)", sizeof(conf), options},
    .plan = plan,
    .forward = forward,
    .backward = backward,
    .range = vaei_range_kept,
};
