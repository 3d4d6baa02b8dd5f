/* SPDX-License-Identifier: MIT
 * check_conformance_likelihoods.c - every example of every likelihood of likelihoods.def against the contract of likelihood.h. */
#include "conformance.h"

enum { EXAMPLES = 5, SIZE = 11, MANY = 150 }; /* MANY: more examples than groups of them */

typedef struct fixture {
    vaei_heap heap;
    vaei_arena arena;
    vaei_likelihood p;
    vaei_params table;
    vaei_run run;
    float *params, *grads;
    char cache[VAEI_LIKELIHOOD_CACHE];
    float theta[MANY * SIZE], x[MANY * SIZE], dtheta[MANY * SIZE], weight[MANY];
    double nll[MANY];
} fixture;

static vae_status_t plan(fixture *f, const vaei_likelihood_ops *ops, const char *example) {
    char text[EXAMPLE_MAX + 20];
    vaei_document document;
    vaei_build build;
    const vaei_module *module;
    void *conf;
    snprintf(text, sizeof(text), "likelihood %s\n", example);
    vaei_build_init(&build, &f->arena);
    VAEI_TRY(vaei_document_parse(&document, &f->arena, text, strlen(text)));
    vaei_node *node = document.first->pipeline.first;
    VAEI_TRY(vaei_module_find(&module, vaei_likelihoods, vaei_likelihoods_count, "likelihood", node, "test"));
    VAEI_TRY(vaei_module_bind(&conf, module, node, &f->arena, "test"));
    f->p = (vaei_likelihood){.ops = ops, .conf = conf, .x = {1, {SIZE}}, .size = SIZE};
    if (ops->plan) VAEI_TRY(ops->plan(&f->p, &build));
    return vaei_build_finish(&build, &f->table);
}

static void fill(fixture *f) {
    dice d = {77};
    dice_fill(&d, MANY * SIZE, f->theta);
    dice_fill(&d, MANY * SIZE, f->x);
    for (int i = 0; i < MANY * SIZE; i++) f->x[i] = fabsf(f->x[i]); /* within the range of every likelihood */
    for (int i = 0; i < MANY * SIZE; i++) /* far enough apart that no difference meets a kink at theta = x */
        if (fabsf(f->theta[i] - f->x[i]) < 0.05f) f->theta[i] = f->x[i] + 0.05f;
    for (int i = 0; i < MANY; i++) f->weight[i] = 0.1f + 0.15f * (float)(i % 7);
}

static fixture *fixture_open(const vaei_likelihood_ops *ops, const char *example) {
    fixture *const f = calloc(1, sizeof(*f));
    vaei_heap_init_default(&f->heap);
    vaei_arena_init(&f->arena, &f->heap);
    ck_assert_msg(plan(f, ops, example) == VAE_OK, "%s: %s", example, vaei_fail_text());
    f->params = calloc((size_t)f->table.n_floats + 1, sizeof(float));
    f->grads = calloc((size_t)f->table.n_floats + 1, sizeof(float));
    f->run = (vaei_run){.k = vaei_kernels_select(0, 0), .n = EXAMPLES, .training = 1, .params = f->params, .grads = f->grads};
    vaei_params_init(&f->table, f->run.k, 3, f->params);
    fill(f);
    return f;
}

static const char *fixture_close(fixture *f, const char *failure) {
    vaei_arena_free(&f->arena);
    if (!failure && f->heap.in_use != 0) failure = broken("memory: %zu bytes are left", f->heap.in_use);
    free(f->params), free(f->grads), free(f);
    return failure;
}

static double value(void *arg) {
    fixture *f = arg;
    double sum = 0;
    f->p.ops->nll(&f->p, &f->run, f->cache, f->theta, f->x, f->nll);
    for (int64_t i = 0; i < f->run.n; i++) sum += (double)f->weight[i] * f->nll[i];
    return sum;
}

static void backward(fixture *f) {
    (void)value(f);
    memset(f->grads, 0, (size_t)f->table.n_floats * sizeof(float));
    f->p.ops->backward(&f->p, &f->run, f->cache, f->theta, f->x, f->weight, f->dtheta);
}

static const char *gradients(fixture *f) {
    backward(f);
    CONFORM(gradient_is("theta", value, f, f->theta, f->dtheta, EXAMPLES * SIZE, 1.0f / 64, 1e-3, 1e-3));
    for (int64_t i = 0; i < f->table.count; i++) {
        const vaei_param *q = f->table.at[i];
        if (!(q->flags & VAEI_PARAM_TRAINED)) continue;
        CONFORM(gradient_is(q->name, value, f, f->params + q->offset, f->grads + q->offset, q->count, 1.0f / 64, 1e-3, 1e-3));
        const float once = f->grads[q->offset];
        (void)value(f); /* the cache is that of the last difference */
        f->p.ops->backward(&f->p, &f->run, f->cache, f->theta, f->x, f->weight, f->dtheta);
        if (!(fabsf(f->grads[q->offset] - 2 * once) <= 1e-5f * (1 + fabsf(once))))
            return broken("adding: gradients of %s are not added to", q->name);
    }
    return NULL;
}

