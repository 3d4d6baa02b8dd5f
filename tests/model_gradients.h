/* SPDX-License-Identifier: MIT
 * model_gradients.h - the gradient of a whole model by every value of every trained parameter, against central differences of its loss. */
#ifndef MODEL_GRADIENTS_H
#define MODEL_GRADIENTS_H

#include "support.h"

#include <math.h>

static inline double loss_of(vae_model_t *m, int64_t n, const float *x, const float *noise, const char *options) {
    vae_trainer_t *t;
    vae_metrics_t metrics = {.struct_size = sizeof(metrics)};
    ck_assert_ok(vae_trainer_create(&t, m, options, n));
    ck_assert_ok(vae_trainer_backward(t, n, x, noise, &metrics));
    vae_trainer_destroy(t);
    return metrics.loss;
}

static inline float *gradient_of(vae_model_t *m, int64_t p, int64_t size, int64_t n, const float *x, const float *noise,
                                 const char *options) {
    float *g = malloc((size_t)size * sizeof(*g));
    vae_trainer_t *t;
    vae_tensor_t *grad;
    ck_assert_ptr_nonnull(g);
    ck_assert_ok(vae_trainer_create(&t, m, options, n));
    ck_assert_ok(vae_trainer_backward(t, n, x, noise, NULL));
    ck_assert_ok(vae_trainer_grad(t, p, &grad));
    memcpy(g, vae_tensor_data(grad), (size_t)size * sizeof(*g));
    vae_trainer_destroy(t);
    return g;
}

/* How many values were compared. */
static inline int64_t check_every_gradient(vae_model_t *m, int64_t n, const float *x, const float *noise, const char *options) {
    const float h = 4e-3f;
    int64_t checked = 0;
    for (int64_t p = 0; p < vae_model_param_count(m); p++) {
        const vae_tensor_t *value;
        const char *name;
        int64_t size = 1;
        ck_assert_ok(vae_model_param(m, p, &value, &name));
        if (strstr(name, "running")) continue;
        for (int32_t d = 0; d < vae_tensor_ndim(value); d++) size *= vae_tensor_shape(value)[d];
        float *w = malloc((size_t)size * sizeof(*w)), *g = gradient_of(m, p, size, n, x, noise, options);
        ck_assert_ptr_nonnull(w);
        memcpy(w, vae_tensor_data(value), (size_t)size * sizeof(*w));
        for (int64_t i = 0; i < size; i++) {
            const float kept = w[i];
            w[i] = kept + h;
            ck_assert_ok(vae_model_set_param(m, p, w, size));
            const double up = loss_of(m, n, x, noise, options), above = (double)w[i];
            w[i] = kept - h;
            ck_assert_ok(vae_model_set_param(m, p, w, size));
            const double down = loss_of(m, n, x, noise, options), wanted = (up - down) / (above - (double)w[i]);
            w[i] = kept;
            ck_assert_msg(fabs((double)g[i] - wanted) <= 2e-3 * (0.2 + fabs(wanted)), "%s[%d]: %g, wanted %g", name, (int)i, (double)g[i],
                          wanted);
            checked++;
        }
        ck_assert_ok(vae_model_set_param(m, p, w, size));
        free(w), free(g);
    }
    return checked;
}

#endif
