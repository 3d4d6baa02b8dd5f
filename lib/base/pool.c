/* SPDX-License-Identifier: MIT
 * pool.c - runs a parallel_for: by the host's hook, by threads of its own, or in the caller.
 *
 *   The threads of the pool work on one job of the host at a time. The job's indices are divided into shares, one equal range for each
 *   thread in the order of the threads. A thread takes indices of other shares when its own share is empty. So repeated work finds its
 *   data in the cache of the same thread. A call inside of a task becomes an inner job with a single share if a thread of the pool is idle;
 *   otherwise the task runs the call itself. `left` is the number of indices of a share that no thread has taken, and `done` the number of
 *   finished indices of the job:
 *
 *       caller    write the job; done = 0; left = size of each share; wake sleepers; take indices; wait until done == tasks
 *       worker    wait until some left > 0; take indices
 *       take      left = 7  --compare and swap-->  6: the thread has the 7th index from the share's end; task(arg, index); done++
 *
 *   A worker reads the job only after it has taken an index, and the job cannot end before that index is finished. So a
 *   worker that wakes late finds either nothing or the next job, never half of a job. While the host's caller waits for
 *   the workers, it takes indices of inner jobs; the caller of an inner job only waits, because an inner job is short.
 *
 *   A waiting thread first spins for a short time, because the next job often follows in microseconds, and then sleeps. Before it sleeps,
 *   it increments the count of sleepers and then reads `left`; a caller sets `left` and then reads the count, so at least one of them sees
 *   the other.
 *
 *   Workers block all signals, so that the host's handlers run on the host's threads. They compute in the default
 *   floating-point environment. A child of fork() has no workers, and the pool recognises the child by its process id. */
#include "base/base.h"

#include <fenv.h>

#include "base/threads.h"
#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
#include <immintrin.h>
#endif

#define THREADS_MAX 256
#define SPINS       2000

typedef struct share {
    _Alignas(VAEI_ALIGN) _Atomic int32_t left;
} share;

typedef struct job {
    vaei_task task;
    void *arg;
    int32_t tasks;
    int32_t shares; /* constant while the crew lives */
    share *share;
    _Atomic int32_t done;
} job;

typedef struct member {
    struct crew *crew;
    int32_t number;
    int32_t calling; /* 1 while its inner job runs */
    int32_t asleep;
    job inner;
    share share;
    vaei_thread thread;
} member;

typedef struct crew {
    job job;
    _Alignas(VAEI_ALIGN) _Atomic int32_t busy; /* 1 while `job` holds a call of the host */
    _Atomic int32_t idle, sleeping, stop;      /* idle: threads with nothing to do, with those that sleep */
    int64_t process;
    vaei_mutex lock;             /* only for sleeping and waking */
    vaei_condvar wake, finished; /* finished: signals the end of inner jobs */
    int32_t n, started;          /* n: the workers wanted; started: those that run */
    member *member;              /* [n + 1]; [0] is the host's caller */
} crew;

struct vaei_pool {
    vaei_heap *heap;
    void *user;
    void (*hook)(void *user, int32_t tasks, vaei_task task, void *arg);
    crew *crew; /* NULL: no workers */
};

static VAEI_THREAD_LOCAL member *inside; /* the member that runs the current task, of any pool */

static void pause_cpu(void) {
#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
    _mm_pause();
#elif defined(__GNUC__) && defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void run_serially(int32_t tasks, vaei_task task, void *arg) {
    for (int32_t i = 0; i < tasks; i++) task(arg, i);
}

/* The first index of a share. It is also the end of the share before. */
static int32_t share_start(const job *j, int32_t tasks, int32_t number) {
    return (int32_t)((int64_t)tasks * number / j->shares);
}

/* Take one index. Return what the share had left before, or 0 if it was empty. */
static int32_t take(share *s) {
    int32_t left = atomic_load_explicit(&s->left, memory_order_relaxed);
    while (left > 0 && !atomic_compare_exchange_weak_explicit(&s->left, &left, left - 1, memory_order_acquire, memory_order_relaxed)) {
        continue;
    }
    return left;
}

static int over(const job *j) {
    return atomic_load(&j->done) == j->tasks;
}

/* Wake the threads that wait for the end of this job. */
static void announce_end(crew *c, const job *j) {
    vaei_mutex_lock(&c->lock);
    if (j != &c->job) vaei_condvar_broadcast(&c->finished);
    if (j == &c->job && c->member[0].asleep) vaei_condvar_broadcast(&c->wake);
    vaei_mutex_unlock(&c->lock);
}

/* Take indices and run them until none is left, first of the share with this number, then of the shares behind it. Return how many were
 * run. */
