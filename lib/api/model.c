/* SPDX-License-Identifier: MIT
 * model.c - builds models and returns their sizes and their parameters. model_file.c reads and writes their files. */
#include "api/api.h"
#include "base/float_env.h"

#include <float.h>

vae_status_t vaei_check_model(const vae_model_t *model) {
    if (!model) return vaei_fail(VAE_E_ARG, "model: is NULL");
    if (model->magic != VAEI_MAGIC_MODEL) return vaei_fail(VAE_E_ARG, "model: not a model, or already destroyed");
    return VAE_OK;
}

vae_status_t vaei_check_halves(const vae_model_t *model, const char *call, int32_t runs) {
    const vaei_network *net = &model->network;
    if (runs & VAEI_RUNS_ENCODER && vaei_stack_is_missing(net->encoder))
        return vaei_fail(VAE_E_UNSUPPORTED, "%s: the model has no encoder, its file held a decoder alone", call);
    if (runs & VAEI_RUNS_DECODER && vaei_stack_is_missing(net->decoder))
        return vaei_fail(VAE_E_UNSUPPORTED, "%s: the model has no decoder, its file held an encoder alone", call);
    return VAE_OK;
}

vae_model_t *vaei_model_acquire(const vae_model_t *model) {
    vae_model_t *m = (vae_model_t *)(uintptr_t)model; /* const does not protect the count of references */
    VAEI_ASSERT(m->references > 0);
    m->references++;
    return m;
}

vae_status_t vaei_model_take_params(vae_model_t *m) {
    const vaei_params *p = &m->network.params;
    size_t bytes;
    VAEI_TRY(vaei_network_link(&m->network, &m->arena));
    if ((uint64_t)p->n_floats > SIZE_MAX || !vaei_size_mul((size_t)p->n_floats, sizeof(float), &bytes))
        return vaei_fail(VAE_E_LIMIT, "model: the parameters need more memory than this machine can address");
    m->params = vaei_heap_alloc(&m->ctx->heap, bytes, "parameters");
    return m->params ? vaei_model_take_tensors(m) : VAE_E_NOMEM;
}

vae_status_t vaei_model_take_tensors(vae_model_t *m) {
    const vaei_params *p = &m->network.params;
    m->tensor = vaei_arena_array(&m->arena, (size_t)p->count + 1, sizeof(*m->tensor));
    if (!m->tensor) return VAE_E_NOMEM;
    for (int64_t i = 0; i < p->count; i++) vaei_tensor_of_param(&m->tensor[i], p->at[i], m->params);
    return VAE_OK;
}

vae_status_t vaei_model_begin(vae_model_t **out, vae_ctx_t *ctx) {
    VAEI_TRY(vaei_ctx_acquire(&ctx, ctx));
    vae_model_t *m = vaei_heap_alloc(&ctx->heap, sizeof(*m), "model");
    if (!m) {
        vae_ctx_destroy(ctx);
        return VAE_E_NOMEM;
    }
    m->magic = VAEI_MAGIC_MODEL;
    m->references = 1;
    m->generation = 1;
    m->ctx = ctx;
    vaei_arena_init(&m->arena, &ctx->heap);
    *out = m;
    return VAE_OK;
}

static vae_status_t build(vae_model_t *m, const char *spec, size_t length) {
    vaei_document document;
    VAEI_TRY(vaei_spec_parse(&document, &m->arena, spec, length));
    return vaei_network_build(&m->network, &m->arena, &document);
}

vae_status_t vaei_model_build(vae_model_t **out, vae_ctx_t *ctx, const char *spec, size_t length) {
    vae_model_t *m;
    fenv_t host;
    VAEI_TRY(vaei_model_begin(&m, ctx));
    vaei_float_env_enter(&host);
    const vae_status_t status = build(m, spec, length);
    vaei_float_env_leave(&host);
    if (status < 0) {
        vae_model_destroy(m);
        return status;
    }
    *out = m;
    return VAE_OK;
}

vae_status_t vae_model_create(vae_model_t **out, vae_ctx_t *ctx, const char *spec, uint64_t seed) {
    if (!out) return vaei_fail(VAE_E_ARG, "out: is NULL");
    *out = NULL;
    if (!spec) return vaei_fail(VAE_E_ARG, "spec: is NULL");
    vae_model_t *m;
    fenv_t host;
    VAEI_TRY(vaei_model_build(&m, ctx, spec, strlen(spec)));
    const vae_status_t status = vaei_model_take_params(m);
    if (status < 0) {
        vae_model_destroy(m);
        return status;
    }
    vaei_float_env_enter(&host);
    vaei_params_init(&m->network.params, m->ctx->kernels, seed, m->params);
    vaei_float_env_leave(&host);
    *out = m;
    return VAE_OK;
}

