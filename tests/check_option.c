/* SPDX-License-Identifier: MIT
 * check_option.c - tests option.c and shape.c: attributes to structs, canonical text, wrong values, the columns of the manual. */
#include "base/option.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

typedef struct conf {
    vaei_shape shape;
    int64_t out, kernel[2], pad[4];
    float slope, rate;
    int32_t bias, mode;
} conf;

static const vaei_option table[] = {
    VAEI_OPTION(conf, shape, SHAPE, VAEI_OPT_BARE, 0, 0, 0, "sizes"),
    VAEI_OPTION(conf, out, INT, VAEI_OPT_REQUIRED, 0, 1, 65536, "channels made"),
    VAEI_OPTION_EXTENT(conf, kernel, 3, 1, 255, "window"),
    VAEI_OPTION_PAD(conf, pad, 0, 0, 64, "border"),
    VAEI_OPTION_FLOAT(conf, slope, 0.01, 0, 1, "slope below zero"),
    VAEI_OPTION(conf, rate, FLOAT, VAEI_OPT_OPEN_LO | VAEI_OPT_OPEN_HI, 0.1, 0, 1, "rate"),
    VAEI_OPTION_BOOL(conf, bias, 1, "add a bias"),
    VAEI_OPTION_CHOICE(conf, mode, 1, "constant|cosine|step", "shape of the curve"),
    {0},
};

static vaei_heap heap;
static vaei_arena arena;
static char printed[1024];

static void setup(void) {
    vaei_heap_init_default(&heap);
    vaei_arena_init(&arena, &heap);
}

static void teardown(void) {
    vaei_arena_free(&arena);
    ck_assert_uint_eq(heap.in_use, 0);
}

static vaei_node *module_of(const char *options) {
    vaei_document d;
    const char *text = vaei_arena_format(&arena, "encoder conv %s", options);
    const vae_status_t status = vaei_document_parse(&d, &arena, text, strlen(text));
    ck_assert_msg(status == VAE_OK, "%s", vaei_fail_text());
    return d.first->pipeline.first;
}

static vae_status_t bind(const char *options, conf *c) {
    vaei_node *node = module_of(options);
    const vaei_pipeline p = {node, NULL};
    vaei_writer w = {printed, sizeof printed, 0};
    memset(c, 0, sizeof *c);
    const vae_status_t status = vaei_options_bind(table, node, c, &arena, "encoder.0 conv");
    vaei_pipeline_print(&p, &w);
    return status;
}

/* ---- right values ----------------------------------------------------------------------------------------------- */

START_TEST(test_options_take_their_defaults) {
    conf c;
    ck_assert_int_eq(bind("out=8", &c), VAE_OK);
    ck_assert_int_eq(c.out, 8);
    ck_assert_int_eq(c.kernel[0], 3);
    ck_assert_int_eq(c.kernel[1], 3);
    for (int i = 0; i < 4; i++) ck_assert_int_eq(c.pad[i], 0);
    ck_assert_float_eq(c.slope, 0.01f);
    ck_assert_float_eq(c.rate, 0.1f);
    ck_assert_int_eq(c.bias, 1);
    ck_assert_int_eq(c.mode, 1);
    ck_assert_int_eq(c.shape.n, 0);
    ck_assert_str_eq(printed, "conv out=8 kernel=3 pad=0 slope=0.01 rate=0.1 bias=true mode=cosine");
}
END_TEST

