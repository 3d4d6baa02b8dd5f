/* SPDX-License-Identifier: MIT
 * cmd_bench.c - vae bench: the speed of training and decoding on random data.
 *
 * Each workload builds a model, warms up, then repeats one step (or one decode of a batch) for the given seconds and
 * reports the median and the 99th percentile of the times, examples a second, arithmetic done, memory planned and
 * used, and the allocations during the timed loop, counted by the context's hooks; there must be none.
 *
 * Operations are those of the direct algorithm, two for a multiplication with its addition, over linear and
 * convolution layers; a training step counts three forward passes. Multiplications of one example:
 *
 *     leaky    784*128 + 128*256*2 + 256*128 + 128*784                                     =    299,008
 *     conv     decoder 32*3136 + 49*64*64*9 + 196*64*32*9 + 784*32*9                       =  5,745,152
 *              with encoder 196*32*9 + 49*64*32*9 and heads 2*3136*32                      =  6,905,472
 *     texture  decoder 16*4096 + 256*64*64*9 + 1024*64*32*9 + 4096*32*16*9 + 4096*16*3*9   = 49,020,928 */
#include "console.h"
#include "engine.h"
#include "json_writer.h"
#include "mem.h"
#include "progress.h"
#include "shuffle.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { WARM_UP = 3, MOST_TIMES = 1 << 20 };

static const char texture[] =
    "input      64x64x3\n"
    "encoder    flatten\n"
    "latent     gaussian dim=16\n"
    "decoder    linear out=4096 | reshape 8x8x64 | upsample factor=2 | conv2d out=64 kernel=3 pad=1 | relu |\n"
    "           upsample factor=2 | conv2d out=32 kernel=3 pad=1 | relu |\n"
    "           upsample factor=2 | conv2d out=16 kernel=3 pad=1 | relu | conv2d out=3 kernel=3 pad=1\n"
    "likelihood bernoulli\n";

typedef struct workload {
    const char *name, *preset; /* preset NULL: the texture decoder */
    bool train;
    int64_t batch;
    double multiplications; /* of one example, forward */
} workload_t;

static const workload_t workloads[] = {
    {"dense_vae_train", "leaky", true, 64, 299008.0},  {"conv_vae_train", "conv", true, 128, 6905472.0},
    {"conv_vae_decode1", "conv", false, 1, 5745152.0}, {"texture_decode1", NULL, false, 1, 49020928.0},
    {"texture_decode64", NULL, false, 64, 49020928.0},
};
enum { N_WORKLOADS = sizeof workloads / sizeof *workloads };

typedef struct result {
    int64_t runs, allocs;
    double seconds, median, p99; /* seconds */
    uint64_t plan_bytes;
    double peak_mb;
} result_t;

static _Atomic int64_t allocations;

