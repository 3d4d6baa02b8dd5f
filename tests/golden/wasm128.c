/* SPDX-License-Identifier: MIT
 * wasm128.c - the fused multiply-adds of simd_wasm128.h give the bits of fused.h, whatever the lane and its neighbours are. Prints the
 * first triple that does not, and exits with 1.
 *
 *     wasm128 [triples]    of each width, a million */
#include <stdio.h>
#include <stdlib.h>

#include "kernel/simd_wasm128.h"
#include "triples.h"

static int differs(const void *got, const void *wanted, size_t size, int both_nan, double a, double b, double c) {
    if (both_nan || memcmp(got, wanted, size) == 0) return 0;
    printf("%a * %a + %a differs\n", a, b, c);
    return 1;
}

/* Four triples side by side */
static int compare_floats(float x[3][4]) {
    float got[2][4];
    v_store(got[0], v_fma(v_load(x[0]), v_load(x[1]), v_load(x[2])));
    v_store(got[1], v_fnma(v_load(x[0]), v_load(x[1]), v_load(x[2])));
    for (int l = 0; l < 8; l++) {
        const float a = l < 4 ? x[0][l] : -x[0][l - 4], b = x[1][l % 4], c = x[2][l % 4], wanted = vaei_fused_float(a, b, c);
        if (differs(&got[l / 4][l % 4], &wanted, sizeof wanted, isnan(got[l / 4][l % 4]) && isnan(wanted), (double)a, (double)b, (double)c))
            return 1;
    }
    return 0;
}

static int compare_doubles(double x[3][4]) {
    double got[4];
    v_wide_store(got, v_wide_fma(v_wide_load(x[0]), v_wide_load(x[1]), v_wide_load(x[2])));
    for (int l = 0; l < 4; l++) {
        const double wanted = vaei_fused_double(x[0][l], x[1][l], x[2][l]);
        if (differs(&got[l], &wanted, sizeof wanted, isnan(got[l]) && isnan(wanted), x[0][l], x[1][l], x[2][l])) return 1;
    }
    return 0;
}

int main(int argc, char **argv) {
    const long triples = argc > 1 ? atol(argv[1]) : 1000000;
    float x[3][4];
    double w[3][4];
    state = 3;
    for (long n = 0; n < triples + SPECIALS * SPECIALS * SPECIALS; n++) {
        const int lane = (int)(n % 4), kind = between(0, KINDS + 1), i = (int)(n % (SPECIALS * SPECIALS * SPECIALS));
        double f[3], d[3];
        triple(kind % KINDS, 24, -126, 127, &f[0], &f[1], &f[2]);
        triple(kind % KINDS, kind < KINDS ? 53 : 24, kind < KINDS ? -1022 : -126, kind < KINDS ? 1023 : 127, &d[0], &d[1], &d[2]);
        for (int k = 0, place = 1; k < 3; k++, place *= SPECIALS) {
            const double special = specials[i / place % SPECIALS];
            x[k][lane] = n >= triples ? (float)special : kind == KINDS ? float_of((uint32_t)draw()) : float_near((float)f[k]);
            /* widened floats, whose product is exact, are those of the kernels */
            w[k][lane] = n >= triples    ? special
                         : kind == KINDS ? double_of(draw())
                         : kind < KINDS  ? double_near(d[k])
                                         : (double)(float)d[k];
        }
        if (lane == 3 && (compare_floats(x) || compare_doubles(w))) return 1;
    }
    printf("%ld triples are equal\n", triples);
    return 0;
}
