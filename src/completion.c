/* SPDX-License-Identifier: MIT
 * completion.c - writes completions for bash, zsh and fish from the tables of the commands and the library's registries.
 *
 * bash and zsh share one function written for bash (zsh runs it by bashcompinit); fish gets one line for each option. */
#include "cli.h"
#include "console.h"

#include <stdio.h>
#include <string.h>
#include <vae/vae.h>

/* ---- values: the words that may follow an option or be an operand, each with a space behind it -------------------------- */

static void words_of_kind(const char *kind) {
    for (int32_t i = 0; i < vae_registry_count(kind); i++) printf("%s ", vae_registry_name(kind, i));
}

/* Prints "adam.lr= " for each option of the kind's modules. */
static void keys_of_kind(const char *kind) {
    for (int32_t i = 0; i < vae_registry_count(kind); i++) {
        vae_option_t option = {.struct_size = sizeof option};
        const char *name = vae_registry_name(kind, i);
        for (int32_t k = 0; vae_registry_option(kind, name, k, &option) == VAE_OK; k++) printf("%s.%s= ", name, option.name);
    }
}

/* Prints "latent.dim= " once for each option that some module of the section has. */
static void keys_of_section(const char *section) {
    const int32_t n = vae_registry_count(section);
    for (int32_t i = 0; i < n; i++) {
        vae_option_t option = {.struct_size = sizeof option}, other = option;
        for (int32_t k = 0; vae_registry_option(section, vae_registry_name(section, i), k, &option) == VAE_OK; k++) {
            bool before = false;
            for (int32_t j = 0; j < i; j++)
                for (int32_t m = 0; vae_registry_option(section, vae_registry_name(section, j), m, &other) == VAE_OK; m++)
                    before = before || strcmp(other.name, option.name) == 0;
            if (!before) printf("%s.%s= ", section, option.name);
        }
    }
}

static void presets(void) {
    words_of_kind("preset");
}

static void keys(void) {
    static const char *const section[] = {"latent", "likelihood"}, *const kind[] = {"optimizer", "objective", "schedule", "clip"};
    for (size_t i = 0; i < sizeof section / sizeof *section; i++) keys_of_section(section[i]);
    for (size_t i = 0; i < sizeof kind / sizeof *kind; i++) keys_of_kind(kind[i]);
}

static void changes(void) {
    printf("crop flip rotate90 crop,flip crop,flip,rotate90 ");
}

static void data_names(void) {
    printf("fashion-mnist freedoom shapes ");
}

static void shells(void) {
    printf("bash zsh fish ");
}

static void topics(void) {
    const char *kind;
    for (size_t i = 0; cli_command(i); i++) printf("%s ", cli_command(i)->name);
    for (int32_t i = 0; (kind = vae_registry_kind(i)); i++) {
        printf("%s ", kind);
        words_of_kind(kind);
    }
}

typedef void words_t(void);

static words_t *values_of_option(const cli_option_t *option) {
    if (strcmp(option->name, "preset") == 0) return presets;
    if (strcmp(option->name, "set") == 0) return keys;
    return strcmp(option->name, "augment") == 0 ? changes : NULL;
}

static words_t *values_of_operands(const cli_command_t *command) {
    if (strstr(command->operands, "DATA")) return data_names;
    if (strstr(command->operands, "SHELL")) return shells;
    return strstr(command->operands, "[NAME]") ? topics : NULL;
}

/* Prints the choices of an option, or its values; nothing if any text is allowed. */
static void print_values(const cli_option_t *option) {
    words_t *values = values_of_option(option);
    if (values) values();
    for (const char *p = option->kind == CLI_CHOICE ? option->arg : ""; *p; p++) putchar(*p == '|' ? ' ' : *p);
}

static bool has_values(const cli_option_t *option) {
    return option->kind == CLI_CHOICE || values_of_option(option);
}

/* ---- the shells ------------------------------------------------------------------------------------------------------------ */

