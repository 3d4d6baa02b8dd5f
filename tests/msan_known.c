/* SPDX-License-Identifier: MIT
 * msan_known.c - wraps calls whose results MemorySanitizer wrongly reports as uninitialised; make msan links them by --wrap. Nothing
 * else is excluded, and nothing of the library.
 *
 *     fwrite      Check is not instrumented: what it packs into a message of its own, a line's number or a name, and writes, was never
 *                 marked as initialised. The library calls no fwrite().
 *     fstat64     what fstat() is with _FILE_OFFSET_BITS=64 from glibc 2.33 on. The runtime of clang 14 knows fstat() alone, so that
 *                 "struct stat s; return fstat(0, &s) != 0 || S_ISREG(s.st_mode);" is reported as well. */
#include <sanitizer/msan_interface.h>
#include <stdio.h>
#include <sys/stat.h>

size_t __real_fwrite(const void *data, size_t size, size_t n, FILE *stream);
size_t __wrap_fwrite(const void *data, size_t size, size_t n, FILE *stream);
int __real_fstat64(int fd, void *info);
int __wrap_fstat64(int fd, void *info);

size_t __wrap_fwrite(const void *data, size_t size, size_t n, FILE *stream) {
    __msan_unpoison(data, size * n);
    return __real_fwrite(data, size, n, stream);
}

int __wrap_fstat64(int fd, void *info) {
    const int result = __real_fstat64(fd, info);
    if (result == 0) __msan_unpoison(info, sizeof(struct stat));
    return result;
}
