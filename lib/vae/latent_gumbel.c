/* SPDX-License-Identifier: MIT
 * latent_gumbel.c - codes drawn from a categorical posterior, by the Gumbel softmax.
 *
 *     l = h W^T + b        p = softmax(l)        y = softmax((l + g) / temperature), g = -ln(-ln u)        a row is a position
 *     z = e_k, k = argmax y        or sum_k y_k e_k with hard=false        kl = sum_k p_k (ln p_k + ln K) of a row, even over its values
 *
 * Training draws, and hands the gradient on as if z were sum_k y_k e_k:
 *
 *     dy = dz E^T        dl = y (dy - y.dy) / temperature + dkl p (ln p + ln K - kl)        de_k += the dz whose code is k, or y^T dz
 *
 * Outside training a position has the likeliest code, and the rate is that of a code, ln K: a bound that holds for what is then decoded.
 * The weight of the rate in training is the objective's beta; 5e-4 is usual. Latents outside stand after the codes.
 *
 * Jang, Gu, Poole 2016 (arXiv:1611.01144); Maddison, Mnih, Teh 2016 (arXiv:1611.00712). Not here: a temperature that changes. */
#include <math.h>

#include "nn/ranges.h"
#include "vae/codebook.h"
#include "vae/quantizer.h"

#define LOGVAR_OF_A_POINT -30.0f

typedef struct conf {
    int64_t codes, dim;
    float temperature;
    int32_t hard;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_INT(conf, codes, 512, 2, 16777216, "codes"),
    VAEI_OPTION_INT(conf, dim, 0, 0, 65536, "values of a code; 0: as many as the encoder gives channels"),
    VAEI_OPTION(conf, temperature, FLOAT, VAEI_OPT_OPEN_LO, 1, 0, 100, "of the draw: low is near to one code, high to all alike"),
    VAEI_OPTION_BOOL(conf, hard, 1, "the decoder sees one code; else, in training, a mixture"),
    { 0 },
};

typedef struct state {
    vaei_quantizer frame;
    vaei_linear_map logits;
    const vaei_param *codebook;
    int64_t K, D;
} state;

