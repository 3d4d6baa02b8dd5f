/* SPDX-License-Identifier: MIT
 * check_layer_values.c - tests the results of single layers: against PyTorch (tests/fixtures/layers.safetensors, made by
 * make_torch.py) to 1e-5 of each tensor's largest value, and against numbers computed by hand. */
#include "layer_rig.h"

#include "io/safetensors.h"

#define FIXTURE   "tests/fixtures/layers.safetensors"
#define TOLERANCE 1e-5

/* ---- PyTorch ---------------------------------------------------------------------------------------------------- */

/* The cases of the file, read when the suite is made. */
static char cases[256][48];
static int n_cases;

static void list_cases(void) {
    vaei_heap heap;
    vaei_file file;
    vaei_heap_init_default(&heap);
    if (vaei_file_read(&file, &heap, FIXTURE) < 0) return;
    for (int64_t i = 0; i < file.n_text && n_cases < (int)VAEI_COUNT(cases); i++)
        if (strncmp(file.text[i].key, "fixture.", 8) != 0) snprintf(cases[n_cases++], sizeof(cases[0]), "%s", file.text[i].key);
    vaei_file_close(&file);
}

typedef struct fixture {
    vaei_heap heap;
    vaei_file file;
    const char *name;
} fixture;

/* The tensor <case>.<what><rest>, as a block, or NULL; count receives its size. */
static float *read_tensor(const fixture *f, const char *what, const char *rest, int64_t *count) {
    char name[160];
    snprintf(name, sizeof(name), "%s.%s%s", f->name, what, rest);
    const vaei_entry *e = vaei_file_find(&f->file, name);
    if (!e) return NULL;
    float *values = block_make(floats(e->count));
    ck_assert_int_eq(vaei_entry_floats(e, values, name), VAE_OK);
    *count = e->count;
    return values;
}

static void compare(const fixture *f, const char *what, const char *rest, const float *got, int64_t size) {
    int64_t count = 0;
    char name[160];
    float *want = read_tensor(f, what, rest, &count);
    snprintf(name, sizeof(name), "%s.%s%s", f->name, what, rest);
    ck_assert_msg(want && count == size, "%s: %lld values wanted, %lld in the file", name, (long long)size, (long long)count);
    assert_close(got, want, count, TOLERANCE, name);
    block_free(want, floats(count));
}

/* Reads the file, builds the layer on the shape of the case's x and gives it the case's parameters; *n is the batch. */
static void open_case(fixture *f, rig *g, const char *name, int64_t *n) {
    vaei_shape in = {0};
    char key[160];
    f->name = name;
    vaei_heap_init_default(&f->heap);
    ck_assert_msg(vaei_file_read(&f->file, &f->heap, FIXTURE) == VAE_OK, "%s", vaei_fail_text());
    snprintf(key, sizeof(key), "%s.x", name);
    const vaei_entry *x = vaei_file_find(&f->file, key);
    const char *text = vaei_file_text(&f->file, name);
    ck_assert_msg(x && text, "%s is not in the file", name);
    *n = x->shape[0];
    in.n = x->ndim - 1;
    for (int32_t i = 0; i < in.n; i++) in.d[i] = x->shape[i + 1];
    ck_assert_msg(rig_open(g, text, &in) == VAE_OK, "%s: %s", text, vaei_fail_text());
    for (int64_t i = 0; i < g->params.count; i++) {
        const vaei_param *p = g->params.at[i];
        int64_t count = 0;
        float *values = read_tensor(f, "param.", p->name + strlen("encoder.0."), &count);
        ck_assert_msg(values && count == p->count, "%s: no parameter like %s", name, p->name);
        memcpy(g->values + p->offset, values, floats(count));
        block_free(values, floats(count));
    }
}

