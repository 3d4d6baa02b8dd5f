/* SPDX-License-Identifier: MIT
 * check_zones.c - tests that the red zones and assertions of a debug build (base/debug.h) stop code that uses more memory than it asked
 * for, at that instruction. Each fault is made in its own process. A release build has nothing to test.
 *
 * Every fault is one float long; because sizes are rounded to VAEI_ALIGN, no other test finds such faults. */
#include "layer_rig.h"

#include <stdio.h>
#include <sys/wait.h>

#if VAEI_DEBUG

/* ---- a layer whose layout cuts too little --------------------------------------------------------------------------- */

enum { VALUES = 15 }; /* of x, of y and of what the layer remembers; no multiple of VAEI_ALIGN */

static int64_t asked; /* what the layout cuts of each kind: VALUES, or one float less */

typedef struct parts {
    float *pack, *cache, *scratch, *stats;
} parts;

static void short_layout(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces) {
    parts *const p = pieces ? pieces : &(parts){0};
    (void)l, (void)k, (void)n, (void)training;
    p->pack = vaei_carve_floats(&m->pack, asked);
    p->cache = vaei_carve_floats(&m->cache, asked);
    p->scratch = vaei_carve_floats(&m->scratch, asked);
    p->stats = vaei_carve_floats(&m->stats, asked);
}

static void by_scratch(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    parts p;
    vaei_layer_pieces(l, r, m, &p);
    memcpy(p.scratch, x, floats(VALUES));
    memcpy(y, p.scratch, floats(VALUES));
}

static void by_cache(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    parts p;
    vaei_layer_pieces(l, r, m, &p);
    memcpy(p.cache, x, floats(VALUES));
    memcpy(y, x, floats(VALUES));
}

static void by_stats(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    parts p;
    vaei_layer_pieces(l, r, m, &p);
    memcpy(p.stats, x, floats(VALUES));
    memcpy(y, x, floats(VALUES));
}

static void by_pack(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    float sum = 0;
    parts p;
    vaei_layer_pieces(l, r, m, &p);
    for (int32_t i = 0; i < VALUES; i++) sum += p.pack[i];
    for (int32_t i = 0; i < VALUES; i++) y[i] = x[i] + sum;
}

static void run_layer(void (*forward)(const vaei_layer *, const vaei_run *, const vaei_slot *, const float *, float *)) {
    rig g;
    pass p;
    float x[VALUES], y[VALUES];
    ck_assert_int_eq(rig_open(&g, "flatten | tanh | flatten", &(vaei_shape){1, {VALUES}}), VAE_OK);
    vaei_layer *const l = g.stack->layer[1];
    vaei_layer_ops ops = *l->ops;
    ops.layout = short_layout;
    ops.pack = NULL;
    ops.forward = forward;
    l->ops = &ops;
    for (int32_t i = 0; i < VALUES; i++) x[i] = lattice(i);
    pass_open(&p, &g, 1, 1, NULL);
    vaei_stack_forward(g.stack, &p.run, &p.slot, x, y);
    pass_close(&p, &g);
    rig_close(&g);
}

static void scratch_fault(void) {
    run_layer(by_scratch);
}
static void cache_fault(void) {
    run_layer(by_cache);
}
static void stats_fault(void) {
    run_layer(by_stats);
}
static void pack_fault(void) {
    run_layer(by_pack);
}

/* ---- a kernel whose workspace was measured for another shape --------------------------------------------------------- */

/* 1x1 with a stride, by rows of zeros as wide as a pixel; `asked` is the width that the workspace is measured for. */
static vaei_conv one_by_one(int64_t channels) {
    return (vaei_conv){
        .h = 5, .w = 5, .c = channels, .oh = 3, .ow = 3, .oc = 40, .kh = 1, .kw = 1, .sy = 2, .sx = 2, .dy = 1, .dx = 1, .groups = 1};
}

