/* SPDX-License-Identifier: MIT
 * check_critic.c - tests critics of x and of z: gradients through the critic and of the critic itself, which parameters are frozen when,
 * files, the same bits, and refusals. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "vae/objectives/adversarial.h"

enum { N = 6, S = 12, D = 3, PARAM_MOST = 200 };

#define BODY "input 2x2x3\nencoder flatten | linear out=8 | tanh\nlatent gaussian dim=3\ndecoder linear out=7 | tanh | linear out="
#define OF_X "critic on=x | flatten | linear out=6 | tanh | linear out=1\n"
#define OF_Z "critic on=z | linear out=6 | tanh | linear out=1\n"

/* A mean that is theta, one that is a function of it, and one that is a part of it. */
static const struct {
    const char *spec, *options;
} cases[] = {
    {BODY "12 | reshape 2x2x3\nlikelihood gaussian value=0.5\n" OF_X, "objective elbo | gan weight=3\n"},
    {BODY "12 | reshape 2x2x3\nlikelihood bernoulli\n" OF_X, "objective elbo beta=0.5 | gan weight=20 loss=logistic\n"},
    {BODY "24 | reshape 2x2x6\nlikelihood student_t\n" OF_X, "objective gan weight=5 | elbo | mmd\n"},
    {BODY "12 | reshape 2x2x3\nlikelihood bernoulli\n" OF_Z, "objective elbo beta=0 | adversary weight=10\n"},
    {BODY "12 | reshape 2x2x3\nlikelihood gaussian sigma=optimal\n" OF_Z, "objective mmd | adversary | elbo\nmemory checkpoint\n"},
    {"condition classes=3\n" BODY
     "12 | reshape 2x2x3\nlikelihood bernoulli\ncritic flatten | condition mode=concat | linear out=6 | tanh | linear out=1\n",
     "objective elbo | gan weight=20\n"},
    {"input 6x4x2\nencoder conv2d out=3 kernel=3 pad=1 | batchnorm | silu | flatten | linear out=4\nlatent gaussian dim=3\n"
     "decoder linear out=48 | reshape 6x4x2\nlikelihood bernoulli\n"
     "critic conv2d out=4 kernel=3 pad=1 | batchnorm | leaky_relu | dropout p=0.1 | flatten | linear out=1\n",
     "optimizer adam lr=0.01\ncritic_optimizer sgd lr=0.05 momentum=0.9\nobjective elbo | gan start=2\nclip norm max=1\n"},
};
enum { CASES = sizeof(cases) / sizeof(cases[0]), SMOOTH = CASES - 1 };

static vae_model_t *model_of(const char *spec) {
    vae_model_t *m;
    ck_assert_ok(vae_model_create(&m, NULL, spec, 3));
    return m;
}

static vae_trainer_t *trainer_of(vae_model_t *m, const char *options) {
    vae_trainer_t *t;
    ck_assert_ok(vae_trainer_create(&t, m, options, 16));
    return t;
}

enum { BATCH_MOST = 64 };
static const int32_t *labels_of(const vae_model_t *m, int32_t label[BATCH_MOST]) {
    const int64_t classes = vae_model_class_count(m);
    for (int32_t i = 0; i < BATCH_MOST && classes > 0; i++) label[i] = (int32_t)(i % classes);
    return classes > 0 ? label : NULL;
}

static vae_metrics_t step(vae_trainer_t *t, const vae_model_t *m, int64_t n, uint32_t seed) {
    vae_metrics_t metrics = {.struct_size = sizeof(metrics)};
    int32_t label[BATCH_MOST];
    float *x = filled(n * vae_model_input_size(m), seed);
    const vae_batch_t batch = {.struct_size = sizeof(batch), .n = n, .x = x, .label = labels_of(m, label)};
    ck_assert_ok(vae_trainer_step_batch(t, &batch, &metrics));
    free(x);
    return metrics;
}

/* ---- costs ------------------------------------------------------------------------------------------------------------- */

static double closed(int32_t hinge, int32_t of, double s) {
    const double sign = of == VAEI_SCORE_MADE ? 1 : -1;
    if (!hinge) return log1p(exp(sign * s));
    return of == VAEI_SCORE_FOOLED ? -s : fmax(0, 1 + sign * s);
}

