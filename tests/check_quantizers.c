/* SPDX-License-Identifier: MIT
 * check_quantizers.c - tests each latent of codes against its definition, the search for the nearest code, and the terms and revivals that
 * keep a codebook in use. check_quantizer_parity.c compares with another program. */
#include "guarded.h"
#include "quantizer_rig.h"

#include "kernel/nearest.h"
#include "vae/codes/codebook.h"

static const vaei_shape image = {3, {2, 3, 6}};
static const vaei_shape pair = {1, {2}};

/* ---- the nearest code --------------------------------------------------------------------------------------------- */

START_TEST(test_the_nearest_code_is_found_on_every_instruction_set) {
    static const int64_t sizes[][3] = {{1, 1, 2}, {5, 3, 7}, {97, 16, 33}, {200, 30, 130}, {13, 300, 70}, {0, 4, 4}};
    vaei_heap heap;
    vaei_heap_init_default(&heap);
    for (size_t c = 0; c < VAEI_COUNT(sizes); c++) {
        const int64_t M = sizes[c][0], D = sizes[c][1], K = sizes[c][2], ld = D + 3;
        float *x = spread(M * ld + 1, 1, 1), *e = spread(K * D, 2, 1);
        int32_t first[256], index[512];
        for (int32_t isa = 1; isa <= 4; isa++) {
            const vaei_kernels *k = vaei_kernels_select(isa, 0);
            if (!k) continue;
            for (int32_t threads = 1; threads < 4; threads += 2) {
                vaei_pool *pool;
                float *packed = malloc((size_t)vaei_nearest_floats(k, K, D) * sizeof(float));
                ck_assert_int_eq(vaei_pool_create(&pool, &heap, threads, NULL, NULL), VAE_OK);
                vaei_nearest_pack(k, K, D, e, VAEI_NEAREST_DISTANCE, packed);
                vaei_nearest(k, pool, M, D, x, ld, K, packed, index, 2);
                for (int64_t i = 0; i < M; i++) {
                    double best = HUGE_VAL, chosen = 0;
                    ck_assert(index[2 * i] >= 0 && index[2 * i] < K);
                    for (int64_t j = 0; j < K; j++) {
                        double d = 0;
                        for (int64_t t = 0; t < D; t++) d += pow((double)x[i * ld + t] - (double)e[j * D + t], 2);
                        best = fmin(best, d);
                        if (j == index[2 * i]) chosen = d;
                    }
                    ck_assert_double_le(chosen, best + 1e-5 * (1 + best));
                    if (isa == 1 && threads == 1) first[i] = index[2 * i];
                    ck_assert_int_eq(index[2 * i], first[i]);
                }
                vaei_pool_destroy(pool);
                free(packed);
            }
        }
        free(x), free(e);
    }
}
END_TEST

START_TEST(test_only_lower_numbers_are_kept) {
    const vaei_kernels *const k = vaei_kernels_select(_i, 0);
    dice d = {39};
    if (!k) return;
    for (int64_t n = 0; n < 68; n++) {
        guarded x = guarded_random(&d, n), low = guarded_random(&d, n), before = guarded_floats(n), from = guarded_floats(n);
        int32_t *const tag = (int32_t *)(void *)from.at;
        for (int64_t i = 0; i < n; i++) {
            if (i % 5 == 0) x.at[i] = low.at[i];
            if (i % 7 == 0) x.at[i] = NAN;
            if (i % 11 == 0) low.at[i] = HUGE_VALF;
            tag[i] = (int32_t)-i;
            before.at[i] = low.at[i];
        }
        k->keep_lower(n, x.at, 0x12345678, low.at, tag);
        for (int64_t i = 0; i < n; i++) {
            const int32_t less = x.at[i] < before.at[i];
            const float want = less ? x.at[i] : before.at[i];
            ck_assert_msg(memcmp(low.at + i, &want, sizeof want) == 0 && tag[i] == (less ? 0x12345678 : (int32_t)-i),
                          "%s: %d numbers, element %d", k->name, (int)n, (int)i);
        }
        guarded_free(&x);
        guarded_free(&low);
        guarded_free(&before);
        guarded_free(&from);
    }
}
END_TEST

