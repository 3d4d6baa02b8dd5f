/* SPDX-License-Identifier: MIT
 * check_conformance_latents.c - tests every example of every latent of latents.def against the promises of latent.h.
 *
 * The gradients of a density are compared with differences of z, kl and loss(). A choice of codes is a step function, and the gradient that
 * a latent passes through it is not its derivative: it must have the direction in which z moves when h moves far (passes). loss() has codes
 * or vectors as constants, so its gradient is a part of the whole difference (terms). */
#include "conformance.h"

enum { EXAMPLES = 5 };

typedef struct fixture {
    vaei_heap heap;
    vaei_arena arena;
    vaei_latent q;
    vaei_params table;
    vaei_run run;
    vaei_slot slot;
    vaei_bytes need;
    int64_t H, Z; /* values of h and z in all examples */
    float *params, *grads, *h, *noise, *dz, *dkl, *mean, *logvar, *z, *kl, *dh;
    double *aux, weight[3]; /* of z, kl and loss() in value() */
    dice random;
} fixture;

static float *floats(int64_t n) {
    float *const x = calloc((size_t)n + 1, sizeof(*x));
    ck_assert_ptr_nonnull(x);
    return x;
}

static vae_status_t plan(fixture *f, const vaei_latent_ops *ops, const char *example, const vaei_shape *h) {
    char text[EXAMPLE_MAX + 20];
    vaei_document document;
    vaei_build build;
    const vaei_module *module;
    void *conf;
    snprintf(text, sizeof(text), "latent %s\n", example);
    vaei_build_init(&build, &f->arena);
    VAEI_TRY(vaei_document_parse(&document, &f->arena, text, strlen(text)));
    vaei_node *node = document.first->pipeline.first;
    VAEI_TRY(vaei_module_find(&module, vaei_latents, vaei_latents_count, "latent", node, "test"));
    VAEI_TRY(vaei_module_bind(&conf, module, node, &f->arena, "test"));
    f->q.ops = ops;
    f->q.conf = conf;
    f->q.h = *h;
    VAEI_TRY(ops->plan(&f->q, &build, node, h, &f->q.z));
    return vaei_build_finish(&build, &f->table);
}

static vaei_slot slot_of(const vaei_latent *q, const vaei_kernels *k, int64_t n, int32_t training, vaei_bytes *need) {
    *need = vaei_latent_bytes(q, k, n, training);
    return (vaei_slot){.pack = block_make(need->pack), .cache = block_make(need->cache), .scratch = block_make(need->scratch)};
}

static void slot_free(vaei_slot *m, const vaei_bytes *need) {
    block_free(m->pack, need->pack);
    block_free(m->cache, need->cache);
    block_free(m->scratch, need->scratch);
}

/* ---- one pass ------------------------------------------------------------------------------------------------------- */

static int32_t has_codes(const fixture *f) {
    return (f->q.ops->flags & VAEI_LATENT_CODES) != 0;
}

static double value(void *arg) {
    fixture *f = arg;
    const vaei_latent_ops *ops = f->q.ops;
    double sum = 0, aux = 0;
    if (ops->pack) ops->pack(&f->q, &f->run, f->slot.pack);
    ops->encode(&f->q, &f->run, &f->slot, f->h, f->mean, f->logvar);
    if (ops->prepare) ck_assert_int_eq(ops->prepare(&f->q, &f->run, &f->slot, f->h), VAE_OK);
    ops->draw(&f->q, &f->run, &f->slot, f->mean, f->logvar, has_codes(f) ? NULL : f->noise, f->z, f->kl, NULL);
    memset(f->aux, 0, EXAMPLES * sizeof(*f->aux));
    if (ops->loss) ops->loss(&f->q, &f->run, &f->slot, f->aux);
    for (int i = 0; i < EXAMPLES; i++) aux += f->aux[i] / EXAMPLES;
    for (int64_t i = 0; i < f->Z; i++)
        sum += f->weight[0] * (double)f->dz[i] * (double)f->z[i] + f->weight[1] * (double)f->dkl[i] * (double)f->kl[i];
    return sum + f->weight[2] * aux;
}

