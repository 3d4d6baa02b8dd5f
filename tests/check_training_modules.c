/* SPDX-License-Identifier: MIT
 * check_training_modules.c - tests objectives, optimizers against recurrences in double, schedules, clipping, and the recipe
 * that combines them. */
#include <check.h>
#include <math.h>
#include <stdio.h>

#include "vae/training/recipe.h"

typedef struct rig {
    vaei_heap heap;
    vaei_arena arena;
    vaei_document document;
    vaei_recipe recipe;
} rig;

static vae_status_t build(rig *g, const char *text) {
    memset(g, 0, sizeof *g);
    vaei_heap_init_default(&g->heap);
    vaei_arena_init(&g->arena, &g->heap);
    ck_assert_int_eq(vaei_document_parse(&g->document, &g->arena, text, strlen(text)), VAE_OK);
    return vaei_recipe_build(&g->recipe, &g->arena, &g->document);
}

static void rig_init(rig *g, const char *text) {
    const vae_status_t status = build(g, text);
    ck_assert_msg(status == VAE_OK, "%s: %s", text, vaei_fail_text());
}

static void rig_free(rig *g) {
    vaei_arena_free(&g->arena);
    ck_assert_uint_eq(g->heap.in_use, 0);
}

/* ---- objectives -------------------------------------------------------------------------------------------------- */

#define N 5
#define D 3

typedef struct objective_case {
    rig g;
    vaei_terms t;
    float kl[N * D], d_nll[N], d_kl[N * D];
    double nll[N];
} objective_case;

static void objective_setup(objective_case *o, const char *text) {
    rig_init(&o->g, text);
    for (int i = 0; i < N; i++) o->nll[i] = 100 + 10 * sin(i);
    for (int i = 0; i < N * D; i++) o->kl[i] = 0.2f + (float)(i % D) + 0.1f * (float)cos(i); /* near 0.2, 1.2, 2.2 */
    static const vaei_batch alike = {.total = N};
    o->t = (vaei_terms){
        .n = N, .batch = &alike, .nll = o->nll, .d_nll = o->d_nll, .levels = 1, .level = {{.dim = D, .kl = o->kl, .d_kl = o->d_kl}}};
}

static double loss(objective_case *o) {
    vaei_objective_eval(&o->g.recipe.objective, &o->t);
    return o->t.loss;
}

static const char *const objective_texts[] = {"objective elbo\n", "objective elbo beta=4\n", "objective elbo beta=0.5 free_bits=0.5\n",
                                              "objective elbo beta=0\n"};

START_TEST(test_objective_gradients) {
    objective_case o;
    objective_setup(&o, objective_texts[_i]);
    const double before = loss(&o);
    for (int i = 0; i < N * D; i++) { /* the loss is linear in each as long as no floor is crossed */
        const float kept = o.kl[i];
        o.kl[i] = kept + 0.125f;
        ck_assert_double_eq_tol((loss(&o) - before) / 0.125, o.d_kl[i], 1e-5);
        o.kl[i] = kept;
    }
    for (int i = 0; i < N; i++) {
        const double kept = o.nll[i];
        o.nll[i] = kept + 0.25;
        ck_assert_double_eq_tol((loss(&o) - before) / 0.25, o.d_nll[i], 1e-6);
        o.nll[i] = kept;
    }
    rig_free(&o.g);
}
END_TEST

START_TEST(test_elbo_terms) {
    objective_case o;
    double recon = 0, kl[D] = {0};
    objective_setup(&o, "objective elbo beta=4 free_bits=0.5\n");
    for (int i = 0; i < N; i++) recon += o.nll[i] / N;
    for (int i = 0; i < N * D; i++) kl[i % D] += (double)o.kl[i] / N;
    ck_assert(kl[0] < 0.5 && kl[1] > 0.5);
    ck_assert_double_eq_tol(loss(&o), recon + 4 * (0.5 + kl[1] + kl[2]), 1e-9);
    ck_assert_double_eq_tol(o.t.recon, recon, 1e-9);
    ck_assert_double_eq_tol(o.t.rate, kl[0] + kl[1] + kl[2], 1e-9);
    ck_assert_float_eq(o.d_kl[0], 0);
    ck_assert_float_eq_tol(o.d_kl[1], 4.0f / N, 1e-7f);
    rig_free(&o.g);
}
END_TEST