/* In parts of two: the same bits and nothing for parameters, unless the likelihood says of_batch; then something differs. */
static const char *parts(fixture *f) {
    fixture *const whole = malloc(sizeof(*whole));
    int32_t differs = 0;
    backward(f);
    memcpy(whole, f, sizeof(*whole));
    for (int64_t i = 0; i < f->table.n_trainable; i++) differs |= f->grads[i] < 0 || f->grads[i] > 0;
    for (int64_t first = 0; first < EXAMPLES; first += 2) {
        vaei_run r = vaei_run_slice(&f->run, first, EXAMPLES - first < 2 ? EXAMPLES - first : 2);
        f->p.ops->nll(&f->p, &r, f->cache, f->theta + first * SIZE, f->x + first * SIZE, f->nll + first);
        f->p.ops->backward(&f->p, &r, f->cache, f->theta + first * SIZE, f->x + first * SIZE, f->weight + first,
            f->dtheta + first * SIZE);
    }
    differs |= memcmp(whole->nll, f->nll, EXAMPLES * sizeof(double)) != 0;
    differs |= memcmp(whole->dtheta, f->dtheta, EXAMPLES * SIZE * sizeof(float)) != 0;
    free(whole);
    if (differs && !f->p.of_batch) return broken("parts: they give something else than the whole batch, without of_batch");
    if (!differs && f->p.of_batch) return broken("parts: of_batch is set, and parts give what the whole batch gives");
    return NULL;
}

static const char *scoring_apart(fixture *f) {
    double alone;
    f->run.training = 0;
    (void)value(f);
    for (int64_t i = 0; i < EXAMPLES; i++) {
        const vaei_run r = vaei_run_slice(&f->run, i, 1);
        f->p.ops->nll(&f->p, &r, f->cache, f->theta + i * SIZE, f->x + i * SIZE, &alone);
        CONFORM(same_bytes("scores", "an example apart", &alone, &f->nll[i], sizeof(alone)));
    }
    f->run.training = 1;
    return NULL;
}

/* The mean lies where data may lie, and may be written over theta. */
static const char *means(fixture *f) {
    float mean[EXAMPLES * SIZE], far[EXAMPLES * SIZE];
    for (int i = 0; i < EXAMPLES * SIZE; i++) far[i] = 300 * f->theta[i];
    f->p.ops->mean(&f->p, &f->run, far, mean);
    for (int i = 0; i < EXAMPLES * SIZE; i++)
        if (!(mean[i] >= f->p.ops->lo && mean[i] <= f->p.ops->hi)) return broken("mean: %g is not where data may lie", (double)mean[i]);
    f->p.ops->mean(&f->p, &f->run, far, far);
    CONFORM(same_bytes("mean", "that over theta", far, mean, sizeof(mean)));
    for (int i = 0; i < EXAMPLES * SIZE; i++) { /* a likelihood that says what theta must reach is one over all of it */
        far[i] = f->p.ops->theta && f->p.ops->reach.hi < INFINITY ? f->p.ops->reach.hi : 300;
    }
    f->p.ops->nll(&f->p, &f->run, f->cache, far, f->x, f->nll);
    for (int i = 0; i < EXAMPLES; i++)
        if (!(fabs(f->nll[i]) < 1e300)) return broken("scores: nll is not finite where theta may be");
    return NULL;
}

static const char *same_as(const char *promise, fixture *f, const fixture *want) {
    backward(f);
    CONFORM(same_bytes(promise, "nll", f->nll, want->nll, sizeof(f->nll)));
    CONFORM(same_bytes(promise, "dtheta", f->dtheta, want->dtheta, sizeof(f->dtheta)));
    return same_bytes(promise, "a gradient", f->grads, want->params, (size_t)f->table.n_floats * sizeof(float));
}

/* want->params holds the gradients that are wanted. */
static fixture *remembered(fixture *f) {
    fixture *const want = malloc(sizeof(*want));
    f->run.n = MANY;
    backward(f);
    *want = *f;
    want->params = malloc((size_t)f->table.n_floats * sizeof(float) + 1);
    memcpy(want->params, f->grads, (size_t)f->table.n_floats * sizeof(float));
    return want;
}

static const char *threads_and_tables(fixture *f) {
    static const int32_t counts[] = {2, 3, 7};
    fixture *const want = remembered(f);
    const char *failure = NULL;
    for (size_t i = 0; i < VAEI_COUNT(counts) && !failure; i++) {
        vaei_pool *pool;
        ck_assert_int_eq(vaei_pool_create(&pool, &f->heap, counts[i], NULL, NULL), VAE_OK);
        f->run.pool = pool;
        failure = same_as("threads", f, want);
        f->run.pool = NULL;
        vaei_pool_destroy(pool);
    }
    for (int32_t isa = ISA_FIRST; isa < ISA_END && !failure; isa++) {
        if (!vaei_kernels_select(isa, 0)) continue;
        f->run.k = vaei_kernels_select(isa, 0);
        failure = same_as(f->run.k->name, f, want);
    }
    free(want->params);
    free(want);
    return failure;
}

const char *conform_likelihood(const vaei_likelihood_ops *ops, const char *example) {
    static const char *(*const checks[])(fixture * f) = {gradients, parts, scoring_apart, means, threads_and_tables};
    const char *failure = NULL;
    for (size_t i = 0; i < VAEI_COUNT(checks) && !failure; i++) {
        fixture *const f = fixture_open(ops, example);
        failure = fixture_close(f, checks[i](f));
    }
    return failure;
}

START_TEST(test_likelihood_example_conforms) {
    CONFORMS(likelihood, vaei_likelihoods);
}
END_TEST

Suite *suite_conformance_likelihoods(void);
Suite *suite_conformance_likelihoods(void) {
    Suite *s = suite_create("conformance of likelihoods");
    TCase *t = tcase_create("likelihoods");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, test_likelihood_example_conforms, 0, examples_of(vaei_likelihoods, vaei_likelihoods_count));
    suite_add_tcase(s, t);
    return s;
}
