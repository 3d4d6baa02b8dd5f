/* SPDX-License-Identifier: MIT
 * conv_depthwise.c - convolution of every channel with its own kernel: groups = c = oc.
 *
 *   y[p][c] = bias[c] + sum over taps ascending of x[p, tap][c] w[tap][c]        taps outside the image are left out
 *
 * There is no sum over channels, so the file computes one pixel at a time: for each tap one FMA over the channels, which is kernel->affine
 * with a pixel as x, the tap's weights as scale and the sums as shift. The gradient by the input sums over the taps that read the pixel.
 * The gradient by the weight has one sum for each tap and channel, over chunks of output lines that are added in ascending order. */
#include "kernel/product_parts.h"

enum {
    TASK_WORK = 1 << 17, /* multiplications */
    CHUNKS = 16,
    CHUNK_LINES = 64,
    EPILOGUE_FLOATS = 4096
};

int32_t vaei_depthwise(const vaei_conv *g) {
    return g->groups > 1 && g->c == g->groups && g->oc == g->groups;
}

static int64_t weight_floats(const vaei_conv *g) {
    return g->kh * g->kw * g->c;
}

static int32_t fits(const vaei_kernels *k, const vaei_conv *g, int32_t data) {
    (void)k, (void)data;
    return vaei_depthwise(g);
}

static int64_t pack_floats(const vaei_kernels *k, const vaei_conv *g, int32_t data) {
    (void)k, (void)data;
    return weight_floats(g);
}

static void pack(const vaei_kernels *k, const vaei_conv *g, int32_t data, const float *w, const float *scale, float *dst) {
    (void)k, (void)data;
    for (int64_t t = 0; t < g->kh * g->kw; t++) {
        for (int64_t c = 0; c < g->c; c++) *dst++ = vaei_flushed(w[c * g->kh * g->kw + t] * (scale ? scale[c] : 1.0f));
    }
}

typedef struct depthwise {
    const vaei_kernels *k;
    const vaei_conv *g;
    int32_t data;
    int64_t lines, total; /* of output: in a task, in the batch */
    const float *in, *w, *bias;
    const vaei_epilogue *epilogue;
    float *out;
} depthwise;

/* The input pixel that tap k reads for output pixel p along an axis of `size` pixels, or with `data` the reverse; -1 if there is none. */
static int64_t met(int32_t data, int64_t p, int64_t k, int64_t size, int64_t stride, int64_t dilation, int64_t before) {
    const int64_t at = data ? p + before - k * dilation : p * stride + k * dilation - before;
    if (at < 0 || (data && at % stride != 0)) return -1;
    const int64_t q = data ? at / stride : at;
    return q < size ? q : -1;
}

static void output_pixel(const depthwise *d, const float *image, int64_t y, int64_t x, float *out) {
    const vaei_conv *const g = d->g;
    const int64_t h = d->data ? g->oh : g->h, w = d->data ? g->ow : g->w;
    if (d->bias) {
        d->k->flush(g->c, d->bias, out);
    } else {
        memset(out, 0, (size_t)g->c * sizeof *out);
    }
    for (int64_t ky = 0; ky < g->kh; ky++) {
        const int64_t qy = met(d->data, y, ky, h, g->sy, g->dy, g->top);
        for (int64_t kx = 0; qy >= 0 && kx < g->kw; kx++) {
            const int64_t qx = met(d->data, x, kx, w, g->sx, g->dx, g->left);
            if (qx >= 0) d->k->affine(1, g->c, d->w + (ky * g->kw + kx) * g->c, out, image + (qy * w + qx) * g->c, out);
        }
    }
}

static void output_task(void *arg, int32_t index) {
    const depthwise *const d = arg;
    const vaei_conv *const g = d->g;
    const int64_t height = d->data ? g->h : g->oh, width = d->data ? g->w : g->ow;
    const int64_t image = (d->data ? g->oh * g->ow : g->h * g->w) * g->c;
    const int64_t first = index * d->lines, last = vaei_min(first + d->lines, d->total);
    int64_t finished = first;
    for (int64_t line = first; line < last; line++) {
        float *const out = d->out + line * width * g->c;
        for (int64_t x = 0; x < width; x++) output_pixel(d, d->in + line / height * image, line % height, x, out + x * g->c);
        if (d->epilogue && ((line + 1 - finished) * width * g->c >= EPILOGUE_FLOATS || line + 1 == last)) {
            d->epilogue->apply(d->epilogue->arg, d->k, (line + 1 - finished) * width * g->c, d->out + finished * width * g->c);
            finished = line + 1;
        }
    }
}

