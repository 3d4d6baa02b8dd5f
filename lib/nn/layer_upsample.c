/* SPDX-License-Identifier: MIT
 * layer_upsample.c - nearest-neighbour upsampling of an image by whole factors
 *
 *       y[n][oy][ox][c] = x[n][oy / fy][ox / fx][c]         oh = h fy, ow = w fx
 *       dx[n][iy][ix][c] = sum of the fy fx values of dy that came from it
 *
 *   Followed by a conv2d it is an alternative to deconv2d without checkerboard patterns (Odena, Dumoulin, Olah 2016). */
#include "nn/image.h"
#include "nn/ranges.h"

typedef struct conf {
    int64_t factor[2];
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_EXTENT(conf, factor, 2, 1, 16, "number of times that each pixel is repeated, down and across"),
    {0},
};

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    const conf *o = l->conf;
    (void)b, (void)node;
    VAEI_TRY(vaei_image_check(l, in));
    *out = vaei_image_shape(in->d[0] * o->factor[0], in->d[1] * o->factor[1], in->d[2]);
    return VAE_OK;
}

/* Work is divided by input rows: row i of x makes rows i fy ... i fy + fy - 1 of y, in any example. */
typedef struct job {
    int64_t fy, fx, width, channels;
    const float *from;
    float *to;
} job;

static void repeat_rows(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const int64_t channels = j->channels, row = j->width * channels, wide = row * j->fx;
    for (int64_t i = begin; i < end; i++) {
        float *first = j->to + i * j->fy * wide;
        for (int64_t p = 0; p < j->width * j->fx; p++)
            memcpy(first + p * channels, j->from + i * row + p / j->fx * channels, (size_t)channels * sizeof(float));
        for (int64_t r = 1; r < j->fy; r++) memcpy(first + r * wide, first, (size_t)wide * sizeof(float));
    }
}

static void sum_rows(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const int64_t channels = j->channels, row = j->width * channels, wide = row * j->fx;
    for (int64_t i = begin; i < end; i++) {
        float *dx = j->to + i * row;
        memset(dx, 0, (size_t)row * sizeof(float));
        for (int64_t r = 0; r < j->fy; r++) {
            const float *dy = j->from + (i * j->fy + r) * wide;
            for (int64_t p = 0; p < j->width * j->fx; p++, dy += channels)
                for (int64_t c = 0; c < channels; c++) dx[p / j->fx * channels + c] += dy[c];
        }
    }
}

static void run(const vaei_layer *l, const vaei_run *r, int64_t rows, vaei_range_task task, const float *from, float *to) {
    const conf *o = l->conf;
    job j = {o->factor[0], o->factor[1], l->in.d[1], l->in.d[2], from, to};
    vaei_parallel_ranges(r->pool, rows, j.fy * j.fx * j.width * j.channels, task, &j);
}

static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    run(l, r, m->band ? m->band->x_last - m->band->x_first : r->n * l->in.d[0], repeat_rows, x, y);
}

/* Makes y pixel by pixel, as the prologue of another step. */
typedef struct feeder {
    int64_t height, width, channels, fy, fx; /* of x, and the factors */
    int64_t first, x_first;                  /* of a band, which is image 0 */
    const float *x;
} feeder;

typedef struct parts {
    feeder *feeder; /* scratch: of the prologue */
} parts;

static void layout(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces) {
    parts *const p = pieces ? pieces : &(parts){0};
    (void)l, (void)k, (void)n, (void)training;
    *p = (parts){0};
    p->feeder = vaei_carve_bytes(&m->scratch, sizeof(feeder));
}

static void pixels(const void *arg, const vaei_kernels *k, int64_t image, int64_t y, int64_t x, int64_t count, float *out) {
    const feeder *f = arg;
    const float *line = f->x + (image * f->height + (f->first + y) / f->fy - f->x_first) * f->width * f->channels;
    (void)k;
    for (int64_t p = x; p < x + count; p++, out += f->channels)
        memcpy(out, line + p / f->fx * f->channels, (size_t)f->channels * sizeof(float));
}

static void prologue(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, vaei_prologue *made) {
    const conf *o = l->conf;
    parts p;
    vaei_layer_pieces(l, r, m, &p);
    *p.feeder = (feeder){
        l->in.d[0], l->in.d[1], l->in.d[2], o->factor[0], o->factor[1], m->band ? m->band->first : 0, m->band ? m->band->x_first : 0, x};
    *made = (vaei_prologue){pixels, p.feeder};
}

static void backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx) {
    (void)m, (void)x, (void)y;
    if (dx) run(l, r, r->n * l->in.d[0], sum_rows, dy, dx);
}

static int32_t band(const vaei_layer *l, vaei_band *b) {
    const conf *o = l->conf;
    b->x_first = b->first / o->factor[0];
    b->x_last = (b->last - 1) / o->factor[0] + 1;
    return VAEI_BAND_ALIGN % o->factor[0] == 0;
}

static void upsamples(const vaei_layer *l, int64_t factor[2]) {
    const conf *o = l->conf;
    factor[0] = o->factor[0];
    factor[1] = o->factor[1];
}

const vaei_layer_ops vaei_layer_upsample = {
    .module = {"upsample", "repeats each pixel",
               "upsample factor=2x3\n"
               "upsample",
               "", sizeof(conf), options},
    .plan = plan,
    .layout = layout,
    .forward = forward,
    .backward = backward,
    .range = vaei_range_kept,
    .prologue = prologue,
    .upsamples = upsamples,
    .band = band,
};
