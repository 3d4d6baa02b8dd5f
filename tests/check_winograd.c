/* SPDX-License-Identifier: MIT
 * check_winograd.c - tests convolutions by Winograd's algorithm in all three directions: the error bound against a direct sum in
 * double; equal bits for every table, thread count and batch split, with or without a prologue and a sum. Every array ends
 * at a guard. */
#include "guarded.h"

#include "kernel/product_parts.h"

enum { BATCH = 3, RANDOM = 24, FORWARD = 0, DATA = 1 };

/* Of the sum of the terms' magnitudes, the largest in the image: outputs of a tile share their errors. */
#define WORST 1e-6
#define MEAN  8e-8

/*   h   w   c  oh  ow  oc  top left  kh kw sy sx */
static const struct {
    int64_t h, w, c, oh, ow, oc, top, left, kh, kw, sy, sx;
} chosen[] = {
    {8, 8, 16, 8, 8, 16, 1, 1, 3, 3, 1, 1},                                                  /* whole tiles */
    {7, 9, 20, 7, 9, 33, 1, 1, 3, 3, 1, 1},                                                  /* every edge cut */
    {12, 6, 17, 10, 4, 40, 0, 0, 3, 3, 1, 1},                                                /* no padding */
    {6, 11, 64, 8, 13, 24, 2, 2, 3, 3, 1, 1},                                                /* full padding */
    {9, 8, 24, 9, 8, 16, 0, 2, 3, 3, 1, 1},                                                  /* all of it on one side */
    {4, 4, 70, 4, 4, 90, 1, 1, 3, 3, 1, 1},                                                  /* one tile an image */
    {3, 3, 32, 7, 7, 32, 3, 3, 3, 3, 1, 1},                                                  /* more padding than the kernel reaches */
    {33, 30, 8, 33, 30, 12, 1, 1, 3, 3, 1, 1},                                               /* several blocks */
    {16, 16, 32, 8, 8, 48, 1, 1, 4, 4, 2, 2},                                                /* four phases of 2x2 */
    {14, 14, 64, 7, 7, 64, 1, 1, 3, 3, 2, 2},                                                /* four different ones, edges cut */
    {28, 28, 20, 14, 14, 33, 1, 1, 3, 3, 2, 2},  {15, 17, 33, 8, 9, 20, 1, 1, 3, 3, 2, 2},   /* phases of different sizes */
    {18, 20, 16, 8, 9, 16, 1, 0, 5, 5, 2, 2},                                                /* 3x3, 3x2, 2x3 and 2x2 */
    {9, 24, 16, 9, 12, 16, 1, 2, 3, 6, 1, 2},                                                /* phases along one axis */
    {20, 9, 16, 10, 9, 16, 1, 0, 3, 2, 2, 1},    {11, 13, 24, 10, 12, 24, 0, 0, 2, 2, 1, 1}, /* two taps */
    {20, 20, 96, 10, 10, 64, 1, 1, 4, 4, 2, 2},  /* blocks that all tasks share, of four phases */
    {13, 9, 130, 7, 5, 120, 1, 1, 3, 3, 2, 2},   /* the same of different ones */
    {32, 32, 176, 32, 32, 176, 1, 1, 3, 3, 1, 1} /* weights too large to be kept transformed */
};

enum { CHOSEN = VAEI_COUNT(chosen), GEOMETRIES = CHOSEN + RANDOM, LARGE = CHOSEN - 1 };

static vaei_conv geometry(int index) {
    vaei_conv g = {.kh = 3, .kw = 3, .sy = 1, .sx = 1, .dy = 1, .dx = 1, .groups = 1};
    if (index < CHOSEN) {
        g.h = chosen[index].h, g.w = chosen[index].w, g.c = chosen[index].c;
        g.oh = chosen[index].oh, g.ow = chosen[index].ow, g.oc = chosen[index].oc;
        g.top = chosen[index].top, g.left = chosen[index].left;
        g.kh = chosen[index].kh, g.kw = chosen[index].kw;
        g.sy = chosen[index].sy, g.sx = chosen[index].sx;
        return g;
    }
    dice d = {(uint32_t)index * 2654435761u + 1};
    for (int warm = 0; warm < 8; warm++) dice_next(&d);
    g.c = dice_range(&d, 6, 50);
    g.oc = dice_range(&d, 6, 50);
    g.sy = dice_range(&d, 1, 2);
    g.sx = dice_range(&d, 1, 2);
    g.kh = dice_range(&d, 2, 3 * g.sy); /* 1x1 as a whole is no case */
    g.kw = dice_range(&d, 2, 3 * g.sx);
    g.top = dice_range(&d, 0, g.kh - 1);
    g.left = dice_range(&d, 0, g.kw - 1);
    g.oh = dice_range(&d, 3, 21 / g.sy);
    g.ow = dice_range(&d, 3, 21 / g.sx);
    /* what is missing are zeros below and to the right; rows that no window meets get no gradient but zero */
    g.h = (g.oh - 1) * g.sy + g.kh - g.top - dice_range(&d, 0, g.kh - 1);
    g.w = (g.ow - 1) * g.sx + g.kw - g.left - dice_range(&d, 0, g.kw - 1);
    if (g.h < 1) g.h = 1;
    if (g.w < 1) g.w = 1;
    return g;
}

