/* SPDX-License-Identifier: MIT
 * check_winograd_tiles.c - tests each transform of tiles separately: every table against matrices in double made from their
 * definition in conv_winograd.c, and bit for bit against the portable table; every number of taps, tile and count of
 * channels, at odd strides, between guards. Memory for which a tile has no value does not change. */
#include "guarded.h"

enum { TAPS = 3, SIZE = 4, SPAN = SIZE + TAPS - 1, CHANNELS = 68 };

/* Of the sum of the terms' magnitudes: at most eight roundings each way, of terms up to twice as large */
#define BOUND 0x1p-20

static const double points[] = {0, 0.625, -0.625, 1.5, -1.5};

/* One axis: number r of the result is that of point[r] */
typedef struct matrix {
    int64_t rows, columns, point[SPAN];
    double at[SPAN][SPAN];
} matrix;

static matrix matrix_of(int64_t taps, int64_t size, int64_t columns) {
    matrix m = {.rows = size + taps - 1, .columns = columns};
    for (int64_t r = 0; r < m.rows; r++) m.point[r] = taps > 1 && r == m.rows - 1 ? taps + 2 : r;
    for (int64_t r = 0; taps == 1 && r < m.rows; r++) m.at[r][r] = 1;
    return m;
}

/* B': the coefficients of the product of x - q over the points but p, times p - q over those left out; at infinity of all */
static matrix spread(int64_t taps, int64_t size) {
    matrix m = matrix_of(taps, size, size + taps - 1);
    const int64_t used = m.rows - 1;
    for (int64_t p = 0; taps > 1 && p <= used; p++) {
        m.at[p][0] = 1;
        for (int64_t q = 0; q < used; q++) {
            for (int64_t i = m.columns - 1; q != p && i >= 0; i--) { m.at[p][i] = (i > 0 ? m.at[p][i - 1] : 0) - points[q] * m.at[p][i]; }
        }
        for (int64_t q = used; p < used && q < taps + 2; q++) {
            for (int64_t i = 0; i < m.columns; i++) m.at[p][i] *= points[p] - points[q];
        }
    }
    return m;
}

/* A: the powers of the points; at infinity 1 for the last */
static matrix scatter(int64_t taps, int64_t size) {
    matrix m = matrix_of(taps, size, size);
    for (int64_t p = 0; taps > 1 && p < m.rows - 1; p++) {
        m.at[p][0] = 1;
        for (int64_t i = 1; i < size; i++) m.at[p][i] = m.at[p][i - 1] * points[p];
    }
    if (taps > 1) m.at[m.rows - 1][size - 1] = 1;
    return m;
}

/* A' */
static matrix gather(int64_t taps, int64_t size) {
    const matrix a = scatter(taps, size);
    matrix m = {.rows = a.columns, .columns = a.rows};
    for (int64_t r = 0; r < m.rows; r++) {
        m.point[r] = r;
        for (int64_t i = 0; i < m.columns; i++) m.at[r][i] = a.at[i][r];
    }
    return m;
}

/* Numbers [line][step][channel], a guard behind the last */
typedef struct cube {
    float *at;
    int64_t count, line, step;
} cube;

/* Room for the largest of them */
enum { ROOM = SPAN * (SPAN * (CHANNELS + 3) + 5) };
typedef struct rooms {
    guarded from, to, add, bias;
} rooms;

static float *end_of(const guarded *room, dice *d, int64_t count) {
    float *const at = room->at + room->count - count;
    dice_fill(d, count, at);
    return at;
}

static float *place(const cube *c, float *at, int64_t line, int64_t step) {
    return at + line * c->line + step * c->step;
}

/* One call: its tile, its arrays */
typedef struct call {
    vaei_winograd_tile tile;
    matrix left, right;
    int64_t channels;
    cube from, to; /* from: by number where the call takes pointers or pixels, by point where it takes points */
    const float *bias, *add;
} call;

typedef void run(const vaei_kernels *k, const call *c, float *to);

/* Number i, j of what is transformed: of an output the matrices are those of another axis, whose points it reads. */
static double number(const call *c, const matrix *y, const matrix *x, int64_t i, int64_t j, int64_t channel) {
    return (double)place(&c->from, c->from.at, y->point[i], x->point[j])[channel];
}

