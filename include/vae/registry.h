/* SPDX-License-Identifier: MIT
 * vae/registry.h - lists every module of this library with its options, for programs and bindings; and reads and changes the texts of
 * models and trainings.
 *
 * Kinds: "layer", "latent", "likelihood", "objective", "optimizer", "schedule", "clip", "memory", "prior", "measure", "score",
 * "section" (a section of the text by its own options), "preset". */
#ifndef VAE_REGISTRY_H
#define VAE_REGISTRY_H

#include "status.h"
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One option of a module. Set struct_size first. The strings are static, except default_value and range, which are valid until this
 *  thread's next call of vae_registry_option(). @since 0.1 */
typedef struct vae_option {
    uint32_t struct_size;      /* sizeof(vae_option_t) */
    uint32_t flags;            /* 0 */
    const char *name;          /* "kernel" */
    const char *type;          /* "int", "float", "bool", "choice", "extent" (3 or 3x5), "pad", "shape" (7x7x64), "sizes" (8x5x5x5x5) */
    const char *default_value; /* the default as text; "" if the option must be given */
    const char *range;         /* "1..65536", "(0..1)" or the choices "a|b|c"; "" if any */
    const char *text;          /* one sentence */
} vae_option_t;

/** The i-th kind; NULL past the last. @since 0.1 */
VAE_API const char *vae_registry_kind(int32_t i);

/** Number of modules of a kind; 0 if there is no such kind. @since 0.1 */
VAE_API int32_t vae_registry_count(const char *kind);

/** The i-th module's name; NULL past the last. @since 0.1 */
VAE_API const char *vae_registry_name(const char *kind, int32_t i);

/** The i-th option of a module. VAE_E_ARG past the last, or if there is no such module. @since 0.1 */
VAE_API vae_status_t vae_registry_option(const char *kind, const char *name, int32_t i, vae_option_t *option);

/**
 * A module in words: its summary, an example, its paper and a line for each option; for a preset, its text, ready for
 * vae_model_create() and vae_trainer_create(). buf, cap, needed as vae_model_spec(). @since 0.1
 */
VAE_API vae_status_t vae_registry_text(const char *kind, const char *name, char *buf, size_t cap, size_t *needed);

/** The text in canonical form: every default written out. Model and training sections may stand together. @since 0.1 */
VAE_API vae_status_t vae_spec_canonical(const char *text, char *buf, size_t cap, size_t *needed);

/**
 * The text in canonical form with one option changed: what vae_spec_canonical() would give. Modules and options are checked, not whether
 * the layers still fit each other: several options can be set one after the other, and vae_model_create() or vae_spec_canonical() judge
 * the result. Until the parts fit, every module that stands in the text has its defaults written out, and sections left out stay out.
 * @param path  "latent.dim", "encoder.0.out", "decoder.2.body.1.kernel"; a section with a single module also answers to the
 *        module's name ("adam.lr", "elbo.beta"); without an option ("optimizer", "latent", "likelihood") the module itself
 *        is replaced by the text in value   @param value  as it would stand in the text
 * @return VAE_OK; VAE_E_SPEC (an unknown path comes with the nearest right one); VAE_E_ARG; VAE_E_NOMEM   @since 0.1
 */
VAE_API vae_status_t vae_spec_set(const char *text, const char *path, const char *value, char *buf, size_t cap, size_t *needed);

/** The value of one option of the text; as vae_spec_set(). @since 0.1 */
VAE_API vae_status_t vae_spec_get(const char *text, const char *path, char *buf, size_t cap, size_t *needed);

#ifdef __cplusplus
}
#endif
#endif
