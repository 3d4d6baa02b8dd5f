/* SPDX-License-Identifier: MIT
 * check_conv.c - tests convolution and both gradients over chosen and random geometries: values against a direct sum in double, each
 * gradient as the adjoint of the forward pass, and equal bits for every table, thread count and batch split. Every array ends at a
 * guard. */
#include "guarded.h"

#include "kernel/product_parts.h"

enum { RANDOM = 120, BATCH = 3 };

/*   h   w   c  oh  ow  oc kh kw sy sx dy dx top left groups training */
static const vaei_conv chosen[] = {
    {28, 28, 1, 14, 14, 32, 3, 3, 2, 2, 1, 1, 1, 1, 1, 0},   /* image in, stride 2 */
    {14, 14, 32, 7, 7, 64, 3, 3, 2, 2, 1, 1, 1, 1, 1, 0},    /* also a deconv2d of 7 to 14 */
    {28, 28, 32, 28, 28, 1, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0},   /* one channel out */
    {16, 16, 24, 16, 16, 3, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0},   /* three channels out */
    {20, 17, 3, 10, 9, 40, 4, 4, 2, 2, 1, 1, 1, 1, 1, 0},    /* three channels in; last layer of a deconv2d */
    {9, 9, 70, 9, 9, 50, 1, 1, 1, 1, 1, 1, 0, 0, 1, 0},      /* 1x1 */
    {7, 7, 300, 7, 7, 33, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0},     /* several blocks of taps */
    {11, 11, 12, 11, 11, 12, 3, 3, 1, 1, 1, 1, 1, 1, 12, 0}, /* depthwise */
    {10, 12, 24, 10, 12, 36, 3, 3, 1, 1, 1, 1, 1, 1, 3, 0},  /* groups */
    {19, 19, 8, 5, 5, 16, 2, 2, 4, 4, 1, 1, 0, 0, 1, 0},     /* stride beyond the kernel: pixels no tap meets */
    {15, 15, 8, 6, 6, 20, 3, 3, 2, 2, 2, 2, 0, 0, 1, 0},     /* stride and dilation share a divisor */
    {9, 9, 16, 9, 9, 16, 9, 9, 1, 1, 1, 1, 4, 4, 1, 0},      /* 81 taps: more than one block of pointers */
    {30, 8, 2, 30, 8, 20, 9, 9, 1, 1, 1, 1, 4, 4, 1, 0},     /* many taps for few channels */
    {33, 5, 20, 33, 5, 2, 5, 3, 1, 1, 1, 1, 2, 1, 1, 0},     /* few channels, a ring shorter than the image */
    {4, 4, 6, 2, 2, 5, 3, 3, 2, 2, 1, 1, 1, 1, 1, 0},        {1, 1, 3, 1, 1, 2, 1, 1, 1, 1, 1, 1, 0, 0, 1, 0},
    {2, 3, 5, 6, 7, 4, 3, 3, 1, 1, 1, 1, 3, 3, 1, 0},       /* more padding than image */
    {40, 40, 20, 40, 40, 20, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0}, /* by Winograd; several chunks of positions */
    {13, 9, 32, 13, 9, 48, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0},   /* tiles cut by the edge */
    {10, 11, 17, 8, 9, 33, 3, 3, 1, 1, 1, 1, 0, 0, 1, 0},   /* no padding; channels that fill no vector */
    {5, 6, 40, 8, 10, 16, 3, 3, 1, 1, 1, 1, 3, 3, 1, 0},    /* padding beyond the kernel */
    {14, 14, 64, 7, 7, 64, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1},   /* by Winograd in training */
    {16, 16, 32, 8, 8, 64, 4, 4, 2, 2, 1, 1, 1, 1, 1, 1},    {2, 900, 3, 2, 900, 20, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0}, /* a line in pieces */
    {40, 6, 1, 11, 6, 17, 30, 3, 1, 1, 1, 1, 0, 1, 1, 0},   /* more rows of taps than lines at once */
    {11, 10, 2, 3, 3, 20, 2, 2, 4, 4, 1, 1, 0, 0, 1, 0},    /* lines with pixels no tap meets */
    {12, 12, 3, 8, 8, 20, 3, 3, 1, 1, 2, 2, 0, 0, 1, 0},    /* few channels, dilated: no lines */
    {9, 8, 6, 9, 8, 36, 3, 3, 1, 1, 1, 1, 1, 1, 3, 0},      /* lines of groups */
    {8, 130, 64, 8, 130, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0}, /* a line of tiles longer than a block */
};

