/* SPDX-License-Identifier: MIT
 * likelihood_gaussian.c - real values around the decoder's output, with one standard deviation s = e^l or one for each.
 *
 *     nll = E / (2 s^2) + S (l + ln(2 pi) / 2)        E = sum (x - theta)^2 over the S values of an example
 *     E[x] = theta        x ~ theta + s e, e standard normal
 *
 *     sigma=fixed     s = value
 *     sigma=learned   l = clip(likelihood.log_sigma), trained with the rest
 *     sigma=value     theta has a mean m and a logarithm t for each value: s_i = value e^t_i, t within [-6, 6]
 *                     nll = sum (x - m)^2 / (2 s_i^2) + ln s_i + ln(2 pi) / 2: location_scale.h with u = (x - m) e^-t,
 *                     f(u) = (u / value)^2 / 2 + ln(value) + ln(2 pi) / 2, E[x] = m
 *     sigma=optimal   l = clip(ln(MSE) / 2), MSE over the batch: the s under which the batch is most likely. At
 *                     evaluation the running mean of l, likelihood.log_sigma, replaces it; likelihood.batches
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
 * Rybkin, Daniilidis, Levine 2021 (arXiv:2006.13202). */
#include "vae/likelihoods/location_scale.h"

#include <float.h>
#include <math.h>

#define HALF_LN_2PI 0.91893853320467274178
#define CLIP        -6.0
#define MOMENTUM    0.01 /* of the running mean, when 1 / batches is smaller */

enum { FIXED, LEARNED, OPTIMAL, VALUE };
enum { LOG_SIGMA, BATCHES };

typedef struct conf {
    int32_t sigma;
    float value;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_CHOICE(
        conf, sigma, FIXED, "fixed|learned|optimal|value",
        "standard deviation: fixed: the option value; learned: trained; optimal: the root mean square error of the batch; value: "
        "the option value times e^t, where the decoder gives t in -6..6 for each value. learned and optimal stay above e^-6"),
    {"value", VAEI_OPT_FLOAT, VAEI_OPT_OPEN_LO, offsetof(conf, value), 1, 0, 100, NULL,
     "sigma=fixed: the deviation; learned: its start, above e^-6; optimal: the deviation outside training until the first batch; value: "
     "the deviation at t = 0"},
    {0},
};

/* The deviation s that a pass uses. */
typedef struct facts {
    double mse;
    double log_sigma, precision; /* l, clipped; 1 / s^2 */
    double slope;                /* clip'(l) */
    double through_sigma;        /* the gradient through the optimal s, which depends on theta, added to each w / s^2 */
} facts;

static double clip(double l) {
    const double v = l - CLIP;
    return CLIP + (v > 0 ? v + log1p(exp(-v)) : log1p(exp(v)));
}

static double clip_slope(double l) {
    return 1.0 / (1.0 + exp(CLIP - l));
}

/* The inverse of clip: the l for which clip(l) is the logarithm of s; s is above e^CLIP. */
static double unclipped(double s) {
    return CLIP + log(expm1(log(s) - CLIP));
}

static vae_status_t declare(vaei_likelihood *p, vaei_build *b, const char *name, int32_t flags, float start) {
    const int64_t shape[1] = {1};
    const vaei_init init = {.kind = VAEI_INIT_CONSTANT, .fan_in = 1, .fan_out = 1, .value = start};
    vaei_param *param = vaei_build_param(b, "likelihood", name, 1, shape, flags, init);
    if (!param) return VAE_E_NOMEM;
    p->param[p->n_params++] = param;
    return VAE_OK;
}

static vae_status_t plan(vaei_likelihood *p, vaei_build *b) {
    const conf *c = p->conf;
    if (c->sigma == LEARNED && !(log((double)c->value) > CLIP))
        return vaei_fail(VAE_E_SPEC,
                         "likelihood gaussian: value=%g, wanted more than e^-6 = 0.00247876, below which sigma=learned cannot"
                         " go",
                         (double)c->value);
    if (c->sigma == VALUE) vaei_scaled_takes(p, "a mean and the logarithm of a standard deviation");
    const float start = (float)(c->sigma == LEARNED ? unclipped((double)c->value) : log((double)c->value));
    p->of_batch = c->sigma == LEARNED || c->sigma == OPTIMAL;
    if (!p->of_batch) return VAE_OK;
    VAEI_TRY(declare(p, b, "log_sigma", c->sigma == LEARNED ? VAEI_PARAM_TRAINED : 0, start));
    return c->sigma == OPTIMAL ? declare(p, b, "batches", 0, 0) : VAE_OK;
}

/* ---- a deviation for each value ------------------------------------------------------------------------------------ */

static double values_nll(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *x) {
    const conf *c = p->conf;
    const double value = (double)c->value;
    double u[VAEI_VALUES], squares = 0, log_scales = 0;
    for (int64_t at = 0; at < p->size; at += VAEI_VALUES) {
        const int64_t n = p->size - at < VAEI_VALUES ? p->size - at : VAEI_VALUES;
        log_scales += vaei_scaled_errors(p, r, theta, x, at, n, u);
        for (int64_t i = 0; i < n; i++) squares += u[i] * u[i];
    }
    return 0.5 * squares / (value * value) + log_scales + (double)p->size * (log(value) + HALF_LN_2PI);
}

static void values_slope(const vaei_likelihood *p, int64_t n, const double *u, double *out) {
    const conf *c = p->conf;
    const double precision = 1 / ((double)c->value * (double)c->value);
    for (int64_t i = 0; i < n; i++) out[i] = u[i] * precision;
}

