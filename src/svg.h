/* SPDX-License-Identifier: MIT
 * svg.h - draws curves as SVG inside of a page. */
#ifndef SVG_H
#define SVG_H

#include "mem.h"
#include "plot.h"

/* Adds <svg> with axes, curves and their names. The vertical range is that of all values after the first quarter of each curve; earlier
 * values are drawn if they are within it. */
void svg_curves(strbuf_t *page, const curve_t *curve, int64_t n_curve, const char *x_name, const char *y_name);

#endif
