/* SPDX-License-Identifier: MIT
 * anomaly.c - detectors of anomalies. A session of the detector computes the arrays, the module of the score computes features and scores,
 * and calibration.h computes p-values and thresholds. */
#include "api/detector.h"
#include "api/given_batch.h"
#include "base/float_env.h"
#include "nn/ranges.h"
#include "vae/scores/calibration.h"

enum { NOISE_MOST = 1 << 22, NOISE_STREAM = 25 }; /* floats of noise at once */

vae_status_t vaei_check_anomaly(const vae_anomaly_t *a) {
    if (!a) return vaei_fail(VAE_E_ARG, "anomaly: is NULL");
    if (a->magic != VAEI_MAGIC_ANOMALY) return vaei_fail(VAE_E_ARG, "anomaly: not a detector, or already destroyed");
    return VAE_OK;
}

static vae_status_t check_fitted(const vae_anomaly_t *a) {
    VAEI_TRY(vaei_check_anomaly(a));
    return a->scores ? VAE_OK : vaei_fail(VAE_E_STATE, "anomaly: is not fitted, call vae_anomaly_fit() first");
}

/* ---- creation --------------------------------------------------------------------------------------------------------- */

static void carve(const vae_model_t *model, vae_anomaly_t *a, vaei_carve *c) {
    const vaei_network *const net = &model->network;
    const int64_t n = a->at_once;
    a->noise = vaei_carve_floats(c, vaei_count_of(vaei_count_of(n, a->K), net->z_size));
    a->mean = vaei_carve_floats(c, vaei_count_of(n, net->z_size));
    a->y = vaei_carve_floats(c, vaei_count_of(n, net->likelihood.size));
    a->feature = vaei_carve_floats(c, vaei_count_of(n, a->F));
    a->bound = vaei_carve_array(c, n, sizeof(double));
    a->recon = vaei_carve_array(c, n, sizeof(double));
    a->rate = vaei_carve_array(c, n, sizeof(double));
}

/* Sets the sizes that follow from the score and the model; all other members are 0. */
static vae_status_t plan(vae_anomaly_t *a, const vae_model_t *model, const vaei_bound_module *bound, int64_t max_batch) {
    const int64_t D = model->network.z_size;
    *a = (vae_anomaly_t){.ops = (const vaei_score_ops *)(const void *)bound->module, .conf = bound->conf, .text = bound->text};
    a->K = a->ops->samples ? a->ops->samples(a->conf) : 1;
    a->F = a->ops->features ? a->ops->features(D) : 1;
    if (a->F > VAEI_SCORE_FEATURES)
        return vaei_fail(VAE_E_LIMIT, "score %s: %lld latents, wanted %d at most", bound->module->name, (long long)a->F,
                         VAEI_SCORE_FEATURES);
    a->M = a->ops->statistics ? a->ops->statistics(a->F) : 0;
    const int64_t fit = NOISE_MOST / (a->K * D < NOISE_MOST ? a->K * D : NOISE_MOST);
    a->at_once = fit < max_batch ? fit : max_batch;
    return VAE_OK;
}

static void fill_noise(vae_anomaly_t *a) {
    const int64_t size = a->K * a->model->network.z_size;
    vaei_noise_normal(a->model->ctx->kernels, (vaei_noise_key){.stream = NOISE_STREAM}, 0, size, a->noise);
    for (int64_t i = 1; i < a->at_once; i++) memcpy(a->noise + i * size, a->noise, (size_t)size * sizeof(*a->noise));
}

static vae_status_t create(vae_anomaly_t **out, const vae_model_t *model, vaei_arena *arena, const char *score, int64_t max_batch) {
    vaei_bound_module bound;
    vae_anomaly_t planned;
    vaei_carve c = {0};
    VAEI_TRY(vaei_spec_bind_module(&bound, arena, "score", score));
    VAEI_TRY(plan(&planned, model, &bound, max_batch));
    (void)vaei_carve_bytes(&c, sizeof(planned));
    carve(model, &planned, &c);
    if (c.used == SIZE_MAX) return vaei_fail(VAE_E_LIMIT, "anomaly: max_batch=%lld exceeds the address space", (long long)max_batch);
    vae_anomaly_t *const a = vaei_heap_alloc(&model->ctx->heap, c.used, "detector");
    if (!a) return VAE_E_NOMEM;
    const size_t bytes = c.used;
    *a = planned;
    c = (vaei_carve){.base = (char *)a};
    (void)vaei_carve_bytes(&c, sizeof(*a));
    carve(model, a, &c);
    a->bytes = bytes;
    const vae_status_t status = vae_session_create(&a->session, model, a->at_once);
    if (status < 0) {
        vaei_heap_free(&model->ctx->heap, a, bytes);
        return status;
    }
    a->magic = VAEI_MAGIC_ANOMALY;
    a->model = vaei_model_acquire(model);
    a->arena = *arena;
    fill_noise(a);
    *out = a;
    return VAE_OK;
}