static vae_status_t plan(vaei_latent *q, vaei_build *b, vaei_node *node, const vaei_shape *h, vaei_shape *z) {
    const conf *c = q->conf;
    state *s = vaei_arena_alloc(b->arena, sizeof *s);
    (void)node;
    if (!s) return VAE_E_NOMEM;
    vaei_quantizer_measure(&s->frame, q, h, z, 1, c->codes);
    s->K = c->codes;
    s->D = c->dim > 0 ? c->dim : s->frame.C;
    z->d[z->n - 1] = s->D;
    q->state = s;
    q->raw = 1;
    const int64_t shape[2] = { s->K, s->D };
    const vaei_init box = { .kind = VAEI_INIT_XAVIER, .fan_in = s->D, .fan_out = s->D };
    vaei_param *p = vaei_build_param(b, "latent", "codebook", 2, shape, VAEI_PARAM_TRAINED, box);
    if (!p) return VAE_E_NOMEM;
    s->codebook = q->param[q->n_params++] = p;
    return vaei_linear_declare(&s->logits, b, "latent.logits", s->frame.C, s->K);
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

typedef struct tables {
    vaei_linear_pack logits;
    float *forward, *data; /* the codebook: for y E and dz E^T; training only */
} tables;

static tables carve_pack(const vaei_latent *q, const vaei_kernels *k, int32_t training, vaei_carve *c) {
    const state *s = q->state;
    tables t = { .forward = NULL };
    t.logits = vaei_linear_carve(&s->logits, k, training, c);
    if (!training) return t;
    t.forward = vaei_carve_floats(c, vaei_pack_floats(k, s->K, s->D));
    t.data = vaei_carve_floats(c, vaei_pack_floats(k, s->D, s->K));
    return t;
}

typedef struct rows {
    float *logits;  /* [P][K]; in training ln p after draw */
    int32_t *code;  /* [P] */
    float *y;       /* [P][K]; these: training only */
    int32_t *used;  /* [K] */
} rows;

static rows carve_rows(const vaei_latent *q, int64_t n, int32_t training, vaei_carve *c) {
    const state *s = q->state;
    rows w = { .y = NULL };
    w.logits = vaei_carve_floats(c, vaei_quantizer_count(&s->frame, n, s->K));
    w.code = vaei_carve_array(c, vaei_quantizer_count(&s->frame, n, 1), sizeof *w.code);
    if (!training) return w;
    w.y = vaei_carve_floats(c, vaei_quantizer_count(&s->frame, n, s->K));
    w.used = vaei_carve_array(c, s->K, sizeof *w.used);
    return w;
}

typedef struct scratch {
    float *dl; /* [P][K] */
    float *outer;
    vaei_code_order order;
} scratch;

static scratch carve_scratch(const vaei_latent *q, const vaei_kernels *k, int64_t n, vaei_carve *c) {
    const state *s = q->state;
    const int64_t P = vaei_quantizer_count(&s->frame, n, 1);
    scratch w;
    const int64_t a = vaei_outer_scratch(k, s->K, s->frame.C, P), b = vaei_outer_scratch(k, s->K, s->D, P);
    w.dl = vaei_carve_floats(c, vaei_quantizer_count(&s->frame, n, s->K));
    w.outer = vaei_carve_floats(c, a > b ? a : b);
    w.order = vaei_order_carve(P, s->K, s->D, c);
    return w;
}

static void need(const vaei_latent *q, const vaei_kernels *k, int64_t n, int32_t training, vaei_need *out) {
    vaei_carve pack = { NULL, 0 }, cache = { NULL, 0 }, room = { NULL, 0 };
    (void)carve_pack(q, k, training, &pack);
    (void)carve_rows(q, n, training, training ? &cache : &room);
    if (training) (void)carve_scratch(q, k, n, &room);
    *out = (vaei_need){ .pack = pack.used, .cache = cache.used, .scratch = room.used };
}

static tables open_pack(const vaei_latent *q, const vaei_run *r, void *memory) {
    vaei_carve c = { memory, 0 };
    return carve_pack(q, r->k, r->training, &c);
}

static rows open_rows(const vaei_latent *q, const vaei_run *r, const vaei_slot *m) {
    vaei_carve c = { r->training ? m->cache : m->scratch, 0 };
    return carve_rows(q, r->n, r->training, &c);
}

static void pack(const vaei_latent *q, const vaei_run *r, void *memory) {
    const state *s = q->state;
    const tables t = open_pack(q, r, memory);
    const float *e = r->params + s->codebook->offset;
    vaei_linear_fill(&s->logits, r, &t.logits);
    if (!r->training) return;
    vaei_pack(r->k, r->pool, s->K, s->D, e, s->D, 1, NULL, t.forward);
    vaei_pack(r->k, r->pool, s->D, s->K, e, 1, s->D, NULL, t.data);
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

typedef struct job {
    const vaei_latent *q;
    const vaei_run *r;
    const state *s;
    rows w;
    float *z, *kl;        /* [P][D] */
    const float *dkl;
    float *dl;
} job;

static int32_t largest(int64_t K, const float *x) {
    int64_t best = 0;
    for (int64_t i = 1; i < K; i++)
        if (x[i] > x[best]) best = i;
    return (int32_t)best;
}

static void choose_rows(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    for (int64_t row = begin; row < end; row++) j->w.code[row] = largest(j->s->K, j->w.logits + row * j->s->K);
}

static void look_up(const job *j, const int32_t *code, float *z) {
    const float *e = j->r->params + j->s->codebook->offset;
    for (int64_t row = 0; row < j->r->n * j->s->frame.rows; row++)
        memcpy(z + row * j->s->D, e + code[row] * j->s->D, (size_t)j->s->D * sizeof *z);
}

/* Logits and the likeliest codes of every row. */
static void choose(job *j, const vaei_slot *m, const float *h) {
    const tables t = open_pack(j->q, j->r, m->pack);
    vaei_linear_forward(&j->s->logits, j->r, &t.logits, j->r->n * j->s->frame.rows, h, j->w.logits);
    vaei_parallel_ranges(j->r->pool, j->r->n * j->s->frame.rows, j->s->K, choose_rows, j);
}

static void encode(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, float *mean, float *logvar) {
    job j = { .q = q, .r = r, .s = q->state, .w = open_rows(q, r, m) };
    choose(&j, m, h);
    look_up(&j, j.w.code, mean);
    for (int64_t i = 0; logvar && i < r->n * vaei_shape_size(&q->z); i++) logvar[i] = LOGVAR_OF_A_POINT;
}

/* x = ln softmax(x), p = softmax(x) */
static void log_softmax(const vaei_kernels *k, int64_t K, float *x, float *p) {
    const float top = x[largest(K, x)];
    for (int64_t i = 0; i < K; i++) x[i] -= top;
    k->map[VAEI_MAP_EXP](K, 0, x, p);
    const double sum = k->sum(K, p);
    const float log_sum = (float)log(sum);
    for (int64_t i = 0; i < K; i++) x[i] -= log_sum;
    k->scale(K, (float)(1 / sum), p);
}

static void add_gumbel(const job *j, int64_t row, const float *logits, float *y) {
    const state *s = j->s;
    const vaei_noise_key key = { j->r->noise.seed, j->r->noise.step, VAEI_STREAM_GUMBEL };
    const uint32_t item = j->r->first_item + (uint32_t)(row / s->frame.rows);
    const uint32_t first = (uint32_t)(row % s->frame.rows * ((s->K + 3) / 4));
    const double temperature = (double)((const conf *)j->q->conf)->temperature;
    uint32_t bits[4];
    for (int64_t i = 0; i < s->K; i++) {
        if (i % 4 == 0) vaei_philox(key, item, first + (uint32_t)(i / 4), 1, bits);
        const double u = ((double)bits[i % 4] + 0.5) * 0x1p-32;
        y[i] = (float)(((double)logits[i] - log(-log(u))) / temperature);
    }
}

static void draw_rows(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const int64_t K = j->s->K;
    for (int64_t row = begin; row < end; row++) {
        float *logits = j->w.logits + row * K, *y = j->w.y + row * K;
        double kl = log((double)K);
        log_softmax(j->r->k, K, logits, y);
        for (int64_t i = 0; i < K; i++) kl += (double)y[i] * (double)logits[i];
        for (int64_t d = 0; j->kl && d < j->s->D; d++) j->kl[row * j->s->D + d] = (float)(kl / (double)j->s->D);
        add_gumbel(j, row, logits, y);
        j->w.code[row] = largest(K, y);
        log_softmax(j->r->k, K, y, j->dl + row * K);
        memcpy(y, j->dl + row * K, (size_t)K * sizeof *y);
    }
}

static void draw(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *mean, const float *logvar,
                 const float *noise, float *z, float *kl, double *log_ratio) {
    const state *s = q->state;
    const int64_t P = r->n * s->frame.rows;
    (void)logvar, (void)noise;
    if (!r->training) {
        memcpy(z, mean, (size_t)(P * s->D) * sizeof *z);
        vaei_quantizer_rate(q, r->n, kl, log_ratio);
        return;
    }
    vaei_carve room = { m->scratch, 0 };
    job j = { .q = q, .r = r, .s = s, .w = open_rows(q, r, m), .kl = kl, .dl = carve_scratch(q, r->k, r->n, &room).dl };
    vaei_parallel_ranges(r->pool, P, 16 * s->K, draw_rows, &j);
    memset(j.w.used, 0, (size_t)s->K * sizeof *j.w.used);
    for (int64_t row = 0; row < P; row++) j.w.used[j.w.code[row]]++;
    if (((const conf *)q->conf)->hard) look_up(&j, j.w.code, z);
    else vaei_matmul(r->k, r->pool, P, s->K, s->D, j.w.y, s->K, open_pack(q, r, m->pack).forward, NULL, 0, z, s->D, NULL);
}

static void encode_codes(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, int32_t *codes) {
    job j = { .q = q, .r = r, .s = q->state, .w = open_rows(q, r, m) };
    j.w.code = codes;
    choose(&j, m, h);
}

static void decode_codes(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const int32_t *codes, float *z) {
    const job j = { .q = q, .r = r, .s = q->state };
    (void)m;
    look_up(&j, codes, z);
}

/* ---- training ---------------------------------------------------------------------------------------------------- */

/* dl holds dy; it becomes dl. */
static void rows_backward(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const int64_t K = j->s->K;
    const double temperature = (double)((const conf *)j->q->conf)->temperature, even = log((double)K);
    for (int64_t row = begin; row < end; row++) {
        const float *lp = j->w.logits + row * K, *y = j->w.y + row * K;
        float *dl = j->dl + row * K;
        double along = 0, kl = even, weight = 0;
        for (int64_t d = 0; d < j->s->D; d++) weight += (double)j->dkl[row * j->s->D + d] / (double)j->s->D;
        for (int64_t i = 0; i < K; i++) {
            along += (double)y[i] * (double)dl[i];
            kl += exp((double)lp[i]) * (double)lp[i];
        }
        for (int64_t i = 0; i < K; i++)
            dl[i] = (float)((double)y[i] * ((double)dl[i] - along) / temperature +
                            weight * exp((double)lp[i]) * ((double)lp[i] + even - kl));
    }
}

static void backward(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, const float *mean,
                     const float *logvar, const float *noise, const float *dz, const float *dkl, float *dh) {
    const state *s = q->state;
    const int64_t P = r->n * s->frame.rows;
    const tables t = open_pack(q, r, m->pack);
    vaei_carve room = { m->scratch, 0 };
    const scratch w = carve_scratch(q, r->k, r->n, &room);
    job j = { .q = q, .r = r, .s = s, .w = open_rows(q, r, m), .dkl = dkl, .dl = w.dl };
    float *de = r->grads + s->codebook->offset;
    (void)mean, (void)logvar, (void)noise;
    if (((const conf *)q->conf)->hard) {
        const vaei_vectors v = { P, s->D, s->D, 1, dz, j.w.code };
        vaei_order_vectors(r->k, r->pool, s->K, &v, &w.order);
        r->k->add(s->K * s->D, w.order.sum, de);
    } else {
        vaei_outer(r->k, r->pool, s->K, s->D, P, j.w.y, s->K, dz, s->D, de, s->D, w.outer);
    }
    vaei_matmul(r->k, r->pool, P, s->D, s->K, dz, s->D, t.data, NULL, 0, w.dl, s->K, NULL);
    vaei_parallel_ranges(r->pool, P, 16 * s->K, rows_backward, &j);
    vaei_linear_backward(&s->logits, r, &t.logits, P, h, w.dl, dh, w.outer);
}

static void measure(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, vaei_code_stats *stats) {
    vaei_quantizer_usage(q->code_size, open_rows(q, r, m).used, stats);
    stats->error = 0; /* nothing stands for a vector: codes are drawn */
}

const vaei_latent_ops vaei_latent_gumbel = {
    .module = { .name = "gumbel",
                .summary = "codes drawn from a categorical posterior by the Gumbel softmax",
                .examples = "gumbel codes=8 dim=3\n"
                            "gumbel codes=5 hard=false temperature=0.8",
                .paper = "Jang, Gu, Poole 2016 (arXiv:1611.01144)",
                .conf_size = sizeof(conf),
                .options = options },
    .flags = VAEI_LATENT_PRIOR | VAEI_LATENT_CODES,
    .plan = plan,
    .need = need,
    .pack = pack,
    .encode = encode,
    .draw = draw,
    .backward = backward,
    .measure = measure,
    .encode_codes = encode_codes,
    .decode_codes = decode_codes,
};
