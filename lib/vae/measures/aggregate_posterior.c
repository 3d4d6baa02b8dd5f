/* SPDX-License-Identifier: MIT
 * aggregate_posterior.c - draws one latent for each of the first examples and computes its density under all posteriors, as in
 * aggregate_posterior.h. A task works on one draw and keeps the running maximum of a log-sum-exp, so that it needs memory for its draw
 * only. */
#include "vae/measures/aggregate_posterior.h"

#include <math.h>

#define LN_2PI 1.83787706640934548356

enum { STREAM_DRAWS = 24 };

const vaei_option vaei_aggregate_options[] = {
    VAEI_OPTION_INT(vaei_aggregate_conf, draws, 2000, 1, 1e9, "number of examples, from the first one on, for which a latent is drawn"),
    VAEI_OPTION_INT(vaei_aggregate_conf, seed, 0, 0, 1e9, "seed of the draws"),
    {0},
};

typedef struct job {
    const vaei_measured *m;
    vaei_noise_key key;
    double *precision;             /* [n][D] exp(-logvar) */
    double *scale;                 /* [n] log of the density at the mean */
    float *z;                      /* [draws][D] */
    vaei_aggregate_densities *out; /* [draws] */
} job;

static double log_posterior(const job *j, int64_t i, const float *z) {
    const int64_t D = j->m->D;
    const float *const mean = j->m->mean + i * D;
    const double *const precision = j->precision + i * D;
    double sum = 0;
    for (int64_t d = 0; d < D; d++) {
        const double delta = (double)z[d] - (double)mean[d];
        sum += delta * delta * precision[d];
    }
    return j->scale[i] - 0.5 * sum;
}

static void prepare(const job *j) {
    const int64_t D = j->m->D;
    for (int64_t i = 0; i < j->m->n; i++) {
        double sum = (double)D * LN_2PI;
        for (int64_t d = i * D; d < (i + 1) * D; d++) {
            sum += (double)j->m->logvar[d];
            j->precision[d] = exp(-(double)j->m->logvar[d]);
        }
        j->scale[i] = -0.5 * sum;
    }
}

static void draw_one(void *arg, int32_t i) {
    const job *const j = arg;
    const vaei_measured *const m = j->m;
    float *const z = j->z + i * m->D;
    double top = -INFINITY, sum = 0, square = 0;
    vaei_noise_normal(m->k, j->key, (uint32_t)i, m->D, z);
    for (int64_t d = 0; d < m->D; d++) {
        z[d] = m->mean[i * m->D + d] + (float)exp(0.5 * (double)m->logvar[i * m->D + d]) * z[d];
        square += (double)z[d] * (double)z[d];
    }
    for (int64_t l = 0; l < m->n; l++) {
        const double log_q = log_posterior(j, l, z);
        if (log_q > top) sum = sum * exp(top - log_q) + 1, top = log_q;
        else sum += exp(log_q - top);
    }
    j->out[i] =
        (vaei_aggregate_densities){log_posterior(j, i, z), top + log(sum) - log((double)m->n), -0.5 * (square + (double)m->D * LN_2PI)};
}

vae_status_t vaei_aggregate_estimate(const vaei_aggregate_conf *c, const vaei_measured *m, vaei_arena *arena,
                                     vaei_aggregate_densities *out) {
    const int64_t draws = c->draws < m->n ? c->draws : m->n;
    job j = {.m = m, .key = {.seed = (uint64_t)c->seed, .stream = STREAM_DRAWS}};
    const size_t n = (size_t)m->n, D = (size_t)m->D; /* n D doubles fit into memory: the arrays were checked */
    j.z = vaei_arena_array(arena, (size_t)draws * D, sizeof(*j.z));
    j.out = vaei_arena_array(arena, (size_t)draws, sizeof(*j.out));
    j.precision = vaei_arena_array(arena, n * D, sizeof(*j.precision));
    j.scale = vaei_arena_array(arena, n, sizeof(*j.scale));
    if (!j.z || !j.out || !j.precision || !j.scale) return VAE_E_NOMEM;
    prepare(&j);
    vaei_parallel(m->pool, (int32_t)draws, draw_one, &j);
    *out = (vaei_aggregate_densities){0, 0, 0};
    for (int64_t i = 0; i < draws; i++) {
        out->posterior += j.out[i].posterior / (double)draws;
        out->aggregate += j.out[i].aggregate / (double)draws;
        out->prior += j.out[i].prior / (double)draws;
    }
    return VAE_OK;
}
