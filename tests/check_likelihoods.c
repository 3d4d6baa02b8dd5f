/* SPDX-License-Identifier: MIT
 * check_likelihoods.c - tests bounds against exact likelihoods. A linear decoder with Gaussian noise has one in closed form:
 *
 *     p(x) = N(x; b, W W^T + s^2 I)        q(z|x) = p(z|x) = N(A^-1 W^T (x - b) / s^2, A^-1),  A = I + W^T W / s^2
 *
 * With orthogonal columns of W, A is diagonal, and the encoder's heads can represent the exact posterior, for which the bound is tight.
 * (Bishop 2006, Pattern Recognition and Machine Learning, 12.2: probabilistic PCA.) */
#include "support.h"

#include <math.h>
#include <stdio.h>

#define S      3
#define D      2
#define N      16
#define SIGMA  0.5
#define LN_2PI 1.8378770664093453

static const char spec[] = "input 3\nencoder\nlatent gaussian dim=2\ndecoder linear out=3\nlikelihood gaussian value=0.5\n";
static const double W[S][D] = {{1.0, 0.5}, {2.0, -0.25}, {0.0, 0.7}}; /* columns orthogonal: 0.5 - 0.5 + 0 */
static const double b[S] = {0.1, -0.2, 0.3};

static void set(vae_model_t *m, const char *name, const float *values, int64_t count) {
    int64_t i;
    ck_assert_ok(vae_model_param_find(m, name, &i));
    ck_assert_ok(vae_model_set_param(m, i, values, count));
}

/* The model with the exact posterior in its heads. */
static vae_model_t *linear_gaussian(void) {
    vae_model_t *m;
    float w[S * D], bias[S], mean_w[D * S], mean_b[D], zero[D * S] = {0}, logvar_b[D];
    ck_assert_ok(vae_model_create(&m, NULL, spec, 0));
    for (int d = 0; d < D; d++) {
        double a = 1.0, shift = 0.0;
        for (int s = 0; s < S; s++) a += W[s][d] * W[s][d] / (SIGMA * SIGMA);
        for (int s = 0; s < S; s++) {
            w[s * D + d] = (float)W[s][d];
            mean_w[d * S + s] = (float)(W[s][d] / (SIGMA * SIGMA) / a);
            shift -= W[s][d] / (SIGMA * SIGMA) / a * b[s];
        }
        mean_b[d] = (float)shift;
        logvar_b[d] = (float)-log(a);
    }
    for (int s = 0; s < S; s++) bias[s] = (float)b[s];
    set(m, "decoder.0.weight", w, S * D);
    set(m, "decoder.0.bias", bias, S);
    set(m, "latent.mean.weight", mean_w, D * S);
    set(m, "latent.mean.bias", mean_b, D);
    set(m, "latent.logvar.weight", zero, D * S);
    set(m, "latent.logvar.bias", logvar_b, D);
    return m;
}

/* log p(x), by the determinant and inverse of the 3 x 3 covariance. */
static double exact(const float *x) {
    double c[S][S], r[S], minor[S][S], det = 0, quadratic = 0;
    for (int i = 0; i < S; i++) {
        r[i] = (double)x[i] - b[i];
        for (int j = 0; j < S; j++) {
            c[i][j] = i == j ? SIGMA * SIGMA : 0;
            for (int d = 0; d < D; d++) c[i][j] += W[i][d] * W[j][d];
        }
    }
    for (int i = 0; i < S; i++)
        for (int j = 0; j < S; j++) {
            const int i1 = (i + 1) % S, i2 = (i + 2) % S, j1 = (j + 1) % S, j2 = (j + 2) % S;
            minor[i][j] = c[i1][j1] * c[i2][j2] - c[i1][j2] * c[i2][j1];
        }
    for (int j = 0; j < S; j++) det += c[0][j] * minor[0][j];
    for (int i = 0; i < S; i++)
        for (int j = 0; j < S; j++) quadratic += r[i] * minor[i][j] / det * r[j];
    return -0.5 * (S * LN_2PI + log(det) + quadratic);
}

static float *data(void) {
    float *x = filled(N * S, 4);
    for (int i = 0; i < N * S; i++) x[i] = 4.0f * x[i] - 2.0f;
    return x;
}

