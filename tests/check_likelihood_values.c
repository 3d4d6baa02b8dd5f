/* SPDX-License-Identifier: MIT
 * check_likelihood_values.c - tests likelihoods with more than one number for each value: numbers of PyTorch, closed forms, the shape that
 * a decoder must have, and a likelihood of three numbers in a separate file. */
#include "conformance.h"

#include <float.h>

#include "api/api.h"
#include "distribution_values.h"
#include "module_rig.h"
#include "vae/likelihoods/log_gamma.h"
#include "vae/likelihoods/natural_log.h"

/* ---- beside PyTorch ------------------------------------------------------------------------------------------------------ */

enum { VALUES = 6 };

static const float torch_x[VALUES] = {0.5f, -1.25f, 3.0f, 0.0f, 100.0f, 0.125f};
static const float torch_location[VALUES] = {0.25f, 1.0f, -0.5f, 0.0f, 0.5f, 0.125f};
static const float torch_log_scale[VALUES] = {0.0f, -1.0f, 0.75f, 2.0f, -6.5f, 7.0f};

/* PyTorch 2.13.0, float64: -torch.distributions.Normal(m, value e^s).log_prob(x) and StudentT(df, m, e^s), s = t.clamp(-6, 6), summed over
 * the six values; and the gradients of m and t by autograd. */
static const struct {
    const char *text;
    double nll, d_location[VALUES], d_log_scale[VALUES];
} torch_values[] = {
    {"likelihood gaussian sigma=value\n",
     805656589.2380985,
     {-0.25, 16.62537622259396, -0.7809555605195042, -0.0, -16194101.746190889, -0.0},
     {0.9375, -36.407096500836424, -1.7333444618182654, 1.0, 0.0, 0.0}},
    {"likelihood gaussian sigma=value value=0.5\n",
     3222626331.0026174,
     {-1.0, 66.50150489037584, -3.123822242078017, -0.0, -64776406.984763555, -0.0},
     {0.75, -148.62838600334567, -9.93337784727306, 1.0, 0.0, 0.0}},
    {"likelihood student_t df=1\n",
     34.844865943563896,
     {-0.47058823529411764, 0.8657450178371021, -0.41836780318907535, -0.0, -0.020100502500088206, -0.0},
     {0.8823529411764706, -0.9479262901334796, -0.46428731116176375, 1.0, 0.0, 0.0}},
    {"likelihood student_t\n",
     64.35362712226089,
     {-0.3076923076923077, 2.007551558494102, -0.5799165369809521, -0.0, -0.050251256156660935, -0.0},
     {0.9230769230769231, -3.516991006611729, -1.0297078794333325, 1.0, 0.0, 0.0}},
    {"likelihood student_t df=2.5\n",
     49.53088329968171,
     {-0.34146341463414637, 1.458107000539598, -0.5222940094542518, -0.0, -0.03517587934240851, -0.0},
     {0.9146341463414634, -2.280740751214095, -0.8280290330898809, 1.0, 0.0, 0.0}},
    {"likelihood student_t df=1000\n",
     7180.469753405845,
     {-0.2502343603524779, 16.041919951145367, -0.7796055854705753, -0.0, -10.060295263999349, -0.0},
     {0.9374414099118805, -35.094319890077074, -1.7286195491470133, 1.0, 0.0, 0.0}},
};

static void rig_of_tokens(rig *g, const char *text, vaei_shape x, int64_t tokens) {
    vaei_node *node;
    void *conf;
    rig_init(g);
    g->p.ops = (const vaei_likelihood_ops *)bind(g, text, vaei_likelihoods, vaei_likelihoods_count, &node, &conf);
    g->p.conf = conf;
    g->p.tokens = tokens;
    ck_assert_int_eq(vaei_likelihood_plan(&g->p, &g->build, &x), VAE_OK);
    allocate(g, (vaei_bytes){0});
    g->run.n = 1;
}

static void rig_of(rig *g, const char *text, vaei_shape x) {
    rig_of_tokens(g, text, x, 0);
}

static void near(const char *text, const char *what, double got, double wanted, double tolerance) {
    ck_assert_msg(fabs(got - wanted) <= tolerance * (1 + fabs(wanted)), "%s%s: %.10g, wanted %.10g", text, what, got, wanted);
}

