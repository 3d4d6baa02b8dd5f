/* SPDX-License-Identifier: MIT
 * cmd_eval.c - vae eval: the evidence lower bound of a model on data, and measures by name. */
#include "console.h"
#include "json_writer.h"
#include "measuring.h"

#include <math.h>
#include <stdio.h>

/* What is printed. */
typedef struct evaluation {
    score_t score;
    measuring_t measures;
    double bits; /* per dimension */
    binarize_t binarized;
} evaluation_t;

static void print_json(const task_t *task, const evaluation_t *e) {
    const score_t *score = &e->score;
    json_t json = {0};
    json_open(&json, NULL, '{');
    json_real(&json, "loss", score->loss);
    json_real(&json, "recon", score->recon);
    json_real(&json, "rate", score->rate);
    json_real(&json, "bits_per_dim", e->bits);
    json_real(&json, "iw_bound", score->samples > 1 ? score->bound : NAN);
    if (score->codes.K > 0) {
        json_int(&json, "codes", score->codes.K);
        json_real(&json, "perplexity", score->codes.perplexity);
        json_real(&json, "codes_used", score->codes.used);
    } else {
        json_int(&json, "active_units", score->active_units);
    }
    json_int(&json, "latent_size", vae_model_latent_size(task->model));
    json_int(&json, "n", score->n);
    json_int(&json, "samples", score->samples);
    if (e->binarized != BINARIZE_NOT) json_text(&json, "binarize", e->binarized == BINARIZE_THRESHOLD ? "threshold" : "static");
    if (e->measures.n > 0) json_open(&json, "measures", '{');
    for (int64_t i = 0; i < e->measures.n; i++) json_real(&json, e->measures.item[i].text, e->measures.item[i].value);
    if (e->measures.n > 0) json_close(&json, '}');
    json_close(&json, '}');
    json_print(&json);
}

static void print_text(const task_t *task, const evaluation_t *e) {
    const score_t *score = &e->score;
    printf("loss          %.3f nats per example, minus the evidence lower bound\n", score->loss);
    printf("  recon       %.3f nats\n", score->recon);
    printf("  rate        %.3f nats\n", score->rate);
    printf("bits per dim  %.4f\n", e->bits);
    if (score->samples > 1)
        printf("log p(x)      >= %.3f nats, importance-weighted with %lld samples\n", score->bound, (long long)score->samples);
    if (score->codes.K > 0)
        printf("codes         %.1f%% of %lld used, perplexity %.1f\n", 100.0 * score->codes.used, (long long)score->codes.K,
               score->codes.perplexity);
    else printf("active units  %lld of %lld\n", (long long)score->active_units, (long long)vae_model_latent_size(task->model));
    printf("examples      %lld%s\n", (long long)score->n,
           e->binarized == BINARIZE_NOT         ? ""
           : e->binarized == BINARIZE_THRESHOLD ? ", binarised at 1/2"
                                                : ", binarised by one draw, the same in every run");
    for (int64_t i = 0; i < e->measures.n; i++) printf("%-22s %.6g\n", e->measures.item[i].text, e->measures.item[i].value);
}

static int run(const cli_t *cli) {
    task_t task;
    bounds_t bounds;
    evaluation_t e = {.binarized = binarize_of(cli_text(cli, "binarize"))};
    const int64_t samples = cli_int(cli, "samples");
    const bool all = cli_flag(cli, "all");
    if (all && cli_given(cli, "measures")) die(EXIT_USAGE, "--all and --measures: wanted one of them");
    task_open(&task, cli, false, true);
    if (all) e.measures = measuring_all(&task);
    else if (cli_given(cli, "measures")) e.measures = measuring_parse(cli_text(cli, "measures"), &task);
    must(bounds_of(&bounds, task.session, task.model, task.data, task.n, samples, (uint64_t)cli_int(cli, "seed")));
    must(score_of(&e.score, &bounds, task.session, task.model, task.data, samples));
    if (e.measures.n > 0) measuring_run(&e.measures, &task, &bounds);
    console_line("");
    e.bits = e.score.loss / ((double)vae_model_input_size(task.model) * log(2.0));
    if (cli_flag(cli, "json")) print_json(&task, &e);
    else print_text(&task, &e);
    measuring_free(&e.measures);
    bounds_free(&bounds);
    task_close(&task);
    return EXIT_DONE;
}

static const cli_option_t options[] = {
    {"samples", 'k', CLI_INT, "K", "1", "samples of the latent for each example", 1},
    {"seed", 0, CLI_INT, "N", "0", "equal seeds give equal samples", 0},
    {"measures", 0, CLI_TEXT, "TEXT", "", "measure these too, as in 'ssim | mig bins=10': vae help measure lists them", 0},
    {"all", 0, CLI_FLAG, "", "", "measure all that the model and the data allow", 0},
    TASK_DATA,
    {"json", 0, CLI_FLAG, "", "", "print one JSON object", 0},
    {.name = NULL},
};

const cli_command_t command_eval = {
    .name = "eval",
    .operands = "MODEL DATA...",
    .summary = "score a model on data: evidence lower bound, bits per dimension, measures by name",
    .text = "Prints means over the examples in nats: loss = recon + rate, minus the evidence\n"
            "lower bound; with K > 1 also iw_bound, the importance-weighted bound on log p(x) of\n"
            "Burda et al. 2016, which grows with K. A latent dimension is active if the variance of\n"
            "its posterior mean over the examples is above 0.01. For a latent with codes the share\n"
            "of codes in use and the perplexity of the codes are printed instead. vae help train\n"
            "describes DATA; --binarize dynamic and static score the same draw of each pixel.\n"
            "\n"
            "--measures prints more measures, and --all prints all of them: nll and bits_per_dim use\n"
            "the bound of the K samples; ssim and similar ones compare examples with their\n"
            "reconstructions; mig, sap and dci compare latents with the factors of the data, or with\n"
            "its labels. vae help NAME describes a measure.",
    .example = "  vae eval run/best.safetensors fashion-mnist --samples 64 --json\n"
               "  vae eval run/best.safetensors fashion-mnist -k 5000 --limit 1000 --measures nll\n"
               "  vae eval run/best.safetensors shapes --measures 'mig bins=10 | sap | dci'",
    .options = options,
    .computes = true,
    .run = run,
};
