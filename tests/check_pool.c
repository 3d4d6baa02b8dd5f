/* SPDX-License-Identifier: MIT
 * check_pool.c - tests pool.c: each index runs once, on any thread; several callers, nesting, fork, signals, the host's hook. Run it with
 * ThreadSanitizer too. */
#define _POSIX_C_SOURCE 200809L
#include "base/base.h"

#include <check.h>
#include <fenv.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TASKS_MAX 200

static const int32_t thread_counts[] = {1, 2, 3, 4, 8};

static vaei_heap heap;
static vaei_pool *pool;

static void create(int32_t threads) {
    vaei_heap_init_default(&heap);
    ck_assert_int_eq(vaei_pool_create(&pool, &heap, threads, NULL, NULL), VAE_OK);
}

static void destroy(void) {
    vaei_pool_destroy(pool);
    ck_assert_uint_eq(heap.in_use, 0);
}

static void short_sleep(long milliseconds) {
    const struct timespec t = {0, milliseconds * 1000000};
    nanosleep(&t, NULL);
}

static void count_index(void *arg, int32_t index) {
    ((int32_t *)arg)[index]++; /* not atomic: two workers on one index would be a race */
}

static void each_index_once(int32_t tasks) {
    int32_t count[TASKS_MAX + 1] = {0};
    vaei_parallel(pool, tasks, count_index, count);
    for (int32_t i = 0; i <= TASKS_MAX; i++) ck_assert_int_eq(count[i], i < tasks);
}

START_TEST(test_pool_runs_each_index_once) {
    create(thread_counts[_i]);
    for (int32_t round = 0; round < 50; round++) {
        for (int32_t tasks = 0; tasks <= 20; tasks++) each_index_once(tasks);
        each_index_once(TASKS_MAX);
    }
    destroy();
}
END_TEST

START_TEST(test_pool_sleeping_workers_wake) {
    create(thread_counts[_i]);
    for (int32_t round = 0; round < 20; round++) {
        short_sleep(3);
        each_index_once(TASKS_MAX);
    }
    destroy();
}
END_TEST

START_TEST(test_pool_null_and_negative_counts_are_harmless) {
    vaei_heap_init_default(&heap);
    pool = NULL;
    each_index_once(7);
    each_index_once(0);
    each_index_once(-1);
    destroy();
}
END_TEST

typedef struct meeting {
    _Atomic int32_t there;
    int32_t wanted;
} meeting;

static void meet(void *arg, int32_t index) {
    meeting *m = arg;
    (void)index;
    atomic_fetch_add(&m->there, 1);
    while (atomic_load(&m->there) < m->wanted) short_sleep(1);
}

START_TEST(test_pool_tasks_run_at_the_same_time) {
    meeting m = {0, 4};
    create(4);
    vaei_parallel(pool, 4, meet, &m); /* hangs unless four threads meet */
    ck_assert_int_eq(m.there, 4);
    destroy();
}
END_TEST

typedef struct identity {
    pthread_t caller;
    _Atomic int32_t elsewhere;
} identity;

static void note_thread(void *arg, int32_t index) {
    identity *who = arg;
    (void)index;
    if (!pthread_equal(pthread_self(), who->caller)) atomic_fetch_add(&who->elsewhere, 1);
}

START_TEST(test_pool_of_one_stays_in_the_caller) {
    identity who = {pthread_self(), 0};
    create(_i);
    for (int32_t i = 0; i < 100; i++) vaei_parallel(pool, 10, note_thread, &who);
    ck_assert_int_eq(who.elsewhere, 0);
    destroy();
}
END_TEST

static void slow_index(void *arg, int32_t index) {
    count_index(arg, index);
    short_sleep(1);
}

START_TEST(test_pool_waits_for_slow_workers) {
    int32_t count[8] = {0};
    create(4);
    for (int32_t round = 1; round <= 10; round++) {
        vaei_parallel(pool, 8, slow_index, count);
        for (int32_t i = 0; i < 8; i++) ck_assert_int_eq(count[i], round);
    }
    destroy();
}
END_TEST

