/* SPDX-License-Identifier: MIT
 * reference.c - reads the model's text and parameters, and computes the parts besides the layers: latents and likelihoods. */
#define _DEFAULT_SOURCE /* M_PI */
#include "reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the model ---------------------------------------------------------------------------------------------------- */

void reference_open(reference *r, const vae_model_t *model) {
    static char text[VAEI_TEXT_MAX];
    size_t length = 0;
    memset(r, 0, sizeof(*r));
    r->model = model;
    vaei_heap_init_default(&r->heap);
    vaei_arena_init(&r->arena, &r->heap);
    if (vae_model_spec(model, text, sizeof(text), &length) != VAE_OK ||
        vaei_document_parse(&r->document, &r->arena, text, strlen(text)) != VAE_OK)
        abort();
    r->n_params = vae_model_param_count(model);
    r->param = calloc((size_t)r->n_params + 1, sizeof(*r->param));
    if (!r->param) abort();
}

void reference_close(reference *r) {
    tape_free(&r->t);
    free(r->param);
    vaei_arena_free(&r->arena);
}

static int64_t tensor_count(const vae_tensor_t *t) {
    int64_t count = 1;
    for (int32_t d = 0; d < vae_tensor_ndim(t); d++) count *= vae_tensor_shape(t)[d];
    return count;
}

void reference_start(reference *r, int32_t training, int64_t most_work) {
    tape_clear(&r->t);
    r->t.terms_most = most_work;
    r->training = training;
    r->gave_up = NULL;
    r->n_levels = r->n_taps = 0;
    for (int64_t i = 0; i < r->n_params; i++) {
        const vae_tensor_t *t;
        if (vae_model_param(r->model, i, &t, NULL) != VAE_OK) abort();
        const float *values = vae_tensor_data(t);
        r->param[i] = (int32_t)r->t.nodes;
        for (int64_t j = 0; j < tensor_count(t); j++) (void)tape_leaf(&r->t, (double)values[j]);
    }
}

int32_t reference_param(const reference *r, const char *path, const char *name) {
    char full[512];
    int64_t index;
    (void)snprintf(full, sizeof(full), "%s.%s", path, name);
    return vae_model_param_find(r->model, full, &index) == VAE_OK ? r->param[index] : -1;
}

/* ---- options ------------------------------------------------------------------------------------------------------ */

const char *reference_word(const reference_layer *l, const char *key) {
    const char *bare = "";
    for (const vaei_attr *a = l->node->attrs; a; a = a->next) {
        if (a->key && strcmp(a->key, key) == 0) return a->value;
        if (!a->key) bare = a->value;
    }
    return bare;
}

int64_t reference_int(const reference_layer *l, const char *key) {
    return strtoll(reference_word(l, key), NULL, 10);
}

double reference_float(const reference_layer *l, const char *key) {
    return (double)strtof(reference_word(l, key), NULL);
}

int32_t reference_sizes(const reference_layer *l, const char *key, int32_t count, int64_t *out) {
    const char *text = reference_word(l, key);
    int64_t d[4] = {0};
    if (strcmp(text, "same") == 0) return 0;
    const int32_t given = vaei_sizes_split(text, 4, d);
    for (int32_t i = 0; i < count; i++) out[i] = given == count ? d[i] : given == 2 ? d[i / 2] : d[0];
    return given;
}

/* ---- values and stacks -------------------------------------------------------------------------------------------- */

reference_values reference_new(reference *r, int64_t n, const vaei_shape *shape) {
    reference_values v = {n, *shape, NULL};
    v.at = vaei_arena_array(&r->arena, (size_t)(n * vaei_shape_size(shape)) + 1, sizeof(*v.at));
    if (!v.at) abort();
    return v;
}

reference_values reference_input(reference *r, int64_t n, const vaei_shape *shape, const float *x) {
    const reference_values v = reference_new(r, n, shape);
    for (int64_t i = 0; i < n * vaei_shape_size(shape); i++) v.at[i] = tape_leaf(&r->t, (double)x[i]);
    return v;
}

