/* SPDX-License-Identifier: MIT
 * isa_avx2.c - the table for x86 with AVX2 and FMA: 12 of 16 registers accumulate a tile of 6 x 16. */
#include "kernel/isa.h"
#ifdef VAEI_X86
#include "kernel/simd_avx2.h"

#define TILE_MR   6
#define TILE_NV   2
#define TILE_SUMS 12
#include "kernel/vec.tmpl.h"
#include "kernel/cell.tmpl.h"
#include "kernel/transpose.tmpl.h"
#include "kernel/tile.tmpl.h"
#include "kernel/winograd.tmpl.h"

const vaei_kernels vaei_kernels_avx2 = VAEI_KERNELS_TABLE("avx2", 2, 0);
#ifdef VAEI_BLAS
const vaei_kernels vaei_kernels_avx2_blas = VAEI_KERNELS_TABLE("avx2", 2, 1);
#endif
#endif
