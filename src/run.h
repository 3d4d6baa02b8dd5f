/* SPDX-License-Identifier: MIT
 * run.h - the folder of a training run.
 *
 *     config.txt            the model and its training as text, and the settings (settings.h)
 *     metrics.jsonl         a line every few steps and a line for each epoch
 *     timing.jsonl          how long they took
 *     results.csv           the lines of epochs as a table
 *     loss.png              curves of the loss
 *     recon.png             test examples, each row above its reconstructions
 *     samples/epoch_0001.png ...  from the same noise each epoch
 *     best.safetensors      the model with the smallest validation loss
 *     last.safetensors      the model of the last epoch, or where training was interrupted
 *     resume.safetensors, resume.txt   what --resume needs
 *     lock                  while the run is being trained
 *
 * Every file but timing.jsonl is a function of the command alone: a run that was killed and resumed ends with the same bytes as one that
 * was not. So a file that is written before the checkpoint is written again, from the same state, when the run goes on.
 *
 * resume.txt may hold two states, written before the checkpoint is replaced: the one whose step is the checkpoint's
 * counts. So a crash between the two files does no harm. */
#ifndef RUN_H
#define RUN_H

#include "jsonl.h"
#include "lock.h"
#include "plot.h"
#include <stdbool.h>
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
    const char *binarize;                  /* of binarize.h, or "" */
    vae_metrics_t last;                    /* of the epoch's last step */
} run_epoch_t;

enum { RUN_STEPS, RUN_TRAIN, RUN_VALIDATION, RUN_CURVES };

typedef struct run {
    char *folder;
    file_lock_t lock;
    jsonl_t metrics, timing;
    curve_t curve[RUN_CURVES]; /* over epochs */
} run_t;

/* What a folder holds: nothing of a run; one that was begun and has no checkpoint yet, so that nothing is lost when it is started again,
 * also if only its lock or the empty folder is there; or files that are to be kept. */
typedef enum run_stage { RUN_NONE, RUN_BEGUN, RUN_SAVED } run_stage_t;
run_stage_t run_stage(const char *folder);

/* A fresh run folder, in place of a run that was begun; of a saved one, if force is set. Its config.txt is to be written next, then
 * run_log_create() called. */
void run_create(run_t *run, const char *folder, bool force);

/* Lock the folder of a run that goes on; then, when its checkpoint is loaded, cut the logs back to its step and read the curves.
 * ends: there is no step left to do. */
void run_lock(run_t *run, const char *folder);
void run_reopen(run_t *run, int64_t step, int64_t steps_per_epoch, bool ends);

void run_close(run_t *run);

/* folder/name in fresh memory. */
char *run_path(const run_t *run, const char *name);

/* run_log.c: a line of metrics, with one of timing beside it */
void run_log_step(run_t *run, const vae_metrics_t *metrics, bool has_codes, int64_t epoch, int64_t steps_per_epoch, double images_per_s);
void run_log_epoch(run_t *run, const run_epoch_t *epoch, int64_t steps_per_epoch);
void run_log_create(run_t *run);
void run_log_reopen(run_t *run, int64_t step, int64_t steps_per_epoch, bool ends);
void run_plot(const run_t *run);
void run_table(const run_t *run);

/* A checkpoint of the trainer, and the state that belongs to it. */
void run_checkpoint(const char *checkpoint, const char *text, const vae_trainer_t *trainer, const run_state_t *before,
                    const run_state_t *now);
/* The way back; dies with exit code 3 if there is no state of the checkpoint's step. */
void run_restore(const char *checkpoint, const char *text, vae_trainer_t *trainer, run_state_t *state);

/* Write resume.txt, resume.safetensors and last.safetensors. */
void run_save(run_t *run, const vae_model_t *model, const vae_trainer_t *trainer, const run_state_t *before, const run_state_t *now);

/* Load the trainer's checkpoint and the state that belongs to it; dies with exit code 3 if there is none. last.safetensors follows it:
 * a crash may have come between the two. */
void run_load(const run_t *run, run_state_t *state, const vae_model_t *model, vae_trainer_t *trainer);

#endif