static float cost_of(int32_t hinge, int32_t of, float s, float *slope) {
    return hinge ? vaei_hinge_cost(of, s, slope) : vaei_logistic_cost(vaei_kernels_select(0, 0), of, s, slope);
}

START_TEST(test_costs_are_their_formulas) {
    for (int32_t hinge = 0; hinge < 2; hinge++)
        for (int32_t of = VAEI_SCORE_REAL; of <= VAEI_SCORE_FOOLED; of++)
            for (double s = -3.1; s < 3.2; s += 0.25) {
                float slope;
                const double h = 1e-6, got = (double)cost_of(hinge, of, (float)s, &slope);
                ck_assert_double_eq_tol(got, closed(hinge, of, s), 2e-6);
                ck_assert_double_eq_tol((double)slope, (closed(hinge, of, s + h) - closed(hinge, of, s - h)) / (2 * h), 2e-6);
            }
    float slope;
    ck_assert(isnan(vaei_hinge_cost(VAEI_SCORE_REAL, NAN, &slope)) && isnan(vaei_hinge_cost(VAEI_SCORE_MADE, NAN, &slope)));
}
END_TEST

/* ---- gradients --------------------------------------------------------------------------------------------------------- */

typedef struct point {
    vae_model_t *m;
    const char *options;
    float x[N * S], noise[N * D];
} point;

static void backward(vae_trainer_t *t, const point *p, int64_t first, int64_t n, vae_metrics_t *metrics) {
    int32_t label[BATCH_MOST];
    const int32_t *const labels = labels_of(p->m, label);
    const vae_batch_t batch = {.struct_size = sizeof(batch),
                               .n = n,
                               .x = p->x + first * S,
                               .label = labels ? labels + first : NULL,
                               .noise = p->noise + first * D};
    ck_assert_ok(vae_trainer_backward_batch(t, &batch, metrics));
}

/* What the parameters of this name minimise. */
static double loss_at(const point *p, const char *name) {
    vae_metrics_t metrics = {.struct_size = sizeof(metrics)};
    vae_trainer_t *t = trainer_of(p->m, p->options);
    backward(t, p, 0, N, &metrics);
    vae_trainer_destroy(t);
    return strncmp(name, "critic.", 7) == 0 ? metrics.critic_loss : metrics.loss;
}

/* Its values, and where `t` is not NULL their gradients. */
static int64_t read_param(const point *p, vae_trainer_t *t, int64_t index, const char **name, float *values, float *gradient) {
    const vae_tensor_t *value;
    vae_tensor_t *grad;
    int64_t size = 1;
    ck_assert_ok(vae_model_param(p->m, index, &value, name));
    ck_assert_ok(vae_trainer_grad(t, index, &grad));
    for (int32_t d = 0; d < vae_tensor_ndim(value); d++) size *= vae_tensor_shape(value)[d];
    ck_assert_int_le(size, PARAM_MOST);
    memcpy(values, vae_tensor_data(value), (size_t)size * sizeof(float));
    memcpy(gradient, vae_tensor_data(grad), (size_t)size * sizeof(float));
    return size;
}

static double difference(const point *p, int64_t index, const char *name, int64_t size, float *values, int64_t i) {
    const float kept = values[i], h = 1.0f / 128;
    values[i] = kept + h;
    ck_assert_ok(vae_model_set_param(p->m, index, values, size));
    const double up = loss_at(p, name), above = (double)values[i];
    values[i] = kept - h;
    ck_assert_ok(vae_model_set_param(p->m, index, values, size));
    const double slope = (up - loss_at(p, name)) / (above - (double)values[i]);
    values[i] = kept;
    ck_assert_ok(vae_model_set_param(p->m, index, values, size));
    return slope;
}