static int64_t x_floats(const vaei_conv *g, int32_t way) {
    return way == DATA ? g->oh * g->ow * g->oc : g->h * g->w * g->c;
}
static int64_t y_floats(const vaei_conv *g, int32_t way) {
    return x_floats(g, way == DATA ? FORWARD : DATA);
}
static int64_t outputs(const vaei_conv *g, int32_t way) {
    return way == DATA ? g->c : g->oc;
}

typedef struct arrays {
    guarded x, w, bias, scale, add;
} arrays;

static arrays arrays_of(const vaei_conv *g, int32_t way, int64_t n) {
    dice d = {31};
    return (arrays){guarded_random(&d, n * x_floats(g, way)), guarded_random(&d, g->oc * g->c * g->kh * g->kw),
                    guarded_random(&d, outputs(g, way)), guarded_random(&d, outputs(g, way)), guarded_random(&d, n * y_floats(g, way))};
}

static void arrays_free(arrays *a) {
    guarded_free(&a->x);
    guarded_free(&a->w);
    guarded_free(&a->bias);
    guarded_free(&a->scale);
    guarded_free(&a->add);
}

static guarded spoiled(int64_t count) {
    const guarded g = guarded_floats(count);
    for (int64_t i = 0; i < count; i++) g.at[i] = NAN;
    return g;
}

/* How it is run, beside plainly */
typedef struct variant {
    const vaei_pool *pool;
    const vaei_prologue *prologue;
    const float *add;
    const vaei_epilogue *epilogue;
    int32_t onto; /* add stands in y */
} variant;

static guarded winograd(const vaei_kernels *k, const vaei_conv *g, int32_t way, int64_t n, const arrays *a, int64_t first,
                        const variant *v) {
    const variant plain = {NULL, NULL, NULL, NULL, 0};
    if (!v) v = &plain;
    guarded packed = spoiled(vaei_conv_winograd.pack_floats(k, g, way)), y = spoiled(n * y_floats(g, way));
    guarded scratch = spoiled(vaei_conv_winograd.scratch(k, g, n, way));
    if (v->onto) memcpy(y.at, v->add, (size_t)y.count * sizeof(float));
    vaei_conv_winograd.pack(k, g, way, a->w.at, a->scale.at, packed.at);
    vaei_conv_winograd.run(&(vaei_conv_job){.k = k,
                                            .pool = v->pool,
                                            .g = g,
                                            .n = n,
                                            .data = way,
                                            .in = v->prologue ? NULL : a->x.at + first * x_floats(g, way),
                                            .prologue = v->prologue,
                                            .packed = packed.at,
                                            .bias = a->bias.at,
                                            .add = v->onto ? y.at : v->add,
                                            .epilogue = v->epilogue,
                                            .out = y.at,
                                            .scratch = scratch.at});
    guarded_free(&packed);
    guarded_free(&scratch);
    return y;
}

static void check_same(const guarded *a, const float *b, const char *what, const char *name, int index) {
    for (int64_t i = 0; i < a->count; i++) {
        ck_assert_each_msg(memcmp(a->at + i, b + i, sizeof(float)) == 0, "%s: %s, geometry %d, number %d: %.9g and %.9g", name, what, index,
                           (int)i, (double)a->at[i], (double)b[i]);
    }
}

