/* SPDX-License-Identifier: MIT
 * conv_winograd.c - Winograd's algorithm for convolutions, which for 3x3 needs a quarter of the multiplications.
 *
 * Along one axis, a kernel of r taps makes 4 outputs from r + 3 numbers d with r + 3 multiplications in place of 4 r; on tiles
 * of two axes the saving is squared:
 *
 *   Y = A' [ sum_c (G g G') . (B' d B) ] A                                      (Lavin, Gray 2015, arXiv:1509.09308)
 *
 * For each of the points of a tile the sum over channels is a matrix product:
 *
 *   x -> v[point][tile][c]      m[point][tile][o] = v u[point][c][o]      m -> y          u = G g G', packed into panels
 *
 * A strided convolution is first divided into phases of stride 1 (winograd.c): 4x4 of stride 2 takes 100 multiplications for 16 outputs
 * instead of 256, 3x3 of stride 2 takes 81 instead of 144. If phases that add up have equal transforms, as those of 4x4, they are
 * added at each point: their channels follow each other in v and u, and m is transformed into y once.
 *
 * The matrices are those of Lagrange's interpolation at the finite points 0, a, -a, b, -b (three taps) or 0, a, -a, b (two)
 * and at infinity, with a = 5/8, b = 3/2, chosen among short binary fractions for the smallest error; B and A are exact in
 * float. N(x) is the product of x - p over the points p, and N'(p) is the product of p - q over the other points q:
 *
 *   B'  row p: the coefficients of N(x) / (x - p), row infinity: those of N(x)
 *   G   row p: p^i / N'(p) for tap i,              row infinity: 1 for the last tap
 *   A'  row i: p^i for each point,                 1 at infinity for the last output
 *
 *        [ p     0     -s     0   1  0 ]        [ 1/p                      ]         p = a^2 b^2, s = a^2 + b^2
 *        [ 0   -a b^2  -b^2   a   1  0 ]        [ (1   a  a^2) / ( 2 a^2 d) ]        d = a^2 - b^2
 *   B' = [ 0    a b^2  -b^2  -a   1  0 ]    G = [ (1  -a  a^2) / ( 2 a^2 d) ]        [ 1   1    1    1    1   0 ]
 *        [ 0   -b a^2  -a^2   b   1  0 ]        [ (1   b  b^2) / (-2 b^2 d) ]   A' = [ 0   a   -a    b   -b   0 ]
 *        [ 0    b a^2  -a^2  -b   1  0 ]        [ (1  -b  b^2) / (-2 b^2 d) ]        [ 0  a^2  a^2  b^2  b^2  0 ]
 *        [ 0     p      0    -s   0  1 ]        [             1            ]         [ 0  a^3 -a^3  b^3 -b^3  1 ]
 *
 * A tile at the edge that has m < 4 outputs uses the first m + r - 2 points and infinity, with the same u. Its rows p of B'
 * are multiplied by p - q for each point q that the tile does not use, because N'(p) contains that factor.
 *
 * Order of operations: along x, then along y, each step as in winograd.tmpl.h. The sum over channels is one chain of FMA from
 * 0, ascending; the channels of phases with equal transforms follow each other in this chain. Then the bias is added, then
 * `add`. Other phases that add up are added in ascending order, the bias with the first. Weights are transformed in double
 * and rounded once. The position of a pixel in the image fixes its tile, so neither batches nor threads change a bit. The
 * gradient by the input is the same computation with the kernel rotated by 180 degrees and the channels exchanged.
 *
 * Error relative to the sum of the terms' magnitudes, uniform random numbers, 16 to 512 channels, 3x3: at most 4.2e-7,
 * root mean square 4.8e-8; 4x4 of stride 2, either direction: root mean square up to 9.5e-8. A direct sum has 2.1e-7
 * and 2.4e-8; the usual points 1 and 2 have 1.1e-6 and 9.3e-8. The outputs of a tile share their errors: an output whose own
 * terms are small has an error of the size of its neighbours' errors (tests/check_winograd.c). */