START_TEST(test_gradients_are_differences_of_the_losses) {
    point p = {.m = model_of(cases[_i].spec), .options = cases[_i].options};
    int32_t checked[2] = {0, 0};
    fill(p.x, N * S, 5);
    fill(p.noise, N * D, 6);
    for (int i = 0; i < N * D; i++) p.noise[i] = 2 * p.noise[i] - 1;
    for (int64_t index = 0; index < vae_model_param_count(p.m); index++) {
        float values[PARAM_MOST], gradient[PARAM_MOST];
        const char *name;
        vae_trainer_t *t = trainer_of(p.m, p.options);
        backward(t, &p, 0, N, NULL);
        const int64_t size = read_param(&p, t, index, &name, values, gradient);
        vae_trainer_destroy(t);
        if (strstr(name, "log_sigma") || strstr(name, "batches")) continue; /* of sigma=optimal: not trained */
        for (int64_t i = 0; i < size; i++) {
            const double wanted = difference(&p, index, name, size, values, i);
            ck_assert_msg(fabs((double)gradient[i] - wanted) <= 2e-3 * (0.1 + fabs(wanted)), "%s[%d]: %g, wanted %g", name, (int)i,
                          (double)gradient[i], wanted);
        }
        checked[strncmp(name, "critic.", 7) == 0] += (int32_t)size;
    }
    ck_assert_int_gt(checked[0], 150);
    ck_assert_int_gt(checked[1], 25);
    vae_model_destroy(p.m);
}
END_TEST

START_TEST(test_parts_add_up_to_the_batch) {
    point p = {.m = model_of(cases[_i].spec), .options = cases[_i].options};
    float halves[PARAM_MOST], whole[PARAM_MOST], values[PARAM_MOST];
    vae_metrics_t of_whole = {.struct_size = sizeof(of_whole)}, of_halves = of_whole;
    fill(p.x, N * S, 5);
    fill(p.noise, N * D, 6);
    for (int64_t index = 0; index < vae_model_param_count(p.m); index++) {
        const char *name;
        vae_trainer_t *t = trainer_of(p.m, p.options);
        backward(t, &p, 0, N, &of_whole);
        (void)read_param(&p, t, index, &name, values, whole);
        vae_trainer_destroy(t);
        t = trainer_of(p.m, p.options);
        backward(t, &p, 0, N / 2, NULL);
        backward(t, &p, N / 2, N / 2, &of_halves);
        const int64_t size = read_param(&p, t, index, &name, values, halves);
        vae_trainer_destroy(t);
        for (int64_t i = 0; i < size; i++) ck_assert_float_eq_tol(halves[i] / 2, whole[i], 1e-5f * (1 + fabsf(whole[i])));
    }
    ck_assert_double_eq_tol(of_halves.critic_loss, of_whole.critic_loss, 1e-6);
    ck_assert_double_eq_tol(of_halves.critic_accuracy, of_whole.critic_accuracy, 1e-12);
    vae_model_destroy(p.m);
}
END_TEST

/* ---- what moves when ------------------------------------------------------------------------------------------------------ */

/* All parameters whose name begins like this, one behind the other. */
static int64_t params_of(const vae_model_t *m, const char *prefix, int32_t others, float *out) {
    int64_t n = 0;
    for (int64_t i = 0; i < vae_model_param_count(m); i++) {
        const vae_tensor_t *t;
        const char *name;
        int64_t size = 1;
        ck_assert_ok(vae_model_param(m, i, &t, &name));
        for (int32_t d = 0; d < vae_tensor_ndim(t); d++) size *= vae_tensor_shape(t)[d];
        if ((strncmp(name, prefix, strlen(prefix)) == 0) == others) continue;
        memcpy(out + n, vae_tensor_data(t), (size_t)size * sizeof(float));
        n += size;
    }
    return n;
}

#define MOST 2000

