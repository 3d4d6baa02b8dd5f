/* SPDX-License-Identifier: MIT
 * lengths.c - finds the first layer that mixes steps without regard to lengths. */
#include "vae/lengths.h"

static int32_t has_steps(const vaei_shape *s, int64_t T) {
    return s->n == 2 && s->d[0] == T;
}

/* A layer between vectors has no steps to mix. */
static int32_t keeps(const vaei_layer *l, int64_t T) {
    const int32_t of_tokens = l->ops->flags & VAEI_LAYER_OF_TOKENS;
    if (!of_tokens && l->in.n == 1 && l->out.n == 1) return 1;
    if (!l->ops->map && !(l->ops->flags & VAEI_LAYER_KEEPS_LENGTHS)) return 0;
    return (l->in.n == 1 || has_steps(&l->in, T)) && (l->out.n == 1 || has_steps(&l->out, T));
}

static const vaei_layer *that_mixes(const vaei_stack *s, int64_t T) {
    for (int32_t i = 0; i < s->n; i++) {
        const vaei_layer *const l = s->layer[i];
        if (!keeps(l, T)) return l;
        for (int32_t j = 0; j < VAEI_LAYER_BODIES; j++) {
            const vaei_layer *const inside = l->body[j] ? that_mixes(l->body[j], T) : NULL;
            if (inside) return inside;
        }
    }
    return NULL;
}

vae_status_t vaei_lengths_check(const vaei_network *net) {
    const int64_t T = net->input.d[0];
    char text[96];
    if (net->input.n != (net->tokens > 0 ? 1 : 2))
        return vaei_fail(VAE_E_UNSUPPORTED, "length: is of sequences, the input is %s", vaei_shape_text(&net->input, text));
    const vaei_stack *const stacks[] = {net->encoder, net->decoder};
    for (size_t i = 0; i < VAEI_COUNT(stacks); i++) {
        const vaei_layer *const l = that_mixes(stacks[i], T);
        if (l)
            return vaei_fail(VAE_E_UNSUPPORTED, "length: %s %s mixes steps beyond an example's length with its own", l->path,
                             l->ops->module.name);
    }
    if (net->latent.h.n > 1)
        return vaei_fail(VAE_E_UNSUPPORTED, "length: the latent has one value a step, wanted a vector: end the encoder with last");
    if (net->prior.inputs > 0) return vaei_fail(VAE_E_UNSUPPORTED, "length: prior %s learns whole sequences", net->prior.ops->module.name);
    if (net->critic.stack && !net->critic.of_z) return vaei_fail(VAE_E_UNSUPPORTED, "length: the critic scores whole sequences");
    return VAE_OK;
}
