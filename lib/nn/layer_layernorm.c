/* SPDX-License-Identifier: MIT
 * layer_layernorm.c - layer normalisation over the last axis
 *
 *       y[c] = weight[c] u[c] + bias[c]       u = (x - mean) r       r = 1 / sqrt(variance + eps)
 *
 *   Each row of C values - a vector, or the channels of one pixel - has its own mean and variance (divided by C).
 *
 *       dweight += sum dy u       dbias += sum dy             over all rows
 *       dx = r (t - sum(t) / C - u sum(t u) / C)              t = weight dy, sums over the row
 *
 *   For the formula of the variance see norm.h. Ba, Kiros, Hinton 2016 (arXiv:1607.06450). */
#include "nn/norm.h"
#include "nn/ranges.h"

#define CHUNK_ROWS_MIN 16

enum { WEIGHT, BIAS };

typedef struct conf {
    float eps;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION(conf, eps, FLOAT, VAEI_OPT_OPEN_LO, 1e-5, 0, 1, "added to the variance"),
    {0},
};

static int64_t channels_of(const vaei_layer *l) {
    return l->in.d[l->in.n - 1];
}

static int64_t rows_of(const vaei_layer *l, int64_t n) {
    return vaei_count_of(n, vaei_shape_size(&l->in) / channels_of(l));
}

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    const int64_t channels = in->d[in->n - 1];
    (void)node;
    for (int32_t i = 0; i < 2; i++) {
        const vaei_init init = {VAEI_INIT_CONSTANT, 1, 1, i == WEIGHT ? 1.0f : 0.0f};
        l->param[i] = vaei_build_param(b, l->path, i == WEIGHT ? "weight" : "bias", 1, &channels, VAEI_PARAM_TRAINED, init);
        if (!l->param[i]) return VAE_E_NOMEM;
        l->n_params++;
    }
    *out = *in;
    return VAE_OK;
}

typedef struct statistics {
    float mean, rstd;
} statistics;

/* Rows whose parameter gradients are summed together: fixed by the shape. */
static int64_t chunk_rows(const vaei_layer *l) {
    const int64_t rows = VAEI_RANGE_FLOATS / channels_of(l);
    return rows > CHUNK_ROWS_MIN ? rows : CHUNK_ROWS_MIN;
}

static int64_t chunk_count(const vaei_layer *l, int64_t n) {
    const int64_t rows = rows_of(l, n);
    return rows < 0 ? -1 : (rows - 1) / chunk_rows(l) + 1;
}

typedef struct parts { /* training */
    statistics *kept;  /* cache: [rows] */
    double *partial;   /* scratch: [chunks][2][C] */
} parts;

static void layout(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces) {
    parts *const p = pieces ? pieces : &(parts){0};
    (void)k;
    *p = (parts){0};
    if (!training) return;
    p->kept = vaei_carve_array(&m->cache, rows_of(l, n), sizeof(statistics));
    p->partial = vaei_carve_array(&m->scratch, vaei_count_of(chunk_count(l, n), 2 * channels_of(l)), sizeof(double));
}

typedef struct job {
    const vaei_layer *l;
    const vaei_run *r;
    statistics *kept; /* [rows], NULL at inference */
    const float *x, *dy;
    float *y, *dx;
    double *partial; /* [chunks][2][C]: dweight, dbias */
} job;

static void normalise_rows(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const int64_t channels = channels_of(j->l);
    const conf *o = j->l->conf;
    const float *weight = vaei_layer_param(j->l, j->r, WEIGHT), *bias = vaei_layer_param(j->l, j->r, BIAS);
    const vaei_kernels *k = j->r->k;
    const vaei_epilogue *epilogue = vaei_layer_epilogue(j->l, j->r->training);
    for (int64_t i = begin; i < end; i++) {
        statistics t;
        vaei_norm_row(k, channels, (double)o->eps, weight, bias, j->x + i * channels, j->y + i * channels, &t.mean, &t.rstd);
        if (j->kept) j->kept[i] = t;
    }
    if (epilogue) epilogue->apply(epilogue->arg, k, (end - begin) * channels, j->y + begin * channels);
}

static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    parts p;
    vaei_layer_pieces(l, r, m, &p);
    job j = {.l = l, .r = r, .kept = p.kept, .x = x, .y = y};
    vaei_parallel_ranges(r->pool, rows_of(l, r->n), channels_of(l), normalise_rows, &j);
}

static void row_grad(const job *j, int64_t i, double *dweight, double *dbias) {
    const int64_t channels = channels_of(j->l);
    const statistics t = j->kept[i];
    const float *x = j->x + i * channels, *dy = j->dy + i * channels, *weight = vaei_layer_param(j->l, j->r, WEIGHT);
    for (int64_t c = 0; c < channels; c++) {
        dweight[c] += (double)(dy[c] * ((x[c] - t.mean) * t.rstd));
        dbias[c] += (double)dy[c];
    }
    if (!j->dx) return;
    float *dx = j->dx + i * channels;
    for (int64_t c = 0; c < channels; c++) dx[c] = vaei_flushed(weight[c]) * dy[c];
    const double sum = j->r->k->sum(channels, dx);
    const double sum_u = (double)t.rstd * (j->r->k->dot(channels, dx, x) - (double)t.mean * sum);
    const float mean = (float)(sum / (double)channels), mean_u = (float)(sum_u / (double)channels);
    for (int64_t c = 0; c < channels; c++) dx[c] = t.rstd * (dx[c] - mean - (x[c] - t.mean) * t.rstd * mean_u);
}

static void chunk_grads(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const int64_t channels = channels_of(j->l), rows = rows_of(j->l, j->r->n), step = chunk_rows(j->l);
    for (int64_t chunk = begin; chunk < end; chunk++) {
        double *partial = j->partial + chunk * 2 * channels;
        const int64_t first = chunk * step, last = rows - first < step ? rows : first + step;
        memset(partial, 0, (size_t)(2 * channels) * sizeof(*partial));
        for (int64_t i = first; i < last; i++) row_grad(j, i, partial, partial + channels);
    }
}

static void backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx) {
    const int64_t channels = channels_of(l), chunks = chunk_count(l, r->n);
    float *dweight = vaei_layer_grad(l, r, WEIGHT), *dbias = vaei_layer_grad(l, r, BIAS);
    parts p;
    vaei_layer_pieces(l, r, m, &p);
    job j = {.l = l, .r = r, .kept = p.kept, .x = x, .dy = dy, .dx = dx, .partial = p.partial};
    (void)y;
    vaei_parallel_ranges(r->pool, chunks, chunk_rows(l) * channels, chunk_grads, &j);
    double *total = j.partial;
    for (int64_t i = 1; i < chunks; i++)
        for (int64_t c = 0; c < 2 * channels; c++) total[c] += j.partial[i * 2 * channels + c];
    for (int64_t c = 0; c < channels; c++) {
        dweight[c] += (float)total[c];
        dbias[c] += (float)total[channels + c];
    }
}

const vaei_layer_ops vaei_layer_layernorm = {
    .module = {"layernorm", "normalises each row over its last axis",
               "layernorm\n"
               "layernorm eps=0.01",
               "Ba, Kiros, Hinton 2016 (arXiv:1607.06450)", sizeof(conf), options},
    .flags = VAEI_LAYER_READS_X | VAEI_LAYER_TAKES_EPILOGUE | VAEI_LAYER_KEEPS_LENGTHS,
    .plan = plan,
    .layout = layout,
    .forward = forward,
    .backward = backward,
};