/* Three pixels of two channels: m m t t, three times. */
START_TEST(test_values_and_gradients_are_those_of_torch_distributions) {
    const char *const text = torch_values[_i].text;
    const float weight = 0.5f;
    float theta[2 * VALUES], dtheta[2 * VALUES], mean[VALUES];
    double nll;
    rig g;
    rig_of(&g, text, (vaei_shape){2, {3, 2}});
    ck_assert_int_eq(g.p.theta.d[0], 3);
    ck_assert_int_eq(g.p.theta.d[1], 4);
    for (int i = 0; i < VALUES; i++) {
        theta[i / 2 * 4 + i % 2] = torch_location[i];
        theta[i / 2 * 4 + 2 + i % 2] = torch_log_scale[i];
    }
    vaei_likelihood_nll(&g.p, &g.run, g.facts, theta, torch_x, &nll);
    vaei_likelihood_backward(&g.p, &g.run, g.facts, theta, torch_x, &weight, dtheta);
    vaei_likelihood_mean(&g.p, &g.run, theta, mean);
    near(text, "nll", nll, torch_values[_i].nll, 3e-7);
    for (int i = 0; i < VALUES; i++) {
        near(text, "d location", 2 * (double)dtheta[i / 2 * 4 + i % 2], torch_values[_i].d_location[i], 3e-7);
        near(text, "d log scale", 2 * (double)dtheta[i / 2 * 4 + 2 + i % 2], torch_values[_i].d_log_scale[i], 1e-6);
        ck_assert_float_eq(mean[i], torch_location[i]);
    }
    rig_free(&g);
}
END_TEST

/* ---- tokens ------------------------------------------------------------------------------------------------------ */

enum { PLACES = 3, TOKENS = 4 };
static const float logits[PLACES * TOKENS] = {0.5f, -1.25f, 3.0f, 0.125f, 100.0f, 99.0f, -40.0f, 98.5f, -2.0f, -2.0f, -2.0f, 0.75f};
static const float words[PLACES] = {2, 1, 0};
/* PyTorch 2.13.0, float64: cross_entropy(a, x, reduction="sum") and its gradient */
static const double torch_nll = 4.531983506017797;
static const double torch_gradient[PLACES * TOKENS] = {
    0.07120703016857036, 0.012373926433787291, -0.13252078501176145, 0.048939828409403724, 0.6285317192117624, -0.768776102377851, 0,
    0.14024438316608848, -0.946359505127162,   0.05364049487283791,  0.05364049487283791,  0.8390785153814663};

START_TEST(test_categorical_is_cross_entropy) {
    float dtheta[PLACES * TOKENS], mean[PLACES];
    const float weight = 2;
    double nll;
    rig g;
    rig_of_tokens(&g, "likelihood categorical\n", (vaei_shape){1, {PLACES}}, TOKENS);
    ck_assert_int_eq(g.p.theta.n, 2);
    vaei_likelihood_nll(&g.p, &g.run, g.facts, logits, words, &nll);
    vaei_likelihood_backward(&g.p, &g.run, g.facts, logits, words, &weight, dtheta);
    vaei_likelihood_mean(&g.p, &g.run, logits, mean);
    ck_assert_double_eq_tol(nll, torch_nll, 1e-6);
    for (int i = 0; i < PLACES * TOKENS; i++) ck_assert_double_eq_tol((double)dtheta[i] / 2, torch_gradient[i], 1e-6);
    ck_assert(mean[0] == 2 && mean[1] == 0 && mean[2] == 3);
    rig_free(&g);
}
END_TEST

/* More tokens than a run of values holds. */
START_TEST(test_many_tokens_are_summed_run_after_run) {
    enum { MANY = 700 };
    static float a[MANY], d[MANY];
    const float x = 600, weight = 1;
    double nll, sum = 0, wanted = 0, gradient = 0;
    rig g;
    rig_of_tokens(&g, "likelihood categorical\n", (vaei_shape){1, {1}}, MANY);
    for (int i = 0; i < MANY; i++) a[i] = (float)(i * 37 % 101) * 0.1f - 5;
    for (int i = 0; i < MANY; i++) sum += exp((double)a[i]);
    wanted = log(sum) - (double)a[600];
    vaei_likelihood_nll(&g.p, &g.run, g.facts, a, &x, &nll);
    vaei_likelihood_backward(&g.p, &g.run, g.facts, a, &x, &weight, d);
    ck_assert_double_eq_tol(nll, wanted, 1e-5);
    for (int i = 0; i < MANY; i++) {
        ck_assert_double_eq_tol((double)d[i], exp((double)a[i]) / sum - (i == 600), 1e-6);
        gradient += (double)d[i];
    }
    ck_assert_double_eq_tol(gradient, 0, 1e-5);
    rig_free(&g);
}
END_TEST

