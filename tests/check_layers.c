/* SPDX-License-Identifier: MIT
 * check_layers.c - tests combinations of layers: texts that run code which no single layer runs, widths, neighbours that fuse, mistakes.
 * check_conformance_layers.c tests each layer alone. */
#include "layer_rig.h"

#include "conformance.h"

/* ---- gradients -------------------------------------------------------------------------------------------------- */

static double loss(pass *p, const rig *g, const float *x, const float *dy, float *y) {
    double sum = 0;
    vaei_stack_pack(g->stack, &p->run, p->slot.pack);
    vaei_stack_forward(g->stack, &p->run, &p->slot, x, y);
    for (int64_t i = 0; i < p->run.n * out_size(g); i++) sum += (double)dy[i] * (double)y[i];
    return sum;
}

/* d loss / d *value by two central differences, the error of order h^2 removed. */
static double slope(pass *p, const rig *g, float *value, const float *x, const float *dy, float *y) {
    const float at = *value, h = 1.0f / 32;
    double difference[2];
    for (int i = 0; i < 2; i++) {
        const float step = i == 0 ? h : 2 * h;
        *value = at + step;
        const double above = loss(p, g, x, dy, y), hi = (double)*value;
        *value = at - step;
        const double below = loss(p, g, x, dy, y), lo = (double)*value;
        difference[i] = (above - below) / (hi - lo);
    }
    *value = at;
    return (4 * difference[0] - difference[1]) / 3;
}

/* Returns the largest difference quotient. A gradient may be 0 as a whole - nothing sees the bias of keys - so errors are
 * measured against at least `floor`. */
static double assert_gradient(pass *p, const rig *g, float *values, const float *gradient, int64_t count, const float *x, const float *dy,
                              float *y, double floor, const char *what) {
    double *want = calloc((size_t)count, sizeof(double)), largest = 0;
    for (int64_t i = 0; i < count; i++) {
        want[i] = slope(p, g, &values[i], x, dy, y);
        largest = fmax(largest, fabs(want[i]));
    }
    const double scale = fmax(largest, floor);
    for (int64_t i = 0; i < count; i++)
        if (!(fabs((double)gradient[i] - want[i]) <= 1e-3 * scale))
            ck_abort_msg("%s: gradient %lld is %.6g, wanted %.6g of at most %.3g", what, (long long)i, (double)gradient[i], want[i], scale);
    free(want);
    return largest;
}

static void check_gradients(rig *g, const char *text) {
    const int64_t n = 3, in = n * in_size(g), out = n * out_size(g);
    float *x = make_input(in), *dy = make_gradient(out), *y = block_make(floats(out)), *dx = block_make(floats(in));
    float *grads = block_make(floats(g->params.n_floats));
    char what[512];
    pass p;
    train(g, n, x, dy, NULL, y, dx, grads);
    pass_open(&p, g, n, 1, NULL);
    snprintf(what, sizeof(what), "%s: x", text);
    const double scale = assert_gradient(&p, g, x, dx, in, x, dy, y, 0, what);
    ck_assert_msg(scale > 1e-3, "%s: the loss does not depend on it", what);
    for (int64_t i = 0; i < g->params.count; i++) {
        const vaei_param *q = g->params.at[i];
        if (!(q->flags & VAEI_PARAM_TRAINED)) continue;
        snprintf(what, sizeof(what), "%s: %s", text, q->name);
        assert_gradient(&p, g, g->values + q->offset, grads + q->offset, q->count, x, dy, y, 0.1 * scale, what);
    }
    pass_close(&p, g);
    block_free(x, floats(in));
    block_free(dy, floats(out));
    block_free(y, floats(out));
    block_free(dx, floats(in));
    block_free(grads, floats(g->params.n_floats));
}