/* One output and the sum of its terms' magnitudes, in double */
static double direct(const vaei_conv *g, int32_t way, const arrays *a, int64_t i, double *terms) {
    const int64_t out = outputs(g, way), in = way == DATA ? g->oc : g->c;
    const int64_t h = way == DATA ? g->oh : g->h, w = way == DATA ? g->ow : g->w;
    const int64_t oh = way == DATA ? g->h : g->oh, ow = way == DATA ? g->w : g->ow;
    const int64_t taps = g->kh * g->kw, o = i % out, x = i / out % ow, y = i / out / ow % oh, n = i / out / ow / oh;
    double sum = 0;
    *terms = 0;
    for (int64_t t = 0; t < taps; t++) {
        int64_t iy = y * g->sy + t / g->kw - g->top, ix = x * g->sx + t % g->kw - g->left;
        if (way == DATA) {
            iy = y + g->top - t / g->kw;
            ix = x + g->left - t % g->kw;
            if (iy % g->sy != 0 || ix % g->sx != 0) continue;
            iy /= g->sy;
            ix /= g->sx;
        }
        if (iy < 0 || iy >= h || ix < 0 || ix >= w) continue;
        for (int64_t c = 0; c < in; c++) {
            const double weight = (double)a->w.at[(way == DATA ? c * g->c + o : o * g->c + c) * taps + t] * (double)a->scale.at[o];
            const double term = weight * (double)a->x.at[((n * h + iy) * w + ix) * in + c];
            sum += term;
            *terms += fabs(term);
        }
    }
    return sum + (double)a->bias.at[o];
}

static void check_errors(const vaei_kernels *k, int index, int32_t way) {
    const vaei_conv g = geometry(index);
    arrays a = arrays_of(&g, way, BATCH);
    guarded y = winograd(k, &g, way, BATCH, &a, 0, NULL);
    const int64_t step = index == LARGE ? 97 : 1; /* one of many is enough */
    double largest = 0, worst = 0, squares = 0;
    for (int64_t i = 0; i < y.count; i += step) {
        double terms;
        const double error = fabs((double)y.at[i] - direct(&g, way, &a, i, &terms));
        ck_assert_each(isfinite(y.at[i]));
        largest = fmax(largest, terms);
        worst = fmax(worst, error);
        squares += error * error * (double)step / (double)y.count;
    }
    ck_assert_msg(worst <= WORST * largest && sqrt(squares) <= MEAN * largest, "%s: geometry %d, way %d: error %g, mean %g, of %g", k->name,
                  index, (int)way, worst, sqrt(squares), largest);
    guarded_free(&y);
    arrays_free(&a);
}

START_TEST(test_winograd_keeps_its_error_bound) {
    check_errors(vaei_kernels_select(0, 0), _i / 2, _i % 2);
}
END_TEST

START_TEST(test_winograd_by_blas_keeps_its_error_bound) {
    const vaei_kernels *const k = vaei_kernels_select(0, 1);
    if (k) check_errors(k, _i / 2, _i % 2);
}
END_TEST

START_TEST(test_winograd_equals_on_every_isa) {
    const vaei_conv g = geometry(_i / 2);
    arrays a = arrays_of(&g, _i % 2, BATCH);
    guarded want = winograd(vaei_kernels_select(1, 0), &g, _i % 2, BATCH, &a, 0, NULL);
    for (int32_t isa = ISA_FIRST + 1; isa < ISA_END; isa++) {
        const vaei_kernels *const k = vaei_kernels_select(isa, 0);
        if (!k) continue;
        guarded y = winograd(k, &g, _i % 2, BATCH, &a, 0, NULL);
        check_same(&y, want.at, "portable", k->name, _i);
        guarded_free(&y);
    }
    guarded_free(&want);
    arrays_free(&a);
}
END_TEST

/* epilogue: y = 3 y + 1 on whole pixels */
static void stretch(const void *arg, const vaei_kernels *k, int64_t count, float *y) {
    const int64_t channels = *(const int64_t *)arg;
    (void)k;
    ck_assert_int_eq(count % channels, 0);
    for (int64_t i = 0; i < count; i++) y[i] = 3 * y[i] + 1;
}

