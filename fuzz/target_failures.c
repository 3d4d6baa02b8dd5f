/* SPDX-License-Identifier: MIT
 * target_failures.c - model files and checkpoints are loaded and saved while calls fail.
 *
 *     byte 0    bit 0: an allocation fails, otherwise a system call; bit 1: all later ones fail too; the other bits select the error
 *     byte 1    the call that fails first, from 0
 *     byte 2    the number of rounds; each round fails one call later
 *     the rest  the file to load, with corrected lengths; if it is empty, a checkpoint of this target
 *
 * A call that fails must give a sentence, keep no memory, and change nothing: no parameters, no steps, no existing file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vae/vae.h>

#include "fuzz.h"
#include "io/safetensors.h"

enum { MOST_ROUNDS = 32, MOST_SAVED = 1 << 16 };
enum { CUT = -1 }; /* no error of the call: another program makes the file that is read shorter before it */

static const char spec[] = "input 4\nencoder linear out=3 | batchnorm | relu\nlatent gaussian dim=1\ndecoder linear out=4\n"
                           "likelihood gaussian";
static const char loaded[] = "loaded.safetensors", saved[] = "saved.safetensors";

static struct {
    bool armed, memory, lasting;
    int error;
    unsigned first, calls;
} fault;

static vae_ctx_t *ctx;
static vae_model_t *model;
static vae_trainer_t *trainer;
static uint8_t *own; /* the checkpoint */
static size_t own_bytes;

/* ---- what fails -------------------------------------------------------------------------------------------------- */

static bool is_hit(bool memory) {
    if (!fault.armed || fault.memory != memory) return false;
    const unsigned call = fault.calls++;
    return fault.lasting ? call >= fault.first : call == fault.first;
}

static void *take(void *user, size_t size, size_t align) {
    (void)user;
    return is_hit(true) ? NULL : aligned_alloc(align, (size + align - 1) / align * align);
}

static void give_back(void *user, void *block, size_t size) {
    (void)user, (void)size;
    free(block);
}

static int fails(void *user, const char *call) {
    (void)user;
    if (!is_hit(false)) return 0;
    if (fault.error != CUT) return fault.error;
    if (strcmp(call, "read") == 0) MUST_HOLD(truncate(loaded, 0) == 0);
    return 0;
}

static void choose(const uint8_t *data) {
    static const int errors[] = {EIO, ENOSPC, EEXIST, EINVAL, EINTR, CUT};
    fault.memory = data[0] & 1;
    fault.lasting = data[0] & 2;
    fault.error = errors[(data[0] >> 2) % (sizeof errors / sizeof *errors)];
    if (fault.error == EINTR) fault.lasting = false; /* it is tried again for as long as it comes */
    fault.first = data[1];
}

/* ---- the ways ---------------------------------------------------------------------------------------------------- */

typedef struct bytes {
    const uint8_t *data;
    size_t size;
} bytes;

static vae_status_t load(bytes from) {
    vae_model_t *other;
    (void)from;
    const vae_status_t status = vae_model_load(&other, ctx, loaded);
    vae_model_destroy(other);
    return status;
}

static vae_status_t load_memory(bytes from) {
    vae_model_t *other;
    const vae_status_t status = vae_model_load_memory(&other, ctx, from.data, from.size);
    vae_model_destroy(other);
    return status;
}

static vae_status_t load_weights(bytes from) {
    (void)from;
    return vae_model_load_weights(model, loaded);
}

static vae_status_t load_checkpoint(bytes from) {
    (void)from;
    return vae_trainer_load(trainer, loaded);
}

static vae_status_t read_alone(bytes from) {
    vaei_heap heap;
    vaei_file file;
    (void)from;
    vaei_heap_init_default(&heap);
    const vae_status_t status = vaei_file_read(&file, &heap, loaded);
    if (status == VAE_OK) vaei_file_close(&file);
    MUST_HOLD(heap.in_use == 0);
    return status;
}

static vae_status_t save(bytes from) {
    (void)from;
    return vae_model_save(model, saved);
}

static vae_status_t save_memory(bytes from) {
    static uint8_t to[MOST_SAVED];
    size_t needed = 0;
    (void)from;
    return vae_model_save_memory(model, to, sizeof to, &needed);
}

static vae_status_t save_checkpoint(bytes from) {
    (void)from;
    return vae_trainer_save(trainer, saved);
}

static vae_status_t (*const ways[])(bytes from) = {
    load, load_memory, load_weights, load_checkpoint, read_alone, save, save_memory, save_checkpoint,
};

/* ---- what holds -------------------------------------------------------------------------------------------------- */

static uint64_t hash_of_params(void) {
    uint64_t hash = (uint64_t)vae_trainer_steps(trainer);
    for (int64_t i = 0; i < vae_model_param_count(model); i++) {
        const vae_tensor_t *tensor;
        MUST_HOLD(vae_model_param(model, i, &tensor, NULL) == VAE_OK);
        const uint8_t *p = vae_tensor_data(tensor);
        int64_t size = 4;
        for (int32_t d = 0; d < vae_tensor_ndim(tensor); d++) size *= vae_tensor_shape(tensor)[d];
        for (int64_t k = 0; k < size; k++) hash = (hash ^ p[k]) * 0x100000001b3u;
    }
    return hash;
}

static void write_file(const char *path, bytes from) {
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    MUST_HOLD(fd >= 0 && write(fd, from.data, from.size) == (ssize_t)from.size && close(fd) == 0);
}