typedef struct seated {
    vaei_index_pool indices;
    int32_t used[32]; /* not atomic: two tasks on one held would be a race */
    _Atomic int32_t highest;
} seated;

static void sit(void *arg, int32_t index) {
    seated *const s = arg;
    const int32_t held = vaei_index_take(&s->indices);
    int32_t before = atomic_load(&s->highest);
    while (held > before && !atomic_compare_exchange_weak(&s->highest, &before, held)) continue;
    const int32_t seen = ++s->used[held];
    if (index % 5 == 0) short_sleep(1);
    ck_assert_int_eq(s->used[held], seen);
    vaei_index_give_back(&s->indices, held);
}

START_TEST(test_pool_tasks_at_work_sit_apart_on_the_lowest_seats) {
    seated s = {.highest = 0};
    int32_t sum = 0;
    create(thread_counts[_i]);
    vaei_parallel(pool, TASKS_MAX, sit, &s);
    for (int32_t i = 0; i < 32; i++) sum += s.used[i];
    ck_assert_int_eq(sum, TASKS_MAX);
    ck_assert_int_lt(s.highest, thread_counts[_i]);
    ck_assert_uint_eq(s.indices.taken, 0);
    destroy();
}
END_TEST

static void nested(void *arg, int32_t index) {
    vaei_parallel(pool, 10, count_index, (int32_t *)arg + 10 * index);
}

START_TEST(test_pool_nested_calls_run_each_index_once) {
    create(thread_counts[_i]);
    for (int32_t round = 0; round < 50; round++) {
        int32_t count[TASKS_MAX] = {0};
        vaei_parallel(pool, TASKS_MAX / 10, nested, count);
        for (int32_t i = 0; i < TASKS_MAX; i++) ck_assert_int_eq(count[i], 1);
    }
    destroy();
}
END_TEST

static void nested_again(void *arg, int32_t index) {
    vaei_parallel(pool, 5, nested, (int32_t *)arg + 50 * index);
}

START_TEST(test_pool_nested_deeper_calls_run_each_index_once) {
    create(thread_counts[_i]);
    for (int32_t round = 0; round < 200; round++) {
        int32_t count[TASKS_MAX] = {0};
        if (round % 50 == 0) short_sleep(3);
        vaei_parallel(pool, TASKS_MAX / 50, nested_again, count);
        for (int32_t i = 0; i < TASKS_MAX; i++) ck_assert_int_eq(count[i], 1);
    }
    destroy();
}
END_TEST

typedef struct helped {
    meeting start;
    identity caller;
    int32_t worker; /* the long task is a worker's */
} helped;

/* One of two tasks ends at once; in the other, calls go on until both threads have been inside of one. */
static void one_is_longer(void *arg, int32_t index) {
    helped *const h = arg;
    meet(&h->start, index);
    const int32_t worker = pthread_equal(pthread_self(), h->caller.caller) ? 0 : 1;
    if (worker != h->worker) return;
    for (;;) {
        identity who = {pthread_self(), 0};
        vaei_parallel(pool, 50, note_thread, &who);
        if (who.elsewhere > 0 && who.elsewhere < 50) return;
    }
}

START_TEST(test_pool_idle_threads_help_inside_of_a_task) {
    create(2);
    for (int32_t round = 0; round < 20; round++) {
        helped h = {.start = {0, 2}, .caller = {pthread_self(), 0}, .worker = _i};
        vaei_parallel(pool, 2, one_is_longer, &h); /* hangs unless the other thread helps */
    }
    destroy();
}
END_TEST

static void until_helped(void *arg, int32_t index) {
    identity who;
    meet(arg, index);
    do {
        who = (identity){pthread_self(), 0};
        vaei_parallel(pool, 50, note_thread, &who);
    } while (who.elsewhere == 0);
}

