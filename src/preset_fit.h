/* SPDX-License-Identifier: MIT
 * preset_fit.h - chooses one of the library's presets for a data set, and adapts its text to pictures of another size. */
#ifndef PRESET_FIT_H
#define PRESET_FIT_H

#include "extent.h"

/* Returns the text with this input, in fresh memory. The decoder's first reshape changes with the input, and the linear layer before it
 * too; its last layer with outputs gets the channels of the input. preset_works() tells whether a model of the text can be built. */
char *preset_fit(const char *text, const extent_t *input);
bool preset_works(const char *text);

/* Returns the name of the preset for examples of these sizes, and its adapted text in fresh memory. NULL if none is suitable. */
const char *preset_choose(const extent_t *examples, char **text);

#endif
