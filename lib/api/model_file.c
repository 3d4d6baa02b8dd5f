/* SPDX-License-Identifier: MIT
 * model_file.c - reads and writes models as safetensors files.
 *
 *     __metadata__   vae.format_version "1"    vae.spec "input      28x28x1\n..."    vae.version "0.1.0"
 *     tensors        encoder.0.weight, encoder.0.bias, ..., likelihood.log_sigma     float32, PyTorch's layouts
 *
 * A checkpoint (trainer_file.c) contains more, the texts vae.* and the tensors optimizer.*; it can be loaded as a model too. */
#include "api/api.h"
#include "base/float_env.h"

#define TRAINER_PREFIX "optimizer."

int32_t vaei_is_trainer_entry(const char *name) {
    return strncmp(name, TRAINER_PREFIX, sizeof(TRAINER_PREFIX) - 1) == 0;
}

static int32_t ends_with(const char *text, const char *end) {
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static void print_sizes(int32_t ndim, const int64_t *shape, char *buf, size_t cap) {
    vaei_writer w = {.buf = buf, .cap = cap};
    vaei_write(&w, "[");
    for (int32_t i = 0; i < ndim; i++) vaei_write(&w, "%s%lld", i ? "," : "", (long long)shape[i]);
    vaei_write(&w, "]");
}

static vae_status_t check_entry(const vaei_entry *e, const vaei_param *p, const char *where) {
    char got[200], wanted[120];
    if (!e) return vaei_fail(VAE_E_FORMAT, "%.80s: tensor '%.80s' is missing", where, p->name);
    int32_t equal = e->ndim == p->ndim;
    for (int32_t i = 0; equal && i < p->ndim; i++) equal = e->shape[i] == p->shape[i];
    if (equal) return vaei_entry_is_floats(e, where);
    print_sizes(e->ndim, e->shape, got, sizeof(got));
    print_sizes(p->ndim, p->shape, wanted, sizeof(wanted));
    return vaei_fail(VAE_E_SHAPE, "%.80s: %s is %s, wanted %s", where, p->name, got, wanted);
}

static int32_t may_be_extra(const char *name) {
    return vaei_is_trainer_entry(name) || strncmp(name, VAEI_ANOMALY_PREFIX, sizeof(VAEI_ANOMALY_PREFIX) - 1) == 0 ||
           ends_with(name, ".num_batches_tracked");
}

static int32_t is_param(const vaei_params *p, const char *name) {
    for (int64_t i = 0; i < p->count; i++)
        if (strcmp(p->at[i]->name, name) == 0) return 1;
    return 0;
}

static int32_t is_expected(const vaei_params *p, const char *name) {
    return may_be_extra(name) || is_param(p, name);
}

/* Refuses an entry that has no parameter, because it belongs to another model. Names are unique on both sides, so the number of entries
 * tells whether there is such an entry; only then the function searches for it. */
static vae_status_t check_no_strangers(const vaei_params *p, const vaei_file *f) {
    int64_t expected = 0;
    for (int64_t i = 0; i < p->count; i++) expected += vaei_file_find(f, p->at[i]->name) != NULL;
    for (int64_t i = 0; i < f->n_entries; i++) expected += may_be_extra(f->entry[i].name);
    if (expected >= f->n_entries) return VAE_OK;
    const vaei_entry *stray = f->entry;
    while (is_expected(p, stray->name)) stray++;
    return vaei_fail(VAE_E_FORMAT, "%.80s: tensor '%.80s' is not part of the model", f->where, stray->name);
}

vae_status_t vaei_params_fit_file(const vae_model_t *model, const vaei_file *f) {
    const vaei_params *p = &model->network.params;
    VAEI_TRY(check_no_strangers(p, f));
    for (int64_t i = 0; i < p->count; i++) VAEI_TRY(check_entry(vaei_file_find(f, p->at[i]->name), p->at[i], f->where));
    return VAE_OK;
}

/* Reads all parameters into params, or only checks them if params is NULL. */
static vae_status_t read_params(const vae_model_t *model, const vaei_file *f, float *params) {
    const vaei_params *p = &model->network.params;
    vae_status_t status = VAE_OK;
    fenv_t host;
    vaei_float_env_enter(&host); /* the conversion of float64 rounds */
    for (int64_t i = 0; status == VAE_OK && i < p->count; i++)
        status = vaei_entry_floats(vaei_file_find(f, p->at[i]->name), params ? params + p->at[i]->offset : NULL, f->where);
    vaei_float_env_leave(&host);
    return status;
}

vae_status_t vaei_params_check_numbers(const vae_model_t *model, const vaei_file *f) {
    return read_params(model, f, NULL);
}

void vaei_params_from_file(vae_model_t *model, const vaei_file *f) {
    (void)read_params(model, f, model->params);
    model->generation++;
}

static vae_status_t check_format(const vaei_file *f, const char *where, const char **spec) {
    const char *version = vaei_file_text(f, "vae.format_version");
    *spec = vaei_file_text(f, "vae.spec");
    if (!version || !*spec)
        return vaei_fail(VAE_E_FORMAT, "%.80s: no %s in its metadata: not a libvae model (vae_model_load_weights reads bare weights)",
                         where, version ? "vae.spec" : "vae.format_version");
    if (strcmp(version, VAEI_FORMAT_VERSION) != 0)
        return vaei_fail(VAE_E_VERSION, "%.80s: format version '%.20s', this library reads %s", where, version, VAEI_FORMAT_VERSION);
    return VAE_OK;
}

/* The header tells whether the file holds the model that its text describes. Only then the data are read and the parameters allocated. */
static vae_status_t fill_model(vae_model_t *m, vaei_file *f) {
    VAEI_TRY(vaei_params_fit_file(m, f));
    VAEI_TRY(vaei_file_data(f));
    VAEI_TRY(vaei_params_check_numbers(m, f));
    VAEI_TRY(vaei_model_take_params(m));
    vaei_params_from_file(m, f);
    return VAE_OK;
}

static vae_status_t model_from_file(vae_model_t **out, vae_ctx_t *ctx, vaei_file *f) {
    const char *spec;
    vae_model_t *m;
    VAEI_TRY(check_format(f, f->where, &spec));
    const vae_status_t built = vaei_model_build(&m, ctx, spec, strlen(spec));
    if (built < 0) return vaei_fail_at(built, "%.80s: vae.spec", f->where);
    const vae_status_t status = fill_model(m, f);
    if (status < 0) {
        vae_model_destroy(m);
        return status;
    }
    *out = m;
    return VAE_OK;
}

/* Loads from a path, or from bytes if path is NULL. */
static vae_status_t load(vae_model_t **out, vae_ctx_t *ctx, const char *path, const void *data, size_t size) {
    vaei_file f;
    VAEI_TRY(vaei_ctx_acquire(&ctx, ctx));
    vae_status_t status = path ? vaei_file_open(&f, &ctx->heap, path) : vaei_file_open_memory(&f, &ctx->heap, data, size, "memory");
    if (status == VAE_OK) {
        status = model_from_file(out, ctx, &f);
        vaei_file_close(&f);
    }
    vae_ctx_destroy(ctx);
    return status;
}

vae_status_t vae_model_load(vae_model_t **out, vae_ctx_t *ctx, const char *path) {
    if (!out) return vaei_fail(VAE_E_ARG, "out: is NULL");
    *out = NULL;
    if (!path) return vaei_fail(VAE_E_ARG, "path: is NULL");
    return load(out, ctx, path, NULL, 0);
}

vae_status_t vae_model_load_memory(vae_model_t **out, vae_ctx_t *ctx, const void *data, size_t size) {
    if (!out) return vaei_fail(VAE_E_ARG, "out: is NULL");
    *out = NULL;
    if (!data && size > 0) return vaei_fail(VAE_E_ARG, "data: is NULL");
    return load(out, ctx, NULL, data, size);
}

vae_status_t vae_model_load_weights(vae_model_t *model, const char *path) {
    vaei_file f;
    VAEI_TRY(vaei_check_model(model));
    if (!path) return vaei_fail(VAE_E_ARG, "path: is NULL");
    VAEI_TRY(vaei_file_open(&f, &model->ctx->heap, path));
    vae_status_t status = vaei_params_fit_file(model, &f);
    if (status == VAE_OK) status = vaei_file_data(&f);
    if (status == VAE_OK) status = vaei_params_check_numbers(model, &f);
    if (status == VAE_OK) vaei_params_from_file(model, &f);
    vaei_file_close(&f);
    return status;
}

void vaei_params_to_entries(const vae_model_t *model, vaei_entry *e) {
    const vaei_params *p = &model->network.params;
    for (int64_t i = 0; i < p->count; i++) {
        const vaei_param *q = p->at[i];
        e[i] = (vaei_entry){.name = q->name, .dtype = VAEI_DTYPE_F32, .ndim = q->ndim, .count = q->count};
        e[i].data = (const uint8_t *)(const void *)(model->params + q->offset);
        for (int32_t d = 0; d < q->ndim; d++) e[i].shape[d] = q->shape[d];
    }
}

/* The model and what stands behind it: to the path, or into data[cap] if it is NULL. */
typedef struct output {
    const char *path;
    void *data;
    size_t cap, *needed;
} output;

enum { TEXTS = 4, TEXTS_MORE = 4 };

static vae_status_t save(const vae_model_t *model, const output *to, const vaei_entry *more, int64_t n_more,
                         const vaei_text_entry *more_text, int64_t n_more_text) {
    vaei_text_entry text[TEXTS + TEXTS_MORE] = {
        {"format", "pt"},
        {"vae.format_version", VAEI_FORMAT_VERSION},
        {"vae.version", VAE_VERSION_STRING},
        {"vae.spec", model->network.spec},
    };
    const int64_t n = model->network.params.count + n_more, n_text = TEXTS + n_more_text;
    vaei_heap *heap = &model->ctx->heap;
    const size_t bytes = (size_t)(n + 1) * sizeof(vaei_entry);
    vaei_entry *entry = vaei_heap_alloc(heap, bytes, "list of tensors");
    if (!entry) return VAE_E_NOMEM;
    VAEI_ASSERT(n_more_text <= TEXTS_MORE);
    vaei_params_to_entries(model, entry);
    for (int64_t i = 0; i < n_more; i++) entry[n - n_more + i] = more[i];
    for (int64_t i = 0; i < n_more_text; i++) text[TEXTS + i] = more_text[i];
    const vae_status_t status = to->path ? vaei_file_write(to->path, heap, entry, n, text, n_text)
                                         : vaei_file_write_memory(to->data, to->cap, to->needed, heap, entry, n, text, n_text);
    vaei_heap_free(heap, entry, bytes);
    return status;
}

vae_status_t vaei_model_write(const vae_model_t *model, const char *path, const vaei_entry *more, int64_t n_more,
                              const vaei_text_entry *text, int64_t n_text) {
    return save(model, &(output){.path = path}, more, n_more, text, n_text);
}

vae_status_t vae_model_save(const vae_model_t *model, const char *path) {
    VAEI_TRY(vaei_check_model(model));
    if (!path) return vaei_fail(VAE_E_ARG, "path: is NULL");
    return vaei_model_write(model, path, NULL, 0, NULL, 0);
}

vae_status_t vae_model_save_memory(const vae_model_t *model, void *data, size_t cap, size_t *needed) {
    VAEI_TRY(vaei_check_model(model));
    return save(model, &(output){.data = data, .cap = cap, .needed = needed}, NULL, 0, NULL, 0);
}
