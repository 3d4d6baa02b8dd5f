/* SPDX-License-Identifier: MIT
 * blas_core.c - compares the kernels that a BLAS has chosen with the CPU. OpenBLAS takes a processor that is newer than itself for
 * an older one; BLIS uses "generic" loops if it was built for another kind or does not know the processor. The speed of such
 * a BLAS does not show what the machine can do, so vae bench warns.
 *
 * vae_build_info() names OpenBLAS's core and the instruction sets of the CPU: "isa=portable,avx2,avx512 blas=openblas (Haswell)". If
 * this program contains BLIS, BLIS itself is asked. */
#include "blas_core.h"
#include "console.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { BELOW_AVX2, AVX2, AVX512 };

/* A function of BLIS; it is NULL if the program does not contain BLIS. */
#if defined(__ELF__)
extern int bli_arch_query_id(void) __attribute__((weak));
extern const char *bli_arch_string(int id) __attribute__((weak));
#else
static int (*const bli_arch_query_id)(void) = NULL;
static const char *(*const bli_arch_string)(int id) = NULL;
#endif

typedef struct core {
    const char *name;
    int level;
} core_t;

static const core_t openblas_cores[] = {
    {"Prescott", BELOW_AVX2},
    {"Nehalem", BELOW_AVX2},
    {"Sandybridge", BELOW_AVX2},
    {"Steamroller", BELOW_AVX2},
    {"Excavator", AVX2},
    {"Haswell", AVX2},
    {"Zen", AVX2},
    {NULL, 0},
};
static const core_t blis_cores[] = {
    {"generic", BELOW_AVX2},
    {"penryn", BELOW_AVX2},
    {"sandybridge", BELOW_AVX2},
    {"bulldozer", BELOW_AVX2},
    {"piledriver", BELOW_AVX2},
    {"steamroller", BELOW_AVX2},
    {"excavator", AVX2},
    {"haswell", AVX2},
    {"zen", AVX2},
    {"zen2", AVX2},
    {"zen3", AVX2},
    {NULL, 0},
};

/* The level of a core. A core that is not in the table has the highest level. */
static int level_of(const core_t *cores, const char *name) {
    for (; cores->name; cores++)
        if (strcmp(cores->name, name) == 0) return cores->level;
    return AVX512;
}

void blas_core_warn(void) {
    const char *const info = vae_build_info(), *const blas = strstr(info, " blas=");
    const int cpu = strstr(info, "avx512") ? AVX512 : strstr(info, "avx2") ? AVX2 : BELOW_AVX2;
    static const char *const has[] = {"kernels of its own", "avx2", "avx512"};
    char core[32] = "";
    bool below = false;
    const char *remedy = "OPENBLAS_CORETYPE";
    if (blas && sscanf(blas, " blas=openblas (%31[^)])", core) == 1) {
        below = level_of(openblas_cores, core) < cpu;
    } else if (bli_arch_query_id && bli_arch_string) {
        snprintf(core, sizeof core, "%s", bli_arch_string(bli_arch_query_id()));
        below = level_of(blis_cores, core) < cpu || strcmp(core, "generic") == 0;
        remedy = "BLIS_ARCH_TYPE";
    }
    if (!below) return;
    warn("the BLAS runs below this machine: it took it for \"%s\", though the CPU has %s; %s in the environment chooses "
         "another, if it is built in",
         core, has[cpu], remedy);
}
