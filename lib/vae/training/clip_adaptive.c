/* SPDX-License-Identifier: MIT
 * clip_adaptive.c - limits the norm of each unit's gradient to a multiple of the norm of the unit's weights.
 *
 *     g_i = g_i m_i / |g_i| if |g_i| > m_i, m_i = max max(|w_i|, floor)        i: the rows of a weight [out][...]; a vector is one row
 *
 * Brock et al. 2021 (arXiv:2102.06171) leave out the last layer; this clip leaves out no layer. */
#include <math.h>

#include "vae/optimizer.h"

typedef struct conf {
    float max, floor;
} conf;

static const vaei_option options[] = {
    {"max", VAEI_OPT_FLOAT, VAEI_OPT_OPEN_LO, offsetof(conf, max), 0.01, 0, 1e30, NULL,
     "largest norm of a unit's gradient, as a part of the norm of its weights"},
    {"floor", VAEI_OPT_FLOAT, VAEI_OPT_OPEN_LO, offsetof(conf, floor), 1e-3, 0, 1e30, NULL,
     "norm that smaller weights count as, so that weights of 0 may grow"},
    {0},
};

static void limit(const void *options_filled, const vaei_kernels *k, int64_t rows, int64_t columns, const float *w, float *g) {
    const conf *const c = options_filled;
    for (int64_t i = 0; i < rows; i++) {
        const double of_w = sqrt(k->sum_squares(columns, w + i * columns)), norm = sqrt(k->sum_squares(columns, g + i * columns));
        const double most = (double)c->max * fmax(of_w, (double)c->floor);
        if (norm > most) k->scale(columns, (float)(most / norm), g + i * columns);
    }
}

const vaei_clip_ops vaei_clip_adaptive = {
    .module = {.name = "adaptive",
               .summary = "the gradient of each unit is scaled down to a part of the norm of its weights",
               .examples = "adaptive\n"
                           "adaptive max=0.1 floor=0.01",
               .paper = "Brock et al. 2021 (arXiv:2102.06171)",
               .conf_size = sizeof(conf),
               .options = options},
    .factor = vaei_clip_nothing,
    .limit = limit,
};
