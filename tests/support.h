/* SPDX-License-Identifier: MIT
 * support.h - helpers of the tests of the public API: small models, an allocator that counts and fails on demand, data. */
#ifndef VAE_TESTS_SUPPORT_H
#define VAE_TESTS_SUPPORT_H

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <vae/vae.h>

/* Every kind of path: stride, padding, transposition, norms, residual, dropout, pooling; small enough to run hundreds of times. */
#define SPEC_DENSE                                                   \
    "input 4x4x1\n"                                                  \
    "encoder flatten | linear out=12 | relu\n"                       \
    "latent gaussian dim=3\n"                                        \
    "decoder linear out=12 | silu | linear out=16 | reshape 4x4x1\n" \
    "likelihood bernoulli\n"
#define SPEC_CONV                                                                                                      \
    "input 8x8x2\n"                                                                                                    \
    "encoder conv2d out=6 kernel=3 stride=2 pad=1 | batchnorm | relu | residual { conv2d out=6 kernel=3 pad=1 | silu " \
    "} | "                                                                                                             \
    "groupnorm groups=3 | flatten | dropout p=0.2 | linear out=20 | layernorm | gelu\n"                                \
    "latent gaussian dim=5\n"                                                                                          \
    "decoder linear out=96 | reshape 4x4x6 | deconv2d out=5 kernel=3 stride=2 pad=1 output_pad=1 | leaky_relu | "      \
    "conv2d out=2 kernel=3 pad=1\n"                                                                                    \
    "likelihood gaussian sigma=learned\n"
#define SPEC_VQ                                                           \
    "input 8x8x1\n"                                                       \
    "encoder conv2d out=2 kernel=4 stride=4 | silu\n"                     \
    "latent vq codes=6 dim=3 start=kmeans revive=0.5 gradient=rotation\n" \
    "decoder silu | deconv2d out=1 kernel=4 stride=4\n"                   \
    "likelihood gaussian sigma=optimal\n"
#define TRAINING                                                                                         \
    "optimizer adam lr=0.01\nobjective elbo beta=0.7 warmup=3 free_bits=0.05\nschedule cosine steps=50 " \
    "warmup=4\nclip norm max=5\n"

#define ck_assert_ok(expr)                                                                                 \
    do {                                                                                                   \
        const vae_status_t status_ = (expr);                                                               \
        ck_assert_msg(status_ == VAE_OK, "%s: %s: %s", #expr, vae_status_name(status_), vae_last_error()); \
    } while (0)
#define ck_assert_fails(expr, code)                                                                                               \
    do {                                                                                                                          \
        const vae_status_t status_ = (expr);                                                                                      \
        ck_assert_msg(status_ == (code), "%s: got %s (%s), wanted %s", #expr, vae_status_name(status_), vae_last_error(), #code); \
        ck_assert_msg(vae_last_error()[0] != '\0' && !strchr(vae_last_error(), '\n'), "sentence: '%s'", vae_last_error());        \
    } while (0)

/* Reproducible values in [0, 1). */
static inline void fill(float *x, int64_t n, uint32_t seed) {
    uint64_t s = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    for (int64_t i = 0; i < n; i++) {
        s = s * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        x[i] = (float)(s >> 40) / 16777216.0f;
    }
}

static inline float *filled(int64_t n, uint32_t seed) {
    float *x = malloc((size_t)n * sizeof(*x));
    ck_assert_ptr_nonnull(x);
    fill(x, n, seed);
    return x;
}

/* n examples of any model. */
static inline float *examples_for(const vae_model_t *m, int64_t n, uint32_t seed) {
    const int64_t count = n * vae_model_input_size(m), tokens = vae_model_token_count(m);
    float *x = filled(count, seed);
    for (int64_t i = 0; i < count && tokens > 0; i++) x[i] = (float)(int64_t)(x[i] * (float)tokens);
    return x;
}

/* Counts what is taken and given back; fails the call number `fail_at` (from 1), or all from it on. */
typedef struct test_heap {
    int64_t calls, live, bytes, fail_at;
    int32_t for_ever;
    int64_t peak; /* the most of `bytes` */
} test_heap;

static inline void *test_alloc(void *user, size_t size, size_t align) {
    test_heap *h = user;
    h->calls++;
    if (h->fail_at > 0 && (h->for_ever ? h->calls >= h->fail_at : h->calls == h->fail_at)) return NULL;
    void *p = aligned_alloc(align, (size + align - 1) / align * align);
    if (p) {
        memset(p, 0xA5, size); /* what the library does not write itself must not matter */
        h->live++;
        h->bytes += (int64_t)size;
        if (h->bytes > h->peak) h->peak = h->bytes;
    }
    return p;
}

static inline void test_free(void *user, void *p, size_t size) {
    test_heap *h = user;
    h->live--;
    h->bytes -= (int64_t)size;
    memset(p, 0x5A, size);
    free(p);
}

static inline vae_ctx_t *test_ctx(test_heap *h, int32_t threads, int32_t isa) {
    vae_ctx_config_t c;
    vae_ctx_t *ctx;
    ck_assert_ok(vae_ctx_config_init(&c, sizeof(c)));
    if (h) {
        c.user = h;
        c.alloc = test_alloc;
        c.free = test_free;
    }
    c.threads = threads;
    c.isa = isa;
    ck_assert_ok(vae_ctx_create(&ctx, &c));
    return ctx;
}

/* One whose objects may take so many bytes together. */
static inline vae_ctx_t *limited_ctx(uint64_t bytes) {
    vae_ctx_config_t c;
    vae_ctx_t *ctx;
    ck_assert_ok(vae_ctx_config_init(&c, sizeof(c)));
    c.mem_limit = bytes;
    ck_assert_ok(vae_ctx_create(&ctx, &c));
    return ctx;
}

/* All parameters one behind the other; free() it. */
static inline float *all_params(const vae_model_t *m, int64_t *count) {
    int64_t n = 0;
    float *out = NULL;
    for (int64_t i = 0; i < vae_model_param_count(m); i++) {
        const vae_tensor_t *t;
        int64_t size = 1;
        ck_assert_ok(vae_model_param(m, i, &t, NULL));
        for (int32_t d = 0; d < vae_tensor_ndim(t); d++) size *= vae_tensor_shape(t)[d];
        out = realloc(out, (size_t)(n + size) * sizeof(*out));
        ck_assert_ptr_nonnull(out);
        memcpy(out + n, vae_tensor_data(t), (size_t)size * sizeof(*out));
        n += size;
    }
    *count = n;
    return out;
}

#endif
