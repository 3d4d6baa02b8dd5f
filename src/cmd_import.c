/* SPDX-License-Identifier: MIT
 * cmd_import.c - vae import: makes a model of libvae from the autoencoder in another program's checkpoint. */
#include "console.h"
#include "engine.h"
#include "files.h"

#include <stdlib.h>
#include <string.h>

/* Returns a number, or 0 if the option is not given. */
static double number_of(const cli_t *cli, const char *name) {
    char *end;
    const char *text = cli_text(cli, name);
    if (!cli_given(cli, name)) return 0;
    const double value = strtod(text, &end);
    if (!*text || *end) die(EXIT_USAGE, "--%s: '%s', wanted a number", name, text);
    return value;
}

static vae_import_options_t options_of(const cli_t *cli) {
    vae_import_options_t o = {.struct_size = sizeof o};
    if (cli_flag(cli, "own-pixels")) o.flags |= VAE_IMPORT_OWN_PIXELS;
    if (cli_flag(cli, "scaled")) o.flags |= VAE_IMPORT_SCALED;
    if (strcmp(cli_text(cli, "half"), "decoder") == 0) o.flags |= VAE_IMPORT_NO_ENCODER;
    if (strcmp(cli_text(cli, "half"), "encoder") == 0) o.flags |= VAE_IMPORT_NO_DECODER;
    if (cli_given(cli, "height")) o.height = cli_int(cli, "height");
    if (cli_given(cli, "width")) o.width = cli_int(cli, "width");
    o.factor = number_of(cli, "factor");
    o.shift = number_of(cli, "shift");
    return o;
}

static int run(const cli_t *cli) {
    const char *output = cli_text(cli, "output"), *path = cli_operand(cli, 0);
    vae_model_t *model;
    if (!output[0]) die(EXIT_USAGE, "-o FILE is missing, the file to write");
    refuse_existing(output, cli_flag(cli, "force"));
    const vae_import_options_t o = options_of(cli);
    vae_ctx_t *ctx = engine_ctx(cli);
    const vae_status_t status = vae_model_import(&model, ctx, path, &o);
    if (status == VAE_E_UNSUPPORTED || status == VAE_E_SHAPE) must_or(status, EXIT_FORMAT);
    must(status);
    must(vae_model_save(model, output));
    char *text = NULL;
    must(engine_checkpoint(ctx, path, &text));
    print_filtered(stdout, text);
    free(text);
    vae_model_destroy(model);
    vae_ctx_destroy(ctx);
    return EXIT_DONE;
}

static const cli_option_t options[] = {
    {"output", 'o', CLI_TEXT, "FILE", "", "the model to write, model.safetensors", 0},
    {"force", 'f', CLI_FLAG, "", "", "replace FILE if it exists", 0},
    {"height", 0, CLI_INT, "N", "512", "height of the pictures", 1},
    {"width", 0, CLI_INT, "N", "512", "width of the pictures", 1},
    {"half", 0, CLI_CHOICE, "both|encoder|decoder", "both", "read both halves, or only one", 0},
    {"own-pixels", 0, CLI_FLAG, "", "", "pictures have the range of the checkpoint, mostly -1..1, not 0..1", 0},
    {"scaled", 0, CLI_FLAG, "", "", "latents are those of the diffusion model, (z - shift) * factor", 0},
    {"factor", 0, CLI_TEXT, "F", "", "the factor, if no file gives it", 0},
    {"shift", 0, CLI_TEXT, "F", "", "the shift, if no file gives it", 0},
    {.name = NULL},
};

const cli_command_t command_import = {
    .name = "import",
    .operands = "CHECKPOINT",
    .summary = "make a model of another program's autoencoder",
    .text = "CHECKPOINT is a safetensors file of an autoencoder (Stable Diffusion, FLUX, TAESD,\n"
            "VQGAN ...), or of a whole diffusion model that contains one. config.json in the same\n"
            "folder is read too. vae info CHECKPOINT describes the file; docs/checkpoints.md lists\n"
            "the files that can be opened.",
    .example = "  vae import sdxl/vae/diffusion_pytorch_model.safetensors --height 768 --width 1024 -o sdxl.safetensors\n"
               "  vae decode sdxl.safetensors latents.npy -o picture.png",
    .options = options,
    .computes = true,
    .run = run,
};
