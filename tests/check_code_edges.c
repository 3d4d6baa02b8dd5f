/* SPDX-License-Identifier: MIT
 * check_code_edges.c - tests latents of codes for which a choice is not unique: codes at equal distances, vectors of one value, vectors
 * of length zero. */
#include "quantizer_rig.h"

/* Codes that are equally near, exactly: the first of them, side by side, residual, and by angle, where of one value only the sign is
 * left. */
START_TEST(test_equally_near_codes_give_the_lowest) {
    static const struct {
        const char *text;
        float codes[4], x[2];
        int32_t wanted[2];
    } ties[] = {
        {"vq codes=4 freeze=true", {2, 1, 1, -1}, {1.5f, 0}, {0, 1}},
        {"vq codes=4 freeze=true", {0, 0, 0, 0}, {0, -3}, {0, 0}},
        {"vq codes=4 freeze=true cosine=true", {-0.3f, 0.7f, 1.1f, -5}, {0.31f, -0.47f}, {1, 0}},
        {"vq codes=4 freeze=true cosine=true", {0.3f, -0.7f, 1.1f, -5}, {0, 1e-7f}, {0, 0}},
        {"rvq codes=4 freeze=true quantizers=1 cosine=true", {-0.3f, 0.7f, 1.1f, -5}, {0.31f, -0.47f}, {1, 0}},
    };
    const vaei_shape one = {1, {1}};
    for (size_t i = 0; i < VAEI_COUNT(ties); i++) {
        rig g;
        rig_open(&g, ties[i].text, one, 2, 1);
        memcpy(value_of(&g, "codebook"), ties[i].codes, sizeof ties[i].codes);
        int32_t *codes = codes_of(&g, ties[i].x);
        for (int row = 0; row < 2; row++) ck_assert_int_eq(codes[row], ties[i].wanted[row]);
        free(codes);
        rig_close(&g);
    }
}
END_TEST

/* The direction of one value is its sign, which no small change moves; and of a vector of length zero nothing is left but the code. */
START_TEST(test_one_value_and_no_length_have_sound_gradients) {
    static const char *const texts[] = {"vq codes=3 commitment=1 freeze=true cosine=true", "lfq codes=2 spherical=true commitment=1",
                                        "rvq codes=3 quantizers=2 commitment=1 freeze=true cosine=true gradient_of=stages",
                                        "vq codes=3 commitment=1 freeze=true gradient=rotation",
                                        "rvq codes=3 quantizers=2 freeze=true gradient=rotation"};
    const vaei_shape one = {1, {1}};
    for (size_t i = 0; i < VAEI_COUNT(texts); i++) {
        rig g;
        const float h[4] = {0.4f, -0.013f, 0, 1e-4f}, dz[4] = {1, -2, 0.5f, 3};
        rig_open(&g, texts[i], one, 4, 1);
        (void)forward(&g, h);
        backward(&g, h, dz);
        for (int row = 0; row < 4; row++) {
            ck_assert_float_finite(g.dh[row]);
            if (i < 3 && row != 2) ck_assert_float_eq_tol(g.dh[row], 0, 1e-8f);
        }
        rig_close(&g);
    }
    rig g; /* the decoder gets the code itself, though the rotation of a vector without length is nothing */
    const float h[1] = {0};
    rig_open(&g, "vq codes=2 freeze=true gradient=rotation", one, 1, 1);
    value_of(&g, "codebook")[0] = 3;
    value_of(&g, "codebook")[1] = -2;
    (void)forward(&g, h);
    ck_assert_float_eq(g.z[0], -2);
    rig_close(&g);
}
END_TEST

Suite *suite_code_edges(void);
Suite *suite_code_edges(void) {
    Suite *s = suite_create("code edges");
    TCase *t = tcase_create("code edges");
    tcase_add_test(t, test_equally_near_codes_give_the_lowest);
    tcase_add_test(t, test_one_value_and_no_length_have_sound_gradients);
    suite_add_tcase(s, t);
    return s;
}