enum { CHOSEN = VAEI_COUNT(chosen), GEOMETRIES = CHOSEN + RANDOM };

static vaei_conv geometry(int index) {
    if (index < CHOSEN) return chosen[index];
    dice d = {(uint32_t)index * 2654435761u + 1};
    static const int64_t channels[] = {1, 2, 3, 4, 5, 8, 16, 17, 33};
    for (int warm = 0; warm < 8; warm++) dice_next(&d);
    vaei_conv g = {.kh = dice_range(&d, 1, 4),
                   .kw = dice_range(&d, 1, 4),
                   .sy = dice_range(&d, 1, 3),
                   .sx = dice_range(&d, 1, 3),
                   .dy = dice_range(&d, 1, 3),
                   .dx = dice_range(&d, 1, 3),
                   .groups = dice_range(&d, 0, 3) == 0 ? 2 : 1,
                   .oh = dice_range(&d, 1, 9),
                   .ow = dice_range(&d, 1, 9)};
    g.c = channels[dice_range(&d, 0, 8)] * g.groups;
    g.oc = channels[dice_range(&d, 0, 8)] * g.groups;
    const int64_t reach_y = (g.oh - 1) * g.sy + (g.kh - 1) * g.dy + 1, reach_x = (g.ow - 1) * g.sx + (g.kw - 1) * g.dx + 1;
    g.top = dice_range(&d, 0, reach_y - 1);
    g.left = dice_range(&d, 0, reach_x - 1);
    g.h = 1 + (reach_y - g.top + dice_range(&d, 0, 3)) % reach_y;
    g.w = 1 + (reach_x - g.left + dice_range(&d, 0, 3)) % reach_x;
    return g;
}

static int64_t x_floats(const vaei_conv *g, int64_t n) {
    return n * g->h * g->w * g->c;
}

static int64_t y_floats(const vaei_conv *g, int64_t n) {
    return n * g->oh * g->ow * g->oc;
}

static int64_t w_floats(const vaei_conv *g) {
    return g->oc * (g->c / g->groups) * g->kh * g->kw;
}

/* ---- the definition: visit(term) for every product that belongs to y[p], x[q], w[r] ---- */

typedef struct sums {
    double *y, *dx, *dw, *y_terms, *dx_terms, *dw_terms;
} sums;

static void direct(const vaei_conv *g, int64_t n, const float *x, const float *w, const float *dy, const sums *s) {
    const int64_t cg = g->c / g->groups, og = g->oc / g->groups;
    for (int64_t p = 0; p < n * g->oh * g->ow; p++) {
        const int64_t image = p / (g->oh * g->ow), oy = p / g->ow % g->oh, ox = p % g->ow;
        for (int64_t o = 0; o < g->oc; o++) {
            for (int64_t c = 0; c < cg; c++) {
                for (int64_t t = 0; t < g->kh * g->kw; t++) {
                    const int64_t iy = oy * g->sy + t / g->kw * g->dy - g->top, ix = ox * g->sx + t % g->kw * g->dx - g->left;
                    if (iy < 0 || iy >= g->h || ix < 0 || ix >= g->w) continue;
                    const int64_t q = ((image * g->h + iy) * g->w + ix) * g->c + o / og * cg + c;
                    const int64_t r = (o * cg + c) * g->kh * g->kw + t, v = p * g->oc + o;
                    const double to_y = (double)x[q] * (double)w[r], to_x = (double)dy[v] * (double)w[r];
                    const double to_w = (double)dy[v] * (double)x[q];
                    s->y[v] += to_y;
                    s->dx[q] += to_x;
                    s->dw[r] += to_w;
                    s->y_terms[v] += fabs(to_y);
                    s->dx_terms[q] += fabs(to_x);
                    s->dw_terms[r] += fabs(to_w);
                }
            }
        }
    }
}

