/* SPDX-License-Identifier: MIT
 * measuring.h - the measures of include/vae/measure.h over a data set: makes the arrays that they read, and no others. */
#ifndef MEASURING_H
#define MEASURING_H

#include "score.h"
#include "task.h"

typedef struct measuring_item {
    char *text; /* "mig bins=10" */
    uint32_t reads;
    double value;
} measuring_item_t;

typedef struct measuring {
    int64_t n;
    measuring_item_t *item;
} measuring_t;

/* The measures of a text with '|' between them; dies with exit code 2 if there is none such, or if the model or the data have not what one
 * of them reads. */
measuring_t measuring_parse(const char *text, const task_t *task);

/* All measures by their defaults that the model and the data have arrays for. */
measuring_t measuring_all(const task_t *task);

/* Fills the values; bounds are those of the task's examples. */
void measuring_run(measuring_t *measuring, const task_t *task, const bounds_t *bounds);
void measuring_free(measuring_t *measuring);

#endif
