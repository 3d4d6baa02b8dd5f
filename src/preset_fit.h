/* SPDX-License-Identifier: MIT
 * preset_fit.h - chooses one of the library's presets for a data set, and adapts its text to pictures of another size. */
#ifndef PRESET_FIT_H
#define PRESET_FIT_H

#include "extent.h"

/* The text with this input, in fresh memory: the decoder's first reshape grows as the input does, with the linear map before it, and its
 * last layer with outputs makes as many channels. Whether a model can be made of it, preset_works() tells. */
char *preset_fit(const char *text, const extent_t *input);
bool preset_works(const char *text);

/* The preset for examples of these sizes: its name, and its text for them in fresh memory. NULL if they suit none. */
const char *preset_choose(const extent_t *examples, char **text);

#endif
