/* SPDX-License-Identifier: MIT
 * row_norm.c - the frame of layers that normalise each row over the last axis.
 *
 *       dweight += sum over rows        dbias += sum dy over rows
 *
 * The shape alone divides the rows into chunks. Each chunk is summed in double, and the chunks are added in their order, so no bit depends
 * on the threads. */
#include "nn/row_norm.h"

#include "nn/ranges.h"

#define CHUNK_ROWS_MIN 16

enum { WEIGHT, BIAS };

typedef struct state {
    const vaei_row_norm_ops *ops;
    double eps;
} state;

static int64_t channels_of(const vaei_layer *l) {
    return l->in.d[l->in.n - 1];
}

static int64_t rows_of(const vaei_layer *l, int64_t n) {
    return vaei_count_of(n, vaei_shape_size(&l->in) / channels_of(l));
}

vae_status_t vaei_row_norm_plan(const vaei_row_norm_ops *ops, vaei_layer *l, vaei_build *b, double eps, int32_t bias, const vaei_shape *in,
                                vaei_shape *out) {
    const int64_t channels = in->d[in->n - 1];
    state *const s = vaei_arena_alloc(b->arena, sizeof(*s));
    if (!s) return VAE_E_NOMEM;
    *s = (state){ops, eps};
    l->state = s;
    for (int32_t i = 0; i < (bias ? 2 : 1); i++) {
        const vaei_init init = {VAEI_INIT_CONSTANT, 1, 1, i == WEIGHT ? 1.0f : 0.0f};
        l->param[i] = vaei_build_param(b, l->path, i == WEIGHT ? "weight" : "bias", 1, &channels, VAEI_PARAM_TRAINED, init);
        if (!l->param[i]) return VAE_E_NOMEM;
        l->n_params++;
    }
    *out = *in;
    return VAE_OK;
}

/* Rows whose parameter gradients are summed together; the shape fixes their number. */
static int64_t chunk_rows(const vaei_layer *l) {
    const int64_t rows = VAEI_RANGE_FLOATS / channels_of(l);
    return rows > CHUNK_ROWS_MIN ? rows : CHUNK_ROWS_MIN;
}

static int64_t chunk_count(const vaei_layer *l, int64_t n) {
    const int64_t rows = rows_of(l, n);
    return rows < 0 ? -1 : (rows - 1) / chunk_rows(l) + 1;
}

typedef struct parts {         /* training */
    vaei_row_statistics *kept; /* cache: [rows] */
    double *partial;           /* scratch: [chunks][2][C] */
} parts;

void vaei_row_norm_layout(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces) {
    parts *const p = pieces ? pieces : &(parts){0};
    (void)k;
    *p = (parts){0};
    if (!training) return;
    p->kept = vaei_carve_array(&m->cache, rows_of(l, n), sizeof(vaei_row_statistics));
    p->partial = vaei_carve_array(&m->scratch, vaei_count_of(chunk_count(l, n), 2 * channels_of(l)), sizeof(double));
}

typedef struct job {
    const vaei_layer *l;
    const vaei_run *r;
    const state *s;
    vaei_row_statistics *kept; /* [rows], NULL at inference */
    const float *x, *dy;
    float *y, *dx;
    double *partial; /* [chunks][2][C]: dweight, dbias */
} job;

static void normalise_rows(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const int64_t channels = channels_of(j->l);
    const float *weight = vaei_layer_param(j->l, j->r, WEIGHT), *bias = vaei_layer_param(j->l, j->r, BIAS);
    const vaei_kernels *k = j->r->k;
    const vaei_epilogue *epilogue = vaei_layer_epilogue(j->l, j->r->training);
    for (int64_t i = begin; i < end; i++) {
        vaei_row_statistics t;
        j->s->ops->forward(k, channels, j->s->eps, weight, bias, j->x + i * channels, j->y + i * channels, &t);
        if (j->kept) j->kept[i] = t;
    }
    if (epilogue) epilogue->apply(epilogue->arg, k, (end - begin) * channels, j->y + begin * channels);
}

void vaei_row_norm_forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    parts p;
    vaei_layer_pieces(l, r, m, &p);
    job j = {.l = l, .r = r, .s = l->state, .kept = p.kept, .x = x, .y = y};
    vaei_parallel_ranges(r->pool, rows_of(l, r->n), channels_of(l), normalise_rows, &j);
}

static void chunk_grads(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const int64_t channels = channels_of(j->l), rows = rows_of(j->l, j->r->n), step = chunk_rows(j->l);
    const float *const weight = vaei_layer_param(j->l, j->r, WEIGHT);
    for (int64_t chunk = begin; chunk < end; chunk++) {
        double *const dweight = j->partial + chunk * 2 * channels, *const dbias = dweight + channels;
        const int64_t first = chunk * step, last = rows - first < step ? rows : first + step;
        memset(dweight, 0, (size_t)(2 * channels) * sizeof(*dweight));
        for (int64_t i = first; i < last; i++) {
            const float *const dy = j->dy + i * channels;
            for (int64_t c = 0; c < channels; c++) dbias[c] += (double)dy[c];
            j->s->ops->backward(j->r->k, channels, &j->kept[i], weight, j->x + i * channels, dy, dweight,
                                j->dx ? j->dx + i * channels : NULL);
        }
    }
}

void vaei_row_norm_backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy,
                            float *dx) {
    const int64_t channels = channels_of(l), chunks = chunk_count(l, r->n);
    float *dweight = vaei_layer_grad(l, r, WEIGHT), *dbias = vaei_layer_grad(l, r, BIAS);
    parts p;
    vaei_layer_pieces(l, r, m, &p);
    job j = {.l = l, .r = r, .s = l->state, .kept = p.kept, .x = x, .dy = dy, .dx = dx, .partial = p.partial};
    (void)y;
    vaei_parallel_ranges(r->pool, chunks, chunk_rows(l) * channels, chunk_grads, &j);
    double *total = j.partial;
    for (int64_t i = 1; i < chunks; i++)
        for (int64_t c = 0; c < 2 * channels; c++) total[c] += j.partial[i * 2 * channels + c];
    for (int64_t c = 0; c < channels; c++) dweight[c] += (float)total[c];
    for (int64_t c = 0; dbias && c < channels; c++) dbias[c] += (float)total[channels + c];
}
