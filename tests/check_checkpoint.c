/* SPDX-License-Identifier: MIT
 * check_checkpoint.c - tests training that recomputes activations: it needs less memory, and no bit changes. */
#include "layer_rig.h"

#include "support.h"

#include <unistd.h>

#define KEEP  TRAINING "memory keep\n"
#define AGAIN TRAINING "memory checkpoint\n"

/* ---- stacks ---------------------------------------------------------------------------------------------------------- */

/* Every kind of layer: those that remember something, that draw, that work in each other's output, that look at the batch. */
static const struct {
    const char *text;
    vaei_shape in;
} deep[] = {
    {"conv2d out=6 kernel=3 pad=1 | batchnorm | relu | conv2d out=6 kernel=3 pad=1 | silu | groupnorm groups=2 | "
     "maxpool kernel=2 | "
     "residual { batchnorm | gelu | conv2d out=6 kernel=3 pad=1 | dropout p=0.3 } | upsample | conv2d out=4 kernel=1 | "
     "layernorm | "
     "dropout p=0.2 | deconv2d out=3 kernel=4 stride=2 pad=1 | batchnorm | tanh | flatten | linear out=9 | elu | "
     "linear out=3",
     {3, {8, 6, 2, 0}}},
    {"flatten | linear out=7 | sigmoid | linear out=30 | softplus | linear out=3 | dropout p=0.5 | linear out=40 | "
     "relu | reshape 5x4x2 "
     "| attention | avgpool kernel=2 | pixel_shuffle factor=1 | leaky_relu | residual { tanh } { conv2d out=2 kernel=1 "
     "| batchnorm }",
     {3, {4, 3, 2, 0}}},
    {"relu | tanh | conv2d out=3 kernel=3 pad=1 | relu | relu | batchnorm | batchnorm | silu", {3, {4, 3, 2, 0}}},
    {"linear out=5", {1, {3, 0, 0, 0}}},
    {"", {1, {3, 0, 0, 0}}},
};

typedef struct results {
    float *y, *dx, *grads, *values; /* values: the parameters after commit */
    vaei_bytes need;
} results;

enum { ROOM = 5 }; /* the memory is for so many examples, of which a batch may hold fewer */

static results run_pass(const rig *g, int64_t n, const float *x, const float *dy, int32_t again, const vaei_pool *pool) {
    const int64_t in = n * in_size(g), out = n * out_size(g), count = g->params.n_floats;
    results r = {block_make(floats(out)), block_make(floats(in)), block_make(floats(count)), block_make(floats(count)), {0}};
    float *spent = block_make(floats(out));
    pass p;
    pass_open(&p, g, n, 1, pool);
    if (again) {
        block_free(p.slot.cache, p.need.cache);
        block_free(p.slot.scratch, p.need.scratch);
        p.slot.segment = vaei_stack_segment(g->stack, kernels(), ROOM);
        p.need = vaei_stack_bytes_recomputing(g->stack, kernels(), ROOM, p.slot.segment);
        p.slot.cache = block_make(p.need.cache);
        p.slot.scratch = block_make(p.need.scratch);
    }
    memcpy(spent, dy, floats(out));
    vaei_stack_forward(g->stack, &p.run, &p.slot, x, r.y);
    VAEI_ZONES_END(p.slot.scratch, p.need.scratch);
    memset(p.slot.scratch, 0xFF, p.need.scratch); /* others have used it since */
    vaei_stack_backward(g->stack, &p.run, &p.slot, x, r.y, spent, r.dx);
    VAEI_ZONES_END(p.slot.scratch, p.need.scratch);
    VAEI_ZONES_END(p.slot.cache, p.need.cache);
    memset(p.slot.scratch, 0xFF, p.need.scratch);
    memset(p.slot.cache, 0xFF, p.need.cache);
    memcpy(r.values, g->values, floats(count));
    vaei_stack_commit(g->stack, &p.run, &p.slot, r.values);
    memcpy(r.grads, p.grads, floats(count));
    r.need = p.need;
    block_free(spent, floats(out));
    pass_close(&p, g);
    return r;
}

static void drop(const rig *g, int64_t n, results *r) {
    block_free(r->y, floats(n * out_size(g)));
    block_free(r->dx, floats(n * in_size(g)));
    block_free(r->grads, floats(g->params.n_floats));
    block_free(r->values, floats(g->params.n_floats));
}

