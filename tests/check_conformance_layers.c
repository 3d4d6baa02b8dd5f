/* SPDX-License-Identifier: MIT
 * check_conformance_layers.c - tests every example of every layer of layers.def against the promises of layer.h, on each shape that it
 * accepts. */
#include "layer_rig.h"

#include "conformance.h"

/* ---- gradients ---------------------------------------------------------------------------------------------------- */

typedef struct probe {
    rig *g;
    pass p;
    float *x, *dy, *y, *dx, *grads;
    int64_t in, out;
} probe;

static void probe_open(probe *a, rig *g, int64_t n) {
    *a = (probe){.g = g, .in = n * in_size(g), .out = n * out_size(g)};
    a->x = make_input(a->in);
    a->dy = make_gradient(a->out);
    a->y = block_make(floats(a->out));
    a->dx = block_make(floats(a->in));
    a->grads = block_make(floats(g->params.n_floats));
    pass_open(&a->p, g, n, 1, NULL);
}

static void probe_close(probe *a) {
    pass_close(&a->p, a->g);
    block_free(a->x, floats(a->in));
    block_free(a->dy, floats(a->out));
    block_free(a->y, floats(a->out));
    block_free(a->dx, floats(a->in));
    block_free(a->grads, floats(a->g->params.n_floats));
}

static double loss(void *arg) {
    probe *a = arg;
    double sum = 0;
    vaei_stack_pack(a->g->stack, &a->p.run, a->p.slot.pack);
    vaei_stack_forward(a->g->stack, &a->p.run, &a->p.slot, a->x, a->y);
    for (int64_t i = 0; i < a->out; i++) sum += (double)a->dy[i] * (double)a->y[i];
    return sum;
}

static const char *gradients_of(probe *a) {
    const rig *g = a->g;
    double scale = 0;
    train(g, a->p.run.n, a->x, a->dy, NULL, a->y, a->dx, a->grads);
    CONFORM(gradient_is("x", loss, a, a->x, a->dx, a->in, 1.0f / 32, 1e-3, 1e-6));
    for (int64_t i = 0; i < a->in; i++) scale = fmax(scale, fabs((double)a->dx[i]));
    const int32_t none = g->stack->layer[0]->ops->flags & (VAEI_LAYER_OF_TOKENS | VAEI_LAYER_IGNORES_X);
    if (none && scale > 0) return broken("gradient: this layer's x has none");
    if (!none && !(scale > 1e-3)) return broken("gradient: the loss does not depend on x");
    for (int64_t i = 0; i < g->params.count; i++) { /* one may be 0 as a whole: nothing sees the bias of keys */
        const vaei_param *q = g->params.at[i];
        if (!(q->flags & VAEI_PARAM_TRAINED)) continue;
        CONFORM(gradient_is(q->name, loss, a, g->values + q->offset, a->grads + q->offset, q->count, 1.0f / 32, 1e-3, 0.1 * scale));
    }
    return NULL;
}

static const char *gradients(rig *g) {
    probe a;
    probe_open(&a, g, 3); /* of two values batch norm makes two signs */
    const char *const failure = gradients_of(&a);
    probe_close(&a);
    return failure;
}

/* Twice backward adds up, without dx too; forward run twice leaves what it leaves once. */
static const char *adding_of(probe *a) {
    const rig *g = a->g;
    const int64_t count = g->params.n_floats;
    float *spent = block_make(floats(a->out));
    const char *failure = NULL;
    train(g, a->p.run.n, a->x, a->dy, NULL, a->y, a->dx, a->grads);
    for (int i = 0; i < 2; i++) {
        memcpy(spent, a->dy, floats(a->out));
        vaei_stack_forward(g->stack, &a->p.run, &a->p.slot, a->x, a->y);
        vaei_stack_forward(g->stack, &a->p.run, &a->p.slot, a->x, a->y);
        vaei_stack_backward(g->stack, &a->p.run, &a->p.slot, a->x, a->y, spent, NULL);
        if (i == 0) failure = same_bytes("forward twice, without dx", "a gradient", a->p.grads, a->grads, floats(count));
    }
    for (int64_t i = 0; i < count && !failure; i++)
        if (!(fabs((double)a->p.grads[i] - 2 * (double)a->grads[i]) <= 1e-5 * (1 + fabs((double)a->grads[i]))))
            failure = broken("adding: gradient %lld is %.6g after two passes, one gives %.6g", (long long)i, (double)a->p.grads[i],
                             (double)a->grads[i]);
    block_free(spent, floats(a->out));
    return failure;
}

