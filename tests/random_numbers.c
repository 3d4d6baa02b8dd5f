/* SPDX-License-Identifier: MIT
 * random_numbers.c - compares a model's numbers and gradients with the plain reference, and with those of single examples.
 *
 * The bound of a value is BOUND times the error that the reference estimates for float arithmetic, or the median of its tensor if that is
 * larger, because in Winograd's algorithm the values of a tile share their errors. */
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

static vaei_shape input_shape(const vae_model_t *m) {
    vaei_shape s = {0};
    s.n = vae_model_input_shape(m, s.d);
    return s;
}

/* Of all latents, one behind the other, what a session gives of each. */
static int32_t compare_levels(const char *what, const reference *r, int32_t logvar, const float *got, int64_t Z, random_report *out) {
    int64_t first = 0;
    int32_t same = 1;
    for (int32_t l = 0; same && l < r->n_levels; l++) {
        const reference_values *const v = logvar ? &r->level[l].logvar : &r->level[l].mean;
        const int64_t size = vaei_shape_size(&r->level[l].mean.shape), n = r->level[l].mean.n;
        float *rows = random_floats(n * size);
        for (int64_t i = 0; i < n * size; i++) rows[i] = got[i / size * Z + first + i % size];
        same = !v->at || compare_values(what, r, v, rows, out);
        first += size;
    }
    return same;
}

static int32_t known(const reference *r, random_report *out) {
    if (r->gave_up && strcmp(r->gave_up, "work") != 0) (void)snprintf(out->missing, sizeof(out->missing), "%s", r->gave_up);
    return !r->gave_up && !r->t.full;
}

/* n examples from number `first` on; their conditions for the reference too. */
static vae_batch_t batch_of(reference *r, const random_case *c, const vae_model_t *m, int64_t first, int64_t n, const float *x) {
    vae_batch_t b = {.struct_size = sizeof(b), .n = n, .x = x};
    random_bring(c, m, first, &b);
    if (r) r->label = b.label, r->condition = b.condition, r->of_condition = vae_model_condition_size(m);
    return b;
}

static int32_t check_session(reference *r, const random_case *c, vae_model_t *m, int64_t n, const float *x, random_report *out) {
    const vaei_shape in = input_shape(m);
    const int64_t Z = vae_model_latent_size(m);
    vaei_shape first = {0};
    float *mean = random_floats(n * Z), *logvar = random_floats(n * Z), *y = random_floats(n * vaei_shape_size(&in));
    vae_session_t *s;
    first.n = vae_model_latent_shape_at(m, 0, first.d);
    reference_start(r, 0, WORK_MOST);
    const vae_batch_t batch = batch_of(r, c, m, 0, n, x), latents = batch_of(r, c, m, 0, n, NULL);
    const reference_values h = reference_section(r, "encoder", reference_input(r, n, &in, x));
    if (!known(r, out) || !reference_posterior(r, h)) return 1;
    if (vae_model_latent_count(m) > 1) (void)reference_section(r, "decoder", reference_first_z(r, n, &first, REFERENCE_MEANS, NULL, Z));
    if (!known(r, out)) return 1;
    RANDOM_TRY(out, vae_session_create(&s, m, n));
    RANDOM_TRY(out, vae_encode_batch(s, &batch, mean, logvar));
    if (!compare_levels("encode's mean", r, 0, mean, Z, out) || !compare_levels("encode's logvar", r, 1, logvar, Z, out)) return 0;
    RANDOM_TRY(out, vae_decode_batch(s, &latents, mean, y));
    vae_session_destroy(s);
    reference_start(r, 0, WORK_MOST);
    const reference_values theta = reference_section(r, "decoder", reference_first_z(r, n, &first, REFERENCE_GIVEN, mean, Z));
    if (!known(r, out)) return 1;
    const reference_values made = reference_mean(r, theta);
    if (!known(r, out)) return 1;
    out->numbers = 1;
    return compare_values("decode", r, &made, y, out);
}

/* ---- gradients ---------------------------------------------------------------------------------------------------- */

