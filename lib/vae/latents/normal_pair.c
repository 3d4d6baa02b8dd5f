/* SPDX-License-Identifier: MIT
 * normal_pair.c - computes the formulas of normal_pair.h over the values of a batch, on several threads. */
#include "vae/latents/normal_pair.h"

#include <math.h>

#include "nn/ranges.h"

enum { PIECE = 256, VALUE_WORK = 16 }; /* values whose exponentials are computed at once; floats of work that count for a value */

typedef struct job job;
typedef struct powers {
    float ratio[PIECE], narrow[PIECE], sigma[PIECE]; /* e^(a - c), e^-c, e^(a / 2) */
} powers;
/* A formula for the n values from i on. */
typedef void formula(const job *j, int64_t i, int64_t n, const powers *e);

struct job {
    const vaei_kernels *k;
    vaei_level v; /* from the first row of the run on */
    const float *dz;
    vaei_normal_slopes d;
    formula *formula;
};

static void range(void *arg, int64_t begin, int64_t end) {
    const job *const j = arg;
    powers e;
    for (int64_t i = begin; i < end; i += PIECE) {
        const int64_t n = end - i < PIECE ? end - i : PIECE;
        for (int64_t l = 0; l < n; l++) {
            e.ratio[l] = j->v.logvar[i + l] - j->v.prior_logvar[i + l];
            e.narrow[l] = -j->v.prior_logvar[i + l];
            e.sigma[l] = 0.5f * j->v.logvar[i + l];
        }
        j->k->map[VAEI_MAP_EXP](n, 0, e.ratio, e.ratio);
        j->k->map[VAEI_MAP_EXP](n, 0, e.narrow, e.narrow);
        j->k->map[VAEI_MAP_EXP](n, 0, e.sigma, e.sigma);
        j->formula(j, i, n, &e);
    }
}

static void run(const vaei_run *r, const vaei_level *v, const float *dz, const vaei_normal_slopes *d, formula *by) {
    const int64_t at = r->row * v->size;
    job j = {.k = r->k, .v = *v, .dz = dz, .formula = by};
    j.v.mean += at, j.v.logvar += at, j.v.prior_mean += at, j.v.prior_logvar += at;
    j.v.noise += at, j.v.kl += at, j.v.z += at;
    if (j.v.d_kl) j.v.d_kl += at;
    if (d) j.d = *d;
    vaei_parallel_ranges(r->pool, r->n * v->size, VALUE_WORK, range, &j);
}

/* ---- rates ---- */

static void rate(const job *j, int64_t i, int64_t n, const powers *e) {
    const vaei_level *const v = &j->v;
    for (int64_t l = 0; l < n; l++) {
        const float apart = v->mean[i + l] - v->prior_mean[i + l];
        v->kl[i + l] = 0.5f * ((v->prior_logvar[i + l] - v->logvar[i + l]) - 1.0f + e->ratio[l] + apart * apart * e->narrow[l]);
    }
}

static void rate_at_z(const job *j, int64_t i, int64_t n, const powers *e) {
    const vaei_level *const v = &j->v;
    for (int64_t l = 0; l < n; l++) {
        const float apart = v->z[i + l] - v->prior_mean[i + l], noise = v->noise[i + l];
        v->kl[i + l] = 0.5f * ((v->prior_logvar[i + l] - v->logvar[i + l]) - noise * noise + apart * apart * e->narrow[l]);
    }
}

void vaei_normal_pair_rate(const vaei_run *r, const vaei_level *v) {
    run(r, v, NULL, NULL, r->sampled_rates ? rate_at_z : rate);
}

void vaei_normal_pair_log_ratio(const vaei_level *v, int64_t n, double *log_ratio) {
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        for (int64_t d = i * v->size; d < (i + 1) * v->size; d++) {
            const double e = (double)v->noise[d], apart = (double)v->z[d] - (double)v->prior_mean[d], c = (double)v->prior_logvar[d];
            sum += 0.5 * ((double)v->logvar[d] - c + e * e - apart * apart * exp(-c));
        }
        log_ratio[i] += sum;
    }
}

/* ---- slopes ---- */

static void slope(const job *j, int64_t i, int64_t n, const powers *e) {
    const vaei_level *const v = &j->v;
    for (int64_t l = 0; l < n; l++) {
        const float g = v->d_kl[i + l], h = j->dz[i + l], apart = v->mean[i + l] - v->prior_mean[i + l], pull = g * apart * e->narrow[l];
        j->d.mean[i + l] = pull + h;
        j->d.prior_mean[i + l] = -pull;
        j->d.logvar[i + l] = 0.5f * (g * (e->ratio[l] - 1.0f) + h * v->noise[i + l] * e->sigma[l]);
        j->d.prior_logvar[i + l] = 0.5f * g * (1.0f - e->ratio[l] - apart * apart * e->narrow[l]);
    }
}

static void slope_at_z(const job *j, int64_t i, int64_t n, const powers *e) {
    const vaei_level *const v = &j->v;
    for (int64_t l = 0; l < n; l++) {
        const float g = v->d_kl[i + l], apart = v->z[i + l] - v->prior_mean[i + l], pull = g * apart * e->narrow[l];
        const float by_z = j->dz[i + l] + pull;
        j->d.mean[i + l] = by_z;
        j->d.prior_mean[i + l] = -pull;
        j->d.logvar[i + l] = 0.5f * (by_z * v->noise[i + l] * e->sigma[l] - g);
        j->d.prior_logvar[i + l] = 0.5f * g * (1.0f - apart * apart * e->narrow[l]);
    }
}

void vaei_normal_pair_backward(const vaei_run *r, const vaei_level *v, const float *dz, const vaei_normal_slopes *d) {
    run(r, v, dz, d, r->sampled_rates ? slope_at_z : slope);
}