START_TEST(test_pool_several_tasks_are_helped_at_once) {
    create(4);
    for (int32_t round = 0; round < 20; round++) {
        meeting start = {0, 2};
        vaei_parallel(pool, 2, until_helped, &start); /* hangs unless the two threads that are left help */
    }
    destroy();
}
END_TEST

static void *host_thread(void *arg) {
    _Atomic int32_t *wrong = arg;
    for (int32_t round = 0; round < 500; round++) {
        int32_t count[TASKS_MAX] = {0};
        vaei_parallel(pool, round % TASKS_MAX, count_index, count);
        for (int32_t i = 0; i < TASKS_MAX; i++) atomic_fetch_add(wrong, count[i] != (i < round % TASKS_MAX));
        if (round % 100 == 0) short_sleep(2);
    }
    return NULL;
}

START_TEST(test_pool_serves_several_callers) {
    pthread_t thread[4];
    _Atomic int32_t wrong = 0;
    create(thread_counts[_i]);
    for (int32_t i = 0; i < 4; i++) ck_assert_int_eq(pthread_create(&thread[i], NULL, host_thread, &wrong), 0);
    for (int32_t i = 0; i < 4; i++) ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
    ck_assert_int_eq(wrong, 0);
    destroy();
}
END_TEST

START_TEST(test_pool_is_destroyed_at_any_moment_of_its_life) {
    for (int32_t round = 0; round < 60; round++) {
        create(4);
        if (round % 3 > 0) each_index_once(20);
        if (round % 3 > 1) short_sleep(1);
        destroy();
    }
}
END_TEST