#include "kernel/winograd.h"
#include "kernel/blas.h"

enum {
    SIZE = VAEI_WINOGRAD_SIZE,
    SPAN = VAEI_WINOGRAD_SPAN,
    POINTS = VAEI_WINOGRAD_SPOTS,
    LINE = VAEI_WINOGRAD_LINE,
    CACHE_BYTES = 1 << 20, /* of the second cache */
    /* of v and m together, in a block that is a task, if enough tiles fit into so many: */
    NEAR_BYTES = 512 * 1024,
    NEAR_LEAST = 24,
    NEAR_LEAST_WIDE = 48, /* if u does not fit the cache, because each block reads u again */
    NEAR_MOST = 96,
    FAR_BYTES = 32 << 20,     /* of v and m in a block that all tasks share */
    MAX_BLOCK = 256,          /* tiles of either kind of block */
    WIDE_BYTES = 4 << 20,     /* a larger u is stored only for images of less than KEEP_PIXELS */
    PATCH_BYTES = 192 * 1024, /* of input that the prologue makes */
    TASKS = 16,
    LEAST_TASKS = 8,
    TASKS_BYTES = 32 << 20, /* of all blocks in work, if LEAST_TASKS of them fit */
    KEEP_PIXELS = 1024,
    PIXELS = 96,  /* of one tap, multiplied at once */
    FILTERS = 32, /* filters that are transformed at once */
    RUN = 64,     /* taps of whole channels of them: more than any kernel has */
    MIN_CHANNELS = 6,
    MAX_RATIO = 32,
    /* for the cost rule, in vector operations as measured: */
    TRANSFORM = 24, /* both transforms of a whole 3x3 tile, for a channel */
    READ = 4,       /* reading a vector of u */
    MAKE = 16,      /* making it; in training this cost is shared by */
    IMAGES = 32
};

/* The plan, and the sizes of its blocks. Usually a block of tiles is a task, which stays in the second cache as far as possible. If u is
 * far larger than the cache, blocks are large, so that u is read less often, and they follow one after another; then tasks are parts of
 * a block: tiles to transform, points to multiply. */
typedef struct frame {
    vaei_winograd_plan p;
    int64_t together, depth, panels; /* phases multiplied at once; their channels; the panels of one of them */
    int64_t total;                   /* tiles of the batch */
    int64_t block, patch;            /* tiles at once: transformed and multiplied; made by the prologue */
    int64_t v, m;                    /* floats from one point to the next */
    int32_t far, borrowed;           /* borrowed: u is computed in each call */
} frame;

static int64_t u_bytes(const vaei_winograd_plan *p) {
    return p->panels * p->c * p->oc * (int64_t)sizeof(float);
}

static int64_t clamp(int64_t x, int64_t least, int64_t most) {
    return vaei_max(least, vaei_min(x, most));
}

/* Whether the phases add up and have equal numbers of taps. */
static int32_t alike(const vaei_winograd_plan *p) {
    for (int64_t i = 1; i < p->phases; i++) {
        if (p->phase[i].y.taps != p->phase->y.taps || p->phase[i].x.taps != p->phase->x.taps) return 0;
    }
    return p->step_y * p->step_x == 1 && p->phase->y.taps * p->phase->x.taps > 1;
}

/* Of an image that is made some rows at a time, the image decides */
static int32_t borrows(const vaei_conv *g, int32_t data, const vaei_winograd_plan *p) {
    const vaei_conv *const whole = g->whole ? g->whole : g;
    return u_bytes(p) > WIDE_BYTES && (data ? whole->h * whole->w : whole->oh * whole->ow) >= KEEP_PIXELS;
}

