/* SPDX-License-Identifier: MIT
 * codebooks.c - parameters, memory and forward pass of latents with codebooks.
 *
 *     latent.codebook [K, D] or [codebooks, K, D]        latent.project_in, latent.project_out    where C is not W
 *     latent.ema_count, latent.ema_sum, latent.batches [codebooks]    not trained: moving averages, and the
 *                                                        number of their batches
 *
 * Forward finds the codes stage by stage and looks up their vectors. If batches is 0, k-means of the first batch writes the codebook into
 * the pack, which this pass reads; if the step succeeds, it is copied to the parameters. Each row is computed separately, so neither the
 * threads nor the batch change a result. codebooks_learn.c has the learning. */
#include "vae/codes/codebooks.h"

#include <math.h>

#include "vae/codes/kmeans.h"

#define PROBABILITY_MIN 1e-20

/* ---- planning ---------------------------------------------------------------------------------------------------- */

static const vaei_param *declare(vaei_latent *q, vaei_build *b, const char *name, int32_t ndim, const int64_t *shape, int32_t flags,
                                 vaei_init init) {
    vaei_param *p = vaei_build_param(b, q->path, name, ndim, shape, flags, init);
    if (p) q->param[q->n_params++] = p;
    return p;
}

/* Declares the codebook first, because other programs look for it. */
static vae_status_t declare_books(vaei_latent *q, vaei_build *b, vaei_codebooks *s) {
    const vaei_codebooks_conf *c = q->conf;
    const int64_t shape[3] = {s->codebooks, s->K, s->D};
    const int32_t skip = s->codebooks == 1, averaged = c->learn == VAEI_LEARN_EMA;
    const int32_t flags = averaged || c->freeze ? 0 : VAEI_PARAM_TRAINED;
    const vaei_init box = {.kind = VAEI_INIT_XAVIER, .fan_in = s->D, .fan_out = s->D}; /* +- sqrt(3 / D) */
    const vaei_init zeros = {.kind = VAEI_INIT_ZEROS};
    const vaei_init ones = {.kind = VAEI_INIT_CONSTANT, .value = c->debias ? 0.0f : 1.0f};
    if (!(s->codebook = declare(q, b, "codebook", 3 - skip, shape + skip, flags, box))) return VAE_E_NOMEM;
    if (averaged || c->revive > 0)
        if (!(s->count = declare(q, b, "ema_count", 2 - skip, shape + skip, 0, ones))) return VAE_E_NOMEM;
    if (averaged)
        if (!(s->sum = declare(q, b, "ema_sum", 3 - skip, shape + skip, 0, zeros))) return VAE_E_NOMEM;
    if (s->count || c->start == VAEI_START_KMEANS)
        if (!(s->batches = declare(q, b, "batches", 1, shape, 0, zeros))) return VAE_E_NOMEM;
    return VAE_OK;
}

