/* SPDX-License-Identifier: MIT
 * isa_neon.c - the table for AArch64: 24 of 32 registers accumulate a tile of 12 x 8. */
#include "kernel/isa.h"
#ifdef VAEI_NEON
#include "kernel/simd_neon.h"

#define TILE_MR   12
#define TILE_NV   2
#define TILE_SUMS 24
#include "kernel/vec.tmpl.h"
#include "kernel/cell.tmpl.h"
#include "kernel/transpose.tmpl.h"
#include "kernel/tile.tmpl.h"
#include "kernel/winograd.tmpl.h"

const vaei_kernels vaei_kernels_neon = VAEI_KERNELS_TABLE("neon", 4, 0);
#ifdef VAEI_BLAS
const vaei_kernels vaei_kernels_neon_blas = VAEI_KERNELS_TABLE("neon", 4, 1);
#endif
#endif
