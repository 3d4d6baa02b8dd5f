/* SPDX-License-Identifier: MIT
 * likelihood_gaussian.c - real values around the decoder's output, all with one standard deviation s = e^l.
 *
 *     nll = E / (2 s^2) + S (l + ln(2 pi) / 2)        E = sum (x - theta)^2 over the S values of an example
 *     E[x] = theta        x ~ theta + s e, e standard normal
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

/* What a pass takes as s. */
typedef struct facts {
    double mse;
    double log_sigma, precision; /* l, clipped; 1 / s^2 */
    double slope;                /* clip'(l) */
    double through_sigma;        /* what the optimal s, which depends on theta itself, adds to each w / s^2 */
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
    p->of_batch = c->sigma != FIXED;
    if (c->sigma == FIXED) return VAE_OK;
    VAEI_TRY(declare(p, b, "log_sigma", c->sigma == LEARNED ? VAEI_PARAM_TRAINED : 0, start));
    return c->sigma == OPTIMAL ? declare(p, b, "batches", 0, 0) : VAE_OK;
}

/* l as the parameters say it. */
static double log_sigma(const vaei_likelihood *p, const vaei_run *r) {
    const conf *c = p->conf;
    if (c->sigma == FIXED) return log((double)c->value);
    const double given = (double)r->params[p->param[LOG_SIGMA]->offset];
    return c->sigma == LEARNED ? clip(given) : given;
}

/* E, of which settle makes the nll. */
static double squared_error(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *x) {
    return r->k->sum_squared_difference(p->size, x, theta);
}

/* What this pass takes as the deviation. error[n]: the squared errors. */
static facts find_sigma(const vaei_likelihood *p, const vaei_run *r, const double *error) {
    const conf *c = p->conf;
    facts f = {.log_sigma = log_sigma(p, r)};
    if (c->sigma == LEARNED) f.slope = clip_slope((double)r->params[p->param[LOG_SIGMA]->offset]);
    if (c->sigma == OPTIMAL && r->training) {
        double sum = 0;
        for (int64_t i = 0; i < r->n; i++) sum += error[i];
        f.mse = sum / ((double)r->n * (double)p->size);
        const double l = 0.5 * log(f.mse); /* -inf for a perfect fit: clip gives CLIP */
        f.log_sigma = clip(l);
        f.slope = clip_slope(l);
    }
    f.precision = exp(-2 * f.log_sigma);
    return f;
}

static void settle(const vaei_likelihood *p, const vaei_run *r, void *out, double *nll) {
    const facts f = find_sigma(p, r, nll);
    for (int64_t i = 0; i < r->n; i++) nll[i] = 0.5 * nll[i] * f.precision + (double)p->size * (f.log_sigma + HALF_LN_2PI);
    memcpy(out, &f, sizeof(f));
}

static double slope(const vaei_likelihood *p, const vaei_run *r, const void *given, const float *theta, const float *x) {
    const facts *f = given;
    return (double)p->size - squared_error(p, r, theta, x) * f->precision;
}

static void carry(const vaei_likelihood *p, const vaei_run *r, void *given, double sum) {
    const conf *c = p->conf;
    facts *f = given;
    sum *= f->slope;
    if (c->sigma == LEARNED)
        r->grads[p->param[LOG_SIGMA]->offset] += (float)sum;
    else if (f->mse > 0)
        f->through_sigma = sum / ((double)r->n * (double)p->size * f->mse);
}

static void backward(const vaei_likelihood *p, const vaei_run *r, const void *given, const float *theta, const float *x, float weight,
                     float *dtheta) {
    const facts *f = given;
    const float factor = (float)((double)weight * f->precision + f->through_sigma);
    (void)r;
    for (int64_t i = 0; i < p->size; i++) dtheta[i] = factor * (theta[i] - x[i]);
}

static void mean(const vaei_likelihood *p, const vaei_run *r, const float *theta, float *x) {
    (void)r;
    memcpy(x, theta, (size_t)p->size * sizeof(*x));
}

static void sample(const vaei_likelihood *p, const vaei_run *r, vaei_noise_key key, uint32_t item, const float *theta, float *x) {
    const float sigma = (float)exp(log_sigma(p, r));
    vaei_noise_normal(r->k, key, item, p->size, x);
    for (int64_t i = 0; i < p->size; i++) x[i] = theta[i] + sigma * x[i];
}

static void commit(const vaei_likelihood *p, const vaei_run *r, const void *given, float *params) {
    const conf *c = p->conf;
    const facts *f = given;
    (void)r;
    if (c->sigma != OPTIMAL) return;
    float *running = params + p->param[LOG_SIGMA]->offset, *batches = params + p->param[BATCHES]->offset;
    const double share = 1.0 / ((double)*batches + 1.0); /* the first batch sets it */
    const double momentum = share > MOMENTUM ? share : MOMENTUM;
    *running = (float)(*running + momentum * (f->log_sigma - *running));
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
    .nll = squared_error,
    .backward = backward,
    .mean = mean,
    .sample = sample,
    .settle = settle,
    .slope = slope,
    .carry = carry,
    .commit = commit,
};
