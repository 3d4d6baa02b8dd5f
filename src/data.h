/* SPDX-License-Identifier: MIT
 * data.h - examples to train on and to look at.
 *
 *     source              what                                                    labels      test split
 *     fashion-mnist       the four IDX files in $VAE_DATA or Debian's folder      yes         10,000 t10k images
 *     freedoom            crops of the textures in freedoom1.wad, freedoom2.wad   -           by texture
 *     shapes, shapes:N    a generator with known factors, N training examples     yes         N / 10
 *     FILE, IDX, IDX.gz   images [n][H][W] or [n][H][W][C], bytes or floats       if near     -
 *     FILE.npy            [n][H][W], [n][H][W][C] or [n][S], u1 or f4             -           -
 *     FILE.bin            CIFAR-10 records of 3073 bytes                          yes         -
 *     FILE.wad            crops of the textures of a Doom WAD                     -           by texture
 *     FILE.png, FILE.jpg  one picture                                             -           -
 *     FOLDER              its IDX or CIFAR-10 files, else its PNG and JPEG files  subfolders  if the files have one
 *
 * Examples stay as they came, bytes or floats; data_gather() turns bytes into floats in [0, 1]. Every loader checks
 * all sizes before it allocates, and ends the program with exit code 3 and the file's name where a file is not what
 * it claims. */
#ifndef DATA_H
#define DATA_H

#include "extent.h"
#include <stddef.h>

typedef struct data {
    int64_t n;       /* examples */
    extent_t extent; /* of one example */
    uint8_t *u8;     /* values[n][S], 0..255 for 0..1; or */
    float *f32;      /* values[n][S], finite */
    int32_t *label;  /* [n] or NULL */
    float *factor;   /* [n][n_factor]: what the generator drew, or NULL */
    int64_t n_factor;
} data_t;

typedef struct data_set {
    const char *source;
    char *classes; /* names of the labels, one a line from label 0 on; NULL if they have none */
    data_t train;
    data_t test; /* n is 0 where the source has no split of its own */
} data_set_t;

/* Load a source. want: what the model takes, for sources that can follow it (folders, shapes, WAD files); n is 0
 * if anything goes. */
void data_load(data_set_t *set, const char *source, const extent_t *want);

/* Where there is no test split, make each tenth example one; with a single example, that one. */
void data_hold_out(data_set_t *set);

/* The split by name: "train", or "test", which falls back to all examples. */
const data_t *data_split(const data_set_t *set, const char *split);

/* Values of examples index[n], or first .. first + n - 1, as x[n][S]. */
void data_gather(const data_t *data, const int64_t *index, int64_t n, float *x);
void data_range(const data_t *data, int64_t first, int64_t n, float *x);

/* Die unless the examples have the model's size and, for a bernoulli likelihood, lie in [0, 1]. */
void data_require(const data_set_t *set, const extent_t *input, bool unit_interval);

/* A hash over size, count and values, to tell whether a run goes on with the same data. */
uint64_t data_fingerprint(const data_t *data);

void data_free(data_set_t *set);

/* The loaders. Each fills set->train, and set->test where there is one. */
void data_load_fashion_mnist(data_set_t *set);
void data_load_shapes(data_set_t *set, const extent_t *want);
void data_load_folder(data_set_t *set, const char *path, const extent_t *want);
void data_load_picture(data_set_t *set, const char *path, const extent_t *want);
/* WAD files; `freedoom`, which is two of them in $VAE_DATA or Debian's folder. */
void data_load_wad(data_set_t *set, const char *const *path, size_t n_path, const extent_t *want);
void data_load_freedoom(data_set_t *set, const extent_t *want);
void data_load_npy(data_t *data, const char *path);
void data_load_idx(data_t *data, const char *images, const char *labels, int32_t classes);
void data_load_cifar(data_t *data, const char *const *path, size_t n_path);

/* What a file is by its first bytes. */
bool data_is_idx(const uint8_t *head, size_t n);
bool data_is_cifar(const char *path, const uint8_t *head, size_t n, int64_t size);

/* The labels' file next to an IDX file of images, or NULL. */
char *data_idx_labels(const char *images);

/* A folder that holds the files of an IDX or CIFAR-10 data set: load it and say true. */
bool data_load_idx_folder(data_set_t *set, const char *path);
bool data_load_cifar_folder(data_set_t *set, const char *path);

#endif