START_TEST(test_options_take_what_is_given) {
    conf c;
    ck_assert_int_eq(bind("mode=step bias=false rate=5e-1 slope=1 pad=1x2x3x4 kernel=5x7 7x7x64 out=65536", &c), VAE_OK);
    ck_assert_int_eq(c.out, 65536);
    ck_assert_int_eq(c.kernel[0], 5);
    ck_assert_int_eq(c.kernel[1], 7);
    for (int i = 0; i < 4; i++) ck_assert_int_eq(c.pad[i], i + 1);
    ck_assert_float_eq(c.slope, 1);
    ck_assert_float_eq(c.rate, 0.5f);
    ck_assert_int_eq(c.bias, 0);
    ck_assert_int_eq(c.mode, 2);
    ck_assert_int_eq(c.shape.n, 3);
    ck_assert_int_eq(c.shape.d[2], 64);
    ck_assert_str_eq(printed, "conv 7x7x64 out=65536 kernel=5x7 pad=1x2x3x4 slope=1 rate=0.5 bias=false mode=step");
}
END_TEST

/* Ways to write one value, and the canonical one. */
static const struct {
    const char *given, *canonical;
} spelling[] = {
    {"kernel=4x4", "kernel=4 "},     {"kernel=4x5", "kernel=4x5 "},    {"pad=2x2x2x2", "pad=2 "},
    {"pad=2x2", "pad=2 "},           {"pad=1x1x2x2", "pad=1x2 "},      {"pad=1x2", "pad=1x2 "},
    {"pad=0x1x0x1", "pad=0x1x0x1 "}, {"pad=same", "pad=same "},        {"slope=0.10000", "slope=0.1 "},
    {"slope=1e-3", "slope=0.001 "},  {"slope=-0", "slope=0 "},         {"slope=0.100000001490116", "slope=0.1 "},
    {"slope=.5", "slope=0.5 "},      {"shape=4x4", "conv 4x4 out"},    {"4x4", "conv 4x4 out"},
    {"rate=1e-40", "rate=1e-40 "},   {"slope=1.00000001", "slope=1 "},
};

START_TEST(test_options_print_the_shortest_spelling_and_read_it_again) {
    char options[64], once[sizeof printed];
    conf c, again;
    vaei_writer w = {options, sizeof options, 0};
    vaei_write(&w, "%s out=1", spelling[_i].given);
    ck_assert_int_eq(bind(options, &c), VAE_OK);
    ck_assert_msg(strstr(printed, spelling[_i].canonical) != NULL, "'%s' is not in '%s'", spelling[_i].canonical, printed);
    strcpy(once, printed);
    ck_assert_int_eq(bind(once + strlen("conv "), &again), VAE_OK);
    ck_assert_str_eq(printed, once);
    ck_assert(vaei_shape_equal(&again.shape, &c.shape));
    ck_assert_mem_eq(again.kernel, c.kernel, sizeof c.kernel);
    ck_assert_mem_eq(again.pad, c.pad, sizeof c.pad);
    ck_assert_mem_eq(&again.slope, &c.slope, sizeof c.slope);
    ck_assert_mem_eq(&again.rate, &c.rate, sizeof c.rate);
}
END_TEST

START_TEST(test_options_pad_orders_its_sides) {
    conf c;
    ck_assert_int_eq(bind("out=1 pad=1x2", &c), VAE_OK);
    ck_assert_int_eq(c.pad[0], 1);
    ck_assert_int_eq(c.pad[1], 1);
    ck_assert_int_eq(c.pad[2], 2);
    ck_assert_int_eq(c.pad[3], 2);
    ck_assert_int_eq(bind("out=1 pad=same", &c), VAE_OK);
    for (int i = 0; i < 4; i++) ck_assert_int_eq(c.pad[i], -1);
}
END_TEST

START_TEST(test_options_an_empty_table_takes_nothing) {
    static const vaei_option none[] = {{0}};
    ck_assert_int_eq(vaei_options_bind(none, module_of(""), NULL, &arena, "encoder.0 relu"), VAE_OK);
    ck_assert_int_eq(vaei_options_bind(none, module_of("slope=1"), NULL, &arena, "encoder.0 relu"), VAE_E_SPEC);
    ck_assert_str_eq(vaei_fail_text(), "encoder.0 relu: no option 'slope'");
}
END_TEST

/* ---- wrong values ----------------------------------------------------------------------------------------------- */