static frame frame_of(const vaei_conv *g, int64_t n, int32_t data) {
    frame f = {.total = 0};
    (void)vaei_winograd_plan_of(g, data, &f.p);
    f.borrowed = borrows(g, data, &f.p);
    f.together = alike(&f.p) ? f.p.phases : 1;
    f.depth = f.together * f.p.c;
    f.panels = f.p.panels / f.together;
    f.total = n * f.p.tiles_y * f.p.tiles_x;
    const int64_t one = f.p.points * (f.together * f.p.row_c + f.p.row_o) * (int64_t)sizeof(float);
    const int64_t least = u_bytes(&f.p) > CACHE_BYTES ? NEAR_LEAST_WIDE : NEAR_LEAST;
    f.far = u_bytes(&f.p) > 2 * CACHE_BYTES;
    const int64_t most = f.far ? clamp(FAR_BYTES / one, least, MAX_BLOCK) : clamp(NEAR_BYTES / one, least, NEAR_MOST);
    const int64_t blocks = vaei_divide_up(f.total, most);
    f.block = blocks > 0 && (f.far || blocks <= LEAST_TASKS) ? vaei_divide_up(f.total, blocks) : most; /* blocks of equal size */
    /* a larger batch may use smaller blocks, but never less memory */
    const int64_t room = f.far ? vaei_min(f.total, most) : f.block;
    f.v = vaei_winograd_step(room, f.p.row_c);
    f.m = vaei_winograd_step(room, f.p.row_o);
    f.patch = vaei_max(PATCH_BYTES / (SPAN * SIZE * (int64_t)sizeof(float)) / f.p.c, 1);
    return f;
}

/* The shape alone decides: it compares the vector operations of this algorithm with those of the direct one. With very few channels on
 * one side and very many on the other, the transforms of the many cost more than they save. */
int32_t vaei_winograd(const vaei_conv *g, int32_t data) {
    const int64_t fewer = vaei_min(g->c, g->oc), more = vaei_max(g->c, g->oc);
    vaei_winograd_plan p;
    if (fewer < MIN_CHANNELS || more / fewer > MAX_RATIO || !vaei_winograd_plan_of(g, data, &p)) return 0;
    const int64_t product = p.c * vaei_divide_up(p.oc, LINE), points = vaei_winograd_products(&p);
    const int64_t images = g->training ? IMAGES : 1, taps = g->kh * g->kw;
    int64_t direct = 0;
    for (int64_t i = 0; i < p.phases; i++) {
        const vaei_winograd_phase *const f = p.phase + i;
        direct += f->y.size * f->y.taps * f->x.size * f->x.taps;
    }
    return images * (points * product + TRANSFORM * (p.c + p.oc) * points / POINTS) +
               (READ + (g->training ? MAKE : 0)) * p.panels * product <
           images * direct * product + READ * taps * product;
}

/* ---- weights: the pack holds u, or the weights from which each call makes u ---- */

typedef struct borrowed {
    const float *w;
    int64_t scaled; /* oc floats of scale follow */
} borrowed;

enum { BORROWED_FLOATS = sizeof(borrowed) / sizeof(float) };

/* The distance between panels of u. They are written side by side, so it is no power of two, whose lines would share sets of the cache. */
static int64_t panel_floats(const vaei_kernels *k, const frame *f) {
    return vaei_pack_floats(k, f->depth, f->p.oc) + LINE;
}

static int64_t u_floats(const vaei_kernels *k, const frame *f) {
    return f->panels * panel_floats(k, f);
}

typedef struct weights {
    const vaei_kernels *k;
    const frame *f;
    int64_t part; /* columns of a task */
    const float *w, *scale;
    float *u;
} weights;

/* Transforms some columns of a panel that is `width` wide: the filters side by side, and as many channels at once as follow one another
 * in w. */
