/* SPDX-License-Identifier: MIT
 * vae/anomaly.h - detects examples that are unlike those of the training: each example gets a score, calibrated on normal examples.
 *
 *     vae_anomaly_t *anomaly;
 *     vae_anomaly_create(&anomaly, model, "bound samples=16", 64);     the score; vae_registry_name("score", i) lists them
 *     while (more) vae_anomaly_add(anomaly, &normal);                  normal examples that the model was not trained on
 *     vae_anomaly_fit(anomaly);
 *     vae_anomaly_save(anomaly, "detector.safetensors");               a model file that contains the detector
 *     vae_anomaly_score(anomaly, &batch, score, p_value);              p_value <= 0.01 means an anomaly, with 1 % of false alarms
 *
 * The p-value of an example is conformal: p = (1 + the number of calibration scores at or above its score) / (n + 1). For a normal example
 * that is exchangeable with the n examples of the calibration, P(p <= alpha) <= alpha holds for every model and score. Examples that
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
 * @param score  the score with its options, "mahalanobis ridge=0.01"   @param max_batch  the most examples that are processed at once, >= 1
 * @return VAE_OK; VAE_E_ARG; VAE_E_SPEC (no such score or option); VAE_E_LIMIT; VAE_E_NOMEM   @since 0.1
 */
VAE_API vae_status_t vae_anomaly_create(vae_anomaly_t **out, const vae_model_t *model, const char *score, int64_t max_batch);

/** Free a detector; NULL is allowed. @since 0.1 */
VAE_API void vae_anomaly_destroy(vae_anomaly_t *anomaly);

/**
 * Add normal examples for the fit. The detector keeps the features that the score reads, one number or D numbers for each example, and
 * not x.
 * @param batch  the call reads x and the members that the model requires: label, condition, length
 * @return VAE_OK; VAE_E_ARG; VAE_E_NUMERIC; VAE_E_UNSUPPORTED (the model has nothing that the score reads); VAE_E_STATE (it is fitted);
 *         VAE_E_NOMEM. On error no example was added   @since 0.1
 */
VAE_API vae_status_t vae_anomaly_add(vae_anomaly_t *anomaly, const vae_batch_t *batch);

/**
 * Fit the detector to the examples that were added. A score with statistics (mahalanobis, typicality) is fitted to every second example,
 * beginning with the first, and calibrated on the rest. Any other score is calibrated on all examples.
 * @return VAE_OK; VAE_E_STATE (it is fitted, or has fewer than 2 examples); VAE_E_NOMEM   @since 0.1
 */
VAE_API vae_status_t vae_anomaly_fit(vae_anomaly_t *anomaly);

/**
 * Score examples.
 * @param batch  as vae_anomaly_add()   @param score  output[n], larger for less normal examples; may be NULL
 * @param p_value  output[n], 0 < p <= 1; may be NULL
 * @return as vae_anomaly_add(); VAE_E_STATE (it is not fitted). On error the outputs are untouched   @since 0.1
 */
VAE_API vae_status_t vae_anomaly_score(vae_anomaly_t *anomaly, const vae_batch_t *batch, float *score, double *p_value);

/**
 * Get the threshold: an example with a larger score is an anomaly.
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

/** Write the model and the fitted detector to one file. vae_model_load() reads the model from it. Errors are those of vae_model_save(), and
 * VAE_E_STATE before the fit. @since 0.1 */
VAE_API vae_status_t vae_anomaly_save(const vae_anomaly_t *anomaly, const char *path);

/** Load a file that vae_anomaly_save() wrote. @return as vae_model_load() and vae_anomaly_create(); VAE_E_FORMAT (the file has no
 * detector, or a damaged one)   @since 0.1 */
VAE_API vae_status_t vae_anomaly_load(vae_anomaly_t **out, vae_ctx_t *ctx, const char *path, int64_t max_batch);

#ifdef __cplusplus
}
#endif
#endif
