/* SPDX-License-Identifier: MIT
 * check_conformance_priors.c - tests every example of every prior of priors.def against the promises of prior.h, over four codes of
 * three and over one value, for which all cases can be counted or integrated. */
#include "conformance.h"

enum { MANY = 300, DRAWS = 3000, PLACES = 4, K = 3, ALL = 81, EXAMPLES = 3 };

typedef struct fixture {
    vaei_heap heap;
    vaei_arena arena;
    vaei_latent latent;
    vaei_latent_ops latent_ops;
    vaei_prior p;
    vaei_params table;
    vaei_run run;
    vaei_slot slot[2]; /* [training] */
    vaei_bytes need[2];
    int32_t of_codes;
    float *params, *grads;
    float mean[MANY], logvar[MANY], z[MANY], noise[2 * DRAWS];
    int32_t label[MANY], codes[MANY * PLACES];
    float weight[EXAMPLES];
} fixture;

static vae_status_t plan(fixture *f, const vaei_prior_ops *ops, const char *example) {
    char text[EXAMPLE_MAX + 20];
    vaei_document document;
    vaei_build build;
    const vaei_module *module;
    void *conf;
    snprintf(text, sizeof(text), "prior %s\n", example);
    vaei_build_init(&build, &f->arena);
    VAEI_TRY(vaei_document_parse(&document, &f->arena, text, strlen(text)));
    vaei_node *node = document.first->pipeline.first;
    VAEI_TRY(vaei_module_find(&module, vaei_priors, vaei_priors_count, "prior", node, "test"));
    VAEI_TRY(vaei_module_bind(&conf, module, node, &f->arena, "test"));
    f->latent = (vaei_latent){.ops = &f->latent_ops, .z = {1, {1, 0, 0, 0}}};
    if (f->of_codes) f->latent = (vaei_latent){.ops = &f->latent_ops, .z = {3, {2, 2, 5, 0}}, .n_codes = PLACES, .codebook_size = K};
    f->p = (vaei_prior){.ops = ops, .conf = conf, .latent = &f->latent, .example = 6};
    if (ops->plan) VAEI_TRY(ops->plan(&f->p, &build));
    VAEI_TRY(vaei_build_finish(&build, &f->table));
    return vaei_stacks_link(build.stacks, &f->arena);
}

static void slots(fixture *f) {
    for (int32_t training = 0; training < 2; training++) {
        vaei_bytes *const need = &f->need[training];
        *need = vaei_prior_bytes(&f->p, f->run.k, MANY, training);
        f->slot[training] =
            (vaei_slot){.pack = block_make(need->pack), .cache = block_make(need->cache), .scratch = block_make(need->scratch)};
        memset(f->slot[training].pack, 0, need->pack);
    }
}

static void free_slots(fixture *f) {
    for (int i = 0; i < 2; i++) {
        block_free(f->slot[i].pack, f->need[i].pack);
        block_free(f->slot[i].cache, f->need[i].cache);
        block_free(f->slot[i].scratch, f->need[i].scratch);
    }
}

static vaei_points points(fixture *f) {
    return f->of_codes ? (vaei_points){.codes = f->codes} : (vaei_points){.z = f->z, .mean = f->mean, .logvar = f->logvar};
}

static void pack(fixture *f) {
    vaei_run r = f->run;
    for (int32_t training = 0; training < 2; training++) {
        r.training = training;
        if (f->p.ops->pack) f->p.ops->pack(&f->p, &r, f->slot[training].pack);
        if (f->p.ops->take) f->p.ops->take(&f->p, f->slot[training].pack, 0, f->p.inputs, f->mean, f->logvar);
    }
}

static void score(fixture *f, int32_t training, int64_t n, const vaei_points *at, double *nll) {
    vaei_run r = vaei_run_slice(&f->run, 0, n);
    r.training = training;
    f->p.ops->nll(&f->p, &r, &f->slot[training], at, nll);
}

