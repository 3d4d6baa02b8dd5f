/* SPDX-License-Identifier: MIT
 * check_conformance_likelihoods.c - tests every example of every likelihood of likelihoods.def against the promises of likelihood.h. */
#include "conformance.h"

enum { EXAMPLES = 5, PIXELS = 4, CHANNELS = 3, SIZE = PIXELS * CHANNELS, MANY = 150 }; /* MANY: more examples than groups of them */
enum { NUMBERS_MOST = 9, TOKENS = 3, ROUNDS = 200, DRAWS = ROUNDS * MANY };

typedef struct fixture {
    vaei_heap heap;
    vaei_arena arena;
    vaei_likelihood p;
    vaei_params table;
    vaei_run run;
    float *params, *grads;
    _Alignas(VAEI_ALIGN) char facts[VAEI_LIKELIHOOD_FACTS];
    float theta[MANY * SIZE * NUMBERS_MOST], x[MANY * SIZE], dtheta[MANY * SIZE * NUMBERS_MOST], weight[MANY];
    float mean[MANY * SIZE], drawn[MANY * SIZE], pulled[MANY * SIZE * NUMBERS_MOST];
    double nll[MANY];
} fixture;

static vae_status_t plan(fixture *f, const vaei_likelihood_ops *ops, const char *example) {
    char text[EXAMPLE_MAX + 20];
    vaei_document document;
    vaei_build build;
    const vaei_shape x = {2, {PIXELS, CHANNELS}};
    void *conf;
    snprintf(text, sizeof(text), "likelihood %s\n", example);
    vaei_build_init(&build, &f->arena);
    VAEI_TRY(vaei_document_parse(&document, &f->arena, text, strlen(text)));
    vaei_node *node = document.first->pipeline.first;
    VAEI_TRY(vaei_module_bind(&conf, &ops->module, node, &f->arena, "test"));
    f->p = (vaei_likelihood){.ops = ops, .conf = conf, .tokens = ops->of_tokens ? TOKENS : 0};
    VAEI_TRY(vaei_likelihood_plan(&f->p, &build, &x));
    return vaei_build_finish(&build, &f->table);
}

static void fill(fixture *f) {
    dice d = {77};
    const int64_t T = f->p.theta_size;
    dice_fill(&d, MANY * T, f->theta);
    dice_fill(&d, MANY * SIZE, f->x);
    for (int i = 0; i < MANY * SIZE; i++) f->x[i] = fabsf(f->x[i]); /* within the range of every likelihood */
    for (int i = 0; i < MANY * SIZE && f->p.tokens > 0; i++) f->x[i] = (float)(int32_t)(f->x[i] * 2.999f);
    for (int i = 0; i < MANY * SIZE && f->p.tokens == 0; i++) { /* far enough apart that no difference meets a kink at theta = x */
        float *const first = &f->theta[i / SIZE * T + i % SIZE / CHANNELS * (T / PIXELS) + i % CHANNELS];
        if (fabsf(*first - f->x[i]) < 0.05f) *first = f->x[i] + 0.05f;
    }
    for (int i = 0; i < MANY; i++) f->weight[i] = 0.1f + 0.15f * (float)(i % 7);
}

static fixture *fixture_open(const vaei_likelihood_ops *ops, const char *example) {
    fixture *const f = aligned_alloc(VAEI_ALIGN, sizeof(*f));
    memset(f, 0, sizeof(*f));
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
    vaei_likelihood_nll(&f->p, &f->run, f->facts, f->theta, f->x, f->nll);
    for (int64_t i = 0; i < f->run.n; i++) sum += (double)f->weight[i] * f->nll[i];
    return sum;
}

static void backward(fixture *f) {
    (void)value(f);
    memset(f->grads, 0, (size_t)f->table.n_floats * sizeof(float));
    vaei_likelihood_backward(&f->p, &f->run, f->facts, f->theta, f->x, f->weight, f->dtheta);
}

