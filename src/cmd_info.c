/* SPDX-License-Identifier: MIT
 * cmd_info.c - vae info: prints the contents of a model file, and the memory that the model needs. */
#include "console.h"
#include "engine.h"
#include "json_writer.h"
#include "mem.h"
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t batches[] = {1, 64, 256};
enum { N_BATCHES = 3, TRAIN_BATCH = 128 };

static uint64_t session_bytes(const vae_model_t *model, int64_t batch) {
    uint64_t bytes;
    must(vae_session_bytes(model, batch, &bytes));
    return bytes;
}

/* Measures with the default objective; for a model with a critic, with a term that uses the critic. */
static uint64_t trainer_bytes(vae_model_t *model) {
    static const char *const objectives[] = {"objective elbo | gan", "objective elbo | adversary"};
    uint64_t bytes;
    vae_status_t status = vae_trainer_bytes(model, NULL, TRAIN_BATCH, &bytes);
    for (size_t i = 0; status == VAE_E_SPEC && i < sizeof objectives / sizeof *objectives; i++)
        status = vae_trainer_bytes(model, objectives[i], TRAIN_BATCH, &bytes);
    must(status);
    return bytes;
}

static extent_t param_extent(const vae_tensor_t *tensor, int64_t *values) {
    extent_t extent = {.n = vae_tensor_ndim(tensor)};
    if (extent.n > 4) extent.n = 4;
    if (extent.n > 0) memcpy(extent.size, vae_tensor_shape(tensor), (size_t)extent.n * sizeof *extent.size);
    *values = extent_total(&extent);
    return extent;
}

static void json_extent(json_t *json, const char *key, const extent_t *extent) {
    json_open(json, key, '[');
    for (int32_t i = 0; i < extent->n; i++) json_int(json, NULL, extent->size[i]);
    json_close(json, ']');
}

