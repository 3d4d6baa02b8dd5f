/* SPDX-License-Identifier: MIT
 * cmd_prior.c - vae prior: a trained model gets a prior over its latents, fitted to those of the data.
 *
 * The new model has the text of the old with a section `prior`, and its parameters; the trainer then moves those of the prior alone. */
#include "console.h"
#include "data.h"
#include "engine.h"
#include "files.h"
#include "labels.h"
#include "mem.h"
#include "progress.h"
#include "score.h"
#include "shuffle.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LN_2            0.69314718055994530942
#define VALIDATION_SEED 0

typedef struct fit {
    vae_ctx_t *ctx;
    vae_model_t *model;
    vae_trainer_t *trainer;
    vae_session_t *session;
    data_set_t data;
    int64_t batch, epochs, seed;
    const char *output;
    double best; /* smallest validation loss */
} fit_t;

/* The text of the model with the prior and how it is trained: --set may change either. */
static char *fitted_text(const cli_t *cli, const vae_model_t *old, const data_set_t *data) {
    char *spec = model_spec_text(old);
    char *text = mem_format("%soptimizer adam lr=0.001\nobjective prior\n", spec);
    free(spec);
    char *changed = spec_set(text, "prior", cli_text(cli, "kind"));
    free(text);
    text = changed;
    if (cli_flag(cli, "classes")) {
        char *classes = mem_format("%lld", (long long)labels_classes(data));
        changed = spec_set(text, "prior.classes", classes);
        free(classes);
        free(text);
        text = changed;
    }
    const char *set;
    for (size_t i = 0; (set = cli_list(cli, i)); i++) {
        const char *equals = strchr(set, '=');
        if (!equals || equals == set) die(EXIT_USAGE, "--set: \"%s\" is no KEY=VALUE, as in prior.layers=4", set);
        char *path = mem_text_n(set, (size_t)(equals - set));
        changed = spec_set(text, path, equals + 1);
        free(path);
        free(text);
        text = changed;
    }
    changed = spec_canonical(text, EXIT_USAGE);
    free(text);
    return changed;
}

static int64_t param_size(const vae_tensor_t *t) {
    int64_t size = 1;
    for (int32_t d = 0; d < vae_tensor_ndim(t); d++) size *= vae_tensor_shape(t)[d];
    return size;
}

/* All parameters of the old model but those of a prior it may have had. */
static void copy_params(vae_model_t *to, const vae_model_t *from) {
    for (int64_t i = 0; i < vae_model_param_count(from); i++) {
        const vae_tensor_t *t;
        const char *name;
        int64_t at;
        must(vae_model_param(from, i, &t, &name));
        if (strncmp(name, "prior.", 6) == 0) continue;
        must_or(vae_model_param_find(to, name, &at), EXIT_USAGE); /* --set changed the model itself */
        must_or(vae_model_set_param(to, at, vae_tensor_data(t), param_size(t)), EXIT_USAGE);
    }
}

static void open_fit(fit_t *fit, const cli_t *cli) {
    const char *path = cli_operand(cli, 0);
    char *file = path_is_folder(path) ? path_join(path, "best.safetensors") : mem_text(path);
    *fit = (fit_t){.batch = cli_int(cli, "batch"),
                   .epochs = cli_int(cli, "epochs"),
                   .seed = cli_int(cli, "seed"),
                   .output = cli_text(cli, "output"),
                   .best = INFINITY};
    if (!fit->output[0]) die(EXIT_USAGE, "-o FILE is missing, the model to write");
    refuse_existing(fit->output, cli_flag(cli, "force"));
    fit->ctx = engine_ctx(cli);
    vae_model_t *old = engine_load(fit->ctx, file);
    const extent_t input = model_input(old);
    data_load(&fit->data, cli_operand(cli, 1), &input);
    data_hold_out(&fit->data);
    data_require(&fit->data, &input, false);
    char *text = fitted_text(cli, old, &fit->data);
    must_or(vae_model_create(&fit->model, fit->ctx, text, (uint64_t)fit->seed), EXIT_USAGE);
    copy_params(fit->model, old);
    vae_model_destroy(old);
    must_or(vae_trainer_create(&fit->trainer, fit->model, text, fit->batch), EXIT_USAGE);
    must(vae_trainer_seed(fit->trainer, (uint64_t)fit->seed));
    fit->session = engine_session(fit->model, ENGINE_BATCH);
    free(text);
    free(file);
}

static void close_fit(fit_t *fit) {
    vae_session_destroy(fit->session);
    vae_trainer_destroy(fit->trainer);
    vae_model_destroy(fit->model);
    vae_ctx_destroy(fit->ctx);
    data_free(&fit->data);
}

/* "412.3 nats, 2.32 bits a code" */
static const char *rate_text(const fit_t *fit, double nats, char text[96]) {
    const int64_t codes = vae_model_code_count(fit->model);
    const int64_t values = codes > 0 ? codes : vae_model_latent_size(fit->model);
    snprintf(text, 96, "%.2f nats, %.3f bits a %s", nats, nats / LN_2 / (double)values,
             codes > 0 ? "code" : "dimension");
    return text;
}

