/* SPDX-License-Identifier: MIT
 * check_long_sums.c - tests scores that are sums over very many values, and means over batches of different sizes, against closed forms. */
#include "support.h"

#include <float.h>
#include <math.h>

#define SIDE 1000
#define D    ((int64_t)SIDE * SIDE) /* dimensions of the latent */
#define UNIT 0x1p-24                /* half the distance of floats above 1, relative */

static const char map[] = "input 1000x1000x1\nencoder\nlatent gaussian dim=1 map=true\ndecoder\nlikelihood gaussian\n";

static void set_param(vae_model_t *m, const char *name, float value) {
    int64_t index;
    ck_assert_ok(vae_model_param_find(m, name, &index));
    ck_assert_ok(vae_model_set_param(m, index, &value, 1));
}

/* One map, each dimension with a mean and a variance of its own: mean = 3 x - 1, logvar = spread x - spread / 2. */
static vae_model_t *map_model(vae_ctx_t *ctx, float spread) {
    vae_model_t *m;
    ck_assert_ok(vae_model_create(&m, ctx, map, 1));
    set_param(m, "latent.mean.weight", spread > 1 ? 3 : spread);
    set_param(m, "latent.mean.bias", spread > 1 ? -1 : 0);
    set_param(m, "latent.logvar.weight", spread);
    set_param(m, "latent.logvar.bias", -spread / 2);
    return m;
}

/* The sum of kl_d = (mean^2 + e^logvar - 1 - logvar) / 2 from float means and logvars, and how far the library may be off: it computes
 * each kl_d in float, where e^logvar is within two units in the last place and each of five operations rounds, and adds them in double. */
static double closed_form(const float *mean, const float *logvar, double *bound) {
    double sum = 0, rest = 0, off = 0;
    for (int64_t d = 0; d < D; d++) {
        const double m = mean[d], lv = logvar[d], less = expm1(lv), kl = 0.5 * (m * m + (less - lv));
        const double at = sum + kl; /* Neumaier's sum, of terms that are not negative */
        rest += sum > kl ? sum - at + kl : kl - at + sum;
        sum = at;
        off += 0.5 * UNIT * (m * m + 4 * exp(lv) + fabs(less) + fabs(less - lv) + 2 * kl);
    }
    *bound = off + (double)D * DBL_EPSILON / 2 * (sum + off);
    return sum + rest;
}

/* Loop: a posterior far from the prior, and one so near to it that each dimension's rate cancels. */
START_TEST(test_the_rate_of_a_million_dimensions_is_its_closed_form) {
    double first = 0;
    float *const x = filled(D, 2), *const mean = filled(D, 0), *const logvar = filled(D, 0);
    for (int32_t isa = VAE_ISA_PORTABLE; isa <= VAE_ISA_WASM128; isa++) {
        vae_ctx_config_t config;
        vae_ctx_t *ctx;
        vae_session_t *s;
        vae_trainer_t *t;
        vae_metrics_t metrics = {.struct_size = sizeof(metrics)};
        double rate, bound;
        ck_assert_ok(vae_ctx_config_init(&config, sizeof(config)));
        config.isa = isa;
        config.threads = 1 + isa % 2;
        if (vae_ctx_create(&ctx, &config) != VAE_OK) continue; /* not of this machine */
        vae_model_t *m = map_model(ctx, _i == 0 ? 4 : 0x1p-10f);
        ck_assert_ok(vae_session_create(&s, m, 1));
        ck_assert_ok(vae_encode(s, 1, x, mean, logvar));
        ck_assert_ok(vae_elbo(s, 1, x, 1, NULL, NULL, NULL, &rate));
        ck_assert_ok(vae_trainer_create(&t, m, NULL, 1));
        ck_assert_ok(vae_trainer_backward(t, 1, x, NULL, &metrics));
        const double want = closed_form(mean, logvar, &bound);
        ck_assert_msg(fabs(rate - want) <= bound, "elbo: rate %.17g, wanted %.17g within %g", rate, want, bound);
        ck_assert_msg(fabs(metrics.rate - want) <= bound, "step: rate %.17g, wanted %.17g within %g", metrics.rate, want, bound);
        if (first == 0) first = rate;
        ck_assert_msg(rate == first && metrics.rate == first, "%s: rate %.17g and %.17g, else %.17g", vae_ctx_isa(ctx), rate, metrics.rate,
                      first);
        vae_trainer_destroy(t);
        vae_session_destroy(s);
        vae_model_destroy(m);
        vae_ctx_destroy(ctx);
    }
    ck_assert_double_ne(first, 0);
    free(x), free(mean), free(logvar);
}
END_TEST

