/* SPDX-License-Identifier: MIT
 * likelihood_gaussian.c - real values around the decoder's output, all with one standard deviation s = e^l.
 *
 *     nll = E / (2 s^2) + S (l + ln(2 pi) / 2)        E = sum (x - theta)^2 over the S values of an example
 *     E[x] = theta
 *
 *     sigma=fixed     s = value
 *     sigma=learned   l = clip(likelihood.log_sigma), trained with the rest
 *     sigma=optimal   l = clip(ln(MSE) / 2), MSE over the batch: the s under which the batch is likeliest. At
 *                     evaluation the running mean of l in likelihood.log_sigma stands for it; likelihood.batches
 *                     counts the batches seen.
 *
 * clip(l) = -6 + softplus(l + 6) keeps s above e^-6 = 0.00248, so a perfect fit does not divide by zero. A learned s starts at `value`:
 * log_sigma at clip^-1(ln value) = -6 + ln(e^(6 + ln value) - 1). Derivatives:
 *
 *     d / d theta = w (theta - x) / s^2        G = d / d l = sum_i w_i (S - E_i / s^2)        w_i: weights
 *
 * log_sigma gets G clip'(l); the optimal s depends on theta itself, which adds G clip'(l) (theta - x) / (n S MSE).
 * Without the clip G would be 0 there for equal weights, and the loss S ln(MSE) / 2 up to a constant.
 *
 * Rybkin, Daniilidis, Levine 2021 (arXiv:2006.13202). Not here: a deviation for each value. */
#include "vae/likelihood.h"

#include <float.h>
#include <math.h>

#include "vae/batch_groups.h"

#define HALF_LN_2PI 0.91893853320467274178
#define CLIP -6.0
#define MOMENTUM 0.01 /* of the running mean, once 1 / batches is below it */

enum { FIXED, LEARNED, OPTIMAL };
enum { LOG_SIGMA, BATCHES };

typedef struct conf {
    int32_t sigma;
    float value;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_CHOICE(conf, sigma, FIXED, "fixed|learned|optimal",
                       "the standard deviation: value, trained, or the batch's own root mean square error; the last two softly clipped "
                       "above e^-6"),
    { "value", VAEI_OPT_FLOAT, VAEI_OPT_OPEN_LO, offsetof(conf, value), 1, 0, 100, NULL,
      "the fixed one; where the learned one starts, above e^-6; what the optimal one is outside training before its first batch" },
    { 0 },
};

/* The facts of a training batch that backward and commit need. */
typedef struct facts {
    double mse;
    double log_sigma; /* l, clipped */
    double slope;     /* clip'(l) */
} facts;

static double clip(double l) {
    const double v = l - CLIP;
    return CLIP + (v > 0 ? v + log1p(exp(-v)) : log1p(exp(v)));
}

static double clip_slope(double l) {
    return 1.0 / (1.0 + exp(CLIP - l));
}

/* The l whose clip is the logarithm of s; s above e^CLIP. */
static double unclipped(double s) {
    return CLIP + log(expm1(log(s) - CLIP));
}

static vae_status_t declare(vaei_likelihood *p, vaei_build *b, const char *name, int32_t flags, float start) {
    const int64_t shape[1] = { 1 };
    const vaei_init init = { .kind = VAEI_INIT_CONSTANT, .fan_in = 1, .fan_out = 1, .value = start };
    vaei_param *param = vaei_build_param(b, "likelihood", name, 1, shape, flags, init);
    if (!param) return VAE_E_NOMEM;
    p->param[p->n_params++] = param;
    return VAE_OK;
}

static vae_status_t plan(vaei_likelihood *p, vaei_build *b) {
    const conf *c = p->conf;
    if (c->sigma == LEARNED && !(log((double)c->value) > CLIP))
        return vaei_fail(VAE_E_SPEC, "likelihood gaussian: value=%g, wanted more than e^-6 = 0.00247876, below which sigma=learned cannot"
                         " go",
                         (double)c->value);
    const float start = (float)(c->sigma == LEARNED ? unclipped((double)c->value) : log((double)c->value));
    p->n_params = 0;
    p->of_batch = c->sigma != FIXED;
    if (c->sigma == FIXED) return VAE_OK;
    VAEI_TRY(declare(p, b, "log_sigma", c->sigma == LEARNED ? VAEI_PARAM_TRAINED : 0, start));
    return c->sigma == OPTIMAL ? declare(p, b, "batches", 0, 0) : VAE_OK;
}

typedef struct job {
    const vaei_run *r;
    int64_t size;
    const float *theta, *x, *weight;
    double *out;     /* [n] */
    double *partial; /* [groups] */
    double scale;
    float *dtheta;
} job;

static double squared_error(const job *j, int64_t example) {
    const int64_t at = example * j->size;
    return j->r->k->sum_squared_difference(j->size, j->x + at, j->theta + at);
}

static void errors_task(void *arg, int32_t group) {
    const job *j = arg;
    const vaei_range range = vaei_batch_group(j->r->n, group);
    for (int64_t i = range.first; i < range.end; i++) j->out[i] = squared_error(j, i);
}

