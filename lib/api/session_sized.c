/* SPDX-License-Identifier: MIT
 * session_sized.c - sessions for pictures of another size than the model's (model_sized.c), and sessions of bounded memory (nn/bands.h).
 * Both run a model of their own, which has the parameters of the given one. */
#include "api/api.h"

/* A model that nobody else uses takes no more than the budget in a session. `room` is what the scratch of its stacks may take. Bands can
 * take a little beside the scratch, the red zones of a debug build; so the second try has that much less room. The third try has no room
 * and takes the least. */
static vae_status_t fit_budget(vae_model_t *own, int64_t max_batch, uint64_t budget) {
    enum { TRIES = 3 };
    const vaei_network *const net = &own->network;
    const vaei_kernels *const k = own->ctx->kernels;
    uint64_t bytes;
    VAEI_TRY(vae_session_bytes(own, max_batch, &bytes));
    if (bytes <= budget) return VAE_OK;
    const uint64_t rest = bytes - vaei_network_scratch(net, k, max_batch);
    uint64_t room = budget > rest ? budget - rest : 0;
    for (int32_t i = 0; i < TRIES; i++) {
        VAEI_TRY(vaei_network_fit(net, k, max_batch, (size_t)room, &own->arena));
        VAEI_TRY(vae_session_bytes(own, max_batch, &bytes));
        if (bytes <= budget) return VAE_OK;
        const uint64_t excess = bytes - budget;
        room = i == 0 && room > excess ? room - excess : 0;
    }
    return vaei_fail(VAE_E_LIMIT, "memory_budget: %llu bytes, and a session for max_batch=%lld takes %llu at least",
                     (unsigned long long)budget, (long long)max_batch, (unsigned long long)bytes);
}

/* The model that the session of this configuration runs, a share of it. */
static vae_status_t model_of(vae_model_t **out, const vae_model_t *model, const vae_session_config_t *given, int64_t *max_batch) {
    vae_session_config_t config;
    vae_model_t *own;
    VAEI_TRY(vaei_check_model(model));
    if (!given) return vaei_fail(VAE_E_ARG, "config: is NULL");
    VAEI_TRY(vaei_read_struct(&config, sizeof(config), given, "config", "set it to sizeof(vae_session_config_t)"));
    if (config.flags != 0) return vaei_fail(VAE_E_VERSION, "config: flags 0x%x, wanted 0", (unsigned)config.flags);
    *max_batch = config.max_batch;
    if (config.height == 0 && config.width == 0 && config.memory_budget == 0) {
        *out = vaei_model_acquire(model);
        return VAE_OK;
    }
    VAEI_TRY(vaei_model_resized(&own, model, config.height, config.width));
    const vae_status_t status = config.memory_budget > 0 ? fit_budget(own, config.max_batch, config.memory_budget) : VAE_OK;
    if (status < 0) {
        vae_model_destroy(own);
        return status;
    }
    *out = own;
    return VAE_OK;
}

vae_status_t vae_session_bytes_sized(const vae_model_t *model, const vae_session_config_t *config, uint64_t *bytes) {
    vae_model_t *own;
    int64_t max_batch = 0;
    if (!bytes) return vaei_fail(VAE_E_ARG, "bytes: is NULL");
    VAEI_TRY(model_of(&own, model, config, &max_batch));
    const vae_status_t status = vae_session_bytes(own, max_batch, bytes);
    vae_model_destroy(own);
    return status;
}

vae_status_t vae_session_create_sized(vae_session_t **out, const vae_model_t *model, const vae_session_config_t *config) {
    vae_model_t *own;
    int64_t max_batch = 0;
    if (!out) return vaei_fail(VAE_E_ARG, "out: is NULL");
    *out = NULL;
    VAEI_TRY(model_of(&own, model, config, &max_batch));
    const vae_status_t status = vae_session_create(out, own, max_batch);
    vae_model_destroy(own);
    return status;
}
