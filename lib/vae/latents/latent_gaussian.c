/* SPDX-License-Identifier: MIT
 * latent_gaussian.c - a diagonal Gaussian posterior under the prior N(0, I).
 *
 *     mean = h Wm^T + bm        lv = clamp(h Wl^T + bl, -30, 20)        z = mean + exp(lv / 2) noise
 *     kl_d = (mean_d^2 + e^lv_d - 1 - lv_d) / 2
 *     log p(z) - log q(z|x) = sum_d (lv_d + noise_d^2 - z_d^2) / 2
 *
 * If the run asks for rates at the z drawn (importance-weighted objectives), kl_d = (z_d^2 - noise_d^2 - lv_d) / 2, with the derivatives
 * dmean = a + b z, dlv = ((a + b z) noise e^(lv/2) - b) / 2.
 *
 * Two heads of one form: weight[D][C] and bias[D], applied to each row of h[rows][C].
 *
 *     map=false   h is a vector: one row an example, z[D]; weights [D, C] as of torch.nn.Linear
 *     map=true    h is H x W x C: H W rows an example, z is H x W x D; weights [D, C, 1, 1] as of a 1x1 Conv2d
 *
 * Backward, with a the derivative by z and b by kl:
 *
 *     dmean = a + b mean        dlv = (a noise e^(lv/2) + b (e^lv - 1)) / 2, and 0 where lv is clamped
 *
 * Kingma, Welling 2013 (arXiv:1312.6114). Not here: a learned prior, a full covariance. */
#include "nn/linear_map.h"
#include "nn/ranges.h"
#include "vae/latent.h"

#define LOGVAR_LO -30.0f
#define LOGVAR_HI 20.0f

enum { MEAN, LOGVAR, HEADS };

typedef struct conf {
    int64_t dim;
    int32_t map, init;
} conf;

typedef struct state {
    int64_t rows; /* rows of h in one example, of C channels each */
    vaei_linear_map head[HEADS];
} state;

static const vaei_option options[] = {
    {"dim", VAEI_OPT_INT, VAEI_OPT_REQUIRED, offsetof(conf, dim), 0, 1, 65536, NULL,
     "number of latent dimensions; with map: of each position"},
    VAEI_OPTION_BOOL(conf, map, 0, "z is a map, height x width x dim: the positions of the image are kept"),
    VAEI_OPTION_CHOICE(conf, init, VAEI_INIT_PYTORCH, VAEI_INIT_CHOICES, "initialisation of the weights of both heads"),
    {0},
};

static vae_status_t declare_head(vaei_latent *q, vaei_build *b, vaei_linear_map *m, const char *weight, const char *bias) {
    const conf *c = q->conf;
    const int64_t shape[4] = {m->out, m->in, 1, 1};
    const vaei_init init = {.kind = c->init, .fan_in = m->in, .fan_out = m->out};
    const vaei_init zeros = {.kind = VAEI_INIT_ZEROS};
    vaei_param *const w = vaei_build_param(b, q->path, weight, c->map ? 4 : 2, shape, VAEI_PARAM_TRAINED | VAEI_PARAM_DECAYED, init);
    if (!w) return VAE_E_NOMEM;
    vaei_param *const v = vaei_build_param(b, q->path, bias, 1, shape, VAEI_PARAM_TRAINED, c->init == VAEI_INIT_PYTORCH ? init : zeros);
    if (!v) return VAE_E_NOMEM;
    m->weight = q->param[q->n_params++] = w;
    m->bias = q->param[q->n_params++] = v;
    return VAE_OK;
}

static vae_status_t plan(vaei_latent *q, vaei_build *b, vaei_node *node, const vaei_shape *h, vaei_shape *z) {
    const conf *c = q->conf;
    char text[96];
    if (!c->map && h->n != 1) {
        return vaei_fail(VAE_E_SHAPE,
                         "line %d, column %d: latent gaussian: wanted a vector, the encoder gives %s: put flatten before it, or "
                         "use map=true",
                         (int)node->line, (int)node->column, vaei_shape_text(h, text));
    }
    if (c->map && h->n != 3) {
        return vaei_fail(VAE_E_SHAPE, "line %d, column %d: latent gaussian: map wants height x width x channels, the encoder gives %s",
                         (int)node->line, (int)node->column, vaei_shape_text(h, text));
    }
    state *s = vaei_arena_alloc(b->arena, sizeof *s);
    if (!s) return VAE_E_NOMEM;
    const vaei_linear_map map = {.in = h->d[h->n - 1], .out = c->dim};
    s->rows = vaei_shape_size(h) / map.in;
    s->head[MEAN] = s->head[LOGVAR] = map;
    q->state = s;
    q->n_params = 0;
    VAEI_TRY(declare_head(q, b, &s->head[MEAN], "mean.weight", "mean.bias"));
    VAEI_TRY(declare_head(q, b, &s->head[LOGVAR], "logvar.weight", "logvar.bias"));
    *z = *h;
    z->d[z->n - 1] = c->dim;
    return VAE_OK;
}