START_TEST(test_ties_go_to_the_lowest_code) {
    const vaei_kernels *k = vaei_kernels_select(0, 0);
    enum { K = 150, D = 5 };
    float e[K * D], packed[8192], x[3 * D];
    int32_t index[3];
    fill(e, K * D, 1);
    fill(x, 3 * D, 2);
    memcpy(e + 149 * D, x, D * sizeof(float)); /* exact hits, each several times, in other panels and columns */
    memcpy(e + 70 * D, x, D * sizeof(float));
    memcpy(e + 39 * D, x, D * sizeof(float));
    memcpy(e + 2 * D, x + D, D * sizeof(float));
    memcpy(e + 1 * D, x + D, D * sizeof(float));
    x[2 * D] = NAN;
    ck_assert_int_le(vaei_nearest_floats(k, K, D), 8192);
    vaei_nearest_pack(k, K, D, e, VAEI_NEAREST_DISTANCE, packed);
    vaei_nearest(k, NULL, 3, D, x, D, K, packed, index, 1);
    ck_assert_int_eq(index[0], 39);
    ck_assert_int_eq(index[1], 1);
    ck_assert_int_eq(index[2], 0);
}
END_TEST

/* ---- gradients against their definitions -------------------------------------------------------------------------- */

#define N 4
#define H (N * 36)

START_TEST(test_straight_through_hands_the_gradient_on) {
    static const char *const texts[] = {"vq codes=8 commitment=0", "rvq codes=8 quantizers=3 commitment=0",
                                        "rvq codes=8 quantizers=3 commitment=0 cosine=true", "simvq codes=8 commitment=0"};
    rig g;
    rig_open(&g, texts[_i], image, N, 1);
    float *h = spread(H, 1, 1), *dz = spread(H, 2, 1);
    (void)forward(&g, h);
    backward(&g, h, dz);
    ck_assert_mem_eq(g.dh, dz, H * sizeof(float));
    rig_close(&g);
    free(h), free(dz);
}
END_TEST

/* z = s R x with the factor and the rotation of this x held: a linear map, whose matrix is built here by reflections in double. */
START_TEST(test_rotation_is_the_rotation_that_takes_a_vector_to_its_code) {
    rig g;
    enum { D = 6 };
    rig_open(&g, "vq codes=8 commitment=0 gradient=rotation", image, N, 1);
    float *h = spread(H, 1, 1), *dz = spread(H, 2, 1);
    (void)forward(&g, h);
    backward(&g, h, dz);
    for (int64_t row = 0; row < H / D; row++) {
        const float *x = h + row * D, *q = g.z + row * D, *y = dz + row * D;
        double u[D], v[D], w[D], a = 0, b = 0, m = 0, map[D][D], moved[D] = {0};
        for (int i = 0; i < D; i++) a += (double)x[i] * (double)x[i], b += (double)q[i] * (double)q[i];
        a = sqrt(a), b = sqrt(b);
        for (int i = 0; i < D; i++) u[i] = (double)x[i] / a, v[i] = (double)q[i] / b, m += pow(u[i] + v[i], 2);
        for (int i = 0; i < D; i++) w[i] = (u[i] + v[i]) / sqrt(m);
        for (int i = 0; i < D; i++)
            for (int j = 0; j < D; j++) map[i][j] = b / a * ((i == j) - 2 * w[i] * w[j] + 2 * v[i] * u[j]);
        for (int i = 0; i < D; i++)
            for (int j = 0; j < D; j++) moved[i] += map[i][j] * (double)x[j];
        for (int i = 0; i < D; i++) ck_assert_double_eq_tol(moved[i], (double)q[i], 1e-6);
        for (int j = 0; j < D; j++) {
            double back = 0;
            for (int i = 0; i < D; i++) back += map[i][j] * (double)y[i];
            ck_assert_double_eq_tol((double)g.dh[row * D + j], back, 1e-5 * (1 + fabs(back)));
        }
    }
    rig_close(&g);
    free(h), free(dz);
}
END_TEST

