/* SPDX-License-Identifier: MIT
 * ctx.c - contexts: the host's hooks, the kernel table and the pool, which are fixed when a context is created. */
#include "api/api.h"

_Static_assert(sizeof(vae_ctx_config_t) == 32 + 6 * sizeof(void *), "no hidden padding: growth must change the size");

#define THREADS_MAX 256
#define STRUCT_MAX  65536 /* bytes */

vae_status_t vaei_take_cancel(_Atomic int32_t *cancel) {
    /* this test keeps the usual case free of a locked instruction */
    if (atomic_load_explicit(cancel, memory_order_relaxed) == 0) return VAE_OK;
    (void)atomic_exchange_explicit(cancel, 0, memory_order_relaxed);
    return vaei_fail(VAE_E_CANCELLED, "the call was cancelled");
}

vae_status_t vaei_read_struct(void *out, size_t known, const void *given, const char *what, const char *how) {
    uint32_t size;
    memcpy(&size, given, sizeof(size));
    if (size < known || size > STRUCT_MAX) return vaei_fail(VAE_E_ARG, "%s: struct_size %u: %s", what, (unsigned)size, how);
    for (size_t i = known; i < size; i++)
        if (((const uint8_t *)given)[i] != 0)
            return vaei_fail(VAE_E_VERSION, "%s: byte %zu is set, this library knows only %zu", what, i, known);
    memcpy(out, given, known);
    return VAE_OK;
}

vae_status_t vae_ctx_config_init(vae_ctx_config_t *config, size_t size) {
    if (!config) return vaei_fail(VAE_E_ARG, "config: is NULL");
    if (size < sizeof(*config) || size > STRUCT_MAX)
        return vaei_fail(VAE_E_ARG, "config: size %zu, wanted sizeof(vae_ctx_config_t), %zu or more", size, sizeof(*config));
    memset(config, 0, size);
    config->struct_size = (uint32_t)size;
    return VAE_OK;
}

static vae_status_t read_config(vae_ctx_config_t *out, const vae_ctx_config_t *config) {
    memset(out, 0, sizeof(*out));
    if (!config) return VAE_OK;
    VAEI_TRY(vaei_read_struct(out, sizeof(*out), config, "config", "call vae_ctx_config_init() first"));
    if (out->flags != 0 || out->reserved != 0 || out->reserved_hook)
        return vaei_fail(VAE_E_VERSION, "config: flags, reserved and reserved_hook must be 0");
    if (out->threads < 0 || out->threads > THREADS_MAX)
        return vaei_fail(VAE_E_ARG, "config: threads=%d, wanted 0..%d", (int)out->threads, THREADS_MAX);
    if ((out->alloc == NULL) != (out->free == NULL)) return vaei_fail(VAE_E_ARG, "config: alloc and free must be given together");
    return VAE_OK;
}

static vae_status_t choose_kernels(const vaei_kernels **out, const vae_ctx_config_t *config) {
    if (config->arith != VAE_ARITH_REPRODUCIBLE && config->arith != VAE_ARITH_BLAS)
        return vaei_fail(VAE_E_ARG, "config: arith=%d, wanted VAE_ARITH_REPRODUCIBLE or VAE_ARITH_BLAS", (int)config->arith);
    if (config->isa < VAE_ISA_AUTO || config->isa > VAE_ISA_WASM128)
        return vaei_fail(VAE_E_ARG, "config: isa=%d, wanted a VAE_ISA_ constant", (int)config->isa);
    *out = vaei_kernels_select(config->isa, config->arith == VAE_ARITH_BLAS);
    if (*out) return VAE_OK;
    if (config->arith == VAE_ARITH_BLAS && vaei_kernels_select(config->isa, 0))
        return vaei_fail(VAE_E_UNSUPPORTED, "config: this library was built without BLAS");
    return vaei_fail(VAE_E_UNSUPPORTED, "config: isa=%d: this processor or build does not have it", (int)config->isa);
}

vae_status_t vae_ctx_create(vae_ctx_t **out, const vae_ctx_config_t *config) {
    vae_ctx_config_t c;
    const vaei_kernels *kernels;
    vaei_heap heap;
    if (!out) return vaei_fail(VAE_E_ARG, "out: is NULL");
    *out = NULL;
    VAEI_TRY(read_config(&c, config));
    VAEI_TRY(choose_kernels(&kernels, &c));
    vaei_heap_init_default(&heap);
    if (c.alloc) {
        heap.user = c.user;
        heap.alloc = c.alloc;
        heap.free = c.free;
    }
    heap.limit = c.mem_limit;
    vae_ctx_t *ctx = vaei_heap_alloc(&heap, sizeof(*ctx), "context");
    if (!ctx) return VAE_E_NOMEM;
    ctx->magic = VAEI_MAGIC_CTX;
    ctx->references = 1;
    ctx->heap = heap;
    ctx->kernels = kernels;
    ctx->user = c.user;
    ctx->log = c.log;
    if (c.threads > 1 || (c.threads == 0 && c.parallel_for)) {
        const vae_status_t status = vaei_pool_create(&ctx->pool, &ctx->heap, c.threads, c.user, c.parallel_for);
        if (status < 0) {
            vae_ctx_destroy(ctx);
            return status;
        }
    }
    *out = ctx;
    return VAE_OK;
}

void vae_ctx_destroy(vae_ctx_t *ctx) {
    if (!ctx || ctx->magic != VAEI_MAGIC_CTX || --ctx->references > 0) return;
    VAEI_ASSERT(ctx->references == 0);
    vaei_pool_destroy(ctx->pool);
    ctx->magic = 0;
    vaei_heap heap = ctx->heap; /* a copy, because the heap is inside the memory that it frees */
    vaei_heap_free(&heap, ctx, sizeof(*ctx));
}

vae_status_t vaei_check_ctx(const vae_ctx_t *ctx) {
    if (ctx && ctx->magic != VAEI_MAGIC_CTX) return vaei_fail(VAE_E_ARG, "ctx: not a context, or already destroyed");
    return VAE_OK;
}

vae_status_t vaei_ctx_acquire(vae_ctx_t **out, vae_ctx_t *ctx) {
    VAEI_TRY(vaei_check_ctx(ctx));
    if (!ctx) return vae_ctx_create(out, NULL);
    VAEI_ASSERT(ctx->references > 0);
    ctx->references++;
    *out = ctx;
    return VAE_OK;
}

const char *vae_ctx_isa(const vae_ctx_t *ctx) {
    return ctx && ctx->magic == VAEI_MAGIC_CTX ? ctx->kernels->name : vaei_kernels_select(VAE_ISA_AUTO, 0)->name;
}

uint64_t vae_ctx_bytes_in_use(const vae_ctx_t *ctx) {
    return ctx && ctx->magic == VAEI_MAGIC_CTX ? ctx->heap.in_use : 0;
}