reference_values reference_stack(reference *r, const vaei_pipeline *pipeline, const char *path, reference_values x) {
    const int64_t count = pipeline ? vaei_pipeline_count(pipeline) : 0;
    for (int64_t i = 0; i < count && !r->gave_up; i++) {
        char place[512];
        (void)snprintf(place, sizeof(place), "%s.%lld", path, (long long)i);
        const reference_layer l = {vaei_pipeline_at(pipeline, i), place};
        const reference_formula formula = reference_find(l.node->name);
        if (!formula) {
            r->gave_up = l.node->name;
            return x;
        }
        x = formula(r, &l, x);
        if (r->t.full) r->gave_up = "work";
    }
    return x;
}

reference_values reference_section(reference *r, const char *section, reference_values x) {
    const vaei_section *s = vaei_document_find(&r->document, section);
    return reference_stack(r, &s->pipeline, section, x);
}

/* ---- latents ------------------------------------------------------------------------------------------------------ */

static reference_layer module_of(const reference *r, const char *section) {
    return (reference_layer){vaei_document_find(&r->document, section)->pipeline.first, section};
}

reference_values reference_head(reference *r, const char *path, reference_values h, int64_t dim) {
    const int64_t C = h.shape.d[h.shape.n - 1], rows = h.n * vaei_shape_size(&h.shape) / C;
    const int32_t w = reference_param(r, path, "weight"), b = reference_param(r, path, "bias");
    vaei_shape shape = h.shape;
    shape.d[shape.n - 1] = dim;
    const reference_values out = reference_new(r, h.n, &shape);
    for (int64_t i = 0; i < rows * dim; i++) {
        tape_sum_begin(&r->t);
        for (int64_t c = 0; c < C; c++) tape_sum_add(&r->t, h.at[i / dim * C + c], w + (int32_t)(i % dim * C + c));
        tape_sum_add(&r->t, b + (int32_t)(i % dim), TAPE_ONE);
        out.at[i] = tape_sum_end(&r->t, 1);
    }
    return out;
}

reference_values reference_logvar(reference *r, const char *path, reference_values h, int64_t dim) {
    const reference_values v = reference_head(r, path, h, dim);
    for (int64_t i = 0; i < h.n * vaei_shape_size(&v.shape); i++)
        v.at[i] = tape_apply(&r->t, TAPE_MOST, 20, tape_apply(&r->t, TAPE_LEAST, -30, v.at[i]));
    return v;
}

int32_t reference_posterior(reference *r, reference_values h) {
    const reference_layer l = module_of(r, "latent");
    reference_level *const v = &r->level[r->n_levels++];
    memset(v, 0, sizeof(*v));
    v->mean = h;
    if (strcmp(l.node->name, "none") == 0) return 1;
    if (strcmp(l.node->name, "gaussian") != 0) {
        r->gave_up = l.node->name;
        return 0;
    }
    v->mean = reference_head(r, "latent.mean", h, reference_int(&l, "dim"));
    v->logvar = reference_logvar(r, "latent.logvar", h, reference_int(&l, "dim"));
    return 1;
}

static reference_values given_z(reference *r, int64_t n, const vaei_shape *shape) {
    const int64_t size = vaei_shape_size(shape), first = r->next;
    const reference_values z = reference_new(r, n, shape);
    r->next += size;
    for (int64_t i = 0; i < n * size; i++) z.at[i] = tape_leaf(&r->t, (double)r->numbers[i / size * r->all_values + first + i % size]);
    return z;
}

reference_values reference_z(reference *r, const reference_level *v) {
    const reference_values *const mean = &v->mean, *const logvar = &v->logvar;
    const int64_t size = vaei_shape_size(&mean->shape), first = r->next;
    if (r->from == REFERENCE_GIVEN) return given_z(r, mean->n, &mean->shape);
    r->next += size;
    if (!logvar->at || r->from == REFERENCE_MEANS) return *mean;
    const reference_values z = reference_new(r, mean->n, &mean->shape);
    for (int64_t i = 0; i < mean->n * size; i++) {
        const int32_t sigma = tape_apply(&r->t, TAPE_EXP, 0, tape_scale(&r->t, 0.5, logvar->at[i]));
        tape_sum_begin(&r->t);
        tape_sum_add(&r->t, mean->at[i], TAPE_ONE);
        tape_sum_add(&r->t, sigma, tape_leaf(&r->t, (double)r->numbers[i / size * r->all_values + first + i % size]));
        z.at[i] = tape_sum_end(&r->t, 1);
    }
    return z;
}