/* The mean loss over an epoch. */
static double run_epoch(fit_t *fit, int64_t epoch, int64_t *order, float *x, int32_t *label) {
    const data_t *train = &fit->data.train;
    double sum = 0.0;
    shuffle_epoch(order, train->n, (uint64_t)fit->seed, epoch);
    for (int64_t first = 0, n; first < train->n; first += n) {
        vae_metrics_t metrics = {.struct_size = sizeof metrics};
        char line[96];
        n = train->n - first < fit->batch ? train->n - first : fit->batch;
        data_gather(train, order + first, n, x);
        labels_give_trainer(fit->trainer, fit->model, train, order + first, n, label);
        const vae_status_t status = vae_trainer_step(fit->trainer, n, x, &metrics);
        must_or(status, status == VAE_E_NUMERIC ? EXIT_DIVERGED : EXIT_RUNTIME);
        sum += metrics.loss * (double)n;
        snprintf(line, sizeof line, "epoch %lld/%lld  %lld of %lld  %.2f nats", (long long)epoch + 1,
                 (long long)fit->epochs, (long long)(first + n), (long long)train->n, metrics.loss);
        console_line(line);
    }
    return sum / (double)train->n;
}

/* Scores the test split and keeps the model if it is the best so far. */
static void take_stock(fit_t *fit, int64_t epoch, double loss) {
    score_t score;
    char train[96];
    must(score_data(&score, fit->session, fit->model, &fit->data.test, 0, 1, VALIDATION_SEED));
    const bool best = score.loss < fit->best;
    if (best) {
        must(vae_model_save(fit->model, fit->output));
        fit->best = score.loss;
    }
    say("%sepoch %lld/%lld%s  %s  val %.2f (recon %.2f + rate %.2f)%s", console_bold(), (long long)epoch + 1,
        (long long)fit->epochs, console_plain(), rate_text(fit, loss, train), score.loss, score.recon, score.rate,
        best ? " best" : "");
}

static int run(const cli_t *cli) {
    fit_t fit;
    console_quiet(cli_flag(cli, "quiet"));
    open_fit(&fit, cli);
    float *x = mem_alloc(fit.batch * vae_model_input_size(fit.model), sizeof *x);
    int64_t *order = mem_alloc(fit.data.train.n, sizeof *order);
    int32_t *label = mem_alloc(fit.batch, sizeof *label);
    for (int64_t epoch = 0; epoch < fit.epochs; epoch++)
        take_stock(&fit, epoch, run_epoch(&fit, epoch, order, x, label));
    printf("%s: -log p(x) is at most %.2f nats an example\n", fit.output, fit.best);
    free(label);
    free(order);
    free(x);
    close_fit(&fit);
    return EXIT_DONE;
}

static const cli_option_t options[] = {
    {"output", 'o', CLI_TEXT, "FILE", "", "the model to write, x.safetensors", 0},
    {"force", 'f', CLI_FLAG, "", "", "replace FILE if it exists", 0},
    {"kind", 'k', CLI_CHOICE, "pixelcnn|transformer|gmm|aggregate", "pixelcnn",
     "gmm and aggregate are for latents of values, the others for codes", 0},
    {"classes", 'c', CLI_FLAG, "", "", "learn each class of the data's labels apart; vae sample --class K draws one",
     0},
    {"epochs", 'e', CLI_INT, "N", "10", "passes over the data", 1},
    {"batch", 'b', CLI_INT, "N", "64", "examples in one step; gmm starts by k-means on the first batch", 1},
    {"seed", 0, CLI_INT, "N", "0", "equal seeds give equal models", 0},
    {"set", 's', CLI_LIST, "KEY=VALUE", "", "change an option of the prior or of its training; may be repeated", 0},
    {"quiet", 'q', CLI_FLAG, "", "", "say nothing but warnings and errors", 0},
    {.name = NULL},
};

const cli_command_t command_prior = {
    .name = "prior",
    .operands = "MODEL DATA",
    .summary = "fit a prior to the latents of a trained model, to sample from",
    .text = "MODEL is a model file or the folder of a run, DATA is as for vae train. The model itself\n"
            "does not change: a copy of it with the prior of the best validation loss is written,\n"
            "and vae sample draws from that.\n\n"
            "Shown are -log p(latent) in nats per example, and the validation loss, which is the\n"
            "bound on -log p(x). KEY is a path such as prior.channels, prior.components, adam.lr;\n"
            "vae help pixelcnn lists the options of a prior.",
    .example = "  vae prior run fashion-mnist --kind pixelcnn --classes --epochs 20 -o sampler.safetensors\n"
               "  vae prior run fashion-mnist --kind gmm --set prior.components=64 -b 1024 -o sampler.safetensors",
    .options = options,
    .computes = true,
    .run = run,
};
