/* SPDX-License-Identifier: MIT
 * data.h - sources of examples.
 *
 *     source              what                                                    labels      test split
 *     fashion-mnist       the four IDX files in $VAE_DATA or Debian's folder      yes         10,000 t10k images
 *     freedoom            crops of the textures in freedoom1.wad, freedoom2.wad   -           by texture
 *     shapes, shapes:N    a generator with known factors, N training examples     yes         N / 10
 *     FILE, IDX, IDX.gz   images [n][H][W] or [n][H][W][C], bytes or floats       if near     -
 *     FILE.npy            [n][H][W], [n][H][W][C] or [n][S], u1 or f4             -           -
 *     FILE.bin            CIFAR-10 records of 3073 bytes                          yes         -
 *     FILE.wad            crops of the textures of a Doom WAD                     -           by texture
 *     words               Debian's list of English words, for models of tokens     -           -
 *     FILE.csv, .tsv      lines of numbers: examples, or steps of series             -           -
 *     FILE, text          its lines, for models of tokens (alphabet.h)            -           -
 *     PICTURE             one picture, of the formats of bitmap_formats.def       -           -
 *     FOLDER              its IDX or CIFAR-10 files, or else its pictures         subfolders  if the files have one
 *
 * Examples keep the type of the source, bytes or floats; data_gather() turns bytes into floats in [0, 1]. Every loader reads the head of a
 * file first and compares it with the file's size and, by data_fit(), with the input of the model, before it reads a value or allocates
 * memory for it. If a file is not valid, the loader ends the program with exit code 3 and the name of the file. It reports what it
 * converts, leaves out or does not find. */
#ifndef DATA_H
#define DATA_H

#include "extent.h"
#include "folder.h"
#include <stddef.h>

typedef struct data {
    int64_t n;       /* examples */
    extent_t extent; /* of one example */
    uint8_t *u8;     /* values[n][S], 0..255 for 0..1; or */
    float *f32;      /* values[n][S], finite */
    int32_t *label;  /* [n] or NULL */
    char **name;     /* [n] the files of pictures, or NULL */
    float *factor;   /* [n][n_factor]: the factors that the generator drew, or NULL */
    int64_t n_factor;
} data_t;

/* The way in which data are read. */
typedef struct data_way {
    uint8_t background[3]; /* the colour behind transparent pixels */
    int64_t tokens;        /* the tokens of the model; 0: the model takes numbers */
    bool strict;           /* a picture that cannot be read ends the program */
    int64_t h, w, c;       /* the size of pictures if the model does not fix it; 0: the size of the data */
    /* Called with the sizes of examples that do not fit, or if the model does not fix them: it makes the model fit, or ends the program.
     * n is their number, or 0 if it is not known yet. NULL: such examples are refused. */
    void (*adapt)(void *user, const char *source, int64_t n, const extent_t *have);
    void *user;
} data_way_t;

typedef struct data_set {
    const char *source; /* its name in sentences */
    char *title;        /* the memory of `source` if it was made from several names */
    extent_t want;      /* the input of the model; n is 0 if any size is allowed */
    data_way_t way;
    char *classes; /* names of the labels, one on each line from label 0 on; NULL if they have none */
    data_t train;
    data_t test; /* n is 0 if the source has no test split of its own */
} data_set_t;

/* Loads a source whose examples fit the model. Several sources are pictures and folders of pictures, which are read together in the
 * given order, without labels. Sources that can be scaled (pictures, shapes, WAD files) are scaled to the model's sizes. */
void data_load(data_set_t *set, const char *const *source, size_t n, const extent_t *want, const data_way_t *way);

/* The only check of sizes, before values are read: dies unless values of `have` have the order that the model needs. n is the number of
 * examples, or 0 if it is not known yet. */
void data_fit(data_set_t *set, int64_t n, const extent_t *have);

/* Dies if the input of the model is no picture; called before a large source is read. */
void data_want_picture(const data_set_t *set);

/* For sources that can have any size: the picture that the model needs. If the model does not fix it, the given sizes or those of --size
 * and --color, after data_fit(). */
typedef struct data_shape {
    int64_t h, w, c;
} data_shape_t;
data_shape_t data_shape(data_set_t *set, int64_t n, int64_t h, int64_t w, int64_t c);

/* If there is no test split, makes one of each tenth example; a single example is in both splits. */
void data_hold_out(data_set_t *set);

/* Returns the split by name: "train", or "test", for which all examples are used if there is no test split. */
const data_t *data_split(const data_set_t *set, const char *split);

/* Write the values of examples index[n], or first .. first + n - 1, to x[n][S]. */
void data_gather(const data_t *data, const int64_t *index, int64_t n, float *x);
void data_range(const data_t *data, int64_t first, int64_t n, float *x);

/* Dies unless all values are in [0, 1], for a bernoulli likelihood; for others it warns if values of pictures are outside. */
void data_check_values(const data_set_t *set, bool unit_interval);
/* Die unless they do, because `what` wants it. */
void data_require_unit(const data_set_t *set, const char *what);

/* A hash over size, count and values, which tells whether a run continues with the same data. */
uint64_t data_fingerprint(const data_t *data);

void data_free(data_set_t *set);

/* The loaders. Each fills set->train, and set->test if the source has one. */
void data_load_fashion_mnist(data_set_t *set);
void data_load_shapes(data_set_t *set);
void data_load_pictures(data_set_t *set, const folder_t *folder);
void data_load_picture(data_set_t *set, const char *path);
/* Loads WAD files, and `freedoom`, which is two of them in $VAE_DATA or Debian's folder. */
void data_load_wad(data_set_t *set, const char *const *path, size_t n_path);
void data_load_freedoom(data_set_t *set);
void data_load_npy(data_set_t *set, const char *path);
void data_load_text(data_set_t *set, const char *path);
void data_load_csv(data_set_t *set, const char *path);
void data_load_words(data_set_t *set);
void data_load_idx(data_set_t *set, const char *path);
void data_load_cifar(data_set_t *set, const char *path);

/* Recognise a file by its first bytes. */
bool data_is_idx(const uint8_t *head, size_t n);
bool data_is_cifar(const char *path, const uint8_t *head, size_t n, int64_t size);

/* Loads a folder that holds the files of an IDX or CIFAR-10 data set, and returns true; otherwise false. */
bool data_load_idx_folder(data_set_t *set, const folder_t *folder);
bool data_load_cifar_folder(data_set_t *set, const folder_t *folder);

#endif
