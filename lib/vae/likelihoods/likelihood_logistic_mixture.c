/* SPDX-License-Identifier: MIT
 * likelihood_logistic_mixture.c - grey values on L levels 0, 1/(L-1), ..., 1. The probability of a level is that of a mixture of K logistic
 * distributions between the midpoints to the level's neighbours. theta is K logits w, K means m and K logarithms t of a scale.
 *
 *     y = 2 x - 1, h = 1/(L - 1), s = e^t, t within [-7, 6]        A = (y + h - m) / s, B = (y - h - m) / s, d = A - B = 2 h / s
 *
 *     nll = sum ln sum_k e^w_k - ln sum_k e^w_k P_k
 *     ln P = -softplus(-A) - softplus(B) + ln(1 - e^-d);  for the lowest level -softplus(-A), for the highest -softplus(B)
 *
 *     d ln P / d m = (sigmoid(B) - sigmoid(-A)) / s        d ln P / d t = B sigmoid(B) - A sigmoid(-A) - d / (e^d - 1)
 *     the lowest level has only the terms with A, the highest only those with B, and neither has the term with d
 *     d nll / d w_k = q_k - p_k, d nll / d theta_k = -p_k d ln P_k / d theta_k        q = softmax(w), p_k = q_k P_k / sum_j q_j P_j
 *
 *     E[x] = sum_k q_k (s/2) (softplus((m + 1)/s) - softplus((m - 1)/s)), the mean of the distribution clamped to [0, 1] but not
 *     rounded; it differs from the mean of the levels by less than half a level
 *     x ~ m + s ln(u / (1 - u)) of component k, clamped and rounded to a level
 *
 * This form of ln P is accurate for small P too, so that it needs no added constant and no special case. A value of x between two levels
 * has the probability of the interval around x. Salimans et al. 2017 (arXiv:1701.05517), Kingma et al. 2016. Not here: channels of a
 * pixel that depend on each other or share weights; each value has its own mixture. */
#include "vae/likelihood.h"

#include <math.h>

#include "vae/likelihoods/gamma_draw.h"
#include "vae/likelihoods/natural_log.h"

enum { RUN = 32, COMPONENTS_MOST = 16 };
#define LEAST -7.0f
#define MOST  6.0f

typedef struct conf {
    int64_t components, levels;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_INT(conf, components, 5, 1, COMPONENTS_MOST, "number of logistic distributions in the mixture of each value"),
    VAEI_OPTION_INT(conf, levels, 256, 2, 65536, "number of grey levels from 0 to 1"),
    {0},
};

static vae_status_t plan(vaei_likelihood *p, vaei_build *b) {
    const conf *const c = p->conf;
    (void)b;
    vaei_likelihood_takes(p, (int32_t)(3 * c->components), "for each component a logit, a mean in [-1, 1] and the logarithm of a scale", -1,
                          1);
    return VAE_OK;
}

static int64_t run_from(const vaei_likelihood *p, int64_t at) {
    return p->size - at < RUN ? p->size - at : RUN;
}

/* Computes for component k of a run of values m, 1/s, and whether t is within its bounds. */
typedef struct component {
    float m[RUN], inverse[RUN], moves[RUN];
} component;

static void read_component(const vaei_likelihood *p, const vaei_run *r, const float *theta, int32_t k, int64_t at, int64_t n,
                           component *c) {
    const int32_t K = (int32_t)((const conf *)p->conf)->components;
    vaei_likelihood_get(p, theta, K + k, at, n, c->m);
    vaei_likelihood_get(p, theta, 2 * K + k, at, n, c->inverse);
    for (int64_t i = 0; i < n; i++) {
        const float t = c->inverse[i];
        c->moves[i] = t > MOST || t < LEAST ? 0.0f : 1.0f;
        c->inverse[i] = t > MOST ? -MOST : t < LEAST ? -LEAST : -t;
    }
    r->k->map[VAEI_MAP_EXP](n, 0, c->inverse, c->inverse);
}

/* Computes for each value of x its interval in units of the scale (A, B, d), and whether the interval has an upper and a lower end. */
typedef struct interval {
    float a[RUN], b[RUN], d[RUN];
    int32_t has_a[RUN], has_b[RUN];
} interval;

