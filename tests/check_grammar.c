/* SPDX-License-Identifier: MIT
 * check_grammar.c - tests grammar.c: texts to trees and back, repeats, wrong texts with their positions, hostile bytes. */
#include "base/grammar.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static vaei_heap heap;
static vaei_arena arena;
static char printed[2 * VAEI_TEXT_MAX];

static void setup(void) {
    vaei_heap_init_default(&heap);
    vaei_arena_init(&arena, &heap);
}

static void teardown(void) {
    vaei_arena_free(&arena);
    ck_assert_uint_eq(heap.in_use, 0);
}

static vaei_document parse(const char *text) {
    vaei_document document = {NULL};
    const vae_status_t status = vaei_document_parse(&document, &arena, text, strlen(text));
    ck_assert_msg(status == VAE_OK, "%s", vaei_fail_text());
    return document;
}

static const char *print(const vaei_document *document) {
    vaei_writer w = {printed, sizeof printed, 0};
    vaei_document_print(document, &w);
    ck_assert_uint_lt(w.length, sizeof printed);
    return printed;
}

/* ---- trees ------------------------------------------------------------------------------------------------------ */

START_TEST(test_grammar_builds_the_tree_of_its_text) {
    const vaei_document d = parse("input 28x28x1\nencoder  conv2d out=32 | residual { relu } { a | b }\n");
    const vaei_section *input = d.first, *encoder = input->next;
    ck_assert_str_eq(input->name, "input");
    ck_assert_str_eq(input->pipeline.first->name, "28x28x1");
    ck_assert_ptr_null(encoder->next);
    ck_assert_ptr_eq(vaei_document_find(&d, "encoder"), encoder);
    ck_assert_ptr_null(vaei_document_find(&d, "decoder"));
    const vaei_node *conv = encoder->pipeline.first, *residual = conv->next;
    ck_assert_str_eq(conv->name, "conv2d");
    ck_assert_str_eq(conv->attrs->key, "out");
    ck_assert_str_eq(conv->attrs->value, "32");
    ck_assert_ptr_null(conv->attrs->next);
    ck_assert_ptr_null(conv->body);
    ck_assert_str_eq(residual->body->first->name, "relu");
    ck_assert_str_eq(residual->body->next->first->next->name, "b");
    ck_assert_ptr_null(residual->body->next->next);
    ck_assert_ptr_null(residual->next);
}
END_TEST

START_TEST(test_grammar_notes_lines_and_columns) {
    const vaei_document d = parse("# first\n\n  encoder conv2d out=32\n  | relu 7\n");
    const vaei_node *conv = d.first->pipeline.first;
    ck_assert_int_eq(d.first->line, 3);
    ck_assert_int_eq(d.first->column, 3);
    ck_assert_int_eq(conv->column, 11);
    ck_assert_int_eq(conv->attrs->line, 3);
    ck_assert_int_eq(conv->attrs->column, 18);
    ck_assert_int_eq(conv->next->line, 4);
    ck_assert_int_eq(conv->next->column, 5);
    ck_assert_int_eq(conv->next->attrs->column, 10);
}
END_TEST

/* Texts that mean the same, and how they are printed. */
static const struct {
    const char *text, *printed;
} same[] = {
    {"", ""},
    {"\n \t\n# only a comment", ""},
    {"encoder", "encoder\n"},
    {"\n\nencoder a", "encoder    a\n"},
    {"encoder a|b|c", "encoder    a | b | c\n"},
    {"encoder a |\n\n  b # note \xC3\xA9\n\n # note\n | c\n", "encoder    a | b | c\n"},
    {"encoder a b=1 c = x-2 7x7\r\ndecoder d\r\n# end\r\n", "encoder    a b=1 c=x-2 7x7\ndecoder    d\n"},
    {"encoder a{b|c}{}", "encoder    a { b | c } { }\n"},
    {"encoder a {\n  b\n  | c {\n}\n}\ndecoder d", "encoder    a { b | c { } }\ndecoder    d\n"},
    {"likelihood bernoulli", "likelihood bernoulli\n"},
    {"a_section_of_some_length x", "a_section_of_some_length x\n"},
    {"encoder repeat n=2 { a | repeat n=1 { b } }", "encoder    repeat n=2 { a | repeat n=1 { b } }\n"},
    {"e a b=_.+-:,/", "e          a b=_.+-:,/\n"},
    {"e on=z|a b|c", "e          on=z | a b | c\n"},
    {"e on = z  at=2x3\n  | a\n", "e          on=z at=2x3 | a\n"},
    {"e on=z # the rest is left out\nf", "e          on=z\nf\n"},
};

