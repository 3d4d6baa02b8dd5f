/* SPDX-License-Identifier: MIT
 * check_steps.c - tests lists of steps: the joined steps, that arrays with overlapping lifetimes do not overlap in memory, and that
 * backward reads no more than the flags of a layer say. */
#include "layer_rig.h"

#include "conformance.h"

#include "nn/plan_text.h"
#include "nn/plan.h"

static const vaei_shape image = {3, {8, 6, 4, 0}}, wide = {3, {16, 12, 16, 0}};

/* ---- rewrites ------------------------------------------------------------------------------------------------------ */

/* How many steps are left, and how many of them are asked for pixels instead of running by themselves. */
static const struct {
    const char *text;
    int32_t inference, deferred, training;
} rewritten[] = {
    {"conv2d out=16 kernel=3 pad=1 | batchnorm | relu", 1, 0, 2},
    {"conv2d out=16 kernel=3 pad=1 | silu", 1, 0, 2},
    {"conv2d out=16 kernel=3 pad=1 | relu", 1, 0, 1},
    {"upsample | conv2d out=16 kernel=3 pad=1", 1, 0, 2},
    {"upsample factor=3 | conv2d out=16 kernel=3 pad=1", 2, 1, 2},
    {"groupnorm groups=2 | silu | conv2d out=16 kernel=3 pad=1", 2, 1, 3},
    {"groupnorm groups=2 | silu | conv2d out=16 kernel=2", 2, 0, 3}, /* not by Winograd's way */
    {"residual { groupnorm groups=2 | silu | conv2d out=16 kernel=3 pad=1 } | relu", 2, 1, 4},
    {"residual { conv2d out=16 kernel=3 pad=1 } { conv2d out=16 kernel=1 }", 2, 0, 3},
    {"residual { conv2d out=16 kernel=3 pad=1 | tanh }", 2, 0, 2},
    {"residual { }", 1, 0, 1},
    {"flatten | linear out=3", 2, 0, 2},
    {"conv2d out=1 kernel=1 | flatten | linear out=3 | reshape 3x1x1 | tanh", 3, 0, 3},
    {"conv2d out=1 kernel=1 | relu | reshape 12x16x1 | conv2d out=16 kernel=3 pad=1 | reshape 3072", 3, 0, 3},
    {"upsample | conv2d out=1 kernel=1 | upsample | reshape 16x192x1 | conv2d out=16 kernel=3 pad=1", 4, 0, 4},
    {"residual { reshape 12x16x16 | silu | reshape 16x12x16 } { }", 3, 0, 3},
    {"reshape 12x16x16", 1, 0, 1},
    {"", 0, 0, 0},
};

START_TEST(test_neighbours_are_joined) {
    rig g;
    const char *text = rewritten[_i].text;
    int32_t deferred = 0;
    ck_assert_msg(rig_open(&g, text, &wide) == VAE_OK, "%s: %s", text, vaei_fail_text());
    const vaei_steps *const s = g.stack->steps[VAEI_INFERENCE];
    for (int32_t i = 0; i < s->n; i++) deferred += s->step[i].deferred;
    ck_assert_msg(s->n == rewritten[_i].inference, "%s: %d steps at inference, wanted %d", text, s->n, rewritten[_i].inference);
    ck_assert_msg(deferred == rewritten[_i].deferred, "%s: %d deferred steps, wanted %d", text, deferred, rewritten[_i].deferred);
    ck_assert_msg(g.stack->steps[VAEI_TRAINING]->n == rewritten[_i].training, "%s: %d steps in training, wanted %d", text,
                  g.stack->steps[VAEI_TRAINING]->n, rewritten[_i].training);
    rig_close(&g);
}
END_TEST

/* ---- memory -------------------------------------------------------------------------------------------------------- */

static const char *const nested[] = {
    "conv2d out=9 kernel=3 pad=1 | silu | conv2d out=30 kernel=1 | gelu | conv2d out=3 kernel=1 | upsample | conv2d out=7 kernel=3 pad=1",
    "residual { residual { groupnorm groups=2 | silu | conv2d out=4 kernel=3 pad=1 } | conv2d out=4 kernel=1 } { conv2d out=4 kernel=1 }",
    "residual { residual { residual { tanh } { silu } } { } } { residual { conv2d out=4 kernel=1 } }",
    "conv2d out=16 kernel=3 pad=1 | residual { groupnorm groups=4 | conv2d out=2 kernel=3 pad=1 | conv2d out=16 kernel=3 pad=1 } { conv2d "
    "out=4 kernel=1 | conv2d out=16 kernel=1 } | conv2d out=5 kernel=1 | softplus | flatten | linear out=70 | silu | linear out=3",
    "upsample | maxpool kernel=2 | dropout p=0.5 | residual { dropout p=0.1 | batchnorm } | layernorm | attention | pixel_shuffle factor=2",
};