/* dh and grads of z and kl, weighed; of loss() always. */
static void backward(fixture *f, double of_z, double of_kl) {
    float *dz = floats(f->Z), *dkl = floats(f->Z);
    f->weight[0] = of_z, f->weight[1] = of_kl;
    for (int64_t i = 0; i < f->Z; i++) {
        dz[i] = (float)of_z * f->dz[i];
        dkl[i] = (float)of_kl * f->dkl[i];
    }
    (void)value(f);
    memset(f->grads, 0, (size_t)f->table.n_floats * sizeof(float));
    f->q.ops->backward(&f->q, &f->run, &f->slot, f->h, f->mean, f->logvar, has_codes(f) ? NULL : f->noise, dz, dkl, f->dh);
    free(dz), free(dkl);
}

static void commit(fixture *f) {
    if (f->q.ops->commit) f->q.ops->commit(&f->q, &f->run, &f->slot, f->params);
    f->run.noise.step++;
}

static void allocate(fixture *f) {
    f->H = EXAMPLES * vaei_shape_size(&f->q.h);
    f->Z = EXAMPLES * vaei_shape_size(&f->q.z);
    float **const of_h[] = {&f->h, &f->dh}, **const of_z[] = {&f->noise, &f->dz, &f->dkl, &f->mean, &f->logvar, &f->z, &f->kl};
    for (size_t i = 0; i < VAEI_COUNT(of_h); i++) *of_h[i] = floats(f->H);
    for (size_t i = 0; i < VAEI_COUNT(of_z); i++) *of_z[i] = floats(f->Z);
    f->params = floats(f->table.n_floats);
    f->grads = floats(f->table.n_floats);
    f->aux = calloc(EXAMPLES, sizeof(*f->aux));
}

/* Parameters as after some steps on other examples: codes lie among the vectors. */
static fixture *fixture_open(const vaei_latent_ops *ops, const char *example, const vaei_shape *h) {
    fixture *const f = calloc(1, sizeof(*f));
    vaei_heap_init_default(&f->heap);
    vaei_arena_init(&f->arena, &f->heap);
    if (plan(f, ops, example, h) != VAE_OK) {
        vaei_arena_free(&f->arena);
        free(f);
        return NULL;
    }
    allocate(f);
    f->random.state = 99;
    f->run =
        (vaei_run){.k = vaei_kernels_select(0, 0), .n = EXAMPLES, .training = 1, .params = f->params, .grads = f->grads, .noise.seed = 5};
    f->slot = slot_of(&f->q, f->run.k, EXAMPLES, 1, &f->need);
    vaei_params_init(&f->table, f->run.k, 3, f->params);
    for (int64_t i = 0; !has_codes(f) && i < f->table.count; i++) /* nothing hides behind a 0 */
        dice_fill(&f->random, f->table.at[i]->count, f->params + f->table.at[i]->offset);
    for (int i = 0; i < 20; i++) {
        dice_fill(&f->random, f->H, f->h);
        (void)value(f);
        commit(f);
    }
    float *const inputs[] = {f->noise, f->dz, f->dkl};
    for (size_t i = 0; i < VAEI_COUNT(inputs); i++) dice_fill(&f->random, f->Z, inputs[i]);
    dice_fill(&f->random, f->H, f->h);
    return f;
}

static const char *fixture_close(fixture *f, const char *failure) {
    float *const blocks[] = {f->params, f->grads, f->h, f->dh, f->noise, f->dz, f->dkl, f->mean, f->logvar, f->z, f->kl};
    for (size_t i = 0; i < VAEI_COUNT(blocks); i++) free(blocks[i]);
    slot_free(&f->slot, &f->need);
    vaei_arena_free(&f->arena);
    if (!failure && f->heap.in_use != 0) failure = broken("memory: %zu bytes are left", f->heap.in_use);
    free(f->aux), free(f);
    return failure;
}

/* ---- gradients ------------------------------------------------------------------------------------------------------ */

