/* SPDX-License-Identifier: MIT
 * conv_winograd.c - 3x3 convolution of stride 1 by Winograd's F(4x4, 3x3): a quarter of the multiplications.
 *
 *   A tile of 6 x 6 input pixels d gives 4 x 4 output pixels:   Y = A' [ sum_c (G g G') . (B' d B) ] A
 *
 * (Lavin, Gray 2015, arXiv:1509.09308). For each of the 36 places of a tile the sum over channels is a matrix product:
 *
 *   x -> v[36][tile][c]      m[36][tile][o] = v u[36][c][o]      m -> y          u = G g G', packed into panels
 *
 * The matrices come from the points 0, a, -a, b, -b and infinity with a = 5/8, b = 3/2, chosen among short binary
 * fractions for the smallest error; B and A are exact in float. With p = a^2 b^2, s = a^2 + b^2, d = a^2 - b^2:
 *
 *        [ p     0     -s     0   1  0 ]        [ 1/p                      ]
 *        [ 0   -a b^2  -b^2   a   1  0 ]        [ (1   a  a^2) / ( 2 a^2 d) ]        [ 1   1    1    1    1   0 ]
 *   B' = [ 0    a b^2  -b^2  -a   1  0 ]    G = [ (1  -a  a^2) / ( 2 a^2 d) ]   A' = [ 0   a   -a    b   -b   0 ]
 *        [ 0   -b a^2  -a^2   b   1  0 ]        [ (1   b  b^2) / (-2 b^2 d) ]        [ 0  a^2  a^2  b^2  b^2  0 ]
 *        [ 0    b a^2  -a^2  -b   1  0 ]        [ (1  -b  b^2) / (-2 b^2 d) ]        [ 0  a^3 -a^3  b^3 -b^3  1 ]
 *        [ 0     p      0    -s   0  1 ]        [             1            ]
 *
 * Order of operations: along x, then along y, each step as winograd.tmpl.h writes it; the sums over channels are one
 * chain of FMA from 0, ascending; then the bias, then what is added. Weights are transformed in double and rounded
 * once. A pixel's tile is fixed by its place in the image, so neither batches nor threads change a bit. The gradient
 * by the input is the same with the kernel turned round and the channels in swapped roles.
 *
 * Error relative to the sum of the terms' magnitudes, uniform random numbers, 16 to 512 channels: at most 4.2e-7, root
 * mean square 4.8e-8. A direct sum has 2.1e-7 and 2.4e-8, the usual points 1 and 2 have 1.1e-6 and 9.3e-8. Outputs of a
 * tile share their errors: one whose own terms are small errs by those of its neighbours (tests/check_winograd.c). */
#include "kernel/product_parts.h"
#include "kernel/blas.h"

#if defined(__GNUC__)
#define VAEI_PREFETCH(address) __builtin_prefetch(address)
#else
#define VAEI_PREFETCH(address) (void)(address)
#endif

enum {
    TILE = 4, /* output pixels along an axis */
    SPAN = 6, /* input pixels */
    PLACES = SPAN * SPAN,
    LINE = 16,                /* floats of a cache line */
    BLOCK_BYTES = 768 * 1024, /* of v and m together, where that leaves room for enough tiles: */
    MIN_BLOCK = 24,
    MIN_BLOCK_WIDE = 48, /* where u is larger than WIDE_BYTES: each block reads it anew */
    MAX_BLOCK = 96,
    WIDE_BYTES = 4 << 20,
    PATCH_BYTES = 192 * 1024, /* of input that is made on demand */
    MAX_TASKS = 16,
    MIN_TASKS = 8,
    TASKS_BYTES = 32 << 20, /* of all blocks at work, if that leaves MIN_TASKS */
    KEEP_PIXELS = 1024,     /* a wide u is kept for smaller images only */
    MIN_CHANNELS = 6,
    MAX_RATIO = 32,
    TRANSFORM = 24 /* vector operations of both transforms for a tile and channel, as measured */
};

