/* SPDX-License-Identifier: MIT
 * check_conformance_models.c - tests every example of every module inside a model that trains: refused memory, files, resumed
 * training and threads, by the public calls. */
#include "conformance.h"
#include "support.h"

#include <unistd.h>

enum { BATCH = 8, TEXT = 1500 };

typedef struct candidate {
    char spec[TEXT], options[TEXT];
} candidate;

typedef struct registry {
    const char *kind;
    const vaei_module *const *modules;
    const size_t *count;
    /* Number `i` of the models in which the example may stand; 0 past the last. */
    int32_t (*stand)(int32_t i, const vaei_module *m, const char *example, candidate *c);
} registry;

#define PLAIN "input 4x4x3\nencoder flatten | linear out=6 | tanh\nlatent gaussian dim=2\ndecoder linear out=48 | reshape 4x4x3\n"

static int32_t stand_layer(int32_t i, const vaei_module *m, const char *example, candidate *c) {
    static const char *const inputs[] = {"6x8x4", "24", "5x6"};
    static const int32_t sizes[] = {192, 24, 30};
    (void)m;
    if (i == 8) return 0;
    if (i == 7) { /* what reads tokens */
        snprintf(c->spec, TEXT,
                 "input 6 tokens=4\nencoder %s | flatten | linear out=4\nlatent gaussian dim=2\n"
                 "decoder linear out=24 | reshape 6x4\nlikelihood categorical\n",
                 example);
        return 1;
    }
    if (i == 6) { /* what the decoder reads */
        snprintf(c->spec, TEXT,
                 "input 24\nencoder %s | linear out=4\nlatent gaussian dim=2\n"
                 "decoder linear out=3 | latent gaussian dim=2 from=wide | linear out=24\nlikelihood gaussian\n",
                 example);
        return 1;
    }
    if (i == 3 || i == 4) { /* what stands in a decoder only */
        snprintf(c->spec, TEXT,
                 "input 4x4x3\nencoder conv2d out=2 kernel=1%s | tap wide | flatten | linear out=4\nlatent gaussian dim=2\n"
                 "decoder linear out=32%s | %s | flatten | linear out=48 | reshape 4x4x3\nlikelihood gaussian\n",
                 i == 3 ? "" : " | flatten", i == 3 ? " | reshape 4x4x2" : "", example);
        return 1;
    }
    const char *const condition = i == 5 ? "condition classes=3 vector=2\n" : ""; /* what reads one */
    snprintf(c->spec, TEXT,
             "input %s\n%sencoder %s | flatten | linear out=4\nlatent gaussian dim=2\n"
             "decoder linear out=%d | reshape %s\nlikelihood gaussian\n",
             inputs[i % 5], condition, example, (int)sizes[i % 5], inputs[i % 5]);
    return 1;
}

static int32_t stand_latent(int32_t i, const vaei_module *m, const char *example, candidate *c) {
    static const char *const encoders[] = {"flatten | linear out=6", "conv2d out=6 kernel=2 stride=2"};
    (void)m;
    if (i == 2) return 0;
    snprintf(c->spec, TEXT, "input 4x4x3\nencoder %s\nlatent %s\ndecoder flatten | linear out=48 | reshape 4x4x3\nlikelihood gaussian\n",
             encoders[i], example);
    return 1;
}

static int32_t stand_likelihood(int32_t i, const vaei_module *m, const char *example, candidate *c) {
    enum { NUMBERS_MOST = 9 };
    (void)m;
    if (i > NUMBERS_MOST) return 0;
    if (i == NUMBERS_MOST) { /* of tokens */
        snprintf(c->spec, TEXT,
                 "input 6 tokens=4\nencoder embedding dim=2 | flatten | linear out=4\nlatent gaussian dim=2\n"
                 "decoder linear out=24 | reshape 6x4\nlikelihood %s\n",
                 example);
        return 1;
    } /* numbers a value: */
    snprintf(c->spec, TEXT,
             "input 4x4x3\nencoder flatten | linear out=6 | tanh\nlatent gaussian dim=2\n"
             "decoder linear out=%d | reshape 4x4x%d\nlikelihood %s\n",
             48 * (i + 1), 3 * (i + 1), example);
    return 1;
}