static void print_bash(void) {
    printf("_vae() {\n"
           "    local word=\"${COMP_WORDS[COMP_CWORD]}\" before=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
           "    COMPREPLY=()\n"
           "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
           "        COMPREPLY=($(compgen -W '");
    for (size_t i = 0; cli_command(i); i++) printf("%s ", cli_command(i)->name);
    printf("--version --help' -- \"$word\"))\n"
           "        return\n"
           "    fi\n"
           "    case \"${COMP_WORDS[1]} $before\" in\n");
    for (size_t i = 0; cli_command(i); i++) {
        const cli_option_t *option;
        for (size_t k = 0; (option = cli_option(cli_command(i), k)); k++) {
            if (!has_values(option)) continue;
            printf("    '%s --%s'", cli_command(i)->name, option->name);
            if (option->letter) printf("|'%s -%c'", cli_command(i)->name, option->letter);
            printf(") COMPREPLY=($(compgen -W '");
            print_values(option);
            printf("' -- \"$word\")); %sreturn ;;\n", strcmp(option->name, "set") == 0 ? "compopt -o nospace 2> /dev/null; " : "");
        }
    }
    printf("    esac\n"
           "    case \"$word\" in\n"
           "    -*) ;;\n"
           "    *) COMPREPLY=($(compgen -f -- \"$word\"))\n"
           "        case \"${COMP_WORDS[1]}\" in\n");
    for (size_t i = 0; cli_command(i); i++) {
        words_t *values = values_of_operands(cli_command(i));
        if (!values) continue;
        printf("        %s) COMPREPLY+=($(compgen -W '", cli_command(i)->name);
        values();
        printf("' -- \"$word\")) ;;\n");
    }
    printf("        esac\n"
           "        return ;;\n"
           "    esac\n"
           "    case \"${COMP_WORDS[1]}\" in\n");
    for (size_t i = 0; cli_command(i); i++) {
        printf("    %s) COMPREPLY=($(compgen -W '", cli_command(i)->name);
        for (size_t k = 0; cli_option(cli_command(i), k); k++) printf("%s--%s", k ? " " : "", cli_option(cli_command(i), k)->name);
        printf("' -- \"$word\")) ;;\n");
    }
    printf("    esac\n}\n"
           "complete -o filenames -F _vae vae\n");
}

/* The file is _vae on zsh's path, and zsh reads it when the first word is completed; the last line completes that word. */
static void print_zsh(void) {
    printf("#compdef vae\nautoload -U +X bashcompinit && bashcompinit\n");
    print_bash();
    printf("[ -z \"$funcstack\" ] || _bash_complete -o filenames -F _vae\n");
}

/* Quotes text with single quotes for fish. */
static void quoted(const char *text) {
    putchar('\'');
    for (const char *p = text; *p; p++) {
        if (*p == '\'' || *p == '\\') putchar('\\');
        putchar(*p);
    }
    putchar('\'');
}

static void print_fish(void) {
    for (size_t i = 0; cli_command(i); i++) {
        const cli_command_t *command = cli_command(i);
        printf("complete -c vae -n __fish_use_subcommand -a %s -d ", command->name);
        quoted(command->summary);
        putchar('\n');
        words_t *values = values_of_operands(command);
        if (values) {
            printf("complete -c vae -n '__fish_seen_subcommand_from %s' -a '", command->name);
            values();
            printf("'\n");
        }
        const cli_option_t *option;
        for (size_t k = 0; (option = cli_option(command, k)); k++) {
            printf("complete -c vae -n '__fish_seen_subcommand_from %s' -l %s", command->name, option->name);
            if (option->letter) printf(" -s %c", option->letter);
            if (has_values(option)) {
                printf(" -x -a '");
                print_values(option);
                putchar('\'');
            } else if (option->kind != CLI_FLAG) {
                printf(" -r");
            }
            printf(" -d ");
            quoted(option->text);
            putchar('\n');
        }
    }
}

int completion_print(const char *shell) {
    static const struct {
        const char *name;
        void (*print)(void);
    } known[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(shell, known[i].name) == 0) {
            known[i].print();
            return EXIT_DONE;
        }
    die(EXIT_USAGE, "completion: \"%s\" is none of bash, zsh, fish", shell);
}
