/* SPDX-License-Identifier: MIT
 * settings.h - what a training run is: the text of its model and training, and the numbers of its loop.
 *
 * A run folder keeps them in config.txt: the text as it is, and before it the rest as comments "# batch = 128". The
 * file is itself a text that --model takes. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "cli.h"
#include "extent.h"
#include <stdint.h>

typedef struct settings {
    char *preset;   /* "" if --model gave the text, or while the data have not decided */
    char *weights;  /* a model file to start from, or "" */
    char *text;     /* NULL while the data have not decided; canonical: input, encoder, latent, decoder, likelihood, optimizer, objective,
                    schedule, clip */
    char *augment;  /* of augment.h, or "" */
    char *binarize; /* of binarize.h, or "" */
    int64_t batch, seed;
    int64_t passes;        /* times that an epoch goes over the data */
    int64_t epochs, steps; /* where training ends: the earlier one; 0: not given */
} settings_t;

/* By --preset or --model, --size, --set, --batch, --epochs, --steps, --seed; dies with exit code 2 for what is wrong there. Without
 * --preset and --model the text stays open, until settings_decide() takes the preset that suits examples of these
 * sizes; false if none does. */
void settings_from_cli(settings_t *settings, const cli_t *cli);
bool settings_decide(settings_t *settings, const cli_t *cli, const extent_t *examples);

/* Make the text of a preset, or the input of another text, one for examples of these sizes; false if no model can be made of it. */
bool settings_adapt(settings_t *settings, const extent_t *examples);

/* By the config.txt of a run; --epochs and --steps may change. Dies if the command line asks for another model, batch,
 * seed, augmentation or binarisation. */
void settings_from_run(settings_t *settings, const cli_t *cli, const char *path);

/* What settings_write() wrote; dies with exit code 3 if it is not that. */
void settings_read(settings_t *settings, const char *path);

/* Would both train the same? */
bool settings_equal(const settings_t *a, const settings_t *b);

void settings_free(settings_t *settings);

/* Where training ends with this many steps in an epoch. */
int64_t settings_last_step(const settings_t *settings, int64_t steps_per_epoch);

void settings_write(const settings_t *settings, const char *source, const char *path);

/* True if the text's likelihood has this name. */
bool settings_likelihood_is(const settings_t *settings, const char *name);

#endif
