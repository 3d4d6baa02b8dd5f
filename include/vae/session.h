/* SPDX-License-Identifier: MIT
 * vae/session.h - using a model: encode, decode, reconstruct, sample, score.
 *
 * A session holds the scratch memory for a largest batch and a stream of random numbers. Creating it allocates one block;
 * nothing below allocates again. One thread at a time uses a session; sessions on one model run side by side.
 *
 * Arrays are float32, row-major, channels last: x[n][S] with S = vae_model_input_size(), z[n][D] with D =
 * vae_model_latent_size(). With VAE_ARITH_REPRODUCIBLE equal inputs give equal bytes whatever the batch split, the number of
 * threads and the CPU. Rates and bounds are in nats per example.
 *
 * Inside, a value of x, z or a parameter whose magnitude is below 2^-63 (1.1e-19) counts as 0 (docs/determinism.md). */
#ifndef VAE_SESSION_H
#define VAE_SESSION_H

#include "batch.h"
#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vae_session vae_session_t;

/**
 * Create a session.
 * @param out  receives it; free with vae_session_destroy()   @param model  kept alive by the session
 * @param max_batch  examples the session works on at once, >= 1; calls with more are split
 * @return VAE_OK; VAE_E_ARG; VAE_E_LIMIT; VAE_E_NOMEM   @since 0.1
 */
VAE_API vae_status_t vae_session_create(vae_session_t **out, const vae_model_t *model, int64_t max_batch);

/**
 * How vae_session_create_sized() makes a session. Members that are 0 are not given.
 *
 *     vae_session_config_t config = {0};
 *     config.struct_size = sizeof(config);
 *     config.max_batch = 1;
 *     config.height = 768;
 *     config.width = 1024;
 *
 * @since 0.1
 */
typedef struct vae_session_config {
    uint32_t struct_size; /* sizeof(vae_session_config_t) as the caller knows it */
    uint32_t flags;       /* 0 */
    int64_t max_batch;    /* examples the session works on at once, >= 1 */
    int64_t height;       /* of the pictures, 1..65536; 0 with width 0: the model's */
    int64_t width;
    uint64_t memory_budget; /* the most that vae_session_bytes_sized() may be, in bytes; 0: no bound */
} vae_session_config_t;

/**
 * Create a session for pictures of another size than the model's, on the same parameters. The size is free where no layer has
 * parameters for each place of a picture: convolutions have none, a linear layer behind `flatten` and learned positions have some. The
 * results are those of the model whose text has this size from the start. x and z of the session's calls have the sizes of
 * vae_session_model().
 *
 * Under a memory budget, layers over images run some rows at a time where that is needed, and what they hand on to each other is never in
 * memory whole. No bit of any result depends on the budget; a small one costs time, as some rows are computed more than once.
 * @param out  receives it; free with vae_session_destroy()   @param model  kept alive by the session   @param config  read during the call
 * @return VAE_OK; VAE_E_ARG; VAE_E_VERSION; VAE_E_SHAPE (the layers do not fit this size: the sentence says which, and how);
 *         VAE_E_UNSUPPORTED (the input is not an image, or the parameters depend on the size: the sentence names the layer);
 *         VAE_E_LIMIT (also if the session takes more than the budget: the sentence says what it takes at least); VAE_E_NOMEM   @since 0.1
 */
VAE_API vae_status_t vae_session_create_sized(vae_session_t **out, const vae_model_t *model, const vae_session_config_t *config);

/**
 * The model as the session runs it: with the session's size, and the parameters of the session's model. Every call that reads a model takes
 * it: vae_model_input_shape(), vae_model_latent_size(), vae_model_spec(), vae_model_save() ... It is borrowed and lives as long as the
 * session; NULL if `session` is not a session. @since 0.1
 */
VAE_API const vae_model_t *vae_session_model(const vae_session_t *session);

/** Free a session; NULL is allowed. @since 0.1 */
VAE_API void vae_session_destroy(vae_session_t *session);

/** The bytes that vae_session_create() would allocate. @since 0.1 */
VAE_API vae_status_t vae_session_bytes(const vae_model_t *model, int64_t max_batch, uint64_t *bytes);

/** The bytes of the block that vae_session_create_sized() would allocate, for a session's calls; the layers of another size take some more.
 * @return as vae_session_create_sized()   @since 0.1 */
