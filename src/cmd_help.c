/* SPDX-License-Identifier: MIT
 * cmd_help.c - vae help: describes a command, a kind of module, or a module; --man prints the man page. */
#include "cli.h"
#include "cli_suggest.h"
#include "console.h"
#include "engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Prints the kinds themselves, or the modules of one kind. */
static bool show_kind(const char *kind) {
    if (strcmp(kind, "kinds") == 0) {
        for (int32_t k = 0; vae_registry_kind(k); k++) printf("%s\n", vae_registry_kind(k));
        return true;
    }
    const int32_t n = vae_registry_count(kind);
    for (int32_t i = 0; i < n; i++) printf("%s\n", vae_registry_name(kind, i));
    return n > 0;
}

/* Prints every module of this name, which may exist in several kinds ("gaussian": a latent and a likelihood). */
static bool show_module(const char *name, suggest_t *suggest) {
    bool found = false;
    const char *kind;
    for (int32_t k = 0; (kind = vae_registry_kind(k)); k++) {
        suggest_try(suggest, kind);
        for (int32_t i = 0; i < vae_registry_count(kind); i++) {
            suggest_try(suggest, vae_registry_name(kind, i));
            if (strcmp(vae_registry_name(kind, i), name) != 0) continue;
            char *text = registry_text(kind, name);
            /* a module's text begins with its name, but a preset's text is a text for the library */
            const bool is_preset = strcmp(kind, "preset") == 0;
            printf("%s%s %s%s%s", found ? "\n" : "", kind, is_preset ? name : "", is_preset ? "\n\n" : "", text);
            free(text);
            found = true;
        }
    }
    return found;
}

static int run(const cli_t *cli) {
    const char *name = cli_operand(cli, 0);
    if (cli_flag(cli, "man")) {
        help_man_page();
        return EXIT_DONE;
    }
    if (!name) {
        help_overview(stdout);
        return EXIT_DONE;
    }
    const cli_command_t *command = cli_command_find(name);
    if (command) {
        help_command(command);
        return EXIT_DONE;
    }
    suggest_t suggest = {.word = name};
    for (size_t i = 0; cli_command(i); i++) suggest_try(&suggest, cli_command(i)->name);
    if (!show_kind(name) && !show_module(name, &suggest))
        die(EXIT_USAGE, "help: nothing is called \"%s\"%s", name, suggest_text(&suggest, ""));
    return EXIT_DONE;
}

static const cli_option_t options[] = {
    {"man", 0, CLI_FLAG, "", "", "print the man page vae(1) as troff", 0},
    {.name = NULL},
};

const cli_command_t command_help = {
    .name = "help",
    .operands = "[NAME]",
    .summary = "explain a command, a layer or another module",
    .text = "NAME is a command, a kind of module, or a module. For a kind (layer, latent, ...; vae\n"
            "help kinds lists them) its modules are listed, and a module is shown with its options.",
    .example = "  vae help train\n  vae help layer\n  vae help conv2d\n  vae help --man | man -l -",
    .options = options,
    .run = run,
};
