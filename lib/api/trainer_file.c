/* SPDX-License-Identifier: MIT
 * trainer_file.c - writes and reads checkpoints: model files that also contain everything that a bit-exact resume needs.
 *
 *     __metadata__   of model_file.c, and  vae.training, vae.optimizer, vae.step, vae.seed, vae.lr (float64 as 16 hex digits)
 *     tensors        of model_file.c, and  optimizer.<slot>.<parameter>
 *
 * Noise is a function of (seed, step), so a checkpoint needs nothing else. */
#include "api/trainer.h"

typedef struct digits {
    char text[32];
} digits;

static digits decimal(uint64_t v) {
    digits d;
    vaei_writer w = {.buf = d.text, .cap = sizeof(d.text)};
    vaei_write(&w, "%llu", (unsigned long long)v);
    return d;
}

static digits bits_of(double v) {
    digits d;
    uint64_t bits;
    vaei_writer w = {.buf = d.text, .cap = sizeof(d.text)};
    memcpy(&bits, &v, sizeof(bits));
    vaei_write(&w, "%016llx", (unsigned long long)bits);
    return d;
}

/* ---- saving ---------------------------------------------------------------------------------------------------- */

static vae_status_t slot_entries(const vae_trainer_t *t, vaei_arena *names, vaei_entry *e, int64_t *n) {
    const vaei_params *p = &t->model->network.params;
    for (int32_t s = 0; s < VAEI_OPTIMIZER_SLOTS; s++) {
        for (int64_t i = 0; i < p->count; i++) {
            const vaei_param *q = p->at[i];
            const float *const slot = vaei_training_slot(&t->training, q, s);
            if (!slot) continue;
            vaei_entry *out = &e[(*n)++];
            *out = (vaei_entry){.dtype = VAEI_DTYPE_F32, .ndim = q->ndim, .count = q->count};
            out->name = vaei_arena_format(names, "optimizer.%d.%s", (int)s, q->name);
            if (!out->name) return VAE_E_NOMEM;
            out->data = (const uint8_t *)(const void *)slot;
            for (int32_t d = 0; d < q->ndim; d++) out->shape[d] = q->shape[d];
        }
    }
    return VAE_OK;
}

static int64_t most_slots(const vae_trainer_t *t) {
    int64_t most = 0;
    for (int32_t i = 0; i < t->training.n_learners; i++)
        most = t->training.learner[i].n_slots > most ? t->training.learner[i].n_slots : most;
    return most;
}

vae_status_t vae_trainer_save(const vae_trainer_t *trainer, const char *path) {
    VAEI_TRY(vaei_check_trainer(trainer));
    if (!path) return vaei_fail(VAE_E_ARG, "path: is NULL");
    if (trainer->training.parts > 0) return vaei_fail(VAE_E_STATE, "save: gradients wait for vae_trainer_apply()");
    const vae_model_t *model = trainer->model;
    const digits step = decimal((uint64_t)trainer->training.step), seed = decimal(trainer->training.seed),
                 lr = bits_of(trainer->training.learner[0].lr);
    const vaei_text_entry text[] = {
        {"format", "pt"},
        {"vae.format_version", VAEI_FORMAT_VERSION},
        {"vae.version", VAE_VERSION_STRING},
        {"vae.spec", model->network.spec},
        {"vae.training", trainer->recipe.resume_text},
        {"vae.optimizer", vaei_trainer_optimizer_name(trainer)},
        {"vae.step", step.text},
        {"vae.seed", seed.text},
        {"vae.lr", lr.text},
    };
    const int64_t count = model->network.params.count;
    vaei_arena arena;
    vaei_arena_init(&arena, &model->ctx->heap);
    vae_status_t status = VAE_OK;
    int64_t n = count;
    vaei_entry *entry = vaei_arena_array(&arena, (size_t)(count * (1 + most_slots(trainer))) + 1, sizeof(*entry));
    if (!entry) status = VAE_E_NOMEM;
    if (status == VAE_OK) {
        vaei_params_to_entries(model, entry);
        status = slot_entries(trainer, &arena, entry, &n);
    }
    if (status == VAE_OK) status = vaei_file_write(path, &model->ctx->heap, entry, n, text, (int64_t)VAEI_COUNT(text));
    vaei_arena_free(&arena);
    return status;
}

/* ---- loading --------------------------------------------------------------------------------------------------- */

static vae_status_t same_text(const vaei_file *f, const char *path, const char *key, const char *wanted) {
    const char *got = vaei_file_text(f, key);
    if (!got) return vaei_fail(VAE_E_FORMAT, "%.80s: no %s in its metadata: not a checkpoint", path, key);
    if (strcmp(got, wanted) != 0) return vaei_fail(VAE_E_STATE, "%.80s: %s differs from this trainer's", path, key);
    return VAE_OK;
}

