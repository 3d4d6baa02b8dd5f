/* SPDX-License-Identifier: MIT
 * train_loop.c - trains epoch by epoch, so that an interrupted run gives the same bits when it continues.
 *
 *     epoch e:  order = shuffle_epoch(seed, e); with P passes, those of e P to e P + P - 1 one after another
 *               batch b: examples order[b * batch ...], one step of the trainer          the last batch may be short; it is left out
 *                                                                                      if the model needs more
 *               validation, pictures, best and last model, metrics, checkpoint
 *
 * The order is a function of (seed, e), augmentation and binarisation are functions of (seed, e, example), and the noise is a
 * function of the trainer's state, so the number of steps alone tells where to continue, also within an epoch. Validation
 * seeds its own stream each time and never uses that of the trainer. */
#include "train_loop.h"
#include "binarize.h"
#include "console.h"
#include "engine.h"
#include "interrupt.h"
#include "labels.h"
#include "mem.h"
#include "pictures.h"
#include "progress.h"
#include "shuffle.h"
#include "train_watch.h"

#include <math.h>
#include <stdlib.h>

enum { N_SAMPLES = 64, SAMPLE_COLUMNS = 8, N_RECON = 40, RECON_COLUMNS = 10, LOG_EVERY = 20, VALIDATION_SEED = 0 };

/* The measurements of one call of train_loop_run(). */
typedef struct clock_state {
    double seconds, epoch_seconds; /* time of steps */
    int64_t images, epoch_images, steps;
} clock_state_t;

static int64_t examples_per_epoch(const train_loop_t *loop) {
    return loop->data->train.n * loop->settings->passes;
}

int64_t train_steps_per_epoch(const train_loop_t *loop) {
    const int64_t n = examples_per_epoch(loop), batch = loop->settings->batch, rest = n % batch;
    return n / batch + (rest > 0 && rest >= loop->least);
}

int64_t train_last_step(const train_loop_t *loop) {
    return settings_last_step(loop->settings, train_steps_per_epoch(loop));
}

static int diverged(const train_loop_t *loop) {
    watch_diverged(loop, vae_last_error());
    return EXIT_DIVERGED;
}

static void log_and_show(train_loop_t *loop, const vae_metrics_t *metrics, const clock_state_t *clock) {
    const run_state_t *s = &loop->state;
    const int64_t per_epoch = train_steps_per_epoch(loop), batch = s->step - s->epoch * per_epoch;
    const double images_per_s = (double)clock->images / fmax(clock->seconds, 1e-9);
    if (s->step % LOG_EVERY == 0 || s->step == 1) run_log_step(&loop->run, metrics, loop->has_codes, s->epoch + 1, per_epoch, images_per_s);
    const int64_t epochs = (train_last_step(loop) + per_epoch - 1) / per_epoch;
    const progress_t progress = {
        .epoch = s->epoch + 1,
        .epochs = epochs,
        .batch = batch,
        .batches = per_epoch,
        .steps_left = train_last_step(loop) - s->step,
        .loss = s->loss / (double)s->n,
        .recon = s->recon / (double)s->n,
        .rate = s->rate / (double)s->n,
        .perplexity = loop->has_codes ? metrics->perplexity : 0.0,
        .images_per_s = images_per_s,
        .seconds_per_step = clock->seconds / (double)clock->steps,
    };
    progress_show(&progress);
}

/* Writes samples from the same noise in each epoch, and reconstructions of the same examples; for tokens only samples, as lines. */
static void write_pictures(const train_loop_t *loop, int64_t number) {
    const extent_t extent = picture_extent(loop->model, &loop->data->test);
    const bool text = vae_model_token_count(loop->model) > 0;
    if (extent.n == 0 && !text) return;
    const int64_t D = vae_model_latent_size(loop->model), S = vae_model_input_size(loop->model);
    char *recon = run_path(&loop->run, "recon.png");
    if (!text) picture_reconstructions(recon, loop->session, loop->model, &loop->data->test, N_RECON, &extent, RECON_COLUMNS);
    free(recon);
    if (!loop->has_prior) return;
    float *noise = mem_alloc(N_SAMPLES * D, sizeof *noise), *x = mem_alloc(N_SAMPLES * S, sizeof *x);
    uint64_t stream = draw_stream((uint64_t)loop->settings->seed, 0);
    draw_normal(&stream, N_SAMPLES * D, noise);
    must(vae_session_seed(loop->session, (uint64_t)loop->settings->seed)); /* for codes that are drawn */
    /* a learned prior and a prior over codes draw their own numbers, from the session's seed */
    vae_status_t status = VAE_E_UNSUPPORTED;
    if (!loop->has_codes) status = labels_sample(loop->session, loop->model, N_SAMPLES, LABELS_IN_TURN, 0, noise, x);
    if (status == VAE_E_UNSUPPORTED) status = labels_sample(loop->session, loop->model, N_SAMPLES, LABELS_IN_TURN, 0, NULL, x);
    must(status);
    char *name = mem_format("samples/epoch_%04lld.%s", (long long)number, text ? "txt" : "png");
    char *path = run_path(&loop->run, name);
    if (text) text_write(path, loop->model, x, N_SAMPLES, 0);
    else picture_write(path, x, N_SAMPLES, &extent, SAMPLE_COLUMNS);
    free(path);
    free(name);
    free(x);
    free(noise);
}

