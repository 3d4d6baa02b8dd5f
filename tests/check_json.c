/* SPDX-License-Identifier: MIT
 * check_json.c - tests the JSON reader, UTF-8 and the sort that they use. */
#include "support.h"

#include <stdio.h>

#include "each.h"
#include "io/json.h"
#include "io/sort.h"
#include "base/utf8.h"

/* Reads to the end or the first failure; out gets the tokens in short: "{ k:a 1 s:x [ ] }". */
static vae_status_t walk(vaei_json *j, char *out, size_t cap) {
    static const char *const sign[] = {"", "{", "}", "[", "]", "k:", "s:", "", "true", "false", "null"};
    vaei_writer w = {out, cap, 0};
    vaei_json_token t = {.kind = VAEI_JSON_NULL};
    vae_status_t status = VAE_OK;
    while (status == VAE_OK && t.kind != VAEI_JSON_END) {
        status = vaei_json_next(j, &t);
        if (status == VAE_OK && t.kind != VAEI_JSON_END)
            vaei_write(&w, "%s%s%.*s", w.length ? " " : "", sign[t.kind], (int)t.length, t.text ? t.text : "");
    }
    return status;
}

/* As walk; what has come to its end or failed stays so. */
static vae_status_t run(const char *text, size_t length, char *out, size_t cap) {
    vaei_heap heap;
    vaei_arena arena;
    vaei_json j;
    vaei_heap_init_default(&heap);
    vaei_arena_init(&arena, &heap);
    char *copy = malloc(length ? length : 1); /* exactly as long as the text: a sanitizer sees any step beyond */
    if (length) memcpy(copy, text, length);
    vae_status_t status = vaei_json_open(&j, &arena, copy, length);
    if (status == VAE_OK) status = walk(&j, out, cap);
    ck_assert_int_eq(vaei_json_finish(&j), status);
    vaei_arena_free(&arena);
    ck_assert_uint_eq(heap.in_use, 0);
    free(copy);
    return status;
}

static const struct {
    const char *text, *tokens;
} good[] = {
    {"{}", "{ }"},
    {"[]", "[ ]"},
    {" \t\r\n{ \"a\" : 1 , \"b\" : [ ] } \n", "{ k:a 1 k:b [ ] }"},
    {"{\"a\":{\"b\":[1,-2,{\"c\":null}]},\"d\":true}", "{ k:a { k:b [ 1 -2 { k:c null } ] } k:d true }"},
    {"true", "true"},
    {"false", "false"},
    {"null", "null"},
    {"\"x\"", "s:x"},
    {"\"\"", "s:"},
    {"0", "0"},
    {"-0", "-0"},
    {"[0.5,-1.25e-3,1E+2,12345678901234567890,0e1]", "[ 0.5 -1.25e-3 1E+2 12345678901234567890 0e1 ]"},
    {"[[[[[[[[]]]]]]]]", "[ [ [ [ [ [ [ [ ] ] ] ] ] ] ] ]"},
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "s:\"\\/\b\f\n\r\t"},
    {"\"\\u0041\\u00e9\\u20AC\\ud83d\\uDE00\"", "s:A\303\251\342\202\254\360\237\230\200"},
    {"\"a\\u0062c\"", "s:abc"},
    {"\"\\\\\\\"\"", "s:\\\""},
    {"\"\303\251 \342\202\254 \360\237\230\200 \177\"", "s:\303\251 \342\202\254 \360\237\230\200 \177"},
    {"{\"\":1}", "{ k: 1 }"},
    {"{\"a\":{\"a\":1},\"b\":{\"a\":1}}", "{ k:a { k:a 1 } k:b { k:a 1 } }"},
};

START_TEST(test_json_reads_valid_text) {
    char tokens[512];
    const vae_status_t status = run(good[_i].text, strlen(good[_i].text), tokens, sizeof tokens);
    ck_assert_msg(status == VAE_OK, "%s: %s", good[_i].text, vaei_fail_text());
    ck_assert_str_eq(tokens, good[_i].tokens);
}
END_TEST

