/* SPDX-License-Identifier: MIT
 * layer_groupnorm.c - group normalisation
 *
 *       y = weight[c] (x - mean) / sqrt(variance + eps) + bias[c]
 *
 *   The C channels are divided into `groups` groups; each example and group has its own mean and variance, over its
 *   N = (C / groups) H W values. Training and inference are the same, and examples do not depend on each other.
 *
 *   With r = 1 / sqrt(variance + eps), u = (x - mean) r, and sums over an example's group:
 *
 *       dweight[c] += sum dy u       dbias[c] += sum dy
 *       dx = r (weight dy - sum(weight dy) / N - u sum(weight dy u) / N)
 *
 *   Wu, He 2018 (arXiv:1803.08494). */
#include <math.h>

#include "nn/norm.h"
#include "nn/ranges.h"

enum { WEIGHT, BIAS };

typedef struct conf {
    int64_t groups;
    float eps;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION(conf, groups, INT, VAEI_OPT_REQUIRED, 0, 1, 65536, "number of groups of channels"),
    VAEI_OPTION(conf, eps, FLOAT, VAEI_OPT_OPEN_LO, 1e-5, 0, 1, "added to the variance"),
    {0},
};

static vaei_norm geometry(const vaei_layer *l, int64_t n) {
    const int64_t channels = l->in.d[l->in.n - 1];
    return (vaei_norm){n, vaei_shape_size(&l->in) / channels, channels};
}

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    const conf *o = l->conf;
    const int64_t channels = in->d[in->n - 1];
    (void)node;
    if (channels % o->groups != 0)
        return vaei_fail(VAE_E_SHAPE, "groupnorm: groups=%lld does not divide %lld channels", (long long)o->groups, (long long)channels);
    for (int32_t i = 0; i < 2; i++) {
        const vaei_init init = {VAEI_INIT_CONSTANT, 1, 1, i == WEIGHT ? 1.0f : 0.0f};
        l->param[i] = vaei_build_param(b, l->path, i == WEIGHT ? "weight" : "bias", 1, &channels, VAEI_PARAM_TRAINED, init);
        if (!l->param[i]) return VAE_E_NOMEM;
        l->n_params++;
    }
    *out = *in;
    return VAE_OK;
}

typedef struct statistics {
    double mean, rstd;
} statistics;

/* Makes y pixel by pixel, as the prologue of another step; of a band, x is its rows and image is 0. */
typedef struct feeder {
    vaei_norm g;
    int64_t height, width;
    const float *coefficients, *x;
    const vaei_epilogue *epilogue;
} feeder;

typedef struct parts {
    statistics *kept; /* cache: [n][groups], training */
    vaei_norm_scratch scratch;
    feeder *feeder;
} parts;

static void layout(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces) {
    const conf *o = l->conf;
    const vaei_norm g = geometry(l, n);
    parts *const p = pieces ? pieces : &(parts){0};
    (void)k;
    *p = (parts){0};
    if (training) p->kept = vaei_carve_array(&m->cache, vaei_count_of(n, o->groups), sizeof(statistics));
    p->scratch = vaei_norm_carve(&m->scratch, &g, training ? 3 : 2, vaei_layer_banded(l, training) > 0);
    p->feeder = vaei_carve_bytes(&m->scratch, sizeof(feeder));
}

typedef struct job {
    const vaei_norm *g;
    const vaei_norm_scratch *s;
    const float *weight, *bias;
    int64_t groups;
    double eps;
    statistics *kept; /* [n][groups], NULL at inference */
} job;

static void find_coefficients(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const int64_t channels = j->g->channels, width = channels / j->groups;
    const double count = (double)(width * j->g->rows);
    for (int64_t i = begin; i < end; i++) {
        const double *sums = j->s->sums + i * 2 * channels, *squares = sums + channels;
        float *scale = j->s->coefficients + i * 2 * channels, *shift = scale + channels;
        for (int64_t group = 0; group < j->groups; group++) {
            const int64_t first = group * width;
            double sum = 0, sum_squares = 0, mean, variance;
            for (int64_t c = first; c < first + width; c++) {
                sum += sums[c];
                sum_squares += squares[c];
            }
            const double rstd = vaei_norm_statistics(sum, sum_squares, count, j->eps, &mean, &variance);
            if (j->kept) j->kept[i * j->groups + group] = (statistics){mean, rstd};
            for (int64_t c = first; c < first + width; c++) {
                scale[c] = (float)(vaei_flushed(j->weight[c]) * rstd);
                shift[c] = (float)(vaei_flushed(j->bias[c]) - mean * (double)scale[c]);
            }
        }
    }
}

static job make_job(const vaei_layer *l, const vaei_run *r, const parts *p, const vaei_norm *g) {
    const conf *o = l->conf;
    return (job){g, &p->scratch, vaei_layer_param(l, r, WEIGHT), vaei_layer_param(l, r, BIAS), o->groups, (double)o->eps, p->kept};
}

/* Of whole images; those of bands have been observed. */
static void find_statistics(const vaei_layer *l, const vaei_run *r, const parts *p, const float *x) {
    const vaei_norm g = geometry(l, r->n);
    job j = make_job(l, r, p, &g);
    vaei_norm_sums(r->k, r->pool, &g, &p->scratch, x, x);
    vaei_parallel_ranges(r->pool, r->n, g.channels, find_coefficients, &j);
}

