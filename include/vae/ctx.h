/* SPDX-License-Identifier: MIT
 * vae/ctx.h - the context: the allocator, the threads, the log and the arithmetic.
 *
 * A context never changes after its creation; any number of threads may share it. Every call accepts NULL as the default context: malloc,
 * the calling thread only, no log, reproducible arithmetic. A model keeps its context alive, so a host may destroy the context early. */
#ifndef VAE_CTX_H
#define VAE_CTX_H

#include <stddef.h>
#include <stdint.h>
#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vae_ctx vae_ctx_t;

enum { VAE_ARITH_REPRODUCIBLE = 0, VAE_ARITH_BLAS = 1 };
enum { VAE_ISA_AUTO = 0, VAE_ISA_PORTABLE = 1, VAE_ISA_AVX2 = 2, VAE_ISA_AVX512 = 3, VAE_ISA_NEON = 4, VAE_ISA_WASM128 = 5 };
enum { VAE_LOG_INFO = 0, VAE_LOG_WARNING = 1 };

/**
 * Fill with vae_ctx_config_init(), change what you want, pass to vae_ctx_create(). Fields are only ever appended.
 * Hooks may be called from any thread that calls the library. @since 0.1
 */
typedef struct vae_ctx_config {
    uint32_t struct_size; /* bytes; set by vae_ctx_config_init(); do not change */
    uint32_t flags;       /* must be 0 */
    int32_t arith;        /* VAE_ARITH_REPRODUCIBLE: the same bits on every CPU; VAE_ARITH_BLAS: matrix products by cblas */
    int32_t isa;          /* VAE_ISA_AUTO, or the instruction set to use; VAE_E_UNSUPPORTED if this CPU lacks it */
    int32_t threads;      /* 0: parallel_for if set, else the calling thread; n: a pool of n threads, 1 <= n <= 256 */
    int32_t reserved;     /* must be 0 */
    uint64_t mem_limit;   /* bytes of all objects of this context together; 0: no limit */
    void *user;           /* passed to each hook */
    /* Memory of at least `size` bytes, aligned to `align` (a power of two, at most 64); NULL refuses. NULL: malloc. */
    void *(*alloc)(void *user, size_t size, size_t align);
    /* Takes back what alloc gave, with the same size. Must be set if alloc is. */
    void (*free)(void *user, void *ptr, size_t size);
    /* Calls task(arg, i) for each 0 <= i < tasks, in any order, on any threads; returns when all are done. */
    void (*parallel_for)(void *user, int32_t tasks, void (*task)(void *arg, int32_t index), void *arg);
    /* One line without a newline; level is VAE_LOG_*. NULL: silent. */
    void (*log)(void *user, int32_t level, const char *line);
    void *reserved_hook; /* must be NULL; with it the struct ends without padding where pointers have 4 bytes, too */
} vae_ctx_config_t;

/**
 * Fill a config with the defaults.
 * @param config  to fill   @param size  sizeof(vae_ctx_config_t) as the caller knows it
 * @return VAE_OK; VAE_E_ARG (NULL, or smaller than the first published size)   @since 0.1
 */
VAE_API vae_status_t vae_ctx_config_init(vae_ctx_config_t *config, size_t size);

/**
 * Create a context.
 * @param out     receives the context; free with vae_ctx_destroy()   @param config  NULL: the defaults
 * @return VAE_OK; VAE_E_ARG; VAE_E_VERSION (a field this library does not know is set); VAE_E_UNSUPPORTED (no such
 *         instruction set here, or built without BLAS or threads); VAE_E_NOMEM. On error *out is NULL.   @since 0.1
 */
VAE_API vae_status_t vae_ctx_create(vae_ctx_t **out, const vae_ctx_config_t *config);

/** Drop the caller's share; NULL is allowed. @since 0.1 */
VAE_API void vae_ctx_destroy(vae_ctx_t *ctx);

/** The instruction set the context computes with: "portable", "avx2", "avx512", "neon", "wasm128"; static. ctx may be NULL. @since 0.1 */
VAE_API const char *vae_ctx_isa(const vae_ctx_t *ctx);

/** Bytes the context's objects hold now, itself included. ctx may not be NULL (gives 0). @since 0.1 */
VAE_API uint64_t vae_ctx_bytes_in_use(const vae_ctx_t *ctx);

#ifdef __cplusplus
}
#endif
#endif
