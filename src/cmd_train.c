/* SPDX-License-Identifier: MIT
 * cmd_train.c - vae train: trains a model on data and writes the folder of a run. */
#include "cli.h"
#include "console.h"
#include "data_options.h"
#include "engine.h"
#include "files.h"
#include "json_writer.h"
#include "labels.h"
#include "mem.h"
#include "progress.h"
#include "train_loop.h"
#include "train_watch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static vae_model_t *create_model(vae_ctx_t *ctx, const settings_t *settings, bool resume) {
    vae_model_t *model;
    must_or(vae_model_create(&model, ctx, settings->text, (uint64_t)settings->seed), EXIT_USAGE);
    if (settings->weights[0] && !resume) must(vae_model_load_weights(model, settings->weights));
    return model;
}

/* The data that adapting a model to a data set needs. */
typedef struct adapting {
    settings_t *settings;
    const cli_t *cli;
    bool decided; /* the data decided which preset is used */
} adapting_t;

/* Returns "64x64 colour" or "28x28 grey", or only the sizes. */
static const char *size_words(const extent_t *extent, char text[EXTENT_TEXT]) {
    int64_t h, w, c;
    if (extent->n != 3 || !extent_picture(extent, &h, &w, &c)) return extent_text(extent, text);
    snprintf(text, EXTENT_TEXT, "%lldx%lld %s", (long long)h, (long long)w, c == 3 ? "colour" : "grey");
    return text;
}

/* If no preset or model is given: takes the preset that suits the data, or ends with one sentence. */
static void decide(adapting_t *adapting, const char *source, int64_t n, const extent_t *have) {
    char size[EXTENT_TEXT], count[PROGRESS_TEXT] = "";
    if (!settings_decide(adapting->settings, adapting->cli, have))
        die(EXIT_FORMAT, "%s: no preset suits examples of %s; write a text for this size (vae help preset) and give it by --model", source,
            extent_text(have, size));
    adapting->decided = true;
    if (n > 0) text_thousands((double)n, count);
    say("%s: %s%s%s, preset %s", source, count,
        n == 1  ? " picture, "
        : n > 0 ? " pictures, "
                : "",
        size_words(have, size), adapting->settings->preset);
}

/* Gives the text the input size of the data if a model of it can be built; otherwise ends with one sentence that names both sizes. */
static void adapt_input(void *user, const char *source, int64_t n, const extent_t *have) {
    adapting_t *adapting = user;
    settings_t *settings = adapting->settings;
    char size[EXTENT_TEXT];
    if (!settings->text) {
        decide(adapting, source, n, have);
        return;
    }
    char *input = spec_get(settings->text, "input");
    extent_text(have, size);
    if (!settings_adapt(settings, have))
        die(EXIT_FORMAT,
            "%s: the examples are %s, the model wants %s and its decoder makes nothing else; write a text for this "
            "size (vae help preset) and give it by --model",
            source, size, input);
    free(input);
    say("the model's input is set to %s, the size of the data", size);
}

/* Sets the number of passes of an epoch if the data are few and the data decide. An epoch of few steps tells little and costs a
 * checkpoint, so it makes as many passes as give ENOUGH_STEPS. Photographs that are used so often are augmented, because the model would
 * learn them by heart. */
static void choose_passes(settings_t *settings, const cli_t *cli, int64_t n) {
    enum { ENOUGH_STEPS = 100 };
    const int64_t steps = (n + settings->batch - 1) / settings->batch;
    if (steps >= ENOUGH_STEPS) return;
    const bool photo = strncmp(settings->preset, "photo", 5) == 0 && !cli_given(cli, "augment");
    settings->passes = (ENOUGH_STEPS + steps - 1) / steps;
    if (photo) {
        free(settings->augment);
        settings->augment = mem_text("crop,flip");
    }
    say("%lld examples make %lld step%s of %lld: an epoch goes over them %lld times (--passes)%s", (long long)n, (long long)steps,
        steps == 1 ? "" : "s", (long long)settings->batch, (long long)settings->passes,
        photo ? ", changed each time by --augment crop,flip" : "");
}

