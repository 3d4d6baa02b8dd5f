/* SPDX-License-Identifier: MIT
 * train_watch.h - what a training run is told in words: that it diverged, that its latent or codebook has collapsed, that its schedule
 * ends before it does. Each advice is an option that can be given as it stands. */
#ifndef TRAIN_WATCH_H
#define TRAIN_WATCH_H

#include "train_loop.h"

/* At the start: steps behind the schedule's end that change nothing. */
void watch_schedule(const train_loop_t *loop, bool resumed);

/* Did the loss grow so much since the first step that nothing is left of the model? */
bool watch_blew_up(const train_loop_t *loop, double loss);

/* Say that training diverged, and what may help. */
void watch_diverged(const train_loop_t *loop, const char *why);

/* After each validation: a collapse is told when the run is near its end, and taken back if it ends. ended: no epoch follows. */
void watch_collapse(train_loop_t *loop, double beta, bool ended);

#endif
