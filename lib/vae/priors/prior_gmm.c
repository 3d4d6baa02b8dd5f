/* SPDX-License-Identifier: MIT
 * prior_gmm.c - a mixture of Gaussians over latent values, fitted by expectation and maximisation.
 *
 *     p(z) = sum_k w_k N(z; m_k, C_k + eps I)
 *
 *     E   r_ik = w_k N(z_i; m_k, C_k + eps I) / p(z_i)
 *     M   on averages of sufficient statistics, a step of size e(t) = (t + 1)^-k, k = learning_decay, for the t-th batch, from 0:
 *             w' = (1 - e) w + e mean_i r_i        d = mean_i r_i (z_i - m) e / w'        m' = m + d
 *             C' = ((1 - e) w C + e mean_i r_i (z_i - m)(z_i - m)^T) / w' - d d^T
 *
 * With learning_decay=0 a step does not use the steps before it: on batches of all the data that is EM itself. Otherwise it is stepwise EM.
 * The parameters themselves store the statistics. k-means replaces the first E: each latent belongs to its cluster. Before the
 * first step the prior is N(0, I).
 *
 *     prior.weight [K]   prior.mean [K][D]   prior.covariance [K][D], or full [K][D][D]   prior.steps [1]
 *
 * All is in double; sums run over examples in ascending order. C_k = L L^T by Cholesky; if rounding made C_k indefinite, eps grows tenfold
 * until it is not. There are no gradients, so the optimizer is not used.
 *
 * Dempster, Laird, Rubin 1977; Cappe, Moulines 2009 (arXiv:0712.4273); Liang, Klein 2009. */
#include "nn/ranges.h"
#include "vae/codes/kmeans.h"
#include "vae/prior.h"

#include <math.h>

#define LN_2PI    1.83787706640934548356
#define SHARE_MIN 1e-10 /* a component with a smaller share does not change */

enum { DIAGONAL, FULL };

typedef struct conf {
    int64_t components;
    int32_t covariance;
    float learning_decay, eps;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_INT(conf, components, 32, 1, 65536, "number of Gaussians"),
    VAEI_OPTION_CHOICE(conf, covariance, DIAGONAL, "diagonal|full", "form of each covariance matrix"),
    VAEI_OPTION_FLOAT(conf, learning_decay, 0.7, 0, 1,
                      "k in the size of step t, (t + 1)^-k; 0: the statistics of a batch replace those of the batches before"),
    VAEI_OPTION(conf, eps, FLOAT, VAEI_OPT_OPEN_LO, 1e-6, 0, 1e6, "added to the variances"),
    {0},
};

typedef struct mixture {
    int64_t K, D, size; /* size: the number of values of a covariance */
    int32_t full;
    const vaei_param *weight, *mean, *covariance, *steps;
} mixture;

static vae_status_t plan(vaei_prior *p, vaei_build *b) {
    const conf *c = p->conf;
    mixture *s = p->state = vaei_arena_alloc(b->arena, sizeof(*s));
    if (!s) return VAE_E_NOMEM;
    s->K = c->components;
    s->D = vaei_shape_size(&p->latent->z);
    s->full = c->covariance == FULL;
    if (!s->full) s->size = s->D;
    else if (!vaei_count_mul(s->D, s->D, &s->size)) return vaei_fail(VAE_E_LIMIT, "prior gmm: covariances pass 2^40 values");
    const int64_t shape[3] = {s->K, s->D, s->D}, one = 1;
    const vaei_init zeros = {.kind = VAEI_INIT_ZEROS};
    s->weight = vaei_build_param(b, "prior", "weight", 1, shape, 0, zeros);
    s->mean = vaei_build_param(b, "prior", "mean", 2, shape, 0, zeros);
    s->covariance = vaei_build_param(b, "prior", "covariance", s->full ? 3 : 2, shape, 0, zeros);
    s->steps = vaei_build_param(b, "prior", "steps", 1, &one, 0, zeros);
    return s->weight && s->mean && s->covariance && s->steps ? VAE_OK : VAE_E_NOMEM;
}

static int32_t has_begun(const mixture *s, const vaei_run *r) {
    return r->params[s->steps->offset] > 0;
}

/* ---- memory ------------------------------------------------------------------------------------------------------- */

