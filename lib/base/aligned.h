/* SPDX-License-Identifier: MIT
 * aligned.h - allocates blocks of memory at a multiple of `align` by the calls of the system: aligned_posix.c, aligned_windows.c. */
#ifndef VAEI_ALIGNED_H
#define VAEI_ALIGNED_H

#include <stddef.h>

/* Requires that `align` is a power of two and at least the alignment of a pointer, and 1 <= size <= PTRDIFF_MAX. Returns NULL if there
 * is no memory. */
void *vaei_aligned_alloc(size_t size, size_t align);
void vaei_aligned_free(void *ptr);

#endif
