/* SPDX-License-Identifier: MIT
 * train_watch.h - reports in sentences that a training has diverged, that its latent or codebook has collapsed, or that its schedule ends
 * before the training does. Each advice is an option that can be copied to the command line. */
#ifndef TRAIN_WATCH_H
#define TRAIN_WATCH_H

#include "train_loop.h"

/* Called at the start: reports steps behind the end of the schedule, which change nothing. */
void watch_schedule(const train_loop_t *loop, bool resumed);

/* Whether the loss grew so much since the first step that the model is lost. */
bool watch_blew_up(const train_loop_t *loop, double loss);

/* Reports that training diverged, and what may help. */
void watch_diverged(const train_loop_t *loop, const char *why);

/* Called after each validation: reports a collapse near the end of the run, and reports when it is over. ended: this is the last epoch. */
void watch_collapse(train_loop_t *loop, double beta, bool ended);

#endif
