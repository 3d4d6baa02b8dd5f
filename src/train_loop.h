/* SPDX-License-Identifier: MIT
 * train_loop.h - runs the loop over epochs and batches. */
#ifndef TRAIN_LOOP_H
#define TRAIN_LOOP_H

#include "augment.h"
#include "data.h"
#include "run.h"
#include "score.h"
#include "settings.h"

typedef struct train_loop {
    const settings_t *settings;
    const data_set_t *data;
    vae_model_t *model;
    vae_trainer_t *trainer;
    vae_session_t *session; /* for validation and pictures */
    augment_t augment;      /* for the training examples */
    run_t run;
    run_state_t state;
    run_state_t saved; /* the state on disk */
    int64_t patience;  /* epochs without a smaller validation loss before training ends; 0: it does not end early */
    int64_t least;     /* examples that a step needs */
    int32_t *label;    /* [batch], if the model's condition has classes; otherwise NULL */
    bool has_prior, has_codes, collapsed;
    double best; /* the validation loss of the model in best.safetensors, and its epoch; 0: there is none */
    int64_t best_epoch;
    score_t score;       /* the last validation */
    double images_per_s; /* in this process, without validation */
} train_loop_t;

/* The steps of an epoch. A last batch with fewer examples than a step needs is left out. */
int64_t train_steps_per_epoch(const train_loop_t *loop);
int64_t train_last_step(const train_loop_t *loop);

/* Trains to the end of the settings. Returns EXIT_DONE, EXIT_DIVERGED, EXIT_INTERRUPTED or EXIT_HUNG_UP. */
int train_loop_run(train_loop_t *loop);

#endif
