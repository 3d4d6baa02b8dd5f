/* SPDX-License-Identifier: MIT
 * model_plan.c - vae_model_plan(): writes the plan of a model as text. */
#include "api/api.h"

#include "nn/plan_text.h"

#define VAEI_PLAN_EXAMPLES (INT64_C(1) << 31) /* no batch is larger */

static void write_stacks(const vae_model_t *model, int64_t n, int32_t training, int32_t format, vaei_writer *w) {
    const vaei_network *const net = &model->network;
    const vaei_kernels *const k = model->ctx->kernels;
    const int32_t json = format == VAE_PLAN_JSON;
    if (json) vaei_write(w, "[");
    vaei_plan_write(net->encoder, k, "encoder", n, training, json, w);
    vaei_write(w, json ? "," : "\n");
    vaei_plan_write(net->decoder, k, "decoder", n, training, json, w);
    if (training && net->critic.stack) {
        vaei_write(w, json ? "," : "\n");
        vaei_plan_write(net->critic.stack, k, "critic", n, training, json, w);
    }
    if (json) vaei_write(w, "]\n");
}

vae_status_t vae_model_plan(const vae_model_t *model, int64_t n, int32_t training, int32_t format, char *buf, size_t cap, size_t *needed) {
    VAEI_TRY(vaei_check_model(model));
    if (n < 1 || n > VAEI_PLAN_EXAMPLES)
        return vaei_fail(VAE_E_ARG, "n: %lld examples, wanted 1..%lld", (long long)n, (long long)VAEI_PLAN_EXAMPLES);
    if (format != VAE_PLAN_TEXT && format != VAE_PLAN_JSON)
        return vaei_fail(VAE_E_ARG, "format: %d, wanted VAE_PLAN_TEXT or VAE_PLAN_JSON", (int)format);
    vaei_heap *const heap = &model->ctx->heap;
    vaei_writer w = {0};
    write_stacks(model, n, training != 0, format, &w);
    const size_t bytes = w.length + 1;
    char *const text = vaei_heap_alloc(heap, bytes, "the plan's text");
    if (!text) return VAE_E_NOMEM;
    w = (vaei_writer){.buf = text, .cap = bytes};
    write_stacks(model, n, training != 0, format, &w);
    const vae_status_t status = vaei_give_text(text, w.length, buf, cap, needed);
    vaei_heap_free(heap, text, bytes);
    return status;
}
