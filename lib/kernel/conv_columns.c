/* SPDX-License-Identifier: MIT
 * conv_columns.c - convolution by cblas, which gathers the pixels of all taps into columns and multiplies them (blas.h). */
#include "kernel/blas.h"
#include "kernel/product_parts.h"

static int32_t fits(const vaei_kernels *k, const vaei_conv *g, int32_t data) {
    (void)g, (void)data;
    return k->blas;
}

/* Packs [group][o][tap][c], the matrix by which cblas multiplies dy. */
static void pack_dense(const vaei_conv *g, const float *w, const float *scale, float *dst) {
    const int64_t cg = g->c / g->groups, taps = g->kh * g->kw;
    for (int64_t o = 0; o < g->oc; o++) {
        const float *const s = scale ? scale + o / (g->oc / g->groups) * cg : NULL;
        for (int64_t t = 0; t < taps; t++) {
            for (int64_t c = 0; c < cg; c++) *dst++ = vaei_flushed(w[(o * cg + c) * taps + t] * (s ? s[c] : 1.0f));
        }
    }
}

static void pack(const vaei_kernels *k, const vaei_conv *g, int32_t data, const float *w, const float *scale, float *dst) {
    if (data) pack_dense(g, w, scale, dst);
    else vaei_direct_pack(k, g, 0, w, scale, dst);
}

static int64_t scratch_floats(const vaei_kernels *k, const vaei_conv *g, int64_t n, int32_t data) {
    (void)k, (void)data;
    return vaei_blas_conv_scratch(g, n);
}

static void run(const vaei_conv_job *j) {
    const vaei_conv *const g = j->g;
    if (j->data) vaei_blas_conv_data(g, j->n, j->in, j->packed, j->bias, j->out, j->scratch);
    else vaei_blas_conv_forward(g, j->n, j->in, j->packed, j->bias, j->out, j->scratch);
    const int64_t floats = j->data ? g->h * g->w * g->c : g->oh * g->ow * g->oc;
    if (j->epilogue) j->epilogue->apply(j->epilogue->arg, j->k, j->n * floats, j->out);
}

const vaei_conv_algorithm vaei_conv_columns = {"blas", fits, vaei_direct_pack_floats, pack, scratch_floats, run};