static int32_t stand_prior(int32_t i, const vaei_module *m, const char *example, candidate *c) {
    static const char *const latents[] = {"gaussian dim=2", "vq codes=4"};
    const vaei_prior_ops *const ops = (const vaei_prior_ops *)(const void *)m;
    if (i == 2) return 0;
    snprintf(c->spec, TEXT,
             "input 4x4x3\nencoder conv2d out=2 kernel=2 stride=2%s\nlatent %s\ndecoder flatten | linear out=48 | reshape 4x4x3\n"
             "likelihood gaussian\nprior %s\n",
             i == 0 ? " | flatten" : "", latents[i], example);
    if ((ops->flags & (VAEI_PRIOR_LEARNED | VAEI_PRIOR_JOINT)) == VAEI_PRIOR_LEARNED) snprintf(c->options, TEXT, "objective prior\n");
    return 1;
}

static int32_t stand_training(int32_t i, const char *kind, const char *example, candidate *c) {
    snprintf(c->spec, TEXT, PLAIN "likelihood gaussian\nprior gmm components=2\n");
    snprintf(c->options, TEXT, "%s %s\n", kind, example);
    return i == 0;
}

/* A term that does not contain the reconstruction stands beside elbo, one with a critic in a model that has one. */
static int32_t stand_objective(int32_t i, const vaei_module *m, const char *example, candidate *c) {
    const vaei_objective_ops *const ops = (const vaei_objective_ops *)(const void *)m;
    const int32_t stands = stand_training(i, ops->flags & VAEI_OBJECTIVE_NO_NLL ? "objective elbo |" : "objective", example, c);
    if (ops->cost)
        snprintf(c->spec + strlen(c->spec), TEXT - strlen(c->spec), "critic on=%s | linear out=5 | leaky_relu | linear out=1\n",
                 ops->flags & VAEI_OBJECTIVE_SEES_Z ? "z" : "x | flatten");
    return stands;
}
static int32_t stand_optimizer(int32_t i, const vaei_module *m, const char *example, candidate *c) {
    (void)m;
    return stand_training(i, "optimizer", example, c);
}
static int32_t stand_schedule(int32_t i, const vaei_module *m, const char *example, candidate *c) {
    (void)m;
    return stand_training(i, "schedule", example, c);
}
static int32_t stand_clip(int32_t i, const vaei_module *m, const char *example, candidate *c) {
    (void)m;
    return stand_training(i, "clip", example, c);
}
static int32_t stand_memory(int32_t i, const vaei_module *m, const char *example, candidate *c) {
    (void)m;
    return stand_training(i, "memory", example, c);
}

#define stand_measure NULL /* read arrays and stand in no model: check_measures.c, check_anomaly.c */
#define stand_score   NULL

static const registry registries[] = {
#define VAEI_KIND(name, registry, title) {#name, vaei_##registry, &vaei_##registry##_count, stand_##name},
#include "vae/kinds.def"
#undef VAEI_KIND
};
#define REGISTRIES ((int)VAEI_COUNT(registries))

static int32_t examples_in(const registry *g) {
    return g->stand ? examples_of(g->modules, *g->count) : 0;
}

/* The first model in which example number `i` of a registry builds. */
static void find_model(const registry *g, int32_t i, candidate *c) {
    char example[EXAMPLE_MAX];
    const vaei_module *const module = example_of(g->modules, *g->count, i, example);
    vae_model_t *m = NULL;
    memset(c, 0, sizeof(*c));
    for (int32_t j = 0; !m && g->stand(j, module, example, c); j++) (void)vae_model_create(&m, NULL, c->spec, 0);
    ck_assert_msg(m != NULL, "%s '%s': %s", g->kind, example, vae_last_error());
    vae_model_destroy(m);
}

/* ---- refused memory --------------------------------------------------------------------------------------------------- */

/* Each allocation of creating the model, then of creating the trainer and a session, fails once: VAE_E_NOMEM, and nothing is left. */
static void refuse(const candidate *c) {
    test_heap h = {0};
    vae_ctx_t *ctx = test_ctx(&h, 1, 0);
    const int64_t live = h.live;
    vae_status_t status = VAE_E_NOMEM;
    for (int64_t k = 1; status == VAE_E_NOMEM; k++) {
        vae_model_t *m = NULL;
        vae_trainer_t *t = NULL;
        vae_session_t *s = NULL;
        h.calls = 0;
        h.fail_at = k;
        status = vae_model_create(&m, ctx, c->spec, 1);
        if (status == VAE_OK) status = vae_trainer_create(&t, m, c->options, BATCH);
        if (status == VAE_OK) status = vae_session_create(&s, m, BATCH);
        ck_assert_msg(status == VAE_OK || status == VAE_E_NOMEM, "%s%s: allocation %d: %s", c->spec, c->options, (int)k, vae_last_error());
        ck_assert_msg(status != VAE_OK || k > h.calls, "%s%s: allocation %d failed and nobody said so", c->spec, c->options, (int)k);
        vae_session_destroy(s);
        vae_trainer_destroy(t);
        vae_model_destroy(m);
        ck_assert_msg(h.live == live, "%s%s: allocation %d: %d blocks are left", c->spec, c->options, (int)k, (int)(h.live - live));
    }
    vae_ctx_destroy(ctx);
    ck_assert_int_eq(h.live, 0);
}