START_TEST(test_grammar_prints_the_canonical_text) {
    const vaei_document first = parse(same[_i].text);
    ck_assert_str_eq(print(&first), same[_i].printed);
    const vaei_document second = parse(same[_i].printed);
    ck_assert_str_eq(print(&second), same[_i].printed);
}
END_TEST

START_TEST(test_grammar_document_ends_where_its_length_ends) {
    vaei_document d;
    ck_assert_int_eq(vaei_document_parse(&d, &arena, "encoder a | b", 9), VAE_OK);
    ck_assert_str_eq(print(&d), "encoder    a\n");
    ck_assert_int_eq(vaei_document_parse(&d, &arena, NULL, 0), VAE_OK);
    ck_assert_ptr_null(d.first);
}
END_TEST

/* ---- repeats ---------------------------------------------------------------------------------------------------- */

static const char *unrolled(const char *text) {
    const vaei_document d = parse(text);
    const vaei_pipeline *p = &d.first->pipeline;
    const int64_t count = vaei_pipeline_count(p);
    vaei_writer w = {printed, sizeof printed, 0};
    vaei_write(&w, "%d:", (int)count);
    for (int64_t i = 0; i < count; i++) vaei_write(&w, " %s", vaei_pipeline_at(p, i)->name);
    ck_assert_ptr_null(vaei_pipeline_at(p, count));
    ck_assert_ptr_null(vaei_pipeline_at(p, -1));
    return printed;
}

START_TEST(test_repeat_is_unrolled) {
    ck_assert_str_eq(unrolled("e"), "0:");
    ck_assert_str_eq(unrolled("e a | b"), "2: a b");
    ck_assert_str_eq(unrolled("e repeat n=1 { a }"), "1: a");
    ck_assert_str_eq(unrolled("e a | repeat n=3 { b | c } | d"), "8: a b c b c b c d");
    ck_assert_str_eq(unrolled("e repeat n=2 { a | repeat n=2 { b } | repeat n=2 { c } | d } | repeat n=2 { x }"),
                     "14: a b b c c d a b b c c d x x");
}
END_TEST

START_TEST(test_repeat_inside_another_module_is_left_alone) {
    ck_assert_str_eq(unrolled("e residual { repeat n=3 { a } } | b"), "2: residual b");
    const vaei_document d = parse("e residual { repeat n=3 { a } }");
    ck_assert_int_eq(vaei_pipeline_count(d.first->pipeline.first->body), 3);
}
END_TEST

START_TEST(test_repeat_gives_the_same_module_each_time) {
    const vaei_document d = parse("e repeat n=2 { a | b }");
    ck_assert_ptr_eq(vaei_pipeline_at(&d.first->pipeline, 1), vaei_pipeline_at(&d.first->pipeline, 3));
}
END_TEST

START_TEST(test_repeat_count_saturates) {
    vaei_document d = parse("e repeat n=4096 { a }");
    ck_assert_int_eq(vaei_pipeline_count(&d.first->pipeline), VAEI_MODULES_MAX);
    d = parse("e repeat n=4096 { a } | b");
    ck_assert_int_eq(vaei_pipeline_count(&d.first->pipeline), VAEI_MODULES_MAX + 1);
    d = parse("e repeat n=4096 { repeat n=4096 { repeat n=4096 { repeat n=4096 { repeat n=4096 { repeat n=4096 { a } } } } } }");
    ck_assert_int_eq(vaei_pipeline_count(&d.first->pipeline), VAEI_MODULES_MAX + 1);
}
END_TEST