static void values_sample(const vaei_likelihood *p, const vaei_run *r, const float *theta, float *x) {
    const conf *c = p->conf;
    for (int64_t at = 0; at < p->size; at += VAEI_VALUES) {
        const int64_t n = p->size - at < VAEI_VALUES ? p->size - at : VAEI_VALUES;
        r->k->scale(n, c->value, x + at);
        vaei_scaled_place(p, r, theta, at, n, x + at);
    }
}

static int32_t of_values(const vaei_likelihood *p) {
    const conf *c = p->conf;
    return c->sigma == VALUE;
}

/* ---- one deviation ------------------------------------------------------------------------------------------------- */

/* The l that the parameters hold. */
static double log_sigma(const vaei_likelihood *p, const vaei_run *r) {
    const conf *c = p->conf;
    if (c->sigma == FIXED) return log((double)c->value);
    const double given = (double)r->params[p->param[LOG_SIGMA]->offset];
    return c->sigma == LEARNED ? clip(given) : given;
}

static double squared_error(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *x) {
    return r->k->sum_squared_difference(p->size, x, theta);
}

/* Returns E, from which settle computes the nll. */
static double nll(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *x) {
    return of_values(p) ? values_nll(p, r, theta, x) : squared_error(p, r, theta, x);
}

/* Finds the deviation that this pass uses. error[n] holds the squared errors. */
static facts find_sigma(const vaei_likelihood *p, const vaei_run *r, const double *error) {
    const conf *c = p->conf;
    facts f = {.log_sigma = log_sigma(p, r)};
    if (c->sigma == LEARNED) f.slope = clip_slope((double)r->params[p->param[LOG_SIGMA]->offset]);
    if (c->sigma == OPTIMAL && r->training && !r->frozen) {
        double sum = 0;
        for (int64_t i = 0; i < r->n; i++) sum += error[i];
        f.mse = sum / (double)vaei_likelihood_all_values(p, r);
        const double l = 0.5 * log(f.mse); /* -inf for a perfect fit, for which clip returns CLIP */
        f.log_sigma = clip(l);
        f.slope = clip_slope(l);
    }
    f.precision = exp(-2 * f.log_sigma);
    return f;
}

static void settle(const vaei_likelihood *p, const vaei_run *r, void *out, double *of) {
    if (of_values(p)) return;
    const facts f = find_sigma(p, r, of);
    for (int64_t i = 0; i < r->n; i++)
        of[i] = 0.5 * of[i] * f.precision + (double)vaei_likelihood_values(p, r, i) * (f.log_sigma + HALF_LN_2PI);
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
    if (c->sigma == LEARNED) r->grads[p->param[LOG_SIGMA]->offset] += (float)sum;
    else if (f->mse > 0) f->through_sigma = sum / ((double)vaei_likelihood_all_values(p, r) * f->mse);
}

static void backward(const vaei_likelihood *p, const vaei_run *r, const void *given, const float *theta, const float *x, float weight,
                     float *dtheta) {
    const facts *f = given;
    if (of_values(p)) {
        vaei_scaled_backward(p, r, theta, x, weight, dtheta, values_slope);
        return;
    }
    const float factor = (float)((double)weight * f->precision + f->through_sigma);
    for (int64_t i = 0; i < p->size; i++) dtheta[i] = factor * (theta[i] - x[i]);
}

static void x_backward(const vaei_likelihood *p, const vaei_run *r, const void *given, const float *theta, const float *x, float weight,
                       float *dx) {
    const facts *f = given;
    if (of_values(p)) {
        vaei_scaled_x_backward(p, r, theta, x, weight, dx, values_slope);
        return;
    }
    const float factor = (float)((double)weight * f->precision);
    for (int64_t i = 0; i < p->size; i++) dx[i] = factor * (x[i] - theta[i]);
}

static void sample(const vaei_likelihood *p, const vaei_run *r, vaei_noise_key key, uint32_t item, const float *theta, float *x) {
    vaei_noise_normal(r->k, key, item, p->size, x);
    if (of_values(p)) {
        values_sample(p, r, theta, x);
        return;
    }
    const float sigma = (float)exp(log_sigma(p, r));
    for (int64_t i = 0; i < p->size; i++) x[i] = theta[i] + sigma * x[i];
}

static void commit(const vaei_likelihood *p, const vaei_run *r, const void *given, float *params) {
    const conf *c = p->conf;
    const facts *f = given;
    (void)r;
    if (c->sigma != OPTIMAL) return;
    float *running = params + p->param[LOG_SIGMA]->offset, *batches = params + p->param[BATCHES]->offset;
    const double share = 1.0 / ((double)*batches + 1.0); /* the first batch sets the mean */
    const double momentum = share > MOMENTUM ? share : MOMENTUM;
    *running = (float)(*running + momentum * (f->log_sigma - *running));
    *batches += 1;
}

const vaei_likelihood_ops vaei_likelihood_gaussian = {
    .module = {.name = "gaussian",
               .summary = "real values around the decoder's output, with one standard deviation or one for each value",
               .examples = "gaussian\n"
                           "gaussian value=0.5\n"
                           "gaussian sigma=learned value=0.7\n"
                           "gaussian sigma=optimal\n"
                           "gaussian sigma=value value=0.5",
               .paper = "Rybkin, Daniilidis, Levine 2021 (arXiv:2006.13202)",
               .conf_size = sizeof(conf),
               .options = options},
    .lo = -FLT_MAX,
    .hi = FLT_MAX,
    .plan = plan,
    .nll = nll,
    .backward = backward,
    .x_backward = x_backward,
    .mean = vaei_scaled_location,
    .mean_backward = vaei_scaled_location_backward,
    .sample = sample,
    .settle = settle,
    .slope = slope,
    .carry = carry,
    .commit = commit,
};
