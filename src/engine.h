/* SPDX-License-Identifier: MIT
 * engine.h - the library for the commands: a context from the common options, a model from a file, texts in memory. */
#ifndef ENGINE_H
#define ENGINE_H

#include "cli.h"
#include "extent.h"
#include <vae/vae.h>

/* A context by --threads, --arith and --isa; the library's messages go to stderr. Dies if it cannot be had. */
vae_ctx_t *engine_ctx(const cli_t *cli);

/* The configuration of engine_ctx(), for a caller that adds its own hooks. */
void engine_config(const cli_t *cli, vae_ctx_config_t *config);

/* The processors this process may run on. */
int32_t engine_processors(void);

/* The file of a model by its name, or by that of a run's folder: the one with a prior that vae prior made, else as
 * engine_run_model() says. In fresh memory. */
char *engine_model_file(const char *path);

/* The model of a run's folder: the best, or the last where there is no best yet, which is said. In fresh memory. */
char *engine_run_model(const char *folder);

/* Load a model from its file or a run's folder; dies with exit code 3 if the file is not one. */
vae_model_t *engine_load(vae_ctx_t *ctx, const char *path);

/* What another program's checkpoint holds, as lines of text in fresh memory; VAE_E_ARG if the file is a model of libvae. */
vae_status_t engine_checkpoint(vae_ctx_t *ctx, const char *path, char **text);

/* The sizes of an example and of a latent. */
extent_t model_input(const vae_model_t *model);
extent_t model_latent(const vae_model_t *model);

/* True if there is a distribution over latents to sample from and to collapse. */
bool model_has_prior(const vae_model_t *model);

/* Texts of the library in fresh memory; they die with the library's sentence and exit code 2: it is the user's text. */
char *model_spec_text(const vae_model_t *model);
char *registry_text(const char *kind, const char *name);
char *spec_set(const char *text, const char *path, const char *value);
char *spec_get(const char *text, const char *path); /* NULL if the text has no such option */
char *spec_canonical(const char *text, int code);   /* dies with this exit code */

/* A session for batches, or a smaller one where few examples come. */
vae_session_t *engine_session(const vae_model_t *model, int64_t max_batch);

/* Examples worked on at once by commands that do not train. */
#define ENGINE_BATCH 256

#endif
