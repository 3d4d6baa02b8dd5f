/* SPDX-License-Identifier: MIT
 * prior_fit.h - fits a prior epoch by epoch, so that a resumed fit gives the same bits.
 *
 *     FILE.safetensors          the model with the prior of the smallest validation loss
 *     FILE.config.txt           settings.h          the three files that --resume reads
 *     FILE.resume.txt           run.h
 *     FILE.resume.safetensors   the trainer's checkpoint
 *     FILE.lock                 exists during the fit */
#ifndef PRIOR_FIT_H
#define PRIOR_FIT_H

#include "code_cache.h"
#include "data.h"
#include "lock.h"
#include "run.h"
#include "settings.h"

typedef struct prior_fit {
    settings_t settings;
    data_set_t data;
    vae_model_t *model;
    vae_trainer_t *trainer;
    vae_session_t *session; /* validation */
    code_cache_t codes;     /* codes of the training examples, which do not change because the network is frozen */
    char *output, *config, *state_text, *checkpoint;
    file_lock_t lock;
    run_state_t state, saved; /* the current state; the state on disk */
    double bound;             /* validation loss of the model in the output, nats per example; infinite if this fit wrote none */
} prior_fit_t;

/* Sets the names of the four files; output ends in .safetensors. */
void prior_fit_name(prior_fit_t *fit, const char *output);

/* Locks the fit, so that no other process runs it, and removes temporary files of dead processes. */
void prior_fit_lock(prior_fit_t *fit);

/* Continues from the checkpoint. */
void prior_fit_resume(prior_fit_t *fit);

/* Fits to the end of the settings. Returns EXIT_DONE, EXIT_DIVERGED, EXIT_INTERRUPTED or EXIT_HUNG_UP. */
int prior_fit_run(prior_fit_t *fit);

void prior_fit_close(prior_fit_t *fit);

#endif
