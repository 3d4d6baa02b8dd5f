/* SPDX-License-Identifier: MIT
 * check_batch_blocks.c - tests a stack in blocks of examples and lanes: outputs, gradients and noise equal those of the stack at once; a
 * stack with statistics over the batch is not divided; threads change no bit, also at inference. */
#include "guarded.h"

#include "api/api.h"
#include "nn/batch_blocks.h"

enum { BATCH = 70 };

typedef struct fixture {
    vaei_heap heap;
    vaei_arena arena;
    vaei_stack *stack;
    vaei_params params;
    float *weights;
} fixture;

static float *floats(int64_t count) {
    float *const p = calloc((size_t)count + 1, sizeof *p);
    ck_assert_ptr_nonnull(p);
    return p;
}

static void fill(float *x, int64_t count, uint32_t seed) {
    vaei_noise_normal(vaei_kernels_select(1, 0), (vaei_noise_key){.seed = seed}, 0, count, x);
}

static void build(fixture *f, const char *text) {
    vaei_document document;
    vaei_build b;
    const vaei_shape in = {3, {16, 16, 8, 0}};
    vaei_heap_init_default(&f->heap);
    vaei_arena_init(&f->arena, &f->heap);
    ck_assert_int_eq(vaei_spec_parse(&document, &f->arena, text, strlen(text)), VAE_OK);
    vaei_build_init(&b, &f->arena);
    ck_assert_int_eq(vaei_stack_build(&f->stack, &b, &vaei_document_find(&document, "encoder")->pipeline, "encoder", &in), VAE_OK);
    ck_assert_int_eq(vaei_build_finish(&b, &f->params), VAE_OK);
    ck_assert_int_eq(vaei_stacks_link(b.stacks, &f->arena), VAE_OK);
    f->weights = floats(f->params.n_floats);
    fill(f->weights, f->params.n_floats, 3);
    for (int64_t i = 0; i < f->params.n_floats; i++) f->weights[i] *= 0.1f;
}

typedef struct result {
    float *y, *dx, *grads;
    size_t cache;
} result;

enum { AT_ONCE, IN_BLOCKS, RECOMPUTED /* and activations recomputed */, FUSED };

/* of NaN: nothing counts on zeros */
static void *room(size_t bytes) {
    void *const p = aligned_alloc(64, bytes / 64 * 64 + 64);
    ck_assert_ptr_nonnull(p);
    return memset(p, 0xff, bytes / 64 * 64 + 64);
}

/* y is there, and no dy before this */
static void give_dy(const void *arg, const vaei_run *r, int64_t first, const float *y, float *dy) {
    const float *const given = arg;
    const int64_t size = 10;
    for (int64_t i = 0; i < r->n * size; i++) ck_assert_each(y[i] - y[i] <= 0.0f && y[i] != 0.0f);
    memcpy(dy, given + first * size, (size_t)(r->n * size) * sizeof *dy);
}

static result run_on(const fixture *f, int32_t how, const vaei_pool *pool) {
    const vaei_kernels *const k = vaei_kernels_select(0, 0);
    const int64_t in = vaei_shape_size(&f->stack->in), out = vaei_shape_size(&f->stack->out);
    result a = {floats(BATCH * out), floats(BATCH * in), floats(f->params.n_floats), 0};
    float *const x = floats(BATCH * in), *const dy = floats(BATCH * out);
    int32_t label[BATCH];
    for (int32_t i = 0; i < BATCH; i++) label[i] = i % 7;
    vaei_run r = {.k = k,
                  .pool = pool,
                  .batch.label = label,
                  .n = BATCH,
                  .training = 1,
                  .params = f->weights,
                  .grads = a.grads,
                  .noise = {.seed = 5},
                  .first_item = 9};
    vaei_bytes need;
    vaei_slot m = {0};
    fill(x, BATCH * in, 1);
    fill(dy, BATCH * out, 2);
    if (how == AT_ONCE) need = vaei_stack_bytes(f->stack, k, BATCH, 1);
    else
        need = vaei_blocks_bytes(
            f->stack, k, BATCH,
            VAEI_BLOCKS_TRAIN | (how == RECOMPUTED ? VAEI_BLOCKS_RECOMPUTE : 0) | (how == FUSED ? VAEI_BLOCKS_FUSED : 0), &m);
    m.pack = room(need.pack);
    m.cache = room(need.cache);
    m.scratch = room(need.scratch);
    m.stats = room(need.stats);
    vaei_stack_pack(f->stack, &r, m.pack);
    if (how == FUSED) {
        float *const here = floats(BATCH * out);
        const vaei_dy_source source = {give_dy, dy};
        vaei_blocks_forward_backward(f->stack, &r, &m, x, &source, a.y, here, a.dx);
        free(here);
    } else {
        (how == AT_ONCE ? vaei_stack_forward : vaei_blocks_forward)(f->stack, &r, &m, x, a.y);
        (how == AT_ONCE ? vaei_stack_backward : vaei_blocks_backward)(f->stack, &r, &m, x, a.y, dy, a.dx);
    }
    a.cache = need.cache;
    free(m.pack);
    free(m.cache);
    free(m.scratch);
    free(m.stats);
    free(x);
    free(dy);
    return a;
}

