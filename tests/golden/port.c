/* SPDX-License-Identifier: MIT
 * port.c - what a build for another system must do besides the arithmetic of golden.c: threads, files, bytes in their order.
 *
 *     port          prints "threads=yes files=yes saved=HASH"; a build that has no threads or no files must say so where it is asked.
 *
 * HASH is that of a saved model, so it is equal on every system. The file's name has letters beyond ASCII and stays in the folder: whoever
 * called looks whether the system has that name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vae/vae.h>

#define NAME "port \303\244 \346\227\245.safetensors"

static void fail(const char *where) {
    fprintf(stderr, "port: %s: %s\n", where, vae_last_error());
    exit(2);
}

/* FNV-1a of the model as vae_model_save() would write it */
static unsigned long long saved_hash(const vae_model_t *m) {
    unsigned long long h = 0xcbf29ce484222325ULL;
    size_t size;
    if (vae_model_save_memory(m, NULL, 0, &size) != VAE_OK) fail("size of the saved model");
    unsigned char *const bytes = malloc(size);
    if (!bytes || vae_model_save_memory(m, bytes, size, NULL) != VAE_OK) fail("saving into memory");
    for (size_t i = 0; i < size; i++) h = (h ^ bytes[i]) * 0x100000001b3ULL;
    free(bytes);
    return h;
}

/* A model trained for some steps with so many threads; NULL if this build has no threads. */
static vae_model_t *trained(int32_t threads) {
    static const char spec[] = "input 6x6x1\nencoder conv2d out=8 kernel=3 pad=1 | relu | flatten\nlatent gaussian dim=3\n"
                               "decoder linear out=36 | reshape 6x6x1\nlikelihood bernoulli\n";
    static float x[70 * 36];
    vae_ctx_config_t config;
    vae_ctx_t *ctx;
    vae_model_t *m;
    vae_trainer_t *t;
    for (int i = 0; i < 70 * 36; i++) x[i] = (float)(i * 7 % 64) / 64;
    if (vae_ctx_config_init(&config, sizeof config) != VAE_OK) fail("config");
    config.threads = threads;
    const vae_status_t status = vae_ctx_create(&ctx, &config);
    if (threads > 1 && status == VAE_E_UNSUPPORTED) return NULL;
    if (status != VAE_OK) fail("context");
    if (vae_model_create(&m, ctx, spec, 1) != VAE_OK) fail("model");
    if (vae_trainer_create(&t, m, NULL, 70) != VAE_OK) fail("trainer");
    for (int i = 0; i < 5; i++)
        if (vae_trainer_step(t, 70, x, NULL) != VAE_OK) fail("step");
    vae_trainer_destroy(t);
    vae_ctx_destroy(ctx);
    return m;
}

/* Saved, saved over itself, loaded: 1. 0 if this build has no files. */
static int files(const vae_model_t *m) {
    vae_model_t *loaded;
    const vae_status_t status = vae_model_save(m, NAME);
    if (status == VAE_E_UNSUPPORTED) return 0;
    if (status != VAE_OK || vae_model_save(m, NAME) != VAE_OK) fail("saving");
    if (vae_model_load(&loaded, NULL, NAME) != VAE_OK) fail("loading");
    if (saved_hash(loaded) != saved_hash(m)) fail("the loaded model is another one");
    vae_model_destroy(loaded);
    if (vae_model_load(&loaded, NULL, "no such file") != VAE_E_IO) fail("a file that is not there was loaded");
    if (vae_model_load(&loaded, NULL, ".") != VAE_E_IO) fail("a folder was loaded");
    if (vae_model_save(m, "no such folder/port.safetensors") != VAE_E_IO) fail("saved into a folder that is not there");
    return 1;
}

int main(void) {
    vae_model_t *const one = trained(1), *const three = trained(3);
    const int has_files = files(one);
    if (three && saved_hash(three) != saved_hash(one)) fail("three threads compute other bits");
    printf("threads=%s files=%s saved=%016llx\n", three ? "yes" : "no", has_files ? "yes" : "no", saved_hash(one));
    vae_model_destroy(three);
    vae_model_destroy(one);
    return 0;
}