static void weights_part(const weights *s, int64_t o, int64_t columns, int64_t count, int64_t width, float *panel) {
    const vaei_winograd_plan *const p = &s->f->p;
    const int64_t floats = panel_floats(s->k, s->f);
    const int64_t run = p->of_c == p->taps ? RUN / p->taps : 1;
    float taps[RUN * FILTERS];
    for (int64_t c = 0; c < p->c; c += run) {
        const int64_t channels = vaei_min(run, p->c - c);
        s->k->transpose(count, channels * p->taps, s->w + o * p->of_o + c * p->of_c, p->of_o, taps, FILTERS);
        for (int64_t i = 0; i < p->phases; i++) {
            const vaei_winograd_phase *const phase = p->phase + i;
            int64_t tap[VAEI_WINOGRAD_TAPS * VAEI_WINOGRAD_TAPS];
            vaei_winograd_taps(p, phase, tap);
            float *const first = panel + (s->f->together > 1 ? i * p->c * width : phase->panel * floats);
            for (int64_t at = 0; at < channels; at++) {
                float *const u = first + (c + at) * width;
                s->k->winograd_weight(count, phase->y.taps, phase->x.taps, taps + at * p->taps * FILTERS, FILTERS, tap,
                                      s->scale ? s->scale + o : NULL, u, floats);
            }
        }
    }
    const int64_t depth = s->f->depth;
    for (int64_t i = 0; count < columns && i < s->f->panels * depth; i++) {
        memset(panel + i / depth * floats + i % depth * width + count, 0, (size_t)(columns - count) * sizeof *panel);
    }
}

static void weights_task(void *arg, int32_t index) {
    const weights *const s = arg;
    const int64_t o = index * s->part, oc = s->f->p.oc, first = s->k->blas ? 0 : o / s->k->nr * s->k->nr;
    const int64_t width = s->k->blas ? oc : vaei_panel_columns(s->k, oc - first);
    const int64_t columns = vaei_min(s->part, first + width - o), count = vaei_min(columns, oc - o);
    weights_part(s, o, columns, count, width, s->u + first * s->f->depth + (o - first));
}

static void make_u(const vaei_kernels *k, const vaei_pool *pool, const frame *f, const float *w, const float *scale, float *u) {
    weights s = {.k = k, .f = f, .part = k->blas ? FILTERS : vaei_min(FILTERS, k->nr), .w = w, .scale = scale, .u = u};
    vaei_parallel(pool, (int32_t)vaei_divide_up(f->p.oc, s.part), weights_task, &s);
}

static int64_t pack_floats(const vaei_kernels *k, const vaei_conv *g, int32_t data) {
    const frame f = frame_of(g, 1, data);
    return f.borrowed ? BORROWED_FLOATS + f.p.oc : u_floats(k, &f);
}

static void pack(const vaei_kernels *k, const vaei_conv *g, int32_t data, const float *w, const float *scale, float *dst) {
    const frame f = frame_of(g, 1, data);
    if (!f.borrowed) {
        make_u(k, NULL, &f, w, scale, dst);
        return;
    }
    const borrowed b = {w, scale != NULL};
    memcpy(dst, &b, sizeof b);
    if (scale) memcpy(dst + BORROWED_FLOATS, scale, (size_t)f.p.oc * sizeof *dst);
}

/* ---- blocks of tiles, counted through the batch ---- */

typedef struct winograd {
    const vaei_kernels *k;
    frame f;
    int64_t run;             /* tiles of a task, if blocks are tasks */
    const vaei_pool *within; /* for the parts of a block; NULL: each block has one part */
    const vaei_prologue *prologue;
    const float *in, *u, *bias, *add, *zeros;
    const vaei_epilogue *epilogue;
    float *out, *scratch;
    vaei_index_pool indices; /* numbers of scratch memories */
} winograd;

/* A block of tiles while one phase, or phases with equal transforms, are computed. */
typedef struct batch {
    const winograd *w;
    const vaei_winograd_phase *phase; /* the first of the phases */
    int64_t first, tiles, part;       /* part: the tiles of a task */
    vaei_winograd_place at[MAX_BLOCK];
    vaei_winograd_tile tile[MAX_BLOCK], common; /* common: the rows and columns that all of them have */
    float *v, *m, *patches;
    vaei_index_pool indices; /* numbers of patches */
} batch;

