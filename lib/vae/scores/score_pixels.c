/* SPDX-License-Identifier: MIT
 * score_pixels.c - the mean squared difference of an example and its reconstruction, which is the decoded mean of its posterior:
 *
 *     score = 1/S sum_s (x_s - y_s)^2
 *
 * The terms of the sum are the error map of the example. */
#include "vae/scores.h"

static void extract(const void *conf, const vaei_scored *e, float *feature) {
    double sum = 0;
    (void)conf;
    for (int64_t s = 0; s < e->S; s++) {
        const double d = (double)e->x[s] - (double)e->y[s];
        sum += d * d;
    }
    feature[0] = (float)(sum / (double)e->S);
}

const vaei_score_ops vaei_score_pixels = {
    .module = {.name = "pixels", .summary = "the mean squared error of the reconstruction", .examples = "pixels", .paper = ""},
    .reads = VAEI_SCORE_PICTURE,
    .extract = extract,
    .score = vaei_score_itself,
};
