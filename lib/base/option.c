/* SPDX-License-Identifier: MIT
 * option.c - tables of options: attributes of the tree -> fields of a struct -> canonical attributes.
 *
 *   Binding passes over one table three times: it matches each attribute to its option, sets each field from its attribute or
 *   its default, and writes each field back as text. The text is written from the fields alone, so two texts with the same
 *   meaning print the same. Floats are compared with their bounds after they are rounded to float, so a value that was
 *   accepted once is accepted again when the canonical text is read. */
#include "base/option.h"

#include <float.h>
#include <math.h>

#define OPTIONS_MAX 64
#define CHOICES_MAX 16
#define VALUE_MAX   192 /* bytes of any value but a choice; eight sizes fit */
#define PATH_MOST   160 /* bytes of a path */
#define NAME_MOST   32  /* bytes of a name */

/* ---- fields ----------------------------------------------------------------------------------------------------- */

static int64_t int_of(double value) {
    if (value >= 9.2e18) return INT64_MAX;
    if (value <= -9.2e18) return INT64_MIN;
    return (int64_t)value;
}

static int in_range(const vaei_option *o, int64_t value) {
    return value >= int_of(o->lo) && value <= int_of(o->hi);
}

static int parse_int(const vaei_option *o, const char *text, void *field) {
    int64_t value;
    if (!vaei_text_to_int(text, strlen(text), &value) || !in_range(o, value)) return 0;
    *(int64_t *)field = value;
    return 1;
}

static int parse_float(const vaei_option *o, const char *text, void *field) {
    const float lo = (float)o->lo, hi = (float)o->hi;
    double exact;
    if (!vaei_text_to_double(text, strlen(text), &exact)) return 0;
    const float value = (float)exact;
    if (!(value >= -FLT_MAX && value <= FLT_MAX)) return 0;
    if (o->flags & VAEI_OPT_OPEN_LO ? !(value > lo) : !(value >= lo)) return 0;
    if (o->flags & VAEI_OPT_OPEN_HI ? !(value < hi) : !(value <= hi)) return 0;
    *(float *)field = value < 0 || value > 0 ? value : 0; /* a minus zero becomes zero */
    return 1;
}

static int parse_bool(const char *text, void *field) {
    const int yes = strcmp(text, "true") == 0;
    if (!yes && strcmp(text, "false") != 0) return 0;
    *(int32_t *)field = yes;
    return 1;
}

/* Return the i-th name of "a|b|c" and its length, or NULL past the last name. */
static const char *choice_at(const char *choices, int32_t i, size_t *length) {
    for (; i > 0; i--) {
        choices = strchr(choices, '|');
        if (!choices) return NULL;
        choices++;
    }
    *length = strcspn(choices, "|");
    return choices;
}

static int parse_choice(const vaei_option *o, const char *text, void *field) {
    size_t length;
    for (int32_t i = 0;; i++) {
        const char *name = choice_at(o->choices, i, &length);
        if (!name) return 0;
        if (strlen(text) == length && memcmp(text, name, length) == 0) {
            *(int32_t *)field = i;
            return 1;
        }
    }
}

static int parse_extent(const vaei_option *o, const char *text, void *field) {
    int64_t d[2], *const extent = field;
    const int32_t n = vaei_sizes_split(text, 2, d);
    if (n < 1) return 0;
    if (n == 1) d[1] = d[0];
    if (!in_range(o, d[0]) || !in_range(o, d[1])) return 0;
    extent[0] = d[0];
    extent[1] = d[1];
    return 1;
}

static void set_pad(int64_t pad[4], int64_t top, int64_t bottom, int64_t left, int64_t right) {
    pad[0] = top;
    pad[1] = bottom;
    pad[2] = left;
    pad[3] = right;
}

static int parse_pad(const vaei_option *o, const char *text, void *field) {
    int64_t d[4];
    if (strcmp(text, "same") == 0) {
        set_pad(field, -1, -1, -1, -1);
        return 1;
    }
    const int32_t n = vaei_sizes_split(text, 4, d);
    for (int32_t i = 0; i < n; i++) {
        if (!in_range(o, d[i])) return 0;
    }
    switch (n) {
    case 1: set_pad(field, d[0], d[0], d[0], d[0]); return 1;
    case 2: set_pad(field, d[0], d[0], d[1], d[1]); return 1;
    case 4: set_pad(field, d[0], d[1], d[2], d[3]); return 1;
    default: return 0;
    }
}

static int parse_sizes(const vaei_option *o, const char *text, void *field) {
    vaei_sizes s = {0, {0}};
    s.n = vaei_sizes_split(text, VAEI_SIZES_MAX, s.d);
    for (int32_t i = 0; i < s.n; i++) {
        if (!in_range(o, s.d[i])) return 0;
    }
    *(vaei_sizes *)field = s;
    return s.n > 0;
}