START_TEST(test_layer_values_equal_pytorch) {
    fixture f;
    rig g;
    pass p;
    int64_t n, count;
    const char *name = cases[_i];
    const int32_t training = !strstr(name, "_eval");
    open_case(&f, &g, name, &n);
    const int64_t in = n * in_size(&g), out = n * out_size(&g);
    float *x = read_tensor(&f, "x", "", &count), *dy = read_tensor(&f, "dy", "", &count);
    float *y = block_make(floats(out)), *dx = block_make(floats(in));
    pass_open(&p, &g, n, training, NULL);
    vaei_stack_forward(g.stack, &p.run, &p.slot, x, y);
    compare(&f, "y", "", y, out);
    if (training) {
        vaei_stack_backward(g.stack, &p.run, &p.slot, x, y, dy, dx);
        compare(&f, "dx", "", dx, in);
        vaei_stack_commit(g.stack, &p.run, &p.slot, g.values);
    }
    for (int64_t i = 0; training && i < g.params.count; i++) {
        const vaei_param *q = g.params.at[i];
        const char *rest = q->name + strlen("encoder.0.");
        if (q->flags & VAEI_PARAM_TRAINED) compare(&f, "grad.", rest, p.grads + q->offset, q->count);
        else compare(&f, "after.", rest, g.values + q->offset, q->count);
    }
    if (training && !strstr(name, "batchnorm")) {
        float *inferred = infer(&g, n, x, NULL);
        compare(&f, "y", "", inferred, out);
        block_free(inferred, floats(out));
    }
    pass_close(&p, &g);
    block_free(x, floats(in));
    block_free(dx, floats(in));
    block_free(dy, floats(out));
    block_free(y, floats(out));
    rig_close(&g);
    vaei_file_close(&f.file);
}
END_TEST

START_TEST(test_layer_values_fixture_is_complete) {
    ck_assert_int_ge(n_cases, 57);
}
END_TEST

/* ---- by hand ---------------------------------------------------------------------------------------------------- */

static void open_layer(rig *g, const char *text, vaei_shape in) {
    ck_assert_msg(rig_open(g, text, &in) == VAE_OK, "%s: %s", text, vaei_fail_text());
}

static const struct {
    const char *text;
    vaei_shape in;
    int64_t count;
    float x[8], y[12];
} by_hand[] = {
    {"flatten", {3, {2, 1, 3, 0}}, 6, {1, 2, 3, 4, 5, 6}, {1, 4, 2, 5, 3, 6}},
    {"reshape 2x1x3", {1, {6, 0, 0, 0}}, 6, {1, 4, 2, 5, 3, 6}, {1, 2, 3, 4, 5, 6}},
    {"reshape 2x1x4", {3, {2, 2, 2, 0}}, 8, {0, 10, 1, 11, 2, 12, 3, 13}, {0, 2, 10, 12, 1, 3, 11, 13}},
    {"upsample factor=2x1", {3, {2, 2, 1, 0}}, 8, {1, 2, 3, 4}, {1, 2, 1, 2, 3, 4, 3, 4}},
    {"upsample factor=1x2", {3, {1, 2, 2, 0}}, 8, {1, 2, 3, 4}, {1, 2, 1, 2, 3, 4, 3, 4}},
    {"avgpool kernel=2 stride=1 pad=1", {3, {2, 2, 1, 0}}, 9, {4, 4, 4, 4}, {1, 2, 1, 2, 4, 2, 1, 2, 1}},
    {"maxpool kernel=2 stride=1 pad=1", {3, {2, 2, 1, 0}}, 9, {-1, -2, -3, -4}, {-1, -1, -2, -1, -1, -2, -3, -3, -4}},
    {"maxpool kernel=2 pad=same", {3, {3, 1, 1, 0}}, 2, {1, 2, 3}, {2, 3}},
    {"residual { } ", {1, {2, 0, 0, 0}}, 2, {1, -3}, {2, -6}},
    {"residual { } { upsample factor=1 }", {3, {1, 1, 2, 0}}, 2, {1, -3}, {2, -6}},
};

START_TEST(test_layer_values_worked_out_by_hand) {
    rig g;
    open_layer(&g, by_hand[_i].text, by_hand[_i].in);
    ck_assert_int_eq(out_size(&g), by_hand[_i].count);
    float *y = infer(&g, 1, by_hand[_i].x, NULL);
    assert_same(y, by_hand[_i].y, by_hand[_i].count, by_hand[_i].text);
    block_free(y, floats(by_hand[_i].count));
    rig_close(&g);
}
END_TEST

