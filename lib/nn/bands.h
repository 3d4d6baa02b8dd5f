/* SPDX-License-Identifier: MIT
 * bands.h - inference in bounded memory: steps in a row are run some rows of the image at a time, so that what they hand on to each other
 * is never in memory whole.
 *
 *     u --[ upsample | conv2d | groupnorm | silu | conv2d ]--> y              b1, b2: some rows of each
 *
 * Such steps are one step, of layer `bands`, which reads one buffer and writes one. Inside, each value has a window of rows: those that are
 * still read stay, the next ones come behind them. Where a normalisation wants the statistics of a value of which only a window is there,
 * the steps before it run once more over the image, for the statistics alone: a sweep. Rows are made by the layers themselves
 * (vaei_layer_ops.band), with the algorithm, the packed weights and the order of every sum that the whole image has, so that no bit depends
 * on bands.
 *
 * Which steps become one is decided by the least work that is done again, under the memory that there is (bands.c): the shortest way
 * through the list of steps, whose edges are runs of steps that are run whole or in bands. */
#ifndef VAEI_BANDS_H
#define VAEI_BANDS_H

#include "nn/stack.h"

/* A value inside. */
typedef struct vaei_band_window {
    int64_t height, row; /* of the image, in rows; of a row, in floats */
    int64_t rows;        /* of the window, at most */
} vaei_band_window;

/* Steps first .. first + n - 1 of a list. Value 0 is what they read, value i + 1 what step i writes; the last one is what they write. */
typedef struct vaei_bands {
    int32_t n, in_place;      /* in_place: y may overwrite x */
    int32_t x;                /* the list's number of value 0 */
    vaei_step *step;          /* [n], whose in, side and out are such values, whose prologue is such a step */
    vaei_band_window *window; /* [n + 1] */
    int64_t rows;             /* of y, or of a value observed, at a time */
} vaei_bands;

enum { VAEI_BANDS_STEPS = 12 }; /* at most */

/* A walk over the image: how far each value is. */
typedef struct vaei_sweep {
    const vaei_bands *b;
    int32_t target;                     /* the value made, all its rows */
    int32_t observer;                   /* the step that observes it; -1: it is y */
    int64_t observed;                   /* rows */
    int64_t made[VAEI_BANDS_STEPS + 1]; /* rows of each value made so far */
    int64_t kept[VAEI_BANDS_STEPS + 1]; /* the first of those in the window */
    int32_t active[VAEI_BANDS_STEPS];   /* steps that the target is made of */
    /* The work; NULL: only the windows are measured. Step i makes the rows of its band; the rows of a window from `kept` on move to its
     * begin; the observer sees rows. */
    void (*run)(void *arg, const struct vaei_sweep *s, int32_t i, const vaei_band *band);
    void (*move)(void *arg, const struct vaei_sweep *s, int32_t value, int64_t kept);
    void (*observe)(void *arg, const struct vaei_sweep *s, vaei_band *rows);
    void *arg;
    const vaei_run *r;   /* whose cancelling ends the walk; NULL: nobody's */
    int64_t *rows;       /* [n + 1] measuring: raised to the rows of each window; NULL: not measured */
    int64_t *at_once;    /* [n] measuring: raised to the rows that each step makes at a time; or NULL */
    int32_t *overwrites; /* measuring: set to 0 if y may not overwrite x; or NULL */
} vaei_sweep;

/* Walks over the image to make a value. */
void vaei_sweep_run(vaei_sweep *s, const vaei_bands *b, int32_t target, int32_t observer);
/* Whether step i observes a value that is in a window, so that it wants a sweep. */
int32_t vaei_bands_observes(const vaei_bands *b, int32_t i);

/* The layer that runs them; its state is a vaei_bands. */
extern const vaei_layer_ops vaei_layer_bands;

/* Gives a linked stack steps for inference that take at most `room` bytes of scratch for n examples (vaei_blocks_bytes()), or, if there are
 * none, those that take the least. */
vae_status_t vaei_bands_fit(vaei_stack *s, const vaei_kernels *k, int64_t n, size_t room, vaei_arena *arena);

#endif
