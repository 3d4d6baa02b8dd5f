/* SPDX-License-Identifier: MIT
 * cpu.c - the instruction sets of the processor.
 *
 *   An instruction set is usable when the processor has it (CPUID) and the system saves its registers on a context
 *   switch (XGETBV). The code asks directly, because the compiler's own detection keeps a global that a constructor fills.
 *
 *       AVX2 + FMA   leaf 1 ECX: FMA 12, OSXSAVE 27, AVX 28; leaf 7 EBX: AVX2 5; XCR0 bits 1, 2
 *       AVX-512      leaf 7 EBX: F 16, DQ 17, BW 30, VL 31; XCR0 bits 5, 6, 7 as well
 *       NEON         part of AArch64
 *       WASM128      a WebAssembly module with vectors is refused as a whole where there are none, so what it was built for is there */
#include "base/base.h"

#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
#include <cpuid.h>

#define BITS(value, mask) (((value) & (mask)) == (mask))
#define LEAF1_AVX_FMA     (1u << 12 | 1u << 27 | 1u << 28)
#define LEAF7_AVX2        (1u << 5)
#define LEAF7_AVX512      (1u << 16 | 1u << 17 | 1u << 30 | 1u << 31)
#define XCR0_AVX          0x06u
#define XCR0_AVX512       0xE6u

static uint32_t saved_registers(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

vaei_cpu vaei_cpu_detect(void) {
    vaei_cpu cpu = {0, 0, 0, 0};
    uint32_t a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !BITS(c, LEAF1_AVX_FMA)) return cpu;
    const uint32_t saved = saved_registers();
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return cpu;
    cpu.avx2_fma = BITS(b, LEAF7_AVX2) && BITS(saved, XCR0_AVX);
    cpu.avx512 = cpu.avx2_fma && BITS(b, LEAF7_AVX512) && BITS(saved, XCR0_AVX512);
    return cpu;
}

#else

vaei_cpu vaei_cpu_detect(void) {
    vaei_cpu cpu = {0, 0, 0, 0};
#if defined(__aarch64__)
    cpu.neon = 1;
#elif defined(__wasm_simd128__)
    cpu.wasm128 = 1;
#endif
    return cpu;
}

#endif
