/* SPDX-License-Identifier: MIT
 * settings.h - the settings of a training run: the text of its model and training, and the numbers of its loop.
 *
 * A run folder stores them in config.txt: the text, and before it the numbers as comments "# batch = 128". The file is itself
 * a text for --model. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "cli.h"
#include "extent.h"
#include <stdint.h>

typedef struct settings {
    char *preset;   /* "" if --model gave the text, or until the data have decided */
    char *weights;  /* a model file to start from, or "" */
    char *text;     /* NULL while the data have not decided; canonical: input, encoder, latent, decoder, likelihood, optimizer, objective,
                    schedule, clip */
    char *augment;  /* a list of augment.h, or "" */
    char *binarize; /* an option of binarize.h, or "" */
    int64_t batch, seed;
    int64_t passes;        /* passes over the data in an epoch */
    int64_t epochs, steps; /* the end of training: the earlier of the two; 0: not given */
} settings_t;

/* Reads --preset or --model, --size, --set, --batch, --epochs, --steps, --seed; dies with exit code 2 if they are wrong. Without
 * --preset and --model the text stays open until settings_decide() takes the preset that suits examples of these sizes; that returns
 * false if none does. */
void settings_from_cli(settings_t *settings, const cli_t *cli);
bool settings_decide(settings_t *settings, const cli_t *cli, const extent_t *examples);

/* Adapts the text of a preset, or the input of another text, to examples of these sizes; false if no model can be built of it. */
bool settings_adapt(settings_t *settings, const extent_t *examples);

/* Reads the config.txt of a run; --epochs and --steps may change. Dies if the command line gives another model, batch, seed,
 * augmentation or binarisation. */
void settings_from_run(settings_t *settings, const cli_t *cli, const char *path);

/* Reads the file of settings_write(); dies with exit code 3 if it is not one. */
void settings_read(settings_t *settings, const char *path);

/* Whether both would train in the same way. */
bool settings_equal(const settings_t *a, const settings_t *b);

void settings_free(settings_t *settings);

/* The last step of training, with this number of steps in an epoch. */
int64_t settings_last_step(const settings_t *settings, int64_t steps_per_epoch);

void settings_write(const settings_t *settings, const char *source, const char *path);

/* True if the text's likelihood has this name. */
bool settings_likelihood_is(const settings_t *settings, const char *name);

#endif