typedef struct area {
    const char *begin, *end;
} area;

static area area_of(const vaei_buffer *b, int64_t n, char *block, size_t bytes) {
    const char *const at = (const char *)vaei_block_at(b, n, block, bytes);
    return (area){at, at + (size_t)(n * b->size) * sizeof(float)};
}

/* Arrays at the ends of one block: inside of it, apart where they live at the same time, and apart from the workspace between them. */
static void check_block(const vaei_buffer *all, int32_t count, int64_t n, size_t bytes, const char *what) {
    static char block[1]; /* addresses are compared, never followed */
    for (int32_t i = 0; i < count; i++) {
        if (all[i].last < 0 || (all[i].place != VAEI_PLACE_LOW && all[i].place != VAEI_PLACE_HIGH)) continue;
        const area a = area_of(&all[i], n, block, bytes);
        ck_assert_msg(a.begin >= block && a.end <= block + bytes, "%s: array %d leaves the block", what, i);
        for (int32_t j = 0; j < i; j++) {
            if (all[j].last < all[i].first || all[i].last < all[j].first) continue;
            if (all[j].last < 0 || (all[j].place != VAEI_PLACE_LOW && all[j].place != VAEI_PLACE_HIGH)) continue;
            const area b = area_of(&all[j], n, block, bytes);
            ck_assert_msg(a.end <= b.begin || b.end <= a.begin, "%s: arrays %d and %d overlap", what, i, j);
        }
    }
}

static void check_places(const vaei_steps *s, int32_t mode, int64_t n, const char *text) {
    vaei_plan p = {.steps = s, .k = kernels(), .n = n, .mode = mode};
    vaei_plan_walk(&p);
    check_block(s->buffer, s->n_buffers, n, p.forward, text);
    check_block(s->grad, s->n_grads, n, p.block, text);
    for (int32_t i = 0; i < s->n_buffers; i++) {
        const vaei_buffer *const a = &s->buffer[i];
        if (a->place != VAEI_PLACE_Y) continue;
        ck_assert_int_le(a->size, s->buffer[s->output].size);
        for (int32_t j = 0; j < s->n_buffers; j++) {
            const vaei_buffer *const b = &s->buffer[j];
            if (j == i || (b->place != VAEI_PLACE_Y && j != s->output)) continue;
            ck_assert_msg(a->last < b->first || b->last < a->first, "%s: two values in y at once", text);
        }
    }
    for (int32_t i = 0; i < s->n; i++) /* each step has its workspace between the two ends */
        ck_assert_uint_le(vaei_reach_bytes(&s->step[i].forward[0], n) + vaei_reach_bytes(&s->step[i].forward[1], n), p.forward);
}

START_TEST(test_arrays_that_live_at_the_same_time_lie_apart) {
    rig g;
    ck_assert_msg(rig_open(&g, nested[_i], &image) == VAE_OK, "%s: %s", nested[_i], vaei_fail_text());
    for (int64_t n = 1; n <= 70; n += 23)
        for (int32_t mode = 0; mode < VAEI_MODES; mode++) check_places(g.stack->steps[mode], mode, n, nested[_i]);
    rig_close(&g);
}
END_TEST

/* A session of so many examples runs fewer in the same memory. */
START_TEST(test_fewer_examples_need_no_more_memory) {
    rig g;
    vaei_bytes before = {0}, need;
    ck_assert_msg(rig_open(&g, nested[_i], &image) == VAE_OK, "%s: %s", nested[_i], vaei_fail_text());
    for (int64_t n = 1; n <= 70; n++) {
        need = vaei_stack_bytes(g.stack, kernels(), n, _i % 2);
        ck_assert_uint_ge(need.scratch, before.scratch);
        ck_assert_uint_ge(need.cache, before.cache);
        before = need;
    }
    rig_close(&g);
}
END_TEST

