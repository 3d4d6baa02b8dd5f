/* SPDX-License-Identifier: MIT
 * engine.h - the library for the commands: a context from the common options, a model from a file, texts in memory. */
#ifndef ENGINE_H
#define ENGINE_H

#include "cli.h"
#include "extent.h"
#include <vae/vae.h>

/* Makes a context by --threads, --arith and --isa; the library's messages go to stderr. Dies if that is not possible. */
vae_ctx_t *engine_ctx(const cli_t *cli);

/* The configuration of engine_ctx(), for a caller that adds its own hooks. */
void engine_config(const cli_t *cli, vae_ctx_config_t *config);

/* The processors this process may run on. */
int32_t engine_processors(void);

/* Returns the file of a model in fresh memory, from its name or from that of a run's folder: in a folder, the one with a prior that vae
 * prior made, or else that of engine_run_model(). */
char *engine_model_file(const char *path);

/* Returns the model of a run's folder in fresh memory: the best one, or the last one if there is no best yet, with a message. */
char *engine_run_model(const char *folder);

/* Loads a model from its file or a run's folder; dies with exit code 3 if the file is no model. */
vae_model_t *engine_load(vae_ctx_t *ctx, const char *path);

/* Describes the contents of another program's checkpoint, as lines of text in fresh memory; VAE_E_ARG if the file is a model of libvae. */
vae_status_t engine_checkpoint(vae_ctx_t *ctx, const char *path, char **text);

/* The sizes of an example and of a latent. */
extent_t model_input(const vae_model_t *model);
extent_t model_latent(const vae_model_t *model);

/* Returns true if the latents have a distribution, from which one can sample and which can collapse. */
bool model_has_prior(const vae_model_t *model);

/* Return texts of the library in fresh memory; they die with the library's sentence and exit code 2, because the text is the user's. */
char *model_spec_text(const vae_model_t *model);
char *registry_text(const char *kind, const char *name);
char *spec_set(const char *text, const char *path, const char *value);
char *spec_get(const char *text, const char *path); /* NULL if the text has no such option */
char *spec_canonical(const char *text, int code);   /* dies with this exit code */

/* Makes a session for batches, or a smaller one if max_batch is small. */
vae_session_t *engine_session(const vae_model_t *model, int64_t max_batch);

/* Examples at once in commands that do not train. */
#define ENGINE_BATCH 256

#endif