static void print_json(vae_model_t *model, const char *spec) {
    json_t json = {0};
    const extent_t input = model_input(model), latent = model_latent(model);
    json_open(&json, NULL, '{');
    json_text(&json, "spec", spec);
    json_extent(&json, "input", &input);
    json_extent(&json, "latent", &latent);
    if (vae_model_codebook_size(model) > 0) {
        json_int(&json, "codes", vae_model_codebook_size(model));
        json_int(&json, "codes_of_an_example", vae_model_codes_per_example(model));
    }
    json_int(&json, "parameters", vae_model_param_total(model));
    json_open(&json, "tensors", '[');
    for (int64_t i = 0; i < vae_model_param_count(model); i++) {
        const vae_tensor_t *tensor;
        const char *name;
        int64_t values;
        must(vae_model_param(model, i, &tensor, &name));
        const extent_t extent = param_extent(tensor, &values);
        json_open(&json, NULL, '{');
        json_text(&json, "name", name);
        json_extent(&json, "shape", &extent);
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_open(&json, "session_bytes", '{');
    for (int b = 0; b < N_BATCHES; b++) {
        char key[24];
        snprintf(key, sizeof key, "%lld", (long long)batches[b]);
        json_int(&json, key, (int64_t)session_bytes(model, batches[b]));
    }
    json_close(&json, '}');
    json_int(&json, "trainer_bytes", (int64_t)trainer_bytes(model));
    json_text(&json, "library", vae_build_info());
    json_close(&json, '}');
    json_print(&json);
}

static void print_model(vae_model_t *model, const char *spec) {
    char total[PROGRESS_TEXT];
    print_filtered(stdout, spec);
    putchar('\n');
    for (int64_t i = 0; i < vae_model_param_count(model); i++) {
        const vae_tensor_t *tensor;
        const char *name;
        char text[EXTENT_TEXT];
        int64_t values;
        must(vae_model_param(model, i, &tensor, &name));
        const extent_t extent = param_extent(tensor, &values);
        print_line("%-36s %-18s %10lld", name, extent_text(&extent, text), (long long)values);
    }
    printf("\n%s trainable values\n", text_thousands((double)vae_model_param_total(model), total));
    if (vae_model_codebook_size(model) > 0)
        printf("%lld codes for an example, each one of %lld: %zu bytes when packed\n", (long long)vae_model_codes_per_example(model),
               (long long)vae_model_codebook_size(model),
               vae_codes_packed_bytes(vae_model_codes_per_example(model), vae_model_codebook_size(model)));
    for (int b = 0; b < N_BATCHES; b++)
        printf("session for %-4lld examples  %10.2f MiB\n", (long long)batches[b], (double)session_bytes(model, batches[b]) / 1048576.0);
    printf("trainer for %-4d examples  %10.2f MiB\n%s\n", TRAIN_BATCH, (double)trainer_bytes(model) / 1048576.0, vae_build_info());
}

static void print_plan(const cli_t *cli, const vae_model_t *model) {
    const int64_t batch = cli_int(cli, "batch");
    const int32_t training = cli_flag(cli, "train"), format = cli_flag(cli, "json") ? VAE_PLAN_JSON : VAE_PLAN_TEXT;
    size_t bytes = 0;
    (void)vae_model_plan(model, batch, training, format, NULL, 0, &bytes);
    char *text = mem_alloc((int64_t)bytes + 1, 1);
    must(vae_model_plan(model, batch, training, format, text, bytes, NULL));
    fputs(text, stdout);
    free(text);
}

/* Returns true if MODEL is another program's checkpoint, and prints what it holds. */
static bool is_checkpoint(vae_ctx_t *ctx, const char *operand) {
    char *text = NULL, *file = engine_model_file(operand);
    const vae_status_t status = engine_checkpoint(ctx, file, &text);
    free(file);
    if (status == VAE_E_ARG) return false;
    if (status == VAE_E_UNSUPPORTED || status == VAE_E_SHAPE) must_or(status, EXIT_FORMAT);
    must(status);
    print_filtered(stdout, text);
    free(text);
    return true;
}

static int run(const cli_t *cli) {
    vae_ctx_t *ctx = engine_ctx(cli);
    if (is_checkpoint(ctx, cli_operand(cli, 0))) {
        vae_ctx_destroy(ctx);
        return EXIT_DONE;
    }
    vae_model_t *model = engine_load(ctx, cli_operand(cli, 0));
    if (cli_flag(cli, "plan")) {
        print_plan(cli, model);
        vae_model_destroy(model);
        vae_ctx_destroy(ctx);
        return EXIT_DONE;
    }
    char *spec = model_spec_text(model);
    if (cli_flag(cli, "json")) print_json(model, spec);
    else print_model(model, spec);
    free(spec);
    vae_model_destroy(model);
    vae_ctx_destroy(ctx);
    return EXIT_DONE;
}

static const cli_option_t options[] = {
    {"json", 0, CLI_FLAG, "", "", "print one JSON object", 0},
    {"plan", 0, CLI_FLAG, "", "", "print the steps that the model runs, with their memory", 0},
    {"batch", 'b', CLI_INT, "N", "1", "examples at a time in the plan", 1},
    {"train", 0, CLI_FLAG, "", "", "print the plan of training, not of inference", 0},
    {.name = NULL},
};

const cli_command_t command_info = {
    .name = "info",
    .operands = "MODEL",
    .summary = "show a model's text, its parameters and the memory it needs",
    .text = "Prints the text of the model with every default written out, a line for each\n"
            "parameter tensor, the memory of sessions and of a trainer, and how the library was\n"
            "built. --plan prints the steps of encoder and decoder after fusion (with --train also\n"
            "those of a critic), the algorithm of each convolution, and every array with its place,\n"
            "lifetime and bytes. For a checkpoint that vae import can read, the family, the latents\n"
            "and their scaling are printed.",
    .example = "  vae info run/best.safetensors\n"
               "  vae info run/best.safetensors --plan --batch 64",
    .options = options,
    .computes = true,
    .run = run,
};
