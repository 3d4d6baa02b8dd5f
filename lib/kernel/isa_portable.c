/* SPDX-License-Identifier: MIT
 * isa_portable.c - the table that defines the bits: one lane, plain C. Every other table equals it bit for bit. */
#include "kernel/isa.h"

#include "kernel/simd_portable.h"

#define TILE_MR   6
#define TILE_NV   2
#define TILE_SUMS 12
#include "kernel/vec.tmpl.h"
#include "kernel/cell.tmpl.h"
#include "kernel/transpose.tmpl.h"
#include "kernel/tile.tmpl.h"
#include "kernel/winograd.tmpl.h"

const vaei_kernels vaei_kernels_portable = VAEI_KERNELS_TABLE("portable", 1, 0);
#ifdef VAEI_BLAS
const vaei_kernels vaei_kernels_portable_blas = VAEI_KERNELS_TABLE("portable", 1, 1);
#endif
