/* SPDX-License-Identifier: MIT
 * cmd_anomaly.c - vae anomaly: fits a detector of anomalies to normal examples, and scores examples with a detector. */
#include "console.h"
#include "csv.h"
#include "engine.h"
#include "files.h"
#include "labels.h"
#include "pictures.h"
#include "progress.h"
#include "rank.h"
#include "shuffle.h"
#include "task.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HALVES = 100 };

static double number_option(const cli_t *cli, const char *name, double least, double most) {
    char *end;
    const double v = strtod(cli_text(cli, name), &end);
    if (end == cli_text(cli, name) || *end != '\0' || !(v > least && v < most))
        die(EXIT_USAGE, "--%s: \"%s\" is no number between %g and %g", name, cli_text(cli, name), least, most);
    return v;
}

/* ---- fit -------------------------------------------------------------------------------------------------------------- */

/* The rate of false alarms on one half of the scores at the conformal threshold of the other half, as a mean over random halves. */
static double false_alarms(const float *score, int64_t n, double alpha) {
    const int64_t half = n / 2, rank = (int64_t)ceil((double)(half + 1) * (1.0 - alpha) - 1e-9);
    int64_t *order = mem_alloc(n, sizeof *order);
    bool *calibrates = mem_alloc(n, sizeof *calibrates);
    double sum = 0;
    for (int64_t round = 0; round < HALVES; round++) {
        int64_t seen = 0, alarms = 0;
        float threshold = 0;
        shuffle_epoch(order, n, 0, round);
        memset(calibrates, 0, (size_t)n * sizeof *calibrates);
        for (int64_t i = 0; i < half; i++) calibrates[order[i]] = true;
        for (int64_t i = 0; i < n; i++) { /* ascending: score number `rank` of the half is the threshold */
            if (calibrates[i] && ++seen == rank) threshold = score[i];
            alarms += !calibrates[i] && seen >= rank && score[i] > threshold;
        }
        sum += (double)alarms / (double)(n - half);
    }
    free(order);
    free(calibrates);
    return sum / HALVES;
}

static void tell_fit(const vae_anomaly_t *anomaly, double alpha) {
    static const char *const name[] = {"conformal", "quantile", "tail"};
    const int64_t n = vae_anomaly_count(anomaly);
    print_line("calibrated on %lld examples", (long long)n);
    for (int32_t how = 0; how < 3; how++) {
        double threshold;
        const vae_status_t status = vae_anomaly_threshold(anomaly, how, alpha, &threshold);
        if (status == VAE_OK) print_line("threshold at %g %%, %-9s  %.6g", 100.0 * alpha, name[how], threshold);
        else print_line("threshold at %g %%, %-9s  %s", 100.0 * alpha, name[how], vae_last_error());
    }
    if (n >= 4)
        print_line("false alarms        %.3g %% of one half of them at the threshold of the other, as a mean over %d random halves",
                   100.0 * false_alarms(vae_anomaly_scores(anomaly), n, alpha), HALVES);
}

static int fit(const cli_t *cli) {
    task_t task;
    vae_anomaly_t *anomaly;
    const double alpha = number_option(cli, "alpha", 0.0, 1.0);
    task_open_at(&task, cli, 1, true, true);
    must_or(vae_anomaly_create(&anomaly, task.model, cli_text(cli, "score"), ENGINE_BATCH), EXIT_USAGE);
    float *x = mem_alloc(ENGINE_BATCH * vae_model_input_size(task.model), sizeof *x);
    for (int64_t first = 0; first < task.n; first += ENGINE_BATCH) {
        const int64_t n = task.n - first < ENGINE_BATCH ? task.n - first : ENGINE_BATCH;
        data_range(task.data, first, n, x);
        const vae_batch_t batch = labels_batch(task.model, task.data, first, n, x);
        must(vae_anomaly_add(anomaly, &batch));
        progress_count("scoring examples", first + n, task.n);
    }
    console_line("");
    must(vae_anomaly_fit(anomaly));
    must(vae_anomaly_save(anomaly, task.output));
    tell_fit(anomaly, alpha);
    free(x);
    vae_anomaly_destroy(anomaly);
    task_close(&task);
    return EXIT_DONE;
}

/* ---- score ------------------------------------------------------------------------------------------------------------ */

/* Scores of the examples of DATA, then of --anomalies. */
typedef struct scored {
    int64_t n, normal;
    float *score;
    double *p_value;
} scored_t;

