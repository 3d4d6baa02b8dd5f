/* SPDX-License-Identifier: MIT
 * check_small_hosts.c - tests the conditions of small hosts: threads with little stack, a locale with a decimal comma, a hundred
 * thousand frames without an allocation. */
#define _GNU_SOURCE
#include "support.h"

#include <link.h>
#include <locale.h>
#include <pthread.h>
#include <stdio.h>

#include "base/base.h"

#define SPEC_WINOGRAD                                                                                                \
    "input 8x8x3\nencoder conv2d out=8 kernel=3 pad=1 | silu | conv2d out=8 kernel=3 pad=1 | groupnorm groups=2 | "  \
    "attention heads=2 | residual { conv2d out=8 kernel=3 pad=1 | tanh } | flatten | linear out=12 | elu\n"          \
    "latent gaussian dim=6\ndecoder linear out=512 | gelu | reshape 8x8x8 | conv2d out=8 kernel=3 pad=1 groups=8 | " \
    "softplus | conv2d out=8 kernel=3 pad=1 | conv2d out=3 kernel=5 pad=2\nlikelihood bernoulli\n"
#define CODES                                                                                             \
    "input 8x8x1\nencoder conv2d out=4 kernel=4 stride=4\n%s\ndecoder deconv2d out=1 kernel=4 stride=4\n" \
    "likelihood gaussian\n%s"
#define VALUES                                                                                        \
    "input 8x8x1\nencoder flatten | linear out=8 | relu\n%s\ndecoder linear out=64 | reshape 8x8x1\n" \
    "likelihood bernoulli\n%s"
#define TWO_NUMBERS(likelihood) "input 8x8x1\nencoder flatten\n%s\ndecoder linear out=128 | reshape 8x8x2\nlikelihood " likelihood "\n%s"
#define N                       3

/* ---- little stack ------------------------------------------------------------------------------------------------- */

#if defined(__SANITIZE_ADDRESS__)
#define STACK (512 * 1024) /* its frames are many times as large */
#else
#define STACK (64 * 1024)
#endif

static const struct {
    const char *spec, *latent, *prior, *training;
} guests[] = {
    {VALUES, "latent gaussian dim=4", "", "objective elbo\n"},
    {VALUES, "latent gaussian dim=4", "prior vamp components=4\n", "objective elbo\n"},
    {VALUES, "latent gaussian dim=4", "prior gmm components=4\n", "objective prior\n"},
    {VALUES, "latent gaussian dim=4", "prior aggregate posteriors=8\n", "objective prior\n"},
    {VALUES, "latent none", "", "objective elbo\n"},
    {CODES, "latent vq codes=70 dim=5", "", "objective elbo\n"},
    {CODES, "latent vq codes=8 start=kmeans revive=1", "", "objective elbo\n"},
    {CODES, "latent rvq codes=70 quantizers=3", "", "objective elbo\n"},
    {CODES, "latent fsq levels=5x3", "", "objective elbo\n"},
    {CODES, "latent lfq codes=8", "", "objective elbo\n"},
    {CODES, "latent gumbel codes=8 dim=3", "", "objective elbo\n"},
    {CODES, "latent vq codes=8", "prior pixelcnn channels=8 layers=2\n", "objective prior\n"},
    {CODES, "latent vq codes=8", "prior transformer channels=8 layers=2 heads=2\n", "objective prior\n"},
    {TWO_NUMBERS("gaussian sigma=value"), "latent gaussian dim=4", "", "objective elbo\n"},
    {TWO_NUMBERS("student_t"), "latent gaussian dim=4", "", "objective elbo\n"},
    {SPEC_WINOGRAD "%s%s", "", "", "objective elbo\n"},
};

typedef struct guest {
    vae_model_t *model;
    const char *training;
    float *x, *z, *y;
    int32_t samples; /* has something to draw samples from */
    vae_status_t status;
} guest;

static vae_status_t use(guest *g) {
    vae_session_t *s = NULL;
    vae_trainer_t *t = NULL;
    vae_status_t status = vae_session_create(&s, g->model, 2 * N);
    if (status >= 0) status = vae_encode(s, 2 * N, g->x, g->z, NULL);
    if (status >= 0) status = vae_decode(s, 2 * N, g->z, g->y);
    if (status >= 0) status = vae_trainer_create(&t, g->model, g->training, 2 * N);
    if (status >= 0) status = vae_trainer_step(t, 2 * N, g->x, NULL);
    if (status >= 0) status = vae_trainer_step(t, 2 * N, g->x, NULL);
    const vae_batch_t drawn = {.struct_size = sizeof(drawn), .n = 2 * N, .flags = VAE_BATCH_DRAW};
    if (status >= 0 && g->samples) status = vae_sample_batch(s, &drawn, g->y);
    if (status >= 0) status = vae_elbo(s, 2 * N, g->x, 1, NULL, NULL, NULL, NULL);
    vae_trainer_destroy(t);
    vae_session_destroy(s);
    return status;
}

static void *use_on_thread(void *arg) {
    guest *g = arg;
    g->status = use(g);
    return NULL;
}

/* Thread-local storage of every library that is loaded lies at the foot of each stack; OpenBLAS alone takes 60 KiB of it. */
static int add_local_storage(struct dl_phdr_info *info, size_t size, void *arg) {
    size_t *const bytes = arg;
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_TLS) *bytes += info->dlpi_phdr[i].p_memsz;
    return 0;
}

