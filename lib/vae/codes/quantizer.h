/* SPDX-License-Identifier: MIT
 * quantizer.h - the frame of all latents of codes. The file of a latent computes its codes; the frame does everything else.
 *
 *     h[row][C] --project_in, shape--> x[row][W] --choose--> code[row][heads] --value--> q[row][V] --project_out--> z[row][C]
 *                                                              a row is a position of an example, P = n rows of them
 *
 * The frame contains the projections, the memory, the passes from h to z and to codes and back, the usage statistics of the codes, and the
 * constant rate. A quantizer is a table of functions, vaei_quantizer_ops; docs/adding-a-quantizer.md shows one. */
#ifndef VAEI_QUANTIZER_H
#define VAEI_QUANTIZER_H

#include "nn/ranges.h"
#include "vae/codes/codebook.h"
#include "nn/linear_map.h"
#include "vae/codes/soft_codes.h"
#include "vae/latent.h"

/* ---- options that quantizers share: a conf begins with this struct, and a table of options contains the lines that apply ------- */

typedef struct vaei_quantizer_conf {
    int64_t heads;
    int32_t decode;
} vaei_quantizer_conf;

#define VAEI_QUANTIZER_HEADS(doc) VAEI_OPTION_INT(vaei_quantizer_conf, heads, 1, 1, 1024, doc)
#define VAEI_QUANTIZER_DECODE                           \
    VAEI_OPTION_CHOICE(                                 \
        vaei_quantizer_conf, decode, 0, "quantize|raw", \
        "vectors of vae_encode() and vae_decode(): quantize: continuous, vae_decode() quantizes them; raw: quantized already")

/* ---- decisions of a quantizer's plan() ---------------------------------------------------------------------------------------- */

enum {
    VAEI_ROWS_CHANGE = 1, /* shape() or choose() write to rows */
    /* training: aux(), backward() and learn() read code; without the flag choose() must find the same codes again from x */
    VAEI_CODES_STAY = 2,
    VAEI_VALUES_STAY = 4, /* backward() reads value */
    VAEI_CODES_DRAWN = 8  /* a posterior over codes: the host's latents are values, training draws codes, and choose() writes kl */
};

typedef struct vaei_quantizer {
    int64_t rows, C;          /* positions and channels of h: set before plan() */
    int64_t W, V;             /* width of x and of q */
    int64_t heads, codebooks; /* codes of a row, each from its own codebook of K codes, or all from one */
    int64_t K, D;             /* D: values of one code of a row, W / heads; set after plan() */
    int64_t sets;             /* the number of arrays [P][W] of x that training keeps */
    int32_t flags;
    vaei_linear_map in, out; /* if W is not C and V is not the channels of z; plan() may declare its own `in` */
    const void *own;         /* the quantizer's own data */
} vaei_quantizer;

/* ---- a pass over n examples, as a quantizer reads it ---------------------------------------------------------------------------- */

enum { VAEI_AT_FORWARD, VAEI_AT_START, VAEI_AT_AUX, VAEI_AT_BACKWARD, VAEI_AT_LEARN };

#define VAEI_PIECES 8

typedef struct vaei_pass {
    const vaei_latent *q;
    const vaei_quantizer *s;
    const vaei_kernels *k;
    const vaei_run *r; /* NULL while memory is measured */
    int64_t n, P;
    int32_t training, at;  /* VAEI_AT_FORWARD ... */
    const float *x;        /* [P][W]; in training kept for aux, backward and learn */
    float *rows;           /* x for writing; NULL if x is the caller's */
    int32_t *code;         /* [P][heads]; -1: no code */
    float *value;          /* [P][V]; NULL if it is not read */
    float *kl;             /* [P][V] or NULL: written by choose() with VAEI_CODES_DRAWN */
    const float *dq, *dkl; /* [P][V] derivatives of the loss by q and kl */
    float *dq_workspace;   /* memory of the frame in which dq is computed if it is not dz */
    float *dx;             /* [P][W], written by backward(); undefined before */
    int32_t *used;         /* training, [codebooks][K]: how often each code was chosen */
    double *error;         /* training, [n]: the squared distance of x to q, written by aux() */
    vaei_linear_pack in, out;
    /* Memory behind that of the frame: carve() divides it into the quantizer's pieces and names them: */
    vaei_memory rest;
    void *piece[VAEI_PIECES];
    vaei_code_order order;
    vaei_soft_workspace soft;
    vaei_carve own; /* the scratch when carve() began */
} vaei_pass;

struct vaei_quantizer_ops {
    /* Sets W, K and all that differs from 1 head, 1 codebook, 1 set, V = W, no flags; declares parameters. */
    vae_status_t (*plan)(vaei_latent *q, vaei_quantizer *s, vaei_build *b, vaei_node *node);
    /* Computes code[P][heads] from x, and value[P][V] from codes. Outside of training, x may be overwritten before value(). */
    void (*choose)(vaei_pass *p);
    void (*value)(vaei_pass *p);
    /* Computes dx from dq: the gradient through the choice, and that of the mean of aux. Adds to the gradients of the quantizer's
     * parameters. */
    void (*backward)(vaei_pass *p);

