/* SPDX-License-Identifier: MIT
 * check_measures.c - every measure of the registry: what it reads is checked, parts and threads change nothing, memory may be refused;
 * then their values, beside scikit-image, SciPy and scikit-learn (tests/fixtures/measures.safetensors, made by make_measures.py) and
 * beside closed forms. */
#include "conformance.h"
#include "support.h"

#include "io/safetensors.h"

#define FIXTURE "tests/fixtures/measures.safetensors"

enum { ROWS = 40, HEIGHT = 12, WIDTH = 13, CHANNELS = 2, LATENTS = 4, FACTORS = 3 };

typedef struct rows {
    vae_measured_t m;
    float *array[5];
    double bound[ROWS], rate[ROWS];
    float score[ROWS];
} rows;

static void rows_make(rows *r) {
    const int64_t S = HEIGHT * WIDTH * CHANNELS, size[5] = {S, S, LATENTS, LATENTS, FACTORS};
    for (int i = 0; i < 5; i++) r->array[i] = filled(ROWS * size[i], (uint32_t)i + 3);
    for (int i = 0; i < ROWS; i++)
        r->bound[i] = -3.0 - (double)r->array[0][i], r->rate[i] = 1.0 + (double)r->array[1][i], r->score[i] = r->array[0][i];
    for (int i = 0; i < ROWS / 2; i++) r->array[4][i * FACTORS] = 0; /* normal examples, for measures of anomalies */
    r->m = (vae_measured_t){.struct_size = sizeof(r->m),
                            .n = ROWS,
                            .height = HEIGHT,
                            .width = WIDTH,
                            .channels = CHANNELS,
                            .latents = LATENTS,
                            .factors = FACTORS,
                            .x = r->array[0],
                            .y = r->array[1],
                            .mean = r->array[2],
                            .logvar = r->array[3],
                            .factor = r->array[4],
                            .bound = r->bound,
                            .rate = r->rate,
                            .score = r->score};
}

static void rows_free(rows *r) {
    for (int i = 0; i < 5; i++) free(r->array[i]);
}

/* Example number i of all measures together, and what it reads. */
static uint32_t example_text(int i, char text[EXAMPLE_MAX]) {
    uint32_t reads = 0;
    (void)example_of(vaei_measurements, vaei_measurements_count, i, text);
    ck_assert_ok(vae_measure_reads(text, &reads));
    return reads;
}

/* ---- promises of each ------------------------------------------------------------------------------------------------- */

static void wants_rows(const char *text, const vae_measured_t *m, vae_status_t status, const char *sentence) {
    double value = 7;
    ck_assert_fails(vae_measure(NULL, text, m, &value, NULL), status);
    ck_assert_msg(strstr(vae_last_error(), sentence), "%s: '%s', wanted '%s'", text, vae_last_error(), sentence);
    ck_assert_double_eq(value, 7);
}

START_TEST(test_what_a_measure_reads_is_checked_and_nothing_else) {
    char text[EXAMPLE_MAX];
    const uint32_t reads = example_text(_i, text);
    rows r;
    double value, again, each[ROWS];
    rows_make(&r);
    ck_assert_ok(vae_measure(NULL, text, &r.m, &value, NULL));
    ck_assert(value - value <= 0);
    vae_measured_t only = r.m;
    if (!(reads & VAE_MEASURE_X)) only.x = NULL;
    if (!(reads & VAE_MEASURE_Y)) only.y = NULL;
    if (!(reads & VAE_MEASURE_MEAN)) only.mean = NULL;
    if (!(reads & VAE_MEASURE_LOGVAR)) only.logvar = NULL;
    if (!(reads & VAE_MEASURE_FACTOR)) only.factor = NULL, only.factors = 0;
    if (!(reads & VAE_MEASURE_BOUND)) only.bound = NULL;
    if (!(reads & VAE_MEASURE_RATE)) only.rate = NULL;
    if (!(reads & VAE_MEASURE_SCORE)) only.score = NULL;
    if (!(reads & (VAE_MEASURE_X | VAE_MEASURE_Y | VAE_MEASURE_SIZES))) only.height = only.width = only.channels = 0;
    ck_assert_ok(vae_measure(NULL, text, &only, &again, NULL));
    ck_assert_double_eq(value, again);
    static const struct {
        uint32_t bit;
        const char *name;
        size_t at;
    } arrays[] = {{VAE_MEASURE_X, "x", offsetof(vae_measured_t, x)},
                  {VAE_MEASURE_Y, "y", offsetof(vae_measured_t, y)},
                  {VAE_MEASURE_MEAN, "mean", offsetof(vae_measured_t, mean)},
                  {VAE_MEASURE_LOGVAR, "logvar", offsetof(vae_measured_t, logvar)},
                  {VAE_MEASURE_FACTOR, "factor", offsetof(vae_measured_t, factor)}};
    for (size_t i = 0; i < VAEI_COUNT(arrays); i++) {
        if (!(reads & arrays[i].bit)) continue;
        vae_measured_t bad = r.m;
        const float *none = NULL;
        char sentence[40];
        memcpy((char *)&bad + arrays[i].at, &none, sizeof(none));
        snprintf(sentence, sizeof(sentence), "%s: is NULL", arrays[i].name);
        wants_rows(text, &bad, VAE_E_ARG, sentence);
        r.array[i][5] = NAN;
        snprintf(sentence, sizeof(sentence), "%s[", arrays[i].name);
        wants_rows(text, &r.m, VAE_E_NUMERIC, sentence);
        r.array[i][5] = 0.5f;
    }
    if (reads & VAE_MEASURE_SCORE) {
        r.score[3] = NAN;
        wants_rows(text, &r.m, VAE_E_NUMERIC, "score[3]");
        r.score[3] = 0;
    }
    if (reads & VAE_MEASURE_BOUND) {
        r.bound[3] = INFINITY;
        wants_rows(text, &r.m, VAE_E_NUMERIC, "bound[3]");
        r.bound[3] = 0;
    }
    if (!(reads & VAE_MEASURE_EACH)) ck_assert_fails(vae_measure(NULL, text, &r.m, &value, each), VAE_E_ARG);
    rows_free(&r);
}
END_TEST

