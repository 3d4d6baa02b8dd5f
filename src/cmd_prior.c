/* SPDX-License-Identifier: MIT
 * cmd_prior.c - vae prior: adds a prior to a trained model and fits it to the latents of the data.
 *
 * The new model has the parameters of the old one and its text with a section `prior`; the training changes the prior's parameters only. */
#include "console.h"
#include "data_options.h"
#include "engine.h"
#include "files.h"
#include "labels.h"
#include "mem.h"
#include "prior_fit.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *replaced(char *text, char *changed) {
    free(text);
    return changed;
}

/* Makes the text of the model with the prior and its training; --set may change either. */
static char *fitted_text(const cli_t *cli, const vae_model_t *old, const data_set_t *data) {
    char *spec = model_spec_text(old);
    char *text = mem_format("%soptimizer adam lr=0.001\nobjective prior\n", spec);
    free(spec);
    text = replaced(text, spec_set(text, "prior", cli_text(cli, "kind")));
    if (cli_flag(cli, "classes")) {
        char *classes = mem_format("%lld", (long long)labels_classes(data));
        text = replaced(text, spec_set(text, "prior.classes", classes));
        free(classes);
    }
    const char *set;
    for (size_t i = 0; (set = cli_list(cli, i)); i++) {
        const char *equals = strchr(set, '=');
        if (!equals || equals == set) die(EXIT_USAGE, "--set: \"%s\" is no KEY=VALUE, as in prior.layers=4", set);
        char *path = mem_text_n(set, (size_t)(equals - set));
        text = replaced(text, spec_set(text, path, equals + 1));
        free(path);
    }
    return replaced(text, spec_canonical(text, EXIT_USAGE));
}

static void take_end(settings_t *settings, const cli_t *cli) {
    settings->epochs = cli_given(cli, "epochs") ? cli_int(cli, "epochs") : 0;
    settings->steps = cli_given(cli, "steps") ? cli_int(cli, "steps") : 0;
}

static void fresh_settings(prior_fit_t *fit, const cli_t *cli, const vae_model_t *old) {
    settings_t *s = &fit->settings;
    *s = (settings_t){
        .preset = mem_text(""), .weights = mem_text(cli_operand(cli, 0)), .augment = mem_text(""), .binarize = mem_text(""), .passes = 1};
    s->text = fitted_text(cli, old, &fit->data);
    s->batch = cli_int(cli, "batch");
    s->seed = cli_int(cli, "seed");
    take_end(s, cli);
    if (s->epochs == 0 && s->steps == 0) /* a second pass over the posteriors would not store more of them */
        s->epochs = strcmp(cli_text(cli, "kind"), "aggregate") == 0 ? 1 : 10;
}

/* Takes the settings with which the fit began, and its new end; dies if the command line asks for other settings. */
static void resume_settings(prior_fit_t *fit, const cli_t *cli, const vae_model_t *old) {
    settings_t *s = &fit->settings;
    const bool asks = cli_given(cli, "kind") || cli_given(cli, "classes") || cli_list(cli, 0);
    const char *what = NULL;
    settings_read(s, fit->config);
    char *text = asks ? fitted_text(cli, old, &fit->data) : NULL;
    if (asks && strcmp(text, s->text) != 0) what = "prior or how it is trained";
    else if (cli_given(cli, "batch") && cli_int(cli, "batch") != s->batch) what = "--batch";
    else if (cli_given(cli, "seed") && cli_int(cli, "seed") != s->seed) what = "--seed";
    if (what) die(EXIT_USAGE, "--resume: the %s differs from %s; a fit goes on as it began", what, fit->config);
    if (cli_given(cli, "epochs") || cli_given(cli, "steps")) take_end(s, cli);
    free(text);
}

static int64_t param_size(const vae_tensor_t *t) {
    int64_t size = 1;
    for (int32_t d = 0; d < vae_tensor_ndim(t); d++) size *= vae_tensor_shape(t)[d];
    return size;
}

/* Copies all parameters of the old model except those of a prior; or compares them and returns true if they are equal. */
static bool each_param(vae_model_t *to, const vae_model_t *from, bool copies) {
    bool equal = true;
    for (int64_t i = 0; i < vae_model_param_count(from); i++) {
        const vae_tensor_t *t, *u;
        const char *name;
        int64_t at;
        must(vae_model_param(from, i, &t, &name));
        if (strncmp(name, "prior.", 6) == 0) continue;
        must_or(vae_model_param_find(to, name, &at), EXIT_USAGE); /* --set has changed the model itself */
        if (copies) must_or(vae_model_set_param(to, at, vae_tensor_data(t), param_size(t)), EXIT_USAGE);
        must(vae_model_param(to, at, &u, NULL));
        equal = equal && param_size(t) == param_size(u) &&
                memcmp(vae_tensor_data(t), vae_tensor_data(u), (size_t)param_size(t) * sizeof(float)) == 0;
    }
    return equal;
}