START_TEST(test_before_its_start_the_term_is_not_there) {
    float plain[MOST], with[MOST], critic[MOST], before[MOST];
    vae_model_t *a = model_of(BODY "12 | reshape 2x2x3\nlikelihood bernoulli\n"),
                *b = model_of(BODY "12 | reshape 2x2x3\nlikelihood bernoulli\n" OF_X);
    vae_trainer_t *t = trainer_of(a, "objective elbo\noptimizer adam lr=0.01 weight_decay=0.1"),
                  *u = trainer_of(b, "objective elbo | gan start=3 weight=5\noptimizer adam lr=0.01 weight_decay=0.1");
    const int64_t n = params_of(b, "critic", 0, before);
    for (uint32_t i = 0; i < 4; i++) {
        (void)step(t, a, N, i);
        const vae_metrics_t metrics = step(u, b, N, i);
        const int64_t count = params_of(a, "critic", 1, plain);
        ck_assert_int_eq(params_of(b, "critic", 1, with), count);
        ck_assert_int_eq(params_of(b, "critic", 0, critic), n);
        const int same = memcmp(plain, with, (size_t)count * sizeof(float)) == 0;
        ck_assert_int_eq(same, i < 3);
        ck_assert_int_eq(memcmp(critic, before, (size_t)n * sizeof(float)) == 0, i < 3);
        ck_assert_int_eq(metrics.critic_loss > 0, i == 3);
    }
    /* the critic's first step of Adam moves each weight by lr, as that of any optimizer that begins */
    for (int64_t i = 0; i < n; i++) ck_assert_float_le(fabsf(critic[i] - before[i]), 0.01001f);
    vae_trainer_destroy(t), vae_trainer_destroy(u);
    vae_model_destroy(a), vae_model_destroy(b);
}
END_TEST

/* The critic moves by its own optimizer; without the section by one like the network's, whose learning rate it follows. */
START_TEST(test_the_critic_has_an_optimizer_of_its_own) {
    static const struct {
        const char *options;
        double set_lr;
        int32_t network, critic; /* do they move? */
    } runs[] = {{"optimizer sgd lr=0", -1, 0, 0},
                {"optimizer sgd lr=0.1", 0, 0, 0},
                {"optimizer sgd lr=0\ncritic_optimizer adam lr=0.01", -1, 0, 1},
                {"optimizer sgd lr=0.1\ncritic_optimizer adam lr=0.01", 0, 0, 1},
                {"optimizer adam lr=0.1\ncritic_optimizer sgd lr=0", -1, 1, 0}};
    float before[MOST], after[MOST];
    for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
        char options[200];
        (void)snprintf(options, sizeof(options), "%s\nobjective elbo | adversary\n", runs[i].options);
        for (int32_t others = 0; others < 2; others++) {
            vae_model_t *m = model_of(cases[3].spec);
            vae_trainer_t *t = trainer_of(m, options);
            if (runs[i].set_lr >= 0) ck_assert_ok(vae_trainer_set_lr(t, runs[i].set_lr));
            const int64_t n = params_of(m, "critic", others, before);
            (void)step(t, m, N, 1);
            (void)params_of(m, "critic", others, after);
            ck_assert_int_eq(memcmp(before, after, (size_t)n * sizeof(float)) != 0, others ? runs[i].network : runs[i].critic);
            vae_trainer_destroy(t);
            vae_model_destroy(m);
        }
    }
}
END_TEST

/* Beside a network that stands still the critic learns to tell; then the network learns to pass. */
START_TEST(test_the_critic_learns_and_the_network_follows) {
    vae_model_t *m = model_of(cases[1].spec);
    vae_trainer_t *t = trainer_of(m, "optimizer sgd lr=0\ncritic_optimizer adam lr=0.02\nobjective elbo | gan loss=logistic");
    vae_metrics_t first = step(t, m, 16, 1), last = first;
    for (uint32_t i = 2; i < 400; i++) last = step(t, m, 16, i);
    ck_assert_double_lt(last.critic_loss, 0.8 * first.critic_loss);
    ck_assert_double_gt(last.critic_accuracy, 0.8);
    vae_trainer_destroy(t);
    t = trainer_of(m, "optimizer adam lr=0.02\ncritic_optimizer sgd lr=0\nobjective elbo | gan loss=logistic weight=100");
    first = last = step(t, m, 16, 1);
    for (uint32_t i = 2; i < 200; i++) last = step(t, m, 16, i);
    ck_assert_double_lt(last.aux, 0.7 * first.aux);
    vae_trainer_destroy(t);
    vae_model_destroy(m);
}
END_TEST

/* Plain descent of the host's, for the network; the critic keeps the text's. */
static void descend(void *user, int64_t n, int64_t t, float lr, float decay, const float *g, float *w, float *const *slot) {
    (void)user, (void)t, (void)decay;
    for (int64_t i = 0; i < n; i++) slot[0][i] += 1, w[i] -= lr * g[i];
}

