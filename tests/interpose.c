/* SPDX-License-Identifier: MIT
 * interpose.c - a library for LD_PRELOAD that makes one call of a program fail, or writes down what the program does to its files.
 *
 *     INTERPOSE_FAIL=alloc:K          the K-th allocation gives NULL; K+ for that one and all after it
 *     INTERPOSE_FAIL=io:K:ERROR       the K-th call on files fails with this errno: a number, or "short", a write or read of half the bytes
 *     INTERPOSE_FAIL=term:K           SIGTERM comes just before the K-th call on files
 *     INTERPOSE_ONLY=NAME             of calls on files those on names that end so are counted, and no others
 *     INTERPOSE_COUNT=FILE            at the end of the program, "alloc N io M" is written to FILE
 *     INTERPOSE_LOG=FILE              what changes files, in order, for replay.py: one record for each call that went well
 *
 * Calls on files are open, openat, creat, fopen, read, pread, write, fsync, close, rename, unlink, mkdir, ftruncate and flock. Of close
 * only the result is false, the descriptor is gone, as Linux has it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FAIL_NOTHING, FAIL_ALLOC, FAIL_IO, STOP };

static int what;
static long at, allocs, calls;
static bool for_ever, is_short, armed;
static int error;
static const char *count_file, *only;
static bool watched[1024]; /* descriptors of files of that name */
static int log_fd = -1;
static char arena[1 << 18]; /* for what allocates before the real calls are known: dlsym, and 72 KiB of libstdc++, behind libtiff */
static size_t arena_used;

typedef int main_function(int, char **, char **);
static main_function *real_main;
static void *(*real_malloc)(size_t), *(*real_calloc)(size_t, size_t), *(*real_realloc)(void *, size_t);
static void *(*real_aligned)(size_t, size_t);
static void (*real_free)(void *);
static int (*real_memalign)(void **, size_t, size_t);
static int (*real_open)(const char *, int, ...), (*real_close)(int), (*real_fsync)(int);
static ssize_t (*real_read)(int, void *, size_t), (*real_write)(int, const void *, size_t);
static ssize_t (*real_pread)(int, void *, size_t, off_t);
static int (*real_rename)(const char *, const char *), (*real_unlink)(const char *), (*real_mkdir)(const char *, mode_t);
static int (*real_ftruncate)(int, off_t), (*real_flock)(int, int);
static FILE *(*real_fopen)(const char *, const char *);

#define REAL(name, symbol) *(void **)&real_##name = dlsym(RTLD_NEXT, symbol)

static void find_real(void) {
    REAL(malloc, "malloc"), REAL(calloc, "calloc"), REAL(realloc, "realloc"), REAL(free, "free");
    REAL(aligned, "aligned_alloc"), REAL(memalign, "posix_memalign");
    REAL(open, "open"), REAL(close, "close"), REAL(fsync, "fsync"), REAL(read, "read"), REAL(write, "write");
    REAL(pread, "pread"), REAL(rename, "rename"), REAL(unlink, "unlink"), REAL(mkdir, "mkdir");
    REAL(ftruncate, "ftruncate"), REAL(flock, "flock"), REAL(fopen, "fopen");
}

__attribute__((constructor)) static void begin(void) {
    const char *fail = getenv("INTERPOSE_FAIL"), *log = getenv("INTERPOSE_LOG");
    find_real();
    count_file = getenv("INTERPOSE_COUNT");
    only = getenv("INTERPOSE_ONLY");
    if (fail) {
        what = strncmp(fail, "alloc:", 6) == 0 ? FAIL_ALLOC : strncmp(fail, "io:", 3) == 0 ? FAIL_IO : STOP;
        char *end;
        at = strtol(strchr(fail, ':') + 1, &end, 10);
        for_ever = *end == '+';
        if (*end == ':') is_short = strcmp(end + 1, "short") == 0, error = atoi(end + 1);
    }
    if (log) log_fd = real_open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
}

/* Calls are counted from main() to exit(): what the loader does before, and a build that counts its branches does behind it, is none of
 * the program's. */
