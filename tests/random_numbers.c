/* SPDX-License-Identifier: MIT
 * random_numbers.c - a model's numbers and gradients beside the plain reference, and beside themselves example by example.
 *
 * The bound of a value is BOUND times the error that the reference expects of float arithmetic there, or of the middle one of its
 * tensor if that is more: Winograd's way lets the numbers of a tile share their errors. */
#include "random_models.h"
#include "reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOUND 48.0
#define LEAST 1e-30 /* below it a float has no digits */

enum { WORK_MOST = 2000000, EXAMPLES_MOST = 8 };

/* ---- comparing ---------------------------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double middle(const double *error, int64_t count) {
    double *sorted = malloc((size_t)count * sizeof(*sorted));
    if (!sorted) abort();
    memcpy(sorted, error, (size_t)count * sizeof(*sorted));
    qsort(sorted, (size_t)count, sizeof(*sorted), by_size);
    const double m = sorted[count / 2];
    free(sorted);
    return m;
}

static int32_t compare(const char *what, int64_t count, const float *got, const double *want, const double *error, random_report *out) {
    const double usual = count > 0 ? middle(error, count) : 0;
    for (int64_t i = 0; i < count; i++) {
        const double off = fabs((double)got[i] - want[i]), bound = BOUND * fmax(error[i], usual) + LEAST;
        if (isfinite(bound) && !(off <= bound))
            return random_fail(out, "%s: value %lld is %.9g, wanted %.9g within %.2g", what, (long long)i, (double)got[i], want[i], bound);
        if (isfinite(bound)) out->worst = fmax(out->worst, off / bound);
    }
    return 1;
}

static int32_t compare_values(const char *what, const reference *r, const reference_values *v, const float *got, random_report *out) {
    const int64_t count = v->n * vaei_shape_size(&v->shape);
    double *want = calloc((size_t)count + 1, 2 * sizeof(*want)), *error = want + count;
    if (!want) abort();
    for (int64_t i = 0; i < count; i++) {
        want[i] = r->t.node[v->at[i]].value;
        error[i] = sqrt(r->t.node[v->at[i]].error);
    }
    const int32_t same = compare(what, count, got, want, error, out);
    free(want);
    return same;
}

static int64_t count_of(const vae_tensor_t *t) {
    int64_t count = 1;
    for (int32_t d = 0; d < vae_tensor_ndim(t); d++) count *= vae_tensor_shape(t)[d];
    return count;
}

/* ---- at inference ------------------------------------------------------------------------------------------------- */

static vaei_shape shape_of(const vae_model_t *m, int32_t latent) {
    vaei_shape s = {0};
    s.n = latent ? vae_model_latent_shape(m, s.d) : vae_model_input_shape(m, s.d);
    return s;
}

static int32_t known(const reference *r, random_report *out) {
    if (r->gave_up && strcmp(r->gave_up, "work") != 0) (void)snprintf(out->missing, sizeof(out->missing), "%s", r->gave_up);
    return !r->gave_up;
}

static int32_t check_session(reference *r, vae_model_t *m, int64_t n, const float *x, random_report *out) {
    const vaei_shape in = shape_of(m, 0), z = shape_of(m, 1);
    const int64_t D = n * vaei_shape_size(&z);
    float *mean = random_floats(D), *logvar = random_floats(D), *y = random_floats(n * vaei_shape_size(&in));
    reference_values mean_of, logvar_of;
    vae_session_t *s;
    reference_start(r, 0, WORK_MOST);
    const reference_values h = reference_section(r, "encoder", reference_input(r, n, &in, x));
    if (!known(r, out) || !reference_posterior(r, h, &mean_of, &logvar_of)) return 1;
    RANDOM_TRY(out, vae_session_create(&s, m, n));
    RANDOM_TRY(out, vae_encode(s, n, x, mean, logvar_of.at ? logvar : NULL));
    if (!compare_values("encode's mean", r, &mean_of, mean, out)) return 0;
    if (logvar_of.at && !compare_values("encode's logvar", r, &logvar_of, logvar, out)) return 0;
    RANDOM_TRY(out, vae_decode(s, n, mean, y));
    vae_session_destroy(s);
    reference_start(r, 0, WORK_MOST);
    const reference_values theta = reference_section(r, "decoder", reference_input(r, n, &z, mean));
    if (!known(r, out)) return 1;
    const reference_values made = reference_mean(r, theta);
    out->numbers = 1;
    return compare_values("decode", r, &made, y, out);
}

/* ---- gradients ---------------------------------------------------------------------------------------------------- */