START_TEST(test_maxpool_gives_the_gradient_to_the_first_of_equals) {
    const float x[8] = {1, 7, 1, 9, 1, 9, 1, 7}, dy[2] = {5, 6}, want[8] = {5, 0, 0, 6, 0, 0, 0, 0};
    float y[2], dx[8];
    rig g;
    pass p;
    float spent[2] = {dy[0], dy[1]};
    open_layer(&g, "maxpool kernel=2", (vaei_shape){3, {2, 2, 2, 0}});
    pass_open(&p, &g, 1, 1, NULL);
    vaei_stack_forward(g.stack, &p.run, &p.slot, x, y);
    vaei_stack_backward(g.stack, &p.run, &p.slot, x, y, spent, dx);
    assert_same(dx, want, 8, "dx");
    pass_close(&p, &g);
    rig_close(&g);
}
END_TEST

START_TEST(test_maxpool_lets_a_nan_through) {
    const float x[4] = {1, NAN, 5, 2};
    rig g;
    open_layer(&g, "maxpool kernel=2", (vaei_shape){3, {2, 2, 1, 0}});
    float *y = infer(&g, 1, x, NULL);
    ck_assert(isnan(y[0]));
    block_free(y, floats(1));
    rig_close(&g);
}
END_TEST

START_TEST(test_rescale_is_a_product_and_a_sum) {
    const float x[4] = {-2, 0, 0.5f, NAN}, dy[4] = {1, 2, -4, 3}, want[4] = {4, 1, 0.25f}, slopes[4] = {-1.5f, -3, 6, -4.5f};
    float y[4], dx[4], spent[4];
    rig g;
    pass p;
    memcpy(spent, dy, sizeof(spent));
    open_layer(&g, "rescale factor=-1.5 offset=1", (vaei_shape){1, {4, 0, 0, 0}});
    pass_open(&p, &g, 1, 1, NULL);
    vaei_stack_forward(g.stack, &p.run, &p.slot, x, y);
    assert_same(y, want, 3, "y");
    ck_assert(isnan(y[3]));
    vaei_stack_backward(g.stack, &p.run, &p.slot, x, y, spent, dx);
    assert_same(dx, slopes, 4, "dx");
    pass_close(&p, &g);
    rig_close(&g);
}
END_TEST

START_TEST(test_hardtanh_passes_the_gradient_between_its_bounds_only) {
    const float x[6] = {-2, -1, -0.5f, 0.75f, 3, NAN}, dy[6] = {1, 2, 3, 4, 5, 6}, want[6] = {0, 0, 3, 4, 0, 0};
    const float bounded[5] = {-1, -1, -0.5f, 0.75f, 1};
    float y[6], dx[6], spent[6];
    rig g;
    pass p;
    memcpy(spent, dy, sizeof(spent));
    open_layer(&g, "hardtanh", (vaei_shape){1, {6, 0, 0, 0}});
    pass_open(&p, &g, 1, 1, NULL);
    vaei_stack_forward(g.stack, &p.run, &p.slot, x, y);
    assert_same(y, bounded, 5, "y");
    ck_assert(isnan(y[5]));
    vaei_stack_backward(g.stack, &p.run, &p.slot, x, y, spent, dx);
    assert_same(dx, want, 6, "dx");
    pass_close(&p, &g);
    rig_close(&g);
}
END_TEST

/* Two texts for one function of the same parameters. */
static const struct {
    const char *one, *other;
    vaei_shape in;
} synonyms[] = {
    {"conv2d out=3 kernel=3 stride=2 pad=same", "conv2d out=3 kernel=3 stride=2 pad=0x1x0x1", {3, {6, 8, 2, 0}}},
    {"conv2d out=3 kernel=3 stride=2 pad=same", "conv2d out=3 kernel=3 stride=2 pad=1", {3, {5, 7, 2, 0}}},
    {"conv2d out=3 kernel=4x2 pad=same", "conv2d out=3 kernel=4x2 pad=1x2x0x1", {3, {5, 7, 2, 0}}},
    {"conv2d out=3 kernel=1 stride=3 pad=same", "conv2d out=3 kernel=1 stride=3", {3, {5, 7, 2, 0}}},
    {"deconv2d out=3 kernel=3 stride=2 pad=same", "deconv2d out=3 kernel=3 stride=2 pad=0x1x0x1", {3, {3, 4, 2, 0}}},
    {"deconv2d out=3 kernel=2 stride=3 pad=same", "deconv2d out=3 kernel=2 stride=3 output_pad=1", {3, {3, 4, 2, 0}}},
    {"deconv2d out=3 kernel=4 stride=2 pad=same", "deconv2d out=3 kernel=4 stride=2 pad=1", {3, {3, 4, 2, 0}}},
    {"avgpool kernel=3x2", "avgpool kernel=3x2 stride=3x2", {3, {6, 8, 2, 0}}},
    {"reshape 24", "flatten", {3, {3, 4, 2, 0}}},
};