static void disarm(void) {
    armed = false;
}

static int counted_main(int argc, char **argv, char **envp) {
    armed = atexit(disarm) == 0;
    return real_main(argc, argv, envp);
}

typedef int start_function(main_function *, int, char **, void (*)(void), void (*)(void), void (*)(void), void *);
start_function __libc_start_main;

int __libc_start_main(main_function *main, int argc, char **argv, void (*init)(void), void (*fini)(void), void (*unload)(void),
                      void *stack) {
    start_function *start;
    *(void **)&start = dlsym(RTLD_NEXT, "__libc_start_main");
    real_main = main;
    return start(counted_main, argc, argv, init, fini, unload, stack);
}

__attribute__((destructor)) static void end(void) {
    char text[64];
    if (!count_file) return;
    const int fd = real_open(count_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    const int n = snprintf(text, sizeof text, "alloc %ld io %ld\n", allocs, calls);
    if (fd >= 0 && real_write(fd, text, (size_t)n) == n) real_close(fd);
}

static bool hit(int kind, long number) {
    return armed && what == kind && (number == at || (for_ever && number > at));
}

/* ---- memory ---- */

static bool alloc_fails(void) {
    if (!armed || !hit(FAIL_ALLOC, __atomic_add_fetch(&allocs, 1, __ATOMIC_RELAXED))) return false;
    errno = ENOMEM;
    return true;
}

static void *from_arena(size_t size) {
    void *p = arena + arena_used;
    arena_used += (size + 15) / 16 * 16;
    if (arena_used > sizeof arena) _exit(99);
    return p;
}

void *malloc(size_t size) {
    if (!real_malloc) return from_arena(size);
    return alloc_fails() ? NULL : real_malloc(size);
}

void *calloc(size_t n, size_t size) {
    if (!real_calloc) return from_arena(n * size);
    return alloc_fails() ? NULL : real_calloc(n, size);
}

void *realloc(void *old, size_t size) {
    return alloc_fails() ? NULL : real_realloc(old, size);
}

void *aligned_alloc(size_t align, size_t size) {
    return alloc_fails() ? NULL : real_aligned(align, size);
}

int posix_memalign(void **out, size_t align, size_t size) {
    return alloc_fails() ? ENOMEM : real_memalign(out, align, size);
}

void free(void *p) {
    if ((char *)p >= arena && (char *)p < arena + sizeof arena) return;
    real_free(p);
}

/* ---- files ---- */

static bool is_named(const char *path) {
    const size_t n = only ? strlen(only) : 0, length = strlen(path);
    return length >= n && (n == 0 || strcmp(path + length - n, only) == 0);
}

static bool is_watched(int fd) {
    return !only || (fd >= 0 && fd < (int)(sizeof watched / sizeof *watched) && watched[fd]);
}

/* Does this call fail, if it counts? A short one does not: it does less. */
static bool io_fails(bool counts, bool can_be_short, bool *half) {
    if (half) *half = false;
    if (!armed || !counts) return false;
    const long number = __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
    if (hit(STOP, number)) (void)raise(SIGTERM);
    if (!hit(FAIL_IO, number)) return false;
    if (is_short) {
        if (can_be_short && half) *half = true;
        return false;
    }
    errno = error;
    return true;
}

/* One record: the call, a number, two texts and bytes, each text and the bytes behind their length. */
static void note(char call, int64_t number, const char *a, const char *b, const void *bytes, size_t n) {
    if (log_fd < 0 || !armed) return;
    const uint32_t length[3] = {a ? (uint32_t)strlen(a) : 0, b ? (uint32_t)strlen(b) : 0, (uint32_t)n};
    const size_t size = 1 + sizeof number + sizeof length + length[0] + length[1] + n;
    char *record = real_malloc(size), *p = record;
    *p++ = call;
    memcpy(p, &number, sizeof number), p += sizeof number;
    memcpy(p, length, sizeof length), p += sizeof length;
    if (a) memcpy(p, a, length[0]), p += length[0];
    if (b) memcpy(p, b, length[1]), p += length[1];
    if (n) memcpy(p, bytes, n);
    const int kept = errno;
    if (real_write(log_fd, record, size) != (ssize_t)size) _exit(98);
    errno = kept;
    real_free(record);
}

static int open_with(const char *path, int flags, mode_t mode) {
    if (io_fails(is_named(path), false, NULL)) return -1;
    struct stat before;
    const bool fresh = (flags & O_CREAT) && stat(path, &before) != 0;
    const int fd = real_open(path, flags, mode);
    if (fd >= 0 && fd < (int)(sizeof watched / sizeof *watched)) watched[fd] = is_named(path);
    const char how[2] = {(flags & O_APPEND) ? 'a' : '-', (flags & O_TRUNC) ? 't' : '-'};
    if (fd >= 0) note(fresh ? 'c' : (flags & O_DIRECTORY) ? 'd' : 'o', fd, path, NULL, how, sizeof how);
    return fd;
}

int open(const char *path, int flags, ...) {
    va_list args;
    va_start(args, flags);
    const mode_t mode = (flags & O_CREAT) ? va_arg(args, mode_t) : 0;
    va_end(args);
    return open_with(path, flags, mode);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));