/* Runs begin within a pixel, where its channels do not divide VAEI_VALUES. */
START_TEST(test_numbers_of_theta_are_found_where_runs_cut_pixels) {
    enum { PIXELS = 200, CHANNELS = 3, MOST = PIXELS * CHANNELS };
    static float theta[3 * MOST], again[3 * MOST], run[MOST];
    for (int32_t numbers = 1; numbers <= 3; numbers++) {
        vaei_likelihood p = {.x = {2, {PIXELS, CHANNELS}}, .size = MOST};
        vaei_likelihood_takes(&p, numbers, "numbers", -1, 1);
        ck_assert_int_eq(p.theta_size, numbers * MOST);
        for (int i = 0; i < numbers * MOST; i++) theta[i] = (float)i;
        memset(again, 0, sizeof again);
        for (int32_t j = 0; j < numbers; j++)
            for (int64_t at = 0, n; at < MOST; at += n) {
                n = MOST - at < 7 * (j + 1) + 1 ? MOST - at : 7 * (j + 1) + 1;
                vaei_likelihood_get(&p, theta, j, at, n, run);
                for (int64_t i = 0; i < n; i++) {
                    const int64_t pixel = (at + i) / CHANNELS, c = (at + i) % CHANNELS;
                    ck_assert_float_eq(run[i], (float)((pixel * numbers + j) * CHANNELS + c));
                }
                vaei_likelihood_put(&p, again, j, at, n, run);
            }
        ck_assert_mem_eq(again, theta, (size_t)(numbers * MOST) * sizeof(float));
    }
}
END_TEST

/* ---- constants of our own beside those of the C library ------------------------------------------------------------------- */

START_TEST(test_the_natural_log_is_that_of_the_c_library) {
    uint64_t random = 1;
    for (int i = 0; i < 200000; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
        const double unit = (double)(random >> 11) * 0x1p-53;
        const double x = i % 2 ? 0.5 + unit : ldexp(0.5 + unit, (int)(random % 2000) - 1000), wanted = log(x);
        ck_assert_double_eq_tol(vaei_natural_log(x), wanted, 4e-16 * fabs(wanted));
    }
    ck_assert_double_eq(vaei_natural_log(1), 0);
    ck_assert_double_eq_tol(vaei_natural_log(DBL_MIN), log(DBL_MIN), 1e-12);
    ck_assert_double_eq_tol(vaei_natural_log(DBL_MAX), log(DBL_MAX), 1e-12);
    ck_assert(isnan(vaei_natural_log(NAN)));
    ck_assert(!isfinite(vaei_natural_log(INFINITY)));
}
END_TEST

START_TEST(test_the_density_of_student_t_has_the_gamma_function_s_constant) {
    static const double df[] = {0.5, 0.75, 1, 1.5, 2, 2.5, 3, 4, 5, 7.25, 10, 30, 64, 127, 128, 129, 200, 500, 1000};
    for (size_t i = 0; i < VAEI_COUNT(df); i++) {
        const float theta[2] = {0.5f, 0.0f}, x = 0.5f;
        char text[80];
        double nll;
        rig g;
        snprintf(text, sizeof text, "likelihood student_t df=%g\n", df[i]);
        rig_of(&g, text, (vaei_shape){1, {1}});
        vaei_likelihood_nll(&g.p, &g.run, g.facts, theta, &x, &nll);
        const double up = lgamma((df[i] + 1) / 2), down = lgamma(df[i] / 2); /* the last bits of these are lost in their difference */
        ck_assert_double_eq_tol(nll, down + 0.5 * (log(df[i] / 2) + LN_2PI) - up, 4e-16 * (10 + fabs(up) + fabs(down)));
        rig_free(&g);
    }
}
END_TEST

/* ---- samples without a mean ---------------------------------------------------------------------------------------------- */