static void place(const vaei_likelihood *p, const component *c, const float *x, int64_t n, interval *v) {
    const double h = 1.0 / (double)(((const conf *)p->conf)->levels - 1);
    for (int64_t i = 0; i < n; i++) {
        const double y = 2 * (double)x[i] - 1, e = y - (double)c->m[i], inverse = (double)c->inverse[i];
        v->a[i] = (float)((e + h) * inverse);
        v->b[i] = (float)((e - h) * inverse);
        v->d[i] = (float)(2 * h * inverse);
        v->has_a[i] = y < 1 - h; /* otherwise the interval has no upper end */
        v->has_b[i] = y > h - 1;
    }
}

static void negated(int64_t n, const float *x, float *y) {
    for (int64_t i = 0; i < n; i++) y[i] = -x[i];
}

/* ln P of a component */
static void log_shares(const vaei_run *r, const interval *v, int64_t n, double *out) {
    float above[RUN], below[RUN], rest[RUN];
    negated(n, v->a, above);
    negated(n, v->d, rest);
    r->k->map[VAEI_MAP_SOFTPLUS](n, 0, above, above);
    r->k->map[VAEI_MAP_SOFTPLUS](n, 0, v->b, below);
    r->k->map[VAEI_MAP_ELU](n, 1, rest, rest); /* e^-d - 1 */
    for (int64_t i = 0; i < n; i++) {
        out[i] = -(v->has_a[i] ? (double)above[i] : 0) - (v->has_b[i] ? (double)below[i] : 0);
        if (v->has_a[i] && v->has_b[i]) out[i] += vaei_natural_log(-(double)rest[i]);
    }
}

/* A sum of exponentials, as its largest exponent and the factor of the exponential of that exponent. */
typedef struct log_sum {
    double top, sum;
} log_sum;

static double power_of_e(const vaei_run *r, double x) {
    float y = (float)x;
    r->k->map[VAEI_MAP_EXP](1, 0, &y, &y);
    return (double)y;
}

static void add_power(const vaei_run *r, log_sum *s, double x) {
    if (x > s->top) {
        s->sum = s->sum > 0 ? s->sum * power_of_e(r, s->top - x) + 1 : 1;
        s->top = x;
    } else {
        s->sum += power_of_e(r, x - s->top);
    }
}

/* For a run of values: w and w + ln P of each component, and the logarithms of their sums of exponentials. */
typedef struct mixture {
    float w[COMPONENTS_MOST][RUN];
    double joint[COMPONENTS_MOST][RUN], all_w[RUN], all_joint[RUN];
} mixture;

static void mix(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *x, int64_t at, int64_t n, mixture *v) {
    const int32_t K = (int32_t)((const conf *)p->conf)->components;
    component c;
    interval in;
    for (int32_t k = 0; k < K; k++) {
        read_component(p, r, theta, k, at, n, &c);
        place(p, &c, x, n, &in);
        log_shares(r, &in, n, v->joint[k]);
        vaei_likelihood_get(p, theta, k, at, n, v->w[k]);
        for (int64_t i = 0; i < n; i++) v->joint[k][i] += (double)v->w[k][i];
    }
    for (int64_t i = 0; i < n; i++) {
        log_sum w = {-INFINITY, 0}, joint = {-INFINITY, 0};
        for (int32_t k = 0; k < K; k++) {
            add_power(r, &w, (double)v->w[k][i]);
            add_power(r, &joint, v->joint[k][i]);
        }
        v->all_w[i] = w.top + vaei_natural_log(w.sum);
        v->all_joint[i] = joint.top + vaei_natural_log(joint.sum);
    }
}

static double nll(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *x) {
    mixture v;
    double sum = 0;
    for (int64_t at = 0; at < p->size; at += RUN) {
        const int64_t n = run_from(p, at);
        mix(p, r, theta, x + at, at, n, &v);
        for (int64_t i = 0; i < n; i++) sum += v.all_w[i] - v.all_joint[i];
    }
    return sum;
}

/* d ln P / d m and d ln P / d t */
static void slopes(const vaei_run *r, const component *c, const interval *v, int64_t n, float *d_m, float *d_t) {
    float above[RUN], below[RUN], grown[RUN];
    negated(n, v->a, above);
    r->k->map[VAEI_MAP_SIGMOID](n, 0, above, above);
    r->k->map[VAEI_MAP_SIGMOID](n, 0, v->b, below);
    negated(n, v->d, grown);
    r->k->map[VAEI_MAP_ELU](n, 1, grown, grown); /* e^-d - 1 */
    for (int64_t i = 0; i < n; i++) {
        const float a = v->has_a[i] ? above[i] : 0, b = v->has_b[i] ? below[i] : 0;
        const float width = v->has_a[i] && v->has_b[i] ? v->d[i] * (1 + grown[i]) / -grown[i] : 0;
        d_m[i] = (b - a) * c->inverse[i];
        d_t[i] = c->moves[i] * (v->b[i] * b - v->a[i] * a - width);
    }
}

