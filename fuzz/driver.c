/* SPDX-License-Identifier: MIT
 * driver.c - a main function for the targets if libFuzzer is not available.
 *
 *     fuzz_x FILE|FOLDER...                 runs the target on each file: replays a corpus or a crash
 *     fuzz_x -n COUNT [-s S] FILE|FOLDER... changes these files COUNT times at random (seed S) and runs the target on each result
 *
 * The input that crashed the target is in the file fuzz-last. The changes do not depend on a format: they flip, copy, cut and
 * insert bytes, write numbers that programs often handle wrongly, and insert pieces of other files. */
#define _XOPEN_SOURCE 700 /* nftw */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

enum { CAP = 1 << 20, SEEDS = 1024 };

static struct {
    uint8_t *data;
    size_t size;
} seed[SEEDS];
static size_t seeds;
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

/* The bytes put in at the place, if there is room; returns the new size. */
static size_t insert(uint8_t *data, size_t size, size_t at, const uint8_t *piece, size_t bytes) {
    if (size + bytes > CAP) return size;
    memmove(data + at + bytes, data + at, size - at);
    memcpy(data + at, piece, bytes);
    return size + bytes;
}

static size_t change(uint8_t *data, size_t size) {
    static const char *const words[] = {
        "0",
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
    };
    uint8_t piece[64];
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
        const size_t bytes = below(size - at < sizeof piece ? size - at + 1 : sizeof piece);
        memcpy(piece, data + at, bytes);
        return insert(data, size, below(size + 1), piece, bytes);
    }
    case 5: { /* a piece of another file */
        const size_t i = below(seeds), from = below(seed[i].size), left = seed[i].size - from;
        return insert(data, size, at, seed[i].data + from, left < sizeof piece ? left : sizeof piece);
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
    if (size > 0) memcpy(copy, data, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void run_changed(long count) {
    static uint8_t data[CAP];
    FILE *last = fopen("fuzz-last", "wb");
    if (!last) {
        perror("fuzz-last");
        return;
    }
    for (long i = 0; i < count; i++) {
        const size_t which = below(seeds);
        size_t size = seed[which].size;
        if (size > 0) memcpy(data, seed[which].data, size);
        for (size_t changes = 1 + below(6); changes > 0; changes--) size = change(data, size);
        keep(last, data, size);
        run(data, size);
    }
    (void)fclose(last);
    (void)remove("fuzz-last");
    printf("%ld changed inputs\n", count);
}

/* Read a file; folders are walked by nftw. */
static int take(const char *path, const struct stat *info, int kind, struct FTW *where) {
    (void)where;
    if (kind != FTW_F || seeds == SEEDS || info->st_size > CAP) return 0;
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return 0;
    }
    seed[seeds].data = malloc((size_t)info->st_size + 1);
    if (seed[seeds].data) seed[seeds].size = fread(seed[seeds].data, 1, (size_t)info->st_size, file);
    seeds += seed[seeds].data != NULL;
    (void)fclose(file);
    return 0;
}

int main(int argc, char **argv) {
    long count = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-n") == 0 && i + 1 < argc) count = atol(argv[++i]);
        else if (strcmp(argv[i], "-s") == 0 && i + 1 < argc) state = (uint64_t)atol(argv[++i]) * 2 + 1;
        else if (nftw(argv[i], take, 8, FTW_PHYS) != 0) perror(argv[i]);
    }
    if (seeds == 0) {
        fprintf(stderr, "usage: %s [-n COUNT [-s SEED]] FILE|FOLDER...\n", argv[0]);
        return 1;
    }
    if (count > 0) run_changed(count);
    else
        for (size_t i = 0; i < seeds; i++) run(seed[i].data, seed[i].size);
    printf("%zu files\n", seeds);
    for (size_t i = 0; i < seeds; i++) free(seed[i].data);
    return 0;
}