/* The shares of samples of the Cauchy distribution within its quartiles, and beyond tan(0.45 pi) on either side: a half, a twentieth. */
START_TEST(test_samples_of_one_degree_of_freedom_have_its_quantiles) {
    enum { DRAWN = 1000, TIMES = 200 };
    static float theta[2 * DRAWN], x[DRAWN];
    const double total = DRAWN * TIMES, far = 6.313751514675043;
    int64_t within = 0, below = 0, above = 0;
    rig g;
    rig_of(&g, "likelihood student_t df=1\n", (vaei_shape){1, {DRAWN}});
    for (int i = 0; i < DRAWN; i++) theta[i] = 3, theta[DRAWN + i] = 0.6931472f;
    for (uint64_t item = 0; item < TIMES; item++) {
        vaei_likelihood_sample(&g.p, &g.run, item, theta, x);
        for (int i = 0; i < DRAWN; i++) {
            const double u = ((double)x[i] - 3) / 2;
            within += fabs(u) < 1;
            below += u < -far;
            above += u > far;
        }
    }
    ck_assert_double_eq_tol((double)within / total, 0.5, 5 * sqrt(0.25 / total));
    ck_assert_double_eq_tol((double)below / total, 0.05, 5 * sqrt(0.0475 / total));
    ck_assert_double_eq_tol((double)above / total, 0.05, 5 * sqrt(0.0475 / total));
    rig_free(&g);
}
END_TEST

/* ---- what the decoder has to give ---------------------------------------------------------------------------------------- */

static const struct {
    const char *input, *decoder, *likelihood, *wrong; /* NULL: it builds */
} decoders[] = {
    {"2x2x3", "linear out=24 | reshape 2x2x6", "gaussian sigma=value", NULL},
    {"2x2x3", "linear out=24 | tanh | reshape 2x2x6", "student_t", NULL},
    {"12", "linear out=24", "student_t df=3", NULL},
    {"2x2x3", "linear out=12 | reshape 2x2x3", "gaussian sigma=value",
     "decoder: gives 2x2x3, wanted 2x2x6: for each value of the input 2x2x3 likelihood gaussian takes a mean and the logarithm of a "
     "standard deviation"},
    {"2x2x3", "linear out=24", "student_t",
     "decoder: gives 24, wanted reshape 2x2x6 at its end: for each value of the input 2x2x3 likelihood student_t takes a location and the "
     "logarithm of a scale"},
    {"2x2x3", "linear out=12", "gaussian", "decoder: gives 12, the input is 2x2x3: end it with reshape 2x2x3"},
    {"2x2x3", "linear out=24 | reshape 2x2x6", "gaussian", "decoder: gives 2x2x6, the input is 2x2x3"},
    {"12", "linear out=24 | sigmoid", "gaussian sigma=value",
     "decoder: ends in sigmoid, but gaussian takes a mean and the logarithm of a standard deviation: leave the sigmoid out"},
    {"12", "linear out=24 | relu", "student_t",
     "decoder: ends in relu, but student_t takes a location and the logarithm of a scale: leave the relu out"},
};

START_TEST(test_a_decoder_gives_the_numbers_that_the_likelihood_asks_for) {
    char text[300];
    vae_model_t *m = NULL;
    snprintf(text, sizeof text, "input %s\nencoder flatten\nlatent gaussian dim=2\ndecoder %s\nlikelihood %s\n", decoders[_i].input,
             decoders[_i].decoder, decoders[_i].likelihood);
    const vae_status_t status = vae_model_create(&m, NULL, text, 1);
    if (decoders[_i].wrong) {
        ck_assert_int_lt(status, 0);
        ck_assert_str_eq(vae_last_error(), decoders[_i].wrong);
    } else {
        ck_assert_msg(status == VAE_OK, "%s", vae_last_error());
    }
    vae_model_destroy(m);
}
END_TEST

/* theta is wider than x: calls write n examples of the host's arrays, and no byte behind. */
START_TEST(test_arrays_of_the_host_hold_x_and_never_theta) {
    enum { EXAMPLES = 3, SIZE = 12 };
    vae_model_t *m = NULL;
    vae_session_t *s = NULL;
    guarded x = guarded_floats(EXAMPLES * SIZE), y = guarded_floats(EXAMPLES * SIZE);
    double elbo[EXAMPLES];
    for (int i = 0; i < EXAMPLES * SIZE; i++) x.at[i] = 0.01f * (float)i;
    ck_assert_int_eq(vae_model_create(&m, NULL,
                                      "input 2x2x3\nencoder flatten\nlatent gaussian dim=2\ndecoder linear out=24 | reshape 2x2x6\n"
                                      "likelihood student_t\n",
                                      1),
                     VAE_OK);
    ck_assert_int_eq(vae_session_create(&s, m, EXAMPLES), VAE_OK);
    ck_assert_int_eq(vae_reconstruct(s, EXAMPLES, x.at, y.at), VAE_OK);
    ck_assert_int_eq(vae_sample(s, EXAMPLES, NULL, y.at), VAE_OK);
    ck_assert_int_eq(vae_elbo(s, EXAMPLES, x.at, 4, NULL, elbo, NULL, NULL), VAE_OK);
    for (int i = 0; i < EXAMPLES; i++) ck_assert(isfinite(elbo[i]));
    vae_session_destroy(s);
    vae_model_destroy(m);
    guarded_free(&x);
    guarded_free(&y);
}
END_TEST

