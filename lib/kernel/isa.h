/* SPDX-License-Identifier: MIT
 * isa.h - the tables this build may hold; select.c chooses among them. The _blas ones differ in the field `blas` alone. */
#ifndef VAEI_ISA_H
#define VAEI_ISA_H

#include "kernel/kernel.h"

#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
#define VAEI_X86 1
#elif defined(__GNUC__) && defined(__aarch64__) && !defined(__AARCH64EB__)
#define VAEI_NEON 1
#endif

extern const vaei_kernels vaei_kernels_portable, vaei_kernels_avx2, vaei_kernels_avx512, vaei_kernels_neon;
extern const vaei_kernels vaei_kernels_portable_blas, vaei_kernels_avx2_blas, vaei_kernels_avx512_blas, vaei_kernels_neon_blas;

#endif