static const struct {
    const char *text;
    int64_t step;
    double beta;
} betas[] = {
    {"objective elbo beta=2 warmup=10\n", 0, 0},
    {"objective elbo beta=2 warmup=10\n", 5, 1},
    {"objective elbo beta=2 warmup=10\n", 10, 2},
    {"objective elbo beta=2 warmup=10\n", 1000000, 2},
    {"objective elbo cycle=8\n", 0, 0},
    {"objective elbo cycle=8\n", 2, 0.5},
    {"objective elbo cycle=8\n", 4, 1},
    {"objective elbo cycle=8\n", 7, 1},
    {"objective elbo cycle=8\n", 8, 0},
    {"objective elbo cycle=8 ratio=1\n", 14, 0.75},
    {"objective elbo cycle=8 warmup=20\n", 10, 0.25},
};

START_TEST(test_elbo_beta_follows_warmup_and_cycles) {
    objective_case o;
    objective_setup(&o, betas[_i].text);
    o.t.step = betas[_i].step;
    (void)loss(&o);
    ck_assert_double_eq_tol(o.t.beta, betas[_i].beta, 1e-12);
    ck_assert_double_eq_tol(o.t.loss, o.t.recon + betas[_i].beta * o.t.rate, 1e-9);
    rig_free(&o.g);
}
END_TEST

/* ---- sums of terms ------------------------------------------------------------------------------------------------ */

/* The formulas of objective_mmd.c once more, in double, from the draws that the term has made. */
static double kernel_by_hand(int rbf, const float *a, const float *b) {
    static const double widths[] = {0.1, 0.2, 0.5, 1, 2, 5, 10};
    double q = 0, value = 0;
    for (int d = 0; d < D; d++) q += ((double)a[d] - (double)b[d]) * ((double)a[d] - (double)b[d]);
    if (rbf) return exp(-q / (2.0 * D));
    for (size_t s = 0; s < sizeof widths / sizeof *widths; s++) value += 2 * D * widths[s] / (2 * D * widths[s] + q);
    return value;
}

static double mmd_by_hand(int rbf, const vaei_batch *b, const float *z, const float *p) {
    double own = 0, prior = 0, cross = 0, squares = 0;
    for (int i = 0; i < N; i++) {
        const double w = vaei_batch_weight(b, i);
        squares += w * w;
        for (int j = 0; j < N; j++) {
            if (i != j) own += w * vaei_batch_weight(b, j) * kernel_by_hand(rbf, z + i * D, z + j * D);
            if (i != j) prior += kernel_by_hand(rbf, p + i * D, p + j * D);
            cross += w * kernel_by_hand(rbf, z + i * D, p + j * D);
        }
    }
    return own / (b->total * b->total - squares) + prior / (N * (N - 1.0)) - 2 * cross / (b->total * N);
}