/* ---- the kernels ---- */

typedef struct arrays {
    guarded x, w, dy, bias_y, bias_x, scale_y, scale_x; /* given */
} arrays;

static arrays arrays_of(const vaei_conv *g, int64_t n) {
    dice d = {29};
    return (arrays){guarded_random(&d, x_floats(g, n)),
                    guarded_random(&d, w_floats(g)),
                    guarded_random(&d, y_floats(g, n)),
                    guarded_random(&d, g->oc),
                    guarded_random(&d, g->c),
                    guarded_random(&d, g->oc),
                    guarded_random(&d, g->c)};
}

static void arrays_free(arrays *a) {
    guarded_free(&a->x);
    guarded_free(&a->w);
    guarded_free(&a->dy);
    guarded_free(&a->bias_y);
    guarded_free(&a->bias_x);
    guarded_free(&a->scale_y);
    guarded_free(&a->scale_x);
}

/* Fills before use show a number that is read before it is written, or never written. */
static guarded spoiled(int64_t count) {
    const guarded g = guarded_floats(count);
    for (int64_t i = 0; i < count; i++) g.at[i] = NAN;
    return g;
}

static guarded forward(const vaei_kernels *k, const vaei_pool *pool, const vaei_conv *g, int64_t n, const float *x, const float *w,
                       const float *scale, const float *bias, const vaei_epilogue *epilogue) {
    guarded packed = spoiled(vaei_conv_forward_pack_floats(k, g)), y = spoiled(y_floats(g, n));
    guarded scratch = spoiled(vaei_conv_forward_scratch(k, g, n));
    vaei_conv_forward_pack(k, g, w, scale, packed.at);
    vaei_conv_forward(k, pool, g, n, x, packed.at, bias, epilogue, y.at, scratch.at);
    guarded_free(&packed);
    guarded_free(&scratch);
    return y;
}

static guarded data(const vaei_kernels *k, const vaei_pool *pool, const vaei_conv *g, int64_t n, const float *dy, const float *w,
                    const float *scale, const float *bias, const vaei_epilogue *epilogue) {
    guarded packed = spoiled(vaei_conv_data_pack_floats(k, g)), dx = spoiled(x_floats(g, n));
    guarded scratch = spoiled(vaei_conv_data_scratch(k, g, n));
    vaei_conv_data_pack(k, g, w, scale, packed.at);
    vaei_conv_data(k, pool, g, n, dy, packed.at, bias, epilogue, dx.at, scratch.at);
    guarded_free(&packed);
    guarded_free(&scratch);
    return dx;
}

static guarded weight(const vaei_kernels *k, const vaei_pool *pool, const vaei_conv *g, int64_t n, const float *x, const float *dy) {
    guarded dw = guarded_floats(w_floats(g)), scratch = spoiled(vaei_conv_weight_scratch(k, g, n));
    for (int64_t i = 0; i < dw.count; i++) dw.at[i] = (float)(i % 3);
    vaei_conv_weight(k, pool, g, n, x, dy, dw.at, scratch.at);
    guarded_free(&scratch);
    return dw;
}

/* epilogue: y = 3 y + 1 on whole pixels */
static void stretch(const void *arg, const vaei_kernels *k, int64_t count, float *y) {
    const int64_t channels = *(const int64_t *)arg;
    (void)k;
    ck_assert_int_eq(count % channels, 0);
    for (int64_t i = 0; i < count; i++) y[i] = 3 * y[i] + 1;
}