/* Blocks in a row stand where those before them stood. */
START_TEST(test_depth_costs_no_memory_at_inference) {
    static const char *const blocks[] = {"relu | conv2d out=4 kernel=3 pad=1 | relu | conv2d out=16 kernel=1",
                                         "conv2d out=16 kernel=3 pad=1", "groupnorm groups=4 | silu | conv2d out=16 kernel=3 pad=1",
                                         "residual { gelu | conv2d out=16 kernel=1 }"};
    for (size_t i = 0; i < VAEI_COUNT(blocks); i++) {
        vaei_bytes need[2];
        for (int deep = 0; deep < 2; deep++) {
            char text[256];
            rig g;
            snprintf(text, sizeof(text), "conv2d out=16 kernel=3 pad=1 | repeat n=%d { residual { %s } } | conv2d out=3 kernel=1",
                     deep ? 12 : 2, blocks[i]);
            ck_assert_msg(rig_open(&g, text, &wide) == VAE_OK, "%s: %s", text, vaei_fail_text());
            const vaei_steps *const s = g.stack->steps[VAEI_INFERENCE];
            vaei_plan p = {.steps = s, .k = kernels(), .n = 4, .mode = VAEI_INFERENCE};
            vaei_plan_walk(&p);
            need[deep].scratch = p.block;
            rig_close(&g);
        }
        ck_assert_msg(need[1].scratch == need[0].scratch, "%s: %zu bytes for 12 blocks, %zu for 2", blocks[i], need[1].scratch,
                      need[0].scratch);
    }
}
END_TEST

/* Gradients of nested stacks against a row of the same layers that shares nothing: y and dx of a residual are sums. */
START_TEST(test_a_residual_is_the_sum_of_its_ways) {
    rig g, body;
    const int64_t n = 3;
    ck_assert_int_eq(rig_open(&g, "residual { conv2d out=4 kernel=3 pad=1 | tanh }", &image), VAE_OK);
    ck_assert_int_eq(rig_open(&body, "conv2d out=4 kernel=3 pad=1 | tanh", &image), VAE_OK);
    memcpy(body.values, g.values, floats(g.params.n_floats)); /* the same two arrays */
    const int64_t count = n * in_size(&g);
    float *x = make_input(count), *dy = make_gradient(count), *y[2], *dx[2], *grads[2];
    for (int i = 0; i < 2; i++) {
        y[i] = block_make(floats(count)), dx[i] = block_make(floats(count)), grads[i] = block_make(floats(g.params.n_floats));
        train(i == 0 ? &g : &body, n, x, dy, NULL, y[i], dx[i], grads[i]);
    }
    for (int64_t i = 0; i < count; i++) {
        ck_assert_float_eq(y[0][i], y[1][i] + x[i]);
        ck_assert_float_eq(dx[0][i], dx[1][i] + dy[i]);
    }
    assert_same(grads[0], grads[1], g.params.n_floats, "gradients of the body");
    for (int i = 0; i < 2; i++)
        block_free(y[i], floats(count)), block_free(dx[i], floats(count)), block_free(grads[i], floats(g.params.n_floats));
    block_free(x, floats(count)), block_free(dy, floats(count));
    rig_close(&g), rig_close(&body);
}
END_TEST

/* The second way reads x last, and could work in place there: but the first way's gradient belongs to x as it was. */
START_TEST(test_an_activation_of_the_second_way_leaves_x_alone) {
    rig g;
    ck_assert_int_eq(rig_open(&g, "conv2d out=4 kernel=1 | residual { silu } { relu | conv2d out=4 kernel=1 }", &image), VAE_OK);
    const vaei_steps *const s = g.stack->steps[VAEI_TRAINING];
    ck_assert_int_eq(s->n, 5);
    ck_assert_str_eq(s->step[2].layer->ops->module.name, "relu");
    ck_assert_int_ne(s->step[2].in, s->step[2].out);
    rig_close(&g);
}
END_TEST

/* ---- flags --------------------------------------------------------------------------------------------------------- */

/* x and y are lost to whoever does not say that backward reads them. */
static void check_flags(const char *text) {
    rig g;
    const vaei_shape shapes[] = {image, {1, {24, 0, 0, 0}}, {2, {5, 6, 0, 0}}};
    rig_open_on(&g, text, shapes, VAEI_COUNT(shapes));
    if (g.stack->layer[0]->ops->expand) { /* its steps are other layers' */
        rig_close(&g);
        return;
    }
    const int64_t n = 3, in = n * in_size(&g), out = n * out_size(&g), count = g.params.n_floats;
    const int32_t flags = g.stack->layer[0]->ops->flags;
    float *x = make_input(in), *dy = make_gradient(out), *y = block_make(floats(out)), *dx = block_make(floats(in));
    float *lost_dx = block_make(floats(in)), *grads = block_make(floats(count)), *spent = block_make(floats(out));
    pass p;
    train(&g, n, x, dy, NULL, y, dx, grads);
    pass_open(&p, &g, n, 1, NULL);
    vaei_stack_forward(g.stack, &p.run, &p.slot, x, y);
    if (!(flags & VAEI_LAYER_READS_X)) memset(x, 0xFF, floats(in));
    if (!(flags & VAEI_LAYER_READS_Y)) memset(y, 0xFF, floats(out));
    memcpy(spent, dy, floats(out));
    vaei_stack_backward(g.stack, &p.run, &p.slot, x, y, spent, lost_dx);
    assert_same(lost_dx, dx, in, text);
    assert_same(p.grads, grads, count, text);
    ck_assert_msg(!(flags & VAEI_LAYER_IN_PLACE) || !(flags & VAEI_LAYER_READS_X), "%s: in place, and reads x", text);
    pass_close(&p, &g);
    block_free(x, floats(in)), block_free(dy, floats(out)), block_free(y, floats(out)), block_free(dx, floats(in));
    block_free(lost_dx, floats(in)), block_free(grads, floats(count)), block_free(spent, floats(out));
    rig_close(&g);
}