static const struct {
    const char *given;
    vae_status_t status;
    const char *sentence;
} wrong[] = {
    {"", VAE_E_SPEC, "out is missing"},
    {"kernal=3 out=1", VAE_E_SPEC, "no option 'kernal' (did you mean 'kernel'?)"},
    {"xyzzy=3 out=1", VAE_E_SPEC, "no option 'xyzzy'"},
    {"out=1 out=2", VAE_E_SPEC, "out is given twice"},
    {"out=1 4x4 shape=4", VAE_E_SPEC, "shape is given twice"},
    {"out=1 4x4 4x4", VAE_E_SPEC, "'4x4', wanted an option as key=value, as in shape=4x4"},
    {"out=0", VAE_E_SPEC, "out=0, wanted 1..65536"},
    {"out=65537", VAE_E_SPEC, "out=65537, wanted 1..65536"},
    {"out=-1", VAE_E_SPEC, "out=-1, wanted 1..65536"},
    {"out=99999999999999999999", VAE_E_SPEC, "out=99999999999999999999, wanted 1..65536"},
    {"out=1.5", VAE_E_SPEC, "out=1.5, wanted a whole number 1..65536"},
    {"out=true", VAE_E_SPEC, "out=true, wanted a whole number 1..65536"},
    {"out=1 kernel=0", VAE_E_SPEC, "kernel=0, wanted 1..255"},
    {"out=1 kernel=3x0", VAE_E_SPEC, "kernel=3x0, wanted one or two sizes such as 3 or 3x5, each 1..255"},
    {"out=1 kernel=3x3x3", VAE_E_SPEC, "kernel=3x3x3, wanted one or two sizes such as 3 or 3x5, each 1..255"},
    {"out=1 kernel=x", VAE_E_SPEC, "kernel=x, wanted one or two sizes such as 3 or 3x5, each 1..255"},
    {"out=1 pad=65", VAE_E_SPEC, "pad=65, wanted 0..64"},
    {"out=1 pad=-1", VAE_E_SPEC, "pad=-1, wanted 0..64"},
    {"out=1 pad=1x2x3", VAE_E_SPEC, "pad=1x2x3, wanted 1, 1x2, 0x1x0x1 or same, each 0..64"},
    {"out=1 slope=1.1", VAE_E_SPEC, "slope=1.1, wanted 0..1"},
    {"out=1 slope=-0.1", VAE_E_SPEC, "slope=-0.1, wanted 0..1"},
    {"out=1 slope=nan", VAE_E_SPEC, "slope=nan, wanted a number 0..1"},
    {"out=1 slope=1e999", VAE_E_SPEC, "slope=1e999, wanted a number 0..1"},
    {"out=1 rate=0", VAE_E_SPEC, "rate=0, wanted (0..1)"},
    {"out=1 rate=1", VAE_E_SPEC, "rate=1, wanted (0..1)"},
    {"out=1 rate=1e-60", VAE_E_SPEC, "rate=1e-60, wanted (0..1)"},
    {"out=1 rate=0.99999999999", VAE_E_SPEC, "rate=0.99999999999, wanted (0..1)"},
    {"out=1 bias=1", VAE_E_SPEC, "bias=1, wanted true|false"},
    {"out=1 mode=cosin", VAE_E_SPEC, "mode=cosin, wanted constant|cosine|step (did you mean 'cosine'?)"},
    {"out=1 mode=1", VAE_E_SPEC, "mode=1, wanted constant|cosine|step"},
    {"out=1 mode=constant,step", VAE_E_SPEC, "mode=constant,step, wanted constant|cosine|step"},
    {"out=1 abc", VAE_E_SPEC, "'abc' is not a shape, wanted one to four sizes such as 28x28x1"},
    {"out=1 4x0", VAE_E_SPEC, "shape 4x0, wanted sizes of at least 1"},
    {"out=1 1099511627777", VAE_E_LIMIT, "shape 1099511627777, wanted at most 1099511627776 values"},
};

