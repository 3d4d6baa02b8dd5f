/* SPDX-License-Identifier: MIT
 * winograd.h - the division of a convolution for Winograd's algorithm into phases and tiles of 4 x 4 outputs (formulas in
 * conv_winograd.c). The outputs (conv_winograd.c) and the gradient by the weight (conv_winograd_weight.c) use it. */
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

/* One axis of a phase: output o reads with its tap t the pixel in + (o + t) in_step, which is zero outside of size_in. */
typedef struct vaei_winograd_axis {
    int64_t taps;                 /* taps of the kernel */
    int64_t tap, tap_step;        /* tap t is the kernel's tap + t tap_step */
    int64_t size_in, in, in_step; /* pixels */
    int64_t size, out, out_step;  /* outputs; output o is the pixel out + o out_step */
} vaei_winograd_axis;

typedef struct vaei_winograd_phase {
    vaei_winograd_axis y, x;
    int64_t panel; /* its first panel, counted through the phases */
} vaei_winograd_phase;

/* Either direction, as sums of convolutions of stride 1. */
typedef struct vaei_winograd_plan {
    int64_t w, c, ow, oc, oh; /* of the image that is read, and of the one that is written */
    int64_t of_c, of_o;       /* floats from filter to filter in the weight, by channel in and out */
    int64_t taps, kw;         /* of a filter of the weight, and of a row of it */
    int64_t step_y, step_x;   /* pixels of y that a tile of one output covers with all phases */
    int64_t tiles_y, tiles_x; /* of an image; the grid is the same for every phase */
    int64_t phases, panels;   /* panels of all phases */
    int64_t points;           /* points of the largest phase */
    int64_t row_c, row_o;     /* floats from tile to tile: whole lines, but a number for which rows do not share sets of the cache */
    vaei_winograd_phase phase[VAEI_WINOGRAD_PHASES];
} vaei_winograd_plan;

/* The image of a tile, and its place in the grid. */
typedef struct vaei_winograd_place {
    int64_t n, y, x;
} vaei_winograd_place;

/* Returns false if Winograd's algorithm cannot compute the geometry. */
int32_t vaei_winograd_plan_of(const vaei_conv *g, int32_t data, vaei_winograd_plan *p);

vaei_winograd_place vaei_winograd_place_of(const vaei_winograd_plan *p, int64_t tile);
/* The outputs that the phase has at this place: none if rows or columns are 0. */
vaei_winograd_tile vaei_winograd_tile_at(const vaei_winograd_phase *f, const vaei_winograd_place *at);
/* Finds pointers to the span_y x span_x pixels that the tile reads, or to zeros[c] outside of the image. */
void vaei_winograd_gather(const vaei_winograd_plan *p, const vaei_winograd_phase *f, const vaei_winograd_tile *tile,
                          const vaei_winograd_place *at, const float *in, const float *zeros, const float **x);
/* The smallest tile that contains point i. A tile of fewer outputs keeps the first points and the last one, infinity. */
vaei_winograd_tile vaei_winograd_least(const vaei_winograd_phase *f, int64_t i);
VAEI_INLINE int32_t vaei_winograd_has(const vaei_winograd_tile *tile, const vaei_winograd_tile *least) {
    return (tile->rows >= least->rows) & (tile->columns >= least->columns);
}
/* The rows and columns that all of these tiles have. */
VAEI_INLINE vaei_winograd_tile vaei_winograd_common(int64_t tiles, const vaei_winograd_tile *tile) {
    vaei_winograd_tile common = tile[0];
    for (int64_t t = 1; t < tiles; t++) {
        common.rows = vaei_min(common.rows, tile[t].rows);
        common.columns = vaei_min(common.columns, tile[t].columns);
    }
    return common;
}
/* Floats from point to point of a block of tiles: an odd number of lines, so that the points of a tile use different sets of the cache. */
VAEI_INLINE int64_t vaei_winograd_step(int64_t tiles, int64_t row) {
    return (tiles * row / VAEI_WINOGRAD_LINE | 1) * VAEI_WINOGRAD_LINE;
}
/* The panel by which point i of a phase is multiplied. */
int64_t vaei_winograd_panel(const vaei_winograd_phase *f, int64_t point);
/* The points that share a panel: along an axis with one tap these are all points. */
typedef struct vaei_winograd_panel_points {
    int64_t first, step, count; /* points first, first + step, ... */
} vaei_winograd_panel_points;
vaei_winograd_panel_points vaei_winograd_panel_points_of(const vaei_winograd_phase *f, int64_t panel);
/* The places of the taps of a phase in a filter: tap[taps_y taps_x]. */
void vaei_winograd_taps(const vaei_winograd_plan *p, const vaei_winograd_phase *f, int64_t *tap);
/* The points of all tiles and phases of an image: the multiplications for each pair of channels. */
int64_t vaei_winograd_products(const vaei_winograd_plan *p);

#endif