static float *random_noise(const random_case *c, int64_t count) {
    random_dice d = {c->seed + 14};
    float *noise = random_floats(count);
    for (int64_t i = 0; i < count; i++)
        noise[i] = (float)(sqrt(-2 * log(1 - random_unit(&d))) * cos(6.283185307179586 * random_unit(&d)));
    return noise;
}

/* The objective's own options are read from the text, as everything else. */
static double option_of(const char *text, const char *path) {
    char value[64];
    size_t needed;
    return vae_spec_get(text, path, value, sizeof(value), &needed) == VAE_OK ? strtod(value, NULL) : 0;
}

static int32_t compare_grads(const reference *r, const vae_model_t *m, const vae_trainer_t *t, random_report *out) {
    for (int64_t i = 0; i < r->n_params; i++) {
        const vae_tensor_t *p;
        vae_tensor_t *grad;
        const char *name;
        char what[300];
        RANDOM_TRY(out, vae_model_param(m, i, &p, &name));
        RANDOM_TRY(out, vae_trainer_grad(t, i, &grad));
        const int64_t count = count_of(p);
        double *want = calloc((size_t)count + 1, 2 * sizeof(*want)), *error = want + count;
        if (!want) abort();
        for (int64_t j = 0; j < count; j++) {
            want[j] = r->t.node[r->param[i] + j].grad;
            error[j] = sqrt(r->t.node[r->param[i] + j].grad_error);
        }
        (void)snprintf(what, sizeof(what), "gradient of %s", name);
        const int32_t same = compare(what, count, vae_tensor_data(grad), want, error, out);
        free(want);
        if (!same) return 0;
    }
    return 1;
}

/* Whether the loss is the one of reference_loss(). */
static int32_t plain_loss(const random_case *c) {
    return !strstr(c->model, "prior vamp") && !strstr(c->training, "objective prior");
}

static int32_t check_gradients(reference *r, const random_case *c, vae_model_t *m, int64_t n, const float *x, random_report *out) {
    const vaei_shape in = shape_of(m, 0);
    const int64_t D = n * vae_model_latent_size(m);
    const float *noise = random_noise(c, D);
    reference_values mean, logvar;
    vae_trainer_t *t = NULL;
    vae_metrics_t metrics = {.struct_size = sizeof(metrics)};
    reference_start(r, 1, WORK_MOST);
    const reference_values h = reference_section(r, "encoder", reference_input(r, n, &in, x));
    if (!known(r, out) || !reference_posterior(r, h, &mean, &logvar)) return 1;
    const reference_values theta = reference_section(r, "decoder", reference_draw(r, &mean, &logvar, noise));
    if (!known(r, out)) return 1;
    RANDOM_TRY(out, random_trainer(&t, m, c->training, n));
    const vae_status_t status = vae_trainer_backward(t, n, x, logvar.at ? noise : NULL, &metrics);
    if (status == VAE_OK) {
        const double free_bits = option_of(c->training, "elbo.free_bits");
        const int32_t loss = reference_loss(r, theta, x, &mean, &logvar, metrics.beta, free_bits);
        if (!known(r, out)) return 1;
        tape_backward(&r->t, loss);
        const tape_node *node = &r->t.node[loss];
        const float got = (float)metrics.loss;
        const double error = sqrt(node->error) + 1e-7 * fabs(node->value);
        if (!compare("loss", 1, &got, &node->value, &error, out) || !compare_grads(r, m, t, out)) return 0;
        out->gradients = 1;
    }
    vae_trainer_destroy(t);
    if (status == VAE_OK || status == VAE_E_ARG || status == VAE_E_NUMERIC) return 1;
    return random_fail(out, "vae_trainer_backward: %s", vae_last_error());
}

/* ---- a batch and its examples ------------------------------------------------------------------------------------- */

/* Whether the examples of a batch are strangers to each other in training. */
static int32_t separable(const random_case *c) {
    static const char *const mixes[] = {"batchnorm", "dropout", "optimal", "free_bits", "prior"};
    const char *latent = strstr(c->model, "\nlatent ");
    for (size_t i = 0; i < sizeof(mixes) / sizeof(mixes[0]); i++)
        if (strstr(c->model, mixes[i]) || strstr(c->training, mixes[i])) return 0;
    return latent && (strncmp(latent + 8, "none", 4) == 0 || strncmp(latent + 8, "gaussian", 8) == 0);
}

static int32_t take_grads(const vae_model_t *m, const vae_trainer_t *t, double *sum, double *magnitude) {
    int64_t at = 0;
    for (int64_t i = 0; i < vae_model_param_count(m); i++) {
        vae_tensor_t *grad;
        if (vae_trainer_grad(t, i, &grad) != VAE_OK) abort();
        float *g = vae_tensor_data(grad);
        for (int64_t j = 0; j < count_of(grad); j++, at++) {
            sum[at] += (double)g[j];
            magnitude[at] += fabs((double)g[j]);
        }
    }
    return 1;
}

