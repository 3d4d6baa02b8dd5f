/* SPDX-License-Identifier: MIT
 * likelihood.h - p(x|z), a distribution with the parameters theta, the decoder's output. Each likelihood is one file
 * (likelihood_bernoulli.c) and one line in likelihoods.def. nll is -log p(x|theta), summed over the data's dimensions, in nats.
 *
 * theta has k numbers for each value of x, all first numbers of a pixel before all second ones:
 *
 *     x[...][C]    theta[...][k C]    number j of channel c is at j C + c
 *
 * For tokens the numbers have their own axis: x[...] and theta[...][k].
 *
 * A likelihood is written for one example: theta[T], x[S], T = k S. For a shorter sequence it gets only the existing steps, with p->size
 * and p->theta_size of these; beyond them the frame sets x and dtheta to 0. The frame (likelihood.c) loops over the batch, divides it among
 * threads and fixes the order of sums. */
#ifndef VAEI_LIKELIHOOD_H
#define VAEI_LIKELIHOOD_H

#include "nn/stack.h"

typedef struct vaei_likelihood vaei_likelihood;

enum { VAEI_STREAM_VALUES = 21 }; /* of samples, besides the streams of latent.h and nn/layer.h */

/* Functions of one example use k and params of the run. Only plan can fail. */
typedef struct vaei_likelihood_ops {
    vaei_module module;
    float lo, hi;      /* the range of x for which the likelihood exists; the API refuses other data */
    int32_t of_tokens; /* x is tokens; mean is the most likely one at each place, and mean_backward is NULL */
    /* Describes theta (vaei_likelihood_takes), declares parameters under "likelihood", sets of_batch. NULL: theta is one number for each
     * value, and any decoder is suitable. */
    vae_status_t (*plan)(vaei_likelihood *p, vaei_build *b);
    double (*nll)(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *x);
    /* dtheta = weight * d nll / d theta */
    void (*backward)(const vaei_likelihood *p, const vaei_run *r, const void *facts, const float *theta, const float *x, float weight,
                     float *dtheta);
    /* dx = weight * d nll / d x. NULL: x has no neighbours, as counts and tokens */
    void (*x_backward)(const vaei_likelihood *p, const vaei_run *r, const void *facts, const float *theta, const float *x, float weight,
                       float *dx);
    /* x = E[x|theta] */
    void (*mean)(const vaei_likelihood *p, const vaei_run *r, const float *theta, float *x);
    /* dtheta += dx d mean / d theta, for losses that read the mean */
    void (*mean_backward)(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *dx, float *dtheta);
    /* Draws x from p(x|theta) by the numbers of one item of a stream. */
    void (*sample)(const vaei_likelihood *p, const vaei_run *r, vaei_noise_key key, uint32_t item, const float *theta, float *x);

    /* ---- a number that all examples share, and that is trained or computed from the batch. NULL: there is none. facts are those of one
     * pass, VAEI_LIKELIHOOD_FACTS bytes. With of_batch, training passes the whole batch at once, otherwise any part of it. */

    /* Runs after the nll of each example: computes the facts, and turns nll[r->n] into its final value. */
    void (*settle)(const vaei_likelihood *p, const vaei_run *r, void *facts, double *nll);
    /* With of_batch, before backward: returns d nll of one example / d (the shared number). Then the sum over the batch, each multiplied
     * by its weight, goes to the gradients of parameters or into the facts. */
    double (*slope)(const vaei_likelihood *p, const vaei_run *r, const void *facts, const float *theta, const float *x);
    void (*carry)(const vaei_likelihood *p, const vaei_run *r, void *facts, double slope);
    /* See the commit of a layer. */
    void (*commit)(const vaei_likelihood *p, const vaei_run *r, const void *facts, float *params);
} vaei_likelihood_ops;

#define VAEI_LIKELIHOOD_FACTS 8192 /* bytes */

struct vaei_likelihood {
    const vaei_likelihood_ops *ops;
    const void *conf;
    const void *state; /* set by plan(), or NULL */
    vaei_shape x, theta;
    int64_t tokens;           /* of x: 0..tokens-1; 0: x holds numbers */
    int64_t size, theta_size; /* S, T */
    /* A description of theta, and the range that theta must be able to reach: a decoder that ends in a narrower range is refused. NULL:
     * any decoder is suitable, because a mean may be bounded. */
    const char *takes;
    vaei_interval reach;
    vaei_param *param[2];
    int32_t n_params;
    int32_t of_batch; /* 1: training must pass the whole batch at once, because there are facts or gradients of all examples */
};

extern const vaei_module *const vaei_likelihoods[];
extern const size_t vaei_likelihoods_count;

/* ---- for likelihoods ------------------------------------------------------------------------------------------------------ */

/* For plan: theta has `numbers` numbers for each value. They are `what` ("logits") and must be able to reach lo and hi. */
void vaei_likelihood_takes(vaei_likelihood *p, int32_t numbers, const char *what, float lo, float hi);

/* The existing values of example i: all of them, or those within its length; and those of all examples of the run. */
int64_t vaei_likelihood_values(const vaei_likelihood *p, const vaei_run *r, int64_t i);
int64_t vaei_likelihood_all_values(const vaei_likelihood *p, const vaei_run *r);

/* A row of values is processed in runs of this length, on the stack. */
#define VAEI_VALUES 256
/* out[i] = number j of value first + i of x; the reverse; and its sum with the old number */
void vaei_likelihood_get(const vaei_likelihood *p, const float *theta, int32_t j, int64_t first, int64_t n, float *out);
void vaei_likelihood_put(const vaei_likelihood *p, float *theta, int32_t j, int64_t first, int64_t n, const float *in);
void vaei_likelihood_add(const vaei_likelihood *p, float *theta, int32_t j, int64_t first, int64_t n, const float *in);

/* ---- for users of likelihoods: r->n examples, theta[n][T], x[n][S] ---------------------------------------------------------- */

/* Requires that ops, conf and tokens are set. */
vae_status_t vaei_likelihood_plan(vaei_likelihood *p, vaei_build *b, const vaei_shape *x);
/* Computes nll[n]. backward and commit need the facts of the same examples, and backward their weights. */
void vaei_likelihood_nll(const vaei_likelihood *p, const vaei_run *r, void *facts, const float *theta, const float *x, double *nll);
/* dtheta = weight[i] * d nll[i] / d theta; adds to the gradients of its parameters. */
void vaei_likelihood_backward(const vaei_likelihood *p, const vaei_run *r, void *facts, const float *theta, const float *x,
                              const float *weight, float *dtheta);
/* dx = weight[i] * d nll[i] / d x, where theta stays as it is; for a likelihood with x_backward, after nll. */
void vaei_likelihood_x_backward(const vaei_likelihood *p, const vaei_run *r, const void *facts, const float *theta, const float *x,
                                const float *weight, float *dx);
void vaei_likelihood_mean(const vaei_likelihood *p, const vaei_run *r, const float *theta, float *x);
void vaei_likelihood_mean_backward(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *dx, float *dtheta);
/* Draws by the items from `first` on of the stream of r->noise.seed. */
void vaei_likelihood_sample(const vaei_likelihood *p, const vaei_run *r, uint64_t first, const float *theta, float *x);

#endif