START_TEST(test_options_wrong_values_are_told_what_was_wanted) {
    conf c;
    vaei_node *node = module_of(wrong[_i].given);
    const vaei_attr *const attrs = node->attrs;
    memset(&c, 0, sizeof c);
    ck_assert_int_eq(vaei_options_bind(table, node, &c, &arena, "encoder.0 conv"), wrong[_i].status);
    ck_assert_int_eq(strncmp(vaei_fail_text(), "encoder.0 conv: ", 16), 0);
    ck_assert_str_eq(vaei_fail_text() + 16, wrong[_i].sentence);
    ck_assert_ptr_eq(node->attrs, attrs); /* untouched */
}
END_TEST

START_TEST(test_options_unbounded_floats_still_must_be_finite) {
    typedef struct wide {
        float x;
    } wide;
    const vaei_option any[] = {VAEI_OPTION_FLOAT(wide, x, 0, -INFINITY, INFINITY, "any"), {0}};
    wide c = {0};
    ck_assert_int_eq(vaei_options_bind(any, module_of("x=-3e38"), &c, &arena, "m"), VAE_OK);
    ck_assert_float_eq(c.x, -3e38f);
    ck_assert_int_eq(vaei_options_bind(any, module_of("x=4e38"), &c, &arena, "m"), VAE_E_SPEC);
    ck_assert_str_eq(vaei_fail_text(), "m: x=4e38, wanted a number");
}
END_TEST

static void *refuse(void *user, size_t size, size_t align) {
    int *left = user;
    return (*left)-- > 0 ? aligned_alloc(align, (size + align - 1) / align * align) : NULL;
}

START_TEST(test_options_out_of_memory_changes_nothing) {
    vaei_node *node = module_of("out=1");
    const vaei_attr *const attrs = node->attrs;
    int left = 0;
    conf c;
    vaei_heap small;
    vaei_arena mine;
    vaei_heap_init_default(&small);
    small.user = &left;
    small.alloc = refuse;
    vaei_arena_init(&mine, &small);
    memset(&c, 0, sizeof c);
    ck_assert_int_eq(vaei_options_bind(table, node, &c, &mine, "m"), VAE_E_NOMEM);
    ck_assert_ptr_eq(node->attrs, attrs);
    vaei_arena_free(&mine);
}
END_TEST

/* ---- the manual ------------------------------------------------------------------------------------------------- */

START_TEST(test_options_describe_themselves) {
    static const struct {
        const char *type, *preset, *range;
    } want[] = {{"shape", "", ""},
                {"int", "", "1..65536"},
                {"extent", "3", "1..255"},
                {"pad", "0", "0..64"},
                {"float", "0.01", "0..1"},
                {"float", "0.1", "(0..1)"},
                {"bool", "true", "true|false"},
                {"choice", "cosine", "constant|cosine|step"}};
    char preset[64], range[64];
    vaei_writer p = {preset, sizeof preset, 0}, r = {range, sizeof range, 0};
    vaei_option_default(&table[_i], &p);
    vaei_option_range(&table[_i], &r);
    ck_assert_str_eq(vaei_option_type_name(table[_i].type), want[_i].type);
    ck_assert_str_eq(preset, want[_i].preset);
    ck_assert_str_eq(range, want[_i].range);
}
END_TEST