static const char *adding(rig *g) {
    probe a;
    probe_open(&a, g, 2);
    const char *const failure = adding_of(&a);
    probe_close(&a);
    return failure;
}

/* ---- examples apart ----------------------------------------------------------------------------------------------- */

/* Whether a layer of the stack says that it mixes the batch: then, and only then, training one by one gives something else. */
static int32_t says_mixing(const vaei_stack *s) {
    for (int32_t i = 0; i < s->n; i++) {
        if (s->layer[i]->ops->flags & VAEI_LAYER_MIXES_BATCH) return 1;
        for (int32_t j = 0; j < VAEI_LAYER_BODIES; j++)
            if (s->layer[i]->body[j] && says_mixing(s->layer[i]->body[j])) return 1;
    }
    return 0;
}

static const char *training_apart(rig *g) {
    enum { EXAMPLES = 3 };
    const int64_t in = in_size(g), out = out_size(g);
    float *const y = block_make(floats(out)), *const dx = block_make(floats(in));
    int32_t differs = 0;
    probe a;
    probe_open(&a, g, EXAMPLES);
    train(g, EXAMPLES, a.x, a.dy, NULL, a.y, a.dx, a.grads);
    for (int64_t i = 0; i < EXAMPLES; i++) {
        pass p;
        g->first = i;
        pass_open(&p, g, 1, 1, NULL);
        vaei_stack_forward(g->stack, &p.run, &p.slot, a.x + i * in, y);
        differs |= memcmp(y, a.y + i * out, floats(out)) != 0;
        vaei_stack_backward(g->stack, &p.run, &p.slot, a.x + i * in, y, a.dy + i * out, dx);
        differs |= memcmp(dx, a.dx + i * in, floats(in)) != 0;
        pass_close(&p, g);
    }
    g->first = 0;
    probe_close(&a);
    block_free(y, floats(out));
    block_free(dx, floats(in));
    if (differs && !says_mixing(g->stack)) return broken("training: an example depends on the others, without VAEI_LAYER_MIXES_BATCH");
    if (!differs && says_mixing(g->stack)) return broken("training: no example depends on the others, but VAEI_LAYER_MIXES_BATCH is set");
    return NULL;
}

static const char *inference_apart(rig *g) {
    enum { EXAMPLES = 7 };
    static const int64_t parts[] = {1, 3};
    const int64_t in = in_size(g), out = out_size(g);
    float *const x = make_input(EXAMPLES * in), *const whole = infer(g, EXAMPLES, x, NULL);
    const char *failure = NULL;
    for (size_t i = 0; i < VAEI_COUNT(parts); i++)
        for (int64_t first = 0; first < EXAMPLES && !failure; first += parts[i]) {
            const int64_t count = EXAMPLES - first < parts[i] ? EXAMPLES - first : parts[i];
            g->first = first;
            float *y = infer(g, count, x + first * in, NULL);
            failure = same_bytes("inference", "an example apart", y, whole + first * out, floats(count * out));
            block_free(y, floats(count * out));
        }
    g->first = 0;
    block_free(x, floats(EXAMPLES * in));
    block_free(whole, floats(EXAMPLES * out));
    return failure;
}

/* ---- threads and tables ------------------------------------------------------------------------------------------- */

/* What training and inference give of n examples: y, dx, gradients, y of inference; one block each. */
typedef struct results {
    float *at[4];
    int64_t count[4];
} results;

static results results_of(const rig *g, int64_t n, const vaei_pool *pool) {
    results a = {.count = {n * out_size(g), n * in_size(g), g->params.n_floats, n * out_size(g)}};
    float *x = make_input(a.count[1]), *dy = make_gradient(a.count[0]);
    for (int i = 0; i < 3; i++) a.at[i] = block_make(floats(a.count[i]));
    train(g, n, x, dy, pool, a.at[0], a.at[1], a.at[2]);
    a.at[3] = infer(g, n, x, pool);
    block_free(x, floats(a.count[1]));
    block_free(dy, floats(a.count[0]));
    return a;
}