/* The terms of the loss that are functions of h and of the parameters as they stand: their gradients by differences. */
static const char *const terms[] = {
    "vq codes=8 scale=0.7",
    "vq codes=8 learn=gradient dim=3",
    "vq codes=8 learn=gradient heads=2 dim=2 orthogonal=3",
    "vq codes=8 cosine=true",
    "vq codes=6 diversity=2",
    "vq codes=6 diversity=0.05 cosine=true dim=4",
    "rvq codes=5 quantizers=3 dim=4",
    "rvq codes=5 quantizers=3 learn=gradient",
    "rvq codes=5 quantizers=2 learn=gradient shared=true dim=4",
    "rvq codes=5 quantizers=3 cosine=true",
    "rvq codes=5 quantizers=2 cosine=true shared=true",
    "lfq codes=16 heads=2 inverse_temperature=1.5 commitment=0.3",
    "lfq codes=64 inverse_temperature=2 spherical=true codebook_scale=1.5 commitment=0.3 diversity=0.4",
    "simvq codes=8 scale=0.7",
    "simvq codes=16 heads=2 scale=0.2",
};

static void check_slope(rig *g, const float *h, float *at, double analytic, const char *what, int64_t i) {
    const float kept = *at, step = 1.0f / 4096;
    *at = kept + step;
    const double up = forward(g, h);
    *at = kept - step;
    const double down = forward(g, h), slope = (up - down) / (2 * (double)step);
    *at = kept;
    ck_assert_msg(fabs(slope - analytic) <= 4e-3 * (1 + fabs(slope)), "%s[%d]: %g, differences %g", what, (int)i, analytic, slope);
}

/* What moves a vector commits it; what moves a code is the codebook's term, which sees the vector as constant. Where both are there the
 * whole difference is (1 + commit) |x - e|^2, of which each has its own part. */
START_TEST(test_the_terms_gradients_agree_with_differences) {
    rig g;
    rig_open(&g, terms[_i], image, N, 2);
    float *h = spread(H, 1, 1), *zero = calloc(H, sizeof(float));
    const vaei_param *codebook = g.table.count > 0 ? g.table.at[0] : NULL;
    if (strstr(terms[_i], "simvq")) codebook = param_of(&g, "transform.weight");
    const int by_gradient = strstr(terms[_i], "learn=gradient") || strstr(terms[_i], "simvq");
    const int many = strstr(terms[_i], "rvq") && by_gradient;
    const double commit_share = by_gradient ? 0.25 / 1.25 : 1, code_share = 1 / 1.25;
    (void)forward(&g, h);
    backward(&g, h, zero);
    for (int64_t i = 0; i < H; i += 5) {
        const double analytic = (double)g.dh[i] / commit_share;
        check_slope(&g, h, h + i, analytic, "h", i);
    }
    /* residual stages see the codes of the stages before as constants, and the orthogonal term has its own share: plain codebooks only */
    for (int64_t i = 0; by_gradient && !many && !strstr(terms[_i], "orthogonal") && i < codebook->count; i += 3)
        check_slope(&g, h, g.params + codebook->offset + i, (double)g.grads[codebook->offset + i] / code_share, codebook->name, i);
    rig_close(&g);
    free(h), free(zero);
}
END_TEST