static void print_sizes(const vaei_sizes *s, vaei_writer *w) {
    for (int32_t i = 0; i < s->n; i++) vaei_write(w, "%s%lld", i ? "x" : "", (long long)s->d[i]);
}

/* Read words with dots between them: encoder.0, decoder.2.body.1.T. The field points to the text, and both are in the arena. */
static int parse_path(const char *text, void *field) {
    const char *word = text;
    if (strcmp(text, "none") == 0) text = NULL;
    for (const char *p = text; p && (*p || p == word); p++) {
        const int letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '_';
        if (!letter && (*p != '.' || p == word)) return 0;
        if (*p == '.') word = p + 1;
    }
    if (text && strlen(text) > PATH_MOST) return 0;
    *(const char **)field = text;
    return 1;
}

static int parse_name(const char *text, void *field) {
    const size_t length = strlen(text);
    if (length > NAME_MOST || text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] != '\0') return 0;
    *(const char **)field = text;
    return length > 0;
}

static void set_default(const vaei_option *o, void *field) {
    int64_t *const size = field;
    switch (o->type) {
    case VAEI_OPT_INT: *size = int_of(o->def); break;
    case VAEI_OPT_FLOAT: *(float *)field = (float)o->def; break;
    case VAEI_OPT_BOOL:
    case VAEI_OPT_CHOICE: *(int32_t *)field = (int32_t)o->def; break;
    case VAEI_OPT_EXTENT: size[0] = size[1] = int_of(o->def); break;
    case VAEI_OPT_PAD: set_pad(size, int_of(o->def), int_of(o->def), int_of(o->def), int_of(o->def)); break;
    default: break; /* a shape, sizes, a name or a path that is not given stays empty */
    }
}

static void print_field(const vaei_option *o, const void *field, vaei_writer *w) {
    const int64_t *const d = field;
    size_t length = 0;
    const char *name;
    switch (o->type) {
    case VAEI_OPT_INT: vaei_write(w, "%lld", (long long)d[0]); break;
    case VAEI_OPT_FLOAT: vaei_write_float(w, (double)*(const float *)field); break;
    case VAEI_OPT_BOOL: vaei_write(w, "%s", *(const int32_t *)field ? "true" : "false"); break;
    case VAEI_OPT_CHOICE:
        name = choice_at(o->choices, *(const int32_t *)field, &length);
        vaei_write(w, "%.*s", (int)length, name ? name : "");
        break;
    case VAEI_OPT_EXTENT:
        vaei_write(w, "%lld", (long long)d[0]);
        if (d[1] != d[0]) vaei_write(w, "x%lld", (long long)d[1]);
        break;
    case VAEI_OPT_PAD:
        if (d[0] < 0) {
            vaei_write(w, "same");
        } else if (d[0] != d[1] || d[2] != d[3]) {
            vaei_write(w, "%lldx%lldx%lldx%lld", (long long)d[0], (long long)d[1], (long long)d[2], (long long)d[3]);
        } else {
            vaei_write(w, "%lld", (long long)d[0]);
            if (d[2] != d[0]) vaei_write(w, "x%lld", (long long)d[2]);
        }
        break;
    case VAEI_OPT_SHAPE: vaei_shape_print(field, w); break;
    case VAEI_OPT_SIZES: print_sizes(field, w); break;
    case VAEI_OPT_NAME:
    case VAEI_OPT_PATH: vaei_write(w, "%s", *(const char *const *)field ? *(const char *const *)field : ""); break;
    default: break;
    }
}

/* ---- sentences -------------------------------------------------------------------------------------------------- */

static vae_status_t unknown_option(const vaei_option *table, const vaei_attr *a, const char *where) {
    const char *names[OPTIONS_MAX];
    char hint[96];
    size_t n = 0;
    if (!a->key)
        return table->name ? vaei_fail(VAE_E_SPEC, "%s: '%.40s', wanted an option as key=value, as in %s=%.40s", where, a->value,
                                       table->name, a->value)
                           : vaei_fail(VAE_E_SPEC, "%s: '%.40s', but it has no options", where, a->value);
    for (const vaei_option *o = table; o->name && n < OPTIONS_MAX; o++) names[n++] = o->name;
    return vaei_fail(VAE_E_SPEC, "%s: no option '%.40s'%s", where, a->key, vaei_text_hint(hint, a->key, names, n));
}