START_TEST(test_a_hosts_optimizer_moves_the_network_alone) {
    static const char options[] = "objective elbo | gan\noptimizer sgd lr=0.1\ncritic_optimizer adam lr=0.01\n";
    const vae_optimizer_t own = {.struct_size = sizeof(own), .slots = 1, .name = "own", .step = descend};
    float network[2][MOST], critic[2][MOST];
    int64_t n[2];
    for (int32_t i = 0; i < 2; i++) {
        vae_model_t *m = model_of(cases[1].spec);
        vae_trainer_t *t = trainer_of(m, options);
        if (i == 1) ck_assert_ok(vae_trainer_set_optimizer(t, &own));
        (void)step(t, m, N, 1);
        (void)step(t, m, N, 2);
        n[0] = params_of(m, "critic", 1, network[i]);
        n[1] = params_of(m, "critic", 0, critic[i]);
        vae_trainer_destroy(t);
        vae_model_destroy(m);
    }
    for (int64_t i = 0; i < n[0]; i++) ck_assert_float_eq_tol(network[0][i], network[1][i], 1e-6f);
    for (int64_t i = 0; i < n[1]; i++) ck_assert_float_eq_tol(critic[0][i], critic[1][i], 1e-5f);
}
END_TEST

/* A critic that has gone astray fails the step, and nothing moves: no running statistics, no step, and training goes on when it is put
 * right. */
START_TEST(test_a_critic_gone_astray_changes_nothing) {
    float before[MOST], after[MOST], kept[MOST];
    vae_model_t *m = model_of(cases[CASES - 1].spec);
    vae_trainer_t *t = trainer_of(m, "objective elbo | gan\ncritic_optimizer sgd lr=1e6");
    float *x = filled(N * vae_model_input_size(m), 1), wild[16] = {0};
    int64_t index;
    const vae_tensor_t *bias;
    ck_assert_ok(vae_model_param_find(m, "critic.0.bias", &index));
    ck_assert_ok(vae_model_param(m, index, &bias, NULL));
    const int64_t count = vae_tensor_shape(bias)[0];
    memcpy(kept, vae_tensor_data(bias), (size_t)count * sizeof(float));
    for (int64_t i = 0; i < count; i++) wild[i] = i % 2 ? 3e38f : -3e38f;
    ck_assert_ok(vae_model_set_param(m, index, wild, count));
    const int64_t n = params_of(m, "", 0, before);
    ck_assert_fails(vae_trainer_step(t, N, x, NULL), VAE_E_NUMERIC);
    ck_assert_int_eq(params_of(m, "", 0, after), n);
    ck_assert_mem_eq(before, after, (size_t)n * sizeof(float));
    ck_assert_int_eq(vae_trainer_steps(t), 0);
    ck_assert_ok(vae_model_set_param(m, index, kept, count));
    ck_assert_ok(vae_trainer_step(t, N, x, NULL));
    vae_trainer_destroy(t);
    vae_model_destroy(m);
    free(x);
}
END_TEST

/* A fit of the prior leaves network and critic as they are. */
START_TEST(test_a_fit_of_the_prior_leaves_the_critic_alone) {
    float before[MOST], after[MOST];
    vae_model_t *m = model_of(BODY "12 | reshape 2x2x3\nlikelihood bernoulli\nprior gmm components=2\n" OF_Z);
    vae_trainer_t *t = trainer_of(m, "objective prior");
    const int64_t n = params_of(m, "prior", 1, before);
    (void)step(t, m, 16, 1);
    ck_assert_int_eq(params_of(m, "prior", 1, after), n);
    ck_assert_mem_eq(before, after, (size_t)n * sizeof(float));
    vae_trainer_destroy(t);
    vae_model_destroy(m);
}
END_TEST

