/* SPDX-License-Identifier: MIT
 * normal_pair.h - the rate of a normal posterior q = N(m, e^a) against a normal prior p = N(b, e^c), value by value.
 *
 *     kl = KL(q || p) = (c - a - 1 + e^(a - c) + (m - b)^2 e^-c) / 2
 *     log p(z) - log q(z) = (a - c + e^2 - (z - b)^2 e^-c) / 2                      z = m + e^(a / 2) e, e the noise
 *
 * If the run asks for rates at the z drawn, kl is minus the second line. Backward, with g the derivative of the loss by kl and h that by z:
 *
 *     dm = g (m - b) e^-c + h         da = (g (e^(a - c) - 1) + h e e^(a / 2)) / 2
 *     db = -g (m - b) e^-c            dc = g (1 - e^(a - c) - (m - b)^2 e^-c) / 2
 *
 * and for rates at z, with u = h + g (z - b) e^-c,
 *
 *     dm = u                          da = (u e e^(a / 2) - g) / 2
 *     db = -g (z - b) e^-c            dc = g (1 - (z - b)^2 e^-c) / 2 */
#ifndef VAEI_NORMAL_PAIR_H
#define VAEI_NORMAL_PAIR_H

#include "vae/latent.h"

/* Computes v->kl from the four arrays of v for the r->n examples from row r->row on. */
void vaei_normal_pair_rate(const vaei_run *r, const vaei_level *v);

/* log_ratio[n] += log p(z) - log q(z) of examples 0 .. n - 1, whose z were drawn with v->noise. */
void vaei_normal_pair_log_ratio(const vaei_level *v, int64_t n, double *log_ratio);

/* The derivatives by m, a, b and c: [r->n][D]. */
typedef struct vaei_normal_slopes {
    float *mean, *logvar, *prior_mean, *prior_logvar;
} vaei_normal_slopes;

/* Computes the derivatives from v->d_kl and dz[r->n][D]. */
void vaei_normal_pair_backward(const vaei_run *r, const vaei_level *v, const float *dz, const vaei_normal_slopes *d);

#endif
