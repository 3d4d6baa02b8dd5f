/* SPDX-License-Identifier: MIT
 * conv_winograd_weight.c - computes the gradient of a convolution by its weight by Winograd's algorithm (formulas in conv_winograd.c).
 *
 *   Y = A' [ sum_c (G g G') . (B' d B) ] A     gives     dG = G' [ sum over tiles (B' d B) . (A dY A') ] G
 *
 * For each point of a tile, the sum over tiles is a matrix product of the transformed input and the transformed error. The
 * sums of a panel are transformed to gradients of its taps once, at the end:
 *
 *   x -> v[point][tile][c]     dy -> e[point][tile][o]     du[panel][c][o] += v' e     dw[o][c][tap] += G' du G
 *
 * An axis of a phase with one tap needs no transform; if both axes have one tap, the pixels are multiplied without a copy.
 *
 * Phases follow one after another. In each phase, for each block of tiles, first all tiles are transformed, then all panels
 * are multiplied. A task has some tiles in the first step and some rows of a panel in the second, so nothing is summed twice.
 *
 * Order of summation: for each point, a block of tiles (its size is fixed by the shape) is one chain of FMA from 0; the blocks
 * are added in ascending order. G' du G is computed in double and rounded once, then added to dw. */
#include "kernel/winograd.h"

enum {
    SIZE = VAEI_WINOGRAD_SIZE,
    POINTS = VAEI_WINOGRAD_SPOTS,
    BLOCK_BYTES = 768 * 1024, /* of v and e together, which stay in the second cache */
    MIN_BLOCK = 32,
    MAX_BLOCK = 96,
    GROUP = 4,              /* tiles that a task transforms */
    TASKS = 16,             /* so many panels are enough tasks; with fewer, a part of a panel has */
    BAND = 32,              /* rows, at least */
    PANEL_FLOATS = 1 << 23, /* of all sums, at most */
    PIXELS = 128,           /* of one tap, multiplied at once */
    COLUMNS = 32,           /* of du that are transformed at once */
    RUN = 54,               /* of their taps, those of whole rows: more than any kernel has */
    MIN_CHANNELS = 6,
    MAX_RATIO = 32,
    /* for the cost rule, in vector operations as measured: */
    TRANSFORM = 25, /* both transforms of a whole 3x3 tile, for a channel */
    JOIN = 20,      /* transforming a vector of du; shared by */
    IMAGES = 16
};

typedef struct weight {
    const vaei_kernels *k;
    vaei_winograd_plan p;
    int32_t rows_x;             /* 1: rows of du are channels of x, columns those of dy; 0: the other way round */
    int64_t rows, columns, one; /* one: the floats of a panel */
    int64_t join;               /* rows transformed at once: several if their taps follow one another in dw */
    int64_t total, block;       /* tiles */
    int64_t step_v, step_e;     /* floats from one point to the next */
    const float *x, *dy, *zeros;
    float *sums, *v, *e, *dw;
    /* of the current phase and block: */
    const vaei_winograd_phase *phase;
    int64_t first, tiles;                       /* of the block */
    vaei_winograd_tile tile[MAX_BLOCK], common; /* common: the rows and columns that all of them have */
} weight;

static int64_t lanes(int64_t channels) {
    return vaei_divide_up(channels, VAEI_WINOGRAD_LINE) * VAEI_WINOGRAD_LINE;
}

static weight weight_of(const vaei_conv *g, int64_t n) {
    weight f = {.rows_x = g->c * lanes(g->oc) <= g->oc * lanes(g->c)};
    (void)vaei_winograd_plan_of(g, 0, &f.p);
    f.rows = f.rows_x ? g->c : g->oc;
    f.columns = f.rows_x ? g->oc : g->c;
    f.one = f.rows * f.columns;
    f.join = f.rows_x ? RUN / f.p.taps : 1;
    f.total = n * f.p.tiles_y * f.p.tiles_x;
    f.block = BLOCK_BYTES / (f.p.points * (int64_t)sizeof(float)) / (f.p.row_c + f.p.row_o);
    f.block = vaei_min(f.total, vaei_max(MIN_BLOCK, vaei_min(f.block, MAX_BLOCK)));
    f.step_v = vaei_winograd_step(f.block, f.p.row_c);
    f.step_e = vaei_winograd_step(f.block, f.p.row_o);
    return f;
}

