/* SPDX-License-Identifier: MIT
 * float_env.h - saves the host's floating-point environment while the library computes.
 *
 * Game engines flush denormals to zero, others round upward or trap. Results that depend on it would also depend on which
 * thread ran a task: workers have the default environment, and so has every computing call. */
#ifndef VAEI_FLOAT_ENV_H
#define VAEI_FLOAT_ENV_H

#include <fenv.h>

#include "base/base.h"

VAEI_INLINE void vaei_float_env_enter(fenv_t *host) {
    (void)fegetenv(host);
    (void)fesetenv(FE_DFL_ENV);
}

VAEI_INLINE void vaei_float_env_leave(const fenv_t *host) {
    (void)fesetenv(host);
}

#endif
