/* SPDX-License-Identifier: MIT
 * cmd_bench.c - vae bench: the speed of training and decoding on random data.
 *
 * Each workload of workloads.h builds a model, warms up, then repeats one call (a step, a decode of a batch, a search
 * for codes) for the given seconds and reports the median and the 99th percentile of the times, examples per second,
 * the arithmetic, the planned and the used memory, and the number of allocations during the timed loop, which the context's
 * hooks count and which must be 0. Each workload runs in its own process, so that its peak of memory is its own.
 *
 * A multiplication with its addition counts as two operations, and a training step as three forward passes. The limit is the
 * time for the fewest multiplications (workloads.h) at the peak speed of the cores, measured just before and after (peak.h). */
#if defined(__linux__)
#define _DEFAULT_SOURCE /* declares madvise */
#include <sys/mman.h>
#endif

#include "blas_core.h"
#include "console.h"
#include "engine.h"
#include "json_writer.h"
#include "mem.h"
#include "peak.h"
#include "progress.h"
#include "shuffle.h"
#include "workloads.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WARM_UP = 3, MOST_TIMES = 1 << 20, LEAST_SLOW = 3 };

typedef struct result {
    int64_t runs, allocs;
    double seconds, median, p99; /* seconds */
    double processor;            /* seconds of all threads for one turn, on average */
    work_count_t count;          /* multiplications of one example */
    double peak;                 /* GFLOP/s of one core; 0: unknown */
    uint64_t plan_bytes;
    double peak_mb;
} result_t;

static _Atomic int64_t allocations;

/* Counts, and asks for large pages in the cases in which the library's own allocator does. */
static void *count_alloc(void *user, size_t size, size_t align) {
    const size_t page = (size_t)1 << 21, rounded = (size + align - 1) / align * align;
    (void)user;
    atomic_fetch_add(&allocations, 1);
#if defined(MADV_HUGEPAGE)
    void *block;
    if (size >= 4 * page && posix_memalign(&block, page, rounded) == 0) {
        (void)madvise(block, rounded, MADV_HUGEPAGE);
        return block;
    }
#else
    (void)page;
#endif
    return aligned_alloc(align, rounded);
}

static void count_free(void *user, void *ptr, size_t size) {
    (void)user;
    (void)size;
    free(ptr);
}

static vae_ctx_t *counting_ctx(const cli_t *cli, vae_ctx_config_t *config) {
    vae_ctx_t *ctx;
    engine_config(cli, config);
    config->alloc = count_alloc;
    config->free = count_free;
    must(vae_ctx_create(&ctx, config));
    return ctx;
}

static double peak_mb(void) {
    char line[128];
    double kb = 0.0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (strncmp(line, "VmHWM:", 6) == 0) kb = strtod(line + 6, NULL);
    if (status) fclose(status);
    struct rusage usage;
    if (kb <= 0.0 && getrusage(RUSAGE_SELF, &usage) == 0) kb = (double)usage.ru_maxrss;
    return kb / 1024.0;
}

/* The objects that are timed. */
typedef struct machine {
    const workload_t *work;
    vae_trainer_t *trainer;
    vae_session_t *session;
    float *x, *z;
    int32_t *codes;
} machine_t;

