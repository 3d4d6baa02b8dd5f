/* SPDX-License-Identifier: MIT
 * soft_codes.c - computes soft assignments of vectors to codes, for a few vectors at a time.
 *
 *     dL/dp_ik = (single h'(p_ik) - diversity h'(m_k)) / P        m = mean_i p_i
 *     h(p) = -p ln max(p, eps)        h'(p) = -ln max(p, eps) - [p >= eps]
 *     dL/dl_ik = p_ik (G_ik - sum_j p_ij G_ij)                 G = dL/dp, l the logits
 *     distance:  dL/dx_i = sum_k b_ik (e_k - x_i), b = t dL/dl / |x_i - e_k|        product:  sum_k t dL/dl e_k
 *
 * The table of P x K probabilities is never stored as a whole: the gradient recomputes it. The number of vectors alone decides their
 * groups, and the sums of groups are added in order. */
#include "vae/codes/soft_codes.h"

#include <math.h>

#include "kernel/product_parts.h"
#include "vae/codes/batch_groups.h"

#define PROBABILITY_MIN 1e-5f
#define SQUARE_MIN      1e-8f /* of a distance */
#define GROUPS          16
#define WIDE            4096 /* with so many codes or more, fewer rows are in memory at once */

static int64_t groups_of(int64_t P) {
    return P < GROUPS ? P : GROUPS;
}

static int64_t rows_of(int64_t K) {
    return K > WIDE ? 2 : 12;
}

vaei_soft_workspace vaei_soft_carve(int64_t P, int64_t K, vaei_carve *c) {
    vaei_soft_workspace workspace;
    const int64_t groups = groups_of(P);
    int64_t count = -1, rows = -1;
    if (P >= 0 && vaei_count_mul(groups, K, &count) && !vaei_count_mul(count, 2 * rows_of(K), &rows)) rows = -1;
    workspace.mean = vaei_carve_array(c, count, sizeof(double));
    workspace.entropy = vaei_carve_array(c, P < 0 ? -1 : groups, sizeof(double));
    workspace.rows = vaei_carve_floats(c, rows);
    return workspace;
}

typedef struct job {
    const vaei_soft *s;
    const float *x; /* x of one head */
    const vaei_kernels *k;
    const vaei_soft_workspace *workspace;
    float weight, *dx;
} job;

/* Computes p[row][k] for a few rows, and distance[row][k] if logits are distances. */
static void probabilities(const job *j, int64_t first, int64_t rows, float *p, float *distance) {
    const vaei_soft *s = j->s;
    vaei_nearest_scores(j->k, rows, s->D, j->x + first * s->ld, s->ld, s->K, s->packed, p);
    for (int64_t i = 0; i < rows; i++) {
        float *row = p + i * s->K, *far = distance + i * s->K, top = -HUGE_VALF;
        const float square = (float)j->k->sum_squares(s->D, j->x + (first + i) * s->ld);
        for (int64_t c = 0; c < s->K; c++) {
            if (s->by == VAEI_NEAREST_DISTANCE) {
                far[c] = sqrtf(row[c] + square > SQUARE_MIN ? row[c] + square : SQUARE_MIN);
                row[c] = -s->inverse_temperature * far[c];
            } else {
                row[c] *= -0.5f * s->inverse_temperature;
            }
            top = row[c] > top ? row[c] : top;
        }
        for (int64_t c = 0; c < s->K; c++) row[c] -= top;
        j->k->map[VAEI_MAP_EXP](s->K, 0, row, row);
        j->k->scale(s->K, (float)(1 / j->k->sum(s->K, row)), row);
        j->k->flush(s->K, row, row);
    }
}

static vaei_range group_of(const vaei_soft *s, int32_t group) {
    const int64_t groups = groups_of(s->P);
    return (vaei_range){s->P * group / groups, s->P * (group + 1) / groups};
}

static double entropy_of(double p) {
    return -p * log(p > (double)PROBABILITY_MIN ? p : (double)PROBABILITY_MIN);
}

static void value_task(void *arg, int32_t group) {
    const job *j = arg;
    const vaei_soft *s = j->s;
    const int64_t step = rows_of(s->K);
    const vaei_range range = group_of(s, group);
    double *mean = j->workspace->mean + group * s->K, entropy = 0;
    float *p = j->workspace->rows + group * 2 * step * s->K;
    memset(mean, 0, (size_t)s->K * sizeof *mean);
    for (int64_t i = range.first; i < range.end; i += step) {
        const int64_t rows = vaei_min(step, range.end - i);
        probabilities(j, i, rows, p, p + step * s->K);
        j->k->column_sums(rows, s->K, p, NULL, mean, NULL);
        for (int64_t c = 0; s->single > 0 && c < rows * s->K; c++) entropy += entropy_of((double)p[c]);
    }
    j->workspace->entropy[group] = entropy;
}