/* ---- values ---- */

/* Outputs that Winograd makes together err by the largest of them. */
static int32_t shares_errors(const vaei_conv *g) {
    return vaei_winograd(g, 0) || vaei_winograd(g, 1);
}

static void share(int64_t count, double *terms) {
    double most = 0;
    for (int64_t i = 0; i < count; i++) most = fmax(most, terms[i]);
    for (int64_t i = 0; i < count; i++) terms[i] = most;
}

static void check_close(const guarded *got, const double *want, const double *terms, const char *what, const vaei_kernels *k, int at) {
    for (int64_t i = 0; i < got->count; i++) {
        ck_assert_each_msg(fabs((double)got->at[i] - want[i]) <= 1e-5 * terms[i] + 1e-30,
                           "%s: %s of geometry %d, number %d: got %g, want %g", k->name, what, at, (int)i, (double)got->at[i], want[i]);
    }
}

/* want * scale + bias over the last axis */
static void finish(int64_t count, int64_t channels, const float *scale, const float *bias, double *want, double *terms) {
    for (int64_t i = 0; i < count; i++) {
        want[i] = want[i] * (double)scale[i % channels] + (double)bias[i % channels];
        terms[i] = terms[i] * fabs((double)scale[i % channels]) + fabs((double)bias[i % channels]);
    }
}

static void check_values(const vaei_kernels *k, int index) {
    const vaei_conv g = geometry(index);
    arrays a = arrays_of(&g, BATCH);
    double *const block = calloc((size_t)(2 * (x_floats(&g, BATCH) + y_floats(&g, BATCH) + w_floats(&g))), sizeof *block);
    ck_assert_ptr_nonnull(block);
    const sums s = {block,
                    block + y_floats(&g, BATCH),
                    block + y_floats(&g, BATCH) + x_floats(&g, BATCH),
                    block + y_floats(&g, BATCH) + x_floats(&g, BATCH) + w_floats(&g),
                    block + 2 * y_floats(&g, BATCH) + x_floats(&g, BATCH) + w_floats(&g),
                    block + 2 * y_floats(&g, BATCH) + 2 * x_floats(&g, BATCH) + w_floats(&g)};
    direct(&g, BATCH, a.x.at, a.w.at, a.dy.at, &s);
    finish(y_floats(&g, BATCH), g.oc, a.scale_y.at, a.bias_y.at, s.y, s.y_terms);
    finish(x_floats(&g, BATCH), g.c, a.scale_x.at, a.bias_x.at, s.dx, s.dx_terms);
    if (shares_errors(&g)) {
        share(y_floats(&g, BATCH), s.y_terms);
        share(x_floats(&g, BATCH), s.dx_terms);
    }
    for (int64_t i = 0; i < w_floats(&g); i++) {
        s.dw[i] += (double)(i % 3);
        s.dw_terms[i] += 2;
    }
    guarded y = forward(k, NULL, &g, BATCH, a.x.at, a.w.at, a.scale_y.at, a.bias_y.at, NULL);
    guarded dx = data(k, NULL, &g, BATCH, a.dy.at, a.w.at, a.scale_x.at, a.bias_x.at, NULL);
    guarded dw = weight(k, NULL, &g, BATCH, a.x.at, a.dy.at);
    check_close(&y, s.y, s.y_terms, "forward", k, index);
    check_close(&dx, s.dx, s.dx_terms, "data", k, index);
    check_close(&dw, s.dw, s.dw_terms, "weight", k, index);
    guarded_free(&y);
    guarded_free(&dx);
    guarded_free(&dw);
    arrays_free(&a);
    free(block);
}

START_TEST(test_conv_and_gradients_agree_with_the_direct_sum) {
    check_values(vaei_kernels_select(0, 0), _i);
}
END_TEST

START_TEST(test_conv_by_blas_agrees_with_the_direct_sum) {
    const vaei_kernels *const k = vaei_kernels_select(0, 1);
    if (k) check_values(k, _i);
}
END_TEST

