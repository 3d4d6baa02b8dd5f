/* SPDX-License-Identifier: MIT
 * check_fusion.c - tests that fusion at inference (prologues, sums in the last layer, results that overwrite their input)
 * changes no bit: training runs every layer separately. */
#include "layer_rig.h"

#define HALF(c)      "groupnorm groups=4 | silu | conv2d out=" #c " kernel=3 pad=1"
#define BLOCK(c)     "residual { " HALF(c) " | " HALF(c) " }"
#define BLOCK_1x1(c) BLOCK(c) " { conv2d out=" #c " kernel=1 }"

#define ENLARGED(c) "upsample factor=2 | conv2d out=" #c " kernel=3 pad=1"

static const char *const stacks[] = {
    "groupnorm groups=4 | silu | conv2d out=16 kernel=3 pad=1 | relu",
    "groupnorm groups=4 | conv2d out=16 kernel=3 pad=1",
    "upsample factor=1x2 | conv2d out=16 kernel=3 pad=1 | tanh | upsample factor=3x2 | conv2d out=8 "
    "kernel=3 pad=0x2x1x0",
    "upsample factor=2 | conv2d out=16 kernel=1 | groupnorm groups=4 | silu | conv2d out=3 kernel=3 "
    "pad=1",   /* nobody asks for pixels */
    BLOCK(16), /* the stack's input stays */
    "conv2d out=16 kernel=3 pad=1 | " BLOCK(16) " | " BLOCK(16) " | relu",
    "conv2d out=32 kernel=3 pad=1 | " BLOCK_1x1(16) " | " BLOCK(16) " | groupnorm groups=2 | gelu | conv2d out=3 kernel=3 pad=1",
    "conv2d out=32 kernel=3 pad=1 | " BLOCK_1x1(16), /* the smaller output is the stack's own */
    "conv2d out=48 kernel=3 pad=1 | " BLOCK_1x1(24) " | silu | " BLOCK_1x1(12),
    "conv2d out=16 kernel=3 pad=1 | " BLOCK_1x1(32) " | " BLOCK(32) " | conv2d out=4 kernel=1", /* grows: does not overwrite */
    "conv2d out=16 kernel=3 pad=1 | residual { conv2d out=16 kernel=3 pad=1 } | residual { conv2d "
    "out=16 kernel=3 "
    "pad=1 | relu } | elu",
    "residual { upsample factor=2x1 | conv2d out=16 kernel=3 pad=1 } { upsample factor=2x1 | conv2d "
    "out=16 kernel=1 } | "
    "relu",
    "conv2d out=8 kernel=1 | " ENLARGED(16) " | relu | conv2d out=8 kernel=3 pad=1 | batchnorm | flatten",
    "residual { " ENLARGED(16) " } { " ENLARGED(16) " | batchnorm | silu } | " ENLARGED(3),
    "conv2d out=16 kernel=3 pad=1 | residual { " BLOCK(16) " | conv2d out=16 kernel=3 pad=1 | batchnorm } | flatten",
    "conv2d out=24 kernel=3 pad=1 | residual { conv2d out=24 kernel=3 pad=1 | conv2d out=24 kernel=3 "
    "pad=1 } { } | "
    "sigmoid",
};

static const vaei_shape image = {3, {13, 10, 16, 0}};

/* At inference batch norm and upsampling by 2 are folded into weights, which rounds otherwise. */
static int folds(int i) {
    return strstr(stacks[i], "batchnorm") || strstr(stacks[i], "upsample factor=2 | conv2d out=16 kernel=3");
}