/* Options that take another way through the code, and neighbours that work in each other's output. */
static const struct {
    const char *text;
    vaei_shape in;
} more[] = {
    {"linear out=5", {3, {3, 4, 6, 0}}},
    {"linear out=3 | tanh | linear out=2 bias=false", {2, {5, 7, 0, 0}}},
    {"linear out=4 | tanh | linear out=3", {4, {2, 3, 2, 5}}},
    {"conv2d out=6 kernel=3 stride=2 pad=same groups=6", {3, {5, 4, 6, 0}}},
    {"conv2d out=2 kernel=3 pad=1 pad_mode=circular", {3, {5, 4, 2, 0}}},
    {"conv2d out=2 kernel=3x2 stride=2 pad=2x1x0x3 pad_mode=reflect pad_mode_x=circular | relu | "
     "conv2d out=2 kernel=3 pad=1 pad_mode=zeros pad_mode_x=reflect",
     {3, {5, 4, 2, 0}}},
    {"deconv2d out=4 kernel=3x2 stride=2x1 pad=1x0x0x1 groups=2", {3, {3, 4, 6, 0}}},
    {"deconv2d out=3 kernel=2 stride=3 pad=same dilation=1", {3, {3, 2, 2, 0}}},
    {"deconv2d out=3 kernel=4 stride=2 pad=same dilation=2 bias=false", {3, {3, 4, 2, 0}}},
    {"groupnorm groups=1", {1, {12, 0, 0, 0}}},
    {"groupnorm groups=6", {3, {3, 2, 6, 0}}},
    {"reshape 6x16x2", {3, {6, 8, 4, 0}}},
    {"conv2d out=16 kernel=3 pad=1", {3, {6, 5, 16, 0}}},         /* by Winograd */
    {"conv2d out=1 kernel=3 pad=1", {3, {5, 4, 17, 0}}},          /* few channels out */
    {"conv2d out=17 kernel=3 stride=2 pad=1", {3, {5, 4, 1, 0}}}, /* few channels in */
    {"conv2d out=5 kernel=1", {3, {3, 4, 6, 0}}},
    {"conv2d out=8 kernel=2 stride=3", {3, {8, 6, 2, 0}}},          /* pixels that no tap meets */
    {"deconv2d out=3 kernel=4 stride=2 pad=1", {3, {3, 2, 17, 0}}}, /* phases, few channels out */
    {"deconv2d out=6 kernel=3 stride=2x3 pad=1 output_pad=1x2 groups=6", {3, {3, 2, 6, 0}}},
    {"deconv2d out=4 kernel=3 stride=1 pad=1", {3, {3, 4, 3, 0}}},
    {"conv2d out=6 kernel=3 pad=2 dilation=2 groups=3 pad_mode=reflect", {3, {4, 5, 3, 0}}},
    {"attention heads=3 causal=true", {2, {5, 6, 0, 0}}},
    {"residual { groupnorm groups=2 | attention heads=2 }", {3, {2, 3, 4, 0}}},
    {"residual { groupnorm groups=2 | silu | conv2d out=4 kernel=3 pad=1 } | tanh", {3, {4, 3, 4, 0}}},
    {"residual { tanh } { sigmoid }", {3, {4, 3, 4, 0}}},
    {"residual { } { conv2d out=4 kernel=1 | sigmoid }", {3, {4, 3, 4, 0}}},
    {"residual { residual { linear out=6 | dropout p=0.25 | tanh } | linear out=6 } | softplus", {1, {6, 0, 0, 0}}},
    {"conv2d out=4 kernel=3 bias=false | batchnorm | silu | deconv2d out=2 kernel=3 stride=2", {3, {5, 4, 2, 0}}},
    {"linear out=9 | sigmoid | dropout p=0.25 | layernorm | elu | linear out=4 | gelu", {1, {7, 0, 0, 0}}},
};

/* Of any number of channels, which %d stands for. */
static const struct {
    const char *text;
} widths[] = {
    {"flatten | linear out=%d | gelu | layernorm"},
    {"conv2d out=%d kernel=1 | silu | conv2d out=3 kernel=1"},
    {"conv2d out=%d kernel=3 pad=1 | batchnorm | relu | conv2d out=%d kernel=3 pad=1"},
    {"conv2d out=2 kernel=3 pad=1 | softplus | conv2d out=%d kernel=2"},
    {"conv2d out=%d kernel=3 pad=1 groups=%d | groupnorm groups=1 | tanh"},
    {"deconv2d out=%d kernel=4 stride=2 pad=1 | elu | avgpool kernel=2"},
    {"deconv2d out=%d kernel=3 pad=1 groups=%d | leaky_relu | maxpool kernel=2"},
    {"attention | sigmoid"},
    {"residual { groupnorm groups=1 | attention causal=true } | dropout p=0.25"},
    {"upsample | pixel_unshuffle | pixel_shuffle | flatten | softplus"},
};

