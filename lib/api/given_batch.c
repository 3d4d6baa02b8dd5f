/* SPDX-License-Identifier: MIT
 * given_batch.c - checks a vae_batch_t of the host and converts it to the library's batch. A member that the call does not read is
 * refused; a member that the call reads is checked. */
#include "api/given_batch.h"

#include <float.h>

#include "vae/lengths.h"

static vae_status_t refuse_unread(const vae_batch_t *b, const char *call, int32_t reads) {
    const struct {
        const char *name;
        const void *given;
        int32_t member;
    } members[] = {
        {"x", b->x, VAEI_READS_X},
        {"label", b->label, VAEI_READS_LABEL},
        {"condition", b->condition, VAEI_READS_CONDITION},
        {"codes", b->codes, VAEI_READS_CODES},
        {"noise", b->noise, VAEI_READS_NOISE},
        {"weight", b->weight, VAEI_READS_WEIGHT},
    };
    for (size_t i = 0; i < VAEI_COUNT(members); i++)
        if (members[i].given && !(reads & members[i].member))
            return vaei_fail(VAE_E_ARG, "%s: %s() does not read it: leave it NULL", members[i].name, call);
    return VAE_OK;
}

/* Every call reads the lengths, because each tensor of such a network is a sequence. */
static vae_status_t check_lengths(const vaei_network *net, int64_t n, const int32_t *length) {
    if (!length) return VAE_OK;
    VAEI_TRY(vaei_lengths_check(net));
    for (int64_t i = 0; i < n; i++)
        if (length[i] < 1 || length[i] > net->input.d[0])
            return vaei_fail(VAE_E_ARG, "length[%lld]: %ld, wanted 1..%lld steps", (long long)i, (long)length[i],
                             (long long)net->input.d[0]);
    return VAE_OK;
}

vae_status_t vaei_batch_open(vaei_batch *out, int64_t *n, const vae_model_t *model, const vae_batch_t *given, const char *call,
                             int32_t reads) {
    const vaei_network *net = &model->network;
    vae_batch_t b;
    if (!given) return vaei_fail(VAE_E_ARG, "batch: is NULL");
    VAEI_TRY(vaei_read_struct(&b, sizeof(b), given, "batch", "set it to sizeof(vae_batch_t)"));
    if (b.flags & ~VAE_BATCH_DRAW)
        return vaei_fail(VAE_E_VERSION, "batch: flags 0x%x, this library knows VAE_BATCH_DRAW only", (unsigned)b.flags);
    if (b.flags && !(reads & VAEI_READS_DRAW)) return vaei_fail(VAE_E_ARG, "flags: %s() draws no x, wanted 0", call);
    VAEI_TRY(vaei_check_extent(b.n, 1, 1));
    if (b.condition && net->condition.vector == 0)
        return vaei_fail(VAE_E_UNSUPPORTED, "condition: the model has no section 'condition vector=...': leave it NULL");
    if (net->condition.classes > 0) reads |= VAEI_READS_LABEL;
    if (net->condition.vector > 0) reads |= VAEI_READS_CONDITION;
    VAEI_TRY(refuse_unread(&b, call, reads));
    VAEI_TRY(check_lengths(net, b.n, b.length));
    *n = b.n;
    *out = (vaei_batch){.x = b.x,
                        .label = b.label,
                        .condition = b.condition,
                        .codes = b.codes,
                        .noise = b.noise,
                        .weight = b.weight,
                        .length = b.length,
                        .of_x = net->likelihood.size,
                        .of_condition = net->condition.vector,
                        .of_codes = net->latent.n_codes,
                        .of_noise = net->z_size,
                        .total = (double)b.n};
    return reads & VAEI_READS_LATER ? VAE_OK : vaei_batch_check_condition(model, out, b.n, call);
}

/* If `none` is set, -1 is allowed and means that an example has no class. */
static vae_status_t check_classes(const int32_t *label, int64_t n, int64_t classes, int32_t none) {
    for (int64_t i = 0; i < n; i++)
        if (label[i] < (none ? -1 : 0) || label[i] >= classes)
            return vaei_fail(VAE_E_ARG, "label[%lld]: %ld, wanted 0..%lld of %lld classes%s", (long long)i, (long)label[i],
                             (long long)classes - 1, (long long)classes, none ? ", or -1 for no class" : "");
    return VAE_OK;
}

