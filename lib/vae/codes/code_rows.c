/* SPDX-License-Identifier: MIT
 * code_rows.c - computes the embedding, the softmax head and the choice of priors over codes.
 *
 *     d nll / d logit_k = p_k - [k = code]
 *
 * The head's backward recomputes the logits, block by block, and overwrites them with their gradient. */
#include "vae/codes/code_rows.h"

#include <math.h>

#include "nn/ranges.h"
#include "nn/softmax.h"

/* ---- rows --------------------------------------------------------------------------------------------------------- */

typedef struct row_job {
    const vaei_kernels *k;
    const vaei_rows *at;
    int64_t channels;
    int32_t map; /* VAEI_MAP_COUNT: add x to y */
    const float *x;
    float *y;
} row_job;

static void row_range(void *arg, int64_t begin, int64_t end) {
    const row_job *j = arg;
    const int64_t whole = j->at->stride == 1 ? end - begin : 1; /* contiguous rows are computed at once */
    for (int64_t i = begin; i < end; i += whole) {
        const int64_t at = (j->at->first + i * j->at->stride) * j->channels, count = whole * j->channels;
        if (j->map == VAEI_MAP_COUNT) j->k->add(count, j->x + at, j->y + at);
        else j->k->map[j->map](count, 0, j->x + at, j->y + at);
    }
}

void vaei_rows_map(const vaei_run *r, const vaei_rows *at, int64_t channels, int32_t map, const float *x, float *y) {
    row_job j = {r->k, at, channels, map, x, y};
    vaei_parallel_ranges(r->pool, at->count, channels, row_range, &j);
}

void vaei_rows_add(const vaei_run *r, const vaei_rows *at, int64_t channels, const float *x, float *y) {
    vaei_rows_map(r, at, channels, VAEI_MAP_COUNT, x, y);
}

void vaei_rows_linear(const vaei_run *r, const vaei_rows *at, const vaei_linear_map *m, const vaei_linear_pack *p, const float *x,
                      float *y) {
    vaei_linear_apply(m, r, p, vaei_matrix_of(x + at->first * m->in, at->count, m->in, at->stride * m->in),
                      vaei_matrix_to(y + at->first * m->out, at->count, m->out, at->stride * m->out), NULL);
}

/* ---- embedding ---------------------------------------------------------------------------------------------------- */

vae_status_t vaei_embedding_declare(vaei_embedding *e, vaei_build *b, const char *path, int64_t K, int64_t C, int64_t fan_in) {
    const int64_t shape[2] = {K, C};
    const vaei_init normal = {.kind = VAEI_INIT_KAIMING, .fan_in = fan_in};
    e->K = K;
    e->C = C;
    e->table = vaei_build_param(b, path, "weight", 2, shape, VAEI_PARAM_TRAINED, normal);
    return e->table ? VAE_OK : VAE_E_NOMEM;
}

void vaei_embedding_forward(const vaei_embedding *e, const vaei_run *r, const vaei_rows *at, const int32_t *codes, float *x) {
    const float *table = r->params + e->table->offset;
    for (int64_t i = 0; i < at->count; i++) {
        const int64_t row = at->first + i * at->stride;
        memcpy(x + row * e->C, table + codes[row] * e->C, (size_t)e->C * sizeof(*x));
    }
}

void vaei_embedding_backward(const vaei_embedding *e, const vaei_run *r, int64_t rows, const int32_t *codes, const float *dx) {
    float *table = r->grads + e->table->offset;
    for (int64_t row = 0; row < rows; row++) r->k->add(e->C, dx + row * e->C, table + codes[row] * e->C);
}

/* ---- classes ------------------------------------------------------------------------------------------------------ */

void vaei_class_forward(const vaei_embedding *e, const vaei_run *r, const vaei_rows *at, int64_t places, float *y) {
    const float *table = r->params + e->table->offset;
    for (int64_t i = 0; i < at->count; i++) {
        const int64_t row = at->first + i * at->stride;
        r->k->add(e->C, table + r->batch.label[row / places] * e->C, y + row * e->C);
    }
}

void vaei_class_backward(const vaei_embedding *e, const vaei_run *r, int64_t places, const float *dy) {
    float *table = r->grads + e->table->offset;
    for (int64_t row = 0; row < r->n * places; row++) r->k->add(e->C, dy + row * e->C, table + r->batch.label[row / places] * e->C);
}

/* ---- head --------------------------------------------------------------------------------------------------------- */

static int64_t block_of(int64_t rows) {
    return rows < VAEI_HEAD_ROWS ? rows : VAEI_HEAD_ROWS;
}

