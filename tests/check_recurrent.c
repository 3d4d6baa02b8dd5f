/* SPDX-License-Identifier: MIT
 * check_recurrent.c - tests the workspace of recurrent layers: each of their products has the workspace that its own sizes need. */
#include "layer_rig.h"

#include "kernel/gemm.h"

/* A product for the gradient of a weight is summed in parts if the weight is small enough for them. Here the weight of x is too large, so
 * that its product needs no workspace, and that of the state is not. 64 steps: from 64 examples on there are two parts. */
START_TEST(test_the_smaller_weight_has_its_workspace) {
    static const struct {
        const char *text;
        int64_t rows; /* of both weights */
    } cells[] = {{"gru out=512", 3 * 512}, {"lstm out=512", 4 * 512}, {"gru out=512 bidirectional=true layers=2", 3 * 512}};
    const vaei_shape in = {2, {64, 1400}};
    const vaei_kernels *const k = kernels();
    rig g;
    ck_assert_int_eq(rig_open(&g, cells[_i].text, &in), VAE_OK);
    const vaei_layer *const l = g.stack->layer[0];
    const int64_t parts = vaei_outer_scratch(k, cells[_i].rows, 512, 64 * 64);
    ck_assert_int_eq(vaei_outer_scratch(k, cells[_i].rows, 1400, 64 * 64), 0);
    ck_assert_int_gt(parts, 0);
    const size_t fewer = vaei_layer_bytes(l, k, 63, 1).scratch, enough = vaei_layer_bytes(l, k, 64, 1).scratch;
    ck_assert_msg(enough - fewer >= floats(parts), "%s: %zu bytes for 63 examples, %zu for 64, and the parts alone take %zu",
                  cells[_i].text, fewer, enough, floats(parts));
    rig_close(&g);
}
END_TEST

Suite *suite_recurrent(void);
Suite *suite_recurrent(void) {
    Suite *s = suite_create("recurrent");
    TCase *t = tcase_create("workspace");
    tcase_add_loop_test(t, test_the_smaller_weight_has_its_workspace, 0, 3);
    suite_add_tcase(s, t);
    return s;
}
