/* SPDX-License-Identifier: MIT
 * prior_aggregate.c - the aggregate posterior: a mixture of the posteriors of examples that were used in the fit, stored in the model.
 *
 *     p(z) = 1/N sum_i q(z | x_i)        variances e^logvar + eps
 *
 *     prior.mean [posteriors][D]   prior.logvar [posteriors][D]   prior.count [1]
 *
 * Fitting stores the posteriors of the first examples, at most `posteriors` of them, so the examples should be shuffled, and one pass is
 * enough. Before the first example, p is N(0, I). A sample is a draw from one of the posteriors. With eps the prior is a Parzen window,
 * which the latents of a plain autoencoder need, because they are points. There are no gradients. normal_mixture.h has the densities.
 *
 * Hoffman, Johnson 2016 (ELBO surgery); Parzen 1962. */
#include "vae/priors/normal_mixture.h"

#include "nn/ranges.h"
#include "vae/prior.h"

typedef struct conf {
    int64_t posteriors;
    float eps;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_INT(conf, posteriors, 2048, 1, 1048576, "largest number of posteriors to keep"),
    VAEI_OPTION_FLOAT(conf, eps, 0, 0, 1e6, "added to the variances"),
    {0},
};

typedef struct store {
    int64_t D;
    const vaei_param *mean, *logvar, *count;
} store;

static vae_status_t plan(vaei_prior *p, vaei_build *b) {
    const conf *c = p->conf;
    store *s = p->state = vaei_arena_alloc(b->arena, sizeof(*s));
    if (!s) return VAE_E_NOMEM;
    s->D = vaei_shape_size(&p->latent->z);
    const int64_t shape[2] = {c->posteriors, s->D}, one = 1;
    const vaei_init zeros = {.kind = VAEI_INIT_ZEROS};
    s->mean = vaei_build_param(b, "prior", "mean", 2, shape, 0, zeros);
    s->logvar = vaei_build_param(b, "prior", "logvar", 2, shape, 0, zeros);
    s->count = vaei_build_param(b, "prior", "count", 1, &one, 0, zeros);
    return s->mean && s->logvar && s->count ? VAE_OK : VAE_E_NOMEM;
}

/* The number of stored posteriors; the value in a file may be wrong. */
static int64_t kept(const vaei_prior *p, const float *params) {
    const int64_t most = ((const conf *)p->conf)->posteriors;
    const float count = params[((const store *)p->state)->count->offset];
    return !(count > 0) ? 0 : count < (float)most ? (int64_t)count : most;
}

/* Returns 1 if none is stored: the zeros with which parameters start are N(0, I). */
static int64_t used(const vaei_prior *p, const float *params) {
    const int64_t count = kept(p, params);
    return count > 0 ? count : 1;
}

typedef struct parts {
    vaei_mixture mixture; /* pack */
    double *share;        /* [n][posteriors] */
} parts;

static void layout(const vaei_prior *prior, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces) {
    const int64_t components = ((const conf *)prior->conf)->posteriors;
    parts *const p = pieces ? pieces : &(parts){.share = NULL};
    (void)k, (void)training;
    p->mixture = vaei_mixture_carve(components, ((const store *)prior->state)->D, &m->pack);
    p->share = vaei_carve_array(&m->scratch, vaei_count_of(n, components), sizeof(double));
}

static void pack(const vaei_prior *p, const vaei_run *r, void *memory) {
    const conf *c = p->conf;
    const store *s = p->state;
    parts at;
    vaei_prior_packed(p, r, memory, &at);
    vaei_mixture_set(&at.mixture, 0, used(p, r->params), r->params + s->mean->offset, r->params + s->logvar->offset, (double)c->eps);
}

static void nll(const vaei_prior *p, const vaei_run *r, const vaei_slot *slot, const vaei_points *at, double *out) {
    parts m;
    vaei_prior_pieces(p, r, slot, &m);
    vaei_mixture_nll(&m.mixture, r, used(p, r->params), at->z, m.share, out);
}

static void sample(const vaei_prior *p, const vaei_run *r, const vaei_slot *slot, uint64_t first, const vaei_points *out) {
    parts m;
    vaei_prior_pieces(p, r, slot, &m);
    vaei_mixture_sample(&m.mixture, r, used(p, r->params), first, out->z);
}

static void commit(const vaei_prior *p, const vaei_run *r, const vaei_slot *slot, const vaei_points *at, float *params) {
    const store *s = p->state;
    const int64_t count = kept(p, params), free = ((const conf *)p->conf)->posteriors - count, n = r->n < free ? r->n : free;
    const size_t bytes = (size_t)(n * s->D) * sizeof(*params);
    (void)slot;
    memcpy(params + s->mean->offset + count * s->D, at->mean, bytes);
    memcpy(params + s->logvar->offset + count * s->D, at->logvar, bytes);
    params[s->count->offset] = (float)(count + n);
}

const vaei_prior_ops vaei_prior_aggregate = {
    .module = {.name = "aggregate",
               .summary = "the mean of the posteriors of examples that it has seen",
               .examples = "aggregate posteriors=8\n"
                           "aggregate posteriors=3 eps=0.1",
               .paper = "Hoffman, Johnson 2016; Parzen 1962",
               .conf_size = sizeof(conf),
               .options = options},
    .flags = VAEI_PRIOR_OF_VALUES | VAEI_PRIOR_LEARNED,
    .plan = plan,
    .layout = layout,
    .pack = pack,
    .nll = nll,
    .sample = sample,
    .commit = commit,
};