static int64_t scratch_floats(const vaei_kernels *k, const vaei_conv *g, int64_t n, int32_t data) {
    (void)k, (void)g, (void)n, (void)data;
    return 0;
}

static void run(const vaei_conv_job *j) {
    const vaei_conv *const g = j->g;
    const int64_t line_work = (j->data ? g->w : g->ow) * g->c * g->kh * g->kw, total = j->n * (j->data ? g->h : g->oh);
    depthwise d = {.k = j->k,
                   .g = g,
                   .data = j->data,
                   .lines = vaei_max(TASK_WORK / vaei_max(line_work, 1), 1),
                   .total = total,
                   .in = j->in,
                   .w = j->packed,
                   .bias = j->bias,
                   .epilogue = j->epilogue,
                   .out = j->out};
    d.lines = vaei_max(d.lines, total / VAEI_MAX_TASKS + 1);
    vaei_parallel(j->pool, (int32_t)vaei_divide_up(total, d.lines), output_task, &d);
}

const vaei_conv_algorithm vaei_conv_depthwise = {"depthwise", fits, pack_floats, pack, scratch_floats, run};

/* ---- gradient by the weight ------------------------------------------------------------------------------------- */

typedef struct depthwise_weight {
    const vaei_kernels *k;
    const vaei_conv *g;
    int64_t lines, total; /* of y: in a chunk, in the batch */
    const float *x, *dy;
    float *partial; /* [chunk][tap][c] */
} depthwise_weight;

static int64_t chunks_of(const vaei_conv *g, int64_t n) {
    return vaei_max(1, vaei_min(n * g->oh / CHUNK_LINES, CHUNKS));
}

int64_t vaei_depthwise_weight_scratch(const vaei_conv *g, int64_t n) {
    return chunks_of(g, n) * weight_floats(g);
}

static void weight_task(void *arg, int32_t index) {
    const depthwise_weight *const d = arg;
    const vaei_conv *const g = d->g;
    const int64_t first = index * d->lines, last = vaei_min(first + d->lines, d->total);
    float *const sums = d->partial + index * weight_floats(g);
    memset(sums, 0, (size_t)weight_floats(g) * sizeof *sums);
    for (int64_t line = first; line < last; line++) {
        const float *const image = d->x + line / g->oh * g->h * g->w * g->c;
        for (int64_t ky = 0; ky < g->kh; ky++) {
            const int64_t y = met(0, line % g->oh, ky, g->h, g->sy, g->dy, g->top);
            for (int64_t ox = 0; y >= 0 && ox < g->ow; ox++) {
                for (int64_t kx = 0; kx < g->kw; kx++) {
                    const int64_t x = met(0, ox, kx, g->w, g->sx, g->dx, g->left);
                    float *const sum = sums + (ky * g->kw + kx) * g->c;
                    if (x >= 0) d->k->affine(1, g->c, image + (y * g->w + x) * g->c, sum, d->dy + (line * g->ow + ox) * g->c, sum);
                }
            }
        }
    }
}

void vaei_depthwise_weight(const vaei_kernels *k, const vaei_pool *pool, const vaei_conv *g, int64_t n, const float *x, const float *dy,
                           float *dw, float *scratch) {
    const int64_t taps = g->kh * g->kw, chunks = chunks_of(g, n);
    depthwise_weight d = {k, g, vaei_divide_up(n * g->oh, chunks), n * g->oh, x, dy, scratch};
    vaei_parallel(pool, (int32_t)chunks, weight_task, &d);
    for (int64_t chunk = 1; chunk < chunks; chunk++) k->add(taps * g->c, scratch + chunk * taps * g->c, scratch);
    for (int64_t c = 0; c < g->c; c++) {
        for (int64_t t = 0; t < taps; t++) dw[c * taps + t] += scratch[t * g->c + c];
    }
}
