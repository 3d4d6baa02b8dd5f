/* SPDX-License-Identifier: MIT
 * memory.c - the heap of one context, and arenas on it.
 *
 *   The counter reserves the bytes of a block before the allocator is called, and releases them if the allocator fails, so
 *   several threads together can never pass the limit. Blocks are zeroed here, because a host's allocator may return
 *   memory with other contents.
 *
 *   An arena is a list of chunks; the chunk in use is the first:
 *
 *       | next, size, used, pad to 16 | bytes given out ... | free |
 *
 *   An arena cannot free a single piece. */
#include "base/base.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/aligned.h"

#define ARENA_ALIGN 16
#define ARENA_CHUNK 16384 /* bytes */

struct vaei_arena_chunk {
    vaei_arena_chunk *next;
    size_t size, used; /* bytes, with this header */
};

#define ARENA_HEADER ((sizeof(vaei_arena_chunk) + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1))

static void *default_alloc(void *user, size_t size, size_t align) {
    (void)user;
    return vaei_aligned_alloc(size, align);
}

static void default_free(void *user, void *ptr, size_t size) {
    (void)user;
    (void)size;
    vaei_aligned_free(ptr);
}

void vaei_heap_init_default(vaei_heap *heap) {
    heap->user = NULL;
    heap->alloc = default_alloc;
    heap->free = default_free;
    heap->limit = 0;
    atomic_init(&heap->in_use, 0);
}

/* Add size to the counter, or return 0 if the sum would pass the limit. *seen is the value of the counter before. */
static int reserve(vaei_heap *heap, size_t size, uint64_t *seen) {
    uint64_t now = atomic_load_explicit(&heap->in_use, memory_order_relaxed), then;
    do {
        *seen = now;
        then = now + (uint64_t)size;
        if (then < now) return 0;
        if (heap->limit && then > heap->limit) return 0;
    } while (!atomic_compare_exchange_weak_explicit(&heap->in_use, &now, then, memory_order_relaxed, memory_order_relaxed));
    return 1;
}

void *vaei_heap_alloc(vaei_heap *heap, size_t size, const char *what) {
    uint64_t in_use;
    if (size == 0) size = 1;
    if (size > PTRDIFF_MAX) {
        (void)vaei_fail(VAE_E_NOMEM, "%s: more bytes than this machine can address", what);
        return NULL;
    }
    if (!reserve(heap, size, &in_use)) {
        (void)vaei_fail(VAE_E_NOMEM, "%s: %" PRIu64 " bytes wanted, %" PRIu64 " in use, the limit is %" PRIu64, what, (uint64_t)size,
                        in_use, heap->limit);
        return NULL;
    }
    void *ptr = heap->alloc(heap->user, size, VAEI_ALIGN);
    if (!ptr) {
        atomic_fetch_sub_explicit(&heap->in_use, size, memory_order_relaxed);
        (void)vaei_fail(VAE_E_NOMEM, "%s: no memory for %" PRIu64 " bytes", what, (uint64_t)size);
        return NULL;
    }
    return memset(ptr, 0, size);
}

void vaei_heap_free(vaei_heap *heap, void *ptr, size_t size) {
    if (!ptr) return;
    if (size == 0) size = 1;
    VAEI_ASSERT(atomic_load_explicit(&heap->in_use, memory_order_relaxed) >= size);
    VAEI_ZONES_END(ptr, size);
    heap->free(heap->user, ptr, size);
    atomic_fetch_sub_explicit(&heap->in_use, size, memory_order_relaxed);
}

void vaei_arena_init(vaei_arena *arena, vaei_heap *heap) {
    arena->heap = heap;
    arena->chunks = NULL;
}

void *vaei_arena_alloc(vaei_arena *arena, size_t size) {
    vaei_arena_chunk *chunk = arena->chunks;
    size_t rounded, want;
    if (!vaei_size_add(size ? size : 1, ARENA_ALIGN - 1, &rounded)) rounded = SIZE_MAX;
    rounded &= ~(size_t)(ARENA_ALIGN - 1);
    if (!chunk || chunk->size - chunk->used < rounded) {
        if (!vaei_size_add(rounded, ARENA_HEADER, &want)) want = SIZE_MAX;
        if (want < ARENA_CHUNK) want = ARENA_CHUNK;
        chunk = vaei_heap_alloc(arena->heap, want, "description");
        if (!chunk) return NULL;
        chunk->next = arena->chunks;
        chunk->size = want;
        chunk->used = ARENA_HEADER;
        arena->chunks = chunk;
    }
    VAEI_ASSERT(chunk->used % ARENA_ALIGN == 0 && chunk->used <= chunk->size && rounded <= chunk->size - chunk->used);
    void *piece = (char *)chunk + chunk->used;
    chunk->used += rounded;
    return piece;
}

void *vaei_arena_array(vaei_arena *arena, size_t count, size_t size) {
    size_t bytes;
    if (!vaei_size_mul(count, size, &bytes)) bytes = SIZE_MAX; /* no heap can allocate SIZE_MAX bytes */
    return vaei_arena_alloc(arena, bytes);
}

char *vaei_arena_format(vaei_arena *arena, const char *format, ...) {
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = vaei_arena_alloc(arena, length < 0 ? SIZE_MAX : (size_t)length + 1);
    if (!text) return NULL;
    va_start(args, format);
    (void)vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}

char *vaei_arena_copy(vaei_arena *arena, const char *text, size_t length) {
    size_t bytes;
    if (!vaei_size_add(length, 1, &bytes)) bytes = SIZE_MAX;
    char *copy = vaei_arena_alloc(arena, bytes);
    if (copy && length) memcpy(copy, text, length);
    return copy;
}

size_t vaei_arena_bytes(const vaei_arena *arena) {
    size_t bytes = 0;
    for (const vaei_arena_chunk *chunk = arena->chunks; chunk; chunk = chunk->next) bytes += chunk->size;
    return bytes;
}

void vaei_arena_free(vaei_arena *arena) {
    vaei_arena_chunk *chunk = arena->chunks;
    while (chunk) {
        vaei_arena_chunk *next = chunk->next;
        vaei_heap_free(arena->heap, chunk, chunk->size);
        chunk = next;
    }
    arena->chunks = NULL;
}