static void backward(const vaei_likelihood *p, const vaei_run *r, const void *facts, const float *theta, const float *x, float weight,
                     float *dtheta) {
    const int32_t K = (int32_t)((const conf *)p->conf)->components;
    mixture v;
    component c;
    interval in;
    float share[RUN], own[RUN], d_m[RUN], d_t[RUN];
    (void)facts;
    for (int64_t at = 0; at < p->size; at += RUN) {
        const int64_t n = run_from(p, at);
        mix(p, r, theta, x + at, at, n, &v);
        for (int32_t k = 0; k < K; k++) {
            for (int64_t i = 0; i < n; i++) {
                share[i] = (float)((double)v.w[k][i] - v.all_w[i]);
                own[i] = (float)(v.joint[k][i] - v.all_joint[i]);
            }
            r->k->map[VAEI_MAP_EXP](n, 0, share, share);
            r->k->map[VAEI_MAP_EXP](n, 0, own, own);
            read_component(p, r, theta, k, at, n, &c);
            place(p, &c, x + at, n, &in);
            slopes(r, &c, &in, n, d_m, d_t);
            for (int64_t i = 0; i < n; i++) {
                share[i] = vaei_flushed(weight * (share[i] - own[i]));
                d_m[i] = vaei_flushed(-weight * own[i] * d_m[i]);
                d_t[i] = vaei_flushed(-weight * own[i] * d_t[i]);
            }
            vaei_likelihood_put(p, dtheta, k, at, n, share);
            vaei_likelihood_put(p, dtheta, K + k, at, n, d_m);
            vaei_likelihood_put(p, dtheta, 2 * K + k, at, n, d_t);
        }
    }
}

/* ---- the mean ------------------------------------------------------------------------------------------------------ */

/* For a run of values: q, the mean of each component, and the mean of the mixture. */
typedef struct means {
    float q[COMPONENTS_MOST][RUN], of[COMPONENTS_MOST][RUN], all[RUN];
} means;

/* (m + 1)/s and (m - 1)/s */
static void ends(const component *c, int64_t n, float *up, float *down) {
    for (int64_t i = 0; i < n; i++) {
        up[i] = (c->m[i] + 1) * c->inverse[i];
        down[i] = (c->m[i] - 1) * c->inverse[i];
    }
}

/* softplus(up) - softplus(down), at most the length 2/s */
static float length_of(float up, float down, float inverse) {
    const float length = up - down;
    return length < 0 ? 0 : length > 2 * inverse ? 2 * inverse : length;
}

static void average(const vaei_likelihood *p, const vaei_run *r, const float *theta, int64_t at, int64_t n, means *v) {
    const int32_t K = (int32_t)((const conf *)p->conf)->components;
    component c;
    float up[RUN], down[RUN];
    for (int32_t k = 0; k < K; k++) {
        read_component(p, r, theta, k, at, n, &c);
        ends(&c, n, up, down);
        r->k->map[VAEI_MAP_SOFTPLUS](n, 0, up, up);
        r->k->map[VAEI_MAP_SOFTPLUS](n, 0, down, down);
        for (int64_t i = 0; i < n; i++) v->of[k][i] = 0.5f * length_of(up[i], down[i], c.inverse[i]) / c.inverse[i];
        vaei_likelihood_get(p, theta, k, at, n, v->q[k]);
    }
    for (int64_t i = 0; i < n; i++) {
        log_sum w = {-INFINITY, 0};
        double mean = 0;
        for (int32_t k = 0; k < K; k++) add_power(r, &w, (double)v->q[k][i]);
        for (int32_t k = 0; k < K; k++) {
            v->q[k][i] = (float)(power_of_e(r, (double)v->q[k][i] - w.top) / w.sum);
            mean += (double)v->q[k][i] * (double)v->of[k][i];
        }
        v->all[i] = (float)(mean < 1 ? mean : 1);
    }
}

