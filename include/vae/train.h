/* SPDX-License-Identifier: MIT
 * vae/train.h - training a model: the host owns the loop, the trainer makes one step.
 *
 *     optimizer  adam lr=0.001
 *     objective  elbo beta=1            or a sum of terms: elbo | mmd weight=10
 *     schedule   constant
 *     clip       none
 *
 * A trainer holds the gradients, the optimizer's memory, the schedule and the count of steps, and is the only writer of its model.
 * Creating it allocates one block, and some KiB for its text; steps allocate nothing. Equal inputs give equal bytes whatever the number of
 * threads. The library's optimizers store 0 for a parameter whose magnitude is below 2^-63 (docs/determinism.md). */
#ifndef VAE_TRAIN_H
#define VAE_TRAIN_H

#include "batch.h"
#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vae_trainer vae_trainer_t;

/** The most latents of a model. @since 0.1 */
#define VAE_LATENTS_MAX 16

/** The result of a step. Set struct_size to sizeof before each call; the library fills what fits. Nats are per example. @since 0.1 */
typedef struct vae_metrics {
    uint32_t struct_size; /* sizeof(vae_metrics_t) as the caller knows it */
    uint32_t flags;       /* 0 */
    int64_t step;         /* steps applied so far */
    double loss;          /* the minimised value: mean of recon + weighted rate + aux */
    double recon;         /* mean of -log p(x|z), nats */
    double rate;          /* mean of KL(q(z|x) || p(z)), nats, unweighted */
    double beta;          /* the weight of the rate in this step */
    double lr;            /* the learning rate of this step; 0 from vae_trainer_backward() */
    double grad_norm;     /* 2-norm of all gradients before clipping; 0 from vae_trainer_backward() */
    double aux;           /* mean of the other parts of loss: the latent's terms (codebook, commitment), the objective's (mmd) */
    /* For latents of codes, else 0; of the last batch, before its step changed the codes: */
    double perplexity;         /* exp of the entropy of how often each code was chosen, 1..K; mean over codebooks */
    double codes_used;         /* share of the codes that were chosen at all, 0..1 */
    double dead_codes;         /* codes whose running count is below `revive`, or below 1 % of an even share */
    double quantization_error; /* mean squared difference between a value and its quantized value */
    int64_t latents;           /* vae_model_latent_count() */
    /* The rate of each latent: latent 0 is the section `latent`, the others are those in the decoder, in its order; 0 past the last. */
    double latent_rate[VAE_LATENTS_MAX];
    /* For models with a critic, else 0: */
    double critic_loss;     /* mean of the losses of real and of generated examples, as the term of the objective defines them */
    double critic_accuracy; /* share of examples with the right sign of the score: > 0 for real, < 0 for generated ones; 0.5 is chance */
} vae_metrics_t;

/**
 * An optimizer that the host provides. step() updates w[n] from the gradient g[n]; the library calls it for each parameter tensor.
 * slot[i][n] is the optimizer's memory, zero at the start and saved in checkpoints. step() must not fail. @since 0.1
 */
typedef struct vae_optimizer {
    uint32_t struct_size; /* sizeof(vae_optimizer_t) */
    int32_t slots;        /* number of arrays slot[i], 0 <= slots <= 8 */
    void *user;           /* passed to step */
    const char *name;     /* kept in checkpoints; letters, digits, '_'; copied */
    /* t counts from 1; lr is the schedule's; decay is 0 for biases and norms, else the text's weight_decay. */
    void (*step)(void *user, int64_t n, int64_t t, float lr, float decay, const float *g, float *w, float *const *slot);
} vae_optimizer_t;

/**
 * Create a trainer.
 * @param model  trained in place; kept alive   @param options  the text, or NULL for all defaults   @param max_batch  most
 *        examples in one step, >= vae_trainer_min_batch()
 * @return VAE_OK; VAE_E_ARG; VAE_E_SPEC; VAE_E_STATE (the model has a trainer already); VAE_E_LIMIT; VAE_E_NOMEM   @since 0.1
 */
VAE_API vae_status_t vae_trainer_create(vae_trainer_t **out, vae_model_t *model, const char *options, int64_t max_batch);

/** Free a trainer; NULL is allowed. @since 0.1 */
VAE_API void vae_trainer_destroy(vae_trainer_t *trainer);

/** The bytes that vae_trainer_create() would allocate. vae_trainer_set_optimizer() allocates the slots of the host's optimizer besides.
 * @since 0.1 */
VAE_API vae_status_t vae_trainer_bytes(vae_model_t *model, const char *options, int64_t max_batch, uint64_t *bytes);

/**
 * The smallest number of examples in one step of a trainer with these options: 2 if a batch norm layer gets a single value of each channel
 * from an example, else 1. A loop whose last batch would be smaller should join that batch to the one before.
 * @param n  output   @return as vae_trainer_bytes()   @since 0.1
 */
VAE_API vae_status_t vae_trainer_min_batch(vae_model_t *model, const char *options, int64_t *n);

/** The canonical text of the training; as vae_model_spec(). @since 0.1 */
VAE_API vae_status_t vae_trainer_options(const vae_trainer_t *trainer, char *buf, size_t cap, size_t *needed);