START_TEST(test_layer_values_same_padding_is_this_explicit_one) {
    rig a, b;
    open_layer(&a, synonyms[_i].one, synonyms[_i].in);
    open_layer(&b, synonyms[_i].other, synonyms[_i].in);
    ck_assert(vaei_shape_equal(&a.stack->out, &b.stack->out));
    memcpy(b.values, a.values, floats(a.params.n_floats));
    float *x = make_input(2 * in_size(&a)), *y = infer(&a, 2, x, NULL), *other = infer(&b, 2, x, NULL);
    assert_same(y, other, 2 * out_size(&a), synonyms[_i].one);
    block_free(x, floats(2 * in_size(&a)));
    block_free(y, floats(2 * out_size(&a)));
    block_free(other, floats(2 * out_size(&a)));
    rig_close(&a);
    rig_close(&b);
}
END_TEST

/* Which values share a mean: the set of value i, of how many sets. */
static int64_t batch_set(const vaei_shape *s, int64_t i) {
    return i % s->d[2];
}
static int64_t group_set(const vaei_shape *s, int64_t i) { /* two groups */
    return i / vaei_shape_size(s) * 2 + i % s->d[2] / (s->d[2] / 2);
}
static int64_t row_set(const vaei_shape *s, int64_t i) {
    return i / s->d[2];
}

static const struct {
    const char *text;
    int64_t (*set)(const vaei_shape *s, int64_t i);
    vaei_shape in;
    float mean;
    double tolerance;
} norms[] = {
    {"batchnorm", batch_set, {3, {50, 30, 40, 0}}, 0.5f, 1e-5}, /* more rows than one task sums */
    {"groupnorm groups=2", group_set, {3, {50, 30, 40, 0}}, 0.5f, 1e-5}, {"layernorm", row_set, {3, {50, 30, 40, 0}}, 0.5f, 1e-5},
    {"batchnorm", batch_set, {3, {4, 6, 24, 0}}, 10000, 1e-3}, /* far above the deviation; these x are exact in float */
    {"groupnorm groups=2", group_set, {3, {4, 6, 24, 0}}, 10000, 1e-3},  {"layernorm", row_set, {3, {4, 6, 24, 0}}, 10000, 1e-3},
};