FILE *fopen(const char *path, const char *mode) {
    return io_fails(is_named(path), false, NULL) ? NULL : real_fopen(path, mode);
}

FILE *fopen64(const char *path, const char *mode) __attribute__((alias("fopen")));

int close(int fd) {
    const bool fails = io_fails(is_watched(fd), false, NULL);
    const int kept = errno, result = real_close(fd);
    if (result == 0) note('x', fd, NULL, NULL, NULL, 0);
    errno = fails ? kept : errno;
    return fails ? -1 : result;
}

int fsync(int fd) {
    if (io_fails(is_watched(fd), false, NULL)) return -1;
    const int result = real_fsync(fd);
    if (result == 0) note('s', fd, NULL, NULL, NULL, 0);
    return result;
}

ssize_t read(int fd, void *out, size_t n) {
    bool half;
    if (io_fails(is_watched(fd), n > 1, &half)) return -1;
    return real_read(fd, out, half ? n / 2 : n);
}

ssize_t pread(int fd, void *out, size_t n, off_t offset) {
    bool half;
    if (io_fails(is_watched(fd), n > 1, &half)) return -1;
    return real_pread(fd, out, half ? n / 2 : n, offset);
}

ssize_t pread64(int fd, void *out, size_t n, off_t offset) __attribute__((alias("pread")));

ssize_t write(int fd, const void *bytes, size_t n) {
    bool half;
    if (io_fails(is_watched(fd), n > 1, &half)) return -1;
    const ssize_t done = real_write(fd, bytes, half ? n / 2 : n);
    if (done > 0 && fd > 2) note('w', fd, NULL, NULL, bytes, (size_t)done);
    return done;
}

int rename(const char *from, const char *to) {
    if (io_fails(is_named(to), false, NULL)) return -1;
    const int result = real_rename(from, to);
    if (result == 0) note('r', 0, from, to, NULL, 0);
    return result;
}

int unlink(const char *path) {
    if (io_fails(is_named(path), false, NULL)) return -1;
    const int result = real_unlink(path);
    if (result == 0) note('u', 0, path, NULL, NULL, 0);
    return result;
}

int mkdir(const char *path, mode_t mode) {
    if (io_fails(is_named(path), false, NULL)) return -1;
    const int result = real_mkdir(path, mode);
    if (result == 0) note('m', 0, path, NULL, NULL, 0);
    return result;
}

int ftruncate(int fd, off_t size) {
    if (io_fails(is_watched(fd), false, NULL)) return -1;
    const int result = real_ftruncate(fd, size);
    if (result == 0) note('t', fd, NULL, NULL, &size, sizeof size);
    return result;
}

int flock(int fd, int how) {
    return io_fails(is_watched(fd), false, NULL) ? -1 : real_flock(fd, how);
}