/** Restart the stream of random numbers (noise, dropout) from this seed; a new trainer has seed 0. @since 0.1 */
VAE_API vae_status_t vae_trainer_seed(vae_trainer_t *trainer, uint64_t seed);

/**
 * One step of training: vae_trainer_backward() with drawn noise, then vae_trainer_apply().
 * @param n  examples, vae_trainer_min_batch() <= n <= max_batch   @param x  input[n][S]   @param metrics  may be NULL
 * @return VAE_OK; VAE_E_ARG; VAE_E_NUMERIC (data, loss or gradient not finite: nothing changed, gradients are zero again);
 *         VAE_E_STATE (gradients wait)   @since 0.1
 */
VAE_API vae_status_t vae_trainer_step(vae_trainer_t *trainer, int64_t n, const float *x, vae_metrics_t *metrics);

/** One step of training on a batch: vae_trainer_backward_batch(), then vae_trainer_apply(). @since 0.1 */
VAE_API vae_status_t vae_trainer_step_batch(vae_trainer_t *trainer, const vae_batch_t *batch, vae_metrics_t *metrics);

/**
 * Add the gradient of the mean loss of n examples to the gradients. Several calls before one vae_trainer_apply() accumulate;
 * apply divides by their number.
 * @param noise  standard normal[n][K][D] for the latents, K = vae_trainer_samples(), or NULL: the library draws it. Latents of codes draw
 *        noise of their own from the seed
 * @return as vae_trainer_step()   @since 0.1
 */
VAE_API vae_status_t vae_trainer_backward(vae_trainer_t *trainer, int64_t n, const float *x, const float *noise, vae_metrics_t *metrics);

/**
 * vae_trainer_backward() of a batch. With weights, loss, recon, rate and gradient are weighted means, sum_i w_i l_i / sum_i w_i: an example
 * of weight 2 counts as two equal examples, one of weight 0 does not count. Statistics that layers take over the batch count every example
 * once.
 *
 * Under objective prior all parameters except the prior's are frozen. A prior with classes requires the label of each example. If codes are
 * given in place of x, as vae_encode_codes() gives them, the encoder does not run, and the result has the same bits.
 * @param batch  x or codes, label, noise, weight
 * @return as vae_trainer_step(); VAE_E_UNSUPPORTED (codes or label under another objective, codes of a latent without them, weight for a
 *         latent or a prior that learns from all examples alike: vq, gmm)   @since 0.1
 */
VAE_API vae_status_t vae_trainer_backward_batch(vae_trainer_t *trainer, const vae_batch_t *batch, vae_metrics_t *metrics);

/**
 * Cancel the step or backward that the trainer is running, or the next one if none is running. The cancelled call returns
 * VAE_E_CANCELLED before its next layer, and trainer and model are as they were before the call. If several backwards precede one apply,
 * only the first of them stops in this way: a later one is refused at its start or runs to its end, because its gradients are added to
 * those of the calls before. vae_trainer_cancel() may be called from any thread and from a signal handler: it stores one number.
 * vae_trainer_apply() is not cancelled. NULL is allowed. @since 0.1
 */
VAE_API void vae_trainer_cancel(vae_trainer_t *trainer);

/** Update the parameters from the gradients, then set the gradients to zero. VAE_E_STATE if no vae_trainer_backward() came before.
 * @since 0.1 */
VAE_API vae_status_t vae_trainer_apply(vae_trainer_t *trainer, vae_metrics_t *metrics);

/**
 * The gradient of a parameter: a borrowed tensor that the host may read and write (to reduce over machines) between backward
 * and apply. Zero for running statistics. @param index  as vae_model_param()   @since 0.1
 */
VAE_API vae_status_t vae_trainer_grad(const vae_trainer_t *trainer, int64_t index, vae_tensor_t **out);

/**
 * Use the host's optimizer from now on; only before the first step (VAE_E_STATE). It takes memory for its slots: slots * 4 bytes for
 * each value of a trained parameter. @since 0.1
 */
VAE_API vae_status_t vae_trainer_set_optimizer(vae_trainer_t *trainer, const vae_optimizer_t *optimizer);

/** Replace the base learning rate that the schedule scales; lr >= 0 and finite. @since 0.1 */
VAE_API vae_status_t vae_trainer_set_lr(vae_trainer_t *trainer, double lr);

/**
 * K, the number of latents that the objective draws for each example: that of `iwae samples=K`, else 1. Noise that the host gives to
 * vae_trainer_backward() is [n][K][D]. -1 if not a trainer. @since 0.1
 */
VAE_API int64_t vae_trainer_samples(const vae_trainer_t *trainer);

/** Steps applied so far; -1 if not a trainer. @since 0.1 */
VAE_API int64_t vae_trainer_steps(const vae_trainer_t *trainer);

/**
 * Write a checkpoint: the model and all that a bit-exact resume needs (optimizer memories, steps, seed, options). Crash-safe as
 * vae_model_save(); vae_model_load() reads it too. VAE_E_STATE between backward and apply. @since 0.1
 */
VAE_API vae_status_t vae_trainer_save(const vae_trainer_t *trainer, const char *path);

/** Continue from a checkpoint of the same spec and options; on error trainer and model are unchanged. @since 0.1 */
VAE_API vae_status_t vae_trainer_load(vae_trainer_t *trainer, const char *path);

#ifdef __cplusplus
}
#endif
#endif