START_TEST(test_norms_equal_their_formulas_in_double) {
    enum { N = 3 };
    rig g;
    open_layer(&g, norms[_i].text, norms[_i].in);
    const int64_t count = N * in_size(&g), channels = norms[_i].in.d[2], stored = g.params.n_floats;
    float *x = make_input(count), *dy = make_gradient(count), *y = block_make(floats(count)), *dx = block_make(floats(count));
    float *grads = block_make(floats(stored)), *want_y = block_make(floats(count)), *want_dx = block_make(floats(count));
    float *want_grads = block_make(floats(stored));
    const float *weight = g.values + g.params.at[0]->offset, *bias = g.values + g.params.at[1]->offset;
    double *sums = calloc((size_t)count * 5 + (size_t)channels * 2, sizeof(double)); /* sets are at most as many as values */
    double *size = sums, *mean = size + count, *variance = mean + count, *t = variance + count, *tu = t + count;
    double *dweight = tu + count, *dbias = dweight + channels;
    ck_assert_ptr_nonnull(sums);
    for (int64_t i = 0; i < count; i++) x[i] += norms[_i].mean;
    train(&g, N, x, dy, NULL, y, dx, grads);

    for (int64_t i = 0; i < count; i++) size[norms[_i].set(&norms[_i].in, i)]++;
    for (int64_t i = 0; i < count; i++) mean[norms[_i].set(&norms[_i].in, i)] += (double)x[i];
    for (int64_t i = 0; i < count; i++) {
        const int64_t s = norms[_i].set(&norms[_i].in, i);
        variance[s] += ((double)x[i] - mean[s] / size[s]) * ((double)x[i] - mean[s] / size[s]) / size[s];
    }
    for (int64_t i = 0; i < count; i++) {
        const int64_t s = norms[_i].set(&norms[_i].in, i), c = i % channels;
        const double u = ((double)x[i] - mean[s] / size[s]) / sqrt(variance[s] + 1e-5);
        want_y[i] = (float)(u * (double)weight[c] + (double)bias[c]);
        dbias[c] += (double)dy[i];
        dweight[c] += (double)dy[i] * u;
        t[s] += (double)weight[c] * (double)dy[i] / size[s];
        tu[s] += (double)weight[c] * (double)dy[i] * u / size[s];
    }
    for (int64_t i = 0; i < count; i++) {
        const int64_t s = norms[_i].set(&norms[_i].in, i), c = i % channels;
        const double r = 1 / sqrt(variance[s] + 1e-5), u = ((double)x[i] - mean[s] / size[s]) * r;
        want_dx[i] = (float)(r * ((double)weight[c] * (double)dy[i] - t[s] - u * tu[s]));
    }
    for (int64_t c = 0; c < channels; c++) {
        want_grads[g.params.at[0]->offset + c] = (float)dweight[c];
        want_grads[g.params.at[1]->offset + c] = (float)dbias[c];
    }
    assert_close(y, want_y, count, norms[_i].tolerance, "y");
    assert_close(dx, want_dx, count, norms[_i].tolerance, "dx");
    for (int i = 0; i < 2; i++) {
        const int64_t offset = g.params.at[i]->offset;
        assert_close(grads + offset, want_grads + offset, channels, norms[_i].tolerance, g.params.at[i]->name);
    }
    free(sums);
    float *const blocks[] = {x, dy, y, dx, want_y, want_dx};
    for (size_t i = 0; i < VAEI_COUNT(blocks); i++) block_free(blocks[i], floats(count));
    block_free(grads, floats(stored));
    block_free(want_grads, floats(stored));
    rig_close(&g);
}
END_TEST

/* One value a channel over the batch, or a group: its variance is 0. */
static const char *const norms_of_one[] = {"batchnorm", "groupnorm groups=2"};

START_TEST(test_a_norm_of_one_value_gives_the_bias_and_no_gradient) {
    const float x[2] = {3, -4};
    float *y = block_make(floats(2)), *dx = block_make(floats(2)), *dy = make_gradient(2), *grads;
    rig g;
    open_layer(&g, norms_of_one[_i], (vaei_shape){1, {2, 0, 0, 0}});
    grads = block_make(floats(g.params.n_floats));
    train(&g, 1, x, dy, NULL, y, dx, grads);
    for (int i = 0; i < 2; i++) {
        ck_assert_float_eq_tol(y[i], g.values[g.params.at[1]->offset + i], 1e-4f);
        ck_assert_float_eq_tol(dx[i], 0, 1e-4f);
    }
    block_free(grads, floats(g.params.n_floats));
    block_free(y, floats(2));
    block_free(dx, floats(2));
    block_free(dy, floats(2));
    rig_close(&g);
}
END_TEST

static const struct {
    const char *text;
    double zeros, ones; /* parts of the values */
} corruptions[] = {
    {"corrupt kind=mask amount=0.25", 0.25, 0},
    {"corrupt kind=salt amount=0.4", 0.2, 0.2},
};

