/* SPDX-License-Identifier: MIT
 * check_conformance_options.c - tests every option of every module: below, at and above its bounds, of a wrong type, twice, missing, and
 * with an error in its name; and that each option is in an example, so that the loops run all code of a module. */
#include "conformance.h"
#include "vae/sections.h"

/* Sections by their own options stand behind the kinds. */
static const vaei_kind *kind_at(int i) {
    static const vaei_module *own[VAEI_SECTIONS];
    static size_t count;
    static const vaei_kind sections = {"section", own, &count};
    for (count = 0; (own[count] = vaei_section_options(count)) != NULL;) count++;
    return i < VAEI_KINDS ? &vaei_kinds[i] : &sections;
}

/* Binds a text to the module that it names. */
static vae_status_t bind(const vaei_kind *g, const char *text) {
    char line[1000];
    vaei_heap heap;
    vaei_arena arena;
    vaei_document document;
    const vaei_module *module;
    void *conf;
    snprintf(line, sizeof(line), "test %s\n", text);
    vaei_heap_init_default(&heap);
    vaei_arena_init(&arena, &heap);
    vae_status_t status = vaei_document_parse(&document, &arena, line, strlen(line));
    vaei_node *const node = status == VAE_OK ? document.first->pipeline.first : NULL;
    if (status == VAE_OK) status = vaei_module_find(&module, g->modules, *g->count, g->name, node, "test");
    if (status == VAE_OK) status = vaei_module_bind(&conf, module, node, &arena, "test");
    vaei_arena_free(&arena);
    return status;
}

/* A module's first example without the option (its key, or its bare value), and with `more` behind. */
static void text_with(const vaei_module *m, const vaei_option *o, const char *more, char text[600]) {
    char example[EXAMPLE_MAX], key[80];
    ck_assert(example_at(m, 0, example));
    snprintf(key, sizeof(key), "%s=", o->name);
    snprintf(text, 600, "%s", m->name);
    char *const brace = strchr(example, '{');
    if (brace) *brace = '\0';
    (void)strtok(example, " ");
    for (char *word = strtok(NULL, " "); word; word = strtok(NULL, " ")) {
        const int32_t bare = !strchr(word, '='), same = bare ? (o->flags & VAEI_OPT_BARE) != 0 : strncmp(word, key, strlen(key)) == 0;
        if (!same) snprintf(text + strlen(text), 600 - strlen(text), " %s", word);
    }
    if (more[0]) snprintf(text + strlen(text), 600 - strlen(text), " %s", more);
}

static void wants(const vaei_kind *g, const vaei_module *m, const vaei_option *o, const char *value, int32_t fine) {
    char text[600], more[300];
    snprintf(more, sizeof(more), "%s=%s", o->name, value);
    text_with(m, o, more, text);
    const vae_status_t status = bind(g, text);
    ck_assert_msg(fine ? status == VAE_OK : status == VAE_E_SPEC || status == VAE_E_LIMIT, "%s '%s': %s: %s", g->name, text,
                  vae_status_name(status), status == VAE_OK ? "wanted a refusal" : vaei_fail_text());
    ck_assert_msg(fine || strstr(vaei_fail_text(), o->name), "%s '%s': '%s' does not name the option", g->name, text, vaei_fail_text());
}

static void wants_number(const vaei_kind *g, const vaei_module *m, const vaei_option *o, double value, int32_t fine) {
    char text[60];
    snprintf(text, sizeof(text), o->type == VAEI_OPT_FLOAT ? "%.9g" : "%.0f", value);
    wants(g, m, o, text, fine);
}

static void check_float(const vaei_kind *g, const vaei_module *m, const vaei_option *o) {
    const float lo = (float)o->lo, hi = (float)o->hi;
    wants_number(g, m, o, (double)nextafterf(lo, -INFINITY), 0);
    wants_number(g, m, o, (double)lo, !(o->flags & VAEI_OPT_OPEN_LO));
    wants_number(g, m, o, (double)nextafterf(lo, INFINITY), 1);
    wants_number(g, m, o, (double)nextafterf(hi, -INFINITY), 1);
    wants_number(g, m, o, (double)hi, !(o->flags & VAEI_OPT_OPEN_HI));
    wants_number(g, m, o, (double)nextafterf(hi, INFINITY), 0);
    wants(g, m, o, "nan", 0);
    wants(g, m, o, "inf", 0);
    wants(g, m, o, "true", 0);
}

static void check_whole(const vaei_kind *g, const vaei_module *m, const vaei_option *o) {
    if (o->lo > 0) wants_number(g, m, o, o->lo - 1, 0);
    wants(g, m, o, "-1", o->lo < 0 && o->type == VAEI_OPT_INT);
    wants_number(g, m, o, o->lo, 1);
    wants_number(g, m, o, o->hi, 1);
    wants_number(g, m, o, o->hi + 1, 0);
    wants(g, m, o, "1.5", 0);
    wants(g, m, o, "some", 0);
    wants(g, m, o, "99999999999999999999999", 0);
}

static void check_choices(const vaei_kind *g, const vaei_module *m, const vaei_option *o) {
    char name[60], slip[64];
    for (const char *at = o->choices; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL) {
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(at, "|"), at);
        wants(g, m, o, name, 1);
        snprintf(slip, sizeof(slip), "%sx", name);
        wants(g, m, o, slip, 0);
        ck_assert_msg(strstr(vaei_fail_text(), "did you mean"), "%s %s: %s", m->name, slip, vaei_fail_text());
    }
    wants(g, m, o, "1", 0);
}

