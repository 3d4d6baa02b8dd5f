/* SPDX-License-Identifier: MIT
 * prior_standard.c - the default prior: N(0, I) for values, the uniform distribution for codes.
 *
 *     -log p(z) = 1/2 sum_d z_d^2 + D/2 ln 2 pi        -log p(codes) = n_codes ln K
 *
 * Each code of an item takes 32 random bits: floor(bits K / 2^32). */
#include "vae/prior.h"

#include <math.h>

#define LN_2PI 1.83787706640934548356

static void nll(const vaei_prior *p, const vaei_run *r, const vaei_slot *m, const vaei_points *at, double *out) {
    const vaei_latent *q = p->latent;
    const int64_t D = vaei_shape_size(&q->z);
    (void)m;
    for (int64_t i = 0; i < r->n; i++)
        out[i] = at->codes ? (double)q->n_codes * log((double)q->codebook_size)
                           : 0.5 * (r->k->sum_squares(D, at->z + i * D) + (double)D * LN_2PI);
}

static void draw_codes(const vaei_latent *q, vaei_noise_key key, uint32_t item, int32_t *codes) {
    const uint64_t K = (uint64_t)q->codebook_size;
    uint32_t bits[4];
    for (int64_t i = 0; i < q->n_codes; i++) {
        if (i % 4 == 0) vaei_philox(key, item, (uint32_t)(i / 4), 1, bits);
        codes[i] = (int32_t)(bits[i % 4] * K >> 32);
    }
}

static void sample(const vaei_prior *p, const vaei_run *r, const vaei_slot *m, uint64_t first, const vaei_points *out) {
    const vaei_latent *q = p->latent;
    const int64_t D = vaei_shape_size(&q->z);
    (void)m;
    for (int64_t i = 0; i < r->n; i++) {
        const uint64_t position = first + (uint64_t)i;
        const vaei_noise_key key = vaei_prior_key(r->noise.seed, position);
        if (out->codes) draw_codes(q, key, (uint32_t)position, out->codes + i * q->n_codes);
        else vaei_noise_normal(r->k, key, (uint32_t)position, D, out->z + i * D);
    }
}

const vaei_prior_ops vaei_prior_standard = {
    .module = {.name = "standard",
               .summary = "N(0, I) for values, the uniform distribution for codes: the default",
               .examples = "standard",
               .paper = ""},
    .flags = VAEI_PRIOR_OF_CODES | VAEI_PRIOR_OF_VALUES,
    .nll = nll,
    .sample = sample,
};
