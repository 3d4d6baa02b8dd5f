/* SPDX-License-Identifier: MIT
 * conv_few.c - convolution towards few channels: the last layer of a decoder has one or three.
 *
 * Vectors over the outputs would be mostly empty, so the sum is split. A plain product makes, for each input pixel q, what each tap
 * would take from it, and an output pixel collects what meets it:
 *
 *   t[q][tap][o] = sum_c in[q][c] w[c][tap][o]          out[p][o] = bias[o] + sum over taps ascending of t[q(p, tap)][tap][o]
 *
 * The order of summation is thus channels inside each tap, one chain of FMA from 0, then taps ascending onto the bias; a tap outside
 * the image adds nothing. Both directions are one scatter, position q of tap k goes to the pixel
 *
 *   forward (stride 1 only)   q - k d + before               by the input   q s + k d - before
 *
 * t lives in a ring of lines, filled as the output lines need them. Tasks are contiguous lines of the batch with a ring each. */
#include "kernel/product_parts.h"

enum {
    LANES = 16, /* of the vector the rule thinks of; a constant, so that every CPU decides alike */
    MAX_OUTPUTS = 8,
    MAX_TAPS = 128,
    MAX_TASKS = 32,
    TASK_LINES = 32,
    FILL_PIXELS = 96,  /* made at once */
    POST_FLOATS = 2048 /* finished before post is called */
};

static int64_t whole_vectors(int64_t x) {
    return vaei_divide_up(x, LANES) * LANES;
}

/* Lanes of FMA per input pixel by vectors over outputs, against the product over all taps and one add for each number of t. */
static int32_t few_is_cheaper(const vaei_conv *g, int64_t channels, int64_t outputs) {
    const int64_t taps = g->kh * g->kw;
    return g->groups == 1 && outputs <= MAX_OUTPUTS && taps <= MAX_TAPS &&
           whole_vectors(taps * outputs) * channels + LANES * taps * outputs < taps * whole_vectors(outputs) * channels;
}

int32_t vaei_few_forward(const vaei_conv *g) {
    return g->sy == 1 && g->sx == 1 && few_is_cheaper(g, g->c, g->oc);
}

int32_t vaei_few_data(const vaei_conv *g) {
    return few_is_cheaper(g, g->oc, g->c);
}

int64_t vaei_few_pack_floats(const vaei_kernels *k, const vaei_conv *g, int32_t data) {
    return vaei_pack_floats(k, data ? g->oc : g->c, g->kh * g->kw * (data ? g->c : g->oc));
}

void vaei_few_pack(const vaei_kernels *k, const vaei_conv *g, int32_t data, const float *w, const float *scale,
                   float *dst) {
    const int64_t taps = g->kh * g->kw, channels = data ? g->oc : g->c, outputs = data ? g->c : g->oc;
    const int64_t stride_in = data ? g->c * taps : taps, stride_out = data ? taps : g->c * taps;
    memset(dst, 0, (size_t)vaei_few_pack_floats(k, g, data) * sizeof *dst);
    for (int64_t t = 0; t < taps; t++) {
        for (int64_t o = 0; o < outputs; o++) {
            const int64_t column = t * outputs + o;
            float *const panel = dst + column / k->nr * k->nr * channels + column % k->nr;
            for (int64_t c = 0; c < channels; c++) {
                panel[c * k->nr] = w[c * stride_in + o * stride_out + t] * (scale ? scale[o] : 1.0f);
            }
        }
    }
}

/* One axis: position q and tap k meet pixel q step + k turn + shift. */
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

/* The positions that meet pixel p with some tap: [first, last], clipped to those there are. */
static int64_t first_position(const axis *a, int64_t p) {
    const int64_t last_tap = (a->kernel - 1) * a->turn;
    return vaei_max(0, quotient_up(p - a->shift - vaei_max(last_tap, 0), a->step));
}

static int64_t last_position(const axis *a, int64_t p) {
    const int64_t last_tap = (a->kernel - 1) * a->turn, reach = p - a->shift - vaei_min(last_tap, 0);
    return reach < 0 ? -1 : vaei_min(reach / a->step, a->in - 1);
}

static int64_t fill_lines(const axis *y, const axis *x) {
    return vaei_min(vaei_divide_up(FILL_PIXELS, x->in), y->in);
}

