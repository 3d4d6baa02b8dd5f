/* SPDX-License-Identifier: MIT
 * guarded.h - memory for kernel tests: floats that end at a guard page, random contents, every table of this CPU.
 *
 * Include it first: mmap's anonymous pages need _DEFAULT_SOURCE. */
#ifndef GUARDED_H
#define GUARDED_H

#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif
#include <check.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "each.h"
#include "kernel/kernel.h"

typedef struct guarded {
    float *at;
    int64_t count;
    void *map;
    size_t bytes;
} guarded;

/* Pages for `bytes` bytes that end at a page nobody may touch. */
static inline size_t guarded_pages(size_t bytes) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (bytes / page + 2) * page;
}

static inline void *guarded_map(size_t bytes) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), mapped = guarded_pages(bytes);
    char *map = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(map, MAP_FAILED);
    ck_assert_int_eq(mprotect(map + mapped - page, page, PROT_NONE), 0);
    return map;
}

/* `count` floats; the next byte faults. */
static inline guarded guarded_floats(int64_t count) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), size = (size_t)count * sizeof(float);
    guarded g = {NULL, count, guarded_map(size), guarded_pages(size)};
    g.at = (float *)(void *)((char *)g.map + g.bytes - page - size);
    return g;
}

static inline void guarded_free(guarded *g) {
    VAEI_ZONES_END(g->map, g->bytes);
    munmap(g->map, g->bytes);
}

/* ---- blocks with a guard ---------------------------------------------------------------------------------------- */

static inline size_t block_front(size_t bytes) {
    return guarded_pages(bytes) - (size_t)sysconf(_SC_PAGESIZE) - bytes;
}

/* Aligned as a carve would have it if its size is that of a carve. */
static inline void *block_make(size_t bytes) {
    unsigned char *map = guarded_map(bytes);
    memset(map, 0xA5, block_front(bytes));
    return memset(map + block_front(bytes), 0xFF, bytes); /* NaN to whoever reads it before writing */
}

static inline void block_check(const void *p, size_t bytes) {
    const size_t front = block_front(bytes);
    const unsigned char *map = (const unsigned char *)p - front;
    for (size_t i = 0; i < front; i++)
        if (map[i] != 0xA5) ck_abort_msg("byte %zu before a block of %zu was written", front - i, bytes);
}

static inline void block_free(void *p, size_t bytes) {
    block_check(p, bytes);
    VAEI_ZONES_END((char *)p - block_front(bytes), guarded_pages(bytes));
    munmap((char *)p - block_front(bytes), guarded_pages(bytes));
}

/* xorshift: [-1, 1) and integers */
typedef struct dice {
    uint32_t state;
} dice;

static inline uint32_t dice_next(dice *d) {
    d->state ^= d->state << 13;
    d->state ^= d->state >> 17;
    d->state ^= d->state << 5;
    return d->state;
}

static inline int64_t dice_range(dice *d, int64_t low, int64_t high) {
    return low + (int64_t)(dice_next(d) % (uint32_t)(high - low + 1));
}

static inline void dice_fill(dice *d, int64_t count, float *x) {
    for (int64_t i = 0; i < count; i++) x[i] = (float)((double)dice_next(d) / 2147483648.0 - 1.0);
}

static inline guarded guarded_random(dice *d, int64_t count) {
    const guarded g = guarded_floats(count);
    dice_fill(d, count, g.at);
    return g;
}

enum { SIZES = 68 }; /* of arrays, from 0 on: more than four of the widest vectors */

/* Bits, except that any NaN equals any other: which operand's NaN passes is the compiler's choice. */
static inline int same_float(float a, float b) {
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

#define ck_assert_same(k, what, n, want, got)                                                                                         \
    for (int64_t i_ = 0; i_ < (n); i_++) {                                                                                            \
        ck_assert_each_msg(same_float((want)[i_], (got)[i_]), "%s: %s of %d: element %d is %a, wanted %a", (k)->name, what, (int)(n), \
                           (int)i_, (double)(got)[i_], (double)(want)[i_]);                                                           \
    }

enum { ISA_FIRST = 1, ISA_END = 5 }; /* for tcase_add_loop_test; NULL where this CPU lacks it */

#endif
