/* SPDX-License-Identifier: MIT
 * layer_batchnorm.c - batch normalisation over the last axis
 *
 *       y = weight (x - mean) / sqrt(variance + eps) + bias          one mean and variance for each channel
 *
 *   Training computes both from the N = n H W values of the batch (variance divided by N). After the step has succeeded,
 *   commit() updates the running statistics: running = (1 - momentum) running + momentum batch, here with the variance
 *   divided by N - 1, as in PyTorch. Inference uses the running statistics, so that y = scale x + shift; a linear, conv2d or
 *   deconv2d before it multiplies its weights by the scale.
 *
 *   With r = 1 / sqrt(variance + eps), u = (x - mean) r:
 *
 *       dbias = sum dy       dweight = sum dy u       dx = weight r (dy - dbias / N - u dweight / N)
 *
 *   A channel with a single value (N = 1) has variance 0: y = bias and dx = 0.
 *
 *   Ioffe, Szegedy 2015 (arXiv:1502.03167). Not here: statistics across processes; a variant without weight and
 *   bias. */
#include <math.h>

#include "nn/norm.h"
#include "nn/ranges.h"

enum { WEIGHT, BIAS, RUNNING_MEAN, RUNNING_VAR };

typedef struct conf {
    float eps, momentum;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION(conf, eps, FLOAT, VAEI_OPT_OPEN_LO, 1e-5, 0, 1, "added to the variance"),
    VAEI_OPTION_FLOAT(conf, momentum, 0.1, 0, 1, "weight of the new batch in the running statistics"),
    {0},
};

static int64_t channels_of(const vaei_layer *l) {
    return l->in.d[l->in.n - 1];
}

static vaei_norm geometry(const vaei_layer *l, int64_t n) {
    const int64_t channels = channels_of(l);
    return (vaei_norm){1, vaei_count_of(n, vaei_shape_size(&l->in) / channels), channels};
}

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    static const struct {
        const char *name;
        int32_t flags;
        float value;
    } params[] = {{"weight", VAEI_PARAM_TRAINED, 1}, {"bias", VAEI_PARAM_TRAINED, 0}, {"running_mean", 0, 0}, {"running_var", 0, 1}};
    const int64_t channels = in->d[in->n - 1];
    (void)node;
    for (size_t i = 0; i < VAEI_COUNT(params); i++) {
        const vaei_init init = {VAEI_INIT_CONSTANT, 1, 1, params[i].value};
        l->param[i] = vaei_build_param(b, l->path, params[i].name, 1, &channels, params[i].flags, init);
        if (!l->param[i]) return VAE_E_NOMEM;
        l->n_params++;
    }
    *out = *in;
    return VAE_OK;
}

typedef struct parts {
    float *scale, *shift;      /* pack: [channels] each, inference */
    double *mean, *variance;   /* stats: [channels] each, training */
    vaei_norm_scratch scratch; /* training */
} parts;

static void layout(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces) {
    const vaei_norm g = geometry(l, n);
    parts *const p = pieces ? pieces : &(parts){0};
    (void)k;
    *p = (parts){0};
    if (training) {
        p->mean = vaei_carve_array(&m->stats, g.channels, sizeof(double));
        p->variance = vaei_carve_array(&m->stats, g.channels, sizeof(double));
        p->scratch = vaei_norm_carve(&m->scratch, &g, 3, 0);
    } else {
        p->scale = vaei_carve_floats(&m->pack, 2 * g.channels);
        p->shift = p->scale ? p->scale + g.channels : NULL;
    }
}

/* y = scale x + shift, with a shift for which the rounding of scale cancels near the mean. */
static void line(const float *weight, const float *bias, int64_t i, double mean, double rstd, float *scale, float *shift) {
    scale[i] = (float)(vaei_flushed(weight[i]) * rstd);
    shift[i] = (float)(vaei_flushed(bias[i]) - mean * (double)scale[i]);
}

static void fold(const vaei_layer *l, const float *params, float *scale, float *shift) {
    const conf *o = l->conf;
    const float *weight = params + l->param[WEIGHT]->offset, *bias = params + l->param[BIAS]->offset;
    const float *mean = params + l->param[RUNNING_MEAN]->offset, *variance = params + l->param[RUNNING_VAR]->offset;
    for (int64_t i = 0; i < channels_of(l); i++)
        line(weight, bias, i, mean[i], 1 / sqrt((double)variance[i] + (double)o->eps), scale, shift);
}