static void turn(const machine_t *m) {
    switch (m->work->kind) {
    case WORKLOAD_TRAIN: must(vae_trainer_step(m->trainer, m->work->batch, m->x, NULL)); break;
    case WORKLOAD_DECODE: must(vae_decode(m->session, m->work->batch, m->z, m->x)); break;
    case WORKLOAD_CODES: must(vae_encode_codes(m->session, m->work->batch, m->x, m->codes)); break;
    }
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(result_t *result, const machine_t *machine, double seconds) {
    double *time = mem_alloc(MOST_TIMES, sizeof *time);
    const int64_t least = machine->work->slow ? LEAST_SLOW : 1;
    const double cold = now_seconds();
    for (int i = 0; i < WARM_UP && (i == 0 || now_seconds() - cold < seconds); i++) turn(machine);
    const int64_t before = atomic_load(&allocations);
    const clock_t processor = clock();
    const double start = now_seconds();
    double last = start;
    while (result->runs < MOST_TIMES && (result->runs < least || last - start < seconds)) {
        turn(machine);
        const double now = now_seconds();
        time[result->runs++] = now - last;
        last = now;
    }
    result->allocs = atomic_load(&allocations) - before;
    result->seconds = last - start;
    result->processor = (double)(clock() - processor) / CLOCKS_PER_SEC / (double)result->runs;
    qsort(time, (size_t)result->runs, sizeof *time, by_value);
    result->median = time[result->runs / 2];
    result->p99 = time[result->runs * 99 / 100];
    free(time);
}

static void run_workload(const workload_t *work, vae_ctx_t *ctx, double seconds, result_t *result) {
    *result = (result_t){0};
    char *text = workload_text(work, &result->count);
    vae_model_t *model;
    must(vae_model_create(&model, ctx, text, 0));
    const int64_t n = work->batch, S = vae_model_input_size(model), D = vae_model_latent_size(model);
    machine_t machine = {.work = work, .x = mem_alloc(n * S, sizeof *machine.x)};
    uint64_t stream = draw_stream(0, 0);
    for (int64_t i = 0; i < n * S; i++) machine.x[i] = (float)draw_unit(&stream);
    if (work->kind == WORKLOAD_DECODE) {
        machine.z = mem_alloc(n * D, sizeof *machine.z);
        draw_normal(&stream, n * D, machine.z);
    }
    if (work->kind == WORKLOAD_CODES) machine.codes = mem_alloc(n * vae_model_codes_per_example(model), sizeof *machine.codes);
    if (work->kind == WORKLOAD_TRAIN) {
        must(vae_trainer_bytes(model, text, work->most, &result->plan_bytes));
        must(vae_trainer_create(&machine.trainer, model, text, work->most));
    } else {
        must(vae_session_bytes(model, work->most, &result->plan_bytes));
        machine.session = engine_session(model, work->most);
    }
    result->peak = peak_gflops();
    measure(result, &machine, seconds);
    const double again = peak_gflops();
    if (again > result->peak) result->peak = again;
    result->peak_mb = peak_mb();
    vae_trainer_destroy(machine.trainer);
    vae_session_destroy(machine.session);
    vae_model_destroy(model);
    free(machine.x);
    free(machine.z);
    free(machine.codes);
    free(text);
}

static double items_per_second(const workload_t *work, const result_t *result) {
    return (double)(work->batch * result->runs) / result->seconds;
}

static double operations(const workload_t *work, double multiplications) {
    return 2.0 * multiplications * (work->kind == WORKLOAD_TRAIN ? 3.0 : 1.0);
}

static double gflops(const workload_t *work, const result_t *result) {
    return operations(work, result->count.direct) * items_per_second(work, result) * 1e-9;
}

/* Examples per second if these threads did only the multiplications, at the peak speed. */
static double limit(const workload_t *work, const result_t *result, int32_t threads) {
    return result->peak * threads * 1e9 / operations(work, result->count.least);
}

static void print_json(const workload_t *work, const result_t *result, const vae_ctx_config_t *config, const vae_ctx_t *ctx) {
    json_t json = {0};
    json_open(&json, NULL, '{');
    json_text(&json, "workload", work->name);
    json_int(&json, "threads", config->threads);
    json_text(&json, "isa", vae_ctx_isa(ctx));
    json_text(&json, "arith", config->arith == VAE_ARITH_BLAS ? "blas" : "reproducible");
    json_int(&json, "batch", work->batch);
    json_int(&json, "runs", result->runs);
    json_real(&json, "items_per_s", items_per_second(work, result));
    json_real(&json, "median_ms", result->median * 1e3);
    json_real(&json, "p99_ms", result->p99 * 1e3);
    json_real(&json, "cpu_ms", result->processor * 1e3);
    json_real(&json, "gflops", gflops(work, result));
    json_real(&json, "peak_gflops", result->peak * config->threads);
    json_real(&json, "limit_items_per_s", limit(work, result, config->threads));
    json_int(&json, "plan_bytes", (int64_t)result->plan_bytes);
    json_real(&json, "peak_rss_mb", result->peak_mb);
    json_int(&json, "allocs", result->allocs);
    json_close(&json, '}');
    json_print(&json);
}

static void print_row(const workload_t *work, const result_t *result, int32_t threads) {
    const double items = items_per_second(work, result);
    char text[PROGRESS_TEXT], share[PROGRESS_TEXT] = "-";
    if (result->peak > 0.0) snprintf(share, sizeof share, "%.0f %%", 100.0 * items / limit(work, result, threads));
    if (items < 10.0) snprintf(text, sizeof text, "%.2f", items);
    else text_thousands(items, text);
    printf("%-18s %6lld %10s %10.3f %10.3f %9.1f %8s %9.1f %9.1f %7lld\n", work->name, (long long)work->batch, text, result->median * 1e3,
           result->p99 * 1e3, gflops(work, result), share, (double)result->plan_bytes / 1048576.0, result->peak_mb,
           (long long)result->allocs);
}

/* Measures one workload and prints its line. */
static int run_child(const workload_t *work, const cli_t *cli) {
    vae_ctx_config_t config;
    result_t result;
    vae_ctx_t *ctx = counting_ctx(cli, &config);
    run_workload(work, ctx, (double)cli_int(cli, "seconds"), &result);
    if (cli_flag(cli, "json")) print_json(work, &result, &config, ctx);
    else print_row(work, &result, config.threads);
    vae_ctx_destroy(ctx);
    return EXIT_DONE;
}

/* Does the same in a process of its own and returns the exit code of that process. */
static int run_apart(const workload_t *work, const cli_t *cli) {
    int status;
    fflush(stdout);
    const pid_t child = fork();
    if (child < 0) die(EXIT_RUNTIME, "%s: no process to run in: %s", work->name, strerror(errno));
    if (child == 0) exit(run_child(work, cli));
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) die(EXIT_RUNTIME, "%s: %s", work->name, strerror(errno));
    if (WIFSIGNALED(status)) die(EXIT_RUNTIME, "%s was ended by signal %d", work->name, WTERMSIG(status));
    return WEXITSTATUS(status);
}