START_TEST(test_backward_reads_no_more_than_the_flags_say) {
    char text[EXAMPLE_MAX];
    for (int32_t i = 0; example_at(vaei_layers[_i], i, text); i++) check_flags(text);
}
END_TEST

START_TEST(test_layers_in_nested_braces_are_limited_in_number) {
    rig g;
    memset(&g, 0, sizeof(g));
    ck_assert_int_eq(rig_open(&g, "repeat n=200 { residual { repeat n=200 { tanh } } }", &image), VAE_E_LIMIT);
    vaei_arena_free(&g.arena);
}
END_TEST

/* ---- in words ---- */

START_TEST(test_a_plan_tells_steps_algorithms_and_what_was_joined) {
    rig g;
    static const char *const told[] = {"b",
                                       "upsample upsample (encoder.0)",
                                       "fold batchnorm (encoder.2)",
                                       "epilogue relu (encoder.3)",
                                       "prologue groupnorm (encoder.4.body.0)",
                                       "sum residual (encoder.4)",
                                       "by winograd",
                                       "flatten (encoder.6) is a view of its input",
                                       "low end",
                                       " bytes"};
    char text[4096], json[8192];
    vaei_writer w = {.buf = text, .cap = sizeof(text)}, j = {.buf = json, .cap = sizeof(json)};
    static const char *const net = "upsample | conv2d out=16 kernel=3 pad=1 | batchnorm | relu | "
                                   "residual { groupnorm groups=2 | conv2d out=16 kernel=3 pad=1 } | conv2d out=1 kernel=1 | flatten";
    ck_assert_int_eq(rig_open(&g, net, &wide), VAE_OK);
    vaei_plan_write(g.stack, kernels(), "encoder", 3, 0, 0, &w);
    vaei_plan_write(g.stack, kernels(), "encoder", 3, 0, 1, &j);
    ck_assert_uint_lt(w.length, sizeof(text));
    ck_assert_uint_lt(j.length, sizeof(json));
    for (size_t i = 0; i < VAEI_COUNT(told); i++) ck_assert_msg(strstr(text, told[i]) != NULL, "no '%s' in\n%s", told[i], text);
    ck_assert_ptr_nonnull(strstr(json, "{\"rule\":\"fold\",\"layer\":\"batchnorm\",\"path\":\"encoder.2\"}"));
    ck_assert_ptr_nonnull(strstr(json, "\"algorithm\":\"winograd\""));
    ck_assert_ptr_nonnull(strstr(json, "\"views\":[\"encoder.6\"]"));
    int depth = 0;
    for (const char *c = json; *c; c++) {
        depth += (*c == '{' || *c == '[') - (*c == '}' || *c == ']');
        ck_assert_int_ge(depth, 0);
    }
    ck_assert_int_eq(depth, 0);
    rig_close(&g);
}
END_TEST

Suite *suite_steps(void);
Suite *suite_steps(void) {
    Suite *s = suite_create("steps");
    TCase *t = tcase_create("lists");
    tcase_add_loop_test(t, test_neighbours_are_joined, 0, (int)VAEI_COUNT(rewritten));
    tcase_add_loop_test(t, test_arrays_that_live_at_the_same_time_lie_apart, 0, (int)VAEI_COUNT(nested));
    tcase_add_loop_test(t, test_fewer_examples_need_no_more_memory, 0, (int)VAEI_COUNT(nested));
    tcase_add_test(t, test_depth_costs_no_memory_at_inference);
    tcase_add_test(t, test_a_residual_is_the_sum_of_its_ways);
    tcase_add_test(t, test_an_activation_of_the_second_way_leaves_x_alone);
    tcase_add_loop_test(t, test_backward_reads_no_more_than_the_flags_say, 0, (int)vaei_layers_count);
    tcase_add_test(t, test_layers_in_nested_braces_are_limited_in_number);
    tcase_add_test(t, test_a_plan_tells_steps_algorithms_and_what_was_joined);
    suite_add_tcase(s, t);
    return s;
}