/* The layer `missing` stands for a half of a model that a file does not hold: such a model has no trainer. */
static int32_t has_no_trainer(const candidate *c) {
    return strstr(c->spec, "encoder missing ") != NULL;
}

START_TEST(test_every_allocation_of_every_example_may_fail) {
    candidate c;
    for (int32_t i = 0; i < examples_in(&registries[_i]); i++) {
        find_model(&registries[_i], i, &c);
        if (!has_no_trainer(&c)) refuse(&c);
    }
}
END_TEST

/* ---- files and threads ------------------------------------------------------------------------------------------------ */

static void step(vae_trainer_t *t, const vae_model_t *m, int32_t number) {
    const int64_t S = vae_model_input_size(m), classes = vae_model_class_count(m), tokens = vae_model_token_count(m);
    float *x = filled(BATCH * S, (uint32_t)(10 + number));
    for (int64_t i = 0; i < BATCH * S && tokens > 0; i++) x[i] = (float)((i * 7 + number) % tokens);
    int32_t label[BATCH];
    for (int i = 0; i < BATCH; i++) label[i] = (int32_t)(classes > 0 ? i % classes : 0);
    const vae_batch_t batch = {.struct_size = sizeof(batch),
                               .n = BATCH,
                               .x = x,
                               .label = classes > 0 ? label : NULL,
                               .condition = vae_model_condition_size(m) > 0 ? x : NULL};
    ck_assert_ok(vae_trainer_step_batch(t, &batch, NULL));
    free(x);
}

/* All parameters after the steps first .. 2; a checkpoint before the last, if there is a path; resumed from one, if `resume`. */
static float *trained(const candidate *c, int32_t threads, const char *path, int32_t resume, int64_t *count) {
    vae_ctx_t *ctx = test_ctx(NULL, threads, 0);
    vae_model_t *m;
    vae_trainer_t *t;
    ck_assert_ok(vae_model_create(&m, ctx, c->spec, 3));
    ck_assert_ok(vae_trainer_create(&t, m, c->options, BATCH));
    ck_assert_ok(vae_trainer_seed(t, 9));
    if (resume) ck_assert_ok(vae_trainer_load(t, path));
    for (int32_t i = resume ? 2 : 0; i < 3; i++) {
        if (path && !resume && i == 2) ck_assert_ok(vae_trainer_save(t, path));
        step(t, m, i);
    }
    vae_trainer_destroy(t);
    if (path && resume) ck_assert_ok(vae_model_save(m, path));
    float *params = all_params(m, count);
    vae_model_destroy(m);
    vae_ctx_destroy(ctx);
    return params;
}

static void same(const candidate *c, const char *what, const float *a, const float *b, int64_t count) {
    const char *const failure = same_bytes(what, "a parameter", a, b, (size_t)count * sizeof(float));
    ck_assert_msg(!failure, "%s%s: %s", c->spec, c->options, failure);
}

static void keeps(const candidate *c, const char *path) {
    int64_t count, other;
    vae_model_t *m;
    float *const whole = trained(c, 1, path, 0, &count), *const resumed = trained(c, 1, path, 1, &other);
    ck_assert_int_eq(count, other);
    same(c, "resume", whole, resumed, count);
    ck_assert_ok(vae_model_load(&m, NULL, path));
    float *const loaded = all_params(m, &other);
    ck_assert_int_eq(count, other);
    same(c, "the file", whole, loaded, count);
    float *const threaded = trained(c, 3, NULL, 0, &other);
    same(c, "three threads", whole, threaded, count);
    vae_model_destroy(m);
    free(whole), free(resumed), free(loaded), free(threaded);
}

START_TEST(test_every_example_trains_and_is_kept_in_files) {
    candidate c;
    char path[80];
    snprintf(path, sizeof(path), "/tmp/vae-conformance-%ld-%d.safetensors", (long)getpid(), _i);
    for (int32_t i = 0; i < examples_in(&registries[_i]); i++) {
        find_model(&registries[_i], i, &c);
        if (!has_no_trainer(&c)) keeps(&c, path);
    }
    unlink(path);
}
END_TEST

/* ---- what the trainer does with a clip and with a memory -------------------------------------------------------------- */