/* Checks speak up on failure only: Check writes down each assertion made. */
static void check_call(const vaei_kernels *k, const char *what, const call *c, const matrix *y, const matrix *x, run *f) {
    const size_t bytes = (size_t)c->to.count * sizeof(float);
    float *const before = malloc(bytes + 1), *const want = malloc(bytes + 1);
    memcpy(before, c->to.at, bytes);
    memcpy(want, c->to.at, bytes);
    f(vaei_kernels_select(ISA_FIRST, 0), c, want);
    f(k, c, c->to.at);
    if (memcmp(want, c->to.at, bytes) != 0)
        ck_abort_msg("%s: %s differs from the portable one, %d channels", k->name, what, (int)c->channels);
    for (int64_t r = 0; r < c->left.rows; r++) {
        for (int64_t s = 0; s < c->right.rows; s++) {
            float *const got = place(&c->to, c->to.at, c->left.point[r], c->right.point[s]);
            for (int64_t n = 0; n < c->channels; n++) {
                const double bias = c->bias ? (double)c->bias[n] : 0;
                const int64_t at = got + n - c->to.at;
                const double add = c->add == c->to.at ? (double)before[at] : c->add ? (double)c->add[at] : 0;
                double sum = bias + add, size = fabs(bias) + fabs(add);
                for (int64_t i = 0; i < c->left.columns; i++) {
                    for (int64_t j = 0; j < c->right.columns; j++) {
                        const double term = c->left.at[r][i] * c->right.at[s][j] * number(c, y, x, i, j, n);
                        sum += term;
                        size += fabs(term);
                    }
                }
                if (!(fabs((double)got[n] - sum) <= BOUND * size))
                    ck_abort_msg("%s: %s, %dx%d taps, %dx%d outputs: number %d, %d of channel %d of %d is %a, wanted %a", k->name, what,
                                 (int)c->tile.taps_y, (int)c->tile.taps_x, (int)c->tile.rows, (int)c->tile.columns, (int)r, (int)s, (int)n,
                                 (int)c->channels, (double)got[n], sum);
            }
            memcpy(got, before + (got - c->to.at), (size_t)c->channels * sizeof *got);
        }
    }
    if (memcmp(before, c->to.at, bytes) != 0) ck_abort_msg("%s: %s wrote beside its numbers", k->name, what);
    free(before);
    free(want);
}

static void run_input(const vaei_kernels *k, const call *c, float *to) {
    const float *x[SPAN * SPAN];
    for (int64_t i = 0; i < c->left.columns * c->right.columns; i++) {
        x[i] = place(&c->from, c->from.at, i / c->right.columns, i % c->right.columns);
    }
    k->winograd_input(c->channels, &c->tile, x, to, c->to.step);
}

static void run_output(const vaei_kernels *k, const call *c, float *to) {
    const float *const add = c->add == c->to.at ? to : c->add;
    k->winograd_output(c->channels, &c->tile, c->from.at, c->from.step, c->bias, add, to, c->to.line, c->to.step);
}

static void run_error(const vaei_kernels *k, const call *c, float *to) {
    k->winograd_error(c->channels, &c->tile, c->from.at, c->from.line, c->from.step, to, c->to.step);
}

static cube spots_of(const guarded *room, dice *d, const vaei_winograd_tile *tile, int64_t channels) {
    const int64_t rows = vaei_winograd_points(tile->taps_y), columns = vaei_winograd_points(tile->taps_x);
    cube c = {.count = (rows * columns - 1) * (channels + 3) + channels, .line = columns * (channels + 3), .step = channels + 3};
    c.at = end_of(room, d, c.count);
    return c;
}

static cube pixels_of(const guarded *room, dice *d, int64_t rows, int64_t columns, int64_t channels) {
    cube c = {.line = columns * (channels + 1) + 5, .step = channels + 1};
    c.count = (rows - 1) * c.line + (columns - 1) * c.step + channels;
    c.at = end_of(room, d, c.count);
    return c;
}

