/* SPDX-License-Identifier: MIT
 * check_input_gradient.c - the gradient of a loss by the input: its loss is that of vae_elbo() with the same noise, each element is the
 * finite difference of that loss, parts and threads change nothing, the model stays as it is, and what has no gradient is refused. */
#include "support.h"

#include <math.h>

#define TAIL "latent gaussian dim=3\ndecoder linear out=7 | tanh | "

/* Each likelihood that has a gradient by x; layers that a training pass runs otherwise; a hierarchy, a condition, no distribution. */
static const char *const specs[] = {
    "input 6\nencoder linear out=7 | tanh\n" TAIL "linear out=6\nlikelihood bernoulli\n",
    "input 6\nencoder linear out=7 | tanh\n" TAIL "linear out=6\nlikelihood continuous_bernoulli\n",
    "input 6\nencoder linear out=7 | tanh\n" TAIL "linear out=6\nlikelihood gaussian value=0.5\n",
    "input 6\nencoder linear out=7 | tanh\n" TAIL "linear out=6\nlikelihood gaussian sigma=learned value=0.7\n",
    "input 6\nencoder linear out=7 | tanh\n" TAIL "linear out=6\nlikelihood gaussian sigma=optimal\n",
    "input 6\nencoder linear out=7 | tanh\n" TAIL "linear out=12\nlikelihood gaussian sigma=value value=0.5\n",
    "input 6\nencoder linear out=7 | tanh\n" TAIL "linear out=6\nlikelihood laplace scale=0.4\n",
    "input 6\nencoder linear out=7 | tanh\n" TAIL "linear out=12\nlikelihood student_t df=2.5\n",
    "input 4x6x2\nencoder conv2d out=3 kernel=3 stride=2 pad=1 | batchnorm | silu | dropout p=0.5 | flatten | linear out=5\n" TAIL
    "linear out=48 | reshape 4x6x2 | conv2d out=2 kernel=3 pad=1 | batchnorm\nlikelihood gaussian\n",
    "input 6\nencoder corrupt kind=gaussian amount=0.5 | corrupt kind=mask amount=0.5 | linear out=7 | tanh\n" TAIL
    "linear out=6\nlikelihood gaussian\n",
    "input 6\nencoder linear out=7 | silu | tap wide | linear out=5 | tanh\nlatent gaussian dim=2\n"
    "decoder linear out=4 | silu | latent gaussian dim=3 from=wide | linear out=6\nlikelihood gaussian\n",
    "input 6\ncondition classes=3 vector=2\nencoder condition drop=0.5 | linear out=6 | tanh\nlatent gaussian dim=2\n"
    "decoder condition mode=film | linear out=6\nlikelihood gaussian\n",
    "input 6\nencoder linear out=5 | tanh\nlatent none\ndecoder linear out=6\nlikelihood gaussian\n",
};
#define SPECS ((int)(sizeof(specs) / sizeof(specs[0])))
enum { N = 4 };

typedef struct setting {
    vae_model_t *m;
    int64_t S, D;
    float *x, *noise, *vectors;
    vae_batch_t batch;
} setting;

/* A model after some steps, so that its running statistics are not those of the batch. */
static setting open_setting(int i, vae_ctx_t *ctx) {
    static const int32_t label[N] = {2, 0, 1, -1};
    setting s = {0};
    vae_trainer_t *t;
    ck_assert_ok(vae_model_create(&s.m, ctx, specs[i], 5));
    s.S = vae_model_input_size(s.m), s.D = vae_model_latent_size(s.m);
    s.x = filled(N * s.S, 1), s.noise = filled(N * s.D, 2), s.vectors = filled(N * 2, 3);
    s.batch = (vae_batch_t){.struct_size = sizeof(s.batch), .n = N, .x = s.x};
    if (vae_model_class_count(s.m) > 0) s.batch.label = label, s.batch.condition = s.vectors;
    ck_assert_ok(vae_trainer_create(&t, s.m, "optimizer sgd lr=0.01", N));
    for (int k = 0; k < 3; k++) ck_assert_ok(vae_trainer_step_batch(t, &s.batch, NULL));
    vae_trainer_destroy(t);
    s.batch.noise = s.noise;
    return s;
}

static void close_setting(setting *s) {
    vae_model_destroy(s->m);
    free(s->x), free(s->noise), free(s->vectors);
}

static void losses(const setting *s, vae_session_t *session, double loss[N]) {
    double recon[N], rate[N];
    ck_assert_ok(vae_elbo_batch(session, &s->batch, 1, NULL, recon, rate));
    for (int i = 0; i < N; i++) loss[i] = recon[i] + rate[i];
}

