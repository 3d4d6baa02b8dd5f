/* SPDX-License-Identifier: MIT
 * run.h - the folder of a training run.
 *
 *     config.txt            the model and its training as text, and the settings (settings.h)
 *     metrics.jsonl         a line every few steps and a line for each epoch
 *     timing.jsonl          the times of these steps and epochs
 *     results.csv           the lines of epochs as a table
 *     loss.png              curves of the loss
 *     recon.png             test examples, each row above its reconstructions
 *     samples/epoch_0001.png ...  from the same noise each epoch
 *     best.safetensors      the model with the smallest validation loss
 *     last.safetensors      the model of the last epoch, or of the step at which training was interrupted
 *     resume.safetensors, resume.txt   what --resume needs
 *     lock                  exists while the run is being trained
 *
 * Every file except timing.jsonl is a function of the command alone: a run that was killed and resumed ends with the same bytes as a run
 * that was not. So a file that was written before the checkpoint is written again, from the same state, when the run continues.
 *
 * resume.txt is written before the checkpoint is replaced and may hold two states; the one whose step is that of the checkpoint
 * is used. So a crash between the two files does no harm. */
#ifndef RUN_H
#define RUN_H

#include "jsonl.h"
#include "lock.h"
#include "plot.h"
#include <stdbool.h>
#include <vae/vae.h>

/* The position of the loop, apart from the state of the trainer. */
typedef struct run_state {
    int64_t step, epoch;        /* complete steps and epochs */
    double best;                /* smallest validation loss, nats per example; infinity before the first */
    int64_t best_epoch, waited; /* epochs since the best */
    int64_t n;                  /* examples of the current epoch, and sums over them */
    double loss, recon, rate;
    uint64_t fingerprint; /* of the training data */
} run_state_t;

/* One line of metrics.jsonl. */
typedef struct run_epoch {
    int64_t epoch, step, active_units;
    double loss, recon, rate, val_loss, val_recon, val_rate, images_per_s, seconds;
    bool has_codes;
    double val_perplexity, val_codes_used; /* for a latent with codes */
    const char *binarize;                  /* an option of binarize.h, or "" */
    vae_metrics_t last;                    /* metrics of the epoch's last step */
} run_epoch_t;

enum { RUN_STEPS, RUN_TRAIN, RUN_VALIDATION, RUN_CURVES };

typedef struct run {
    char *folder;
    file_lock_t lock;
    jsonl_t metrics, timing;
    curve_t curve[RUN_CURVES]; /* over epochs */
} run_t;

/* The contents of a folder: no run; a run that was begun and has no checkpoint, so that nothing is lost when it is started again (also
 * if there is only its lock or an empty folder); or files that must be kept. */
typedef enum run_stage { RUN_NONE, RUN_BEGUN, RUN_SAVED } run_stage_t;
run_stage_t run_stage(const char *folder);

/* Makes the folder of a new run. It replaces a run that was begun, and a saved run if force is set. The caller then writes config.txt
 * and calls run_log_create(). */
void run_create(run_t *run, const char *folder, bool force);

/* Lock the folder of a run that continues; then, after its checkpoint has been loaded, shorten the logs to its step and read the curves.
 * ends: there are no steps left. */
void run_lock(run_t *run, const char *folder);
void run_reopen(run_t *run, int64_t step, int64_t steps_per_epoch, bool ends);

void run_close(run_t *run);

/* Returns folder/name in fresh memory. */
char *run_path(const run_t *run, const char *name);

/* run_log.c: adds a line of metrics, and one of timing */
void run_log_step(run_t *run, const vae_metrics_t *metrics, bool has_codes, int64_t epoch, int64_t steps_per_epoch, double images_per_s);
void run_log_epoch(run_t *run, const run_epoch_t *epoch, int64_t steps_per_epoch);
void run_log_create(run_t *run);
void run_log_reopen(run_t *run, int64_t step, int64_t steps_per_epoch, bool ends);
void run_plot(const run_t *run);
void run_table(const run_t *run);

/* Writes a checkpoint of the trainer and the state that belongs to it. */
void run_checkpoint(const char *checkpoint, const char *text, const vae_trainer_t *trainer, const run_state_t *before,
                    const run_state_t *now);
/* Reads them; dies with exit code 3 if there is no state for the checkpoint's step. */
void run_restore(const char *checkpoint, const char *text, vae_trainer_t *trainer, run_state_t *state);

/* Writes resume.txt, resume.safetensors and last.safetensors. */
void run_save(run_t *run, const vae_model_t *model, const vae_trainer_t *trainer, const run_state_t *before, const run_state_t *now);

/* Loads the trainer's checkpoint and its state; dies with exit code 3 if there is none. It writes last.safetensors again, because a
 * crash may have come between the two files. */
void run_load(const run_t *run, run_state_t *state, const vae_model_t *model, vae_trainer_t *trainer);

#endif