START_TEST(test_winograd_does_not_depend_on_batch_or_threads) {
    const vaei_kernels *const k = vaei_kernels_select(0, 0);
    const vaei_conv g = geometry(_i / 2);
    const int32_t way = _i % 2;
    const int64_t channels = outputs(&g, way);
    const vaei_epilogue epilogue = {stretch, &channels};
    const variant finished = {.epilogue = &epilogue};
    arrays a = arrays_of(&g, way, BATCH);
    guarded whole = winograd(k, &g, way, BATCH, &a, 0, &finished);
    for (int64_t i = 0; i < BATCH; i++) {
        guarded one = winograd(k, &g, way, 1, &a, i, &finished);
        check_same(&one, whole.at + i * y_floats(&g, way), "alone", k->name, _i);
        guarded_free(&one);
    }
    static const int32_t threads[] = {2, 3, 7};
    for (size_t i = 0; i < VAEI_COUNT(threads); i++) {
        vaei_heap heap;
        vaei_pool *pool;
        vaei_heap_init_default(&heap);
        ck_assert_int_eq(vaei_pool_create(&pool, &heap, threads[i], NULL, NULL), VAE_OK);
        guarded y = winograd(k, &g, way, BATCH, &a, 0, &(variant){.pool = pool, .epilogue = &epilogue});
        check_same(&y, whole.at, "threads", k->name, _i);
        guarded_free(&y);
        vaei_pool_destroy(pool);
    }
    guarded_free(&whole);
    arrays_free(&a);
}
END_TEST

/* Input on demand, read from where it is */
typedef struct source {
    const float *x;
    int64_t h, w, c;
} source;

static void pixels(const void *arg, const vaei_kernels *k, int64_t image, int64_t y, int64_t x, int64_t count, float *out) {
    const source *const s = arg;
    (void)k;
    ck_assert(y >= 0 && y < s->h && x >= 0 && count > 0 && x + count <= s->w);
    memcpy(out, s->x + ((image * s->h + y) * s->w + x) * s->c, (size_t)(count * s->c) * sizeof *out);
}

START_TEST(test_winograd_fed_and_added_to_changes_no_bit) {
    const vaei_kernels *const k = vaei_kernels_select(0, 0);
    const vaei_conv g = geometry(_i);
    const int64_t channels = g.oc;
    if (g.sy * g.sx > 1) return; /* phases read one image in turn: nothing is made for them on demand */
    arrays a = arrays_of(&g, FORWARD, BATCH);
    const source s = {a.x.at, g.h, g.w, g.c};
    const vaei_prologue prologue = {pixels, &s};
    const vaei_epilogue epilogue = {stretch, &channels};
    guarded want = winograd(k, &g, FORWARD, BATCH, &a, 0, NULL);
    guarded fed = winograd(k, &g, FORWARD, BATCH, &a, 0, &(variant){.prologue = &prologue});
    check_same(&fed, want.at, "fed", k->name, _i);
    k->add(want.count, a.add.at, want.at);
    stretch(&channels, k, want.count, want.at);
    guarded apart = winograd(k, &g, FORWARD, BATCH, &a, 0, &(variant){.add = a.add.at, .epilogue = &epilogue});
    guarded onto =
        winograd(k, &g, FORWARD, BATCH, &a, 0, &(variant){.prologue = &prologue, .add = a.add.at, .epilogue = &epilogue, .onto = 1});
    check_same(&apart, want.at, "added", k->name, _i);
    check_same(&onto, want.at, "added in place", k->name, _i);
    guarded_free(&want);
    guarded_free(&fed);
    guarded_free(&apart);
    guarded_free(&onto);
    arrays_free(&a);
}
END_TEST

START_TEST(test_winograd_scratch_never_shrinks_with_the_batch) {
    const vaei_kernels *const k = vaei_kernels_select(0, 0);
    const vaei_conv g = geometry(_i);
    int64_t before = 0;
    for (int64_t n = 1; n < 200; n++) {
        const int64_t floats = vaei_conv_winograd.scratch(k, &g, n, FORWARD);
        ck_assert_int_ge(floats, before);
        before = floats;
    }
}
END_TEST

START_TEST(test_winograd_keeps_large_weights_once) {
    const vaei_conv g = geometry(LARGE), small = geometry(0);
    for (int32_t isa = ISA_FIRST; isa < ISA_END; isa++) {
        const vaei_kernels *const k = vaei_kernels_select(isa, 0);
        if (!k) continue;
        ck_assert_int_lt(vaei_conv_winograd.pack_floats(k, &g, FORWARD), g.c * g.oc);
        ck_assert_int_ge(vaei_conv_winograd.pack_floats(k, &small, FORWARD), 36 * small.c * small.oc);
    }
}
END_TEST

