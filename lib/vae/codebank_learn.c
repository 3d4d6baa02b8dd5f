/* SPDX-License-Identifier: MIT
 * codebank_learn.c - what codebooks learn without gradients, and how they are doing.
 *
 *     aux_i = scale (commit + 1 if learnt by gradient) sum over rows, stages of |r_s - q_s|^2        of example i
 *             + the terms of codebank_terms.c, the same for each example
 *
 * The averages are kept in the parameters themselves, which are not trained, so a checkpoint has them and training resumes bit by bit. */
#include "nn/ranges.h"
#include "vae/codebank.h"

typedef struct job {
    const vaei_latent *q;
    const vaei_run *r;
    const vaei_bank *s;
    vaei_bank_pack pack;
    vaei_bank_rows w;
    double *aux, weight;
} job;

static job open_job(const vaei_latent *q, const vaei_run *r, const vaei_slot *m) {
    job j = {.q = q, .r = r, .s = q->state};
    vaei_carve pack = {m->pack, 0}, cache = {m->cache, 0};
    j.pack = vaei_bank_carve_pack(q, r->k, r->training, &pack);
    j.w = vaei_bank_carve_rows(q, r->n, 1, &cache);
    return j;
}

/* |r - e|^2 of a residual from that of its direction and the code, both of length 1: (|r| - 1)^2 + |r| d2. Without cosine it is d2. */
static double left_of(const job *j, int64_t row, int64_t stage, double d2) {
    if (!j->w.length) return d2;
    const double length = (double)j->w.length[row * j->s->stages + stage];
    return (length - 1) * (length - 1) + length * d2;
}

static void distances(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const vaei_bank *s = j->s;
    for (int64_t i = begin; i < end; i++) {
        double sum = 0, last = 0;
        for (int64_t stage = 0; stage < j->w.facts->active; stage++) {
            const vaei_vectors v = vaei_bank_vectors(s, &j->w, j->r->n, stage);
            const float *codes = j->pack.codes + vaei_bank_book(s, stage) * s->K * s->D;
            double of_stage = 0, left = 0;
            for (int64_t row = i * s->rows; row < (i + 1) * s->rows; row++) {
                const double d2 =
                    j->r->k->sum_squared_difference(s->D, v.x + row * v.ld, codes + v.code[row * v.stride] * s->D);
                of_stage += d2;
                left += s->residual ? left_of(j, row, stage, d2) : d2;
            }
            sum += of_stage;
            last = s->residual ? left : last + left;
        }
        j->w.error[i] = last;
        j->aux[i] = j->weight * sum;
    }
}

void vaei_bank_loss(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, double *aux) {
    const vaei_bank_conf *c = q->conf;
    job j = open_job(q, r, m);
    j.aux = aux;
    j.weight = (double)c->scale * ((double)c->commit + (c->learn == VAEI_LEARN_GRADIENT && !c->freeze ? 1 : 0));
    vaei_parallel_ranges(r->pool, r->n, j.s->rows * j.s->stages * j.s->D, distances, &j);
    vaei_carve scratch = {m->scratch, 0};
    const vaei_terms_room room = vaei_terms_carve(q, r->n * j.s->rows, &scratch);
    const double terms = vaei_terms_value(q, r, &j.pack, &j.w, &room);
    for (int64_t i = 0; i < r->n; i++) aux[i] += terms;
}

/* ---- averages ---------------------------------------------------------------------------------------------------- */

static vaei_averages averages_of(const vaei_latent *q, float *params, int64_t book) {
    const vaei_bank *s = q->state;
    const vaei_bank_conf *c = q->conf;
    return (vaei_averages){.count = params + s->count->offset + book * s->K,
                           .sum = s->sum ? params + s->sum->offset + book * s->K * s->D : NULL,
                           .decay = c->decay,
                           .eps = c->eps,
                           .debias = c->debias,
                           .steps = (double)params[s->batches->offset + book]};
}

