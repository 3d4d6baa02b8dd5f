/* SPDX-License-Identifier: MIT
 * model_import.c - makes models from checkpoints of other programs. lib/import makes the text and tells where the parameters come from;
 * this file builds the model and reads the tensors one by one. */
#include "api/api.h"
#include "base/float_env.h"
#include "import/checkpoint.h"

#include <math.h>

#define FLAGS      (VAE_IMPORT_OWN_PIXELS | VAE_IMPORT_SCALED | VAE_IMPORT_NO_ENCODER | VAE_IMPORT_NO_DECODER)
#define SIDE_MAX   65536
#define FACTOR_MAX 1e6

static vae_status_t read_options(vaei_import_way *way, const vae_import_options_t *options) {
    vae_import_options_t o = {0};
    if (options) VAEI_TRY(vaei_read_struct(&o, sizeof(o), options, "options", "set it to sizeof(vae_import_options_t)"));
    if (o.flags & ~FLAGS)
        return vaei_fail(VAE_E_VERSION, "options: flags 0x%x, this library knows 0x%x", (unsigned)o.flags, (unsigned)FLAGS);
    if (o.height < 0 || o.height > SIDE_MAX || o.width < 0 || o.width > SIDE_MAX)
        return vaei_fail(VAE_E_ARG, "options: %lldx%lld, wanted sides of 1..%d, or 0", (long long)o.height, (long long)o.width, SIDE_MAX);
    if (!isfinite(o.factor) || !isfinite(o.shift) || fabs(o.factor) > FACTOR_MAX || fabs(o.shift) > FACTOR_MAX)
        return vaei_fail(VAE_E_ARG, "options: factor and shift are not finite, or beyond 1e6");
    if (o.factor == 0 && o.shift != 0) return vaei_fail(VAE_E_ARG, "options: shift without factor");
    *way = (vaei_import_way){.height = o.height,
                             .width = o.width,
                             .own_pixels = (o.flags & VAE_IMPORT_OWN_PIXELS) != 0,
                             .scaled = (o.flags & VAE_IMPORT_SCALED) != 0,
                             .no_encoder = (o.flags & VAE_IMPORT_NO_ENCODER) != 0,
                             .no_decoder = (o.flags & VAE_IMPORT_NO_DECODER) != 0,
                             .factor = o.factor,
                             .shift = o.shift};
    return VAE_OK;
}

static const vaei_take *take_of(const vaei_import *im, const char *param) {
    for (int64_t i = 0; i < im->n_takes; i++)
        if (strcmp(im->take[i].param, param) == 0) return &im->take[i];
    return NULL;
}

/* Finds the take of each parameter, takes[params.count], and the sizes of the memory that reading them needs. */
static vae_status_t match(const vaei_import *im, const vaei_params *p, const vaei_take **takes, size_t *bytes, size_t *floats) {
    *bytes = *floats = 1;
    for (int64_t i = 0; i < p->count; i++) {
        const vaei_param *q = p->at[i];
        const vaei_take *t = takes[i] = take_of(im, q->name);
        if (!t) return vaei_fail(VAE_E_FORMAT, "%.80s: nothing in it is for %.80s", im->file.where, q->name);
        VAEI_TRY(vaei_take_fits(t, q->ndim, q->shape, im->file.where));
        if (vaei_take_bytes(t) > *bytes) *bytes = vaei_take_bytes(t);
        if (vaei_take_floats(t) > *floats) *floats = vaei_take_floats(t);
    }
    return VAE_OK;
}

static vae_status_t read_params(vae_model_t *m, const vaei_import *im, const vaei_take *const *takes, void *bytes, float *floats) {
    const vaei_params *p = &m->network.params;
    vae_status_t status = VAE_OK;
    fenv_t host;
    vaei_float_env_enter(&host); /* the conversion of float64 rounds */
    for (int64_t i = 0; status == VAE_OK && i < p->count; i++)
        status = vaei_take_values(takes[i], &im->file, p->at[i]->shape[0], p->at[i]->count, bytes, floats, m->params + p->at[i]->offset);
    vaei_float_env_leave(&host);
    return status;
}

static vae_status_t fill(vae_model_t *m, const vaei_import *im, vaei_arena *scratch) {
    size_t bytes, floats;
    const vaei_take **takes = vaei_arena_array(scratch, (size_t)m->network.params.count + 1, sizeof(*takes));
    if (!takes) return VAE_E_NOMEM;
    VAEI_TRY(match(im, &m->network.params, takes, &bytes, &floats));
    void *raw = vaei_arena_alloc(scratch, bytes);
    float *values = vaei_arena_array(scratch, floats, sizeof(*values));
    if (!raw || !values) return VAE_E_NOMEM;
    VAEI_TRY(vaei_model_take_params(m));
    return read_params(m, im, takes, raw, values);
}

static vae_status_t build(vae_model_t **out, vae_ctx_t *ctx, const vaei_import *im) {
    vaei_arena scratch;
    vae_model_t *m;
    const vae_status_t built = vaei_model_build(&m, ctx, im->text, strlen(im->text));
    if (built < 0) return vaei_fail_at(built, "%.80s", im->file.where);
    vaei_arena_init(&scratch, &ctx->heap);
    const vae_status_t status = fill(m, im, &scratch);
    vaei_arena_free(&scratch);
    if (status < 0) vae_model_destroy(m);
    else *out = m;
    return status;
}

vae_status_t vae_model_import(vae_model_t **out, vae_ctx_t *ctx, const char *path, const vae_import_options_t *options) {
    vaei_import_way way;
    vaei_import im;
    if (!out) return vaei_fail(VAE_E_ARG, "out: is NULL");
    *out = NULL;
    if (!path) return vaei_fail(VAE_E_ARG, "path: is NULL");
    VAEI_TRY(read_options(&way, options));
    VAEI_TRY(vaei_ctx_acquire(&ctx, ctx));
    vae_status_t status = vaei_import_open(&im, &ctx->heap, path, &way);
    if (status == VAE_OK) {
        status = build(out, ctx, &im);
        vaei_import_close(&im);
    }
    vae_ctx_destroy(ctx);
    return status;
}

vae_status_t vae_import_describe(vae_ctx_t *ctx, const char *path, char *buf, size_t cap, size_t *needed) {
    char text[2048];
    vaei_writer w = {text, sizeof(text), 0};
    vaei_import im;
    if (!path) return vaei_fail(VAE_E_ARG, "path: is NULL");
    VAEI_TRY(vaei_ctx_acquire(&ctx, ctx));
    vae_status_t status = vaei_import_open(&im, &ctx->heap, path, &(vaei_import_way){0});
    if (status == VAE_OK) {
        vaei_import_describe(&im, &w);
        vaei_import_close(&im);
        status = vaei_give_text(text, strlen(text), buf, cap, needed);
    }
    vae_ctx_destroy(ctx);
    return status;
}
