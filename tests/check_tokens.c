/* SPDX-License-Identifier: MIT
 * check_tokens.c - tests inputs of tokens: the texts that are allowed, refusals of x and their sentences, training until the words of the
 * data are learned. Likelihood categorical is in check_likelihood_values.c. */
#include "support.h"

#include <math.h>

static const char text[] = "input 6 tokens=4\nencoder embedding dim=5 | gru out=12 | last\nlatent gaussian dim=3\n"
                           "decoder spread steps=6 | gru out=12 | linear out=4\nlikelihood categorical\n";

/* ---- texts ----------------------------------------------------------------------------------------------------------------- */

START_TEST(test_a_text_that_does_not_fit_tokens_is_refused_in_words) {
    static const struct {
        const char *spec, *words;
    } wrong[] = {
        {"input 6 tokens=4\nencoder linear out=4\nlatent gaussian dim=2\ndecoder linear out=24 | reshape 6x4\nlikelihood categorical\n",
         "wanted embedding as its first layer"},
        {"input 6\nencoder embedding dim=3 | flatten | linear out=4\nlatent gaussian dim=2\ndecoder linear out=6\nlikelihood gaussian\n",
         "embedding: wants tokens"},
        {"input 6 tokens=4\nencoder embedding dim=3 | linear out=1 | embedding dim=2\nlatent none\ndecoder linear out=6\n"
         "likelihood categorical\n",
         "embedding: wants tokens"},
        {"input 6 tokens=4\nencoder embedding dim=3 | flatten | linear out=4\nlatent gaussian dim=2\ndecoder linear out=6\n"
         "likelihood gaussian\n",
         "likelihood gaussian: is of numbers"},
        {"input 6\nencoder linear out=4\nlatent gaussian dim=2\ndecoder linear out=6\nlikelihood categorical\n", "is of tokens"},
        {"input 6 tokens=4\nencoder embedding dim=3 | flatten | linear out=4\nlatent gaussian dim=2\ndecoder linear out=6\n"
         "likelihood categorical\n",
         "the logits of the tokens"},
        {"input 6 tokens=65537\nencoder embedding dim=3\nlatent none\ndecoder linear out=4\nlikelihood categorical\n", "tokens"},
        {"input 6 token=4\nencoder embedding dim=3\nlatent none\ndecoder linear out=4\nlikelihood categorical\n", "did you mean 'tokens'"},
        {"input tokens=4 | 6\nencoder embedding dim=3\nlatent none\ndecoder linear out=4\nlikelihood categorical\n", "input"},
        {"input 6 tokens=4\nencoder embedding dim=3 | flatten | linear out=4\nlatent gaussian dim=2\ndecoder linear out=24 | reshape 6x4\n"
         "likelihood categorical\nprior vamp\n",
         "which tokens cannot be"},
        {"input 6 tokens=4\nencoder embedding dim=3 | flatten | linear out=4\nlatent gaussian dim=2\ndecoder linear out=24 | reshape 6x4\n"
         "likelihood categorical\ncritic on=x | linear out=1\n",
         "wanted on=z"},
    };
    vae_model_t *m;
    ck_assert_fails(vae_model_create(&m, NULL, wrong[_i].spec, 1), strstr(wrong[_i].words, "logits") ? VAE_E_SHAPE : VAE_E_SPEC);
    ck_assert_msg(strstr(vae_last_error(), wrong[_i].words) != NULL, "%s", vae_last_error());
}
END_TEST

START_TEST(test_the_input_s_option_is_read_changed_and_printed) {
    char out[1000], value[100];
    ck_assert_ok(vae_spec_canonical(text, out, sizeof(out), NULL));
    ck_assert_ptr_nonnull(strstr(out, "input      6 tokens=4\n"));
    ck_assert_ok(vae_spec_get(text, "input.tokens", value, sizeof(value), NULL));
    ck_assert_str_eq(value, "4");
    ck_assert_ok(vae_spec_get(text, "input", value, sizeof(value), NULL));
    ck_assert_str_eq(value, "6 tokens=4");
    ck_assert_ok(vae_spec_set(text, "input.tokens", "9", out, sizeof(out), NULL));
    ck_assert_ptr_nonnull(strstr(out, "6 tokens=9"));
    ck_assert_ok(vae_spec_canonical("input 6 tokens=0\nencoder linear out=2\nlatent none\ndecoder linear out=6\nlikelihood gaussian\n", out,
                                    sizeof(out), NULL));
    ck_assert_ptr_null(strstr(out, "tokens"));
}
END_TEST