/* Weight 2 counts as if the example stood there twice, weight 0 as if it did not; of x, whose real ones are no draws. */
START_TEST(test_weights_count_for_both_sides) {
    const float weight[4] = {2, 0, 1, 1};
    point a = {.m = model_of(cases[0].spec), .options = cases[0].options}, b = a;
    vae_metrics_t weighted = {.struct_size = sizeof(weighted)}, repeated = weighted;
    float g[PARAM_MOST], h[PARAM_MOST], values[PARAM_MOST];
    static const int index[4] = {0, 0, 2, 3};
    fill(a.x, N * S, 5);
    for (int i = 0; i < 4; i++) memcpy(b.x + i * S, a.x + index[i] * S, S * sizeof(float));
    for (int64_t p = 0; p < vae_model_param_count(a.m); p++) {
        const char *name;
        const vae_batch_t batch = {.struct_size = sizeof(batch), .n = 4, .x = a.x, .noise = a.noise, .weight = weight};
        vae_trainer_t *t = trainer_of(a.m, a.options);
        ck_assert_ok(vae_trainer_backward_batch(t, &batch, &weighted));
        const int64_t size = read_param(&a, t, p, &name, values, g);
        vae_trainer_destroy(t);
        t = trainer_of(b.m, b.options);
        backward(t, &b, 0, 4, &repeated);
        (void)read_param(&b, t, p, &name, values, h);
        vae_trainer_destroy(t);
        for (int64_t i = 0; i < size; i++) ck_assert_float_eq_tol(g[i], h[i], 1e-5f * (1 + fabsf(h[i])));
    }
    ck_assert_double_eq_tol(weighted.critic_loss, repeated.critic_loss, 1e-6);
    ck_assert_double_eq_tol(weighted.critic_accuracy, repeated.critic_accuracy, 1e-12);
    ck_assert_double_eq_tol(weighted.aux, repeated.aux, 1e-5);
    vae_model_destroy(a.m);
}
END_TEST

/* ---- files and bits ------------------------------------------------------------------------------------------------------- */

static float *trained(int32_t number, vae_ctx_t *ctx, const char *path, int32_t resume, int64_t *count) {
    vae_model_t *m;
    vae_trainer_t *t;
    ck_assert_ok(vae_model_create(&m, ctx, cases[number].spec, 3));
    ck_assert_ok(vae_trainer_create(&t, m, cases[number].options, 64));
    if (resume) ck_assert_ok(vae_trainer_load(t, path));
    for (uint32_t i = (uint32_t)vae_trainer_steps(t); i < 5; i++) {
        if (path && !resume && i == 3) ck_assert_ok(vae_trainer_save(t, path));
        (void)step(t, m, 60, i);
    }
    vae_trainer_destroy(t);
    float *const params = all_params(m, count);
    vae_model_destroy(m);
    return params;
}

START_TEST(test_threads_instruction_sets_and_resuming_change_no_bit) {
    static const int32_t threads[] = {2, 3, 7};
    char path[80];
    int64_t count, other;
    (void)snprintf(path, sizeof(path), "/tmp/vae-critic-%ld-%d.safetensors", (long)getpid(), _i);
    vae_ctx_t *one = test_ctx(NULL, 1, 0);
    float *const whole = trained(_i, one, path, 0, &count);
    float *got = trained(_i, one, path, 1, &other);
    ck_assert_int_eq(count, other);
    ck_assert_mem_eq(whole, got, (size_t)count * sizeof(float));
    free(got);
    for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++) {
        vae_ctx_t *ctx = test_ctx(NULL, threads[i], 0);
        got = trained(_i, ctx, NULL, 0, &other);
        ck_assert_mem_eq(whole, got, (size_t)count * sizeof(float));
        free(got);
        vae_ctx_destroy(ctx);
    }
    for (int32_t isa = VAE_ISA_PORTABLE; isa <= VAE_ISA_WASM128; isa++) {
        vae_ctx_config_t c;
        vae_ctx_t *ctx;
        ck_assert_ok(vae_ctx_config_init(&c, sizeof(c)));
        c.isa = isa;
        if (vae_ctx_create(&ctx, &c) != VAE_OK) continue;
        got = trained(_i, ctx, NULL, 0, &other);
        ck_assert_mem_eq(whole, got, (size_t)count * sizeof(float));
        free(got);
        vae_ctx_destroy(ctx);
    }
    vae_ctx_destroy(one);
    unlink(path);
    free(whole);
}
END_TEST

