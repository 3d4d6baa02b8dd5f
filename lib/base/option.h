/* SPDX-License-Identifier: MIT
 * option.h - tables of options. Each module has one table, and the parser, the errors, the canonical text and the manual use it.
 *
 *     static const vaei_option options[] = {
 *         VAEI_OPTION(conf, out, INT, VAEI_OPT_REQUIRED, 0, 1, 65536, "channels made"),
 *         VAEI_OPTION_FLOAT(conf, slope, 0.01, 0, 1, "slope below zero"),
 *         { 0 } };
 */
#ifndef VAEI_OPTION_H
#define VAEI_OPTION_H

#include "base/grammar.h"

enum {
    VAEI_OPT_INT = 1, /* int64_t */
    VAEI_OPT_FLOAT,   /* float; bounds are compared as floats and are inclusive, unless a flag excludes them; an infinite one is no bound */
    VAEI_OPT_BOOL,    /* int32_t; "true" or "false" */
    VAEI_OPT_CHOICE,  /* int32_t, index into choices "constant|cosine|step" */
    VAEI_OPT_EXTENT,  /* int64_t[2]: "3" (both) or "3x5" (height x width) */
    VAEI_OPT_PAD,     /* int64_t[4]: "1", "1x2" (height x width), "0x1x0x1" (top x bottom x left x right), "same" (all -1) */
    VAEI_OPT_SHAPE,   /* vaei_shape: "7x7x64", one to four sizes */
    VAEI_OPT_SIZES,   /* vaei_sizes: "8x5x5x5x5", one to eight whole numbers within the bounds */
    VAEI_OPT_PATH,    /* const char *: a place in the model, "encoder.0"; "none" is NULL, the default, and is not printed */
    VAEI_OPT_NAME     /* const char *, in the tree: 1 to 32 letters, digits and '_'; NULL: not given */
};
enum {
    VAEI_OPT_REQUIRED = 1, /* there is no default */
    VAEI_OPT_BARE = 2,     /* the value may have no key, and is printed without it: "reshape 7x7x64" */
    VAEI_OPT_OPEN_LO = 4,  /* the lower bound itself is not allowed */
    VAEI_OPT_OPEN_HI = 8
};

/* One to four sizes, channels last. The product fits an int64_t, and each size is >= 1. */
typedef struct vaei_shape {
    int32_t n;
    int64_t d[4];
} vaei_shape;

#define VAEI_SIZES_MAX 8

/* One to eight whole numbers that are not a shape. */
typedef struct vaei_sizes {
    int32_t n;
    int64_t d[VAEI_SIZES_MAX];
} vaei_sizes;

int64_t vaei_shape_size(const vaei_shape *s);
int vaei_shape_equal(const vaei_shape *a, const vaei_shape *b);
void vaei_shape_print(const vaei_shape *s, vaei_writer *w); /* "28x28x1" */
const char *vaei_shape_text(const vaei_shape *s, char buf[96]);
/* Reads "7x7x64" as 7, 7, 64. Returns how many numbers there are, or 0 if the text is not one to `most` whole numbers. A size of more
 * than 18 digits becomes INT64_MAX. */
int32_t vaei_sizes_split(const char *text, int32_t most, int64_t *d);
/* VAE_E_SPEC; VAE_E_LIMIT if a size or the product passes 2^40. The sentence begins with `where`. */
vae_status_t vaei_shape_parse(vaei_shape *out, const char *text, const char *where);

typedef struct vaei_option {
    const char *name;
    int32_t type, flags;
    size_t offset; /* in the module's conf */
    double def, lo,
        hi; /* EXTENT, PAD: def is for both axes and the bounds for each (PAD: def -1 is "same"); SIZES: bounds for each, no def */
    const char *choices; /* CHOICE: names with '|' between */
    const char *doc;     /* one sentence without a full stop */
} vaei_option;           /* a table ends with { 0 } and has at most 64 options */

/* The general form, for options with flags; `type` is the last word of VAEI_OPT_*. */
#define VAEI_OPTION(conf, field, type, flags, def, lo, hi, doc) \
    { #field, VAEI_OPT_##type, flags, offsetof(conf, field), def, lo, hi, NULL, doc }
#define VAEI_OPTION_INT(conf, field, def, lo, hi, doc) \
    { #field, VAEI_OPT_INT, 0, offsetof(conf, field), def, lo, hi, NULL, doc }
#define VAEI_OPTION_FLOAT(conf, field, def, lo, hi, doc) \
    { #field, VAEI_OPT_FLOAT, 0, offsetof(conf, field), def, lo, hi, NULL, doc }
#define VAEI_OPTION_BOOL(conf, field, def, doc) \
    { #field, VAEI_OPT_BOOL, 0, offsetof(conf, field), def, 0, 1, NULL, doc }
#define VAEI_OPTION_CHOICE(conf, field, def, choices, doc) \
    { #field, VAEI_OPT_CHOICE, 0, offsetof(conf, field), def, 0, 0, choices, doc }
#define VAEI_OPTION_EXTENT(conf, field, def, lo, hi, doc) \
    { #field, VAEI_OPT_EXTENT, 0, offsetof(conf, field), def, lo, hi, NULL, doc }
#define VAEI_OPTION_NAME(conf, field, flags, doc) \
    { #field, VAEI_OPT_NAME, flags, offsetof(conf, field), 0, 0, 0, NULL, doc }
#define VAEI_OPTION_PAD(conf, field, def, lo, hi, doc) \
    { #field, VAEI_OPT_PAD, 0, offsetof(conf, field), def, lo, hi, NULL, doc }
#define VAEI_OPTION_PATH(conf, field, doc) \
    { #field, VAEI_OPT_PATH, 0, offsetof(conf, field), 0, 0, 0, NULL, doc }

/* Fill conf (zeroed by the caller) with the defaults and the node's attributes. Then write every option back into node->attrs in the
 * order of the table, so that printing the tree gives the canonical text. Each sentence begins with `where`: "encoder.3 conv2d".
 * VAE_E_SPEC if an option is unknown (with the nearest name), given twice, missing, not a number, out of range or an unknown choice. */
vae_status_t vaei_options_bind(const vaei_option *table, vaei_node *node, void *conf, vaei_arena *arena, const char *where);

/* Write the default and the range as text for the manual (see vae_option_t). The caller owns the buffer. */
void vaei_option_default(const vaei_option *o, vaei_writer *w);
void vaei_option_range(const vaei_option *o, vaei_writer *w);
const char *vaei_option_type_name(int32_t type);
/* Returns the value of the FLOAT option `name` of bound options, or 0 if the table has no such option. */
double vaei_option_number(const vaei_option *table, const void *conf, const char *name);

#endif
