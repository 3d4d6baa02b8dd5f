/* SPDX-License-Identifier: MIT
 * param.c - declares and places parameters and sets their start values.
 *
 *   pytorch   U(-b, b), b = 1 / sqrt(fan_in)                         torch.nn.Linear, Conv2d, ConvTranspose2d
 *   xavier    U(-b, b), b = sqrt(6 / (fan_in + fan_out))             Glorot, Bengio 2010
 *   kaiming   N(0, s^2), s = sqrt(2 / fan_in)                        He et al. 2015 (arXiv:1502.01852) */
#include "nn/layer.h"

#include <math.h>

#define COUNT_MAX ((int64_t)1 << 40)
#define PLACE     16 /* floats: 64 bytes */

enum { STREAM_INIT = 0 };

void vaei_build_init(vaei_build *b, vaei_arena *arena) {
    memset(b, 0, sizeof(*b));
    b->arena = arena;
    b->last = &b->first;
    b->elements = vaei_layers;
    b->n_elements = vaei_layers_count;
    b->takes = VAEI_TAKES_TAPS;
}

vaei_param *vaei_build_param(vaei_build *b, const char *path, const char *name, int32_t ndim, const int64_t *shape, int32_t flags,
                             vaei_init init) {
    vaei_param *p = vaei_arena_alloc(b->arena, sizeof(*p));
    if (!p) return NULL;
    p->name = vaei_arena_format(b->arena, "%s.%s", path, name);
    if (!p->name) return NULL;
    p->ndim = ndim;
    p->flags = flags | b->flags;
    p->init = init;
    p->count = 1;
    for (int32_t i = 0; i < ndim; i++) {
        p->shape[i] = shape[i];
        if (!vaei_count_mul(p->count, shape[i], &p->count) || p->count > COUNT_MAX) {
            (void)vaei_fail(VAE_E_LIMIT, "%s: more than 2^40 values", p->name);
            return NULL;
        }
    }
    *b->last = p;
    b->last = &p->next;
    b->n_params++;
    return p;
}

vae_status_t vaei_build_finish(vaei_build *b, vaei_params *out) {
    vaei_param **at = vaei_arena_array(b->arena, (size_t)b->n_params + 1, sizeof(*at));
    if (!at) return VAE_E_NOMEM;
    int64_t i = 0, end = 0, trainable = 0;
    for (vaei_param *p = b->first; p; p = p->next) at[i++] = p;
    for (int32_t trained = 1; trained >= 0; trained--) {
        for (vaei_param *p = b->first; p; p = p->next) {
            if (((p->flags & VAEI_PARAM_TRAINED) != 0) != trained) continue;
            p->offset = end;
            end += (p->count + PLACE - 1) / PLACE * PLACE;
            if (end > COUNT_MAX) return vaei_fail(VAE_E_LIMIT, "parameters: more than 2^40 values together");
        }
        if (trained) trainable = end;
    }
    *out = (vaei_params){.at = at, .count = b->n_params, .n_trainable = trainable, .n_floats = end};
    return VAE_OK;
}

static void fill_uniform(vaei_noise_key key, double bound, int64_t n, float *w) {
    vaei_noise_uniform(key, 0, n, w);
    for (int64_t i = 0; i < n; i++) w[i] = (float)(bound * (2.0 * (double)w[i] - 1.0));
}

void vaei_params_init(const vaei_params *p, const vaei_kernels *k, uint64_t seed, float *values) {
    for (int64_t i = 0; i < p->count; i++) {
        const vaei_param *q = p->at[i];
        const vaei_noise_key key = {.seed = seed, .step = (uint64_t)i, .stream = STREAM_INIT};
        const double in = (double)q->init.fan_in, out = (double)q->init.fan_out;
        float *w = values + q->offset;
        switch (q->init.kind) {
        case VAEI_INIT_PYTORCH: fill_uniform(key, 1.0 / sqrt(in), q->count, w); break;
        case VAEI_INIT_XAVIER: fill_uniform(key, sqrt(6.0 / (in + out)), q->count, w); break;
        case VAEI_INIT_KAIMING:
            vaei_noise_normal(k, key, 0, q->count, w);
            k->scale(q->count, (float)sqrt(2.0 / in), w);
            break;
        case VAEI_INIT_NORMAL:
            vaei_noise_normal(k, key, 0, q->count, w);
            k->scale(q->count, q->init.value, w);
            break;
        case VAEI_INIT_ZEROS: memset(w, 0, (size_t)q->count * sizeof(*w)); break;
        default:
            for (int64_t j = 0; j < q->count; j++) w[j] = q->init.value;
        }
    }
}