/* Write " (did you mean 'cosine'?)" or "". */
static const char *choice_hint(char buf[96], const vaei_option *o, const char *text) {
    char copy[256];
    const char *names[CHOICES_MAX];
    size_t n = 0;
    buf[0] = '\0';
    if (strlen(o->choices) >= sizeof copy) return buf;
    strcpy(copy, o->choices);
    for (char *p = copy; p && n < CHOICES_MAX;) {
        names[n++] = p;
        p = strchr(p, '|');
        if (p) *p++ = '\0';
    }
    return vaei_text_hint(buf, text, names, n);
}

static int is_integer_text(const char *text) {
    int64_t d;
    return vaei_sizes_split(text, 1, &d) == 1 || (text[0] == '-' && vaei_sizes_split(text + 1, 1, &d) == 1);
}

/* Fail with "encoder.0 conv2d: kernel=0, wanted 1..65536". */
static vae_status_t bad_value(const vaei_option *o, const char *text, const char *where) {
    char range[128] = "", hint[96] = "";
    const char *wanted = "";
    double number;
    vaei_writer w = {range, sizeof range, 0};
    vaei_option_range(o, &w);
    switch (o->type) {
    case VAEI_OPT_INT: wanted = is_integer_text(text) ? "" : "a whole number "; break;
    case VAEI_OPT_FLOAT: wanted = vaei_text_to_double(text, strlen(text), &number) && range[0] ? "" : "a number "; break;
    case VAEI_OPT_CHOICE: (void)choice_hint(hint, o, text); break;
    case VAEI_OPT_EXTENT: wanted = is_integer_text(text) ? "" : "one or two sizes such as 3 or 3x5, each "; break;
    case VAEI_OPT_SIZES: wanted = "one to eight whole numbers such as 8x5x5, each "; break;
    case VAEI_OPT_NAME: wanted = "a name of up to 32 letters, digits and '_' "; break;
    case VAEI_OPT_PAD: wanted = is_integer_text(text) ? "" : "1, 1x2, 0x1x0x1 or same, each "; break;
    case VAEI_OPT_PATH: wanted = "a place such as encoder.0, or none "; break;
    default: break;
    }
    size_t length = strlen(wanted);
    if (range[0] == '\0' && length > 0) length--; /* removes the space behind it */
    return vaei_fail(VAE_E_SPEC, "%s: %s=%.40s, wanted %.*s%s%s", where, o->name, text, (int)length, wanted, range, hint);
}

/* ---- binding ---------------------------------------------------------------------------------------------------- */

/* Find the option of an attribute: by its key, or, for an attribute without a key, the first bare option that has no value yet. */
static const vaei_option *find_option(const vaei_option *table, const vaei_attr *a, const vaei_attr *const *given) {
    for (const vaei_option *o = table; o->name; o++) {
        if (a->key ? strcmp(a->key, o->name) == 0 : (o->flags & VAEI_OPT_BARE) && !given[o - table]) return o;
    }
    return NULL;
}

static vae_status_t set_field(const vaei_option *o, const char *text, void *field, const char *where) {
    int good = 0;
    switch (o->type) {
    case VAEI_OPT_INT: good = parse_int(o, text, field); break;
    case VAEI_OPT_FLOAT: good = parse_float(o, text, field); break;
    case VAEI_OPT_BOOL: good = parse_bool(text, field); break;
    case VAEI_OPT_CHOICE: good = parse_choice(o, text, field); break;
    case VAEI_OPT_EXTENT: good = parse_extent(o, text, field); break;
    case VAEI_OPT_PAD: good = parse_pad(o, text, field); break;
    case VAEI_OPT_SHAPE: return vaei_shape_parse(field, text, where);
    case VAEI_OPT_SIZES: good = parse_sizes(o, text, field); break;
    case VAEI_OPT_PATH: good = parse_path(text, field); break;
    case VAEI_OPT_NAME: good = parse_name(text, field); break;
    default: break;
    }
    return good ? VAE_OK : bad_value(o, text, where);
}

/* Make the canonical attribute in *out; it keeps the line and column of the attribute that it replaces. A shape, sizes, a name or a path
 * that is not given has no attribute. */
static vae_status_t make_attr(vaei_attr **out, const vaei_option *o, const void *field, const vaei_attr *given, vaei_arena *arena) {
    char text[VALUE_MAX] = "";
    vaei_writer w = {text, sizeof text, 0};
    print_field(o, field, &w);
    if (w.length == 0) return VAE_OK;
    vaei_attr *attr = vaei_arena_alloc(arena, sizeof *attr);
    if (!attr || !(attr->value = vaei_arena_copy(arena, text, strlen(text)))) return VAE_E_NOMEM;
    attr->key = o->flags & VAEI_OPT_BARE ? NULL : o->name;
    attr->line = given ? given->line : 0;
    attr->column = given ? given->column : 0;
    *out = attr;
    return VAE_OK;
}

