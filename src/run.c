/* SPDX-License-Identifier: MIT
 * run.c - the files of a training run. */
#include "run.h"
#include "console.h"
#include "files.h"
#include "json_writer.h"
#include "mem.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_METRICS ((int64_t)1 << 32)

static const char *const run_files[] = {
    "config.txt",       "metrics.jsonl",    "loss.png",           "recon.png",
    "best.safetensors", "last.safetensors", "resume.safetensors", "resume.txt",
};

char *run_path(const run_t *run, const char *name) {
    return path_join(run->folder, name);
}

static void remove_samples(const char *folder) {
    DIR *samples = opendir(folder);
    if (!samples) return;
    for (struct dirent *entry; (entry = readdir(samples));)
        if (strncmp(entry->d_name, "epoch_", 6) == 0 && path_ends(entry->d_name, ".png")) {
            char *path = path_join(folder, entry->d_name);
            unlink(path);
            free(path);
        }
    closedir(samples);
}

static void clear_folder(const run_t *run, bool force) {
    for (size_t i = 0; i < sizeof run_files / sizeof *run_files; i++) {
        char *path = run_path(run, run_files[i]);
        if (path_exists(path)) {
            if (!force)
                die(EXIT_RUNTIME, "%s holds a run; --resume goes on with it, --force starts it anew", run->folder);
            unlink(path);
        }
        free(path);
    }
}

static void set_up(run_t *run, const char *folder) {
    *run = (run_t){.folder = mem_text(folder)};
    run->curve[RUN_STEPS] = (curve_t){.colour = 0xc3d0ec, .width = 1.0};
    run->curve[RUN_TRAIN] = (curve_t){.name = "training", .colour = 0x2f5fbf, .width = 2.0};
    run->curve[RUN_VALIDATION] = (curve_t){.name = "validation", .colour = 0xd0601c, .width = 2.0};
}

static void open_metrics(run_t *run, const char *mode) {
    char *path = run_path(run, "metrics.jsonl");
    run->metrics = fopen(path, mode);
    if (!run->metrics) die(EXIT_RUNTIME, "%s: %s", path, strerror(errno));
    free(path);
}

void run_create(run_t *run, const char *folder, bool force) {
    set_up(run, folder);
    char *samples = run_path(run, "samples");
    if (path_exists(folder) && !path_is_folder(folder))
        die(EXIT_RUNTIME, "%s: a file is in the way of the run folder", folder);
    clear_folder(run, force);
    remove_samples(samples);
    folder_make(samples);
    free(samples);
    open_metrics(run, "w");
}

void run_close(run_t *run) {
    if (fclose(run->metrics) != 0) die(EXIT_RUNTIME, "%s/metrics.jsonl: %s", run->folder, strerror(errno));
    for (int i = 0; i < RUN_CURVES; i++) {
        free(run->curve[i].x);
        free(run->curve[i].y);
    }
    free(run->folder);
}

/* The number behind "key": in a line of our own metrics; false if it is not there or null. */
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

void run_reopen(run_t *run, const char *folder, int64_t step, int64_t steps_per_epoch) {
    set_up(run, folder);
    char *path = run_path(run, "metrics.jsonl");
    if (path_exists(path)) {
        size_t size;
        char *text = (char *)file_read(path, MOST_METRICS, &size);
        strbuf_t kept = {0};
        strbuf_put(&kept, "", 0);
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
            double at;
            if (!number_in(line, "step", &at) || at > (double)step || line[strlen(line) - 1] != '}') continue;
            strbuf_add(&kept, "%s\n", line);
            read_curves(run, line, at, steps_per_epoch);
        }
        file_write_text(path, kept.s);
        free(kept.s);
        free(text);
    }
    free(path);
    open_metrics(run, "a");
}

static void write_line(run_t *run, json_t *json) {
    json_close(json, '}');
    fprintf(run->metrics, "%s\n", json->text.s);
    if (fflush(run->metrics) != 0) die(EXIT_RUNTIME, "%s/metrics.jsonl: %s", run->folder, strerror(errno));
    free(json->text.s);
}