typedef struct factors {
    double *share;  /* [K] w, */
    double *scale;  /* [K] ln w - D/2 ln 2 pi - 1/2 ln det C */
    double *factor; /* [K][size] standard deviations, or L by rows */
} factors;

static factors carve_factors(const mixture *s, vaei_carve *c) {
    factors f;
    f.share = vaei_carve_array(c, s->K, sizeof(double));
    f.scale = vaei_carve_array(c, s->K, sizeof(double));
    f.factor = vaei_carve_array(c, vaei_count_of(s->K, s->size), sizeof(double));
    return f;
}

typedef struct parts {
    factors factors;        /* pack */
    double *terms;          /* [n][K]: cache in training, otherwise scratch */
    double *row;            /* [n][D] */
    double *shift, *square; /* training: [K][D], [K][size] sums of z - m and of its products */
    vaei_kmeans_workspace start;
    int32_t *cluster;
    float *panels, *centre;
} parts;

static void layout(const vaei_prior *prior, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces) {
    const mixture *s = prior->state;
    vaei_carve *const c = &m->scratch;
    parts *const p = pieces ? pieces : &(parts){.row = NULL};
    *p = (parts){.factors = carve_factors(s, &m->pack), .row = vaei_carve_array(c, vaei_count_of(n, s->D), sizeof(double))};
    p->terms = vaei_carve_array(training ? &m->cache : c, vaei_count_of(n, s->K), sizeof(double));
    if (!training) return;
    p->shift = vaei_carve_array(c, vaei_count_of(s->K, s->D), sizeof(double));
    p->square = vaei_carve_array(c, vaei_count_of(s->K, s->size), sizeof(double));
    p->start = vaei_kmeans_carve(n, s->K, s->D, c);
    p->cluster = vaei_carve_array(c, n, sizeof(int32_t));
    p->panels = vaei_carve_floats(c, vaei_nearest_floats(k, s->K, s->D));
    p->centre = vaei_carve_floats(c, vaei_count_of(s->K, s->D));
}

/* ---- factors ------------------------------------------------------------------------------------------------------ */

/* Computes L of C + eps I. Returns half the logarithm of its determinant, or NaN if it is not positive definite. */
static double cholesky(int64_t D, const float *C, double eps, double *L) {
    double half = 0;
    for (int64_t i = 0; i < D; i++) {
        for (int64_t j = 0; j <= i; j++) {
            double sum = (double)C[i * D + j] + (i == j ? eps : 0);
            for (int64_t k = 0; k < j; k++) sum -= L[i * D + k] * L[j * D + k];
            if (i == j && !(sum > 0)) return NAN;
            L[i * D + j] = i == j ? sqrt(sum) : sum / L[j * D + j];
        }
        half += log(L[i * D + i]);
    }
    return half;
}

/* Does the same as cholesky() for a diagonal. */
static double deviations(int64_t D, const float *C, double eps, double *L) {
    double half = 0;
    for (int64_t i = 0; i < D; i++) {
        L[i] = sqrt((double)C[i] + eps);
        half += log(L[i]);
    }
    return half;
}

static void identity(const mixture *s, double *L) {
    memset(L, 0, (size_t)s->size * sizeof(*L));
    for (int64_t i = 0; i < s->D; i++) L[s->full ? i * s->D + i : i] = 1;
}

static void pack(const vaei_prior *p, const vaei_run *r, void *memory) {
    const mixture *s = p->state;
    const conf *c = p->conf;
    parts own;
    vaei_prior_packed(p, r, memory, &own);
    const factors f = own.factors;
    for (int64_t k = 0; k < s->K; k++) {
        const float *C = r->params + s->covariance->offset + k * s->size;
        double *L = f.factor + k * s->size, half = 0, eps = (double)c->eps;
        f.share[k] = has_begun(s, r) ? (double)r->params[s->weight->offset + k] : 1 / (double)s->K;
        if (!has_begun(s, r)) identity(s, L);
        else if (!s->full) half = deviations(s->D, C, eps, L);
        else
            while (isnan(half = cholesky(s->D, C, eps, L)) && eps < 1e30) eps *= 10;
        f.scale[k] = f.share[k] > 0 ? log(f.share[k]) - 0.5 * (double)s->D * LN_2PI - half : -INFINITY;
    }
}

/* ---- density ------------------------------------------------------------------------------------------------------ */

typedef struct density_job {
    const mixture *s;
    const float *mean, *z;
    const factors *f;
    double *terms, *row, *nll;
} density_job;