reference_values reference_first_z(reference *r, int64_t n, const vaei_shape *shape, int32_t from, const float *numbers, int64_t Z) {
    r->from = from;
    r->numbers = numbers;
    r->all_values = Z;
    r->next = 0;
    return from == REFERENCE_GIVEN ? given_z(r, n, shape) : reference_z(r, &r->level[0]);
}

/* ---- likelihoods and the loss ------------------------------------------------------------------------------------- */

static int32_t is_named(const reference_layer *l, const char *name) {
    return strcmp(l->node->name, name) == 0;
}

/* Is its formula one of those below? */
static int32_t is_known(const reference_layer *l) {
    static const char *const names[] = {"bernoulli", "continuous_bernoulli", "gaussian", "laplace", "student_t", "categorical", "poisson"};
    for (size_t i = 0; i < VAEI_COUNT(names); i++)
        if (is_named(l, names[i])) return 1;
    return 0;
}

/* Numbers of theta for each value of x */
static int64_t numbers_of(const reference_layer *l) {
    return is_named(l, "student_t") || strcmp(reference_word(l, "sigma"), "value") == 0 ? 2 : 1;
}

/* Number j of each value, in the shape of x: a pixel has all first numbers before all second ones. */
static reference_values number_of(reference *r, const reference_layer *l, reference_values theta, int64_t j) {
    const int64_t numbers = numbers_of(l);
    vaei_shape shape = theta.shape;
    const int64_t C = shape.d[shape.n - 1] /= numbers;
    const reference_values out = reference_new(r, theta.n, &shape);
    for (int64_t i = 0; i < theta.n * vaei_shape_size(&shape); i++) out.at[i] = theta.at[i / C * numbers * C + j * C + i % C];
    return out;
}

static int32_t sum_of(reference *r, int64_t count, const int32_t *terms, double scale) {
    tape_sum_begin(&r->t);
    for (int64_t i = 0; i < count; i++) tape_sum_add(&r->t, terms[i], TAPE_ONE);
    return tape_sum_end(&r->t, scale);
}

static int32_t bounded(reference *r, int32_t x, double most) {
    return tape_apply(&r->t, TAPE_MOST, most, tape_apply(&r->t, TAPE_LEAST, -most, x));
}

/* The likeliest token of each place; where two are as near as errors reach, there is no saying which. */
static reference_values likeliest(reference *r, reference_values theta) {
    vaei_shape shape = theta.shape;
    const int64_t K = shape.d[--shape.n];
    const reference_values x = reference_new(r, theta.n, &shape);
    for (int64_t i = 0; i < theta.n * vaei_shape_size(&shape); i++) {
        const int32_t *const a = theta.at + i * K;
        int64_t best = 0;
        double gap = INFINITY;
        for (int64_t k = 1; k < K; k++)
            if (r->t.node[a[k]].value > r->t.node[a[best]].value) best = k;
        for (int64_t k = 0; k < K; k++)
            if (k != best) gap = fmin(gap, r->t.node[a[best]].value - r->t.node[a[k]].value - 100 * sqrt(r->t.node[a[k]].error));
        x.at[i] = tape_leaf(&r->t, (double)best);
        if (!(gap > 100 * sqrt(r->t.node[a[best]].error))) r->t.node[x.at[i]].error = INFINITY;
    }
    return x;
}