static double inner(const guarded *a, const guarded *b) {
    double sum = 0;
    for (int64_t i = 0; i < a->count; i++) sum += (double)a->at[i] * (double)b->at[i];
    return sum;
}

static double magnitude(const guarded *a, const guarded *b) {
    return sqrt(inner(a, a) * inner(b, b));
}

START_TEST(test_conv_data_is_the_adjoint_of_forward) {
    const vaei_kernels *const k = vaei_kernels_select(0, 0);
    const vaei_conv g = geometry(_i);
    arrays a = arrays_of(&g, BATCH);
    guarded y = forward(k, NULL, &g, BATCH, a.x.at, a.w.at, NULL, NULL, NULL);
    guarded dx = data(k, NULL, &g, BATCH, a.dy.at, a.w.at, NULL, NULL, NULL);
    ck_assert_double_le(fabs(inner(&y, &a.dy) - inner(&a.x, &dx)), 1e-6 * (magnitude(&y, &a.dy) + magnitude(&a.x, &dx)));
    guarded_free(&y);
    guarded_free(&dx);
    arrays_free(&a);
}
END_TEST

/* ---- bits ---- */

static void check_equal(guarded want, guarded got, const char *what, const char *where, int at) {
    ck_assert_int_eq(want.count, got.count);
    ck_assert_msg(memcmp(want.at, got.at, (size_t)want.count * sizeof(float)) == 0, "%s: %s of geometry %d differs", where, what, at);
    guarded_free(&want);
    guarded_free(&got);
}

START_TEST(test_conv_has_the_same_bits_on_every_table) {
    const vaei_kernels *const portable = vaei_kernels_select(1, 0);
    const vaei_conv g = geometry(_i);
    const vaei_epilogue post_y = {stretch, &g.oc}, post_x = {stretch, &g.c};
    arrays a = arrays_of(&g, BATCH);
    for (int32_t isa = ISA_FIRST + 1; isa < ISA_END; isa++) {
        const vaei_kernels *const k = vaei_kernels_select(isa, 0);
        if (!k) continue;
        check_equal(forward(portable, NULL, &g, BATCH, a.x.at, a.w.at, NULL, a.bias_y.at, &post_y),
                    forward(k, NULL, &g, BATCH, a.x.at, a.w.at, NULL, a.bias_y.at, &post_y), "forward", k->name, _i);
        check_equal(data(portable, NULL, &g, BATCH, a.dy.at, a.w.at, NULL, a.bias_x.at, &post_x),
                    data(k, NULL, &g, BATCH, a.dy.at, a.w.at, NULL, a.bias_x.at, &post_x), "data", k->name, _i);
        check_equal(weight(portable, NULL, &g, BATCH, a.x.at, a.dy.at), weight(k, NULL, &g, BATCH, a.x.at, a.dy.at), "weight", k->name, _i);
    }
    arrays_free(&a);
}
END_TEST

START_TEST(test_conv_has_the_same_bits_for_any_threads) {
    static const int32_t threads[] = {2, 3, 7};
    static const char *const names[] = {"2 threads", "3 threads", "7 threads"};
    const vaei_kernels *const k = vaei_kernels_select(0, 0);
    for (size_t i = 0; i < VAEI_COUNT(threads); i++) {
        vaei_heap heap;
        vaei_pool *pool = NULL;
        vaei_heap_init_default(&heap);
        ck_assert_int_eq(vaei_pool_create(&pool, &heap, threads[i], NULL, NULL), VAE_OK);
        for (int index = 0; index < CHOSEN; index++) {
            const vaei_conv g = geometry(index);
            const vaei_epilogue post_y = {stretch, &g.oc}, post_x = {stretch, &g.c};
            arrays a = arrays_of(&g, BATCH);
            check_equal(forward(k, NULL, &g, BATCH, a.x.at, a.w.at, NULL, a.bias_y.at, &post_y),
                        forward(k, pool, &g, BATCH, a.x.at, a.w.at, NULL, a.bias_y.at, &post_y), "forward", names[i], index);
            check_equal(data(k, NULL, &g, BATCH, a.dy.at, a.w.at, NULL, NULL, &post_x),
                        data(k, pool, &g, BATCH, a.dy.at, a.w.at, NULL, NULL, &post_x), "data", names[i], index);
            check_equal(weight(k, NULL, &g, BATCH, a.x.at, a.dy.at), weight(k, pool, &g, BATCH, a.x.at, a.dy.at), "weight", names[i],
                        index);
            arrays_free(&a);
        }
        vaei_pool_destroy(pool);
    }
}
END_TEST

