/* SPDX-License-Identifier: MIT
 * cli_suggest.h - finds the nearest of some names, for "did you mean". */
#ifndef CLI_SUGGEST_H
#define CLI_SUGGEST_H

#include <stddef.h>

/* Stores the nearest name up to now. Start with {.word = the word that was typed}. */
typedef struct suggest {
    const char *word, *best;
    size_t distance;
} suggest_t;

void suggest_try(suggest_t *suggest, const char *name);

/* "; did you mean X?" in static storage, or "" if nothing is near. */
const char *suggest_text(const suggest_t *suggest, const char *before);

#endif
