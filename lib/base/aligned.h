/* SPDX-License-Identifier: MIT
 * aligned.h - blocks of memory at a multiple of `align`, as the system has them: aligned_posix.c, aligned_windows.c. */
#ifndef VAEI_ALIGNED_H
#define VAEI_ALIGNED_H

#include <stddef.h>

/* `align` is a power of two and at least that of a pointer, 1 <= size <= PTRDIFF_MAX; NULL if there is no memory. */
void *vaei_aligned_alloc(size_t size, size_t align);
void vaei_aligned_free(void *ptr);

#endif
