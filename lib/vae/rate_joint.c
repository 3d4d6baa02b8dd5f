/* SPDX-License-Identifier: MIT
 * rate_joint.c - the rate with a prior that consists of posteriors and is trained together with the network.
 *
 *     [x; u] -> encoder -> latent -> [mean, logvar; mean_u, logvar_u]        u: the prior's pseudo-inputs, after the batch
 *
 *     rate_i = KL(q(z|x_i) || N(0, I)) + log N(z_i; 0, I) - log p(z_i)       z_i: the draw that the decoder reads
 *
 * The first term is the latent's closed form, the other two are taken at z_i: an unbiased estimate of KL(q(z|x_i) || p), since the
 * expectations of log N(z; 0, I) cancel. Its gradient is that of this estimate: through z_i to the encoder, and through mean_u and
 * logvar_u to the encoder and on to u. The rate has no value for each dimension, so objectives get one value.
 *
 * In training, statistics over the batch (batch norm) include the pseudo-inputs. */
#include "vae/network.h"

#include "nn/ranges.h"

static vae_status_t check(const vaei_network *net) {
    const char *const name = net->prior.ops->module.name;
    if (!net->latent.ops->encode_backward)
        return vaei_fail(VAE_E_SPEC, "prior %s: is made of posteriors, latent %s has none", name, net->latent.ops->module.name);
    if (net->tokens > 0) return vaei_fail(VAE_E_SPEC, "prior %s: learns examples of its own, which tokens cannot be", name);
    if (net->condition.classes + net->condition.vector == 0) return VAE_OK;
    return vaei_fail(VAE_E_SPEC, "prior %s: its pseudo-inputs have no condition: leave out the prior or the section condition", name);
}

static void carve(const vaei_network *net, const vaei_kernels *k, int64_t n, vaei_carve *c, vaei_work *w) {
    const int64_t inputs = net->prior.inputs, D = vaei_shape_size(&net->latent.z), S = net->likelihood.size;
    const vaei_bytes bytes = vaei_prior_bytes(&net->prior, k, n, 1);
    w->prior.pack = vaei_carve_bytes(c, bytes.pack);
    w->prior.cache = vaei_carve_bytes(c, bytes.cache);
    w->prior.scratch = vaei_carve_bytes(c, bytes.scratch);
    w->x = vaei_carve_floats(c, vaei_count_of(n + inputs, S));
    w->d_x = vaei_carve_floats(c, vaei_count_of(n + inputs, S));
    w->rate = vaei_carve_floats(c, n);
    w->d_rate = vaei_carve_floats(c, n);
    w->prior_nll = vaei_carve_array(c, n, sizeof(double));
    w->d_mean = vaei_carve_floats(c, vaei_count_of(inputs, D));
    w->d_logvar = vaei_carve_floats(c, vaei_count_of(inputs, D));
}

static vaei_run encoder_run(const vaei_network *net, const vaei_run *r, const vaei_work *w) {
    vaei_run wide = *r;
    wide.n += net->prior.inputs;
    wide.batch = (vaei_batch){.x = w->x, .of_x = r->batch.of_x}; /* pseudo-inputs have no other arrays */
    return wide;
}

static const float *inputs_of(const vaei_network *net, const vaei_run *r) {
    return r->params + net->prior.input->offset;
}

static const float *input(const vaei_network *net, const vaei_run *r, const vaei_work *w) {
    const int64_t S = net->likelihood.size;
    vaei_run_flush(r, r->n * S, r->batch.x, w->x);
    memcpy(w->x + r->n * S, inputs_of(net, r), (size_t)(net->prior.inputs * S) * sizeof(float));
    return w->x;
}

static void forward(const vaei_network *net, const vaei_run *r, const vaei_work *w) {
    const vaei_prior *p = &net->prior;
    const vaei_prior standard = {.ops = &vaei_prior_standard, .latent = &net->latent};
    const int64_t D = vaei_shape_size(&net->latent.z);
    const vaei_points at = {.z = w->level[0].z};
    p->ops->take(p, w->prior.pack, 0, p->inputs, w->level[0].mean + r->n * D, w->level[0].logvar + r->n * D);
    p->ops->nll(p, r, &w->prior, &at, w->prior_nll);
    standard.ops->nll(&standard, r, NULL, &at, w->log_ratio);
    for (int64_t i = 0; i < r->n; i++) {
        double kl = 0;
        for (int64_t d = 0; d < D; d++) kl += (double)w->level[0].kl[i * D + d];
        w->rate[i] = (float)(kl + w->prior_nll[i] - w->log_ratio[i]);
    }
}

/* The rate is one value, without a value for each dimension. */
static vaei_rates rates(const vaei_work *w) {
    return (vaei_rates){.dim = 1, .kl = w->rate, .d_kl = w->d_rate};
}

static void backward(const vaei_network *net, const vaei_run *r, const vaei_work *w) {
    const vaei_prior *p = &net->prior;
    const int64_t D = vaei_shape_size(&net->latent.z), H = vaei_shape_size(&net->latent.h);
    const vaei_points at = {.z = w->level[0].z};
    const vaei_run wide = encoder_run(net, r, w), inputs = vaei_run_slice(&wide, r->n, p->inputs);
    for (int64_t i = 0; i < r->n; i++)
        for (int64_t d = i * D; d < (i + 1) * D; d++) {
            w->level[0].d_kl[d] = w->d_rate[i];
            w->d_z[d] -= w->d_rate[i] * w->level[0].z[d];
        }
    p->ops->backward_points(p, r, &w->prior, &at, w->d_rate, w->d_z, w->d_mean, w->d_logvar);
    net->latent.ops->encode_backward(&net->latent, &inputs, &w->latent, w->h + r->n * H, w->level[0].logvar + r->n * D, w->d_mean,
                                     w->d_logvar, w->d_h + r->n * H);
}

static void input_backward(const vaei_network *net, const vaei_run *r, const vaei_work *w) {
    const int64_t S = net->likelihood.size;
    r->k->add(net->prior.inputs * S, w->d_x + r->n * S, r->grads + net->prior.input->offset);
}

static void pack(const vaei_network *net, const vaei_run *r, const vaei_work *w) {
    const vaei_prior *p = &net->prior;
    vaei_run all = *r;
    all.n = p->inputs;
    all.batch = (vaei_batch){.x = inputs_of(net, r), .of_x = net->likelihood.size};
    for (int64_t i = 0; i < p->inputs; i += r->n) {
        const vaei_run part = vaei_run_slice(&all, i, p->inputs - i < r->n ? p->inputs - i : r->n);
        vaei_network_encode(net, &part, w, w->level[0].mean, w->level[0].logvar);
        p->ops->take(p, w->prior.pack, i, part.n, w->level[0].mean, w->level[0].logvar);
    }
}

const vaei_rate_ops vaei_rate_joint = {
    .prior_flags = 0, /* they are trained with the network's parameters */
    .check = check,
    .carve = carve,
    .encoder_run = encoder_run,
    .input = input,
    .forward = forward,
    .rates = rates,
    .backward = backward,
    .input_backward = input_backward,
    .pack = pack,
};
