/* SPDX-License-Identifier: MIT
 * calibration.h - computes the p-value of a new score s, and thresholds, from the scores of n normal examples, sorted as
 * s_(1) <= ... <= s_(n).
 *
 *     p-value    p(s) = (1 + #{ i : s_i >= s }) / (n + 1)        P(p <= alpha) <= alpha for a normal example exchangeable with the n
 *
 *     thresholds: an example with a larger score is an anomaly, with a rate alpha of false alarms
 *     conformal  s_(k), k = ceil((n + 1)(1 - alpha)); infinite if k > n, because n examples are too few for alpha
 *     quantile   s_(k), k = ceil(n (1 - alpha)); slightly too many false alarms on average
 *     tail       u + sigma / xi ((alpha n / N)^-xi - 1): a generalised Pareto distribution of the N excesses over u, the largest tenth
 *
 * The tail may give a threshold above all n scores. Its parameters are estimated by probability-weighted moments: with e_(1) <= ... <=
 * e_(N) the excesses, b = mean of e, a = mean of (1 - (i - 0.35) / N) e_(i):  xi = 2 - b / (b - 2 a), sigma = 2 a b / (b - 2 a).
 * Vovk, Gammerman, Shafer 2005 (conformal); Hosking, Wallis 1987 (moments); Siffer et al. 2017 (peaks over a threshold). */
#ifndef VAEI_CALIBRATION_H
#define VAEI_CALIBRATION_H

#include "base/base.h"

enum { VAEI_THRESHOLD_CONFORMAL, VAEI_THRESHOLD_QUANTILE, VAEI_THRESHOLD_TAIL, VAEI_THRESHOLDS };

void vaei_calibration_sort(float *scores, int64_t n);

double vaei_calibration_p_value(const float *sorted, int64_t n, float score);

/* 0 < alpha < 1. VAE_E_ARG if the tail is requested and has fewer than 10 different excesses. */
vae_status_t vaei_calibration_threshold(const float *sorted, int64_t n, int32_t how, double alpha, double *threshold);

#endif