/* Points in three heaps, far apart; codes in some order. */
static void fill(fixture *f) {
    vaei_noise_normal(f->run.k, (vaei_noise_key){.seed = 4}, 0, MANY, f->noise);
    for (int i = 0; i < MANY; i++) {
        f->mean[i] = 2 * (float)(i % 3 - 1);
        f->logvar[i] = -1;
        f->z[i] = f->mean[i] + 0.4f * f->noise[i];
        f->label[i] = f->p.classes > 0 ? (int32_t)(i % f->p.classes) : 0;
    }
    for (int i = 0; i < MANY * PLACES; i++) f->codes[i] = i * i / 3 % K;
    for (int i = 0; i < EXAMPLES; i++) f->weight[i] = 0.5f - 0.4f * (float)i;
}

static fixture *fixture_open(const vaei_prior_ops *ops, const char *example, int32_t of_codes, const vaei_kernels *k) {
    fixture *const f = calloc(1, sizeof(*f));
    vaei_heap_init_default(&f->heap);
    vaei_arena_init(&f->arena, &f->heap);
    f->of_codes = of_codes;
    ck_assert_msg(plan(f, ops, example) == VAE_OK, "%s: %s", example, vaei_fail_text());
    f->params = calloc((size_t)f->table.n_floats + 1, sizeof(float));
    f->grads = calloc((size_t)f->table.n_floats + 1, sizeof(float));
    f->run = (vaei_run){.k = k, .params = f->params, .grads = f->grads, .n = MANY, .noise.seed = 5};
    if (f->p.classes > 0) f->run.batch.label = f->label;
    vaei_params_init(&f->table, k, 11, f->params);
    for (int64_t i = 0; i < f->table.count; i++) { /* what starts near 0 bends too much in front of a norm */
        const vaei_param *q = f->table.at[i];
        if (q->init.fan_in > 1000) k->scale(q->count, 30, f->params + q->offset);
    }
    fill(f);
    slots(f);
    pack(f);
    return f;
}

static const char *fixture_close(fixture *f, const char *failure) {
    free_slots(f);
    vaei_arena_free(&f->arena);
    if (!failure && f->heap.in_use != 0) failure = broken("memory: %zu bytes are left", f->heap.in_use);
    free(f->params), free(f->grads), free(f);
    return failure;
}

/* A prior that learns in commit, after some passes over the same points. */
static void learn(fixture *f) {
    double nll[MANY];
    const vaei_points at = points(f);
    for (int i = 0; f->p.ops->commit && i < 10; i++) {
        vaei_run r = f->run;
        r.training = 1;
        r.noise.step = (uint64_t)i;
        if (f->p.ops->prepare) ck_assert_int_eq(f->p.ops->prepare(&f->p, &r, &f->slot[1], &at), VAE_OK);
        f->p.ops->nll(&f->p, &r, &f->slot[1], &at, nll);
        f->p.ops->commit(&f->p, &r, &f->slot[1], &at, f->params);
        pack(f);
    }
}

/* ---- probabilities ---------------------------------------------------------------------------------------------------- */

/* Mean and mean square of one value, or the shares of the codes of each place, under the prior; their whole is 1. */
typedef struct moments {
    double whole, of[PLACES * K];
} moments;

static moments counted(fixture *f) {
    static double nll[ALL];
    int32_t codes[ALL * PLACES];
    moments m = {0};
    for (int i = 0; i < ALL; i++)
        for (int j = 0, number = i; j < PLACES; j++, number /= K) codes[i * PLACES + j] = number % K;
    for (int i = 0; i < MANY; i++) f->label[i] = 0;
    score(f, 0, ALL, &(vaei_points){.codes = codes}, nll);
    for (int i = 0; i < ALL; i++) {
        m.whole += exp(-nll[i]);
        for (int j = 0; j < PLACES; j++) m.of[j * K + codes[i * PLACES + j]] += exp(-nll[i]);
    }
    return m;
}

