/* SPDX-License-Identifier: MIT
 * clip_none.c - does not change the gradients. */
#include "vae/optimizer.h"

double vaei_clip_nothing(const void *conf, double norm) {
    (void)conf;
    (void)norm;
    return 1;
}

const vaei_clip_ops vaei_clip_none = {
    .module = {.name = "none", .summary = "gradients are not changed", .examples = "none", .paper = ""},
    .factor = vaei_clip_nothing,
};