START_TEST(test_fsq_gradient_is_that_of_the_value_before_rounding) {
    static const char *const texts[] = {"fsq levels=7x5x3 heads=2", "fsq levels=8x4x4 heads=2 variant=vqp",
                                        "fsq levels=2x5x4 heads=2 variant=symmetric", "fsq levels=7x4x3x6x3x5",
                                        "fsq levels=4x3x5x3x4x3 variant=vqp"};
    static const int levels[5][6] = {{7, 5, 3, 7, 5, 3}, {8, 4, 4, 8, 4, 4}, {2, 5, 4, 2, 5, 4}, {7, 4, 3, 6, 3, 5}, {4, 3, 5, 3, 4, 3}};
    const int jax = _i == 0 || _i == 3;
    rig g;
    rig_open(&g, texts[_i], image, N, 2);
    float *h = spread(H, 1, 2), *dz = spread(H, 2, 1);
    (void)forward(&g, h);
    backward(&g, h, dz);
    for (int64_t i = 0; i < H; i++) {
        const int L = levels[_i][i % 6];
        const double half = (L - 1) * (jax ? 0.999 : 1.001) / 2, o = L % 2 ? 0 : 0.5, x = (double)h[i];
        const double shift = jax ? tan(o / half) : atanh(o / half), width = L / 2;
        const double t = tanh(_i == 2 ? x : x + shift);
        const double value = _i == 2 ? 2.0 / (L - 1) * floor((L - 1) * (t + 1) / 2 + 0.5) - 1 : nearbyint(t * half - o) / width;
        const double slope = (_i == 2 ? 1 : half / width) * (1 - t * t);
        ck_assert_double_eq_tol((double)g.z[i], value, 1e-6);
        ck_assert_double_eq_tol((double)g.dh[i], (double)dz[i] * slope, 1e-5);
    }
    rig_close(&g);
    free(h), free(dz);
}
END_TEST

/* Every code decodes to a vector whose code it is. */
START_TEST(test_every_code_comes_back) {
    static const char *const texts[] = {"vq codes=24",
                                        "vq codes=7 cosine=true",
                                        "lfq codes=32",
                                        "lfq codes=64 spherical=true",
                                        "fsq levels=4x3x2x2 variant=symmetric",
                                        "fsq levels=2x3x2x4x2x2x3x2 variant=symmetric",
                                        "simvq codes=24"};
    static const int64_t width[] = {6, 3, 5, 6, 4, 8, 6};
    rig g;
    rig_open(&g, texts[_i], (vaei_shape){1, {width[_i]}}, 1, 1);
    for (int32_t code = 0; code < g.q.codebook_size; code++) {
        vaei_run r = g.run;
        r.training = 0;
        if (g.q.ops->pack) g.q.ops->pack(&g.q, &r, g.slot.pack);
        g.q.ops->decode_codes(&g.q, &r, &g.slot, &code, g.z);
        for (int64_t d = 0; strstr(texts[_i], "fsq") && d < width[_i]; d++) g.z[d] = atanhf(0.97f * g.z[d]); /* what rounds to it */
        int32_t *back = codes_of(&g, g.z);
        ck_assert_int_eq(back[0], code);
        free(back);
    }
    rig_close(&g);
}
END_TEST

START_TEST(test_fsq_codes_count_the_first_value_fastest) {
    rig g;
    rig_open(&g, "fsq levels=4x3x5", (vaei_shape){1, {3}}, 1, 1);
    g.run.training = 0;
    for (int32_t code = 0; code < 60; code++) {
        const float wanted[3] = {(float)(code % 4 - 2) / 2, (float)(code / 4 % 3 - 1), (float)(code / 12 - 2) / 2};
        g.q.ops->decode_codes(&g.q, &g.run, &g.slot, &code, g.z);
        for (int d = 0; d < 3; d++) ck_assert_float_eq(g.z[d], wanted[d]);
    }
    rig_close(&g);
}
END_TEST

/* ---- simvq -------------------------------------------------------------------------------------------------------- */

/* One step down the gradient moves every code, also those that no vector chose, and the table they are made of not at all. */
START_TEST(test_simvq_moves_all_codes_and_not_the_table) {
    rig g;
    vaei_code_stats stats;
    int32_t codes[N * 6];
    rig_open(&g, "simvq codes=24", image, N, 1);
    float *h = spread(H, 1, 1), *zero = calloc(H, sizeof(float)), before[H];
    double squares = 0;
    for (int i = 0; i < H; i++) squares += pow((double)value_of(&g, "codebook")[i], 2);
    ck_assert_double_eq_tol(squares / 24, 1, 0.3); /* N(0, 1 / D) */
    ck_assert(!(param_of(&g, "codebook")->flags & VAEI_PARAM_TRAINED));
    (void)forward(&g, h);
    backward(&g, h, zero);
    g.q.ops->measure(&g.q, &g.run, &g.slot, &stats);
    ck_assert_double_lt(stats.used, 1);
    g.run.training = 0;
    for (int32_t i = 0; i < N * 6; i++) codes[i] = i; /* each of the 24 */
    g.q.ops->pack(&g.q, &g.run, g.slot.pack);
    g.q.ops->decode_codes(&g.q, &g.run, &g.slot, codes, before);
    for (int64_t i = 0; i < g.table.n_trainable; i++) g.params[i] -= 0.1f * g.grads[i];
    g.q.ops->pack(&g.q, &g.run, g.slot.pack);
    g.q.ops->decode_codes(&g.q, &g.run, &g.slot, codes, g.z);
    for (int i = 0; i < H; i++) ck_assert_float_ne(g.z[i], before[i]);
    rig_close(&g);
    free(h), free(zero);
}
END_TEST