/* Returns |L^-1 (z - m)|^2; the workspace is y[D]. */
static double distance(const mixture *s, const float *z, const float *mean, const double *L, double *y) {
    double sum = 0;
    for (int64_t i = 0; i < s->D; i++) {
        double v = (double)z[i] - (double)mean[i];
        for (int64_t j = 0; s->full && j < i; j++) v -= L[i * s->D + j] * y[j];
        y[i] = v / L[s->full ? i * s->D + i : i];
        sum += y[i] * y[i];
    }
    return sum;
}

static void density_range(void *arg, int64_t begin, int64_t end) {
    const density_job *j = arg;
    const mixture *s = j->s;
    for (int64_t i = begin; i < end; i++) {
        double *term = j->terms + i * s->K, top = -INFINITY, sum = 0;
        for (int64_t k = 0; k < s->K; k++) {
            const double d = distance(s, j->z + i * s->D, j->mean + k * s->D, j->f->factor + k * s->size, j->row + i * s->D);
            term[k] = j->f->scale[k] - 0.5 * d;
            if (term[k] > top) top = term[k];
        }
        for (int64_t k = 0; k < s->K; k++) sum += term[k] = exp(term[k] - top);
        for (int64_t k = 0; k < s->K; k++) term[k] /= sum; /* the share of component k in z */
        j->nll[i] = -(top + log(sum));
    }
}

static void nll(const vaei_prior *p, const vaei_run *r, const vaei_slot *m, const vaei_points *at, double *out) {
    const mixture *s = p->state;
    parts own;
    vaei_prior_pieces(p, r, m, &own);
    density_job j = {s, r->params + s->mean->offset, at->z, &own.factors, own.terms, own.row, out};
    vaei_parallel_ranges(r->pool, r->n, s->K * s->size, density_range, &j);
}

/* ---- learning ----------------------------------------------------------------------------------------------------- */

static vae_status_t prepare(const vaei_prior *p, const vaei_run *r, const vaei_slot *m, const vaei_points *at) {
    const mixture *s = p->state;
    (void)m, (void)at;
    if (has_begun(s, r) || r->n >= s->K) return VAE_OK;
    return vaei_fail(VAE_E_ARG, "prior gmm: %lld examples, the k-means start of components=%lld wants as many or more", (long long)r->n,
                     (long long)s->K);
}

typedef struct learn_job {
    const mixture *s;
    const parts *m;
    const double *terms;   /* NULL: the shares are those of the clusters */
    const float *z, *from; /* from: the old means */
    int64_t n;
    double size; /* size of the step */
    float *weight, *mean, *covariance;
} learn_job;

/* Sums over the examples of component k; returns its share of them. */
static double gather(const learn_job *j, int64_t k) {
    const mixture *s = j->s;
    double share = 0, *shift = j->m->shift + k * s->D, *square = j->m->square + k * s->size;
    memset(shift, 0, (size_t)s->D * sizeof(*shift));
    memset(square, 0, (size_t)s->size * sizeof(*square));
    for (int64_t i = 0; i < j->n; i++) {
        const double w = j->terms ? j->terms[i * s->K + k] : j->m->cluster[i] == k;
        const float *z = j->z + i * s->D, *from = j->from + k * s->D;
        if (!(w > 0)) continue;
        share += w;
        for (int64_t a = 0; a < s->D; a++) {
            const double d = (double)z[a] - (double)from[a];
            shift[a] += w * d;
            if (!s->full) square[a] += w * d * d;
            for (int64_t b = 0; s->full && b <= a; b++) square[a * s->D + b] += w * d * ((double)z[b] - (double)from[b]);
        }
    }
    return share / (double)j->n;
}

static void learn_task(void *arg, int32_t index) {
    const learn_job *j = arg;
    const mixture *s = j->s;
    const int64_t k = index;
    const double share = gather(j, k), old = (1 - j->size) * (double)j->weight[k], fresh = old + j->size * share, n = (double)j->n;
    double *shift = j->m->shift + k * s->D;
    const double *square = j->m->square + k * s->size;
    float *C = j->covariance + k * s->size;
    j->weight[k] = (float)fresh;
    for (int64_t a = 0; a < s->D; a++) shift[a] *= fresh > SHARE_MIN ? j->size / (n * fresh) : 0;
    for (int64_t a = 0; a < s->D; a++) {
        j->mean[k * s->D + a] = (float)((double)j->from[k * s->D + a] + shift[a]);
        for (int64_t b = s->full ? 0 : a; fresh > SHARE_MIN && b <= a; b++) {
            const int64_t at = s->full ? a * s->D + b : a;
            const double c = (old * (double)C[at] + j->size * square[at] / n) / fresh - shift[a] * shift[b];
            C[at] = (float)(a == b && c < 0 ? 0 : c);
            if (s->full) C[b * s->D + a] = C[at];
        }
    }
}