/* Prepares a model and data that fit each other. */
static vae_model_t *prepare(vae_ctx_t *ctx, settings_t *settings, data_set_t *data, const cli_t *cli, bool resumed) {
    vae_model_t *model = settings->text ? create_model(ctx, settings, resumed) : NULL;
    const extent_t input = model ? model_input(model) : (extent_t){0};
    adapting_t adapting = {.settings = settings, .cli = cli};
    data_way_t way = data_way(cli);
    if (!model) data_way_shape(cli, &way);
    way.tokens = model ? vae_model_token_count(model) : 0;
    way.adapt = adapt_input;
    way.user = &adapting;
    size_t n_source;
    const char *const *source = cli_operands(cli, 0, &n_source);
    data_load(data, source, n_source, &input, &way);
    data_hold_out(data);
    if (!model || !extent_equal(&data->want, &input)) {
        vae_model_destroy(model);
        model = create_model(ctx, settings, resumed);
    }
    if (adapting.decided && !cli_given(cli, "passes")) choose_passes(settings, cli, data->train.n);
    data_check_values(data, settings_likelihood_is(settings, "bernoulli"));
    binarize_data(data, binarize_of(settings->binarize), true);
    labels_check(model, data);
    return model;
}

static void write_config(const settings_t *settings, const char *source, const train_loop_t *loop) {
    char *path = run_path(&loop->run, "config.txt");
    settings_write(settings, source, path);
    free(path);
}

/* Writes the class names beside the best model. */
static void write_class_names(const train_loop_t *loop) {
    char *path = run_path(&loop->run, "best.safetensors");
    labels_write_names(path, loop->data);
    free(path);
}

/* The way in which the run begins. */
typedef enum start { START_FRESH, START_AGAIN, START_RESUMED } start_t;

static start_t how_to_start(const cli_t *cli, const char *folder) {
    const run_stage_t stage = run_stage(folder);
    const bool resume = cli_flag(cli, "resume"), force = cli_flag(cli, "force");
    if (resume && force) die(EXIT_USAGE, "train: --resume and --force exclude each other");
    if (resume && stage == RUN_NONE) die(EXIT_RUNTIME, "%s: there is nothing to resume: no run was begun there", folder);
    if (!resume && !force && stage == RUN_SAVED)
        die(EXIT_RUNTIME, "%s holds a run; --resume goes on with it, --force starts it anew", folder);
    char *config = path_join(folder, "config.txt");
    const bool has_config = path_exists(config);
    free(config);
    if (resume && stage == RUN_SAVED) {
        if (!has_config) die(EXIT_RUNTIME, "%s: there is nothing to resume: no config.txt", folder);
        return START_RESUMED;
    }
    return stage == RUN_BEGUN && !force && (resume || has_config) ? START_AGAIN : START_FRESH;
}

/* Takes the settings of the run. */
static void take_settings(settings_t *settings, const cli_t *cli, const char *folder, start_t start) {
    char *config = path_join(folder, "config.txt");
    if (start == START_RESUMED || (start == START_AGAIN && cli_flag(cli, "resume") && path_exists(config)))
        settings_from_run(settings, cli, config);
    else settings_from_cli(settings, cli);
    free(config);
}

/* A run that was begun and is started again keeps the settings with which it was begun. */
static void require_settings_of(const char *folder, const settings_t *settings) {
    char *config = path_join(folder, "config.txt");
    if (path_exists(config)) {
        settings_t was;
        settings_read(&was, config);
        if (!settings_equal(settings, &was))
            die(EXIT_RUNTIME, "%s holds a run that was begun with other settings; --force starts it anew with these", folder);
        settings_free(&was);
    }
    free(config);
}

static void resume_run(train_loop_t *loop) {
    const run_state_t fresh = loop->state;
    const char *folder = loop->run.folder;
    run_load(&loop->run, &loop->state, loop->model, loop->trainer);
    const int64_t per_epoch = train_steps_per_epoch(loop);
    if (loop->state.fingerprint != fresh.fingerprint)
        die(EXIT_FORMAT, "--resume: %s is not the data that %s began with", loop->data->source, folder);
    if (loop->state.epoch < 0 || loop->state.epoch != loop->state.step / per_epoch)
        die(EXIT_FORMAT, "%s/resume.txt: step %lld is not in epoch %lld", folder, (long long)loop->state.step,
            (long long)loop->state.epoch + 1);
    run_reopen(&loop->run, loop->state.step, per_epoch, loop->state.step >= train_last_step(loop));
    loop->best = loop->state.best;
    loop->best_epoch = loop->state.best_epoch;
}