/* ---- gumbel ------------------------------------------------------------------------------------------------------- */

/* One pass with the same draw: sum(z dz) + sum(kl dkl). */
static double gumbel_value(rig *g, const float *h, const float *dz, const float *dkl) {
    double sum = 0;
    (void)forward(g, h);
    for (int64_t i = 0; i < g->run.n * vaei_shape_size(&g->q.z); i++)
        sum += (double)dz[i] * (double)g->z[i] + (double)dkl[i] * (double)g->kl[i];
    return sum;
}

START_TEST(test_gumbel_gradients_agree_with_differences) {
    rig g;
    rig_open(&g, "gumbel codes=5 dim=4 hard=false temperature=0.8", image, N, 2);
    const int64_t Z = N * vaei_shape_size(&g.q.z);
    float *h = spread(H, 1, 1), *dz = spread(Z, 2, 1), *dkl = filled(Z, 9);
    (void)forward(&g, h);
    backward(&g, h, dz);
    float *const at[] = {h, g.params}, *const analytic[] = {g.dh, g.grads};
    const int64_t count[] = {H, g.table.n_trainable};
    for (int part = 0; part < 2; part++) {
        for (int64_t i = 0; i < count[part]; i += 3) {
            const float kept = at[part][i], step = 1.0f / 256;
            at[part][i] = kept + step;
            const double up = gumbel_value(&g, h, dz, dkl);
            at[part][i] = kept - step;
            const double slope = (up - gumbel_value(&g, h, dz, dkl)) / (2 * (double)step);
            at[part][i] = kept;
            ck_assert_double_eq_tol((double)analytic[part][i], slope, 2e-3 * (1 + fabs(slope)));
        }
    }
    rig_close(&g);
    free(h), free(dz), free(dkl);
}
END_TEST

START_TEST(test_gumbel_draws_codes_by_their_probability) {
    enum { M = 3000 };
    rig g;
    float *h = calloc(M, sizeof(float));
    int64_t first = 0;
    rig_open(&g, "gumbel codes=2 temperature=3", (vaei_shape){1, {1}}, M, 2);
    value_of(&g, "logits.bias")[0] = (float)log(4); /* 4 : 1 */
    value_of(&g, "logits.bias")[1] = 0;
    (void)forward(&g, h);
    for (int64_t i = 0; i < M; i++) first += fabsf(g.z[i] - value_of(&g, "codebook")[0]) < 1e-6f;
    ck_assert_double_eq_tol((double)first / M, 0.8, 0.02);
    ck_assert_double_eq_tol((double)g.kl[0], log(2) + 0.8 * log(0.8) + 0.2 * log(0.2), 1e-5);
    rig_close(&g);
    free(h);
}
END_TEST

/* ---- averages ----------------------------------------------------------------------------------------------------- */

static double distance(const float *a, const float *b, int64_t D) {
    double sum = 0;
    for (int64_t d = 0; d < D; d++) sum += pow((double)a[d] - (double)b[d], 2);
    return sqrt(sum);
}