/* At inference the weights of both heads are packed once. In training forward packs them when it uses them, as in the layer linear. */
typedef struct parts {
    float *packed[HEADS]; /* pack, inference */
    /* scratch, training: */
    float *panels;   /* of one head, for either direction */
    float *d[HEADS]; /* [n][D] */
    float *outer;
} parts;

static void layout(const vaei_latent *q, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces) {
    const state *s = q->state;
    const vaei_linear_map *const head = s->head;
    const int64_t rows = vaei_count_of(n, s->rows), count = rows < 0 ? -1 : vaei_count_of(rows, head->out);
    parts *const p = pieces ? pieces : &(parts){.panels = NULL};
    *p = (parts){.panels = NULL};
    for (int i = 0; !training && i < HEADS; i++) p->packed[i] = vaei_carve_floats(&m->pack, vaei_pack_floats(k, head->in, head->out));
    if (!training) return;
    p->panels = vaei_carve_floats(&m->scratch, count < 0 ? -1 : vaei_linear_panel_floats(head, k, rows));
    for (int i = 0; i < HEADS; i++) p->d[i] = vaei_carve_floats(&m->scratch, count);
    p->outer = vaei_carve_floats(&m->scratch, count < 0 ? -1 : vaei_linear_outer_floats(head, k, rows));
}

static void pack(const vaei_latent *q, const vaei_run *r, void *memory) {
    const state *s = q->state;
    parts p;
    if (r->training) return;
    vaei_latent_packed(q, r, memory, &p);
    for (int i = 0; i < HEADS; i++) vaei_linear_fill_forward(&s->head[i], r, NULL, p.packed[i]);
}

/* Arguments of work on single values of any example. */
typedef struct values {
    const vaei_run *r;
    const float *mean, *logvar, *noise, *dz, *dkl;
    float *z, *kl, *dmean, *dlv;
} values;

enum { VALUE_WORK = 8 }; /* floats of work that count for a value */

static void clamp_range(void *arg, int64_t begin, int64_t end) {
    float *const lv = ((const values *)arg)->dlv;
    for (int64_t i = begin; i < end; i++) { /* a NaN passes and is found later */
        const float v = lv[i] < LOGVAR_LO ? LOGVAR_LO : lv[i];
        lv[i] = v > LOGVAR_HI ? LOGVAR_HI : v;
    }
}

static void encode(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, float *mean, float *logvar) {
    const state *s = q->state;
    const int64_t dim = ((const conf *)q->conf)->dim, rows = r->n * s->rows;
    float *const out[HEADS] = {mean, logvar};
    parts p;
    vaei_latent_pieces(q, r, m, &p);
    for (int i = 0; i < HEADS; i++) {
        if (!out[i]) continue;
        const vaei_linear_pack w = {.forward = r->training ? p.panels : p.packed[i]};
        if (r->training) vaei_linear_fill_forward(&s->head[i], r, NULL, w.forward);
        vaei_linear_forward(&s->head[i], r, &w, rows, h, out[i]);
    }
    values v = {.r = r, .dlv = logvar};
    if (logvar) vaei_parallel_ranges(r->pool, rows * dim, 1, clamp_range, &v);
}

static void draw_range(void *arg, int64_t begin, int64_t end) {
    const values *const v = arg;
    const vaei_kernels *const k = v->r->k;
    const float *const mean = v->mean, *const logvar = v->logvar, *const noise = v->noise;
    float *const z = v->z, *const kl = v->kl;
    if (noise) {
        for (int64_t i = begin; i < end; i++) z[i] = 0.5f * logvar[i];
        k->map[VAEI_MAP_EXP](end - begin, 0, z + begin, z + begin);
        for (int64_t i = begin; i < end; i++) z[i] = mean[i] + z[i] * noise[i];
    } else {
        memcpy(z + begin, mean + begin, (size_t)(end - begin) * sizeof *z);
    }
    k->flush(end - begin, z + begin, z + begin);
    if (!kl) return;
    if (v->r->sampled_rates) {
        for (int64_t i = begin; i < end; i++) kl[i] = 0.5f * (z[i] * z[i] - logvar[i] - (noise ? noise[i] * noise[i] : 0.0f));
        return;
    }
    k->map[VAEI_MAP_EXP](end - begin, 0, logvar + begin, kl + begin);
    for (int64_t i = begin; i < end; i++) kl[i] = 0.5f * (mean[i] * mean[i] + (kl[i] - 1.0f - logvar[i]));
}

static void draw(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *mean, const float *logvar, const float *noise,
                 float *z, float *kl, double *log_ratio) {
    const int64_t size = vaei_shape_size(&q->z);
    values v = {.r = r, .mean = mean, .logvar = logvar, .noise = noise, .z = z, .kl = kl};
    (void)m;
    vaei_parallel_ranges(r->pool, r->n * size, VALUE_WORK, draw_range, &v);
    for (int64_t i = 0; log_ratio && i < r->n; i++) {
        double sum = 0;
        for (int64_t j = i * size; j < (i + 1) * size; j++) {
            const double e = noise ? noise[j] : 0;
            sum += 0.5 * ((double)logvar[j] + e * e - (double)z[j] * z[j]);
        }
        log_ratio[i] = sum;
    }
}

