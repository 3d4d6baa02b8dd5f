/* SPDX-License-Identifier: MIT
 * codebooks_learn.c - computes the losses of codebooks and updates them without gradients.
 *
 *     aux_i = scale (commitment + 1 if learned by gradient) sum over rows, stages of |r_s - q_s|^2        of example i
 *             + the terms of codebooks_terms.c, the same for each example
 *
 * The averages are parameters that are not trained, so a checkpoint contains them and a resumed training gives the same bits. */
#include "vae/codes/codebooks.h"

static vaei_codebooks_facts *facts_of(const vaei_pass *p) {
    return p->piece[VAEI_CODEBOOKS_FACTS];
}

typedef struct distance_job {
    const vaei_pass *p;
    double *aux, weight;
} distance_job;

/* |r - e|^2, recovered from d2, the squared distance of the direction of r, a vector of length 1, to the code, which has length 1 too:
 * (|r| - 1)^2 + |r| d2. Without cosine it is d2. */
static double residual_error(const vaei_pass *p, int64_t row, int64_t stage, double d2) {
    const float *lengths = p->piece[VAEI_CODEBOOKS_LENGTH];
    if (!lengths) return d2;
    const double length = (double)lengths[row * vaei_codebooks_of(p)->stages + stage];
    return (length - 1) * (length - 1) + length * d2;
}

static void distances(void *arg, int64_t begin, int64_t end) {
    const distance_job *j = arg;
    const vaei_pass *p = j->p;
    const vaei_codebooks *s = vaei_codebooks_of(p);
    for (int64_t i = begin; i < end; i++) {
        double sum = 0, last = 0;
        for (int64_t stage = 0; stage < facts_of(p)->active; stage++) {
            const vaei_vectors v = vaei_codebooks_vectors(p, stage);
            const float *codes = vaei_codebooks_codes(p, stage);
            double of_stage = 0, left = 0;
            for (int64_t row = i * p->s->rows; row < (i + 1) * p->s->rows; row++) {
                const double d2 = p->k->sum_squared_difference(s->D, v.x + row * v.ld, codes + v.code[row * v.stride] * s->D);
                of_stage += d2;
                left += s->residual ? residual_error(p, row, stage, d2) : d2;
            }
            sum += of_stage;
            last = s->residual ? left : last + left;
        }
        p->error[i] = last;
        j->aux[i] += j->weight * sum;
    }
}

void vaei_codebooks_aux(vaei_pass *p, double *aux) {
    const vaei_codebooks *s = vaei_codebooks_of(p);
    const vaei_codebooks_conf *c = p->q->conf;
    distance_job j = {p, aux, (double)c->scale * ((double)c->commitment + (c->learn == VAEI_LEARN_GRADIENT && !c->freeze ? 1 : 0))};
    vaei_parallel_ranges(p->r->pool, p->n, p->s->rows * s->stages * s->D, distances, &j);
    const double terms = vaei_terms_value(p);
    for (int64_t i = 0; i < p->n; i++) aux[i] += terms;
}

/* ---- averages ---------------------------------------------------------------------------------------------------- */

static vaei_averages averages_of(const vaei_pass *p, float *params, int64_t codebook) {
    const vaei_codebooks *s = vaei_codebooks_of(p);
    const vaei_codebooks_conf *c = p->q->conf;
    return (vaei_averages){.count = params + s->count->offset + codebook * s->K,
                           .sum = s->sum ? params + s->sum->offset + codebook * s->K * s->D : NULL,
                           .decay = c->decay,
                           .eps = c->eps,
                           .debias = c->debias,
                           .steps = (double)params[s->batches->offset + codebook]};
}

/* Copies the codes of a k-means start to the parameters. Averages without debiasing begin with its clusters, or with the codes
 * themselves. */
static void begin(const vaei_pass *p, float *params) {
    const vaei_codebooks *s = vaei_codebooks_of(p);
    const vaei_codebooks_conf *c = p->q->conf;
    const float *count = p->piece[VAEI_CODEBOOKS_COUNT];
    float *codes = params + s->codebook->offset;
    const int32_t started = facts_of(p)->started;
    if (started) memcpy(codes, p->piece[VAEI_CODEBOOKS_CODES], (size_t)(s->codebooks * s->K * s->D) * sizeof *codes);
    for (int64_t codebook = 0; s->count && !c->debias && codebook < s->codebooks; codebook++) {
        if (params[s->batches->offset + codebook] > 0) continue;
        const vaei_averages a = averages_of(p, params, codebook);
        if (started) memcpy(a.count, count + codebook * s->K, (size_t)s->K * sizeof *a.count);
        for (int64_t i = 0; a.sum && i < s->K * s->D; i++) a.sum[i] = codes[codebook * s->K * s->D + i] * a.count[i / s->D];
    }
}

static void revive(const vaei_pass *p, float *params, const vaei_vectors *v, int64_t codebook) {
    const vaei_codebooks *s = vaei_codebooks_of(p);
    const vaei_codebooks_conf *c = p->q->conf;
    const vaei_noise_key key = {p->r->noise.seed, p->r->noise.step, VAEI_STREAM_REVIVAL};
    const vaei_averages a = averages_of(p, params, codebook);
    const uint32_t block = (uint32_t)(codebook * ((v->P + 3) / 4));
    vaei_averages_revive(&a, p->k, s->K, v, c->revive, key, p->r->first_item, block, c->cosine,
                         params + s->codebook->offset + codebook * s->K * s->D);
}

void vaei_codebooks_learn(vaei_pass *p, float *params) {
    const vaei_codebooks *s = vaei_codebooks_of(p);
    const vaei_codebooks_conf *c = p->q->conf;
    const int64_t active = facts_of(p)->active;
    if (c->freeze || !s->batches) return;
    begin(p, params);
    for (int64_t stage = 0; stage < active; stage++) {
        const int64_t codebook = vaei_codebooks_index(s, stage);
        const vaei_vectors v = vaei_codebooks_vectors(p, stage);
        params[s->batches->offset + codebook]++;
        if (!s->count) continue;
        const vaei_averages a = averages_of(p, params, codebook);
        vaei_order_vectors(p->k, p->r->pool, s->K, &v, &p->order);
        vaei_averages_track(&a, s->K, s->D, &p->order);
        if (s->codebooks == 1 && stage + 1 < active) continue; /* a shared codebook is updated only after its last active stage */
        float *codes = params + s->codebook->offset + codebook * s->K * s->D;
        if (s->sum) vaei_averages_refresh(&a, p->k, s->K, s->D, p->used + codebook * s->K, c->cosine, codes);
        if (c->revive > 0) revive(p, params, &v, codebook);
    }
}

int64_t vaei_codebooks_dead(vaei_pass *p, int64_t codebook) {
    const vaei_codebooks *s = vaei_codebooks_of(p);
    const vaei_codebooks_conf *c = p->q->conf;
    int64_t unused = 0;
    if (s->count && !c->freeze) return vaei_averages_dead(p->r->params + s->count->offset + codebook * s->K, s->K, c->revive);
    for (int64_t i = 0; i < s->K; i++) unused += p->used[codebook * s->K + i] == 0;
    return unused;
}
