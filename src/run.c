/* SPDX-License-Identifier: MIT
 * run.c - writes and reads the folder of a training run and its checkpoints. */
#include "run.h"
#include "console.h"
#include "files.h"
#include "mem.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const run_files[] = {
    "resume.txt",    "resume.safetensors", "last.safetensors", "best.safetensors", "config.txt",
    "metrics.jsonl", "timing.jsonl",       "loss.png",         "recon.png",        "results.csv",
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

static bool holds(const char *folder, const char *name) {
    char *path = path_join(folder, name);
    const bool there = path_exists(path);
    free(path);
    return there;
}

static bool is_empty(const char *folder) {
    DIR *listing = opendir(folder);
    bool empty = listing != NULL;
    for (struct dirent *entry; empty && (entry = readdir(listing));)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (listing) closedir(listing);
    return empty;
}

run_stage_t run_stage(const char *folder) {
    if (holds(folder, "resume.safetensors") || holds(folder, "last.safetensors")) return RUN_SAVED;
    if (holds(folder, "config.txt")) return RUN_BEGUN;
    for (size_t i = 0; i < sizeof run_files / sizeof *run_files; i++)
        if (holds(folder, run_files[i])) return RUN_SAVED; /* no run, because a run's first file is its config.txt: keep the files */
    return holds(folder, "lock") || is_empty(folder) ? RUN_BEGUN : RUN_NONE;
}

/* The old run is removed for good before the new run has a file, so that no crash can mix the two. */
static void clear_folder(const run_t *run) {
    char *samples = run_path(run, "samples");
    for (size_t i = 0; i < sizeof run_files / sizeof *run_files; i++) {
        char *path = run_path(run, run_files[i]);
        if (unlink(path) != 0 && errno != ENOENT) die(EXIT_RUNTIME, "%s: cannot be removed: %s", path, strerror(errno));
        free(path);
    }
    remove_samples(samples);
    free(samples);
    folder_sync(run->folder);
}

static bool is_run_file(const char *name, const void *user) {
    (void)user;
    for (size_t i = 0; i < sizeof run_files / sizeof *run_files; i++)
        if (strcmp(name, run_files[i]) == 0) return true;
    return fnmatch("epoch_*.png", name, 0) == 0;
}

/* Under the lock no other process writes here. */
static void remove_temporaries(const run_t *run) {
    char *samples = run_path(run, "samples");
    file_remove_temporaries(run->folder, is_run_file, NULL);
    file_remove_temporaries(samples, is_run_file, NULL);
    free(samples);
}

static void set_up(run_t *run, const char *folder) {
    *run = (run_t){.folder = mem_text(folder)};
    run->curve[RUN_STEPS] = (curve_t){.colour = 0xc3d0ec, .width = 1.0};
    run->curve[RUN_TRAIN] = (curve_t){.name = "training", .colour = 0x2f5fbf, .width = 2.0};
    run->curve[RUN_VALIDATION] = (curve_t){.name = "validation", .colour = 0xd0601c, .width = 2.0};
}

void run_lock(run_t *run, const char *folder) {
    set_up(run, folder);
    char *path = run_path(run, "lock");
    lock_take(&run->lock, path, folder, "trained");
    free(path);
    remove_temporaries(run);
}

void run_create(run_t *run, const char *folder, bool force) {
    if (path_exists(folder) && !path_is_folder(folder)) die(EXIT_RUNTIME, "%s: a file is in the way of the run folder", folder);
    folder_make(folder);
    run_lock(run, folder);
    if (!force && run_stage(folder) == RUN_SAVED)
        die(EXIT_RUNTIME, "%s holds a run; --resume goes on with it, --force starts it anew", folder);
    clear_folder(run);
    char *samples = run_path(run, "samples");
    folder_make(samples);
    free(samples);
}

void run_reopen(run_t *run, int64_t step, int64_t steps_per_epoch, bool ends) {
    char *samples = run_path(run, "samples");
    folder_make(samples);
    free(samples);
    run_log_reopen(run, step, steps_per_epoch, ends);
}

void run_close(run_t *run) {
    jsonl_close(&run->metrics);
    jsonl_close(&run->timing);
    lock_release(&run->lock);
    for (int i = 0; i < RUN_CURVES; i++) {
        free(run->curve[i].x);
        free(run->curve[i].y);
    }
    free(run->folder);
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
                  &s->step, &s->epoch, &s->best, &s->best_epoch, &s->waited, &s->n, &s->loss, &s->recon, &s->rate, &s->fingerprint) == 10;
}

/* Writes only the state, after the checkpoint of its step is on the disk. */
static void write_state(const char *text, const run_state_t *now, const run_state_t *before) {
    strbuf_t lines = {0};
    print_state(&lines, now);
    if (before && before->step != now->step) print_state(&lines, before);
    file_write_text(text, lines.s);
    free(lines.s);
}

void run_checkpoint(const char *checkpoint, const char *text, const vae_trainer_t *trainer, const run_state_t *before,
                    const run_state_t *now) {
    write_state(text, now, before);
    must(vae_trainer_save(trainer, checkpoint));
    write_state(text, now, NULL);
}

void run_restore(const char *checkpoint, const char *text, vae_trainer_t *trainer, run_state_t *state) {
    size_t size;
    bool found = false;
    must(vae_trainer_load(trainer, checkpoint));
    char *lines = (char *)file_read(text, 65536, &size);
    for (char *line = strtok(lines, "\n"); line && !found; line = strtok(NULL, "\n"))
        found = scan_state(line, state) && state->step == vae_trainer_steps(trainer);
    if (!found) die(EXIT_FORMAT, "%s: no state for step %lld of %s", text, (long long)vae_trainer_steps(trainer), checkpoint);
    free(lines);
    write_state(text, state, NULL);
}

static void save_last(const run_t *run, const vae_model_t *model) {
    char *last = run_path(run, "last.safetensors");
    must(vae_model_save(model, last));
    free(last);
}

void run_save(run_t *run, const vae_model_t *model, const vae_trainer_t *trainer, const run_state_t *before, const run_state_t *now) {
    char *resume = run_path(run, "resume.safetensors"), *state = run_path(run, "resume.txt");
    jsonl_sync(&run->metrics); /* the lines of all steps of a checkpoint must be on the disk before it */
    run_checkpoint(resume, state, trainer, before, now);
    save_last(run, model);
    free(state);
    free(resume);
}

void run_load(const run_t *run, run_state_t *state, const vae_model_t *model, vae_trainer_t *trainer) {
    char *resume = run_path(run, "resume.safetensors"), *text = run_path(run, "resume.txt");
    if (!path_exists(resume) || !path_exists(text))
        die(EXIT_RUNTIME, "%s: there is nothing to resume: no %s", run->folder, path_exists(resume) ? "resume.txt" : "resume.safetensors");
    run_restore(resume, text, trainer, state);
    save_last(run, model);
    free(text);
    free(resume);
}
