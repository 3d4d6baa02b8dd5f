/* SPDX-License-Identifier: MIT
 * code_rows.h - functions that priors over codes share: an embedding of codes into rows of channels, and a softmax head from rows to K
 * codes.
 *
 *     x[row][C] = table[code]                                       embedding
 *     y[row][C] += table[class of the example]                      classes
 *     logits = x W^T + b      -log p(code) = ln sum_k e^logit_k - logit_code        head, in blocks of rows
 *     code: the first with  sum_j<=code p_j > u sum_j p_j           choice, u uniform, p_j = e^(logit_j / temperature), 0 beyond top_k
 *
 * A row is one position of one example; n examples of `places` positions have n places rows. */
#ifndef VAEI_CODE_ROWS_H
#define VAEI_CODE_ROWS_H

#include "nn/linear_map.h"

/* ---- a selection of the rows: all of them, or one place of each example ------------------------------------------- */

typedef struct vaei_rows {
    int64_t first, count, stride; /* row i is first + i stride */
} vaei_rows;

VAEI_INLINE vaei_rows vaei_rows_all(int64_t n, int64_t places) {
    return (vaei_rows){0, n * places, 1};
}
VAEI_INLINE vaei_rows vaei_rows_place(int64_t n, int64_t places, int64_t place) {
    return (vaei_rows){place, n, places};
}

/* y = f(x), or y = x + y, over the values of these rows; a row has `channels` values. */
void vaei_rows_map(const vaei_run *r, const vaei_rows *at, int64_t channels, int32_t map, const float *x, float *y);
void vaei_rows_add(const vaei_run *r, const vaei_rows *at, int64_t channels, const float *x, float *y);
/* y = m(x), over these rows */
void vaei_rows_linear(const vaei_run *r, const vaei_rows *at, const vaei_linear_map *m, const vaei_linear_pack *p, const float *x,
                      float *y);

/* ---- embedding ---------------------------------------------------------------------------------------------------- */

typedef struct vaei_embedding {
    int64_t K, C;
    const vaei_param *table; /* "<path>.weight" [K][C], starts as N(0, 2 / fan_in) */
} vaei_embedding;

vae_status_t vaei_embedding_declare(vaei_embedding *e, vaei_build *b, const char *path, int64_t K, int64_t C, int64_t fan_in);
void vaei_embedding_forward(const vaei_embedding *e, const vaei_run *r, const vaei_rows *at, const int32_t *codes, float *x);
void vaei_embedding_backward(const vaei_embedding *e, const vaei_run *r, int64_t rows, const int32_t *codes, const float *dx);

/* ---- classes: the table has a row for each class; r->batch.label[i] is the class of example i --------------------------- */

void vaei_class_forward(const vaei_embedding *e, const vaei_run *r, const vaei_rows *at, int64_t places, float *y);
void vaei_class_backward(const vaei_embedding *e, const vaei_run *r, int64_t places, const float *dy);

/* ---- head --------------------------------------------------------------------------------------------------------- */

#define VAEI_HEAD_ROWS 1024 /* rows whose logits are in memory at a time */

typedef struct vaei_head_workspace {
    float *logits; /* [rows, at most VAEI_HEAD_ROWS][K] */
    double *nll;   /* [the same rows] */
    float *outer;
} vaei_head_workspace;

vaei_head_workspace vaei_head_carve(const vaei_linear_map *head, const vaei_kernels *k, int64_t rows, int32_t training, vaei_carve *c);
/* nll[r->n]; each is the sum over the places of an example, ascending. */
void vaei_head_nll(const vaei_linear_map *head, const vaei_run *r, const vaei_linear_pack *p, int64_t places, const float *x,
                   const int32_t *codes, const vaei_head_workspace *workspace, double *nll);
/* Writes dx = weight[example] d nll / dx and adds to the gradients of the head. */
void vaei_head_backward(const vaei_linear_map *head, const vaei_run *r, const vaei_linear_pack *p, int64_t places, const float *x,
                        const int32_t *codes, const float *weight, const vaei_head_workspace *workspace, float *dx);

/* ---- choice ------------------------------------------------------------------------------------------------------- */

typedef struct vaei_choice {
    float temperature; /* 0: the likeliest code */
    int64_t top_k;     /* only the `top_k` most likely codes, and those as likely as the last of them; 0: all codes */
} vaei_choice;

/* The options of a conf that has a member vaei_choice `choice`. */
#define VAEI_CHOICE_OPTIONS(conf)                                                     \
    {"temperature",                                                                   \
     VAEI_OPT_FLOAT,                                                                  \
     0,                                                                               \
     offsetof(conf, choice.temperature),                                              \
     1,                                                                               \
     0,                                                                               \
     100,                                                                             \
     NULL,                                                                            \
     "sampling only: divides the logits; 0: the most likely code is chosen"},         \
    {                                                                                 \
        "top_k", VAEI_OPT_INT, 0, offsetof(conf, choice.top_k), 0, 0, 16777216, NULL, \
            "sampling only: keep the top_k most likely codes; 0: keep all"            \
    }

/* Destroys logits[K]; the workspace has K floats. */
int32_t vaei_choose_code(const vaei_choice *c, const vaei_kernels *k, int64_t K, float u, float *logits, float *workspace);

#endif
