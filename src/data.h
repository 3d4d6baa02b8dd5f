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
 *     FOLDER              its IDX or CIFAR-10 files, else its pictures            subfolders  if the files have one
 *
 * Examples keep the type of the source, bytes or floats; data_gather() turns bytes into floats in [0, 1]. Every loader reads the head of a
 * file first and compares it with the file's size and with what the model takes, by data_fit(), before it reads a value or allocates
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
    float *factor;   /* [n][n_factor]: what the generator drew, or NULL */
    int64_t n_factor;
} data_t;

/* How data are to be read. */
typedef struct data_way {
    uint8_t background[3]; /* the colour behind transparent pixels */
    int64_t tokens;        /* the model's; 0: it takes numbers */
    bool strict;           /* a picture that can't be read ends the program */
    int64_t h, w, c;       /* what pictures are brought to where the model leaves it open; 0: as the data are */
    /* Called with the sizes of examples that do not fit, or where the model leaves them open: makes the model fit them, or ends the
     * program. n is their number, 0 if it is not known yet. NULL: they are refused. */
    void (*adapt)(void *user, const char *source, int64_t n, const extent_t *have);
    void *user;
} data_way_t;

typedef struct data_set {
    const char *source; /* what sentences call it */
    char *title;        /* where source is made of several, its memory */
    extent_t want;      /* what the model takes; n is 0 if anything goes */
    data_way_t way;
    char *classes; /* names of the labels, one a line from label 0 on; NULL if they have none */
    data_t train;
    data_t test; /* n is 0 where the source has no split of its own */
} data_set_t;

/* Load a source whose examples fit the model; several are pictures and folders of pictures, taken together in the order given, without
 * labels. Sources that can (pictures, shapes, WAD files) are brought to the model's sizes. */
void data_load(data_set_t *set, const char *const *source, size_t n, const extent_t *want, const data_way_t *way);

/* The one check of sizes, before values are read: die unless values of `have` lie in the order that the model wants. n is the number of
 * examples, 0 if it is not known yet. */
void data_fit(data_set_t *set, int64_t n, const extent_t *have);

/* Dies if the model wants what is no picture: before a large source is read. */
void data_want_picture(const data_set_t *set);

/* For sources that can be brought to any size: the picture that the model wants; where it leaves that open, of these sizes or those of
 * --size and --color, after data_fit(). */
typedef struct data_shape {
    int64_t h, w, c;
} data_shape_t;
data_shape_t data_shape(data_set_t *set, int64_t n, int64_t h, int64_t w, int64_t c);

/* Where there is no test split, make each tenth example one; with a single example, that one. */
void data_hold_out(data_set_t *set);

/* The split by name: "train", or "test", which falls back to all examples. */
const data_t *data_split(const data_set_t *set, const char *split);

/* Values of examples index[n], or first .. first + n - 1, as x[n][S]. */
void data_gather(const data_t *data, const int64_t *index, int64_t n, float *x);
void data_range(const data_t *data, int64_t first, int64_t n, float *x);

/* Die unless all values lie in [0, 1], for a bernoulli likelihood; for others a warning if pictures reach outside. */
void data_check_values(const data_set_t *set, bool unit_interval);
/* Die unless they do, because `what` wants it. */
void data_require_unit(const data_set_t *set, const char *what);

/* A hash over size, count and values, to tell whether a run goes on with the same data. */
uint64_t data_fingerprint(const data_t *data);

void data_free(data_set_t *set);

/* The loaders. Each fills set->train, and set->test where there is one. */
void data_load_fashion_mnist(data_set_t *set);
void data_load_shapes(data_set_t *set);
void data_load_pictures(data_set_t *set, const folder_t *folder);
void data_load_picture(data_set_t *set, const char *path);
/* WAD files; `freedoom`, which is two of them in $VAE_DATA or Debian's folder. */
void data_load_wad(data_set_t *set, const char *const *path, size_t n_path);
void data_load_freedoom(data_set_t *set);
void data_load_npy(data_set_t *set, const char *path);
void data_load_text(data_set_t *set, const char *path);
void data_load_csv(data_set_t *set, const char *path);
void data_load_words(data_set_t *set);
void data_load_idx(data_set_t *set, const char *path);
void data_load_cifar(data_set_t *set, const char *path);

/* What a file is by its first bytes. */
bool data_is_idx(const uint8_t *head, size_t n);
bool data_is_cifar(const char *path, const uint8_t *head, size_t n, int64_t size);

/* A folder that holds the files of an IDX or CIFAR-10 data set: load it and say true. */
bool data_load_idx_folder(data_set_t *set, const folder_t *folder);
bool data_load_cifar_folder(data_set_t *set, const folder_t *folder);

#endif
