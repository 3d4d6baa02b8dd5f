/* SPDX-License-Identifier: MIT
 * likelihood.h - p(x|z): what the decoder's output theta means. One file a likelihood (likelihood_bernoulli.c), one line in
 * likelihoods.def. theta has the shape of x. nll is -log p(x|theta), summed over the data's dimensions, in nats. */
#ifndef VAEI_LIKELIHOOD_H
#define VAEI_LIKELIHOOD_H

#include "nn/stack.h"

typedef struct vaei_likelihood vaei_likelihood;

typedef struct vaei_likelihood_ops {
    vaei_module module;
    float lo, hi; /* the range of x that has a likelihood; the API refuses data outside */
    /* What theta is, and the range that it must be able to reach: a decoder that ends in a narrower one is refused. NULL: any decoder
     * serves, a mean may well be bounded. */
    const char *theta;
    vaei_interval reach;
    /* Declare parameters under "likelihood", set of_batch. NULL: none. */
    vae_status_t (*plan)(vaei_likelihood *p, vaei_build *b);
    /* nll[n]. Training: cache may be filled (8 KiB of it at most: conf-sized facts of the batch). */
    void (*nll)(const vaei_likelihood *p, const vaei_run *r, void *cache, const float *theta, const float *x, double *nll);
    /* dtheta = weight[i] * d nll[i] / d theta; adds to the gradients of its parameters. */
    void (*backward)(const vaei_likelihood *p, const vaei_run *r, const void *cache, const float *theta, const float *x,
                     const float *weight, float *dtheta);
    /* x = E[x|theta]; x may be theta. */
    void (*mean)(const vaei_likelihood *p, const vaei_run *r, const float *theta, float *x);
    /* As a layer's commit, of what is of_batch; may be NULL. */
    void (*commit)(const vaei_likelihood *p, const vaei_run *r, const void *cache, float *params);
} vaei_likelihood_ops;

#define VAEI_LIKELIHOOD_CACHE 8192 /* bytes */

struct vaei_likelihood {
    const vaei_likelihood_ops *ops;
    const void *conf;
    vaei_shape x;
    int64_t size; /* S */
    vaei_param *param[2];
    int32_t n_params;
    int32_t of_batch; /* training must show it the batch at once: it has facts or gradients of all examples */
};

extern const vaei_module *const vaei_likelihoods[];
extern const size_t vaei_likelihoods_count;

#endif