vae_status_t vae_anomaly_create(vae_anomaly_t **out, const vae_model_t *model, const char *score, int64_t max_batch) {
    vaei_arena arena;
    fenv_t host;
    if (!out) return vaei_fail(VAE_E_ARG, "out: is NULL");
    *out = NULL;
    VAEI_TRY(vaei_check_model(model));
    if (!score) return vaei_fail(VAE_E_ARG, "score: is NULL");
    if (max_batch < 1 || max_batch > INT32_MAX) return vaei_fail(VAE_E_ARG, "max_batch: %lld, wanted 1..2147483647", (long long)max_batch);
    vaei_arena_init(&arena, &model->ctx->heap);
    vaei_float_env_enter(&host);
    const vae_status_t status = create(out, model, &arena, score, max_batch);
    vaei_float_env_leave(&host);
    if (status < 0) vaei_arena_free(&arena);
    return status;
}

void vae_anomaly_destroy(vae_anomaly_t *anomaly) {
    if (!anomaly || anomaly->magic != VAEI_MAGIC_ANOMALY) return;
    vae_model_t *const model = anomaly->model;
    vaei_heap *const heap = &model->ctx->heap;
    vaei_arena arena = anomaly->arena;
    vae_session_destroy(anomaly->session);
    vaei_heap_free(heap, anomaly->taken, (size_t)(anomaly->taken_room * anomaly->F) * sizeof(float));
    vaei_heap_free(heap, anomaly->statistics, (size_t)anomaly->M * sizeof(float));
    vaei_heap_free(heap, anomaly->scores, (size_t)anomaly->n_scores * sizeof(float));
    anomaly->magic = 0;
    vaei_heap_free(heap, anomaly, anomaly->bytes);
    vaei_arena_free(&arena);
    vae_model_destroy(model);
}

/* ---- features --------------------------------------------------------------------------------------------------------- */

/* The examples from number `first` on. */
static vae_batch_t part_of(const vae_anomaly_t *a, const vae_batch_t *batch, int64_t first, int64_t n) {
    vae_batch_t part = {.struct_size = sizeof(part), .n = n, .x = batch->x + first * a->model->network.likelihood.size};
    if (batch->label) part.label = batch->label + first;
    if (batch->condition) part.condition = batch->condition + first * a->model->network.condition.vector;
    if (batch->length) part.length = batch->length + first;
    return part;
}

/* Computes a->feature for one part of the examples. */
static vae_status_t extract(vae_anomaly_t *a, const vae_batch_t *part) {
    const int64_t S = a->model->network.likelihood.size, D = a->model->network.z_size;
    vae_batch_t scored = *part, plain = *part;
    scored.noise = a->noise;
    if (a->model->network.condition.classes == 0) plain.label = NULL; /* only the prior reads it, in scoring */
    if (a->ops->reads & VAEI_SCORE_BOUNDS) VAEI_TRY(vae_elbo_batch(a->session, &scored, a->K, a->bound, a->recon, a->rate));
    if (a->ops->reads & VAEI_SCORE_POSTERIOR) VAEI_TRY(vae_encode_batch(a->session, &plain, a->mean, NULL));
    if (a->ops->reads & VAEI_SCORE_PICTURE) VAEI_TRY(vae_reconstruct_batch(a->session, &plain, a->y));
    for (int64_t i = 0; i < part->n; i++) {
        const vaei_scored e = {.S = S,
                               .D = D,
                               .bound = a->bound[i],
                               .recon = a->recon[i],
                               .rate = a->rate[i],
                               .mean = a->mean + i * D,
                               .x = part->x + i * S,
                               .y = a->y + i * S};
        a->ops->extract(a->conf, &e, a->feature + i * a->F);
    }
    return VAE_OK;
}