static void print_epoch(const train_loop_t *loop, const run_epoch_t *e, bool best) {
    char rate[PROGRESS_TEXT], time[PROGRESS_TEXT], of[24] = "", parts[96], title[64];
    const int64_t per_epoch = train_steps_per_epoch(loop);
    snprintf(of, sizeof of, "/%lld", (long long)((train_last_step(loop) + per_epoch - 1) / per_epoch));
    if (e->has_codes) /* because the rate of codes is constant */
        snprintf(parts, sizeof parts, "(recon %.1f)  perplexity %.0f, %.0f%% of codes", e->recon, e->val_perplexity,
                 100.0 * e->val_codes_used);
    else snprintf(parts, sizeof parts, "(recon %.1f + rate %.1f)", e->recon, e->rate);
    snprintf(title, sizeof title, "epoch %lld%s", (long long)e->epoch, of);
    say_titled(title, "  loss %.2f %s  val %.2f%s  %s img/s  %s", e->loss, parts, e->val_loss, best ? " best" : "     ",
               text_thousands(e->images_per_s, rate), text_duration(e->seconds, time));
}

static bool waited_enough(const train_loop_t *loop) {
    return loop->patience > 0 && loop->state.waited >= loop->patience;
}

/* Keeps the model if it is the best of all complete epochs. The model of an epoch that --steps ended is kept if there is none yet, and
 * the next complete epoch replaces it, so it does not change later results. */
static bool keep_best(train_loop_t *loop, int64_t number, bool whole) {
    run_state_t *s = &loop->state;
    const double loss = loop->score.loss;
    const bool best = loss < s->best, kept = best && (whole || s->best_epoch == 0);
    if (kept) {
        char *path = run_path(&loop->run, "best.safetensors");
        must(vae_model_save(loop->model, path));
        free(path);
        loop->best = loss;
        loop->best_epoch = number;
    }
    if (whole && best) {
        s->best = loss;
        s->best_epoch = number;
    }
    if (whole) s->waited = best ? 0 : s->waited + 1;
    return kept;
}

static run_epoch_t epoch_of(const train_loop_t *loop, int64_t number, const vae_metrics_t *metrics, const clock_state_t *clock) {
    const run_state_t *s = &loop->state;
    const double n = (double)s->n;
    return (run_epoch_t){
        .epoch = number,
        .step = s->step,
        .active_units = loop->score.active_units,
        .loss = s->loss / n,
        .recon = s->recon / n,
        .rate = s->rate / n,
        .val_loss = loop->score.loss,
        .val_recon = loop->score.recon,
        .val_rate = loop->score.rate,
        .has_codes = loop->has_codes,
        .val_perplexity = loop->score.codes.perplexity,
        .val_codes_used = loop->score.codes.used,
        .binarize = loop->settings->binarize,
        .last = *metrics,
        .images_per_s = (double)clock->epoch_images / fmax(clock->epoch_seconds, 1e-9),
        .seconds = clock->epoch_seconds,
    };
}

static int blew_up(const train_loop_t *loop, double loss) {
    char *why = mem_format("the loss is %.3g nats, it was %.4g at the first step", loss, loop->run.curve[RUN_STEPS].y[0]);
    watch_diverged(loop, why);
    free(why);
    return EXIT_DIVERGED;
}

/* Validates and writes pictures, metrics and the best model. Returns EXIT_DONE or EXIT_DIVERGED. */
static int take_stock(train_loop_t *loop, bool whole, const vae_metrics_t *metrics, const clock_state_t *clock) {
    const run_state_t *s = &loop->state;
    const int64_t number = s->epoch + 1; /* counted from 1 */
    const vae_status_t status = score_data(&loop->score, loop->session, loop->model, &loop->data->test, 0, 1, VALIDATION_SEED);
    if (status == VAE_E_NUMERIC) return diverged(loop);
    must(status);
    const run_epoch_t epoch = epoch_of(loop, number, metrics, clock);
    const double worse = fmax(epoch.loss, epoch.val_loss);
    if (watch_blew_up(loop, worse)) return blew_up(loop, worse);
    const bool best = keep_best(loop, number, whole);
    write_pictures(loop, number);
    run_log_epoch(&loop->run, &epoch, train_steps_per_epoch(loop));
    run_plot(&loop->run);
    run_table(&loop->run);
    print_epoch(loop, &epoch, best);
    watch_collapse(loop, metrics->beta, waited_enough(loop));
    return EXIT_DONE;
}

