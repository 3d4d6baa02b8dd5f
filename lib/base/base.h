/* SPDX-License-Identifier: MIT
 * base.h - floor 0: failures, memory, sizes, threads, random bits, text.
 *
 *   status.c   vaei_fail: status code and this thread's sentence
 *   memory.c   vaei_heap (the host's allocator, counted and limited), vaei_arena (many small pieces, freed together),
 *              vaei_carve (one block, measured first and then divided)
 *   pool.c     vaei_pool: parallel_for by the host's hook, own threads, or the caller
 *   threads_*  threads and locks of the system                        (threads.h)
 *   aligned_*  memory of the system                                   (aligned.h)
 *   philox.c   counter-based random bits
 *   number.c   decimal text <-> floating point, locale-free and exact
 *   text.c     whole numbers, bounded writer, nearest name
 *   utf8.c     characters, and which of them may be printed            (utf8.h)
 *   grammar.c  text <-> tree of sections, modules, options            (grammar.h)
 *   option.c   tables of options: tree -> struct, bounds, printing    (option.h)
 *   shape.c    one to four sizes                                      (option.h)
 *   cpu.c      the instruction sets of the processor */
#ifndef VAEI_BASE_H
#define VAEI_BASE_H

#include <float.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <vae/status.h>
#include <vae/version.h>

#include "base/atomic.h"
#include "base/debug.h"

#if FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 16 /* 16: _Float16 arithmetic is not widened */
#error "floats are to be computed as floats and doubles as doubles: for 32-bit x86 add -msse2 -mfpmath=sse"
#endif

#define VAEI_ALIGN        64 /* of every block, tensor and buffer, in bytes: a cache line and the widest vector */
#define VAEI_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#if defined(__GNUC__)
#define VAEI_FORMAT(f, a) __attribute__((format(printf, f, a)))
#define VAEI_THREAD_LOCAL __thread
#define VAEI_INLINE       static inline __attribute__((always_inline))
#else
#define VAEI_FORMAT(f, a)
#define VAEI_INLINE static inline
#ifdef __STDC_NO_ATOMICS__ /* and no threads: atomic.h */
#define VAEI_THREAD_LOCAL
#else
#define VAEI_THREAD_LOCAL _Thread_local
#endif
#endif

/* ---- status.c ------------------------------------------------------------------------------------------------- */

/* Set this thread's sentence and return `status`. vaei_text_float prints the floats of a sentence. */
vae_status_t vaei_fail(vae_status_t status, const char *format, ...) VAEI_FORMAT(2, 3);

/* Put "prefix: " before this thread's sentence and return `status`. A floor calls it when it knows where the failure happened. */
vae_status_t vaei_fail_at(vae_status_t status, const char *format, ...) VAEI_FORMAT(2, 3);

const char *vaei_fail_text(void);

const char *vaei_status_name(vae_status_t status);   /* "VAE_E_SHAPE", or "VAE_E_UNKNOWN"; static */
const char *vaei_status_string(vae_status_t status); /* "shapes do not agree"; static */

/* Return the status of a failed call to the caller and keep the sentence of the call. */
#define VAEI_TRY(expr)                                   \
    do {                                                 \
        const vae_status_t vaei_try_status = (expr);     \
        if (vaei_try_status < 0) return vaei_try_status; \
    } while (0)

/* ---- checked sizes: they return false on overflow and then leave *out unchanged ----------------------------------- */

VAEI_INLINE int vaei_size_mul(size_t a, size_t b, size_t *out) {
    if (b != 0 && a > SIZE_MAX / b) return 0;
    *out = a * b;
    return 1;
}
VAEI_INLINE int vaei_size_add(size_t a, size_t b, size_t *out) {
    if (a > SIZE_MAX - b) return 0;
    *out = a + b;
    return 1;
}
/* multiplies counts; also returns false if a count is below 0 */
VAEI_INLINE int vaei_count_mul(int64_t a, int64_t b, int64_t *out) {
    if (a < 0 || b < 0 || (b != 0 && a > INT64_MAX / b)) return 0;
    *out = a * b;
    return 1;
}

/* ---- memory.c ----------------------------------------------------------------------------------------------------
 * The heap of one context. Sizes are passed back on free, so no header precedes a block. The counters are atomic. */