START_TEST(test_vq_codes_move_to_their_vectors_and_unused_codes_keep_their_place) {
    rig g;
    const float h[8] = {1, 1, 1.5f, 1, -1, -1, 1, 1.5f};
    const float start[6] = {1, 0, 5, 5, -1, 0};
    rig_open(&g, "vq codes=3 decay=0.5 eps=1e-8", pair, 4, 1);
    memcpy(value_of(&g, "codebook"), start, sizeof start);
    for (int step = 0; step < 30; step++) {
        (void)forward(&g, h);
        commit(&g);
        const float *e = value_of(&g, "codebook");
        ck_assert_float_eq_tol(e[0], 3.5f / 3, 1e-5f); /* debiased: the first batch counts in full */
        ck_assert_float_eq_tol(e[1], 3.5f / 3, 1e-5f);
        ck_assert_float_eq_tol(e[4], -1, 1e-5f);
        ck_assert_mem_eq(e + 2, start + 2, 2 * sizeof(float));
    }
    vaei_code_stats stats;
    g.q.ops->measure(&g.q, &g.run, &g.slot, &stats);
    ck_assert_double_eq_tol(stats.perplexity, exp(-0.75 * log(0.75) - 0.25 * log(0.25)), 1e-9);
    ck_assert_double_eq_tol(stats.used, 2.0 / 3, 1e-9);
    ck_assert_double_eq_tol(stats.dead, 1, 1e-9);
    rig_close(&g);
}
END_TEST

START_TEST(test_frozen_codes_stay) {
    rig g;
    rig_open(&g, "vq codes=8 freeze=true revive=5 start=kmeans", image, N, 1);
    float *h = spread(H, 1, 1), *before = malloc((size_t)g.table.n_floats * sizeof(float));
    memcpy(before, g.params, (size_t)g.table.n_floats * sizeof(float));
    (void)forward(&g, h);
    commit(&g);
    ck_assert_mem_eq(before, g.params, (size_t)g.table.n_floats * sizeof(float));
    rig_close(&g);
    free(h), free(before);
}
END_TEST

/* All codes far away but one: without revival one code serves all; with it the rest come back, and stay. */
START_TEST(test_a_collapsed_codebook_is_revived) {
    static const char *const texts[] = {"vq codes=8 revive=0.5", "vq codes=8 revive=0.5 debias=false", "vq codes=8 cosine=true revive=0.5",
                                        "rvq codes=8 quantizers=2 revive=0.5"};
    rig g;
    rig_open(&g, texts[_i], image, N, 1);
    float *h = spread(H, 1, 1), *e = value_of(&g, "codebook");
    vaei_code_stats stats;
    for (int64_t i = 6; i < 48; i++) e[i] = strstr(texts[_i], "cosine") ? e[i % 6] : 1000;
    (void)forward(&g, h);
    g.q.ops->measure(&g.q, &g.run, &g.slot, &stats);
    const double before = stats.error;
    for (int step = 0; step < 120; step++) { /* without debiasing a count of 1 takes 69 to fall below the threshold */
        (void)forward(&g, h);
        commit(&g);
    }
    (void)forward(&g, h);
    g.q.ops->measure(&g.q, &g.run, &g.slot, &stats);
    ck_assert_double_ge(stats.used, 0.99);
    ck_assert_double_lt(stats.error, 0.8 * before);
    ck_assert_double_lt(stats.dead, 0.5);
    for (int64_t i = 0; i < 48; i++) ck_assert(fabsf(e[i]) <= 1.001f);
    rig_close(&g);
    free(h);
}
END_TEST

/* The threshold is one vector a batch: what rounding does to the averages must not push the second code below it. */
START_TEST(test_a_code_that_gets_as_many_vectors_as_revival_wants_lives) {
    static const char *const texts[] = {"vq codes=2 revive=1", "vq codes=2 revive=1 decay=0.9", "vq codes=2 revive=1 debias=false"};
    const float h[8] = {-4, 0, -4, 0, -4, 0, 4, 0};
    const float start[4] = {-3, 0, 3, 0};
    rig g;
    rig_open(&g, texts[_i], pair, 4, 1);
    memcpy(value_of(&g, "codebook"), start, sizeof start);
    for (int step = 0; step < 500; step++) {
        (void)forward(&g, h);
        commit(&g);
        ck_assert_float_eq(value_of(&g, "ema_count")[1], 1);
        ck_assert_float_gt(value_of(&g, "codebook")[2], 2.9f);
    }
    rig_close(&g);
}
END_TEST

