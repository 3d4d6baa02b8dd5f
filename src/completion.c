/* SPDX-License-Identifier: MIT
 * completion.c - completions for bash, zsh and fish, made from the tables of the commands.
 *
 * bash and zsh share one function in bash's terms (zsh runs it through bashcompinit); fish gets one line for each
 * option. */
#include "cli.h"
#include "console.h"

#include <stdio.h>
#include <string.h>

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
            if (option->kind != CLI_CHOICE) continue;
            printf("    '%s --%s') COMPREPLY=($(compgen -W '", cli_command(i)->name, option->name);
            for (const char *p = option->arg; *p; p++) putchar(*p == '|' ? ' ' : *p);
            printf("' -- \"$word\")); return ;;\n");
        }
    }
    printf("    esac\n"
           "    case \"$word\" in -*) ;; *) COMPREPLY=($(compgen -f -- \"$word\")); return ;; esac\n"
           "    case \"${COMP_WORDS[1]}\" in\n");
    for (size_t i = 0; cli_command(i); i++) {
        printf("    %s) COMPREPLY=($(compgen -W '", cli_command(i)->name);
        for (size_t k = 0; cli_option(cli_command(i), k); k++) printf("%s--%s", k ? " " : "", cli_option(cli_command(i), k)->name);
        printf("' -- \"$word\")) ;;\n");
    }
    printf("    esac\n}\n"
           "complete -o filenames -F _vae vae\n");
}

static void print_zsh(void) {
    printf("#compdef vae\nautoload -U +X bashcompinit && bashcompinit\n");
    print_bash();
}

/* Single-quoted for fish. */
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
        const cli_option_t *option;
        for (size_t k = 0; (option = cli_option(command, k)); k++) {
            printf("complete -c vae -n '__fish_seen_subcommand_from %s' -l %s", command->name, option->name);
            if (option->letter) printf(" -s %c", option->letter);
            if (option->kind == CLI_CHOICE) {
                printf(" -x -a '");
                for (const char *p = option->arg; *p; p++) putchar(*p == '|' ? ' ' : *p);
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
    } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (strcmp(shell, shells[i].name) == 0) {
            shells[i].print();
            return EXIT_DONE;
        }
    die(EXIT_USAGE, "completion: \"%s\" is none of bash, zsh, fish", shell);
}