/* ln sum e^a - a[x] of each place, with the largest a taken from all of them. */
static int32_t categorical_nll(reference *r, reference_values theta, const float *x) {
    const int64_t K = theta.shape.d[theta.shape.n - 1], places = theta.n * vaei_shape_size(&theta.shape) / K;
    int32_t *terms = vaei_arena_array(&r->arena, 2 * (size_t)places + 1, sizeof(*terms));
    if (!terms) abort();
    for (int64_t i = 0; i < places; i++) {
        const int32_t *const a = theta.at + i * K;
        double top = -INFINITY;
        for (int64_t k = 0; k < K; k++) top = fmax(top, r->t.node[a[k]].value);
        const int32_t shift = tape_leaf(&r->t, -top);
        int32_t *e = vaei_arena_array(&r->arena, (size_t)K, sizeof(*e));
        if (!e) abort();
        for (int64_t k = 0; k < K; k++) e[k] = tape_apply(&r->t, TAPE_EXP, 0, tape_add(&r->t, a[k], shift));
        terms[2 * i] = tape_apply(&r->t, TAPE_LOG, 0, sum_of(r, K, e, 1));
        terms[2 * i + 1] = tape_scale(&r->t, -1, tape_add(&r->t, a[(int64_t)x[i]], shift));
    }
    return sum_of(r, 2 * places, terms, 1.0 / (double)theta.n);
}

/* ln((e^a - 1) / a), the normaliser of continuous_bernoulli, and its slope, the mean */
static int32_t normaliser(reference *r, int32_t a) {
    const int32_t half = tape_scale(&r->t, 0.5, a);
    return tape_add(&r->t, half, tape_apply(&r->t, TAPE_LOG_SINHC, 0, half));
}

static int32_t slope_of_normaliser(reference *r, int32_t a) {
    const int32_t slope = tape_apply(&r->t, TAPE_LANGEVIN, 0, tape_scale(&r->t, 0.5, a));
    return tape_add(&r->t, tape_leaf(&r->t, 0.5), tape_scale(&r->t, 0.5, slope));
}

/* e^a, a within [-12, 12] */
static reference_values poisson_mean(reference *r, reference_values theta) {
    const reference_values x = reference_new(r, theta.n, &theta.shape);
    for (int64_t i = 0; i < theta.n * vaei_shape_size(&theta.shape); i++)
        x.at[i] = tape_apply(&r->t, TAPE_EXP, 0, bounded(r, theta.at[i], 12));
    return x;
}

/* e^a - x a + ln x! */
static int32_t poisson_nll(reference *r, reference_values theta, const float *x) {
    const reference_values mean = poisson_mean(r, theta);
    const int64_t count = theta.n * vaei_shape_size(&theta.shape);
    double constant = 0;
    for (int64_t i = 0; i < count; i++) constant += lgamma((double)x[i] + 1);
    int32_t *terms = vaei_arena_array(&r->arena, 2 * (size_t)count + 1, sizeof(*terms));
    if (!terms) abort();
    for (int64_t i = 0; i < count; i++) {
        terms[2 * i] = mean.at[i];
        terms[2 * i + 1] = tape_scale(&r->t, -(double)x[i], bounded(r, theta.at[i], 12));
    }
    return tape_add(&r->t, sum_of(r, 2 * count, terms, 1.0 / (double)theta.n), tape_leaf(&r->t, constant / (double)theta.n));
}

reference_values reference_mean(reference *r, reference_values theta) {
    const reference_layer l = module_of(r, "likelihood");
    if (is_named(&l, "categorical")) return likeliest(r, theta);
    if (!is_known(&l)) {
        r->gave_up = l.node->name;
        return reference_new(r, theta.n, &theta.shape);
    }
    if (is_named(&l, "poisson")) return poisson_mean(r, theta);
    const int32_t continuous = is_named(&l, "continuous_bernoulli");
    if (!continuous && !is_named(&l, "bernoulli")) return number_of(r, &l, theta, 0);
    const reference_values p = reference_new(r, theta.n, &theta.shape);
    for (int64_t i = 0; i < theta.n * vaei_shape_size(&theta.shape); i++)
        p.at[i] = continuous ? slope_of_normaliser(r, theta.at[i]) : tape_apply(&r->t, TAPE_SIGMOID, 0, theta.at[i]);
    return p;
}