START_TEST(test_mmd_is_its_formula) {
    static const float weight[N] = {1, 3, 0, 0.5f, 2};
    const vaei_batch batches[2] = {{.total = N}, {.weight = weight, .total = 6.5}};
    const char *const texts[2] = {"objective elbo | mmd weight=4\n", "objective elbo | mmd kernel=rbf weight=4\n"};
    const vaei_run r = {.k = vaei_kernels_select(0, 0), .n = N, .noise = {.seed = 5}};
    for (int rbf = 0; rbf < 2; rbf++) {
        objective_case o, plain;
        float z[N * D], d_z[N * D], prior[N * D];
        double row[N];
        objective_setup(&o, texts[rbf]);
        objective_setup(&plain, "objective elbo\n");
        for (int i = 0; i < N * D; i++) z[i] = 2 * (float)cos(2 * i);
        for (int w = 0; w < 2; w++) {
            o.t.batch = plain.t.batch = &batches[w];
            o.t.r = &r, o.t.size = D, o.t.z = z, o.t.d_z = d_z, o.t.prior = prior, o.t.row = row;
            const double with = loss(&o), without = loss(&plain), want = 4 * mmd_by_hand(rbf, &batches[w], z, prior);
            ck_assert_double_eq_tol(o.t.other, want, 1e-5);
            ck_assert_double_eq_tol(with - without, want, 1e-5);
            ck_assert_double_eq(o.t.recon, plain.t.recon);
        }
        rig_free(&o.g), rig_free(&plain.g);
    }
}
END_TEST

/* The formulas of objective_beta_tc.c once more, by densities themselves. */
static double density(double z, double mean, double logvar) {
    return exp(-0.5 * (z - mean) * (z - mean) / exp(logvar)) / sqrt(2 * acos(-1) * exp(logvar));
}

static double correlation_by_hand(const vaei_batch *b, const float *z, const float *mean, const float *logvar) {
    double sum = 0;
    for (int i = 0; i < N; i++) {
        double whole = 0, margin[D] = {0};
        for (int j = 0; j < N; j++) {
            double product = vaei_batch_weight(b, j) / b->total;
            for (int d = 0; d < D; d++) {
                const double p = density((double)z[i * D + d], (double)mean[j * D + d], (double)logvar[j * D + d]);
                margin[d] += vaei_batch_weight(b, j) / b->total * p;
                product *= p;
            }
            whole += product;
        }
        double log_ratio = log(whole);
        for (int d = 0; d < D; d++) log_ratio -= log(margin[d]);
        sum += vaei_batch_weight(b, i) / b->total * log_ratio;
    }
    return sum;
}

START_TEST(test_beta_tc_is_its_formula) {
    static const float weight[N] = {1, 3, 0, 0.5f, 2};
    const vaei_batch batches[2] = {{.total = N}, {.weight = weight, .total = 6.5}};
    const vaei_run r = {.k = vaei_kernels_select(0, 0), .n = N};
    float z[N * D], d_z[N * D], prior[N * D], mean[N * D], logvar[N * D], d_mean[N * D], d_logvar[N * D], precision[N * D], pairs[N * N];
    double row[N], margin[D];
    objective_case o;
    objective_setup(&o, "objective elbo | beta_tc weight=4\n");
    o.t.r = &r, o.t.size = D, o.t.z = z, o.t.d_z = d_z, o.t.prior = prior, o.t.row = row;
    o.t.mean = mean, o.t.logvar = logvar, o.t.d_mean = d_mean, o.t.d_logvar = d_logvar;
    o.t.precision = precision, o.t.pairs = pairs, o.t.margin = margin;
    for (int equal = 0; equal < 2; equal++) {
        for (int i = 0; i < N * D; i++) {
            mean[i] = equal ? 0.5f : (float)cos(2 * i);
            logvar[i] = equal ? -0.25f : 0.4f * (float)sin(3 * i);
            z[i] = mean[i] + 0.7f * (float)sin(i);
        }
        for (int w = 0; w < 2; w++) {
            o.t.batch = &batches[w];
            (void)loss(&o);
            ck_assert_double_eq_tol(o.t.other, 4 * correlation_by_hand(&batches[w], z, mean, logvar), 1e-5);
            if (equal) ck_assert_double_eq_tol(o.t.other, 0, 1e-5); /* of one posterior alone the dimensions are independent */
        }
    }
    rig_free(&o.g);
}
END_TEST

