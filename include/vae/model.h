/* SPDX-License-Identifier: MIT
 * vae/model.h - the model: a spec and its parameters.
 *
 *     input      28x28x1
 *     encoder    conv2d out=32 kernel=3 stride=2 pad=1 | relu | flatten
 *     latent     gaussian dim=32
 *     decoder    linear out=6272 | relu | reshape 14x14x32 | deconv2d out=1 kernel=4 stride=2 pad=1
 *     likelihood bernoulli
 *
 * The model's file holds the same text, and docs/spec.md lists every module with its options. The text may also contain the sections of the
 * training (optimizer, objective, schedule, clip, memory): each call reads its own part.
 *
 * A model is read-only while it runs: any number of sessions, each on its own thread, may use it at once. Its only writers
 * are its trainer, vae_model_set_param() and vae_model_load_weights(); do not call those while a session is inside a call. */
#ifndef VAE_MODEL_H
#define VAE_MODEL_H

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vae_model vae_model_t;

/**
 * Build a model from its spec, with fresh parameters.
 * @param out   receives the model; free with vae_model_destroy()   @param ctx   may be NULL; kept alive by the model
 * @param spec  the text, UTF-8, at most 64 KiB   @param seed  equal seeds give equal parameters on every machine
 * @return VAE_OK; VAE_E_ARG; VAE_E_SPEC (says line and column); VAE_E_SHAPE; VAE_E_LIMIT; VAE_E_NOMEM   @since 0.1
 */
VAE_API vae_status_t vae_model_create(vae_model_t **out, vae_ctx_t *ctx, const char *spec, uint64_t seed);

/**
 * Load a model from a safetensors file that vae_model_save() or vae_trainer_save() wrote.
 * @return VAE_OK; VAE_E_ARG; VAE_E_IO; VAE_E_FORMAT; VAE_E_VERSION; VAE_E_UNSUPPORTED; VAE_E_SPEC; VAE_E_SHAPE;
 *         VAE_E_NUMERIC (NaN or infinity in a weight); VAE_E_LIMIT; VAE_E_NOMEM   @since 0.1
 */
VAE_API vae_status_t vae_model_load(vae_model_t **out, vae_ctx_t *ctx, const char *path);

/** vae_model_load() from bytes in memory, data[size], which are copied. @since 0.1 */
VAE_API vae_status_t vae_model_load_memory(vae_model_t **out, vae_ctx_t *ctx, const void *data, size_t size);

/**
 * Replace the parameters by those of any safetensors file whose names and shapes match (PyTorch's F32, F16, BF16, F64, F8_E4M3, F8_E5M2).
 * Names that the model does not know are an error, except `*.num_batches_tracked`. On error the model is unchanged.
 * @return as vae_model_load()   @since 0.1
 */
VAE_API vae_status_t vae_model_load_weights(vae_model_t *model, const char *path);

/** Write the model to a file: temporary file, fsync, rename, fsync of the folder; an old file survives any failure. @since 0.1 */
VAE_API vae_status_t vae_model_save(const vae_model_t *model, const char *path);

/**
 * vae_model_save() into memory: the same bytes, for vae_model_load_memory().
 * @param data  receives at most cap bytes; may be NULL if cap is 0   @param needed  receives the bytes wanted; may be NULL
 * @return VAE_OK; VAE_E_ARG (cap too small: data untouched, *needed set); VAE_E_NOMEM   @since 0.1
 */
VAE_API vae_status_t vae_model_save_memory(const vae_model_t *model, void *data, size_t cap, size_t *needed);

/** Drop the caller's share; NULL is allowed. Sessions and trainers keep their model alive. @since 0.1 */
VAE_API void vae_model_destroy(vae_model_t *model);

/**
 * The canonical spec, every default written out, one section a line, with a final newline and NUL.
 * @param buf  receives at most cap bytes; may be NULL if cap is 0   @param needed  receives the bytes wanted, NUL included;
 *        may be NULL   @return VAE_OK; VAE_E_ARG (cap too small: buf untouched, *needed set)   @since 0.1
 */
VAE_API vae_status_t vae_model_spec(const vae_model_t *model, char *buf, size_t cap, size_t *needed);

/** How vae_model_plan() writes. @since 0.1 */
enum { VAE_PLAN_TEXT = 0, VAE_PLAN_JSON = 1 };

/**
 * How the model runs: the steps of encoder and decoder after fusion (a normalisation folded into the weights, an activation as the epilogue
 * of the layer before it), the algorithm of each convolution with this context's kernels, and each array with its place, its lifetime in
 * steps and its bytes. The text is for people and for tools that inspect a model; its wording may change from version to version.
 * @param n         examples at a time, at least 1   @param training  0: as a session runs it; 1: as a trainer does
 * @param format    VAE_PLAN_TEXT: lines; VAE_PLAN_JSON: a JSON array with one object for the encoder, one for the decoder and, in training,
 *                  one for a critic
 * @param buf, cap, needed  as vae_model_spec()   @return VAE_OK; VAE_E_ARG; VAE_E_NOMEM   @since 0.1
 */