static moments integrated(fixture *f) {
    enum { STEPS = 50 * MANY };
    const double h = 30.0 / STEPS;
    double nll[MANY];
    float z[MANY];
    moments m = {0};
    for (int i = 0; i < STEPS; i += MANY) {
        for (int j = 0; j < MANY; j++) z[j] = (float)(-15 + h * (i + j));
        score(f, 0, MANY, &(vaei_points){.z = z}, nll);
        for (int j = 0; j < MANY; j++) {
            const double p = h * exp(-nll[j]);
            m.whole += p;
            m.of[0] += p * (double)z[j];
            m.of[1] += p * (double)z[j] * (double)z[j];
        }
    }
    return m;
}

static const char *whole(fixture *f) {
    learn(f);
    const moments m = f->of_codes ? counted(f) : integrated(f);
    return fabs(m.whole - 1) < 1e-4 ? NULL : broken("probabilities: they add up to %.6g", m.whole);
}

static void draw(fixture *f, uint64_t first, int64_t n, int32_t *codes, float *z) {
    vaei_run r = vaei_run_slice(&f->run, 0, n);
    r.training = 0;
    f->p.ops->sample(&f->p, &r, &f->slot[0], first, &(vaei_points){.codes = codes, .z = z});
}

/* Samples have the moments of the density, five of their own deviations near. */
static const char *samples_follow(fixture *f) {
    moments got = {0};
    learn(f);
    const moments want = f->of_codes ? counted(f) : integrated(f);
    for (int64_t i = 0; i < DRAWS; i += MANY) {
        draw(f, (uint64_t)i, MANY, f->of_codes ? f->codes : NULL, f->of_codes ? NULL : f->z);
        for (int j = 0; j < MANY * (f->of_codes ? PLACES : 1); j++) {
            if (f->of_codes) got.of[j % PLACES * K + f->codes[j]] += 1.0 / DRAWS;
            else got.of[0] += (double)f->z[j] / DRAWS, got.of[1] += (double)f->z[j] * (double)f->z[j] / DRAWS;
        }
    }
    for (int i = 0; i < (f->of_codes ? PLACES * K : 2); i++) {
        const double spread = f->of_codes ? 0.25 : i == 0 ? want.of[1] : 3 * want.of[1] * want.of[1];
        if (!(fabs(got.of[i] - want.of[i]) <= 5 * sqrt(spread / DRAWS)))
            return broken("samples: their moment %d is %.4g, the density's %.4g", i, got.of[i], want.of[i]);
    }
    return NULL;
}

/* ---- learning ---------------------------------------------------------------------------------------------------------- */

static double value(void *arg) {
    fixture *f = arg;
    double nll[EXAMPLES], sum = 0;
    const vaei_points at = points(f);
    pack(f);
    score(f, 1, EXAMPLES, &at, nll);
    for (int i = 0; i < EXAMPLES; i++) sum += (double)f->weight[i] * nll[i];
    return sum;
}

/* Between two kinks the slope is the central difference, near one it is that of the smooth side. */
static int32_t is_slope(double got, double left, double right) {
    const double near = 2e-3 * (1 + fabs(got));
    return fabs(got - (left + right) / 2) <= near || fabs(got - left) <= near || fabs(got - right) <= near;
}

static const char *slopes_of(fixture *f, const vaei_param *q) {
    const float h = 2e-3f;
    const double here = value(f);
    for (int64_t i = 0; i < q->count; i += q->count / 40 + 1) {
        float *w = f->params + q->offset + i;
        const float kept = *w;
        *w = kept + h;
        const double right = (value(f) - here) / (double)h;
        *w = kept - h;
        const double left = (here - value(f)) / (double)h, got = (double)f->grads[q->offset + i];
        *w = kept;
        if (!is_slope(got, left, right))
            return broken("gradient of %s[%lld] is %g, differences say %g or %g", q->name, (long long)i, got, left, right);
    }
    return NULL;
}

