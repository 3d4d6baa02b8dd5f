/* SPDX-License-Identifier: MIT
 * vae/import.h - autoencoders of other programs, from their own files: Stable Diffusion, FLUX, VQGAN and others.
 *
 *     vae_import_options_t options = {.struct_size = sizeof(options), .height = 768, .width = 1024};
 *     vae_model_import(&model, NULL, "flux1/ae.safetensors", &options);
 *     vae_session_create(&session, model, 1);
 *     vae_decode(session, 1, z, picture);
 *
 * The file is a safetensors file, of the autoencoder alone or of a whole diffusion model around it; of that, only the autoencoder is
 * read. What comes out is a model like any other: it decodes, encodes, trains and is saved, and its text is for pictures of one size.
 * docs/checkpoints.md tells which file holds which model, and what latents mean. */
#ifndef VAE_IMPORT_H
#define VAE_IMPORT_H

#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Pictures have the family's own range, mostly -1..1; without it they are 0..1, as all pictures of this library. @since 0.1 */
#define VAE_IMPORT_OWN_PIXELS UINT32_C(1)
/** Latents are those of the diffusion model, (z - shift) * factor; without it they are the autoencoder's own, z. @since 0.1 */
#define VAE_IMPORT_SCALED UINT32_C(2)

/** The model has a decoder alone, or an encoder alone, though the file may hold both: it takes the memory of that half, and what would
 * run the other one is refused. @since 0.1 */
#define VAE_IMPORT_NO_ENCODER UINT32_C(4)
#define VAE_IMPORT_NO_DECODER UINT32_C(8)

/** What vae_model_import() makes of a file. All zero but struct_size: the defaults. @since 0.1 */
typedef struct vae_import_options {
    uint32_t struct_size;  /* sizeof(vae_import_options_t) as the caller knows it */
    uint32_t flags;        /* 0, or VAE_IMPORT_ constants joined by | */
    int64_t height, width; /* of a picture: multiples of the pixels that a latent's side stands for; 0: 512, or the next multiple */
    double factor, shift;  /* the scaling of the latents, where the caller knows it better than the file; factor 0: as the file says */
} vae_import_options_t;

/**
 * Build a model from the checkpoint of another program. It is known by the names and shapes of its tensors. The groups of its
 * normalisations and the scaling of its latents are read from config.json in the same folder, if there is one; the scaling also from the
 * diffusion model in the same file. Every tensor of the autoencoder must have a place in the model, or be known as one that training left
 * behind.
 * @param out      receives the model; free with vae_model_destroy()   @param ctx   may be NULL; kept alive by the model
 * @param path     a safetensors file: F32, F16, BF16, F64, F8_E4M3, F8_E5M2, mixed at will
 * @param options  may be NULL: the defaults
 * @return VAE_OK; VAE_E_ARG (a model of libvae too: vae_model_load() opens it); VAE_E_IO; VAE_E_FORMAT (not safetensors, damaged, a tensor
 *         is missing or there twice); VAE_E_UNSUPPORTED (another kind of model, or VAE_IMPORT_SCALED and the scaling is not known);
 *         VAE_E_SHAPE; VAE_E_NUMERIC (NaN or infinity in a tensor that the model takes); VAE_E_LIMIT; VAE_E_NOMEM   @since 0.1
 */
VAE_API vae_status_t vae_model_import(vae_model_t **out, vae_ctx_t *ctx, const char *path, const vae_import_options_t *options);

/**
 * What vae_model_import() would make of the file, from its header alone: lines of a word and a text, family, tensors, values, pictures,
 * latents, scaling. For people; the wording may change from version to version.
 * @param ctx  may be NULL   @param buf, cap, needed  as vae_model_spec()
 * @return as vae_model_import()   @since 0.1
 */
VAE_API vae_status_t vae_import_describe(vae_ctx_t *ctx, const char *path, char *buf, size_t cap, size_t *needed);

#ifdef __cplusplus
}
#endif
#endif