static void score_data_set(vae_anomaly_t *anomaly, const vae_model_t *model, const data_t *data, int64_t n, int64_t at, scored_t *s) {
    float *x = mem_alloc(ENGINE_BATCH * vae_model_input_size(model), sizeof *x);
    for (int64_t first = 0; first < n; first += ENGINE_BATCH) {
        const int64_t part = n - first < ENGINE_BATCH ? n - first : ENGINE_BATCH;
        data_range(data, first, part, x);
        const vae_batch_t batch = labels_batch(model, data, first, part, x);
        must(vae_anomaly_score(anomaly, &batch, s->score + at + first, s->p_value + at + first));
        progress_count("scoring examples", at + first + part, s->n);
    }
    free(x);
}

/* Finds the source and the row of example i: DATA or the anomalies. */
static const data_t *data_of(const task_t *task, const data_t *others, const scored_t *s, int64_t i, int64_t *row) {
    *row = i < s->normal ? i : i - s->normal;
    return i < s->normal ? task->data : others;
}

static void write_table(const task_t *task, const data_t *others, const scored_t *s, double threshold) {
    const bool labels = task->data->label && (!others || others->label), names = task->data->name && (!others || others->name);
    strbuf_t table = {0};
    csv_text(&table, "example");
    if (others) csv_text(&table, "source");
    csv_text(&table, "score");
    csv_text(&table, "p_value");
    csv_text(&table, "anomaly");
    if (labels) csv_text(&table, "label");
    if (names) csv_text(&table, "file");
    csv_end_line(&table);
    for (int64_t i = 0; i < s->n; i++) {
        int64_t row;
        const data_t *data = data_of(task, others, s, i, &row);
        csv_int(&table, (long long)row);
        if (others) csv_text(&table, i < s->normal ? "data" : "anomalies");
        csv_real(&table, (double)s->score[i]);
        csv_real(&table, s->p_value[i]);
        csv_int(&table, (double)s->score[i] > threshold);
        if (labels) csv_int(&table, data->label[row]);
        if (names) csv_text(&table, data->name[row]);
        csv_end_line(&table);
    }
    file_write_text(task->output, table.s);
    free(table.s);
}

static double share_above(const float *score, int64_t n, double threshold) {
    int64_t above = 0;
    for (int64_t i = 0; i < n; i++) above += (double)score[i] > threshold;
    return n > 0 ? (double)above / (double)n : 0.0;
}

static void tell_scores(const scored_t *s, double threshold) {
    double value;
    print_line("threshold    %.6g", threshold);
    print_line("above it     %.3g %% of %lld examples", 100.0 * share_above(s->score, s->normal, threshold), (long long)s->normal);
    if (s->n == s->normal) return;
    float *kind = mem_alloc(s->n, sizeof *kind);
    for (int64_t i = s->normal; i < s->n; i++) kind[i] = 1;
    const vae_measured_t measured = {.struct_size = sizeof measured, .n = s->n, .factors = 1, .factor = kind, .score = s->score};
    print_line("above it     %.3g %% of %lld anomalies", 100.0 * share_above(s->score + s->normal, s->n - s->normal, threshold),
               (long long)(s->n - s->normal));
    must(vae_measure(NULL, "auroc", &measured, &value, NULL));
    print_line("AUROC        %.4f", value);
    must(vae_measure(NULL, "aupr", &measured, &value, NULL));
    print_line("AUPR         %.4f", value);
    free(kind);
}

/* Writes a picture for each of the examples with the largest scores: the example, its reconstruction, and their absolute difference. */
static void write_maps(const task_t *task, const data_t *others, const scored_t *s, const char *folder, int64_t count) {
    const int64_t S = vae_model_input_size(task->model);
    const extent_t extent = picture_extent(task->model, task->data);
    ranked_t *ranked = mem_alloc(s->n, sizeof *ranked);
    float *x = mem_alloc(3 * S, sizeof *x);
    folder_make(folder);
    for (int64_t i = 0; i < s->n; i++) ranked[i] = (ranked_t){(double)s->score[i], i};
    rank_largest_first(ranked, s->n);
    for (int64_t k = 0; k < count && k < s->n; k++) {
        int64_t row;
        const data_t *data = data_of(task, others, s, ranked[k].example, &row);
        data_range(data, row, 1, x);
        const vae_batch_t batch = labels_batch(task->model, data, row, 1, x);
        must(vae_reconstruct_batch(task->session, &batch, x + S));
        for (int64_t v = 0; v < S; v++) x[2 * S + v] = fabsf(x[v] - x[S + v]);
        char *name = mem_format("%04lld-%s%lld.png", (long long)k + 1, data == others ? "anomaly" : "example", (long long)row);
        char *path = path_join(folder, name);
        picture_write(path, x, 3, &extent, 3);
        free(path);
        free(name);
    }
    free(ranked);
    free(x);
}