/* ---- wrong texts ------------------------------------------------------------------------------------------------ */

#define TEN(x) x x x x x x x x x x

#define LOOKS_LIKE(kind)                                                                                            \
    "line 1, column 1: this looks like " kind ": a text of libvae has a section a line, its name, a space and its " \
    "modules, as in 'latent gaussian dim=32'"

static const struct {
    const char *text;
    vae_status_t status;
    const char *sentence;
} wrong[] = {
    {"encoder |", VAE_E_SPEC, "line 1, column 9: '|', wanted a module"},
    {"| a", VAE_E_SPEC, "line 1, column 1: '|', wanted the name of a section"},
    {"encoder\n| a", VAE_E_SPEC, "line 2, column 1: '|', wanted a module"},
    {"encoder a |", VAE_E_SPEC, "line 1, column 12: the text ends here, wanted a module"},
    {"encoder a |\n\n", VAE_E_SPEC, "line 3, column 1: the text ends here, wanted a module"},
    {"encoder a | | b", VAE_E_SPEC, "line 1, column 13: '|', wanted a module"},
    {"encoder a { | b }", VAE_E_SPEC, "line 1, column 13: '|', wanted a module"},
    {"encoder a { b | }", VAE_E_SPEC, "line 1, column 17: '}', wanted a module"},
    {"encoder a {", VAE_E_SPEC, "line 1, column 11: '{' is never closed"},
    {"encoder a { b { c }\ndecoder d\n", VAE_E_SPEC, "line 2, column 1: 'decoder', wanted '|' or '}'"},
    {"encoder a { b\n\n", VAE_E_SPEC, "line 1, column 11: '{' is never closed"},
    {"encoder a }", VAE_E_SPEC, "line 1, column 11: '}', wanted '|' or the end of the line"},
    {"encoder a { b } c", VAE_E_SPEC, "line 1, column 17: 'c', wanted '|' or the end of the line"},
    {"encoder a = 3 b", VAE_E_SPEC, "line 1, column 15: 'b', wanted key=value, '|' or the end of the line"},
    {"encoder a=3 { b }", VAE_E_SPEC, "line 1, column 13: '{', wanted key=value, '|' or the end of the line"},
    {"encoder a=3 |", VAE_E_SPEC, "line 1, column 14: the text ends here, wanted a module"},
    {"encoder a=", VAE_E_SPEC, "line 1, column 11: the text ends here, wanted a value behind '='"},
    {"encoder a=3=4", VAE_E_SPEC, "line 1, column 12: '=', wanted key=value, '|' or the end of the line"},
    {"encoder a b=", VAE_E_SPEC, "line 1, column 13: the text ends here, wanted a value behind '='"},
    {"encoder a b=\nc d", VAE_E_SPEC, "line 1, column 13: the line ends here, wanted a value behind '='"},
    {"encoder a b\n=c", VAE_E_SPEC, "line 2, column 1: '=', wanted the name of a section"},
    {"encoder a b==c", VAE_E_SPEC, "line 1, column 13: '=', wanted a value behind '='"},
    {"encoder { a }", VAE_E_SPEC, "line 1, column 9: '{', wanted a module"},
    {"encoder a\n{ b }", VAE_E_SPEC, "line 2, column 1: '{', wanted the name of a section"},
    {"e a\nf b\n\ne c", VAE_E_SPEC, "line 4, column 1: section 'e' is given twice, first in line 1"},
    {"e repeat", VAE_E_SPEC, "line 1, column 3: repeat takes one option, n, as in 'repeat n=2 { relu }'"},
    {"e repeat 2 { a }", VAE_E_SPEC, "line 1, column 3: repeat takes one option, n, as in 'repeat n=2 { relu }'"},
    {"e repeat n=2 m=3 { a }", VAE_E_SPEC, "line 1, column 3: repeat takes one option, n, as in 'repeat n=2 { relu }'"},
    {"e repeat n=0 { a }", VAE_E_SPEC, "line 1, column 10: repeat: n=0, wanted 1..4096"},
    {"e repeat n=4097 { a }", VAE_E_SPEC, "line 1, column 10: repeat: n=4097, wanted 1..4096"},
    {"e repeat n=two { a }", VAE_E_SPEC, "line 1, column 10: repeat: n=two, wanted 1..4096"},
    {"e repeat n=2 { }", VAE_E_SPEC, "line 1, column 3: repeat: wanted one pair of braces with modules in it"},
    {"e repeat n=2", VAE_E_SPEC, "line 1, column 3: repeat: wanted one pair of braces with modules in it"},
    {"e repeat n=2 { a } { b }", VAE_E_SPEC, "line 1, column 3: repeat: wanted one pair of braces with modules in it"},
    {"\xEF\xBB\xBF"
     "encoder a b$",
     VAE_E_SPEC, "line 1, column 12: '$' is not allowed here"},
    {"e\xEF\xBB\xBF"
     "ncoder a",
     VAE_E_SPEC, "line 1, column 2: byte 0xef, wanted ASCII text"},
    {"{ \"encoder\": 1 }", VAE_E_SPEC, LOOKS_LIKE("JSON")},
    {"  \n[]", VAE_E_SPEC, LOOKS_LIKE("JSON")},
    {"---\nencoder:\n", VAE_E_SPEC, LOOKS_LIKE("YAML")},
    {"encoder:\n  - conv2d\n", VAE_E_SPEC, LOOKS_LIKE("YAML")},
    {"latent_dim: 32", VAE_E_SPEC, LOOKS_LIKE("YAML")},
    {"<model/>", VAE_E_SPEC, LOOKS_LIKE("XML")},
    {"encoder nn.Linear(784, 400)", VAE_E_SPEC,
     "line 1, column 18: '(' is not allowed here: options follow a module as key=value, as "
     "in 'conv2d out=32 kernel=3', and modules are joined by '|'"},
    {"encoder \xC3\xA9", VAE_E_SPEC, "line 1, column 9: byte 0xc3, wanted ASCII text"},
    {"encoder \"a\"", VAE_E_SPEC, "line 1, column 9: '\"' is not allowed here"},
    {"encoder a;b", VAE_E_SPEC, "line 1, column 10: ';' is not allowed here"},
    {"encoder a\rb", VAE_E_SPEC, "line 1, column 10: byte 0x0d, wanted ASCII text"},
    {"encoder a # \x1B[0m", VAE_E_SPEC, "line 1, column 13: byte 0x1b, wanted ASCII text"},
    {"e " TEN("a{") "a{a{a{a{a{a{a{", VAE_E_LIMIT, "line 1, column 36: braces nest deeper than 16"},
    {"e a " TEN("kkkkk") "=" TEN("vvvvv") " }", VAE_E_SPEC, "line 1, column 107: '}', wanted '|' or the end of the line"},
    {"e | " TEN("kkkkk"), VAE_E_SPEC, "line 1, column 3: '|', wanted a module"},
    {"e a { b } " TEN("kkkkk"), VAE_E_SPEC, "line 1, column 11: 'kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk', wanted '|' or the end of the line"},
};

