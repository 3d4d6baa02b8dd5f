/* SPDX-License-Identifier: MIT
 * lock.h - one process at a time: a lock on a file, which the system releases when its holder ends in any way.
 * The file holds the number of the process. It remains only if the holder was killed, which does no harm. */
#ifndef LOCK_H
#define LOCK_H

typedef struct file_lock {
    int fd; /* -1: not held */
    char *path;
} file_lock_t;

/* A process has at most one lock, and the end of the program releases it too. While it holds the lock, it must call interrupt_seen(),
 * because a signal no longer ends the program. Dies if another process holds the lock: "OWNER is being VERB by process N". */
void lock_take(file_lock_t *lock, const char *path, const char *owner, const char *verb);
void lock_release(file_lock_t *lock);

#endif
