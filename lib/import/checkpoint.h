/* SPDX-License-Identifier: MIT
 * checkpoint.h - floor 5: an autoencoder of another program, from its safetensors file, as a text of ours and a list that tells where each
 * parameter comes from. Knows nothing of models at work.
 *
 *     names and shapes of the file's header
 *         -> the family whose sign is there, under a known prefix        families.def, prefixes.def
 *         -> the names in one scheme, that of diffusers                  rename.h
 *         -> the text for the wanted size, and a vaei_take a parameter   graph.h, family_*.c
 *
 * The data of the file are not read here: lib/api reads the tensors that are taken, one by one, so that a checkpoint of 24 GB costs the
 * memory of its autoencoder.
 *
 * What the names and shapes do not tell (groups of normalisations, the scaling of latents) is read from config.json beside the file and,
 * for the scaling, from the surrounding checkpoint (scaling.def). An unknown scaling stays unknown.
 *
 * Every tensor under the prefix must be used or be one that the family leaves out by name: nothing is dropped in silence. */
#ifndef VAEI_CHECKPOINT_H
#define VAEI_CHECKPOINT_H

#include "import/config.h"
#include "import/rename.h"
#include "io/safetensors.h"

/* What the caller wants; the public vae_import_options_t (include/vae/import.h) tells the meanings. */
typedef struct vaei_import_way {
    int64_t height, width; /* 0: VAEI_IMPORT_SIDE, or the least multiple above it that the family takes */
    int32_t own_pixels;    /* pictures as the family has them; else 0..1 */
    int32_t scaled;        /* latents as the diffusion model sees them; else raw */
    int32_t no_encoder, no_decoder;
    double factor, shift; /* the caller's word on the scaling; factor 0: none */
} vaei_import_way;

#define VAEI_IMPORT_SIDE 512

/* Where the values of a parameter of ours come from: rows first .. of a tensor, as `how` says, times factor, plus offset. */
typedef struct vaei_take {
    const char *param;
    const vaei_entry *entry; /* NULL: from no tensor */
    int32_t how;
    int64_t first;
    double factor, offset;
} vaei_take;

enum {
    VAEI_TAKE_ROWS,  /* all rows */
    VAEI_TAKE_PART,  /* the rows from `first` on that the parameter has room for */
    VAEI_TAKE_LAST,  /* all rows; of a convolution over time its last tap, [O, I, T, H, W] -> [O, I, H, W] */
    VAEI_TAKE_EYE,   /* no tensor: 1 where the column is `first` + the row, else 0 */
    VAEI_TAKE_ZEROS, /* no tensor: 0 */
};

/* What a scaling is known by; factor 0: it is unknown. */
typedef struct vaei_scaling {
    double factor, shift;
    const char *by; /* "config.json", "the checkpoint of SDXL", "the caller" */
} vaei_scaling;

typedef struct vaei_family vaei_family;

typedef struct vaei_import {
    vaei_heap *heap;
    vaei_arena arena;
    vaei_file file;
    vaei_import_way way;
    const vaei_family *family;
    const char *strip, *add;
    vaei_named *tensor; /* [n_tensors] under the prefix, sorted by name */
    int64_t n_tensors;
    vaei_config config;
    vaei_scaling scaling;
    int32_t has_encoder, has_decoder; /* in the file, and wanted */
    /* what the family found */
    int64_t channels, factor, latent; /* of a picture, pixels a latent's side, channels of a latent */
    int64_t codes;                    /* size of a codebook, or 0 */
    /* what it made */
    char *text;
    vaei_take *take;
    int64_t n_takes;
} vaei_import;

struct vaei_graph;

struct vaei_family {
    const char *name, *title;
    const char *encoder, *decoder;  /* a tensor that each half has, in the names that build() uses */
    int32_t rank;                   /* of the tensors of `signs`; 0: any */
    int32_t model_side;             /* its latents are the diffusion model's: the scaling is 1 */
    const char *config_class;       /* _class_name of its config.json; NULL: any */
    const char *const *signs;       /* tensors, of which one is there; NULL at the end */
    const char *const *leaves;      /* beginnings of names that the model does not need; NULL at the end */
    const vaei_rename_row *renames; /* to the names that build() uses; {NULL} at the end */
    double factor;                  /* scaling of a config.json of this class that has none; 0: none */
    int32_t signed_pixels;          /* pictures are -1..1; else 0..1 */
    /* The file's facts into im: channels, factor, latent, codes. */
    vae_status_t (*measure)(vaei_import *im, struct vaei_graph *g);
    /* The sections encoder, latent and decoder; failures stay in g. */
    void (*build)(vaei_import *im, struct vaei_graph *g);
};

/* Opens the file and makes text and takes; on failure nothing is to be closed. The sentence says what the file is, if it is none that can
 * be opened. VAE_E_IO, VAE_E_FORMAT, VAE_E_UNSUPPORTED, VAE_E_SHAPE, VAE_E_ARG, VAE_E_LIMIT, VAE_E_NOMEM. */
vae_status_t vaei_import_open(vaei_import *im, vaei_heap *heap, const char *path, const vaei_import_way *way);
void vaei_import_close(vaei_import *im);

/* The tensor of this name in the family's scheme, or NULL. */
vaei_named *vaei_import_find(const vaei_import *im, const char *name);

/* Whether the shape of the tensor suits a parameter; VAE_E_SHAPE. */
vae_status_t vaei_take_fits(const vaei_take *t, int32_t ndim, const int64_t *shape, const char *where);
/* The room that vaei_take_values() wants: bytes[] and floats[]. */
size_t vaei_take_bytes(const vaei_take *t);
size_t vaei_take_floats(const vaei_take *t);
/* The values out[count] of a parameter whose first size is `rows`: reads the tensor. VAE_E_NUMERIC if a value of it is not finite. */
vae_status_t vaei_take_values(const vaei_take *t, const vaei_file *f, int64_t rows, int64_t count, void *bytes, float *floats, float *out);

/* Facts as lines of "key  value": into w. */
void vaei_import_describe(const vaei_import *im, vaei_writer *w);

#endif
