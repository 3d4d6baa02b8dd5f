/* SPDX-License-Identifier: MIT
 * docs_body.h - the variables that the statements in the documents (```c body) may use without declaring them. */
#ifndef DOCS_BODY_H
#define DOCS_BODY_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vae/vae.h>

extern vae_ctx_t *ctx;
extern vae_ctx_config_t config;
extern vae_model_t *model;
extern vae_session_t *session;
extern vae_trainer_t *trainer;
extern vae_metrics_t metrics;
extern vae_status_t status;
extern const char *spec, *options;
extern int64_t n, i, steps;
extern float *x, *y, *z, *mean, *logvar, *noise, *weights;
extern double *elbo, *recon, *rate;
extern uint8_t *pixels;
extern const int32_t *labels;
extern int32_t *codes;
extern size_t row_stride;
extern const int32_t *no_class;
const float *next_batch(int64_t n);
void show(const char *text);

#endif
