/* SPDX-License-Identifier: MIT
 * select.c - chooses a kernel table: the one that the host asked for, or the last one of the list that this CPU supports. There is no
 * state: the tables are const, and the result is a pointer. In a build without a BLAS the second row is empty. */
#include "kernel/isa.h"

enum { ISA_ANY, ISA_PORTABLE, ISA_AVX2, ISA_AVX512, ISA_NEON, ISA_WASM128, ISA_COUNT };

/* The tables of this build by isa; those of the second row use cblas for their products. */
static const vaei_kernels *const tables[2][ISA_COUNT] = {
    {
        [ISA_PORTABLE] = &vaei_kernels_portable,
#ifdef VAEI_X86
        [ISA_AVX2] = &vaei_kernels_avx2,
        [ISA_AVX512] = &vaei_kernels_avx512,
#endif
#ifdef VAEI_NEON
        [ISA_NEON] = &vaei_kernels_neon,
#endif
#ifdef VAEI_WASM128
        [ISA_WASM128] = &vaei_kernels_wasm128,
#endif
    },
#ifdef VAEI_BLAS
    {
        [ISA_PORTABLE] = &vaei_kernels_portable_blas,
#ifdef VAEI_X86
        [ISA_AVX2] = &vaei_kernels_avx2_blas,
        [ISA_AVX512] = &vaei_kernels_avx512_blas,
#endif
#ifdef VAEI_NEON
        [ISA_NEON] = &vaei_kernels_neon_blas,
#endif
#ifdef VAEI_WASM128
        [ISA_WASM128] = &vaei_kernels_wasm128_blas,
#endif
    },
#endif
};

static int runs(vaei_cpu cpu, int32_t isa) {
    switch (isa) {
    case ISA_PORTABLE: return 1;
    case ISA_AVX2: return cpu.avx2_fma;
    case ISA_AVX512: return cpu.avx512;
    case ISA_NEON: return cpu.neon;
    case ISA_WASM128: return cpu.wasm128;
    default: return 0;
    }
}

const vaei_kernels *vaei_kernels_select(int32_t isa, int32_t blas) {
    const vaei_cpu cpu = vaei_cpu_detect();
    const vaei_kernels *const *const row = tables[blas != 0];
    if (isa != ISA_ANY) return runs(cpu, isa) ? row[isa] : NULL;
    for (isa = ISA_COUNT - 1; isa > ISA_PORTABLE; isa--) {
        if (row[isa] && runs(cpu, isa)) break;
    }
    return row[isa];
}