static void *count_alloc(void *user, size_t size, size_t align) {
    (void)user;
    atomic_fetch_add(&allocations, 1);
    return aligned_alloc(align, (size + align - 1) / align * align);
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

/* Linux counts the peak of resident memory anew after a 5 is written there. */
static void reset_peak(void) {
    FILE *clear = fopen("/proc/self/clear_refs", "w");
    if (!clear) return;
    fputs("5", clear);
    fclose(clear);
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

/* What is timed: one step, or one decode. */
typedef struct machine {
    vae_trainer_t *trainer;
    vae_session_t *session;
    int64_t batch;
    float *x, *z;
} machine_t;

static void turn(const machine_t *m) {
    if (m->trainer)
        must(vae_trainer_step(m->trainer, m->batch, m->x, NULL));
    else
        must(vae_decode(m->session, m->batch, m->z, m->x));
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(result_t *result, const machine_t *machine, double seconds) {
    double *time = mem_alloc(MOST_TIMES, sizeof *time);
    for (int i = 0; i < WARM_UP; i++) turn(machine);
    const int64_t before = atomic_load(&allocations);
    const double start = now_seconds();
    double last = start;
    while (result->runs < MOST_TIMES && (result->runs == 0 || last - start < seconds)) {
        turn(machine);
        const double now = now_seconds();
        time[result->runs++] = now - last;
        last = now;
    }
    result->allocs = atomic_load(&allocations) - before;
    result->seconds = last - start;
    qsort(time, (size_t)result->runs, sizeof *time, by_value);
    result->median = time[result->runs / 2];
    result->p99 = time[(result->runs - 1) * 99 / 100];
    free(time);
}

static void run_workload(const workload_t *workload, vae_ctx_t *ctx, double seconds, result_t *result) {
    char *text = workload->preset ? registry_text("preset", workload->preset) : mem_text(texture);
    vae_model_t *model;
    *result = (result_t){0};
    reset_peak();
    must(vae_model_create(&model, ctx, text, 0));
    const int64_t S = vae_model_input_size(model), D = vae_model_latent_size(model);
    machine_t machine = {
        .batch = workload->batch,
        .x = mem_alloc(workload->batch * S, sizeof(float)),
        .z = mem_alloc(workload->batch * D, sizeof(float)),
    };
    uint64_t stream = draw_stream(0, 0);
    for (int64_t i = 0; i < workload->batch * S; i++) machine.x[i] = (float)draw_unit(&stream);
    draw_normal(&stream, workload->batch * D, machine.z);
    if (workload->train) {
        must(vae_trainer_bytes(model, text, workload->batch, &result->plan_bytes));
        must(vae_trainer_create(&machine.trainer, model, text, workload->batch));
    } else {
        must(vae_session_bytes(model, workload->batch, &result->plan_bytes));
        machine.session = engine_session(model, workload->batch);
    }
    measure(result, &machine, seconds);
    result->peak_mb = peak_mb();
    vae_trainer_destroy(machine.trainer);
    vae_session_destroy(machine.session);
    vae_model_destroy(model);
    free(machine.x);
    free(machine.z);
    free(text);
}

static double gflops(const workload_t *workload, const result_t *result) {
    const double operations = 2.0 * workload->multiplications * (workload->train ? 3.0 : 1.0);
    return operations * (double)(workload->batch * result->runs) / result->seconds * 1e-9;
}

static void print_json(const workload_t *workload, const result_t *result, const vae_ctx_config_t *config,
                       const vae_ctx_t *ctx) {
    json_t json = {0};
    json_open(&json, NULL, '{');
    json_text(&json, "workload", workload->name);
    json_int(&json, "threads", config->threads);
    json_text(&json, "isa", vae_ctx_isa(ctx));
    json_text(&json, "arith", config->arith == VAE_ARITH_BLAS ? "blas" : "exact");
    json_int(&json, "batch", workload->batch);
    json_int(&json, "runs", result->runs);
    json_real(&json, "items_per_s", (double)(workload->batch * result->runs) / result->seconds);
    json_real(&json, "median_ms", result->median * 1e3);
    json_real(&json, "p99_ms", result->p99 * 1e3);
    json_real(&json, "gflops", gflops(workload, result));
    json_int(&json, "plan_bytes", (int64_t)result->plan_bytes);
    json_real(&json, "peak_rss_mb", result->peak_mb);
    json_int(&json, "allocs", result->allocs);
    json_close(&json, '}');
    json_print(&json);
}

static void print_row(const workload_t *workload, const result_t *result) {
    char items[PROGRESS_TEXT];
    printf("%-18s %6lld %10s %10.3f %10.3f %9.1f %9.1f %9.1f %7lld\n", workload->name, (long long)workload->batch,
           text_thousands((double)(workload->batch * result->runs) / result->seconds, items), result->median * 1e3,
           result->p99 * 1e3, gflops(workload, result), (double)result->plan_bytes / 1048576.0, result->peak_mb,
           (long long)result->allocs);
}

static int run(const cli_t *cli) {
    const char *only = cli_text(cli, "only");
    const bool json = cli_flag(cli, "json");
    vae_ctx_config_t config;
    vae_ctx_t *ctx = counting_ctx(cli, &config);
    if (!json)
        printf("%s, %s, %d threads\n%-18s %6s %10s %10s %10s %9s %9s %9s %7s\n", vae_ctx_isa(ctx),
               cli_text(cli, "arith"), config.threads, "workload", "batch", "items/s", "median ms", "p99 ms", "GFLOP/s",
               "plan MiB", "peak MiB", "allocs");
    for (int i = 0; i < N_WORKLOADS; i++) {
        result_t result;
        if (only[0] && strcmp(only, workloads[i].name) != 0) continue;
        run_workload(&workloads[i], ctx, (double)cli_int(cli, "seconds"), &result);
        if (json)
            print_json(&workloads[i], &result, &config, ctx);
        else
            print_row(&workloads[i], &result);
        fflush(stdout);
    }
    vae_ctx_destroy(ctx);
    return EXIT_DONE;
}

static const cli_option_t options[] = {
    {"only", 0, CLI_CHOICE, "dense_vae_train|conv_vae_train|conv_vae_decode1|texture_decode1|texture_decode64", "",
     "this workload only", 0},
    {"seconds", 0, CLI_INT, "N", "2", "how long each workload runs", 0},
    {"json", 0, CLI_FLAG, "", "", "print one JSON object a line", 0},
    {.name = NULL},
};

const cli_command_t command_bench = {
    .name = "bench",
    .operands = "",
    .summary = "measure the speed of training and decoding",
    .text = "Trains and decodes with random weights and data. gflops counts the operations of the\n"
            "direct algorithm; allocs counts allocations while the clock runs.",
    .example = "  vae bench --threads 1\n  vae bench --only conv_vae_train --json",
    .options = options,
    .computes = true,
    .run = run,
};
