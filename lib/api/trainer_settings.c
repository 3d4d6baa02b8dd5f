/* SPDX-License-Identifier: MIT
 * trainer_settings.c - changes the settings of a trainer between steps: seed, learning rate, the host's optimizer. */
#include "api/trainer.h"

void vaei_trainer_free_host_memory(vae_trainer_t *t) {
    const size_t floats = (size_t)t->model->network.params.n_trainable * (size_t)t->host.slots;
    if (t->host_memory) vaei_heap_free(&t->model->ctx->heap, t->host_memory, floats * sizeof(float));
    t->host_memory = NULL;
}

vae_status_t vaei_check_trainer(const vae_trainer_t *trainer) {
    if (!trainer) return vaei_fail(VAE_E_ARG, "trainer: is NULL");
    if (trainer->magic != VAEI_MAGIC_TRAINER) return vaei_fail(VAE_E_ARG, "trainer: not a trainer, or already destroyed");
    return VAE_OK;
}

const char *vaei_trainer_optimizer_name(const vae_trainer_t *t) {
    return t->host.step ? t->host_name : t->recipe.optimizer->module.name;
}

vae_status_t vae_trainer_options(const vae_trainer_t *trainer, char *buf, size_t cap, size_t *needed) {
    VAEI_TRY(vaei_check_trainer(trainer));
    return vaei_give_text(trainer->recipe.text, strlen(trainer->recipe.text), buf, cap, needed);
}

vae_status_t vae_trainer_seed(vae_trainer_t *trainer, uint64_t seed) {
    VAEI_TRY(vaei_check_trainer(trainer));
    trainer->training.seed = seed;
    return VAE_OK;
}

vae_status_t vae_trainer_set_lr(vae_trainer_t *trainer, double lr) {
    VAEI_TRY(vaei_check_trainer(trainer));
    if (!(lr >= 0.0) || !(lr - lr <= 0.0)) return vaei_fail(VAE_E_ARG, "lr: wanted 0 or more, finite");
    vaei_training_set_lr(&trainer->training, lr);
    return VAE_OK;
}

void vae_trainer_cancel(vae_trainer_t *trainer) {
    if (trainer && trainer->magic == VAEI_MAGIC_TRAINER) atomic_store_explicit(&trainer->cancel, 1, memory_order_relaxed);
}

int64_t vae_trainer_samples(const vae_trainer_t *trainer) {
    return trainer && trainer->magic == VAEI_MAGIC_TRAINER ? trainer->recipe.objective.samples : -1;
}

int64_t vae_trainer_steps(const vae_trainer_t *trainer) {
    return trainer && trainer->magic == VAEI_MAGIC_TRAINER ? trainer->training.step : -1;
}

static vae_status_t check_host_name(const char *name) {
    const char *const end = name ? memchr(name, 0, 64) : NULL;
    if (!end || end == name) return vaei_fail(VAE_E_ARG, "optimizer: name: wanted 1..63 characters");
    for (size_t i = 0; name + i < end; i++) {
        const char c = name[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'))
            return vaei_fail(VAE_E_ARG, "optimizer: name: wanted letters, digits and '_'");
    }
    return VAE_OK;
}

vae_status_t vae_trainer_set_optimizer(vae_trainer_t *trainer, const vae_optimizer_t *optimizer) {
    VAEI_TRY(vaei_check_trainer(trainer));
    vae_optimizer_t given;
    if (!optimizer) return vaei_fail(VAE_E_ARG, "optimizer: is NULL");
    VAEI_TRY(vaei_read_struct(&given, sizeof(given), optimizer, "optimizer", "set it to sizeof(vae_optimizer_t)"));
    optimizer = &given;
    if (!optimizer->step) return vaei_fail(VAE_E_ARG, "optimizer: step is NULL");
    if (optimizer->slots < 0 || optimizer->slots > VAEI_OPTIMIZER_SLOTS)
        return vaei_fail(VAE_E_ARG, "optimizer: slots=%d, wanted 0..%d", (int)optimizer->slots, VAEI_OPTIMIZER_SLOTS);
    VAEI_TRY(check_host_name(optimizer->name));
    if (trainer->training.step > 0 || trainer->training.parts > 0) return vaei_fail(VAE_E_STATE, "optimizer: training has begun");
    const int64_t n = trainer->model->network.params.n_trainable;
    float *memory = NULL;
    size_t bytes;
    if (!vaei_size_mul((size_t)n * sizeof(float), (size_t)optimizer->slots, &bytes))
        return vaei_fail(VAE_E_LIMIT, "optimizer: slots exceed the address space");
    if (bytes > 0 && !(memory = vaei_heap_alloc(&trainer->model->ctx->heap, bytes, "optimizer's memory"))) return VAE_E_NOMEM;
    vaei_trainer_free_host_memory(trainer);
    trainer->host = given;
    memcpy(trainer->host_name, optimizer->name, strlen(optimizer->name) + 1);
    trainer->host.name = trainer->host_name;
    trainer->training.host_step = given.step;
    trainer->training.host = given.user;
    trainer->host_memory = memory;
    trainer->training.learner[0].n_slots = given.slots;
    for (int32_t i = 0; i < given.slots; i++) trainer->training.learner[0].slot[i] = memory + (int64_t)i * n;
    return VAE_OK;
}

vae_status_t vae_trainer_grad(const vae_trainer_t *trainer, int64_t index, vae_tensor_t **out) {
    if (!out) return vaei_fail(VAE_E_ARG, "out: is NULL");
    *out = NULL;
    VAEI_TRY(vaei_check_trainer(trainer));
    const int64_t count = trainer->model->network.params.count;
    if (index < 0 || index >= count) return vaei_fail(VAE_E_ARG, "index: %lld, wanted 0..%lld", (long long)index, (long long)count - 1);
    *out = &trainer->tensor[index];
    return VAE_OK;
}
