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
 * theta is a, then t for the negative binomial distribution. a is clamped to [-12, 12], so that means are between 6e-6 and 163,000, and t
 * is clamped to [-6, 6]; outside of these bounds the derivatives are 0. If x is not a whole number, the formula is the same but is not a
 * distribution.
 *
 *     x ~ Poisson: p(mode), p(mode + 1), p(mode - 1), p(mode + 2) ... are subtracted from u, uniform in (0, 1), until u is below 0
 *     x ~ negative binomial: Poisson with the mean y e^(a - t), where y is drawn from the gamma distribution of shape r (gamma_draw.h) */
#ifndef VAEI_COUNTS_H
#define VAEI_COUNTS_H

#include "vae/likelihood.h"

enum { VAEI_POISSON, VAEI_NEGATIVE_BINOMIAL };
enum { VAEI_COUNTS = 128 }; /* the most values of a run */

/* The parameters of a run of values. */
typedef struct vaei_counts {
    int32_t distribution;
    int64_t n;
    float a[VAEI_COUNTS], mean[VAEI_COUNTS];          /* mean: e^a */
    float t[VAEI_COUNTS], shape[VAEI_COUNTS];         /* negative binomial: shape is r */
    float a_moves[VAEI_COUNTS], t_moves[VAEI_COUNTS]; /* 1, or 0 if the value is clamped */
} vaei_counts;

/* For plan: stores the distribution in p->state. */
void vaei_counts_keep(vaei_likelihood *p, int32_t distribution);
/* The number of parameters that the distribution has for each value. */
int32_t vaei_counts_numbers(int32_t distribution);
/* Reads the parameters of at most VAEI_COUNTS values from `first` on; the first parameter is number `number` of theta, and the
 * distribution is the one in p->state. */
void vaei_counts_read(const vaei_likelihood *p, const vaei_run *r, int32_t number, const float *theta, int64_t first, vaei_counts *c);
/* Computes out[n] = ln p(x) and its derivatives by a and t; d_t only for the negative binomial distribution. */
void vaei_counts_log_p(const vaei_counts *c, const vaei_run *r, const float *x, double *out);
void vaei_counts_slopes(const vaei_counts *c, const vaei_run *r, const float *x, float *d_a, float *d_t);
/* Draws x[n], the values from `first` on of the item. It uses the first of the numbers of vaei_draw_uniforms(). */
void vaei_counts_draw(const vaei_counts *c, const vaei_run *r, vaei_noise_key key, uint32_t item, int64_t first, float *x);

/* ---- functions of the likelihoods that have one of these distributions; `what` describes theta --------------------------- */

void vaei_counts_plan(vaei_likelihood *p, int32_t distribution, const char *what);
double vaei_counts_nll(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *x);
void vaei_counts_backward(const vaei_likelihood *p, const vaei_run *r, const void *facts, const float *theta, const float *x, float weight,
                          float *dtheta);
void vaei_counts_mean(const vaei_likelihood *p, const vaei_run *r, const float *theta, float *x);
void vaei_counts_mean_backward(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *dx, float *dtheta);
void vaei_counts_sample(const vaei_likelihood *p, const vaei_run *r, vaei_noise_key key, uint32_t item, const float *theta, float *x);

#endif