static void print_header(const cli_t *cli) {
    vae_ctx_config_t config;
    vae_ctx_t *ctx = counting_ctx(cli, &config);
    printf("%s, %s, %d threads\n%-18s %6s %10s %10s %10s %9s %8s %9s %9s %7s\n", vae_ctx_isa(ctx), cli_text(cli, "arith"), config.threads,
           "workload", "batch", "items/s", "median ms", "p99 ms", "GFLOP/s", "of limit", "plan MiB", "peak MiB", "allocs");
    vae_ctx_destroy(ctx);
}

static int run(const cli_t *cli) {
    const char *only = cli_text(cli, "only");
    int code = EXIT_DONE;
    if (strcmp(cli_text(cli, "arith"), "blas") == 0) blas_core_warn();
    if (!cli_flag(cli, "json")) print_header(cli);
    for (size_t i = 0; workload(i) && code == EXIT_DONE; i++) {
        const workload_t *work = workload(i);
        if (only[0] ? strcmp(only, work->name) == 0 : !work->slow) code = run_apart(work, cli);
    }
    return code;
}

static const cli_option_t options[] = {
    {"only", 0, CLI_CHOICE, WORKLOAD_NAMES, "", "run only this workload", 0},
    {"seconds", 0, CLI_INT, "N", "2", "seconds that each workload runs", 0},
    {"json", 0, CLI_FLAG, "", "", "print one JSON object on each line", 0},
    {.name = NULL},
};

const cli_command_t command_bench = {
    .name = "bench",
    .operands = "",
    .summary = "measure the speed of training and decoding",
    .text = "Trains and decodes with random weights and data. gflops counts the operations of the\n"
            "direct algorithm. The limit is the speed of these cores for the fewest multiplications\n"
            "known, those of Winograd's method for 3x3 convolutions, at peak speed, which a loop of\n"
            "multiply-adds measures. allocs counts the allocations during the timed loop. Each\n"
            "workload runs in its own process, and its peak of memory is printed. The decoders\n"
            "kl_decode_256 and kl_decode_512 have the size of those of latent diffusion and run only\n"
            "with --only. With --arith blas a warning is printed if the BLAS does not use all\n"
            "instruction sets of the processor.",
    .example = "  vae bench --threads 1\n  vae bench --only conv_vae_train --json",
    .options = options,
    .computes = true,
    .run = run,
};
