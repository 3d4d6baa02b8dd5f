/* SPDX-License-Identifier: MIT
 * vae/measure.h - computes numbers that describe examples and the results of a model for them: likelihood, active units, structural
 * similarity, disentanglement.
 *
 * A text such as "mig bins=10" selects a measure; vae_registry_name("measure", i) lists them, and docs/measures.md has the formulas. A
 * measure reads arrays and no model, so a host may measure results of any other program:
 *
 *     vae_measured_t m = {.struct_size = sizeof(m), .n = n, .height = 28, .width = 28, .channels = 1, .x = images, .y = reconstructions};
 *     vae_measure(NULL, "ssim", &m, &value, NULL);
 *
 * Equal arrays give equal values for any number of threads. Sums run in double; exp and log are those of libm. */
#ifndef VAE_MEASURE_H
#define VAE_MEASURE_H

#include "ctx.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The bits of vae_measure_reads(): the arrays that a measure reads. VAE_MEASURE_EACH: the measure has a number for each example, and its
 * value is their mean, so the examples may be measured in parts; otherwise it has one number for all examples together. @since 0.1 */
enum {
    VAE_MEASURE_X = 1,
    VAE_MEASURE_Y = 2,
    VAE_MEASURE_MEAN = 4,
    VAE_MEASURE_LOGVAR = 8,
    VAE_MEASURE_FACTOR = 16,
    VAE_MEASURE_BOUND = 32,
    VAE_MEASURE_RATE = 64,
    VAE_MEASURE_SIZES = 128, /* height, width and channels, without x */
    VAE_MEASURE_SCORE = 256,
    VAE_MEASURE_EACH = 512
};

/** Examples and the results of a model for them. vae_measure() ignores arrays that the measure does not read, and the counts of such
 * arrays. S = height * width * channels. @since 0.1 */
typedef struct vae_measured {
    uint32_t struct_size; /* sizeof(vae_measured_t) as the caller knows it */
    uint32_t flags;       /* 0 */
    int64_t n;            /* examples, 1 or more */
    int64_t height;       /* of an example; examples that are not pictures may be 1 x 1 x S */
    int64_t width;
    int64_t channels;
    int64_t latents;     /* D */
    int64_t factors;     /* F */
    const float *x;      /* [n][S] the examples */
    const float *y;      /* [n][S] their reconstructions, vae_reconstruct() */
    const float *mean;   /* [n][D] posterior means, vae_encode() */
    const float *logvar; /* [n][D] logarithms of the variances */
    const float *factor; /* [n][F] the quantities that generated the examples; a class is one factor */
    const double *bound; /* [n] nats, the bound of vae_elbo() with any number of samples */
    const double *rate;  /* [n] nats, vae_elbo() */
    const float *score;  /* [n] larger for less normal examples, vae_anomaly_score() */
} vae_measured_t;

/**
 * Tell which arrays the measure reads.
 * @param text  the measure with its options   @param reads  receives VAE_MEASURE_ bits
 * @return VAE_OK; VAE_E_ARG; VAE_E_SPEC (no such measure or option: the message has the nearest name); VAE_E_NOMEM   @since 0.1
 */
VAE_API vae_status_t vae_measure_reads(const char *text, uint32_t *reads);

/**
 * Measure examples.
 * @param ctx    may be NULL; gives the threads and the workspace, which is freed before the call returns
 * @param text   the measure with its options   @param measured  the arrays, finite
 * @param value  receives the value; may be infinite (psnr of equal pictures)
 * @param each   receives the numbers of the examples, each[n], if the measure has VAE_MEASURE_EACH; may be NULL, and must be for other
 * measures
 * @return VAE_OK; VAE_E_ARG (an array is NULL, a count below 1, no factor varies); VAE_E_SPEC; VAE_E_NUMERIC (NaN or infinity in an array:
 *         the message says where); VAE_E_VERSION; VAE_E_LIMIT; VAE_E_NOMEM. On error the outputs are untouched   @since 0.1
 */
VAE_API vae_status_t vae_measure(vae_ctx_t *ctx, const char *text, const vae_measured_t *measured, double *value, double *each);

#ifdef __cplusplus
}
#endif
#endif
