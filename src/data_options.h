/* SPDX-License-Identifier: MIT
 * data_options.h - the options of commands that read examples: --background, --strict, --binarize, --size, --color. */
#ifndef DATA_OPTIONS_H
#define DATA_OPTIONS_H

#include "binarize.h"
#include "cli.h"

/* Lines of a table of options. */
#define DATA_OPTIONS                                                                                                                      \
    {"background", 0, CLI_TEXT, "COLOUR", "white", "colour behind transparent pixels: black, white, a name or #rrggbb", 0},               \
        {"strict", 0, CLI_FLAG, "", "", "end if a picture in a folder can't be read, instead of leaving it out", 0}, {                    \
        "binarize", 0, CLI_CHOICE, BINARIZE_NAMES, "", "turn values into zeros and ones: draw in each pass, draw once, or 1 from 1/2 on", \
            0                                                                                                                             \
    }

/* Lines of the table of a command that may choose the size of pictures. */
#define DATA_SHAPE_OPTIONS                                                                                                      \
    {"size", 0, CLI_TEXT, "N", "", "the side of pictures, or HEIGHTxWIDTH (default: that of the data, 64 for photographs)", 0}, \
        {"color", 0, CLI_FLAG, "", "", "read pictures in colour (default: if one of them is)", 0}, {                            \
        "grey", 0, CLI_FLAG, "", "", "read pictures in grey", 0                                                                 \
    }

/* Sets the sizes that --size, --color and --grey ask for, or 0 without them; dies with exit code 2 if they are not valid. */
void data_way_shape(const cli_t *cli, data_way_t *way);

/* Returns the way in which the command line reads data; dies with exit code 2 if the colour is not valid. */
data_way_t data_way(const cli_t *cli);

#endif