START_TEST(test_parts_are_the_whole_and_threads_change_nothing) {
    char text[EXAMPLE_MAX];
    const uint32_t reads = example_text(_i, text);
    vae_ctx_t *ctx = test_ctx(NULL, 3, 0);
    rows r;
    double value, again, each[ROWS], part, sum = 0;
    rows_make(&r);
    ck_assert_ok(vae_measure(NULL, text, &r.m, &value, reads & VAE_MEASURE_EACH ? each : NULL));
    ck_assert_ok(vae_measure(ctx, text, &r.m, &again, NULL));
    ck_assert_mem_eq(&value, &again, sizeof(value));
    for (int i = 0; i < ROWS && reads & VAE_MEASURE_EACH; i++) {
        vae_measured_t one = r.m;
        const int64_t S = HEIGHT * WIDTH * CHANNELS;
        one.n = 1;
        one.x += i * S, one.y += i * S, one.bound += i, one.rate += i;
        ck_assert_ok(vae_measure(NULL, text, &one, &part, NULL));
        ck_assert_double_eq(part, each[i]);
        sum += part;
    }
    if (reads & VAE_MEASURE_EACH) ck_assert_double_eq_tol(sum / ROWS, value, 1e-12 * (1 + fabs(value)));
    rows_free(&r);
    vae_ctx_destroy(ctx);
}
END_TEST

START_TEST(test_every_refused_allocation_is_a_status) {
    char text[EXAMPLE_MAX];
    rows r;
    (void)example_text(_i, text);
    rows_make(&r);
    test_heap h = {0};
    vae_ctx_t *ctx = test_ctx(&h, 1, 0);
    const int64_t calls = h.calls, live = h.live;
    double value = 7;
    for (int64_t i = 1;; i++) {
        h.fail_at = calls + i;
        h.calls = calls;
        const vae_status_t status = vae_measure(ctx, text, &r.m, &value, NULL);
        ck_assert_int_eq(h.live, live);
        if (status == VAE_OK) break;
        ck_assert_int_eq(status, VAE_E_NOMEM);
        ck_assert_double_eq(value, 7);
    }
    h.fail_at = 0;
    vae_ctx_destroy(ctx);
    rows_free(&r);
}
END_TEST

/* ---- beside others ---------------------------------------------------------------------------------------------------- */

typedef struct fixture {
    vaei_heap heap;
    vaei_file file;
} fixture;

static void fixture_open(fixture *f) {
    vaei_heap_init_default(&f->heap);
    ck_assert_msg(vaei_file_read(&f->file, &f->heap, FIXTURE) == VAE_OK, "%s", vaei_fail_text());
}

static float *take(const fixture *f, const char *name, int64_t shape[4]) {
    const vaei_entry *e = vaei_file_find(&f->file, name);
    ck_assert_msg(e != NULL, "%s is not in the file", name);
    float *values = malloc((size_t)e->count * sizeof(*values));
    ck_assert_int_eq(vaei_entry_floats(e, values, name), VAE_OK);
    for (int32_t i = 0; i < 4; i++) shape[i] = i < e->ndim ? e->shape[i] : 1;
    return values;
}

