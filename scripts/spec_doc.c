/* SPDX-License-Identifier: MIT
 * spec_doc.c - prints docs/spec.md, the reference of all modules, from the tables in the library. It uses only public calls, except for
 * the titles of the parts, which are in lib/vae/kinds.def.
 *
 *   spec_doc          writes the parts of the reference to stdout, which follow scripts/spec_intro.md
 *   spec_doc --text   reads a text of a model or a training on stdin and fails if the library refuses it
 *
 * make_spec_doc.sh and check_docs.sh build and run it. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vae/vae.h>

static int fail(const char *what) {
    fprintf(stderr, "spec_doc: %s: %s\n", what, vae_last_error());
    return 1;
}

static const char *title(const char *kind) {
    static const char *const titles[][2] = {
#define VAEI_KIND(name, registry, title) {#name, title},
#include "../lib/vae/kinds.def"
#undef VAEI_KIND
        {"section", "Sections with options of their own"}, {"preset", "Presets"}};
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
        if (strcmp(titles[i][0], kind) == 0) return titles[i][1];
    return kind;
}

/* a cell of a Markdown table: '|' would end it */
static void cell(const char *text) {
    for (const char *c = text; *c; c++) {
        if (*c == '|') putchar('\\');
        putchar(*c);
    }
}

static void options(const char *kind, const char *name) {
    vae_option_t o = {.struct_size = sizeof o};
    for (int32_t i = 0; vae_registry_option(kind, name, i, &o) == VAE_OK; i++) {
        if (i == 0) printf("\n| option | type | default | range | meaning |\n|---|---|---|---|---|\n");
        printf("| `%s` | %s | ", o.name, o.type);
        if (o.default_value[0]) printf("`%s`", o.default_value);
        else printf("*must be given*");
        printf(" | ");
        cell(o.range);
        printf(" | ");
        cell(o.text);
        printf(" |\n");
        o.struct_size = sizeof o;
    }
}

/* The text's lines before its options: "name - summary", then, indented, the example and the paper. */
static void head(char *text) {
    int lines = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++) {
        const char *const dash = strstr(line, " - ");
        line += strspn(line, " ");
        if (line[strspn(line, "abcdefghijklmnopqrstuvwxyz_0123456789")] == '=') return; /* the first option */
        if (lines == 0) {
            const char *const summary = dash ? dash + 3 : line;
            printf("%c%s.\n", toupper((unsigned char)summary[0]), summary + 1);
        } else if (lines == 1) printf("\n    %s\n", line);
        else printf("\n%s\n", line);
    }
}

static int module(const char *kind, const char *name) {
    size_t needed = 0;
    vae_registry_text(kind, name, NULL, 0, &needed);
    char *text = malloc(needed ? needed : 1);
    if (!text || vae_registry_text(kind, name, text, needed, NULL) != VAE_OK) {
        free(text);
        return fail(name);
    }
    printf("\n### %s\n\n", name);
    if (strcmp(kind, "preset") == 0) {
        printf("```vae\n%s```\n", text);
        free(text);
        return 0;
    }
    head(text);
    options(kind, name);
    free(text);
    return 0;
}

static int check_text(void) {
    static char text[65537];
    char *canonical = NULL;
    size_t needed = 0;
    int result = 0;
    text[fread(text, 1, sizeof text - 1, stdin)] = '\0';
    vae_spec_canonical(text, NULL, 0, &needed);
    canonical = malloc(needed ? needed : 1);
    if (!canonical || vae_spec_canonical(text, canonical, needed, NULL) != VAE_OK) result = fail("text");
    if (!result && strstr(text, "input")) {
        vae_model_t *model;
        if (vae_model_create(&model, NULL, text, 0) == VAE_OK) vae_model_destroy(model);
        else result = fail("model");
    }
    free(canonical);
    return result;
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "--text") == 0) return check_text();
    const char *kind;
    for (int32_t k = 0; (kind = vae_registry_kind(k)) != NULL; k++) {
        printf("\n## %s\n", title(kind));
        const int32_t n = vae_registry_count(kind);
        for (int32_t i = 0; i < n; i++)
            if (module(kind, vae_registry_name(kind, i))) return 1;
    }
    return 0;
}
