/* SPDX-License-Identifier: MIT
 * vae/status.h - how calls fail.
 *
 * Every call that can fail returns a vae_status_t for the program, and vae_last_error() has a sentence for people: where the error is, what
 * it is, and what was given and wanted. A failed call changes nothing: out-parameters are untouched or NULL, and objects are as before. */
#ifndef VAE_STATUS_H
#define VAE_STATUS_H

#include <stdint.h>
#include "version.h"

#ifdef __cplusplus
extern "C" {
#endif

/** 0 is success, below 0 an error. The values never change. @since 0.1 */
typedef int32_t vae_status_t;

enum {
    VAE_OK = 0,
    VAE_E_ARG = -1,         /* an argument is NULL, out of range, or a handle of another kind */
    VAE_E_SHAPE = -2,       /* shapes do not agree */
    VAE_E_SPEC = -3,        /* the text of a model or of its training is wrong */
    VAE_E_NOMEM = -4,       /* an allocation failed, or the context's memory limit would be passed */
    VAE_E_IO = -5,          /* the system could not read or write a file */
    VAE_E_FORMAT = -6,      /* a file is damaged, cut short, or of another kind */
    VAE_E_VERSION = -7,     /* a file or a caller is newer than this library */
    VAE_E_UNSUPPORTED = -8, /* valid, but not offered here */
    VAE_E_STATE = -9,       /* the call is not allowed now: the order of calls is wrong */
    VAE_E_NUMERIC = -10,    /* NaN or infinity in data, weights, loss or gradients */
    VAE_E_CALLBACK = -11,   /* a function that the host provides failed */
    VAE_E_LIMIT = -12,      /* a size is larger than the library accepts */
    VAE_E_CANCELLED = -13   /* the host cancelled the call: vae_session_cancel(), vae_trainer_cancel() */
};

/** The constant's name, "VAE_E_SHAPE"; "VAE_E_UNKNOWN" for any other number; static. @since 0.1 */
VAE_API const char *vae_status_name(vae_status_t status);

/** What the code means, one phrase, "shapes do not agree"; static. @since 0.1 */
VAE_API const char *vae_status_string(vae_status_t status);

/**
 * This thread's last failure as one line without a newline: where, what, got, wanted. "" if nothing failed yet; never
 * NULL. Set by every call that returns an error, not cleared by success; valid until this thread's next failure. @since 0.1
 */
VAE_API const char *vae_last_error(void);

#ifdef __cplusplus
}
#endif
#endif
