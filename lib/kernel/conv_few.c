/* SPDX-License-Identifier: MIT
 * conv_few.c - convolution with few output channels: the last layer of a decoder has one or three.
 *
 * Vectors over the output channels would be mostly empty, so the vectors run along the pixels, and the sum is split. A product computes,
 * for each input pixel q, its contribution through each tap, and an output pixel adds the contributions that belong to it:
 *
 *   t[tap][o][q] = sum_c w[tap][o][c] in[q][c]          out[p][o] = bias[o] + sum over taps ascending of t[tap][o][q(p, tap)]
 *
 * So the order of summation is: channels inside each tap, as one chain of FMA from 0; then the taps, ascending, are added to the bias. A
 * tap beside the image adds 0. Both directions are the same scatter, in which position q of tap k contributes to the pixel
 *
 *   forward (stride 1 only)   q - k d + before               by the input   q s + k d - before
 *
 * The product is dot_tile with the weights as rows and a few transposed pixels of a line as the panel. t is a ring of lines with zeros on
 * both sides, which are computed when the output lines need them. A task has contiguous lines of the batch and a ring of its own. */
#include "kernel/product_parts.h"

enum {
    LANES = 16, /* lanes of a vector in the cost rule; a constant, so that every CPU decides alike */
    MAX_OUTPUTS = 8,
    MAX_TAPS = 128,
    ROWS = 240, /* rows of weights that are multiplied at once */
    MAX_TASKS = 32,
    TASK_LINES = 32,
    MAX_PIXELS = 64,       /* pixels of a panel: no table has a larger nr */
    EPILOGUE_FLOATS = 2048 /* floats that are finished before the epilogue is called */
};

static int64_t whole_vectors(int64_t x) {
    return vaei_divide_up(x, LANES) * LANES;
}

/* Compares the lanes of FMA for each input channel of a line: along the pixels, which must be transposed, with along the output
 * channels. */
static int32_t few_is_cheaper(const vaei_conv *g, int64_t outputs, int64_t width) {
    const int64_t taps = g->kh * g->kw;
    return g->groups == 1 && outputs <= MAX_OUTPUTS && taps <= MAX_TAPS &&
           taps * outputs * whole_vectors(width) + LANES / 2 * width < taps * whole_vectors(outputs) * width;
}

static int32_t fits(const vaei_kernels *k, const vaei_conv *g, int32_t data) {
    (void)k;
    return data ? few_is_cheaper(g, g->c, g->ow) : g->sy == 1 && g->sx == 1 && few_is_cheaper(g, g->oc, g->w);
}

static int64_t pack_floats(const vaei_kernels *k, const vaei_conv *g, int32_t data) {
    (void)k, (void)data;
    return g->kh * g->kw * g->c * g->oc;
}

/* Packs [tap][output][channel]. */
static void pack(const vaei_kernels *k, const vaei_conv *g, int32_t data, const float *w, const float *scale, float *dst) {
    const int64_t taps = g->kh * g->kw, channels = data ? g->oc : g->c, outputs = data ? g->c : g->oc;
    const int64_t stride_in = data ? g->c * taps : taps, stride_out = data ? taps : g->c * taps;
    (void)k;
    for (int64_t row = 0; row < taps * outputs; row++) {
        const int64_t t = row / outputs, o = row % outputs;
        for (int64_t c = 0; c < channels; c++) *dst++ = vaei_flushed(w[c * stride_in + o * stride_out + t] * (scale ? scale[o] : 1.0f));
    }
}

/* One axis: position q contributes through tap k to pixel q step + k turn + shift. */
typedef struct axis {
    int64_t in, out, kernel, step, turn, shift;
} axis;

static axis axis_y(const vaei_conv *g, int32_t data) {
    return data ? (axis){g->oh, g->h, g->kh, g->sy, g->dy, -g->top} : (axis){g->h, g->oh, g->kh, 1, -g->dy, g->top};
}

static axis axis_x(const vaei_conv *g, int32_t data) {
    return data ? (axis){g->ow, g->w, g->kw, g->sx, g->dx, -g->left} : (axis){g->w, g->ow, g->kw, 1, -g->dx, g->left};
}

/* ceil(a / b), b > 0 */
static int64_t quotient_up(int64_t a, int64_t b) {
    return a > 0 ? vaei_divide_up(a, b) : -(-a / b);
}

/* floor(a / b) */
static int64_t quotient_down(int64_t a, int64_t b) {
    return -quotient_up(-a, b);
}

