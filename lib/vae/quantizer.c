/* SPDX-License-Identifier: MIT
 * quantizer.c - the common frame of latents of codes.
 *
 *     rate = n_codes ln K, spread evenly over the D values of kl        log p(z) - log q(z|x) = -rate        q is one choice, p is even
 *     perplexity = exp(-sum_k s_k ln s_k), s_k the share of code k */
#include "vae/quantizer.h"

#include <math.h>

#include "nn/ranges.h"

#define LOGVAR_OF_A_POINT -30.0f

void vaei_quantizer_measure(vaei_quantizer *s, vaei_latent *q, const vaei_shape *h, vaei_shape *z, int64_t heads, int64_t K) {
    s->C = h->d[h->n - 1];
    s->rows = vaei_shape_size(h) / s->C;
    s->heads = heads;
    q->n_params = 0;
    q->n_codes = s->rows * heads;
    q->code_size = K;
    *z = *h;
}

vae_status_t vaei_quantizer_project(vaei_quantizer *s, vaei_build *b, int64_t W) {
    s->W = W;
    s->projected = W != s->C;
    if (!s->projected) return VAE_OK;
    VAEI_TRY(vaei_linear_declare(&s->in, b, "latent.project_in", s->C, W));
    return vaei_linear_declare(&s->out, b, "latent.project_out", W, s->C);
}

vaei_quantizer_pack vaei_quantizer_carve_pack(const vaei_quantizer *s, const vaei_kernels *k, int32_t training, vaei_carve *c) {
    vaei_quantizer_pack p = { { NULL, NULL }, { NULL, NULL } };
    if (!s->projected) return p;
    p.in = vaei_linear_carve(&s->in, k, training, c);
    p.out = vaei_linear_carve(&s->out, k, training, c);
    return p;
}

void vaei_quantizer_fill(const vaei_quantizer *s, const vaei_run *r, const vaei_quantizer_pack *p) {
    if (!s->projected) return;
    vaei_linear_fill(&s->in, r, &p->in);
    vaei_linear_fill(&s->out, r, &p->out);
}

float *vaei_quantizer_carve_outer(const vaei_quantizer *s, const vaei_kernels *k, int64_t P, vaei_carve *c) {
    if (!s->projected) return NULL;
    const int64_t a = vaei_outer_scratch(k, s->C, s->W, P), b = vaei_outer_scratch(k, s->W, s->C, P);
    return vaei_carve_floats(c, a > b ? a : b);
}

int64_t vaei_quantizer_count(const vaei_quantizer *s, int64_t n, int64_t size) {
    const int64_t P = vaei_count_of(n, s->rows);
    return P < 0 || P >= INT32_MAX ? -1 : vaei_count_of(P, size);
}

void vaei_quantizer_enter(const vaei_quantizer *s, const vaei_run *r, const vaei_quantizer_pack *p, const float *h, float *x) {
    const int64_t P = r->n * s->rows;
    if (s->projected) vaei_linear_forward(&s->in, r, &p->in, P, h, x);
    else memcpy(x, h, (size_t)(P * s->W) * sizeof *x);
}

void vaei_quantizer_leave(const vaei_quantizer *s, const vaei_run *r, const vaei_quantizer_pack *p, const float *code, float *z) {
    const int64_t P = r->n * s->rows;
    if (s->projected) vaei_linear_forward(&s->out, r, &p->out, P, code, z);
    else memcpy(z, code, (size_t)(P * s->W) * sizeof *z);
}

void vaei_quantizer_encode(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, float *mean, float *logvar) {
    const int64_t count = r->n * vaei_shape_size(&q->z);
    (void)m;
    memcpy(mean, h, (size_t)count * sizeof *mean);
    for (int64_t i = 0; logvar && i < count; i++) logvar[i] = LOGVAR_OF_A_POINT;
}

void vaei_quantizer_rate(const vaei_latent *q, int64_t n, float *kl, double *log_ratio) {
    const int64_t size = vaei_shape_size(&q->z);
    const double rate = (double)q->n_codes * log((double)q->code_size);
    for (int64_t i = 0; kl && i < n * size; i++) kl[i] = (float)(rate / (double)size);
    for (int64_t i = 0; log_ratio && i < n; i++) log_ratio[i] = -rate;
}

void vaei_quantizer_usage(int64_t K, const int32_t *used, vaei_code_stats *stats) {
    double total = 0, entropy = 0;
    int64_t chosen = 0;
    for (int64_t i = 0; i < K; i++) total += used[i];
    for (int64_t i = 0; i < K; i++) {
        if (!used[i]) continue;
        entropy -= used[i] / total * log(used[i] / total);
        chosen++;
    }
    stats->perplexity = exp(entropy);
    stats->used = (double)chosen / (double)K;
    stats->dead = (double)(K - chosen);
}

void vaei_quantizer_figures(const vaei_quantizer *s, const vaei_latent *q, int64_t n, const int32_t *used, const double *error,
                            vaei_code_stats *stats) {
    vaei_quantizer_usage(q->code_size, used, stats);
    stats->error = 0;
    for (int64_t i = 0; i < n; i++) stats->error += error[i] / ((double)n * (double)(s->rows * s->W));
}