/* ---- x ------------------------------------------------------------------------------------------------------------------- */

START_TEST(test_what_is_no_token_is_refused_with_its_place) {
    static const struct {
        float value;
        const char *words;
        vae_status_t status;
    } wrong[] = {{4, "x[1][2]: 4, wanted a token: a whole number 0..3", VAE_E_ARG},
                 {-1, "x[1][2]: -1, wanted a token", VAE_E_ARG},
                 {1.5f, "x[1][2]: 1.5, wanted a token", VAE_E_ARG},
                 {1e30f, "x[1][2]: 1e+30, wanted a token", VAE_E_ARG},
                 {NAN, "x[1][2]: not a finite number", VAE_E_NUMERIC}};
    float x[12] = {0}, z[6];
    vae_model_t *m;
    vae_session_t *s;
    vae_trainer_t *t;
    ck_assert_ok(vae_model_create(&m, NULL, text, 1));
    ck_assert_int_eq(vae_model_token_count(m), 4);
    ck_assert_ok(vae_session_create(&s, m, 2));
    ck_assert_ok(vae_trainer_create(&t, m, "", 2));
    ck_assert_ok(vae_encode(s, 2, x, z, NULL));
    x[8] = wrong[_i].value;
    ck_assert_fails(vae_encode(s, 2, x, z, NULL), wrong[_i].status);
    ck_assert_msg(strstr(vae_last_error(), "x[1][2]: ") && strstr(vae_last_error(), wrong[_i].value > 1e9f ? "a token" : wrong[_i].words),
                  "%s", vae_last_error());
    ck_assert_fails(vae_trainer_step(t, 2, x, NULL), wrong[_i].status);
    vae_trainer_destroy(t);
    vae_session_destroy(s);
    vae_model_destroy(m);
}
END_TEST

START_TEST(test_words_are_learnt_reconstructed_and_drawn) {
    static const float corpus[4 * 6] = {0, 1, 2, 3, 0, 1, 3, 3, 2, 2, 1, 1, 2, 0, 2, 0, 2, 0, 1, 1, 1, 3, 3, 3};
    float back[4 * 6], drawn[50 * 6];
    vae_metrics_t metrics = {.struct_size = sizeof(metrics)};
    vae_batch_t batch = {.struct_size = sizeof(batch), .n = 50, .flags = VAE_BATCH_DRAW};
    vae_model_t *m;
    vae_trainer_t *t;
    vae_session_t *s;
    ck_assert_ok(vae_model_create(&m, NULL, text, 1));
    ck_assert_ok(vae_trainer_create(&t, m, "optimizer adam lr=0.02\nobjective elbo beta=0.1\n", 4));
    ck_assert_ok(vae_trainer_seed(t, 3));
    for (int i = 0; i < 400; i++) ck_assert_ok(vae_trainer_step(t, 4, corpus, &metrics));
    ck_assert_msg(metrics.recon < 1, "nll %g", metrics.recon);
    ck_assert_ok(vae_session_create(&s, m, 50));
    ck_assert_ok(vae_reconstruct(s, 4, corpus, back));
    ck_assert_mem_eq(back, corpus, sizeof(corpus));
    ck_assert_ok(vae_sample_batch(s, &batch, drawn));
    for (int i = 0; i < 50 * 6; i++) ck_assert(drawn[i] == (float)(int)drawn[i] && drawn[i] >= 0 && drawn[i] < 4);
    vae_session_destroy(s);
    vae_trainer_destroy(t);
    vae_model_destroy(m);
}
END_TEST

Suite *suite_tokens(void);
Suite *suite_tokens(void) {
    Suite *s = suite_create("tokens");
    TCase *t = tcase_create("tokens");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, test_a_text_that_does_not_fit_tokens_is_refused_in_words, 0, 11);
    tcase_add_test(t, test_the_input_s_option_is_read_changed_and_printed);
    tcase_add_loop_test(t, test_what_is_no_token_is_refused_with_its_place, 0, 5);
    tcase_add_test(t, test_words_are_learnt_reconstructed_and_drawn);
    suite_add_tcase(s, t);
    return s;
}