START_TEST(test_grammar_wrong_texts_are_told_where_and_why) {
    vaei_document d = {(vaei_section *)&heap};
    ck_assert_int_eq(vaei_document_parse(&d, &arena, wrong[_i].text, strlen(wrong[_i].text)), wrong[_i].status);
    ck_assert_str_eq(vaei_fail_text(), wrong[_i].sentence);
    ck_assert_ptr_eq(d.first, (vaei_section *)&heap); /* untouched */
}
END_TEST

START_TEST(test_grammar_refuses_a_nul_anywhere) {
    static const char text[] = "encoder a { b x=y } # c\ndecoder d\n";
    char copy[sizeof text];
    vaei_document d;
    for (size_t at = 0; at < sizeof text - 1; at++) {
        memcpy(copy, text, sizeof text);
        copy[at] = '\0';
        ck_assert_int_eq(vaei_document_parse(&d, &arena, copy, sizeof text - 1), VAE_E_SPEC);
    }
}
END_TEST

/* ---- limits ----------------------------------------------------------------------------------------------------- */

START_TEST(test_grammar_depth_16_is_allowed) {
    const vaei_document d = parse("e " TEN("a{") "a{a{a{a{a{a{" TEN("}") "}}}}}}");
    ck_assert_ptr_nonnull(d.first);
}
END_TEST