/* On either side of the capacity the rate is pushed towards it. */
START_TEST(test_capacity_is_the_distance_of_the_rate) {
    objective_case o, plain;
    objective_setup(&o, "objective elbo beta=0 | capacity weight=3 max=200 steps=100\n");
    objective_setup(&plain, "objective elbo beta=0\n");
    for (int64_t step = 0; step <= 150; step += 50) {
        const double capacity = step < 100 ? 2 * (double)step : 200;
        o.t.step = plain.t.step = step;
        (void)loss(&plain);
        (void)loss(&o);
        ck_assert_double_eq_tol(o.t.other, 3 * fabs(plain.t.rate - capacity), 1e-4);
        ck_assert_double_eq_tol(o.t.loss, plain.t.recon + o.t.other, 1e-9);
        ck_assert(plain.t.rate > capacity ? o.t.level[0].d_kl[0] > 0 : o.t.level[0].d_kl[0] < 0);
    }
    rig_free(&o.g), rig_free(&plain.g);
}
END_TEST

START_TEST(test_sums_are_checked) {
    static const struct {
        const char *text, *says;
    } wrong[] = {
        {"objective mmd\n", "does not contain the reconstruction"},
        {"objective elbo | elbo\n", "is given twice"},
        {"objective elbo | prior\n", "prior cannot be combined"},
        {"objective elbo { mmd }\n", "no braces"},
        {"objective elbo | mdm\n", "mmd"},
    };
    rig g;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_int_eq(build(&g, wrong[i].text), VAE_E_SPEC);
        ck_assert_msg(strstr(vaei_fail_text(), wrong[i].says) != NULL, "%s: %s", wrong[i].text, vaei_fail_text());
        rig_free(&g);
    }
    rig_init(&g, "objective mmd weight=2 | elbo beta=0\n");
    ck_assert_int_eq(g.recipe.objective.n, 2);
    ck_assert(g.recipe.objective.flags & VAEI_OBJECTIVE_MEAN_NLL && g.recipe.objective.flags & VAEI_OBJECTIVE_SEES_Z);
    ck_assert_ptr_nonnull(strstr(g.recipe.text, "mmd weight=2 kernel=imq | elbo beta=0"));
    rig_free(&g);
}
END_TEST

/* ---- optimizers -------------------------------------------------------------------------------------------------- */

#define COUNT 2500
#define STEPS 10

typedef struct reference {
    const char *text;
    double lr, decay;
    void (*step)(double lr, double decay, int t, double g, double *w, double *a, double *b);
} reference;

static void plain(double lr, double decay, int t, double g, double *w, double *a, double *b) {
    (void)t;
    (void)a;
    (void)b;
    *w -= lr * (g + decay * *w);
}

static void momentum(double lr, double decay, int t, double g, double *w, double *v, double *b) {
    (void)t;
    (void)b;
    *v = 0.9 * *v + (g + decay * *w);
    *w -= lr * *v;
}

static void nesterov(double lr, double decay, int t, double g, double *w, double *v, double *b) {
    (void)t;
    (void)b;
    g += decay * *w;
    *v = 0.9 * *v + g;
    *w -= lr * (g + 0.9 * *v);
}

static void adam(double lr, double decay, int t, double g, double *w, double *m, double *v) {
    g += decay * *w;
    *m = 0.9 * *m + 0.1 * g;
    *v = 0.999 * *v + 0.001 * g * g;
    *w -= lr * (*m / (1 - pow(0.9, t))) / (sqrt(*v / (1 - pow(0.999, t))) + 1e-8);
}

static void adamw(double lr, double decay, int t, double g, double *w, double *m, double *v) {
    *w *= 1 - lr * decay;
    adam(lr, 0, t, g, w, m, v);
}

/* Two arrays at most: momentum or centered, not both. */
static void rmsprop(double lr, double decay, int t, double g, double *w, double *v, double *b) {
    (void)t;
    g += decay * *w;
    *v = 0.99 * *v + 0.01 * g * g;
    *b = 0.9 * *b + g / (sqrt(*v) + 1e-8);
    *w -= lr * *b;
}

