/* SPDX-License-Identifier: MIT
 * check_spec_text.c - tests texts that were changed: a result of vae_spec_set() that vae_spec_canonical() accepts is already canonical. */
#include "support.h"

#include <stdio.h>

#include "vae/sections.h"

#define TEXT 16384

static uint64_t state = 1;

static uint32_t any(uint32_t n) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state >> 33) % n;
}

/* One change; 1 if it was taken. What comes out either is its own canonical text or has parts that do not fit. */
static int32_t change(const char *text, const char *path, const char *value, char out[TEXT]) {
    char again[TEXT];
    if (vae_spec_set(text, path, value, out, TEXT, NULL) < 0) return 0;
    if (vae_spec_canonical(out, again, TEXT, NULL) == VAE_OK)
        ck_assert_msg(strcmp(out, again) == 0, "%s=%s gives\n%s\nwhich is not canonical:\n%s", path, value, out, again);
    return 1;
}

/* The path of some option of some module of the text, and its value there. */
static void some_option(const char *text, char path[256], char value[512]) {
    char module[512];
    vae_option_t option = {.struct_size = sizeof(option)};
    for (;;) {
        const vaei_section_type *const s = &vaei_sections[any(VAEI_SECTIONS)];
        if (s->kind == VAEI_KIND_none) continue;
        if (s->form == VAEI_FORM_STACK) (void)snprintf(path, 200, "%s.%u", s->name, any(9));
        else (void)snprintf(path, 200, "%s", s->name);
        if (vae_spec_get(text, path, module, sizeof(module), NULL) < 0) continue;
        module[strcspn(module, " \n")] = '\0';
        if (vae_registry_option(vaei_kinds[s->kind].name, module, (int32_t)any(6), &option) < 0) continue;
        strcat(strcat(path, "."), option.name);
        if (vae_spec_get(text, path, value, 512, NULL) == VAE_OK) return;
    }
}

START_TEST(test_a_changed_text_is_canonical) {
    static const char *const values[] = {"1", "2", "3", "8", "64", "0.5", "true", "false", "same", "0.001"};
    static const char *const sections[][2] = {
        {"optimizer", "sgd"},      {"schedule", "cosine steps=9"}, {"clip", "norm max=1"}, {"latent", "gaussian dim=3"},
        {"likelihood", "laplace"}, {"memory", "checkpoint"},       {"prior", "standard"},  {"prior", "gmm"},
        {"prior", "pixelcnn"},     {"objective", "prior"}};
    char preset[TEXT], canonical[TEXT], model[TEXT], out[TEXT], path[256], value[512];
    const char *name = vae_registry_name("preset", _i);
    ck_assert_ok(vae_registry_text("preset", name, preset, sizeof(preset), NULL));
    ck_assert_ok(vae_spec_canonical(preset, canonical, sizeof(canonical), NULL));
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) (void)change(preset, sections[i][0], sections[i][1], out);
    strcpy(model, canonical);
    char *training = strstr(model, "optimizer");
    ck_assert_ptr_nonnull(training);
    *training = '\0'; /* the model alone, which gains all sections of a training with the first option of one */
    ck_assert(change(model, "adam.lr", "0.5", out));
    ck_assert_ptr_nonnull(strstr(out, "schedule   constant"));
    for (int32_t i = 0; i < 40; i++) {
        some_option(canonical, path, value);
        ck_assert_msg(change(canonical, path, value, out), "%s=%s: %s", path, value, vae_last_error());
        ck_assert_str_eq(out, canonical); /* the value that it has */
        (void)change(preset, path, values[any(10)], out);
    }
}
END_TEST

/* Parts that do not fit each other, for the time being, are no failure and leave no sentence. */
START_TEST(test_a_change_may_wait_for_another) {
    char before[256], first[TEXT], second[TEXT], canonical[TEXT];
    ck_assert_fails(vae_spec_set(SPEC_DENSE, "nothing.at", "1", first, sizeof(first), NULL), VAE_E_SPEC);
    (void)snprintf(before, sizeof(before), "%s", vae_last_error());
    ck_assert_ok(vae_spec_set(SPEC_DENSE, "input", "5x4x1", first, sizeof(first), NULL));
    ck_assert_str_eq(vae_last_error(), before);
    ck_assert_fails(vae_spec_canonical(first, canonical, sizeof(canonical), NULL), VAE_E_SHAPE);
    ck_assert_ok(vae_spec_set(first, "decoder.3", "reshape 5x4x1", second, sizeof(second), NULL));
    ck_assert_ok(vae_spec_set(second, "decoder.2.out", "20", first, sizeof(first), NULL));
    ck_assert_ok(vae_spec_canonical(first, canonical, sizeof(canonical), NULL));
    ck_assert_str_eq(first, canonical);
}
END_TEST

/* ---- words of other programs -------------------------------------------------------------------------------------- */

static const char *const ours[] = {
#define SYNONYM(theirs, ours) ours,
#include "base/synonyms.def"
#undef SYNONYM
};

static int32_t is_a_word_of_ours(const char *word) {
    const char *kind, *name;
    if (vaei_section_find(word)) return 1;
    for (int32_t i = 0; (kind = vae_registry_kind(i)) != NULL; i++) {
        for (int32_t j = 0; (name = vae_registry_name(kind, j)) != NULL; j++) {
            vae_option_t option = {.struct_size = sizeof(option)};
            if (strcmp(name, word) == 0) return 1;
            for (int32_t k = 0; vae_registry_option(kind, name, k, &option) == VAE_OK; k++)
                if (strcmp(option.name, word) == 0) return 1;
        }
    }
    return 0;
}

START_TEST(test_every_synonym_stands_for_a_word_that_a_text_may_hold) {
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        ck_assert_msg(is_a_word_of_ours(ours[i]), "synonyms.def: no section, module or option '%s'", ours[i]);
}
END_TEST

Suite *suite_spec_text(void);
Suite *suite_spec_text(void) {
    Suite *s = suite_create("spec text");
    TCase *t = tcase_create("changes");
    tcase_add_loop_test(t, test_a_changed_text_is_canonical, 0, vae_registry_count("preset"));
    tcase_add_test(t, test_every_synonym_stands_for_a_word_that_a_text_may_hold);
    tcase_add_test(t, test_a_change_may_wait_for_another);
    suite_add_tcase(s, t);
    return s;
}
