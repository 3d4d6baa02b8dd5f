/* SPDX-License-Identifier: MIT
 * memory_keep.c - training keeps every activation until backward has read it, which takes the least time. */
#include "vae/optimizer.h"

const vaei_memory_ops vaei_memory_keep = {
    .module = {.name = "keep", .summary = "training keeps all activations until backward has read them", .examples = "keep", .paper = ""},
};
