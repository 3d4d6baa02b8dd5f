/* SPDX-License-Identifier: MIT
 * model_sized.c - a model for pictures of another size.
 *
 * The text is built again with another height and width. Every layer computes from the shape of its input the shape of its output and those
 * of its parameters. Where all parameters have the shapes that they have in the model, they stand at the same places in memory, and the
 * model serves the other size with them. Otherwise the sentence names the first layer whose parameters depend on the size. */
#include "api/api.h"
#include "base/float_env.h"
#include "vae/input.h"

#define SIDE_MAX 65536

typedef struct size {
    int64_t height, width;
} size;

static const char *shape_text(const vaei_param *p, char text[96]) {
    vaei_shape shape = {.n = p->ndim};
    for (int32_t d = 0; d < p->ndim; d++) shape.d[d] = p->shape[d];
    return vaei_shape_text(&shape, text);
}

static int32_t same_shape(const vaei_param *a, const vaei_param *b) {
    if (a->ndim != b->ndim) return 0;
    for (int32_t d = 0; d < a->ndim; d++)
        if (a->shape[d] != b->shape[d]) return 0;
    return 1;
}

/* `by`: what has the parameter p of net, which is q at the other size. */
static vae_status_t refuse(const vaei_network *net, const char *by, const vaei_param *p, const vaei_param *q, const size *to) {
    char was[96], is[96], own[96];
    return vaei_fail(VAE_E_UNSUPPORTED, "size %lldx%lld: %s would be %s and is %s: %s has parameters for each place of a picture of %s",
                     (long long)to->height, (long long)to->width, p->name, shape_text(q, is), shape_text(p, was), by,
                     vaei_shape_text(&net->input, own));
}

static const vaei_layer *layer_of(const vaei_network *net, uint32_t id) {
    const vaei_layer *l = net->layers;
    while (l && l->id != id) l = l->before;
    return l;
}

/* The first layer whose parameters depend on the size; `other` is the same text at the other size, as far as it could be built. */
static vae_status_t check_layers(const vaei_network *net, const vaei_network *other, const size *to) {
    const vaei_layer *l, *m;
    for (uint32_t id = 0; (l = layer_of(net, id)) && (m = layer_of(other, id)); id++)
        for (int32_t i = 0; i < l->n_params && i < m->n_params; i++)
            if (!same_shape(l->param[i], m->param[i])) return refuse(net, l->ops->module.name, l->param[i], m->param[i], to);
    return VAE_OK;
}

/* The other parameters: of the latent, the likelihood, the prior. */
static vae_status_t check_params(const vaei_network *net, const vaei_network *other, const size *to) {
    VAEI_ASSERT(net->params.count == other->params.count);
    for (int64_t i = 0; i < net->params.count; i++) {
        const vaei_param *const p = net->params.at[i], *const q = other->params.at[i];
        if (!same_shape(p, q)) return refuse(net, "it", p, q, to);
    }
    return VAE_OK;
}

/* The sentence of a build that failed says at which size, and what the sides are multiples of where a latent stands for so many pixels. */
static void name_size(const vaei_network *net, const size *to, vae_status_t status) {
    const vaei_shape *const x = &net->input, *const z = &net->latent.z;
    if (z->n == 3 && x->d[0] % z->d[0] == 0 && x->d[1] % z->d[1] == 0) {
        const int64_t high = x->d[0] / z->d[0], wide = x->d[1] / z->d[1];
        if (to->height % high != 0 || to->width % wide != 0)
            (void)vaei_fail_at(status, "wanted multiples of %lldx%lld", (long long)high, (long long)wide);
    }
    (void)vaei_fail_at(status, "size %lldx%lld", (long long)to->height, (long long)to->width);
}

static vae_status_t build(vae_model_t *m, const vae_model_t *model, const size *to) {
    vaei_document document;
    VAEI_TRY(vaei_spec_parse(&document, &m->arena, model->network.spec, strlen(model->network.spec)));
    if (to->height > 0) VAEI_TRY(vaei_input_resize(&document, &m->arena, to->height, to->width));
    const vae_status_t status = vaei_network_build(&m->network, &m->arena, &document);
    if (status == VAE_E_NOMEM) return status;
    if (status < 0) name_size(&model->network, to, status);
    VAEI_TRY(check_layers(&model->network, &m->network, to));
    if (status < 0) return status;
    return check_params(&model->network, &m->network, to);
}

static vae_status_t share(vae_model_t *m, const vae_model_t *model) {
    VAEI_TRY(vaei_network_link(&m->network, &m->arena));
    m->params = model->params;
    m->source = vaei_model_acquire(model);
    return vaei_model_take_tensors(m);
}

vae_status_t vaei_model_resized(vae_model_t **out, const vae_model_t *model, int64_t height, int64_t width) {
    const size to = {height, width};
    vae_model_t *m;
    fenv_t host;
    if ((height != 0 || width != 0) && (height < 1 || height > SIDE_MAX || width < 1 || width > SIDE_MAX))
        return vaei_fail(VAE_E_ARG, "size: %lldx%lld, wanted sides of 1..%d", (long long)height, (long long)width, SIDE_MAX);
    VAEI_TRY(vaei_model_begin(&m, model->ctx));
    vaei_float_env_enter(&host);
    vae_status_t status = build(m, model, &to);
    vaei_float_env_leave(&host);
    if (status == VAE_OK) status = share(m, model);
    if (status < 0) {
        vae_model_destroy(m);
        return status;
    }
    *out = m;
    return VAE_OK;
}

vae_status_t vae_model_set_input_size(vae_model_t *model, int64_t height, int64_t width) {
    vae_model_t *other;
    VAEI_TRY(vaei_check_model(model));
    if (height < 1 || width < 1) return vaei_fail(VAE_E_ARG, "size: %lldx%lld, wanted 1 or more", (long long)height, (long long)width);
    if (model->references > 1)
        return vaei_fail(VAE_E_STATE, "model: a session or a trainer uses it, whose arrays have its size: destroy it first");
    VAEI_TRY(vaei_model_resized(&other, model, height, width));
    const vaei_arena arena = model->arena;
    model->arena = other->arena;
    vaei_network_move(&model->network, &other->network);
    model->tensor = other->tensor;
    other->arena = arena; /* freed with what the model was made of */
    vae_model_destroy(other);
    return VAE_OK;
}