START_TEST(test_revival_draws_vectors_evenly_and_none_twice) {
    enum { P = 40, K = 10, TRIALS = 4000 };
    float x[P], count[K], sum[K], codes[K];
    int32_t times[P] = {0};
    const vaei_averages a = {.count = count, .sum = sum};
    vaei_vectors v = {P, 1, 1, 1, x, NULL};
    for (int p = 0; p < P; p++) x[p] = (float)p;
    for (uint64_t trial = 0; trial < TRIALS; trial++) {
        const vaei_noise_key key = {5, trial, VAEI_STREAM_REVIVAL};
        for (int i = 0; i < K; i++) count[i] = i == 3 ? 2 : 0.5f;
        codes[3] = -1;
        for (int i = 0; i < K; i++) sum[i] = -7;
        vaei_averages_revive(&a, vaei_kernels_select(0, 0), K, &v, 1, key, 0, 0, 0, codes);
        ck_assert_float_eq(codes[3], -1);
        for (int i = 0; i < K; i++) {
            ck_assert_float_eq(count[i], i == 3 ? 2 : 1);
            ck_assert_float_eq(sum[i], i == 3 ? -7 : codes[i]); /* else the next step's average undoes the revival */
            if (i == 3) continue;
            times[(int)codes[i]]++;
            for (int j = 0; j < i; j++) ck_assert_each(codes[i] != codes[j]);
        }
    }
    for (int p = 0; p < P; p++) ck_assert_double_eq_tol(times[p], TRIALS * 9.0 / P, 5 * sqrt(TRIALS * 9.0 / P * (1 - 9.0 / P)));
    v.P = 4; /* fewer than there are dead: as many as there are */
    memset(count, 0, sizeof count);
    vaei_averages_revive(&a, vaei_kernels_select(0, 0), K, &v, 1, (vaei_noise_key){0, 0, VAEI_STREAM_REVIVAL}, 0, 0, 0, codes);
    for (int i = 0; i < K; i++) ck_assert_float_eq(count[i], i < 4 ? 1 : 0);
}
END_TEST

START_TEST(test_kmeans_finds_the_clusters) {
    enum { K = 5, EACH = 12, M = K * EACH };
    static const float centre[K][2] = {{4, 4}, {-4, 4}, {4, -4}, {-4, -4}, {0, 0}};
    rig g;
    float *h = spread(M * 2, 1, 0.5f);
    for (int i = 0; i < M; i++)
        for (int d = 0; d < 2; d++) h[2 * i + d] += centre[i % K][d];
    rig_open(&g, "vq codes=5 start=kmeans", pair, M, 2);
    const vaei_param *p = param_of(&g, "codebook");
    float *kept = malloc((size_t)p->count * sizeof(float));
    memcpy(kept, g.params + p->offset, (size_t)p->count * sizeof(float));
    (void)forward(&g, h);
    ck_assert_mem_eq(kept, g.params + p->offset, (size_t)p->count * sizeof(float)); /* not yet */
    commit(&g);
    for (int c = 0; c < K; c++) {
        double nearest = HUGE_VAL;
        for (int k = 0; k < K; k++) nearest = fmin(nearest, distance(value_of(&g, "codebook") + 2 * k, centre[c], 2));
        ck_assert_double_lt(nearest, 0.3);
    }
    ck_assert_float_eq(value_of(&g, "batches")[0], 1);
    rig_close(&g);
    free(h), free(kept);
}
END_TEST

START_TEST(test_kmeans_of_equal_vectors_is_sound) {
    rig g;
    float h[8 * 2];
    for (int i = 0; i < 16; i++) h[i] = 0.25f;
    rig_open(&g, "vq codes=8 start=kmeans revive=1", pair, 8, 1);
    for (int step = 0; step < 3; step++) {
        (void)forward(&g, h);
        commit(&g);
    }
    for (int i = 0; i < 16; i++) ck_assert_float_eq_tol(value_of(&g, "codebook")[i], 0.25f, 1e-4f);
    rig_close(&g);
}
END_TEST