/* The positions that contribute to pixel p through some tap: [first, last], limited to those that exist. */
static int64_t first_position(const axis *a, int64_t p) {
    const int64_t last_tap = (a->kernel - 1) * a->turn;
    return vaei_max(0, quotient_up(p - a->shift - vaei_max(last_tap, 0), a->step));
}

static int64_t last_position(const axis *a, int64_t p) {
    const int64_t last_tap = (a->kernel - 1) * a->turn, reach = p - a->shift - vaei_min(last_tap, 0);
    return reach < 0 ? -1 : vaei_min(reach / a->step, a->in - 1);
}

static int64_t ring_lines(const axis *y) {
    const int64_t turn = y->turn < 0 ? -y->turn : y->turn;
    return vaei_min((y->kernel - 1) * turn / y->step + 1, y->in);
}

static int64_t tasks_of(int64_t lines) {
    return vaei_max(vaei_min(lines / TASK_LINES, MAX_TASKS), 1);
}

/* Zeros beside a line of t: the farthest distance from the line at which a tap reads. */
static int64_t margin_of(const axis *x) {
    const int64_t low = quotient_down(-x->shift - vaei_max((x->kernel - 1) * x->turn, 0), x->step);
    const int64_t high = quotient_down(x->out - 1 - x->shift - vaei_min((x->kernel - 1) * x->turn, 0), x->step);
    return whole_vectors(vaei_max(vaei_max(-low, high - x->in + 1), 1));
}

typedef struct few {
    const vaei_kernels *k;
    axis y, x;
    int64_t channels, outputs, rows; /* rows of the weights: taps times output channels */
    int64_t margin, width, ring;     /* of a line of t: zeros on each side, all its floats; lines in the ring */
    int64_t lines, total;            /* of output: in a task, in the batch */
    const float *in, *packed, *bias;
    const vaei_epilogue *epilogue;
    float *out, *scratch;
} few;

static few few_of(const vaei_conv *g, int64_t n, int32_t data) {
    few f = {.y = axis_y(g, data), .x = axis_x(g, data), .channels = data ? g->oc : g->c, .outputs = data ? g->c : g->oc};
    f.rows = g->kh * g->kw * f.outputs;
    f.margin = margin_of(&f.x);
    f.width = whole_vectors(f.x.in) + 2 * f.margin;
    f.ring = ring_lines(&f.y);
    f.total = n * f.y.out;
    f.lines = vaei_max(vaei_divide_up(f.total, tasks_of(f.total)), 1);
    /* A task has whole images, so that no line of t is computed twice. */
    if (f.lines > f.y.out) f.lines = vaei_divide_up(f.lines, f.y.out) * f.y.out;
    return f;
}

/* The memory of a task: the ring, a panel of pixels, a line of each output channel. */
static int64_t ring_floats(const few *f) {
    return f->ring * f->rows * f->width;
}

static int64_t task_floats(const few *f) {
    return ring_floats(f) + f->channels * MAX_PIXELS + f->outputs * whole_vectors(f->x.out);
}

static int64_t scratch_floats(const vaei_kernels *k, const vaei_conv *g, int64_t n, int32_t data) {
    (void)k;
    const few f = few_of(g, n, data);
    return tasks_of(f.total) * task_floats(&f); /* the memory does not shrink for more examples, because a batch may be run in parts */
}

/* Multiplies `count` pixels of the input by all weights and writes t. Behind them the panel holds old values, whose products are not
 * stored. */
static void fill_pixels(const few *f, const float *in, int64_t count, float *panel, float *t) {
    const vaei_kernels *const k = f->k;
    const float *a[ROWS];
    float *c[ROWS];
    k->transpose(count, f->channels, in, f->channels, panel, vaei_panel_columns(k, count));
    for (int64_t first = 0; first < f->rows; first += ROWS) {
        const int64_t rows = vaei_min(ROWS, f->rows - first);
        for (int64_t row = 0; row < rows; row++) {
            a[row] = f->packed + (first + row) * f->channels;
            c[row] = t + (first + row) * f->width;
        }
        k->dot_tile(rows, count, 1, f->channels, a, panel, c, NULL, 0);
    }
}

/* Computes lines [from, to) of an image's t into the ring. */
static void fill(const few *f, const float *image, int64_t from, int64_t to, float *ring) {
    float *const panel = ring + ring_floats(f);
    for (; from < to; from++) {
        const float *const in = image + from * f->x.in * f->channels;
        float *const t = ring + from % f->ring * f->rows * f->width + f->margin;
        if (from + 1 < f->y.in) vaei_prefetch(f->x.in * f->channels, in + f->x.in * f->channels);
        for (int64_t q = 0; q < f->x.in; q += f->k->nr) fill_pixels(f, in + q * f->channels, vaei_min(f->k->nr, f->x.in - q), panel, t + q);
    }
}