START_TEST(test_options_ranges_show_open_ends) {
    static const struct {
        int32_t type, flags;
        double lo, hi;
        const char *want;
    } is[] = {{VAEI_OPT_FLOAT, VAEI_OPT_OPEN_LO, 0, 1, "(0..1]"},
              {VAEI_OPT_FLOAT, VAEI_OPT_OPEN_HI, 0, 1, "[0..1)"},
              {VAEI_OPT_FLOAT, VAEI_OPT_OPEN_LO, 0, (double)INFINITY, "(0..)"},
              {VAEI_OPT_FLOAT, 0, 0, (double)INFINITY, "0.."},
              {VAEI_OPT_FLOAT, 0, -(double)INFINITY, (double)INFINITY, ""},
              {VAEI_OPT_INT, 0, 1, (double)INFINITY, "1.."},
              {VAEI_OPT_INT, 0, -(double)INFINITY, (double)INFINITY, ""},
              {VAEI_OPT_PAD, 0, 0, 65535, "0..65535"}};
    for (size_t i = 0; i < VAEI_COUNT(is); i++) {
        const vaei_option o = {"x", is[i].type, is[i].flags, 0, 0, is[i].lo, is[i].hi, NULL, ""};
        char range[64];
        vaei_writer w = {range, sizeof range, 0};
        vaei_option_range(&o, &w);
        ck_assert_str_eq(range, is[i].want);
    }
    const vaei_option same = VAEI_OPTION_PAD(conf, pad, -1, 0, 64, "border");
    char preset[64];
    vaei_writer w = {preset, sizeof preset, 0};
    vaei_option_default(&same, &w);
    ck_assert_str_eq(preset, "same");
    ck_assert_str_eq(vaei_option_type_name(0), "");
    ck_assert_str_eq(vaei_option_type_name(VAEI_OPT_SIZES), "sizes");
    ck_assert_str_eq(vaei_option_type_name(VAEI_OPT_NAME), "name");
    ck_assert_str_eq(vaei_option_type_name(VAEI_OPT_NAME + 1), "");
}
END_TEST

/* ---- sizes ------------------------------------------------------------------------------------------------------ */

static const vaei_option of_sizes[] = {
    {"levels", VAEI_OPT_SIZES, VAEI_OPT_REQUIRED, 0, 0, 2, 16777216, NULL, "numbers in a row"},
    {0},
};

START_TEST(test_sizes_are_one_to_eight_numbers) {
    static const struct {
        const char *text;
        int32_t n;
        int64_t last;
    } good[] = {{"8", 1, 8},
                {"8x5x5x5x5", 5, 5},
                {"2x3x4x5x6x7x8x9", 8, 9},
                {"16777216x16777216x16777216x16777216x16777216x16777216x16777216x16777216", 8, 16777216}};
    static const char *const bad[] = {"x",        "1",
                                      "8x1",      "8x",
                                      "8x5x",     "-3",
                                      "8x-5",     "3.5",
                                      "8x5y",     "1e3",
                                      "same",     "2x3x4x5x6x7x8x9x2",
                                      "16777217", "99999999999999999999999"};
    for (size_t i = 0; i < VAEI_COUNT(good); i++) {
        vaei_sizes s = {0, {0}};
        char line[200];
        vaei_writer w = {line, sizeof line, 0};
        vaei_node *node = module_of(vaei_arena_format(&arena, "levels=%s", good[i].text));
        const vaei_pipeline p = {node, NULL};
        ck_assert_int_eq(vaei_options_bind(of_sizes, node, &s, &arena, "latent fsq"), VAE_OK);
        ck_assert_int_eq(s.n, good[i].n);
        ck_assert_int_eq(s.d[s.n - 1], good[i].last);
        vaei_pipeline_print(&p, &w);
        ck_assert_str_eq(line, vaei_arena_format(&arena, "conv levels=%s", good[i].text));
    }
    for (size_t i = 0; i < VAEI_COUNT(bad); i++) {
        vaei_sizes s = {0, {0}};
        vaei_node *node = module_of(vaei_arena_format(&arena, "levels=%s", bad[i]));
        ck_assert_msg(vaei_options_bind(of_sizes, node, &s, &arena, "latent fsq") == VAE_E_SPEC, "%s", bad[i]);
        ck_assert_ptr_nonnull(strstr(vaei_fail_text(), "wanted one to eight whole numbers such as 8x5x5, each 2..16777216"));
        ck_assert_int_eq(s.n, 0);
    }
    vaei_sizes s = {0, {0}};
    ck_assert_int_eq(vaei_options_bind(of_sizes, module_of(""), &s, &arena, "latent fsq"), VAE_E_SPEC);
    ck_assert_ptr_nonnull(strstr(vaei_fail_text(), "levels is missing"));
}
END_TEST

