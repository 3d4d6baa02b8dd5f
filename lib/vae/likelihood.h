/* SPDX-License-Identifier: MIT
 * likelihood.h - p(x|z), a distribution with the parameters theta, the decoder's output. Each likelihood is one file
 * (likelihood_bernoulli.c) and one line in likelihoods.def. nll is -log p(x|theta), summed over the data's dimensions, in nats.
 *
 * theta has k numbers for each value of x, all first numbers of a pixel before all second ones:
 *
 *     x[...][C]    theta[...][k C]    number j of channel c is at j C + c
 *
 * Over tokens each number stands on an axis of its own: x[...] and theta[...][k].
 *
 * A likelihood is written for one example: theta[T], x[S], T = k S. Of a shorter sequence it gets the steps that count, with p->size and
 * p->theta_size of these; beyond them the frame makes x and dtheta 0. The frame (likelihood.c) loops over the batch, shares it
 * among threads and fixes the order of sums. */
#ifndef VAEI_LIKELIHOOD_H
#define VAEI_LIKELIHOOD_H

#include "nn/stack.h"

typedef struct vaei_likelihood vaei_likelihood;

enum { VAEI_STREAM_VALUES = 21 }; /* of samples, beside the streams of latent.h and nn/layer.h */

/* Functions of one example use k and params of the run. Only plan can fail. */
typedef struct vaei_likelihood_ops {
    vaei_module module;
    float lo, hi;      /* the range of x that has a likelihood; the API refuses data outside */
    int32_t of_tokens; /* x is tokens; mean is the likeliest one at each place, and mean_backward is NULL */
    /* Say what theta is (vaei_likelihood_takes), declare parameters under "likelihood", set of_batch. NULL: theta is one number a
     * value, and any decoder serves. */
    vae_status_t (*plan)(vaei_likelihood *p, vaei_build *b);
    double (*nll)(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *x);
    /* dtheta = weight * d nll / d theta */
    void (*backward)(const vaei_likelihood *p, const vaei_run *r, const void *facts, const float *theta, const float *x, float weight,
                     float *dtheta);
    /* x = E[x|theta] */
    void (*mean)(const vaei_likelihood *p, const vaei_run *r, const float *theta, float *x);
    /* dtheta += dx d mean / d theta, for losses of the mean */
    void (*mean_backward)(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *dx, float *dtheta);
    /* x drawn from p(x|theta), by the numbers of one item of a stream */
    void (*sample)(const vaei_likelihood *p, const vaei_run *r, vaei_noise_key key, uint32_t item, const float *theta, float *x);

    /* ---- what examples have in common: a number that all share, and that is trained or found from the batch. NULL: nothing.
     * facts are those of one pass, VAEI_LIKELIHOOD_FACTS bytes. Under of_batch training shows the whole batch at once, else any part. */

    /* After the nll of each example: the facts, and nll[r->n] as it shall be. */
    void (*settle)(const vaei_likelihood *p, const vaei_run *r, void *facts, double *nll);
    /* of_batch, before backward: d nll of one example / d the number in common; then the sum over the batch, each times its weight, goes
     * to the gradients of parameters or into the facts. */
    double (*slope)(const vaei_likelihood *p, const vaei_run *r, const void *facts, const float *theta, const float *x);
    void (*carry)(const vaei_likelihood *p, const vaei_run *r, void *facts, double slope);
    /* As a layer's commit. */
    void (*commit)(const vaei_likelihood *p, const vaei_run *r, const void *facts, float *params);
} vaei_likelihood_ops;

#define VAEI_LIKELIHOOD_FACTS 8192 /* bytes */

struct vaei_likelihood {
    const vaei_likelihood_ops *ops;
    const void *conf;
    const void *state; /* plan()'s, or NULL */
    vaei_shape x, theta;
    int64_t tokens;           /* of x: 0..tokens-1; 0: x is numbers */
    int64_t size, theta_size; /* S, T */
    /* What theta is, and the range that it must be able to reach: a decoder that ends in a narrower one is refused. NULL: any decoder
     * serves, a mean may well be bounded. */
    const char *takes;
    vaei_interval reach;
    vaei_param *param[2];
    int32_t n_params;
    int32_t of_batch; /* training must show it the batch at once: it has facts or gradients of all examples */
};

extern const vaei_module *const vaei_likelihoods[];
extern const size_t vaei_likelihoods_count;

/* ---- for likelihoods ------------------------------------------------------------------------------------------------------ */

/* In plan: theta has `numbers` numbers a value, which are `what` ("logits") and must be able to be lo and hi. */
void vaei_likelihood_takes(vaei_likelihood *p, int32_t numbers, const char *what, float lo, float hi);

/* Values of example i that count: all, or those within its length. And of all examples of the run. */
int64_t vaei_likelihood_values(const vaei_likelihood *p, const vaei_run *r, int64_t i);
int64_t vaei_likelihood_all_values(const vaei_likelihood *p, const vaei_run *r);

/* A row of values is worked on in runs of so many, on the stack. */
#define VAEI_VALUES 256
/* out[i] = number j of value first + i of x; the way back; and adding to it */
void vaei_likelihood_get(const vaei_likelihood *p, const float *theta, int32_t j, int64_t first, int64_t n, float *out);
void vaei_likelihood_put(const vaei_likelihood *p, float *theta, int32_t j, int64_t first, int64_t n, const float *in);
void vaei_likelihood_add(const vaei_likelihood *p, float *theta, int32_t j, int64_t first, int64_t n, const float *in);

/* ---- for their users: r->n examples, theta[n][T], x[n][S] ------------------------------------------------------------------- */

/* ops, conf and tokens are set. */
vae_status_t vaei_likelihood_plan(vaei_likelihood *p, vaei_build *b, const vaei_shape *x);
/* nll[n]; backward and commit want the facts of the same examples, and backward their weights. */
void vaei_likelihood_nll(const vaei_likelihood *p, const vaei_run *r, void *facts, const float *theta, const float *x, double *nll);
/* dtheta = weight[i] * d nll[i] / d theta; adds to the gradients of its parameters. */
void vaei_likelihood_backward(const vaei_likelihood *p, const vaei_run *r, void *facts, const float *theta, const float *x,
                              const float *weight, float *dtheta);
void vaei_likelihood_mean(const vaei_likelihood *p, const vaei_run *r, const float *theta, float *x);
void vaei_likelihood_mean_backward(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *dx, float *dtheta);
/* By items `first` on of the stream of r->noise.seed. */
void vaei_likelihood_sample(const vaei_likelihood *p, const vaei_run *r, uint64_t first, const float *theta, float *x);

#endif