static int32_t work(crew *c, job *j, int32_t number) {
    int32_t count = 0;
    for (int32_t i = 0; i < j->shares;) {
        const int32_t owner = (number + i) % j->shares, left = take(&j->share[owner]);
        if (left == 0) {
            i++;
            continue;
        }
        const int32_t tasks = j->tasks; /* read before done++, after which the job may be another one */
        VAEI_ASSERT(left <= share_start(j, tasks, owner + 1) - share_start(j, tasks, owner));
        j->task(j->arg, share_start(j, tasks, owner + 1) - left);
        if (atomic_fetch_add(&j->done, 1) + 1 == tasks) announce_end(c, j);
        count++;
        i = 0;
    }
    return count;
}

/* Run indices of the inner jobs of other members, beginning with the next member. Return how many were run. */
static int32_t help(crew *c, int32_t number) {
    int32_t count = 0;
    for (int32_t i = 1; i <= c->n; i++) count += work(c, &c->member[(number + i) % (c->n + 1)].inner, 0);
    return count;
}

static int nothing_left(const job *j) {
    for (int32_t i = 0; i < j->shares; i++) {
        if (atomic_load(&j->share[i].left) > 0) return 0;
    }
    return 1;
}

static int nothing_to_do(const crew *c) {
    for (int32_t i = 0; i <= c->n; i++) {
        if (!nothing_left(&c->member[i].inner)) return 0;
    }
    return nothing_left(&c->job) && !atomic_load(&c->stop);
}

static int caller_waits(const crew *c) {
    return nothing_to_do(c) && !over(&c->job);
}

/* Wait until `still` returns 0: first in a loop, then asleep. */
static void rest(member *self, int (*still)(const crew *c)) {
    crew *const c = self->crew;
    atomic_fetch_add(&c->idle, 1);
    for (int32_t spin = 0; spin < SPINS && still(c); spin++) pause_cpu();
    if (still(c)) {
        vaei_mutex_lock(&c->lock);
        self->asleep = 1;
        atomic_fetch_add(&c->sleeping, 1);
        while (still(c)) vaei_condvar_wait(&c->wake, &c->lock);
        atomic_fetch_sub(&c->sleeping, 1);
        self->asleep = 0;
        vaei_mutex_unlock(&c->lock);
    }
    atomic_fetch_sub(&c->idle, 1);
}

static void worker_main(void *arg) {
    member *const self = arg;
    crew *const c = self->crew;
    inside = self;
    (void)fesetenv(FE_DFL_ENV);
    while (!atomic_load(&c->stop)) {
        if (work(c, &c->job, self->number) + help(c, self->number) == 0) rest(self, nothing_to_do);
    }
}

static void publish(crew *c, job *j, int32_t tasks, vaei_task task, void *arg) {
    VAEI_ASSERT(nothing_left(j)); /* the job before has ended */
    j->task = task;
    j->arg = arg;
    j->tasks = tasks;
    atomic_store_explicit(&j->done, 0, memory_order_relaxed);
    for (int32_t i = 0; i < j->shares; i++) atomic_store(&j->share[i].left, share_start(j, tasks, i + 1) - share_start(j, tasks, i));
    if (atomic_load(&c->sleeping) > 0) {
        const int32_t wanted = tasks - 1 < c->n ? tasks - 1 : c->n;
        vaei_mutex_lock(&c->lock);
        for (int32_t i = 0; i < wanted; i++) vaei_condvar_signal(&c->wake);
        vaei_mutex_unlock(&c->lock);
    }
}

static void run_crew(crew *c, int32_t tasks, vaei_task task, void *arg) {
    publish(c, &c->job, tasks, task, arg);
    work(c, &c->job, 0);
    while (!over(&c->job)) {
        if (help(c, 0) == 0) rest(&c->member[0], caller_waits);
    }
}

static void run_inner(member *self, int32_t tasks, vaei_task task, void *arg) {
    crew *const c = self->crew;
    job *const j = &self->inner;
    self->calling = 1;
    publish(c, j, tasks, task, arg);
    work(c, j, 0);
    for (int32_t spin = 0; spin < SPINS && !over(j); spin++) pause_cpu();
    if (!over(j)) {
        vaei_mutex_lock(&c->lock);
        while (!over(j)) vaei_condvar_wait(&c->finished, &c->lock);
        vaei_mutex_unlock(&c->lock);
    }
    self->calling = 0;
}

typedef struct hooked {
    vaei_task task;
    void *arg;
} hooked;

static void run_hooked(void *arg, int32_t index) {
    const hooked *const h = arg;
    member nobody = {.crew = NULL}, *const before = inside;
    inside = &nobody;
    h->task(h->arg, index);
    inside = before;
}

