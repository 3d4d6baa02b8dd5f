/* SPDX-License-Identifier: MIT
 * safetensors_header.h - reads the JSON header of a safetensors file and checks it against the size of the data behind it. */
#ifndef VAEI_SAFETENSORS_HEADER_H
#define VAEI_SAFETENSORS_HEADER_H

#include "io/limits.h"
#include "io/safetensors.h"

typedef struct vaei_tensor_place {
    vaei_entry entry; /* data is not set */
    uint64_t begin, end;
} vaei_tensor_place;

typedef struct vaei_header {
    const void **tensor; /* const vaei_tensor_place *, sorted by name */
    size_t n_tensors;
    vaei_text_entry *text;
    size_t n_text;
} vaei_header;

/* Names and texts are allocated in `kept`; everything else in `scratch`, which may be freed after the header has been used.
 * VAE_E_FORMAT, VAE_E_LIMIT, VAE_E_NOMEM; the sentence says what is wrong in the header, but does not name the file. */
vae_status_t vaei_header_parse(vaei_header *out, const vaei_file_limits *limits, vaei_arena *kept, vaei_arena *scratch, const char *text,
                               size_t length, uint64_t data_size);

#endif