vae_status_t vaei_codebooks_plan(vaei_latent *q, vaei_quantizer *f, vaei_build *b, vaei_node *node, int32_t residual) {
    const vaei_codebooks_conf *c = q->conf;
    vaei_codebooks *s = vaei_arena_alloc(b->arena, sizeof *s);
    if (!s) return VAE_E_NOMEM;
    if (residual) f->heads = c->quantizers;
    s->residual = residual;
    s->stages = f->heads;
    s->codebooks = residual && c->shared ? 1 : s->stages;
    s->K = c->codes;
    VAEI_TRY(vaei_quantizer_widths(q, f, node, c->dim, residual ? 1 : s->stages));
    s->W = f->W;
    s->D = residual ? s->W : s->W / s->stages;
    if (c->cosine && c->learn != VAEI_LEARN_EMA)
        return vaei_fail(VAE_E_SPEC, "line %d, column %d: latent %s: cosine=true wants learn=ema", (int)node->line, (int)node->column,
                         q->ops->module.name);
    if (c->orthogonal > 0 && (c->learn != VAEI_LEARN_GRADIENT || c->freeze))
        return vaei_fail(VAE_E_SPEC, "line %d, column %d: latent %s: orthogonal acts on codes with learn=gradient", (int)node->line,
                         (int)node->column, q->ops->module.name);
    if (residual && c->dropout && c->min_quantizers > s->stages)
        return vaei_fail(VAE_E_SPEC, "line %d, column %d: latent %s: min_quantizers is more than there are quantizers (%lld and %lld)",
                         (int)node->line, (int)node->column, q->ops->module.name, (long long)c->min_quantizers, (long long)s->stages);
    f->own = s;
    f->K = s->K;
    f->codebooks = s->codebooks;
    f->sets = residual ? s->stages : 1;
    f->flags = VAEI_CODES_STAY | VAEI_VALUES_STAY | (residual || c->cosine ? VAEI_ROWS_CHANGE : 0);
    return declare_books(q, b, s);
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static int64_t times(int64_t a, int64_t b) {
    return a < 0 ? -1 : vaei_count_of(a, b);
}

void vaei_codebooks_carve(vaei_pass *p) {
    const vaei_codebooks *s = vaei_codebooks_of(p);
    const vaei_codebooks_conf *c = p->q->conf;
    vaei_carve *cache = p->training ? &p->rest.cache : &p->rest.scratch, *scratch = &p->rest.scratch;
    p->piece[VAEI_CODEBOOKS_CODES] = vaei_carve_floats(&p->rest.pack, times(s->codebooks, s->K * s->D));
    p->piece[VAEI_CODEBOOKS_PANELS] = vaei_carve_floats(&p->rest.pack, times(vaei_nearest_floats(p->k, s->K, s->D), s->codebooks));
    if (c->cosine && (p->training || s->residual)) p->piece[VAEI_CODEBOOKS_LENGTH] = vaei_carve_floats(cache, times(p->P, s->stages));
    if (!p->training) return;
    if (c->start == VAEI_START_KMEANS) p->piece[VAEI_CODEBOOKS_COUNT] = vaei_carve_floats(cache, times(s->codebooks, s->K));
    p->piece[VAEI_CODEBOOKS_FACTS] = vaei_carve_bytes(cache, sizeof(vaei_codebooks_facts));
    if (p->at == VAEI_AT_START && c->start == VAEI_START_KMEANS) (void)vaei_kmeans_carve(p->P, s->K, s->D, scratch);
    if (p->at == VAEI_AT_LEARN || p->at == VAEI_AT_BACKWARD) p->order = vaei_order_carve(p->P, s->K, s->D, scratch);
    if (p->at == VAEI_AT_AUX || p->at == VAEI_AT_BACKWARD) vaei_terms_carve(p);
    if (p->at == VAEI_AT_BACKWARD && s->residual && c->cosine)
        p->piece[VAEI_CODEBOOKS_STAGE] = vaei_carve_floats(scratch, times(p->P, s->D));
}

float *vaei_codebooks_codes(const vaei_pass *p, int64_t stage) {
    const vaei_codebooks *s = vaei_codebooks_of(p);
    return (float *)p->piece[VAEI_CODEBOOKS_CODES] + vaei_codebooks_index(s, stage) * s->K * s->D;
}

float *vaei_codebooks_panels(const vaei_pass *p, int64_t stage) {
    const vaei_codebooks *s = vaei_codebooks_of(p);
    return (float *)p->piece[VAEI_CODEBOOKS_PANELS] + vaei_codebooks_index(s, stage) * vaei_nearest_floats(p->k, s->K, s->D);
}

vaei_vectors vaei_codebooks_vectors(const vaei_pass *p, int64_t stage) {
    const vaei_codebooks *s = vaei_codebooks_of(p);
    const int64_t first = !s->residual ? stage * s->D : p->training ? stage * p->P * s->D : 0;
    return (vaei_vectors){p->P, s->D, s->W, s->stages, p->x + first, p->code + stage};
}

void vaei_codebooks_pack(vaei_pass *p) {
    const vaei_codebooks *s = vaei_codebooks_of(p);
    const int32_t cosine = ((const vaei_codebooks_conf *)p->q->conf)->cosine;
    float *codes = p->piece[VAEI_CODEBOOKS_CODES];
    memcpy(codes, p->r->params + s->codebook->offset, (size_t)(s->codebooks * s->K * s->D) * sizeof *codes);
    for (int64_t i = 0; cosine && i < s->codebooks * s->K; i++) (void)vaei_unit_row(p->k, s->D, codes + i * s->D);
    for (int64_t i = 0; i < s->codebooks; i++)
        vaei_nearest_pack(p->k, s->K, s->D, vaei_codebooks_codes(p, i), cosine ? VAEI_NEAREST_PRODUCT : VAEI_NEAREST_DISTANCE,
                          vaei_codebooks_panels(p, i));
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

typedef struct stage_job {
    const vaei_pass *p;
    int64_t stage;
    vaei_vectors v;
} stage_job;

/* Scales one vector of a stage to length 1. */
static void unit_vector(const vaei_pass *p, int64_t stage, int64_t row, float *x) {
    const vaei_codebooks *s = vaei_codebooks_of(p);
    const float length = vaei_unit_row(p->k, s->D, x);
    if (p->piece[VAEI_CODEBOOKS_LENGTH]) ((float *)p->piece[VAEI_CODEBOOKS_LENGTH])[row * s->stages + stage] = length;
}

/* Scales the vectors that exist before any choice: those of all stages side by side, or those of the first stage. */
static void unit_rows(void *arg, int64_t begin, int64_t end) {
    const vaei_pass *p = arg;
    const vaei_codebooks *s = vaei_codebooks_of(p);
    for (int64_t row = begin; row < end; row++)
        for (int64_t stage = 0; stage < (s->residual ? 1 : s->stages); stage++)
            unit_vector(p, stage, row, p->rows + row * s->W + stage * s->D);
}

void vaei_codebooks_shape(vaei_pass *p) {
    if (((const vaei_codebooks_conf *)p->q->conf)->cosine) vaei_pass_rows(p, 1, p->s->W, unit_rows);
}

/* Draws the code of one row from softmax(-distance / temperature): the largest of logits / temperature + Gumbel noise. */
static void draw_row(const stage_job *j, int64_t row) {
    enum { BLOCK = 512 };
    const vaei_pass *p = j->p;
    const vaei_codebooks *s = vaei_codebooks_of(p);
    const vaei_codebooks_conf *c = p->q->conf;
    const vaei_noise_key key = {p->r->noise.seed, p->r->noise.step, VAEI_STREAM_GUMBEL};
    const uint32_t item = p->r->first_item + (uint32_t)(row / p->s->rows);
    const uint32_t first = (uint32_t)((row % p->s->rows * s->stages + j->stage) * ((s->K + 3) / 4));
    const float *x = j->v.x + row * j->v.ld, *codes = vaei_codebooks_codes(p, j->stage);
    double best = -HUGE_VAL;
    uint32_t bits[BLOCK];
    for (int64_t k0 = 0; k0 < s->K; k0 += BLOCK) {
        const int64_t count = s->K - k0 < BLOCK ? s->K - k0 : BLOCK;
        vaei_philox(key, item, first + (uint32_t)(k0 / 4), (count + 3) / 4, bits);
        for (int64_t k = 0; k < count; k++) {
            const float *e = codes + (k0 + k) * s->D;
            const double logit = c->cosine ? p->k->dot(s->D, x, e) : -sqrt(p->k->sum_squared_difference(s->D, x, e));
            const double u = ((double)bits[k] + 0.5) * 0x1p-32, value = logit / (double)c->temperature - log(-log(u) + PROBABILITY_MIN);
            if (value > best) {
                best = value;
                j->v.code[row * j->v.stride] = (int32_t)(k0 + k);
            }
        }
    }
}

static void draw_rows(void *arg, int64_t begin, int64_t end) {
    const stage_job *j = arg;
    for (int64_t row = begin; row < end; row++) {
        j->v.code[row * j->v.stride] = 0;
        draw_row(j, row);
    }
}

static void subtract_rows(void *arg, int64_t begin, int64_t end) {
    const stage_job *j = arg;
    const vaei_pass *p = j->p;
    const vaei_codebooks *s = vaei_codebooks_of(p);
    const float *lengths = p->piece[VAEI_CODEBOOKS_LENGTH], *codes = vaei_codebooks_codes(p, j->stage);
    float *rest = p->training ? p->rows + (j->stage + 1) * p->P * s->D : p->rows;
    for (int64_t row = begin; row < end; row++) {
        const float *x = j->v.x + row * j->v.ld, *e = codes + j->v.code[row * j->v.stride] * s->D;
        const float length = lengths ? lengths[row * s->stages + j->stage] : 1;
        for (int64_t d = 0; d < s->D; d++) rest[row * s->D + d] = length * x[d] - e[d];
        if (lengths) unit_vector(p, j->stage + 1, row, rest + row * s->D);
    }
}

static void find_codes(const vaei_pass *p, int64_t stage) {
    const vaei_codebooks *s = vaei_codebooks_of(p);
    const float temperature = ((const vaei_codebooks_conf *)p->q->conf)->temperature;
    stage_job j = {p, stage, vaei_codebooks_vectors(p, stage)};
    if (p->training && temperature > 0) vaei_parallel_ranges(p->r->pool, p->P, s->K * (s->D + 32), draw_rows, &j);
    else vaei_nearest(p->k, p->r->pool, p->P, s->D, j.v.x, j.v.ld, s->K, vaei_codebooks_panels(p, stage), j.v.code, j.v.stride);
    if (s->residual && stage + 1 < s->stages) vaei_parallel_ranges(p->r->pool, p->P, s->D, subtract_rows, &j);
}

/* The number of stages in this step of training. */
static int32_t active_stages(const vaei_pass *p) {
    const vaei_codebooks_conf *c = p->q->conf;
    const int64_t stages = vaei_codebooks_of(p)->stages;
    const vaei_noise_key key = {p->r->noise.seed, p->r->noise.step, VAEI_STREAM_STAGES};
    uint32_t bits[4];
    if (!p->training || !c->dropout) return (int32_t)stages;
    vaei_philox(key, p->r->first_item, 0, 1, bits);
    return (int32_t)(c->min_quantizers + (int64_t)(((uint64_t)bits[0] * (uint64_t)(stages - c->min_quantizers + 1)) >> 32));
}

void vaei_codebooks_choose(vaei_pass *p) {
    const vaei_codebooks *s = vaei_codebooks_of(p);
    const int32_t active = active_stages(p);
    for (int64_t stage = 0; stage < active; stage++) find_codes(p, stage);
    for (int64_t row = 0; active < s->stages && row < p->P; row++)
        for (int64_t stage = active; stage < s->stages; stage++) p->code[row * s->stages + stage] = -1;
    if (p->training) ((vaei_codebooks_facts *)p->piece[VAEI_CODEBOOKS_FACTS])->active = active;
}

static void lookup_rows(void *arg, int64_t begin, int64_t end) {
    const vaei_pass *p = arg;
    const vaei_codebooks *s = vaei_codebooks_of(p);
    for (int64_t row = begin; row < end; row++) {
        float *out = p->value + row * s->W;
        memset(out, 0, (size_t)s->W * sizeof *out);
        for (int64_t stage = 0; stage < s->stages; stage++) {
            const int32_t code = p->code[row * s->stages + stage];
            if (code < 0) continue;
            const float *e = vaei_codebooks_codes(p, stage) + code * s->D;
            float *to = s->residual ? out : out + stage * s->D;
            for (int64_t d = 0; d < s->D; d++) to[d] += e[d];
        }
    }
}

void vaei_codebooks_value(vaei_pass *p) {
    const vaei_codebooks *s = vaei_codebooks_of(p);
    vaei_pass_rows(p, 1, s->W * (s->residual ? s->stages : 1), lookup_rows);
}

/* ---- the start --------------------------------------------------------------------------------------------------- */

static void start_codebook(const vaei_pass *p, int64_t codebook) {
    const vaei_codebooks *s = vaei_codebooks_of(p);
    const vaei_vectors v = vaei_codebooks_vectors(p, codebook);
    const vaei_noise_key key = {p->r->noise.seed, p->r->noise.step, VAEI_STREAM_KMEANS};
    float *count = (float *)p->piece[VAEI_CODEBOOKS_COUNT] + codebook * s->K;
    vaei_carve scratch = p->own;
    const vaei_kmeans_workspace workspace = vaei_kmeans_carve(p->P, s->K, s->D, &scratch);
    vaei_kmeans(p->k, p->r->pool, key, (uint32_t)codebook, s->K, &v, ((const vaei_codebooks_conf *)p->q->conf)->cosine, &workspace,
                vaei_codebooks_panels(p, codebook), vaei_codebooks_codes(p, codebook));
    memset(count, 0, (size_t)s->K * sizeof *count);
    for (int64_t row = 0; row < p->P; row++) count[v.code[row * v.stride]]++;
}

vae_status_t vaei_codebooks_start(vaei_pass *p, const float *h) {
    const vaei_codebooks *s = vaei_codebooks_of(p);
    const vaei_codebooks_conf *c = p->q->conf;
    vaei_codebooks_facts *facts = p->piece[VAEI_CODEBOOKS_FACTS];
    *facts = (vaei_codebooks_facts){0, 0};
    if (c->start != VAEI_START_KMEANS || c->freeze || p->r->params[s->batches->offset] > 0) return VAE_OK;
    if (p->P < s->K)
        return vaei_fail(VAE_E_ARG, "latent %s: %lld examples give %lld vectors, the k-means start of %lld codes wants as many or more",
                         p->q->ops->module.name, (long long)p->n, (long long)p->P, (long long)s->K);
    if (!p->k->all_finite(p->P * p->s->C, h))
        return vaei_fail(VAE_E_NUMERIC, "latent %s: the output of the encoder is not finite", p->q->ops->module.name);
    vaei_pass_enter(p, h);
    for (int64_t stage = 0; stage < s->codebooks; stage++) {
        stage_job j = {p, stage, vaei_codebooks_vectors(p, stage)};
        start_codebook(p, stage);
        if (s->residual && stage + 1 < s->codebooks) vaei_parallel_ranges(p->r->pool, p->P, s->D, subtract_rows, &j);
    }
    facts->started = 1;
    return VAE_OK;
}
