/* SPDX-License-Identifier: MIT
 * preset.h - presets: complete texts of a model and its training that are known to work. Each is one line in presets.def. */
#ifndef VAEI_PRESET_H
#define VAEI_PRESET_H

#include <stddef.h>

typedef struct vaei_preset {
    const char *name, *summary, *text;
} vaei_preset;

extern const vaei_preset vaei_presets[];
extern const size_t vaei_presets_count;

#endif