/* Returns L of one head and keeps the mean for the gradient. */
static double head_value(job *j, const vaei_pool *pool) {
    const vaei_soft *s = j->s;
    const int64_t groups = groups_of(s->P);
    double *mean = j->workspace->mean, single = 0, diversity = 0;
    vaei_parallel(pool, (int32_t)groups, value_task, j);
    for (int64_t g = 0; g < groups; g++) single += j->workspace->entropy[g];
    for (int64_t c = 0; c < s->K; c++) {
        for (int64_t g = 1; g < groups; g++) mean[c] += mean[g * s->K + c];
        mean[c] /= (double)s->P;
        diversity += entropy_of(mean[c]);
    }
    return s->single * single / (double)s->P - s->diversity * diversity;
}

double vaei_soft_value(const vaei_soft *s, const vaei_kernels *k, const vaei_pool *pool, const vaei_soft_workspace *workspace) {
    double value = 0;
    for (int64_t head = 0; head < s->heads; head++) {
        job j = {.s = s, .x = s->x + head * s->D, .k = k, .workspace = workspace};
        value += head_value(&j, pool);
    }
    return value;
}

/* Turns rows of probabilities into rows of t dL/dl, divided by the distance if there is one. */
static void logits_backward(const job *j, int64_t rows, float *p, const float *distance) {
    const vaei_soft *s = j->s;
    for (int64_t i = 0; i < rows; i++) {
        float *row = p + i * s->K;
        double sum = 0;
        for (int32_t pass = 0; pass < 2; pass++) {
            for (int64_t c = 0; c < s->K; c++) {
                const float least = row[c] > PROBABILITY_MIN ? row[c] : PROBABILITY_MIN;
                double g = -s->diversity * j->workspace->mean[c];
                if (pass == 1 && row[c] <= 0) continue; /* it remains 0 */
                if (s->single > 0) g += s->single * (-log((double)least) - (row[c] >= PROBABILITY_MIN ? 1 : 0));
                if (pass == 0) {
                    sum += (double)row[c] * g;
                } else {
                    const double b = (double)s->inverse_temperature * (double)row[c] * (g - sum) / (double)s->P;
                    row[c] = (float)(s->by == VAEI_NEAREST_DISTANCE ? b / (double)distance[i * s->K + c] : b);
                }
            }
        }
    }
}

static void gradient_task(void *arg, int32_t group) {
    const job *j = arg;
    const vaei_soft *s = j->s;
    const int64_t step = rows_of(s->K);
    const vaei_range range = group_of(s, group);
    float *p = j->workspace->rows + group * 2 * step * s->K;
    for (int64_t i = range.first; i < range.end; i += step) {
        const int64_t rows = vaei_min(step, range.end - i);
        probabilities(j, i, rows, p, p + step * s->K);
        logits_backward(j, rows, p, p + step * s->K);
        for (int64_t r = 0; r < rows; r++) {
            const float *b = p + r * s->K, *x = j->x + (i + r) * s->ld;
            float *dx = j->dx + (i + r) * s->ld;
            if (s->by == VAEI_NEAREST_DISTANCE) j->k->axpy(s->D, -j->weight * (float)j->k->sum(s->K, b), x, dx);
            for (int64_t c = 0; c < s->K; c++)
                if (fabsf(b[c]) > 0) j->k->axpy(s->D, j->weight * b[c], s->codes + c * s->D, dx);
        }
    }
}

void vaei_soft_gradient(const vaei_soft *s, const vaei_kernels *k, const vaei_pool *pool, const vaei_soft_workspace *workspace,
                        float weight, float *dx) {
    for (int64_t head = 0; head < s->heads; head++) {
        job j = {.s = s, .x = s->x + head * s->D, .k = k, .workspace = workspace, .weight = weight, .dx = dx + head * s->D};
        (void)head_value(&j, pool);
        for (int64_t c = 0; c < s->K; c++) { /* replaces the mean by h'(mean) */
            const double m = workspace->mean[c], least = (double)PROBABILITY_MIN;
            workspace->mean[c] = -log(m > least ? m : least) - (m >= least ? 1 : 0);
        }
        vaei_parallel(pool, (int32_t)groups_of(s->P), gradient_task, &j);
    }
}