static void mean(const vaei_likelihood *p, const vaei_run *r, const float *theta, float *x) {
    means v;
    for (int64_t at = 0; at < p->size; at += RUN) {
        const int64_t n = run_from(p, at);
        average(p, r, theta, at, n, &v);
        memcpy(x + at, v.all, (size_t)n * sizeof(*x));
    }
}

/* dx/dm = (sigmoid(up) - sigmoid(down)) / 2, dx/dt = x - (s/2) (up sigmoid(up) - down sigmoid(down)), dx/dw = q (x_k - x) */
static void mean_backward(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *dx, float *dtheta) {
    const int32_t K = (int32_t)((const conf *)p->conf)->components;
    means v;
    component c;
    float up[RUN], down[RUN], of_up[RUN], of_down[RUN];
    for (int64_t at = 0; at < p->size; at += RUN) {
        const int64_t n = run_from(p, at);
        average(p, r, theta, at, n, &v);
        for (int32_t k = 0; k < K; k++) {
            read_component(p, r, theta, k, at, n, &c);
            ends(&c, n, up, down);
            r->k->map[VAEI_MAP_SIGMOID](n, 0, up, of_up);
            r->k->map[VAEI_MAP_SIGMOID](n, 0, down, of_down);
            for (int64_t i = 0; i < n; i++) {
                const float d = dx[at + i] * v.q[k][i], moved = up[i] * of_up[i] - down[i] * of_down[i];
                up[i] = d * (v.of[k][i] - v.all[i]);
                down[i] = d * 0.5f * (of_up[i] - of_down[i]);
                of_up[i] = c.moves[i] * d * (v.of[k][i] - 0.5f * moved / c.inverse[i]);
            }
            vaei_likelihood_add(p, dtheta, k, at, n, up);
            vaei_likelihood_add(p, dtheta, K + k, at, n, down);
            vaei_likelihood_add(p, dtheta, 2 * K + k, at, n, of_up);
        }
    }
}

/* ---- samples ------------------------------------------------------------------------------------------------------- */

/* Returns the component whose interval of the cumulated weights contains u. If rounding leaves none, it returns the last one. */
static int32_t chosen(const vaei_likelihood *p, const means *v, int64_t i, double u) {
    const int32_t K = (int32_t)((const conf *)p->conf)->components;
    int32_t k = 0;
    while (k < K - 1 && (u -= (double)v->q[k][i]) >= 0) k++;
    return k;
}

static void sample(const vaei_likelihood *p, const vaei_run *r, vaei_noise_key key, uint32_t item, const float *theta, float *x) {
    const int32_t K = (int32_t)((const conf *)p->conf)->components;
    const double top = (double)(((const conf *)p->conf)->levels - 1);
    means v;
    component c;
    int32_t of[RUN];
    double u[RUN][4];
    for (int64_t at = 0; at < p->size; at += RUN) {
        const int64_t n = run_from(p, at);
        average(p, r, theta, at, n, &v);
        for (int64_t i = 0; i < n; i++) {
            vaei_draw_uniforms(key, item, at + i, u[i]);
            of[i] = chosen(p, &v, i, u[i][0]);
        }
        for (int32_t k = 0; k < K; k++) {
            read_component(p, r, theta, k, at, n, &c);
            for (int64_t i = 0; i < n; i++) {
                if (of[i] != k) continue;
                const double odds = vaei_natural_log(u[i][1]) - vaei_natural_log(1 - u[i][1]);
                const double y = 0.5 * (1 + (double)c.m[i] + odds / (double)c.inverse[i]), cut = y < 0 ? 0 : y > 1 ? 1 : y;
                x[at + i] = (float)(floor(cut * top + 0.5) / top);
            }
        }
    }
}

const vaei_likelihood_ops vaei_likelihood_logistic_mixture = {
    .module = {.name = "logistic_mixture",
               .summary = "grey levels from 0 to 1; each value has a mixture of logistic distributions",
               .examples = "logistic_mixture components=2\n"
                           "logistic_mixture components=3 levels=8",
               .paper = "Salimans et al. 2017 (arXiv:1701.05517)",
               .conf_size = sizeof(conf),
               .options = options},
    .lo = 0,
    .hi = 1,
    .plan = plan,
    .nll = nll,
    .backward = backward,
    .mean = mean,
    .mean_backward = mean_backward,
    .sample = sample,
};
