/* SPDX-License-Identifier: MIT
 * isa_avx512.c - the table for x86 with AVX-512: 24 of 32 registers accumulate 12 x 32, 8 x 48 or 6 x 64 sums. */
#include "kernel/isa.h"
#ifdef VAEI_X86
#include "kernel/simd_avx512.h"

#define TILE_MR   12
#define TILE_NV   4
#define TILE_SUMS 24
#include "kernel/vec.tmpl.h"
#include "kernel/cell.tmpl.h"
#include "kernel/transpose.tmpl.h"
#include "kernel/tile.tmpl.h"
#include "kernel/winograd.tmpl.h"

const vaei_kernels vaei_kernels_avx512 = VAEI_KERNELS_TABLE("avx512", 3, 0);
#ifdef VAEI_BLAS
const vaei_kernels vaei_kernels_avx512_blas = VAEI_KERNELS_TABLE("avx512", 3, 1);
#endif
#endif
