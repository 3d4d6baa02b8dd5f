/* SPDX-License-Identifier: MIT
 * threads_posix.c - implements threads.h by POSIX threads: Linux, macOS, FreeBSD, Android, WebAssembly with threads.
 *
 *   A new thread inherits the signal mask of the thread that starts it, so all signals are blocked around the start: the host's
 *   handlers
 *   then run on the host's threads. */
#define _POSIX_C_SOURCE 200809L
#include "base/threads.h"

#if VAEI_THREADS == VAEI_POSIX
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#define STACK_BYTES ((size_t)1 << 20)

static void *thread_main(void *arg) {
    const vaei_thread *const thread = arg;
    thread->run(thread->arg);
    return NULL;
}

static int start(vaei_thread *thread, const pthread_attr_t *attr) {
#if defined(__wasi__) /* WASI has no signals */
    return pthread_create(&thread->handle, attr, thread_main, thread) == 0;
#else
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int started = pthread_create(&thread->handle, attr, thread_main, thread) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
#endif
}

int vaei_thread_start(vaei_thread *thread, void (*run)(void *arg), void *arg) {
    pthread_attr_t attr;
    thread->run = run;
    thread->arg = arg;
    if (pthread_attr_init(&attr) != 0) return 0;
    (void)pthread_attr_setstacksize(&attr, STACK_BYTES);
    const int started = start(thread, &attr);
    (void)pthread_attr_destroy(&attr);
    return started;
}

void vaei_thread_join(vaei_thread *thread) {
    (void)pthread_join(thread->handle, NULL);
}

int vaei_mutex_init(vaei_mutex *mutex) {
    return pthread_mutex_init(mutex, NULL) == 0;
}

void vaei_mutex_destroy(vaei_mutex *mutex) {
    (void)pthread_mutex_destroy(mutex);
}

void vaei_mutex_lock(vaei_mutex *mutex) {
    (void)pthread_mutex_lock(mutex);
}

void vaei_mutex_unlock(vaei_mutex *mutex) {
    (void)pthread_mutex_unlock(mutex);
}

int vaei_condvar_init(vaei_condvar *condition) {
    return pthread_cond_init(condition, NULL) == 0;
}

void vaei_condvar_destroy(vaei_condvar *condition) {
    (void)pthread_cond_destroy(condition);
}

void vaei_condvar_wait(vaei_condvar *condition, vaei_mutex *mutex) {
    (void)pthread_cond_wait(condition, mutex);
}

void vaei_condvar_signal(vaei_condvar *condition) {
    (void)pthread_cond_signal(condition);
}

void vaei_condvar_broadcast(vaei_condvar *condition) {
    (void)pthread_cond_broadcast(condition);
}

int64_t vaei_process(void) {
#if defined(__wasi__) /* WASI has no processes */
    return 0;
#else
    return (int64_t)getpid();
#endif
}
#endif