static void rmsprop_centered(double lr, double decay, int t, double g, double *w, double *v, double *a) {
    (void)t;
    g += decay * *w;
    *v = 0.9 * *v + 0.1 * g * g;
    *a = 0.9 * *a + 0.1 * g;
    *w -= lr * g / (sqrt(*v - *a * *a) + 0.01);
}

static void adamax(double lr, double decay, int t, double g, double *w, double *m, double *u) {
    g += decay * *w;
    *m = 0.9 * *m + 0.1 * g;
    *u = fmax(0.999 * *u, fabs(g) + 1e-8);
    *w -= lr / (1 - pow(0.9, t)) * *m / *u;
}

/* With beta2=0.9 it is rectified from the sixth step on. */
static void radam(double lr, double decay, int t, double g, double *w, double *m, double *v) {
    const double most = 2 / (1 - 0.9) - 1, kept = pow(0.9, t), known = most - 2 * t * kept / (1 - kept);
    g += decay * *w;
    *m = 0.9 * *m + 0.1 * g;
    *v = 0.9 * *v + 0.1 * g * g;
    const double mean = *m / (1 - pow(0.9, t));
    if (known > 5)
        *w -= lr * mean * sqrt((known - 4) * (known - 2) * most / ((most - 4) * (most - 2) * known)) * sqrt(1 - kept) / (sqrt(*v) + 1e-8);
    else *w -= lr * mean;
}

static void lion(double lr, double decay, int t, double g, double *w, double *m, double *b) {
    const double along = 0.9 * *m + 0.1 * g;
    (void)t;
    (void)b;
    *w = *w * (1 - lr * decay) - lr * ((along > 0) - (along < 0));
    *m = 0.99 * *m + 0.01 * g;
}

static const reference references[] = {
    {"optimizer sgd lr=0.05\n", 0.05, 0, plain},
    {"optimizer sgd lr=0.05 weight_decay=0.1\n", 0.05, 0.1, plain},
    {"optimizer sgd momentum=0.9\n", 0.01, 0, momentum},
    {"optimizer sgd momentum=0.9 weight_decay=0.2\n", 0.01, 0.2, momentum},
    {"optimizer sgd momentum=0.9 nesterov=true weight_decay=0.1\n", 0.01, 0.1, nesterov},
    {"optimizer adam\n", 0.001, 0, adam},
    {"optimizer adam lr=0.01 weight_decay=0.1\n", 0.01, 0.1, adam},
    {"optimizer adamw lr=0.01\n", 0.01, 0.01, adamw},
    {"optimizer adamw lr=0.02 weight_decay=0.5\n", 0.02, 0.5, adamw},
    {"optimizer adamw lr=0.02 weight_decay=0\n", 0.02, 0, adamw},
    {"optimizer adamax lr=0.01 weight_decay=0.1\n", 0.01, 0.1, adamax},
    {"optimizer radam lr=0.01 beta2=0.9 weight_decay=0.1\n", 0.01, 0.1, radam},
    {"optimizer rmsprop momentum=0.9 weight_decay=0.1\n", 0.01, 0.1, rmsprop},
    {"optimizer rmsprop lr=0.001 alpha=0.9 centered=true eps=0.01\n", 0.001, 0, rmsprop_centered},
    {"optimizer lion lr=0.001 weight_decay=0.5\n", 0.001, 0.5, lion},
};

