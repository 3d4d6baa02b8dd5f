/* SPDX-License-Identifier: MIT
 * location_scale.h - likelihoods whose theta is, for each value, a location m and the logarithm t of a scale:
 *
 *     nll = sum f(u) + s        u = (x - m) e^-s, s = t within [-6, 6]
 *     d / dm = -f'(u) e^-s      d / dt = 1 - u f'(u), 0 outside of [-6, 6]        x ~ m + e^s u, u ~ e^-f
 *
 * So a scale is between 0.0025 and 403; a learned scale of gaussian has the same lower bound. A density supplies f and f'. */
#ifndef VAEI_LOCATION_SCALE_H
#define VAEI_LOCATION_SCALE_H

#include "vae/likelihood.h"

#define VAEI_LOG_SCALE_MOST 6

/* For plan; `what` is as in vaei_likelihood_takes. It refuses a decoder whose logarithms are never below 0 or never above 0. */
void vaei_scaled_takes(vaei_likelihood *p, const char *what);

/* Computes u of the n values from `first` on, at most VAEI_VALUES; returns the sum of s. */
double vaei_scaled_errors(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *x, int64_t first, int64_t n,
                          double *u);
/* Computes dtheta of one example; slope writes f'(u). */
void vaei_scaled_backward(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *x, float weight, float *dtheta,
                          void (*slope)(const vaei_likelihood *p, int64_t n, const double *u, double *df));
/* Computes dx of one example, weight f'(u) e^-s. */
void vaei_scaled_x_backward(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *x, float weight, float *dx,
                            void (*slope)(const vaei_likelihood *p, int64_t n, const double *u, double *df));
/* x = m, for the mean and its derivative; also if theta is m alone. */
void vaei_scaled_location(const vaei_likelihood *p, const vaei_run *r, const float *theta, float *x);
void vaei_scaled_location_backward(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *dx, float *dtheta);
/* x = m + e^s x, for the n values from `first` on: x[n] */
void vaei_scaled_place(const vaei_likelihood *p, const vaei_run *r, const float *theta, int64_t first, int64_t n, float *x);

#endif
