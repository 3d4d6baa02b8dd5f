/* SPDX-License-Identifier: MIT
 * threads_windows.c - implements threads.h by slim locks and condition variables of Windows. Both are a pointer that needs no
 * destruction. Windows has neither signals nor fork(). */
#include "base/threads.h"

#if VAEI_THREADS == VAEI_WINDOWS
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <process.h>

#define STACK_BYTES (1u << 20)

_Static_assert(sizeof(vaei_mutex) == sizeof(SRWLOCK), "a mutex is a slim lock");
_Static_assert(sizeof(vaei_condvar) == sizeof(CONDITION_VARIABLE), "a condition is a condition variable");

static unsigned __stdcall thread_main(void *arg) {
    const vaei_thread *const thread = arg;
    thread->run(thread->arg);
    return 0;
}

int vaei_thread_start(vaei_thread *thread, void (*run)(void *arg), void *arg) {
    thread->run = run;
    thread->arg = arg;
    thread->handle = (void *)_beginthreadex(NULL, STACK_BYTES, thread_main, thread, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    return thread->handle != NULL;
}

void vaei_thread_join(vaei_thread *thread) {
    (void)WaitForSingleObject(thread->handle, INFINITE);
    (void)CloseHandle(thread->handle);
}

int vaei_mutex_init(vaei_mutex *mutex) {
    InitializeSRWLock((SRWLOCK *)mutex);
    return 1;
}

void vaei_mutex_destroy(vaei_mutex *mutex) {
    (void)mutex;
}

void vaei_mutex_lock(vaei_mutex *mutex) {
    AcquireSRWLockExclusive((SRWLOCK *)mutex);
}

void vaei_mutex_unlock(vaei_mutex *mutex) {
    ReleaseSRWLockExclusive((SRWLOCK *)mutex);
}

int vaei_condvar_init(vaei_condvar *condition) {
    InitializeConditionVariable((CONDITION_VARIABLE *)condition);
    return 1;
}

void vaei_condvar_destroy(vaei_condvar *condition) {
    (void)condition;
}

void vaei_condvar_wait(vaei_condvar *condition, vaei_mutex *mutex) {
    (void)SleepConditionVariableSRW((CONDITION_VARIABLE *)condition, (SRWLOCK *)mutex, INFINITE, 0);
}

void vaei_condvar_signal(vaei_condvar *condition) {
    WakeConditionVariable((CONDITION_VARIABLE *)condition);
}

void vaei_condvar_broadcast(vaei_condvar *condition) {
    WakeAllConditionVariable((CONDITION_VARIABLE *)condition);
}

int64_t vaei_process(void) {
    return (int64_t)GetCurrentProcessId();
}
#endif