/* ---- a likelihood of three numbers: one file, and here its line ------------------------------------------------------------ */

extern const vaei_likelihood_ops vaei_likelihood_split_laplace;

/* Slopes near 0, where the closed forms cancel, at the seam of the series and far out; with the C library's functions in double. The
 * density has integral 1 by Simpson's rule, and the mean is the integral of x p(x). */
/* What a decoder that has diverged gives is never scored as if it were a number. */
START_TEST(test_a_decoder_s_nan_is_in_the_score) {
    static const char *const texts[] = {"likelihood bernoulli\n", "likelihood continuous_bernoulli\n",
                                        "likelihood gaussian\n",  "likelihood gaussian sigma=value\n",
                                        "likelihood laplace\n",   "likelihood student_t\n"};
    for (size_t i = 0; i < VAEI_COUNT(texts); i++) {
        float theta[2 * VALUES] = {0};
        double nll;
        rig g;
        rig_of(&g, texts[i], (vaei_shape){1, {VALUES}});
        theta[2] = NAN;
        vaei_likelihood_nll(&g.p, &g.run, g.facts, theta, (const float[VALUES]){0, 0.5f, 0.25f, 1, 0.75f, 0}, &nll);
        ck_assert_msg(isnan(nll), "%s: %g", texts[i], nll);
        rig_free(&g);
    }
    for (int i = 0; i < TOKENS; i++) {
        float theta[TOKENS] = {0.5f, 0, -1, 2};
        double nll;
        rig g;
        rig_of_tokens(&g, "likelihood categorical\n", (vaei_shape){1, {1}}, TOKENS);
        theta[i] = NAN;
        vaei_likelihood_nll(&g.p, &g.run, g.facts, theta, (const float[1]){3}, &nll);
        ck_assert_msg(isnan(nll), "categorical, logit %d: %g", i, nll);
        rig_free(&g);
    }
}
END_TEST

START_TEST(test_continuous_bernoulli_is_a_density_with_its_mean) {
    static const float slopes[] = {0, 1e-6f, -1e-3f, 0.25f, -0.999f, 1.001f, 3, -8, 20, -50};
    enum { STEPS = 4000 };
    rig g;
    rig_of(&g, "likelihood continuous_bernoulli\n", (vaei_shape){1, {1}});
    for (size_t k = 0; k < VAEI_COUNT(slopes); k++) {
        const double a = (double)slopes[k], middle = 0.5, whole = fabs(a) < 1e-2 ? 0.5 * a + a * a / 24 : log(expm1(a) / a);
        double integral = 0, moment = 0, nll;
        const float weight = 1;
        float d, mean, x = (float)middle;
        vaei_likelihood_nll(&g.p, &g.run, g.facts, &slopes[k], &x, &nll);
        near("continuous_bernoulli", " nll", nll, whole - a * middle, 2e-7);
        vaei_likelihood_mean(&g.p, &g.run, &slopes[k], &mean);
        vaei_likelihood_backward(&g.p, &g.run, g.facts, &slopes[k], &x, &weight, &d);
        near("continuous_bernoulli", " gradient", (double)d, (double)mean - middle, 2e-7);
        for (int i = 0; i <= STEPS; i++) {
            x = (float)i / STEPS;
            vaei_likelihood_nll(&g.p, &g.run, g.facts, &slopes[k], &x, &nll);
            const double share = (i == 0 || i == STEPS ? 1 : i % 2 ? 4 : 2) / (3.0 * STEPS) * exp(-nll);
            integral += share;
            moment += share * (double)x;
        }
        near("continuous_bernoulli", " integral", integral, 1, 1e-6);
        near("continuous_bernoulli", " mean", (double)mean, moment, 1e-6);
    }
    rig_free(&g);
}
END_TEST