static void commit(const vaei_prior *p, const vaei_run *r, const vaei_slot *m, const vaei_points *at, float *params) {
    const mixture *s = p->state;
    const conf *c = p->conf;
    parts own;
    vaei_prior_pieces(p, r, m, &own);
    float *steps = params + s->steps->offset, *mean = params + s->mean->offset;
    learn_job j = {.s = s, .m = &own, .terms = own.terms, .z = at->z, .from = mean, .n = r->n, .mean = mean};
    j.size = pow((double)*steps + 1, -(double)c->learning_decay);
    j.weight = params + s->weight->offset;
    j.covariance = params + s->covariance->offset;
    if (!has_begun(s, r)) {
        const vaei_vectors v = {.P = r->n, .D = s->D, .ld = s->D, .stride = 1, .x = at->z, .code = own.cluster};
        const vaei_noise_key key = {r->noise.seed, r->noise.step, VAEI_STREAM_KMEANS};
        vaei_kmeans(r->k, r->pool, key, r->first_item, s->K, &v, 0, &own.start, own.panels, own.centre);
        j.terms = NULL;
        j.from = own.centre;
    }
    vaei_parallel(r->pool, (int32_t)s->K, learn_task, &j);
    *steps += 1;
}

/* ---- samples ------------------------------------------------------------------------------------------------------ */

static int64_t choose(const mixture *s, const double *share, double u) {
    double sum = 0, reached = 0;
    int64_t last = 0;
    for (int64_t k = 0; k < s->K; k++) sum += share[k];
    for (int64_t k = 0; k < s->K; k++) {
        if (!(share[k] > 0)) continue;
        last = k;
        if ((reached += share[k]) > u * sum) break;
    }
    return last;
}

/* z = m + L noise, in place. Row i needs the noise only of the rows before it, so the rows run from the last to the first. */
static void place(const mixture *s, const float *mean, const double *L, float *z) {
    for (int64_t i = s->D - 1; i >= 0; i--) {
        double sum = (double)mean[i];
        for (int64_t j = s->full ? 0 : i; j <= i; j++) sum += L[s->full ? i * s->D + j : i] * (double)z[j];
        z[i] = (float)sum;
    }
}

static void sample(const vaei_prior *p, const vaei_run *r, const vaei_slot *m, uint64_t first, const vaei_points *out) {
    const mixture *s = p->state;
    parts own;
    vaei_prior_pieces(p, r, m, &own);
    const factors f = own.factors;
    for (int64_t i = 0; i < r->n; i++) {
        const uint64_t position = first + (uint64_t)i;
        vaei_noise_key key = vaei_prior_key(r->noise.seed, position);
        float u;
        vaei_noise_normal(r->k, key, (uint32_t)position, s->D, out->z + i * s->D);
        key.stream = VAEI_STREAM_COMPONENT;
        vaei_noise_uniform(key, (uint32_t)position, 1, &u);
        const int64_t k = choose(s, f.share, (double)u);
        place(s, r->params + s->mean->offset + k * s->D, f.factor + k * s->size, out->z + i * s->D);
    }
}

const vaei_prior_ops vaei_prior_gmm = {
    .module = {.name = "gmm",
               .summary = "a mixture of Gaussians over latent values, by expectation and maximisation",
               .examples = "gmm components=4\n"
                           "gmm components=2 covariance=full learning_decay=0 eps=0.001",
               .paper = "Dempster, Laird, Rubin 1977; Cappe, Moulines 2009 (arXiv:0712.4273)",
               .conf_size = sizeof(conf),
               .options = options},
    .flags = VAEI_PRIOR_OF_VALUES | VAEI_PRIOR_LEARNED,
    .plan = plan,
    .layout = layout,
    .pack = pack,
    .nll = nll,
    .sample = sample,
    .prepare = prepare,
    .commit = commit,
};
