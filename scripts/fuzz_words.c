/* SPDX-License-Identifier: MIT
 * fuzz_words.c - prints the words of model texts as a dictionary for libFuzzer: the sections, and every module of the registries with its
 * example, its options and their choices. check_fuzz.sh builds and runs it, so that the dictionary has the words of every new module. */
#include <stdio.h>
#include <string.h>
#include <vae/vae.h>

/* One line of the dictionary: libFuzzer wants quotes around it, and \ before quotes and backslashes. */
static void word(const char *before, const char *text, size_t length, const char *behind) {
    printf("\"%s", before);
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '"' || text[i] == '\\') putchar('\\');
        putchar(text[i]);
    }
    printf("%s\"\n", behind);
}

static void options(const char *kind, const char *name) {
    vae_option_t o = {.struct_size = sizeof o};
    for (int32_t i = 0; vae_registry_option(kind, name, i, &o) == VAE_OK; i++) {
        word(" ", o.name, strlen(o.name), "=");
        for (const char *at = o.range; strcmp(o.type, "choice") == 0 && *at; at += strcspn(at, "|"), at += *at == '|')
            word("=", at, strcspn(at, "|"), "");
    }
}

int main(void) {
    static const char *const sections[] = {
#define VAEI_SECTION(name, part, form, kind, fallback, own) #name,
#include "../lib/vae/sections.def"
#undef VAEI_SECTION
    };
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) word("\\x0a", sections[i], strlen(sections[i]), " ");
    const char *kind, *name;
    for (int32_t k = 0; (kind = vae_registry_kind(k)) != NULL; k++)
        for (int32_t i = 0; (name = vae_registry_name(kind, i)) != NULL; i++) {
            if (strcmp(kind, "section") != 0) word("", name, strlen(name), " ");
            options(kind, name);
        }
    return 0;
}