static void check_input(const vaei_kernels *k, const rooms *room, dice *d, const vaei_winograd_tile *tile, int64_t channels) {
    call c = {.tile = *tile, .left = spread(tile->taps_y, tile->rows), .right = spread(tile->taps_x, tile->columns), .channels = channels};
    const matrix pixels = {.point = {0, 1, 2, 3, 4, 5}};
    c.from = pixels_of(&room->from, d, c.left.columns, c.right.columns, channels);
    c.to = spots_of(&room->to, d, tile, channels);
    check_call(k, "winograd_input", &c, &pixels, &pixels, run_input);
}

/* With and without a bias; added to nothing, to itself, to another array */
static void check_output(const vaei_kernels *k, const rooms *room, dice *d, const vaei_winograd_tile *tile, int64_t channels) {
    call c = {.tile = *tile, .left = gather(tile->taps_y, tile->rows), .right = gather(tile->taps_x, tile->columns), .channels = channels};
    const matrix y = scatter(tile->taps_y, tile->rows), x = scatter(tile->taps_x, tile->columns);
    const uint32_t way = dice_next(d) >> 8;
    const float *const bias = end_of(&room->bias, d, channels);
    c.from = spots_of(&room->from, d, tile, channels);
    c.to = pixels_of(&room->to, d, tile->rows, tile->columns, channels);
    const cube add = pixels_of(&room->add, d, tile->rows, tile->columns, channels);
    c.bias = way % 2 ? bias : NULL;
    c.add = way / 2 % 3 == 0 ? NULL : way / 2 % 3 == 1 ? c.to.at : add.at;
    check_call(k, "winograd_output", &c, &y, &x, run_output);
}

static void check_error(const vaei_kernels *k, const rooms *room, dice *d, const vaei_winograd_tile *tile, int64_t channels) {
    call c = {
        .tile = *tile, .left = scatter(tile->taps_y, tile->rows), .right = scatter(tile->taps_x, tile->columns), .channels = channels};
    const matrix pixels = {.point = {0, 1, 2, 3, 4, 5}};
    c.from = pixels_of(&room->from, d, tile->rows, tile->columns, channels);
    c.to = spots_of(&room->to, d, tile, channels);
    check_call(k, "winograd_error", &c, &pixels, &pixels, run_error);
}

typedef void check(const vaei_kernels *k, const rooms *room, dice *d, const vaei_winograd_tile *tile, int64_t channels);

static void check_tiles(int isa, check *one) {
    const vaei_kernels *const k = vaei_kernels_select(isa, 0);
    dice d = {71};
    if (!k) return;
    rooms r = {guarded_floats(ROOM), guarded_floats(ROOM), guarded_floats(ROOM), guarded_floats(CHANNELS)};
    for (int64_t i = 0; i < TAPS * TAPS * SIZE * SIZE; i++) {
        const int64_t taps = i / (SIZE * SIZE), size = i % (SIZE * SIZE);
        const vaei_winograd_tile tile = {taps / TAPS + 1, taps % TAPS + 1, size / SIZE + 1, size % SIZE + 1};
        for (int64_t channels = 0; channels < CHANNELS; channels++) one(k, &r, &d, &tile, channels);
    }
    guarded_free(&r.from);
    guarded_free(&r.to);
    guarded_free(&r.add);
    guarded_free(&r.bias);
}

START_TEST(test_winograd_input_is_the_spread_of_its_pixels) {
    check_tiles(_i, check_input);
}
END_TEST

START_TEST(test_winograd_output_gathers_what_its_spots_hold) {
    check_tiles(_i, check_output);
}
END_TEST

START_TEST(test_winograd_error_scatters_its_pixels) {
    check_tiles(_i, check_error);
}
END_TEST

Suite *suite_winograd_tiles(void) {
    Suite *const s = suite_create("winograd_tiles");
    TCase *const t = tcase_create("winograd_tiles");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, test_winograd_input_is_the_spread_of_its_pixels, ISA_FIRST, ISA_END);
    tcase_add_loop_test(t, test_winograd_output_gathers_what_its_spots_hold, ISA_FIRST, ISA_END);
    tcase_add_loop_test(t, test_winograd_error_scatters_its_pixels, ISA_FIRST, ISA_END);
    suite_add_tcase(s, t);
    return s;
}