static int64_t patch_floats(const frame *f) {
    return vaei_divide_up(SPAN * (f->patch * SIZE + SPAN - SIZE) * f->p.c, LINE) * LINE;
}

static int64_t block_floats(const frame *f) {
    return f->p.points * (f->together * f->v + f->m);
}

/* The number of blocks that may be in work at once, and of patches of each. */
static int64_t blocks_of(const frame *f) {
    const int64_t room = TASKS_BYTES / (int64_t)sizeof(float) / block_floats(f);
    return f->far ? 1 : vaei_min(vaei_divide_up(f->total, f->block), clamp(room, LEAST_TASKS, TASKS));
}
static int64_t patches_of(const frame *f) {
    return f->far ? TASKS : 1;
}

static int64_t held_floats(const frame *f) {
    return block_floats(f) + patches_of(f) * patch_floats(f);
}

static int64_t scratch_floats(const vaei_kernels *k, const vaei_conv *g, int64_t n, int32_t data) {
    const frame f = frame_of(g, n, data);
    return f.p.row_c + blocks_of(&f) * held_floats(&f) + (f.borrowed ? u_floats(k, &f) : 0);
}

/* Makes `rows` rows of `width` pixels from (y, x) on, with the zeros around the image. */
static void make_patch(const winograd *w, int64_t n, int64_t y, int64_t x, int64_t rows, int64_t width, float *patch) {
    const vaei_winograd_plan *const p = &w->f.p;
    const int64_t h = p->phase->y.size_in;
    const int64_t x0 = vaei_min(vaei_max(x, 0), x + width), x1 = vaei_max(vaei_min(x + width, p->w), x0);
    for (int64_t i = 0; i < rows; i++, patch += width * p->c) {
        float *const inside = patch + (x0 - x) * p->c, *const after = patch + (x1 - x) * p->c;
        if (y + i < 0 || y + i >= h || x0 == x1) {
            memset(patch, 0, (size_t)(width * p->c) * sizeof *patch);
            continue;
        }
        memset(patch, 0, (size_t)((x0 - x) * p->c) * sizeof *patch);
        w->prologue->pixels(w->prologue->arg, w->k, n, y + i, x0, x1 - x0, inside);
        memset(after, 0, (size_t)((x + width - x1) * p->c) * sizeof *patch);
    }
}

/* Prefetches the pixels that the next tile reads and this one does not, because the hardware does not foresee such short runs. */
static void prefetch_tile(const frame *f, const vaei_winograd_tile *tile, const float *const *x) {
    const int64_t columns = vaei_winograd_span(tile->taps_x, tile->columns), c = f->p.c;
    for (int64_t r = 0; r < vaei_winograd_span(tile->taps_y, tile->rows); r++) {
        const float *const last = x[r * columns + columns - 1];
        vaei_prefetch(SIZE * c, last + c);
    }
}

static int32_t empty(const vaei_winograd_tile *tile) {
    return tile->rows == 0 || tile->columns == 0;
}

/* Transforms the tiles [t, end) of phase b->phase[number]. */
static void input_tiles(const batch *b, int64_t number, int64_t t, int64_t end) {
    const winograd *const w = b->w;
    const frame *const f = &w->f;
    const vaei_winograd_phase *const phase = b->phase + number;
    for (; t < end; t++) {
        const float *x[POINTS];
        if (empty(b->tile + t)) continue;
        vaei_winograd_gather(&f->p, phase, b->tile + t, b->at + t, w->in, w->zeros, x);
        if (phase == f->p.phase && b->at[t].x + 1 < f->p.tiles_x) prefetch_tile(f, b->tile + t, x);
        w->k->winograd_input(f->p.c, b->tile + t, x, b->v + number * f->p.points * f->v + t * f->p.row_c, f->v);
    }
}