START_TEST(test_activations_made_again_change_no_bit) {
    rig g;
    vaei_pool *pool;
    ck_assert_msg(rig_open(&g, deep[_i].text, &deep[_i].in) == VAE_OK, "%s", vaei_fail_text());
    ck_assert_int_eq(vaei_pool_create(&pool, &g.heap, 3, NULL, NULL), VAE_OK);
    float *x = make_input(ROOM * in_size(&g)), *dy = make_gradient(ROOM * out_size(&g));
    for (int32_t i = 0; i < (ISA_END - ISA_FIRST) * ROOM; i++) {
        const int64_t n = 1 + i % ROOM;
        if (!(rig_table = vaei_kernels_select(ISA_FIRST + i / ROOM, 0))) continue;
        results keep = run_pass(&g, n, x, dy, 0, NULL), again = run_pass(&g, n, x, dy, 1, pool);
        assert_same(again.y, keep.y, n * out_size(&g), "y");
        assert_same(again.dx, keep.dx, n * in_size(&g), "dx");
        assert_same(again.grads, keep.grads, g.params.n_floats, "gradients");
        assert_same(again.values, keep.values, g.params.n_floats, "running statistics");
        if (g.stack->n > 5 && n == ROOM) ck_assert_uint_lt(again.need.cache, keep.need.cache);
        drop(&g, n, &keep), drop(&g, n, &again);
    }
    rig_table = NULL;
    block_free(x, floats(ROOM * in_size(&g))), block_free(dy, floats(ROOM * out_size(&g)));
    vaei_pool_destroy(pool);
    rig_close(&g);
}
END_TEST

/* A row of n equal layers: the memory of about 2 sqrt(n) of them. */
START_TEST(test_memory_grows_with_the_root_of_the_depth) {
    char text[64 * 32] = "linear out=256";
    const vaei_shape in = {1, {256, 0, 0, 0}};
    for (int i = 1; i < 64; i++) strcat(text, " | linear out=256");
    vaei_heap heap;
    vaei_arena arena;
    vaei_document document;
    vaei_build build;
    vaei_stack *stack;
    vaei_bytes keep = {0}, again = {0};
    char section[sizeof(text) + 8];
    vaei_heap_init_default(&heap);
    vaei_arena_init(&arena, &heap);
    const int length = snprintf(section, sizeof(section), "encoder %s\n", text);
    ck_assert_int_eq(vaei_document_parse(&document, &arena, section, (size_t)length), VAE_OK);
    vaei_build_init(&build, &arena);
    ck_assert_int_eq(vaei_stack_build(&stack, &build, &document.first->pipeline, "encoder", &in), VAE_OK);
    ck_assert_int_eq(vaei_stacks_link(build.stacks, &arena), VAE_OK);
    keep = vaei_stack_bytes(stack, kernels(), 100, 1);
    again = vaei_stack_bytes_recomputing(stack, kernels(), 100, vaei_stack_segment(stack, kernels(), 100));
    ck_assert_uint_gt(keep.cache, 63 * floats(100 * 256));
    ck_assert_uint_lt(again.cache, 16 * floats(100 * 256));
    keep = vaei_stack_bytes(stack, kernels(), INT64_MAX / 2, 1);
    again = vaei_stack_bytes_recomputing(stack, kernels(), INT64_MAX / 2, vaei_stack_segment(stack, kernels(), INT64_MAX / 2));
    ck_assert_uint_eq(keep.cache, SIZE_MAX);
    ck_assert_uint_eq(again.cache, SIZE_MAX);
    vaei_arena_free(&arena);
}
END_TEST

/* ---- trainings ------------------------------------------------------------------------------------------------------- */

#define SPEC_DEEP                                                                                                      \
    "input 16x16x2\n"                                                                                                  \
    "encoder conv2d out=8 kernel=3 pad=1 | repeat n=14 { residual { batchnorm | silu | conv2d out=8 kernel=3 pad=1 | " \
    "dropout p=0.1 } } | conv2d out=8 kernel=4 stride=4 | flatten\n"                                                   \
    "latent gaussian dim=6\n"                                                                                          \
    "decoder linear out=128 | reshape 4x4x8 | upsample factor=4 | repeat n=14 { conv2d out=8 kernel=3 pad=1 | "        \
    "batchnorm | relu } | conv2d out=2 kernel=3 pad=1\n"                                                               \
    "likelihood gaussian sigma=learned\n"

