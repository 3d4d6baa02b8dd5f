/* SPDX-License-Identifier: MIT
 * layer_act.c - activations: elementwise, any shape, without parameters
 *
 *       relu        max(x, 0)                          leaky_relu  x > 0 ? x : slope x
 *       elu         x > 0 ? x : alpha (e^x - 1)        silu        x sigmoid(x)
 *       gelu        x Phi(x) = x/2 (1 + erf(x / sqrt 2))           not the tanh approximation
 *       softplus    log(1 + e^x)                       tanh, sigmoid
 *
 *   If y determines the slope, backward does not read x and the layer runs in place. silu and gelu are not monotone, and y does not have
 *   enough digits for the slope of softplus, so these layers read x. kernel/kernel.h lists the gradients. */
#include <math.h>

#include "nn/layer.h"
#include "nn/ranges.h"

typedef struct leaky_relu_conf {
    float slope;
} leaky_relu_conf;

static const vaei_option leaky_relu_options[] = {
    VAEI_OPTION_FLOAT(leaky_relu_conf, slope, 0.01, 0, 1, "slope for x below zero"),
    {0},
};

typedef struct elu_conf {
    float alpha;
} elu_conf;

static const vaei_option elu_options[] = {
    VAEI_OPTION(elu_conf, alpha, FLOAT, VAEI_OPT_OPEN_LO, 1, 0, 100, "y approaches -alpha for x far below zero"),
    {0},
};

typedef struct function {
    int32_t map; /* a VAEI_MAP_ constant */
    float a;     /* its argument */
} function;

static vae_status_t plan_map(vaei_layer *l, vaei_build *b, const vaei_shape *in, vaei_shape *out, int32_t map, float a) {
    function *f = vaei_arena_alloc(b->arena, sizeof(*f));
    if (!f) return VAE_E_NOMEM;
    *f = (function){map, a};
    l->state = f;
    *out = *in;
    return VAE_OK;
}

static void map(const vaei_layer *l, const vaei_kernels *k, int64_t count, const float *x, float *y) {
    const function *f = l->state;
    k->map[f->map](count, f->a, x, y);
}

static void map_grad(const vaei_layer *l, const vaei_kernels *k, int64_t count, const float *y, const float *dy, float *dx) {
    const function *f = l->state;
    k->map_grad[f->map](count, f->a, y, dy, dx);
}

typedef struct job {
    const vaei_kernels *k;
    const function *f;
    const float *x, *dy; /* x may be y, if backward reads y */
    float *y;            /* or dx */
} job;

static void map_range(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    j->k->map[j->f->map](end - begin, j->f->a, j->x + begin, j->y + begin);
}

static void grad_range(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    j->k->map_grad[j->f->map](end - begin, j->f->a, j->x + begin, j->dy + begin, j->y + begin);
}

static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    job j = {r->k, l->state, x, NULL, y};
    (void)m;
    vaei_parallel_ranges(r->pool, r->n * vaei_shape_size(&l->in), 1, map_range, &j);
}

static void backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx) {
    job j = {r->k, l->state, l->ops->flags & VAEI_LAYER_READS_Y ? y : x, dy, dx};
    (void)m;
    if (dx) vaei_parallel_ranges(r->pool, r->n * vaei_shape_size(&l->in), 1, grad_range, &j);
}

#define READS_X VAEI_LAYER_READS_X
#define READS_Y (VAEI_LAYER_IN_PLACE | VAEI_LAYER_READS_Y)

/* conf_size, option_table: 0 and NULL if there are none; a: the argument of the map; lo, hi: the range of y; these may read l->conf */
#define ACTIVATION(name_, MAP, reads, summary, examples, paper, conf_size, option_table, a, lo, hi)                          \
    static vae_status_t name_##_plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) { \
        (void)node;                                                                                                          \
        return plan_map(l, b, in, out, VAEI_MAP_##MAP, a);                                                                   \
    }                                                                                                                        \
    static void name_##_range(const vaei_layer *l, vaei_interval *values) {                                                  \
        (void)l;                                                                                                             \
        *values = (vaei_interval){lo, hi};                                                                                   \
    }                                                                                                                        \
    const vaei_layer_ops vaei_layer_##name_ = {                                                                              \
        .module = {#name_, summary, examples, paper, conf_size, option_table},                                               \
        .flags = reads,                                                                                                      \
        .plan = name_##_plan,                                                                                                \
        .forward = forward,                                                                                                  \
        .backward = backward,                                                                                                \
        .map = map,                                                                                                          \
        .map_grad = (reads) != READS_X ? map_grad : NULL,                                                                    \
        .range = name_##_range,                                                                                              \
    };

ACTIVATION(relu, RELU, READS_Y, "max(x, 0)", "relu", "", 0, NULL, 0, 0, INFINITY)
ACTIVATION(leaky_relu, LEAKY_RELU, READS_Y, "x above zero, slope x below", "leaky_relu slope=0.2\nleaky_relu slope=0",
           "Maas, Hannun, Ng 2013", sizeof(leaky_relu_conf), leaky_relu_options, ((const leaky_relu_conf *)l->conf)->slope,
           ((const leaky_relu_conf *)l->conf)->slope > 0 ? -INFINITY : 0, INFINITY)
ACTIVATION(elu, ELU, READS_Y, "x above zero, alpha (e^x - 1) below", "elu alpha=0.5\nelu",
           "Clevert, Unterthiner, Hochreiter 2015 (arXiv:1511.07289)", sizeof(elu_conf), elu_options, ((const elu_conf *)l->conf)->alpha,
           -((const elu_conf *)l->conf)->alpha, INFINITY)
ACTIVATION(silu, SILU, READS_X, "x sigmoid(x), also called swish", "silu", "Elfwing, Uchibe, Doya 2017 (arXiv:1702.03118)", 0, NULL, 0,
           -0.2785f, INFINITY)
ACTIVATION(gelu, GELU, READS_X, "x Phi(x), Phi the normal distribution function", "gelu", "Hendrycks, Gimpel 2016 (arXiv:1606.08415)", 0,
           NULL, 0, -0.1701f, INFINITY)
ACTIVATION(softplus, SOFTPLUS, READS_X, "log(1 + e^x)", "softplus", "", 0, NULL, 0, 0, INFINITY)
ACTIVATION(tanh, TANH, READS_Y, "hyperbolic tangent", "tanh", "", 0, NULL, 0, -1, 1)
ACTIVATION(sigmoid, SIGMOID, READS_Y, "1 / (1 + e^-x)", "sigmoid", "", 0, NULL, 0, 0, 1)