vaei_head_workspace vaei_head_carve(const vaei_linear_map *head, const vaei_kernels *k, int64_t rows, int32_t training, vaei_carve *c) {
    const int64_t block = block_of(rows);
    vaei_head_workspace workspace = {NULL, NULL, NULL};
    workspace.logits = vaei_carve_floats(c, vaei_count_of(block, head->out));
    workspace.nll = vaei_carve_array(c, block, sizeof(double));
    if (training) workspace.outer = vaei_carve_floats(c, rows < 0 ? -1 : vaei_outer_scratch(k, head->out, head->in, block));
    return workspace;
}

typedef struct softmax_job {
    const vaei_kernels *k;
    int64_t K, first, places;
    float *logits;
    const int32_t *codes;
    double *nll;         /* the result; or, if it is NULL: */
    const float *weight; /* the weights of the gradient that replaces the logits */
} softmax_job;

static void softmax_range(void *arg, int64_t begin, int64_t end) {
    const softmax_job *j = arg;
    for (int64_t i = begin; i < end; i++) {
        float *row = j->logits + i * j->K;
        const float logit = row[j->codes[i]];
        float top;
        const double sum = vaei_exponentials(j->k, j->K, row, &top);
        if (j->weight) {
            const float w = j->weight[(j->first + i) / j->places];
            j->k->scale(j->K, (float)((double)w / sum), row);
            row[j->codes[i]] -= w;
        } else {
            j->nll[i] = log(sum) - ((double)logit - (double)top);
        }
    }
}

void vaei_head_nll(const vaei_linear_map *head, const vaei_run *r, const vaei_linear_pack *p, int64_t places, const float *x,
                   const int32_t *codes, const vaei_head_workspace *workspace, double *nll) {
    const int64_t rows = r->n * places;
    memset(nll, 0, (size_t)r->n * sizeof(*nll));
    for (int64_t i = 0; i < rows; i += VAEI_HEAD_ROWS) {
        const int64_t m = block_of(rows - i);
        softmax_job j = {r->k, head->out, i, places, workspace->logits, codes + i, workspace->nll, NULL};
        vaei_linear_forward(head, r, p, m, x + i * head->in, workspace->logits);
        vaei_parallel_ranges(r->pool, m, head->out, softmax_range, &j);
        for (int64_t row = 0; row < m; row++) nll[(i + row) / places] += workspace->nll[row];
    }
}

void vaei_head_backward(const vaei_linear_map *head, const vaei_run *r, const vaei_linear_pack *p, int64_t places, const float *x,
                        const int32_t *codes, const float *weight, const vaei_head_workspace *workspace, float *dx) {
    const int64_t rows = r->n * places;
    for (int64_t i = 0; i < rows; i += VAEI_HEAD_ROWS) {
        const int64_t m = block_of(rows - i);
        softmax_job j = {r->k, head->out, i, places, workspace->logits, codes + i, NULL, weight};
        vaei_linear_forward(head, r, p, m, x + i * head->in, workspace->logits);
        vaei_parallel_ranges(r->pool, m, head->out, softmax_range, &j);
        vaei_linear_backward(head, r, p, m, x + i * head->in, workspace->logits, dx + i * head->in, workspace->outer);
    }
}

/* ---- choice ------------------------------------------------------------------------------------------------------- */

/* Returns the `rank`-th largest of x[n], where rank begins at 1, by Hoare's selection. It reorders x. */
static float ranked(int64_t n, float *x, int64_t rank) {
    int64_t low = 0, high = n - 1;
    const int64_t wanted = rank - 1;
    while (low < high) {
        const float pivot = x[low + (high - low) / 2];
        int64_t i = low, j = high;
        while (i <= j) {
            while (x[i] > pivot) i++;
            while (x[j] < pivot) j--;
            if (i > j) break;
            const float t = x[i];
            x[i++] = x[j];
            x[j--] = t;
        }
        if (wanted <= j) high = j;
        else if (wanted >= i) low = i;
        else break;
    }
    return x[wanted];
}

int32_t vaei_choose_code(const vaei_choice *c, const vaei_kernels *k, int64_t K, float u, float *logits, float *workspace) {
    if (!(c->temperature > 0) || !k->all_finite(K, logits)) return (int32_t)vaei_largest(K, logits);
    float least = -INFINITY;
    if (c->top_k > 0 && c->top_k < K) {
        memcpy(workspace, logits, (size_t)K * sizeof(*workspace));
        least = ranked(K, workspace, c->top_k);
    }
    float top;
    for (int64_t i = 0; i < K; i++) workspace[i] = logits[i] / c->temperature;
    (void)vaei_exponentials(k, K, workspace, &top);
    double sum = 0, reached = 0;
    int64_t last = 0; /* by rounding, u sum may be slightly larger than the total */
    for (int64_t i = 0; i < K; i++) sum += logits[i] >= least ? (double)workspace[i] : 0;
    for (int64_t i = 0; i < K; i++) {
        if (!(logits[i] >= least)) continue;
        reached += (double)workspace[i];
        last = i;
        if (reached > (double)u * sum) break;
    }
    return (int32_t)last;
}