/* Either direction as a convolution */
typedef struct frame {
    int64_t h, w, c, oh, ow, oc, top, left;
    int64_t tiles_y, tiles_x; /* of an image */
    int64_t total;            /* tiles of the batch */
    int64_t block, patch;     /* tiles at once: transformed and multiplied, made on demand */
    int64_t row_v, row_m;     /* floats from tile to tile: no power of two, whose rows share sets of the cache */
} frame;

static int64_t u_bytes(const vaei_conv *g) {
    return PLACES * g->c * g->oc * (int64_t)sizeof(float);
}

static frame frame_of(const vaei_conv *g, int64_t n, int32_t data) {
    frame f = data ? (frame){.h = g->oh,
                             .w = g->ow,
                             .c = g->oc,
                             .oh = g->h,
                             .ow = g->w,
                             .oc = g->c,
                             .top = 2 - g->top,
                             .left = 2 - g->left}
                   : (frame){.h = g->h,
                             .w = g->w,
                             .c = g->c,
                             .oh = g->oh,
                             .ow = g->ow,
                             .oc = g->oc,
                             .top = g->top,
                             .left = g->left};
    f.tiles_y = vaei_divide_up(f.oh, TILE);
    f.tiles_x = vaei_divide_up(f.ow, TILE);
    f.total = n * f.tiles_y * f.tiles_x;
    f.row_v = vaei_divide_up(f.c, LINE) * LINE + LINE;
    f.row_m = vaei_divide_up(f.oc, LINE) * LINE + LINE;
    const int64_t fit = BLOCK_BYTES / (PLACES * (int64_t)sizeof(float)) / (f.row_v + f.row_m);
    f.block = vaei_max(u_bytes(g) > WIDE_BYTES ? MIN_BLOCK_WIDE : MIN_BLOCK, vaei_min(fit, MAX_BLOCK));
    const int64_t blocks = vaei_divide_up(f.total, f.block);
    if (blocks > 0 && blocks <= MIN_TASKS) f.block = vaei_divide_up(f.total, blocks); /* even ones */
    f.patch = vaei_max(PATCH_BYTES / (SPAN * TILE * (int64_t)sizeof(float)) / f.c, 1);
    return f;
}

/* By the shape alone: vector operations of this way against those of the direct one. With very few channels on one side
 * and very many on the other, the transforms of the many cost more than they save. */
int32_t vaei_winograd(const vaei_conv *g, int32_t data) {
    if (g->kh != 3 || g->kw != 3 || g->sy != 1 || g->sx != 1 || g->dy != 1 || g->dx != 1 || g->groups != 1) return 0;
    const int64_t fewer = vaei_min(g->c, g->oc), more = vaei_max(g->c, g->oc);
    if (fewer < MIN_CHANNELS || more / fewer > MAX_RATIO) return 0;
    const frame f = frame_of(g, 1, data);
    const int64_t product = f.c * vaei_divide_up(f.oc, LINE);
    return f.total * (PLACES * product + TRANSFORM * (f.c + f.oc)) < f.oh * f.ow * 9 * product;
}

/* ---- weights: u in the pack, or what u is made from in each call ---- */

typedef struct borrowed {
    const float *w;
    int64_t scaled; /* oc floats of scale follow */
} borrowed;

enum { BORROWED_FLOATS = sizeof(borrowed) / sizeof(float) };

static int32_t borrows(const vaei_conv *g, int32_t data) {
    return u_bytes(g) > WIDE_BYTES && (data ? g->h * g->w : g->oh * g->ow) >= KEEP_PIXELS;
}

static int64_t u_floats(const vaei_kernels *k, const vaei_conv *g, int32_t data) {
    return PLACES * (data ? vaei_pack_floats(k, g->oc, g->c) : vaei_pack_floats(k, g->c, g->oc));
}