START_TEST(test_each_element_is_the_finite_difference_of_the_bound) {
    const float h = 1.0f / 64;
    setting s = open_setting(_i, NULL);
    vae_gradient_t *g;
    vae_session_t *session;
    float *dx = filled(N * s.S, 4);
    double loss[N], wanted[N], up[N], down[N];
    ck_assert_ok(vae_gradient_create(&g, s.m, N));
    ck_assert_ok(vae_session_create(&session, s.m, N));
    for (int64_t k = 0; k < N * s.S; k++) s.x[k] = 0.1f + 0.8f * s.x[k]; /* inside of every range by more than h */
    ck_assert_ok(vae_input_gradient(g, &s.batch, loss, dx));
    losses(&s, session, wanted);
    for (int i = 0; i < N; i++) ck_assert_double_eq_tol(loss[i], wanted[i], 1e-4 * (1 + fabs(wanted[i])));
    for (int64_t d = 0; d < s.S; d++) { /* one value of every example at a time: examples are independent */
        float kept[N];
        for (int i = 0; i < N; i++) kept[i] = s.x[i * s.S + d], s.x[i * s.S + d] = kept[i] + h;
        losses(&s, session, up);
        for (int i = 0; i < N; i++) s.x[i * s.S + d] = kept[i] - h;
        losses(&s, session, down);
        for (int i = 0; i < N; i++) {
            const double numeric = (up[i] - down[i]) / (2 * (double)h), got = (double)dx[i * s.S + d];
            s.x[i * s.S + d] = kept[i];
            ck_assert_msg(fabs(numeric - got) <= 1e-2 * (1 + fabs(numeric)), "%sdx[%d][%d]: %.6g, numeric %.6g", specs[_i], i, (int)d, got,
                          numeric);
        }
    }
    vae_session_destroy(session);
    vae_gradient_destroy(g);
    close_setting(&s);
    free(dx);
}
END_TEST

START_TEST(test_parts_and_threads_change_nothing_and_the_model_stays) {
    vae_ctx_t *ctx = test_ctx(NULL, 3, 0);
    setting s = open_setting(_i, NULL), t = open_setting(_i, ctx);
    vae_gradient_t *whole, *parts;
    float *dx = filled(N * s.S, 4), *same = filled(N * s.S, 5);
    double loss[N], other[N];
    int64_t count, again;
    float *before = all_params(s.m, &count);
    ck_assert_ok(vae_gradient_create(&whole, s.m, N));
    ck_assert_ok(vae_gradient_create(&parts, t.m, 1));
    ck_assert_ok(vae_input_gradient(whole, &s.batch, loss, dx));
    ck_assert_ok(vae_input_gradient(parts, &t.batch, other, same));
    ck_assert_mem_eq(loss, other, sizeof(loss));
    ck_assert_mem_eq(dx, same, (size_t)(N * s.S) * sizeof(*dx));
    float *after = all_params(s.m, &again);
    ck_assert_mem_eq(before, after, (size_t)count * sizeof(*before));
    s.batch.noise = NULL; /* zeros */
    memset(t.noise, 0, (size_t)(N * t.D) * sizeof(*t.noise));
    ck_assert_ok(vae_input_gradient(whole, &s.batch, loss, dx));
    ck_assert_ok(vae_input_gradient(parts, &t.batch, other, same));
    ck_assert_mem_eq(dx, same, (size_t)(N * s.S) * sizeof(*dx));
    s.x[s.S + 1] = NAN;
    ck_assert_fails(vae_input_gradient(whole, &s.batch, loss, dx), VAE_E_NUMERIC);
    ck_assert_mem_eq(dx, same, (size_t)(N * s.S) * sizeof(*dx));
    vae_gradient_destroy(whole), vae_gradient_destroy(parts);
    close_setting(&s), close_setting(&t);
    vae_ctx_destroy(ctx);
    free(dx), free(same), free(before), free(after);
}
END_TEST

START_TEST(test_what_has_no_gradient_is_refused) {
    static const char *const none[] = {
        "input 6\nencoder linear out=4\nlatent vq codes=4 dim=4\ndecoder linear out=6\nlikelihood gaussian\n",
        "input 6\nencoder linear out=4\nlatent gaussian dim=2\ndecoder linear out=6\nlikelihood gaussian\nprior gmm components=2\n",
        "input 6\nencoder linear out=4\nlatent gaussian dim=2\ndecoder linear out=6\nlikelihood gaussian\nprior vamp components=2\n",
        "input 6 tokens=4\nencoder embedding dim=2 | flatten | linear out=4\nlatent gaussian dim=2\n"
        "decoder linear out=24 | reshape 6x4\nlikelihood categorical\n",
    };
    vae_model_t *m;
    vae_gradient_t *g;
    ck_assert_ok(vae_model_create(&m, NULL, none[_i], 1));
    ck_assert_fails(vae_gradient_create(&g, m, 2), VAE_E_UNSUPPORTED);
    ck_assert_ptr_null(g);
    vae_model_destroy(m);
}
END_TEST

START_TEST(test_a_refused_allocation_is_a_status) {
    test_heap h = {0};
    vae_ctx_t *ctx = test_ctx(&h, 1, 0);
    setting s = open_setting(0, ctx);
    vae_gradient_t *g;
    const int64_t live = h.live;
    h.calls = 0;
    h.fail_at = 1;
    ck_assert_fails(vae_gradient_create(&g, s.m, 2), VAE_E_NOMEM);
    ck_assert_int_eq(h.live, live);
    h.fail_at = 0;
    close_setting(&s);
    vae_ctx_destroy(ctx);
}
END_TEST

Suite *suite_input_gradient(void);
Suite *suite_input_gradient(void) {
    Suite *s = suite_create("input gradient");
    TCase *t = tcase_create("gradients");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, test_each_element_is_the_finite_difference_of_the_bound, 0, SPECS);
    tcase_add_loop_test(t, test_parts_and_threads_change_nothing_and_the_model_stays, 0, SPECS);
    tcase_add_loop_test(t, test_what_has_no_gradient_is_refused, 0, 4);
    tcase_add_test(t, test_a_refused_allocation_is_a_status);
    suite_add_tcase(s, t);
    return s;
}
