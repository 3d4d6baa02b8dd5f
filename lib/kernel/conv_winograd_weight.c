/* SPDX-License-Identifier: MIT
 * conv_winograd_weight.c - gradient of a convolution by its weight, by Winograd's way (formulas in conv_winograd.c).
 *
 *   Y = A' [ sum_c (G g G') . (B' d B) ] A     gives     dG = G' [ sum over tiles (B' d B) . (A dY A') ] G
 *
 * For each of the spots of a tile the sum over tiles is a matrix product of what the input became and what the error
 * became; the sums of a panel are turned into those of its taps once, at the end:
 *
 *   x -> v[spot][tile][c]     dy -> e[spot][tile][o]     du[panel][c][o] += v' e     dw[o][c][tap] += G' du G
 *
 * A part of an axis with one tap needs no transform there; where both have one, pixels are multiplied where they are.
 *
 * Order of summation: blocks of tiles (a number fixed by the shape) are each one chain of FMA from 0 for each spot, added
 * ascending to the sum of a chunk; chunks join ascending; G' du G is formed in double and rounded once. */
#include "kernel/winograd.h"

enum {
    SIZE = VAEI_WINOGRAD_SIZE,
    SPOTS = VAEI_WINOGRAD_SPOTS,
    BLOCK_BYTES = 384 * 1024, /* of v and e together */
    MIN_BLOCK = 16,
    MAX_BLOCK = 96,
    CHUNK = 64, /* tiles, at least */
    TASKS = 16,
    PANEL_FLOATS = 1 << 23, /* of one chunk, at most */
    SUM_FLOATS = 1 << 24,   /* of all chunks */
    PIXELS = 128,           /* of one tap that are multiplied at once */
    COLUMNS = 32,           /* of du that join at once */
    RUN = 64,               /* of their taps, those of whole rows */
    MIN_CHANNELS = 6,
    MAX_RATIO = 32,
    /* for the rule, in vector operations as measured: */
    TRANSFORM = 44, /* of both transforms for a whole 3x3 tile and a channel */
    JOIN = 16,      /* of a vector of du, shared by */
    IMAGES = 16
};

typedef struct weight {
    const vaei_kernels *k;
    vaei_winograd_plan p;
    int32_t rows_x;              /* rows of du are channels of x, columns those of dy; else the other way round */
    int64_t rows, columns, band; /* rows that join at once: where their taps follow one another in dw, several */
    int64_t total, block, chunks, chunk; /* tiles */
    int64_t floats, room;                /* of a chunk's sums; of a task */
    const float *x, *dy, *zeros;
    float *sums, *scratch, *dw;
} weight;

static int64_t lanes(int64_t channels) {
    return vaei_divide_up(channels, VAEI_WINOGRAD_LINE) * VAEI_WINOGRAD_LINE;
}

static weight weight_of(const vaei_conv *g, int64_t n) {
    weight f = {.rows_x = g->c * lanes(g->oc) <= g->oc * lanes(g->c)};
    (void)vaei_winograd_plan_of(g, 0, &f.p);
    f.rows = f.rows_x ? g->c : g->oc;
    f.columns = f.rows_x ? g->oc : g->c;
    f.band = f.rows_x ? RUN / f.p.taps : 1;
    f.total = n * f.p.tiles_y * f.p.tiles_x;
    f.block = BLOCK_BYTES / (f.p.spots * (int64_t)sizeof(float)) / (f.p.row_c + f.p.row_o);
    f.block = vaei_max(MIN_BLOCK, vaei_min(f.block, MAX_BLOCK));
    f.floats = f.p.panels * g->c * g->oc;
    f.chunks = vaei_min(vaei_min(f.total / CHUNK, TASKS / f.p.phases), SUM_FLOATS / f.floats);
    f.chunks = vaei_max(f.chunks, 1);
    f.chunk = vaei_divide_up(f.total, f.chunks);
    f.room = f.p.spots * f.block * (f.p.row_c + f.p.row_o);
    return f;
}

int32_t vaei_winograd_weight(const vaei_conv *g) {
    const int64_t fewer = vaei_min(g->c, g->oc), more = vaei_max(g->c, g->oc);
    vaei_winograd_plan p;
    if (fewer < MIN_CHANNELS || more / fewer > MAX_RATIO || !vaei_winograd_plan_of(g, 0, &p)) return 0;
    const int64_t product = vaei_min(g->c * lanes(g->oc), g->oc * lanes(g->c)) / VAEI_WINOGRAD_LINE;
    const int64_t spots = vaei_winograd_products(&p), direct = g->oh * g->ow * g->kh * g->kw;
    return p.panels * g->c * g->oc <= PANEL_FLOATS &&
           IMAGES * (spots * product + TRANSFORM * (g->c + g->oc) * spots / 36) + JOIN * p.panels * product <
               IMAGES * direct * product;
}