/* Checks the whole batch before anything is computed. */
static vae_status_t check_batch(const vae_anomaly_t *a, const vae_batch_t *batch, const char *call) {
    vaei_batch b;
    int64_t n;
    VAEI_TRY(vaei_check_halves(a->model, call, VAEI_RUNS_ENCODER | VAEI_RUNS_DECODER));
    VAEI_TRY(vaei_batch_open(&b, &n, a->model, batch, call, VAEI_READS_X | VAEI_READS_LABEL));
    VAEI_TRY(vaei_check_extent(n, a->F, sizeof(float)));
    VAEI_TRY(vaei_batch_check_x(a->model, &b, n));
    return vaei_batch_check_label(a->model, &b, n);
}

/* ---- fitting ---------------------------------------------------------------------------------------------------------- */

static vae_status_t make_room(vae_anomaly_t *a, int64_t n) {
    vaei_heap *const heap = &a->model->ctx->heap;
    const int64_t room = a->taken_room * 2 > a->n_taken + n ? a->taken_room * 2 : a->n_taken + n;
    size_t bytes;
    if (a->n_taken + n <= a->taken_room) return VAE_OK;
    if (!vaei_size_mul((size_t)room, (size_t)a->F * sizeof(float), &bytes)) return vaei_fail(VAE_E_LIMIT, "anomaly: too many examples");
    float *const larger = vaei_heap_alloc(heap, bytes, "features");
    if (!larger) return VAE_E_NOMEM;
    if (a->taken) memcpy(larger, a->taken, (size_t)(a->n_taken * a->F) * sizeof(*larger));
    vaei_heap_free(heap, a->taken, (size_t)(a->taken_room * a->F) * sizeof(float));
    a->taken = larger;
    a->taken_room = room;
    return VAE_OK;
}

vae_status_t vae_anomaly_add(vae_anomaly_t *anomaly, const vae_batch_t *batch) {
    VAEI_TRY(vaei_check_anomaly(anomaly));
    if (anomaly->scores) return vaei_fail(VAE_E_STATE, "anomaly: is fitted already, create another one");
    VAEI_TRY(check_batch(anomaly, batch, "vae_anomaly_add"));
    VAEI_TRY(make_room(anomaly, batch->n));
    for (int64_t i = 0; i < batch->n; i += anomaly->at_once) {
        const int64_t n = batch->n - i < anomaly->at_once ? batch->n - i : anomaly->at_once;
        const vae_batch_t part = part_of(anomaly, batch, i, n);
        VAEI_TRY(extract(anomaly, &part));
        memcpy(anomaly->taken + (anomaly->n_taken + i) * anomaly->F, anomaly->feature, (size_t)(n * anomaly->F) * sizeof(float));
    }
    anomaly->n_taken += batch->n;
    return VAE_OK;
}

vae_status_t vaei_anomaly_take_memory(vae_anomaly_t *a, int64_t n_scores) {
    vaei_heap *const heap = &a->model->ctx->heap;
    float *const statistics = a->M > 0 ? vaei_heap_alloc(heap, (size_t)a->M * sizeof(float), "statistics") : NULL;
    if (a->M > 0 && !statistics) return VAE_E_NOMEM;
    float *const scores = vaei_heap_alloc(heap, (size_t)n_scores * sizeof(float), "calibration");
    if (!scores) {
        vaei_heap_free(heap, statistics, (size_t)a->M * sizeof(float));
        return VAE_E_NOMEM;
    }
    a->statistics = statistics;
    a->scores = scores;
    a->n_scores = n_scores;
    return VAE_OK;
}

/* Moves every second example, beginning with the first, to the front; the order of the others does not matter afterwards. */
static int64_t halve(vae_anomaly_t *a, vaei_arena *arena, const float **learn, const float **rest) {
    const int64_t n = (a->n_taken + 1) / 2;
    const size_t row = (size_t)a->F * sizeof(float);
    float *const sorted = vaei_arena_array(arena, (size_t)a->n_taken, row);
    if (!sorted) return -1;
    for (int64_t i = 0; i < a->n_taken; i++) memcpy(sorted + (i % 2 == 0 ? i / 2 : n + i / 2) * a->F, a->taken + i * a->F, row);
    *learn = sorted;
    *rest = sorted + n * a->F;
    return n;
}

static vae_status_t fit_in(vae_anomaly_t *a, vaei_arena *arena, float *statistics, const float **rest, int64_t *n_rest) {
    const float *learn;
    *rest = a->taken;
    *n_rest = a->n_taken;
    if (!a->ops->fit) return VAE_OK;
    const int64_t n = halve(a, arena, &learn, rest);
    if (n < 0) return VAE_E_NOMEM;
    *n_rest = a->n_taken - n;
    return a->ops->fit(a->conf, n, a->F, learn, arena, statistics);
}

