/* SPDX-License-Identifier: MIT
 * vae/gradient.h - the gradient of an example's loss by the example itself: what makes it stranger to the model.
 *
 *     vae_gradient_t *gradient;
 *     vae_gradient_create(&gradient, model, 64);
 *     vae_input_gradient(gradient, &batch, loss, dx);          x + 0.01 sign(dx) has a larger loss
 *
 * The model runs as in a session: by running statistics, and nothing is dropped. It is not changed. One thread at a time uses a gradient;
 * several gradients and sessions on one model run side by side. */
#ifndef VAE_GRADIENT_H
#define VAE_GRADIENT_H

#include "batch.h"
#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vae_gradient vae_gradient_t;

/**
 * Create the memory of backward passes, one block, which holds the gradients of the parameters too.
 * @param out  receives it; free with vae_gradient_destroy()   @param model  kept alive by the gradient
 * @param max_batch  examples that it works on at once, >= 1; calls with more are split
 * @return VAE_OK; VAE_E_ARG; VAE_E_UNSUPPORTED (x or z has no gradient: codes, tokens, counts, mixtures of bins, a prior of
 *         the model's own);
 *         VAE_E_LIMIT; VAE_E_NOMEM   @since 0.1
 */
VAE_API vae_status_t vae_gradient_create(vae_gradient_t **out, const vae_model_t *model, int64_t max_batch);

/** Free a gradient; NULL is allowed. @since 0.1 */
VAE_API void vae_gradient_destroy(vae_gradient_t *gradient);

/**
 * The loss of each example, recon + rate as vae_elbo_batch() gives them for one sample, and its gradient.
 * @param batch  of which x and noise[n][D] are read, and what the model requires: label, condition, length. noise NULL: zeros, so that the
 *        latents are the means of their posteriors
 * @param loss  output[n], nats; may be NULL   @param dx  output[n][S], d loss[i] / d x[i]
 * @return VAE_OK; VAE_E_ARG; VAE_E_NUMERIC. On error the outputs are untouched   @since 0.1
 */
VAE_API vae_status_t vae_input_gradient(vae_gradient_t *gradient, const vae_batch_t *batch, double *loss, float *dx);

#ifdef __cplusplus
}
#endif
#endif
