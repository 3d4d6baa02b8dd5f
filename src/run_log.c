/* SPDX-License-Identifier: MIT
 * run_log.c - writes the lines of a run: metrics.jsonl, which is the same for the same command, and timing.jsonl, which depends on the
 * clock.
 *
 * The curves of loss.png are read from the lines in the file, so that a resumed run draws the same curves as one that was not
 * interrupted. */
#include "console.h"
#include "json_writer.h"
#include "metrics_table.h"
#include "run.h"

#include <stdlib.h>
#include <string.h>

/* Finds the number behind "key": in a line of metrics; false if there is none or if it is null. */
static bool number_in(const char *line, const char *key, double *value) {
    char *quoted = mem_format("\"%s\":", key);
    const char *at = strstr(line, quoted);
    char *end = NULL;
    if (at) {
        at += strlen(quoted);
        *value = strtod(at, &end);
    }
    free(quoted);
    return at && end != at;
}

static void read_curves(run_t *run, const char *line, double step, int64_t steps_per_epoch) {
    const double x = step / (double)steps_per_epoch;
    const bool is_epoch = strstr(line, "\"event\":\"epoch\"") != NULL;
    double loss;
    if (number_in(line, "loss", &loss)) plot_add(&run->curve[is_epoch ? RUN_TRAIN : RUN_STEPS], x, loss);
    if (is_epoch && number_in(line, "val_loss", &loss)) plot_add(&run->curve[RUN_VALIDATION], x, loss);
}

typedef struct cut {
    run_t *run;
    double step;
    int64_t steps_per_epoch;
    bool ends, draws;
} cut_t;

/* Whether a line is kept: those up to the step. If --steps ended the run within an epoch, the line of that epoch is not kept in a run
 * that continues. */
static bool keeps(void *user, const char *line) {
    const cut_t *cut = user;
    double step;
    if (!number_in(line, "step", &step) || !(step >= 0 && step <= (double)cut->step)) return false; /* also false for NaN */
    const bool is_epoch = strstr(line, "\"event\":\"epoch\"") != NULL;
    const bool whole = !is_epoch || (int64_t)step % cut->steps_per_epoch == 0;
    if (!whole && !(cut->ends && step >= cut->step)) return false;
    if (cut->draws) read_curves(cut->run, line, step, cut->steps_per_epoch);
    return true;
}

void run_log_create(run_t *run) {
    jsonl_create(&run->metrics, run_path(run, "metrics.jsonl"));
    jsonl_create(&run->timing, run_path(run, "timing.jsonl"));
}

void run_log_reopen(run_t *run, int64_t step, int64_t steps_per_epoch, bool ends) {
    cut_t cut = {run, (double)step, steps_per_epoch, ends, true};
    jsonl_reopen(&run->metrics, run_path(run, "metrics.jsonl"), keeps, &cut);
    cut.draws = false;
    jsonl_reopen(&run->timing, run_path(run, "timing.jsonl"), keeps, &cut);
}

static void end_line(jsonl_t *log, json_t *json) {
    json_close(json, '}');
    jsonl_add(log, json->text.s);
}

static void end_metrics(run_t *run, json_t *json, int64_t step, int64_t steps_per_epoch) {
    end_line(&run->metrics, json);
    read_curves(run, json->text.s, (double)step, steps_per_epoch);
    free(json->text.s);
}

static void begin_event(json_t *json, const char *event, int64_t step, int64_t epoch) {
    json_open(json, NULL, '{');
    json_text(json, "event", event);
    json_int(json, "step", step);
    json_int(json, "epoch", epoch);
}

static void begin_line(json_t *json, const char *event, int64_t step, int64_t epoch, double loss, double recon, double rate) {
    begin_event(json, event, step, epoch);
    json_real(json, "loss", loss);
    json_real(json, "recon", recon);
    json_real(json, "rate", rate);
}

static void add_codes(json_t *json, const vae_metrics_t *metrics) {
    json_real(json, "aux", metrics->aux);
    json_real(json, "perplexity", metrics->perplexity);
    json_real(json, "codes_used", metrics->codes_used);
    json_real(json, "dead_codes", metrics->dead_codes);
    json_real(json, "quantization_error", metrics->quantization_error);
}

/* A model with one latent needs only the rate. */
static void add_latents(json_t *json, const vae_metrics_t *metrics) {
    if (metrics->latents < 2) return;
    json_open(json, "latent_rates", '[');
    for (int64_t i = 0; i < metrics->latents; i++) json_real(json, NULL, metrics->latent_rate[i]);
    json_close(json, ']');
}

/* Adds the measures of a critic that has been trained. */
static void add_critic(json_t *json, const vae_metrics_t *metrics) {
    if (!(metrics->critic_loss > 0) && !(metrics->critic_accuracy > 0)) return;
    json_real(json, "critic_loss", metrics->critic_loss);
    json_real(json, "critic_accuracy", metrics->critic_accuracy);
}

/* seconds: -1 if they are unknown */
static void add_timing(run_t *run, const char *event, int64_t step, int64_t epoch, double images_per_s, double seconds) {
    json_t json = {0};
    begin_event(&json, event, step, epoch);
    json_real(&json, "images_per_s", images_per_s);
    if (seconds >= 0.0) json_real(&json, "seconds", seconds);
    end_line(&run->timing, &json);
    free(json.text.s);
}

void run_log_step(run_t *run, const vae_metrics_t *metrics, bool has_codes, int64_t epoch, int64_t steps_per_epoch, double images_per_s) {
    json_t json = {0};
    begin_line(&json, "step", metrics->step, epoch, metrics->loss, metrics->recon, metrics->rate);
    json_real(&json, "beta", metrics->beta);
    json_real(&json, "lr", metrics->lr);
    json_real(&json, "grad_norm", metrics->grad_norm);
    if (has_codes) add_codes(&json, metrics);
    add_latents(&json, metrics);
    add_critic(&json, metrics);
    end_metrics(run, &json, metrics->step, steps_per_epoch);
    add_timing(run, "step", metrics->step, epoch, images_per_s, -1.0);
}

void run_log_epoch(run_t *run, const run_epoch_t *e, int64_t steps_per_epoch) {
    json_t json = {0};
    begin_line(&json, "epoch", e->step, e->epoch, e->loss, e->recon, e->rate);
    if (e->binarize[0]) json_text(&json, "binarize", e->binarize);
    json_real(&json, "val_loss", e->val_loss);
    json_real(&json, "val_recon", e->val_recon);
    json_real(&json, "val_rate", e->val_rate);
    if (!e->has_codes) json_int(&json, "active_units", e->active_units);
    json_real(&json, "beta", e->last.beta);
    json_real(&json, "lr", e->last.lr);
    if (e->has_codes) {
        json_real(&json, "val_perplexity", e->val_perplexity);
        json_real(&json, "val_codes_used", e->val_codes_used);
        add_codes(&json, &e->last);
    }
    add_latents(&json, &e->last);
    add_critic(&json, &e->last);
    end_metrics(run, &json, e->step, steps_per_epoch);
    add_timing(run, "epoch", e->step, e->epoch, e->images_per_s, e->seconds);
}

void run_table(const run_t *run) {
    char *from = run_path(run, "metrics.jsonl"), *to = run_path(run, "results.csv");
    metrics_table_t table;
    metrics_table_read(&table, from);
    metrics_table_write(&table, to);
    metrics_table_free(&table);
    free(from);
    free(to);
}
