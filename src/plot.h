/* SPDX-License-Identifier: MIT
 * plot.h - draws curves over training as a PNG. */
#ifndef PLOT_H
#define PLOT_H

#include <stdint.h>

/* A curve of n points, to which plot_add() adds. Start with {.name, .colour}. */
typedef struct curve {
    const char *name; /* lower-case letters and digits; NULL: it is not in the legend */
    uint32_t colour;  /* 0xRRGGBB */
    double width;     /* pixels */
    int64_t n, cap;
    double *x, *y;
} curve_t;

void plot_add(curve_t *curve, double x, double y);

/* Draws curves with axes and writes the picture. The vertical range leaves out the steep start of curves without a name: a tenth of all
 * values may be above it and is drawn along its upper edge. */
void plot_write(const char *path, const curve_t *curve, int64_t n_curve, const char *x_name, const char *y_name);

#endif
