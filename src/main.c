/* SPDX-License-Identifier: MIT
 * main.c - the vae program: train a variational autoencoder and use it, from the command line.
 *
 *     vae COMMAND [OPERANDS] [OPTIONS]
 *
 * Each command is one file, cmd_NAME.c, with its table of options (cli.h). The program uses only the public headers of
 * the library. console.h lists the exit codes. */
#include "cli.h"
#include "console.h"
#include "interrupt.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
    interrupt_begin();
    const int code = cli_main(argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout)) die(EXIT_RUNTIME, "standard output: %s", strerror(errno));
    return code;
}
