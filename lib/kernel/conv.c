/* SPDX-License-Identifier: MIT
 * conv.c - convolution and its gradient by the input: chooses an algorithm by the shape. Each algorithm is a file. The first algorithm
 * of the table that fits is used; the same functions compute both directions (product_parts.h). */
#include "kernel/product_parts.h"

/* The last one fits every shape. */
static const vaei_conv_algorithm *const algorithms[] = {&vaei_conv_winograd, &vaei_conv_columns, &vaei_conv_depthwise, &vaei_conv_few,
                                                        &vaei_conv_direct};

static const vaei_conv_algorithm *algorithm_of(const vaei_kernels *k, const vaei_conv *g, int32_t data) {
    const vaei_conv *const whole = g->whole ? g->whole : g;
    size_t i = 0;
    while (!algorithms[i]->fits(k, whole, data)) i++;
    return algorithms[i];
}

static void run(vaei_conv_job *j) {
    const vaei_conv_algorithm *const a = algorithm_of(j->k, j->g, j->data);
    VAEI_ASSERT_MEMORY(j->scratch, (size_t)a->scratch(j->k, j->g, j->n, j->data) * sizeof *j->scratch);
    if (j->epilogue && !j->epilogue->apply) j->epilogue = NULL;
    a->run(j);
}

/* ---- forward ---------------------------------------------------------------------------------------------------- */

const char *vaei_conv_forward_algorithm(const vaei_kernels *k, const vaei_conv *g) {
    return algorithm_of(k, g, 0)->name;
}

int64_t vaei_conv_forward_pack_floats(const vaei_kernels *k, const vaei_conv *g) {
    return algorithm_of(k, g, 0)->pack_floats(k, g, 0);
}

void vaei_conv_forward_pack(const vaei_kernels *k, const vaei_conv *g, const float *w, const float *scale, float *dst) {
    algorithm_of(k, g, 0)->pack(k, g, 0, w, scale, dst);
}

int64_t vaei_conv_forward_scratch(const vaei_kernels *k, const vaei_conv *g, int64_t n) {
    return algorithm_of(k, g, 0)->scratch(k, g, n, 0);
}

void vaei_conv_forward(const vaei_kernels *k, const vaei_pool *pool, const vaei_conv *g, int64_t n, const float *x, const float *packed,
                       const float *bias, const vaei_epilogue *epilogue, float *y, float *scratch) {
    run(&(vaei_conv_job){
        .k = k, .pool = pool, .g = g, .n = n, .in = x, .packed = packed, .bias = bias, .epilogue = epilogue, .out = y, .scratch = scratch});
}

int32_t vaei_conv_fuses(const vaei_conv *g) {
    return g->sy * g->sx == 1 && vaei_winograd(g, 0);
}

void vaei_conv_forward_fused(const vaei_kernels *k, const vaei_pool *pool, const vaei_conv *g, int64_t n, const float *x,
                             const vaei_prologue *prologue, const float *packed, const float *bias, const float *add,
                             const vaei_epilogue *epilogue, float *y, float *scratch) {
    run(&(vaei_conv_job){.k = k,
                         .pool = pool,
                         .g = g,
                         .n = n,
                         .in = x,
                         .prologue = prologue,
                         .packed = packed,
                         .bias = bias,
                         .add = add,
                         .epilogue = epilogue,
                         .out = y,
                         .scratch = scratch});
}

/* ---- gradient by the input -------------------------------------------------------------------------------------- */

const char *vaei_conv_data_algorithm(const vaei_kernels *k, const vaei_conv *g) {
    return algorithm_of(k, g, 1)->name;
}

int64_t vaei_conv_data_pack_floats(const vaei_kernels *k, const vaei_conv *g) {
    return algorithm_of(k, g, 1)->pack_floats(k, g, 1);
}

void vaei_conv_data_pack(const vaei_kernels *k, const vaei_conv *g, const float *w, const float *scale_c, float *dst) {
    algorithm_of(k, g, 1)->pack(k, g, 1, w, scale_c, dst);
}

int64_t vaei_conv_data_scratch(const vaei_kernels *k, const vaei_conv *g, int64_t n) {
    return algorithm_of(k, g, 1)->scratch(k, g, n, 1);
}

void vaei_conv_data(const vaei_kernels *k, const vaei_pool *pool, const vaei_conv *g, int64_t n, const float *dy, const float *packed,
                    const float *bias, const vaei_epilogue *epilogue, float *dx, float *scratch) {
    run(&(vaei_conv_job){.k = k,
                         .pool = pool,
                         .g = g,
                         .n = n,
                         .data = 1,
                         .in = dy,
                         .packed = packed,
                         .bias = bias,
                         .epilogue = epilogue,
                         .out = dx,
                         .scratch = scratch});
}
