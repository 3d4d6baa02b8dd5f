/* SPDX-License-Identifier: MIT
 * debug.h - assertions, and red zones after every carved piece, for `make DEBUG=1`. A release build has neither.
 *
 *     |<- first ->|zone|<- second ->|zone| ...
 *
 * A zone is memory that no code may touch. Such a build contains AddressSanitizer, which stops the program at an instruction that touches a
 * zone: for example in a kernel that uses more workspace than it asked for, or in a layer that measured its sizes from other shapes. */
#ifndef VAEI_DEBUG_H
#define VAEI_DEBUG_H

#include <stddef.h>

#if VAEI_DEBUG
#include <assert.h>
#include <sanitizer/asan_interface.h>

#define VAEI_ZONE              128 /* bytes */
#define VAEI_ASSERT(condition) assert(condition)

/* States that all of this memory may be used. A kernel states it of the workspace that it receives. */
#define VAEI_ASSERT_MEMORY(memory, bytes) VAEI_ASSERT(!__asan_region_is_poisoned(memory, bytes))

/* Marks the piece as usable and the zone behind it as forbidden. */
static inline void vaei_zone_behind(const void *piece, size_t bytes) {
    __asan_unpoison_memory_region(piece, bytes);
    __asan_poison_memory_region((const char *)piece + bytes, VAEI_ZONE);
}

/* Makes all of this memory usable: it will be divided again, used as a whole, or freed. */
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