/* Codes at distances 0 and ln 3 of a vector: the nearer is drawn 3 times in 4. */
START_TEST(test_codes_are_drawn_by_their_distance) {
    enum { M = 4000 };
    rig g;
    const vaei_shape one = {1, {1}};
    float *h = calloc(M, sizeof(float));
    rig_open(&g, "vq codes=2 temperature=1 freeze=true", one, M, 2);
    value_of(&g, "codebook")[0] = 0;
    value_of(&g, "codebook")[1] = (float)log(3);
    (void)forward(&g, h);
    int64_t near = 0;
    for (int64_t i = 0; i < M; i++) near += g.z[i] < 0.5f;
    ck_assert_double_eq_tol((double)near / M, 0.75, 0.02);
    rig_close(&g);
    free(h);
}
END_TEST

START_TEST(test_dropped_quantizers_add_nothing) {
    rig g;
    int seen[4] = {0};
    rig_open(&g, "rvq codes=4 quantizers=3 dropout=true freeze=true commitment=1", pair, 2, 1);
    const float h[4] = {0.3f, -0.2f, 0.9f, 0.4f};
    const float *e = value_of(&g, "codebook");
    for (int step = 0; step < 40; step++) {
        (void)forward(&g, h);
        float rest[2] = {h[0], h[1]};
        int stages = 0;
        while (stages < 3 && (fabsf(h[0] - rest[0] - g.z[0]) > 1e-6f || fabsf(h[1] - rest[1] - g.z[1]) > 1e-6f || stages == 0)) {
            int best = 0;
            for (int k = 1; k < 4; k++)
                if (distance(rest, e + (stages * 4 + k) * 2, 2) < distance(rest, e + (stages * 4 + best) * 2, 2)) best = k;
            rest[0] -= e[(stages * 4 + best) * 2];
            rest[1] -= e[(stages * 4 + best) * 2 + 1];
            stages++;
        }
        seen[stages]++;
        commit(&g);
    }
    ck_assert(seen[1] > 3 && seen[2] > 3 && seen[3] > 3);
    rig_close(&g);
}
END_TEST

Suite *suite_quantizers(void);
Suite *suite_quantizers(void) {
    Suite *s = suite_create("quantizers");
    TCase *t = tcase_create("quantizers");
    tcase_add_test(t, test_the_nearest_code_is_found_on_every_instruction_set);
    tcase_add_loop_test(t, test_only_lower_numbers_are_kept, ISA_FIRST, ISA_END);
    tcase_add_test(t, test_ties_go_to_the_lowest_code);
    tcase_add_loop_test(t, test_straight_through_hands_the_gradient_on, 0, 4);
    tcase_add_test(t, test_rotation_is_the_rotation_that_takes_a_vector_to_its_code);
    tcase_add_loop_test(t, test_the_terms_gradients_agree_with_differences, 0, (int)VAEI_COUNT(terms));
    tcase_add_loop_test(t, test_fsq_gradient_is_that_of_the_value_before_rounding, 0, 5);
    tcase_add_loop_test(t, test_every_code_comes_back, 0, 7);
    tcase_add_test(t, test_fsq_codes_count_the_first_value_fastest);
    tcase_add_test(t, test_simvq_moves_all_codes_and_not_the_table);
    tcase_add_test(t, test_gumbel_gradients_agree_with_differences);
    tcase_add_test(t, test_gumbel_draws_codes_by_their_probability);
    tcase_add_test(t, test_vq_codes_move_to_their_vectors_and_unused_codes_keep_their_place);
    tcase_add_test(t, test_frozen_codes_stay);
    tcase_add_loop_test(t, test_a_collapsed_codebook_is_revived, 0, 4);
    tcase_add_loop_test(t, test_a_code_that_gets_as_many_vectors_as_revival_wants_lives, 0, 3);
    tcase_add_test(t, test_revival_draws_vectors_evenly_and_none_twice);
    tcase_add_test(t, test_kmeans_finds_the_clusters);
    tcase_add_test(t, test_kmeans_of_equal_vectors_is_sound);
    tcase_add_test(t, test_codes_are_drawn_by_their_distance);
    tcase_add_test(t, test_dropped_quantizers_add_nothing);
    suite_add_tcase(s, t);
    return s;
}