START_TEST(test_fusion_changes_no_bit) {
    rig g;
    const int64_t n = 3;
    ck_assert_msg(rig_open(&g, stacks[_i], &image) == VAE_OK, "%s: %s", stacks[_i], vaei_fail_text());
    const int64_t in = in_size(&g), out = out_size(&g);
    float *const x = make_input(n * in), *const dy = make_gradient(n * out), *const trained = block_make(floats(n * out));
    float *const grads = block_make(floats(g.params.n_floats)), *const kept = block_make(floats(n * in));
    memcpy(kept, x, floats(n * in));
    train(&g, n, x, dy, NULL, trained, NULL, grads);
    float *const y = infer(&g, n, x, NULL);
    assert_same(x, kept, n * in, "the input");
    if (!folds(_i)) assert_same(y, trained, n * out, stacks[_i]);
    for (int64_t i = 0; i < n; i++) {
        float *const one = infer(&g, 1, x + i * in, NULL);
        assert_same(one, y + i * out, out, "alone");
        block_free(one, floats(out));
    }
    static const int32_t threads[] = {2, 5};
    for (size_t i = 0; i < VAEI_COUNT(threads); i++) {
        vaei_pool *pool;
        ck_assert_int_eq(vaei_pool_create(&pool, &g.heap, threads[i], NULL, NULL), VAE_OK);
        float *const parallel = infer(&g, n, x, pool);
        assert_same(parallel, y, n * out, "threads");
        block_free(parallel, floats(n * out));
        vaei_pool_destroy(pool);
    }
    block_free(x, floats(n * in));
    block_free(dy, floats(n * out));
    block_free(trained, floats(n * out));
    block_free(grads, floats(g.params.n_floats));
    block_free(kept, floats(n * in));
    block_free(y, floats(n * out));
    rig_close(&g);
}
END_TEST

static size_t scratch_of(const char *text, const vaei_shape *in) {
    rig g;
    vaei_bytes need = {0};
    ck_assert_msg(rig_open(&g, text, in) == VAE_OK, "%s", vaei_fail_text());
    need = vaei_stack_bytes(g.stack, kernels(), 1, 0);
    rig_close(&g);
    return need.scratch;
}

START_TEST(test_fusion_residual_blocks_stand_where_their_input_stands) {
    const vaei_shape large = {3, {64, 64, 32, 0}};
    const size_t image_bytes = floats(64 * 64 * 32), frames = 4096;
    const size_t one = scratch_of("conv2d out=32 kernel=3 pad=1 | " BLOCK(32) " | flatten | linear out=1 init=zeros", &large);
    const size_t three = scratch_of(
        "conv2d out=32 kernel=3 pad=1 | " BLOCK(32) " | " BLOCK(32) " | " BLOCK(32) " | flatten | linear out=1 init=zeros", &large);
    ck_assert_uint_le(three, one + frames);
    ck_assert_uint_ge(one, 2 * image_bytes);
}
END_TEST

/* Layer 1 of the stack overwrites its input at inference; the same without neighbours in training. */
static void compare_overwriting(const vaei_shape *in, const char *text, int64_t n) {
    rig g;
    ck_assert_msg(rig_open(&g, text, in) == VAE_OK, "%s: %s", text, vaei_fail_text());
    const int64_t out = out_size(&g);
    float *const x = make_input(n * in_size(&g)), *const dy = make_gradient(n * out), *const trained = block_make(floats(n * out)),
                 *const grads = block_make(floats(g.params.n_floats));
    train(&g, n, x, dy, NULL, trained, NULL, grads);
    float *const y = infer(&g, n, x, NULL), *const one = infer(&g, 1, x, NULL);
    assert_same(y, trained, n * out, text);
    assert_same(one, y, out, text);
    block_free(x, floats(n * in_size(&g)));
    block_free(dy, floats(n * out));
    block_free(trained, floats(n * out));
    block_free(grads, floats(g.params.n_floats));
    block_free(y, floats(n * out));
    block_free(one, floats(out));
    rig_close(&g);
}

START_TEST(test_fusion_convolution_that_overwrites_its_input) {
    static const int64_t batches[] = {1, 2, 7, 70};
    static const vaei_shape wide[] = {{3, {1, 97, 2, 0}}, {3, {97, 1, 2, 0}}, {3, {25, 41, 2, 0}}};
    const vaei_shape in = _i < 17 ? (vaei_shape){3, {_i + 1, _i + 1, 2, 0}} : wide[_i - 17];
    for (int outputs = 1; outputs <= 9; outputs++) {
        for (int channels = 2 * outputs; channels <= 2 * outputs + 3; channels += 3) {
            for (size_t b = 0; b < VAEI_COUNT(batches); b++) {
                char text[256];
                (void)snprintf(text, sizeof(text), "conv2d out=%d kernel=1 | conv2d out=%d kernel=1 | relu | upsample factor=1x2", channels,
                               outputs);
                compare_overwriting(&in, text, batches[b]);
            }
        }
    }
}
END_TEST

