/* SPDX-License-Identifier: MIT
 * image.c - shapes, windows and transposition for layers over images.
 *
 *   A window spans d (k - 1) + 1 pixels. With p zeros before and behind together, an axis of h pixels has
 *
 *       oh = (h + p - d (k - 1) - 1) / s + 1          rounded down, as in PyTorch
 *
 *   windows; "same" means oh = ceil(h / s), from which p follows. */
#include "nn/image.h"

#include "nn/ranges.h"

vae_status_t vaei_image_check(const vaei_layer *l, const vaei_shape *in) {
    char text[96];
    if (in->n == 3) return VAE_OK;
    return vaei_fail(VAE_E_SHAPE, "%s: wants height x width x channels, got %s: put reshape before it", l->ops->module.name,
                     vaei_shape_text(in, text));
}

static vae_status_t plan_axis(const char *layer, const char *axis, int64_t size, int64_t kernel, int64_t stride, int64_t dilation,
                              int64_t before, int64_t after, int64_t *windows, int64_t *begin) {
    const int64_t reach = dilation * (kernel - 1) + 1;
    if (before < 0) {
        *windows = (size - 1) / stride + 1;
        const int64_t missing = (*windows - 1) * stride + reach - size;
        *begin = missing > 0 ? missing / 2 : 0;
        return VAE_OK;
    }
    const int64_t padded = size + before + after;
    if (reach > padded)
        return vaei_fail(VAE_E_SHAPE, "%s: the kernel covers %lld pixels of %s, and the padded image has %lld", layer, (long long)reach,
                         axis, (long long)padded);
    *windows = (padded - reach) / stride + 1;
    *begin = before;
    return VAE_OK;
}

vae_status_t vaei_window_plan(const vaei_layer *l, const vaei_shape *in, int64_t out_channels, const int64_t kernel[2],
                              const int64_t stride[2], const int64_t dilation[2], const int64_t pad[4], vaei_conv *g) {
    const char *name = l->ops->module.name;
    VAEI_TRY(vaei_image_check(l, in));
    *g = (vaei_conv){.h = in->d[0],
                     .w = in->d[1],
                     .c = in->d[2],
                     .oc = out_channels,
                     .kh = kernel[0],
                     .kw = kernel[1],
                     .sy = stride[0],
                     .sx = stride[1],
                     .dy = dilation[0],
                     .dx = dilation[1],
                     .groups = 1};
    VAEI_TRY(plan_axis(name, "height", g->h, g->kh, g->sy, g->dy, pad[0], pad[1], &g->oh, &g->top));
    return plan_axis(name, "width", g->w, g->kw, g->sx, g->dx, pad[2], pad[3], &g->ow, &g->left);
}

vae_status_t vaei_pool_plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    const vaei_pool_conf *const o = l->conf;
    const int64_t *const kernel = o->kernel, dilation[2] = {1, 1};
    const int64_t steps[2] = {o->stride[0] > 0 ? o->stride[0] : kernel[0], o->stride[1] > 0 ? o->stride[1] : kernel[1]};
    (void)node;
    for (int32_t side = 0; side < 4; side++)
        if (o->pad[side] >= kernel[side / 2])
            return vaei_fail(VAE_E_SHAPE, "%s: pad of %lld, must be smaller than the kernel of %lld", l->ops->module.name,
                             (long long)o->pad[side], (long long)kernel[side / 2]);
    vaei_conv *const g = vaei_arena_alloc(b->arena, sizeof(*g));
    if (!g) return VAE_E_NOMEM;
    VAEI_TRY(vaei_window_plan(l, in, 0, kernel, steps, dilation, o->pad, g));
    g->oc = g->c;
    l->state = g;
    *out = vaei_image_shape(g->oh, g->ow, g->c);
    return VAE_OK;
}

typedef struct transposition {
    const vaei_kernels *k;
    int64_t rows, cols;
    const float *x;
    float *y;
} transposition;

static void transpose_examples(void *arg, int64_t begin, int64_t end) {
    const transposition *t = arg;
    const int64_t size = t->rows * t->cols;
    for (int64_t i = begin; i < end; i++) t->k->transpose(t->rows, t->cols, t->x + i * size, t->cols, t->y + i * size, t->rows);
}

static void copy_values(void *arg, int64_t begin, int64_t end) {
    const transposition *t = arg;
    memcpy(t->y + begin, t->x + begin, (size_t)(end - begin) * sizeof(float));
}

void vaei_transpose(const vaei_kernels *k, const vaei_pool *pool, int64_t n, int64_t rows, int64_t cols, const float *x, float *y) {
    transposition t = {k, rows, cols, x, y};
    if (rows == 1 || cols == 1) vaei_parallel_ranges(pool, n * rows * cols, 1, copy_values, &t);
    else vaei_parallel_ranges(pool, n, rows * cols, transpose_examples, &t);
}