static int32_t hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static vae_status_t read_number(const vaei_file *f, const char *path, const char *key, uint32_t base, uint64_t *out) {
    const char *text = vaei_file_text(f, key);
    uint64_t v = 0;
    if (!text || !*text) return vaei_fail(VAE_E_FORMAT, "%.80s: no %s in its metadata", path, key);
    for (const char *p = text; *p; p++) {
        const int32_t d = hex_digit(*p);
        if (d < 0 || (uint32_t)d >= base || v > (UINT64_MAX - (uint64_t)d) / base)
            return vaei_fail(VAE_E_FORMAT, "%.80s: %s is '%.40s', wanted a number", path, key, text);
        v = v * base + (uint64_t)d;
    }
    *out = v;
    return VAE_OK;
}

typedef struct state {
    uint64_t step, seed;
    double lr;
} state;

static vae_status_t read_state(const vae_trainer_t *t, const vaei_file *f, const char *path, state *out) {
    uint64_t bits;
    VAEI_TRY(same_text(f, path, "vae.format_version", VAEI_FORMAT_VERSION));
    VAEI_TRY(same_text(f, path, "vae.spec", t->model->network.spec));
    VAEI_TRY(same_text(f, path, "vae.training", t->recipe.resume_text));
    VAEI_TRY(same_text(f, path, "vae.optimizer", vaei_trainer_optimizer_name(t)));
    VAEI_TRY(read_number(f, path, "vae.step", 10, &out->step));
    VAEI_TRY(read_number(f, path, "vae.seed", 10, &out->seed));
    VAEI_TRY(read_number(f, path, "vae.lr", 16, &bits));
    memcpy(&out->lr, &bits, sizeof(bits));
    if (out->step >= UINT64_C(1) << 56) return vaei_fail(VAE_E_FORMAT, "%.80s: vae.step is out of range", path);
    if (!(out->lr >= 0.0) || !(out->lr - out->lr <= 0.0)) return vaei_fail(VAE_E_FORMAT, "%.80s: vae.lr is out of range", path);
    return VAE_OK;
}

/* A function that handles one array of an optimizer, which belongs to one parameter. */
typedef vae_status_t (*slot_visit)(const vaei_file *f, const vaei_entry *e, float *slot);

static vae_status_t visit_slots(const vae_trainer_t *t, const vaei_file *f, slot_visit visit) {
    const vaei_params *p = &t->model->network.params;
    char name[320];
    for (int32_t s = 0; s < VAEI_OPTIMIZER_SLOTS; s++) {
        for (int64_t i = 0; i < p->count; i++) {
            const vaei_param *q = p->at[i];
            float *const slot = vaei_training_slot(&t->training, q, s);
            if (!slot) continue;
            vaei_writer w = {.buf = name, .cap = sizeof(name)};
            vaei_write(&w, "optimizer.%d.%s", (int)s, q->name);
            const vaei_entry *e = vaei_file_find(f, name);
            if (!e || e->count != q->count)
                return vaei_fail(VAE_E_FORMAT, "%.80s: tensor '%.80s' is missing or of another size", f->where, name);
            VAEI_TRY(visit(f, e, slot));
        }
    }
    return VAE_OK;
}

static vae_status_t fit_slot(const vaei_file *f, const vaei_entry *e, float *slot) {
    (void)slot;
    return vaei_entry_is_floats(e, f->where);
}

static vae_status_t check_slot(const vaei_file *f, const vaei_entry *e, float *slot) {
    (void)slot;
    return vaei_entry_floats(e, NULL, f->where);
}

static vae_status_t read_slot(const vaei_file *f, const vaei_entry *e, float *slot) {
    return vaei_entry_floats(e, slot, f->where);
}

static vae_status_t restore(vae_trainer_t *t, vaei_file *f, const char *path) {
    state s;
    VAEI_TRY(read_state(t, f, path, &s));
    VAEI_TRY(visit_slots(t, f, fit_slot));
    VAEI_TRY(vaei_params_fit_file(t->model, f));
    VAEI_TRY(vaei_file_data(f));
    VAEI_TRY(visit_slots(t, f, check_slot));
    VAEI_TRY(vaei_params_check_numbers(t->model, f)); /* the last call that can fail */
    (void)visit_slots(t, f, read_slot);
    vaei_params_from_file(t->model, f);
    t->training.step = (int64_t)s.step;
    t->training.seed = s.seed;
    vaei_training_set_lr(&t->training, s.lr);
    return VAE_OK;
}

vae_status_t vae_trainer_load(vae_trainer_t *trainer, const char *path) {
    vaei_file f;
    VAEI_TRY(vaei_check_trainer(trainer));
    if (!path) return vaei_fail(VAE_E_ARG, "path: is NULL");
    if (trainer->training.parts > 0) return vaei_fail(VAE_E_STATE, "load: call vae_trainer_apply() first, gradients are not applied yet");
    VAEI_TRY(vaei_file_open(&f, &trainer->model->ctx->heap, path));
    const vae_status_t status = restore(trainer, &f, path);
    vaei_file_close(&f);
    return status;
}