START_TEST(test_the_weighted_bound_is_exact_at_the_true_posterior) {
    vae_model_t *m = linear_gaussian();
    vae_session_t *s;
    double bound[N];
    float *x = data();
    ck_assert_ok(vae_session_create(&s, m, 5));
    for (int64_t k = 2; k <= 64; k *= 4) { /* every weight equals p(x): any number of samples is exact */
        ck_assert_ok(vae_elbo(s, N, x, k, NULL, bound, NULL, NULL));
        for (int i = 0; i < N; i++) ck_assert_double_eq_tol(bound[i], exact(x + i * S), 2e-4);
    }
    vae_session_destroy(s);
    vae_model_destroy(m);
    free(x);
}
END_TEST

START_TEST(test_the_mean_elbo_is_exact_at_the_true_posterior) {
    vae_model_t *m = linear_gaussian();
    vae_session_t *s;
    double elbo[N], mean[N] = {0};
    const int rounds = 20000;
    float *x = data();
    ck_assert_ok(vae_session_create(&s, m, N));
    for (int r = 0; r < rounds; r++) {
        ck_assert_ok(vae_elbo(s, N, x, 1, NULL, elbo, NULL, NULL));
        for (int i = 0; i < N; i++) mean[i] += elbo[i] / rounds;
    }
    for (int i = 0; i < N; i++) ck_assert_double_eq_tol(mean[i], exact(x + i * S), 0.05); /* deviation 1 nat / sqrt(20000), 7 of them */
    vae_session_destroy(s);
    vae_model_destroy(m);
    free(x);
}
END_TEST

START_TEST(test_a_wrong_posterior_stays_below_and_more_samples_come_closer) {
    vae_model_t *m = linear_gaussian();
    vae_session_t *s;
    double few[N], many[N], gap_few = 0, gap_many = 0;
    const float wide[D] = {0.0f, 0.0f};
    float *x = data();
    set(m, "latent.logvar.bias", wide, D);
    ck_assert_ok(vae_session_create(&s, m, N));
    ck_assert_ok(vae_elbo(s, N, x, 2, NULL, few, NULL, NULL));
    ck_assert_ok(vae_elbo(s, N, x, 20000, NULL, many, NULL, NULL));
    for (int i = 0; i < N; i++) {
        gap_few += (exact(x + i * S) - few[i]) / N;
        gap_many += (exact(x + i * S) - many[i]) / N;
        ck_assert_double_eq_tol(many[i], exact(x + i * S), 0.1);
    }
    ck_assert_double_gt(gap_few, 0.3);
    ck_assert_double_eq_tol(gap_many, 0.0, 0.02);
    vae_session_destroy(s);
    vae_model_destroy(m);
    free(x);
}
END_TEST

START_TEST(test_the_rate_is_the_closed_form_and_given_noise_is_used) {
    vae_model_t *m = linear_gaussian();
    vae_session_t *s;
    double recon[N], rate[N], again[N];
    float *x = data(), *noise = filled(N * D, 8), mean[N * D], logvar[N * D];
    ck_assert_ok(vae_session_create(&s, m, 7));
    ck_assert_ok(vae_encode(s, N, x, mean, logvar));
    ck_assert_ok(vae_elbo(s, N, x, 1, noise, NULL, recon, rate));
    ck_assert_ok(vae_elbo(s, N, x, 1, noise, NULL, again, NULL));
    for (int i = 0; i < N; i++) {
        double kl = 0, nll = 0;
        for (int d = 0; d < D; d++) {
            const double mu = (double)mean[i * D + d], lv = (double)logvar[i * D + d];
            kl += 0.5 * (mu * mu + exp(lv) - 1 - lv);
        }
        for (int j = 0; j < S; j++) {
            double y = b[j];
            for (int d = 0; d < D; d++)
                y += W[j][d] * ((double)mean[i * D + d] + exp(0.5 * (double)logvar[i * D + d]) * (double)noise[i * D + d]);
            nll += 0.5 * pow(((double)x[i * S + j] - y) / SIGMA, 2) + log(SIGMA) + 0.5 * LN_2PI;
        }
        ck_assert_double_eq_tol(rate[i], kl, 1e-5);
        ck_assert_double_eq_tol(recon[i], nll, 1e-4);
    }
    ck_assert_mem_eq(recon, again, sizeof(recon));
    vae_session_destroy(s);
    vae_model_destroy(m);
    free(x), free(noise);
}
END_TEST

