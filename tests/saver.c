/* SPDX-License-Identifier: MIT
 * saver.c - a host that saves a model and the checkpoint of a trainer, for replay.py, which simulates a power loss.
 *
 *     saver save MODEL CHECKPOINT SEED     saves them after one step from the seed
 *     saver load FILE                      exits with 0 if the library accepts the file */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vae/vae.h>

static int check(vae_status_t status) {
    if (status < 0) fprintf(stderr, "saver: %s\n", vae_last_error());
    return status < 0;
}

static int save(const char *model_file, const char *checkpoint, uint64_t seed) {
    static const char spec[] = "input 8\nencoder linear out=6\nlatent gaussian dim=2\ndecoder linear out=8\nlikelihood bernoulli\n";
    static const float x[16] = {1.0f, 0.0f, 1.0f};
    vae_model_t *model;
    vae_trainer_t *trainer;
    if (check(vae_model_create(&model, NULL, spec, seed))) return 1;
    if (check(vae_trainer_create(&trainer, model, NULL, 2))) return 1;
    const int failed = check(vae_trainer_step(trainer, 2, x, NULL)) || check(vae_model_save(model, model_file)) ||
                       check(vae_trainer_save(trainer, checkpoint));
    vae_trainer_destroy(trainer);
    vae_model_destroy(model);
    return failed;
}

int main(int argc, char **argv) {
    vae_model_t *model;
    if (argc == 5 && strcmp(argv[1], "save") == 0) return save(argv[2], argv[3], strtoul(argv[4], NULL, 10));
    if (argc != 3 || strcmp(argv[1], "load") != 0 || check(vae_model_load(&model, NULL, argv[2]))) return 1;
    vae_model_destroy(model);
    return 0;
}
