/* SPDX-License-Identifier: MIT
 * memory_checkpoint.c - few activations wait for backward: those between segments of the encoder's and of the decoder's layers, cut where
 * they take the least memory, and one segment's. The others are recomputed, which costs nearly a second forward pass and changes no
 * bit (nn/stack.h). Blocks in braces, as of residual, are not cut. A prior in training keeps its activations. */
#include "vae/optimizer.h"

const vaei_memory_ops vaei_memory_checkpoint = {
    .module = {.name = "checkpoint",
               .summary = "few activations wait for backward, which recomputes the others: the same bits in less memory",
               .examples = "checkpoint",
               .paper = "Chen et al. 2016 (arXiv:1604.06174)"},
    .recompute = 1,
};