START_TEST(test_optimizer_follows_its_recurrence) {
    static float w[COUNT], g[COUNT], slots[2][COUNT];
    static double ref_w[COUNT], ref_slots[2][COUNT];
    float *const slot[2] = {slots[0], slots[1]};
    const reference *ref = &references[_i];
    rig r;
    rig_init(&r, ref->text);
    const vaei_optimizer_ops *o = r.recipe.optimizer;
    const void *conf = r.recipe.optimizer_conf;
    const double lr = vaei_optimizer_lr(o, conf), decay = vaei_optimizer_decay(o, conf);
    ck_assert_double_eq_tol(lr, ref->lr, 1e-8);
    ck_assert_double_eq_tol(decay, ref->decay, 1e-7);
    ck_assert_int_eq(o->slots(conf), ref->step == plain ? 0 : ref->step == momentum || ref->step == nesterov || ref->step == lion ? 1 : 2);
    memset(slots, 0, sizeof slots);
    memset(ref_slots, 0, sizeof ref_slots);
    for (int i = 0; i < COUNT; i++) w[i] = (float)(ref_w[i] = (double)(float)sin(i));
    for (int t = 1; t <= STEPS; t++) {
        for (int i = 0; i < COUNT; i++) g[i] = (float)cos(0.7 * i + t);
        for (int i = 0; i < COUNT; i++) ref->step(ref->lr, ref->decay, t, g[i], &ref_w[i], &ref_slots[0][i], &ref_slots[1][i]);
        o->step(conf, vaei_kernels_select(0, 0), COUNT, t, (float)lr, (float)decay, g, w, slot);
        for (int i = 0; i < COUNT; i++) ck_assert_double_eq_tol(w[i], ref_w[i], 3e-7 * (1 + t));
    }
    rig_free(&r);
}
END_TEST

static const char *const descents[] = {"optimizer sgd lr=0.1\n", "optimizer sgd lr=0.02 momentum=0.9 nesterov=true\n",
                                       "optimizer adam lr=0.05\n", "optimizer adamw lr=0.05 weight_decay=0.001\n"};

/* f(w) = sum_i (i + 1) (w_i - 1)^2 / 2 */
START_TEST(test_optimizer_finds_the_bottom_of_a_bowl) {
    float w[8] = {0}, g[8], slots[2][8] = {{0}};
    float *const slot[2] = {slots[0], slots[1]};
    rig r;
    rig_init(&r, descents[_i]);
    const vaei_optimizer_ops *o = r.recipe.optimizer;
    const void *conf = r.recipe.optimizer_conf;
    for (int t = 1; t <= 2000; t++) {
        for (int i = 0; i < 8; i++) g[i] = (float)(i + 1) * (w[i] - 1);
        o->step(conf, vaei_kernels_select(0, 0), 8, t, (float)vaei_optimizer_lr(o, conf), (float)vaei_optimizer_decay(o, conf), g, w, slot);
    }
    for (int i = 0; i < 8; i++) ck_assert_float_eq_tol(w[i], 1, 2e-3f);
    rig_free(&r);
}
END_TEST

/* The trainer may hand over any slices: a step has no memory of where a slice starts. */
START_TEST(test_optimizer_slices_equal_the_whole) {
    static float w[2][COUNT], g[COUNT], slots[2][2][COUNT];
    rig r;
    rig_init(&r, references[_i].text);
    const vaei_optimizer_ops *o = r.recipe.optimizer;
    const void *conf = r.recipe.optimizer_conf;
    memset(slots, 0, sizeof slots);
    for (int i = 0; i < COUNT; i++) w[0][i] = w[1][i] = (float)sin(i);
    for (int t = 1; t <= 3; t++) {
        for (int split = 0; split < 2; split++) {
            const int cut = split ? 37 : COUNT;
            for (int i = 0; i < COUNT; i++) g[i] = (float)cos(0.7 * i + t);
            for (int i = 0; i < COUNT; i += cut) {
                float *const slot[2] = {slots[split][0] + i, slots[split][1] + i};
                const int n = COUNT - i < cut ? COUNT - i : cut;
                o->step(conf, vaei_kernels_select(0, 0), n, t, (float)vaei_optimizer_lr(o, conf), (float)vaei_optimizer_decay(o, conf),
                        g + i, w[split] + i, slot);
            }
        }
    }
    ck_assert_mem_eq(w[0], w[1], sizeof w[0]);
    ck_assert_mem_eq(slots[0], slots[1], sizeof slots[0]);
    rig_free(&r);
}
END_TEST