/* -6 + softplus(l + 6) */
static int32_t soft_clip(reference *r, int32_t l) {
    const int32_t six = tape_leaf(&r->t, 6), up = tape_apply(&r->t, TAPE_SOFTPLUS, 0, tape_add(&r->t, l, six));
    return tape_add(&r->t, up, tape_leaf(&r->t, -6));
}

/* Mean over the batch of -log p(x | theta), a node */
static int32_t gaussian_nll(reference *r, reference_values theta, const int32_t *difference) {
    const reference_layer l = module_of(r, "likelihood");
    const int64_t size = vaei_shape_size(&theta.shape), count = theta.n * size;
    const char *sigma = reference_word(&l, "sigma");
    int32_t log_sigma = tape_leaf(&r->t, log(reference_float(&l, "value")));
    tape_sum_begin(&r->t);
    for (int64_t i = 0; i < count; i++) tape_sum_add(&r->t, difference[i], difference[i]);
    const int32_t mse = tape_sum_end(&r->t, 1.0 / (double)count);
    if (strcmp(sigma, "learned") == 0) log_sigma = soft_clip(r, reference_param(r, "likelihood", "log_sigma"));
    if (strcmp(sigma, "optimal") == 0) log_sigma = soft_clip(r, tape_scale(&r->t, 0.5, tape_apply(&r->t, TAPE_LOG, 0, mse)));
    const int32_t precision = tape_apply(&r->t, TAPE_EXP, 0, tape_scale(&r->t, -2, log_sigma));
    const int32_t squares = tape_scale(&r->t, 0.5 * (double)size, tape_multiply(&r->t, mse, precision));
    const int32_t constant = tape_add(&r->t, log_sigma, tape_leaf(&r->t, 0.5 * log(2 * M_PI)));
    return tape_add(&r->t, squares, tape_scale(&r->t, (double)size, constant));
}

/* Each value with a location and the logarithm of a scale: the error in scales, squared, and what a density makes of it. */
static int32_t scaled_nll(reference *r, const reference_layer *l, reference_values theta, const float *x) {
    const reference_values m = number_of(r, l, theta, 0), t = number_of(r, l, theta, 1);
    const int64_t size = vaei_shape_size(&m.shape), count = m.n * size;
    const int32_t student = is_named(l, "student_t");
    const double df = student ? reference_float(l, "df") : 0, value = student ? 1 : reference_float(l, "value");
    const double constant = student ? lgamma(df / 2) - lgamma((df + 1) / 2) + 0.5 * log(df * M_PI) : log(value) + 0.5 * log(2 * M_PI);
    int32_t *terms = vaei_arena_array(&r->arena, 2 * (size_t)count + 1, sizeof(*terms));
    if (!terms) abort();
    for (int64_t i = 0; i < count; i++) {
        const int32_t s = bounded(r, t.at[i], 6);
        const int32_t precision = tape_apply(&r->t, TAPE_EXP, 0, tape_scale(&r->t, -2, s));
        const int32_t e = tape_add(&r->t, m.at[i], tape_leaf(&r->t, -(double)x[i]));
        const int32_t square = tape_multiply(&r->t, tape_multiply(&r->t, e, e), precision);
        terms[2 * i] = s;
        terms[2 * i + 1] =
            student ? tape_scale(&r->t, 0.5 * (df + 1),
                                 tape_apply(&r->t, TAPE_LOG, 0, tape_add(&r->t, tape_leaf(&r->t, 1), tape_scale(&r->t, 1 / df, square))))
                    : tape_scale(&r->t, 0.5 / (value * value), square);
    }
    return tape_add(&r->t, sum_of(r, 2 * count, terms, 1.0 / (double)m.n), tape_leaf(&r->t, (double)size * constant));
}

