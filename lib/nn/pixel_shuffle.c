/* SPDX-License-Identifier: MIT
 * pixel_shuffle.c - does the permutation of pixel_shuffle.h, one row of coarse pixels at a time. */
#include "nn/pixel_shuffle.h"

#include "nn/ranges.h"

typedef struct job {
    const vaei_shuffle *s;
    const float *from;
    float *to;
    int32_t to_fine;
} job;

static void rows(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const int64_t w = j->s->w, c = j->s->c, f = j->s->f;
    for (int64_t row = begin; row < end; row++) /* of all coarse rows of all examples */
        for (int64_t i = 0; i < f; i++)
            for (int64_t x = 0; x < w; x++)
                for (int64_t k = 0; k < f; k++) {
                    const int64_t fine = ((row * f + i) * w * f + x * f + k) * c, coarse = (row * w + x) * c * f * f + i * f + k;
                    for (int64_t z = 0; z < c; z++) {
                        if (j->to_fine) j->to[fine + z] = j->from[coarse + z * f * f];
                        else j->to[coarse + z * f * f] = j->from[fine + z];
                    }
                }
}

static void run(const vaei_shuffle *s, const vaei_run *r, const float *from, float *to, int32_t to_fine) {
    job j = {s, from, to, to_fine};
    vaei_parallel_ranges(r->pool, r->n * s->h, s->w * s->c * s->f * s->f, rows, &j);
}

void vaei_shuffle_to_fine(const vaei_shuffle *s, const vaei_run *r, const float *coarse, float *fine) {
    run(s, r, coarse, fine, 1);
}

void vaei_shuffle_to_coarse(const vaei_shuffle *s, const vaei_run *r, const float *fine, float *coarse) {
    run(s, r, fine, coarse, 0);
}
