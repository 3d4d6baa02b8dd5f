/* SPDX-License-Identifier: MIT
 * counts.h - distributions of counts 0, 1, 2, ..., for the likelihoods poisson, negative_binomial and zero_inflated.
 *
 *     Poisson             ln p(x) = x a - e^a - ln G(x + 1)                                  mean and variance e^a
 *     negative binomial   ln p(x) = ln G(x + r) - ln G(r) - ln G(x + 1) - r softplus(a - t) - x softplus(t - a),  r = e^t
 *                         mean m = e^a, variance m + m^2 / r: a Poisson distribution whose mean is gamma-distributed
 *
 *     Poisson             d ln p / d a = x - e^a
 *     negative binomial   d ln p / d a = x sigmoid(t - a) - r sigmoid(a - t)
 *                         d ln p / d t = r (digamma(x + r) - digamma(r) - softplus(a - t)) - d ln p / d a
 *
 * theta is a, then t where there is one: a counts within [-12, 12], so that means lie between 6e-6 and 163,000, t within [-6, 6]; outside
 * the derivatives are 0. For numbers x that are no counts it is the same formula, and no distribution.
 *
 *     x ~ Poisson: u uniform in (0, 1) is taken apart, p(mode), p(mode + 1), p(mode - 1), p(mode + 2) ..., until nothing of it is left
 *     x ~ negative binomial: Poisson of the mean y e^(a - t), y of the gamma distribution of shape r (gamma_draw.h) */
#ifndef VAEI_COUNTS_H
#define VAEI_COUNTS_H

#include "vae/likelihood.h"

enum { VAEI_POISSON, VAEI_NEGATIVE_BINOMIAL };
enum { VAEI_COUNTS = 128 }; /* values at once */

/* A run of values: what theta says of them. */
typedef struct vaei_counts {
    int32_t law;
    int64_t n;
    float a[VAEI_COUNTS], mean[VAEI_COUNTS];          /* mean: e^a */
    float t[VAEI_COUNTS], shape[VAEI_COUNTS];         /* negative binomial: shape is r */
    float a_moves[VAEI_COUNTS], t_moves[VAEI_COUNTS]; /* 1, or 0 where a bound holds it */
} vaei_counts;

/* In plan: keeps the law. */
void vaei_counts_keep(vaei_likelihood *p, int32_t law);
/* Numbers of theta that the law has for each value. */
int32_t vaei_counts_numbers(int32_t law);
/* Of the values from `first` on, VAEI_COUNTS at most: the numbers `number` and after it, by the law that plan has left in p->state. */
void vaei_counts_read(const vaei_likelihood *p, const vaei_run *r, int32_t number, const float *theta, int64_t first, vaei_counts *c);
/* out[n] = ln p(x); and its derivatives by a and t, d_t only where there is a t */
void vaei_counts_log_p(const vaei_counts *c, const vaei_run *r, const float *x, double *out);
void vaei_counts_slopes(const vaei_counts *c, const vaei_run *r, const float *x, float *d_a, float *d_t);
/* x[n] drawn, values `first` on of the item. It reads the first of the numbers of vaei_draw_uniforms(). */
void vaei_counts_draw(const vaei_counts *c, const vaei_run *r, vaei_noise_key key, uint32_t item, int64_t first, float *x);

/* ---- of likelihoods that are a law and nothing else: functions of their tables, and plan with what theta is ----------------- */

void vaei_counts_plan(vaei_likelihood *p, int32_t law, const char *what);
double vaei_counts_nll(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *x);
void vaei_counts_backward(const vaei_likelihood *p, const vaei_run *r, const void *facts, const float *theta, const float *x, float weight,
                          float *dtheta);
void vaei_counts_mean(const vaei_likelihood *p, const vaei_run *r, const float *theta, float *x);
void vaei_counts_mean_backward(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *dx, float *dtheta);
void vaei_counts_sample(const vaei_likelihood *p, const vaei_run *r, vaei_noise_key key, uint32_t item, const float *theta, float *x);

#endif