static void save(train_loop_t *loop) {
    run_save(&loop->run, loop->model, loop->trainer, &loop->saved, &loop->state);
    loop->saved = loop->state;
}

static vae_status_t step(train_loop_t *loop, const int64_t *order, float *x, vae_metrics_t *metrics, clock_state_t *clock) {
    run_state_t *s = &loop->state;
    const int64_t first = (s->step - s->epoch * train_steps_per_epoch(loop)) * loop->settings->batch;
    const int64_t left = examples_per_epoch(loop) - first;
    const int64_t n = left < loop->settings->batch ? left : loop->settings->batch;
    const double start = now_seconds();
    data_gather(&loop->data->train, order + first, n, x);
    const uint64_t seed = (uint64_t)loop->settings->seed;
    const int64_t pass = s->epoch * loop->settings->passes + first / loop->data->train.n;
    augment_apply(&loop->augment, seed, pass, order + first, n, x);
    binarize_batch(binarize_of(loop->settings->binarize), seed, pass, order + first, n, vae_model_input_size(loop->model), x);
    *metrics = (vae_metrics_t){.struct_size = sizeof *metrics};
    const vae_batch_t batch = {
        .struct_size = sizeof batch,
        .n = n,
        .x = x,
        .label = loop->label ? labels_gather(loop->model, &loop->data->train, order + first, n, loop->label) : NULL,
    };
    const vae_status_t status = vae_trainer_step_batch(loop->trainer, &batch, metrics);
    if (status != VAE_OK) return status;
    const double seconds = now_seconds() - start;
    clock->seconds += seconds;
    clock->epoch_seconds += seconds;
    clock->images += n;
    clock->epoch_images += n;
    clock->steps++;
    s->step++;
    s->n += n;
    s->loss += metrics->loss * (double)n;
    s->recon += metrics->recon * (double)n;
    s->rate += metrics->rate * (double)n;
    return VAE_OK;
}

static void finish_epoch(run_state_t *s) {
    s->epoch++;
    s->n = 0;
    s->loss = s->recon = s->rate = 0.0;
}

/* Runs the steps of one epoch, or the rest of them. */
static int run_epoch(train_loop_t *loop, int64_t *order, float *x, clock_state_t *clock) {
    run_state_t *s = &loop->state;
    const int64_t per_epoch = train_steps_per_epoch(loop), end = (s->epoch + 1) * per_epoch;
    const int64_t stop = end < train_last_step(loop) ? end : train_last_step(loop);
    vae_metrics_t metrics = {.struct_size = sizeof metrics};
    const int64_t passes = loop->settings->passes, n = loop->data->train.n;
    for (int64_t p = 0; p < passes; p++) shuffle_epoch(order + p * n, n, (uint64_t)loop->settings->seed, s->epoch * passes + p);
    clock->epoch_seconds = 0.0;
    clock->epoch_images = 0;
    while (s->step < stop) {
        if (interrupt_seen()) {
            save(loop);
            return EXIT_INTERRUPTED;
        }
        const vae_status_t status = step(loop, order, x, &metrics, clock);
        if (status == VAE_E_NUMERIC) return diverged(loop);
        must(status);
        log_and_show(loop, &metrics, clock);
    }
    if (take_stock(loop, s->step == end, &metrics, clock) != EXIT_DONE) return EXIT_DIVERGED;
    if (s->step == end) finish_epoch(s);
    save(loop);
    return interrupt_seen() ? EXIT_INTERRUPTED : EXIT_DONE;
}

int train_loop_run(train_loop_t *loop) {
    clock_state_t clock = {0};
    float *x = mem_alloc(loop->settings->batch * vae_model_input_size(loop->model), sizeof *x);
    int64_t *order = mem_alloc(loop->data->train.n, (size_t)loop->settings->passes * sizeof *order);
    if (labels_condition(loop->model)) loop->label = mem_alloc(loop->settings->batch, sizeof *loop->label);
    int code = EXIT_DONE;
    while (code == EXIT_DONE && loop->state.step < train_last_step(loop) && !waited_enough(loop)) code = run_epoch(loop, order, x, &clock);
    if (code == EXIT_DONE && loop->state.step < train_last_step(loop))
        say("no better validation loss for %lld epochs: training ends early", (long long)loop->patience);
    loop->images_per_s = (double)clock.images / fmax(clock.seconds, 1e-9);
    if (code == EXIT_INTERRUPTED)
        say("interrupted at step %lld and saved; vae train ... -o %s --resume goes on", (long long)loop->state.step, loop->run.folder);
    free(order);
    free(x);
    free(loop->label);
    loop->label = NULL;
    return code == EXIT_INTERRUPTED ? interrupt_code() : code;
}