static void open_run(train_loop_t *loop, const cli_t *cli, const char *folder, start_t start) {
    loop->state = (run_state_t){.best = INFINITY, .fingerprint = data_fingerprint(&loop->data->train)};
    if (start == START_RESUMED) {
        resume_run(loop);
    } else {
        if (start == START_AGAIN) say("%s: no checkpoint was saved yet, so the run starts again from its first step", folder);
        run_create(&loop->run, folder, cli_flag(cli, "force"));
    }
    loop->saved = loop->state;
}

/* Checks batches against the needs of the model: too small batches are refused before the first step, or the last batch of each epoch is
 * left out. */
static void require_batches(train_loop_t *loop) {
    const int64_t n = loop->data->train.n, batch = loop->settings->batch, rest = n * loop->settings->passes % batch;
    if (batch < loop->least)
        die(EXIT_USAGE, "--batch: %lld, this model needs %lld examples in a step, of which its batch norm takes the mean", (long long)batch,
            (long long)loop->least);
    if (n < loop->least)
        die(EXIT_FORMAT, "%s: %lld example to train on, this model needs %lld in a step, of which its batch norm takes the mean",
            loop->data->source, (long long)n, (long long)loop->least);
    if (rest > 0 && rest < loop->least)
        say("%lld examples in batches of %lld leave %lld, too few for this model's batch norm: each epoch leaves out as many, by chance",
            (long long)(n * loop->settings->passes), (long long)batch, (long long)rest);
}

static void print_header(const train_loop_t *loop, const vae_ctx_t *ctx, bool resumed) {
    char size[EXTENT_TEXT], extent[EXTENT_TEXT], weights[PROGRESS_TEXT], train[PROGRESS_TEXT], test[PROGRESS_TEXT];
    const extent_t input = model_input(loop->model), latent = model_latent(loop->model);
    const char *preset = loop->settings->preset;
    say_titled(preset[0] ? preset : "model", ": %s, %s parameters, latent %s; %s: %s examples to train on, %s to validate; batch %lld, %s",
               size_words(&input, size), text_thousands((double)vae_model_param_total(loop->model), weights), extent_text(&latent, extent),
               loop->data->source, text_thousands((double)loop->data->train.n, train), text_thousands((double)loop->data->test.n, test),
               (long long)loop->settings->batch, vae_ctx_isa(ctx));
    if (loop->settings->binarize[0])
        say("values become zeros and ones by --binarize %s; what is validated is %s", loop->settings->binarize,
            binarize_of(loop->settings->binarize) == BINARIZE_THRESHOLD ? "cut the same way" : "drawn once, the same in every run");
    if (resumed) say("resumed at step %lld, after %lld epochs", (long long)loop->state.step, (long long)loop->state.epoch);
}

static void print_result(const train_loop_t *loop, bool as_json, int code, double seconds) {
    const run_state_t *s = &loop->state;
    if (!as_json) {
        char time[PROGRESS_TEXT];
        if (code == EXIT_DONE && loop->best_epoch > 0)
            print_line("best validation loss %.2f nats at epoch %lld, in %s: %s/best.safetensors", loop->best, (long long)loop->best_epoch,
                       text_duration(seconds, time), loop->run.folder);
        return;
    }
    json_t json = {0};
    json_open(&json, NULL, '{');
    json_text(&json, "run", loop->run.folder);
    json_text(&json, "status", code == EXIT_DONE ? "done" : code == EXIT_DIVERGED ? "diverged" : "interrupted");
    json_int(&json, "step", s->step);
    json_int(&json, "epoch", s->epoch);
    json_real(&json, "val_loss", loop->score.n ? loop->score.loss : NAN);
    json_real(&json, "val_recon", loop->score.n ? loop->score.recon : NAN);
    json_real(&json, "val_rate", loop->score.n ? loop->score.rate : NAN);
    if (loop->has_codes) {
        json_real(&json, "val_perplexity", loop->score.n ? loop->score.codes.perplexity : NAN);
        json_real(&json, "val_codes_used", loop->score.n ? loop->score.codes.used : NAN);
    } else {
        json_int(&json, "active_units", loop->score.active_units);
    }
    json_real(&json, "best_val_loss", loop->best);
    json_int(&json, "best_epoch", loop->best_epoch);
    json_real(&json, "images_per_s", loop->images_per_s);
    json_real(&json, "seconds", seconds);
    json_close(&json, '}');
    json_print(&json);
}

