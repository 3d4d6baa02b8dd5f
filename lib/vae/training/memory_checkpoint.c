/* SPDX-License-Identifier: MIT
 * memory_checkpoint.c - backward recomputes activations, segment by segment (gradient checkpointing). Training keeps the activations
 * that pass from one segment of layers to the next, and those of one segment at a time. The ends of segments, which may be inside of
 * braces, are chosen so that the total memory is smallest (nn/plan.h). Recomputing costs nearly a second forward pass and changes no bit. A
 * prior in training keeps its activations. */
#include "vae/optimizer.h"

const vaei_memory_ops vaei_memory_checkpoint = {
    .module = {.name = "checkpoint",
               .summary = "backward recomputes most activations: the same bits in less memory, and more time",
               .examples = "checkpoint",
               .paper = "Chen et al. 2016 (arXiv:1604.06174)"},
    .recompute = 1,
};