static void results_free(results *a) {
    for (int i = 0; i < 4; i++) block_free(a->at[i], floats(a->count[i]));
}

static const char *same_results(const char *promise, const results *want, results *got) {
    static const char *const names[4] = {"y", "dx", "a gradient", "y of inference"};
    const char *failure = NULL;
    for (int i = 0; i < 4 && !failure; i++) failure = same_bytes(promise, names[i], got->at[i], want->at[i], floats(want->count[i]));
    results_free(got);
    return failure;
}

static const char *threads(rig *g) {
    static const int32_t counts[] = {2, 3, 7};
    results want = results_of(g, 7, NULL);
    const char *failure = NULL;
    for (size_t t = 0; t < VAEI_COUNT(counts) && !failure; t++) {
        vaei_pool *pool;
        ck_assert_int_eq(vaei_pool_create(&pool, &g->heap, counts[t], NULL, NULL), VAE_OK);
        results got = results_of(g, 7, pool);
        failure = same_results("threads", &want, &got);
        vaei_pool_destroy(pool);
    }
    results_free(&want);
    return failure;
}

static const char *tables(rig *g) {
    const char *failure = NULL;
    results want = {0};
    for (int32_t isa = ISA_FIRST; isa < ISA_END; isa++) {
        if (!(rig_table = vaei_kernels_select(isa, 0))) continue;
        results got = results_of(g, 3, NULL);
        if (!want.at[0]) want = got;
        else if (failure) results_free(&got);
        else failure = same_results(rig_table->name, &want, &got);
    }
    rig_table = NULL;
    results_free(&want);
    return failure;
}

/* ---- what the flags and the range say ------------------------------------------------------------------------------ */

static const char *in_place(rig *g) {
    const vaei_layer *l = g->stack->layer[0];
    const int64_t n = 3, count = n * in_size(g);
    const char *failure = NULL;
    if (!(l->ops->flags & VAEI_LAYER_IN_PLACE)) return NULL;
    if (out_size(g) != in_size(g)) return broken("in place: y is not as large as x");
    float *x = make_input(count), *dy = make_gradient(count), *y = block_make(floats(count)), *dx = block_make(floats(count));
    float *both = block_make(floats(count));
    const vaei_bytes bytes = vaei_layer_bytes(l, kernels(), n, 1);
    const vaei_slot slot = {.pack = block_make(bytes.pack), .cache = block_make(bytes.cache), .scratch = block_make(bytes.scratch)};
    const vaei_run run = {.k = kernels(), .n = n, .training = 1, .params = g->values, .noise = {5, 6, 0}};
    l->ops->forward(l, &run, &slot, x, y);
    memcpy(both, x, floats(count));
    l->ops->forward(l, &run, &slot, both, both);
    failure = same_bytes("in place", "y", both, y, floats(count));
    l->ops->backward(l, &run, &slot, NULL, y, dy, dx);
    l->ops->backward(l, &run, &slot, NULL, y, dy, dy);
    if (!failure) failure = same_bytes("in place", "dx", dy, dx, floats(count));
    block_free(slot.pack, bytes.pack);
    block_free(slot.cache, bytes.cache);
    block_free(slot.scratch, bytes.scratch);
    float *const blocks[] = {x, y, dy, dx, both};
    for (size_t i = 0; i < VAEI_COUNT(blocks); i++) block_free(blocks[i], floats(count));
    return failure;
}