START_TEST(test_pool_child_of_fork_runs_in_its_caller) {
    int status = -1;
    create(4);
    each_index_once(TASKS_MAX);
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        int32_t count[TASKS_MAX] = {0}, good = 1;
        vaei_parallel(pool, TASKS_MAX, count_index, count);
        for (int32_t i = 0; i < TASKS_MAX; i++) good = good && count[i] == 1;
        vaei_pool_destroy(pool);
        _exit(good && heap.in_use == 0 ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    each_index_once(TASKS_MAX); /* the parent's workers are still there */
    destroy();
}
END_TEST

typedef struct worker_facts {
    meeting all;
    pthread_t caller;
    _Atomic int32_t open_signals, odd_rounding;
} worker_facts;

static void note_facts(void *arg, int32_t index) {
    worker_facts *f = arg;
    sigset_t mask;
    meet(&f->all, index);
    if (pthread_equal(pthread_self(), f->caller)) return;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    if (!sigismember(&mask, SIGINT) || !sigismember(&mask, SIGUSR1)) atomic_fetch_add(&f->open_signals, 1);
    if (fegetround() != FE_TONEAREST) atomic_fetch_add(&f->odd_rounding, 1);
}

START_TEST(test_pool_workers_leave_signals_to_the_host_and_round_to_nearest) {
    worker_facts f = {.all = {0, 4}, .caller = pthread_self()};
    sigset_t before, after;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    fesetround(FE_UPWARD);
    create(4);
    vaei_parallel(pool, 4, note_facts, &f);
    fesetround(FE_TONEAREST);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    ck_assert_int_eq(f.open_signals, 0);
    ck_assert_int_eq(f.odd_rounding, 0);
    for (int i = 1; i < 32; i++) ck_assert_int_eq(sigismember(&before, i), sigismember(&after, i));
    destroy();
}
END_TEST

/* ---- the host's hook -------------------------------------------------------------------------------------------- */

static void backwards(void *user, int32_t tasks, vaei_task task, void *arg) {
    ++*(int32_t *)user;
    for (int32_t i = tasks - 1; i >= 0; i--) task(arg, i);
}

START_TEST(test_pool_uses_the_hook_but_not_inside_a_task) {
    int32_t calls = 0, count[TASKS_MAX] = {0};
    vaei_heap_init_default(&heap);
    ck_assert_int_eq(vaei_pool_create(&pool, &heap, 0, &calls, backwards), VAE_OK);
    vaei_parallel(pool, TASKS_MAX / 10, nested, count);
    ck_assert_int_eq(calls, 1);
    for (int32_t i = 0; i < TASKS_MAX; i++) ck_assert_int_eq(count[i], 1);
    each_index_once(5);
    ck_assert_int_eq(calls, 2);
    destroy();
}
END_TEST

START_TEST(test_pool_own_threads_take_precedence_over_the_hook) {
    int32_t calls = 0;
    vaei_heap_init_default(&heap);
    ck_assert_int_eq(vaei_pool_create(&pool, &heap, 2, &calls, backwards), VAE_OK);
    each_index_once(20);
    ck_assert_int_eq(calls, 0);
    destroy();
}
END_TEST

static void *refuse_after(void *user, size_t size, size_t align) {
    int32_t *left = user;
    static _Alignas(VAEI_ALIGN) char block[4096];
    (void)align;
    return (*left)-- > 0 && size <= sizeof block ? block : NULL;
}

static void keep(void *user, void *ptr, size_t size) {
    (void)user;
    (void)ptr;
    (void)size;
}

START_TEST(test_pool_refused_creation_leaves_nothing) {
    static const int32_t bad[] = {-1, 257, INT32_MAX, INT32_MIN};
    vaei_pool *out = NULL;
    vaei_heap_init_default(&heap);
    for (size_t i = 0; i < VAEI_COUNT(bad); i++) { ck_assert_int_eq(vaei_pool_create(&out, &heap, bad[i], NULL, NULL), VAE_E_ARG); }
    for (int32_t granted = 0; granted < 2; granted++) {
        int32_t left = granted;
        heap.user = &left;
        heap.alloc = refuse_after;
        heap.free = keep;
        ck_assert_int_eq(vaei_pool_create(&out, &heap, 2, NULL, NULL), VAE_E_NOMEM);
        ck_assert_uint_eq(heap.in_use, 0);
    }
    ck_assert_ptr_null(out);
}
END_TEST

Suite *suite_pool(void);

Suite *suite_pool(void) {
    const int n = (int)VAEI_COUNT(thread_counts);
    Suite *s = suite_create("pool");
    TCase *t = tcase_create("pool");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, test_pool_runs_each_index_once, 0, n);
    tcase_add_loop_test(t, test_pool_sleeping_workers_wake, 0, n);
    tcase_add_test(t, test_pool_null_and_negative_counts_are_harmless);
    tcase_add_test(t, test_pool_tasks_run_at_the_same_time);
    tcase_add_loop_test(t, test_pool_of_one_stays_in_the_caller, 0, 2);
    tcase_add_test(t, test_pool_waits_for_slow_workers);
    tcase_add_loop_test(t, test_pool_tasks_at_work_sit_apart_on_the_lowest_seats, 0, n);
    tcase_add_loop_test(t, test_pool_nested_calls_run_each_index_once, 0, n);
    tcase_add_loop_test(t, test_pool_nested_deeper_calls_run_each_index_once, 0, n);
    tcase_add_loop_test(t, test_pool_idle_threads_help_inside_of_a_task, 0, 2);
    tcase_add_test(t, test_pool_several_tasks_are_helped_at_once);
    tcase_add_loop_test(t, test_pool_serves_several_callers, 0, n);
    tcase_add_test(t, test_pool_is_destroyed_at_any_moment_of_its_life);
    tcase_add_test(t, test_pool_child_of_fork_runs_in_its_caller);
    tcase_add_test(t, test_pool_workers_leave_signals_to_the_host_and_round_to_nearest);
    tcase_add_test(t, test_pool_uses_the_hook_but_not_inside_a_task);
    tcase_add_test(t, test_pool_own_threads_take_precedence_over_the_hook);
    tcase_add_test(t, test_pool_refused_creation_leaves_nothing);
    suite_add_tcase(s, t);
    return s;
}
