/* SPDX-License-Identifier: MIT
 * debug.h - assertions, and red zones after every carved piece, for `make DEBUG=1`. A release build has neither.
 *
 *     |<- first ->|zone|<- second ->|zone| ...
 *
 * A zone is memory that no code may touch. AddressSanitizer, which is part of such a build, stops at the instruction that does: for example
 * a kernel with less workspace than it uses, or a layer that measured its sizes from other shapes than it uses. */
#ifndef VAEI_DEBUG_H
#define VAEI_DEBUG_H

#include <stddef.h>

#if VAEI_DEBUG
#include <assert.h>
#include <sanitizer/asan_interface.h>

#define VAEI_ZONE              128 /* bytes */
#define VAEI_ASSERT(condition) assert(condition)

/* All of this memory may be used: what a kernel asks of the workspace that it is given. */
#define VAEI_ASSERT_MEMORY(memory, bytes) VAEI_ASSERT(!__asan_region_is_poisoned(memory, bytes))

/* The piece may be used, the zone behind it may not. */
static inline void vaei_zone_behind(const void *piece, size_t bytes) {
    __asan_unpoison_memory_region(piece, bytes);
    __asan_poison_memory_region((const char *)piece + bytes, VAEI_ZONE);
}

/* Memory that is about to be cut anew, used whole, or given back. */
#define VAEI_ZONES_END(memory, bytes) __asan_unpoison_memory_region(memory, bytes)

#else
#define VAEI_ZONE                         0
#define VAEI_ASSERT(condition)            ((void)0)
#define VAEI_ASSERT_MEMORY(memory, bytes) ((void)0)
#define VAEI_ZONES_END(memory, bytes)     ((void)0)

static inline void vaei_zone_behind(const void *piece, size_t bytes) {
    (void)piece, (void)bytes;
}
#endif

#endif
