/* SPDX-License-Identifier: MIT
 * aligned_windows.c - implements aligned.h by the C library of Windows, whose free() does not take aligned blocks. */
#include "base/aligned.h"

#include "base/system.h"

#if VAEI_SYSTEM == VAEI_WINDOWS
#include <malloc.h>

void *vaei_aligned_alloc(size_t size, size_t align) {
    return _aligned_malloc(size, align);
}

void vaei_aligned_free(void *ptr) {
    _aligned_free(ptr);
}
#endif