START_TEST(test_layer_gradients_of_more_texts_equal_finite_differences) {
    rig g;
    ck_assert_msg(rig_open(&g, more[_i].text, &more[_i].in) == VAE_OK, "%s: %s", more[_i].text, vaei_fail_text());
    check_gradients(&g, more[_i].text);
    rig_close(&g);
}
END_TEST

/* ---- equal bits ------------------------------------------------------------------------------------------------- */

/* y and gradients of training, and y of inference, on every table against the portable one. */
static void check_tables(rig *g, int64_t n, const char *text) {
    const int64_t in = n * in_size(g), out = n * out_size(g), count = g->params.n_floats;
    float *x = make_input(in), *dy = make_gradient(out), *want[4], *got[4];
    const int64_t sizes[4] = {out, in, count, out};
    for (int32_t isa = ISA_FIRST; isa < ISA_END; isa++) {
        if (!(rig_table = vaei_kernels_select(isa, 0))) continue;
        float **const to = isa == ISA_FIRST ? want : got;
        for (int i = 0; i < 3; i++) to[i] = block_make(floats(sizes[i]));
        train(g, n, x, dy, NULL, to[0], to[1], to[2]);
        to[3] = infer(g, n, x, NULL);
        for (int i = 0; isa != ISA_FIRST && i < 4; i++) {
            assert_same(got[i], want[i], sizes[i], text);
            block_free(got[i], floats(sizes[i]));
        }
    }
    rig_table = NULL;
    for (int i = 0; i < 4; i++) block_free(want[i], floats(sizes[i]));
    block_free(x, floats(in));
    block_free(dy, floats(out));
}

START_TEST(test_layer_results_of_more_texts_do_not_depend_on_the_instruction_set) {
    rig g;
    ck_assert_msg(rig_open(&g, more[_i].text, &more[_i].in) == VAE_OK, "%s: %s", more[_i].text, vaei_fail_text());
    check_tables(&g, 3, more[_i].text);
    rig_close(&g);
}
END_TEST

/* Every layer of one to 67 channels on every table: no vector is full, one is, one and a part. */
START_TEST(test_layer_widths_from_1_to_67_do_not_depend_on_the_instruction_set) {
    char text[256];
    for (int64_t c = 1; c <= 67; c++) {
        rig g;
        const vaei_shape image = {3, {3, 2, c, 0}};
        snprintf(text, sizeof(text), widths[_i].text, (int)c, (int)c);
        const vae_status_t status = rig_open(&g, text, &image);
        ck_assert_msg(status == VAE_OK, "%s: %s", text, vaei_fail_text());
        check_tables(&g, 2, text);
        rig_close(&g);
    }
}
END_TEST

/* ---- neighbours ------------------------------------------------------------------------------------------------- */

/* The layers of a text one by one, each a stack of its own, with the parameters that they have in the whole. */
static float *run_apart(const rig *whole, const char *const *texts, int64_t n, int32_t training, const float *x) {
    vaei_shape shape = whole->stack->in;
    int64_t done = 0;
    float *from = block_make(floats(n * vaei_shape_size(&shape)));
    memcpy(from, x, floats(n * vaei_shape_size(&shape)));
    for (; *texts; texts++) {
        rig g;
        pass p;
        ck_assert_msg(rig_open(&g, *texts, &shape) == VAE_OK, "%s: %s", *texts, vaei_fail_text());
        for (int64_t i = 0; i < g.params.count; i++) {
            const vaei_param *a = g.params.at[i], *b = whole->params.at[done++];
            ck_assert_int_eq(a->count, b->count);
            memcpy(g.values + a->offset, whole->values + b->offset, floats(a->count));
        }
        float *y = block_make(floats(n * out_size(&g)));
        pass_open(&p, &g, n, training, NULL);
        vaei_stack_forward(g.stack, &p.run, &p.slot, from, y);
        pass_close(&p, &g);
        block_free(from, floats(n * vaei_shape_size(&shape)));
        from = y;
        shape = g.stack->out;
        rig_close(&g);
    }
    return from;
}