static vae_status_t fit(vae_anomaly_t *a, vaei_arena *arena) {
    float *const statistics = vaei_arena_array(arena, (size_t)a->M + 1, sizeof(*statistics));
    const float *rest;
    int64_t n;
    if (!statistics) return VAE_E_NOMEM;
    VAEI_TRY(fit_in(a, arena, statistics, &rest, &n));
    VAEI_TRY(vaei_anomaly_take_memory(a, n));
    if (a->M > 0) memcpy(a->statistics, statistics, (size_t)a->M * sizeof(*statistics));
    for (int64_t i = 0; i < n; i++) a->scores[i] = a->ops->score(a->conf, a->F, a->statistics, rest + i * a->F);
    vaei_calibration_sort(a->scores, n);
    vaei_heap_free(&a->model->ctx->heap, a->taken, (size_t)(a->taken_room * a->F) * sizeof(float));
    a->taken = NULL;
    a->n_taken = a->taken_room = 0;
    return VAE_OK;
}

vae_status_t vae_anomaly_fit(vae_anomaly_t *anomaly) {
    vaei_arena arena;
    fenv_t host;
    VAEI_TRY(vaei_check_anomaly(anomaly));
    if (anomaly->scores) return vaei_fail(VAE_E_STATE, "anomaly: is fitted already, create another one");
    if (anomaly->n_taken < 2)
        return vaei_fail(VAE_E_STATE, "anomaly: %lld examples were added, wanted 2 or more", (long long)anomaly->n_taken);
    vaei_arena_init(&arena, &anomaly->model->ctx->heap);
    vaei_float_env_enter(&host);
    const vae_status_t status = fit(anomaly, &arena);
    vaei_float_env_leave(&host);
    vaei_arena_free(&arena);
    return status;
}

/* ---- use -------------------------------------------------------------------------------------------------------------- */

vae_status_t vae_anomaly_score(vae_anomaly_t *anomaly, const vae_batch_t *batch, float *score, double *p_value) {
    VAEI_TRY(check_fitted(anomaly));
    VAEI_TRY(check_batch(anomaly, batch, "vae_anomaly_score"));
    for (int64_t i = 0; i < batch->n; i += anomaly->at_once) {
        const int64_t n = batch->n - i < anomaly->at_once ? batch->n - i : anomaly->at_once;
        const vae_batch_t part = part_of(anomaly, batch, i, n);
        VAEI_TRY(extract(anomaly, &part));
        for (int64_t j = 0; j < n; j++) {
            const float s = anomaly->ops->score(anomaly->conf, anomaly->F, anomaly->statistics, anomaly->feature + j * anomaly->F);
            if (score) score[i + j] = s;
            if (p_value) p_value[i + j] = vaei_calibration_p_value(anomaly->scores, anomaly->n_scores, s);
        }
    }
    return VAE_OK;
}

vae_status_t vae_anomaly_threshold(const vae_anomaly_t *anomaly, int32_t how, double alpha, double *threshold) {
    VAEI_TRY(check_fitted(anomaly));
    if (!threshold) return vaei_fail(VAE_E_ARG, "threshold: is NULL");
    if (how < 0 || how >= VAEI_THRESHOLDS) return vaei_fail(VAE_E_ARG, "how: %ld, wanted a VAE_THRESHOLD_ constant", (long)how);
    if (!(alpha > 0 && alpha < 1)) return vaei_fail(VAE_E_ARG, "alpha: wanted a rate between 0 and 1, such as 0.01");
    return vaei_calibration_threshold(anomaly->scores, anomaly->n_scores, how, alpha, threshold);
}

static int32_t is_anomaly(const vae_anomaly_t *a) {
    return a && a->magic == VAEI_MAGIC_ANOMALY;
}

int64_t vae_anomaly_count(const vae_anomaly_t *anomaly) {
    return is_anomaly(anomaly) ? anomaly->n_scores : 0;
}

const float *vae_anomaly_scores(const vae_anomaly_t *anomaly) {
    return is_anomaly(anomaly) ? anomaly->scores : NULL;
}

const vae_model_t *vae_anomaly_model(const vae_anomaly_t *anomaly) {
    return is_anomaly(anomaly) ? anomaly->model : NULL;
}

vae_status_t vae_anomaly_text(const vae_anomaly_t *anomaly, char *buf, size_t cap, size_t *needed) {
    VAEI_TRY(vaei_check_anomaly(anomaly));
    return vaei_give_text(anomaly->text, strlen(anomaly->text), buf, cap, needed);
}
