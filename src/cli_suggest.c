/* SPDX-License-Identifier: MIT
 * cli_suggest.c - finds the nearest name by edit distance (insert, delete, replace, swap of neighbours, each 1).
 *
 * It computes the optimal string alignment, with three rows of the table in memory. A name is near when the distance is at most a third of
 * the word's length, rounded up, or when the word is the beginning of the name. */
#include "cli_suggest.h"

#include <stdio.h>
#include <string.h>

#define MOST 64

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static size_t edit_distance(const char *a, const char *b) {
    const size_t n = strlen(a), m = strlen(b);
    if (n >= MOST || m >= MOST) return MOST;
    size_t row[3][MOST];
    for (size_t j = 0; j <= m; j++) row[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *now = row[i % 3];
        const size_t *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            now[j] = least(least(last[j], now[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) now[j] = least(now[j], before[j - 2] + 1);
        }
    }
    return row[n % 3][m];
}

void suggest_try(suggest_t *suggest, const char *name) {
    const size_t n = strlen(suggest->word);
    size_t distance = edit_distance(suggest->word, name);
    if (n >= 2 && strncmp(suggest->word, name, n) == 0) distance = 1;
    if (distance > (n + 2) / 3 || (suggest->best && distance >= suggest->distance)) return;
    suggest->best = name;
    suggest->distance = distance;
}

const char *suggest_text(const suggest_t *suggest, const char *before) {
    static char text[128];
    if (!suggest->best) return "";
    snprintf(text, sizeof text, "; did you mean %s%s?", before, suggest->best);
    return text;
}