START_TEST(test_grammar_length_is_limited) {
    char *text = malloc(VAEI_TEXT_MAX + 1);
    vaei_document d;
    memset(text, ' ', VAEI_TEXT_MAX + 1);
    ck_assert_int_eq(vaei_document_parse(&d, &arena, text, VAEI_TEXT_MAX), VAE_OK);
    ck_assert_int_eq(vaei_document_parse(&d, &arena, text, VAEI_TEXT_MAX + 1), VAE_E_LIMIT);
    free(text);
}
END_TEST

START_TEST(test_grammar_modules_are_limited) {
    char *text = malloc(VAEI_TEXT_MAX);
    size_t n = (size_t)sprintf(text, "e a");
    vaei_document d;
    for (int i = 1; i < VAEI_MODULES_MAX; i++, n += 2) memcpy(text + n, "|a", 2);
    ck_assert_int_eq(vaei_document_parse(&d, &arena, text, n), VAE_OK);
    ck_assert_int_eq(vaei_pipeline_count(&d.first->pipeline), VAEI_MODULES_MAX);
    memcpy(text + n, "|a", 2);
    ck_assert_int_eq(vaei_document_parse(&d, &arena, text, n + 2), VAE_E_LIMIT);
    free(text);
}
END_TEST

START_TEST(test_grammar_sections_are_limited) {
    char text[1024];
    size_t n = 0;
    vaei_document d;
    for (int i = 0; i <= VAEI_SECTIONS_MAX; i++) {
        ck_assert_int_eq(vaei_document_parse(&d, &arena, text, n), VAE_OK);
        n += (size_t)sprintf(text + n, "s%d\n", i);
    }
    ck_assert_int_eq(vaei_document_parse(&d, &arena, text, n), VAE_E_LIMIT);
}
END_TEST

static void *refuse_later(void *user, size_t size, size_t align) {
    int *left = user;
    return (*left)-- > 0 ? aligned_alloc(align, (size + align - 1) / align * align) : NULL;
}

START_TEST(test_grammar_survives_every_refused_allocation) {
    char *text = malloc(VAEI_TEXT_MAX);
    size_t n = (size_t)sprintf(text, "e a");
    vaei_heap small;
    vaei_arena mine;
    vaei_document d;
    vae_status_t status = VAE_E_NOMEM;
    int refused = 0;
    for (int i = 0; i < 400; i++) n += (size_t)sprintf(text + n, " | m%d { x%d k=%d }", i, i, i);
    for (int granted = 0; status == VAE_E_NOMEM; granted++) {
        int left = granted;
        vaei_heap_init_default(&small);
        small.user = &left;
        small.alloc = refuse_later;
        vaei_arena_init(&mine, &small);
        status = vaei_document_parse(&d, &mine, text, n);
        refused += status == VAE_E_NOMEM;
        vaei_arena_free(&mine);
        ck_assert_uint_eq(small.in_use, 0);
    }
    ck_assert_int_eq(status, VAE_OK);
    ck_assert_int_ge(refused, 5);
    free(text);
}
END_TEST

