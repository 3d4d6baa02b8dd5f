/* SPDX-License-Identifier: MIT
 * prior_fit.c - the loop of vae prior. As in train_loop.c, the order of the examples is a function of (seed, epoch) and the noise is a
 * function of the trainer's state, so a fit is resumed from the number of steps. */
#include "prior_fit.h"
#include "console.h"
#include "files.h"
#include "interrupt.h"
#include "labels.h"
#include "mem.h"
#include "score.h"
#include "shuffle.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LN_2            0.69314718055994530942
#define VALIDATION_SEED 0
#define ENDING          ".safetensors"

void prior_fit_name(prior_fit_t *fit, const char *output) {
    if (!path_ends(output, ENDING)) die(EXIT_USAGE, "-o %s: wanted a name that ends in " ENDING, output);
    const int stem = (int)(strlen(output) - strlen(ENDING));
    fit->output = mem_text(output);
    fit->config = mem_format("%.*s.config.txt", stem, output);
    fit->state_text = mem_format("%.*s.resume.txt", stem, output);
    fit->checkpoint = mem_format("%.*s.resume" ENDING, stem, output);
}

void prior_fit_lock(prior_fit_t *fit) {
    char *path = mem_format("%.*s.lock", (int)(strlen(fit->output) - strlen(ENDING)), fit->output);
    lock_take(&fit->lock, path, fit->output, "fitted");
    free(path);
    const char *const files[] = {fit->output, fit->config, fit->state_text, fit->checkpoint};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) file_remove_temporaries_of(files[i]);
}

void prior_fit_close(prior_fit_t *fit) {
    lock_release(&fit->lock);
    code_cache_close(&fit->codes);
    vae_session_destroy(fit->session);
    vae_trainer_destroy(fit->trainer);
    vae_model_destroy(fit->model);
    data_free(&fit->data);
    settings_free(&fit->settings);
    free(fit->output);
    free(fit->config);
    free(fit->state_text);
    free(fit->checkpoint);
}

static int64_t steps_per_epoch(const prior_fit_t *fit) {
    return (fit->data.train.n + fit->settings.batch - 1) / fit->settings.batch;
}

void prior_fit_resume(prior_fit_t *fit) {
    run_state_t *s = &fit->state;
    const uint64_t fingerprint = s->fingerprint;
    run_restore(fit->checkpoint, fit->state_text, fit->trainer, s);
    if (s->fingerprint != fingerprint) die(EXIT_FORMAT, "--resume: %s is not the data that %s began with", fit->data.source, fit->output);
    if (s->epoch < 0 || s->epoch != s->step / steps_per_epoch(fit))
        die(EXIT_FORMAT, "%s: step %lld is not in epoch %lld", fit->state_text, (long long)s->step, (long long)s->epoch + 1);
    fit->saved = *s;
    fit->bound = s->best;
    say("resumed at step %lld, after %lld epochs", (long long)s->step, (long long)s->epoch);
}

static void save(prior_fit_t *fit) {
    run_checkpoint(fit->checkpoint, fit->state_text, fit->trainer, &fit->saved, &fit->state);
    fit->saved = fit->state;
}

/* Writes "412.3 nats, 2.32 bits a code". */
static const char *rate_text(const prior_fit_t *fit, double nats, char text[96]) {
    const int64_t codes = vae_model_codes_per_example(fit->model);
    const int64_t values = codes > 0 ? codes : vae_model_latent_size(fit->model);
    snprintf(text, 96, "%.2f nats, %.3f bits a %s", nats, nats / LN_2 / (double)values, codes > 0 ? "code" : "dimension");
    return text;
}

typedef struct batch {
    int64_t *order; /* of the epoch */
    float *x;       /* or */
    int32_t *codes; /* if the latent has codes */
    int32_t *label;
} batch_t;

/* Makes one step of the trainer with examples index[n]. */
static vae_status_t move(prior_fit_t *fit, const batch_t *batch, const int64_t *index, int64_t n, vae_metrics_t *metrics) {
    const data_t *train = &fit->data.train;
    vae_batch_t given = {.struct_size = sizeof given, .n = n};
    if (fit->codes.width > 0) {
        code_cache_gather(&fit->codes, index, n, batch->codes);
        given.codes = batch->codes;
    } else {
        data_gather(train, index, n, batch->x);
        given.x = batch->x;
    }
    given.label = labels_gather(fit->model, train, index, n, batch->label);
    return vae_trainer_step_batch(fit->trainer, &given, metrics);
}

