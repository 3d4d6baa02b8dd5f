/* SPDX-License-Identifier: MIT
 * layer_dropout.c - dropout
 *
 *       training:   y = x mask,  mask = 0 with probability p, else 1 / (1 - p)        dx = dy mask
 *       inference:  y = x
 *
 *   The mask is a pure function of seed, step, layer and the index of the example, so it is the same for any number of
 *   threads and any split of the batch.
 *
 *   Srivastava et al. 2014, "Dropout: A Simple Way to Prevent Neural Networks from Overfitting". Not here: dropping
 *   whole channels. */
#include "nn/layer.h"
#include "nn/ranges.h"

typedef struct conf {
    float p;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION(conf, p, FLOAT, VAEI_OPT_OPEN_HI, 0.5, 0, 1, "probability that a value is dropped"),
    {0},
};

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    (void)l, (void)b, (void)node;
    *out = *in;
    return VAE_OK;
}

typedef struct parts {
    float *mask; /* cache of training: [n][in] */
} parts;

static void layout(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces) {
    parts *const p = pieces ? pieces : &(parts){0};
    (void)k;
    *p = (parts){0};
    if (training) p->mask = vaei_carve_floats(&m->cache, vaei_count_of(n, vaei_shape_size(&l->in)));
}

typedef struct job {
    const vaei_layer *l;
    const vaei_run *r;
    float *mask;
    const float *x; /* or dy */
    float *y;       /* or dx */
} job;

static void draw_examples(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const conf *o = j->l->conf;
    const int64_t size = vaei_shape_size(&j->l->in);
    const vaei_noise_key key = vaei_layer_noise(j->l, j->r, VAEI_STREAM_DROPOUT);
    const float kept = 1 / (1 - o->p);
    for (int64_t i = begin; i < end; i++) {
        float *mask = j->mask + i * size;
        vaei_noise_uniform(key, j->r->first_item + (uint32_t)i, size, mask);
        for (int64_t p = 0; p < size; p++) mask[p] = j->r->frozen ? 1 : mask[p] < o->p ? 0 : kept;
    }
}

static void multiply(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    for (int64_t i = begin; i < end; i++) j->y[i] = j->x[i] * j->mask[i];
}

static void copy(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    memcpy(j->y + begin, j->x + begin, (size_t)(end - begin) * sizeof(float));
}

static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    const int64_t size = vaei_shape_size(&l->in);
    parts p;
    vaei_layer_pieces(l, r, m, &p);
    job j = {l, r, p.mask, x, y};
    if (r->training) {
        vaei_parallel_ranges(r->pool, r->n, size, draw_examples, &j);
        vaei_parallel_ranges(r->pool, r->n * size, 1, multiply, &j);
    } else if (y != x) {
        vaei_parallel_ranges(r->pool, r->n * size, 1, copy, &j);
    }
}

static void backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx) {
    parts p;
    (void)x, (void)y;
    vaei_layer_pieces(l, r, m, &p);
    job j = {l, r, p.mask, dy, dx};
    if (dx) vaei_parallel_ranges(r->pool, r->n * vaei_shape_size(&l->in), 1, multiply, &j);
}

const vaei_layer_ops vaei_layer_dropout = {
    .module = {"dropout", "sets values to zero at random while training",
               "dropout p=0.3\n"
               "dropout p=0",
               "Srivastava et al. 2014", sizeof(conf), options},
    .flags = VAEI_LAYER_IN_PLACE | VAEI_LAYER_KEEPS_LENGTHS,
    .plan = plan,
    .layout = layout,
    .forward = forward,
    .backward = backward,
    .range = vaei_range_kept,
};
