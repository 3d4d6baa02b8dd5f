/* SPDX-License-Identifier: MIT
 * text.c - whole numbers, the bounded writer, and the nearest name. Decimal fractions are in number.c.
 *
 *   The nearest name has the smallest optimal string alignment distance: the least number of insertions, deletions,
 *   changes and swaps of neighbours that turns one word into the other.
 *
 *       d[i][j] = min(d[i-1][j] + 1, d[i][j-1] + 1, d[i-1][j-1] + (a[i] != b[j]),
 *                     d[i-2][j-2] + 1 if a[i] a[i-1] == b[j-1] b[j])
 *
 *   Before that, the words of other programs are looked up in synonyms.def. The function keeps only the last three rows of d.
 *   A word longer than NAME_MAX_BYTES has no nearest name, so that hostile input takes little time. */
#include "base/base.h"

#include <stdio.h>

#define NAME_MAX_BYTES 48

int vaei_text_to_int(const char *text, size_t length, int64_t *out) {
    const int negative = length > 0 && text[0] == '-';
    const uint64_t most = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    uint64_t value = 0; /* the value without its sign */
    size_t i = negative ? 1 : 0;
    if (i == length) return 0;
    if (text[i] == '0' && length - i > 1) return 0; /* some readers take 010 as eight */
    for (; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') return 0;
        const uint64_t digit = (uint64_t)(text[i] - '0');
        if (value > (most - digit) / 10) return 0;
        value = 10 * value + digit;
    }
    *out = !negative ? (int64_t)value : value == 0 ? 0 : -(int64_t)(value - 1) - 1;
    return 1;
}

void vaei_write(vaei_writer *w, const char *format, ...) {
    const size_t room = w->length < w->cap ? w->cap - w->length : 0;
    va_list args;
    va_start(args, format);
    const int wanted = vsnprintf(room ? w->buf + w->length : NULL, room, format, args);
    va_end(args);
    if (wanted > 0 && !vaei_size_add(w->length, (size_t)wanted, &w->length)) w->length = SIZE_MAX;
}

void vaei_write_float(vaei_writer *w, double value) {
    char text[32];
    (void)vaei_text_float(text, sizeof text, value);
    vaei_write(w, "%s", text);
}

static size_t min3(size_t a, size_t b, size_t c) {
    const size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Requires that both lengths are <= NAME_MAX_BYTES. */
static size_t edits(const char *a, size_t na, const char *b, size_t nb) {
    size_t rows[3][NAME_MAX_BYTES + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= nb; j++) last[j] = j;
    for (size_t i = 1; i <= na; i++) {
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            row[j] = min3(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < row[j]) {
                row[j] = before[j - 2] + 1;
            }
        }
        size_t *const oldest = before;
        before = last;
        last = row;
        row = oldest;
    }
    return last[nb];
}

const char *vaei_text_nearest(const char *wanted, size_t length, const char *const *names, size_t count) {
    if (length > NAME_MAX_BYTES) return NULL;
    size_t best = length / 3 < 1 ? 1 : length / 3 > 3 ? 3 : length / 3;
    const char *nearest = NULL;
    for (size_t i = 0; i < count; i++) {
        const size_t n = strlen(names[i]);
        if (n > NAME_MAX_BYTES) continue;
        const size_t distance = edits(wanted, length, names[i], n);
        if (distance > best || (nearest && distance == best)) continue; /* of equal distances the first name counts */
        best = distance;
        nearest = names[i];
    }
    return nearest;
}

static const struct {
    const char *theirs, *ours;
} synonyms[] = {
#define SYNONYM(theirs, ours) {theirs, ours},
#include "base/synonyms.def"
#undef SYNONYM
};

/* Compare ASCII letters without regard to case. */
static int is_same_word(const char *a, const char *b) {
    for (; *a && *b; a++, b++) {
        const int x = *a >= 'A' && *a <= 'Z' ? *a + ('a' - 'A') : *a;
        if (x != *b) return 0;
    }
    return *a == *b;
}

/* Return our word for another program's word if it is among the names, else NULL. The other word may have its module before it, as in
 * nn.Linear, or differ from ours only in the case of letters. */
static const char *translated(const char *wanted, const char *const *names, size_t count) {
    const char *dot = strrchr(wanted, '.'), *word = dot ? dot + 1 : wanted;
    for (size_t i = 0; i < count; i++)
        if (is_same_word(word, names[i])) return names[i];
    for (size_t s = 0; s < VAEI_COUNT(synonyms); s++) {
        if (!is_same_word(word, synonyms[s].theirs)) continue;
        for (size_t i = 0; i < count; i++)
            if (strcmp(synonyms[s].ours, names[i]) == 0) return names[i];
    }
    return NULL;
}

const char *vaei_text_hint(char buf[96], const char *wanted, const char *const *names, size_t count) {
    const char *nearest = translated(wanted, names, count);
    if (!nearest) nearest = vaei_text_nearest(wanted, strlen(wanted), names, count);
    buf[0] = '\0';
    if (nearest) (void)snprintf(buf, 96, " (did you mean '%s'?)", nearest);
    return buf;
}
