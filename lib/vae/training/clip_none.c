/* SPDX-License-Identifier: MIT
 * clip_none.c - does not change the gradients. */
#include "vae/optimizer.h"

static double factor(const void *conf, double norm) {
    (void)conf;
    (void)norm;
    return 1;
}

const vaei_clip_ops vaei_clip_none = {
    .module = {.name = "none", .summary = "gradients are not changed", .examples = "none", .paper = ""},
    .factor = factor,
};
