/* SPDX-License-Identifier: MIT
 * data_options.h - the options of every command that reads examples: --background, --strict. */
#ifndef DATA_OPTIONS_H
#define DATA_OPTIONS_H

#include "cli.h"
#include "data.h"

/* Lines of a table of options. */
#define DATA_OPTIONS                                                                                                               \
    {"background", 0, CLI_TEXT, "COLOUR", "white", "behind transparent pixels of pictures: black, white, a name or #rrggbb", 0}, { \
        "strict", 0, CLI_FLAG, "", "", "end where a picture in a folder can't be read, instead of leaving it out", 0               \
    }

/* How the command line wants data to be read; dies with exit code 2 if the colour is none. */
data_way_t data_way(const cli_t *cli);

#endif