/* What this pass takes as the deviation. error[n]: the squared errors. */
static facts find_sigma(const vaei_likelihood *p, const vaei_run *r, const double *error) {
    const conf *c = p->conf;
    facts f = { .mse = 0, .slope = 0 };
    if (c->sigma == FIXED) {
        f.log_sigma = log((double)c->value);
        return f;
    }
    if (c->sigma == OPTIMAL && !r->training) {
        f.log_sigma = r->params[p->param[LOG_SIGMA]->offset];
        return f;
    }
    double l;
    if (c->sigma == LEARNED) {
        l = r->params[p->param[LOG_SIGMA]->offset];
    } else {
        double sum = 0;
        for (int64_t i = 0; i < r->n; i++) sum += error[i];
        f.mse = sum / ((double)r->n * (double)p->size);
        l = 0.5 * log(f.mse); /* -inf for a perfect fit: clip gives CLIP */
    }
    f.log_sigma = clip(l);
    f.slope = clip_slope(l);
    return f;
}

static void nll(const vaei_likelihood *p, const vaei_run *r, void *cache, const float *theta, const float *x,
                double *out) {
    job j = { .r = r, .size = p->size, .theta = theta, .x = x, .out = out };
    vaei_parallel(r->pool, vaei_batch_groups(r->n), errors_task, &j);
    const facts f = find_sigma(p, r, out);
    const double precision = exp(-2 * f.log_sigma);
    for (int64_t i = 0; i < r->n; i++)
        out[i] = 0.5 * out[i] * precision + (double)p->size * (f.log_sigma + HALF_LN_2PI);
    if (r->training) memcpy(cache, &f, sizeof f);
}

static void slope_task(void *arg, int32_t group) {
    const job *j = arg;
    const vaei_range range = vaei_batch_group(j->r->n, group);
    double sum = 0;
    for (int64_t i = range.first; i < range.end; i++) {
        sum += (double)j->weight[i] * ((double)j->size - squared_error(j, i) * j->scale);
    }
    j->partial[group] = sum;
}

/* partial[0] is what sigma's own dependence on theta adds to each w / s^2. */
static void backward_task(void *arg, int32_t group) {
    const job *j = arg;
    const vaei_range range = vaei_batch_group(j->r->n, group);
    for (int64_t i = range.first; i < range.end; i++) {
        const float factor = (float)((double)j->weight[i] * j->scale + j->partial[0]);
        const int64_t end = (i + 1) * j->size;
        for (int64_t k = i * j->size; k < end; k++) j->dtheta[k] = factor * (j->theta[k] - j->x[k]);
    }
}

static void backward(const vaei_likelihood *p, const vaei_run *r, const void *cache, const float *theta, const float *x,
                     const float *weight, float *dtheta) {
    const conf *c = p->conf;
    double partial[VAEI_BATCH_GROUPS] = { 0 };
    facts f;
    memcpy(&f, cache, sizeof f);
    job j = { .r = r,
              .size = p->size,
              .theta = theta,
              .x = x,
              .weight = weight,
              .dtheta = dtheta,
              .partial = partial,
              .scale = exp(-2 * f.log_sigma) };
    double through_sigma = 0;
    if (c->sigma != FIXED) {
        double slope = 0;
        vaei_parallel(r->pool, vaei_batch_groups(r->n), slope_task, &j);
        for (int32_t g = 0; g < vaei_batch_groups(r->n); g++) slope += partial[g];
        slope *= f.slope;
        if (c->sigma == LEARNED)
            r->grads[p->param[LOG_SIGMA]->offset] += (float)slope;
        else if (f.mse > 0)
            through_sigma = slope / ((double)r->n * (double)p->size * f.mse);
    }
    partial[0] = through_sigma;
    vaei_parallel(r->pool, vaei_batch_groups(r->n), backward_task, &j);
}

static void mean(const vaei_likelihood *p, const vaei_run *r, const float *theta, float *x) {
    if (x != theta) memcpy(x, theta, (size_t)(r->n * p->size) * sizeof *x);
}

static void commit(const vaei_likelihood *p, const vaei_run *r, const void *cache, float *params) {
    const conf *c = p->conf;
    facts f;
    (void)r;
    if (c->sigma != OPTIMAL) return;
    memcpy(&f, cache, sizeof f);
    float *running = params + p->param[LOG_SIGMA]->offset, *batches = params + p->param[BATCHES]->offset;
    const double share = 1.0 / ((double)*batches + 1.0); /* the first batch sets it */
    const double momentum = share > MOMENTUM ? share : MOMENTUM;
    *running = (float)(*running + momentum * (f.log_sigma - *running));
    *batches += 1;
}

const vaei_likelihood_ops vaei_likelihood_gaussian = {
    .module = { .name = "gaussian",
                .summary = "real values around the decoder's output, with one standard deviation",
                .examples = "gaussian\n"
                            "gaussian value=0.5\n"
                            "gaussian sigma=learned value=0.7\n"
                            "gaussian sigma=optimal",
                .paper = "Rybkin, Daniilidis, Levine 2021 (arXiv:2006.13202)",
                .conf_size = sizeof(conf),
                .options = options },
    .lo = -FLT_MAX,
    .hi = FLT_MAX,
    .plan = plan,
    .nll = nll,
    .backward = backward,
    .mean = mean,
    .commit = commit,
};