/* Adds the gradients of n examples, and their magnitudes, to sums[total] and magnitudes[total]. Returns 0 if the step is refused. */
static int32_t add_grads(const random_case *c, vae_model_t *m, int64_t n, const float *x, const float *noise, double *sums,
                         double *magnitudes) {
    vae_trainer_t *t = NULL;
    if (random_trainer(&t, m, c->training, n) != VAE_OK) return 0;
    const vae_status_t status = vae_trainer_backward(t, n, x, noise, NULL);
    if (status == VAE_OK) (void)take_grads(m, t, sums, magnitudes);
    vae_trainer_destroy(t);
    return status == VAE_OK;
}

/* The same examples, each value moved by one unit in its last place towards 1/2. */
static float *nudged(int64_t count, const float *x) {
    float *y = random_floats(count);
    for (int64_t i = 0; i < count; i++) y[i] = i % 2 ? nextafterf(x[i], 0.5f) : x[i];
    return y;
}

/* What belongs to one tensor: gradients of the batch against the mean of those of its examples. Sums of float terms in another order
 * differ by the terms' magnitudes, of which most may cancel within an example (a bias before a norm): what one unit in the last place
 * of x does to the tensor's gradients measures that. */
static int32_t check_tensor(int64_t at, int64_t count, int64_t total, int64_t n, const double *sums, double most, random_report *out) {
    const double *batch = sums, *single = sums + 2 * total, *magnitude = sums + 3 * total, *moved = sums + 4 * total;
    double cancelled = 0;
    for (int64_t i = at; i < at + count; i++) cancelled = fmax(cancelled, fabs(moved[i] - batch[i]));
    for (int64_t i = at; i < at + count; i++) {
        const double want = single[i] / (double)n, bound = 1e-4 * magnitude[i] / (double)n + 2e-5 * most + 8 * cancelled + LEAST;
        if (!(fabs(batch[i] - want) <= bound))
            return random_fail(out, "gradient %lld of the batch is %.9g, of its examples one by one %.9g", (long long)i, batch[i], want);
    }
    return 1;
}

/* Blocks, lanes and passes: the gradient of a batch is the mean of those of its examples. */
static int32_t check_split(const random_case *c, vae_model_t *m, const float *x, random_report *out) {
    const int64_t S = vae_model_input_size(m), D = vae_model_latent_size(m), count = vae_model_param_count(m);
    const vae_tensor_t *p;
    int64_t total = 0, at = 0;
    for (int64_t i = 0; i < count; i++) {
        if (vae_model_param(m, i, &p, NULL) != VAE_OK) abort();
        total += count_of(p);
    }
    double *sums = calloc((size_t)total + 1, 6 * sizeof(*sums)), most = 0; /* of the batch, of its examples, of the batch moved */
    if (!sums) abort();
    const float *noise = strstr(c->model, "latent none") ? NULL : random_noise(c, c->n * D);
    int32_t good = add_grads(c, m, c->n, x, noise, sums, sums + total) &&
                   add_grads(c, m, c->n, nudged(c->n * S, x), noise, sums + 4 * total, sums + 5 * total);
    for (int64_t i = 0; good && i < c->n; i++)
        good = add_grads(c, m, 1, x + i * S, noise ? noise + i * D : NULL, sums + 2 * total, sums + 3 * total);
    for (int64_t i = 0; i < total; i++) most = fmax(most, sums[3 * total + i] / (double)c->n);
    for (int64_t i = 0; good && i < count; i++, at += count_of(p)) {
        if (vae_model_param(m, i, &p, NULL) != VAE_OK) abort();
        if (!check_tensor(at, count_of(p), total, c->n, sums, most, out)) return 0;
    }
    free(sums);
    out->splits += good;
    return 1;
}

int32_t random_check_numbers(const random_case *c, random_report *out) {
    vae_ctx_t *ctx = random_ctx(1, 0);
    vae_model_t *m = random_model(c, ctx, out);
    reference r;
    if (!m) return 0;
    const float *x = random_examples(c, m);
    const int64_t n = vae_model_input_size(m) > 2000 ? 1 : c->n < EXAMPLES_MOST ? c->n : EXAMPLES_MOST;
    reference_open(&r, m);
    int32_t sound = check_session(&r, m, n, x, out);
    if (sound && plain_loss(c)) sound = check_gradients(&r, c, m, n, x, out);
    if (sound && separable(c) && c->n > 1) sound = check_split(c, m, x, out);
    reference_close(&r);
    return sound;
}