static result run(const fixture *f, int32_t how) {
    return run_on(f, how, NULL);
}

static void result_free(result *a) {
    free(a->y);
    free(a->dx);
    free(a->grads);
}

static void destroy(fixture *f) {
    free(f->weights);
    vaei_arena_free(&f->arena);
}

static const int32_t in_blocks[] = {IN_BLOCKS, FUSED};

/* ---- a layer that reads labels: y = (1 + label) x -------------------------------------------------------------------- */

static void scale_by_label(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    const int64_t size = vaei_shape_size(&l->in);
    (void)m;
    for (int64_t i = 0; i < r->n * size; i++) y[i] = (float)(1 + r->batch.label[i / size]) * x[i];
}

static void scale_back_by_label(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy,
                                float *dx) {
    (void)x;
    (void)y;
    if (dx) scale_by_label(l, r, m, dy, dx);
}

START_TEST(test_labels_move_with_the_examples_of_a_block) {
    static const vaei_layer_ops reader = {.module = {.name = "reader"}, .forward = scale_by_label, .backward = scale_back_by_label};
    fixture f;
    build(&f, "encoder conv2d out=32 kernel=3 pad=1 | silu | conv2d out=64 kernel=4 stride=2 pad=1 | flatten | linear out=10");
    ck_assert_str_eq(f.stack->layer[3]->ops->module.name, "flatten");
    f.stack->layer[3]->ops = &reader;
    result whole = run(&f, AT_ONCE), parts = run(&f, in_blocks[_i]);
    ck_assert_mem_eq(whole.y, parts.y, (size_t)(BATCH * 10) * sizeof(float));
    ck_assert_mem_eq(whole.dx, parts.dx, (size_t)(BATCH * 2048) * sizeof(float));
    result_free(&whole);
    result_free(&parts);
    destroy(&f);
}
END_TEST

START_TEST(test_a_slice_of_a_slice_is_a_slice) {
    const int32_t labels[9] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    const vaei_run r = {.n = 9, .first_item = 100, .batch.label = labels};
    const vaei_run part = vaei_run_slice(&r, 2, 6), inner = vaei_run_slice(&part, 3, 2);
    ck_assert_int_eq(inner.n, 2);
    ck_assert_uint_eq(inner.first_item, 105);
    ck_assert_int_eq(inner.batch.label[0], 5);
    const vaei_run bare = {.n = 9}, cut = vaei_run_slice(&bare, 3, 2);
    ck_assert_ptr_null(cut.batch.label);
}
END_TEST

START_TEST(test_examples_in_blocks_equal_those_at_once) {
    fixture f;
    build(&f, "encoder conv2d out=32 kernel=3 pad=1 | groupnorm groups=4 | silu | dropout p=0.3 | conv2d out=64 "
              "kernel=4 stride=2 pad=1 "
              "| relu | residual { conv2d out=64 kernel=3 pad=1 } | flatten | linear out=10");
    result whole = run(&f, AT_ONCE), parts = run(&f, in_blocks[_i]);
    for (int64_t i = 0; i < BATCH * 10; i++) ck_assert_each_msg(memcmp(whole.y + i, parts.y + i, sizeof(float)) == 0, "y %d", (int)i);
    for (int64_t i = 0; i < BATCH * 2048; i++) ck_assert_each_msg(memcmp(whole.dx + i, parts.dx + i, sizeof(float)) == 0, "dx %d", (int)i);
    double most = 0;
    for (int64_t i = 0; i < f.params.n_floats; i++) most = fmax(most, fabs((double)whole.grads[i]));
    int64_t differ = 0;
    for (int64_t i = 0; i < f.params.n_floats; i++) {
        ck_assert_each_msg(fabs((double)whole.grads[i] - (double)parts.grads[i]) <= 1e-5 * most, "gradient %d: %g and %g", (int)i,
                           (double)whole.grads[i], (double)parts.grads[i]);
        differ += whole.grads[i] < parts.grads[i] || whole.grads[i] > parts.grads[i];
    }
    ck_assert_int_gt(differ, 0); /* summed in another order: there was more than one block */
    result_free(&whole);
    result_free(&parts);
    destroy(&f);
}
END_TEST