VAE_API vae_status_t vae_model_plan(const vae_model_t *model, int64_t n, int32_t training, int32_t format, char *buf, size_t cap,
                                    size_t *needed);

/** S, the number of floats of one example; 0 if `model` is not a model. @since 0.1 */
VAE_API int64_t vae_model_input_size(const vae_model_t *model);

/** D, the number of floats of all latents of one example, one after the other; 0 if `model` is not a model. @since 0.1 */
VAE_API int64_t vae_model_latent_size(const vae_model_t *model);

/** The number of latents: that of the section `latent`, and those in the decoder; 0 if `model` is not a model. @since 0.1 */
VAE_API int32_t vae_model_latent_count(const vae_model_t *model);

/** The sizes of one example, channels last; returns their number, 1 to 4; 0 if not a model. shape may be NULL. @since 0.1 */
VAE_API int32_t vae_model_input_shape(const vae_model_t *model, int64_t shape[4]);

/** The sizes of the latent of one example, as vae_model_input_shape(). For a model with several latents, one size: D. @since 0.1 */
VAE_API int32_t vae_model_latent_shape(const vae_model_t *model, int64_t shape[4]);

/**
 * The sizes of latent `index` of one example, as vae_model_input_shape(). Latent 0 is the section `latent`; the others are layers of the
 * decoder, in its order. z[n][D] of vae_encode() and vae_decode(), and noise, hold the latents one after the other in this order.
 * @param index  0 <= index < vae_model_latent_count(), else the call returns 0   @since 0.1
 */
VAE_API int32_t vae_model_latent_shape_at(const vae_model_t *model, int32_t index, int64_t shape[4]);

/** The number of codes of one example: positions times codes of a position; 0 if the latent has no codes, or if `model` is not a model.
 * @since 0.1 */
VAE_API int64_t vae_model_codes_per_example(const vae_model_t *model);

/** K, the codebook size: a code is 0..K-1; 0 if the latent has no codes, or if `model` is not a model. @since 0.1 */
VAE_API int64_t vae_model_codebook_size(const vae_model_t *model);

/** The number of classes of the model's condition or of its prior: labels are 0..number-1; 0 if there are no classes, or if `model` is not
 * a model. @since 0.1 */
VAE_API int64_t vae_model_class_count(const vae_model_t *model);

/** The number of tokens: the values of x are whole numbers 0..number-1 (`input 64 tokens=27`); 0 if x is numbers, or if `model` is not a
 * model. @since 0.1 */
VAE_API int64_t vae_model_token_count(const vae_model_t *model);

/** The number of floats of vae_batch_t.condition for one example (`condition vector=7`); 0 if the model has none, or is not a model.
 * @since 0.1 */
VAE_API int64_t vae_model_condition_size(const vae_model_t *model);

/** The number of parameter tensors, the running statistics of batch norm included; 0 if `model` is not a model. @since 0.1 */
VAE_API int64_t vae_model_param_count(const vae_model_t *model);

/** The number of trainable values in all parameters together; 0 if `model` is not a model. @since 0.1 */
VAE_API int64_t vae_model_param_total(const vae_model_t *model);

/**
 * A parameter by index.
 * @param index  0 <= index < vae_model_param_count()   @param out  receives a borrowed tensor in PyTorch's layout, read-only,
 *        valid as long as the model   @param name  receives its name, borrowed; may be NULL
 * @return VAE_OK; VAE_E_ARG   @since 0.1
 */
VAE_API vae_status_t vae_model_param(const vae_model_t *model, int64_t index, const vae_tensor_t **out, const char **name);

/** The index of the parameter `name`; VAE_E_ARG with the nearest name if there is none. @since 0.1 */
VAE_API vae_status_t vae_model_param_find(const vae_model_t *model, const char *name, int64_t *index);

/** Copy values[count] into a parameter. VAE_E_SHAPE if count is not its size; VAE_E_NUMERIC if a value is not finite. @since 0.1 */
VAE_API vae_status_t vae_model_set_param(vae_model_t *model, int64_t index, const float *values, int64_t count);

/**
 * Make the model one for pictures of height x width, with the parameters that it has; vae_model_save() then writes that size. The size is
 * free where no layer has parameters for each place of a picture. A session for another size needs no such call:
 * vae_session_create_sized(). Names and tensors that vae_model_param() has given are no longer valid afterwards. On error the model is
 * unchanged.
 * @return VAE_OK; VAE_E_ARG; VAE_E_STATE (a session or a trainer uses the model); VAE_E_SHAPE (the layers do not fit this size);
 *         VAE_E_UNSUPPORTED (the input is not an image, or the parameters depend on the size: the sentence names the layer);
 *         VAE_E_LIMIT; VAE_E_NOMEM   @since 0.1
 */
VAE_API vae_status_t vae_model_set_input_size(vae_model_t *model, int64_t height, int64_t width);

#ifdef __cplusplus
}
#endif
#endif