static int32_t mean_nll(reference *r, reference_values theta, const float *x) {
    const reference_layer l = module_of(r, "likelihood");
    if (!is_known(&l)) {
        r->gave_up = l.node->name;
        return -1;
    }
    if (is_named(&l, "poisson")) return poisson_nll(r, theta, x);
    if (numbers_of(&l) > 1) return scaled_nll(r, &l, theta, x);
    if (is_named(&l, "categorical")) return categorical_nll(r, theta, x);
    const int64_t count = theta.n * vaei_shape_size(&theta.shape);
    int32_t *terms = vaei_arena_array(&r->arena, (size_t)count + 1, sizeof(*terms));
    if (!terms) abort();
    for (int64_t i = 0; i < count; i++) {
        const int32_t minus_x = tape_leaf(&r->t, -(double)x[i]);
        if (is_named(&l, "bernoulli"))
            terms[i] = tape_add(&r->t, tape_apply(&r->t, TAPE_SOFTPLUS, 0, theta.at[i]), tape_multiply(&r->t, theta.at[i], minus_x));
        else if (is_named(&l, "continuous_bernoulli"))
            terms[i] = tape_add(&r->t, normaliser(r, theta.at[i]), tape_multiply(&r->t, theta.at[i], minus_x));
        else terms[i] = tape_add(&r->t, theta.at[i], minus_x);
    }
    if (is_named(&l, "bernoulli") || is_named(&l, "continuous_bernoulli")) return sum_of(r, count, terms, 1.0 / (double)theta.n);
    if (is_named(&l, "gaussian")) return gaussian_nll(r, theta, terms);
    const double b = reference_float(&l, "scale");
    for (int64_t i = 0; i < count; i++) terms[i] = tape_apply(&r->t, TAPE_ABS, 0, terms[i]);
    return tape_add(&r->t, sum_of(r, count, terms, 1 / (b * (double)theta.n)),
                    tape_leaf(&r->t, (double)vaei_shape_size(&theta.shape) * log(2 * b)));
}

/* KL of one value's posterior: c - a - 1 + e^(a - c) + (m - b)^2 e^-c, halved; b = c = 0 where there is no prior of its own. */
static int32_t kl_of(reference *r, const reference_level *v, int64_t i) {
    const int32_t m = v->mean.at[i], a = v->logvar.at[i], minus_one = tape_leaf(&r->t, -1), minus_a = tape_scale(&r->t, -1, a);
    if (!v->prior_mean.at) {
        const int32_t terms[4] = {tape_multiply(&r->t, m, m), tape_apply(&r->t, TAPE_EXP, 0, a), minus_a, minus_one};
        return sum_of(r, 4, terms, 0.5);
    }
    const int32_t c = v->prior_logvar.at[i], minus_c = tape_scale(&r->t, -1, c);
    const int32_t apart = tape_add(&r->t, m, tape_scale(&r->t, -1, v->prior_mean.at[i])), narrow = tape_apply(&r->t, TAPE_EXP, 0, minus_c);
    const int32_t square = tape_multiply(&r->t, tape_multiply(&r->t, apart, apart), narrow);
    const int32_t terms[5] = {c, minus_a, minus_one, tape_apply(&r->t, TAPE_EXP, 0, tape_add(&r->t, a, minus_c)), square};
    return sum_of(r, 5, terms, 0.5);
}

/* Mean over the batch of the rate in one dimension */
static int32_t mean_kl(reference *r, const reference_level *v, int64_t d) {
    const int64_t dim = vaei_shape_size(&v->mean.shape), n = v->mean.n;
    int32_t *part = vaei_arena_array(&r->arena, (size_t)n, sizeof(*part));
    if (!part) abort();
    for (int64_t i = 0; i < n; i++) part[i] = kl_of(r, v, i * dim + d);
    return sum_of(r, n, part, 1.0 / (double)n);
}

int32_t reference_loss(reference *r, reference_values theta, const float *x, double beta, double free_bits) {
    int32_t loss = mean_nll(r, theta, x);
    if (loss < 0) return loss;
    for (int32_t l = 0; l < r->n_levels; l++)
        for (int64_t d = 0; d < vaei_shape_size(&r->level[l].mean.shape); d++) {
            int32_t kl = r->level[l].logvar.at ? mean_kl(r, &r->level[l], d) : tape_leaf(&r->t, 0);
            if (free_bits > 0) kl = tape_apply(&r->t, TAPE_LEAST, free_bits, kl);
            loss = tape_add(&r->t, loss, tape_scale(&r->t, beta, kl));
        }
    return loss;
}
