/* SPDX-License-Identifier: MIT
 * preset.c - makes the table of presets.def. */
#include "vae/preset.h"

#define VAEI_PRESET(name, summary, text) {name, summary, text},
const vaei_preset vaei_presets[] = {
#include "vae/presets.def"
};
#undef VAEI_PRESET

const size_t vaei_presets_count = sizeof(vaei_presets) / sizeof(vaei_presets[0]);