static void observe(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, vaei_band *rows, const float *x) {
    const vaei_norm g = geometry(l, 1);
    const int64_t width = l->in.d[1];
    parts p;
    if (!x) {
        rows->x_first = vaei_norm_begins(&g, rows->first * width) / width;
        return;
    }
    vaei_layer_pieces(l, r, m, &p);
    job j = make_job(l, r, &p, &g);
    vaei_norm_sums_rows(r->k, r->pool, &g, &p.scratch, rows->first * width, rows->last * width, rows->x_first * width, x);
    if (rows->last == l->in.d[0]) find_coefficients(&j, 0, 1);
}

static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    vaei_norm g = geometry(l, r->n);
    parts p;
    vaei_layer_pieces(l, r, m, &p);
    if (m->band) g.rows = vaei_layer_values(l, r, m) / g.channels;
    else find_statistics(l, r, &p, x);
    vaei_norm_apply(r->k, r->pool, &g, p.scratch.coefficients, x, vaei_layer_epilogue(l, r->training), y);
}

static void pixels(const void *arg, const vaei_kernels *k, int64_t image, int64_t y, int64_t x, int64_t count, float *out) {
    const feeder *f = arg;
    const int64_t channels = f->g.channels, first = ((image * f->height + y) * f->width + x) * channels;
    const float *scale = f->coefficients + image * 2 * channels;
    k->affine(count, channels, scale, scale + channels, f->x + first, out);
    if (f->epilogue) f->epilogue->apply(f->epilogue->arg, k, count * channels, out);
}

static void prologue(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, vaei_prologue *made) {
    const vaei_norm g = geometry(l, r->n);
    parts p;
    vaei_layer_pieces(l, r, m, &p);
    if (!m->band) find_statistics(l, r, &p, x);
    *p.feeder = (feeder){g, l->in.d[0], l->in.d[1], p.scratch.coefficients, x, vaei_layer_epilogue(l, r->training)};
    *made = (vaei_prologue){pixels, p.feeder};
}

static void find_grad_coefficients(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const int64_t channels = j->g->channels, width = channels / j->groups;
    const double count = (double)(width * j->g->rows);
    for (int64_t i = begin; i < end; i++) {
        const double *dy = j->s->sums + i * 2 * channels, *dy_x = dy + channels;
        float *a = j->s->coefficients + i * 3 * channels, *b = a + channels, *shift = b + channels;
        for (int64_t group = 0; group < j->groups; group++) {
            const statistics t = j->kept[i * j->groups + group];
            const int64_t first = group * width;
            double sum = 0, sum_x = 0;
            for (int64_t c = first; c < first + width; c++) {
                sum += j->weight[c] * dy[c];
                sum_x += j->weight[c] * dy_x[c];
            }
            const double sum_u = t.rstd * (sum_x - t.mean * sum);
            for (int64_t c = first; c < first + width; c++) {
                a[c] = (float)(vaei_flushed(j->weight[c]) * t.rstd);
                b[c] = vaei_flushed((float)(-t.rstd * t.rstd * sum_u / count));
                shift[c] = (float)(-t.rstd * sum / count - (double)b[c] * t.mean);
            }
        }
    }
}

static void backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx) {
    const vaei_norm g = geometry(l, r->n);
    parts p;
    vaei_layer_pieces(l, r, m, &p);
    const vaei_norm_scratch s = p.scratch;
    job j = make_job(l, r, &p, &g);
    const int64_t width = g.channels / j.groups;
    float *dweight = vaei_layer_grad(l, r, WEIGHT), *dbias = vaei_layer_grad(l, r, BIAS);
    (void)y;
    vaei_norm_sums(r->k, r->pool, &g, &s, dy, x);
    for (int64_t c = 0; c < g.channels; c++) {
        double sum = 0, sum_u = 0;
        for (int64_t i = 0; i < r->n; i++) {
            const statistics t = j.kept[i * j.groups + c / width];
            const double *sums = s.sums + i * 2 * g.channels;
            sum += sums[c];
            sum_u += t.rstd * (sums[g.channels + c] - t.mean * sums[c]);
        }
        dbias[c] += (float)sum;
        dweight[c] += (float)sum_u;
    }
    if (!dx) return;
    vaei_parallel_ranges(r->pool, r->n, g.channels, find_grad_coefficients, &j);
    vaei_norm_apply_grad(r->pool, &g, s.coefficients, x, dy, dx);
}

const vaei_layer_ops vaei_layer_groupnorm = {
    .module = {"groupnorm", "normalises groups of channels of each example",
               "groupnorm groups=2\n"
               "groupnorm groups=1 eps=0.01",
               "Wu, He 2018 (arXiv:1803.08494)", sizeof(conf), options},
    .flags = VAEI_LAYER_READS_X | VAEI_LAYER_TAKES_EPILOGUE,
    .plan = plan,
    .layout = layout,
    .forward = forward,
    .backward = backward,
    .prologue = prologue,
    .band = vaei_band_same,
    .observe = observe,
};
