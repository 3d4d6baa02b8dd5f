/* SPDX-License-Identifier: MIT
 * fuzz_driver.c - a main for the targets where libFuzzer is not at hand.
 *
 *     fuzz_x FILE...          runs the target on each file: replays a corpus or a crash
 *     fuzz_x -n COUNT [-s S]  changes the target's seeds COUNT times at random (seed S) and runs it on each result
 *
 * An input that brings the target down is left in fuzz-last. Changes know no format: they flip, copy, cut and insert
 * bytes, write numbers that are often mishandled, and put in pieces of other seeds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

#define CAP 65536

static uint64_t state = 1;

static uint64_t next(void) { /* xorshift64* */
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * UINT64_C(2685821657736338717);
}

static size_t below(size_t n) {
    return n > 0 ? (size_t)(next() >> 16) % n : 0;
}

/* Room of `bytes` at the place, if there is any; returns the new size. */
static size_t insert(uint8_t *data, size_t size, size_t at, const uint8_t *piece, size_t bytes) {
    if (size + bytes > CAP) return size;
    memmove(data + at + bytes, data + at, size - at);
    memmove(data + at, piece, bytes);
    return size + bytes;
}

static size_t change(uint8_t *data, size_t size) {
    static const char *const words[] = { "0",
                                         "-1",
                                         "18446744073709551615",
                                         "9223372036854775807",
                                         "4294967296",
                                         "1e999",
                                         "\"",
                                         "{",
                                         "}",
                                         "[",
                                         "]",
                                         ",",
                                         ":",
                                         "|",
                                         "=",
                                         "\\u0000",
                                         "\xff",
                                         "\n",
                                         "\0" };
    static uint8_t other[CAP];
    const size_t at = below(size + 1);
    const char *word = words[below(sizeof words / sizeof words[0])];
    switch (below(7)) {
    case 0:
        if (at < size) data[at] ^= (uint8_t)(1u << below(8));
        return size;
    case 1:
        if (at < size) data[at] = (uint8_t)next();
        return size;
    case 2: { /* remove */
        const size_t bytes = below(size - at < 16 ? size - at + 1 : 16);
        memmove(data + at, data + at + bytes, size - at - bytes);
        return size - bytes;
    }
    case 3: return insert(data, size, at, (const uint8_t *)word, strlen(word));
    case 4: { /* say it twice */
        const size_t bytes = below(size - at < 64 ? size - at + 1 : 64);
        memcpy(other, data + at, bytes);
        return insert(data, size, below(size + 1), other, bytes);
    }
    case 5: { /* a piece of another seed */
        const size_t n = fuzz_seed(below(8), other, CAP), from = below(n);
        return insert(data, size, at, other + from, below(n - from + 1 < 64 ? n - from + 1 : 64));
    }
    default: return at; /* cut */
    }
}

/* The file is there before the target runs, because it may not come back. */
static void keep(FILE *file, const uint8_t *data, size_t size) {
    rewind(file);
    (void)fwrite(data, 1, size, file);
    (void)fflush(file);
    if (ftruncate(fileno(file), (off_t)size) != 0) perror("fuzz-last");
}

/* In a block of its own, exactly as long as the input, so that a sanitizer sees any step beyond. */
static void run(const uint8_t *data, size_t size) {
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy) return;
    memcpy(copy, data, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void run_changed(long count) {
    static uint8_t data[CAP];
    size_t seeds = 0;
    FILE *last = fopen("fuzz-last", "wb");
    if (!last) {
        perror("fuzz-last");
        return;
    }
    while (fuzz_seed(seeds, data, CAP) > 0) seeds++;
    for (long i = 0; i < count; i++) {
        size_t size = fuzz_seed(below(seeds), data, CAP);
        for (size_t changes = 1 + below(6); changes > 0; changes--) size = change(data, size);
        keep(last, data, size);
        run(data, size);
    }
    (void)fclose(last);
    (void)remove("fuzz-last");
    printf("%ld inputs\n", count);
}

static int run_file(const char *name) {
    static uint8_t data[1 << 22];
    FILE *file = fopen(name, "rb");
    if (!file) {
        perror(name);
        return 1;
    }
    const size_t size = fread(data, 1, sizeof data, file);
    (void)fclose(file);
    run(data, size);
    return 0;
}

int main(int argc, char **argv) {
    int failed = 0;
    long count = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-n") == 0 && i + 1 < argc)
            count = atol(argv[++i]);
        else if (strcmp(argv[i], "-s") == 0 && i + 1 < argc)
            state = (uint64_t)atol(argv[++i]) * 2 + 1;
        else
            failed |= run_file(argv[i]);
    }
    if (argc == 1) fprintf(stderr, "usage: %s FILE... | -n COUNT [-s SEED]\n", argv[0]);
    if (count > 0) run_changed(count);
    return failed || argc == 1;
}
