/* SPDX-License-Identifier: MIT
 * normal_mixture.h - K diagonal Gaussians of equal weight, for priors that consist of posteriors.
 *
 *     p(z) = 1/K sum_k N(z; m_k, v_k)        v = e^logvar        r_ik = N(z_i; m_k, v_k) / sum_j N(z_i; m_j, v_j)
 *
 *     nll_i = -log p(z_i) = ln K + D/2 ln 2 pi - log sum_k exp(-1/2 sum_d (logvar_kd + (z_id - m_kd)^2 / v_kd))
 *
 *     d nll_i / d z_id      =   r_ik (z_id - m_kd) / v_kd, summed over k
 *     d nll_i / d m_kd      = - r_ik (z_id - m_kd) / v_kd
 *     d nll_i / d logvar_kd =   r_ik (1 - (z_id - m_kd)^2 / v_kd) / 2
 *
 * All sums are in double, over k and over examples in ascending order, so results do not depend on threads or on the split of a batch. */
#ifndef VAEI_NORMAL_MIXTURE_H
#define VAEI_NORMAL_MIXTURE_H

#include "vae/latent.h"

typedef struct vaei_mixture {
    int64_t K, D;
    float *mean, *logvar; /* [K][D] */
    double *precision;    /* [K][D] 1 / v */
    double *scale;        /* [K] -1/2 sum_d logvar */
} vaei_mixture;

vaei_mixture vaei_mixture_carve(int64_t K, int64_t D, vaei_carve *c);
/* Sets the components first .. first + n - 1; eps >= 0 is added to their variances. */
void vaei_mixture_set(const vaei_mixture *m, int64_t first, int64_t n, const float *mean, const float *logvar, double eps);

/* Uses the first `used` components, 1 or more; share[n][K] receives r_ik. */
void vaei_mixture_nll(const vaei_mixture *m, const vaei_run *r, int64_t used, const float *z, double *share, double *nll);
/* Runs after vaei_mixture_nll of all components: dz[n][D] += weight_i d nll_i, and writes dmean[K][D], dlogvar[K][D]. */
void vaei_mixture_backward(const vaei_mixture *m, const vaei_run *r, const float *z, const double *share, const float *weight, float *dz,
                           float *dmean, float *dlogvar);
/* Draws z[n][D] for the items first, first + 1, ... of the stream of r->noise.seed: one of the first `used` components, then a value
 * from it. */
void vaei_mixture_sample(const vaei_mixture *m, const vaei_run *r, int64_t used, uint64_t first, float *z);

#endif
