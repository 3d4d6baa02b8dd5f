/* SPDX-License-Identifier: MIT
 * tensor.c - creates and reads arrays with an element type and a shape. */
#include "api/api.h"

static size_t dtype_bytes(int32_t dtype) {
    switch (dtype) {
    case VAE_F32:
    case VAE_I32: return 4;
    case VAE_U8: return 1;
    case VAE_I64: return 8;
    default: return 0;
    }
}

static vae_status_t count_bytes(size_t *out, int32_t dtype, int32_t ndim, const int64_t *shape) {
    size_t bytes = dtype_bytes(dtype);
    if (bytes == 0) return vaei_fail(VAE_E_ARG, "dtype: %d, wanted VAE_F32, VAE_U8, VAE_I32 or VAE_I64", (int)dtype);
    if (ndim < 0 || ndim > VAE_MAX_DIMS) return vaei_fail(VAE_E_ARG, "ndim: %d, wanted 0..%d", (int)ndim, VAE_MAX_DIMS);
    if (ndim > 0 && !shape) return vaei_fail(VAE_E_ARG, "shape: is NULL");
    for (int32_t i = 0; i < ndim; i++) {
        if (shape[i] < 0) return vaei_fail(VAE_E_ARG, "shape[%d]: %lld, wanted 0 or more", (int)i, (long long)shape[i]);
        if ((uint64_t)shape[i] > SIZE_MAX || !vaei_size_mul(bytes, (size_t)shape[i], &bytes))
            return vaei_fail(VAE_E_LIMIT, "shape: more bytes than memory has addresses");
    }
    *out = bytes;
    return VAE_OK;
}

static vae_status_t make(vae_tensor_t **out, vae_ctx_t *ctx, int32_t dtype, int32_t ndim, const int64_t *shape, void *data,
                         int32_t owning) {
    size_t bytes = 0;
    if (!out) return vaei_fail(VAE_E_ARG, "out: is NULL");
    *out = NULL;
    VAEI_TRY(count_bytes(&bytes, dtype, ndim, shape));
    VAEI_TRY(vaei_ctx_acquire(&ctx, ctx));
    vae_tensor_t *t = vaei_heap_alloc(&ctx->heap, sizeof(*t), "tensor");
    if (t && owning && bytes > 0 && !(data = vaei_heap_alloc(&ctx->heap, bytes, "tensor's data"))) {
        vaei_heap_free(&ctx->heap, t, sizeof(*t));
        t = NULL;
    }
    if (!t) {
        vae_ctx_destroy(ctx);
        return VAE_E_NOMEM;
    }
    t->magic = VAEI_MAGIC_TENSOR;
    t->dtype = dtype;
    t->ndim = ndim;
    for (int32_t i = 0; i < ndim; i++) t->shape[i] = shape[i];
    t->data = data;
    t->owned_bytes = owning ? bytes : 0;
    t->ctx = ctx;
    *out = t;
    return VAE_OK;
}

vae_status_t vae_tensor_create(vae_tensor_t **out, vae_ctx_t *ctx, int32_t dtype, int32_t ndim, const int64_t *shape) {
    return make(out, ctx, dtype, ndim, shape, NULL, 1);
}

vae_status_t vae_tensor_wrap(vae_tensor_t **out, vae_ctx_t *ctx, int32_t dtype, int32_t ndim, const int64_t *shape, void *data) {
    if (!data) {
        if (out) *out = NULL;
        return vaei_fail(VAE_E_ARG, "data: is NULL");
    }
    return make(out, ctx, dtype, ndim, shape, data, 0);
}

static int32_t is_tensor(const vae_tensor_t *t) {
    return t && t->magic == VAEI_MAGIC_TENSOR;
}

void vae_tensor_destroy(vae_tensor_t *tensor) {
    if (!is_tensor(tensor) || !tensor->ctx) return;
    vae_ctx_t *ctx = tensor->ctx;
    if (tensor->owned_bytes > 0) vaei_heap_free(&ctx->heap, tensor->data, tensor->owned_bytes);
    tensor->magic = 0;
    vaei_heap_free(&ctx->heap, tensor, sizeof(*tensor));
    vae_ctx_destroy(ctx);
}

int32_t vae_tensor_dtype(const vae_tensor_t *tensor) {
    return is_tensor(tensor) ? tensor->dtype : 0;
}

int32_t vae_tensor_ndim(const vae_tensor_t *tensor) {
    return is_tensor(tensor) ? tensor->ndim : -1;
}

const int64_t *vae_tensor_shape(const vae_tensor_t *tensor) {
    return is_tensor(tensor) ? tensor->shape : NULL;
}

void *vae_tensor_data(const vae_tensor_t *tensor) {
    return is_tensor(tensor) ? tensor->data : NULL;
}

void vaei_tensor_of_param(vae_tensor_t *t, const vaei_param *p, float *values) {
    *t = (vae_tensor_t){.magic = VAEI_MAGIC_TENSOR, .dtype = VAE_F32, .ndim = p->ndim, .data = values + p->offset};
    for (int32_t i = 0; i < p->ndim; i++) t->shape[i] = p->shape[i];
}