typedef struct vaei_heap {
    void *user;
    void *(*alloc)(void *user, size_t size, size_t align);
    void (*free)(void *user, void *ptr, size_t size);
    uint64_t limit;          /* bytes; 0: no limit */
    _Atomic uint64_t in_use; /* bytes */
} vaei_heap;

/* The heap takes the memory of the system (aligned.h) through the same interface as that of a host. */
void vaei_heap_init_default(vaei_heap *heap);

/* Returns zeroed memory, aligned to VAEI_ALIGN; size 0 is taken as 1. If there is none, it returns NULL and the sentence states `what`
 * the memory was for and its size. */
void *vaei_heap_alloc(vaei_heap *heap, size_t size, const char *what);
void vaei_heap_free(vaei_heap *heap, void *ptr, size_t size); /* NULL is allowed */

/* An arena holds many small objects that are freed together. It takes chunks of 16 KiB, or of the size of a request that is larger. */
typedef struct vaei_arena_chunk vaei_arena_chunk;
typedef struct vaei_arena {
    vaei_heap *heap;
    vaei_arena_chunk *chunks;
} vaei_arena;

void vaei_arena_init(vaei_arena *arena, vaei_heap *heap);
void *vaei_arena_alloc(vaei_arena *arena, size_t size);               /* zeroed, aligned to 16; NULL with the sentence set */
void *vaei_arena_array(vaei_arena *arena, size_t count, size_t size); /* checked product */
char *vaei_arena_format(vaei_arena *arena, const char *format, ...) VAEI_FORMAT(2, 3);
char *vaei_arena_copy(vaei_arena *arena, const char *text, size_t length); /* adds a NUL */
size_t vaei_arena_bytes(const vaei_arena *arena);                          /* the bytes that its chunks take of the heap */
void vaei_arena_free(vaei_arena *arena);                                   /* frees everything; the arena may be used again */

/* Divides a block into aligned pieces. With base NULL it only measures, so the same function gives first the size and then the pieces.
 *
 *     |<- first ->|pad|<- second ->|pad| ...            every piece starts at a multiple of VAEI_ALIGN
 *
 * A debug build puts a red zone behind each piece (debug.h).
 *
 * An overflow is kept: `used` becomes SIZE_MAX, and no heap can allocate that much. */
typedef struct vaei_carve {
    char *base;
    size_t used; /* bytes */
} vaei_carve;

VAEI_INLINE void *vaei_carve_bytes(vaei_carve *c, size_t bytes) {
    size_t start = c->used, end;
    if (!vaei_size_add(start, bytes, &end) || !vaei_size_add(end, VAEI_ZONE + VAEI_ALIGN - 1, &end)) {
        c->used = SIZE_MAX;
        return NULL;
    }
    c->used = end & ~(size_t)(VAEI_ALIGN - 1);
    if (!c->base) return NULL;
    VAEI_ASSERT((uintptr_t)c->base % VAEI_ALIGN == 0);
    vaei_zone_behind(c->base + start, bytes);
    return c->base + start;
}
VAEI_INLINE void *vaei_carve_array(vaei_carve *c, int64_t count, size_t size) {
    size_t bytes;
    if (count < 0 || (uint64_t)count > SIZE_MAX || !vaei_size_mul((size_t)count, size, &bytes)) bytes = SIZE_MAX;
    return vaei_carve_bytes(c, bytes);
}
VAEI_INLINE float *vaei_carve_floats(vaei_carve *c, int64_t count) {
    return (float *)vaei_carve_array(c, count, sizeof(float));
}

/* The memory of a module at work, as four carves; docs/architecture.md says what each of them holds. A module has one function that
 * divides its memory, layout(). Without bases that function measures, and with bases it places, so that the two cannot differ. */
typedef struct vaei_memory {
    vaei_carve pack, cache, scratch, stats;
} vaei_memory;

/* ---- pool.c ------------------------------------------------------------------------------------------------------
 * The shape divides the work, never the number of workers, so results do not depend on that number. */
typedef void (*vaei_task)(void *arg, int32_t index);
typedef struct vaei_pool vaei_pool;

