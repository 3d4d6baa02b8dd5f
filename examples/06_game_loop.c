/* SPDX-License-Identifier: MIT
 * 06_game_loop.c - a texture that is decoded again in each frame: the latent moves in a circle, and vae_decode_rgba8() writes
 * directly into the memory of a (simulated) texture, whose rows are longer than the image. The allocator counts allocations, and there
 * are none after the start. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <vae/vae.h>

#define SIDE   32
#define D      8
#define FRAMES 300
#define PITCH  256 /* bytes between two rows of the texture, >= SIDE * 4 */

static const char *const spec =
    "input      32x32x3\n"
    "encoder    conv2d out=16 kernel=4 stride=2 pad=1 | silu | conv2d out=32 kernel=4 stride=2 pad=1 | silu | flatten\n"
    "latent     gaussian dim=8\n"
    "decoder    linear out=2048 | silu | reshape 8x8x32 | deconv2d out=16 kernel=4 stride=2 pad=1 | silu\n"
    "         | deconv2d out=3 kernel=4 stride=2 pad=1\n"
    "likelihood bernoulli\n";

static long allocations; /* by libvae, counted by the hooks below */

static void *count_alloc(void *user, size_t size, size_t align) {
    (void)user;
    allocations++;
    return aligned_alloc(align, (size + align - 1) / align * align);
}

static void count_free(void *user, void *ptr, size_t size) {
    (void)user;
    (void)size;
    free(ptr);
}

int main(void) {
    static uint8_t texture[SIDE * PITCH];
    vae_ctx_config_t config;
    vae_ctx_t *ctx = NULL;
    vae_model_t *model = NULL;
    vae_session_t *session = NULL;
    int result = 1;

    if (vae_ctx_config_init(&config, sizeof config) != VAE_OK) goto done;
    config.alloc = count_alloc;
    config.free = count_free;
    if (vae_ctx_create(&ctx, &config) != VAE_OK) goto done;
    if (vae_model_create(&model, ctx, spec, 3) != VAE_OK) goto done; /* a game would call vae_model_load_memory() */
    if (vae_session_create(&session, model, 1) != VAE_OK) goto done;

    const long at_start = allocations;
    const clock_t began = clock();
    for (int frame = 0; frame < FRAMES; frame++) {
        float z[D];
        for (int d = 0; d < D; d++) z[d] = 1.5f * sinf(6.2831853f * (float)frame / FRAMES + (float)d);
        if (vae_decode_rgba8(session, z, texture, PITCH) != VAE_OK) goto done;
        /* ... upload the texture, draw the frame ... */
    }
    const double ms = 1000.0 * (double)(clock() - began) / CLOCKS_PER_SEC / FRAMES;
    printf("%d frames, %.3f ms each, %ld allocations, alpha %d\n", FRAMES, ms, allocations - at_start, texture[3]);
    result = allocations == at_start && texture[3] == 255 ? 0 : 1;

done:
    if (result) fprintf(stderr, "06_game_loop: %s\n", vae_last_error());
    vae_session_destroy(session);
    vae_model_destroy(model);
    vae_ctx_destroy(ctx);
    return result;
}
