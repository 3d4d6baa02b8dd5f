/* SPDX-License-Identifier: MIT
 * gradient.c - computes gradients with respect to the input by a training pass of a frozen network.
 *
 *     loss_i = nll_i + sum kl_i        d loss / d x = (through the encoder) + d nll / d x for constant theta
 *
 * It needs the memory of a training without an optimizer. It also computes the gradients of the parameters, and ignores them. */
#include "api/given_batch.h"
#include "base/float_env.h"
#include "nn/ranges.h"

struct vae_gradient {
    uint32_t magic;
    vae_model_t *model;
    size_t bytes;
    int64_t max_batch;
    uint64_t packed; /* the model's generation in the packs */
    vaei_work work;
    float *grads;  /* [n_floats] */
    float *direct; /* [max_batch][S] d nll / d x */
};

static void carve(const vae_model_t *model, int64_t n, vaei_carve *c, vae_gradient_t *g) {
    const vaei_network *const net = &model->network;
    const int64_t nS = vaei_count_of(n, net->likelihood.size);
    vaei_network_carve(net, model->ctx->kernels, n, VAEI_BLOCKS_TRAIN, c, &g->work);
    g->work.d_x = vaei_carve_floats(c, nS);
    g->direct = vaei_carve_floats(c, nS);
    g->grads = vaei_carve_floats(c, net->params.n_floats);
}

static vae_status_t check_gradient(const vae_model_t *model) {
    const vaei_network *const net = &model->network;
    const vaei_likelihood_ops *const likelihood = net->likelihood.ops;
    VAEI_TRY(vaei_check_halves(model, "vae_gradient_create", VAEI_RUNS_ENCODER | VAEI_RUNS_DECODER));
    if (net->latent.ops->flags & VAEI_LATENT_CODES)
        return vaei_fail(VAE_E_UNSUPPORTED, "latent %s: its codes have no gradient", net->latent.ops->module.name);
    if (!likelihood->x_backward) return vaei_fail(VAE_E_UNSUPPORTED, "likelihood %s: has no gradient by x", likelihood->module.name);
    if (vaei_network_has_prior(net)) return vaei_fail(VAE_E_UNSUPPORTED, "prior %s: has no gradient by z", net->prior.ops->module.name);
    return VAE_OK;
}

vae_status_t vae_gradient_create(vae_gradient_t **out, const vae_model_t *model, int64_t max_batch) {
    vae_gradient_t measured;
    vaei_carve c = {0};
    if (!out) return vaei_fail(VAE_E_ARG, "out: is NULL");
    *out = NULL;
    VAEI_TRY(vaei_check_model(model));
    if (max_batch < 1 || max_batch > INT32_MAX) return vaei_fail(VAE_E_ARG, "max_batch: %lld, wanted 1..2147483647", (long long)max_batch);
    VAEI_TRY(check_gradient(model));
    (void)vaei_carve_bytes(&c, sizeof(measured));
    carve(model, max_batch, &c, &measured);
    if (c.used == SIZE_MAX) return vaei_fail(VAE_E_LIMIT, "gradient: max_batch=%lld passes the address space", (long long)max_batch);
    vae_gradient_t *const g = vaei_heap_alloc(&model->ctx->heap, c.used, "gradient");
    if (!g) return VAE_E_NOMEM;
    const size_t bytes = c.used;
    c = (vaei_carve){.base = (char *)g};
    (void)vaei_carve_bytes(&c, sizeof(*g));
    carve(model, max_batch, &c, g);
    g->magic = VAEI_MAGIC_GRADIENT;
    g->model = vaei_model_acquire(model);
    g->bytes = bytes;
    g->max_batch = max_batch;
    *out = g;
    return VAE_OK;
}

void vae_gradient_destroy(vae_gradient_t *gradient) {
    if (!gradient || gradient->magic != VAEI_MAGIC_GRADIENT) return;
    vae_model_t *const model = gradient->model;
    gradient->magic = 0;
    vaei_heap_free(&model->ctx->heap, gradient, gradient->bytes);
    vae_model_destroy(model);
}