START_TEST(test_pictures_are_measured_as_by_scikit_image) {
    static const char *const measures[] = {"psnr", "ssim", "ms_ssim"};
    fixture f;
    char name[60];
    int64_t shape[4], count[4];
    fixture_open(&f);
    snprintf(name, sizeof(name), "pictures.%d.x", _i);
    float *x = take(&f, name, shape);
    snprintf(name, sizeof(name), "pictures.%d.y", _i);
    float *y = take(&f, name, shape);
    vae_measured_t m = {
        .struct_size = sizeof(m), .n = shape[0], .height = shape[1], .width = shape[2], .channels = shape[3], .x = x, .y = y};
    for (size_t k = 0; k < VAEI_COUNT(measures); k++) {
        double value, each[8];
        snprintf(name, sizeof(name), "pictures.%d.%s", _i, measures[k]);
        float *wanted = take(&f, name, count);
        ck_assert_ok(vae_measure(NULL, measures[k], &m, &value, each));
        for (int64_t i = 0; i < m.n; i++)
            ck_assert_msg(fabs(each[i] - (double)wanted[i]) < 1e-6 * (1 + fabs(each[i])), "%s[%d]: %.9g, wanted %.9g", name, (int)i,
                          each[i], (double)wanted[i]);
        free(wanted);
    }
    free(x), free(y);
    vaei_file_close(&f.file);
}
END_TEST

START_TEST(test_factors_are_measured_as_by_scikit_learn) {
    static const struct {
        const char *text, *name;
        int at;
    } measures[] = {{"mig", "rows.mig", 0},
                    {"sap", "rows.sap", 0},
                    {"dci", "rows.dci", 0},
                    {"dci part=completeness", "rows.dci", 1},
                    {"dci part=informativeness", "rows.dci", 2}};
    fixture f;
    int64_t shape[4], factors[4], count[4];
    double value;
    fixture_open(&f);
    float *mean = take(&f, "rows.mean", shape), *factor = take(&f, "rows.factor", factors), *wanted = take(&f, measures[_i].name, count);
    const vae_measured_t m = {
        .struct_size = sizeof(m), .n = shape[0], .latents = shape[1], .factors = factors[1], .mean = mean, .factor = factor};
    ck_assert_ok(vae_measure(NULL, measures[_i].text, &m, &value, NULL));
    ck_assert_msg(fabs(value - (double)wanted[measures[_i].at]) < 1e-6, "%s: %.9g, wanted %.9g", measures[_i].text, value,
                  (double)wanted[measures[_i].at]);
    free(mean), free(factor), free(wanted);
    vaei_file_close(&f.file);
}
END_TEST

START_TEST(test_alarms_are_measured_as_by_scikit_learn) {
    static const char *const measures[] = {"auroc", "aupr"};
    fixture f;
    char name[60];
    int64_t n[4], count[4];
    fixture_open(&f);
    snprintf(name, sizeof(name), "alarms.%d.score", _i);
    float *score = take(&f, name, n);
    snprintf(name, sizeof(name), "alarms.%d.kind", _i);
    float *kind = take(&f, name, n);
    const vae_measured_t m = {.struct_size = sizeof(m), .n = n[0], .factors = 1, .factor = kind, .score = score};
    for (size_t k = 0; k < VAEI_COUNT(measures); k++) {
        double value;
        snprintf(name, sizeof(name), "alarms.%d.%s", _i, measures[k]);
        float *wanted = take(&f, name, count);
        ck_assert_ok(vae_measure(NULL, measures[k], &m, &value, NULL));
        ck_assert_msg(fabs(value - (double)wanted[0]) < 1e-6, "%s: %.9g, wanted %.9g", name, value, (double)wanted[0]);
        free(wanted);
    }
    for (int64_t i = 0; i < n[0]; i++) kind[i] = 1;
    wants_rows("auroc", &m, VAE_E_ARG, "wanted some of both kinds");
    free(score), free(kind);
    vaei_file_close(&f.file);
}
END_TEST

/* ---- beside closed forms ---------------------------------------------------------------------------------------------- */

static double of_posteriors(const char *text, int64_t n, int64_t D, const float *mean, const float *logvar) {
    const vae_measured_t m = {.struct_size = sizeof(m), .n = n, .latents = D, .mean = mean, .logvar = logvar};
    double value;
    ck_assert_ok(vae_measure(NULL, text, &m, &value, NULL));
    return value;
}