/* A reader that stops half way learns whether the rest is JSON. */
START_TEST(test_json_finish_reads_the_rest) {
    static const struct {
        const char *text;
        vae_status_t status;
    } cases[] = {{"[1, [2, {\"a\": 3}], 4] ", VAE_OK},
                 {"[1, [2, {\"a\": 3}], 4]]", VAE_E_FORMAT},
                 {"[1,", VAE_E_FORMAT},
                 {"[1,[[[[[[[[[]]]]]]]]]]", VAE_E_LIMIT},
                 {"[1,{\"a\":1,\"a\":2}]", VAE_E_FORMAT}};
    const size_t count = sizeof cases / sizeof *cases;
    for (size_t i = 0; i < count; i++) {
        vaei_heap heap;
        vaei_arena arena;
        vaei_json j;
        vaei_json_token t;
        vaei_heap_init_default(&heap);
        vaei_arena_init(&arena, &heap);
        ck_assert_int_eq(vaei_json_open(&j, &arena, cases[i].text, strlen(cases[i].text)), VAE_OK);
        for (int step = 0; step < 2; step++) ck_assert_int_eq(vaei_json_next(&j, &t), VAE_OK);
        ck_assert_int_eq(vaei_json_finish(&j), cases[i].status);
        ck_assert_int_eq(vaei_json_finish(&j), cases[i].status);
        ck_assert_int_eq(vaei_json_next(&j, &t), cases[i].status);
        ck_assert_int_eq(t.kind, VAEI_JSON_END);
        vaei_arena_free(&arena);
    }
}
END_TEST

/* Cut anywhere, the text is refused, but for the places where what is left is JSON. */
START_TEST(test_json_cut_short_is_refused) {
    const char *text = "{\"a\\u00e9\":[1.5e3,true,null],\"b\":\"\\ud83d\\ude00\",\"c\":{}}";
    char tokens[512];
    for (size_t n = 0; n < strlen(text); n++) ck_assert_int_eq(run(text, n, tokens, sizeof tokens), VAE_E_FORMAT);
    ck_assert_int_eq(run(text, strlen(text), tokens, sizeof tokens), VAE_OK);
}
END_TEST

static const char *const bad[] = {
    "",
    " ",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "{]",
    "[}",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\" 1}",
    "{\"a\":1,}",
    "{,\"a\":1}",
    "{\"a\":1 \"b\":2}",
    "{\"a\":1,,\"b\":2}",
    "{a:1}",
    "\"\\ud800\\uZZZZ\"",
    "{\"seventy_bytes_are_more_than_the_sentence_of_the_error_can_show_of_a_key_\":1,"
    "\"seventy_bytes_are_more_than_the_sentence_of_the_error_can_show_of_a_key_\":1}",
    "{'a':1}",
    "{1:1}",
    "{null:1}",
    "{\"a\":1}}",
    "{\"a\":1}{}",
    "{}x",
    "{} {}",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1,,2]",
    "[1]]",
    "[1",
    "[\"a",
    "tru",
    "truE",
    "True",
    "nul",
    "nulll",
    "falsey",
    "NaN",
    "Infinity",
    "-Infinity",
    "undefined",
    "01",
    "-01",
    "+1",
    ".5",
    "1.",
    "-",
    "--1",
    "-.5",
    "1e",
    "1e+",
    "1.e1",
    "0x10",
    "1_000",
    "1a",
    "1 2",
    "\"",
    "\"\\",
    "\"\\\"",
    "\"\\x\"",
    "\"\\u\"",
    "\"\\u12\"",
    "\"\\u12g4\"",
    "\"\\U0041\"",
    "\"a\nb\"",
    "\"a\tb\"",
    "\"\\ud800\"",
    "\"\\udc00\"",
    "\"\\ud800x\"",
    "\"\\ud800\\n\"",
    "\"\\ud800\\ud800\"",
    "\"\\ud800\\u0041\"",
    "\"\\u0000\"",
    "{\"\\u0000\":1}",
    "/**/{}",
    "{}//",
    "{/**/}",
    "[1]#",
    "\357\273\277{}",
    "\"\200\"",
    "\"\300\200\"",
    "\"\355\240\200\"",
    "\"\364\220\200\200\"",
    "\"\303\"",
    "\"\377\"",
    "\v{}",
    "{}\f",
    "{\"a\":1,\"a\":2}",
    "{\"a\":1,\"b\":2,\"a\":3}",
    "{\"a\":1,\"\\u0061\":2}",
    "{\"/\":1,\"\\/\":2}",
    "[{\"x\":{\"a\":1,\"a\":1}}]",
    "{\"\":1,\"\":2}",
    "{\"\303\251\":1,\"\\u00e9\":2}",
};