static const char *gradients(fixture *f) {
    backward(f);
    CONFORM(gradient_is("theta", value, f, f->theta, f->dtheta, EXAMPLES * f->p.theta_size, 1.0f / 64, 1e-3, 1e-3));
    for (int64_t i = 0; i < f->table.count; i++) {
        const vaei_param *q = f->table.at[i];
        if (!(q->flags & VAEI_PARAM_TRAINED)) continue;
        CONFORM(gradient_is(q->name, value, f, f->params + q->offset, f->grads + q->offset, q->count, 1.0f / 64, 1e-3, 1e-3));
        const float once = f->grads[q->offset];
        (void)value(f); /* the facts are those of the last difference */
        vaei_likelihood_backward(&f->p, &f->run, f->facts, f->theta, f->x, f->weight, f->dtheta);
        if (!(fabsf(f->grads[q->offset] - 2 * once) <= 1e-5f * (1 + fabsf(once))))
            return broken("adding: gradients of %s are not added to", q->name);
    }
    return NULL;
}

/* In parts of two: the same bits and nothing for parameters, unless the likelihood says of_batch; then something differs. */
static const char *parts(fixture *f) {
    fixture *const whole = aligned_alloc(VAEI_ALIGN, sizeof(*whole));
    const int64_t T = f->p.theta_size;
    int32_t differs = 0;
    backward(f);
    *whole = *f;
    for (int64_t i = 0; i < f->table.n_trainable; i++) differs |= f->grads[i] < 0 || f->grads[i] > 0;
    for (int64_t first = 0; first < EXAMPLES; first += 2) {
        vaei_run r = vaei_run_slice(&f->run, first, EXAMPLES - first < 2 ? EXAMPLES - first : 2);
        vaei_likelihood_nll(&f->p, &r, f->facts, f->theta + first * T, f->x + first * SIZE, f->nll + first);
        vaei_likelihood_backward(&f->p, &r, f->facts, f->theta + first * T, f->x + first * SIZE, f->weight + first, f->dtheta + first * T);
    }
    differs |= memcmp(whole->nll, f->nll, EXAMPLES * sizeof(double)) != 0;
    differs |= memcmp(whole->dtheta, f->dtheta, (size_t)(EXAMPLES * T) * sizeof(float)) != 0;
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
        vaei_likelihood_nll(&f->p, &r, f->facts, f->theta + i * f->p.theta_size, f->x + i * SIZE, &alone);
        CONFORM(same_bytes("scores", "an example apart", &alone, &f->nll[i], sizeof(alone)));
    }
    f->run.training = 1;
    return NULL;
}

/* The mean lies where data may lie, also far out. */
static const char *means(fixture *f) {
    float mean[EXAMPLES * SIZE], far[EXAMPLES * SIZE * NUMBERS_MOST];
    const int64_t T = f->p.theta_size;
    for (int64_t i = 0; i < EXAMPLES * T; i++) far[i] = 300 * f->theta[i];
    vaei_likelihood_mean(&f->p, &f->run, far, mean);
    for (int i = 0; i < EXAMPLES * SIZE; i++)
        if (!(mean[i] >= f->p.ops->lo && mean[i] <= f->p.ops->hi)) return broken("mean: %g is not where data may lie", (double)mean[i]);
    for (int32_t sign = -1; sign <= 1; sign += 2) {
        for (int64_t i = 0; i < EXAMPLES * T; i++) far[i] = (float)sign * 300;
        vaei_likelihood_nll(&f->p, &f->run, f->facts, far, f->x, f->nll);
        for (int i = 0; i < EXAMPLES; i++)
            if (!(fabs(f->nll[i]) < 1e300)) return broken("scores: nll is not finite where theta may be");
    }
    return NULL;
}

/* A loss of the mean: its derivatives by theta are added to those that stand there. */
static double pull(void *arg) {
    fixture *const f = arg;
    double sum = 0;
    vaei_likelihood_mean(&f->p, &f->run, f->theta, f->mean);
    for (int64_t i = 0; i < EXAMPLES * SIZE; i++) sum += (double)f->drawn[i] * (double)f->mean[i];
    return sum;
}

