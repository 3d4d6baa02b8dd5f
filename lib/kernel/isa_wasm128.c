/* SPDX-License-Identifier: MIT
 * isa_wasm128.c - the table for WebAssembly with 128-bit vectors: a tile of 6 x 8. The loop around the multiply-adds is not
 * unrolled: each is two dozen instructions, so the loop's own steps do not count, and a page has to load the code. */
#include "kernel/isa.h"
#ifdef VAEI_WASM128
#include "kernel/simd_wasm128.h"

#define TILE_MR   6
#define TILE_NV   2
#define TILE_SUMS 12
#define TILE_LOOP _Pragma("clang loop unroll(disable)")
#include "kernel/vec.tmpl.h"
#include "kernel/cell.tmpl.h"
#include "kernel/transpose.tmpl.h"
#include "kernel/tile.tmpl.h"
#include "kernel/winograd.tmpl.h"

const vaei_kernels vaei_kernels_wasm128 = VAEI_KERNELS_TABLE("wasm128", 5, 0);
#ifdef VAEI_BLAS
const vaei_kernels vaei_kernels_wasm128_blas = VAEI_KERNELS_TABLE("wasm128", 5, 1);
#endif
#endif