/* ---- what theta may be ------------------------------------------------------------------------------------------- */

static const struct {
    const char *decoder, *by; /* NULL: taken */
} ends[] = {
    {"linear out=8 | reshape 2x2x2", NULL},
    {"linear out=8 | sigmoid | reshape 2x2x2", "sigmoid"},
    {"linear out=8 | reshape 2x2x2 | tanh", "tanh"},
    {"linear out=8 | relu | reshape 2x2x2", "relu"},
    {"linear out=8 | softplus | reshape 2x2x2", "softplus"},
    {"linear out=8 | hardtanh min=-3 max=3 | reshape 2x2x2", "hardtanh"},
    {"linear out=8 | silu | reshape 2x2x2", "silu"},
    {"linear out=8 | gelu | reshape 2x2x2", "gelu"},
    {"linear out=8 | elu | reshape 2x2x2", "elu"},
    {"linear out=8 | leaky_relu | reshape 2x2x2", NULL},
    {"linear out=8 | leaky_relu slope=0 | reshape 2x2x2", "leaky_relu"},
    {"linear out=8 | sigmoid | dropout | reshape 1x1x8 | pixel_shuffle | flatten | reshape 2x2x2", "sigmoid"},
    {"linear out=2 | sigmoid | reshape 1x1x2 | upsample", "sigmoid"},
    {"linear out=8 | sigmoid | tanh | reshape 2x2x2 | maxpool kernel=1 | avgpool kernel=1", "tanh"},
    {"linear out=8 | residual { tanh } { sigmoid } | reshape 2x2x2", "residual"},
    {"linear out=8 | residual { tanh } | reshape 2x2x2", NULL}, /* adds what has no bound */
    {"linear out=8 | sigmoid | linear out=8 | reshape 2x2x2", NULL},
    {"linear out=8 | sigmoid | reshape 2x2x2 | batchnorm", NULL},
};

START_TEST(test_a_decoder_that_cannot_give_logits_is_refused) {
    static const char *const likelihoods[] = {"bernoulli", "gaussian", "laplace"};
    for (int k = 0; k < 3; k++) {
        char text[400], wanted[120];
        vae_model_t *m = NULL;
        snprintf(text, sizeof text, "input 2x2x2\nencoder flatten\nlatent gaussian dim=2\ndecoder %s\nlikelihood %s\n", ends[_i].decoder,
                 likelihoods[k]);
        if (k > 0 || !ends[_i].by) {
            ck_assert_ok(vae_model_create(&m, NULL, text, 0));
        } else {
            ck_assert_fails(vae_model_create(&m, NULL, text, 0), VAE_E_SPEC);
            snprintf(wanted, sizeof wanted, "decoder: ends in %s, but bernoulli takes logits: leave the %s out", ends[_i].by, ends[_i].by);
            ck_assert_str_eq(vae_last_error(), wanted);
        }
        vae_model_destroy(m);
    }
}
END_TEST

Suite *suite_likelihoods(void);
Suite *suite_likelihoods(void) {
    Suite *s = suite_create("likelihoods");
    TCase *t = tcase_create("linear Gaussian");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, test_the_weighted_bound_is_exact_at_the_true_posterior);
    tcase_add_test(t, test_the_mean_elbo_is_exact_at_the_true_posterior);
    tcase_add_test(t, test_a_wrong_posterior_stays_below_and_more_samples_come_closer);
    tcase_add_test(t, test_the_rate_is_the_closed_form_and_given_noise_is_used);
    suite_add_tcase(s, t);
    t = tcase_create("theta");
    tcase_add_loop_test(t, test_a_decoder_that_cannot_give_logits_is_refused, 0, (int)(sizeof(ends) / sizeof(ends[0])));
    suite_add_tcase(s, t);
    return s;
}