static void on_small_stack(void *(*run)(void *), void *arg) {
    pthread_t thread;
    pthread_attr_t attr;
    size_t local = 0;
    (void)dl_iterate_phdr(add_local_storage, &local);
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, STACK + local), 0);
    ck_assert_int_eq(pthread_create(&thread, &attr, run, arg), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    (void)pthread_attr_destroy(&attr);
}

typedef struct job {
    void (*task)(void *arg, int32_t index);
    void *arg;
    int32_t tasks;
} job;

static void *run_job(void *arg) {
    const job *j = arg;
    for (int32_t i = 0; i < j->tasks; i++) j->task(j->arg, i);
    return NULL;
}

static void each_on_a_thread(void *user, int32_t tasks, void (*task)(void *arg, int32_t index), void *arg) {
    job j = {task, arg, tasks};
    (void)user;
    on_small_stack(run_job, &j);
}

START_TEST(test_every_latent_likelihood_and_prior_runs_on_a_small_stack) {
    for (int32_t host = 0; host < 2; host++) { /* the caller's thread; the host's own */
        vae_ctx_config_t c;
        vae_ctx_t *ctx;
        char spec[1024];
        ck_assert_ok(vae_ctx_config_init(&c, sizeof(c)));
        if (host) c.parallel_for = each_on_a_thread;
        ck_assert_ok(vae_ctx_create(&ctx, &c));
        guest g = {.training = guests[_i].training};
        (void)snprintf(spec, sizeof(spec), guests[_i].spec, guests[_i].latent, guests[_i].prior);
        ck_assert_ok(vae_model_create(&g.model, ctx, spec, 1));
        g.samples = strstr(spec, "prior") != NULL || strstr(spec, "gaussian dim") != NULL;
        g.x = filled(2 * N * vae_model_input_size(g.model), 1);
        g.y = filled(2 * N * vae_model_input_size(g.model), 1);
        g.z = filled(2 * N * vae_model_latent_size(g.model), 1);
        if (host) g.status = use(&g);
        else on_small_stack(use_on_thread, &g);
        ck_assert_msg(g.status == VAE_OK, "%s: %s", spec, vae_last_error());
        free(g.x), free(g.y), free(g.z);
        vae_model_destroy(g.model);
        vae_ctx_destroy(ctx);
    }
}
END_TEST

/* ---- many frames, another locale ---------------------------------------------------------------------------------- */

START_TEST(test_a_hundred_thousand_decodes_allocate_nothing) {
    test_heap heap = {0};
    vae_ctx_t *ctx = test_ctx(&heap, 0, 0);
    vae_model_t *m;
    vae_session_t *s;
    float z[3] = {0.5f, -1, 2}, x[16], first[16];
    ck_assert_ok(vae_model_create(&m, ctx, SPEC_DENSE, 1));
    ck_assert_ok(vae_session_create(&s, m, 1));
    const int64_t calls = heap.calls;
    ck_assert_ok(vae_decode(s, 1, z, first));
    for (int32_t i = 0; i < 100000; i++)
        if (vae_decode(s, 1, z, x) != VAE_OK || memcmp(x, first, sizeof x) != 0) ck_abort_msg("decode %d", (int)i);
    ck_assert_int_eq(heap.calls, calls);
    vae_session_destroy(s);
    vae_model_destroy(m);
    vae_ctx_destroy(ctx);
    ck_assert_int_eq(heap.live, 0);
}
END_TEST

START_TEST(test_a_comma_in_the_hosts_locale_does_not_show) {
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE", "ru_RU.UTF-8"};
    vae_model_t *m;
    char plain[2048], comma[2048];
    const char *spec = "input 4\nencoder linear out=4 | leaky_relu slope=0.25\nlatent gaussian dim=2\n"
                       "decoder linear out=4\nlikelihood gaussian sigma=learned\n";
    ck_assert_ok(vae_model_create(&m, NULL, spec, 1));
    ck_assert_ok(vae_model_spec(m, plain, sizeof(plain), NULL));
    vae_model_destroy(m);
    ck_assert_ptr_nonnull(strstr(plain, "slope=0.25"));
    for (size_t i = 0; i < VAEI_COUNT(names); i++) {
        if (!setlocale(LC_ALL, names[i])) continue; /* none of them here: the plain half remains */
        ck_assert_str_eq(localeconv()->decimal_point, ",");
        ck_assert_ok(vae_model_create(&m, NULL, plain, 1));
        ck_assert_ok(vae_model_spec(m, comma, sizeof(comma), NULL));
        vae_model_destroy(m);
        ck_assert_str_eq(plain, comma);
    }
    (void)setlocale(LC_ALL, "C");
}
END_TEST

Suite *suite_small_hosts(void);
Suite *suite_small_hosts(void) {
    Suite *s = suite_create("small_hosts");
    TCase *t = tcase_create("small_hosts");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, test_every_latent_likelihood_and_prior_runs_on_a_small_stack, 0, (int)VAEI_COUNT(guests));
    tcase_add_test(t, test_a_hundred_thousand_decodes_allocate_nothing);
    tcase_add_test(t, test_a_comma_in_the_hosts_locale_does_not_show);
    suite_add_tcase(s, t);
    return s;
}