static vae_status_t step(prior_fit_t *fit, const batch_t *batch) {
    run_state_t *s = &fit->state;
    const data_t *train = &fit->data.train;
    const int64_t first = (s->step - s->epoch * steps_per_epoch(fit)) * fit->settings.batch, left = train->n - first;
    const int64_t n = left < fit->settings.batch ? left : fit->settings.batch;
    vae_metrics_t metrics = {.struct_size = sizeof metrics};
    char line[96];
    const vae_status_t status = move(fit, batch, batch->order + first, n, &metrics);
    if (status != VAE_OK) return status;
    s->step++;
    s->n += n;
    s->loss += metrics.loss * (double)n;
    snprintf(line, sizeof line, "epoch %lld  %lld of %lld  %.2f nats", (long long)s->epoch + 1, (long long)(first + n), (long long)train->n,
             metrics.loss);
    console_line(line);
    return VAE_OK;
}

/* Scores the test split and keeps the model if it is the best of all complete epochs. The model of an incomplete epoch is kept if there
 * is none yet, and the next complete epoch replaces it, so it does not change later results. */
static void take_stock(prior_fit_t *fit, bool whole) {
    run_state_t *s = &fit->state;
    score_t score;
    char train[96], title[32];
    must(score_data(&score, fit->session, fit->model, &fit->data.test, 0, 1, VALIDATION_SEED));
    const bool best = score.loss < s->best;
    if (best && (whole || s->best_epoch == 0)) {
        must(vae_model_save(fit->model, fit->output));
        fit->bound = score.loss;
    }
    if (best && whole) {
        s->best = score.loss;
        s->best_epoch = s->epoch + 1;
    }
    snprintf(title, sizeof title, "epoch %lld", (long long)s->epoch + 1);
    say_titled(title, "  %s  val %.2f (recon %.2f + rate %.2f)%s", rate_text(fit, s->loss / (double)s->n, train), score.loss, score.recon,
               score.rate, best ? " best" : "");
}

static int run_epoch(prior_fit_t *fit, const batch_t *batch, int64_t last) {
    run_state_t *s = &fit->state;
    const int64_t end = (s->epoch + 1) * steps_per_epoch(fit), stop = end < last ? end : last;
    shuffle_epoch(batch->order, fit->data.train.n, (uint64_t)fit->settings.seed, s->epoch);
    while (s->step < stop) {
        if (interrupt_seen()) {
            save(fit);
            return EXIT_INTERRUPTED;
        }
        const vae_status_t status = step(fit, batch);
        if (status == VAE_E_NUMERIC) {
            warn("epoch %lld, step %lld: the fit diverged: %s", (long long)s->epoch + 1, (long long)s->step + 1, vae_last_error());
            return EXIT_DIVERGED;
        }
        must(status);
    }
    take_stock(fit, s->step == end);
    if (s->step == end) {
        s->epoch++;
        s->n = 0;
        s->loss = 0.0;
    }
    save(fit);
    return interrupt_seen() ? EXIT_INTERRUPTED : EXIT_DONE;
}

int prior_fit_run(prior_fit_t *fit) {
    const int64_t last = settings_last_step(&fit->settings, steps_per_epoch(fit));
    const int64_t most = fit->settings.batch, size = fit->codes.width > 0 ? 0 : vae_model_input_size(fit->model);
    const batch_t batch = {.order = mem_alloc(fit->data.train.n, sizeof *batch.order),
                           .x = mem_alloc(most * size, sizeof *batch.x),
                           .codes = mem_alloc(most * fit->codes.width, sizeof *batch.codes),
                           .label = mem_alloc(most, sizeof *batch.label)};
    int code = EXIT_DONE;
    while (code == EXIT_DONE && fit->state.step < last) code = run_epoch(fit, &batch, last);
    if (code == EXIT_INTERRUPTED)
        say("interrupted at step %lld and saved; vae prior ... -o %s --resume goes on", (long long)fit->state.step, fit->output);
    free(batch.label);
    free(batch.codes);
    free(batch.x);
    free(batch.order);
    return code == EXIT_INTERRUPTED ? interrupt_code() : code;
}