static const char *density(fixture *f) {
    if (has_codes(f)) return NULL;
    for (int with_noise = 0; with_noise < 2; with_noise++) {
        if (!with_noise) memset(f->noise, 0, (size_t)f->Z * sizeof(float));
        f->weight[2] = 1;
        backward(f, 1, 1);
        CONFORM(gradient_is("h", value, f, f->h, f->dh, f->H, 1.0f / 64, 1e-3, 1e-3));
        for (int64_t i = 0; i < f->table.count; i++) {
            const vaei_param *p = f->table.at[i];
            CONFORM(gradient_is(p->name, value, f, f->params + p->offset, f->grads + p->offset, p->count, 1.0f / 64, 1e-3, 1e-3));
        }
        dice_fill(&f->random, f->Z, f->noise);
    }
    return NULL;
}

/* The gradient by kl alone, of codes: what it adds to that of loss(). */
static const char *rate(fixture *f) {
    float *bare = floats(f->H), *bare_grads = floats(f->table.n_floats);
    const char *failure = NULL;
    if (has_codes(f)) {
        f->weight[2] = 0;
        backward(f, 0, 0);
        memcpy(bare, f->dh, (size_t)f->H * sizeof(float));
        memcpy(bare_grads, f->grads, (size_t)f->table.n_floats * sizeof(float));
        backward(f, 0, 1);
        for (int64_t i = 0; i < f->H; i++) bare[i] = f->dh[i] - bare[i];
        for (int64_t i = 0; i < f->table.n_floats; i++) bare_grads[i] = f->grads[i] - bare_grads[i];
        failure = gradient_is("h by kl", value, f, f->h, bare, f->H, 1.0f / 256, 4e-3, 1e-2);
        for (int64_t i = 0; i < f->table.count && !failure; i++) {
            const vaei_param *p = f->table.at[i];
            if (!(p->flags & VAEI_PARAM_TRAINED)) continue;
            failure = gradient_is(p->name, value, f, f->params + p->offset, bare_grads + p->offset, p->count, 1.0f / 256, 4e-3, 1e-2);
        }
    }
    free(bare), free(bare_grads);
    return failure;
}

typedef struct likeness {
    double xx, xy, yy;
} likeness;

static void compare(likeness *a, double x, double y) {
    a->xx += x * x;
    a->xy += x * y;
    a->yy += y * y;
}

static double cosine(const likeness *a) {
    return a->xy / sqrt(a->xx * a->yy);
}

static likeness with_differences(fixture *f, float *x, const float *gradient, int64_t n) {
    likeness a = {0, 0, 0};
    for (int64_t i = 0; i < n; i++) compare(&a, difference_quotient(value, f, &x[i], 1.0f / 4096), (double)gradient[i]);
    return a;
}

/* loss(): by h a share of the difference, at most the whole; by trained parameters on its side. */
static const char *terms(fixture *f) {
    if (!has_codes(f)) return NULL;
    backward(f, 0, 0);
    f->weight[2] = 1;
    float *grads = floats(f->table.n_floats);
    memcpy(grads, f->grads, (size_t)f->table.n_floats * sizeof(float));
    const likeness a = with_differences(f, f->h, f->dh, f->H);
    const char *failure = NULL;
    const double share = a.xx > 1e-8 ? a.xy / a.xx : 0;
    if (a.xx <= 1e-8 ? a.yy > 1e-6 : !(share > 0 && share < 1.02 && cosine(&a) > 0.99))
        failure = broken("gradient of h by loss() is %.3g of what differences say, cosine %.3g", share, cosine(&a));
    for (int64_t i = 0; i < f->table.count && !failure; i++) {
        const vaei_param *p = f->table.at[i];
        if (!(p->flags & VAEI_PARAM_TRAINED)) continue;
        const likeness b = with_differences(f, f->params + p->offset, grads + p->offset, p->count);
        if (b.yy > 1e-8 && !(cosine(&b) > 0.1))
            failure = broken("gradient of %s by loss() turns from what differences say, cosine %.3g", p->name, cosine(&b));
    }
    free(grads);
    return failure;
}