void vae_model_destroy(vae_model_t *model) {
    if (!model || model->magic != VAEI_MAGIC_MODEL || --model->references > 0) return;
    VAEI_ASSERT(model->references == 0);
    vae_ctx_t *ctx = model->ctx;
    vae_model_t *const source = model->source;
    if (model->params && !source) vaei_heap_free(&ctx->heap, model->params, (size_t)model->network.params.n_floats * sizeof(float));
    vaei_arena_free(&model->arena);
    model->magic = 0;
    vaei_heap_free(&ctx->heap, model, sizeof(*model));
    vae_model_destroy(source);
    vae_ctx_destroy(ctx);
}

vae_status_t vaei_give_text(const char *text, size_t length, char *buf, size_t cap, size_t *needed) {
    if (needed) *needed = length + 1;
    if (!buf && cap == 0 && needed) return VAE_OK;
    if (!buf) return vaei_fail(VAE_E_ARG, "buf: is NULL");
    if (cap < length + 1) return vaei_fail(VAE_E_ARG, "buf: %zu bytes, wanted %zu", cap, length + 1);
    memcpy(buf, text, length);
    buf[length] = '\0';
    return VAE_OK;
}

vae_status_t vae_model_spec(const vae_model_t *model, char *buf, size_t cap, size_t *needed) {
    VAEI_TRY(vaei_check_model(model));
    return vaei_give_text(model->network.spec, strlen(model->network.spec), buf, cap, needed);
}

static int32_t is_model(const vae_model_t *m) {
    return m && m->magic == VAEI_MAGIC_MODEL;
}

static int32_t give_shape(const vaei_shape *s, int64_t shape[4]) {
    for (int32_t i = 0; shape && i < s->n; i++) shape[i] = s->d[i];
    return s->n;
}

int64_t vae_model_input_size(const vae_model_t *model) {
    return is_model(model) ? model->network.likelihood.size : 0;
}

int64_t vae_model_latent_size(const vae_model_t *model) {
    return is_model(model) ? model->network.z_size : 0;
}

int32_t vae_model_input_shape(const vae_model_t *model, int64_t shape[4]) {
    return is_model(model) ? give_shape(&model->network.input, shape) : 0;
}

int32_t vae_model_latent_shape(const vae_model_t *model, int64_t shape[4]) {
    if (!is_model(model)) return 0;
    const vaei_network *net = &model->network;
    const vaei_shape all = {.n = 1, .d = {net->z_size}};
    return give_shape(net->n_levels == 1 ? &net->latent.z : &all, shape);
}

int32_t vae_model_latent_count(const vae_model_t *model) {
    return is_model(model) ? model->network.n_levels : 0;
}

int32_t vae_model_latent_shape_at(const vae_model_t *model, int32_t index, int64_t shape[4]) {
    if (!is_model(model) || index < 0 || index >= model->network.n_levels) return 0;
    return give_shape(vaei_network_z(&model->network, index), shape);
}

int64_t vae_model_codes_per_example(const vae_model_t *model) {
    return is_model(model) ? model->network.latent.n_codes : 0;
}

int64_t vae_model_codebook_size(const vae_model_t *model) {
    return is_model(model) ? model->network.latent.codebook_size : 0;
}

int64_t vae_model_class_count(const vae_model_t *model) {
    if (!is_model(model)) return 0;
    const vaei_network *net = &model->network;
    return net->condition.classes > 0 ? net->condition.classes : net->prior.classes;
}

int64_t vae_model_token_count(const vae_model_t *model) {
    return is_model(model) ? model->network.tokens : 0;
}

int64_t vae_model_condition_size(const vae_model_t *model) {
    return is_model(model) ? model->network.condition.vector : 0;
}

int64_t vae_model_param_count(const vae_model_t *model) {
    return is_model(model) ? model->network.params.count : 0;
}

int64_t vae_model_param_total(const vae_model_t *model) {
    int64_t total = 0;
    for (int64_t i = 0; i < vae_model_param_count(model); i++) {
        const vaei_param *p = model->network.params.at[i];
        if (p->flags & VAEI_PARAM_TRAINED) total += p->count;
    }
    return total;
}

static vae_status_t check_index(const vae_model_t *model, int64_t index) {
    VAEI_TRY(vaei_check_model(model));
    if (index < 0 || index >= model->network.params.count)
        return vaei_fail(VAE_E_ARG, "index: %lld, wanted 0..%lld", (long long)index, (long long)model->network.params.count - 1);
    return VAE_OK;
}

vae_status_t vae_model_param(const vae_model_t *model, int64_t index, const vae_tensor_t **out, const char **name) {
    if (!out) return vaei_fail(VAE_E_ARG, "out: is NULL");
    *out = NULL;
    VAEI_TRY(check_index(model, index));
    *out = &model->tensor[index];
    if (name) *name = model->network.params.at[index]->name;
    return VAE_OK;
}