/* Both modes of "first | second | third" (third may be NULL) against the layers one by one. */
static void check_joined(const char *const texts[4], double tolerance) {
    rig g;
    char text[512];
    static const vaei_shape shapes[] = {{3, {6, 8, 4, 0}}, {1, {24, 0, 0, 0}}, {2, {5, 6, 0, 0}}};
    snprintf(text, sizeof(text), "%s | %s%s%s", texts[0], texts[1], texts[2] ? " | " : "", texts[2] ? texts[2] : "");
    rig_open_on(&g, text, shapes, VAEI_COUNT(shapes));
    const int64_t n = 3, in = n * in_size(&g), out = n * out_size(&g);
    float *x = make_input(in), *dy = make_gradient(out), *y = block_make(floats(out)), *grads = block_make(floats(g.params.n_floats));
    float *inferred = infer(&g, n, x, NULL), *apart = run_apart(&g, texts, n, 0, x), *apart_training = run_apart(&g, texts, n, 1, x);
    train(&g, n, x, dy, NULL, y, NULL, grads);
    if (tolerance > 0) assert_close(inferred, apart, out, tolerance, text);
    else assert_same(inferred, apart, out, text);
    assert_same(y, apart_training, out, text);
    float *const blocks[] = {dy, y, inferred, apart, apart_training};
    for (size_t i = 0; i < VAEI_COUNT(blocks); i++) block_free(blocks[i], floats(out));
    block_free(x, floats(in));
    block_free(grads, floats(g.params.n_floats));
    rig_close(&g);
}

/* The example that the manual shows. */
static const char *first_example(const vaei_layer_ops *ops, char text[EXAMPLE_MAX]) {
    ck_assert(example_at(&ops->module, 0, text));
    return text;
}

START_TEST(test_layer_with_an_activation_joined_gives_the_same_bits) {
    const vaei_layer_ops *ops = (const vaei_layer_ops *)(const void *)vaei_layers[_i];
    char text[2][EXAMPLE_MAX];
    for (size_t i = 0; ops->flags & VAEI_LAYER_TAKES_EPILOGUE && i < vaei_layers_count; i++) {
        const vaei_layer_ops *other = (const vaei_layer_ops *)(const void *)vaei_layers[i];
        const char *const texts[4] = {first_example(ops, text[0]), first_example(other, text[1])};
        if (other->map) check_joined(texts, 0);
    }
}
END_TEST

START_TEST(test_layer_with_a_normalisation_folded_is_equal_to_1e_6) {
    const vaei_layer_ops *ops = (const vaei_layer_ops *)(const void *)vaei_layers[_i];
    char text[2][EXAMPLE_MAX];
    for (size_t i = 0; ops->flags & VAEI_LAYER_TAKES_FOLD && i < vaei_layers_count; i++) {
        const vaei_layer_ops *other = (const vaei_layer_ops *)(const void *)vaei_layers[i];
        const char *const pair[4] = {first_example(ops, text[0]), first_example(other, text[1])};
        const char *const triple[4] = {pair[0], pair[1], "silu"};
        if (!other->fold) continue;
        check_joined(pair, 1e-6);
        check_joined(triple, 1e-6);
    }
}
END_TEST

/* ---- mistakes --------------------------------------------------------------------------------------------------- */

#define IMAGE          \
    {                  \
        3, {           \
            6, 8, 4, 0 \
        }              \
    }
#define VECTOR          \
    {                   \
        1, {            \
            24, 0, 0, 0 \
        }               \
    }