void vaei_parallel(const vaei_pool *pool, int32_t tasks, vaei_task task, void *arg) {
    crew *const c = pool ? pool->crew : NULL;
    if (!pool || tasks <= 1 || (inside && (!c || inside->crew != c))) {
        run_serially(tasks, task, arg);
        return;
    }
    if (inside) {
        if (inside->calling || atomic_load_explicit(&c->idle, memory_order_relaxed) == 0) run_serially(tasks, task, arg);
        else run_inner(inside, tasks, task, arg);
        return;
    }
    if (pool->hook) {
        hooked h = {task, arg};
        pool->hook(pool->user, tasks, run_hooked, &h);
        return;
    }
    if (!c || c->process != vaei_process() || atomic_exchange_explicit(&c->busy, 1, memory_order_acquire)) {
        run_serially(tasks, task, arg);
        return;
    }
    inside = &c->member[0];
    run_crew(c, tasks, task, arg);
    inside = NULL;
    atomic_store_explicit(&c->busy, 0, memory_order_release);
}

int32_t vaei_index_take(vaei_index_pool *indices) {
    uint32_t taken = atomic_load_explicit(&indices->taken, memory_order_relaxed);
    for (;;) {
        int32_t held = 0;
        VAEI_ASSERT(taken != UINT32_MAX);
        while (taken >> held & 1) held++;
        if (atomic_compare_exchange_weak_explicit(&indices->taken, &taken, taken | UINT32_C(1) << held, memory_order_acquire,
                                                  memory_order_relaxed))
            return held;
    }
}

void vaei_index_give_back(vaei_index_pool *indices, int32_t held) {
    VAEI_ASSERT(atomic_load_explicit(&indices->taken, memory_order_relaxed) >> held & 1);
    (void)atomic_fetch_and_explicit(&indices->taken, ~(UINT32_C(1) << held), memory_order_release);
}

/* ---- creation --------------------------------------------------------------------------------------------------- */

static void dismiss(crew *c) {
    vaei_mutex_lock(&c->lock);
    atomic_store(&c->stop, 1);
    vaei_condvar_broadcast(&c->wake);
    vaei_mutex_unlock(&c->lock);
    for (int32_t i = 0; i < c->started; i++) vaei_thread_join(&c->member[i + 1].thread);
    vaei_condvar_destroy(&c->finished);
    vaei_condvar_destroy(&c->wake);
    vaei_mutex_destroy(&c->lock);
}

/* Start `n` workers and return how many could be started. */
static int32_t start_workers(crew *c, int32_t n) {
    for (; c->started < n; c->started++) {
        member *const m = &c->member[c->started + 1];
        if (!vaei_thread_start(&m->thread, worker_main, m)) break;
    }
    return c->started;
}

/* The bytes of the crew, its members, and the shares of its job. */
static size_t crew_bytes(int32_t n) {
    return sizeof(crew) + (size_t)(n + 1) * (sizeof(member) + sizeof(share));
}

static void assemble(crew *c, int32_t n) {
    c->process = vaei_process();
    c->n = n;
    c->member = (member *)(void *)(c + 1);
    c->job.shares = n + 1;
    c->job.share = (share *)(void *)(c->member + n + 1);
    for (int32_t i = 0; i <= n; i++) {
        member *const m = c->member + i;
        m->crew = c;
        m->number = i;
        m->inner.shares = 1;
        m->inner.share = &m->share;
    }
}

static vae_status_t create_crew(crew **out, vaei_heap *heap, int32_t n) {
    crew *c = vaei_heap_alloc(heap, crew_bytes(n), "thread pool");
    if (!c) return VAE_E_NOMEM;
    assemble(c, n);
    const int locked = vaei_mutex_init(&c->lock);
    const int wakes = vaei_condvar_init(&c->wake);
    const int finishes = vaei_condvar_init(&c->finished);
    if (!locked || !wakes || !finishes) {
        if (locked) vaei_mutex_destroy(&c->lock);
        if (wakes) vaei_condvar_destroy(&c->wake);
        if (finishes) vaei_condvar_destroy(&c->finished);
        vaei_heap_free(heap, c, crew_bytes(n));
        return vaei_fail(VAE_E_NOMEM, "thread pool: the system has no more locks");
    }
    const int32_t started = start_workers(c, n);
    if (started < n) {
        dismiss(c);
        vaei_heap_free(heap, c, crew_bytes(n));
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
    if (threads > 1 && VAEI_THREADS == VAEI_NONE) {
        return vaei_fail(VAE_E_UNSUPPORTED, "thread pool: %d threads, and this build of libvae has none: wanted 0 or 1", (int)threads);
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
        VAEI_ASSERT(pool->crew->process != vaei_process() || nothing_left(&pool->crew->job));
        if (pool->crew->process == vaei_process()) dismiss(pool->crew);
        vaei_heap_free(pool->heap, pool->crew, crew_bytes(pool->crew->n));
    }
    vaei_heap_free(pool->heap, pool, sizeof *pool);
}