START_TEST(test_examples_with_batch_statistics_stay_together) {
    fixture f;
    build(&f, "encoder conv2d out=32 kernel=3 pad=1 | residual { batchnorm | relu } | flatten | linear out=10");
    result whole = run(&f, AT_ONCE), parts = run(&f, IN_BLOCKS);
    vaei_carve one_block = {NULL, 0};
    (void)vaei_carve_bytes(&one_block, whole.cache);
    ck_assert_uint_eq(parts.cache, one_block.used);
    ck_assert_int_eq(memcmp(whole.y, parts.y, BATCH * 10 * sizeof(float)), 0);
    ck_assert_int_eq(memcmp(whole.grads, parts.grads, (size_t)f.params.n_floats * sizeof(float)), 0);
    result_free(&whole);
    result_free(&parts);
    destroy(&f);
}
END_TEST

START_TEST(test_recomputed_examples_leave_the_same_gradients) {
    fixture f;
    build(&f, "encoder conv2d out=32 kernel=3 pad=1 | silu | dropout p=0.3 | conv2d out=64 kernel=3 pad=1 | relu "
              "| conv2d out=32 kernel=3 pad=1 | relu | conv2d out=16 kernel=3 pad=1 | silu | flatten | linear out=10");
    result kept = run(&f, IN_BLOCKS), again = run(&f, RECOMPUTED);
    ck_assert(again.cache < kept.cache);
    ck_assert_int_eq(memcmp(kept.grads, again.grads, (size_t)f.params.n_floats * sizeof(float)), 0);
    ck_assert_int_eq(memcmp(kept.dx, again.dx, BATCH * 2048 * sizeof(float)), 0);
    result_free(&kept);
    result_free(&again);
    destroy(&f);
}
END_TEST

START_TEST(test_fused_examples_have_the_memory_of_one_block_a_lane) {
    fixture f;
    build(&f, "encoder conv2d out=64 kernel=3 pad=1 | relu | conv2d out=64 kernel=3 pad=1 | relu | conv2d out=64 kernel=3 pad=1 "
              "| relu | flatten | linear out=10");
    result kept = run(&f, IN_BLOCKS), fused = run(&f, FUSED);
    ck_assert(fused.cache <= kept.cache / 2);
    result_free(&kept);
    result_free(&fused);
    destroy(&f);
}
END_TEST

START_TEST(test_examples_in_lanes_give_the_same_bits_on_any_number_of_threads) {
    static const int32_t threads[] = {2, 3, 7};
    fixture f;
    build(&f, "encoder conv2d out=64 kernel=3 pad=1 | relu | dropout p=0.3 | conv2d out=64 kernel=3 stride=2 pad=1 | relu "
              "| conv2d out=64 kernel=3 pad=1 | flatten | linear out=10");
    result alone = run(&f, in_blocks[_i]);
    for (int i = 0; i < 3; i++) {
        vaei_pool *pool;
        ck_assert_int_eq(vaei_pool_create(&pool, &f.heap, threads[i], NULL, NULL), VAE_OK);
        result shared = run_on(&f, in_blocks[_i], pool);
        ck_assert_int_eq(memcmp(alone.y, shared.y, BATCH * 10 * sizeof(float)), 0);
        ck_assert_int_eq(memcmp(alone.dx, shared.dx, BATCH * 2048 * sizeof(float)), 0);
        ck_assert_int_eq(memcmp(alone.grads, shared.grads, (size_t)f.params.n_floats * sizeof(float)), 0);
        result_free(&shared);
        vaei_pool_destroy(pool);
    }
    result_free(&alone);
    destroy(&f);
}
END_TEST

