/* SPDX-License-Identifier: MIT
 * memory_keep.c - every activation that backward reads waits for it: the least work. */
#include "vae/optimizer.h"

const vaei_memory_ops vaei_memory_keep = {
    .module = {.name = "keep", .summary = "training keeps all activations until backward has read them", .examples = "keep", .paper = ""},
};