START_TEST(test_fusion_convolution_with_padding_keeps_its_input) {
    const vaei_shape in = {3, {5, 4, 2, 0}};
    compare_overwriting(&in, "conv2d out=8 kernel=1 | conv2d out=2 kernel=1 pad=1 pad_mode=circular | upsample factor=2", 3);
    compare_overwriting(&in, "conv2d out=8 kernel=1 | conv2d out=2 kernel=1 pad=0x1x0x0 pad_mode=reflect | upsample factor=2", 3);
}
END_TEST

/* y and the sum of its terms' magnitudes, of upsampling by 2 and the 3x3 convolution behind it */
static double enlarged_pixel(const vaei_shape *in, const float *x, const float *w, float bias, int64_t i, int64_t j, double *terms) {
    const int64_t H = in->d[0], W = in->d[1], C = in->d[2];
    double sum = (double)bias;
    *terms = fabs(sum);
    for (int64_t tap = 0; tap < 9; tap++) {
        const int64_t y = i + tap / 3 - 1, z = j + tap % 3 - 1;
        for (int64_t c = 0; c < C && y >= 0 && y < 2 * H && z >= 0 && z < 2 * W; c++) {
            const double term = (double)x[(y / 2 * W + z / 2) * C + c] * (double)w[c * 9 + tap];
            sum += term;
            *terms += fabs(term);
        }
    }
    return sum;
}

START_TEST(test_fusion_folds_an_enlargement_into_the_weights) {
    static const vaei_shape images[] = {{3, {1, 1, 3, 0}}, {3, {5, 4, 40, 0}}, {3, {9, 16, 16, 0}}, {3, {2, 7, 7, 0}}};
    static const char *const texts[] = {ENLARGED(1), ENLARGED(3), ENLARGED(24), ENLARGED(48)};
    for (size_t t = 0; t < VAEI_COUNT(images) * VAEI_COUNT(texts); t++) {
        const vaei_shape *const in = &images[t / VAEI_COUNT(texts)];
        rig g;
        ck_assert_msg(rig_open(&g, texts[t % VAEI_COUNT(texts)], in) == VAE_OK, "%s", vaei_fail_text());
        const int64_t oc = g.stack->out.d[2], width = g.stack->out.d[1], size = in_size(&g);
        const float *const w = g.values + g.params.at[0]->offset, *const bias = g.values + g.params.at[1]->offset;
        float *const x = make_input(2 * size), *const y = infer(&g, 2, x, NULL);
        double worst = 0, most = 0; /* pixels near each other may share errors: the largest terms of all count */
        for (int64_t i = 0; i < 2 * out_size(&g); i++) {
            const int64_t n = i / out_size(&g), pixel = i % out_size(&g) / oc, o = i % oc;
            double terms;
            const double want = enlarged_pixel(in, x + n * size, w + o * 9 * in->d[2], bias[o], pixel / width, pixel % width, &terms);
            worst = fmax(worst, fabs((double)y[i] - want));
            most = fmax(most, terms);
        }
        ck_assert_msg(worst <= 1e-6 * most, "%s of %dx%dx%d: off by %g, terms of %g", texts[t % VAEI_COUNT(texts)], (int)in->d[0],
                      (int)in->d[1], (int)in->d[2], worst, most);
        block_free(x, floats(2 * size));
        block_free(y, floats(2 * out_size(&g)));
        rig_close(&g);
    }
}
END_TEST

Suite *suite_fusion(void) {
    Suite *const s = suite_create("fusion");
    TCase *const t = tcase_create("fusion");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, test_fusion_changes_no_bit, 0, (int)VAEI_COUNT(stacks));
    tcase_add_loop_test(t, test_fusion_convolution_that_overwrites_its_input, 0, 20);
    tcase_add_test(t, test_fusion_convolution_with_padding_keeps_its_input);
    tcase_add_test(t, test_fusion_folds_an_enlargement_into_the_weights);
    tcase_add_test(t, test_fusion_residual_blocks_stand_where_their_input_stands);
    suite_add_tcase(s, t);
    return s;
}