static void set_noise(const vaei_network *net, const vaei_run *r, const vaei_work *w) {
    if (r->batch.noise) vaei_network_noise(net, r, w);
    for (int32_t l = 0; l < net->n_levels && !r->batch.noise; l++)
        memset(w->level[l].noise, 0, (size_t)(r->n * w->level[l].size) * sizeof(float));
}

/* The loss is the sum of nll and of every kl, so its derivatives by them are 1. */
static void set_slopes(const vaei_terms *t, int64_t n, double *loss) {
    for (int64_t i = 0; i < n; i++) {
        double sum = t->nll[i];
        t->d_nll[i] = 1;
        for (int32_t l = 0; l < t->levels; l++)
            for (int64_t d = i * t->level[l].dim; d < (i + 1) * t->level[l].dim; d++) {
                sum += (double)t->level[l].kl[d];
                t->level[l].d_kl[d] = 1;
            }
        if (loss) loss[i] = sum;
    }
}

/* dx[r->n][S] */
static vae_status_t pass(vae_gradient_t *g, const vaei_run *r, double *loss, float *dx) {
    const vaei_network *const net = &g->model->network;
    const vaei_work *const w = &g->work;
    const int64_t count = r->n * net->likelihood.size;
    vaei_terms t = {0};
    set_noise(net, r, w);
    VAEI_TRY(vaei_network_forward(net, r, w));
    vaei_network_terms(net, r, w, &t);
    set_slopes(&t, r->n, loss);
    vaei_likelihood_x_backward(&net->likelihood, r, w->facts, w->theta, r->batch.x, w->d_nll, g->direct);
    vaei_network_backward(net, r, w); /* theta is not kept */
    memcpy(dx, w->d_x, (size_t)count * sizeof(*dx));
    r->k->add(count, g->direct, dx);
    return VAE_OK;
}

static vae_status_t run(vae_gradient_t *g, const vaei_batch *b, int64_t n, double *loss, float *dx) {
    const vae_model_t *const m = g->model;
    vaei_run all = {.k = m->ctx->kernels, .pool = m->ctx->pool, .n = n, .training = 1, .frozen = 1, .params = m->params, .grads = g->grads};
    const uint64_t generation = m->generation;
    all.batch = *b;
    if (g->packed != generation) vaei_network_pack(&m->network, &all, &g->work);
    g->packed = generation;
    for (int64_t i = 0; i < n; i += g->max_batch) {
        vaei_run part = vaei_run_slice(&all, i, n - i < g->max_batch ? n - i : g->max_batch);
        part.first_item = 0;
        part.batch.total = (double)part.n;
        VAEI_TRY(pass(g, &part, loss ? loss + i : NULL, dx + i * b->of_x));
    }
    return VAE_OK;
}

vae_status_t vae_input_gradient(vae_gradient_t *gradient, const vae_batch_t *batch, double *loss, float *dx) {
    vaei_batch b;
    int64_t n;
    fenv_t host;
    if (!gradient) return vaei_fail(VAE_E_ARG, "gradient: is NULL");
    if (gradient->magic != VAEI_MAGIC_GRADIENT) return vaei_fail(VAE_E_ARG, "gradient: not a gradient, or already destroyed");
    VAEI_TRY(vaei_batch_open(&b, &n, gradient->model, batch, "vae_input_gradient", VAEI_READS_X | VAEI_READS_NOISE));
    VAEI_TRY(vaei_check_extent(n, b.of_x, sizeof(double)));
    if (!dx && n > 0) return vaei_fail(VAE_E_ARG, "dx: is NULL");
    VAEI_TRY(vaei_batch_check_x(gradient->model, &b, n));
    VAEI_TRY(vaei_batch_check_noise(gradient->model, &b, n));
    vaei_float_env_enter(&host);
    const vae_status_t status = run(gradient, &b, n, loss, dx);
    vaei_float_env_leave(&host);
    return status;
}