static int64_t ring_lines(const axis *y, const axis *x) {
    const int64_t turn = y->turn < 0 ? -y->turn : y->turn;
    return vaei_min((y->kernel - 1) * turn / y->step + 1 + fill_lines(y, x), y->in);
}

static int64_t tasks_of(int64_t lines) {
    return vaei_max(vaei_min(lines / TASK_LINES, MAX_TASKS), 1);
}

static int64_t ring_floats(const vaei_conv *g, int32_t data) {
    const axis y = axis_y(g, data), x = axis_x(g, data);
    return ring_lines(&y, &x) * x.in * g->kh * g->kw * (data ? g->c : g->oc);
}

int64_t vaei_few_scratch(const vaei_conv *g, int64_t n, int32_t data) {
    return tasks_of(n * (data ? g->h : g->oh)) * ring_floats(g, data);
}

typedef struct few {
    const vaei_kernels *k;
    const vaei_conv *g;
    axis y, x;
    int64_t channels, outputs, columns, ring, lines, total; /* lines of output: in a task, of the batch */
    const float *in, *packed, *bias;
    const vaei_post *post;
    float *out, *scratch;
} few;

/* Lines [from, to) of an image's t into the ring */
static void fill(const few *f, const float *image, int64_t from, int64_t to, float *ring) {
    while (from < to) {
        const int64_t slot = from % f->ring, count = vaei_min(to - from, f->ring - slot);
        vaei_matmul(f->k, NULL, count * f->x.in, f->channels, f->columns, image + from * f->x.in * f->channels,
                    f->channels, f->packed, NULL, 0, ring + slot * f->x.in * f->columns, f->columns, NULL);
        from += count;
    }
}

/* One tap on a line of output: pixels p0 + i step (i in [first, last)) take ring[at + i columns ...]. */
typedef struct source {
    int64_t at, first, last;
} source;

/* Pixels i in [from, to), which all sources meet; outputs is a constant where it matters. */
VAEI_INLINE void sum_inside(const few *f, const source *sources, int64_t count, int64_t from, int64_t to,
                            const int64_t outputs, const float *ring, float *out) {
    for (int64_t i = from; i < to; i++) {
        float sum[MAX_OUTPUTS];
        for (int64_t o = 0; o < outputs; o++) sum[o] = f->bias ? f->bias[o] : 0;
        for (int64_t s = 0; s < count; s++) {
            const float *const t = ring + sources[s].at + i * f->columns;
            for (int64_t o = 0; o < outputs; o++) sum[o] += t[o];
        }
        for (int64_t o = 0; o < outputs; o++) out[i * f->x.step * outputs + o] = sum[o];
    }
}

/* The same with one output: four pixels at once */
static void sum_inside_1(const few *f, const source *sources, int64_t count, int64_t from, int64_t to,
                         const float *ring, float *out) {
    const int64_t columns = f->columns, step = f->x.step;
    const float bias = f->bias ? f->bias[0] : 0;
    int64_t i = from;
    for (; i + 4 <= to; i += 4) {
        float a = bias, b = bias, c = bias, d = bias;
        for (int64_t s = 0; s < count; s++) {
            const float *const t = ring + sources[s].at + i * columns;
            a += t[0];
            b += t[columns];
            c += t[2 * columns];
            d += t[3 * columns];
        }
        out[i * step] = a;
        out[(i + 1) * step] = b;
        out[(i + 2) * step] = c;
        out[(i + 3) * step] = d;
    }
    sum_inside(f, sources, count, i, to, 1, ring, out);
}

static void sum_edge(const few *f, const source *sources, int64_t count, int64_t from, int64_t to, const float *ring,
                     float *out) {
    for (int64_t i = from; i < to; i++) {
        float *const pixel = out + i * f->x.step * f->outputs;
        for (int64_t o = 0; o < f->outputs; o++) pixel[o] = f->bias ? f->bias[o] : 0;
        for (int64_t s = 0; s < count; s++) {
            if (i < sources[s].first || i >= sources[s].last) continue;
            for (int64_t o = 0; o < f->outputs; o++) pixel[o] += ring[sources[s].at + i * f->columns + o];
        }
    }
}

