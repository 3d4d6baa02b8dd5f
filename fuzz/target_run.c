/* SPDX-License-Identifier: MIT
 * target_run.c - reads any bytes as the files of a run folder that the program reads: as config.txt, as metrics.jsonl, and as
 * resume.txt beside a checkpoint of step 1. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "fuzz.h"
#include "run.h"
#include "settings.h"

static vae_model_t *model;
static vae_trainer_t *trainer;
static char *checkpoint;

static void make_checkpoint(void) {
    static const char spec[] = "input 1\nencoder linear out=1\nlatent none\ndecoder linear out=1\nlikelihood gaussian";
    static const float x[] = {0.5f};
    MUST_HOLD(vae_model_create(&model, NULL, spec, 1) == VAE_OK);
    MUST_HOLD(vae_trainer_create(&trainer, model, NULL, 1) == VAE_OK);
    MUST_HOLD(vae_trainer_step(trainer, 1, x, NULL) == VAE_OK);
    checkpoint = path_join(fuzz_folder(), "resume.safetensors");
    MUST_HOLD(vae_trainer_save(trainer, checkpoint) == VAE_OK);
}

static void read_config(void *user) {
    settings_t settings;
    settings_read(&settings, user);
    MUST_HOLD(settings.batch > 0 && settings.text && settings_last_step(&settings, 1) > 0);
    (void)settings_likelihood_is(&settings, "bernoulli");
    MUST_HOLD(!settings_likelihood_is(&settings, "bernoull")); /* the beginning of a name */
    settings_free(&settings);
}

static void read_metrics(void *user) {
    run_t run = {0};
    run_lock(&run, user);
    run_reopen(&run, 1000, 10, false);
    for (int c = 0; c < RUN_CURVES; c++)
        for (int64_t i = 0; i < (int64_t)run.curve[c].n; i++) (void)isfinite(run.curve[c].y[i]);
    run_close(&run);
}

static void read_state(void *user) {
    run_state_t state;
    run_restore(checkpoint, user, trainer, &state);
    MUST_HOLD(state.step == 1);
    run_checkpoint(checkpoint, user, trainer, &state, &state); /* as a run that is stopped before its first step */
    run_restore(checkpoint, user, trainer, &state);
}

/* Where a checkpoint is, no run begins: another process may have saved it after this one looked. */
static void create(void *user) {
    run_t run = {0};
    run_create(&run, user, false);
}

void fuzz_one(const uint8_t *data, size_t size) {
    if (!trainer) make_checkpoint();
    (void)fuzz_program(read_config, (void *)(uintptr_t)fuzz_file("config.txt", data, size));
    (void)fuzz_file("metrics.jsonl", data, size);
    (void)fuzz_program(read_metrics, (void *)(uintptr_t)fuzz_folder());
    MUST_HOLD(!fuzz_program(create, (void *)(uintptr_t)fuzz_folder()));
    (void)fuzz_program(read_state, (void *)(uintptr_t)fuzz_file("resume.txt", data, size));
}