/* sum(dz z) when h and the trained parameters move far along `way`. */
static double far(fixture *f, const float *kept_h, const float *kept, const float *way, double by) {
    double sum = 0;
    for (int64_t i = 0; i < f->H; i++) f->h[i] = kept_h[i] + (float)by * way[i];
    for (int64_t i = 0; i < f->table.n_trainable; i++) f->params[i] = kept[i] + 0.3f * (float)by * way[f->H + i];
    (void)value(f);
    for (int64_t i = 0; i < f->Z; i++) sum += (double)f->dz[i] * (double)f->z[i];
    return sum;
}

/* What is handed back for dz points where z goes: over many ways the two are alike, whether h moves or parameters do. */
static const char *passes(fixture *f) {
    enum { WAYS = 150 };
    const size_t h_bytes = (size_t)f->H * sizeof(float), p_bytes = (size_t)f->table.n_floats * sizeof(float);
    float *h = floats(f->H), *params = floats(f->table.n_floats), *way = floats(f->H + f->table.n_floats),
          *bare = floats(f->H + f->table.n_floats);
    likeness of[2] = {{0, 0, 0}, {0, 0, 0}};
    memcpy(params, f->params, p_bytes);
    for (int i = 0; has_codes(f) && i < 2 * WAYS; i++) {
        const int of_params = i % 2;
        double slope = 0;
        dice_fill(&f->random, f->H, f->h);
        dice_fill(&f->random, f->Z, f->dz);
        memcpy(h, f->h, h_bytes);
        backward(f, 0, 0);
        memcpy(bare, f->dh, h_bytes);
        memcpy(bare + f->H, f->grads, p_bytes);
        backward(f, 1, 0);
        dice_fill(&f->random, f->H + f->table.n_floats, way);
        memset(of_params ? way : way + f->H, 0, of_params ? h_bytes : p_bytes);
        for (int64_t j = 0; j < f->H; j++) slope += ((double)f->dh[j] - (double)bare[j]) * (double)way[j];
        for (int64_t j = 0; j < f->table.n_trainable; j++)
            slope += 0.3 * ((double)f->grads[j] - (double)bare[f->H + j]) * (double)way[f->H + j];
        const double above = far(f, h, params, way, 0.5);
        compare(&of[of_params], above - far(f, h, params, way, -0.5), slope);
        memcpy(f->params, params, p_bytes);
    }
    free(h), free(params), free(way), free(bare);
    if (!has_codes(f)) return NULL;
    if (!(cosine(&of[0]) > 0.2)) return broken("gradient of h does not point where z goes, cosine %.3g", cosine(&of[0]));
    if (of[1].yy > 1e-8 && !(cosine(&of[1]) > 0.2))
        return broken("gradient of parameters does not point where z goes, cosine %.3g", cosine(&of[1]));
    return NULL;
}

static const char *adding(fixture *f) {
    backward(f, 1, 1);
    float *once = floats(f->table.n_floats);
    const char *failure = NULL;
    memcpy(once, f->grads, (size_t)f->table.n_floats * sizeof(float));
    const float *const noise = has_codes(f) ? NULL : f->noise;
    f->q.ops->backward(&f->q, &f->run, &f->slot, f->h, f->mean, f->logvar, noise, f->dz, f->dkl, f->dh);
    for (int64_t i = 0; i < f->table.n_trainable && !failure; i++)
        if (!(fabsf(f->grads[i] - 2 * once[i]) <= 1e-4f * (1 + fabsf(once[i]))))
            failure = broken("adding: gradient %lld is not added to", (long long)i);
    free(once);
    return failure;
}

/* ---- the same bits -------------------------------------------------------------------------------------------------- */

/* Outside training: mean, logvar, z, kl, log_ratio and codes of n examples from number `first` on. */
typedef struct outcome {
    float *of_z[4];
    double ratio[EXAMPLES];
    int32_t *codes;
} outcome;

