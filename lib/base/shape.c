/* SPDX-License-Identifier: MIT
 * shape.c - reads and prints one to four sizes, channels last: "28x28x1" is 28 rows, 28 columns, 1 channel. */
#include "base/option.h"

#define SIZE_LIMIT ((int64_t)1 << 40) /* the limit of one size and of the product: 4 TiB of floats */

int64_t vaei_shape_size(const vaei_shape *s) {
    int64_t size = s->n > 0;
    for (int32_t i = 0; i < s->n; i++) {
        if (!vaei_count_mul(size, s->d[i], &size)) return INT64_MAX;
    }
    return size;
}

int vaei_shape_equal(const vaei_shape *a, const vaei_shape *b) {
    if (a->n != b->n) return 0;
    for (int32_t i = 0; i < a->n; i++) {
        if (a->d[i] != b->d[i]) return 0;
    }
    return 1;
}

void vaei_shape_print(const vaei_shape *s, vaei_writer *w) {
    vaei_write(w, "%s", ""); /* writes a NUL even if there is no size */
    for (int32_t i = 0; i < s->n; i++) vaei_write(w, "%s%lld", i ? "x" : "", (long long)s->d[i]);
}

const char *vaei_shape_text(const vaei_shape *s, char buf[96]) {
    vaei_writer w = {buf, 96, 0};
    vaei_shape_print(s, &w);
    return buf;
}

int32_t vaei_sizes_split(const char *text, int32_t most, int64_t *d) {
    int32_t n = 0;
    for (const char *p = text;; p++) {
        const size_t digits = strspn(p, "0123456789");
        if (n == most || digits == 0) return 0;
        if (digits > 18) d[n] = INT64_MAX; /* above every bound */
        else if (!vaei_text_to_int(p, digits, &d[n])) return 0;
        n++;
        p += digits;
        if (*p == '\0') return n;
        if (*p != 'x') return 0;
    }
}

vae_status_t vaei_shape_parse(vaei_shape *out, const char *text, const char *where) {
    vaei_shape s = {0, {0, 0, 0, 0}};
    int64_t size = 1;
    s.n = vaei_sizes_split(text, 4, s.d);
    if (s.n == 0) { return vaei_fail(VAE_E_SPEC, "%s: '%.40s' is not a shape, wanted one to four sizes such as 28x28x1", where, text); }
    for (int32_t i = 0; i < s.n; i++) {
        if (s.d[i] < 1) return vaei_fail(VAE_E_SPEC, "%s: shape %.80s, wanted sizes of at least 1", where, text);
        if (!vaei_count_mul(size, s.d[i], &size) || size > SIZE_LIMIT) {
            return vaei_fail(VAE_E_LIMIT, "%s: shape %.80s, wanted at most %lld values", where, text, (long long)SIZE_LIMIT);
        }
    }
    *out = s;
    return VAE_OK;
}
