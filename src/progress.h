/* SPDX-License-Identifier: MIT
 * progress.h - shows the progress of training: a live line on a terminal, a plain line at intervals elsewhere. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdint.h>

typedef struct progress {
    int64_t epoch, epochs;    /* the current epoch, counted from 1, and the number of epochs */
    int64_t batch, batches;   /* in this epoch */
    int64_t steps_left;       /* to the end of the run */
    double loss, recon, rate; /* means over this epoch up to now, in nats per example */
    double perplexity;        /* of the last batch's codes; 0 for a model without codes */
    double images_per_s, seconds_per_step;
} progress_t;

/* Returns the seconds of a clock that never runs backward. */
double now_seconds(void);

void progress_show(const progress_t *progress);

/* Shows "what: done of n", at most ten times a second on a terminal; elsewhere after two seconds, then every fifteen. console_line("")
 * ends it. */
void progress_count(const char *what, int64_t done, int64_t n);

/* Write "1,850", and "0:31" or "1:02:03", to text. */
#define PROGRESS_TEXT 32
const char *text_thousands(double value, char text[PROGRESS_TEXT]);
const char *text_duration(double seconds, char text[PROGRESS_TEXT]);

#endif