vae_status_t vaei_batch_check_condition(const vae_model_t *model, const vaei_batch *b, int64_t n, const char *call) {
    const vaei_condition *const c = &model->network.condition;
    VAEI_TRY(vaei_check_extent(n, c->classes > 0 || c->vector > 0 ? b->of_x : 1, sizeof(float)));
    if (c->classes > 0 && !b->label && n > 0)
        return vaei_fail(VAE_E_ARG, "label: is NULL, and the model has condition classes=%lld: call %s() with the label of each example",
                         (long long)c->classes, call);
    if (c->classes > 0) VAEI_TRY(check_classes(b->label, n, c->classes, 1));
    if (c->vector == 0) return VAE_OK;
    if (!b->condition && n > 0)
        return vaei_fail(VAE_E_ARG,
                         "condition: is NULL, and the model has condition vector=%lld: call %s() with the values of each example",
                         (long long)c->vector, call);
    return vaei_check_rows(model, "condition", n, c->vector, b->condition, -FLT_MAX, FLT_MAX);
}

/* Checks that the values are whole numbers 0..tokens-1. */
static vae_status_t check_tokens(const vae_model_t *model, int64_t size, int64_t n, const float *x) {
    const int64_t tokens = model->network.tokens;
    char got[32];
    VAEI_TRY(vaei_check_rows(model, "x", n, size, x, -FLT_MAX, FLT_MAX));
    for (int64_t i = 0; i < n * size; i++) {
        if (x[i] >= 0 && x[i] < (float)tokens && x[i] <= (float)(int64_t)x[i]) continue;
        vaei_text_float(got, sizeof(got), (double)x[i]);
        return vaei_fail(VAE_E_ARG, "x[%lld][%lld]: %s, wanted a token: a whole number 0..%lld", (long long)(i / size),
                         (long long)(i % size), got, (long long)tokens - 1);
    }
    return VAE_OK;
}

vae_status_t vaei_batch_check_x(const vae_model_t *model, const vaei_batch *b, int64_t n) {
    const vaei_likelihood_ops *ops = model->network.likelihood.ops;
    if (model->network.tokens > 0) return check_tokens(model, b->of_x, n, b->x);
    return vaei_check_rows(model, "x", n, b->of_x, b->x, ops->lo, ops->hi);
}

vae_status_t vaei_batch_check_noise(const vae_model_t *model, const vaei_batch *b, int64_t n) {
    return b->noise ? vaei_check_rows(model, "noise", n, b->of_noise, b->noise, -FLT_MAX, FLT_MAX) : VAE_OK;
}

vae_status_t vaei_batch_check_label(const vae_model_t *model, const vaei_batch *b, int64_t n) {
    const vaei_prior *prior = &model->network.prior;
    if (prior->classes == 0)
        return b->label && model->network.condition.classes == 0
                   ? vaei_fail(VAE_E_UNSUPPORTED, "label: prior %s has no classes, wanted NULL", prior->ops->module.name)
                   : VAE_OK;
    if (!b->label && n > 0)
        return vaei_fail(VAE_E_ARG,
                         "label: is NULL, and prior %s tells %lld classes apart: give a vae_batch_t with the label of each example",
                         prior->ops->module.name, (long long)prior->classes);
    return check_classes(b->label, n, prior->classes, 0);
}

vae_status_t vaei_batch_check_weight(vaei_batch *b, int64_t n) {
    char got[32];
    if (!b->weight) return VAE_OK;
    b->total = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!(b->weight[i] >= 0 && b->weight[i] <= FLT_MAX)) {
            vaei_text_float(got, sizeof(got), (double)b->weight[i]);
            return vaei_fail(VAE_E_ARG, "weight[%lld]: %s, wanted 0 or more, finite", (long long)i, got);
        }
        b->total += (double)b->weight[i];
    }
    return b->total > 0 ? VAE_OK : vaei_fail(VAE_E_ARG, "weight: all are 0, so there is no mean");
}