/* The update of one step of plain descent under `options`. */
static float *update(const char *options, int64_t *count) {
    candidate c = {.spec = PLAIN "likelihood gaussian value=0.1\n"};
    vae_model_t *m;
    vae_trainer_t *t;
    snprintf(c.options, TEXT, "optimizer sgd lr=1\n%s", options);
    ck_assert_ok(vae_model_create(&m, NULL, c.spec, 3));
    float *const before = all_params(m, count);
    ck_assert_ok(vae_trainer_create(&t, m, c.options, BATCH));
    step(t, m, 0);
    vae_trainer_destroy(t);
    float *const after = all_params(m, count);
    for (int64_t i = 0; i < *count; i++) after[i] -= before[i];
    vae_model_destroy(m);
    free(before);
    return after;
}

START_TEST(test_a_clip_turns_no_weight_s_step_and_lengthens_none) {
    char options[EXAMPLE_MAX + 20], example[EXAMPLE_MAX];
    int64_t count;
    float *const plain = update("", &count);
    for (int32_t i = 0; i < examples_of(vaei_clips, vaei_clips_count); i++) {
        double aa = 0, ab = 0, bb = 0;
        const vaei_clip_ops *const ops = (const vaei_clip_ops *)(const void *)example_of(vaei_clips, vaei_clips_count, i, example);
        snprintf(options, sizeof(options), "clip %s\n", example);
        float *const clipped = update(options, &count);
        for (int64_t j = 0; j < count; j++) {
            aa += (double)plain[j] * (double)plain[j];
            ab += (double)plain[j] * (double)clipped[j];
            bb += (double)clipped[j] * (double)clipped[j];
            const double part = plain[j] < 0 ? -(double)clipped[j] : (double)clipped[j], whole = fabs((double)plain[j]);
            ck_assert_msg(part >= -1e-6 && part <= whole + 1e-6, "clip %s: %g becomes %g", example, (double)plain[j], (double)clipped[j]);
        }
        ck_assert_msg(bb > 0 && bb <= aa * (1 + 1e-6), "clip %s: a step of %g becomes %g", example, sqrt(aa), sqrt(bb));
        /* small steps are rounded to those of the weights that they are added to */
        if (!ops->limit) ck_assert_msg(ab / sqrt(aa * bb) > 0.999, "clip %s: the direction turns, cosine %g", example, ab / sqrt(aa * bb));
        free(clipped);
    }
    free(plain);
}
END_TEST

START_TEST(test_a_memory_changes_no_bit_and_takes_no_more_than_keeping_all) {
    candidate keep = {.spec = "input 8x8x3\nencoder repeat n=6 { conv2d out=3 kernel=3 pad=1 | silu } | flatten\nlatent gaussian dim=2\n"
                              "decoder linear out=192 | reshape 8x8x3\nlikelihood gaussian sigma=optimal\n",
                      .options = "memory keep\n"};
    char example[EXAMPLE_MAX];
    int64_t count, other;
    uint64_t most, bytes;
    vae_model_t *m;
    float *const whole = trained(&keep, 1, NULL, 0, &count);
    ck_assert_ok(vae_model_create(&m, NULL, keep.spec, 0));
    ck_assert_ok(vae_trainer_bytes(m, keep.options, BATCH, &most));
    for (int32_t i = 0; i < examples_of(vaei_memories, vaei_memories_count); i++) {
        candidate c = keep;
        const vaei_module *const module = example_of(vaei_memories, vaei_memories_count, i, example);
        snprintf(c.options, TEXT, "memory %s\n", example);
        float *const got = trained(&c, 1, NULL, 0, &other);
        same(&c, "memory", whole, got, count);
        ck_assert_ok(vae_trainer_bytes(m, c.options, BATCH, &bytes));
        if (((const vaei_memory_ops *)(const void *)module)->recompute) ck_assert_uint_lt(bytes, most);
        else ck_assert_uint_eq(bytes, most);
        free(got);
    }
    vae_model_destroy(m);
    free(whole);
}
END_TEST

Suite *suite_conformance_models(void);
Suite *suite_conformance_models(void) {
    Suite *s = suite_create("conformance of models");
    TCase *t = tcase_create("models");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, test_every_allocation_of_every_example_may_fail, 0, REGISTRIES);
    tcase_add_loop_test(t, test_every_example_trains_and_is_kept_in_files, 0, REGISTRIES);
    tcase_add_test(t, test_a_clip_turns_no_weight_s_step_and_lengthens_none);
    tcase_add_test(t, test_a_memory_changes_no_bit_and_takes_no_more_than_keeping_all);
    suite_add_tcase(s, t);
    return s;
}