int64_t vaei_winograd_weight_scratch(const vaei_conv *g, int64_t n) {
    const weight f = weight_of(g, n);
    return f.p.row_c + f.chunks * (f.floats + f.p.phases * f.room);
}

/* du += a' b over `count` rows of each; a and b end up moved */
static void add_product(const weight *f, int64_t count, const float **a, const float **b, float *du) {
    const vaei_kernels *const k = f->k;
    const int64_t tiles = vaei_divide_up(f->rows, k->mr);
    for (int64_t n = 0; n < f->columns; n += k->nr) {
        for (int64_t i = 0, row = 0; i < tiles; i++) {
            const int64_t m = vaei_divide_up(f->rows - row, tiles - i);
            k->outer_tile(m, vaei_min(k->nr, f->columns - n), count, a, b, du + row * f->columns + n, f->columns);
            for (int64_t p = 0; p < count; p++) a[p] += m;
            row += m;
        }
        for (int64_t p = 0; p < count; p++) {
            a[p] -= f->rows;
            b[p] += k->nr;
        }
    }
}

static void add_spots(const weight *f, const vaei_winograd_phase *phase, const vaei_winograd_tile *tile, int64_t tiles,
                      const float *v, const float *e, float *sums) {
    const vaei_winograd_plan *const p = &f->p;
    for (int64_t i = 0; i < vaei_winograd_spots(phase->y.taps) * vaei_winograd_spots(phase->x.taps); i++) {
        const vaei_winograd_tile least = vaei_winograd_least(phase, i);
        const float *x[MAX_BLOCK + 1], *y[MAX_BLOCK + 1];
        const float *c = v + i * f->block * p->row_c, *o = e + i * f->block * p->row_o;
        int64_t count = 0;
        for (int64_t t = 0; t < tiles; t++, c += p->row_c, o += p->row_o) {
            x[count] = c;
            y[count] = o;
            count += vaei_winograd_has(tile + t, &least);
        }
        float *const du = sums + vaei_winograd_panel(phase, i) * f->rows * f->columns;
        if (count > 0) add_product(f, count, f->rows_x ? x : y, f->rows_x ? y : x, du);
    }
}

static int64_t first_output(const vaei_winograd_plan *p, const vaei_winograd_place *at) {
    return ((at->n * p->oh + at->y * SIZE) * p->ow + at->x * SIZE) * p->oc;
}

static void phase_by_spots(const weight *f, const vaei_winograd_phase *phase, int64_t first, int64_t tiles, float *v,
                           float *sums) {
    const vaei_winograd_plan *const p = &f->p;
    float *const e = v + p->spots * f->block * p->row_c;
    vaei_winograd_tile tile[MAX_BLOCK];
    for (int64_t t = 0; t < tiles; t++) {
        const vaei_winograd_place at = vaei_winograd_place_of(p, first + t);
        const float *x[SPOTS];
        tile[t] = vaei_winograd_tile_at(phase, &at);
        vaei_winograd_see(p, phase, tile + t, &at, f->x, f->zeros, x);
        f->k->winograd_input(p->c, tile + t, x, v + t * p->row_c, f->block * p->row_c);
        f->k->winograd_error(p->oc, tile + t, f->dy + first_output(p, &at), p->ow * p->oc, p->oc, e + t * p->row_o,
                             f->block * p->row_o);
    }
    add_spots(f, phase, tile, tiles, v, e, sums);
}

static void phase_by_pixels(const weight *f, const vaei_winograd_phase *phase, int64_t first, int64_t tiles,
                            float *sums) {
    const vaei_winograd_plan *const p = &f->p;
    const float *x[PIXELS], *y[PIXELS];
    int64_t count = 0;
    for (int64_t t = 0; t < tiles; t++) {
        const vaei_winograd_place at = vaei_winograd_place_of(p, first + t);
        const vaei_winograd_tile tile = vaei_winograd_tile_at(phase, &at);
        const float *const dy = f->dy + first_output(p, &at);
        vaei_winograd_see(p, phase, &tile, &at, f->x, f->zeros, x + count);
        for (int64_t i = 0; i < tile.rows * tile.columns; i++) {
            y[count++] = dy + (i / tile.columns * p->ow + i % tile.columns) * p->oc;
        }
        if (count + SIZE * SIZE <= PIXELS && t < tiles - 1) continue;
        add_product(f, count, f->rows_x ? x : y, f->rows_x ? y : x, sums + phase->panel * f->rows * f->columns);
        count = 0;
    }
}

