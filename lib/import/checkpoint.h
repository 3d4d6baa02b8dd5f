/* SPDX-License-Identifier: MIT
 * checkpoint.h - floor 5: reads an autoencoder of another program from its safetensors file. The result is a text of this library and a
 * list that tells where each parameter comes from. This floor neither builds nor runs a model.
 *
 *     names and shapes of the file's header
 *         -> the family whose signs are there, under a known prefix       families.def, prefixes.def
 *         -> the names in one scheme, which is that of diffusers         rename.h
 *         -> the text for the wanted size, and a vaei_take for each parameter     graph.h, family_*.c
 *
 * The data of the file are not read here. lib/api reads the tensors that the model needs, one by one, so that a checkpoint of 24 GB costs
 * only the memory of its autoencoder.
 *
 * Facts that the names and shapes do not tell (groups of normalisations, the scaling of latents) are read from config.json in the same
 * folder. If it does not tell the scaling, the surrounding checkpoint may tell it (scaling.def); otherwise the scaling is unknown.
 *
 * Every tensor under the prefix must be used, or the family must leave it out by name, so that no tensor is dropped in silence. */
#ifndef VAEI_CHECKPOINT_H
#define VAEI_CHECKPOINT_H

#include "import/config.h"
#include "import/rename.h"
#include "io/safetensors.h"

/* What the caller wants; the public vae_import_options_t (include/vae/import.h) explains the members. */
typedef struct vaei_import_way {
    int64_t height, width; /* 0: VAEI_IMPORT_SIDE, or the least larger multiple that the family takes */
    int32_t own_pixels;    /* 1: pixels in the range of the family; 0: pixels in 0..1 */
    int32_t scaled;        /* 1: latents as the diffusion model sees them; 0: raw latents */
    int32_t no_encoder, no_decoder;
    double factor, shift; /* the scaling that the caller gives; factor 0: none */
} vaei_import_way;

#define VAEI_IMPORT_SIDE 512

/* Where the values of a parameter come from: the rows of a tensor from `first` on, chosen by `how`, times factor, plus offset. */
typedef struct vaei_take {
    const char *param;
    const vaei_entry *entry; /* NULL: the values come from no tensor */
    int32_t how;
    int64_t first;
    double factor, offset;
} vaei_take;

enum {
    VAEI_TAKE_ROWS,  /* all rows */
    VAEI_TAKE_PART,  /* as many rows from `first` on as the parameter has */
    VAEI_TAKE_LAST,  /* all rows; of a convolution over time only the last tap, [O, I, T, H, W] -> [O, I, H, W] */
    VAEI_TAKE_EYE,   /* no tensor: 1 where the column is `first` + the row, otherwise 0 */
    VAEI_TAKE_ZEROS, /* no tensor: 0 */
};

/* A scaling of latents and its source. Factor 0: the scaling is unknown. */
typedef struct vaei_scaling {
    double factor, shift;
    const char *by; /* the source: "config.json", "the checkpoint of SDXL", "the caller" */
} vaei_scaling;

typedef struct vaei_family vaei_family;

typedef struct vaei_import {
    vaei_heap *heap;
    vaei_arena arena;
    vaei_file file;
    vaei_import_way way;
    const vaei_family *family;
    const char *strip, *add;
    vaei_named *tensor; /* [n_tensors], the tensors under the prefix, sorted by name */
    int64_t n_tensors;
    vaei_config config;
    vaei_scaling scaling;
    int32_t has_encoder, has_decoder; /* 1: the half is in the file and the caller wants it */
    /* facts that measure() found */
    int64_t channels, factor, latent; /* channels of a picture, pixels per side of a latent pixel, channels of a latent */
    int64_t codes;                    /* codebook size, or 0 */
    /* results of build() */
    char *text;
    vaei_take *take;
    int64_t n_takes;
} vaei_import;

struct vaei_graph;

struct vaei_family {
    const char *name, *title;
    const char *encoder, *decoder;  /* the name of a tensor that each half has, in the names that build() uses */
    int32_t rank;                   /* the rank of the tensors in `signs`; 0: any */
    int32_t model_side;             /* 1: its latents are already those of the diffusion model, so the scaling is 1 */
    const char *config_class;       /* _class_name in its config.json; NULL: any */
    const char *const *signs;       /* names of tensors, one of which every file of the family has; NULL at the end */
    const char *const *leaves;      /* beginnings of the names of tensors that the model does not need; NULL at the end */
    const vaei_rename_row *renames; /* rows that lead to the names that build() uses; {NULL} at the end */
    double factor;                  /* the scaling if a config.json of this class does not give one; 0: none */
    int32_t signed_pixels;          /* 1: pictures are in -1..1; 0: in 0..1 */
    /* Finds the facts of the file and sets them in `im`: channels, factor, latent, codes. */
    vae_status_t (*measure)(vaei_import *im, struct vaei_graph *g);
    /* Writes the sections encoder, latent and decoder. A failure is kept in g. */
    void (*build)(vaei_import *im, struct vaei_graph *g);
};

/* Opens the file and makes the text and the takes. After a failure nothing needs to be closed. If the file is not one that can be
 * opened, the sentence says what the file is. VAE_E_IO, VAE_E_FORMAT, VAE_E_UNSUPPORTED, VAE_E_SHAPE, VAE_E_ARG, VAE_E_LIMIT,
 * VAE_E_NOMEM. */
vae_status_t vaei_import_open(vaei_import *im, vaei_heap *heap, const char *path, const vaei_import_way *way);
void vaei_import_close(vaei_import *im);

/* Returns the tensor of this name in the family's scheme, or NULL. */
vaei_named *vaei_import_find(const vaei_import *im, const char *name);

/* Checks that the shape of the tensor suits a parameter; VAE_E_SHAPE. */
vae_status_t vaei_take_fits(const vaei_take *t, int32_t ndim, const int64_t *shape, const char *where);
/* The sizes of the arrays that vaei_take_values() needs: bytes[] and floats[]. */
size_t vaei_take_bytes(const vaei_take *t);
size_t vaei_take_floats(const vaei_take *t);
/* Reads the tensor and computes the values out[count] of a parameter whose first size is `rows`. VAE_E_NUMERIC if a value is not finite. */
vae_status_t vaei_take_values(const vaei_take *t, const vaei_file *f, int64_t rows, int64_t count, void *bytes, float *floats, float *out);

/* Writes facts about the file into w as lines of "key  value". */
void vaei_import_describe(const vaei_import *im, vaei_writer *w);

#endif