START_TEST(test_corrupt_loses_its_share_and_keeps_the_rest_as_it_is) {
    enum { SIZE = 20000 };
    rig g;
    pass p;
    open_layer(&g, corruptions[_i].text, (vaei_shape){1, {SIZE, 0, 0, 0}});
    float *x = make_input(SIZE), *y = block_make(floats(SIZE));
    for (int i = 0; i < SIZE; i++) x[i] = 2 + fabsf(x[i]);
    pass_open(&p, &g, 1, 1, NULL);
    vaei_stack_forward(g.stack, &p.run, &p.slot, x, y);
    int64_t zeros = 0, ones = 0;
    for (int i = 0; i < SIZE; i++) {
        zeros += y[i] < 0.5f;
        ones += y[i] > 0.5f && y[i] < 1.5f;
        if (y[i] >= 1.5f) ck_assert_mem_eq(&y[i], &x[i], sizeof(float));
    }
    ck_assert_double_eq_tol((double)zeros / SIZE, corruptions[_i].zeros, 0.015); /* 5 deviations */
    ck_assert_double_eq_tol((double)ones / SIZE, corruptions[_i].ones, 0.015);
    pass_close(&p, &g);
    float *inferred = infer(&g, 1, x, NULL);
    assert_same(inferred, x, SIZE, "inference");
    float *const blocks[] = {x, y, inferred};
    for (size_t i = 0; i < VAEI_COUNT(blocks); i++) block_free(blocks[i], floats(SIZE));
    rig_close(&g);
}
END_TEST

START_TEST(test_corrupt_adds_noise_of_its_deviation) {
    enum { SIZE = 20000 };
    rig g;
    pass p;
    double sum = 0, squares = 0;
    open_layer(&g, "corrupt amount=0.5", (vaei_shape){1, {SIZE, 0, 0, 0}});
    float *x = make_input(SIZE), *y = block_make(floats(SIZE));
    pass_open(&p, &g, 1, 1, NULL);
    vaei_stack_forward(g.stack, &p.run, &p.slot, x, y);
    for (int i = 0; i < SIZE; i++) {
        const double e = (double)y[i] - (double)x[i];
        sum += e, squares += e * e;
    }
    ck_assert_double_eq_tol(sum / SIZE, 0, 0.018); /* 5 deviations */
    ck_assert_double_eq_tol(squares / SIZE, 0.25, 0.0125);
    pass_close(&p, &g);
    block_free(x, floats(SIZE));
    block_free(y, floats(SIZE));
    rig_close(&g);
}
END_TEST

START_TEST(test_dropout_drops_its_share_and_scales_the_rest) {
    enum { SIZE = 20000 };
    rig g;
    pass p;
    open_layer(&g, "dropout p=0.25", (vaei_shape){1, {SIZE, 0, 0, 0}});
    float *x = make_input(2 * SIZE), *y = block_make(floats(2 * SIZE)), *other = block_make(floats(2 * SIZE));
    pass_open(&p, &g, 2, 1, NULL);
    vaei_stack_forward(g.stack, &p.run, &p.slot, x, y);
    int64_t dropped = 0, alike = 0;
    for (int i = 0; i < 2 * SIZE; i++) {
        dropped += fabsf(y[i]) < 0.01f;
        if (fabsf(y[i]) >= 0.01f) ck_assert_float_eq_tol(y[i], x[i] / 0.75f, 1e-5f);
    }
    ck_assert_double_eq_tol((double)dropped / (2 * SIZE), 0.25, 0.01); /* 4.6 deviations */
    p.run.n = 1;                                                       /* the second example alone */
    p.run.first_item = 1;
    vaei_stack_forward(g.stack, &p.run, &p.slot, x + SIZE, other);
    assert_same(other, y + SIZE, SIZE, "a batch cut in two");
    p.run.noise.step++;
    vaei_stack_forward(g.stack, &p.run, &p.slot, x + SIZE, other);
    for (int i = 0; i < SIZE; i++) alike += memcmp(&other[i], &y[SIZE + i], sizeof(float)) == 0;
    ck_assert_int_lt(alike, SIZE * 3 / 4); /* 0.625 of them by chance */
    pass_close(&p, &g);
    float *inferred = infer(&g, 2, x, NULL);
    assert_same(inferred, x, 2 * SIZE, "inference");
    float *const blocks[] = {x, y, other, inferred};
    for (size_t i = 0; i < VAEI_COUNT(blocks); i++) block_free(blocks[i], floats(2 * SIZE));
    rig_close(&g);
}
END_TEST

/* ---- parameters ------------------------------------------------------------------------------------------------- */

enum { TRAINED = VAEI_PARAM_TRAINED, DECAYED = VAEI_PARAM_TRAINED | VAEI_PARAM_DECAYED };