/* One phase of one chunk */
static void weight_task(void *arg, int32_t index) {
    const weight *const f = arg;
    const int64_t chunk = index / f->p.phases, number = index % f->p.phases, one = f->rows * f->columns;
    const vaei_winograd_phase *const phase = f->p.phase + number;
    const int64_t panels = vaei_winograd_panels(phase->y.taps) * vaei_winograd_panels(phase->x.taps);
    const int64_t last = vaei_min((chunk + 1) * f->chunk, f->total);
    float *const sums = f->sums + chunk * f->floats;
    memset(sums + phase->panel * one, 0, (size_t)(panels * one) * sizeof *sums);
    for (int64_t t = chunk * f->chunk; t < last; t += f->block) {
        const int64_t tiles = vaei_min(f->block, last - t);
        if (phase->y.taps * phase->x.taps == 1) {
            phase_by_pixels(f, phase, t, tiles, sums);
        } else {
            phase_by_spots(f, phase, t, tiles, f->scratch + index * f->room, sums);
        }
    }
}

/* ---- chunks to dw: a task has `band` rows of du in all panels ---- */

/* A block of `rows` rows and `columns` columns, into all their taps */
static void join_block(const weight *f, int64_t row, int64_t rows, int64_t column, int64_t columns) {
    const vaei_winograd_plan *const p = &f->p;
    const int64_t one = f->rows * f->columns, height = rows * p->taps;
    const int64_t of_row = f->rows_x ? p->of_c : p->of_o, of_column = f->rows_x ? p->of_o : p->of_c;
    float taps[RUN * COLUMNS], filters[RUN * COLUMNS];
    float *const dw = f->dw + row * of_row + column * of_column, *const sum = f->sums + row * f->columns + column;
    for (int64_t i = 0; i < p->phases; i++) {
        const vaei_winograd_phase *const phase = p->phase + i;
        int64_t tap[VAEI_WINOGRAD_TAPS * VAEI_WINOGRAD_TAPS];
        vaei_winograd_taps(p, phase, tap);
        for (int64_t r = 0; r < rows; r++) {
            f->k->winograd_weight_grad(columns, phase->y.taps, phase->x.taps, sum + phase->panel * one + r * f->columns,
                                       one, taps + r * p->taps * COLUMNS, COLUMNS, tap);
        }
    }
    f->k->transpose(height, columns, taps, COLUMNS, filters, height);
    for (int64_t i = 0; i < columns; i++) f->k->add(height, filters + i * height, dw + i * of_column);
}

static void join_task(void *arg, int32_t index) {
    const weight *const f = arg;
    const int64_t row = index * f->band, rows = vaei_min(f->band, f->rows - row), one = f->rows * f->columns;
    float *const sum = f->sums + row * f->columns;
    for (int64_t i = 0; i < f->p.panels; i++) {
        for (int64_t chunk = 1; chunk < f->chunks; chunk++) {
            f->k->add(rows * f->columns, sum + chunk * f->floats + i * one, sum + i * one);
        }
    }
    for (int64_t n = 0; n < f->columns; n += COLUMNS) join_block(f, row, rows, n, vaei_min(COLUMNS, f->columns - n));
}

void vaei_winograd_weight_run(const vaei_kernels *k, const vaei_pool *pool, const vaei_conv *g, int64_t n,
                              const float *x, const float *dy, float *dw, float *scratch) {
    weight f = weight_of(g, n);
    if (f.total == 0) return;
    f.k = k;
    f.x = x;
    f.dy = dy;
    f.dw = dw;
    f.zeros = scratch;
    f.sums = scratch + f.p.row_c;
    f.scratch = f.sums + f.chunks * f.floats;
    memset(scratch, 0, (size_t)f.p.c * sizeof *scratch);
    vaei_parallel(pool, (int32_t)(f.chunks * f.p.phases), weight_task, &f);
    vaei_parallel(pool, (int32_t)vaei_divide_up(f.rows, f.band), join_task, &f);
}
