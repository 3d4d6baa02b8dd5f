/* SPDX-License-Identifier: MIT
 * vae/anomaly.h - finding examples that are unlike those that a model knows: a score for each, calibrated on normal examples.
 *
 *     vae_anomaly_t *anomaly;
 *     vae_anomaly_create(&anomaly, model, "bound samples=16", 64);     the score: vae_registry_name("score", i)
 *     while (more) vae_anomaly_add(anomaly, &normal);                  normal examples that the model was not trained on
 *     vae_anomaly_fit(anomaly);
 *     vae_anomaly_save(anomaly, "detector.safetensors");               a model file, with what was fitted
 *     vae_anomaly_score(anomaly, &batch, score, p_value);              p_value <= 0.01: an anomaly, at 1 % of false alarms
 *
 * The p-value of an example is conformal: p = (1 + the number of calibration scores at or above its score) / (n + 1). For a normal example
 * that is exchangeable with the n examples of the calibration, P(p <= alpha) <= alpha, whatever the model and the score are. Examples that
 * the model was trained on are not exchangeable with new ones.
 *
 * Every example is scored with the same noise, so that its score does not depend on other examples, on their order or on the batch. One
 * thread at a time uses a detector. */
#ifndef VAE_ANOMALY_H
#define VAE_ANOMALY_H

#include "batch.h"
#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vae_anomaly vae_anomaly_t;

/** How vae_anomaly_threshold() finds the score above which an example is an anomaly (docs/anomalies.md has the formulas). CONFORMAL keeps
 * the rate of false alarms at alpha or below, and is infinite if there are too few scores for this alpha; QUANTILE is the empirical
 * quantile; TAIL extrapolates by a generalised Pareto distribution of the largest tenth. @since 0.1 */
enum { VAE_THRESHOLD_CONFORMAL = 0, VAE_THRESHOLD_QUANTILE = 1, VAE_THRESHOLD_TAIL = 2 };

/**
 * Create a detector.
 * @param out  receives it; free with vae_anomaly_destroy()   @param model  kept alive by the detector
 * @param score  the score with its options, "mahalanobis ridge=0.01"   @param max_batch  examples that are worked on at once, >= 1
 * @return VAE_OK; VAE_E_ARG; VAE_E_SPEC (no such score or option); VAE_E_LIMIT; VAE_E_NOMEM   @since 0.1
 */
VAE_API vae_status_t vae_anomaly_create(vae_anomaly_t **out, const vae_model_t *model, const char *score, int64_t max_batch);

/** Free a detector; NULL is allowed. @since 0.1 */
VAE_API void vae_anomaly_destroy(vae_anomaly_t *anomaly);

/**
 * Take in normal examples for the fit. What the score reads of them is kept, a number or D numbers each, and not x.
 * @param batch  of which x is read, and what the model requires: label, condition, length
 * @return VAE_OK; VAE_E_ARG; VAE_E_NUMERIC; VAE_E_UNSUPPORTED (the model has nothing that the score reads); VAE_E_STATE (it is fitted);
 *         VAE_E_NOMEM. On error nothing was taken in   @since 0.1
 */
VAE_API vae_status_t vae_anomaly_add(vae_anomaly_t *anomaly, const vae_batch_t *batch);

/**
 * Fit the detector to the examples taken in. A score that learns something (mahalanobis, typicality) learns it from every other example,
 * from the first on, and is calibrated on the rest; any other score is calibrated on all.
 * @return VAE_OK; VAE_E_STATE (it is fitted, or has fewer than 2 examples); VAE_E_NOMEM   @since 0.1
 */
VAE_API vae_status_t vae_anomaly_fit(vae_anomaly_t *anomaly);

/**
 * Score examples.
 * @param batch  as vae_anomaly_add()   @param score  output[n], larger for what is stranger; may be NULL
 * @param p_value  output[n], 0 < p <= 1; may be NULL
 * @return as vae_anomaly_add(); VAE_E_STATE (it is not fitted). On error the outputs are untouched   @since 0.1
 */
VAE_API vae_status_t vae_anomaly_score(vae_anomaly_t *anomaly, const vae_batch_t *batch, float *score, double *p_value);

/**
 * The score above which an example is an anomaly.
 * @param how  VAE_THRESHOLD_   @param alpha  rate of false alarms, 0 < alpha < 1   @param threshold  receives it
 * @return VAE_OK; VAE_E_ARG (also if the tail has fewer than 10 scores that differ); VAE_E_STATE (it is not fitted)   @since 0.1
 */
VAE_API vae_status_t vae_anomaly_threshold(const vae_anomaly_t *anomaly, int32_t how, double alpha, double *threshold);

/** The number of scores of the calibration; 0 before the fit, or if `anomaly` is not a detector. @since 0.1 */
VAE_API int64_t vae_anomaly_count(const vae_anomaly_t *anomaly);

/** The scores of the calibration, scores[vae_anomaly_count()] in ascending order, borrowed until the detector is destroyed; NULL before the
 * fit. @since 0.1 */
VAE_API const float *vae_anomaly_scores(const vae_anomaly_t *anomaly);

/** The score as canonical text; buf, cap, needed as vae_model_spec(). @since 0.1 */
VAE_API vae_status_t vae_anomaly_text(const vae_anomaly_t *anomaly, char *buf, size_t cap, size_t *needed);

/** The model, borrowed until the detector is destroyed; NULL if `anomaly` is not a detector. @since 0.1 */
VAE_API const vae_model_t *vae_anomaly_model(const vae_anomaly_t *anomaly);

/** Write the model and what was fitted to one file, which vae_model_load() reads as the model alone. As vae_model_save(); VAE_E_STATE
 * before the fit. @since 0.1 */
VAE_API vae_status_t vae_anomaly_save(const vae_anomaly_t *anomaly, const char *path);

/** Load what vae_anomaly_save() wrote. @return as vae_model_load() and vae_anomaly_create(); VAE_E_FORMAT (the file has no detector, or a
 * damaged one)   @since 0.1 */
VAE_API vae_status_t vae_anomaly_load(vae_anomaly_t **out, vae_ctx_t *ctx, const char *path, int64_t max_batch);

#ifdef __cplusplus
}
#endif
#endif