typedef struct weights {
    const vaei_kernels *k;
    int64_t c, oc, of_c, of_o, nr; /* of_: floats from filter to filter in w */
    int32_t data;
    const float *w, *scale;
    float *u;
} weights;

static void weights_task(void *arg, int32_t index) {
    const weights *const p = arg;
    const int64_t o = index * p->nr, count = vaei_min(p->nr, p->oc - o), floats = vaei_pack_floats(p->k, p->c, p->oc);
    float *panel = p->u + o * p->c;
    for (int64_t c = 0; c < p->c; c++, panel += p->nr) {
        p->k->winograd_weight(count, p->w + o * p->of_o + c * p->of_c, p->of_o, p->data, p->scale ? p->scale + o : NULL,
                              panel, floats);
        for (int64_t i = 0; count < p->nr && i < PLACES; i++) {
            memset(panel + i * floats + count, 0, (size_t)(p->nr - count) * sizeof *panel);
        }
    }
}

static void make_u(const vaei_kernels *k, const vaei_pool *pool, const vaei_conv *g, int32_t data, const float *w,
                   const float *scale, float *u) {
    weights p = {
        .k = k, .c = g->c, .oc = g->oc, .of_c = 9, .of_o = 9 * g->c, .data = data, .w = w, .scale = scale, .u = u};
    if (data) {
        p.c = g->oc;
        p.oc = g->c;
        p.of_c = 9 * g->c;
        p.of_o = 9;
    }
    p.nr = k->blas ? p.oc : k->nr;
    vaei_parallel(pool, (int32_t)vaei_divide_up(p.oc, p.nr), weights_task, &p);
}

int64_t vaei_winograd_pack_floats(const vaei_kernels *k, const vaei_conv *g, int32_t data) {
    return borrows(g, data) ? BORROWED_FLOATS + (data ? g->c : g->oc) : u_floats(k, g, data);
}

void vaei_winograd_pack(const vaei_kernels *k, const vaei_conv *g, int32_t data, const float *w, const float *scale,
                        float *dst) {
    if (!borrows(g, data)) {
        make_u(k, NULL, g, data, w, scale, dst);
        return;
    }
    const borrowed b = {w, scale != NULL};
    memcpy(dst, &b, sizeof b);
    if (scale) memcpy(dst + BORROWED_FLOATS, scale, (size_t)(data ? g->c : g->oc) * sizeof *dst);
}

/* ---- tasks: runs of tiles, counted through the batch ---- */

typedef struct winograd {
    const vaei_kernels *k;
    frame f;
    int64_t run; /* tiles of a task */
    const vaei_feed *feed;
    const float *in, *u, *bias, *add;
    const vaei_post *post;
    float *out, *scratch;
} winograd;

/* A tile: its image, its first output pixel */
typedef struct place {
    int64_t n, y, x;
} place;

static place place_of(const frame *f, int64_t tile) {
    return (place){tile / (f->tiles_y * f->tiles_x), tile / f->tiles_x % f->tiles_y * TILE, tile % f->tiles_x * TILE};
}

static int64_t patch_floats(const frame *f) {
    return SPAN * (f->patch * TILE + SPAN - TILE) * f->c;
}

static int64_t block_floats(const frame *f) {
    return PLACES * f->block * (f->row_v + f->row_m) + patch_floats(f);
}

static int64_t blocks_of(const frame *f) {
    return vaei_divide_up(f->total, f->block);
}

/* Blocks that may be at work at once */
static int64_t tasks_of(const frame *f) {
    const int64_t room = TASKS_BYTES / (int64_t)sizeof(float) / block_floats(f);
    return vaei_min(blocks_of(f), vaei_min(vaei_max(room, MIN_TASKS), MAX_TASKS));
}

int64_t vaei_winograd_scratch(const vaei_kernels *k, const vaei_conv *g, int64_t n, int32_t data) {
    const frame f = frame_of(g, n, data);
    return tasks_of(&f) * block_floats(&f) + (borrows(g, data) ? u_floats(k, g, data) : 0);
}

