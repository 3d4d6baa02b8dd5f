/* SPDX-License-Identifier: MIT
 * layer_pixel_shuffle.c - h x w x c f^2 becomes h f x w f x c: upsampling without arithmetic, in the order of torch.nn.PixelShuffle.
 *
 *   Shi et al. 2016 (arXiv:1609.05158). */
#include "nn/pixel_shuffle.h"

typedef struct conf {
    int64_t factor;
} conf;

static const vaei_option options[] = {VAEI_OPTION_INT(conf, factor, 2, 1, 64, "factor by which height and width grow"), {0}};

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    const int64_t f = ((const conf *)l->conf)->factor;
    (void)node;
    VAEI_TRY(vaei_image_check(l, in));
    if (in->d[2] % (f * f) != 0)
        return vaei_fail(VAE_E_SHAPE, "pixel_shuffle: %lld channels, wanted a multiple of %lld", (long long)in->d[2], (long long)(f * f));
    vaei_shuffle *s = vaei_arena_alloc(b->arena, sizeof(*s));
    if (!s) return VAE_E_NOMEM;
    *s = (vaei_shuffle){in->d[0], in->d[1], in->d[2] / (f * f), f};
    l->state = s;
    *out = vaei_image_shape(s->h * f, s->w * f, s->c);
    return VAE_OK;
}

static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    (void)m;
    vaei_shuffle_to_fine(l->state, r, x, y);
}

static void backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx) {
    (void)m, (void)x, (void)y;
    if (dx) vaei_shuffle_to_coarse(l->state, r, dy, dx);
}

const vaei_layer_ops vaei_layer_pixel_shuffle = {
    .module = {"pixel_shuffle", "moves channels to pixels",
               "pixel_shuffle factor=2\n"
               "pixel_shuffle factor=1",
               "Shi et al. 2016 (arXiv:1609.05158)", sizeof(conf), options},
    .plan = plan,
    .forward = forward,
    .backward = backward,
    .range = vaei_range_kept,
};
