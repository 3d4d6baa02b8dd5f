/* SPDX-License-Identifier: MIT
 * weights.c - declares, shares and folds weights and biases.
 *
 *   A normalisation with fixed statistics is y = s u + t for each channel. Behind u = w x + b it costs no time:
 *
 *       s (w x + b) + t = (s w) x + (s b + t) */
#include "nn/weights.h"

#define WEIGHT_MAX (INT64_C(1) << 40)

/* ---- ties -------------------------------------------------------------------------------------------------------- */

static const vaei_layer *find_layer(const vaei_build *b, const char *path, size_t length) {
    const vaei_layer *l = b->layers;
    while (l && (strlen(l->path) != length || memcmp(l->path, path, length) != 0)) l = l->before;
    return l;
}

static int32_t is_repeated(const vaei_build *b, const vaei_layer *l) {
    const vaei_layer *other = b->layers;
    while (other && other->node != l->node) other = other->before;
    return other != NULL;
}

/* The layer's own parameter "PATH.weight", or NULL. */
static vaei_param *weight_of(const vaei_layer *l) {
    const size_t length = strlen(l->path);
    for (int32_t i = 0; i < l->n_params; i++)
        if (strncmp(l->param[i]->name, l->path, length) == 0 && strcmp(l->param[i]->name + length, ".weight") == 0) return l->param[i];
    return NULL;
}

/* "7x24" */
static const char *sizes_text(int32_t n, const int64_t *d, int32_t swapped, char buf[96]) {
    vaei_shape s = {.n = n};
    memcpy(s.d, d, (size_t)n * sizeof(*d));
    if (swapped) s.d[0] = d[1], s.d[1] = d[0];
    return vaei_shape_text(&s, buf);
}

/* Whether p is a weight[shape] or, if that is allowed, its transpose. `T`: only the transpose is allowed. */
static int32_t fits(const vaei_param *p, const vaei_weights *w, int32_t T) {
    const int64_t *const shape = w->shape;
    if (p->ndim != w->ndim) return 0;
    if (!T && memcmp(p->shape, shape, (size_t)w->ndim * sizeof(*shape)) == 0) return 1;
    if (!w->transposed || p->shape[0] != shape[1] || p->shape[1] != shape[0]) return 0;
    *w->transposed = 1;
    return 1;
}

static vae_status_t tie(vaei_layer *l, const vaei_build *b, const vaei_weights *w) {
    const char *const name = l->ops->module.name;
    const size_t length = strlen(w->tie);
    const int32_t T = w->transposed && length > 2 && strcmp(w->tie + length - 2, ".T") == 0;
    const vaei_layer *const owner = find_layer(b, w->tie, length - (T ? 2 : 0));
    char got[96], wanted[96], or_else[96];
    if (!owner) return vaei_fail(VAE_E_SPEC, "%s: tie=%s: there is no layer at that place before this one", name, w->tie);
    if (is_repeated(b, l))
        return vaei_fail(VAE_E_SPEC, "%s: tie=%s: the layer is inside a repeat: write its layers one by one", name, w->tie);
    if (owner->tied) return vaei_fail(VAE_E_SPEC, "%s: tie=%s: that layer is tied to %s: tie to that one", name, w->tie, owner->tied->path);
    vaei_param *const p = weight_of(owner);
    if (!p) return vaei_fail(VAE_E_SPEC, "%s: tie=%s: %s has no weight to share", name, w->tie, owner->ops->module.name);
    if (!fits(p, w, T)) {
        (void)sizes_text(p->ndim, p->shape, 0, got), (void)sizes_text(w->ndim, w->shape, T, wanted);
        (void)sizes_text(w->ndim, w->shape, 1, or_else);
        const int32_t either = w->transposed && !T && w->shape[0] != w->shape[1];
        return vaei_fail(VAE_E_SHAPE, "%s: tie=%s: its weight is %s, wanted %s%s%s", name, w->tie, got, wanted, either ? " or " : "",
                         either ? or_else : "");
    }
    l->tied = owner;
    l->param[l->n_params++] = p;
    return VAE_OK;
}

/* ---- declaring --------------------------------------------------------------------------------------------------- */

static vae_status_t own(vaei_layer *l, vaei_build *b, const vaei_weights *w) {
    const vaei_init init = {w->init, w->fan_in, w->fan_out, 0};
    int64_t count = 1;
    for (int32_t i = 0; i < w->ndim; i++)
        if (!vaei_count_mul(count, w->shape[i], &count) || count > WEIGHT_MAX)
            return vaei_fail(VAE_E_LIMIT, "%s: a weight of more than 2^40 values", l->ops->module.name);
    vaei_param *p = vaei_build_param(b, l->path, "weight", w->ndim, w->shape, VAEI_PARAM_TRAINED | VAEI_PARAM_DECAYED, init);
    if (!p) return VAE_E_NOMEM;
    l->param[l->n_params++] = p;
    return VAE_OK;
}

vae_status_t vaei_weights_declare(vaei_layer *l, vaei_build *b, const vaei_weights *w) {
    const vaei_init init = {w->init == VAEI_INIT_PYTORCH ? VAEI_INIT_PYTORCH : VAEI_INIT_ZEROS, w->fan_in, w->fan_out, 0};
    VAEI_TRY(w->tie ? tie(l, b, w) : own(l, b, w));
    if (!w->bias) return VAE_OK;
    vaei_param *p = vaei_build_param(b, l->path, "bias", 1, &w->out, VAEI_PARAM_TRAINED, init);
    if (!p) return VAE_E_NOMEM;
    l->param[l->n_params++] = p;
    return VAE_OK;
}

/* ---- folding ----------------------------------------------------------------------------------------------------- */

void vaei_weights_fold(const vaei_layer *l, const vaei_run *r, int64_t out, float *scale, float *bias) {
    const float *own = vaei_layer_param(l, r, 1);
    const vaei_layer *const normalisation = vaei_layer_folded(l, 0);
    normalisation->ops->fold(normalisation, r->params, scale, bias);
    for (int64_t i = 0; own && i < out; i++) bias[i] = (float)((double)scale[i] * own[i] + bias[i]);
}