typedef struct scores {
    double loss, recon, rate;
} scores;

/* One batch of a training that never moves. */
static scores batch_scores(vae_trainer_t *t, int64_t n, const float *x, const float *noise) {
    vae_metrics_t m = {.struct_size = sizeof(m)};
    ck_assert_ok(vae_trainer_backward(t, n, x, noise, &m));
    ck_assert_ok(vae_trainer_apply(t, NULL));
    return (scores){m.loss, m.recon, m.rate};
}

/* An epoch of 5 + 5 + 2 examples, the last two unlike the others: what a batch tells is the mean over its own examples, so that sums over
 * an epoch, each batch with its number of examples, are those of one batch of all. */
START_TEST(test_a_short_last_batch_counts_by_its_examples) {
    enum { N = 12, BATCH = 5, LATENT = 3, SIZE = 16 };
    vae_model_t *m;
    vae_trainer_t *t;
    vae_session_t *s;
    scores sum = {0, 0, 0}, batches = {0, 0, 0};
    double recon[N], rate[N], mean_recon = 0, mean_rate = 0;
    float *const x = filled(N * SIZE, 1), *const noise = filled(N * LATENT, 2);
    for (int64_t i = 0; i < 10 * SIZE; i++) x[i] *= 0.1f;
    ck_assert_ok(vae_model_create(&m, NULL, SPEC_DENSE, 3));
    ck_assert_ok(vae_trainer_create(&t, m, "optimizer sgd lr=0\nobjective elbo beta=0.5\n", N));
    const scores whole = batch_scores(t, N, x, noise);
    for (int64_t i = 0, n; i < N; i += n) {
        n = N - i < BATCH ? N - i : BATCH;
        const scores part = batch_scores(t, n, x + i * SIZE, noise + i * LATENT);
        sum.loss += (double)n * part.loss, sum.recon += (double)n * part.recon, sum.rate += (double)n * part.rate;
        batches.loss += part.loss / 3, batches.recon += part.recon / 3, batches.rate += part.rate / 3;
    }
    ck_assert_ok(vae_session_create(&s, m, BATCH)); /* fewer than examples: a last, smaller pass */
    ck_assert_ok(vae_elbo(s, N, x, 1, noise, NULL, recon, rate));
    for (int64_t i = 0; i < N; i++) mean_recon += recon[i] / N, mean_rate += rate[i] / N;
    const double rounding = N * DBL_EPSILON; /* each side adds 12 doubles */
    ck_assert_double_eq_tol(sum.loss / N, whole.loss, rounding * fabs(whole.loss));
    ck_assert_double_eq_tol(sum.recon / N, whole.recon, rounding * fabs(whole.recon));
    ck_assert_double_eq_tol(sum.rate / N, whole.rate, rounding * LATENT * fabs(whole.rate));
    ck_assert_double_eq_tol(mean_recon, whole.recon, rounding * fabs(whole.recon));
    ck_assert_double_eq_tol(mean_rate, whole.rate, rounding * LATENT * fabs(whole.rate));
    ck_assert_double_gt(fabs(batches.recon - whole.recon), 1e-3); /* a mean over batches is another number */
    ck_assert_double_gt(fabs(batches.rate - whole.rate), 1e-6);
    vae_session_destroy(s);
    vae_trainer_destroy(t);
    vae_model_destroy(m);
    free(x), free(noise);
}
END_TEST

Suite *suite_long_sums(void);
Suite *suite_long_sums(void) {
    Suite *s = suite_create("long sums");
    TCase *t = tcase_create("long sums");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, test_the_rate_of_a_million_dimensions_is_its_closed_form, 0, 2);
    tcase_add_test(t, test_a_short_last_batch_counts_by_its_examples);
    suite_add_tcase(s, t);
    return s;
}
