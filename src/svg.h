/* SPDX-License-Identifier: MIT
 * svg.h - curves as SVG, to stand in a page. */
#ifndef SVG_H
#define SVG_H

#include "mem.h"
#include "plot.h"

/* Add <svg> with axes, curves and their names. The vertical range is that of all values behind the first quarter of each curve, and of
 * whatever lies within it before. */
void svg_curves(strbuf_t *page, const curve_t *curve, int64_t n_curve, const char *x_name, const char *y_name);

#endif