static void infer(const fixture *f, int64_t first, int64_t n, outcome *o) {
    const vaei_latent_ops *ops = f->q.ops;
    const int64_t H = f->H / EXAMPLES, Z = f->Z / EXAMPLES;
    const float *const noise = has_codes(f) ? NULL : f->noise + first * Z, *const h = f->h + first * H;
    vaei_bytes need;
    vaei_run r = vaei_run_slice(&f->run, first, n);
    r.training = 0;
    r.grads = NULL;
    vaei_slot m = slot_of(&f->q, r.k, n, 0, &need);
    float *at[4];
    for (int i = 0; i < 4; i++) at[i] = o->of_z[i] + first * Z;
    if (ops->pack) ops->pack(&f->q, &r, m.pack);
    ops->encode(&f->q, &r, &m, h, at[0], at[1]);
    ops->draw(&f->q, &r, &m, at[0], at[1], noise, at[2], at[3], o->ratio + first);
    if (has_codes(f)) ops->encode_codes(&f->q, &r, &m, h, o->codes + first * f->q.n_codes);
    slot_free(&m, &need);
}

static outcome outcome_of(const fixture *f, int64_t part) {
    outcome o = {.codes = calloc((size_t)(EXAMPLES * f->q.n_codes) + 1, sizeof(int32_t))};
    for (int i = 0; i < 4; i++) o.of_z[i] = floats(f->Z);
    for (int64_t i = 0; i < EXAMPLES; i += part) infer(f, i, EXAMPLES - i < part ? EXAMPLES - i : part, &o);
    return o;
}

static void outcome_free(outcome *o) {
    for (int i = 0; i < 4; i++) free(o->of_z[i]);
    free(o->codes);
}

static const char *same_outcome(const fixture *f, const char *promise, const outcome *a, const outcome *b) {
    static const char *const names[4] = {"a mean", "a logvar", "z", "kl"};
    for (int i = 0; i < 4; i++) CONFORM(same_bytes(promise, names[i], a->of_z[i], b->of_z[i], (size_t)f->Z * sizeof(float)));
    CONFORM(same_bytes(promise, "a ratio", a->ratio, b->ratio, sizeof(a->ratio)));
    return same_bytes(promise, "a code", a->codes, b->codes, (size_t)(EXAMPLES * f->q.n_codes) * sizeof(int32_t));
}

static const char *inference_apart(fixture *f) {
    outcome whole = outcome_of(f, EXAMPLES);
    const char *failure = NULL;
    for (int64_t part = 1; part < 3 && !failure; part++) {
        outcome parts = outcome_of(f, part);
        failure = same_outcome(f, "inference", &parts, &whole);
        outcome_free(&parts);
    }
    outcome_free(&whole);
    return failure;
}

/* Codes are within their bounds, and decode to the z that draw gives. */
static const char *codes(fixture *f) {
    const vaei_latent_ops *ops = f->q.ops;
    if (!has_codes(f)) return NULL;
    outcome o = outcome_of(f, EXAMPLES);
    const char *failure = NULL;
    vaei_bytes need;
    vaei_run r = f->run;
    r.training = 0;
    vaei_slot m = slot_of(&f->q, r.k, EXAMPLES, 0, &need);
    for (int64_t i = 0; i < EXAMPLES * f->q.n_codes && !failure; i++)
        if (o.codes[i] < 0 || o.codes[i] >= f->q.codebook_size)
            failure = broken("codes: %d, wanted 0..%lld", (int)o.codes[i], (long long)f->q.codebook_size - 1);
    if (ops->pack) ops->pack(&f->q, &r, m.pack);
    if (!failure) ops->decode_codes(&f->q, &r, &m, o.codes, f->z);
    if (!failure) failure = same_bytes("codes", "z decoded from them", f->z, o.of_z[2], (size_t)f->Z * sizeof(float));
    slot_free(&m, &need);
    outcome_free(&o);
    return failure;
}

/* One pass of training with its learning, into a copy of what it gave: z, kl, dh, gradients, parameters. */
static void learn(fixture *f, const fixture *from) {
    memcpy(f->params, from->params, (size_t)f->table.n_floats * sizeof(float));
    memcpy(f->h, from->h, (size_t)f->H * sizeof(float));
    float *const to[] = {f->noise, f->dz, f->dkl}, *const of[] = {from->noise, from->dz, from->dkl};
    for (int i = 0; i < 3; i++) memcpy(to[i], of[i], (size_t)f->Z * sizeof(float));
    f->run.noise.step = from->run.noise.step;
    backward(f, 1, 1);
    commit(f);
}