/* A batch at once against each image alone */
START_TEST(test_conv_images_do_not_depend_on_their_batch) {
    const vaei_kernels *const k = vaei_kernels_select(0, 0);
    const vaei_conv g = geometry(_i);
    arrays a = arrays_of(&g, BATCH);
    guarded y = forward(k, NULL, &g, BATCH, a.x.at, a.w.at, NULL, a.bias_y.at, NULL);
    guarded dx = data(k, NULL, &g, BATCH, a.dy.at, a.w.at, NULL, NULL, NULL);
    for (int64_t n = 0; n < BATCH; n++) {
        guarded one_y = forward(k, NULL, &g, 1, a.x.at + x_floats(&g, n), a.w.at, NULL, a.bias_y.at, NULL);
        guarded one_x = data(k, NULL, &g, 1, a.dy.at + y_floats(&g, n), a.w.at, NULL, NULL, NULL);
        ck_assert(memcmp(one_y.at, y.at + y_floats(&g, n), (size_t)one_y.count * sizeof(float)) == 0);
        ck_assert(memcmp(one_x.at, dx.at + x_floats(&g, n), (size_t)one_x.count * sizeof(float)) == 0);
        guarded_free(&one_y);
        guarded_free(&one_x);
    }
    guarded_free(&y);
    guarded_free(&dx);
    arrays_free(&a);
}
END_TEST

/* More lines than one task takes: the rings of conv_few.c start in the middle of an image and of a batch. */
START_TEST(test_conv_few_channels_in_many_tasks) {
    static const vaei_conv g = {40, 3, 17, 40, 3, 1, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0};
    const vaei_kernels *const k = vaei_kernels_select(0, 0);
    arrays a = arrays_of(&g, 5);
    guarded y = forward(k, NULL, &g, 5, a.x.at, a.w.at, NULL, NULL, NULL);
    for (int64_t n = 0; n < 5; n++) {
        guarded one = forward(k, NULL, &g, 1, a.x.at + x_floats(&g, n), a.w.at, NULL, NULL, NULL);
        ck_assert(memcmp(one.at, y.at + y_floats(&g, n), (size_t)one.count * sizeof(float)) == 0);
        guarded_free(&one);
    }
    guarded_free(&y);
    arrays_free(&a);
}
END_TEST

Suite *suite_conv(void);
Suite *suite_conv(void) {
    Suite *const s = suite_create("conv");
    TCase *const t = tcase_create("conv");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, test_conv_and_gradients_agree_with_the_direct_sum, 0, GEOMETRIES);
    tcase_add_loop_test(t, test_conv_by_blas_agrees_with_the_direct_sum, 0, GEOMETRIES);
    tcase_add_loop_test(t, test_conv_data_is_the_adjoint_of_forward, 0, GEOMETRIES);
    tcase_add_loop_test(t, test_conv_has_the_same_bits_on_every_table, 0, GEOMETRIES);
    tcase_add_test(t, test_conv_has_the_same_bits_for_any_threads);
    tcase_add_loop_test(t, test_conv_images_do_not_depend_on_their_batch, 0, GEOMETRIES);
    tcase_add_test(t, test_conv_few_channels_in_many_tasks);
    suite_add_tcase(s, t);
    return s;
}
