/* SPDX-License-Identifier: MIT
 * pictures.h - writes the outputs of a model as pictures or arrays. */
#ifndef PICTURES_H
#define PICTURES_H

#include "data.h"
#include <vae/vae.h>

/* The size in which examples are shown: that of the data if it is a picture, otherwise the model's; n is 0 if neither is one. */
extent_t picture_extent(const vae_model_t *model, const data_t *data);

/* Dies unless path ends in .png or .npy; returns true for .npy. */
bool picture_is_array(const char *path);

/* Writes examples x[n][S]: a grid of pictures for a path in .png, an array for .npy. */
void picture_write(const char *path, const float *x, int64_t n, const extent_t *extent, int64_t columns);

/* Writes examples x[n][T] of a model of tokens: an array for a path in .npy, otherwise the lines of alphabet_lines(); path NULL: to
 * stdout. */
void text_write(const char *path, const vae_model_t *model, const float *x, int64_t n, int64_t group);

/* Writes a grid of the first n examples: below each row of inputs is the row of their reconstructions. */
void picture_reconstructions(const char *path, vae_session_t *session, const vae_model_t *model, const data_t *data, int64_t n,
                             const extent_t *extent, int64_t columns);

#endif
