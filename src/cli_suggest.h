/* SPDX-License-Identifier: MIT
 * cli_suggest.h - "did you mean": the nearest of some names. */
#ifndef CLI_SUGGEST_H
#define CLI_SUGGEST_H

#include <stddef.h>

/* Keeps the nearest name seen so far. Start from {.word = what was typed}. */
typedef struct suggest {
    const char *word, *best;
    size_t distance;
} suggest_t;

void suggest_try(suggest_t *suggest, const char *name);

/* "; did you mean X?" in static storage, or "" if nothing is near. */
const char *suggest_text(const suggest_t *suggest, const char *before);

#endif