static void check_values(const vaei_kind *g, const vaei_module *m, const vaei_option *o) {
    switch (o->type) {
    case VAEI_OPT_FLOAT: check_float(g, m, o); break;
    case VAEI_OPT_CHOICE: check_choices(g, m, o); break;
    case VAEI_OPT_BOOL:
        wants(g, m, o, "true", 1);
        wants(g, m, o, "false", 1);
        wants(g, m, o, "1", 0);
        wants(g, m, o, "maybe", 0);
        break;
    case VAEI_OPT_PATH:
        wants(g, m, o, "encoder.0", 1);
        wants(g, m, o, "decoder.2.body.1.T", 1);
        wants(g, m, o, "none", 1);
        wants(g, m, o, "encoder..0", 0);
        wants(g, m, o, ".0", 0);
        wants(g, m, o, "encoder.", 0);
        wants(g, m, o, "encoder-0", 0);
        break;
    case VAEI_OPT_NAME:
        wants(g, m, o, "some_1", 1);
        wants(g, m, o, "32_letters_are_the_most_that_fit", 1);
        wants(g, m, o, "these_33_letters_are_one_too_many", 0);
        wants(g, m, o, "a.b", 0);
        wants(g, m, o, "a-b", 0);
        break;
    case VAEI_OPT_SHAPE:
        wants(g, m, o, "2x3", 1);
        wants(g, m, o, "0x3", 0);
        wants(g, m, o, "1x1x1x1x1", 0);
        wants(g, m, o, "some", 0);
        break;
    default:
        check_whole(g, m, o);
        wants(g, m, o, "1x1x1x1x1x1x1x1x1", 0);
        if (o->type != VAEI_OPT_PAD) wants(g, m, o, "same", 0);
        else wants(g, m, o, "same", 1), wants(g, m, o, "1x1x1", 0);
    }
}

/* A slip in the name is told with the name that was meant, whatever else is right. */
static void check_name(const vaei_kind *g, const vaei_module *m, const vaei_option *o) {
    char text[600], slip[80];
    snprintf(slip, sizeof(slip), "%ss=1", o->name);
    text_with(m, o, slip, text);
    ck_assert_int_eq(bind(g, text), VAE_E_SPEC);
    ck_assert_msg(strstr(vaei_fail_text(), "did you mean"), "%s '%s': %s", g->name, text, vaei_fail_text());
    text_with(m, o, "", text);
    ck_assert_int_eq(bind(g, text), o->flags & VAEI_OPT_REQUIRED ? VAE_E_SPEC : VAE_OK);
    if (!(o->flags & VAEI_OPT_REQUIRED)) return;
    ck_assert_msg(strstr(vaei_fail_text(), o->name) && strstr(vaei_fail_text(), "is missing"), "%s '%s': %s", g->name, text,
                  vaei_fail_text());
}

static int32_t in_an_example(const vaei_module *m, const vaei_option *o) {
    char example[EXAMPLE_MAX], key[80];
    snprintf(key, sizeof(key), " %s=", o->name);
    for (int32_t i = 0; example_at(m, i, example); i++) {
        if (strstr(example, key)) return 1;
        for (char *word = strtok(example, " "), *first = word; o->flags & VAEI_OPT_BARE && word; word = strtok(NULL, " "))
            if (word != first && !strchr(word, '=')) return 1;
    }
    return 0;
}

START_TEST(test_every_option_is_held_to_its_bounds) {
    const vaei_kind *const g = kind_at(_i);
    for (size_t i = 0; i < *g->count; i++)
        for (const vaei_option *o = g->modules[i]->options; o && o->name; o++) {
            check_values(g, g->modules[i], o);
            check_name(g, g->modules[i], o);
        }
}
END_TEST

START_TEST(test_every_option_stands_in_an_example) {
    const vaei_kind *const g = kind_at(_i);
    for (size_t i = 0; i < *g->count; i++) {
        const vaei_module *const m = g->modules[i];
        char example[EXAMPLE_MAX];
        ck_assert_msg(m->examples && example_at(m, 0, example), "%s %s: has no example", g->name, m->name);
        for (int32_t j = 0; example_at(m, j, example); j++)
            ck_assert_msg(strlen(example) < EXAMPLE_MAX - 1 && bind(g, example) == VAE_OK, "%s '%s': %s", g->name, example,
                          vaei_fail_text());
        for (const vaei_option *o = m->options; o && o->name; o++)
            ck_assert_msg(in_an_example(m, o), "%s %s: no example has the option %s", g->name, m->name, o->name);
    }
}
END_TEST

START_TEST(test_every_name_with_a_slip_is_told_the_nearest) {
    const vaei_kind *const g = kind_at(_i);
    for (size_t i = 0; i < *g->count; i++) {
        char slip[80], meant[80];
        snprintf(slip, sizeof(slip), "%sq", g->modules[i]->name);
        snprintf(meant, sizeof(meant), "did you mean '%s'?", g->modules[i]->name);
        ck_assert_int_eq(bind(g, slip), VAE_E_SPEC);
        ck_assert_msg(strstr(vaei_fail_text(), meant), "%s '%s': %s", g->name, slip, vaei_fail_text());
    }
}
END_TEST

Suite *suite_conformance_options(void);
Suite *suite_conformance_options(void) {
    Suite *s = suite_create("conformance of options");
    TCase *t = tcase_create("options");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, test_every_option_is_held_to_its_bounds, 0, VAEI_KINDS + 1);
    tcase_add_loop_test(t, test_every_option_stands_in_an_example, 0, VAEI_KINDS + 1);
    tcase_add_loop_test(t, test_every_name_with_a_slip_is_told_the_nearest, 0, VAEI_KINDS + 1);
    suite_add_tcase(s, t);
    return s;
}