/* The codes of a k-means start become parameters; averages without debiasing begin at its clusters, or at the codes themselves. */
static void begin(const job *j, float *params) {
    const vaei_bank *s = j->s;
    const vaei_bank_conf *c = j->q->conf;
    float *codes = params + s->codebook->offset;
    const int32_t started = j->w.facts->started;
    if (started) memcpy(codes, j->pack.codes, (size_t)(s->books * s->K * s->D) * sizeof *codes);
    for (int64_t book = 0; s->count && !c->debias && book < s->books; book++) {
        if (params[s->batches->offset + book] > 0) continue;
        const vaei_averages a = averages_of(j->q, params, book);
        if (started) memcpy(a.count, j->w.count + book * s->K, (size_t)s->K * sizeof *a.count);
        for (int64_t i = 0; a.sum && i < s->K * s->D; i++) a.sum[i] = codes[book * s->K * s->D + i] * a.count[i / s->D];
    }
}

static void revive(const job *j, float *params, const vaei_vectors *v, int64_t book) {
    const vaei_bank *s = j->s;
    const vaei_bank_conf *c = j->q->conf;
    const vaei_noise_key key = {j->r->noise.seed, j->r->noise.step, VAEI_STREAM_REVIVAL};
    const vaei_averages a = averages_of(j->q, params, book);
    const uint32_t block = (uint32_t)(book * ((v->P + 3) / 4));
    vaei_averages_revive(&a, j->r->k, s->K, v, c->revive, key, j->r->first_item, block, c->cosine,
                         params + s->codebook->offset + book * s->K * s->D);
}

void vaei_bank_commit(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, float *params) {
    const vaei_bank *s = q->state;
    const vaei_bank_conf *c = q->conf;
    const job j = open_job(q, r, m);
    vaei_carve scratch = {m->scratch, 0};
    if (c->freeze || !s->batches) return;
    begin(&j, params);
    const vaei_code_order o = vaei_order_carve(r->n * s->rows, s->K, s->D, &scratch);
    for (int64_t stage = 0; stage < j.w.facts->active; stage++) {
        const int64_t book = vaei_bank_book(s, stage);
        const vaei_vectors v = vaei_bank_vectors(s, &j.w, r->n, stage);
        params[s->batches->offset + book]++;
        if (!s->count) continue;
        const vaei_averages a = averages_of(q, params, book);
        vaei_order_vectors(r->k, r->pool, s->K, &v, &o);
        vaei_averages_track(&a, s->K, s->D, &o);
        if (s->books == 1 && stage + 1 < j.w.facts->active)
            continue; /* a shared book moves when all its stages have been */
        float *codes = params + s->codebook->offset + book * s->K * s->D;
        if (s->sum) vaei_averages_refresh(&a, r->k, s->K, s->D, j.w.used + book * s->K, c->cosine, codes);
        if (c->revive > 0) revive(&j, params, &v, book);
    }
}

/* ---- figures ----------------------------------------------------------------------------------------------------- */

void vaei_bank_measure(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, vaei_code_stats *out) {
    const vaei_bank *s = q->state;
    const vaei_bank_conf *c = q->conf;
    const job j = open_job(q, r, m);
    const int64_t books = s->books == 1 ? 1 : j.w.facts->active;
    *out = (vaei_code_stats){0, 0, 0, 0};
    for (int64_t book = 0; book < books; book++) {
        vaei_code_stats one;
        vaei_quantizer_usage(s->K, j.w.used + book * s->K, &one);
        out->perplexity += one.perplexity / (double)books;
        out->used += one.used / (double)books;
        if (!s->count || c->freeze) {
            out->dead += one.dead;
        } else {
            out->dead += (double)vaei_averages_dead(r->params + s->count->offset + book * s->K, s->K, c->revive);
        }
    }
    for (int64_t i = 0; i < r->n; i++) out->error += j.w.error[i] / ((double)r->n * (double)(s->rows * s->W));
}