static const struct {
    const char *text;
    vaei_shape in;
    vae_status_t status;
    const char *sentence;
} mistakes[] = {
    {"linear", VECTOR, VAE_E_SPEC, "encoder.0 linear: out is missing"},
    {"linear out=0", VECTOR, VAE_E_SPEC, "encoder.0 linear: out=0, wanted 1..65536"},
    {"linear outs=3", VECTOR, VAE_E_SPEC, "encoder.0 linear: no option 'outs' (did you mean 'out'?)"},
    {"linear out=3 bias=maybe", VECTOR, VAE_E_SPEC, "encoder.0 linear: bias=maybe, wanted true|false"},
    {"linear out=3 init=xavie", VECTOR, VAE_E_SPEC,
     "encoder.0 linear: init=xavie, wanted pytorch|xavier|kaiming|zeros (did you mean 'xavier'?)"},
    {"conv2d out=3", IMAGE, VAE_E_SPEC, "encoder.0 conv2d: kernel is missing"},
    {"conv2d out=3 kernel=3", VECTOR, VAE_E_SHAPE, "encoder.0: conv2d: wants height x width x channels, got 24: put reshape before it"},
    {"conv2d out=3 kernel=9x1 pad=1x0", IMAGE, VAE_E_SHAPE,
     "encoder.0: conv2d: the kernel covers 9 pixels of height, and the padded image has 8"},
    {"conv2d out=3 kernel=1x5 dilation=2", IMAGE, VAE_E_SHAPE,
     "encoder.0: conv2d: the kernel covers 9 pixels of width, and the padded image has 8"},
    {"conv2d out=6 kernel=3 groups=3", IMAGE, VAE_E_SHAPE, "encoder.0: conv2d: groups=3 does not divide 4 channels into 6"},
    {"conv2d out=3 kernel=3 groups=2", IMAGE, VAE_E_SHAPE, "encoder.0: conv2d: groups=2 does not divide 4 channels into 3"},
    {"conv2d out=3 kernel=0", IMAGE, VAE_E_SPEC, "encoder.0 conv2d: kernel=0, wanted 1..1024"},
    {"deconv2d out=3 kernel=3 groups=2", IMAGE, VAE_E_SHAPE, "encoder.0: deconv2d: groups=2 does not divide 4 channels into 3"},
    {"deconv2d out=3 kernel=3 stride=2 output_pad=2", IMAGE, VAE_E_SHAPE,
     "encoder.0: deconv2d: output_pad=2 must be smaller than the stride or the dilation"},
    {"deconv2d out=3 kernel=3 pad=same output_pad=1", IMAGE, VAE_E_SHAPE,
     "encoder.0: deconv2d: pad=same and output_pad exclude each other"},
    {"deconv2d out=3 kernel=1x3 pad=3x0", IMAGE, VAE_E_SHAPE,
     "encoder.0: deconv2d: pad crops 6 pixels of height, and the result has only 6"},
    {"linear out=3 tie=encoder.7", VECTOR, VAE_E_SPEC, "encoder.0: linear: tie=encoder.7: there is no layer at that place before this one"},
    {"linear out=3 tie=encoder.0", VECTOR, VAE_E_SPEC, "encoder.0: linear: tie=encoder.0: there is no layer at that place before this one"},
    {"linear out=3 tie=encoder", VECTOR, VAE_E_SPEC, "encoder.0: linear: tie=encoder: there is no layer at that place before this one"},
    {"linear out=24 tie=encoder.1 | linear out=24", VECTOR, VAE_E_SPEC,
     "encoder.0: linear: tie=encoder.1: there is no layer at that place before this one"},
    {"linear out=3 tie=encoder..0", VECTOR, VAE_E_SPEC, "encoder.0 linear: tie=encoder..0, wanted a place such as encoder.0, or none"},
    {"relu | linear out=3 tie=encoder.0", VECTOR, VAE_E_SPEC, "encoder.1: linear: tie=encoder.0: relu has no weight to share"},
    {"attention | linear out=4 tie=encoder.0", IMAGE, VAE_E_SPEC, "encoder.1: linear: tie=encoder.0: attention has no weight to share"},
    {"linear out=3 | linear out=23 tie=encoder.0", VECTOR, VAE_E_SHAPE,
     "encoder.1: linear: tie=encoder.0: its weight is 3x24, wanted 23x3 or 3x23"},
    {"linear out=3 | linear out=3 tie=encoder.0.T", VECTOR, VAE_E_SHAPE,
     "encoder.1: linear: tie=encoder.0.T: its weight is 3x24, wanted 3x3"},
    {"conv2d out=4 kernel=3 | linear out=4 tie=encoder.0", IMAGE, VAE_E_SHAPE,
     "encoder.1: linear: tie=encoder.0: its weight is 4x4x3x3, wanted 4x4"},
    {"layernorm | conv2d out=4 kernel=1 tie=encoder.0", IMAGE, VAE_E_SHAPE,
     "encoder.1: conv2d: tie=encoder.0: its weight is 4, wanted 4x4x1x1"},
    {"conv2d out=3 kernel=3x5 | conv2d out=4 kernel=3x5 pad=2 tie=encoder.0", IMAGE, VAE_E_SHAPE,
     "encoder.1: conv2d: tie=encoder.0: its weight is 3x4x3x5, wanted 4x3x3x5"},
    {"linear out=24 | linear out=24 tie=encoder.0 | linear out=24 tie=encoder.1", VECTOR, VAE_E_SPEC,
     "encoder.2: linear: tie=encoder.1: that layer is tied to encoder.0: tie to that one"},
    {"linear out=24 | repeat n=2 { relu | linear out=24 tie=encoder.0 }", VECTOR, VAE_E_SPEC,
     "encoder.4: linear: tie=encoder.0: the layer is inside a repeat: write its layers one by one"},
    {"batchnorm eps=0", IMAGE, VAE_E_SPEC, "encoder.0 batchnorm: eps=0, wanted (0..1]"},
    {"groupnorm groups=3", IMAGE, VAE_E_SHAPE, "encoder.0: groupnorm: groups=3 does not divide 4 channels"},
    {"dropout p=1", IMAGE, VAE_E_SPEC, "encoder.0 dropout: p=1, wanted [0..1)"},
    {"reshape", VECTOR, VAE_E_SPEC, "encoder.0 reshape: shape is missing"},
    {"reshape 5x5", VECTOR, VAE_E_SHAPE, "encoder.0: reshape: 24 holds 24 values, 5x5 holds 25"},
    {"upsample factor=17", IMAGE, VAE_E_SPEC, "encoder.0 upsample: factor=17, wanted 1..16"},
    {"avgpool kernel=2 pad=2", IMAGE, VAE_E_SHAPE, "encoder.0: avgpool: pad of 2, must be smaller than the kernel of 2"},
    {"maxpool kernel=7x2", IMAGE, VAE_E_SHAPE, "encoder.0: maxpool: the kernel covers 7 pixels of height, and the padded image has 6"},
    {"residual", IMAGE, VAE_E_SPEC, "encoder.0: residual: wants layers in braces"},
    {"residual { } { } { }", IMAGE, VAE_E_SPEC, "encoder.0 residual: more than a body and a shortcut in braces"},
    {"residual { conv2d out=4 kernel=3 }", IMAGE, VAE_E_SHAPE, "encoder.0 residual: the body makes 4x6x4, the input is 6x8x4"},
    {"residual { relu } { flatten }", IMAGE, VAE_E_SHAPE, "encoder.0 residual: the body makes 6x8x4, the shortcut makes 192"},
    {"residual { relu | lineer out=4 }", IMAGE, VAE_E_SPEC,
     "line 1, column 27: encoder.0.body.1: no layer 'lineer' (did you mean 'linear'?)"},
    {"leaky_relu slope=2", IMAGE, VAE_E_SPEC, "encoder.0 leaky_relu: slope=2, wanted 0..1"},
    {"elu alpha=0", IMAGE, VAE_E_SPEC, "encoder.0 elu: alpha=0, wanted (0..100]"},
    {"hardtanh min=1", IMAGE, VAE_E_SPEC, "encoder.0: hardtanh: min is not below max"},
    {"rescale factor=0", IMAGE, VAE_E_SPEC, "encoder.0: rescale: factor is 0"},
    {"relu slope=1", IMAGE, VAE_E_SPEC, "encoder.0 relu: no option 'slope'"},
    {"relu { tanh }", IMAGE, VAE_E_SPEC, "line 1, column 9: encoder.0 relu: takes no braces"},
};

