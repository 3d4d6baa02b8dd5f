/* SPDX-License-Identifier: MIT
 * threads.h - threads, mutexes and condition variables of the system: threads_posix.c, threads_windows.c, or threads_none.c, which cannot
 * start a thread. A call that can fail returns 0 if it fails. */
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

/* Runs run(arg) in a new thread, which blocks all signals. *thread must not move before it is joined. */
int vaei_thread_start(vaei_thread *thread, void (*run)(void *arg), void *arg);
void vaei_thread_join(vaei_thread *thread);

int vaei_mutex_init(vaei_mutex *mutex);
void vaei_mutex_destroy(vaei_mutex *mutex);
void vaei_mutex_lock(vaei_mutex *mutex);
void vaei_mutex_unlock(vaei_mutex *mutex);

int vaei_condvar_init(vaei_condvar *condition);
void vaei_condvar_destroy(vaei_condvar *condition);
void vaei_condvar_wait(vaei_condvar *condition, vaei_mutex *mutex); /* may wake without a signal */
void vaei_condvar_signal(vaei_condvar *condition);                  /* wakes one waiting thread */
void vaei_condvar_broadcast(vaei_condvar *condition);               /* wakes all waiting threads */

/* The number of this process. A child of fork() has another number, and its only thread is the one that called fork(). */
int64_t vaei_process(void);

#endif
