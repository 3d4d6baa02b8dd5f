/* SPDX-License-Identifier: MIT
 * layer_rmsnorm.c - rows divided by their root mean square, as torch.nn.RMSNorm
 *
 *       y[c] = weight[c] x[c] r  (+ bias[c])        r = 1 / sqrt(sum(x^2) / C + eps)
 *
 *   Each row of C values - a vector, or the channels of one pixel - has its own r; its mean stays.
 *
 *       dweight += sum dy x r       dbias += sum dy             over all rows
 *       dx = r (t - x r^2 sum(t x) / C)                         t = weight dy, the sum over the row
 *
 *   Zhang, Sennrich 2019 (arXiv:1910.07467). */
#include <math.h>

#include "nn/layer.h"
#include "nn/ranges.h"

#define CHUNK_ROWS_MIN 16

enum { WEIGHT, BIAS };

typedef struct conf {
    float eps;
    int32_t bias;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION(conf, eps, FLOAT, VAEI_OPT_OPEN_LO, 1e-5, 0, 1, "added to the mean of the squares"),
    VAEI_OPTION_BOOL(conf, bias, 0, "add a bias to each channel"),
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
    const conf *o = l->conf;
    (void)node;
    for (int32_t i = 0; i < (o->bias ? 2 : 1); i++) {
        const vaei_init init = {VAEI_INIT_CONSTANT, 1, 1, i == WEIGHT ? 1.0f : 0.0f};
        l->param[i] = vaei_build_param(b, l->path, i == WEIGHT ? "weight" : "bias", 1, &channels, VAEI_PARAM_TRAINED, init);
        if (!l->param[i]) return VAE_E_NOMEM;
        l->n_params++;
    }
    *out = *in;
    return VAE_OK;
}

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
    float *kept;       /* cache: r of [rows] */
    double *partial;   /* scratch: [chunks][2][C] */
} parts;

static void layout(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces) {
    parts *const p = pieces ? pieces : &(parts){0};
    (void)k;
    *p = (parts){0};
    if (!training) return;
    p->kept = vaei_carve_floats(&m->cache, rows_of(l, n));
    p->partial = vaei_carve_array(&m->scratch, vaei_count_of(chunk_count(l, n), 2 * channels_of(l)), sizeof(double));
}

typedef struct job {
    const vaei_layer *l;
    const vaei_run *r;
    float *kept; /* [rows], NULL at inference */
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
        const float *x = j->x + i * channels;
        float *y = j->y + i * channels;
        const float rstd = (float)(1 / sqrt(k->dot(channels, x, x) / (double)channels + (double)o->eps));
        for (int64_t c = 0; c < channels; c++) y[c] = vaei_flushed(weight[c]) * (x[c] * rstd);
        for (int64_t c = 0; bias && c < channels; c++) y[c] += vaei_flushed(bias[c]);
        if (j->kept) j->kept[i] = rstd;
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
    const float rstd = j->kept[i];
    const float *x = j->x + i * channels, *dy = j->dy + i * channels, *weight = vaei_layer_param(j->l, j->r, WEIGHT);
    for (int64_t c = 0; c < channels; c++) {
        dweight[c] += (double)(dy[c] * (x[c] * rstd));
        dbias[c] += (double)dy[c];
    }
    if (!j->dx) return;
    float *dx = j->dx + i * channels;
    for (int64_t c = 0; c < channels; c++) dx[c] = vaei_flushed(weight[c]) * dy[c];
    const float mean = (float)((double)rstd * j->r->k->dot(channels, dx, x) / (double)channels);
    for (int64_t c = 0; c < channels; c++) dx[c] = rstd * (dx[c] - x[c] * rstd * mean);
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
    for (int64_t c = 0; c < channels; c++) dweight[c] += (float)total[c];
    for (int64_t c = 0; dbias && c < channels; c++) dbias[c] += (float)total[channels + c];
}

const vaei_layer_ops vaei_layer_rmsnorm = {
    .module = {"rmsnorm", "divides each row over its last axis by its root mean square",
               "rmsnorm bias=true\n"
               "rmsnorm eps=0.01",
               "Zhang, Sennrich 2019 (arXiv:1910.07467)", sizeof(conf), options},
    .flags = VAEI_LAYER_READS_X | VAEI_LAYER_TAKES_EPILOGUE,
    .plan = plan,
    .layout = layout,
    .forward = forward,
    .backward = backward,
};
