/* SPDX-License-Identifier: MIT
 * quantizer.h - what every latent of codes shares: rows, projections around the codes, the constant rate, figures of use.
 *
 *     h[row][C] --project_in--> x[row][W] --codes--> q[row][W] --project_out--> z[row][C]        a row is a position of an example
 *
 * The projections are there only where C is not W. */
#ifndef VAEI_QUANTIZER_H
#define VAEI_QUANTIZER_H

#include "vae/linear_map.h"

typedef struct vaei_quantizer {
    int64_t rows, C, W, heads; /* heads: codes of a row */
    int32_t projected;
    vaei_linear_map in, out;
} vaei_quantizer;

typedef struct vaei_quantizer_pack {
    vaei_linear_pack in, out;
} vaei_quantizer_pack;

/* Rows and channels of h, the counts of codes and z of the latent; then the projections, for a width W set by now. */
void vaei_quantizer_measure(vaei_quantizer *s, vaei_latent *q, const vaei_shape *h, vaei_shape *z, int64_t heads, int64_t K);
vae_status_t vaei_quantizer_project(vaei_quantizer *s, vaei_build *b, int64_t W);

vaei_quantizer_pack vaei_quantizer_carve_pack(const vaei_quantizer *s, const vaei_kernels *k, int32_t training, vaei_carve *c);
void vaei_quantizer_fill(const vaei_quantizer *s, const vaei_run *r, const vaei_quantizer_pack *p);
/* Room for the gradients of the outer products of both projections. */
float *vaei_quantizer_carve_outer(const vaei_quantizer *s, const vaei_kernels *k, int64_t P, vaei_carve *c);

/* n * rows, times `size`; -1 where that overflows or rows would not fit an int32_t. */
int64_t vaei_quantizer_count(const vaei_quantizer *s, int64_t n, int64_t size);

/* x from h, z from q: a projection, or a copy. */
void vaei_quantizer_enter(const vaei_quantizer *s, const vaei_run *r, const vaei_quantizer_pack *p, const float *h, float *x);
void vaei_quantizer_leave(const vaei_quantizer *s, const vaei_run *r, const vaei_quantizer_pack *p, const float *code, float *z);

/* An op's encode: the mean is h itself; a point has no variance. */
void vaei_quantizer_encode(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, float *mean, float *logvar);

/* kl[n][D] and log_ratio[n], each or NULL: n_codes ln K an example. */
void vaei_quantizer_rate(const vaei_latent *q, int64_t n, float *kl, double *log_ratio);

/* Perplexity, share used and unused codes from how often each of K was chosen. */
void vaei_quantizer_usage(int64_t K, const int32_t *used, vaei_code_stats *stats);
/* The same, with the mean over rows and width of error[n], the squared distances of n examples to their codes. */
void vaei_quantizer_figures(const vaei_quantizer *s, const vaei_latent *q, int64_t n, const int32_t *used, const double *error,
                            vaei_code_stats *stats);

#endif
