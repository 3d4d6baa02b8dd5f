/* SPDX-License-Identifier: MIT
 * vae/tensor.h - an array with a type and a shape, owning or borrowing its memory.
 *
 * The main path takes plain float arrays; tensors are for parameters, gradients, codes and images. Row-major, contiguous. */
#ifndef VAE_TENSOR_H
#define VAE_TENSOR_H

#include "ctx.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vae_tensor vae_tensor_t;

enum { VAE_F32 = 1, VAE_U8 = 2, VAE_I32 = 3, VAE_I64 = 4 };
#define VAE_MAX_DIMS 8

/**
 * Create a tensor of zeros that owns its memory (aligned to 64 bytes).
 * @param out  receives it; free with vae_tensor_destroy()   @param ctx  may be NULL   @param dtype  VAE_F32, ...
 * @param ndim 0 <= ndim <= VAE_MAX_DIMS   @param shape  shape[ndim], each >= 0; NULL if ndim is 0
 * @return VAE_OK; VAE_E_ARG; VAE_E_LIMIT (the product of the sizes overflows); VAE_E_NOMEM   @since 0.1
 */
VAE_API vae_status_t vae_tensor_create(vae_tensor_t **out, vae_ctx_t *ctx, int32_t dtype, int32_t ndim, const int64_t *shape);

/** As vae_tensor_create(), over the caller's memory, which must outlive the tensor and is never freed. @since 0.1 */
VAE_API vae_status_t vae_tensor_wrap(vae_tensor_t **out, vae_ctx_t *ctx, int32_t dtype, int32_t ndim, const int64_t *shape, void *data);

/** Free a tensor that vae_tensor_create() or _wrap() made; NULL is allowed; borrowed tensors are left alone. @since 0.1 */
VAE_API void vae_tensor_destroy(vae_tensor_t *tensor);

/** VAE_F32, ...; 0 if not a tensor. @since 0.1 */
VAE_API int32_t vae_tensor_dtype(const vae_tensor_t *tensor);

/** Number of dimensions; -1 if not a tensor. @since 0.1 */
VAE_API int32_t vae_tensor_ndim(const vae_tensor_t *tensor);

/** The sizes, shape[ndim], borrowed; NULL if not a tensor. @since 0.1 */
VAE_API const int64_t *vae_tensor_shape(const vae_tensor_t *tensor);

/** The first element, borrowed; NULL if not a tensor. A model's parameters are read-only: see vae_model_set_param(). @since 0.1 */
VAE_API void *vae_tensor_data(const vae_tensor_t *tensor);

#ifdef __cplusplus
}
#endif
#endif