/* Values of one channel, six of them: theta[6][numbers]. */
START_TEST(test_distributions_are_those_of_torch) {
    const char *const text = distributions[_i].text;
    const int numbers = distributions[_i].numbers;
    const float weight = 0.5f;
    float theta[3 * VALUES], dtheta[3 * VALUES];
    double nll;
    rig g;
    rig_of(&g, text, (vaei_shape){2, {VALUES, 1}});
    ck_assert_int_eq(g.p.theta_size, VALUES * numbers);
    for (int i = 0; i < VALUES; i++)
        for (int j = 0; j < numbers; j++) theta[i * numbers + j] = distribution_theta[i][j];
    vaei_likelihood_nll(&g.p, &g.run, g.facts, theta, distributions[_i].x, &nll);
    vaei_likelihood_backward(&g.p, &g.run, g.facts, theta, distributions[_i].x, &weight, dtheta);
    near(text, "nll", nll, distributions[_i].nll, 1e-6);
    for (int i = 0; i < VALUES; i++)
        for (int j = 0; j < numbers; j++) near(text, "d theta", 2 * (double)dtheta[i * numbers + j], distributions[_i].d_theta[i][j], 2e-6);
    rig_free(&g);
}
END_TEST

START_TEST(test_the_gamma_function_is_that_of_mpmath) {
    for (size_t i = 0; i < VAEI_COUNT(gamma_values); i++) {
        const double x = gamma_values[i][0], log_gamma = gamma_values[i][1], digamma = gamma_values[i][2];
        ck_assert_double_eq_tol(vaei_log_gamma(x), log_gamma, 3e-15 * (1 + fabs(log_gamma)));
        ck_assert_double_eq_tol(vaei_digamma(x), digamma, 3e-15 * (1 + fabs(digamma)));
    }
}
END_TEST

/* A scale so narrow that the share of a level is a number below all floats: its logarithm and slopes are finite all the same. */
START_TEST(test_a_level_far_from_the_mixture_has_a_finite_score) {
    const float theta[3] = {0, 0.9f, -7}, x = 10.0f / 255, weight = 1;
    float dtheta[3];
    double nll;
    rig g;
    rig_of(&g, "likelihood logistic_mixture components=1\n", (vaei_shape){2, {1, 1}});
    vaei_likelihood_nll(&g.p, &g.run, g.facts, theta, &x, &nll);
    vaei_likelihood_backward(&g.p, &g.run, g.facts, theta, &x, &weight, dtheta);
    const double distance = (0.9 - (2 * 10.0 / 255 - 1) - 1.0 / 255) * exp(7), width = 2.0 / 255 * exp(7);
    near("logistic_mixture", " nll", nll, distance - log(1 - exp(-width)), 1e-5);
    near("logistic_mixture", " d mean", (double)dtheta[1], exp(7), 1e-5);
    rig_free(&g);
}
END_TEST

START_TEST(test_a_likelihood_of_three_numbers_is_one_file_and_one_line) {
    const char *const broken = conform_likelihood(&vaei_likelihood_split_laplace, "split_laplace");
    ck_assert_msg(!broken, "%s", broken);
}
END_TEST

Suite *suite_likelihood_values(void);
Suite *suite_likelihood_values(void) {
    Suite *s = suite_create("likelihoods of several numbers");
    TCase *t = tcase_create("values");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, test_values_and_gradients_are_those_of_torch_distributions, 0, (int)VAEI_COUNT(torch_values));
    tcase_add_loop_test(t, test_distributions_are_those_of_torch, 0, (int)VAEI_COUNT(distributions));
    tcase_add_test(t, test_the_gamma_function_is_that_of_mpmath);
    tcase_add_test(t, test_a_level_far_from_the_mixture_has_a_finite_score);
    tcase_add_test(t, test_categorical_is_cross_entropy);
    tcase_add_test(t, test_many_tokens_are_summed_run_after_run);
    tcase_add_test(t, test_numbers_of_theta_are_found_where_runs_cut_pixels);
    tcase_add_test(t, test_the_natural_log_is_that_of_the_c_library);
    tcase_add_test(t, test_the_density_of_student_t_has_the_gamma_function_s_constant);
    tcase_add_test(t, test_a_decoder_s_nan_is_in_the_score);
    tcase_add_test(t, test_continuous_bernoulli_is_a_density_with_its_mean);
    tcase_add_test(t, test_samples_of_one_degree_of_freedom_have_its_quantiles);
    tcase_add_loop_test(t, test_a_decoder_gives_the_numbers_that_the_likelihood_asks_for, 0, (int)VAEI_COUNT(decoders));
    tcase_add_test(t, test_arrays_of_the_host_hold_x_and_never_theta);
    tcase_add_test(t, test_a_likelihood_of_three_numbers_is_one_file_and_one_line);
    suite_add_tcase(s, t);
    return s;
}
