/* SPDX-License-Identifier: MIT
 * upsampled.c - computes upsampling and convolution in one: it folds the weights and runs a convolution that reads the small image. */
#include "nn/upsampled.h"
#include "nn/weights.h"

enum {
    TAPS = 3,
    FOLDED = 4,
    WEIGHTS_MAX = 1 << 16 /* weights of one tap; with more, the larger weights cost more memory than the saved time is worth */
};

int32_t vaei_upsampled_fits(const vaei_conv *g, const int64_t factor[2]) {
    return factor[0] == 2 && factor[1] == 2 && g->kh == TAPS && g->kw == TAPS && g->sy == 1 && g->sx == 1 && g->dy == 1 && g->dx == 1 &&
           g->top == 1 && g->left == 1 && g->oh == g->h && g->ow == g->w && g->groups == 1 && g->c * g->oc <= WEIGHTS_MAX;
}

/* The convolution whose gradient by the input is computed. */
static vaei_conv transposed(const vaei_conv *g) {
    return (vaei_conv){.h = g->oh,
                       .w = g->ow,
                       .c = g->oc,
                       .oh = g->h / 2,
                       .ow = g->w / 2,
                       .oc = g->c,
                       .kh = FOLDED,
                       .kw = FOLDED,
                       .sy = 2,
                       .sx = 2,
                       .dy = 1,
                       .dx = 1,
                       .top = 1,
                       .left = 1,
                       .groups = 1};
}

const char *vaei_upsampled_algorithm(const vaei_kernels *k, const vaei_conv *g) {
    const vaei_conv t = transposed(g);
    return vaei_conv_data_algorithm(k, &t);
}

/* Row p of y meets rows (p - 2) / 2, rounded up, to (p + 1) / 2. */
void vaei_upsampled_band(const vaei_conv *g, vaei_band *b) {
    const int64_t end = b->last / 2 + 1;
    b->x_first = b->first < 2 ? 0 : (b->first - 1) / 2;
    b->x_last = end < g->h / 2 ? end : g->h / 2;
}

static vaei_conv rows_of(const vaei_conv *whole, const vaei_band *b) {
    vaei_conv t = *whole;
    t.h = b->last - b->first;
    t.oh = b->x_last - b->x_first;
    t.top = whole->top + b->first - b->x_first * whole->sy;
    t.whole = whole;
    return t;
}

typedef struct parts {
    float *folded; /* [c][oc][4][4]; the panels may point to it */
    float *panels;
    float *scale, *bias; /* [oc], of a normalisation that is also folded in */
    float *workspace;    /* scratch; the others are in the pack */
} parts;

void vaei_upsampled_layout(const vaei_layer *l, const vaei_kernels *k, const vaei_conv *g, int64_t n, vaei_memory *m, void *pieces) {
    const int64_t rows = vaei_layer_banded(l, 0), most = rows / 2 + 2; /* of y, and of the small image */
    const vaei_conv t = transposed(g), band = rows_of(&t, &(vaei_band){0, rows < t.h ? rows : t.h, 0, most < t.oh ? most : t.oh});
    parts *const p = pieces ? pieces : &(parts){0};
    *p = (parts){.folded = vaei_carve_floats(&m->pack, g->c * g->oc * FOLDED * FOLDED)};
    p->panels = vaei_carve_floats(&m->pack, vaei_conv_data_pack_floats(k, &t));
    if (vaei_weights_folds(l, 0)) {
        p->scale = vaei_carve_floats(&m->pack, g->oc);
        p->bias = vaei_carve_floats(&m->pack, g->oc);
    }
    p->workspace = vaei_carve_floats(&m->scratch, vaei_weights_countable(l, n) ? vaei_conv_data_scratch(k, rows > 0 ? &band : &t, n) : -1);
}

/* Writes to[0], to[step], ...: the four weights that three become. */
static void fold_axis(double w0, double w1, double w2, double *to, int64_t step) {
    to[0] = w2;
    to[step] = w1 + w2;
    to[2 * step] = w0 + w1;
    to[3 * step] = w0;
}

static void fold(const float *w, float *to) {
    double wide[TAPS * FOLDED], square[FOLDED * FOLDED];
    for (int64_t y = 0; y < TAPS; y++) {
        const float *const row = w + y * TAPS;
        fold_axis((double)vaei_flushed(row[0]), (double)vaei_flushed(row[1]), (double)vaei_flushed(row[2]), wide + y * FOLDED, 1);
    }
    for (int64_t x = 0; x < FOLDED; x++) fold_axis(wide[x], wide[FOLDED + x], wide[2 * FOLDED + x], square + x, FOLDED);
    for (int64_t i = 0; i < FOLDED * FOLDED; i++) to[i] = (float)square[i];
}

void vaei_upsampled_pack(const vaei_layer *l, const vaei_run *r, const vaei_conv *g, void *memory) {
    const vaei_conv t = transposed(g);
    const float *const w = vaei_layer_param(l, r, 0);
    parts p;
    vaei_layer_packed(l, r, memory, &p);
    for (int64_t o = 0; o < g->oc; o++) {
        for (int64_t i = 0; i < g->c; i++) fold(w + (o * g->c + i) * TAPS * TAPS, p.folded + (i * g->oc + o) * FOLDED * FOLDED);
    }
    if (p.scale) vaei_weights_fold(l, r, g->oc, p.scale, p.bias);
    vaei_conv_data_pack(r->k, &t, p.folded, p.scale, p.panels);
}

void vaei_upsampled_forward(const vaei_layer *l, const vaei_run *r, const vaei_conv *g, const vaei_slot *m, const float *x, float *y) {
    const vaei_conv whole = transposed(g), t = m->band ? rows_of(&whole, m->band) : whole;
    parts p;
    vaei_layer_pieces(l, r, m, &p);
    vaei_conv_data(r->k, r->pool, &t, r->n, x, p.panels, p.bias ? p.bias : vaei_layer_param(l, r, 1), vaei_layer_epilogue(l, r->training),
                   y, p.workspace);
}
