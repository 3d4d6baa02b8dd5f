/* SPDX-License-Identifier: MIT
 * layer_positions.c - adds to each step of a sequence a vector that depends on the position of the step
 *
 *       y[n][t][c] = x[n][t][c] + p[t][c]                 dp[t] += sum_n dy[n][t]
 *
 *       learned      p[T][C] is a parameter, weight as in torch.nn.Embedding(T, C); it starts as N(0, 0.02^2)
 *       sinusoidal   p[t][2 i] = sin(t w_i)    p[t][2 i + 1] = cos(t w_i)    w_i = 10000^(-2 i / C)
 *
 *   Vaswani et al. 2017 (arXiv:1706.03762). The sines are computed when the model is built, by sums of this file, because C
 *   libraries differ in their results. */
#include "nn/ranges.h"
#include "nn/sequence.h"

enum { LEARNED, SINUSOIDAL };
enum { TERMS = 30, SQUARINGS = 10 };

typedef struct conf {
    int32_t kind;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_CHOICE(conf, kind, LEARNED, "learned|sinusoidal",
                       "learned: a parameter for each step and channel; sinusoidal: sines and cosines of the step"),
    {0},
};

/* e^x of x <= 0, and the sine of x >= 0: series near 0, to which squaring and whole turns reduce x. */
static double exponential(double x) {
    double sum = 0, term = 1;
    x /= 1 << SQUARINGS;
    for (int32_t i = 1; i <= TERMS; i++) {
        sum += term;
        term *= x / i;
    }
    for (int32_t i = 0; i < SQUARINGS; i++) sum *= sum;
    return sum;
}

static double sine(double x) {
    const double turn = 6.283185307179586;
    x -= turn * (double)(int64_t)(x / turn);
    double sum = 0, term = x;
    for (int32_t i = 1; i <= TERMS; i++) {
        sum += term;
        term *= -x * x / ((2.0 * i) * (2.0 * i + 1));
    }
    return sum;
}

static float *make_sines(vaei_arena *arena, int64_t T, int64_t C) {
    float *const p = vaei_arena_array(arena, (size_t)(T * C), sizeof(*p));
    for (int64_t c = 0; p && c < C; c++) {
        const double w = exponential(-(double)(c / 2 * 2) / (double)C * 9.210340371976182); /* ln 10000 */
        for (int64_t t = 0; t < T; t++) p[t * C + c] = (float)sine((double)t * w + (c % 2 == 0 ? 0 : 1.5707963267948966));
    }
    return p;
}

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    const conf *o = l->conf;
    const vaei_init init = {.kind = VAEI_INIT_NORMAL, .value = 0.02f};
    (void)node;
    VAEI_TRY(vaei_sequence_check(l, in));
    *out = *in;
    if (o->kind == SINUSOIDAL) {
        if (vaei_shape_size(in) > 1 << 24)
            return vaei_fail(VAE_E_LIMIT, "positions: %lld x %lld sines, wanted at most 2^24", (long long)in->d[0], (long long)in->d[1]);
        return (l->state = make_sines(b->arena, in->d[0], in->d[1])) ? VAE_OK : VAE_E_NOMEM;
    }
    l->param[0] = vaei_build_param(b, l->path, "weight", 2, in->d, VAEI_PARAM_TRAINED, init);
    if (!l->param[0]) return VAE_E_NOMEM;
    l->n_params = 1;
    return VAE_OK;
}

typedef struct job {
    const vaei_kernels *k;
    int64_t size;
    const float *p, *x;
    float *y;
} job;

static void add_range(void *arg, int64_t begin, int64_t end) {
    const job *const j = arg;
    for (int64_t i = begin; i < end; i++) {
        float *const y = j->y + i * j->size;
        memcpy(y, j->x + i * j->size, (size_t)j->size * sizeof(float));
        j->k->add(j->size, j->p, y);
        j->k->flush(j->size, y, y);
    }
}

static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    job j = {r->k, vaei_shape_size(&l->in), l->n_params > 0 ? vaei_layer_param(l, r, 0) : l->state, x, y};
    (void)m;
    vaei_parallel_ranges(r->pool, r->n, j.size, add_range, &j);
}

static void backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx) {
    const int64_t size = vaei_shape_size(&l->in);
    (void)m, (void)x, (void)y;
    if (l->n_params > 0) vaei_bias_grad(r->k, r->pool, r->n, size, dy, vaei_layer_grad(l, r, 0));
    if (dx) memcpy(dx, dy, (size_t)(r->n * size) * sizeof(float));
}

const vaei_layer_ops vaei_layer_positions = {
    .module = {"positions", "adds to each step of a sequence a vector for its position",
               "positions\n"
               "positions kind=sinusoidal",
               "Vaswani et al. 2017 (arXiv:1706.03762)", sizeof(conf), options},
    .flags = VAEI_LAYER_KEEPS_LENGTHS,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
