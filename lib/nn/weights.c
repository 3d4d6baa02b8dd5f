/* SPDX-License-Identifier: MIT
 * weights.c - declaring and folding weights and biases.
 *
 *   A normalisation with fixed statistics is y = s u + t for each channel. Behind u = w x + b it costs nothing:
 *
 *       s (w x + b) + t = (s w) x + (s b + t) */
#include "nn/weights.h"

#define WEIGHT_MAX (INT64_C(1) << 40)

vae_status_t vaei_weights_declare(vaei_layer *l, vaei_build *b, int32_t ndim, const int64_t *shape, int64_t fan_in, int64_t fan_out,
                                  int64_t out, int32_t bias, int32_t init) {
    const vaei_init weight_init = {init, fan_in, fan_out, 0};
    const vaei_init bias_init = {init == VAEI_INIT_PYTORCH ? VAEI_INIT_PYTORCH : VAEI_INIT_ZEROS, fan_in, fan_out, 0};
    int64_t count = 1;
    for (int32_t i = 0; i < ndim; i++)
        if (!vaei_count_mul(count, shape[i], &count) || count > WEIGHT_MAX)
            return vaei_fail(VAE_E_LIMIT, "%s: a weight of more than 2^40 values", l->ops->module.name);
    vaei_param *p = vaei_build_param(b, l->path, "weight", ndim, shape, VAEI_PARAM_TRAINED | VAEI_PARAM_DECAYED, weight_init);
    if (!p) return VAE_E_NOMEM;
    l->param[l->n_params++] = p;
    if (!bias) return VAE_OK;
    if (!(p = vaei_build_param(b, l->path, "bias", 1, &out, VAEI_PARAM_TRAINED, bias_init))) return VAE_E_NOMEM;
    l->param[l->n_params++] = p;
    return VAE_OK;
}

void vaei_weights_fold(const vaei_layer *l, const vaei_run *r, int64_t out, float *scale, float *bias) {
    const float *own = vaei_layer_param(l, r, 1);
    const vaei_layer *const normalisation = vaei_layer_folded(l, 0);
    normalisation->ops->fold(normalisation, r->params, scale, bias);
    for (int64_t i = 0; own && i < out; i++) bias[i] = (float)((double)scale[i] * own[i] + bias[i]);
}
