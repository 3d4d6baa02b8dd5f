/* SPDX-License-Identifier: MIT
 * pool.c - parallel_for: by the host's hook, by own threads, or in the caller.
 *
 *   One job at a time. Each thread has a share of its indices, equal runs in the order of the threads, and takes from
 *   others when its own is used up: work that comes again meets the caches it met before. `left` is the number of a
 *   share's indices nobody has taken, `done` the number of the job's that are finished:
 *
 *       caller    write job; done = 0; left = size of each share; wake sleepers; take indices; wait until done == tasks
 *       worker    wait until some left > 0; take indices
 *       take      left = 7  --compare and swap-->  6: the 7th from the share's end is mine; task(arg, index); done++
 *
 *   A worker reads the job only after it has taken an index, and the job cannot end before that index is finished: a
 *   worker that wakes late finds either nothing or the next job, never half of one.
 *
 *   Both sides first wait in a short loop, because the next job often follows in microseconds, and then sleep. A
 *   worker that goes to sleep counts itself and then looks at `left`; the caller sets `left` and then looks at the
 *   count: one of them sees the other.
 *
 *   Workers block all signals, so the host's handlers run on the host's threads, and compute in the default
 *   floating-point environment. In a child of fork() there are no workers; the process id tells. */
#define _POSIX_C_SOURCE 200809L
#include "base/base.h"

#include <fenv.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#define THREADS_MAX 256
#define SPINS       2000
#define STACK_BYTES ((size_t)1 << 20)

typedef struct share {
    _Alignas(VAEI_ALIGN) _Atomic int32_t left;
} share;

typedef struct member {
    struct crew *crew;
    int32_t number;
} member;

typedef struct crew {
    share share[THREADS_MAX]; /* [0]: the caller's */
    _Alignas(VAEI_ALIGN) _Atomic int32_t done;
    _Alignas(VAEI_ALIGN) _Atomic int32_t busy; /* a caller's job is in `task` */
    _Atomic int32_t sleeping, stop;
    vaei_task task;
    void *arg;
    int32_t tasks;
    pid_t process;
    pthread_mutex_t lock; /* only for sleeping and waking */
    pthread_cond_t wake, finished;
    int32_t n, started; /* workers: wanted, and so many of them are there */
    pthread_t worker[THREADS_MAX];
    member member[THREADS_MAX];
} crew;

struct vaei_pool {
    vaei_heap *heap;
    void *user;
    void (*hook)(void *user, int32_t tasks, vaei_task task, void *arg);
    crew *crew; /* NULL: no workers */
};

static VAEI_THREAD_LOCAL int32_t inside_task; /* of any pool: a nested call runs in its caller */