static int run(const cli_t *cli) {
    const char *folder = cli_text(cli, "output");
    const double began = now_seconds();
    settings_t settings;
    data_set_t data;
    train_loop_t loop = {.settings = &settings, .data = &data, .patience = cli_int(cli, "patience"), .best = INFINITY};
    console_quiet(cli_flag(cli, "quiet"));
    if (!folder[0]) die(EXIT_USAGE, "train: -o RUN is missing, the folder to write to");
    const start_t start = how_to_start(cli, folder);
    const bool resumed = start == START_RESUMED;
    if (resumed) run_lock(&loop.run, folder);
    take_settings(&settings, cli, folder, start);
    vae_ctx_t *ctx = engine_ctx(cli);
    loop.model = prepare(ctx, &settings, &data, cli, resumed);
    if (start == START_AGAIN && !cli_flag(cli, "resume")) require_settings_of(folder, &settings);
    must_or(vae_trainer_min_batch(loop.model, settings.text, &loop.least), EXIT_USAGE);
    require_batches(&loop);
    must_or(vae_trainer_create(&loop.trainer, loop.model, settings.text, settings.batch), EXIT_USAGE);
    must(vae_trainer_seed(loop.trainer, (uint64_t)settings.seed));
    loop.has_prior = model_has_prior(loop.model);
    loop.has_codes = vae_model_codebook_size(loop.model) > 0;
    augment_open(&loop.augment, settings.augment, &data.train.extent);
    open_run(&loop, cli, folder, start);
    write_config(&settings, data.source, &loop);
    if (!resumed) run_log_create(&loop.run);
    if (labels_condition(loop.model)) write_class_names(&loop);
    print_header(&loop, ctx, resumed);
    watch_schedule(&loop, resumed);
    loop.session = engine_session(loop.model, ENGINE_BATCH);
    const int code = train_loop_run(&loop);
    print_result(&loop, cli_flag(cli, "json"), code, now_seconds() - began);
    run_close(&loop.run);
    augment_close(&loop.augment);
    vae_session_destroy(loop.session);
    vae_trainer_destroy(loop.trainer);
    vae_model_destroy(loop.model);
    vae_ctx_destroy(ctx);
    data_free(&data);
    settings_free(&settings);
    return code;
}

static const cli_option_t options[] = {
    {"output", 'o', CLI_TEXT, "RUN", "", "the folder to write to", 0},
    {"preset", 'p', CLI_TEXT, "NAME", "", "a preset, which vae help preset lists (default: one that suits the data)", 0},
    {"model", 'm', CLI_TEXT, "FILE", "", "a file with the text of a model, or a model file to start from", 0},
    DATA_SHAPE_OPTIONS,
    {"epochs", 'e', CLI_INT, "N", "", "train N epochs (default: that of the preset, or 10)", 1},
    {"steps", 0, CLI_INT, "N", "", "train N steps", 1},
    {"passes", 0, CLI_INT, "N", "", "passes over the data in one epoch (default: 1, or more for few examples without --preset)", 1},
    {"batch", 'b', CLI_INT, "N", "", "examples in one step (default: that of the preset, or 128)", 1},
    {"seed", 0, CLI_INT, "N", "0", "equal seeds give equal models", 0},
    {"set", 's', CLI_LIST, "KEY=VALUE", "", "change an option of the model or its training; may be repeated", 0},
    {"augment", 0, CLI_TEXT, "LIST", "", "augment training images: a list of crop, flip, rotate90, separated by commas", 0},
    {"patience", 0, CLI_INT, "N", "0", "end after N epochs without a better validation loss; 0: never", 0},
    DATA_OPTIONS,
    {"resume", 0, CLI_FLAG, "", "", "continue the run in RUN; the result has the same bits as without the pause", 0},
    {"force", 'f', CLI_FLAG, "", "", "replace a run in RUN", 0},
    {"quiet", 'q', CLI_FLAG, "", "", "print only warnings and errors", 0},
    {"json", 0, CLI_FLAG, "", "", "print the result as one JSON object", 0},
    {.name = NULL},
};

