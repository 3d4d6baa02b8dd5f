/* SPDX-License-Identifier: MIT
 * layer_corrupt.c - adds noise to values or replaces some of them in training, for denoising autoencoders
 *
 *       gaussian:   y = x + amount n,  n standard normal                                dx = dy
 *       mask:       y = 0 with probability amount, else x                               dx = dy where y is x, else 0
 *       salt:       y = 0 or 1, each with probability amount / 2, else x                likewise
 *       inference:  y = x
 *
 *   As the first layer of the encoder it corrupts what the encoder sees, and the likelihood scores the clean x. Unlike dropout it does not
 *   scale the values that it keeps. The noise is a pure function of seed, step, layer and the example's number.
 *
 *   Vincent et al. 2010 (JMLR 11), "Stacked Denoising Autoencoders"; Im et al. 2017 (arXiv:1511.06406) for VAEs. */
#include "nn/layer.h"
#include "nn/ranges.h"

enum { GAUSSIAN, MASK, SALT };

typedef struct conf {
    int32_t kind;
    float amount;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_CHOICE(conf, kind, GAUSSIAN, "gaussian|mask|salt", "gaussian adds noise; mask sets values to 0, salt to 0 or 1"),
    VAEI_OPTION_FLOAT(conf, amount, 0.1, 0, 1, "standard deviation of the noise, or the share of the values that are replaced"),
    {0},
};

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    (void)l, (void)b, (void)node;
    *out = *in;
    return VAE_OK;
}

typedef struct parts {
    float *kept; /* cache of training: [n][in] 1 if y depends on x, else 0 */
} parts;

static void layout(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces) {
    parts *const p = pieces ? pieces : &(parts){0};
    (void)k;
    *p = (parts){0};
    if (training) p->kept = vaei_carve_floats(&m->cache, vaei_count_of(n, vaei_shape_size(&l->in)));
}

typedef struct job {
    const vaei_layer *l;
    const vaei_run *r;
    float *kept;
    const float *x; /* or dy */
    float *y;       /* or dx */
} job;

/* Returns y for one value x and its noise. *kept becomes 1 if y depends on x, else 0. */
static float corrupted(const conf *o, float amount, float x, float noise, float *kept) {
    *kept = o->kind == GAUSSIAN || noise >= amount ? 1.0f : 0.0f;
    if (o->kind == GAUSSIAN) return vaei_flushed(x + amount * noise);
    if (*kept > 0) return x;
    return o->kind == SALT && noise < 0.5f * amount ? 1.0f : 0.0f;
}

static void corrupt_examples(void *arg, int64_t begin, int64_t end) {
    const job *const j = arg;
    const conf *const o = j->l->conf;
    const float amount = j->r->frozen ? 0 : o->amount;
    const int64_t size = vaei_shape_size(&j->l->in);
    const vaei_noise_key key = vaei_layer_noise(j->l, j->r, VAEI_STREAM_DROPOUT);
    for (int64_t i = begin; i < end; i++) {
        float *const kept = j->kept + i * size;
        const uint32_t item = j->r->first_item + (uint32_t)i;
        if (o->kind == GAUSSIAN) vaei_noise_normal(j->r->k, key, item, size, kept);
        else vaei_noise_uniform(key, item, size, kept);
        for (int64_t p = 0; p < size; p++) j->y[i * size + p] = corrupted(o, amount, j->x[i * size + p], kept[p], &kept[p]);
    }
}

static void multiply(void *arg, int64_t begin, int64_t end) {
    const job *const j = arg;
    for (int64_t i = begin; i < end; i++) j->y[i] = j->kept[i] > 0 ? j->x[i] : 0;
}

static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    const int64_t size = vaei_shape_size(&l->in);
    parts p;
    vaei_layer_pieces(l, r, m, &p);
    job j = {l, r, p.kept, x, y};
    if (r->training) vaei_parallel_ranges(r->pool, r->n, 4 * size, corrupt_examples, &j);
    else if (y != x) memcpy(y, x, (size_t)(r->n * size) * sizeof(*y));
}

static void backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx) {
    parts p;
    (void)x, (void)y;
    vaei_layer_pieces(l, r, m, &p);
    job j = {l, r, p.kept, dy, dx};
    if (dx) vaei_parallel_ranges(r->pool, r->n * vaei_shape_size(&l->in), 1, multiply, &j);
}

const vaei_layer_ops vaei_layer_corrupt = {
    .module = {"corrupt", "adds noise to values or replaces some of them in training",
               "corrupt amount=0.3\n"
               "corrupt kind=mask amount=0.4\n"
               "corrupt kind=salt amount=0.25",
               "Vincent et al. 2010 (JMLR 11)", sizeof(conf), options},
    .flags = VAEI_LAYER_IN_PLACE | VAEI_LAYER_KEEPS_LENGTHS,
    .plan = plan,
    .layout = layout,
    .forward = forward,
    .backward = backward,
};
