/* SPDX-License-Identifier: MIT
 * log_gamma.h - ln G(x) and its derivative, digamma, in double with IEEE operations only, so that the bits do not depend on the C
 * library. x is a positive normal number up to 1e15.
 *
 *     from x = 10 on     ln G(x) = (x - 1/2) ln x - x + ln(2 pi)/2 + 1/(12 x) - 1/(360 x^3) + ...      Stirling, 8 terms
 *                        digamma(x) = ln x - 1/(2 x) - 1/(12 x^2) + 1/(120 x^4) - ...                  7 terms
 *     below              ln G(x) = ln G(x + n) - ln(x (x + 1) ... (x + n - 1))
 *                        digamma(x) = digamma(x + n) - 1/x - 1/(x + 1) - ... - 1/(x + n - 1)
 *
 * Beside mpmath with 50 digits, on 4,000 points from 1e-3 to 1e6 at equal ratios, the error is below 7e-15 (1 + |value|) for ln G(x) and
 * below 1e-15 (1 + |value|) for digamma. The first terms that are left out are below 1e-16. */
#ifndef VAEI_LOG_GAMMA_H
#define VAEI_LOG_GAMMA_H

#include "vae/likelihoods/natural_log.h"

double vaei_log_gamma(double x);
double vaei_digamma(double x);

#endif
