/* SPDX-License-Identifier: MIT
 * isa.h - the tables that a build may contain; select.c chooses one of them. The _blas tables differ only in the field `blas`.
 *
 * isa_*.c include this file first because of its pragma: if the flags allow contraction, gcc fuses the product of one
 * intrinsic with the sum of another, and the tables would no longer be equal. Clang never fuses across calls. */
#ifndef VAEI_ISA_H
#define VAEI_ISA_H

#include "kernel/kernel.h"

#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
#define VAEI_X86 1
#elif defined(__GNUC__) && defined(__aarch64__) && !defined(__AARCH64EB__)
#define VAEI_NEON 1
#elif defined(__wasm_simd128__)
#define VAEI_WASM128 1
#endif

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("fp-contract=off")
#endif

extern const vaei_kernels vaei_kernels_portable, vaei_kernels_avx2, vaei_kernels_avx512, vaei_kernels_neon, vaei_kernels_wasm128;
extern const vaei_kernels vaei_kernels_portable_blas, vaei_kernels_avx2_blas, vaei_kernels_avx512_blas, vaei_kernels_neon_blas,
    vaei_kernels_wasm128_blas;

#endif
