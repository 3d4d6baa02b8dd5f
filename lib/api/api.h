/* SPDX-License-Identifier: MIT
 * api.h - floor 6: the objects behind the public handles. Only this floor uses public types: it checks arguments and calls lower floors.
 *
 * Every object starts with a magic number, so that a handle of another kind, or of a destroyed object, gives an error and not a crash.
 * Each object counts the references of its children and lives as long as they do: trainer, session -> model -> ctx. */
#ifndef VAEI_API_H
#define VAEI_API_H

#include <vae/vae.h>

#include "base/base.h"
#include "io/safetensors.h"
#include "vae/network.h"
#include "vae/training/recipe.h"

enum {
    VAEI_MAGIC_CTX = 0x76616543,
    VAEI_MAGIC_TENSOR = 0x76616554,
    VAEI_MAGIC_MODEL = 0x7661654d,
    VAEI_MAGIC_SESSION = 0x76616553,
    VAEI_MAGIC_TRAINER = 0x76616572,
    VAEI_MAGIC_ANOMALY = 0x76616541,
    VAEI_MAGIC_GRADIENT = 0x76616547
};

struct vae_ctx {
    uint32_t magic;
    _Atomic int32_t references;
    vaei_heap heap;
    vaei_pool *pool; /* NULL: the calling thread does all work */
    const vaei_kernels *kernels;
    void *user;
    void (*log)(void *user, int32_t level, const char *line);
};

struct vae_tensor {
    uint32_t magic;
    int32_t dtype, ndim;
    int64_t shape[VAE_MAX_DIMS];
    void *data;
    size_t owned_bytes; /* 0: the tensor does not own its data */
    vae_ctx_t *ctx;     /* NULL: the tensor belongs to a model or trainer */
};

struct vae_model {
    uint32_t magic;
    _Atomic int32_t references;
    _Atomic int32_t has_trainer;
    _Atomic uint64_t generation; /* counts changes of the parameters; a session packs its weights again when the count has changed */
    vae_ctx_t *ctx;
    vaei_arena arena;
    vaei_network network;
    float *params;        /* [network.params.n_floats] */
    vae_model_t *source;  /* the model whose parameters these are, for pictures of another size (model_sized.c); NULL: its own */
    vae_tensor_t *tensor; /* [network.params.count] */
};

/* Returns another reference to ctx, or to a new default context if ctx is NULL. */
vae_status_t vaei_ctx_acquire(vae_ctx_t **out, vae_ctx_t *ctx);

/* VAE_E_ARG unless the handle is of its kind and not destroyed. */
vae_status_t vaei_check_ctx(const vae_ctx_t *ctx);
vae_status_t vaei_check_model(const vae_model_t *model);

/* Checks that the model has the parts that the call runs (VAEI_RUNS_ENCODER, _DECODER), otherwise VAE_E_UNSUPPORTED. */
enum { VAEI_RUNS_ENCODER = 1, VAEI_RUNS_DECODER = 2 };
vae_status_t vaei_check_halves(const vae_model_t *model, const char *call, int32_t runs);

vae_model_t *vaei_model_acquire(const vae_model_t *model);

/* Makes a model without a network. */
vae_status_t vaei_model_begin(vae_model_t **out, vae_ctx_t *ctx);
/* Builds the network of a model without memory for its parameters. vaei_model_take_params() allocates that memory, all zero. */
vae_status_t vaei_model_build(vae_model_t **out, vae_ctx_t *ctx, const char *spec, size_t length);
vae_status_t vaei_model_take_params(vae_model_t *model);
/* Makes the tensors that vae_model_param() returns, when the memory of the parameters exists. */
vae_status_t vaei_model_take_tensors(vae_model_t *model);

/* The generation of the parameters, which may belong to another model. */
VAEI_INLINE uint64_t vaei_model_generation(const vae_model_t *model) {
    return (model->source ? model->source : model)->generation;
}

/* model_sized.c: makes a model for pictures of height x width with the same parameters; 0 x 0: of the model's own size. The new model
 * keeps `model` alive. */
vae_status_t vaei_model_resized(vae_model_t **out, const vae_model_t *model, int64_t height, int64_t width);

/* Describes parameter i as a borrowed tensor over `values` (parameters or gradients). */
void vaei_tensor_of_param(vae_tensor_t *t, const vaei_param *p, float *values);

/* Parses a text and refuses sections that no part of the library knows. */
vae_status_t vaei_spec_parse(vaei_document *out, vaei_arena *arena, const char *text, size_t length);

/* The one module of a kind that a text names with its options: "mig bins=10". */
typedef struct vaei_bound_module {
    const vaei_module *module;
    void *conf;
    const char *text; /* canonical */
} vaei_bound_module;
vae_status_t vaei_spec_bind_module(vaei_bound_module *out, vaei_arena *arena, const char *kind, const char *text);

/* A call that can be cancelled ends with this one: it clears the flag and returns VAE_E_CANCELLED if the flag was set, otherwise VAE_OK. */
vae_status_t vaei_take_cancel(_Atomic int32_t *cancel);

/* Reads a struct of the caller that begins with its struct_size into out[known]. A smaller struct is VAE_E_ARG. A larger one is accepted
 * if all members that this library does not know are zero, otherwise VAE_E_VERSION. `how` tells the caller what to do about a wrong
 * size. */
vae_status_t vaei_read_struct(void *out, size_t known, const void *given, const char *what, const char *how);

/* The last step of calls that return text (see vae_model_spec). */
vae_status_t vaei_give_text(const char *text, size_t length, char *buf, size_t cap, size_t *needed);

/* Checks that n >= 0 and that n * size elements of `bytes` bytes fit into memory, so that no pointer can move by more, whatever n is. */
vae_status_t vaei_check_extent(int64_t n, int64_t size, size_t bytes);

/* Checks that n >= 0 and that x[n * size] is finite and within lo..hi: VAE_E_NUMERIC or VAE_E_ARG, with the first wrong value. */
vae_status_t vaei_check_rows(const vae_model_t *model, const char *what, int64_t n, int64_t size, const float *x, float lo, float hi);

/* Checks that the latent has codes, that n >= 0, and that codes[n][n_codes] are in least..K-1. */
vae_status_t vaei_check_codes(const vae_model_t *model, int64_t n, int32_t least, const int32_t *codes);

/* model_file.c: parameters from and to files. All checks come before memory is allocated and before a parameter is changed: the header
 * tells whether an opened file fits; then vaei_file_data() reads the data; then all numbers are checked to be finite; after that nothing
 * can fail. */
vae_status_t vaei_params_fit_file(const vae_model_t *model, const vaei_file *f);
vae_status_t vaei_params_check_numbers(const vae_model_t *model, const vaei_file *f);
void vaei_params_from_file(vae_model_t *model, const vaei_file *f);
/* Whether an entry of a checkpoint belongs to the trainer. */
int32_t vaei_is_trainer_entry(const char *name);
/* Makes entries for all parameters in e[params.count]. */
void vaei_params_to_entries(const vae_model_t *model, vaei_entry *e);

/* Writes the model with more entries and texts behind its own. */
vae_status_t vaei_model_write(const vae_model_t *model, const char *path, const vaei_entry *more, int64_t n_more,
                              const vaei_text_entry *text, int64_t n_text);
/* Entries of an anomaly detector, which a model passes over: model files of vae_anomaly_save(). */
#define VAEI_ANOMALY_PREFIX "anomaly."

#define VAEI_FORMAT_VERSION "1"

#endif