static void pause_cpu(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void run_serially(int32_t tasks, vaei_task task, void *arg) {
    for (int32_t i = 0; i < tasks; i++) task(arg, i);
}

/* Where the share of a thread begins; that of the next is its end. */
static int32_t share_start(const crew *c, int32_t tasks, int32_t number) {
    return (int32_t)((int64_t)tasks * number / (c->n + 1));
}

/* What was left of a share before one index was taken from it; 0: nothing */
static int32_t take(share *s) {
    int32_t left = atomic_load_explicit(&s->left, memory_order_relaxed);
    while (left > 0 && !atomic_compare_exchange_weak_explicit(&s->left, &left, left - 1, memory_order_acquire,
                                                              memory_order_relaxed)) {
        continue;
    }
    return left;
}

/* Take indices and run them until none is left: of the own share, then of those behind it. */
static void work(crew *c, int32_t number) {
    for (int32_t i = 0; i <= c->n;) {
        const int32_t owner = (number + i) % (c->n + 1), left = take(&c->share[owner]);
        if (left == 0) {
            i++;
            continue;
        }
        const int32_t tasks = c->tasks; /* after done++ the job may be another */
        c->task(c->arg, share_start(c, tasks, owner + 1) - left);
        if (atomic_fetch_add_explicit(&c->done, 1, memory_order_acq_rel) + 1 == tasks) {
            pthread_mutex_lock(&c->lock);
            pthread_cond_signal(&c->finished);
            pthread_mutex_unlock(&c->lock);
        }
        i = 0;
    }
}

static int idle(crew *c) {
    for (int32_t i = 0; i <= c->n; i++) {
        if (atomic_load(&c->share[i].left) > 0) return 0;
    }
    return !atomic_load(&c->stop);
}

static void *worker_main(void *arg) {
    const member *const self = arg;
    crew *const c = self->crew;
    inside_task = 1;
    (void)fesetenv(FE_DFL_ENV);
    while (!atomic_load(&c->stop)) {
        work(c, self->number);
        for (int32_t spin = 0; spin < SPINS && idle(c); spin++) pause_cpu();
        if (!idle(c)) continue;
        pthread_mutex_lock(&c->lock);
        atomic_fetch_add(&c->sleeping, 1);
        while (idle(c)) pthread_cond_wait(&c->wake, &c->lock);
        atomic_fetch_sub(&c->sleeping, 1);
        pthread_mutex_unlock(&c->lock);
    }
    return NULL;
}

static void run_crew(crew *c, int32_t tasks, vaei_task task, void *arg) {
    c->task = task;
    c->arg = arg;
    c->tasks = tasks;
    atomic_store_explicit(&c->done, 0, memory_order_relaxed);
    for (int32_t i = 0; i <= c->n; i++)
        atomic_store(&c->share[i].left, share_start(c, tasks, i + 1) - share_start(c, tasks, i));
    if (atomic_load(&c->sleeping) > 0) {
        const int32_t wanted = tasks - 1 < c->n ? tasks - 1 : c->n;
        pthread_mutex_lock(&c->lock);
        for (int32_t i = 0; i < wanted; i++) pthread_cond_signal(&c->wake);
        pthread_mutex_unlock(&c->lock);
    }
    work(c, 0);
    for (int32_t spin = 0; spin < SPINS; spin++) {
        if (atomic_load_explicit(&c->done, memory_order_acquire) == tasks) return;
        pause_cpu();
    }
    pthread_mutex_lock(&c->lock);
    while (atomic_load_explicit(&c->done, memory_order_acquire) != tasks) pthread_cond_wait(&c->finished, &c->lock);
    pthread_mutex_unlock(&c->lock);
}

typedef struct hooked {
    vaei_task task;
    void *arg;
} hooked;

static void run_hooked(void *arg, int32_t index) {
    const hooked *const h = arg;
    const int32_t before = inside_task;
    inside_task = 1;
    h->task(h->arg, index);
    inside_task = before;
}

void vaei_parallel(const vaei_pool *pool, int32_t tasks, vaei_task task, void *arg) {
    if (!pool || tasks <= 1 || inside_task) {
        run_serially(tasks, task, arg);
        return;
    }
    if (pool->hook) {
        hooked h = {task, arg};
        pool->hook(pool->user, tasks, run_hooked, &h);
        return;
    }
    crew *const c = pool->crew;
    if (!c || c->process != getpid() || atomic_exchange_explicit(&c->busy, 1, memory_order_acquire)) {
        run_serially(tasks, task, arg);
        return;
    }
    inside_task = 1;
    run_crew(c, tasks, task, arg);
    inside_task = 0;
    atomic_store_explicit(&c->busy, 0, memory_order_release);
}

int32_t vaei_seat_take(vaei_seats *seats) {
    uint32_t taken = atomic_load_explicit(&seats->taken, memory_order_relaxed);
    for (;;) {
        int32_t seat = 0;
        while (taken >> seat & 1) seat++;
        if (atomic_compare_exchange_weak_explicit(&seats->taken, &taken, taken | UINT32_C(1) << seat,
                                                  memory_order_acquire, memory_order_relaxed))
            return seat;
    }
}

void vaei_seat_leave(vaei_seats *seats, int32_t seat) {
    (void)atomic_fetch_and_explicit(&seats->taken, ~(UINT32_C(1) << seat), memory_order_release);
}

/* ---- creation --------------------------------------------------------------------------------------------------- */

static void dismiss(crew *c) {
    pthread_mutex_lock(&c->lock);
    atomic_store(&c->stop, 1);
    pthread_cond_broadcast(&c->wake);
    pthread_mutex_unlock(&c->lock);
    for (int32_t i = 0; i < c->started; i++) (void)pthread_join(c->worker[i], NULL);
    pthread_cond_destroy(&c->finished);
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->lock);
}

