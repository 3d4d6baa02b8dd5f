/* SPDX-License-Identifier: MIT
 * check_padding.c - tests the pixels around an image for each padding mode, by a kernel that reads one pixel left, right, up or down. */
#include "support.h"

#include <stdio.h>

static const float image[6] = {1, 2, 3, 4, 5, 6}; /* 2 x 3 */

static const struct {
    const char *mode;
    int tap;         /* of a 3x3 kernel, raster order */
    float wanted[6]; /* what each pixel sees there */
} looks[] = {
    {"pad_mode=zeros", 3, {0, 1, 2, 0, 4, 5}},
    {"pad_mode=circular", 3, {3, 1, 2, 6, 4, 5}},
    {"pad_mode=circular", 5, {2, 3, 1, 5, 6, 4}},
    {"pad_mode=circular", 1, {4, 5, 6, 1, 2, 3}},
    {"pad_mode=circular", 0, {6, 4, 5, 3, 1, 2}},
    {"pad_mode=reflect", 3, {2, 1, 2, 5, 4, 5}},
    {"pad_mode=reflect", 5, {2, 3, 2, 5, 6, 5}},
    {"pad_mode=reflect", 7, {4, 5, 6, 1, 2, 3}},
    {"pad_mode=zeros pad_mode_x=circular", 0, {0, 0, 0, 3, 1, 2}},
    {"pad_mode=circular pad_mode_x=zeros", 0, {0, 4, 5, 0, 1, 2}},
};

START_TEST(test_padding_shows_the_pixel_it_should) {
    char spec[256];
    vae_model_t *m;
    vae_session_t *s;
    float kernel[9] = {0}, seen[6];
    kernel[looks[_i].tap] = 1;
    snprintf(spec, sizeof(spec),
             "input 2x3x1\nencoder conv2d out=1 kernel=3 pad=1 bias=false %s\nlatent none\ndecoder\nlikelihood gaussian\n", looks[_i].mode);
    ck_assert_ok(vae_model_create(&m, NULL, spec, 0));
    ck_assert_ok(vae_model_set_param(m, 0, kernel, 9));
    ck_assert_ok(vae_session_create(&s, m, 1));
    ck_assert_ok(vae_encode(s, 1, image, seen, NULL));
    for (int i = 0; i < 6; i++) ck_assert_float_eq(seen[i], looks[_i].wanted[i]);
    vae_session_destroy(s);
    vae_model_destroy(m);
}
END_TEST

START_TEST(test_padding_wider_than_the_image_is_refused) {
    vae_model_t *m;
    ck_assert_fails(vae_model_create(&m, NULL,
                                     "input 2x3x1\nencoder conv2d out=1 kernel=5 pad=2 pad_mode=reflect\nlatent none\ndecoder\n"
                                     "likelihood gaussian\n",
                                     0),
                    VAE_E_SHAPE);
    ck_assert_ok(vae_model_create(&m, NULL,
                                  "input 2x3x1\nencoder conv2d out=1 kernel=5 pad=2 pad_mode=circular\nlatent none\ndecoder\n"
                                  "likelihood gaussian\n",
                                  0));
    vae_model_destroy(m);
}
END_TEST

Suite *suite_padding(void);
Suite *suite_padding(void) {
    Suite *s = suite_create("padding");
    TCase *t = tcase_create("conv2d");
    tcase_add_loop_test(t, test_padding_shows_the_pixel_it_should, 0, (int)(sizeof(looks) / sizeof(looks[0])));
    tcase_add_test(t, test_padding_wider_than_the_image_is_refused);
    suite_add_tcase(s, t);
    return s;
}
