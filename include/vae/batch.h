/* SPDX-License-Identifier: MIT
 * vae/batch.h - a batch: examples with their labels, conditions, codes, noise and weights, as one argument.
 *
 * Each call over examples has two forms: vae_encode(session, n, x, ...), and vae_encode_batch(session, &batch, ...) for examples that have
 * more than x. The first form sets n and x of a batch and calls the second.
 *
 *     vae_batch_t batch = {0};
 *     batch.struct_size = sizeof(batch);
 *     batch.n = 128;
 *     batch.x = images;
 *     batch.label = classes;
 *
 * The library reads the arrays during the call and does not keep their addresses. A member that the call does not read must be NULL,
 * because the library refuses what it would otherwise ignore. This is what each call reads; * marks what it requires:
 *
 *     vae_encode_batch, vae_reconstruct_batch, vae_encode_codes_batch     x*
 *     vae_decode_batch                            codes, if z is NULL
 *     vae_sample_batch                            label, noise, flag VAE_BATCH_DRAW
 *     vae_elbo_batch                              x*, label, noise
 *     vae_trainer_step_batch, _backward_batch     x* (under objective prior x or codes), label, noise, weight
 *
 * Every call reads length, if the model takes lengths: docs/sequences.md tells which models do.
 *
 * A model with a section `condition` requires label (`condition classes=10`) or condition (`condition vector=7`), or both, in every call,
 * except under objective prior with codes, where only the prior runs. In a model without that section only a prior with classes reads
 * label, and nothing reads condition. Label -1 says that an example has no class; a prior with classes refuses it. */
#ifndef VAE_BATCH_H
#define VAE_BATCH_H

#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** vae_sample_batch(): x is drawn from the likelihood, p(x|z), in place of its mean. @since 0.1 */
#define VAE_BATCH_DRAW UINT32_C(1)

/** S = vae_model_input_size(), D = vae_model_latent_size(). A member that is NULL is not given. @since 0.1 */
typedef struct vae_batch {
    uint32_t struct_size;   /* sizeof(vae_batch_t) as the caller knows it */
    uint32_t flags;         /* 0, or VAE_BATCH_DRAW */
    int64_t n;              /* examples, >= 0 */
    const float *x;         /* [n][S] finite, in the range of the likelihood; tokens are whole numbers */
    const int32_t *label;   /* [n] 0..vae_model_class_count()-1; -1: no class */
    const float *condition; /* [n][vae_model_condition_size()] finite */
    const int32_t *codes;   /* [n][vae_model_codes_per_example()] 0..vae_model_codebook_size()-1 */
    const float *noise;     /* [n][D] standard normal, finite; for K samples (vae_elbo_batch(), iwae) [n][K][D]; NULL: drawn */
    const float *weight;    /* [n] weights in loss and gradient: >= 0, finite, not all 0; NULL: 1 each */
    const int32_t *length;  /* [n] 1..T: the steps of a sequence that count; x beyond them counts nowhere; NULL: T each */
} vae_batch_t;

#ifdef __cplusplus
}
#endif
#endif