/* Start `n` workers, which inherit a mask that blocks every signal; returns how many there are. */
static int32_t start_workers(crew *c, int32_t n) {
    pthread_attr_t attr;
    sigset_t all, before;
    if (pthread_attr_init(&attr) != 0) return 0;
    (void)pthread_attr_setstacksize(&attr, STACK_BYTES);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    c->n = n;
    for (; c->started < n; c->started++) {
        member *const m = &c->member[c->started];
        *m = (member){c, c->started + 1};
        if (pthread_create(&c->worker[c->started], &attr, worker_main, m) != 0) break;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attr);
    return c->started;
}

static vae_status_t create_crew(crew **out, vaei_heap *heap, int32_t n) {
    crew *c = vaei_heap_alloc(heap, sizeof *c, "thread pool");
    if (!c) return VAE_E_NOMEM;
    c->process = getpid();
    const int locked = pthread_mutex_init(&c->lock, NULL) == 0;
    const int wakes = pthread_cond_init(&c->wake, NULL) == 0;
    const int finishes = pthread_cond_init(&c->finished, NULL) == 0;
    if (!locked || !wakes || !finishes) {
        if (locked) pthread_mutex_destroy(&c->lock);
        if (wakes) pthread_cond_destroy(&c->wake);
        if (finishes) pthread_cond_destroy(&c->finished);
        vaei_heap_free(heap, c, sizeof *c);
        return vaei_fail(VAE_E_NOMEM, "thread pool: the system has no more locks");
    }
    const int32_t started = start_workers(c, n);
    if (started < n) {
        dismiss(c);
        vaei_heap_free(heap, c, sizeof *c);
        return vaei_fail(VAE_E_NOMEM, "thread pool: the system started %d threads, wanted %d", (int)started, (int)n);
    }
    *out = c;
    return VAE_OK;
}

vae_status_t vaei_pool_create(vaei_pool **out, vaei_heap *heap, int32_t threads, void *user,
                              void (*hook)(void *user, int32_t tasks, vaei_task task, void *arg)) {
    if (threads < 0 || threads > THREADS_MAX) {
        return vaei_fail(VAE_E_ARG, "thread pool: %d threads, wanted 0..%d", (int)threads, THREADS_MAX);
    }
    vaei_pool *pool = vaei_heap_alloc(heap, sizeof *pool, "thread pool");
    if (!pool) return VAE_E_NOMEM;
    pool->heap = heap;
    pool->user = user;
    pool->hook = threads == 0 ? hook : NULL;
    if (threads > 1) {
        const vae_status_t status = create_crew(&pool->crew, heap, threads - 1);
        if (status < 0) {
            vaei_heap_free(heap, pool, sizeof *pool);
            return status;
        }
    }
    *out = pool;
    return VAE_OK;
}

int32_t vaei_pool_threads(const vaei_pool *pool) {
    if (pool && pool->hook) return 0;
    return pool && pool->crew ? pool->crew->n + 1 : 1;
}

void vaei_pool_destroy(vaei_pool *pool) {
    if (!pool) return;
    if (pool->crew) {
        if (pool->crew->process == getpid()) dismiss(pool->crew);
        vaei_heap_free(pool->heap, pool->crew, sizeof *pool->crew);
    }
    vaei_heap_free(pool->heap, pool, sizeof *pool);
}