/* A session of the model knows nothing of the critic: as one without it. */
START_TEST(test_a_session_does_not_see_the_critic) {
    vae_model_t *a = model_of(BODY "12 | reshape 2x2x3\nlikelihood bernoulli\n"), *b = model_of(cases[1].spec);
    vae_session_t *s, *u;
    float x[N * S], one[N * S], two[N * S];
    int64_t index;
    fill(x, N * S, 3);
    ck_assert_ok(vae_session_create(&s, a, N));
    ck_assert_ok(vae_session_create(&u, b, N));
    ck_assert_ok(vae_reconstruct(s, N, x, one));
    ck_assert_ok(vae_reconstruct(u, N, x, two));
    ck_assert_mem_eq(one, two, sizeof(one));
    ck_assert_fails(vae_model_param_find(a, "critic.1.weight", &index), VAE_E_ARG);
    ck_assert_ok(vae_model_param_find(b, "critic.1.weight", &index));
    vae_session_destroy(s), vae_session_destroy(u);
    vae_model_destroy(a), vae_model_destroy(b);
}
END_TEST

static const char *plan_of(const vae_model_t *m, int32_t training, char text[20000]) {
    ck_assert_ok(vae_model_plan(m, 4, training, VAE_PLAN_JSON, text, 20000, NULL));
    return strstr(text, "\"critic\"");
}

START_TEST(test_a_plan_of_training_has_the_critic) {
    static char text[20000];
    vae_model_t *with = model_of(cases[1].spec), *without = model_of(BODY "12 | reshape 2x2x3\nlikelihood bernoulli\n");
    ck_assert_ptr_nonnull(plan_of(with, 1, text));
    ck_assert_ptr_null(plan_of(with, 0, text));
    ck_assert_ptr_null(plan_of(without, 1, text));
    vae_model_destroy(with), vae_model_destroy(without);
}
END_TEST

/* ---- refusals --------------------------------------------------------------------------------------------------------------- */

#define PLAIN BODY "12 | reshape 2x2x3\nlikelihood bernoulli\n"

static const struct {
    const char *spec, *options; /* NULL: the model itself is refused */
    vae_status_t status;
    const char *sentence;
} refused[] = {
    {PLAIN, "objective elbo | gan", VAE_E_SPEC,
     "objective gan: the model has no critic, wanted a section 'critic on=x | ... | linear out=1'"},
    {PLAIN, "objective elbo | adversary", VAE_E_SPEC, "wanted a section 'critic on=z"},
    {PLAIN OF_X, "objective elbo | adversary", VAE_E_SPEC, "objective adversary: wanted a critic with on=z, the model's critic has on=x"},
    {PLAIN OF_Z, "objective elbo | gan", VAE_E_SPEC, "objective gan: wanted a critic with on=x, the model's critic has on=z"},
    {PLAIN OF_X, "objective elbo", VAE_E_SPEC, "critic: no term of the objective uses it, wanted 'objective elbo | gan'"},
    {PLAIN OF_Z, NULL, VAE_OK, "critic: no term of the objective uses it, wanted 'objective elbo | adversary'"},
    {PLAIN OF_X, "objective elbo | gan | adversary", VAE_E_SPEC,
     "objective: gan and adversary both need a critic, and a model has only one"},
    {PLAIN OF_X, "objective gan", VAE_E_SPEC, "objective: gan does not contain the reconstruction"},
    {PLAIN, "critic_optimizer adam", VAE_E_SPEC, "critic_optimizer: the model has no critic"},
    {PLAIN OF_X, "objective elbo | gan\ncritic_optimizer adam | sgd", VAE_E_SPEC, "critic_optimizer: wanted one module"},
    {PLAIN "critic flatten | linear out=2\n", NULL, VAE_E_SHAPE, "critic: gives 2, wanted one score: end it with linear out=1"},
    {PLAIN "critic conv2d out=1 kernel=1\n", NULL, VAE_E_SHAPE,
     "critic: gives 2x2x1, wanted one score: end it with flatten | linear out=1"},
    {PLAIN "critic flatten | linear out=8 tie=encoder.1 | linear out=1\n", NULL, VAE_E_SPEC,
     "critic.1 linear: its weight is that of the model, a critic has its own"},
    {PLAIN "critic on=y | linear out=1\n", NULL, VAE_E_SPEC, "critic: on=y"},
    {PLAIN "critic at=x | linear out=1\n", NULL, VAE_E_SPEC, "critic: no option 'at'"},
    {"input 4\nencoder linear out=4\nlatent vq codes=4\ndecoder linear out=4\nlikelihood gaussian\ncritic on=z | linear out=1\n", NULL,
     VAE_E_SPEC, "critic: on=z compares values with N(0, I), latent vq makes codes"},
    {PLAIN "prior vamp components=4\n" OF_Z, "objective elbo | adversary", VAE_E_SPEC,
     "a term compares latents with N(0, I), but the prior is vamp"},
};

