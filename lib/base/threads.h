/* SPDX-License-Identifier: MIT
 * threads.h - threads, mutexes and conditions as the system has them: threads_posix.c, threads_windows.c, or threads_none.c, where
 * nothing can be started. What can fail returns 0 if it does. */
#ifndef VAEI_THREADS_H
#define VAEI_THREADS_H

#include <stdint.h>

#include "base/system.h"

#if VAEI_THREADS == VAEI_POSIX
#include <pthread.h>
typedef pthread_t vaei_thread_handle;
typedef pthread_mutex_t vaei_mutex;
typedef pthread_cond_t vaei_condvar;
#else
typedef void *vaei_thread_handle;
typedef struct vaei_mutex {
    void *state; /* Windows: an SRWLOCK */
} vaei_mutex;
typedef struct vaei_condvar {
    void *state; /* Windows: a CONDITION_VARIABLE */
} vaei_condvar;
#endif

typedef struct vaei_thread {
    vaei_thread_handle handle;
    void (*run)(void *arg);
    void *arg;
} vaei_thread;

/* Runs run(arg) in a new thread, which blocks all signals; *thread stays where it is until it is joined. */
int vaei_thread_start(vaei_thread *thread, void (*run)(void *arg), void *arg);
void vaei_thread_join(vaei_thread *thread);

int vaei_mutex_init(vaei_mutex *mutex);
void vaei_mutex_destroy(vaei_mutex *mutex);
void vaei_mutex_lock(vaei_mutex *mutex);
void vaei_mutex_unlock(vaei_mutex *mutex);

int vaei_condvar_init(vaei_condvar *condition);
void vaei_condvar_destroy(vaei_condvar *condition);
void vaei_condvar_wait(vaei_condvar *condition, vaei_mutex *mutex); /* may wake for no reason */
void vaei_condvar_signal(vaei_condvar *condition);                  /* one that waits */
void vaei_condvar_broadcast(vaei_condvar *condition);               /* all that wait */

/* The number of this process: another one in a child of fork(), whose only thread is its caller. */
int64_t vaei_process(void);

#endif
