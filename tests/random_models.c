/* SPDX-License-Identifier: MIT
 * random_models.c - runs random models one after another, each in its own process.
 *
 *     build/random_models [--models N] [--seed S] [--quiet] [--whole]      tests the models of seeds S, S + 1, ...; --whole: does not
 *                                                                          reduce a model that fails
 *     build/random_models --seed S --show                                  prints the text of a model
 *     build/random_models --models N --census                              counts the models with each module and runs none; fails if no
 *                                                                          model has a module
 *     build/random_models FILE...                                          tests the texts that failures have saved
 *
 * A run of many models prints in how many models each module of the registries was, and every run ends with `N passed, N failed`. For each
 * failure the program prints the smallest text that fails and the command that runs it. */
#include "random_models.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MODELS = 300 /* the default; a run of so many prints the count of each module */ };

typedef struct totals {
    int64_t models, failed, refused, numbers, gradients, splits, resumed, lengths, missing;
    double worst;
} totals;

#define BETWEEN "---\n"

/* "# n=5 max_batch=3 seed=7", then the model's text, BETWEEN, and that of its training. */
static void print_case(FILE *f, const random_case *c, const char *why) {
    (void)fprintf(f, "# n=%lld max_batch=%lld seed=%llu\n# %s\n%s" BETWEEN "%s", (long long)c->n, (long long)c->max_batch,
                  (unsigned long long)c->seed, why, c->model, c->training);
}

static void write_case(const char *path, const random_case *c, const char *why) {
    FILE *f = fopen(path, "w");
    if (!f) return;
    print_case(f, c, why);
    (void)fclose(f);
}

static int32_t read_case(const char *path, random_case *c) {
    char line[RANDOM_TEXT_MAX];
    long long n, max_batch;
    unsigned long long seed;
    FILE *f = fopen(path, "r");
    memset(c, 0, sizeof(*c));
    if (!f || !fgets(line, sizeof(line), f) || sscanf(line, "# n=%lld max_batch=%lld seed=%llu", &n, &max_batch, &seed) != 3) {
        (void)fprintf(stderr, "random_models: %s: no file that a failure has left\n", path);
        return 0;
    }
    c->n = n;
    c->max_batch = max_batch;
    c->seed = seed;
    char *to = c->model;
    size_t cap = sizeof(c->model);
    while (fgets(line, sizeof(line), f)) {
        const size_t used = strlen(to);
        if (strcmp(line, BETWEEN) == 0) to = c->training, cap = sizeof(c->training);
        else if (line[0] != '#') (void)snprintf(to + used, cap - used, "%s", line);
    }
    (void)fclose(f);
    return 1;
}

static void report_failure(random_case *c, random_report *report, int32_t shrinks, const char *program) {
    char path[300];
    (void)printf("seed %llu: %s\n", (unsigned long long)c->seed, report->message);
    (void)fflush(stdout);
    if (shrinks) random_shrink(c, report);
    (void)snprintf(path, sizeof(path), "%s_%llu.txt", program, (unsigned long long)c->seed);
    write_case(path, c, report->message);
    (void)printf("  least text that fails, n=%lld max_batch=%lld: %s\n%s%s  again: %s %s\n", (long long)c->n, (long long)c->max_batch,
                 report->message, c->model, c->training, program, path);
    (void)fflush(stdout);
}

static void count(totals *t, const random_report *r) {
    t->models++;
    t->failed += r->failed;
    t->refused += r->refused;
    t->numbers += r->numbers;
    t->gradients += r->gradients;
    t->splits += r->splits;
    t->resumed += r->resumed;
    t->lengths += r->lengths;
    t->missing += r->missing[0] != '\0';
    if (r->worst > t->worst) t->worst = r->worst;
}