static void kernel_fault(void) {
    const vaei_conv g = one_by_one(VALUES), other = one_by_one(asked);
    const int64_t packed = vaei_conv_forward_pack_floats(kernels(), &g);
    const size_t bytes = floats(25 * VALUES + 9 * 40 + VALUES * 40 + packed + VALUES) + 8 * (VAEI_ALIGN + VAEI_ZONE);
    vaei_carve c = {aligned_alloc(VAEI_ALIGN, (bytes + VAEI_ALIGN - 1) / VAEI_ALIGN * VAEI_ALIGN), 0};
    memset(c.base, 0, bytes);
    const float *const x = vaei_carve_floats(&c, 25 * VALUES), *const w = vaei_carve_floats(&c, VALUES * 40);
    float *const y = vaei_carve_floats(&c, 9 * 40), *const pack = vaei_carve_floats(&c, packed);
    float *const workspace = vaei_carve_floats(&c, vaei_conv_forward_scratch(kernels(), &other, 1));
    vaei_conv_forward_pack(kernels(), &g, w, NULL, pack);
    vaei_conv_forward(kernels(), NULL, &g, 1, x, pack, NULL, NULL, y, workspace);
    VAEI_ZONES_END(c.base, bytes);
    free(c.base);
}

/* ---- stopped, each --------------------------------------------------------------------------------------------------- */

static const struct {
    void (*run)(void);
    const char *name, *sentence; /* sentence: of the report */
} faults[] = {
    {scratch_fault, "scratch", "use-after-poison"},
    {cache_fault, "cache", "use-after-poison"},
    {stats_fault, "stats", "use-after-poison"},
    {pack_fault, "pack", "use-after-poison"},
    {kernel_fault, "the workspace of a kernel", "lib/kernel/conv.c"},
};

/* Whether the child ended well; what it said */
static int ends_well(void (*run)(void), char *said, size_t room) {
    int ends[2], status = 0;
    size_t length = 0;
    ck_assert_int_eq(pipe(ends), 0);
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        (void)close(ends[0]);
        run();
        _exit(0);
    }
    (void)close(ends[1]);
    char all[4096];
    for (ssize_t got; (got = read(ends[0], all, sizeof(all))) > 0;) {
        const size_t taken = (size_t)got < room - 1 - length ? (size_t)got : room - 1 - length;
        memcpy(said + length, all, taken);
        length += taken;
    }
    said[length] = '\0';
    (void)close(ends[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

START_TEST(test_one_float_too_few_is_stopped) {
    static char said[65536];
    asked = VALUES;
    ck_assert_msg(ends_well(faults[_i].run, said, sizeof(said)), "%s: stopped though it asks for enough: %s", faults[_i].name, said);
    asked = VALUES - 1;
    ck_assert_msg(!ends_well(faults[_i].run, said, sizeof(said)), "%s: nothing stops it", faults[_i].name);
    ck_assert_msg(strstr(said, faults[_i].sentence) != NULL, "%s: wanted '%s', got: %s", faults[_i].name, faults[_i].sentence, said);
}
END_TEST

static void add_tests(TCase *t) {
    tcase_add_loop_test(t, test_one_float_too_few_is_stopped, 0, (int)VAEI_COUNT(faults));
}

#else

START_TEST(test_a_release_build_has_no_zones) {
    vaei_carve c = {NULL, 0};
    (void)vaei_carve_floats(&c, VAEI_ALIGN / sizeof(float));
    ck_assert_uint_eq(c.used, VAEI_ALIGN);
}
END_TEST

static void add_tests(TCase *t) {
    tcase_add_test(t, test_a_release_build_has_no_zones);
}

#endif

Suite *suite_zones(void);
Suite *suite_zones(void) {
    Suite *s = suite_create("zones");
    TCase *t = tcase_create("zones");
    tcase_set_timeout(t, 60);
    add_tests(t);
    suite_add_tcase(s, t);
    return s;
}