static const char *gradients(fixture *f) {
    const vaei_points at = points(f);
    vaei_run r = vaei_run_slice(&f->run, 0, EXAMPLES);
    if (!f->p.ops->backward) return NULL;
    r.training = 1;
    (void)value(f);
    f->p.ops->backward(&f->p, &r, &f->slot[1], &at, f->weight);
    for (int64_t i = 0; i < f->table.count; i++)
        if (f->table.at[i]->flags & VAEI_PARAM_TRAINED) CONFORM(slopes_of(f, f->table.at[i]));
    return NULL;
}

/* Of a joint prior: by z, and by the posteriors that it is made of. */
static const char *gradients_of_points(fixture *f) {
    const vaei_points at = points(f);
    float dz[EXAMPLES] = {0}, dmean[MANY], dlogvar[MANY];
    vaei_run r = vaei_run_slice(&f->run, 0, EXAMPLES);
    if (!(f->p.ops->flags & VAEI_PRIOR_JOINT)) return NULL;
    r.training = 1;
    for (int i = 0; i < EXAMPLES; i++) f->z[i] *= 0.5f; /* between the heaps */
    (void)value(f);
    f->p.ops->backward_points(&f->p, &r, &f->slot[1], &at, f->weight, dz, dmean, dlogvar);
    CONFORM(gradient_is("z", value, f, f->z, dz, EXAMPLES, 1.0f / 128, 1e-3, 1e-3));
    CONFORM(gradient_is("a mean", value, f, f->mean, dmean, f->p.inputs, 1.0f / 128, 1e-3, 1e-3));
    return gradient_is("a logvar", value, f, f->logvar, dlogvar, f->p.inputs, 1.0f / 128, 1e-3, 1e-3);
}

/* A prior that learns in commit beats N(0, 1) on points in heaps. */
static const char *fits(fixture *f) {
    double nll[MANY], gain = 0;
    const vaei_points at = points(f);
    if (!f->p.ops->commit) return NULL;
    learn(f);
    score(f, 0, MANY, &at, nll);
    for (int i = 0; i < MANY; i++) gain += (0.5 * (double)f->z[i] * (double)f->z[i] + 0.5 * log(2 * acos(-1)) - nll[i]) / MANY;
    return gain > 0.1 ? NULL : broken("learning: the points gain %g nats beside N(0, 1)", gain);
}

/* ---- the same bits ------------------------------------------------------------------------------------------------------ */

typedef struct outcome {
    double nll[MANY], trained[MANY];
    float z[MANY], *params;
    int32_t codes[MANY * PLACES];
} outcome;

/* Scores, samples, and gradients or what was learnt, in parts of `part` examples (training at once). */
static outcome *outcome_of(fixture *f, int64_t part) {
    outcome *const o = calloc(1, sizeof(*o));
    const vaei_points at = points(f);
    learn(f);
    for (int64_t i = 0; i < MANY; i += part) {
        vaei_run r = vaei_run_slice(&f->run, i, MANY - i < part ? MANY - i : part);
        const vaei_points some = {
            .codes = at.codes ? at.codes + i * PLACES : NULL, .z = at.z ? at.z + i : NULL, .mean = f->mean + i, .logvar = f->logvar + i};
        f->p.ops->nll(&f->p, &r, &f->slot[0], &some, o->nll + i);
        f->p.ops->sample(&f->p, &r, &f->slot[0], (uint64_t)(7 + i),
                         &(vaei_points){.codes = at.codes ? o->codes + i * PLACES : NULL, .z = at.z ? o->z + i : NULL});
    }
    score(f, 1, MANY, &at, o->trained);
    vaei_run r = f->run;
    float weight[MANY];
    r.training = 1;
    for (int i = 0; i < MANY; i++) weight[i] = 1.0f / MANY;
    memset(f->grads, 0, (size_t)f->table.n_floats * sizeof(float));
    if (f->p.ops->backward) f->p.ops->backward(&f->p, &r, &f->slot[1], &at, weight);
    o->params = malloc((size_t)f->table.n_floats * sizeof(float) + 1);
    memcpy(o->params, f->p.ops->backward ? f->grads : f->params, (size_t)f->table.n_floats * sizeof(float));
    return o;
}