const cli_command_t command_train = {
    .name = "train",
    .operands = "DATA...",
    .summary = "train a model on images and write the folder of the run",
    .text = "DATA is one of\n\n"
            "  fashion-mnist  60,000 photographs of clothes (Debian's package\n"
            "                 dataset-fashion-mnist, or the folder named by VAE_DATA)\n"
            "  freedoom       2,159 textures of a game, 64x64 in colour (Debian's package\n"
            "                 freedoom, or the folder named by VAE_DATA)\n"
            "  shapes         generated, with known factors; shapes:N makes N of them\n"
            "  words          English words (Debian's package wamerican), for models of tokens\n"
            "  FOLDER         pictures at any depth (PNG, JPEG, WebP, GIF, TIFF, BMP, PNM),\n"
            "                 cropped and resized to the model's input; folders of the first\n"
            "                 level are the classes;\n"
            "                 or the IDX or CIFAR-10 binary files of a data set\n"
            "  FILE           IDX (.gz too), .npy, CIFAR-10 binary, Doom WAD or a picture;\n"
            "                 .csv or .tsv: a line is an example, or a step of a series;\n"
            "                 for models of tokens a text, whose lines are the examples\n"
            "  -              the same from the standard input\n\n"
            "Without --preset and --model the program chooses a preset that suits the data: conv for\n"
            "small grey pictures, which keep their size; photo64 for photographs, which become\n"
            "64x64; photo128 with --size 128. The first line of the output names it.\n\n"
            "Arrays have the model's sizes, channels last. Transparent pixels are composed over\n"
            "--background with the stored sRGB values. If a picture in a folder can't be read, it is\n"
            "left out with a warning; with --strict the program ends.\n\n"
            "If the data have no test split, each tenth example is held out for validation.\n\n"
            "--augment changes each training image at random in each epoch: crop shifts it by up to\n"
            "2 pixels (for sides of 32 and more, by an eighth of the side; crop=P sets the number)\n"
            "and fills the border with mirrored pixels, flip mirrors it left to right, rotate90\n"
            "rotates it by multiples of 90 degrees. The default is no augmentation. Good choices\n"
            "are crop,flip,rotate90 for freedoom, crop,flip for fashion-mnist and photographs, and\n"
            "crop for digits. Do not use it where densities are compared.\n\n"
            "--binarize turns pixels into zeros and ones, with which papers compare likelihoods:\n"
            "dynamic draws each training image again in each pass, static draws it once, and\n"
            "threshold sets pixels from 1/2 on to 1. With dynamic and static, validation images are\n"
            "drawn once, in the same way in every run and in vae eval. State the choice beside each\n"
            "figure.\n\n"
            "RUN receives config.txt, metrics.jsonl, timing.jsonl, results.csv, loss.png,\n"
            "recon.png, a picture of samples for each epoch, best.safetensors and\n"
            "last.safetensors, and the files that --resume needs. After Ctrl-C the program finishes\n"
            "the batch, saves and exits with code 130; if the terminal is closed, with code 129.\n"
            "--resume continues the run, and every file except timing.jsonl becomes the same as\n"
            "without the pause. A run that was killed before it saved starts again with --resume or\n"
            "with the same command. Only one process at a time can train in RUN.\n\n"
            "Losses are in nats per example: recon is -log p(x|z), rate is KL(q(z|x) || p(z)).\n"
            "KEY is a path such as latent.dim, encoder.0.out, optimizer.lr, adam.lr, elbo.beta;\n"
            "vae help NAME lists the options of a module.",
    .example = "  vae train fashion-mnist -o clothes --epochs 5\n"
               "  vae train photos/ -o run --size 128\n"
               "  vae train photos/ -o run --model my_model.txt --set adam.lr=3e-4 --set elbo.beta=4\n"
               "  vae train fashion-mnist -o clothes --resume --epochs 20",
    .options = options,
    .computes = true,
    .run = run,
};