/* ---- hostile bytes ---------------------------------------------------------------------------------------------- */

/* Pieces in any order, some bytes changed: never a crash, an error has its sentence, a success prints to a fixed point. */
START_TEST(test_grammar_takes_any_bytes) {
    static const char *const piece[] = {
        "encoder ", "decoder ",      "a",         " | ",  "{",  "}", " { ",         " } ",  "k=v ", "=",   "\n", "\r\n",
        "# c\n",    "repeat n=2 { ", "repeat n=", "7x7 ", "\t", " ", "residual { ", "b | ", "0",    "\n| "};
    uint64_t state = 88172645463325252u + (uint64_t)_i;
    char text[512], *first = malloc(1 << 16);
    for (int round = 0; round < 4000; round++) {
        size_t n = 0;
        while (n < sizeof text - 16) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            const char *p = piece[(state >> 33) % VAEI_COUNT(piece)];
            memcpy(text + n, p, strlen(p));
            n += strlen(p);
            if ((state >> 20) % 30 == 0) break;
        }
        if (round % 3 == 0) text[(state >> 40) % n] = (char)(state >> 16);
        vaei_document d = {NULL};
        (void)vaei_fail(VAE_E_ARG, "%s", "");
        const vae_status_t status = vaei_document_parse(&d, &arena, text, n);
        if (status == VAE_OK) {
            strcpy(first, print(&d));
            for (const vaei_section *s = d.first; s; s = s->next) {
                const int64_t count = vaei_pipeline_count(&s->pipeline);
                for (int64_t i = 0; i < count; i++) ck_assert_ptr_nonnull(vaei_pipeline_at(&s->pipeline, i));
            }
            d = parse(first);
            ck_assert_str_eq(print(&d), first);
        } else {
            ck_assert(status == VAE_E_SPEC || status == VAE_E_LIMIT);
            ck_assert_int_eq(strncmp(vaei_fail_text(), "line ", 5), 0);
        }
        vaei_arena_free(&arena);
    }
    free(first);
}
END_TEST

Suite *suite_grammar(void);

Suite *suite_grammar(void) {
    Suite *s = suite_create("grammar");
    TCase *tree = tcase_create("tree"), *faults = tcase_create("wrong"), *limits = tcase_create("limits");
    tcase_add_checked_fixture(tree, setup, teardown);
    tcase_add_checked_fixture(faults, setup, teardown);
    tcase_add_checked_fixture(limits, setup, teardown);
    tcase_set_timeout(faults, 60);
    tcase_add_test(tree, test_grammar_builds_the_tree_of_its_text);
    tcase_add_test(tree, test_grammar_notes_lines_and_columns);
    tcase_add_loop_test(tree, test_grammar_prints_the_canonical_text, 0, (int)VAEI_COUNT(same));
    tcase_add_test(tree, test_grammar_document_ends_where_its_length_ends);
    tcase_add_test(tree, test_repeat_is_unrolled);
    tcase_add_test(tree, test_repeat_inside_another_module_is_left_alone);
    tcase_add_test(tree, test_repeat_gives_the_same_module_each_time);
    tcase_add_test(tree, test_repeat_count_saturates);
    tcase_add_loop_test(faults, test_grammar_wrong_texts_are_told_where_and_why, 0, (int)VAEI_COUNT(wrong));
    tcase_add_test(faults, test_grammar_refuses_a_nul_anywhere);
    tcase_add_loop_test(faults, test_grammar_takes_any_bytes, 0, 4);
    tcase_add_test(limits, test_grammar_depth_16_is_allowed);
    tcase_add_test(limits, test_grammar_length_is_limited);
    tcase_add_test(limits, test_grammar_modules_are_limited);
    tcase_add_test(limits, test_grammar_sections_are_limited);
    tcase_add_test(limits, test_grammar_survives_every_refused_allocation);
    suite_add_tcase(s, tree);
    suite_add_tcase(s, faults);
    suite_add_tcase(s, limits);
    return s;
}