/* d[HEADS]: the derivatives by the outputs of the heads, before the clamp. */
static void heads_backward(const vaei_latent *q, const vaei_run *r, const parts *p, const float *const *d, const float *h, float *dh) {
    const state *s = q->state;
    for (int i = 0; i < HEADS; i++) {
        vaei_linear_gradients(&s->head[i], r, r->n * s->rows, h, d[i], p->outer);
        vaei_linear_data_once(&s->head[i], r, r->n * s->rows, d[i], i > 0, dh, NULL, p->panels);
    }
}

/* Both cases are computed and one is chosen, so that the loop runs in vectors. */
static void slope_range(void *arg, int64_t begin, int64_t end) {
    const values *const v = arg;
    const float *const mean = v->mean, *const logvar = v->logvar, *const noise = v->noise, *const dz = v->dz, *const dkl = v->dkl;
    float *const dmean = v->dmean, *const dlv = v->dlv;
    for (int64_t i = begin; i < end; i++) {
        dmean[i] = dz[i] + dkl[i] * mean[i];
        dlv[i] = 0.5f * logvar[i];
    }
    v->r->k->map[VAEI_MAP_EXP](end - begin, 0, dlv + begin, dlv + begin);
    for (int64_t i = begin; i < end; i++) {
        const float sigma = dlv[i], e = noise ? noise[i] : 0;
        const float slope = 0.5f * (dz[i] * e * sigma + dkl[i] * (sigma * sigma - 1.0f));
        const float open = logvar[i] <= LOGVAR_LO ? 0.0f : slope;
        dlv[i] = logvar[i] >= LOGVAR_HI ? 0.0f : open;
    }
}

/* Computes the same if rates are taken at z. */
static void slope_at_z_range(void *arg, int64_t begin, int64_t end) {
    const values *const v = arg;
    const float *const mean = v->mean, *const logvar = v->logvar, *const noise = v->noise, *const dz = v->dz, *const dkl = v->dkl;
    float *const dmean = v->dmean, *const dlv = v->dlv;
    for (int64_t i = begin; i < end; i++) dlv[i] = 0.5f * logvar[i];
    v->r->k->map[VAEI_MAP_EXP](end - begin, 0, dlv + begin, dlv + begin);
    for (int64_t i = begin; i < end; i++) {
        const float shift = dlv[i] * (noise ? noise[i] : 0), slope = dz[i] + dkl[i] * (mean[i] + shift);
        dmean[i] = slope;
        dlv[i] = logvar[i] <= LOGVAR_LO || logvar[i] >= LOGVAR_HI ? 0.0f : 0.5f * (slope * shift - dkl[i]);
    }
}

static void backward(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, const float *mean, const float *logvar,
                     const float *noise, const float *dz, const float *dkl, float *dh) {
    parts space;
    vaei_latent_pieces(q, r, m, &space);
    values v = {
        .r = r, .mean = mean, .logvar = logvar, .noise = noise, .dz = dz, .dkl = dkl, .dmean = space.d[MEAN], .dlv = space.d[LOGVAR]};
    vaei_parallel_ranges(r->pool, r->n * vaei_shape_size(&q->z), VALUE_WORK, r->sampled_rates ? slope_at_z_range : slope_range, &v);
    heads_backward(q, r, &space, (const float *const[HEADS]){space.d[MEAN], space.d[LOGVAR]}, h, dh);
}

static void encode_backward(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, const float *logvar,
                            const float *dmean, float *dlogvar, float *dh) {
    parts space;
    vaei_latent_pieces(q, r, m, &space);
    for (int64_t i = 0; i < r->n * vaei_shape_size(&q->z); i++)
        if (logvar[i] <= LOGVAR_LO || logvar[i] >= LOGVAR_HI) dlogvar[i] = 0;
    heads_backward(q, r, &space, (const float *const[HEADS]){dmean, dlogvar}, h, dh);
}

const vaei_latent_ops vaei_latent_gaussian = {
    .module = {.name = "gaussian",
               .summary = "a diagonal Gaussian posterior under a standard normal prior",
               .examples = "gaussian dim=4\n"
                           "gaussian dim=2 map=true\n"
                           "gaussian dim=3 init=zeros",
               .paper = "Kingma, Welling 2013 (arXiv:1312.6114)",
               .conf_size = sizeof(conf),
               .options = options},
    .flags = VAEI_LATENT_PRIOR,
    .plan = plan,
    .layout = layout,
    .pack = pack,
    .encode = encode,
    .draw = draw,
    .backward = backward,
    .encode_backward = encode_backward,
};
