/* SPDX-License-Identifier: MIT
 * score_common.c - the functions that several scores share (scores.h). */
#include "vae/scores.h"

float vaei_score_itself(const void *conf, int64_t F, const float *statistics, const float *feature) {
    (void)conf, (void)F, (void)statistics;
    return feature[0];
}

int64_t vaei_score_samples_of(const void *conf) {
    return ((const vaei_score_samples *)conf)->samples;
}