/* The taps of line p that meet the pixels p0, p0 + step, ...: count of them, and the stretch of pixels that all of them meet. */
static int64_t find_sources(const few *f, int64_t p, int64_t p0, int64_t pixels, source *sources, int64_t *from,
                            int64_t *to) {
    const axis *const x = &f->x;
    int64_t count = 0;
    *from = 0;
    *to = pixels;
    for (int64_t ky = 0; ky < f->y.kernel; ky++) {
        const int64_t reach = p - f->y.shift - ky * f->y.turn, line = reach / f->y.step;
        if (reach < 0 || reach % f->y.step != 0 || line >= f->y.in) continue;
        for (int64_t kx = 0; kx < x->kernel; kx++) {
            const int64_t start = p0 - x->shift - kx * x->turn, q = start / x->step; /* position for pixel p0 */
            if (start % x->step != 0) continue;
            const source s = {(line % f->ring * x->in + q) * f->columns + (ky * x->kernel + kx) * f->outputs,
                              vaei_max(-q, 0), vaei_min(x->in - q, pixels)};
            *from = vaei_max(*from, s.first);
            *to = vaei_min(*to, s.last);
            sources[count++] = s;
        }
    }
    *from = vaei_min(*from, pixels);
    *to = vaei_max(*to, *from);
    return count;
}

/* One line of output from the ring: pixels that differ by the step meet the same taps. */
static void output_line(const few *f, int64_t p, const float *ring, float *line) {
    source sources[MAX_TAPS];
    for (int64_t p0 = 0; p0 < vaei_min(f->x.step, f->x.out); p0++) {
        const int64_t pixels = vaei_divide_up(f->x.out - p0, f->x.step);
        float *const out = line + p0 * f->outputs;
        int64_t from, to;
        const int64_t count = find_sources(f, p, p0, pixels, sources, &from, &to);
        sum_edge(f, sources, count, 0, from, ring, out);
        switch (f->outputs) {
        case 1:
            sum_inside_1(f, sources, count, from, to, ring, out);
            break;
        case 3:
            sum_inside(f, sources, count, from, to, 3, ring, out);
            break;
        case 4:
            sum_inside(f, sources, count, from, to, 4, ring, out);
            break;
        default:
            sum_inside(f, sources, count, from, to, f->outputs, ring, out);
        }
        sum_edge(f, sources, count, to, pixels, ring, out);
    }
}

static void few_task(void *arg, int32_t index) {
    const few *const f = arg;
    float *const ring = f->scratch + index * ring_floats(f->g, f->y.turn > 0);
    const int64_t first = index * f->lines, last = vaei_min(first + f->lines, f->total),
                  line_floats = f->x.out * f->outputs;
    const int64_t ahead = fill_lines(&f->y, &f->x);
    int64_t filled = 0, posted = first;
    for (int64_t line = first; line < last; line++) {
        const int64_t p = line % f->y.out, need = last_position(&f->y, p);
        const float *const image = f->in + line / f->y.out * f->y.in * f->x.in * f->channels;
        if (p == 0 || line == first) filled = first_position(&f->y, p);
        if (need >= filled) {
            const int64_t to = vaei_min(vaei_max(need + 1, filled + ahead), f->y.in);
            fill(f, image, filled, to, ring);
            filled = to;
        }
        output_line(f, p, ring, f->out + line * line_floats);
        if (f->post && ((line + 1 - posted) * line_floats >= POST_FLOATS || line + 1 == last)) {
            f->post->apply(f->post->arg, f->k, (line + 1 - posted) * line_floats, f->out + posted * line_floats);
            posted = line + 1;
        }
    }
}

void vaei_few_run(const vaei_kernels *k, const vaei_pool *pool, const vaei_conv *g, int64_t n, int32_t data,
                  const float *in, const float *packed, const float *bias, const vaei_post *post, float *out,
                  float *scratch) {
    few f = {.k = k,
             .g = g,
             .y = axis_y(g, data),
             .x = axis_x(g, data),
             .channels = data ? g->oc : g->c,
             .outputs = data ? g->c : g->oc,
             .in = in,
             .packed = packed,
             .bias = bias,
             .post = post,
             .out = out,
             .scratch = scratch};
    f.columns = g->kh * g->kw * f.outputs;
    f.ring = ring_lines(&f.y, &f.x);
    f.total = n * f.y.out;
    f.lines = vaei_max(vaei_divide_up(f.total, tasks_of(f.total)), 1);
    if (f.lines > f.y.out)
        f.lines = vaei_divide_up(f.lines, f.y.out) * f.y.out; /* whole images: no line of t is made twice */
    vaei_parallel(pool, (int32_t)vaei_divide_up(f.total, f.lines), few_task, &f);
}