VAE_API vae_status_t vae_session_bytes_sized(const vae_model_t *model, const vae_session_config_t *config, uint64_t *bytes);

/** Restart the stream of random numbers from this seed; a new session has seed 0. @since 0.1 */
VAE_API vae_status_t vae_session_seed(vae_session_t *session, uint64_t seed);

/**
 * Cancel the call that the session is running, or its next call if none is running. The cancelled call returns VAE_E_CANCELLED before its
 * next layer. Its outputs are unspecified, and the session is as it was before the call, so that the same call made again gives what the
 * cancelled one would have given. vae_session_cancel() may be called from any thread and from a signal handler: it stores one number.
 * vae_session_seed() takes no time and is not cancelled. NULL is allowed. @since 0.1
 */
VAE_API void vae_session_cancel(vae_session_t *session);

/**
 * Encode examples into the parameters of their posterior. Nothing is drawn.
 * @param n  examples, >= 0   @param x  input[n][S], finite, as the likelihood expects
 * @param mean  output[n][D]   @param logvar  output[n][D], log of the variance, or NULL. Always finite: a model without a
 *        posterior distribution reports -30
 * @return VAE_OK; VAE_E_ARG (also if a value of x is outside of the likelihood's range, 0..1 for bernoulli: the message says which);
 *         VAE_E_NUMERIC (x holds NaN or infinity). On error the outputs are untouched.   @since 0.1
 */
VAE_API vae_status_t vae_encode(vae_session_t *session, int64_t n, const float *x, float *mean, float *logvar);

/** vae_encode() of a batch, of which it reads x. A member that the call does not read is VAE_E_ARG (batch.h). @since 0.1 */
VAE_API vae_status_t vae_encode_batch(vae_session_t *session, const vae_batch_t *batch, float *mean, float *logvar);

/**
 * Decode latents into the mean of the likelihood. For latents of codes, decode=quantize accepts the unquantized vectors that vae_encode()
 * gives and quantizes them here; decode=raw expects vectors that are quantized already, as vae_encode() then gives them.
 * @param z  input[n][D], finite   @param x  output[n][S]   @return as vae_encode()   @since 0.1
 */
VAE_API vae_status_t vae_decode(vae_session_t *session, int64_t n, const float *z, float *x);

/** vae_decode() of a batch: decodes z[n][D], or the codes of the batch if z is NULL. @since 0.1 */
VAE_API vae_status_t vae_decode_batch(vae_session_t *session, const vae_batch_t *batch, const float *z, float *x);

/**
 * Decode one latent straight into 8-bit pixels, R G B A: round(255 * clamp(value, 0, 1)). For images of 1 channel (grey) or 3, with
 * A = 255, or of 4, the last of which is A.
 * @param pixels  output, H rows of W * 4 bytes, written once, never read   @param row_stride  bytes from row to row, >= W * 4
 * @return VAE_OK; VAE_E_ARG; VAE_E_NUMERIC; VAE_E_UNSUPPORTED (the model does not make images)   @since 0.1
 */
VAE_API vae_status_t vae_decode_rgba8(vae_session_t *session, const float *z, uint8_t *pixels, size_t row_stride);

/**
 * Encode examples into the codes of a latent of codes: position by position, with the codes of a position next to each other.
 * @param x  input[n][S]   @param codes  output[n][vae_model_codes_per_example()], 0..K-1
 * @return as vae_encode(); VAE_E_UNSUPPORTED (the latent has no codes)   @since 0.1
 */
VAE_API vae_status_t vae_encode_codes(vae_session_t *session, int64_t n, const float *x, int32_t *codes);

/** vae_encode_codes() of a batch. @since 0.1 */
VAE_API vae_status_t vae_encode_codes_batch(vae_session_t *session, const vae_batch_t *batch, int32_t *codes);

/**
 * Decode codes into the mean of the likelihood.
 * @param codes  input[n][vae_model_codes_per_example()], 0..K-1; a residual quantizer also accepts -1: that stage adds nothing
 * @param x  output[n][S]
 * @return VAE_OK; VAE_E_ARG (a code out of range: the message says which; x untouched); VAE_E_UNSUPPORTED   @since 0.1
 */
VAE_API vae_status_t vae_decode_codes(vae_session_t *session, int64_t n, const int32_t *codes, float *x);