vae_status_t vae_model_param_find(const vae_model_t *model, const char *name, int64_t *index) {
    const char *names[128];
    char hint[96];
    VAEI_TRY(vaei_check_model(model));
    if (!name || !index) return vaei_fail(VAE_E_ARG, "%s: is NULL", name ? "index" : "name");
    const vaei_params *p = &model->network.params;
    size_t n = 0;
    for (int64_t i = 0; i < p->count; i++) {
        if (strcmp(p->at[i]->name, name) == 0) {
            *index = i;
            return VAE_OK;
        }
        if (n < VAEI_COUNT(names)) names[n++] = p->at[i]->name;
    }
    return vaei_fail(VAE_E_ARG, "model: no parameter '%.80s'%s", name, vaei_text_hint(hint, name, names, n));
}

vae_status_t vae_model_set_param(vae_model_t *model, int64_t index, const float *values, int64_t count) {
    VAEI_TRY(check_index(model, index));
    if (!values) return vaei_fail(VAE_E_ARG, "values: is NULL");
    const vaei_param *p = model->network.params.at[index];
    if (count != p->count) return vaei_fail(VAE_E_SHAPE, "%s: %lld values, wanted %lld", p->name, (long long)count, (long long)p->count);
    VAEI_TRY(vaei_check_rows(model, p->name, 1, count, values, -FLT_MAX, FLT_MAX));
    memcpy(model->params + p->offset, values, (size_t)count * sizeof(*values));
    model->generation++;
    return VAE_OK;
}

vae_status_t vaei_check_extent(int64_t n, int64_t size, size_t bytes) {
    if (n < 0) return vaei_fail(VAE_E_ARG, "n: %lld, wanted 0 or more", (long long)n);
    if (size > 0 && (uint64_t)n > (uint64_t)PTRDIFF_MAX / bytes / (uint64_t)size)
        return vaei_fail(VAE_E_ARG, "n: %lld examples need more memory than this machine can address", (long long)n);
    return VAE_OK;
}

vae_status_t vaei_check_codes(const vae_model_t *model, int64_t n, int32_t least, const int32_t *codes) {
    const vaei_latent *q = &model->network.latent;
    if (!(q->ops->flags & VAEI_LATENT_CODES)) return vaei_fail(VAE_E_UNSUPPORTED, "latent %s: has no codes", q->ops->module.name);
    VAEI_TRY(vaei_check_extent(n, q->n_codes, sizeof(*codes)));
    if (!codes && n > 0) return vaei_fail(VAE_E_ARG, "codes: is NULL");
    const int64_t count = n * q->n_codes;
    for (int64_t i = 0; i < count; i++) {
        if (codes[i] >= least && codes[i] < q->codebook_size) continue;
        return vaei_fail(VAE_E_ARG, "codes[%lld][%lld]: %ld, wanted %d..%lld of K=%lld codes", (long long)(i / q->n_codes),
                         (long long)(i % q->n_codes), (long)codes[i], (int)least, (long long)q->codebook_size - 1,
                         (long long)q->codebook_size);
    }
    return VAE_OK;
}

vae_status_t vaei_check_rows(const vae_model_t *model, const char *what, int64_t n, int64_t size, const float *x, float lo, float hi) {
    char got[32], low[32], high[32];
    VAEI_TRY(vaei_check_extent(n, size, sizeof(*x)));
    if (!x && n > 0) return vaei_fail(VAE_E_ARG, "%s: is NULL", what);
    const int64_t count = n * size;
    if (lo <= -FLT_MAX && hi >= FLT_MAX && model->ctx->kernels->all_finite(count, x)) return VAE_OK;
    int32_t outside = 0;
    for (int64_t i = 0; i < count; i++) outside |= !(x[i] >= lo && x[i] <= hi);
    for (int64_t i = 0; outside && i < count; i++) {
        if (x[i] >= lo && x[i] <= hi) continue;
        const long long row = (long long)(i / size), column = (long long)(i % size);
        if (!(x[i] - x[i] <= 0)) /* true for NaN and for infinities */
            return vaei_fail(VAE_E_NUMERIC, "%s[%lld][%lld]: not a finite number", what, row, column);
        vaei_text_float(got, sizeof(got), (double)x[i]);
        vaei_text_float(low, sizeof(low), (double)lo);
        vaei_text_float(high, sizeof(high), (double)hi);
        return vaei_fail(VAE_E_ARG, "%s[%lld][%lld]: %s, wanted %s..%s for likelihood %s", what, row, column, got, low, high,
                         model->network.likelihood.ops->module.name);
    }
    return VAE_OK;
}
