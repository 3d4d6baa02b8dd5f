/* SPDX-License-Identifier: MIT
 * rename.c - matches the patterns and writes the new names. */
#include "import/rename.h"

#define NUMBERS    4 /* numbers in a pattern */
#define NUMBER_MAX 9999

typedef struct match {
    const char *begin, *end; /* the matched bytes of the name */
    int64_t number[NUMBERS];
    int32_t n;
} match;

static int32_t is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Whether the pattern matches whole parts of the name from `at` on. */
static int32_t match_at(match *m, const char *pattern, const char *at) {
    *m = (match){.begin = at};
    for (; *pattern; pattern++) {
        if (*pattern != '#') {
            if (*pattern != *at++) return 0;
            continue;
        }
        int64_t value = 0;
        if (!is_digit(*at) || m->n == NUMBERS) return 0;
        while (is_digit(*at) && value <= NUMBER_MAX) value = 10 * value + (*at++ - '0');
        if (value > NUMBER_MAX) return 0;
        m->number[m->n++] = value;
    }
    m->end = at;
    return *at == '.' || *at == '\0';
}

static int32_t find(match *m, const char *pattern, const char *name) {
    if (*pattern == '/') return match_at(m, pattern + 1, name);
    for (const char *at = name; at; at = strchr(at, '.') ? strchr(at, '.') + 1 : NULL)
        if (match_at(m, pattern, at)) return 1;
    return 0;
}

/* Finds the largest numbers that match the pattern in all names. */
static void largest(int64_t most[NUMBERS], const char *pattern, const vaei_named *named, int64_t n) {
    match m;
    memset(most, 0, NUMBERS * sizeof(*most));
    for (int64_t i = 0; i < n; i++) {
        if (!find(&m, pattern, named[i].name)) continue;
        for (int32_t k = 0; k < m.n; k++)
            if (m.number[k] > most[k]) most[k] = m.number[k];
    }
}

static const char *renamed(const char *name, const match *m, const char *to, const int64_t most[NUMBERS], vaei_arena *arena) {
    char text[VAEI_NAME_ROOM];
    vaei_writer w = {text, sizeof(text), 0};
    int32_t number = 0;
    vaei_write(&w, "%.*s", (int)(m->begin - name), name);
    for (; *to; to++) {
        if (*to != '#' && *to != '^') {
            vaei_write(&w, "%c", *to);
            continue;
        }
        int64_t value = *to == '#' ? m->number[number] : most[number] - m->number[number];
        number++;
        if ((to[1] == '+' || to[1] == '-') && is_digit(to[2])) {
            value += to[1] == '+' ? to[2] - '0' : '0' - to[2];
            to += 2;
        }
        vaei_write(&w, "%lld", (long long)value);
    }
    vaei_write(&w, "%s", m->end);
    return vaei_arena_format(arena, "%s", text);
}

vae_status_t vaei_rename(const vaei_rename_row *rows, vaei_named *named, int64_t n, vaei_arena *arena) {
    int64_t most[NUMBERS];
    match m;
    for (; rows->from; rows++) {
        largest(most, rows->from, named, n);
        for (int64_t i = 0; i < n; i++) {
            if (!find(&m, rows->from, named[i].name)) continue;
            if (!(named[i].name = renamed(named[i].name, &m, rows->to, most, arena))) return VAE_E_NOMEM;
        }
    }
    return VAE_OK;
}