START_TEST(test_what_does_not_fit_is_refused) {
    vae_model_t *m = NULL;
    vae_trainer_t *t = NULL;
    const vae_status_t created = vae_model_create(&m, NULL, refused[_i].spec, 3);
    if (refused[_i].status != VAE_OK && !refused[_i].options) ck_assert_fails(created, refused[_i].status);
    else ck_assert_fails(vae_trainer_create(&t, m, refused[_i].options, N), VAE_E_SPEC);
    ck_assert_msg(strstr(vae_last_error(), refused[_i].sentence), "got: %s", vae_last_error());
    vae_model_destroy(m);
}
END_TEST

/* An empty section is none; options have their defaults written out, and paths reach them. */
START_TEST(test_the_section_is_text_like_any_other) {
    char text[2000], value[200];
    ck_assert_ok(vae_spec_canonical(PLAIN "critic flatten | linear out=1\n", text, sizeof(text), NULL));
    ck_assert_ptr_nonnull(strstr(text, "critic     on=x | flatten | linear out=1 "));
    ck_assert_ok(vae_spec_get(text, "critic.on", value, sizeof(value), NULL));
    ck_assert_str_eq(value, "x");
    ck_assert_ok(vae_spec_get(text, "critic.1.out", value, sizeof(value), NULL));
    ck_assert_str_eq(value, "1");
    ck_assert_ok(vae_spec_set(PLAIN, "critic", "on=z | linear out=1", text, sizeof(text), NULL));
    ck_assert_ptr_nonnull(strstr(text, "critic     on=z | linear out=1 "));
    ck_assert_ok(vae_spec_set(text, "critic.on", "x", text, sizeof(text), NULL));
    ck_assert_ok(vae_spec_set(text, "critic.0", "flatten", text, sizeof(text), NULL));
    ck_assert_ptr_nonnull(strstr(text, "critic     on=x | flatten\n"));
    ck_assert_ok(vae_spec_set(text, "critic", "", text, sizeof(text), NULL));
    ck_assert_ptr_null(strstr(text, "critic"));
    ck_assert_ok(vae_spec_set(PLAIN, "critic_optimizer", "sgd lr=0.5", text, sizeof(text), NULL));
    ck_assert_ok(vae_spec_get(text, "critic_optimizer.lr", value, sizeof(value), NULL));
    ck_assert_str_eq(value, "0.5");
}
END_TEST

Suite *suite_critic(void);
Suite *suite_critic(void) {
    Suite *s = suite_create("critic");
    TCase *t = tcase_create("critic");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, test_costs_are_their_formulas);
    tcase_add_loop_test(t, test_gradients_are_differences_of_the_losses, 0, SMOOTH);
    tcase_add_loop_test(t, test_parts_add_up_to_the_batch, 0, 2);
    tcase_add_test(t, test_before_its_start_the_term_is_not_there);
    tcase_add_test(t, test_the_critic_has_an_optimizer_of_its_own);
    tcase_add_test(t, test_a_hosts_optimizer_moves_the_network_alone);
    tcase_add_test(t, test_a_critic_gone_astray_changes_nothing);
    tcase_add_test(t, test_a_fit_of_the_prior_leaves_the_critic_alone);
    tcase_add_test(t, test_weights_count_for_both_sides);
    tcase_add_test(t, test_the_critic_learns_and_the_network_follows);
    tcase_add_loop_test(t, test_threads_instruction_sets_and_resuming_change_no_bit, 0, CASES);
    tcase_add_test(t, test_a_session_does_not_see_the_critic);
    tcase_add_test(t, test_a_plan_of_training_has_the_critic);
    tcase_add_loop_test(t, test_what_does_not_fit_is_refused, 0, (int)(sizeof(refused) / sizeof(refused[0])));
    tcase_add_test(t, test_the_section_is_text_like_any_other);
    suite_add_tcase(s, t);
    return s;
}