    /* ---- each of the following members may be NULL */
    /* For a quantizer without a search (VAEI_EACH_VECTOR): the code of one vector x[D], the values y[D] of one code, and value d of a
     * vector on the scale of the values before rounding. If `unrounded` is NULL, that value is x[d]. */
    int32_t (*code_of)(const vaei_pass *p, const float *x);
    void (*values_of)(const vaei_pass *p, int64_t code, float *y);
    float (*unrounded)(const vaei_pass *p, int64_t d, float x);
    void (*shape)(vaei_pass *p);                         /* moves rows to the range of the codes: an interval, a sphere */
    void (*aux)(vaei_pass *p, double *aux);              /* adds the terms of each example; writes error if there is no values_of */
    void (*carve)(vaei_pass *p);                         /* divides the memory into the quantizer's own pieces at p->at */
    void (*pack)(vaei_pass *p);                          /* fills those pieces that are in the pack */
    vae_status_t (*start)(vaei_pass *p, const float *h); /* see vaei_latent_ops.prepare */
    void (*learn)(vaei_pass *p, float *params);          /* see vaei_latent_ops.commit */
    int64_t (*dead)(vaei_pass *p, int64_t codebook);     /* the number of dead codes; NULL: the codes not chosen in this batch */
};

/* For plan(): sets W of `parts` codes side by side, each of `dim` values, or with dim 0 of an equal share of the channels. */
vae_status_t vaei_quantizer_widths(const vaei_latent *q, vaei_quantizer *s, const vaei_node *node, int64_t dim, int64_t parts);

/* n * rows * size; -1 if that overflows or if the rows do not fit an int32_t. */
int64_t vaei_quantizer_count(const vaei_quantizer *s, int64_t n, int64_t size);

/* For the table of a quantizer without a search: choose() and value() call code_of() and values_of() for each vector. Before it calls
 * aux(), the frame also writes error, the squared distances of the vectors to the values of their codes. */
#define VAEI_EACH_VECTOR(code, values) .code_of = (code), .values_of = (values), .choose = vaei_each_choose, .value = vaei_each_value
#define VAEI_EACH_VALUES               64 /* of one code, at most */
void vaei_each_choose(vaei_pass *p);
void vaei_each_value(vaei_pass *p);

/* For value(): copies the rows of a table e[K][V / heads] that the codes name to value[P][V]. */
void vaei_pass_look_up(vaei_pass *p, const float *e);

/* Makes x of a pass from h by a projection, by a copy, or as h itself; then calls shape(). */
void vaei_pass_enter(vaei_pass *p, const float *h);
/* Calls task(p, begin, end) for ranges of `parts` equal parts of each row, on several threads; a part is `floats` floats of work. */
VAEI_INLINE void vaei_pass_rows(vaei_pass *p, int64_t parts, int64_t floats, vaei_range_task task) {
    vaei_parallel_ranges(p->r->pool, p->P * parts, floats, task, p);
}

/* ---- the functions of the latent ------------------------------------------------------------------------------------------------- */

vae_status_t vaei_quantizer_plan(vaei_latent *q, vaei_build *b, vaei_node *node, const vaei_shape *h, vaei_shape *z);
void vaei_quantizer_layout(const vaei_latent *q, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces);
void vaei_quantizer_pack(const vaei_latent *q, const vaei_run *r, void *pack);
void vaei_quantizer_encode(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, float *mean, float *logvar);
void vaei_quantizer_draw(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *mean, const float *logvar,
                         const float *noise, float *z, float *kl, double *log_ratio);
void vaei_quantizer_backward(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, const float *mean,
                             const float *logvar, const float *noise, const float *dz, const float *dkl, float *dh);
vae_status_t vaei_quantizer_prepare(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h);
void vaei_quantizer_loss(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, double *aux);
void vaei_quantizer_commit(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, float *params);
void vaei_quantizer_measure(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, vaei_code_stats *stats);
void vaei_quantizer_encode_codes(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, int32_t *codes);
void vaei_quantizer_decode_codes(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const int32_t *codes, float *z);

/* The members of a latent's table, except the module. */
#define VAEI_QUANTIZER(ops)                                                                                                               \
    .quantizer = &(ops), .plan = vaei_quantizer_plan, .layout = vaei_quantizer_layout, .pack = vaei_quantizer_pack,                       \
    .encode = vaei_quantizer_encode, .draw = vaei_quantizer_draw, .backward = vaei_quantizer_backward, .prepare = vaei_quantizer_prepare, \
    .loss = vaei_quantizer_loss, .commit = vaei_quantizer_commit, .measure = vaei_quantizer_measure,                                      \
    .encode_codes = vaei_quantizer_encode_codes, .decode_codes = vaei_quantizer_decode_codes

#endif