/* Equal posteriors tell nothing; posteriors far apart tell all: ln n. */
START_TEST(test_information_of_equal_and_of_separate_posteriors) {
    enum { n = 64 };
    float mean[n] = {0}, logvar[n] = {0};
    ck_assert_double_eq_tol(of_posteriors("mutual_information", n, 1, mean, logvar), 0, 1e-12);
    for (int i = 0; i < n; i++) mean[i] = 100.0f * (float)i;
    ck_assert_double_eq_tol(of_posteriors("mutual_information", n, 1, mean, logvar), log((double)n), 1e-12);
}
END_TEST

/* mean ~ N(0, 1 - s^2), variance s^2: q(z) is N(0, 1), and the information is -ln s for each of the D latents. Standard errors over 1,000
 * draws and means are about 0.03 each. */
START_TEST(test_information_and_divergence_of_a_gaussian_channel) {
    enum { n = 1000, D = 2 };
    const double s = 0.5;
    float *mean = malloc(n * D * sizeof(*mean)), *logvar = malloc(n * D * sizeof(*logvar));
    const vaei_kernels *k = vaei_kernels_select(0, 0);
    for (int i = 0; i < n; i++) vaei_noise_normal(k, (vaei_noise_key){.seed = 5}, (uint32_t)i, D, mean + i * D);
    for (int i = 0; i < n * D; i++) mean[i] *= (float)sqrt(1 - s * s), logvar[i] = (float)(2 * log(s));
    ck_assert_double_eq_tol(of_posteriors("mutual_information", n, D, mean, logvar), -D * log(s), 0.09);
    ck_assert_double_eq_tol(of_posteriors("aggregate_kl", n, D, mean, logvar), 0, 0.09);
    for (int i = 0; i < n * D; i++) mean[i] += 1; /* q(z) = N(1, 1): 1/2 nat each */
    ck_assert_double_eq_tol(of_posteriors("aggregate_kl", n, D, mean, logvar), 0.5 * D, 0.12);
    ck_assert_double_ne(of_posteriors("aggregate_kl", n, D, mean, logvar), of_posteriors("aggregate_kl seed=1", n, D, mean, logvar));
    free(mean), free(logvar);
}
END_TEST

START_TEST(test_bounds_rates_and_units_by_hand) {
    const double bound[2] = {-8 * log(2.0), -24 * log(2.0)}, rate[2] = {3, 5};
    const float mean[8] = {1, 0, 0.25f, 3, -1, 0, 0.35f, 3}; /* variances 1, 0, 0.0025, 0 */
    const vae_measured_t m = {
        .struct_size = sizeof(m), .n = 2, .height = 2, .width = 2, .channels = 2, .latents = 4, .mean = mean, .bound = bound, .rate = rate};
    static const struct {
        const char *text;
        double wanted;
    } by_hand[] = {{"nll", 11.090354888959125},
                   {"bits_per_dim", 2},
                   {"bits_per_dim levels=256", 10},
                   {"rate_per_dim", 1},
                   {"active_units", 1},
                   {"active_units threshold=0.001", 2},
                   {"active_units threshold=2", 0}};
    for (size_t i = 0; i < VAEI_COUNT(by_hand); i++) {
        double value;
        ck_assert_ok(vae_measure(NULL, by_hand[i].text, &m, &value, NULL));
        ck_assert_msg(fabs(value - by_hand[i].wanted) < 1e-12, "%s: %.17g, wanted %.17g", by_hand[i].text, value, by_hand[i].wanted);
    }
}
END_TEST

/* Latents that are the factors: all gaps are 1. Only one factor and one latent have nothing to be told apart from. */
START_TEST(test_perfect_latents_are_perfect) {
    enum { n = 400 };
    static const char *const perfect[] = {"mig bins=4", "dci", "dci part=completeness"};
    float factor[2 * n];
    double value;
    for (int i = 0; i < n; i++) factor[2 * i] = (float)(i % 4), factor[2 * i + 1] = (float)(i / 4 % 4);
    vae_measured_t m = {.struct_size = sizeof(m), .n = n, .latents = 2, .factors = 2, .mean = factor, .factor = factor};
    for (size_t i = 0; i < VAEI_COUNT(perfect); i++) {
        ck_assert_ok(vae_measure(NULL, perfect[i], &m, &value, NULL));
        ck_assert_double_eq_tol(value, 1, 1e-9);
    }
    ck_assert_ok(vae_measure(NULL, "sap", &m, &value, NULL));
    ck_assert_double_eq_tol(value, 1, 1e-9);
    m.n = 2 * n, m.latents = m.factors = 1;
    ck_assert_ok(vae_measure(NULL, "dci", &m, &value, NULL));
    ck_assert_double_eq_tol(value, 1, 1e-9);
}
END_TEST

