/* SPDX-License-Identifier: MIT
 * natural_log.h - ln x in double with IEEE operations only, so that the bits do not depend on the C library. x is a positive normal number.
 *
 *     x = 2^e m, m within [sqrt 1/2, sqrt 2)        ln x = e ln 2 + 2 (s + s^3/3 + s^5/5 + ...), s = (m - 1) / (m + 1)
 *
 * |s| < 0.1716, so the terms after s^21 are below 1e-18. For infinity and NaN the result is NaN; without this case their bits would give a
 * number. */
#ifndef VAEI_NATURAL_LOG_H
#define VAEI_NATURAL_LOG_H

#include "base/base.h"

VAEI_INLINE double vaei_natural_log(double x) {
    const uint64_t root_of_half = UINT64_C(0x3fe6a09e667f3bcd);
    const double ln2_high = 0x1.62e42fefa3800p-1, ln2_low = 0x1.ef35793c76730p-45; /* e ln2_high is exact */
    uint64_t bits;
    double m;
    memcpy(&bits, &x, sizeof bits);
    const int64_t e = (int64_t)((bits - root_of_half + (UINT64_C(1024) << 52)) >> 52) - 1024;
    bits -= (uint64_t)e << 52;
    memcpy(&m, &bits, sizeof m);
    const double s = (m - 1) / (m + 1), z = s * s;
    double sum = 0;
    for (int32_t k = 21; k >= 3; k -= 2) sum = (sum + 1.0 / k) * z;
    return (x - x) + ((double)e * ln2_high + ((double)e * ln2_low + 2 * (s + s * sum)));
}

#endif