/* SPAN rows of `width` pixels from (y, x) on, with the zeros around the image */
static void make_patch(const winograd *w, int64_t n, int64_t y, int64_t x, int64_t width, float *patch) {
    const frame *const f = &w->f;
    const int64_t x0 = vaei_min(vaei_max(x, 0), x + width), x1 = vaei_max(vaei_min(x + width, f->w), x0);
    for (int64_t i = 0; i < SPAN; i++, patch += width * f->c) {
        float *const inside = patch + (x0 - x) * f->c, *const after = patch + (x1 - x) * f->c;
        if (y + i < 0 || y + i >= f->h || x0 == x1) {
            memset(patch, 0, (size_t)(width * f->c) * sizeof *patch);
            continue;
        }
        memset(patch, 0, (size_t)((x0 - x) * f->c) * sizeof *patch);
        if (w->feed) {
            w->feed->pixels(w->feed->arg, w->k, n, y + i, x0, x1 - x0, inside);
        } else {
            memcpy(inside, w->in + ((n * f->h + y + i) * f->w + x0) * f->c, (size_t)((x1 - x0) * f->c) * sizeof *patch);
        }
        memset(after, 0, (size_t)((x + width - x1) * f->c) * sizeof *patch);
    }
}

/* What the next tile sees beyond this one: the hardware does not foresee such short runs. */
static void prefetch_tile(const frame *f, const float *const *row) {
    for (int64_t i = 0; i < SPAN; i++) {
        for (int64_t c = SPAN * f->c; c < (SPAN + TILE) * f->c; c += LINE) VAEI_PREFETCH(row[i] + c);
    }
}

/* Tiles read the image where it is; at its edge, and where it is made on demand, a patch for one or several. */
static void input_tiles(const winograd *w, int64_t first, int64_t tiles, float *v, float *patch) {
    const frame *const f = &w->f;
    for (int64_t t = 0; t < tiles;) {
        const place p = place_of(f, first + t);
        const int64_t y = p.y - f->top, x = p.x - f->left, left = vaei_min(tiles - t, f->tiles_x - p.x / TILE);
        const int32_t inside = !w->feed && y >= 0 && y + SPAN <= f->h && x >= 0 && x + SPAN <= f->w;
        const int64_t count = w->feed ? vaei_min(f->patch, left) : 1,
                      width = inside ? f->w : count * TILE + SPAN - TILE;
        const float *from = inside ? w->in + ((p.n * f->h + y) * f->w + x) * f->c : patch;
        if (!inside) make_patch(w, p.n, y, x, width, patch);
        for (int64_t i = 0; i < count; i++, t++, from += TILE * f->c) {
            const float *row[SPAN];
            for (int64_t r = 0; r < SPAN; r++) row[r] = from + r * width * f->c;
            if (inside && x + SPAN + TILE <= f->w) prefetch_tile(f, row);
            w->k->winograd_input(f->c, row, f->c, v + t * f->row_v, f->block * f->row_v);
        }
    }
}

/* The start of row tile i when `count` are shared out among `parts`, and its end as the start of the next */
static int64_t part_start(int64_t count, int64_t parts, int64_t i) {
    return count / parts * i + vaei_min(count % parts, i);
}

static void multiply_place(const winograd *w, int64_t tiles, const float *v, const float *u, float *m) {
    const vaei_kernels *const k = w->k;
    const frame *const f = &w->f;
    const int64_t parts = vaei_divide_up(tiles, k->mr);
    for (int64_t o = 0; o < f->oc; o += k->nr) {
        for (int64_t i = 0; i < parts; i++) {
            const int64_t start = part_start(tiles, parts, i), rows = part_start(tiles, parts, i + 1) - start;
            const float *a[VAEI_MAX_ROWS];
            float *c[VAEI_MAX_ROWS];
            for (int64_t r = 0; r < rows; r++) {
                a[r] = v + (start + r) * f->row_v;
                c[r] = m + (start + r) * f->row_m + o;
            }
            k->dot_tile(rows, vaei_min(k->nr, f->oc - o), 1, f->c, a, u + o * f->c, c, NULL, 0);
        }
    }
}

