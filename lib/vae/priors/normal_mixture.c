/* SPDX-License-Identifier: MIT
 * normal_mixture.c - computes density, gradients and samples of K diagonal Gaussians of equal weight. */
#include "vae/priors/normal_mixture.h"

#include "nn/ranges.h"
#include "vae/prior.h"

#include <math.h>

#define LN_2PI 1.83787706640934548356

vaei_mixture vaei_mixture_carve(int64_t K, int64_t D, vaei_carve *c) {
    const int64_t count = vaei_count_of(K, D);
    vaei_mixture m = {.K = K, .D = D};
    m.mean = vaei_carve_floats(c, count);
    m.logvar = vaei_carve_floats(c, count);
    m.precision = vaei_carve_array(c, count, sizeof(double));
    m.scale = vaei_carve_array(c, K, sizeof(double));
    return m;
}

void vaei_mixture_set(const vaei_mixture *m, int64_t first, int64_t n, const float *mean, const float *logvar, double eps) {
    const int64_t D = m->D;
    memcpy(m->mean + first * D, mean, (size_t)(n * D) * sizeof(*mean));
    for (int64_t k = first; k < first + n; k++) {
        double sum = 0;
        for (int64_t i = k * D; i < (k + 1) * D; i++) {
            const double given = (double)logvar[i - first * D];
            m->logvar[i] = (float)(eps > 0 ? log(exp(given) + eps) : given);
            sum += (double)m->logvar[i];
            m->precision[i] = exp(-(double)m->logvar[i]);
        }
        m->scale[k] = -0.5 * sum;
    }
}

typedef struct job {
    const vaei_mixture *m;
    int64_t n, used;
    const float *z, *weight;
    double *share, *nll;
    const double *given;
    float *dz, *dmean, *dlogvar;
} job;

static void nll_range(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const vaei_mixture *m = j->m;
    const int64_t D = m->D;
    for (int64_t i = begin; i < end; i++) {
        const float *z = j->z + i * D;
        double *share = j->share + i * m->K, top = -INFINITY, sum = 0;
        for (int64_t k = 0; k < j->used; k++) {
            const float *mean = m->mean + k * D;
            const double *precision = m->precision + k * D;
            double square = 0;
            for (int64_t d = 0; d < D; d++) {
                const double shift = (double)z[d] - (double)mean[d];
                square += shift * shift * precision[d];
            }
            share[k] = m->scale[k] - 0.5 * square;
            if (share[k] > top) top = share[k];
        }
        for (int64_t k = 0; k < j->used; k++) sum += share[k] = exp(share[k] - top);
        for (int64_t k = 0; k < j->used; k++) share[k] /= sum;
        j->nll[i] = log((double)j->used) + 0.5 * (double)D * LN_2PI - top - log(sum);
    }
}

void vaei_mixture_nll(const vaei_mixture *m, const vaei_run *r, int64_t used, const float *z, double *share, double *nll) {
    job j = {.m = m, .used = used, .z = z, .share = share, .nll = nll};
    vaei_parallel_ranges(r->pool, r->n, 4 * used * m->D, nll_range, &j);
}

static void dz_range(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const vaei_mixture *m = j->m;
    for (int64_t i = begin; i < end; i++)
        for (int64_t d = 0; d < m->D; d++) {
            double sum = 0;
            for (int64_t k = 0; k < m->K; k++)
                sum += j->given[i * m->K + k] * ((double)j->z[i * m->D + d] - (double)m->mean[k * m->D + d]) * m->precision[k * m->D + d];
            j->dz[i * m->D + d] += (float)((double)j->weight[i] * sum);
        }
}

static void component_range(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const vaei_mixture *m = j->m;
    for (int64_t k = begin; k < end; k++)
        for (int64_t d = 0; d < m->D; d++) {
            const int64_t at = k * m->D + d;
            double mean = 0, logvar = 0;
            for (int64_t i = 0; i < j->n; i++) {
                const double shift = (double)j->z[i * m->D + d] - (double)m->mean[at], w = (double)j->weight[i] * j->given[i * m->K + k];
                mean -= w * shift * m->precision[at];
                logvar += w * 0.5 * (1 - shift * shift * m->precision[at]);
            }
            j->dmean[at] = (float)mean;
            j->dlogvar[at] = (float)logvar;
        }
}

void vaei_mixture_backward(const vaei_mixture *m, const vaei_run *r, const float *z, const double *share, const float *weight, float *dz,
                           float *dmean, float *dlogvar) {
    job j = {.m = m, .n = r->n, .z = z, .weight = weight, .given = share, .dz = dz, .dmean = dmean, .dlogvar = dlogvar};
    vaei_parallel_ranges(r->pool, r->n, 4 * m->K * m->D, dz_range, &j);
    vaei_parallel_ranges(r->pool, m->K, 4 * r->n * m->D, component_range, &j);
}

void vaei_mixture_sample(const vaei_mixture *m, const vaei_run *r, int64_t used, uint64_t first, float *z) {
    for (int64_t i = 0; i < r->n; i++, z += m->D) {
        const uint64_t position = first + (uint64_t)i;
        vaei_noise_key key = vaei_prior_key(r->noise.seed, position);
        float u;
        vaei_noise_normal(r->k, key, (uint32_t)position, m->D, z);
        key.stream = VAEI_STREAM_COMPONENT;
        vaei_noise_uniform(key, (uint32_t)position, 1, &u);
        const int64_t wanted = (int64_t)((double)u * (double)used), k = wanted < used ? wanted : used - 1;
        for (int64_t d = 0; d < m->D; d++) {
            const double deviation = exp(0.5 * (double)m->logvar[k * m->D + d]);
            z[d] = (float)((double)m->mean[k * m->D + d] + deviation * (double)z[d]);
        }
    }
}
