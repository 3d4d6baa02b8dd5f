/* SPDX-License-Identifier: MIT
 * measure_mig.c - the mutual information gap: the difference between the two latents that have the most information about a factor.
 *
 *     mig = 1/F sum_f ( I(z_j1; v_f) - I(z_j2; v_f) ) / H(v_f)        j1, j2: the latents with the largest and second largest I
 *
 * The latents are the posterior means, divided into `bins` intervals of equal width from their smallest to their largest value. Factors
 * with more than `bins` different values are divided in the same way; the values of other factors are used directly. A factor that does
 * not vary is ignored. Chen, Li, Grosse, Duvenaud 2018 (arXiv:1802.04942), with the bins of Locatello et al. 2019 (arXiv:1811.12359). */
#include <math.h>

#include "vae/measures.h"

typedef struct conf {
    int64_t bins;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_INT(conf, bins, 20, 2, 256, "number of intervals of equal width"),
    {0},
};

/* bin[n] of column c: the number of a value's interval. */
static void cut(const float *x, int64_t n, int64_t size, int64_t c, int64_t bins, int32_t *bin) {
    double least = (double)x[c], most = least;
    for (int64_t i = 1; i < n; i++) {
        const double v = (double)x[i * size + c];
        if (v < least) least = v;
        if (v > most) most = v;
    }
    for (int64_t i = 0; i < n; i++) {
        const double at = most > least ? ((double)x[i * size + c] - least) / (most - least) * (double)bins : 0;
        bin[i] = at < (double)bins ? (int32_t)at : (int32_t)bins - 1;
    }
}

/* bin[n] of column c: the number of a value among the different values; returns 0 if there are more than `bins`. */
static int32_t by_values(const float *x, int64_t n, int64_t size, int64_t c, int64_t bins, int32_t *bin) {
    float seen[256];
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++) {
        const float v = x[i * size + c];
        int64_t b = 0;
        while (b < count && (seen[b] < v || seen[b] > v)) b++;
        if (b == count && count == bins) return 0;
        if (b == count) seen[count++] = v;
        bin[i] = (int32_t)b;
    }
    return 1;
}

static double entropy(const int64_t *count, int64_t cells, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < cells; i++) {
        const double p = (double)count[i] / (double)n;
        if (count[i] > 0) sum -= p * log(p);
    }
    return sum;
}

static double entropy_of(const int32_t *bin, int64_t n, int64_t bins, int64_t *count) {
    memset(count, 0, (size_t)bins * sizeof(*count));
    for (int64_t i = 0; i < n; i++) count[bin[i]]++;
    return entropy(count, bins, n);
}

static double information(const int32_t *a, const int32_t *b, int64_t n, int64_t bins, int64_t *count) {
    const double alone = entropy_of(a, n, bins, count) + entropy_of(b, n, bins, count);
    memset(count, 0, (size_t)(bins * bins) * sizeof(*count));
    for (int64_t i = 0; i < n; i++) count[a[i] * bins + b[i]]++;
    return alone - entropy(count, bins * bins, n);
}

static vae_status_t all(const void *options_filled, const vaei_measured *m, vaei_arena *arena, double *value) {
    const int64_t bins = ((const conf *)options_filled)->bins;
    int32_t *const z = vaei_arena_array(arena, (size_t)m->n, sizeof(*z)), *const v = vaei_arena_array(arena, (size_t)m->n, sizeof(*v));
    int64_t *const count = vaei_arena_array(arena, (size_t)(bins * bins), sizeof(*count));
    double sum = 0;
    int64_t factors = 0;
    if (!z || !v || !count) return VAE_E_NOMEM;
    for (int64_t f = 0; f < m->F; f++) {
        double first = 0, second = 0;
        if (!by_values(m->factor, m->n, m->F, f, bins, v)) cut(m->factor, m->n, m->F, f, bins, v);
        const double H = entropy_of(v, m->n, bins, count);
        if (!(H > 0)) continue;
        for (int64_t d = 0; d < m->D; d++) {
            cut(m->mean, m->n, m->D, d, bins, z);
            const double I = information(z, v, m->n, bins, count);
            if (I > first) second = first, first = I;
            else if (I > second) second = I;
        }
        sum += (first - second) / H;
        factors++;
    }
    if (factors == 0) return vaei_fail(VAE_E_ARG, "mig: no factor varies over the examples");
    *value = sum / (double)factors;
    return VAE_OK;
}

const vaei_measure_ops vaei_measure_mig = {
    .module = {.name = "mig",
               .summary = "the mutual information gap between latents and known factors, 0 to 1",
               .examples = "mig bins=10",
               .paper = "Chen, Li, Grosse, Duvenaud 2018 (arXiv:1802.04942)",
               .conf_size = sizeof(conf),
               .options = options},
    .reads = VAEI_MEASURE_MEAN | VAEI_MEASURE_FACTOR,
    .all = all,
};
