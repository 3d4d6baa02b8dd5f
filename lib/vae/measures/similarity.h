/* SPDX-License-Identifier: MIT
 * similarity.h - computes the structural similarity of two pictures, for the measures ssim (one scale) and ms_ssim (several scales).
 *
 *     mu = sum w x     s_xx = sum w x^2 - mu_x^2     s_xy = sum w x y - mu_x mu_y        w: a Gaussian window, sigma 1.5, whose sum is 1
 *     cs   = (2 s_xy + c2) / (s_xx + s_yy + c2)                                          c1 = (0.01 range)^2, c2 = (0.03 range)^2
 *     ssim = cs (2 mu_x mu_y + c1) / (mu_x^2 + mu_y^2 + c1)
 *
 * cs and ssim are means over the places where the window lies inside of the picture, and over the channels. The window has 11 x 11 pixels;
 * its side is that of the shorter side of the picture if that is less than 11. Wang, Bovik, Sheikh, Simoncelli 2004. */
#ifndef VAEI_SIMILARITY_H
#define VAEI_SIMILARITY_H

#include "vae/measures.h"

typedef struct vaei_similarity_conf {
    float range;
} vaei_similarity_conf;

extern const vaei_option vaei_similarity_options[];

typedef struct vaei_similarity {
    double ssim, cs;
} vaei_similarity;

/* Computes both means for x[H][W][C] and y[H][W][C]; work has 5 H W doubles. */
vaei_similarity vaei_similarity_of(const vaei_similarity_conf *c, int64_t H, int64_t W, int64_t C, const double *x, const double *y,
                                   double *work);

/* Computes value[n] by a function of one pair of pictures, which may change x and y. */
typedef double (*vaei_similarity_pair)(const vaei_similarity_conf *c, int64_t H, int64_t W, int64_t C, double *x, double *y, double *work);
vae_status_t vaei_similarity_each(const vaei_similarity_conf *c, const vaei_measured *m, vaei_arena *arena, vaei_similarity_pair pair,
                                  double *value);

#endif
