/* SPDX-License-Identifier: MIT
 * anomaly_file.c - saves and loads detectors in model files. A detector adds to the contents that model_file.c writes:
 *
 *     __metadata__   vae.anomaly "mahalanobis ridge=0.0001"
 *     tensors        anomaly.scores [n], ascending; anomaly.statistics [M], if the score has any                       float32
 */
#include "api/detector.h"
#include "base/float_env.h"

#define TEXT_KEY   "vae.anomaly"
#define SCORES     VAEI_ANOMALY_PREFIX "scores"
#define STATISTICS VAEI_ANOMALY_PREFIX "statistics"

static vaei_entry entry_of(const char *name, const float *values, int64_t n) {
    return (vaei_entry){
        .name = name, .dtype = VAEI_DTYPE_F32, .ndim = 1, .shape = {n}, .count = n, .data = (const uint8_t *)(const void *)values};
}

vae_status_t vae_anomaly_save(const vae_anomaly_t *anomaly, const char *path) {
    VAEI_TRY(vaei_check_anomaly(anomaly));
    if (!path) return vaei_fail(VAE_E_ARG, "path: is NULL");
    if (!anomaly->scores) return vaei_fail(VAE_E_STATE, "anomaly: is not fitted, call vae_anomaly_fit() first");
    const vaei_entry more[2] = {entry_of(SCORES, anomaly->scores, anomaly->n_scores),
                                entry_of(STATISTICS, anomaly->statistics, anomaly->M)};
    const vaei_text_entry text[] = {{TEXT_KEY, anomaly->text}};
    return vaei_model_write(anomaly->model, path, more, anomaly->M > 0 ? 2 : 1, text, 1);
}

static vae_status_t read_entry(const vaei_file *f, const char *name, int64_t wanted, const vaei_entry **e) {
    *e = vaei_file_find(f, name);
    if (!*e) return vaei_fail(VAE_E_FORMAT, "%.80s: tensor '%s' is missing", f->where, name);
    if ((*e)->ndim != 1 || (*e)->count < 1 || (wanted > 0 && (*e)->count != wanted))
        return vaei_fail(VAE_E_FORMAT, "%.80s: %s has the wrong size", f->where, name);
    VAEI_TRY(vaei_entry_is_floats(*e, f->where));
    return vaei_entry_floats(*e, NULL, f->where);
}

/* Reads the text and the arrays of an opened file into a new detector. */
static vae_status_t fill(vae_anomaly_t *a, const vaei_file *f) {
    const vaei_entry *scores, *statistics = NULL;
    VAEI_TRY(read_entry(f, SCORES, 0, &scores));
    if (a->M > 0) VAEI_TRY(read_entry(f, STATISTICS, a->M, &statistics));
    VAEI_TRY(vaei_anomaly_take_memory(a, scores->count));
    (void)vaei_entry_floats(scores, a->scores, f->where);
    if (statistics) (void)vaei_entry_floats(statistics, a->statistics, f->where);
    for (int64_t i = 1; i < a->n_scores; i++)
        if (a->scores[i] < a->scores[i - 1]) return vaei_fail(VAE_E_FORMAT, "%.80s: " SCORES " do not ascend", f->where);
    return VAE_OK;
}

static vae_status_t from_file(vae_anomaly_t **out, const vae_model_t *model, const vaei_file *f, int64_t max_batch) {
    const char *const text = vaei_file_text(f, TEXT_KEY);
    vae_anomaly_t *a;
    fenv_t host;
    if (!text) return vaei_fail(VAE_E_FORMAT, "%.80s: no " TEXT_KEY " in its metadata: not a detector", f->where);
    VAEI_TRY(vae_anomaly_create(&a, model, text, max_batch));
    vaei_float_env_enter(&host);
    const vae_status_t status = fill(a, f);
    vaei_float_env_leave(&host);
    if (status < 0) vae_anomaly_destroy(a);
    else *out = a;
    return status;
}

vae_status_t vae_anomaly_load(vae_anomaly_t **out, vae_ctx_t *ctx, const char *path, int64_t max_batch) {
    vae_model_t *model;
    vaei_file f;
    if (!out) return vaei_fail(VAE_E_ARG, "out: is NULL");
    *out = NULL;
    VAEI_TRY(vae_model_load(&model, ctx, path));
    vae_status_t status = vaei_file_read(&f, &model->ctx->heap, path);
    if (status == VAE_OK) {
        status = from_file(out, model, &f, max_batch);
        vaei_file_close(&f);
    }
    vae_model_destroy(model);
    return status;
}