/* ---- shapes ----------------------------------------------------------------------------------------------------- */

START_TEST(test_shape_reads_prints_and_compares) {
    static const char *const good[] = {"1", "28x28x1", "7x7x64", "2x3x4x5", "1048576x1048576"};
    char buf[96];
    vaei_shape last = {0, {0, 0, 0, 0}};
    for (size_t i = 0; i < VAEI_COUNT(good); i++) {
        vaei_shape s;
        ck_assert_int_eq(vaei_shape_parse(&s, good[i], "input"), VAE_OK);
        ck_assert_str_eq(vaei_shape_text(&s, buf), good[i]);
        ck_assert(vaei_shape_equal(&s, &s));
        ck_assert(!vaei_shape_equal(&s, &last));
        last = s;
    }
    ck_assert_int_eq(vaei_shape_size(&last), (int64_t)1 << 40);
    const vaei_shape huge = {4, {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX}};
    ck_assert_uint_le(strlen(vaei_shape_text(&huge, buf)), 95);
    ck_assert_int_eq(vaei_shape_size(&huge), INT64_MAX);
}
END_TEST

START_TEST(test_shape_refuses_all_else) {
    static const char *const bad[] = {"", "x", "3x", "x3", "3xx3", "1x2x3x4x5", "-1", "3x-3", "3X3", "3.0", "03", "0", "1x0", " 3", "3 "};
    static const char *const large[] = {"1099511627777", "1048577x1048576", "99999999999999999999999", "999999x999999x999999x999999"};
    vaei_shape s = {2, {5, 6, 0, 0}};
    for (size_t i = 0; i < VAEI_COUNT(bad); i++) ck_assert_int_eq(vaei_shape_parse(&s, bad[i], "input"), VAE_E_SPEC);
    for (size_t i = 0; i < VAEI_COUNT(large); i++) ck_assert_int_eq(vaei_shape_parse(&s, large[i], "input"), VAE_E_LIMIT);
    ck_assert_int_eq(s.n, 2);
    ck_assert_int_eq(s.d[1], 6);
}
END_TEST

Suite *suite_option(void);

Suite *suite_option(void) {
    Suite *s = suite_create("option");
    TCase *bound = tcase_create("bind"), *manual = tcase_create("manual"), *shape = tcase_create("shape");
    tcase_add_checked_fixture(bound, setup, teardown);
    tcase_add_test(bound, test_options_take_their_defaults);
    tcase_add_test(bound, test_options_take_what_is_given);
    tcase_add_loop_test(bound, test_options_print_the_shortest_spelling_and_read_it_again, 0, (int)VAEI_COUNT(spelling));
    tcase_add_test(bound, test_options_pad_orders_its_sides);
    tcase_add_test(bound, test_options_an_empty_table_takes_nothing);
    tcase_add_loop_test(bound, test_options_wrong_values_are_told_what_was_wanted, 0, (int)VAEI_COUNT(wrong));
    tcase_add_test(bound, test_options_unbounded_floats_still_must_be_finite);
    tcase_add_test(bound, test_options_out_of_memory_changes_nothing);
    tcase_add_loop_test(manual, test_options_describe_themselves, 0, (int)VAEI_COUNT(table) - 1);
    tcase_add_test(manual, test_options_ranges_show_open_ends);
    tcase_add_test(bound, test_sizes_are_one_to_eight_numbers);
    tcase_add_test(shape, test_shape_reads_prints_and_compares);
    tcase_add_test(shape, test_shape_refuses_all_else);
    suite_add_tcase(s, bound);
    suite_add_tcase(s, manual);
    suite_add_tcase(s, shape);
    return s;
}