static void begin_line(json_t *json, const char *event, int64_t step, int64_t epoch, double loss, double recon,
                       double rate) {
    json_open(json, NULL, '{');
    json_text(json, "event", event);
    json_int(json, "step", step);
    json_int(json, "epoch", epoch);
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

void run_log_step(run_t *run, const vae_metrics_t *metrics, bool has_codes, int64_t epoch, int64_t steps_per_epoch,
                  double images_per_s) {
    json_t json = {0};
    begin_line(&json, "step", metrics->step, epoch, metrics->loss, metrics->recon, metrics->rate);
    json_real(&json, "beta", metrics->beta);
    json_real(&json, "lr", metrics->lr);
    json_real(&json, "grad_norm", metrics->grad_norm);
    if (has_codes) add_codes(&json, metrics);
    json_real(&json, "images_per_s", images_per_s);
    write_line(run, &json);
    plot_add(&run->curve[RUN_STEPS], (double)metrics->step / (double)steps_per_epoch, metrics->loss);
}

void run_log_epoch(run_t *run, const run_epoch_t *e, int64_t steps_per_epoch) {
    const double x = (double)e->step / (double)steps_per_epoch;
    json_t json = {0};
    begin_line(&json, "epoch", e->step, e->epoch, e->loss, e->recon, e->rate);
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
    json_real(&json, "images_per_s", e->images_per_s);
    json_real(&json, "seconds", e->seconds);
    write_line(run, &json);
    plot_add(&run->curve[RUN_TRAIN], x, e->loss);
    plot_add(&run->curve[RUN_VALIDATION], x, e->val_loss);
}

void run_plot(const run_t *run) {
    char *path = run_path(run, "loss.png");
    plot_write(path, run->curve, RUN_CURVES, "epoch", "nats per example");
    free(path);
}

static void print_state(strbuf_t *text, const run_state_t *s) {
    strbuf_add(text,
               "step=%" PRId64 " epoch=%" PRId64 " best=%.17g best_epoch=%" PRId64 " waited=%" PRId64 " n=%" PRId64
               " loss=%.17g recon=%.17g rate=%.17g data=%016" PRIx64 "\n",
               s->step, s->epoch, s->best, s->best_epoch, s->waited, s->n, s->loss, s->recon, s->rate, s->fingerprint);
}

static bool scan_state(const char *line, run_state_t *s) {
    return sscanf(line,
                  "step=%" SCNd64 " epoch=%" SCNd64 " best=%lf best_epoch=%" SCNd64 " waited=%" SCNd64 " n=%" SCNd64
                  " loss=%lf recon=%lf rate=%lf data=%" SCNx64,
                  &s->step, &s->epoch, &s->best, &s->best_epoch, &s->waited, &s->n, &s->loss, &s->recon, &s->rate,
                  &s->fingerprint) == 10;
}

void run_checkpoint(const char *checkpoint, const char *text, const vae_trainer_t *trainer, const run_state_t *before,
                    const run_state_t *now) {
    strbuf_t lines = {0};
    print_state(&lines, now);
    if (before->step != now->step) print_state(&lines, before);
    file_write_text(text, lines.s);
    must(vae_trainer_save(trainer, checkpoint));
    free(lines.s);
}

void run_restore(const char *checkpoint, const char *text, vae_trainer_t *trainer, run_state_t *state) {
    size_t size;
    bool found = false;
    must(vae_trainer_load(trainer, checkpoint));
    char *lines = (char *)file_read(text, 65536, &size);
    for (char *line = strtok(lines, "\n"); line && !found; line = strtok(NULL, "\n"))
        found = scan_state(line, state) && state->step == vae_trainer_steps(trainer);
    if (!found)
        die(EXIT_FORMAT, "%s: no state for step %lld of %s", text, (long long)vae_trainer_steps(trainer), checkpoint);
    free(lines);
}

void run_save(const run_t *run, const vae_model_t *model, const vae_trainer_t *trainer, const run_state_t *before,
              const run_state_t *now) {
    char *last = run_path(run, "last.safetensors"), *resume = run_path(run, "resume.safetensors");
    char *state = run_path(run, "resume.txt");
    must(vae_model_save(model, last));
    run_checkpoint(resume, state, trainer, before, now);
    free(state);
    free(resume);
    free(last);
}

void run_load(run_state_t *state, vae_trainer_t *trainer, const char *folder) {
    char *resume = path_join(folder, "resume.safetensors"), *text = path_join(folder, "resume.txt");
    if (!path_exists(resume) || !path_exists(text))
        die(EXIT_RUNTIME, "%s: there is nothing to resume: no resume.safetensors", folder);
    run_restore(resume, text, trainer, state);
    free(text);
    free(resume);
}