START_TEST(test_json_refuses_invalid_text) {
    char tokens[512];
    const vae_status_t status = run(bad[_i], strlen(bad[_i]), tokens, sizeof tokens);
    ck_assert_msg(status == VAE_E_FORMAT, "%s: %d", bad[_i], (int)status);
    ck_assert_msg(strncmp(vaei_fail_text(), "byte ", 5) == 0, "%s", vaei_fail_text());
}
END_TEST

START_TEST(test_json_refuses_nul) {
    char tokens[64];
    ck_assert_int_eq(run("{}\0", 3, tokens, sizeof tokens), VAE_E_FORMAT);
    ck_assert_int_eq(run("\0{}", 3, tokens, sizeof tokens), VAE_E_FORMAT);
    ck_assert_int_eq(run("\"a\0b\"", 5, tokens, sizeof tokens), VAE_E_FORMAT);
}
END_TEST

START_TEST(test_json_depth_is_limited) {
    char text[100], tokens[512];
    for (int depth = 1; depth <= 20; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        ck_assert_int_eq(run(text, 2 * (size_t)depth, tokens, sizeof tokens), depth <= VAEI_JSON_DEPTH ? VAE_OK : VAE_E_LIMIT);
    }
}
END_TEST

/* Many keys: the pair that is equal is found wherever it stands, and too many are refused. */
START_TEST(test_json_finds_the_equal_keys_of_many) {
    enum { MANY = 3000 };
    char tokens[16], *text = malloc(MANY * 16);
    for (int twice = -1; twice < MANY; twice += 599) {
        size_t n = 0;
        for (int i = 0; i < MANY; i++)
            n += (size_t)sprintf(text + n, "%c\"k%d\":0", i ? ',' : '{', twice >= 0 && i == MANY - 1 ? twice : i);
        text[n++] = '}';
        const int is_equal = twice >= 0 && twice != MANY - 1;
        ck_assert_int_eq(run(text, n, tokens, sizeof tokens), is_equal ? VAE_E_FORMAT : VAE_OK);
    }
    free(text);
}
END_TEST

START_TEST(test_json_keys_are_limited) {
    char tokens[16], *text = malloc((VAEI_JSON_KEYS + 1) * 16);
    for (int extra = 0; extra < 2; extra++) {
        size_t n = 0;
        for (int i = 0; i < VAEI_JSON_KEYS + extra; i++) n += (size_t)sprintf(text + n, "%c\"%d\":0", i ? ',' : '{', i);
        text[n++] = '}';
        ck_assert_int_eq(run(text, n, tokens, sizeof tokens), extra ? VAE_E_LIMIT : VAE_OK);
    }
    free(text);
}
END_TEST

/* Every allocation fails once: reported, nothing leaked. */
START_TEST(test_json_without_memory) {
    char text[20000] = "[\"";
    if (_i == 0) {
        memset(text + 2, 'a', 17000); /* more than an arena's chunk */
        strcpy(text + 17002, "\\n\",{\"k\\u0061\":0}]");
    } else {
        char *at = text; /* so many keys that their arrays fill chunks of their own */
        for (int i = 0; i < 1100; i++) at += sprintf(at, "%c\"%d\":0", i ? ',' : '{', i);
        strcpy(at, "}");
    }
    for (int64_t at = 1;; at++) {
        test_heap h = {.fail_at = at};
        vaei_heap heap = {.user = &h, .alloc = test_alloc, .free = test_free};
        vaei_arena arena;
        vaei_json j;
        vaei_json_token t = {.kind = VAEI_JSON_NULL};
        vaei_arena_init(&arena, &heap);
        vae_status_t status = vaei_json_open(&j, &arena, text, strlen(text));
        while (status == VAE_OK && t.kind != VAEI_JSON_END) status = vaei_json_next(&j, &t);
        vaei_arena_free(&arena);
        ck_assert_int_eq(h.live, 0);
        if (status == VAE_OK) {
            ck_assert_int_gt(at, 2);
            break;
        }
        ck_assert_int_eq(status, VAE_E_NOMEM);
    }
}
END_TEST

