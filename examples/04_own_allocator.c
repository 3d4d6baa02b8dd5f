/* SPDX-License-Identifier: MIT
 * 04_own_allocator.c - all of libvae's memory comes from the host: here from a fixed arena of 1 MiB, which cannot grow. A model
 * that fits works; a model that does not fit is refused with VAE_E_NOMEM, and the program continues. */
#include <stdio.h>
#include <vae/vae.h>

#define ARENA_BYTES (1u << 20)

typedef struct arena {
    _Alignas(64) unsigned char bytes[ARENA_BYTES];
    size_t used;
    long live;
} arena;

/* a stack of blocks: each block is placed above the others, and the arena is empty again when the last one has been freed */
static void *arena_alloc(void *user, size_t size, size_t align) {
    arena *a = user;
    const size_t start = (a->used + align - 1) / align * align;
    if (size > ARENA_BYTES || start > ARENA_BYTES - size) return NULL;
    a->used = start + size;
    a->live++;
    return a->bytes + start;
}

static void arena_free(void *user, void *ptr, size_t size) {
    arena *a = user;
    (void)ptr;
    (void)size;
    if (--a->live == 0) a->used = 0;
}

static vae_status_t try_model(vae_ctx_t *ctx, const char *spec) {
    vae_model_t *model;
    vae_session_t *session;
    vae_status_t status = vae_model_create(&model, ctx, spec, 0);
    if (status != VAE_OK) return status;
    status = vae_session_create(&session, model, 4);
    if (status == VAE_OK) {
        float z[4 * 8] = {0}, x[4 * 64];
        status = vae_decode(session, 4, z, x);
        vae_session_destroy(session);
    }
    vae_model_destroy(model);
    return status;
}

int main(void) {
    static arena memory;
    vae_ctx_config_t config;
    vae_ctx_t *ctx;
    if (vae_ctx_config_init(&config, sizeof config) != VAE_OK) return 1;
    config.user = &memory;
    config.alloc = arena_alloc;
    config.free = arena_free;
    if (vae_ctx_create(&ctx, &config) != VAE_OK) {
        fprintf(stderr, "04_own_allocator: %s\n", vae_last_error());
        return 1;
    }
    const char *const small = "input 8x8x1\n"
                              "encoder flatten | linear out=64 | relu\n"
                              "latent gaussian dim=8\n"
                              "decoder linear out=64 | relu | linear out=64 | reshape 8x8x1\n"
                              "likelihood bernoulli\n";
    const char *const large = "input 8x8x1\n"
                              "encoder flatten | linear out=4096 | relu\n"
                              "latent gaussian dim=8\n"
                              "decoder linear out=4096 | relu | linear out=64 | reshape 8x8x1\n"
                              "likelihood bernoulli\n";
    const vae_status_t a = try_model(ctx, small), b = try_model(ctx, large), c = try_model(ctx, small);
    vae_ctx_destroy(ctx);
    printf("in 1 MiB: small %s, large %s, small again %s, blocks not given back: %ld\n", vae_status_name(a), vae_status_name(b),
           vae_status_name(c), memory.live);
    return a == VAE_OK && b == VAE_E_NOMEM && c == VAE_OK && memory.live == 0 ? 0 : 1;
}