static void name_files(prior_fit_t *fit, const cli_t *cli) {
    const char *model = cli_operand(cli, 0), *output = cli_text(cli, "output");
    char *in_run = path_join(model, "prior.safetensors"); /* used if no FILE is named */
    if (!output[0] && !path_is_folder(model)) die(EXIT_USAGE, "-o FILE is missing, the model to write");
    prior_fit_name(fit, output[0] ? output : in_run);
    free(in_run);
}

/* Whether there is a checkpoint to continue from. A fit that was begun and has no checkpoint is started again, by --resume or by the
 * same command. */
static bool goes_on(const prior_fit_t *fit, const cli_t *cli, bool *begun) {
    const bool resume = cli_flag(cli, "resume"), force = cli_flag(cli, "force");
    if (resume && force) die(EXIT_USAGE, "prior: --resume and --force exclude each other");
    const bool saved = path_exists(fit->checkpoint);
    *begun = !saved && !force && path_exists(fit->config);
    if (resume && !saved && !*begun) die(EXIT_RUNTIME, "%s: there is nothing to resume: no %s", fit->output, fit->checkpoint);
    if (resume && saved && (!path_exists(fit->config) || !path_exists(fit->state_text)))
        die(EXIT_RUNTIME, "%s: there is nothing to resume: no %s", fit->output, path_exists(fit->config) ? fit->state_text : fit->config);
    if (!resume && saved && !force)
        die(EXIT_RUNTIME, "%s: a fit has its checkpoint there; --resume goes on with it, --force starts it anew", fit->checkpoint);
    if (!resume && !*begun) refuse_existing(fit->output, force);
    return resume && saved;
}

/* Dies if the fit was begun with other settings than the command gives. */
static void same_as_begun(const prior_fit_t *fit) {
    settings_t was;
    settings_read(&was, fit->config);
    if (!settings_equal(&fit->settings, &was))
        die(EXIT_RUNTIME, "%s was begun with other settings, by %s; --force starts it anew with these", fit->output, fit->config);
    settings_free(&was);
}

/* Removes the checkpoint of an old fit, which --resume could take for one of the new fit. It is removed for good, even in a power cut,
 * before the new config.txt is written. */
static void remove_old(const prior_fit_t *fit) {
    const char *const files[] = {fit->state_text, fit->checkpoint};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (unlink(files[i]) != 0 && errno != ENOENT) die(EXIT_RUNTIME, "%s: cannot be removed: %s", files[i], strerror(errno));
    char *folder = path_folder(fit->output);
    folder_sync(folder);
    free(folder);
}

static vae_model_t *load_old(const cli_t *cli, vae_ctx_t *ctx) {
    const char *path = cli_operand(cli, 0);
    char *file = path_is_folder(path) ? engine_run_model(path) : mem_text(path);
    vae_model_t *old = engine_load(ctx, file);
    free(file);
    return old;
}

static void take_settings(prior_fit_t *fit, const cli_t *cli, const vae_model_t *old, bool resume, bool begun) {
    if (resume || (begun && cli_flag(cli, "resume"))) resume_settings(fit, cli, old);
    else fresh_settings(fit, cli, old);
    if (!begun) return;
    if (!cli_flag(cli, "resume")) same_as_begun(fit);
    say("%s: no checkpoint was saved yet, so the fit starts again from its first step", fit->output);
}

