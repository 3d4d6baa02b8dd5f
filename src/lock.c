/* SPDX-License-Identifier: MIT
 * lock.c - uses flock() on a separate file. The holder removes the file before it releases the lock, so a process that has waited for the
 * lock checks whether the file that it opened still has that name. */
#include "lock.h"
#include "console.h"
#include "file_writer.h"
#include "interrupt.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static noreturn void is_held(int fd, const char *owner, const char *verb) {
    char holder[32] = "";
    const ssize_t n = read(fd, holder, sizeof holder - 1);
    const long pid = n > 0 ? strtol(holder, NULL, 10) : 0;
    if (pid > 0) die(EXIT_RUNTIME, "%s is being %s by process %ld", owner, verb, pid);
    die(EXIT_RUNTIME, "%s is being %s by another process", owner, verb);
}

static bool is_current(int fd, const char *path) {
    struct stat ours, named;
    return fstat(fd, &ours) == 0 && lstat(path, &named) == 0 && ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

/* Returns the locked file; -1 if it was removed in the meantime. */
static int try_lock(const char *path, const char *owner, const char *verb) {
    const int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EINTR) return -1;
    if (fd < 0) die(EXIT_RUNTIME, "%s: cannot be opened: %s", path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) is_held(fd, owner, verb);
        if (errno != EINTR)
            warn("%s: cannot be locked: %s; two processes here at once would spoil each other's files", path, strerror(errno));
        else return (void)close(fd), -1;
    }
    if (is_current(fd, path)) return fd;
    (void)close(fd);
    return -1;
}

static const char *held; /* the path of the lock file */

static void release_held(void) {
    if (held) (void)unlink(held);
}

void lock_take(file_lock_t *lock, const char *path, const char *owner, const char *verb) {
    char holder[32];
    if (atexit(release_held) != 0) die(EXIT_RUNTIME, "%s: no room to clean up after it", path);
    interrupt_catch(); /* before the file exists, so that only SIGKILL can leave it behind */
    lock->path = mem_text(path);
    do lock->fd = try_lock(path, owner, verb);
    while (lock->fd < 0);
    held = lock->path;
    const int n = snprintf(holder, sizeof holder, "%ld\n", (long)getpid());
    if (ftruncate(lock->fd, 0) != 0 || !write_all(lock->fd, holder, (size_t)n))
        die(EXIT_RUNTIME, "%s: cannot be written: %s", path, strerror(errno));
}

void lock_release(file_lock_t *lock) {
    release_held();
    held = NULL;
    (void)close(lock->fd);
    free(lock->path);
    *lock = (file_lock_t){.fd = -1};
}