/* Transforms input that the prologue makes: a patch for several tiles of a line. */
static void prologue_tiles(const batch *b, int64_t t, int64_t end, float *patch) {
    const winograd *const w = b->w;
    const vaei_winograd_phase *const phase = b->phase;
    const frame *const f = &w->f;
    while (t < end) {
        const vaei_winograd_place at = b->at[t];
        const int64_t count = vaei_min(f->patch, vaei_min(end - t, f->p.tiles_x - at.x));
        const int64_t width = count * SIZE + phase->x.taps - 1, rows = vaei_winograd_span(phase->y.taps, b->tile[t].rows);
        make_patch(w, at.n, phase->y.in + at.y * SIZE, phase->x.in + at.x * SIZE, rows, width, patch);
        for (int64_t i = 0; i < count; i++, t++) {
            const int64_t columns = vaei_winograd_span(phase->x.taps, b->tile[t].columns);
            const float *x[POINTS];
            for (int64_t r = 0; r < rows; r++) {
                const float *pixel = patch + (r * width + i * SIZE) * f->p.c;
                for (int64_t s = 0; s < columns; s++, pixel += f->p.c) x[r * columns + s] = pixel;
            }
            w->k->winograd_input(f->p.c, b->tile + t, x, b->v + t * f->p.row_c, f->v);
        }
    }
}

/* The end of part `index` of a block, whose first tile is index * b->part. */
static int64_t part_end(const batch *b, int32_t index) {
    return vaei_min((index + 1) * b->part, b->tiles);
}

static void input_task(void *arg, int32_t index) {
    batch *const b = arg;
    if (b->w->prologue) {
        const int32_t held = vaei_index_take(&b->indices);
        prologue_tiles(b, index * b->part, part_end(b, index), b->patches + held * patch_floats(&b->w->f));
        vaei_index_give_back(&b->indices, held);
    } else {
        for (int64_t i = 0; i < b->w->f.together; i++) input_tiles(b, i, index * b->part, part_end(b, index));
    }
}

/* c[i] = init + a[i] u for rows of all output channels; the a[] of one phase follow those of another. The call moves the pointers of c. */
static void multiply_rows(const winograd *w, int64_t rows, const float *const *a, const float *u, const float *bias, int32_t accumulate,
                          float **c) {
    const vaei_kernels *const k = w->k;
    const frame *const f = &w->f;
    const vaei_winograd_plan *const p = &f->p;
    for (int64_t o = 0; o < p->oc; o += k->nr) {
        k->dot_tile(rows, vaei_min(k->nr, p->oc - o), f->together, p->c, a, u + o * f->depth, c, bias ? bias + o : NULL, accumulate);
        for (int64_t i = 0; i < rows && o + k->nr < p->oc; i++) c[i] += k->nr;
    }
}

/* Multiplies all tiles at one point. */
static void multiply_task(void *arg, int32_t point) {
    const batch *const b = arg;
    const winograd *const w = b->w;
    const vaei_winograd_plan *const p = &w->f.p;
    const frame *const f = &w->f;
    const float *const v = b->v + point * f->v, *const u = w->u + vaei_winograd_panel(b->phase, point) * panel_floats(w->k, f);
    float *const m = b->m + point * f->m;
    const vaei_winograd_tile least = vaei_winograd_least(b->phase, point);
    const int32_t all = vaei_winograd_has(&b->common, &least);
    const int64_t step = p->points * f->v; /* floats from one phase to the next */
    const float *a[VAEI_WINOGRAD_PHASES * MAX_BLOCK + 1];
    float *c[MAX_BLOCK + 1];
    int64_t rows = 0;
    if (w->k->blas) { /* tiles that do not have the point hold zeros in its rows */
        for (int64_t i = 0; i < f->together; i++)
            vaei_blas_product(b->tiles, p->c, p->oc, v + i * step, p->row_c, u + i * p->c * p->oc, NULL, i > 0, m, p->row_o);
        return;
    }
    for (int64_t t = 0; t < b->tiles; t++) {
        a[rows] = v + t * p->row_c;
        c[rows] = m + t * p->row_o;
        rows += all || vaei_winograd_has(b->tile + t, &least);
    }
    for (int64_t i = rows; i < f->together * rows; i++) a[i] = a[i - rows] + step;
    multiply_rows(w, rows, a, u, NULL, 0, c);
}

