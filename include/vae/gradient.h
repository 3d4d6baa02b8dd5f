/* SPDX-License-Identifier: MIT
 * vae/gradient.h - the gradient of an example's loss with respect to the example: the direction in which the loss grows fastest.
 *
 *     vae_gradient_t *gradient;
 *     vae_gradient_create(&gradient, model, 64);
 *     vae_input_gradient(gradient, &batch, loss, dx);          x + 0.01 sign(dx) has a larger loss
 *
 * The model runs as in a session: batch norm uses its running statistics, and dropout and corrupt do nothing. The call does not change the
 * model. One thread at a time uses a gradient; several gradients and sessions may use one model at the same time. */
#ifndef VAE_GRADIENT_H
#define VAE_GRADIENT_H

#include "batch.h"
#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vae_gradient vae_gradient_t;

/**
 * Create the memory of backward passes. It is one block, which contains the gradients of the parameters too.
 * @param out  receives it; free with vae_gradient_destroy()   @param model  kept alive by the gradient
 * @param max_batch  the most examples that are processed at once, >= 1; calls with more are split
 * @return VAE_OK; VAE_E_ARG; VAE_E_UNSUPPORTED (x or z has no gradient: codes, tokens, counts, mixtures of bins, a prior of
 *         the model's own);
 *         VAE_E_LIMIT; VAE_E_NOMEM   @since 0.1
 */
VAE_API vae_status_t vae_gradient_create(vae_gradient_t **out, const vae_model_t *model, int64_t max_batch);

/** Free a gradient; NULL is allowed. @since 0.1 */
VAE_API void vae_gradient_destroy(vae_gradient_t *gradient);

/**
 * Compute the loss of each example, recon + rate as vae_elbo_batch() gives them for one sample, and its gradient.
 * @param batch  the call reads x, noise[n][D] and the members that the model requires: label, condition, length. If noise is NULL, it is 0,
 *        so that the latents are the means of their posteriors
 * @param loss  output[n], nats; may be NULL   @param dx  output[n][S], d loss[i] / d x[i]
 * @return VAE_OK; VAE_E_ARG; VAE_E_NUMERIC. On error the outputs are untouched   @since 0.1
 */
VAE_API vae_status_t vae_input_gradient(vae_gradient_t *gradient, const vae_batch_t *batch, double *loss, float *dx);

#ifdef __cplusplus
}
#endif
#endif
