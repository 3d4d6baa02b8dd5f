/* SPDX-License-Identifier: MIT
 * location_scale.c - the functions that densities with a location and a scale for each value share. */
#include "vae/likelihoods/location_scale.h"

void vaei_scaled_takes(vaei_likelihood *p, const char *what) {
    vaei_likelihood_takes(p, 2, what, -1, 1);
}

/* Computes e^(sign s) of a run of values, s in `log_scale`, and in `moves`, unless it is NULL, whether s changes with t. */
static void scales(const vaei_likelihood *p, const vaei_run *r, const float *theta, int64_t first, int64_t n, float sign, float *log_scale,
                   float *scale, float *moves) {
    const float most = VAEI_LOG_SCALE_MOST;
    vaei_likelihood_get(p, theta, 1, first, n, log_scale);
    for (int64_t i = 0; i < n; i++) {
        const float t = log_scale[i], s = t > most ? most : t < -most ? -most : t;
        if (moves) moves[i] = t > most || t < -most ? 0.0f : 1.0f;
        log_scale[i] = s;
        scale[i] = sign * s;
    }
    r->k->map[VAEI_MAP_EXP](n, 0, scale, scale);
}

/* u of a run of values, and the numbers from which it is computed. */
typedef struct run_of_values {
    double u[VAEI_VALUES];
    float log_scale[VAEI_VALUES], inverse[VAEI_VALUES], moves[VAEI_VALUES];
} run_of_values;

static void read_values(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *x, int64_t first, int64_t n,
                        run_of_values *v) {
    float location[VAEI_VALUES];
    vaei_likelihood_get(p, theta, 0, first, n, location);
    scales(p, r, theta, first, n, -1, v->log_scale, v->inverse, v->moves);
    for (int64_t i = 0; i < n; i++) v->u[i] = ((double)x[first + i] - (double)location[i]) * (double)v->inverse[i];
}

double vaei_scaled_errors(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *x, int64_t first, int64_t n,
                          double *u) {
    run_of_values v;
    double sum = 0;
    read_values(p, r, theta, x, first, n, &v);
    for (int64_t i = 0; i < n; i++) sum += (double)v.log_scale[i];
    memcpy(u, v.u, (size_t)n * sizeof(*u));
    return sum;
}

void vaei_scaled_backward(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *x, float weight, float *dtheta,
                          void (*slope)(const vaei_likelihood *p, int64_t n, const double *u, double *df)) {
    const double w = (double)weight;
    run_of_values v;
    double df[VAEI_VALUES];
    float d_location[VAEI_VALUES], d_log_scale[VAEI_VALUES];
    for (int64_t at = 0; at < p->size; at += VAEI_VALUES) {
        const int64_t n = p->size - at < VAEI_VALUES ? p->size - at : VAEI_VALUES;
        read_values(p, r, theta, x, at, n, &v);
        slope(p, n, v.u, df);
        for (int64_t i = 0; i < n; i++) {
            d_location[i] = vaei_flushed((float)(-w * df[i] * (double)v.inverse[i]));
            d_log_scale[i] = vaei_flushed((float)(w * (1 - v.u[i] * df[i]) * (double)v.moves[i]));
        }
        vaei_likelihood_put(p, dtheta, 0, at, n, d_location);
        vaei_likelihood_put(p, dtheta, 1, at, n, d_log_scale);
    }
}

void vaei_scaled_x_backward(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *x, float weight, float *dx,
                            void (*slope)(const vaei_likelihood *p, int64_t n, const double *u, double *df)) {
    run_of_values v;
    double df[VAEI_VALUES];
    for (int64_t at = 0; at < p->size; at += VAEI_VALUES) {
        const int64_t n = p->size - at < VAEI_VALUES ? p->size - at : VAEI_VALUES;
        read_values(p, r, theta, x, at, n, &v);
        slope(p, n, v.u, df);
        for (int64_t i = 0; i < n; i++) dx[at + i] = vaei_flushed((float)((double)weight * df[i] * (double)v.inverse[i]));
    }
}

void vaei_scaled_location(const vaei_likelihood *p, const vaei_run *r, const float *theta, float *x) {
    (void)r;
    vaei_likelihood_get(p, theta, 0, 0, p->size, x);
}

void vaei_scaled_location_backward(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *dx, float *dtheta) {
    (void)r, (void)theta;
    vaei_likelihood_add(p, dtheta, 0, 0, p->size, dx);
}

void vaei_scaled_place(const vaei_likelihood *p, const vaei_run *r, const float *theta, int64_t first, int64_t n, float *x) {
    float log_scale[VAEI_VALUES], scale[VAEI_VALUES], location[VAEI_VALUES];
    vaei_likelihood_get(p, theta, 0, first, n, location);
    scales(p, r, theta, first, n, 1, log_scale, scale, NULL);
    for (int64_t i = 0; i < n; i++) x[i] = location[i] + scale[i] * x[i];
}