static void open_fit(prior_fit_t *fit, const cli_t *cli, vae_ctx_t *ctx) {
    bool begun;
    *fit = (prior_fit_t){.state = {.best = INFINITY}, .bound = INFINITY};
    name_files(fit, cli);
    const bool resume = goes_on(fit, cli, &begun);
    vae_model_t *old = load_old(cli, ctx);
    const extent_t input = model_input(old);
    data_way_t way = data_way(cli);
    way.tokens = vae_model_token_count(old);
    size_t n_source;
    const char *const *source = cli_operands(cli, 1, &n_source);
    data_load(&fit->data, source, n_source, &input, &way);
    labels_check(old, &fit->data);
    data_hold_out(&fit->data);
    data_check_values(&fit->data, false);
    binarize_data(&fit->data, binarize_of(cli_text(cli, "binarize")), false);
    fit->state.fingerprint = data_fingerprint(&fit->data.train);
    take_settings(fit, cli, old, resume, begun);
    const settings_t *settings = &fit->settings;
    must_or(vae_model_create(&fit->model, ctx, settings->text, (uint64_t)settings->seed), EXIT_USAGE);
    (void)each_param(fit->model, old, true);
    must_or(vae_trainer_create(&fit->trainer, fit->model, settings->text, settings->batch), EXIT_USAGE);
    must(vae_trainer_seed(fit->trainer, (uint64_t)settings->seed));
    prior_fit_lock(fit);
    fit->saved = fit->state;
    if (resume) prior_fit_resume(fit);
    else remove_old(fit);
    if (resume && !each_param(fit->model, old, false))
        die(EXIT_FORMAT, "--resume: %s is not the model that %s began with", cli_operand(cli, 0), fit->output);
    settings_write(settings, fit->data.source, fit->config);
    if (vae_model_class_count(fit->model) > 0) labels_write_names(fit->output, &fit->data);
    fit->session = engine_session(fit->model, ENGINE_BATCH);
    code_cache_open(&fit->codes, old, &fit->data.train, settings->batch);
    vae_model_destroy(old);
}

static int run(const cli_t *cli) {
    prior_fit_t fit;
    console_quiet(cli_flag(cli, "quiet"));
    vae_ctx_t *ctx = engine_ctx(cli);
    open_fit(&fit, cli, ctx);
    const int code = prior_fit_run(&fit);
    if (code == EXIT_DONE) print_line("%s: -log p(x) is at most %.2f nats an example", fit.output, fit.bound);
    prior_fit_close(&fit);
    vae_ctx_destroy(ctx);
    return code;
}

static const cli_option_t options[] = {
    {"output", 'o', CLI_TEXT, "FILE", "", "the model to write, x.safetensors (default: prior.safetensors in the run)", 0},
    {"force", 'f', CLI_FLAG, "", "", "replace FILE if it exists", 0},
    {"kind", 'k', CLI_CHOICE, "pixelcnn|transformer|gmm|aggregate", "pixelcnn",
     "gmm and aggregate are for latents of values, the others for codes", 0},
    {"classes", 'c', CLI_FLAG, "", "", "learn a distribution for each class of the data's labels; vae sample --class K draws from one", 0},
    {"epochs", 'e', CLI_INT, "N", "", "passes over the data (default: 10, or 1 for aggregate)", 1},
    {"steps", 0, CLI_INT, "N", "", "fit N steps", 1},
    {"batch", 'b', CLI_INT, "N", "64", "examples in one step; gmm starts by k-means on the first batch", 1},
    {"seed", 0, CLI_INT, "N", "0", "equal seeds give equal models", 0},
    {"set", 's', CLI_LIST, "KEY=VALUE", "", "change an option of the prior or of its training; may be repeated", 0},
    {"resume", 0, CLI_FLAG, "", "", "continue the fit of FILE; the result has the same bits as without the pause", 0},
    DATA_OPTIONS,
    {"quiet", 'q', CLI_FLAG, "", "", "print only warnings and errors", 0},
    {.name = NULL},
};

const cli_command_t command_prior = {
    .name = "prior",
    .operands = "MODEL DATA...",
    .summary = "fit a prior to the latents of a trained model, for vae sample",
    .text = "MODEL is a model file or the folder of a run; vae help train describes DATA. The model\n"
            "itself does not change: the program writes a copy of it with the prior of the best\n"
            "validation loss, and vae sample draws from the copy. In the folder of a run the copy is\n"
            "prior.safetensors, which vae sample RUN uses.\n\n"
            "Next to x.safetensors the program writes x.config.txt, x.resume.txt and\n"
            "x.resume.safetensors, which --resume reads, and x.classes.txt with the names of the\n"
            "classes if the data have names.\n"
            "After Ctrl-C the program finishes the batch, saves and exits with code 130; if the\n"
            "terminal is closed, with code 129. A fit that was killed before it saved starts again\n"
            "with --resume or with the same command.\n\n"
            "The program prints -log p(latent) in nats per example, and the validation loss, the\n"
            "bound on -log p(x). KEY is a path such as prior.channels, prior.components, adam.lr;\n"
            "vae help pixelcnn lists the options of a prior.",
    .example = "  vae prior run fashion-mnist --kind pixelcnn --classes --epochs 20 -o sampler.safetensors\n"
               "  vae prior run fashion-mnist --resume --epochs 40 -o sampler.safetensors\n"
               "  vae prior run fashion-mnist --kind gmm --set prior.components=64 -b 1024 -o sampler.safetensors",
    .options = options,
    .computes = true,
    .run = run,
};