static const char *same_outcome(const fixture *f, const char *promise, const outcome *a, const outcome *b) {
    CONFORM(same_bytes(promise, "a score", a->nll, b->nll, sizeof(a->nll)));
    CONFORM(same_bytes(promise, "a score in training", a->trained, b->trained, sizeof(a->trained)));
    CONFORM(same_bytes(promise, "a sample", a->z, b->z, sizeof(a->z)));
    CONFORM(same_bytes(promise, "a sample's code", a->codes, b->codes, sizeof(a->codes)));
    return same_bytes(promise, "a gradient or what was learnt", a->params, b->params, (size_t)f->table.n_floats * sizeof(float));
}

static const char *same_elsewhere(const fixture *f, const char *example, const vaei_kernels *k, int32_t threads, int64_t part,
                                  const outcome *want) {
    fixture *const g = fixture_open(f->p.ops, example, f->of_codes, k);
    char promise[60];
    vaei_pool *pool;
    ck_assert_int_eq(vaei_pool_create(&pool, &g->heap, threads, NULL, NULL), VAE_OK);
    snprintf(promise, sizeof(promise), "%s, %d threads, parts of %d", k->name, (int)threads, (int)part);
    g->run.pool = pool;
    outcome *const got = outcome_of(g, part);
    const char *const failure = same_outcome(g, promise, got, want);
    vaei_pool_destroy(pool);
    free(got->params), free(got);
    return fixture_close(g, failure);
}

static const char *same_everywhere(fixture *f, const char *example) {
    static const int32_t counts[] = {2, 3, 7};
    const vaei_kernels *const k = f->run.k;
    outcome *const want = outcome_of(f, MANY);
    const char *failure = NULL;
    for (int64_t i = 0; i < MANY && !failure; i++)
        if (want->nll[i] < want->trained[i] || want->nll[i] > want->trained[i])
            failure = broken("scores: example %d is another in training", (int)i);
    for (size_t i = 0; i < VAEI_COUNT(counts) && !failure; i++) failure = same_elsewhere(f, example, k, counts[i], MANY, want);
    for (int64_t part = 1; part < 50 && !failure; part += 48) failure = same_elsewhere(f, example, k, 1, part, want);
    for (int32_t isa = ISA_FIRST; isa < ISA_END && !failure; isa++)
        if (vaei_kernels_select(isa, 0)) failure = same_elsewhere(f, example, vaei_kernels_select(isa, 0), 1, MANY, want);
    free(want->params), free(want);
    return failure;
}

/* ---- all of it ------------------------------------------------------------------------------------------------------------ */

const char *conform_prior(const vaei_prior_ops *ops, const char *example) {
    static const char *(*const checks[])(fixture * f) = {whole, gradients, gradients_of_points, fits, samples_follow};
    static const int32_t over[2] = {VAEI_PRIOR_OF_CODES, VAEI_PRIOR_OF_VALUES};
    const int32_t plain = !strstr(example, "temperature=") && !strstr(example, "top="); /* samples are of the density */
    const char *failure = NULL;
    for (int i = 0; i < 2; i++) {
        if (!(ops->flags & over[i])) continue;
        for (size_t c = 0; c <= VAEI_COUNT(checks) && !failure; c++) {
            if (c < VAEI_COUNT(checks) && checks[c] == samples_follow && !plain) continue;
            fixture *const f = fixture_open(ops, example, over[i] == VAEI_PRIOR_OF_CODES, vaei_kernels_select(0, 0));
            failure = fixture_close(f, c < VAEI_COUNT(checks) ? checks[c](f) : same_everywhere(f, example));
        }
    }
    return failure;
}

START_TEST(test_prior_example_conforms) {
    CONFORMS(prior, vaei_priors);
}
END_TEST

Suite *suite_conformance_priors(void);
Suite *suite_conformance_priors(void) {
    Suite *s = suite_create("conformance of priors");
    TCase *t = tcase_create("priors");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, test_prior_example_conforms, 0, examples_of(vaei_priors, vaei_priors_count));
    suite_add_tcase(s, t);
    return s;
}
