/* SPDX-License-Identifier: MIT
 * workloads.h - the workloads of vae bench: models, batches, and their arithmetic. */
#ifndef WORKLOADS_H
#define WORKLOADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum workload_kind { WORKLOAD_TRAIN, WORKLOAD_DECODE, WORKLOAD_CODES } workload_kind_t;

typedef struct workload {
    const char *name;
    workload_kind_t kind; /* one step of training, one vae_decode(), one vae_encode_codes() */
    int64_t batch;        /* examples in one turn */
    int64_t most;         /* examples that the session works on at once */
    const char *preset;   /* the model: a preset, or */
    const char *text;     /* a text, or */
    int64_t side;         /* the KL decoder for images of this size */
    double forward;       /* multiplications of one example in a forward pass, direct; the KL decoder counts its own */
    double least;         /* the same by the algorithm with the fewest multiplications */
    bool slow;            /* runs only when it is named */
} workload_t;

/* The i-th workload; NULL past the last. */
const workload_t *workload(size_t i);

#define WORKLOAD_NAMES                                                                                                                   \
    "dense_vae_train|conv_vae_train|conv_vae_decode1|texture_decode1|texture_decode64|vqvae_train|gru_train|lstm_train|codebook_assign|" \
    "matmul_1024|kl_decode_256|kl_decode_512"

/* The multiplications of one example in a forward pass: by the direct algorithm, and the least number known. */
typedef struct work_count {
    double direct, least;
} work_count_t;

/* Returns the text of its model in fresh memory, and its multiplications. */
char *workload_text(const workload_t *work, work_count_t *count);

#endif