/* threads > 1: starts threads - 1 workers, which sleep when they are idle. 1: everything runs in the caller. 0: the host's `hook` runs
 * the tasks; if it is NULL, everything runs in the caller. */
vae_status_t vaei_pool_create(vaei_pool **out, vaei_heap *heap, int32_t threads, void *user,
                              void (*hook)(void *user, int32_t tasks, vaei_task task, void *arg));
/* The number of threads that share the work. It is 0 if only the host knows, and 1 if pool is NULL. */
int32_t vaei_pool_threads(const vaei_pool *pool);
void vaei_pool_destroy(vaei_pool *pool); /* joins the workers; NULL is allowed */

/* Calls task(arg, i) for 0 <= i < tasks and returns when all are done. If pool is NULL, the caller runs all tasks. Several threads may
 * call it at once: a call that finds the workers busy runs its tasks itself. A task may call it too: then threads with nothing to do
 * help. In a child of fork() the caller runs all tasks. */
void vaei_parallel(const vaei_pool *pool, int32_t tasks, vaei_task task, void *arg);

/* Gives numbers, 32 at most, to tasks that run at the same time; each number stands for a scratch memory of its own. A task takes the
 * lowest free number, so that the memory in use grows with the number of running threads, not of tasks. All is zero at the start. */
typedef struct vaei_index_pool {
    _Atomic uint32_t taken;
} vaei_index_pool;
int32_t vaei_index_take(vaei_index_pool *indices);
void vaei_index_give_back(vaei_index_pool *indices, int32_t held);

/* ---- philox.c ----------------------------------------------------------------------------------------------------
 * Philox4x32-10 (Salmon et al. 2011). Block b of item i of step s of a stream is a pure function of (seed, stream, s, i, b), so it is
 * equal for any batch split, order and thread. Key = seed; counter = (b, i, s low, stream << 24 | s high 24 bits). */
typedef struct vaei_noise_key {
    uint64_t seed;
    uint64_t step;   /* < 2^56 */
    uint32_t stream; /* < 256; each use has a stream of its own */
} vaei_noise_key;

void vaei_philox(vaei_noise_key key, uint32_t item, uint32_t first_block, int64_t blocks, uint32_t *out /* [blocks][4] */);

/* ---- text.c, number.c ----------------------------------------------------------------------------------------------
 * Numbers without the locale. A parser takes the whole of text[length], or fails and leaves *out unchanged. It refuses leading zeros
 * (010) and '+'. Decimal to double is correctly rounded for any number of digits and in any rounding mode, by long division of big
 * integers. */
int vaei_text_to_int(const char *text, size_t length, int64_t *out);
int vaei_text_to_double(const char *text, size_t length, double *out); /* finite decimal only: -1.5e-3; no hex, inf, nan */
/* Writes the shortest text that reads back as the same float: "0.001", "1e-5", "-30". Returns the length; cap >= 32. */
size_t vaei_text_float(char *buf, size_t cap, double value);

/* A bounded writer: it counts the bytes past the end too, and its text always ends in NUL if cap > 0. */
typedef struct vaei_writer {
    char *buf;
    size_t cap, length; /* length: the bytes wanted so far, without the NUL */
} vaei_writer;
void vaei_write(vaei_writer *w, const char *format, ...) VAEI_FORMAT(2, 3);
void vaei_write_float(vaei_writer *w, double value);

/* Returns the name nearest to `wanted` among names[i] (i < count) by the number of edits (insertion, deletion, change, swap), or NULL if
 * none is within a third of the length of `wanted` (at least 1, at most 3 edits). */
const char *vaei_text_nearest(const char *wanted, size_t length, const char *const *names, size_t count);
/* Writes " (did you mean 'kernel'?)" or "" into buf. The hint is our word for another program's word (synonyms.def) if there is one,
 * otherwise the nearest name. */
const char *vaei_text_hint(char buf[96], const char *wanted, const char *const *names, size_t count);

/* ---- cpu.c -------------------------------------------------------------------------------------------------------- */
typedef struct vaei_cpu {
    int32_t avx2_fma, avx512, neon, wasm128; /* 1 if usable: the system saves the registers too */
} vaei_cpu;
vaei_cpu vaei_cpu_detect(void);

#endif
