/* SPDX-License-Identifier: MIT
 * prior_vamp.c - the variational mixture of posteriors: p(z) is the mean of the posteriors of K learned examples, the pseudo-inputs.
 *
 *     p(z) = 1/K sum_k q(z | u_k)        prior.input [K][S]: u_k in the form that the encoder reads, channels last
 *
 * The encoder is part of this prior, so the prior is trained together with the model, by the gradient of the rate, under every objective
 * except prior. rate_joint.c has the rate and passes the u_k through the encoder. The u_k start from N(0, init_std^2); a host may start
 * them from examples with vae_model_set_param(). They are not limited to the range of the data. Densities are in normal_mixture.h.
 *
 * Tomczak, Welling 2017 (arXiv:1705.07120). Not here: the second level of latents. */
#include "vae/priors/normal_mixture.h"

#include "nn/ranges.h"
#include "vae/prior.h"

typedef struct conf {
    int64_t components;
    float init_std;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_INT(conf, components, 128, 1, 65536, "number of pseudo-inputs"),
    VAEI_OPTION(conf, init_std, FLOAT, VAEI_OPT_OPEN_LO, 0.5, 0, 1000, "standard deviation of the pseudo-inputs at the start"),
    {0},
};

static vae_status_t plan(vaei_prior *p, vaei_build *b) {
    const conf *c = p->conf;
    const int64_t shape[2] = {c->components, p->example};
    const vaei_init normal = {.kind = VAEI_INIT_NORMAL, .value = c->init_std};
    p->input = vaei_build_param(b, "prior", "input", 2, shape, VAEI_PARAM_TRAINED, normal);
    p->inputs = c->components;
    return p->input ? VAE_OK : VAE_E_NOMEM;
}

typedef struct parts {
    vaei_mixture mixture; /* pack */
    double *share;        /* [n][inputs]: cache in training, otherwise scratch */
} parts;

static void layout(const vaei_prior *prior, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces) {
    const int64_t components = prior->inputs;
    parts *const p = pieces ? pieces : &(parts){.share = NULL};
    (void)k;
    p->mixture = vaei_mixture_carve(components, vaei_shape_size(&prior->latent->z), &m->pack);
    p->share = vaei_carve_array(training ? &m->cache : &m->scratch, vaei_count_of(n, components), sizeof(double));
}

static void take(const vaei_prior *p, void *pack, int64_t first, int64_t n, const float *mean, const float *logvar) {
    vaei_memory memory = {.pack = {pack, 0}};
    parts m;
    layout(p, NULL, 0, 0, &memory, &m);
    vaei_mixture_set(&m.mixture, first, n, mean, logvar, 0);
}

static void nll(const vaei_prior *p, const vaei_run *r, const vaei_slot *slot, const vaei_points *at, double *out) {
    parts m;
    vaei_prior_pieces(p, r, slot, &m);
    vaei_mixture_nll(&m.mixture, r, m.mixture.K, at->z, m.share, out);
}

static void backward_points(const vaei_prior *p, const vaei_run *r, const vaei_slot *slot, const vaei_points *at, const float *weight,
                            float *dz, float *dmean, float *dlogvar) {
    parts m;
    vaei_prior_pieces(p, r, slot, &m);
    vaei_mixture_backward(&m.mixture, r, at->z, m.share, weight, dz, dmean, dlogvar);
}

static void sample(const vaei_prior *p, const vaei_run *r, const vaei_slot *slot, uint64_t first, const vaei_points *out) {
    parts m;
    vaei_prior_pieces(p, r, slot, &m);
    vaei_mixture_sample(&m.mixture, r, m.mixture.K, first, out->z);
}

const vaei_prior_ops vaei_prior_vamp = {
    .module = {.name = "vamp",
               .summary = "the mean of the posteriors of pseudo-inputs, which are trained together with the model",
               .examples = "vamp components=4\n"
                           "vamp components=3 init_std=1",
               .paper = "Tomczak, Welling 2017 (arXiv:1705.07120)",
               .conf_size = sizeof(conf),
               .options = options},
    .flags = VAEI_PRIOR_OF_VALUES | VAEI_PRIOR_LEARNED | VAEI_PRIOR_JOINT,
    .plan = plan,
    .layout = layout,
    .take = take,
    .nll = nll,
    .backward_points = backward_points,
    .sample = sample,
};
