/* SPDX-License-Identifier: MIT
 * float_env.h - saves the host's floating-point environment while the library computes.
 *
 * Some game engines flush denormals to zero; other hosts round upward or trap. With the environment of the host, results would depend on
 * which thread ran a task, because workers have the default environment. So every call that computes has the default environment too. */
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
