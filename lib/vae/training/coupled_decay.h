/* SPDX-License-Identifier: MIT
 * coupled_decay.h - weight decay as a part of the gradient, g + decay w, for optimizers whose kernels take g as it is.
 * Worked out in runs that fit the stack and the cache; steps are elementwise, so the cut changes no bit. */
#ifndef VAEI_COUPLED_DECAY_H
#define VAEI_COUPLED_DECAY_H

#include "kernel/kernel.h"

#define VAEI_DECAY_RUN 1024

/* g itself if decay is 0, else buf filled with g + decay w. */
static inline const float *vaei_coupled_decay(const vaei_kernels *k, int64_t n, float decay, const float *g, const float *w,
                                              float buf[VAEI_DECAY_RUN]) {
    if (!(decay > 0)) return g;
    memcpy(buf, g, (size_t)n * sizeof *buf);
    k->axpy(n, decay, w, buf);
    return buf;
}

#endif