START_TEST(test_utf8_takes_every_character) {
    char s[4];
    for (unsigned long code = 0; code < 0x110000; code++) {
        if (code >= 0xD800 && code < 0xE000) continue;
        const size_t n = vaei_utf8_put(code, s);
        ck_assert_each_msg(vaei_utf8_prefix(s, n) == n, "U+%lX", code);
        for (size_t cut = 1; cut < n; cut++) ck_assert_each_msg(vaei_utf8_prefix(s, cut) == 0, "U+%lX cut at %d", code, (int)cut);
    }
}
END_TEST

/* A wrong byte is found at its place, also within and behind eight bytes of ASCII. */
START_TEST(test_utf8_finds_the_wrong_byte_anywhere) {
    char s[40];
    for (size_t n = 0; n <= sizeof s; n++) {
        memset(s, 'a', sizeof s);
        ck_assert_uint_eq(vaei_utf8_prefix(s, n), n);
        for (size_t i = 0; i < n; i++) {
            s[i] = '\200';
            ck_assert_uint_eq(vaei_utf8_prefix(s, n), i);
            s[i] = 'a';
        }
    }
}
END_TEST

/* Of all three-byte strings exactly those that are runs of characters pass. */
START_TEST(test_utf8_refuses_everything_else) {
    int64_t count = 0;
    for (unsigned i = 0; i < 1u << 24; i++) {
        const char s[3] = {(char)(i >> 16), (char)(i >> 8 & 0xFF), (char)(i & 0xFF)};
        count += vaei_utf8_prefix(s, 3) == 3;
    }
    const int64_t one = 128, two = 30 * 64, three = 16 * 64 * 64 - 2048 - 2048; /* less overlong and surrogates */
    ck_assert_int_eq(count, one * one * one + 2 * one * two + three);
}
END_TEST

static int compare_ints(const void *a, const void *b) {
    const int *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

START_TEST(test_sort_orders_any_array) {
    static int values[1000];
    static const void *items[1000];
    uint32_t random = 1;
    for (size_t n = 0; n <= 1000; n += n < 20 ? 1 : 49) {
        for (int pattern = 0; pattern < 4; pattern++) {
            for (size_t i = 0; i < n; i++) {
                random = random * 1664525u + 1013904223u;
                const int by_pattern[] = {(int)i, (int)(n - i), (int)(random >> 28), 5};
                values[i] = by_pattern[pattern];
                items[i] = &values[i];
            }
            vaei_sort(items, n, compare_ints);
            char seen[1000] = {0};
            for (size_t i = 0; i < n; i++) {
                const int *item = items[i];
                ck_assert(!seen[item - values]);
                seen[item - values] = 1;
                if (i > 0) ck_assert_int_le(compare_ints(items[i - 1], item), 0);
            }
        }
    }
}
END_TEST

Suite *suite_json(void);

Suite *suite_json(void) {
    Suite *s = suite_create("json");
    TCase *t = tcase_create("reader");
    tcase_add_loop_test(t, test_json_reads_valid_text, 0, (int)VAEI_COUNT(good));
    tcase_add_loop_test(t, test_json_refuses_invalid_text, 0, (int)VAEI_COUNT(bad));
    tcase_add_test(t, test_json_cut_short_is_refused);
    tcase_add_test(t, test_json_finish_reads_the_rest);
    tcase_add_test(t, test_json_refuses_nul);
    tcase_add_test(t, test_json_depth_is_limited);
    tcase_add_test(t, test_json_finds_the_equal_keys_of_many);
    tcase_add_test(t, test_json_keys_are_limited);
    tcase_add_loop_test(t, test_json_without_memory, 0, 2);
    suite_add_tcase(s, t);
    t = tcase_create("below");
    tcase_set_timeout(t, 30);
    tcase_add_test(t, test_utf8_takes_every_character);
    tcase_add_test(t, test_utf8_finds_the_wrong_byte_anywhere);
    tcase_add_test(t, test_utf8_refuses_everything_else);
    tcase_add_test(t, test_sort_orders_any_array);
    suite_add_tcase(s, t);
    return s;
}
