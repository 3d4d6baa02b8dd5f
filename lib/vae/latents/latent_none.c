/* SPDX-License-Identifier: MIT
 * latent_none.c - no distribution: a plain autoencoder.
 *
 *     z = h        kl = 0        log p(z) - log q(z|x) taken as 0
 *
 * z has h's shape. mean is h; logvar is the lowest value of the gaussian's range, so that code which reads it finds a point.
 * There is no distribution to sample from. */
#include "vae/latent.h"

#define LOGVAR_OF_A_POINT -30.0f

static vae_status_t plan(vaei_latent *q, vaei_build *b, vaei_node *node, const vaei_shape *h, vaei_shape *z) {
    (void)q;
    (void)b;
    (void)node;
    *z = *h;
    return VAE_OK;
}

static size_t bytes(const vaei_latent *q, const vaei_run *r) {
    return (size_t)(r->n * vaei_shape_size(&q->z)) * sizeof(float);
}

static void encode(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, float *mean, float *logvar) {
    const int64_t count = r->n * vaei_shape_size(&q->z);
    (void)m;
    memcpy(mean, h, bytes(q, r));
    if (!logvar) return;
    for (int64_t i = 0; i < count; i++) logvar[i] = LOGVAR_OF_A_POINT;
}

static void draw(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *mean, const float *logvar, const float *noise,
                 float *z, float *kl, double *log_ratio) {
    (void)m;
    (void)logvar;
    (void)noise;
    memcpy(z, mean, bytes(q, r));
    if (kl) memset(kl, 0, bytes(q, r));
    if (log_ratio) memset(log_ratio, 0, (size_t)r->n * sizeof *log_ratio);
}

static void backward(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, const float *mean, const float *logvar,
                     const float *noise, const float *dz, const float *dkl, float *dh) {
    (void)m;
    (void)h;
    (void)mean;
    (void)logvar;
    (void)noise;
    (void)dkl;
    memcpy(dh, dz, bytes(q, r));
}

const vaei_latent_ops vaei_latent_none = {
    .module = {.name = "none", .summary = "no distribution: the model is a plain autoencoder", .examples = "none", .paper = ""},
    .plan = plan,
    .encode = encode,
    .draw = draw,
    .backward = backward,
};