static void multiply_tiles(const winograd *w, int64_t tiles, const float *v, float *m) {
    const frame *const f = &w->f;
    const int64_t floats = vaei_pack_floats(w->k, f->c, f->oc);
    for (int64_t i = 0; i < PLACES; i++) {
        const float *const a = v + i * f->block * f->row_v, *const u = w->u + i * floats;
        float *const c = m + i * f->block * f->row_m;
        if (w->k->blas) {
            vaei_blas_product(tiles, f->c, f->oc, a, f->row_v, u, NULL, 0, c, f->row_m);
        } else {
            multiply_place(w, tiles, a, u, c);
        }
    }
}

static void output_tiles(const winograd *w, int64_t first, int64_t tiles, const float *m) {
    const frame *const f = &w->f;
    const int64_t line = f->ow * f->oc, stride = f->block * f->row_m;
    for (int64_t t = 0; t < tiles;) {
        const place p = place_of(f, first + t);
        const int64_t start = ((p.n * f->oh + p.y) * f->ow + p.x) * f->oc, rows = vaei_min(TILE, f->oh - p.y);
        const int64_t x0 = p.x, run = vaei_min(tiles - t, f->tiles_x - x0 / TILE); /* tiles of this line */
        for (int64_t i = 0; i < run; i++, t++) {
            const int64_t at = start + i * TILE * f->oc, columns = vaei_min(TILE, f->ow - x0 - i * TILE);
            w->k->winograd_output(f->oc, m + t * f->row_m, stride, w->bias, w->add ? w->add + at : NULL, rows, columns,
                                  w->out + at, line, f->oc);
        }
        const int64_t pixels = vaei_min(run * TILE, f->ow - x0);
        for (int64_t r = 0; w->post && r < rows; r++) {
            w->post->apply(w->post->arg, w->k, pixels * f->oc, w->out + start + r * line);
        }
    }
}

static void winograd_task(void *arg, int32_t index) {
    const winograd *const w = arg;
    const frame *const f = &w->f;
    float *const v = w->scratch + index * block_floats(f), *const m = v + PLACES * f->block * f->row_v;
    float *const patch = m + PLACES * f->block * f->row_m;
    const int64_t last = vaei_min((index + 1) * w->run, f->total);
    for (int64_t t = index * w->run; t < last; t += f->block) {
        const int64_t tiles = vaei_min(f->block, last - t);
        input_tiles(w, t, tiles, v, patch);
        multiply_tiles(w, tiles, v, m);
        output_tiles(w, t, tiles, m);
    }
}

void vaei_winograd_run(const vaei_kernels *k, const vaei_pool *pool, const vaei_conv *g, int64_t n, int32_t data,
                       const float *in, const vaei_feed *feed, const float *packed, const float *bias, const float *add,
                       const vaei_post *post, float *out, float *scratch) {
    winograd w = {.k = k,
                  .f = frame_of(g, n, data),
                  .feed = feed,
                  .in = in,
                  .u = packed,
                  .bias = bias,
                  .add = add,
                  .post = post,
                  .out = out,
                  .scratch = scratch};
    const int64_t blocks = blocks_of(&w.f);
    if (blocks == 0) return;
    if (borrows(g, data)) {
        borrowed b;
        memcpy(&b, packed, sizeof b);
        make_u(k, pool, g, data, b.w, b.scaled ? packed + BORROWED_FLOATS : NULL, scratch);
        w.u = scratch;
        w.scratch = scratch + u_floats(k, g, data);
    }
    w.run = vaei_divide_up(blocks, tasks_of(&w.f)) * w.f.block;
    /* cblas has threads of its own */
    vaei_parallel(k->blas ? NULL : pool, (int32_t)vaei_divide_up(w.f.total, w.run), winograd_task, &w);
}