/* The likeliest token has the least nll. */
static const char *likeliest(fixture *f) {
    double least[MANY];
    if (f->p.tokens == 0) return NULL;
    vaei_likelihood_mean(&f->p, &f->run, f->theta, f->mean);
    vaei_likelihood_nll(&f->p, &f->run, f->facts, f->theta, f->mean, least);
    for (int64_t i = 0; i < EXAMPLES * SIZE; i++) {
        const float was = f->mean[i];
        for (int32_t token = 0; token < TOKENS; token++) {
            f->mean[i] = (float)token;
            vaei_likelihood_nll(&f->p, &f->run, f->facts, f->theta, f->mean, f->nll);
            if (f->nll[i / SIZE] < least[i / SIZE]) return broken("mean: %g at %d is not the likeliest", (double)was, (int)i);
        }
        f->mean[i] = was;
    }
    return NULL;
}

static const char *means_backward(fixture *f) {
    const int64_t count = EXAMPLES * f->p.theta_size;
    dice d = {5};
    dice_fill(&d, EXAMPLES * SIZE, f->drawn);
    for (int64_t i = 0; i < count; i++) f->dtheta[i] = (float)(i % 3) - 1;
    vaei_likelihood_mean_backward(&f->p, &f->run, f->theta, f->drawn, f->dtheta);
    for (int64_t i = 0; i < count; i++) f->dtheta[i] -= (float)(i % 3) - 1;
    return gradient_is("theta through the mean", pull, f, f->theta, f->dtheta, count, 1.0f / 64, 1e-3, 1e-3);
}

/* ---- samples ------------------------------------------------------------------------------------------------------------ */

/* Mean and its deviation, of numbers that come one after another. */
typedef struct tally {
    double sum, squares;
} tally;

static void count(tally *t, double v) {
    t->sum += v;
    t->squares += v * v;
}

static double deviation(const tally *t) {
    const double mean = t->sum / DRAWS;
    return sqrt((t->squares / DRAWS - mean * mean) / DRAWS);
}

static int32_t agrees(const tally *t, double wanted) {
    return fabs(t->sum / DRAWS - wanted) <= 6 * deviation(t) + 1e-6;
}

/* DRAWS samples of one theta in a row: examples of one batch after another. */
typedef struct sampling {
    float mean[SIZE], shifted[MANY * SIZE * NUMBERS_MOST];
    tally value[SIZE], score[SIZE * NUMBERS_MOST], ratio;
} sampling;

static void take_in(fixture *f, sampling *s) {
    const int64_t T = f->p.theta_size;
    double other[MANY];
    for (int i = 0; i < MANY; i++) f->weight[i] = 1;
    backward(f);
    vaei_likelihood_nll(&f->p, &f->run, f->facts, s->shifted, f->x, other);
    for (int64_t i = 0; i < MANY; i++) {
        for (int64_t j = 0; j < SIZE; j++) count(&s->value[j], (double)f->x[i * SIZE + j]);
        for (int64_t j = 0; j < T; j++) count(&s->score[j], (double)f->dtheta[i * T + j]);
        count(&s->ratio, exp(f->nll[i] - other[i]));
    }
}

/* What holds for samples x of p(x|theta), whatever p is: E x is the mean; E d nll / d theta = 0; E p(x|theta') / p(x|theta) = 1. */
static const char *judge(const fixture *f, const sampling *s) {
    double moved = 0;
    for (int32_t j = 0; j < SIZE && f->p.tokens == 0; j++)
        if (!agrees(&s->value[j], (double)s->mean[j]))
            return broken("samples: their mean is %g, that of the likelihood %g", s->value[j].sum / DRAWS, (double)s->mean[j]);
    for (int64_t j = 0; j < f->p.theta_size; j++) {
        moved += s->score[j].squares;
        if (!agrees(&s->score[j], 0)) return broken("samples: the mean of gradient %d is %g", (int)j, s->score[j].sum / DRAWS);
    }
    if (!(moved > 0)) return broken("samples: they have no gradient");
    if (!(deviation(&s->ratio) < 0.02)) return broken("samples: ratios differ by %g, which says nothing", deviation(&s->ratio));
    if (!agrees(&s->ratio, 1)) return broken("samples: the mean ratio of densities is %g", s->ratio.sum / DRAWS);
    return NULL;
}

