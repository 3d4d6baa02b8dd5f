/* SPDX-License-Identifier: MIT
 * winograd.h - how a convolution is cut for Winograd's way: phases, and tiles of 4 x 4 outputs (conv_winograd.c has the
 * formulas). What serves the outputs (conv_winograd.c) and the gradient by the weight (conv_winograd_weight.c). */
#ifndef VAEI_WINOGRAD_H
#define VAEI_WINOGRAD_H

#include "kernel/product_parts.h"

enum {
    VAEI_WINOGRAD_SIZE = 4, /* outputs of a tile along an axis */
    VAEI_WINOGRAD_TAPS = 3, /* of a phase along an axis, at most */
    VAEI_WINOGRAD_SPAN = 6, /* points */
    VAEI_WINOGRAD_SPOTS = VAEI_WINOGRAD_SPAN * VAEI_WINOGRAD_SPAN,
    VAEI_WINOGRAD_PHASES = 4,
    VAEI_WINOGRAD_LINE = 16 /* floats of a cache line */
};

/* One axis of a phase: output o sees with its tap t the pixel in + (o + t) in_step, zero outside of size_in. */
typedef struct vaei_winograd_axis {
    int64_t taps;                 /* of the kernel */
    int64_t tap, tap_step;        /* tap t is the kernel's tap + t tap_step */
    int64_t size_in, in, in_step; /* pixels */
    int64_t size, out, out_step;  /* outputs; output o is the pixel out + o out_step */
} vaei_winograd_axis;

typedef struct vaei_winograd_phase {
    vaei_winograd_axis y, x;
    int64_t panel; /* its first one, counted through the phases */
} vaei_winograd_phase;

/* Either direction as sums of convolutions of stride 1 */
typedef struct vaei_winograd_plan {
    int64_t w, c, ow, oc, oh; /* of the image read, of the one written */
    int64_t of_c, of_o;       /* numbers from filter to filter in the weight, by channel in and out */
    int64_t taps, kw;         /* of a filter of the weight, of a row of it */
    int64_t step_y, step_x;   /* pixels of y a tile of one output covers with all phases */
    int64_t tiles_y, tiles_x; /* of an image: the same grid for every phase */
    int64_t phases, panels;   /* panels of all phases */
    int64_t points;           /* of the largest phase */
    int64_t row_c, row_o;     /* floats from tile to tile: whole lines, not so many that rows share sets of the cache */
    vaei_winograd_phase phase[VAEI_WINOGRAD_PHASES];
} vaei_winograd_plan;

/* A tile's image, and where it stands in the grid */
typedef struct vaei_winograd_place {
    int64_t n, y, x;
} vaei_winograd_place;

/* False if the geometry is not one for this way. */
int32_t vaei_winograd_plan_of(const vaei_conv *g, int32_t data, vaei_winograd_plan *p);

vaei_winograd_place vaei_winograd_place_of(const vaei_winograd_plan *p, int64_t tile);
/* The outputs of the phase there: none if rows or columns are 0 */
vaei_winograd_tile vaei_winograd_tile_at(const vaei_winograd_phase *f, const vaei_winograd_place *at);
/* Pointers to the span_y x span_x pixels the tile sees; to zeros[c] outside of the image */
void vaei_winograd_gather(const vaei_winograd_plan *p, const vaei_winograd_phase *f, const vaei_winograd_tile *tile,
                          const vaei_winograd_place *at, const float *in, const float *zeros, const float **x);
/* The smallest tile that contains point i. A tile of fewer outputs keeps the first points and the last one, infinity. */
vaei_winograd_tile vaei_winograd_least(const vaei_winograd_phase *f, int64_t i);
VAEI_INLINE int32_t vaei_winograd_has(const vaei_winograd_tile *tile, const vaei_winograd_tile *least) {
    return (tile->rows >= least->rows) & (tile->columns >= least->columns);
}
/* The rows and columns that each of some tiles has */
VAEI_INLINE vaei_winograd_tile vaei_winograd_common(int64_t tiles, const vaei_winograd_tile *tile) {
    vaei_winograd_tile common = tile[0];
    for (int64_t t = 1; t < tiles; t++) {
        common.rows = vaei_min(common.rows, tile[t].rows);
        common.columns = vaei_min(common.columns, tile[t].columns);
    }
    return common;
}
/* Floats from point to point of a block of tiles: an odd number of lines, so that the points of a tile have sets of their own */
VAEI_INLINE int64_t vaei_winograd_step(int64_t tiles, int64_t row) {
    return (tiles * row / VAEI_WINOGRAD_LINE | 1) * VAEI_WINOGRAD_LINE;
}
/* The panel that point i of a phase multiplies with */
int64_t vaei_winograd_panel(const vaei_winograd_phase *f, int64_t point);
/* The other way round: along an axis with one tap all points share a panel */
typedef struct vaei_winograd_panel_points {
    int64_t first, step, count; /* points first, first + step, ... */
} vaei_winograd_panel_points;
vaei_winograd_panel_points vaei_winograd_panel_points_of(const vaei_winograd_phase *f, int64_t panel);
/* Where the taps of a phase stand in a filter: tap[taps_y taps_x] */
void vaei_winograd_taps(const vaei_winograd_plan *p, const vaei_winograd_phase *f, int64_t *tap);
/* Spots of all tiles and phases of an image: what is multiplied for each pair of channels */
int64_t vaei_winograd_products(const vaei_winograd_plan *p);

#endif
