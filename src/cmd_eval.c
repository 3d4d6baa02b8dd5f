/* SPDX-License-Identifier: MIT
 * cmd_eval.c - vae eval: the evidence lower bound of a model on data. */
#include "console.h"
#include "json_writer.h"
#include "score.h"
#include "task.h"

#include <math.h>
#include <stdio.h>

static void print_json(const task_t *task, const score_t *score, double bits, binarize_t binarized) {
    json_t json = {0};
    json_open(&json, NULL, '{');
    json_real(&json, "loss", score->loss);
    json_real(&json, "recon", score->recon);
    json_real(&json, "rate", score->rate);
    json_real(&json, "bits_per_dim", bits);
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
    if (binarized != BINARIZE_NOT) json_text(&json, "binarize", binarized == BINARIZE_THRESHOLD ? "threshold" : "static");
    json_close(&json, '}');
    json_print(&json);
}

static void print_text(const task_t *task, const score_t *score, double bits, binarize_t binarized) {
    printf("loss          %.3f nats per example, minus the evidence lower bound\n", score->loss);
    printf("  recon       %.3f nats\n", score->recon);
    printf("  rate        %.3f nats\n", score->rate);
    printf("bits per dim  %.4f\n", bits);
    if (score->samples > 1)
        printf("log p(x)      >= %.3f nats, importance-weighted with %lld samples\n", score->bound, (long long)score->samples);
    if (score->codes.K > 0)
        printf("codes         %.1f%% of %lld used, perplexity %.1f\n", 100.0 * score->codes.used, (long long)score->codes.K,
               score->codes.perplexity);
    else printf("active units  %lld of %lld\n", (long long)score->active_units, (long long)vae_model_latent_size(task->model));
    printf("examples      %lld%s\n", (long long)score->n,
           binarized == BINARIZE_NOT         ? ""
           : binarized == BINARIZE_THRESHOLD ? ", binarised at 1/2"
                                             : ", binarised by one draw, the same in every run");
}

static int run(const cli_t *cli) {
    task_t task;
    score_t score;
    task_open(&task, cli, false, true);
    must(score_data(&score, task.session, task.model, task.data, task.n, cli_int(cli, "samples"), (uint64_t)cli_int(cli, "seed")));
    console_line("");
    const double bits = score.loss / ((double)vae_model_input_size(task.model) * log(2.0));
    const binarize_t binarized = binarize_of(cli_text(cli, "binarize"));
    if (cli_flag(cli, "json")) print_json(&task, &score, bits, binarized);
    else print_text(&task, &score, bits, binarized);
    task_close(&task);
    return EXIT_DONE;
}

static const cli_option_t options[] = {
    {"samples", 'k', CLI_INT, "K", "1", "samples of the latent for each example", 1},
    {"seed", 0, CLI_INT, "N", "0", "equal seeds give equal samples", 0},
    TASK_DATA,
    {"json", 0, CLI_FLAG, "", "", "print one JSON object", 0},
    {.name = NULL},
};

const cli_command_t command_eval = {
    .name = "eval",
    .operands = "MODEL DATA...",
    .summary = "score a model on data: evidence lower bound, bits per dimension, active units",
    .text = "Prints means over the examples in nats: loss = recon + rate, minus the evidence\n"
            "lower bound; with K > 1 also iw_bound, the importance-weighted bound on log p(x) of\n"
            "Burda et al. 2016, which grows with K. A latent dimension is active when the\n"
            "variance of its posterior mean over the examples passes 0.01. For a latent of codes the\n"
            "share of codes in use and the perplexity of their use are printed instead. DATA is as\n"
            "for vae train; --binarize dynamic and static score the same draw of each pixel.",
    .example = "  vae eval run/best.safetensors fashion-mnist --samples 64 --json",
    .options = options,
    .computes = true,
    .run = run,
};