START_TEST(test_equal_pictures_and_constant_factors) {
    rows r;
    double value;
    rows_make(&r);
    r.m.y = r.m.x;
    ck_assert_ok(vae_measure(NULL, "psnr", &r.m, &value, NULL));
    ck_assert(isinf(value) && value > 0);
    ck_assert_ok(vae_measure(NULL, "ssim", &r.m, &value, NULL));
    ck_assert_double_eq_tol(value, 1, 1e-12);
    ck_assert_ok(vae_measure(NULL, "ms_ssim", &r.m, &value, NULL));
    ck_assert_double_eq_tol(value, 1, 1e-12);
    for (int i = 0; i < ROWS * FACTORS; i++) r.array[4][i] = 3;
    wants_rows("mig", &r.m, VAE_E_ARG, "no factor varies");
    wants_rows("sap", &r.m, VAE_E_ARG, "no factor varies");
    wants_rows("dci", &r.m, VAE_E_ARG, "no factor varies");
    rows_free(&r);
}
END_TEST

START_TEST(test_texts_and_sizes_that_cannot_be_are_refused) {
    static const char *const texts[] = {"",        "migg",         "mig bins=1",         "mig | sap", "mig\nsap",
                                        "mig { }", "mig binns=10", "active_units 0.5 3", "nll\nnll"};
    rows r;
    uint32_t reads = 7;
    rows_make(&r);
    for (size_t i = 0; i < VAEI_COUNT(texts); i++) {
        wants_rows(texts[i], &r.m, VAE_E_SPEC, "");
        ck_assert_fails(vae_measure_reads(texts[i], &reads), VAE_E_SPEC);
        ck_assert_uint_eq(reads, 7);
    }
    wants_rows("migg", &r.m, VAE_E_SPEC, "did you mean 'mig'?");
    vae_measured_t bad = r.m;
    bad.n = 0;
    wants_rows("nll", &bad, VAE_E_ARG, "n: 0");
    bad = r.m, bad.n = INT64_MAX;
    wants_rows("ssim", &bad, VAE_E_ARG, "n:");
    bad = r.m, bad.height = INT64_MAX;
    wants_rows("ssim", &bad, VAE_E_LIMIT, "address space");
    bad = r.m, bad.latents = 0;
    wants_rows("active_units", &bad, VAE_E_ARG, "latents: 0");
    bad = r.m, bad.flags = 1;
    wants_rows("nll", &bad, VAE_E_VERSION, "flags");
    bad = r.m, bad.struct_size = 8;
    wants_rows("nll", &bad, VAE_E_ARG, "struct_size");
    rows_free(&r);
}
END_TEST

Suite *suite_measures(void);
Suite *suite_measures(void) {
    Suite *s = suite_create("measures");
    TCase *t = tcase_create("promises"), *o = tcase_create("others"), *c = tcase_create("closed forms");
    tcase_add_loop_test(t, test_what_a_measure_reads_is_checked_and_nothing_else, 0,
                        examples_of(vaei_measurements, vaei_measurements_count));
    tcase_add_loop_test(t, test_parts_are_the_whole_and_threads_change_nothing, 0, examples_of(vaei_measurements, vaei_measurements_count));
    tcase_add_loop_test(t, test_every_refused_allocation_is_a_status, 0, examples_of(vaei_measurements, vaei_measurements_count));
    tcase_add_test(t, test_texts_and_sizes_that_cannot_be_are_refused);
    tcase_add_loop_test(o, test_pictures_are_measured_as_by_scikit_image, 0, 5);
    tcase_add_loop_test(o, test_factors_are_measured_as_by_scikit_learn, 0, 5);
    tcase_add_loop_test(o, test_alarms_are_measured_as_by_scikit_learn, 0, 2);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, test_information_of_equal_and_of_separate_posteriors);
    tcase_add_test(c, test_information_and_divergence_of_a_gaussian_channel);
    tcase_add_test(c, test_bounds_rates_and_units_by_hand);
    tcase_add_test(c, test_perfect_latents_are_perfect);
    tcase_add_test(c, test_equal_pictures_and_constant_factors);
    suite_add_tcase(s, t);
    suite_add_tcase(s, o);
    suite_add_tcase(s, c);
    return s;
}
