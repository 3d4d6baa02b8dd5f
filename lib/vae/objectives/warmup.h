/* SPDX-License-Identifier: MIT
 * warmup.h - the warm-up at the start of every schedule: the factors are 1/warmup, 2/warmup, ... 1, and then 1. */
#ifndef VAEI_WARMUP_H
#define VAEI_WARMUP_H

#include "base/option.h"

#define VAEI_WARMUP_OPTION(conf) VAEI_OPTION_INT(conf, warmup, 0, 0, 1e12, "steps over which the learning rate rises to its full value")

static inline double vaei_warmup(int64_t warmup, int64_t t) {
    return t < warmup ? (double)(t + 1) / (double)warmup : 1;
}

#endif