/* y lies where range() says, for x of the size of one and of hundreds; an elementwise function says where. */
static const char *range(rig *g) {
    const vaei_layer *l = g->stack->layer[0];
    const int64_t n = 3, in = n * in_size(g), out = n * out_size(g);
    if (l->ops->map && !l->ops->range) return broken("range: an elementwise function says where its values lie");
    if (!l->ops->range) return NULL;
    for (float scale = 1; scale <= 1000; scale *= 10) {
        float *x = make_input(in);
        vaei_interval claim = {INFINITY, -INFINITY};
        for (int64_t i = 0; i < in; i++) {
            x[i] *= scale;
            claim.lo = fminf(claim.lo, x[i]);
            claim.hi = fmaxf(claim.hi, x[i]);
        }
        l->ops->range(l, &claim);
        float *y = infer(g, n, x, NULL), lo = INFINITY, hi = -INFINITY;
        for (int64_t i = 0; i < out; i++) {
            lo = fminf(lo, y[i]);
            hi = fmaxf(hi, y[i]);
        }
        block_free(x, floats(in));
        block_free(y, floats(out));
        if (lo < claim.lo || hi > claim.hi)
            return broken("range: says %g to %g, y is from %g to %g", (double)claim.lo, (double)claim.hi, (double)lo, (double)hi);
    }
    return NULL;
}

/* What grows from 100,000 examples to 200,000 goes on so, or is SIZE_MAX: it never wraps. */
static int32_t grows_on(size_t one, size_t two, size_t many) {
    return two <= one || many == SIZE_MAX || (double)many >= 0.9 * (double)(two - one) / 100000 * (double)(INT64_MAX / 2);
}

static const char *countless(rig *g) {
    const vaei_layer *l = g->stack->layer[0];
    for (int32_t training = 0; training < 2; training++) {
        const vaei_bytes one = vaei_layer_bytes(l, kernels(), 100000, training), two = vaei_layer_bytes(l, kernels(), 200000, training);
        const vaei_bytes many = vaei_layer_bytes(l, kernels(), INT64_MAX / 2, training);
        if (!grows_on(one.cache, two.cache, many.cache) || !grows_on(one.scratch, two.scratch, many.scratch))
            return broken("memory: what cannot be counted is not asked for in full");
    }
    return NULL;
}

/* ---- all of it ------------------------------------------------------------------------------------------------------ */

static const vaei_shape small[] = {{3, {6, 8, 4, 0}}, {1, {24, 0, 0, 0}}, {2, {5, 6, 0, 0}}},
                        large[] = {{3, {36, 40, 16, 0}}, {1, {4096, 0, 0, 0}}, {2, {64, 96, 0, 0}}};

/* Opens the example on a shape and puts `ops` in its layer's place; 0: it does not take the shape. */
static int32_t open_on(rig *g, const vaei_layer_ops *ops, const char *example, const vaei_shape *shape) {
    if (rig_open(g, example, shape) != VAE_OK) {
        vaei_arena_free(&g->arena);
        return 0;
    }
    g->stack->layer[0]->ops = ops;
    return 1;
}

static const char *on_every_shape(const vaei_layer_ops *ops, const char *example, const vaei_shape *shapes, size_t count,
                                  const char *(*const *checks)(rig *g), int32_t *taken) {
    const char *failure = NULL;
    for (size_t s = 0; s < count && !failure; s++) {
        rig g;
        if (!open_on(&g, ops, example, &shapes[s])) continue;
        for (size_t i = 0; checks[i] && !failure; i++) failure = checks[i](&g);
        rig_close(&g);
        ++*taken;
    }
    return failure;
}

const char *conform_layer(const vaei_layer_ops *ops, const char *example) {
    static const char *(*const exact[])(rig * g) = {gradients, adding, training_apart, tables, in_place, range, countless, NULL};
    static const char *(*const wide[])(rig * g) = {inference_apart, training_apart, threads, NULL};
    int32_t taken = 0, taken_large = 0;
    CONFORM(on_every_shape(ops, example, small, VAEI_COUNT(small), exact, &taken));
    CONFORM(on_every_shape(ops, example, large, VAEI_COUNT(large), wide, &taken_large));
    if (taken == 0) return broken("no shape: it builds on none of the example inputs: %s", vaei_fail_text());
    return taken_large > 0 ? NULL : on_every_shape(ops, example, small, VAEI_COUNT(small), wide, &taken);
}

START_TEST(test_layer_example_conforms) {
    CONFORMS(layer, vaei_layers);
}
END_TEST

Suite *suite_conformance_layers(void);
Suite *suite_conformance_layers(void) {
    Suite *s = suite_create("conformance of layers");
    TCase *t = tcase_create("layers");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, test_layer_example_conforms, 0, examples_of(vaei_layers, vaei_layers_count));
    suite_add_tcase(s, t);
    return s;
}
