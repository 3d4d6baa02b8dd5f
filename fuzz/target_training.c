/* SPDX-License-Identifier: MIT
 * target_training.c - reads any text as the spec of a model and, after a line "---", as the options of a training, and makes two steps.
 *
 * The canonical text of an accepted model must build the same model. If the training takes little memory, the model is
 * trained and used: encode, decode, elbo, sample. It is not saved. */
#include <stdlib.h>
#include <string.h>
#include <vae/vae.h>

#include "fuzz.h"

#define MEMORY      ((uint64_t)8 << 20)
#define MOST_TRAINS ((uint64_t)96 << 10) /* bytes of a trainer: its time grows with them */

enum { BATCH = 3 };

static char *spec_of(const vae_model_t *model) {
    size_t needed = 0;
    MUST_HOLD(vae_model_spec(model, NULL, 0, &needed) == VAE_OK);
    char *text = malloc(needed);
    MUST_HOLD(text && vae_model_spec(model, text, needed, NULL) == VAE_OK);
    return text;
}

static void build_again(vae_ctx_t *ctx, const vae_model_t *model) {
    vae_model_t *again;
    char *spec = spec_of(model);
    const vae_status_t status = vae_model_create(&again, ctx, spec, 1);
    MUST_HOLD(status == VAE_OK || status == VAE_E_NOMEM);
    if (status == VAE_OK) {
        char *same = spec_of(again);
        MUST_HOLD(strcmp(spec, same) == 0);
        free(same);
        vae_model_destroy(again);
    }
    free(spec);
}

static void judge(vae_status_t status) {
    if (status == VAE_OK) return;
    MUST_HOLD(status != VAE_E_ARG);
    fuzz_sentence();
}

/* A k-means start needs no fewer vectors than codes: the one wrong argument that a step can find here. */
static void judge_step(vae_status_t status) {
    if (status == VAE_E_ARG && strstr(vae_last_error(), "k-means start")) fuzz_sentence();
    else judge(status);
}

/* For a prior with classes, or a section condition. */
static const int32_t *labels_for(const vae_model_t *model) {
    static const int32_t labels[BATCH] = {0};
    return vae_model_class_count(model) > 0 ? labels : NULL;
}

static float *numbers(int64_t count) {
    float *x = malloc((size_t)count * sizeof *x + 1);
    MUST_HOLD(x);
    for (int64_t i = 0; i < count; i++) x[i] = (float)((i * 7) % 11) / 10.0f;
    return x;
}

/* x of a batch: numbers, or tokens of the model. */
static float *examples_for(const vae_model_t *model) {
    const int64_t count = BATCH * vae_model_input_size(model), tokens = vae_model_token_count(model);
    float *x = numbers(count);
    for (int64_t i = 0; tokens > 0 && i < count; i++) x[i] = (float)(i * 7 % tokens);
    return x;
}

/* Values for a section condition, or NULL; free() them. */
static float *conditions_for(const vae_model_t *model) {
    const int64_t size = vae_model_condition_size(model);
    return size > 0 ? numbers(BATCH * size) : NULL;
}

/* A prior's classes are not the encoder's business, those of a section condition are. */
static void encode_and_decode(vae_session_t *session, const float *x, const int32_t *label, const float *condition, float *mean, float *y) {
    vae_batch_t batch = {.struct_size = sizeof(batch), .n = BATCH, .x = x, .label = label, .condition = condition};
    vae_status_t status = vae_encode_batch(session, &batch, mean, NULL);
    if (status != VAE_OK && label) {
        batch.label = NULL;
        status = vae_encode_batch(session, &batch, mean, NULL);
    }
    judge(status);
    batch.x = NULL;
    if (status == VAE_OK) judge(vae_decode_batch(session, &batch, mean, y));
}

static void use(const vae_model_t *model, const float *x) {
    vae_session_t *session;
    const vae_status_t status = vae_session_create(&session, model, 2);
    judge(status);
    if (status != VAE_OK) return;
    const int64_t size = vae_model_input_size(model), latent = vae_model_latent_size(model);
    float *mean = numbers(BATCH * latent), *y = numbers(BATCH * size), *condition = conditions_for(model);
    double elbo[BATCH];
    encode_and_decode(session, x, labels_for(model), condition, mean, y);
    const vae_batch_t drawn = {.struct_size = sizeof(drawn), .n = BATCH, .label = labels_for(model), .condition = condition};
    vae_batch_t scored = drawn;
    scored.x = x;
    judge(vae_elbo_batch(session, &scored, 1, elbo, NULL, NULL));
    judge(vae_sample_batch(session, &drawn, y));
    free(condition);
    free(mean);
    free(y);
    vae_session_destroy(session);
}

static void train(vae_model_t *model, const char *options) {
    uint64_t bytes = 0;
    vae_trainer_t *trainer;
    const vae_status_t measured = vae_trainer_bytes(model, options, BATCH, &bytes);
    judge(measured);
    if (measured != VAE_OK || bytes > MOST_TRAINS) return;
    const vae_status_t status = vae_trainer_create(&trainer, model, options, BATCH);
    judge(status);
    if (status != VAE_OK) return;
    float *x = examples_for(model), *condition = conditions_for(model);
    for (int64_t n = BATCH; n > 1; n--) {
        vae_batch_t batch = {.struct_size = sizeof(batch), .n = n, .x = x, .label = labels_for(model), .condition = condition};
        vae_status_t stepped = vae_trainer_step_batch(trainer, &batch, NULL);
        if (stepped == VAE_E_UNSUPPORTED && batch.label) { /* the prior, which has the classes, is not what learns */
            batch.label = NULL;
            stepped = vae_trainer_step_batch(trainer, &batch, NULL);
        }
        judge_step(stepped);
    }
    use(model, x);
    free(condition);
    free(x);
    vae_trainer_destroy(trainer);
}

void fuzz_one(const uint8_t *data, size_t size) {
    static const char mark[] = "\n---\n";
    vae_ctx_config_t config;
    vae_ctx_t *ctx;
    vae_model_t *model;
    char *text = malloc(size + 1);
    MUST_HOLD(text);
    if (size > 0) memcpy(text, data, size);
    text[size] = '\0';
    char *options = strstr(text, mark);
    if (options) {
        options[1] = '\0';
        options += sizeof mark - 1;
    }
    MUST_HOLD(vae_ctx_config_init(&config, sizeof config) == VAE_OK);
    config.mem_limit = MEMORY;
    MUST_HOLD(vae_ctx_create(&ctx, &config) == VAE_OK);
    const vae_status_t status = vae_model_create(&model, ctx, text, 1);
    judge(status);
    if (status == VAE_OK) {
        build_again(ctx, model);
        train(model, options);
    } else {
        MUST_HOLD(model == NULL);
    }
    vae_model_destroy(model);
    vae_ctx_destroy(ctx);
    free(text);
}