static double seconds(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void show(const totals *t, int64_t models, double spent, const char *end) {
    (void)printf("%lld of %lld models, %lld failed, %.1f a second, %.0f s left%s", (long long)t->models, (long long)models,
                 (long long)t->failed, (double)t->models / spent, spent / (double)t->models * (double)(models - t->models), end);
    (void)fflush(stdout);
}

static int run_files(int argc, char **argv) {
    totals t = {0};
    for (int i = 1; i < argc; i++) {
        random_case c;
        random_report report;
        if (!read_case(argv[i], &c)) return EXIT_FAILURE;
        random_isolated(&c, &report);
        count(&t, &report);
        (void)printf("%s: %s\n", argv[i], report.failed || report.refused ? report.message : "holds");
    }
    (void)printf("%lld passed, %lld failed\n", (long long)(t.models - t.failed), (long long)t.failed);
    return t.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

typedef struct settings {
    int64_t models;
    uint64_t seed;
    int32_t progress, shrinks, shows, counts;
} settings;

static int run_census(const settings *s) {
    for (int64_t i = 0; i < s->models; i++) {
        random_case c;
        random_case_make(&c, s->seed + (uint64_t)i);
        random_census_add(&c);
    }
    const int64_t never = random_census_show();
    (void)printf("%lld modules in none of %lld models\n", (long long)never, (long long)s->models);
    return never ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run_seeds(const settings *s, const char *program) {
    totals t = {0};
    const double start = seconds();
    double shown = start;
    for (int64_t i = 0; i < s->models; i++) {
        random_case c;
        random_report report;
        random_case_make(&c, s->seed + (uint64_t)i);
        random_census_add(&c);
        random_isolated(&c, &report);
        count(&t, &report);
        if (report.failed) report_failure(&c, &report, s->shrinks, program);
        if (!s->progress || seconds() - shown < 10) continue;
        shown = seconds();
        show(&t, s->models, shown - start, "\n");
    }
    show(&t, s->models, seconds() - start, "\n");
    (void)printf("refused %lld; beside the reference: numbers of %lld, gradients of %lld; ", (long long)t.refused, (long long)t.numbers,
                 (long long)t.gradients);
    (void)printf("batches beside their examples: %lld; resumed: %lld; with lengths: %lld\n", (long long)t.splits, (long long)t.resumed,
                 (long long)t.lengths);
    (void)printf("largest error %.2f of its bound; %lld with a module that has no formula in the reference\n", t.worst,
                 (long long)t.missing);
    if (t.models >= MODELS) (void)random_census_show();
    (void)printf("%lld passed, %lld failed\n", (long long)(t.models - t.failed), (long long)t.failed);
    return t.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int32_t parse(settings *s, int argc, char **argv) {
    *s = (settings){MODELS, 1, 1, 1, 0, 0};
    for (int i = 1; i < argc; i++) {
        const char *const value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--quiet") == 0) {
            s->progress = 0;
        } else if (strcmp(argv[i], "--whole") == 0) {
            s->shrinks = 0;
        } else if (strcmp(argv[i], "--show") == 0) {
            s->shows = 1;
        } else if (strcmp(argv[i], "--census") == 0) {
            s->counts = 1;
        } else if (value && strcmp(argv[i], "--models") == 0) {
            s->models = strtoll(value, NULL, 10), i++;
        } else if (value && strcmp(argv[i], "--seed") == 0) {
            s->seed = strtoull(value, NULL, 10), i++;
        } else {
            (void)fprintf(stderr, "usage: %s [--models N] [--seed S] [--quiet] [--whole] [--show] [--census] | FILE...\n", argv[0]);
            return 0;
        }
    }
    return 1;
}

int main(int argc, char **argv) {
    settings s;
    if (argc > 1 && argv[1][0] != '-') return run_files(argc, argv);
    if (!parse(&s, argc, argv)) return EXIT_FAILURE;
    if (s.counts) return run_census(&s);
    if (!s.shows) return run_seeds(&s, argv[0]);
    random_case c;
    random_case_make(&c, s.seed);
    print_case(stdout, &c, "shown");
    return EXIT_SUCCESS;
}
