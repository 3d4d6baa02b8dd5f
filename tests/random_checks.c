/* SPDX-License-Identifier: MIT
 * random_checks.c - runs one case in its own process: the same bits in any way of running it, and all other checks. */
#define _DEFAULT_SOURCE
#include "random_models.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SECONDS_MOST = 240, /* of the processor: a machine with other work makes no model fail */
    WAIT_MOST = 7200    /* by the clock, for threads that wait for each other */
};

static int32_t compare(const random_result *a, const random_result *b, const char *variant, random_report *out) {
    if (a->count != b->count) return random_fail(out, "%s: %d results, else %d", variant, (int)b->count, (int)a->count);
    for (int32_t i = 0; i < a->count; i++) {
        if (strcmp(a->name[i], b->name[i]) != 0 || a->bytes[i] != b->bytes[i])
            return random_fail(out, "%s: %s, else %s", variant, b->name[i], a->name[i]);
        if (memcmp(a->data[i], b->data[i], a->bytes[i]) == 0) continue;
        const float *x = a->data[i], *y = b->data[i];
        size_t at = 0;
        while (memcmp(&x[at], &y[at], sizeof(float)) == 0) at++;
        return random_fail(out, "%s: %s: value %zu is %.9g, else %.9g", variant, a->name[i], at, (double)y[at], (double)x[at]);
    }
    return 1;
}

/* An instruction set that this machine lacks gives nothing. */
static int32_t check_variant(const random_case *c, const random_variant *v, const random_result *first, random_report *out) {
    random_result *const other = calloc(1, sizeof(*other));
    if (!other) abort();
    const int32_t same = random_run(c, v, other, out) && (other->count == 0 || compare(first, other, v->name, out));
    free(other);
    return same;
}

static int32_t check_bits(const random_case *c, random_report *out) {
    char memory[RANDOM_MEMORY_MAX];
    random_memory(c, memory);
    const random_variant base = {"alone", 1, VAE_ISA_AUTO, c->n, c->n, ""};
    const random_variant always[] = {
        {"session of max_batch", 1, VAE_ISA_AUTO, c->max_batch, c->n, ""},
        {"one example at a time, tasks in another order", 0, VAE_ISA_AUTO, 1, 1, ""},
    };
    const random_variant some[][2] = {
        /* a row of them for each seed */
        {{"two threads", 2, VAE_ISA_AUTO, c->n, c->n, ""}, {"portable", 1, VAE_ISA_PORTABLE, c->n, c->n, ""}},
        {{"another memory", 1, VAE_ISA_AUTO, c->n, c->n, memory},
         {"parts, tasks in another order", 0, VAE_ISA_AUTO, c->max_batch, c->n / 2 + 1, ""}},
        {{"three threads, parts", 3, VAE_ISA_AUTO, c->max_batch, c->n / 2 + 1, ""}, {"avx2", 1, VAE_ISA_AVX2, c->max_batch, c->n, ""}},
        {{"another memory, tasks in another order", 0, VAE_ISA_AUTO, c->n, c->n, memory},
         {"parts", 1, VAE_ISA_AUTO, c->n, c->n / 3 + 1, ""}},
        {{"seven threads", 7, VAE_ISA_AUTO, c->n, c->n, ""}, {"avx512", 1, VAE_ISA_AVX512, c->n, c->n, ""}},
        {{"another memory, avx2", 1, VAE_ISA_AVX2, c->n, c->n, memory}, {"neon, tasks in another order", 0, VAE_ISA_NEON, c->n, c->n, ""}},
    };
    const random_variant *const row = some[c->seed % (sizeof(some) / sizeof(some[0]))];
    static random_result first;
    return random_run(c, &base, &first, out) && check_variant(c, &always[0], &first, out) && check_variant(c, &always[1], &first, out) &&
           check_variant(c, &row[0], &first, out) && check_variant(c, &row[1], &first, out);
}

void random_check(const random_case *c, random_report *out) {
    if (check_bits(c, out) && random_check_size(c, out) && random_check_numbers(c, out)) (void)random_resume(c, out);
}

void random_isolated(const random_case *c, random_report *out) {
    int pipes[2], status = 0;
    memset(out, 0, sizeof(*out));
    if (pipe(pipes) != 0) abort();
    (void)fflush(NULL);
    const pid_t child = fork();
    if (child < 0) abort();
    if (child == 0) {
        random_report report = {0};
        const struct rlimit most = {SECONDS_MOST, SECONDS_MOST + 5};
        (void)setrlimit(RLIMIT_CPU, &most);
        (void)alarm(WAIT_MOST);
        random_check(c, &report);
        const ssize_t written = write(pipes[1], &report, sizeof(report));
        _exit(written == (ssize_t)sizeof(report) ? 0 : 1);
    }
    (void)close(pipes[1]);
    const ssize_t got = read(pipes[0], out, sizeof(*out));
    (void)close(pipes[0]);
    (void)waitpid(child, &status, 0);
    if (got == (ssize_t)sizeof(*out)) return;
    memset(out, 0, sizeof(*out));
    if (WIFSIGNALED(status)) (void)random_fail(out, "ended by signal %d, %s", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else (void)random_fail(out, "ended with status %d", WEXITSTATUS(status));
}
