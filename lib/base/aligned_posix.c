/* SPDX-License-Identifier: MIT
 * aligned_posix.c - implements aligned.h by posix_memalign. For large blocks it asks Linux for large pages, because with small pages a
 * pass over the activations of a batch waits for page tables. If Linux refuses, the block works with small pages. */
#define _DEFAULT_SOURCE /* declares madvise */
#define _POSIX_C_SOURCE 200809L
#include "base/aligned.h"

#include <stdlib.h>

#include "base/system.h"

#if VAEI_SYSTEM != VAEI_WINDOWS
#if defined(__linux__)
#include <sys/mman.h>
#endif

#define LARGE_PAGE ((size_t)1 << 21) /* the size of a large page of x86-64 and of most aarch64 systems */

void *vaei_aligned_alloc(size_t size, size_t align) {
    const size_t rounded = (size + align - 1) & ~(align - 1); /* The sum cannot wrap, because size <= PTRDIFF_MAX. */
    void *block;
#if defined(MADV_HUGEPAGE)
    if (size >= 4 * LARGE_PAGE && posix_memalign(&block, LARGE_PAGE, rounded) == 0) {
        (void)madvise(block, rounded, MADV_HUGEPAGE);
        return block;
    }
#endif
    return posix_memalign(&block, align, rounded) == 0 ? block : NULL;
}

void vaei_aligned_free(void *ptr) {
    free(ptr);
}
#endif
