/* SPDX-License-Identifier: MIT
 * threads_none.c - implements threads.h where there are no threads: no thread can be started, and locking does nothing. */
#include "base/threads.h"

#if VAEI_THREADS == VAEI_NONE

int vaei_thread_start(vaei_thread *thread, void (*run)(void *arg), void *arg) {
    (void)thread, (void)run, (void)arg;
    return 0;
}

void vaei_thread_join(vaei_thread *thread) {
    (void)thread;
}

int vaei_mutex_init(vaei_mutex *mutex) {
    (void)mutex;
    return 1;
}

void vaei_mutex_destroy(vaei_mutex *mutex) {
    (void)mutex;
}

void vaei_mutex_lock(vaei_mutex *mutex) {
    (void)mutex;
}

void vaei_mutex_unlock(vaei_mutex *mutex) {
    (void)mutex;
}

int vaei_condvar_init(vaei_condvar *condition) {
    (void)condition;
    return 1;
}

void vaei_condvar_destroy(vaei_condvar *condition) {
    (void)condition;
}

void vaei_condvar_wait(vaei_condvar *condition, vaei_mutex *mutex) {
    (void)condition, (void)mutex;
}

void vaei_condvar_signal(vaei_condvar *condition) {
    (void)condition;
}

void vaei_condvar_broadcast(vaei_condvar *condition) {
    (void)condition;
}

int64_t vaei_process(void) {
    return 0;
}
#endif
