/* SPDX-License-Identifier: MIT
 * peak.c - measures the peak speed of fused multiply-adds: enough independent chains to hide the latency, all in registers
 * and without memory. The widest vectors are not always the fastest, so every width that this machine has is measured. The
 * fastest of many short measurements counts, because other work can only make one slower. */
#include "peak.h"
#include "progress.h"

#include <stdint.h>

enum { TURNS = 1 << 19, STRETCHES = 12 };

/* The number of chains is latency times units, 8 to 16, and not more than the registers. */
#define TWELVE(f) f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11)

/* c = c / 2 + 1 tends to 2, without overflow or denormals. Each chain has its own start, because otherwise the compiler would compute
 * only one. */
#define CHAIN_START(i) chain##i = SET(3.0f + i),
#define CHAIN_STEP(i)  chain##i = FMA(chain##i, half, one);
#define CHAIN_SUM(i)   sum += FIRST(chain##i);
#define CHAINS(vector)                                         \
    const vector half = SET(0.5f), one = SET(1.0f);            \
    vector TWELVE(CHAIN_START) last = one;                     \
    for (int64_t i = 0; i < TURNS; i++) { TWELVE(CHAIN_STEP) } \
    float sum = FIRST(last);                                   \
    TWELVE(CHAIN_SUM)                                          \
    return sum;

typedef float (*stretch)(void);

#if defined(__x86_64__)
#include <immintrin.h>

#define SET   _mm256_set1_ps
#define FMA   _mm256_fmadd_ps
#define FIRST _mm256_cvtss_f32
__attribute__((target("avx2,fma"))) static float stretch_avx2(void) {
    CHAINS(__m256)
}
#undef SET
#undef FMA
#undef FIRST

#define SET   _mm512_set1_ps
#define FMA   _mm512_fmadd_ps
#define FIRST _mm512_cvtss_f32
__attribute__((target("avx512f"))) static float stretch_avx512(void) {
    CHAINS(__m512)
}

#elif defined(__aarch64__)
#include <arm_neon.h>

#define SET          vdupq_n_f32
#define FMA(c, a, b) vfmaq_f32(b, c, a)
#define FIRST(c)     vgetq_lane_f32(c, 0)
static float stretch_neon(void) {
    CHAINS(float32x4_t)
}
#endif

static double fastest(stretch run, int lanes) {
    volatile float kept;
    double best = 0.0;
    for (int i = 0; i < STRETCHES; i++) {
        const double start = now_seconds();
        kept = run();
        const double rate = 2.0 * 12.0 * TURNS * lanes / (now_seconds() - start) * 1e-9;
        if (rate > best) best = rate;
    }
    (void)kept;
    return best;
}

double peak_gflops(void) {
    double best = 0.0;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) best = fastest(stretch_avx2, 8);
    if (__builtin_cpu_supports("avx512f")) {
        const double wide = fastest(stretch_avx512, 16);
        if (wide > best) best = wide;
    }
#elif defined(__aarch64__)
    best = fastest(stretch_neon, 4);
#else
    (void)fastest;
#endif
    return best;
}