/* Whether a phase adds to the result of the phases before it. */
static int32_t adds(const winograd *w, const vaei_winograd_phase *phase) {
    return phase > w->f.p.phase && w->f.p.step_y * w->f.p.step_x == 1;
}

static int64_t first_pixel(const winograd *w, const vaei_winograd_phase *phase, const vaei_winograd_place *at) {
    const int64_t y = phase->y.out + at->y * SIZE * phase->y.out_step, x = phase->x.out + at->x * SIZE * phase->x.out_step;
    return (at->n * w->f.p.oh + y) * w->f.p.ow + x;
}

static void output_task(void *arg, int32_t index) {
    const batch *const b = arg;
    const winograd *const w = b->w;
    const vaei_winograd_phase *const phase = b->phase;
    const vaei_winograd_plan *const p = &w->f.p;
    const int64_t pixel = phase->x.out_step * p->oc, line = phase->y.out_step * p->ow * p->oc;
    const int32_t resumed = adds(w, phase);
    const float *const add = resumed ? w->out : w->add;
    for (int64_t t = index * b->part; t < part_end(b, index); t++) {
        const int64_t start = first_pixel(w, phase, b->at + t) * p->oc;
        if (empty(b->tile + t)) continue;
        w->k->winograd_output(p->oc, b->tile + t, b->m + t * p->row_o, w->f.m, resumed ? NULL : w->bias, add ? add + start : NULL,
                              w->out + start, line, pixel);
    }
}

/* A phase of one tap: its pixels are multiplied without a copy. */
static void pixels_task(void *arg, int32_t index) {
    const batch *const b = arg;
    const winograd *const w = b->w;
    const vaei_winograd_phase *const phase = b->phase;
    const vaei_winograd_plan *const p = &w->f.p;
    const int64_t pixel = phase->x.out_step * p->oc, line = phase->y.out_step * p->ow * p->oc, end = part_end(b, index);
    const float *a[PIXELS], *const u = w->u + phase->panel * panel_floats(w->k, &w->f);
    float *c[PIXELS];
    const int32_t resumed = adds(w, phase);
    int64_t count = 0;
    for (int64_t t = index * b->part; t < end; t++) {
        const vaei_winograd_tile *const tile = b->tile + t;
        float *const to = w->out + first_pixel(w, phase, b->at + t) * p->oc;
        vaei_winograd_gather(p, phase, tile, b->at + t, w->in, w->zeros, a + count);
        for (int64_t i = 0; i < tile->rows; i++) {
            for (int64_t j = 0; j < tile->columns; j++) c[count++] = to + i * line + j * pixel;
        }
        if (count + SIZE * SIZE <= PIXELS && t < end - 1) continue;
        multiply_rows(w, count, a, u, w->bias, resumed, c);
        count = 0;
    }
}

/* Runs the epilogue on the pixels of these tiles, after all phases. */
static void finish_task(void *arg, int32_t index) {
    const batch *const b = arg;
    const winograd *const w = b->w;
    const vaei_winograd_plan *const p = &w->f.p;
    const int64_t high = SIZE * p->step_y, wide = SIZE * p->step_x, end = part_end(b, index);
    for (int64_t t = index * b->part; t < end;) {
        const vaei_winograd_place *const at = b->at + t;
        const int64_t run = vaei_min(end - t, p->tiles_x - at->x); /* the tiles of this line */
        const int64_t rows = vaei_min(high, p->oh - at->y * high), columns = vaei_min(run * wide, p->ow - at->x * wide);
        float *const pixels = w->out + ((at->n * p->oh + at->y * high) * p->ow + at->x * wide) * p->oc;
        for (int64_t r = 0; r < rows; r++) { w->epilogue->apply(w->epilogue->arg, w->k, columns * p->oc, pixels + r * p->ow * p->oc); }
        t += run;
    }
}