/* ---- schedules, clipping ----------------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    int64_t t;
    double factor;
} factors[] = {
    {"schedule constant\n", 0, 1},
    {"schedule constant\n", 1000000000, 1},
    {"schedule constant warmup=4\n", 0, 0.25},
    {"schedule constant warmup=4\n", 2, 0.75},
    {"schedule constant warmup=4\n", 3, 1},
    {"schedule constant warmup=4\n", 4, 1},
    {"schedule cosine steps=100\n", 0, 1},
    {"schedule cosine steps=100\n", 25, 0.85355339059327376},
    {"schedule cosine steps=100\n", 50, 0.5},
    {"schedule cosine steps=100\n", 100, 0},
    {"schedule cosine steps=100\n", 101, 0},
    {"schedule cosine steps=100 final=0.5\n", 50, 0.75},
    {"schedule cosine steps=100 final=0.5\n", 5000, 0.5},
    {"schedule cosine steps=110 warmup=10\n", 4, 0.5},
    {"schedule cosine steps=110 warmup=10\n", 10, 1},
    {"schedule cosine steps=110 warmup=10\n", 60, 0.5},
    {"schedule cosine steps=5 warmup=10\n", 4, 0.5},
    {"schedule cosine steps=5 warmup=10\n", 10, 0},
    {"schedule step every=10\n", 9, 1},
    {"schedule step every=10\n", 10, 0.1},
    {"schedule step every=10\n", 29, 0.01},
    {"schedule step every=10 factor=0.5 warmup=20\n", 9, 0.5},
    {"schedule step every=10 factor=0.5 warmup=20\n", 30, 0.125},
};

START_TEST(test_schedule_values) {
    rig r;
    rig_init(&r, factors[_i].text);
    const double got = r.recipe.schedule->factor(r.recipe.schedule_conf, factors[_i].t);
    ck_assert_msg(fabs(got - factors[_i].factor) < 1e-7, "%s at %d: %.9g", factors[_i].text, (int)factors[_i].t, got);
    rig_free(&r);
}
END_TEST

START_TEST(test_clip_norm_scales_only_long_gradients) {
    rig r;
    rig_init(&r, "clip norm max=2\n");
    ck_assert_double_eq(r.recipe.clip->factor(r.recipe.clip_conf, 0), 1);
    ck_assert_double_eq(r.recipe.clip->factor(r.recipe.clip_conf, 2), 1);
    ck_assert_double_eq(r.recipe.clip->factor(r.recipe.clip_conf, 8), 0.25);
    rig_free(&r);
    rig_init(&r, "clip none\n");
    ck_assert_double_eq(r.recipe.clip->factor(r.recipe.clip_conf, 1e30), 1);
    rig_free(&r);
}
END_TEST

/* ---- recipe ------------------------------------------------------------------------------------------------------ */

START_TEST(test_recipe_fills_missing_sections) {
    static const char *const wanted = "optimizer  adam lr=0.001 beta1=0.9 beta2=0.999 eps=1e-8 weight_decay=0\n"
                                      "objective  elbo beta=1 warmup=0 cycle=0 ratio=0.5 free_bits=0\n"
                                      "schedule   constant warmup=0\n"
                                      "clip       none\n"
                                      "memory     keep\n";
    rig r;
    rig_init(&r, "");
    ck_assert_str_eq(r.recipe.text, wanted);
    ck_assert_ptr_nonnull(vaei_document_find(&r.document, "clip"));
    rig_free(&r);
}
END_TEST