/** Bytes that `count` codes of 0..K-1 take when packed at ceil(log2 K) bits each; 0 if K < 2 or count < 0, or past the address space.
 * @since 0.1 */
VAE_API size_t vae_codes_packed_bytes(int64_t count, int64_t K);

/**
 * Pack codes one after the other at ceil(log2 K) bits each, lowest bit first; the unused bits of the last byte are 0.
 * @param codes  input[count], 0..K-1   @param bytes  output[vae_codes_packed_bytes()], at most cap
 * @return VAE_OK; VAE_E_ARG (a code out of range, cap too small: bytes untouched)   @since 0.1
 */
VAE_API vae_status_t vae_codes_pack(int64_t count, int64_t K, const int32_t *codes, uint8_t *bytes, size_t cap);

/** Unpack what vae_codes_pack() has packed. @return VAE_OK; VAE_E_ARG; VAE_E_FORMAT (a value of K or more: codes untouched)   @since 0.1 */
VAE_API vae_status_t vae_codes_unpack(int64_t count, int64_t K, const uint8_t *bytes, size_t size, int32_t *codes);

/** Encode and decode the posterior mean: x[n][S] to y[n][S]. @return as vae_encode()   @since 0.1 */
VAE_API vae_status_t vae_reconstruct(vae_session_t *session, int64_t n, const float *x, float *y);

/** vae_reconstruct() of a batch, of which it reads x. @since 0.1 */
VAE_API vae_status_t vae_reconstruct_batch(vae_session_t *session, const vae_batch_t *batch, float *y);

/**
 * Make new examples: draw latents from the model's prior and decode them. Without a section `prior`, the prior is N(0, I), or every code is
 * equally likely. An autoencoder without a distribution has no prior then: VAE_E_UNSUPPORTED.
 * @param noise  standard normal[n][D], or NULL: it is drawn from the session's stream. It must be NULL for latents of codes
 *        and for a learned prior (VAE_E_UNSUPPORTED)
 * @param x  output[n][S]   @return as vae_encode(); also VAE_E_ARG if the prior has classes, which only a batch can name   @since 0.1
 */
VAE_API vae_status_t vae_sample(vae_session_t *session, int64_t n, const float *noise, float *x);

/**
 * vae_sample() of a batch, of which it reads noise and, for a prior with classes, the class of each example to make. With the flag
 * VAE_BATCH_DRAW each x is drawn from the likelihood by the session's stream; without it x is the mean of the likelihood.
 * @return as vae_sample(); VAE_E_ARG (a label out of range: the message names it); VAE_E_UNSUPPORTED (the prior has no classes)
 * @since 0.1
 */
VAE_API vae_status_t vae_sample_batch(vae_session_t *session, const vae_batch_t *batch, float *x);

/**
 * Score examples by the evidence lower bound, elbo = -recon - rate, or with k > 1 samples by the importance-weighted bound
 * log (1/k sum_j p(x|z_j) p(z_j) / q(z_j|x)) of Burda et al. 2016; recon and rate are then the means over the samples.
 * @param k  samples for each example, >= 1   @param noise  standard normal[n][k][D], or NULL: drawn from the stream
 * @param elbo, recon, rate  outputs[n] in nats; each may be NULL. recon is -log p(x|z), rate is KL(q(z|x) || N(0, I)), or
 *        the number of codes times ln K. With a learned prior the rate is log q(z|x) - log p(z) of the drawn latents, which is an
 *        unbiased estimate. For codes the rate is -log p(codes), and elbo is the bound on log p(x) of the whole model.
 * @return as vae_encode(); VAE_E_UNSUPPORTED (k > 1 and no distribution); VAE_E_ARG (classes, as vae_sample())   @since 0.1
 */
VAE_API vae_status_t vae_elbo(vae_session_t *session, int64_t n, const float *x, int64_t k, const float *noise, double *elbo, double *recon,
                              double *rate);

/** vae_elbo() of a batch, of which it reads x, noise[n][k][D], and label as vae_sample_batch() does. @since 0.1 */
VAE_API vae_status_t vae_elbo_batch(vae_session_t *session, const vae_batch_t *batch, int64_t k, double *elbo, double *recon, double *rate);

#ifdef __cplusplus
}
#endif
#endif