static double threshold_of(const cli_t *cli, const vae_anomaly_t *anomaly) {
    const char *how = cli_text(cli, "threshold");
    double threshold;
    must(vae_anomaly_threshold(anomaly,
                               how[0] == 'c'   ? VAE_THRESHOLD_CONFORMAL
                               : how[0] == 'q' ? VAE_THRESHOLD_QUANTILE
                                               : VAE_THRESHOLD_TAIL,
                               number_option(cli, "alpha", 0.0, 1.0), &threshold));
    return threshold;
}

/* The examples of --anomalies as the model takes them, or NULL. */
static const data_t *open_anomalies(const cli_t *cli, const task_t *task, data_set_t *set) {
    const char *const source = cli_text(cli, "anomalies");
    const extent_t input = model_input(task->model);
    data_way_t way = data_way(cli);
    if (!source[0]) return NULL;
    way.tokens = vae_model_token_count(task->model);
    data_load(set, &source, 1, &input, &way);
    data_check_values(set, false);
    labels_check(task->model, set);
    return data_split(set, cli_text(cli, "split"));
}

static int score(const cli_t *cli) {
    task_t task;
    data_set_t set = {0};
    vae_anomaly_t *anomaly;
    const char *const maps = cli_text(cli, "maps");
    if (maps[0]) refuse_existing(maps, cli_flag(cli, "force"));
    task_open_at(&task, cli, 1, true, true);
    if (!path_ends(task.output, ".csv") && !path_is_stdout(task.output))
        die(EXIT_USAGE, "%s: the table's name must end in .csv", task.output);
    const data_t *others = open_anomalies(cli, &task, &set);
    char *file = engine_model_file(cli_operand(cli, 1));
    must_or(vae_anomaly_load(&anomaly, task.ctx, file, ENGINE_BATCH), EXIT_FORMAT);
    scored_t s = {.normal = task.n, .n = task.n + (others ? others->n : 0)};
    s.score = mem_alloc(s.n, sizeof *s.score);
    s.p_value = mem_alloc(s.n, sizeof *s.p_value);
    score_data_set(anomaly, task.model, task.data, task.n, 0, &s);
    if (others) score_data_set(anomaly, task.model, others, others->n, task.n, &s);
    console_line("");
    const double threshold = threshold_of(cli, anomaly);
    write_table(&task, others, &s, threshold);
    if (maps[0]) write_maps(&task, others, &s, maps, cli_int(cli, "worst"));
    tell_scores(&s, threshold);
    free(s.score);
    free(s.p_value);
    free(file);
    vae_anomaly_destroy(anomaly);
    data_free(&set);
    task_close(&task);
    return EXIT_DONE;
}

static int run(const cli_t *cli) {
    const char *const what = cli_operand(cli, 0);
    if (strcmp(what, "fit") == 0) return fit(cli);
    if (strcmp(what, "score") == 0) return score(cli);
    die(EXIT_USAGE, "anomaly: \"%s\", wanted fit or score", what);
}

static const cli_option_t options[] = {
    TASK_OUTPUT("fit: the model with its detector; score: the table, scores.csv"),
    {"score", 0, CLI_TEXT, "TEXT", "bound", "fit: the score with its options; vae help score lists them", 0},
    {"alpha", 0, CLI_TEXT, "A", "0.01", "rate of false alarms, between 0 and 1", 0},
    {"threshold", 0, CLI_CHOICE, "conformal|quantile|tail", "conformal", "score: how the threshold is computed", 0},
    {"anomalies", 0, CLI_TEXT, "DATA", "", "score: examples that are known to be anomalies, for AUROC and AUPR", 0},
    {"maps", 0, CLI_TEXT, "FOLDER", "",
     "score: write error maps of the examples with the largest scores; -f writes into a FOLDER that exists", 0},
    {"worst", 0, CLI_INT, "N", "10", "score: number of error maps", 1},
    TASK_DATA,
    {.name = NULL},
};

const cli_command_t command_anomaly = {
    .name = "anomaly",
    .operands = "fit|score MODEL DATA...",
    .summary = "find examples that are unlike those of the training",
    .text = "fit scores normal examples of DATA that MODEL was not trained on, by default its test\n"
            "split, and writes a model file that contains the detector. score then scores other\n"
            "examples with that file. The table contains for each example a score, which is larger\n"
            "for less normal examples, a conformal p-value, and whether the score is above the\n"
            "threshold. The p-value of a normal example is at most A with a probability of at\n"
            "most A.\n"
            "\n"
            "An error map is a picture of the example, its reconstruction, and the absolute\n"
            "difference of both for each value. DATA is as for vae train. vae score writes the bound\n"
            "of each example and needs no detector.",
    .example = "  vae anomaly fit run fashion-mnist -o detector.safetensors --score 'bound samples=16'\n"
               "  vae anomaly score detector.safetensors fashion-mnist -o scores.csv --anomalies shapes --maps maps",
    .options = options,
    .computes = true,
    .run = run,
};
