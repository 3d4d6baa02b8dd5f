/* SPDX-License-Identifier: MIT
 * conformance.h - the promises of each kind of module as functions. Such a function takes a module's functions and one of its examples, and
 * returns NULL, or a sentence that says which promise is broken and where.
 *
 * The loops over the registries (check_conformance_*.c) need NULL for every example of every module. Modules that are wrong on
 * purpose (check_mutants.c) go to the same functions, which must report the promise that is broken. So `ops` may be a copy of the
 * functions in the registry with some of them replaced; the example's name is that of the registry. */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#include "guarded.h"

#include <stdarg.h>
#include <stdio.h>

#include "vae/latent.h"
#include "vae/likelihood.h"
#include "vae/measures.h"
#include "vae/objective.h"
#include "vae/optimizer.h"
#include "vae/prior.h"
#include "vae/scores.h"

const char *conform_layer(const vaei_layer_ops *ops, const char *example);
const char *conform_latent(const vaei_latent_ops *ops, const char *example);
const char *conform_likelihood(const vaei_likelihood_ops *ops, const char *example);
const char *conform_prior(const vaei_prior_ops *ops, const char *example);
const char *conform_objective(const vaei_objective_ops *ops, const char *example);
const char *conform_optimizer(const vaei_optimizer_ops *ops, const char *example);
const char *conform_schedule(const vaei_schedule_ops *ops, const char *example);
const char *conform_clip(const vaei_clip_ops *ops, const char *example);

/* The sentence, in a buffer that the next one overwrites. */
__attribute__((format(printf, 1, 2))) static inline const char *broken(const char *format, ...) {
    static char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return text;
}

#define CONFORM(expr)                       \
    do {                                    \
        const char *const broken_ = (expr); \
        if (broken_) return broken_;        \
    } while (0)

/* ---- examples ----------------------------------------------------------------------------------------------------- */

enum { EXAMPLE_MAX = 200 };

/* Number i of a module's examples; 0 past the last. */
static inline int32_t example_at(const vaei_module *m, int32_t i, char text[EXAMPLE_MAX]) {
    const char *at = m->examples;
    for (; i > 0 && at; i--) {
        at = strchr(at, '\n');
        if (at) at++;
    }
    if (!at || !*at) return 0;
    snprintf(text, EXAMPLE_MAX, "%.*s", (int)strcspn(at, "\n"), at);
    return 1;
}

static inline int32_t examples_of(const vaei_module *const *registry, size_t count) {
    char text[EXAMPLE_MAX];
    int32_t n = 0;
    for (size_t m = 0; m < count; m++)
        for (int32_t i = 0; example_at(registry[m], i, text); i++) n++;
    return n;
}

/* Number `i` of all examples of a registry, and whose it is. */
static inline const vaei_module *example_of(const vaei_module *const *registry, size_t count, int32_t i, char text[EXAMPLE_MAX]) {
    for (size_t m = 0; m < count; m++)
        for (int32_t j = 0; example_at(registry[m], j, text); j++)
            if (i-- == 0) return registry[m];
    ck_abort_msg("no such example");
    return NULL;
}

/* One test a kind: START_TEST(...) { CONFORMS(layer, vaei_layers) } over _i below examples_of(). */
#define CONFORMS(kind, registry)                                                                         \
    char text_[EXAMPLE_MAX];                                                                             \
    const vaei_module *const module_ = example_of(registry, registry##_count, _i, text_);                \
    const char *const broken_ = conform_##kind((const vaei_##kind##_ops *)(const void *)module_, text_); \
    ck_assert_msg(!broken_, #kind " '%s': %s", text_, broken_)

/* ---- numbers ------------------------------------------------------------------------------------------------------ */

static inline const char *same_bytes(const char *promise, const char *what, const void *a, const void *b, size_t bytes) {
    const unsigned char *x = a, *y = b;
    for (size_t i = 0; i < bytes; i++)
        if (x[i] != y[i]) return broken("%s: %s differs from byte %zu of %zu on", promise, what, i, bytes);
    return NULL;
}

/* d value(arg) / d *x by two central differences, the error of order h^2 removed. */
static inline double difference_quotient(double (*value)(void *arg), void *arg, float *x, float h) {
    const float at = *x;
    double quotient[2];
    for (int i = 0; i < 2; i++) {
        const float step = i == 0 ? h : 2 * h;
        *x = at + step;
        const double above = value(arg), hi = (double)*x;
        *x = at - step;
        const double below = value(arg), lo = (double)*x;
        quotient[i] = (above - below) / (hi - lo);
    }
    *x = at;
    return (4 * quotient[0] - quotient[1]) / 3;
}

/* Signed, element by element, within `tolerance` of the largest quotient or of `floor`. */
static inline const char *gradient_is(const char *what, double (*value)(void *arg), void *arg, float *x, const float *gradient, int64_t n,
                                      float h, double tolerance, double floor) {
    double *want = calloc((size_t)n + 1, sizeof(*want)), scale = floor;
    const char *failure = NULL;
    for (int64_t i = 0; i < n; i++) {
        want[i] = difference_quotient(value, arg, &x[i], h);
        scale = fmax(scale, fabs(want[i]));
    }
    for (int64_t i = 0; i < n && !failure; i++)
        if (!(fabs((double)gradient[i] - want[i]) <= tolerance * scale))
            failure = broken("gradient of %s[%lld] is %.6g, differences say %.6g (largest %.3g)", what, (long long)i, (double)gradient[i],
                             want[i], scale);
    free(want);
    return failure;
}

#endif