START_TEST(test_recipe_text_is_canonical) {
    static const char *const text = "clip norm\nschedule cosine steps=10\ninput 2x2x1\noptimizer sgd   lr=1e-2\n";
    char first[1024];
    rig r;
    rig_init(&r, text);
    ck_assert_ptr_nonnull(strstr(r.recipe.text, "clip       norm max=1\n"));
    ck_assert_int_eq(strncmp(r.recipe.text, "optimizer  sgd lr=0.01", 22), 0);
    ck_assert_ptr_null(strstr(r.recipe.text, "input"));
    ck_assert_uint_lt(strlen(r.recipe.text), sizeof first);
    strcpy(first, r.recipe.text);
    rig_free(&r);
    rig_init(&r, first);
    ck_assert_str_eq(r.recipe.text, first);
    rig_free(&r);
}
END_TEST

static const struct {
    const char *text, *sentence;
} mistakes[] = {
    {"optimizer adem\n", "adam"},
    {"optimizer adam | sgd\n", "one module"},
    {"optimizer adam { sgd }\n", "one module"},
    {"optimizer adam rate=1\n", "rate"},
    {"optimizer adam lr=-1\n", "lr"},
    {"optimizer adam beta2=1\n", "beta2"},
    {"optimizer adam eps=0\n", "eps"},
    {"optimizer sgd momentum=1\n", "momentum"},
    {"objective elbo beta=-1\n", "beta"},
    {"objective elbo ratio=0\n", "ratio"},
    {"schedule cosine\n", "steps"},
    {"schedule step factor=0.5\n", "every"},
    {"schedule step every=0\n", "every"},
    {"clip norm max=0\n", "max"},
    {"clip\n", "clip"},
};

START_TEST(test_recipe_refuses_mistakes) {
    rig r;
    ck_assert_int_eq(build(&r, mistakes[_i].text), VAE_E_SPEC);
    ck_assert_msg(strstr(vaei_fail_text(), mistakes[_i].sentence) != NULL, "%s: %s", mistakes[_i].text, vaei_fail_text());
    rig_free(&r);
}
END_TEST

Suite *suite_training_modules(void);

Suite *suite_training_modules(void) {
    Suite *s = suite_create("training modules");
    TCase *t = tcase_create("objectives");
    tcase_add_loop_test(t, test_objective_gradients, 0, (int)VAEI_COUNT(objective_texts));
    tcase_add_test(t, test_elbo_terms);
    tcase_add_loop_test(t, test_elbo_beta_follows_warmup_and_cycles, 0, (int)VAEI_COUNT(betas));
    tcase_add_test(t, test_mmd_is_its_formula);
    tcase_add_test(t, test_beta_tc_is_its_formula);
    tcase_add_test(t, test_capacity_is_the_distance_of_the_rate);
    tcase_add_test(t, test_sums_are_checked);
    suite_add_tcase(s, t);
    t = tcase_create("optimizers");
    tcase_add_loop_test(t, test_optimizer_follows_its_recurrence, 0, (int)VAEI_COUNT(references));
    tcase_add_loop_test(t, test_optimizer_slices_equal_the_whole, 0, (int)VAEI_COUNT(references));
    tcase_add_loop_test(t, test_optimizer_finds_the_bottom_of_a_bowl, 0, (int)VAEI_COUNT(descents));
    suite_add_tcase(s, t);
    t = tcase_create("schedules and clipping");
    tcase_add_loop_test(t, test_schedule_values, 0, (int)VAEI_COUNT(factors));
    tcase_add_test(t, test_clip_norm_scales_only_long_gradients);
    suite_add_tcase(s, t);
    t = tcase_create("recipe");
    tcase_add_test(t, test_recipe_fills_missing_sections);
    tcase_add_test(t, test_recipe_text_is_canonical);
    tcase_add_loop_test(t, test_recipe_refuses_mistakes, 0, (int)VAEI_COUNT(mistakes));
    suite_add_tcase(s, t);
    return s;
}