static const struct {
    const char *text, *name;
    int64_t index;
    int32_t ndim, flags;
    int64_t shape[4], fan_in, fan_out;
} declared[] = {
    {"flatten | linear out=5", "encoder.1.weight", 0, 2, DECAYED, {5, 192}, 192, 5},
    {"flatten | linear out=5", "encoder.1.bias", 1, 1, TRAINED, {5}, 192, 5},
    {"conv2d out=6 kernel=3x5 pad=2 groups=2", "encoder.0.weight", 0, 4, DECAYED, {6, 2, 3, 5}, 30, 90},
    {"conv2d out=6 kernel=3x5 pad=2 groups=2", "encoder.0.bias", 1, 1, TRAINED, {6}, 30, 90},
    {"deconv2d out=6 kernel=3x5 groups=2", "encoder.0.weight", 0, 4, DECAYED, {4, 3, 3, 5}, 45, 60},
    {"batchnorm", "encoder.0.running_mean", 2, 1, 0, {4}, 1, 1},
    {"batchnorm", "encoder.0.running_var", 3, 1, 0, {4}, 1, 1},
    {"groupnorm groups=2", "encoder.0.weight", 0, 1, TRAINED, {4}, 1, 1},
    {"layernorm", "encoder.0.bias", 1, 1, TRAINED, {4}, 1, 1},
    {"relu | residual { relu | conv2d out=4 kernel=1 } { conv2d out=4 kernel=1 }",
     "encoder.1.body.1.weight",
     0,
     4,
     DECAYED,
     {4, 4, 1, 1},
     4,
     4},
    {"relu | residual { relu | conv2d out=4 kernel=1 } { conv2d out=4 kernel=1 }", "encoder.1.shortcut.0.bias", 3, 1, TRAINED, {4}, 4, 4},
};

START_TEST(test_layer_parameters_have_pytorchs_names_shapes_and_fans) {
    rig g;
    open_layer(&g, declared[_i].text, (vaei_shape){3, {6, 8, 4, 0}});
    ck_assert_int_lt(declared[_i].index, g.params.count);
    const vaei_param *p = g.params.at[declared[_i].index];
    ck_assert_str_eq(p->name, declared[_i].name);
    ck_assert_int_eq(p->ndim, declared[_i].ndim);
    ck_assert_int_eq(p->flags, declared[_i].flags);
    for (int32_t i = 0; i < p->ndim; i++) ck_assert_int_eq(p->shape[i], declared[_i].shape[i]);
    ck_assert_int_eq(p->init.fan_in, declared[_i].fan_in);
    ck_assert_int_eq(p->init.fan_out, declared[_i].fan_out);
    rig_close(&g);
}
END_TEST

Suite *suite_layer_values(void) {
    Suite *s = suite_create("layer_values");
    TCase *t = tcase_create("values");
    suite_add_tcase(s, t);
    list_cases();
    tcase_add_loop_test(t, test_layer_values_equal_pytorch, 0, n_cases);
    tcase_add_test(t, test_layer_values_fixture_is_complete);
    tcase_add_loop_test(t, test_layer_values_worked_out_by_hand, 0, (int)VAEI_COUNT(by_hand));
    tcase_add_test(t, test_maxpool_gives_the_gradient_to_the_first_of_equals);
    tcase_add_test(t, test_maxpool_lets_a_nan_through);
    tcase_add_test(t, test_rescale_is_a_product_and_a_sum);
    tcase_add_test(t, test_hardtanh_passes_the_gradient_between_its_bounds_only);
    tcase_add_loop_test(t, test_layer_values_same_padding_is_this_explicit_one, 0, (int)VAEI_COUNT(synonyms));
    tcase_add_loop_test(t, test_norms_equal_their_formulas_in_double, 0, (int)VAEI_COUNT(norms));
    tcase_add_loop_test(t, test_a_norm_of_one_value_gives_the_bias_and_no_gradient, 0, VAEI_COUNT(norms_of_one));
    tcase_add_loop_test(t, test_corrupt_loses_its_share_and_keeps_the_rest_as_it_is, 0, (int)VAEI_COUNT(corruptions));
    tcase_add_test(t, test_corrupt_adds_noise_of_its_deviation);
    tcase_add_test(t, test_dropout_drops_its_share_and_scales_the_rest);
    tcase_add_loop_test(t, test_layer_parameters_have_pytorchs_names_shapes_and_fans, 0, (int)VAEI_COUNT(declared));
    return s;
}