/* In the memory of a larger batch, which ends at a page that nobody may touch */
START_TEST(test_examples_at_inference_give_the_same_bits_in_lanes) {
    static const int32_t threads[] = {1, 2, 3, 7};
    const vaei_kernels *const k = vaei_kernels_select(0, 0);
    fixture f;
    vaei_slot m = {0};
    build(&f, "encoder conv2d out=64 kernel=3 pad=1 | relu | conv2d out=96 kernel=4 stride=2 pad=1 | groupnorm groups=4 | silu | "
              "residual { conv2d out=96 kernel=3 pad=1 } | flatten | linear out=10");
    const vaei_bytes need = vaei_blocks_bytes(f.stack, k, BATCH, 0, &m);
    guarded x = guarded_floats(BATCH * 2048), scratch = guarded_floats((int64_t)(need.scratch / sizeof(float)));
    vaei_run r = {.k = k, .n = BATCH, .params = f.weights};
    m.pack = room(need.pack);
    m.scratch = scratch.at;
    vaei_stack_pack(f.stack, &r, m.pack);
    fill(x.at, x.count, 1);
    float *const want = floats(BATCH * 10);
    for (int i = 0; i < 4; i++) {
        vaei_pool *pool;
        ck_assert_int_eq(vaei_pool_create(&pool, &f.heap, threads[i], NULL, NULL), VAE_OK);
        r.pool = pool;
        for (r.n = i == 0 ? BATCH : 1; r.n <= BATCH; r.n += r.n < 6 ? 1 : 32) {
            guarded y = guarded_floats(r.n * 10);
            VAEI_ZONES_END(scratch.at, need.scratch);
            memset(scratch.at, 0xff, need.scratch);
            vaei_blocks_forward(f.stack, &r, &m, x.at, i == 0 ? want : y.at);
            ck_assert_msg(i == 0 || memcmp(want, y.at, (size_t)y.count * sizeof(float)) == 0, "%d examples, %d threads", (int)r.n,
                          (int)threads[i]);
            guarded_free(&y);
        }
        vaei_pool_destroy(pool);
    }
    guarded_free(&x);
    guarded_free(&scratch);
    free(m.pack);
    free(want);
    destroy(&f);
}
END_TEST

/* The memory of a batch serves every smaller one, however that is cut. */
START_TEST(test_examples_memory_grows_with_their_number) {
    const vaei_kernels *const k = vaei_kernels_select(0, 0);
    fixture f;
    build(&f, "encoder conv2d out=64 kernel=3 pad=1 | relu | conv2d out=64 kernel=3 pad=1 | relu | flatten | linear out=10");
    static const int32_t hows[] = {0, VAEI_BLOCKS_TRAIN, VAEI_BLOCKS_TRAIN | VAEI_BLOCKS_FUSED};
    for (size_t i = 0; i < VAEI_COUNT(hows); i++) {
        const int32_t how = hows[i];
        vaei_bytes before = {0};
        for (int64_t n = 1; n < 300; n++) {
            vaei_slot m = {0};
            const vaei_bytes need = vaei_blocks_bytes(f.stack, k, n, how, &m);
            ck_assert_msg(need.cache >= before.cache && need.scratch >= before.scratch, "%d: %d examples", (int)how, (int)n);
            before = need;
        }
    }
    destroy(&f);
}
END_TEST

START_TEST(test_examples_of_any_number_have_measurable_memory) {
    fixture f;
    vaei_bytes need;
    vaei_slot m = {0};
    build(&f, "encoder conv2d out=32 kernel=3 pad=1 | flatten | linear out=10");
    need = vaei_blocks_bytes(f.stack, vaei_kernels_select(0, 0), INT32_MAX, VAEI_BLOCKS_TRAIN, &m);
    ck_assert(need.cache > (size_t)INT32_MAX * 8192 * sizeof(float));
    need = vaei_blocks_bytes(f.stack, vaei_kernels_select(0, 0), INT64_MAX, VAEI_BLOCKS_TRAIN, &m);
    ck_assert(need.cache == SIZE_MAX);
    destroy(&f);
}
END_TEST

Suite *suite_batch_blocks(void) {
    Suite *const s = suite_create("batch blocks");
    TCase *const t = tcase_create("examples");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, test_examples_in_blocks_equal_those_at_once, 0, 2);
    tcase_add_loop_test(t, test_labels_move_with_the_examples_of_a_block, 0, 2);
    tcase_add_test(t, test_a_slice_of_a_slice_is_a_slice);
    tcase_add_test(t, test_fused_examples_have_the_memory_of_one_block_a_lane);
    tcase_add_test(t, test_examples_with_batch_statistics_stay_together);
    tcase_add_test(t, test_recomputed_examples_leave_the_same_gradients);
    tcase_add_loop_test(t, test_examples_in_lanes_give_the_same_bits_on_any_number_of_threads, 0, 2);
    tcase_add_test(t, test_examples_at_inference_give_the_same_bits_in_lanes);
    tcase_add_test(t, test_examples_memory_grows_with_their_number);
    tcase_add_test(t, test_examples_of_any_number_have_measurable_memory);
    suite_add_tcase(s, t);
    return s;
}