static const char *const specs[] = {SPEC_DENSE, SPEC_CONV, SPEC_VQ, SPEC_DEEP};

enum { BATCH = 6, STEPS = 8 };

/* Parameters after STEPS steps, a file written and read in between by the other of two kinds of memory. */
static float *train_model(const char *spec, const char *first, const char *second, int64_t *count) {
    vae_model_t *model;
    vae_trainer_t *t;
    char path[64];
    snprintf(path, sizeof(path), "/tmp/vae-checkpoint-%ld.safetensors", (long)getpid());
    ck_assert_ok(vae_model_create(&model, NULL, spec, 7));
    float *x = filled(BATCH * vae_model_input_size(model), 5);
    for (int part = 0; part < 2; part++) {
        ck_assert_ok(vae_trainer_create(&t, model, part == 0 ? first : second, BATCH));
        if (part == 1) ck_assert_ok(vae_trainer_load(t, path));
        for (int i = 0; i < STEPS / 2; i++) ck_assert_ok(vae_trainer_step(t, BATCH - i % 3, x, NULL));
        ck_assert_ok(vae_trainer_backward(t, 2, x, NULL, NULL)); /* gradients of two parts added up */
        ck_assert_ok(vae_trainer_backward(t, BATCH, x, NULL, NULL));
        ck_assert_ok(vae_trainer_apply(t, NULL));
        ck_assert_ok(vae_trainer_save(t, path));
        vae_trainer_destroy(t);
    }
    float *out = all_params(model, count);
    vae_model_destroy(model);
    free(x);
    unlink(path);
    return out;
}

START_TEST(test_training_and_its_files_are_the_same_with_either_memory) {
    static const char *const recipes[] = {KEEP, AGAIN};
    int64_t n, m;
    float *want = train_model(specs[_i], KEEP, KEEP, &n);
    for (int i = 1; i < 4; i++) {
        float *got = train_model(specs[_i], recipes[i & 1], recipes[i >> 1], &m);
        ck_assert_int_eq(n, m);
        ck_assert_mem_eq(got, want, (size_t)n * sizeof(float));
        free(got);
    }
    free(want);
}
END_TEST

START_TEST(test_a_deep_model_trains_in_less_memory) {
    vae_model_t *model;
    uint64_t keep, again;
    ck_assert_ok(vae_model_create(&model, NULL, SPEC_DEEP, 7));
    ck_assert_ok(vae_trainer_bytes(model, KEEP, 64, &keep));
    ck_assert_ok(vae_trainer_bytes(model, AGAIN, 64, &again));
    ck_assert_uint_lt(again, keep / 2); /* what is left is mostly scratch */
    vae_model_destroy(model);
}
END_TEST

START_TEST(test_memory_is_told_and_its_mistakes_too) {
    vae_model_t *model;
    vae_trainer_t *t;
    char text[512];
    ck_assert_ok(vae_model_create(&model, NULL, SPEC_DENSE, 7));
    ck_assert_ok(vae_trainer_create(&t, model, "memory checkpoint", 4));
    ck_assert_ok(vae_trainer_options(t, text, sizeof(text), NULL));
    ck_assert_ptr_nonnull(strstr(text, "\nmemory     checkpoint\n"));
    vae_trainer_destroy(t);
    ck_assert_fails(vae_trainer_create(&t, model, "memory checkpiont", 4), VAE_E_SPEC);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "did you mean 'checkpoint'?"));
    ck_assert_ok(vae_spec_set(KEEP, "memory", "checkpoint", text, sizeof(text), NULL));
    ck_assert_ptr_nonnull(strstr(text, "memory     checkpoint"));
    vae_model_destroy(model);
}
END_TEST

Suite *suite_checkpoint(void);
Suite *suite_checkpoint(void) {
    Suite *s = suite_create("checkpoint");
    TCase *t = tcase_create("checkpoint");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, test_activations_made_again_change_no_bit, 0, (int)VAEI_COUNT(deep));
    tcase_add_test(t, test_memory_grows_with_the_root_of_the_depth);
    tcase_add_loop_test(t, test_training_and_its_files_are_the_same_with_either_memory, 0, (int)VAEI_COUNT(specs));
    tcase_add_test(t, test_a_deep_model_trains_in_less_memory);
    tcase_add_test(t, test_memory_is_told_and_its_mistakes_too);
    suite_add_tcase(s, t);
    return s;
}
