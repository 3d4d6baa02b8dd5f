/* SPDX-License-Identifier: MIT
 * file_system.c - keeps the hook by which tests replace system calls. The calls are in file_system_posix.c and
 * file_system_windows.c. */
#include "io/file_system.h"

#include "io/safetensors.h"

static VAEI_THREAD_LOCAL const vaei_system *test_system;

void vaei_file_set_system(const vaei_system *system) {
    test_system = system;
}

int vaei_fs_error_of_test(const char *call) {
    return test_system ? test_system->fails(test_system->user, call) : 0;
}
