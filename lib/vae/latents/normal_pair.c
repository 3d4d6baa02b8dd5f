/* SPDX-License-Identifier: MIT
 * normal_pair.c - the formulas of normal_pair.h over the values of a batch, by threads. */
#include "vae/latents/normal_pair.h"

#include <math.h>

#include "nn/ranges.h"

enum { PIECE = 256, VALUE_WORK = 16 }; /* values whose exponentials are taken at once; floats of work a value is worth */

typedef struct job {
    const vaei_kernels *k;
    vaei_level v; /* from the first row on */
    const float *dz;
    vaei_normal_slopes d;
} job;

static job job_of(const vaei_run *r, const vaei_level *v) {
    const int64_t at = r->row * v->size;
    job j = {.k = r->k, .v = *v};
    j.v.mean += at, j.v.logvar += at, j.v.prior_mean += at, j.v.prior_logvar += at;
    j.v.noise += at, j.v.kl += at, j.v.z += at;
    if (j.v.d_kl) j.v.d_kl += at;
    return j;
}

/* ratio = e^(a - c), narrow = e^-c of n values from number i on. */
static void exponentials(const job *j, int64_t i, int64_t n, float *ratio, float *narrow) {
    for (int64_t l = 0; l < n; l++) {
        ratio[l] = j->v.logvar[i + l] - j->v.prior_logvar[i + l];
        narrow[l] = -j->v.prior_logvar[i + l];
    }
    j->k->map[VAEI_MAP_EXP](n, 0, ratio, ratio);
    j->k->map[VAEI_MAP_EXP](n, 0, narrow, narrow);
}

static int64_t piece_of(int64_t i, int64_t end) {
    return end - i < PIECE ? end - i : PIECE;
}

static void rate_range(void *arg, int64_t begin, int64_t end) {
    const job *const j = arg;
    const vaei_level *const v = &j->v;
    float ratio[PIECE], narrow[PIECE];
    for (int64_t i = begin; i < end; i += PIECE) {
        const int64_t n = piece_of(i, end);
        exponentials(j, i, n, ratio, narrow);
        for (int64_t l = 0; l < n; l++) {
            const float apart = v->mean[i + l] - v->prior_mean[i + l];
            v->kl[i + l] = 0.5f * ((v->prior_logvar[i + l] - v->logvar[i + l]) - 1.0f + ratio[l] + apart * apart * narrow[l]);
        }
    }
}

static void rate_at_z_range(void *arg, int64_t begin, int64_t end) {
    const job *const j = arg;
    const vaei_level *const v = &j->v;
    float ratio[PIECE], narrow[PIECE];
    for (int64_t i = begin; i < end; i += PIECE) {
        const int64_t n = piece_of(i, end);
        exponentials(j, i, n, ratio, narrow);
        for (int64_t l = 0; l < n; l++) {
            const float apart = v->z[i + l] - v->prior_mean[i + l], e = v->noise[i + l];
            v->kl[i + l] = 0.5f * ((v->prior_logvar[i + l] - v->logvar[i + l]) - e * e + apart * apart * narrow[l]);
        }
    }
}

void vaei_normal_pair_rate(const vaei_run *r, const vaei_level *v) {
    job j = job_of(r, v);
    vaei_parallel_ranges(r->pool, r->n * v->size, VALUE_WORK, r->sampled_rates ? rate_at_z_range : rate_range, &j);
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

static void slope_range(void *arg, int64_t begin, int64_t end) {
    const job *const j = arg;
    const vaei_level *const v = &j->v;
    float ratio[PIECE], narrow[PIECE], sigma[PIECE];
    for (int64_t i = begin; i < end; i += PIECE) {
        const int64_t n = piece_of(i, end);
        exponentials(j, i, n, ratio, narrow);
        for (int64_t l = 0; l < n; l++) sigma[l] = 0.5f * v->logvar[i + l];
        j->k->map[VAEI_MAP_EXP](n, 0, sigma, sigma);
        for (int64_t l = 0; l < n; l++) {
            const float g = v->d_kl[i + l], h = j->dz[i + l], apart = v->mean[i + l] - v->prior_mean[i + l], pull = g * apart * narrow[l];
            j->d.mean[i + l] = pull + h;
            j->d.prior_mean[i + l] = -pull;
            j->d.logvar[i + l] = 0.5f * (g * (ratio[l] - 1.0f) + h * v->noise[i + l] * sigma[l]);
            j->d.prior_logvar[i + l] = 0.5f * g * (1.0f - ratio[l] - apart * apart * narrow[l]);
        }
    }
}

static void slope_at_z_range(void *arg, int64_t begin, int64_t end) {
    const job *const j = arg;
    const vaei_level *const v = &j->v;
    float ratio[PIECE], narrow[PIECE], sigma[PIECE];
    for (int64_t i = begin; i < end; i += PIECE) {
        const int64_t n = piece_of(i, end);
        exponentials(j, i, n, ratio, narrow);
        for (int64_t l = 0; l < n; l++) sigma[l] = 0.5f * v->logvar[i + l];
        j->k->map[VAEI_MAP_EXP](n, 0, sigma, sigma);
        for (int64_t l = 0; l < n; l++) {
            const float g = v->d_kl[i + l], apart = v->z[i + l] - v->prior_mean[i + l], pull = g * apart * narrow[l];
            const float slope = j->dz[i + l] + pull;
            j->d.mean[i + l] = slope;
            j->d.prior_mean[i + l] = -pull;
            j->d.logvar[i + l] = 0.5f * (slope * v->noise[i + l] * sigma[l] - g);
            j->d.prior_logvar[i + l] = 0.5f * g * (1.0f - apart * apart * narrow[l]);
        }
    }
}

void vaei_normal_pair_backward(const vaei_run *r, const vaei_level *v, const float *dz, const vaei_normal_slopes *d) {
    job j = job_of(r, v);
    j.dz = dz;
    j.d = *d;
    vaei_parallel_ranges(r->pool, r->n * v->size, VALUE_WORK, r->sampled_rates ? slope_at_z_range : slope_range, &j);
}