static const char *same_learning(const char *promise, const fixture *a, const fixture *b) {
    CONFORM(same_bytes(promise, "z", a->z, b->z, (size_t)a->Z * sizeof(float)));
    CONFORM(same_bytes(promise, "kl", a->kl, b->kl, (size_t)a->Z * sizeof(float)));
    CONFORM(same_bytes(promise, "loss()", a->aux, b->aux, EXAMPLES * sizeof(double)));
    CONFORM(same_bytes(promise, "dh", a->dh, b->dh, (size_t)a->H * sizeof(float)));
    CONFORM(same_bytes(promise, "a gradient", a->grads, b->grads, (size_t)a->table.n_floats * sizeof(float)));
    return same_bytes(promise, "what was learnt", a->params, b->params, (size_t)a->table.n_floats * sizeof(float));
}

/* On another table, which has packs of its own; or with threads. */
static const char *same_elsewhere(const fixture *f, const char *example, const vaei_kernels *k, int32_t threads, const fixture *want) {
    fixture *const g = fixture_open(f->q.ops, example, &f->q.h);
    vaei_pool *pool;
    char promise[40];
    ck_assert_int_eq(vaei_pool_create(&pool, &g->heap, threads, NULL, NULL), VAE_OK);
    snprintf(promise, sizeof(promise), "%s, %d threads", k->name, (int)threads);
    slot_free(&g->slot, &g->need);
    g->run.k = k;
    g->run.pool = pool;
    g->slot = slot_of(&g->q, k, EXAMPLES, 1, &g->need);
    learn(g, f);
    const char *failure = same_learning(promise, g, want);
    outcome here = outcome_of(g, EXAMPLES), there = outcome_of(want, EXAMPLES);
    if (!failure) failure = same_outcome(g, promise, &here, &there);
    outcome_free(&here);
    outcome_free(&there);
    g->run.pool = NULL;
    vaei_pool_destroy(pool);
    return fixture_close(g, failure);
}

static const char *threads_and_tables(fixture *f, const char *example) {
    static const int32_t counts[] = {2, 3, 7};
    fixture *const want = fixture_open(f->q.ops, example, &f->q.h);
    const char *failure = NULL;
    learn(want, f);
    for (size_t i = 0; i < VAEI_COUNT(counts) && !failure; i++) failure = same_elsewhere(f, example, f->run.k, counts[i], want);
    for (int32_t isa = ISA_FIRST; isa < ISA_END && !failure; isa++)
        if (vaei_kernels_select(isa, 0)) failure = same_elsewhere(f, example, vaei_kernels_select(isa, 0), 1, want);
    return fixture_close(want, failure);
}

/* ---- all of it -------------------------------------------------------------------------------------------------------- */

const char *conform_latent(const vaei_latent_ops *ops, const char *example) {
    static const vaei_shape shapes[] = {{1, {6, 0, 0, 0}}, {3, {2, 3, 6, 0}}};
    static const char *(*const checks[])(fixture * f) = {density, rate, terms, passes, adding, inference_apart, codes};
    const char *failure = NULL;
    int32_t taken = 0;
    for (size_t s = 0; s < VAEI_COUNT(shapes) && !failure; s++) {
        for (size_t i = 0; i <= VAEI_COUNT(checks) && !failure; i++) {
            fixture *const f = fixture_open(ops, example, &shapes[s]);
            if (!f) break;
            taken++;
            failure = fixture_close(f, i < VAEI_COUNT(checks) ? checks[i](f) : threads_and_tables(f, example));
        }
    }
    return taken > 0 ? failure : broken("no shape: it builds on none of the example inputs: %s", vaei_fail_text());
}

START_TEST(test_latent_example_conforms) {
    CONFORMS(latent, vaei_latents);
}
END_TEST

Suite *suite_conformance_latents(void);
Suite *suite_conformance_latents(void) {
    Suite *s = suite_create("conformance of latents");
    TCase *t = tcase_create("latents");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, test_latent_example_conforms, 0, examples_of(vaei_latents, vaei_latents_count));
    suite_add_tcase(s, t);
    return s;
}