vae_status_t vaei_options_bind(const vaei_option *table, vaei_node *node, void *conf, vaei_arena *arena, const char *where) {
    const vaei_attr *given[OPTIONS_MAX] = {NULL};
    vaei_attr *canonical = NULL, **last = &canonical;
    for (const vaei_attr *a = node->attrs; a; a = a->next) {
        const vaei_option *o = find_option(table, a, given);
        if (!o) return unknown_option(table, a, where);
        if (given[o - table]) return vaei_fail(VAE_E_SPEC, "%s: %s is given twice", where, o->name);
        given[o - table] = a;
    }
    for (const vaei_option *o = table; o->name; o++) {
        const vaei_attr *a = given[o - table];
        void *const field = (char *)conf + o->offset;
        if (a) VAEI_TRY(set_field(o, a->value, field, where));
        else if (o->flags & VAEI_OPT_REQUIRED) return vaei_fail(VAE_E_SPEC, "%s: %s is missing", where, o->name);
        else set_default(o, field);
    }
    for (const vaei_option *o = table; o->name; o++) {
        VAEI_TRY(make_attr(last, o, (char *)conf + o->offset, given[o - table], arena));
        if (*last) last = &(*last)->next;
    }
    node->attrs = canonical;
    return VAE_OK;
}

/* ---- the manual ------------------------------------------------------------------------------------------------- */

void vaei_option_default(const vaei_option *o, vaei_writer *w) {
    union {
        int64_t size[4];
        int32_t index;
        float number;
    } field = {{0, 0, 0, 0}};
    if (o->flags & VAEI_OPT_REQUIRED || o->type == VAEI_OPT_SHAPE || o->type == VAEI_OPT_SIZES || o->type == VAEI_OPT_NAME) {
        vaei_write(w, "%s", "");
        return;
    }
    if (o->type == VAEI_OPT_PATH) {
        vaei_write(w, "none");
        return;
    }
    set_default(o, &field);
    print_field(o, &field, w);
}

/* Write "1..64", "1.." or "". */
static void print_int_range(int64_t lo, int64_t hi, vaei_writer *w) {
    if (lo == INT64_MIN && hi == INT64_MAX) return;
    if (lo > INT64_MIN) vaei_write(w, "%lld", (long long)lo);
    vaei_write(w, "..");
    if (hi < INT64_MAX) vaei_write(w, "%lld", (long long)hi);
}

/* Write "0..1", "(0..1]", "1.." or "". */
static void print_float_range(const vaei_option *o, vaei_writer *w) {
    const int has_lo = o->lo >= -(double)FLT_MAX, has_hi = o->hi <= (double)FLT_MAX;
    const int open_lo = o->flags & VAEI_OPT_OPEN_LO, open_hi = o->flags & VAEI_OPT_OPEN_HI;
    if (!has_lo && !has_hi) return;
    if (open_lo || open_hi) vaei_write(w, open_lo || !has_lo ? "(" : "[");
    if (has_lo) vaei_write_float(w, o->lo);
    vaei_write(w, "..");
    if (has_hi) vaei_write_float(w, o->hi);
    if (open_lo || open_hi) vaei_write(w, open_hi || !has_hi ? ")" : "]");
}

void vaei_option_range(const vaei_option *o, vaei_writer *w) {
    vaei_write(w, "%s", ""); /* writes a NUL even if there is no range */
    switch (o->type) {
    case VAEI_OPT_INT:
    case VAEI_OPT_EXTENT:
    case VAEI_OPT_PAD:
    case VAEI_OPT_SIZES: print_int_range(int_of(o->lo), int_of(o->hi), w); break;
    case VAEI_OPT_FLOAT: print_float_range(o, w); break;
    case VAEI_OPT_BOOL: vaei_write(w, "true|false"); break;
    case VAEI_OPT_CHOICE: vaei_write(w, "%s", o->choices); break;
    default: break;
    }
}

const char *vaei_option_type_name(int32_t type) {
    static const char *const names[] = {"", "int", "float", "bool", "choice", "extent", "pad", "shape", "sizes", "path", "name"};
    return type >= VAEI_OPT_INT && type <= VAEI_OPT_NAME ? names[type] : "";
}

double vaei_option_number(const vaei_option *table, const void *conf, const char *name) {
    float value = 0;
    for (const vaei_option *o = table; o && o->name; o++)
        if (o->type == VAEI_OPT_FLOAT && strcmp(o->name, name) == 0) memcpy(&value, (const char *)conf + o->offset, sizeof value);
    return (double)value;
}
