/* SPDX-License-Identifier: MIT
 * data_options.c - reads the options of the command line about data. */
#include "data_options.h"
#include "cli_suggest.h"
#include "console.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    uint32_t rgb;
} colours[] = {
    {"white", 0xffffff}, {"black", 0x000000}, {"gray", 0x808080},   {"grey", 0x808080},    {"red", 0xff0000},
    {"green", 0x00ff00}, {"blue", 0x0000ff},  {"yellow", 0xffff00}, {"magenta", 0xff00ff}, {"cyan", 0x00ffff},
};

/* Parses #rrggbb, or #rgb, in which each digit is doubled. */
static bool parse_digits(const char *word, uint32_t *rgb) {
    const size_t n = strlen(word + 1);
    if (word[0] != '#' || strspn(word + 1, "0123456789abcdefABCDEF") != n || (n != 6 && n != 3)) return false;
    const uint32_t v = (uint32_t)strtoul(word + 1, NULL, 16);
    *rgb = n == 6 ? v : (v >> 8) * 0x110000 + (v >> 4 & 15) * 0x1100 + (v & 15) * 0x11;
    return true;
}

static uint32_t parse_colour(const char *word) {
    uint32_t rgb;
    suggest_t suggest = {.word = word};
    if (parse_digits(word, &rgb)) return rgb;
    for (size_t i = 0; i < sizeof colours / sizeof *colours; i++) {
        suggest_try(&suggest, colours[i].name);
        if (strcasecmp(colours[i].name, word) == 0) return colours[i].rgb;
    }
    die(EXIT_USAGE, "--background: \"%s\" is no colour%s", word,
        suggest.best ? suggest_text(&suggest, "") : "; wanted black, white, a name or #rrggbb");
}

data_way_t data_way(const cli_t *cli) {
    const uint32_t rgb = parse_colour(cli_text(cli, "background"));
    return (data_way_t){
        .background = {(uint8_t)(rgb >> 16), (uint8_t)(rgb >> 8 & 255), (uint8_t)(rgb & 255)},
        .strict = cli_flag(cli, "strict"),
    };
}

enum { MOST_SIDE = 4096 };

void data_way_shape(const cli_t *cli, data_way_t *way) {
    const char *size = cli_text(cli, "size");
    const bool colour = cli_flag(cli, "color"), grey = cli_flag(cli, "grey");
    if (colour && grey) die(EXIT_USAGE, "--color and --grey exclude each other");
    way->c = colour ? 3 : grey ? 1 : 0;
    if (!size[0]) return;
    char *end;
    way->h = way->w = strtoll(size, &end, 10);
    if (*end == 'x') way->w = strtoll(end + 1, &end, 10);
    if (*end != '\0' || way->h < 1 || way->h > MOST_SIDE || way->w < 1 || way->w > MOST_SIDE)
        die(EXIT_USAGE, "--size: \"%s\" is no size; wanted a side, as 64, or HEIGHTxWIDTH, up to %d", size, MOST_SIDE);
}
