/* SPDX-License-Identifier: MIT
 * random_options.c - a module with random options, from its table: within the bounds of the table, and small. */
#include "random_models.h"

#include <math.h>
#include <string.h>

static int64_t bounded(double value, const vaei_option *o) {
    return (int64_t)(value < o->lo ? o->lo : value > o->hi ? o->hi : value);
}

static int64_t small(random_dice *d, const vaei_option *o, int64_t most) {
    const int64_t reach = random_chance(d, 70) ? most / 2 : most;
    return bounded(o->lo + (double)random_range(d, 0, reach), o);
}

static void write_int(random_dice *d, const vaei_option *o, const vaei_shape *in, vaei_writer *w) {
    const int64_t channels = in->d[in->n - 1];
    if (random_chance(d, 30) && (double)channels >= o->lo && (double)channels <= o->hi) vaei_write(w, "%lld", (long long)channels);
    else if (random_chance(d, 15) && o->lo <= 2) /* a power of 2 */
        vaei_write(w, "%lld", (long long)bounded((double)(1 << random_range(d, 1, 4)), o));
    else vaei_write(w, "%lld", (long long)small(d, o, 8));
}

static void write_float(random_dice *d, const vaei_option *o, vaei_writer *w) {
    double v = o->def * pow(4, random_unit(d) - 0.7);
    if (o->def == 0) v = o->lo < -1e6 ? 2 * random_unit(d) - 1 : random_unit(d) * (o->hi < 1 ? o->hi : 1);
    if (o->hi - o->lo <= 2 && random_chance(d, 40)) v = o->lo + (o->hi - o->lo) * random_unit(d);
    if (v < o->lo) v = o->lo;
    if (v > o->hi) v = o->hi;
    vaei_write(w, "%.4g", v);
}

static void write_choice(random_dice *d, const vaei_option *o, vaei_writer *w) {
    int32_t count = 1;
    for (const char *p = o->choices; *p; p++) count += *p == '|';
    const char *name = o->choices;
    for (int64_t i = random_range(d, 0, count - 1); i > 0; i--) name = strchr(name, '|') + 1;
    vaei_write(w, "%.*s", (int)strcspn(name, "|"), name);
}

static void write_pad(random_dice *d, const vaei_option *o, vaei_writer *w) {
    static const int32_t forms[] = {1, 1, 1, 2, 4};
    const int32_t form = forms[random_range(d, 0, 4)];
    if (random_chance(d, 20)) {
        vaei_write(w, "same");
        return;
    }
    for (int32_t i = 0; i < form; i++) vaei_write(w, "%s%lld", i ? "x" : "", (long long)small(d, o, 3));
}

/* The sizes of `in` in another shape */
static void write_shape(random_dice *d, const vaei_shape *in, vaei_writer *w) {
    int64_t size = vaei_shape_size(in);
    const int64_t n = random_range(d, 1, 4);
    for (int64_t i = 1; i < n; i++) {
        int64_t part = random_range(d, 1, size < 17 ? size : 17);
        while (size % part != 0) part--;
        vaei_write(w, "%lldx", (long long)part);
        size /= part;
    }
    vaei_write(w, "%lld", (long long)size);
}

static void write_value(random_dice *d, const vaei_option *o, const vaei_shape *in, vaei_writer *w) {
    int64_t count = 1;
    switch (o->type) {
    case VAEI_OPT_INT: write_int(d, o, in, w); return;
    case VAEI_OPT_FLOAT: write_float(d, o, w); return;
    case VAEI_OPT_BOOL: vaei_write(w, random_chance(d, 50) ? "true" : "false"); return;
    case VAEI_OPT_CHOICE: write_choice(d, o, w); return;
    case VAEI_OPT_EXTENT:
        vaei_write(w, "%lld", (long long)small(d, o, 4));
        if (random_chance(d, 40)) vaei_write(w, "x%lld", (long long)small(d, o, 4));
        return;
    case VAEI_OPT_PAD: write_pad(d, o, w); return;
    case VAEI_OPT_SHAPE: write_shape(d, in, w); return;
    case VAEI_OPT_NAME: vaei_write(w, "t%d", (int)random_range(d, 0, 99999)); return;
    default: /* sizes */
        count = random_range(d, 1, 3);
        for (int64_t i = 0; i < count; i++) vaei_write(w, "%s%lld", i ? "x" : "", (long long)small(d, o, 4));
    }
}

void random_module(random_dice *d, const vaei_module *m, const vaei_shape *in, vaei_writer *w) {
    const int32_t often = random_chance(d, 50) ? 50 : 15;
    vaei_write(w, "%s", m->name);
    for (const vaei_option *o = m->options; o && o->name; o++) {
        if (o->type == VAEI_OPT_PATH) continue; /* random_ties() */
        if (!(o->flags & VAEI_OPT_REQUIRED) && !random_chance(d, often)) continue;
        vaei_write(w, o->flags & VAEI_OPT_BARE ? " " : " %s=", o->name);
        write_value(d, o, in, w);
    }
}