static void pack(const vaei_layer *l, const vaei_run *r, void *memory) {
    parts p;
    vaei_layer_packed(l, r, memory, &p);
    if (!r->training) fold(l, r->params, p.scale, p.shift);
}

static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    const conf *o = l->conf;
    const vaei_norm g = geometry(l, r->n);
    parts p;
    vaei_layer_pieces(l, r, m, &p);
    if (!r->training) {
        vaei_norm_apply(r->k, r->pool, &g, p.scale, x, vaei_layer_epilogue(l, r->training), y);
        return;
    }
    const vaei_norm_scratch s = p.scratch;
    vaei_norm_sums(r->k, r->pool, &g, &s, x, x);
    for (int64_t i = 0; i < g.channels && r->frozen; i++) {
        p.mean[i] = (double)vaei_layer_param(l, r, RUNNING_MEAN)[i];
        p.variance[i] = (double)vaei_layer_param(l, r, RUNNING_VAR)[i];
    }
    if (r->frozen) fold(l, r->params, s.coefficients, s.coefficients + g.channels);
    for (int64_t i = 0; i < g.channels && !r->frozen; i++) {
        const double rstd =
            vaei_norm_statistics(s.sums[i], s.sums[g.channels + i], (double)g.rows, (double)o->eps, &p.mean[i], &p.variance[i]);
        line(vaei_layer_param(l, r, WEIGHT), vaei_layer_param(l, r, BIAS), i, p.mean[i], rstd, s.coefficients, s.coefficients + g.channels);
    }
    vaei_norm_apply(r->k, r->pool, &g, s.coefficients, x, vaei_layer_epilogue(l, r->training), y);
}

static void backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx) {
    const conf *o = l->conf;
    const vaei_norm g = geometry(l, r->n);
    const float *weight = vaei_layer_param(l, r, WEIGHT);
    float *dweight = vaei_layer_grad(l, r, WEIGHT), *dbias = vaei_layer_grad(l, r, BIAS);
    parts p;
    vaei_layer_pieces(l, r, m, &p);
    const double *mean = p.mean, *variance = p.variance, count = (double)g.rows;
    const vaei_norm_scratch s = p.scratch;
    float *a = s.coefficients, *b = a + g.channels, *shift = b + g.channels;
    (void)y;
    vaei_norm_sums(r->k, r->pool, &g, &s, dy, x);
    for (int64_t i = 0; i < g.channels; i++) {
        const double rstd = 1 / sqrt(variance[i] + (double)o->eps);
        const double sum = s.sums[i], sum_u = rstd * (s.sums[g.channels + i] - mean[i] * sum);
        dbias[i] += (float)sum;
        dweight[i] += (float)sum_u;
        a[i] = (float)(vaei_flushed(weight[i]) * rstd);
        b[i] = vaei_flushed((float)(-weight[i] * rstd * rstd * sum_u / count));
        shift[i] = (float)(-weight[i] * rstd * sum / count - (double)b[i] * mean[i]);
        if (r->frozen) b[i] = shift[i] = 0; /* the statistics are constants */
    }
    if (dx) vaei_norm_apply_grad(r->pool, &g, s.coefficients, x, dy, dx);
}

static void commit(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, float *params) {
    const conf *o = l->conf;
    const vaei_norm g = geometry(l, r->n);
    parts p;
    vaei_layer_pieces(l, r, m, &p);
    const double *mean = p.mean, *variance = p.variance, momentum = (double)o->momentum;
    const double unbiased = g.rows > 1 ? (double)g.rows / (double)(g.rows - 1) : 1;
    float *running_mean = params + l->param[RUNNING_MEAN]->offset, *running_var = params + l->param[RUNNING_VAR]->offset;
    for (int64_t i = 0; i < g.channels; i++) {
        running_mean[i] = (float)((1 - momentum) * (double)running_mean[i] + momentum * mean[i]);
        running_var[i] = (float)((1 - momentum) * (double)running_var[i] + momentum * unbiased * variance[i]);
    }
}

const vaei_layer_ops vaei_layer_batchnorm = {
    .module = {"batchnorm", "normalises each channel over the batch",
               "batchnorm eps=0.001\n"
               "batchnorm momentum=0.5",
               "Ioffe, Szegedy 2015 (arXiv:1502.03167)", sizeof(conf), options},
    .flags = VAEI_LAYER_READS_X | VAEI_LAYER_TAKES_EPILOGUE | VAEI_LAYER_MIXES_BATCH,
    .plan = plan,
    .layout = layout,
    .pack = pack,
    .forward = forward,
    .backward = backward,
    .commit = commit,
    .fold = fold,
};