int32_t vaei_winograd_weight(const vaei_conv *g) {
    const int64_t fewer = vaei_min(g->c, g->oc), more = vaei_max(g->c, g->oc);
    vaei_winograd_plan p;
    if (fewer < MIN_CHANNELS || more / fewer > MAX_RATIO || !vaei_winograd_plan_of(g, 0, &p)) return 0;
    const int64_t product = vaei_min(g->c * lanes(g->oc), g->oc * lanes(g->c)) / VAEI_WINOGRAD_LINE;
    const int64_t points = vaei_winograd_products(&p), direct = g->oh * g->ow * g->kh * g->kw;
    return p.panels * g->c * g->oc <= PANEL_FLOATS &&
           IMAGES * (points * product + TRANSFORM * (g->c + g->oc) * points / 36) + JOIN * p.panels * product < IMAGES * direct * product;
}

int64_t vaei_winograd_weight_scratch(const vaei_conv *g, int64_t n) {
    const weight f = weight_of(g, n);
    return f.p.row_c + f.p.panels * f.one + f.p.points * (f.step_v + f.step_e);
}

/* ---- x and dy to v and e: a task has some tiles of the block ---- */

static int64_t first_output(const vaei_winograd_plan *p, const vaei_winograd_place *at) {
    return ((at->n * p->oh + at->y * SIZE) * p->ow + at->x * SIZE) * p->oc;
}

static void transform_task(void *arg, int32_t index) {
    const weight *const f = arg;
    const vaei_winograd_plan *const p = &f->p;
    for (int64_t t = index * GROUP; t < vaei_min((index + 1) * GROUP, f->tiles); t++) {
        const vaei_winograd_place at = vaei_winograd_place_of(p, f->first + t);
        const float *x[POINTS];
        vaei_winograd_gather(p, f->phase, f->tile + t, &at, f->x, f->zeros, x);
        f->k->winograd_input(p->c, f->tile + t, x, f->v + t * p->row_c, f->step_v);
        f->k->winograd_error(p->oc, f->tile + t, f->dy + first_output(p, &at), p->ow * p->oc, p->oc, f->e + t * p->row_o, f->step_e);
    }
}

/* ---- v and e to du: a task has a band of rows of a panel ---- */

static int64_t panels_of(const vaei_winograd_phase *phase) {
    return vaei_winograd_panels(phase->y.taps) * vaei_winograd_panels(phase->x.taps);
}

static int64_t bands_of(const weight *f) {
    return panels_of(f->phase) < TASKS ? vaei_max(f->rows / BAND, 1) : 1;
}

typedef struct band {
    int64_t panel, row, rows;
    float *du; /* begins at row `row` */
} band;

static band band_of(const weight *f, int32_t index) {
    const int64_t bands = bands_of(f), height = vaei_divide_up(f->rows, bands);
    band b = {.panel = f->phase->panel + index / bands, .row = index % bands * height};
    b.rows = vaei_min(height, f->rows - b.row);
    b.du = f->sums + b.panel * f->one + b.row * f->columns;
    return b;
}

/* du = a' b, or du += a' b, over `count` rows of each. The call moves the pointers of a and b. */
static void add_product(const weight *f, const band *to, int64_t count, const float **a, const float **b, int32_t accumulate) {
    const vaei_kernels *const k = f->k;
    for (int64_t p = 0; p < count; p++) a[p] += to->row;
    for (int64_t n = 0; n < f->columns; n += k->nr) {
        k->outer_tile(to->rows, vaei_min(k->nr, f->columns - n), count, a, b, to->du + n, f->columns, accumulate);
        for (int64_t p = 0; p < count; p++) b[p] += k->nr;
    }
}

static void points_task(void *arg, int32_t index) {
    const weight *const f = arg;
    const vaei_winograd_plan *const p = &f->p;
    const band to = band_of(f, index);
    if (to.rows <= 0) return;
    const vaei_winograd_panel_points points = vaei_winograd_panel_points_of(f->phase, to.panel);
    int32_t more = f->first > 0;
    for (int64_t s = 0, i = points.first; s < points.count; s++, i += points.step) {
        const vaei_winograd_tile least = vaei_winograd_least(f->phase, i);
        const int32_t all = vaei_winograd_has(&f->common, &least);
        const float *x[MAX_BLOCK + 1], *y[MAX_BLOCK + 1];
        const float *c = f->v + i * f->step_v, *o = f->e + i * f->step_e;
        int64_t count = 0;
        for (int64_t t = 0; t < f->tiles; t++, c += p->row_c, o += p->row_o) {
            x[count] = c;
            y[count] = o;
            count += all || vaei_winograd_has(f->tile + t, &least);
        }
        if (count > 0 || !more) add_product(f, &to, count, f->rows_x ? x : y, f->rows_x ? y : x, more);
        more = 1;
    }
}

