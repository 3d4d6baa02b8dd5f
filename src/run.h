/* SPDX-License-Identifier: MIT
 * run.h - the folder of a training run.
 *
 *     config.txt            the model and its training as text, and the settings (settings.h)
 *     metrics.jsonl         a line every few steps and a line for each epoch
 *     loss.png              curves of the loss
 *     recon.png             test examples, each row above its reconstructions
 *     samples/epoch_0001.png ...  from the same noise each epoch
 *     best.safetensors      the model with the smallest validation loss
 *     last.safetensors      the model of the last epoch, or where training was interrupted
 *     resume.safetensors, resume.txt   what --resume needs
 *
 * resume.txt may hold two states, written before the checkpoint is replaced: the one whose step is the checkpoint's
 * counts. So a crash between the two files does no harm. */
#ifndef RUN_H
#define RUN_H

#include "plot.h"
#include <stdbool.h>
#include <stdio.h>
#include <vae/vae.h>

/* Where the loop is, apart from what the trainer knows. */
typedef struct run_state {
    int64_t step, epoch;        /* steps and whole epochs done */
    double best;                /* smallest validation loss, nats per example; infinity before the first */
    int64_t best_epoch, waited; /* epochs since the best */
    int64_t n;                  /* examples of the epoch in progress, and sums over them */
    double loss, recon, rate;
    uint64_t fingerprint; /* of the training data */
} run_state_t;

/* One line of metrics.jsonl. */
typedef struct run_epoch {
    int64_t epoch, step, active_units;
    double loss, recon, rate, val_loss, val_recon, val_rate, images_per_s, seconds;
    bool has_codes;
    double val_perplexity, val_codes_used; /* of a latent of codes */
    vae_metrics_t last;                    /* of the epoch's last step */
} run_epoch_t;

enum { RUN_STEPS, RUN_TRAIN, RUN_VALIDATION, RUN_CURVES };

typedef struct run {
    char *folder;
    FILE *metrics;
    curve_t curve[RUN_CURVES]; /* over epochs */
} run_t;

/* A fresh run folder. Refuses a folder that holds a run unless force is set, which then removes that run's files. */
void run_create(run_t *run, const char *folder, bool force);

/* A run that goes on: metrics after `step` are dropped, the curves are read back. */
void run_reopen(run_t *run, const char *folder, int64_t step, int64_t steps_per_epoch);

void run_close(run_t *run);

/* folder/name in fresh memory. */
char *run_path(const run_t *run, const char *name);

void run_log_step(run_t *run, const vae_metrics_t *metrics, bool has_codes, int64_t epoch, int64_t steps_per_epoch,
                  double images_per_s);
void run_log_epoch(run_t *run, const run_epoch_t *epoch, int64_t steps_per_epoch);
void run_plot(const run_t *run);

/* A checkpoint of the trainer, and the state that belongs to it; the text holds the one before too, so that a crash between the two
 * files does no harm. */
void run_checkpoint(const char *checkpoint, const char *text, const vae_trainer_t *trainer, const run_state_t *before,
                    const run_state_t *now);
/* The way back; dies with exit code 3 if there is no state of the checkpoint's step. */
void run_restore(const char *checkpoint, const char *text, vae_trainer_t *trainer, run_state_t *state);

/* Write last.safetensors, resume.txt and resume.safetensors. */
void run_save(const run_t *run, const vae_model_t *model, const vae_trainer_t *trainer, const run_state_t *before,
              const run_state_t *now);

/* Load the trainer's checkpoint and the state that belongs to it; dies with exit code 3 if there is none. */
void run_load(run_state_t *state, vae_trainer_t *trainer, const char *folder);

#endif
