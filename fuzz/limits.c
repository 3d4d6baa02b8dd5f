/* SPDX-License-Identifier: MIT
 * limits.c - the entry of every target, which measures the time and the memory of one input.
 *
 * The time is processor time, so that a busy machine causes no false alarm; libFuzzer's -timeout is for inputs that hang.
 * The memory is the sum that all libraries have allocated by malloc, measured by the hooks of AddressSanitizer. It does not
 * include the memory of a sanitizer, which -rss_limit_mb counts too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <vae/vae.h>

#include "fuzz.h"

#define MOST_SECONDS 1.0
#define MOST_BYTES   ((size_t)256 << 20)

/* sanitizer/allocator_interface.h, absent from a build without sanitizers */
int __sanitizer_install_malloc_and_free_hooks(void (*taken)(const volatile void *, size_t), void (*given_back)(const volatile void *))
    __attribute__((weak));
size_t __sanitizer_get_allocated_size(const volatile void *) __attribute__((weak));

_Noreturn void fuzz_broken(const char *what) {
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

void fuzz_sentence(void) {
    const char *line = vae_last_error();
    if (line[0] == '\0') fuzz_broken("a status without a sentence");
    for (; *line; line++)
        if ((uint8_t)*line < ' ' || *line == 0x7f) fuzz_broken("a control character in a sentence");
}

/* ---- the blocks of now: a table by address, emptied by counting up `round` -------------------------------------- */

enum { SLOTS = 1 << 14 };
static struct {
    const volatile void *block;
    uint32_t round;
} slot[SLOTS];
static uint32_t round_now;
static size_t used, bytes, peak;
static bool watching;

static size_t first_slot(const volatile void *block) {
    return (size_t)(((uintptr_t)block >> 4) * UINT64_C(0x9E3779B97F4A7C15) >> 50) % SLOTS;
}

static void on_malloc(const volatile void *block, size_t size) {
    if (!watching || !block) return;
    bytes += size;
    if (bytes > peak) peak = bytes;
    if (used > SLOTS / 2) return; /* the table is full: the block leaks if the input dies */
    size_t i = first_slot(block);
    while (slot[i].round == round_now && slot[i].block) i = (i + 1) % SLOTS;
    if (slot[i].round != round_now) used++;
    slot[i].round = round_now;
    slot[i].block = block;
}

static void on_free(const volatile void *block) {
    if (!watching || !block) return;
    for (size_t i = first_slot(block); slot[i].round == round_now; i = (i + 1) % SLOTS)
        if (slot[i].block == block) {
            const size_t size = __sanitizer_get_allocated_size(block);
            bytes -= size < bytes ? size : bytes;
            slot[i].block = NULL; /* the place stays taken, so that the search goes on behind it */
            return;
        }
}

void fuzz_memory_begin(void) {
    static bool installed;
    if (!installed && __sanitizer_install_malloc_and_free_hooks) (void)__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
    installed = true;
    round_now++;
    used = bytes = 0;
    watching = true;
}

void fuzz_memory_end(bool free_the_rest) {
    watching = false;
    for (size_t i = 0; free_the_rest && used > 0 && i < SLOTS; i++)
        if (slot[i].round == round_now && slot[i].block) free((void *)(uintptr_t)slot[i].block);
}

/* ---- the entry -------------------------------------------------------------------------------------------------- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const clock_t start = clock();
    peak = 0;
    fuzz_memory_begin();
    fuzz_one(data, size);
    fuzz_memory_end(false);
    const double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    if (seconds > MOST_SECONDS) {
        fprintf(stderr, "%.1f s\n", seconds);
        fuzz_broken("one input takes more than a second");
    }
    if (peak > MOST_BYTES) {
        fprintf(stderr, "%zu bytes\n", peak);
        fuzz_broken("one input takes more than 256 MB");
    }
    return 0;
}