/* The choice is one of shapes: no table may choose otherwise. A table's pack tells the way. */
START_TEST(test_winograd_is_chosen_where_it_pays) {
    vaei_conv g = geometry(0);
    ck_assert(vaei_winograd(&g, FORWARD) && vaei_winograd(&g, DATA));
    g.dy = 2;
    ck_assert(!vaei_winograd(&g, FORWARD));
    g = geometry(0);
    g.groups = 2;
    ck_assert(!vaei_winograd(&g, FORWARD));
    g = geometry(0);
    g.sx = 4; /* a phase without taps */
    ck_assert(!vaei_winograd(&g, FORWARD) && !vaei_winograd(&g, DATA));
    g = geometry(0);
    g.kh = g.kw = 4; /* more than three taps */
    ck_assert(!vaei_winograd(&g, FORWARD) && !vaei_winograd(&g, DATA));
    g = geometry(0);
    g.kh = g.kw = 1; /* nothing to save */
    ck_assert(!vaei_winograd(&g, FORWARD) && !vaei_winograd(&g, DATA));
    g = geometry(0);
    g.oc = 3;
    ck_assert(!vaei_winograd(&g, FORWARD) && !vaei_winograd(&g, DATA));
    g = geometry(0);
    g.h = g.w = g.oh = g.ow = 2; /* a quarter of the tile */
    ck_assert(!vaei_winograd(&g, FORWARD) && !vaei_winograd(&g, DATA));
}
END_TEST

/* ---- the gradient by the weight ---- */

static guarded weight_grad(const vaei_kernels *k, const vaei_pool *pool, const vaei_conv *g, const guarded *x, const guarded *dy) {
    guarded dw = guarded_floats(g->oc * g->c * g->kh * g->kw);
    guarded scratch = spoiled(vaei_winograd_weight_scratch(g, BATCH));
    for (int64_t i = 0; i < dw.count; i++) dw.at[i] = 0.5f; /* it adds */
    vaei_winograd_weight_run(k, pool, g, BATCH, x->at, dy->at, dw.at, scratch.at);
    guarded_free(&scratch);
    return dw;
}

/* dw[o][c][tap] and the sum of its terms' magnitudes, in double */
static double direct_weight(const vaei_conv *g, const guarded *x, const guarded *dy, int64_t i, double *terms) {
    const int64_t taps = g->kh * g->kw, tap = i % taps, c = i / taps % g->c, o = i / taps / g->c;
    double sum = 0;
    *terms = 0;
    for (int64_t p = 0; p < BATCH * g->oh * g->ow; p++) {
        const int64_t n = p / (g->oh * g->ow), iy = p / g->ow % g->oh * g->sy + tap / g->kw - g->top,
                      ix = p % g->ow * g->sx + tap % g->kw - g->left;
        if (iy < 0 || iy >= g->h || ix < 0 || ix >= g->w) continue;
        const double term = (double)dy->at[p * g->oc + o] * (double)x->at[((n * g->h + iy) * g->w + ix) * g->c + c];
        sum += term;
        *terms += fabs(term);
    }
    return sum;
}

START_TEST(test_winograd_weight_keeps_its_error_bound) {
    const vaei_conv g = geometry(_i);
    dice d = {77};
    guarded x = guarded_random(&d, BATCH * x_floats(&g, FORWARD)), dy = guarded_random(&d, BATCH * x_floats(&g, DATA));
    guarded dw = weight_grad(vaei_kernels_select(0, 0), NULL, &g, &x, &dy);
    const int64_t step = 1 + dw.count / 4096;
    double largest = 0, worst = 0, squares = 0;
    for (int64_t i = 0; i < dw.count; i += step) {
        double terms;
        const double error = fabs((double)dw.at[i] - 0.5 - direct_weight(&g, &x, &dy, i, &terms));
        ck_assert_each(isfinite(dw.at[i]));
        largest = fmax(largest, terms + 0.5);
        worst = fmax(worst, error);
        squares += error * error * (double)step / (double)dw.count;
    }
    ck_assert_msg(worst <= WORST * largest && sqrt(squares) <= MEAN * largest, "geometry %d: error %g, mean %g, of %g", _i, worst,
                  sqrt(squares), largest);
    guarded_free(&x);
    guarded_free(&dy);
    guarded_free(&dw);
}
END_TEST