/* A phase of one tap: the pixels of all tiles are multiplied without a copy. */
static void pixels_task(void *arg, int32_t index) {
    const weight *const f = arg;
    const vaei_winograd_plan *const p = &f->p;
    const band to = band_of(f, index);
    const float *x[PIXELS], *y[PIXELS];
    int64_t count = 0;
    int32_t more = 0;
    if (to.rows <= 0) return;
    for (int64_t t = 0; t < f->total; t++) {
        const vaei_winograd_place at = vaei_winograd_place_of(p, t);
        const vaei_winograd_tile tile = vaei_winograd_tile_at(f->phase, &at);
        const float *const dy = f->dy + first_output(p, &at);
        vaei_winograd_gather(p, f->phase, &tile, &at, f->x, f->zeros, x + count);
        for (int64_t i = 0; i < tile.rows * tile.columns; i++) { y[count++] = dy + (i / tile.columns * p->ow + i % tile.columns) * p->oc; }
        if (count + SIZE * SIZE <= PIXELS && t < f->total - 1) continue;
        add_product(f, &to, count, f->rows_x ? x : y, f->rows_x ? y : x, more);
        more = 1;
        count = 0;
    }
}

static void run_phase(weight *f, const vaei_pool *pool) {
    const int32_t bands = (int32_t)(panels_of(f->phase) * bands_of(f));
    if (f->phase->y.taps * f->phase->x.taps == 1) {
        vaei_parallel(pool, bands, pixels_task, f);
        return;
    }
    const int64_t even = vaei_divide_up(f->total, vaei_divide_up(f->total, f->block));
    for (f->first = 0; f->first < f->total; f->first += even) {
        f->tiles = vaei_min(even, f->total - f->first);
        for (int64_t t = 0; t < f->tiles; t++) {
            const vaei_winograd_place at = vaei_winograd_place_of(&f->p, f->first + t);
            f->tile[t] = vaei_winograd_tile_at(f->phase, &at);
        }
        f->common = vaei_winograd_common(f->tiles, f->tile);
        vaei_parallel(pool, (int32_t)vaei_divide_up(f->tiles, GROUP), transform_task, f);
        vaei_parallel(pool, bands, points_task, f);
    }
}

/* ---- du to dw: a task has some rows of all panels ---- */

/* Transforms a block of `rows` rows and `columns` columns into all their taps. */
static void join_block(const weight *f, int64_t row, int64_t rows, int64_t column, int64_t columns) {
    const vaei_winograd_plan *const p = &f->p;
    const int64_t height = rows * p->taps;
    const int64_t of_row = f->rows_x ? p->of_c : p->of_o, of_column = f->rows_x ? p->of_o : p->of_c;
    float taps[RUN * COLUMNS], filters[RUN * COLUMNS];
    float *const dw = f->dw + row * of_row + column * of_column;
    const float *const sums = f->sums + row * f->columns + column;
    for (int64_t i = 0; i < p->phases; i++) {
        const vaei_winograd_phase *const phase = p->phase + i;
        int64_t tap[VAEI_WINOGRAD_TAPS * VAEI_WINOGRAD_TAPS];
        vaei_winograd_taps(p, phase, tap);
        for (int64_t r = 0; r < rows; r++) {
            f->k->winograd_weight_grad(columns, phase->y.taps, phase->x.taps, sums + phase->panel * f->one + r * f->columns, f->one,
                                       taps + r * p->taps * COLUMNS, COLUMNS, tap);
        }
    }
    f->k->transpose(height, columns, taps, COLUMNS, filters, height);
    for (int64_t i = 0; i < columns; i++) f->k->add(height, filters + i * height, dw + i * of_column);
}

static void join_task(void *arg, int32_t index) {
    const weight *const f = arg;
    const int64_t row = index * f->join, rows = vaei_min(f->join, f->rows - row);
    for (int64_t n = 0; n < f->columns; n += COLUMNS) join_block(f, row, rows, n, vaei_min(COLUMNS, f->columns - n));
}

void vaei_winograd_weight_run(const vaei_kernels *k, const vaei_pool *pool, const vaei_conv *g, int64_t n, const float *x, const float *dy,
                              float *dw, float *scratch) {
    weight f = weight_of(g, n);
    if (f.total == 0) return;
    f.k = k;
    f.x = x;
    f.dy = dy;
    f.dw = dw;
    f.zeros = scratch;
    f.sums = scratch + f.p.row_c;
    f.v = f.sums + f.p.panels * f.one;
    f.e = f.v + f.p.points * f.step_v;
    memset(scratch, 0, (size_t)f.p.c * sizeof *scratch);
    for (int64_t i = 0; i < f.p.phases; i++) {
        f.phase = f.p.phase + i;
        run_phase(&f, pool);
    }
    vaei_parallel(pool, (int32_t)vaei_divide_up(f.rows, f.join), join_task, &f);
}