static float *random_noise(const random_case *c, int64_t count) {
    random_dice d = {c->seed + 14};
    float *noise = random_floats(count);
    for (int64_t i = 0; i < count; i++) noise[i] = (float)(sqrt(-2 * log(1 - random_unit(&d))) * cos(6.283185307179586 * random_unit(&d)));
    return noise;
}

/* Whether some latent draws. */
static int32_t has_noise(const random_case *c) {
    return strstr(c->model, "gaussian dim=") != NULL;
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

/* Whether the loss is the one of reference_loss(): elbo alone, not a sum with other terms. */
static int32_t plain_loss(const random_case *c) {
    return !strstr(c->model, "prior vamp") && !strstr(c->training, "objective prior") && !strstr(c->training, "objective iwae") &&
           !strchr(c->training, '|');
}

/* A training pass on the tape, up to the likelihood's parameters. Returns 0 if the reference does not know the model. */
static int32_t forward_on_tape(reference *r, const vae_model_t *m, int64_t n, const float *x, const float *noise, reference_values *theta,
                               random_report *out) {
    const vaei_shape in = input_shape(m);
    reference_start(r, 1, WORK_MOST);
    const reference_values h = reference_section(r, "encoder", reference_input(r, n, &in, x));
    if (!known(r, out) || !reference_posterior(r, h)) return 0;
    *theta = reference_section(r, "decoder", reference_first_z(r, n, &h.shape, REFERENCE_DRAWN, noise, vae_model_latent_size(m)));
    return known(r, out);
}

static int32_t check_gradients(reference *r, const random_case *c, vae_model_t *m, int64_t n, const float *x, random_report *out) {
    const float *noise = random_noise(c, n * vae_model_latent_size(m));
    reference_values theta;
    vae_trainer_t *t = NULL;
    vae_metrics_t metrics = {.struct_size = sizeof(metrics)};
    vae_batch_t batch = batch_of(r, c, m, 0, n, x);
    if (!forward_on_tape(r, m, n, x, noise, &theta, out)) return 1;
    batch.noise = has_noise(c) ? noise : NULL;
    RANDOM_TRY(out, random_trainer(&t, m, c->training, n));
    const vae_status_t status = vae_trainer_backward_batch(t, &batch, &metrics);
    if (status == VAE_OK) {
        const double free_bits = option_of(c->training, "elbo.free_bits");
        const int32_t loss = reference_loss(r, theta, x, metrics.beta, free_bits);
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
    static const char *const mixes[] = {"batchnorm", "dropout", "corrupt", "drop=", "optimal", "free_bits", "prior"};
    const char *latent = strstr(c->model, "\nlatent ");
    if (strchr(c->training, '|')) return 0;              /* a term may see all examples */
    if (strstr(c->training, "objective iwae")) return 0; /* its noise has a row for each sample */
    for (size_t i = 0; i < sizeof(mixes) / sizeof(mixes[0]); i++)
        if (strstr(c->model, mixes[i]) || strstr(c->training, mixes[i])) return 0;
    return latent && (strncmp(latent + 8, "none", 4) == 0 || strncmp(latent + 8, "gaussian", 8) == 0);
}

/* The gradients of a batch, all parameters one behind the other. Returns 0 if the step is refused. */
static int32_t gradients(const random_case *c, vae_model_t *m, const vae_batch_t *batch, float *all, double *beta) {
    vae_trainer_t *t = NULL;
    vae_metrics_t metrics = {.struct_size = sizeof(metrics)};
    if (random_trainer(&t, m, c->training, batch->n) != VAE_OK) return 0;
    const vae_status_t status = vae_trainer_backward_batch(t, batch, &metrics);
    for (int64_t i = 0; status == VAE_OK && i < vae_model_param_count(m); i++) {
        vae_tensor_t *grad;
        if (vae_trainer_grad(t, i, &grad) != VAE_OK) abort();
        memcpy(all, vae_tensor_data(grad), (size_t)count_of(grad) * sizeof(*all));
        all += count_of(grad);
    }
    *beta = metrics.beta;
    vae_trainer_destroy(t);
    return status == VAE_OK;
}

/* Sums over the examples, one number for each value of each parameter. */
typedef struct sums {
    int64_t total;
    double *gradient, *magnitude, *error; /* errors as squares */
} sums;

/* One example: what the library gives, and the error that the reference expects there. Returns 0 where one of them gives nothing. */
static int32_t add_example(reference *r, const random_case *c, vae_model_t *m, const vae_batch_t *one, float *room, sums *s,
                           random_report *out) {
    reference_values theta;
    double beta;
    if (!forward_on_tape(r, m, 1, one->x, one->noise, &theta, out) || !gradients(c, m, one, room, &beta)) return 0;
    const int32_t loss = reference_loss(r, theta, one->x, beta, 0);
    if (!known(r, out)) return 0;
    tape_backward(&r->t, loss);
    for (int64_t i = 0; i < s->total; i++) { /* parameters are the first nodes */
        s->gradient[i] += (double)room[i];
        s->magnitude[i] += fabs((double)room[i]);
        s->error[i] += r->t.node[i].grad_error;
    }
    return 1;
}

/* Blocks, lanes and passes: the gradient of a batch is the mean of those of its examples. Both sides have the errors of the examples, and
 * the batch rounds the sum of their gradients. */
static int32_t compare_split(const vae_model_t *m, int64_t n, const float *batch, sums *s, random_report *out) {
    for (int64_t i = 0; i < s->total; i++) {
        s->error[i] = (2 * sqrt(s->error[i]) + TAPE_UNIT * s->magnitude[i]) / (double)n;
        s->gradient[i] /= (double)n;
    }
    for (int64_t i = 0, at = 0, count; i < vae_model_param_count(m); i++, at += count) {
        const vae_tensor_t *p;
        const char *name;
        char what[300];
        RANDOM_TRY(out, vae_model_param(m, i, &p, &name));
        count = count_of(p);
        (void)snprintf(what, sizeof(what), "gradient of %s, of the batch beside the mean of its examples", name);
        if (!compare(what, count, batch + at, s->gradient + at, s->error + at, out)) return 0;
    }
    return 1;
}

static int32_t check_split(reference *r, const random_case *c, vae_model_t *m, const float *x, random_report *out) {
    const int64_t S = vae_model_input_size(m), D = vae_model_latent_size(m);
    sums s = {0};
    double beta;
    for (int64_t i = 0; i < vae_model_param_count(m); i++) {
        const vae_tensor_t *p;
        RANDOM_TRY(out, vae_model_param(m, i, &p, NULL));
        s.total += count_of(p);
    }
    s.gradient = calloc((size_t)s.total + 1, 3 * sizeof(*s.gradient));
    if (!s.gradient) abort();
    s.magnitude = s.gradient + s.total;
    s.error = s.magnitude + s.total;
    float *batch = random_floats(s.total), *room = random_floats(s.total);
    const float *noise = has_noise(c) ? random_noise(c, c->n * D) : NULL;
    vae_batch_t all = batch_of(NULL, c, m, 0, c->n, x);
    all.noise = noise;
    int32_t good = gradients(c, m, &all, batch, &beta);
    for (int64_t i = 0; good && i < c->n; i++) {
        vae_batch_t one = batch_of(r, c, m, i, 1, x + i * S);
        one.noise = noise ? noise + i * D : NULL;
        good = add_example(r, c, m, &one, room, &s, out);
    }
    const int32_t sound = !good || compare_split(m, c->n, batch, &s, out);
    free(s.gradient);
    out->splits += good;
    return sound;
}

int32_t random_check_numbers(const random_case *c, random_report *out) {
    vae_ctx_t *ctx = random_ctx(1, 0);
    vae_model_t *m = random_model(c, ctx, out);
    reference r;
    if (!m) return 0;
    const float *x = random_examples(c, m);
    const int64_t n = vae_model_input_size(m) > 2000 ? 1 : c->n < EXAMPLES_MOST ? c->n : EXAMPLES_MOST;
    reference_open(&r, m);
    int32_t sound = check_session(&r, c, m, n, x, out);
    if (sound && plain_loss(c)) sound = check_gradients(&r, c, m, n, x, out);
    if (sound && separable(c) && c->n > 1) sound = check_split(&r, c, m, x, out);
    reference_close(&r);
    return sound;
}