/* The file that was saved over: the old one or the new one, and nothing beside it. */
static void check_saved(void) {
    vae_model_t *other;
    char temporary[64];
    MUST_HOLD(vae_model_load(&other, ctx, saved) == VAE_OK);
    vae_model_destroy(other);
    snprintf(temporary, sizeof temporary, "%s.tmp.%ld", saved, (long)getpid());
    MUST_HOLD(access(temporary, F_OK) != 0);
}

static void go(vae_status_t (*way)(bytes from), bytes from) {
    const uint64_t held = vae_ctx_bytes_in_use(ctx), before = hash_of_params();
    write_file(loaded, from);
    fault.calls = 0;
    fault.armed = true;
    const vae_status_t status = way(from);
    fault.armed = false;
    MUST_HOLD(vae_ctx_bytes_in_use(ctx) == held);
    if (status != VAE_OK) {
        fuzz_sentence();
        MUST_HOLD(hash_of_params() == before);
    }
    check_saved();
}

/* Arguments that no file has any part in. */
static void refuse(void) {
    vae_model_t *other;
    size_t needed;
    uint8_t one[1];
    MUST_HOLD(vae_model_load(NULL, ctx, loaded) == VAE_E_ARG && vae_model_load(&other, ctx, NULL) == VAE_E_ARG);
    MUST_HOLD(vae_model_load_memory(NULL, ctx, one, 1) == VAE_E_ARG && vae_model_load_memory(&other, ctx, NULL, 1) == VAE_E_ARG);
    MUST_HOLD(vae_model_load_memory(&other, ctx, NULL, 0) == VAE_E_FORMAT);
    MUST_HOLD(vae_model_load_weights(NULL, loaded) == VAE_E_ARG && vae_model_load_weights(model, NULL) == VAE_E_ARG);
    MUST_HOLD(vae_model_save(NULL, saved) == VAE_E_ARG && vae_model_save(model, NULL) == VAE_E_ARG);
    MUST_HOLD(vae_model_save_memory(NULL, one, 1, &needed) == VAE_E_ARG && vae_model_save_memory(model, one, 1, NULL) == VAE_E_ARG);
    MUST_HOLD(vae_model_save_memory(model, NULL, 1, NULL) == VAE_E_ARG && vae_model_save_memory(model, NULL, 0, NULL) == VAE_E_ARG);
    MUST_HOLD(vae_model_save_memory(model, NULL, 0, &needed) == VAE_OK && needed > 1);
    MUST_HOLD(vae_trainer_load(NULL, loaded) == VAE_E_ARG && vae_trainer_load(trainer, NULL) == VAE_E_ARG);
    MUST_HOLD(vae_trainer_save(NULL, saved) == VAE_E_ARG && vae_trainer_save(trainer, NULL) == VAE_E_ARG);
    MUST_HOLD(vae_model_load(&other, ctx, ".") == VAE_E_IO && vae_model_load(&other, ctx, "none/none") == VAE_E_IO);
    MUST_HOLD(vae_model_save(model, "none/none") == VAE_E_IO && vae_model_save(model, "./saved.safetensors") == VAE_OK);
}

/* Between the two halves of a step nothing is loaded or saved. */
static void refuse_within_a_step(void) {
    static const float x[8] = {0.5f, -0.25f, 1.0f};
    MUST_HOLD(vae_trainer_backward(trainer, 2, x, NULL, NULL) == VAE_OK);
    MUST_HOLD(vae_trainer_load(trainer, loaded) == VAE_E_STATE && vae_trainer_save(trainer, saved) == VAE_E_STATE);
    if (vae_trainer_apply(trainer, NULL) != VAE_OK) fuzz_sentence();
}

static void begin(void) {
    static const vaei_system system = {.fails = fails};
    vae_ctx_config_t config;
    MUST_HOLD(vae_ctx_config_init(&config, sizeof config) == VAE_OK);
    config.alloc = take;
    config.free = give_back;
    MUST_HOLD(vae_ctx_create(&ctx, &config) == VAE_OK && vae_model_create(&model, ctx, spec, 1) == VAE_OK);
    MUST_HOLD(vae_trainer_create(&trainer, model, "optimizer adam lr=0.01", 2) == VAE_OK);
    MUST_HOLD(vae_trainer_save(trainer, saved) == VAE_OK);
    const int fd = open(saved, O_RDONLY);
    own = malloc(MOST_SAVED);
    MUST_HOLD(fd >= 0 && own);
    const ssize_t got = read(fd, own, MOST_SAVED);
    MUST_HOLD(got > 0 && got < MOST_SAVED && close(fd) == 0);
    own_bytes = (size_t)got;
    vaei_file_set_system(&system);
    refuse();
}

static void rounds(const uint8_t *data, bytes from) {
    choose(data);
    for (int i = 0; i <= data[2] % MOST_ROUNDS; i++, fault.first++)
        for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) go(ways[w], from);
    refuse_within_a_step();
}

void fuzz_one(const uint8_t *data, size_t size) {
    if (size < 3) return;
    const int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    MUST_HOLD(here >= 0 && chdir(fuzz_folder()) == 0);
    if (!trainer) begin();
    bytes from = {own, own_bytes};
    uint8_t *mended = size > 3 ? fuzz_mend_model(data + 3, size - 3, &from.size) : NULL;
    if (mended) from.data = mended;
    rounds(data, from);
    free(mended);
    MUST_HOLD(fchdir(here) == 0 && close(here) == 0);
}