/* Finds the taps of line p that contribute to the pixels p0, p0 + step, ...: where each of them begins in t, for the first output
 * channel. */
static int64_t find_sources(const few *f, int64_t p, int64_t p0, const float *ring, const float **sources) {
    const axis *const x = &f->x;
    int64_t count = 0;
    for (int64_t ky = 0; ky < f->y.kernel; ky++) {
        const int64_t reach = p - f->y.shift - ky * f->y.turn, line = reach / f->y.step;
        if (reach < 0 || reach % f->y.step != 0 || line >= f->y.in) continue;
        for (int64_t kx = 0; kx < x->kernel; kx++) {
            const int64_t start = p0 - x->shift - kx * x->turn;
            if (start % x->step != 0) continue;
            sources[count++] =
                ring + (line % f->ring * f->rows + (ky * x->kernel + kx) * f->outputs) * f->width + f->margin + start / x->step;
        }
    }
    return count;
}

/* out[i * step + o] = from[o][i], where a line of `from` has `width` floats; `outputs` is a constant where speed needs it */
VAEI_INLINE void interleave(const int64_t outputs, int64_t count, const float *from, int64_t width, float *out, int64_t step) {
    for (int64_t i = 0; i < count; i++) {
        for (int64_t o = 0; o < outputs; o++) out[i * step + o] = from[o * width + i];
    }
}

/* Computes one line of output from the ring. The same taps contribute to pixels whose distance is a multiple of the step. */
static void output_line(const few *f, int64_t p, float *ring, float *line) {
    const int64_t outputs = f->outputs, step = f->x.step, width = whole_vectors(f->x.out);
    float *const sums = ring + ring_floats(f) + f->channels * MAX_PIXELS;
    const float *sources[MAX_TAPS];
    for (int64_t p0 = 0; p0 < vaei_min(step, f->x.out); p0++) {
        const int64_t pixels = vaei_divide_up(f->x.out - p0, step), count = find_sources(f, p, p0, ring, sources);
        float *const out = line + p0 * outputs, *const to = outputs * step == 1 ? line : sums;
        for (int64_t o = 0; o < outputs; o++) {
            f->k->add_rows(pixels, count, sources, f->bias ? vaei_flushed(f->bias[o]) : 0, to + o * width);
            for (int64_t s = 0; s < count; s++) sources[s] += f->width;
        }
        if (outputs * step == 1) continue;
        if (outputs == 1) {
            interleave(1, pixels, sums, width, out, step);
        } else if (outputs == 3) {
            interleave(3, pixels, sums, width, out, 3 * step);
        } else {
            interleave(outputs, pixels, sums, width, out, outputs * step);
        }
    }
}

static void few_task(void *arg, int32_t index) {
    const few *const f = arg;
    float *const ring = f->scratch + index * task_floats(f);
    const int64_t first = index * f->lines, last = vaei_min(first + f->lines, f->total), line_floats = f->x.out * f->outputs;
    int64_t filled = 0, finished = first;
    memset(ring, 0, (size_t)task_floats(f) * sizeof *ring);
    for (int64_t line = first; line < last; line++) {
        const int64_t p = line % f->y.out, need = last_position(&f->y, p) + 1;
        const float *const image = f->in + line / f->y.out * f->y.in * f->x.in * f->channels;
        if (p == 0 || line == first) filled = first_position(&f->y, p);
        fill(f, image, filled, need, ring);
        filled = vaei_max(filled, need);
        output_line(f, p, ring, f->out + line * line_floats);
        if (f->epilogue && ((line + 1 - finished) * line_floats >= EPILOGUE_FLOATS || line + 1 == last)) {
            f->epilogue->apply(f->epilogue->arg, f->k, (line + 1 - finished) * line_floats, f->out + finished * line_floats);
            finished = line + 1;
        }
    }
}

static void run(const vaei_conv_job *j) {
    few f = few_of(j->g, j->n, j->data);
    f.k = j->k;
    f.in = j->in;
    f.packed = j->packed;
    f.bias = j->bias;
    f.epilogue = j->epilogue;
    f.out = j->out;
    f.scratch = j->scratch;
    vaei_parallel(j->pool, (int32_t)vaei_divide_up(f.total, f.lines), few_task, &f);
}

const vaei_conv_algorithm vaei_conv_few = {"few channels", fits, pack_floats, pack, scratch_floats, run};