static void run_block(const winograd *w, batch *b) {
    const vaei_winograd_plan *const p = &w->f.p;
    b->part = w->f.far ? vaei_divide_up(b->tiles, TASKS) : b->tiles;
    const int32_t parts = (int32_t)vaei_divide_up(b->tiles, b->part);
    for (int64_t t = 0; t < b->tiles; t++) b->at[t] = vaei_winograd_place_of(p, b->first + t);
    for (b->phase = p->phase; b->phase < p->phase + p->phases; b->phase += w->f.together) {
        const int64_t taps_y = b->phase->y.taps, taps_x = b->phase->x.taps;
        for (int64_t t = 0; t < b->tiles; t++) b->tile[t] = vaei_winograd_tile_at(b->phase, b->at + t);
        if (taps_y * taps_x == 1 && !w->prologue && !w->add && !w->k->blas) {
            vaei_parallel(w->within, parts, pixels_task, b);
            continue;
        }
        b->common = vaei_winograd_common(b->tiles, b->tile);
        vaei_parallel(w->within, parts, input_task, b);
        vaei_parallel(w->within, (int32_t)(vaei_winograd_points(taps_y) * vaei_winograd_points(taps_x)), multiply_task, b);
        vaei_parallel(w->within, parts, output_task, b);
    }
    if (w->epilogue) vaei_parallel(w->within, parts, finish_task, b);
}

static void winograd_task(void *arg, int32_t index) {
    winograd *const w = arg;
    const frame *const f = &w->f;
    const int32_t held = vaei_index_take(&w->indices);
    const int64_t last = vaei_min((index + 1) * w->run, f->total), floats = f->together * f->p.points * f->v;
    batch b;
    b.w = w;
    b.v = w->scratch + held * held_floats(f);
    b.m = b.v + floats;
    b.patches = b.v + block_floats(f);
    b.indices = (vaei_index_pool){0};
    for (b.first = index * w->run; b.first < last; b.first += f->block) {
        b.tiles = vaei_min(f->block, last - b.first);
        if (w->k->blas) memset(b.v, 0, (size_t)floats * sizeof *b.v);
        run_block(w, &b);
    }
    vaei_index_give_back(&w->indices, held);
}

static int32_t fits(const vaei_kernels *k, const vaei_conv *g, int32_t data) {
    (void)k;
    return vaei_winograd(g, data);
}

static void run(const vaei_conv_job *j) {
    const vaei_kernels *const k = j->k;
    const vaei_pool *const pool = k->blas ? NULL : j->pool; /* cblas has threads of its own */
    float *const scratch = j->scratch;
    winograd w = {.k = k,
                  .f = frame_of(j->g, j->n, j->data),
                  .prologue = j->prologue,
                  .in = j->in,
                  .u = j->packed,
                  .bias = j->bias,
                  .add = j->add,
                  .zeros = scratch,
                  .epilogue = j->epilogue,
                  .out = j->out};
    const int64_t blocks = vaei_divide_up(w.f.total, w.f.block);
    if (w.f.total == 0) return;
    memset(scratch, 0, (size_t)w.f.p.c * sizeof *scratch);
    w.scratch = scratch + w.f.p.row_c;
    if (w.f.borrowed) {
        borrowed b;
        memcpy(&b, j->packed, sizeof b);
        make_u(k, j->pool, &w.f, b.w, b.scaled ? j->packed + BORROWED_FLOATS : NULL, w.scratch);
        w.u = w.scratch;
        w.scratch += u_floats(k, &w.f);
    }
    w.run = vaei_divide_up(blocks, blocks_of(&w.f)) * w.f.block;
    w.within = w.f.far ? pool : NULL;
    vaei_parallel(w.f.far ? NULL : pool, (int32_t)vaei_divide_up(w.f.total, w.run), winograd_task, &w);
}

const vaei_conv_algorithm vaei_conv_winograd = {"winograd", fits, pack_floats, pack, scratch_floats, run};