static const char *samples(fixture *f) {
    sampling *const s = calloc(1, sizeof(*s));
    const int64_t T = f->p.theta_size;
    f->run.n = MANY;
    f->run.training = 0;
    f->run.noise.seed = 5;
    for (int64_t i = 0; i < MANY * T; i++) {
        f->theta[i] = f->theta[i % T];
        s->shifted[i] = f->theta[i] + (i % T % 4 == 0 ? 0.3f : 0); /* far enough for densities of another width to show */
    }
    f->p.ops->mean(&f->p, &f->run, f->theta, s->mean);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        vaei_likelihood_sample(&f->p, &f->run, round * MANY, f->theta, f->x);
        take_in(f, s);
    }
    const char *const failure = judge(f, s);
    free(s);
    return failure;
}

/* A sample is a matter of its item, also where items have more than 32 bits. */
static const char *samples_apart(fixture *f) {
    const uint64_t first = (UINT64_C(1) << 32) - 2;
    float alone[SIZE];
    vaei_likelihood_sample(&f->p, &f->run, first, f->theta, f->x);
    for (int64_t i = 0; i < EXAMPLES; i++) {
        const vaei_run r = vaei_run_slice(&f->run, i, 1);
        vaei_likelihood_sample(&f->p, &r, first + (uint64_t)i, f->theta + i * f->p.theta_size, alone);
        CONFORM(same_bytes("samples", "an example apart", alone, f->x + i * SIZE, sizeof(alone)));
        for (int32_t j = 0; j < SIZE; j++)
            if (!(alone[j] >= f->p.ops->lo && alone[j] <= f->p.ops->hi)) return broken("samples: one is not where data may lie");
        const uint64_t position = first + (uint64_t)i, low = (uint32_t)position;
        if (low == position) continue;
        vaei_likelihood_sample(&f->p, &r, low, f->theta + i * f->p.theta_size, alone);
        if (memcmp(alone, f->x + i * SIZE, sizeof(alone)) == 0) return broken("samples: two items give the same");
    }
    return NULL;
}

/* ---- the same bits ------------------------------------------------------------------------------------------------------ */

static void all_of(fixture *f) {
    backward(f);
    vaei_likelihood_mean(&f->p, &f->run, f->theta, f->mean);
    vaei_likelihood_sample(&f->p, &f->run, 9, f->theta, f->drawn);
    memset(f->pulled, 0, sizeof(f->pulled));
    vaei_likelihood_mean_backward(&f->p, &f->run, f->theta, f->x, f->pulled);
}

static const char *same_as(const char *promise, fixture *f, const fixture *want) {
    all_of(f);
    CONFORM(same_bytes(promise, "nll", f->nll, want->nll, sizeof(f->nll)));
    CONFORM(same_bytes(promise, "dtheta", f->dtheta, want->dtheta, sizeof(f->dtheta)));
    CONFORM(same_bytes(promise, "a mean", f->mean, want->mean, sizeof(f->mean)));
    CONFORM(same_bytes(promise, "a derivative of a mean", f->pulled, want->pulled, sizeof(f->pulled)));
    CONFORM(same_bytes(promise, "a sample", f->drawn, want->drawn, sizeof(f->drawn)));
    return same_bytes(promise, "a gradient", f->grads, want->params, (size_t)f->table.n_floats * sizeof(float));
}

/* want->params holds the gradients that are wanted. */
static fixture *remembered(fixture *f) {
    fixture *const want = aligned_alloc(VAEI_ALIGN, sizeof(*want));
    f->run.n = MANY;
    all_of(f);
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
    static const char *(*const checks[])(fixture * f) = {gradients, parts,         scoring_apart,     means, likeliest, means_backward,
                                                         samples,   samples_apart, threads_and_tables};
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