START_TEST(test_layer_mistakes_are_told_in_these_words) {
    rig g;
    ck_assert_int_eq(rig_open(&g, mistakes[_i].text, &mistakes[_i].in), mistakes[_i].status);
    ck_assert_str_eq(vaei_fail_text(), mistakes[_i].sentence);
    vaei_arena_free(&g.arena);
}
END_TEST

Suite *suite_layers(void) {
    const int count = (int)vaei_layers_count;
    Suite *s = suite_create("layers");
    TCase *t = tcase_create("contract");
    suite_add_tcase(s, t);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, test_layer_gradients_of_more_texts_equal_finite_differences, 0, (int)VAEI_COUNT(more));
    tcase_add_loop_test(t, test_layer_results_of_more_texts_do_not_depend_on_the_instruction_set, 0, (int)VAEI_COUNT(more));
    tcase_add_loop_test(t, test_layer_widths_from_1_to_67_do_not_depend_on_the_instruction_set, 0, (int)VAEI_COUNT(widths));
    tcase_add_loop_test(t, test_layer_with_an_activation_joined_gives_the_same_bits, 0, count);
    tcase_add_loop_test(t, test_layer_with_a_normalisation_folded_is_equal_to_1e_6, 0, count);
    tcase_add_loop_test(t, test_layer_mistakes_are_told_in_these_words, 0, (int)VAEI_COUNT(mistakes));
    return s;
}