START_TEST(test_winograd_weight_equals_on_every_isa_and_thread_count) {
    const vaei_conv g = geometry(_i);
    dice d = {78};
    guarded x = guarded_random(&d, BATCH * x_floats(&g, FORWARD)), dy = guarded_random(&d, BATCH * x_floats(&g, DATA));
    guarded want = weight_grad(vaei_kernels_select(1, 0), NULL, &g, &x, &dy);
    for (int32_t isa = ISA_FIRST + 1; isa < ISA_END; isa++) {
        const vaei_kernels *const k = vaei_kernels_select(isa, 0);
        if (!k) continue;
        guarded dw = weight_grad(k, NULL, &g, &x, &dy);
        check_same(&dw, want.at, "portable", k->name, _i);
        guarded_free(&dw);
    }
    static const int32_t threads[] = {2, 3, 7};
    for (size_t i = 0; i < VAEI_COUNT(threads); i++) {
        vaei_heap heap;
        vaei_pool *pool;
        vaei_heap_init_default(&heap);
        ck_assert_int_eq(vaei_pool_create(&pool, &heap, threads[i], NULL, NULL), VAE_OK);
        guarded dw = weight_grad(vaei_kernels_select(0, 0), pool, &g, &x, &dy);
        check_same(&dw, want.at, "threads", "weight", _i);
        guarded_free(&dw);
        vaei_pool_destroy(pool);
    }
    guarded_free(&x);
    guarded_free(&dy);
    guarded_free(&want);
}
END_TEST

START_TEST(test_winograd_weight_scratch_never_shrinks_with_the_batch) {
    const vaei_conv g = geometry(_i);
    int64_t before = 0;
    for (int64_t n = 1; n < 200; n++) {
        const int64_t floats = vaei_winograd_weight_scratch(&g, n);
        ck_assert_int_ge(floats, before);
        before = floats;
    }
}
END_TEST

/* Training may choose it where a few images do not pay for the transformed weights. */
START_TEST(test_winograd_in_training_serves_strided_layers) {
    vaei_conv g = {.h = 14,
                   .w = 14,
                   .c = 64,
                   .oh = 7,
                   .ow = 7,
                   .oc = 64,
                   .kh = 3,
                   .kw = 3,
                   .sy = 2,
                   .sx = 2,
                   .dy = 1,
                   .dx = 1,
                   .top = 1,
                   .left = 1,
                   .groups = 1};
    ck_assert(!vaei_winograd(&g, FORWARD) && !vaei_winograd(&g, DATA));
    g.training = 1;
    ck_assert(vaei_winograd(&g, FORWARD) && vaei_winograd(&g, DATA) && vaei_winograd_weight(&g));
    g.c = 6; /* too few to pay for the transforms of the others */
    ck_assert(!vaei_winograd_weight(&g));
    g.c = 64;
    g.h = g.w = 16;
    g.oh = g.ow = 8;
    g.kh = g.kw = 4;
    ck_assert(vaei_winograd(&g, FORWARD) && vaei_winograd(&g, DATA) && vaei_winograd_weight(&g));
}
END_TEST

/* What makes LARGE one of the geometries does not concern gradients of weights. */
Suite *suite_winograd(void) {
    Suite *const s = suite_create("winograd");
    TCase *const t = tcase_create("winograd");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, test_winograd_keeps_its_error_bound, 0, 2 * GEOMETRIES);
    tcase_add_loop_test(t, test_winograd_by_blas_keeps_its_error_bound, 0, 2 * CHOSEN);
    tcase_add_loop_test(t, test_winograd_equals_on_every_isa, 0, 2 * GEOMETRIES);
    tcase_add_loop_test(t, test_winograd_does_not_depend_on_batch_or_threads, 0, 2 * GEOMETRIES);
    tcase_add_loop_test(t, test_winograd_fed_and_added_to_changes_no_bit, 0, GEOMETRIES);
    tcase_add_loop_test(t, test_winograd_scratch_never_shrinks_with_the_batch, 0, GEOMETRIES);
    tcase_add_test(t, test_winograd_keeps_large_weights_once);
    tcase_add_test(t, test_winograd_is_chosen_where_it_pays);
    tcase_add_loop_test(t, test_winograd_weight_keeps_its_error_bound, 0, LARGE);
    tcase_add_loop_test(t, test_winograd_weight_keeps_its_error_bound, LARGE + 1, GEOMETRIES);
    tcase_add_loop_test(t, test_winograd_weight_equals_on_every_isa_and_thread_count, 0, LARGE);
    tcase_add_loop_test(t, test_winograd_weight_equals_on_every_isa_and_thread_count, LARGE + 1, GEOMETRIES);
    tcase_add_loop_test(t, test_winograd_weight_scratch_never_shrinks_with_the_batch, 0, GEOMETRIES);
    tcase_add_test(t, test_winograd_in_training_serves_strided_layers);
    suite_add_tcase(s, t);
    return s;
}
