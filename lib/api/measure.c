/* SPDX-License-Identifier: MIT
 * measure.c - measures by name: binds the text, checks the arrays, calls the measure. */
#include "api/api.h"
#include "base/float_env.h"
#include "vae/measures.h"

_Static_assert((int)VAE_MEASURE_X == VAEI_MEASURE_X && (int)VAE_MEASURE_Y == VAEI_MEASURE_Y && (int)VAE_MEASURE_MEAN == VAEI_MEASURE_MEAN &&
                   (int)VAE_MEASURE_LOGVAR == VAEI_MEASURE_LOGVAR && (int)VAE_MEASURE_FACTOR == VAEI_MEASURE_FACTOR &&
                   (int)VAE_MEASURE_BOUND == VAEI_MEASURE_BOUND && (int)VAE_MEASURE_RATE == VAEI_MEASURE_RATE &&
                   (int)VAE_MEASURE_SIZES == VAEI_MEASURE_SIZES && (int)VAE_MEASURE_SCORE == VAEI_MEASURE_SCORE,
               "the bits of the public header are those of measures.h");

static vae_status_t bind(const vaei_measure_ops **ops, void **conf, vaei_arena *arena, const char *text) {
    vaei_bound_module bound;
    VAEI_TRY(vaei_spec_bind_module(&bound, arena, "measure", text));
    *ops = (const vaei_measure_ops *)(const void *)bound.module; /* a module is the first member of its ops */
    *conf = bound.conf;
    return VAE_OK;
}

vae_status_t vae_measure_reads(const char *text, uint32_t *reads) {
    const vaei_measure_ops *ops;
    void *conf;
    vaei_heap heap;
    vaei_arena arena;
    if (!text || !reads) return vaei_fail(VAE_E_ARG, "%s: is NULL", text ? "reads" : "text");
    vaei_heap_init_default(&heap);
    vaei_arena_init(&arena, &heap);
    const vae_status_t status = bind(&ops, &conf, &arena, text);
    if (status == VAE_OK) *reads = ops->reads | (ops->each ? VAE_MEASURE_EACH : 0);
    vaei_arena_free(&arena);
    return status;
}

static vae_status_t check_count(const char *what, int64_t count) {
    return count >= 1 ? VAE_OK : vaei_fail(VAE_E_ARG, "%s: %lld, wanted 1 or more", what, (long long)count);
}

static vae_status_t check_floats(const vaei_kernels *k, const char *what, int64_t n, int64_t size, const float *x) {
    VAEI_TRY(vaei_check_extent(n, size, sizeof(double)));
    if (!x) return vaei_fail(VAE_E_ARG, "%s: is NULL", what);
    if (k->all_finite(n * size, x)) return VAE_OK;
    int64_t i = 0;
    while (x[i] - x[i] <= 0) i++;
    return vaei_fail(VAE_E_NUMERIC, "%s[%lld][%lld]: not a finite number", what, (long long)(i / size), (long long)(i % size));
}

static vae_status_t check_doubles(const char *what, int64_t n, const double *x) {
    VAEI_TRY(vaei_check_extent(n, 1, sizeof(*x)));
    if (!x) return vaei_fail(VAE_E_ARG, "%s: is NULL", what);
    for (int64_t i = 0; i < n; i++)
        if (!(x[i] - x[i] <= 0)) return vaei_fail(VAE_E_NUMERIC, "%s[%lld]: not a finite number", what, (long long)i);
    return VAE_OK;
}

/* Computes S, and checks that 5 S doubles fit into the address space. */
static vae_status_t check_sizes(const vae_measured_t *g, int64_t *S) {
    VAEI_TRY(check_count("height", g->height));
    VAEI_TRY(check_count("width", g->width));
    VAEI_TRY(check_count("channels", g->channels));
    if (!vaei_count_mul(g->height, g->width, S) || !vaei_count_mul(*S, g->channels, S) || vaei_check_extent(*S, 1, 5 * sizeof(double)) < 0)
        return vaei_fail(VAE_E_LIMIT, "measured: its pictures exceed the address space");
    return VAE_OK;
}

/* Checks the arrays that the measure reads, and no other member. */
static vae_status_t take(vaei_measured *m, const vae_measured_t *g, const vaei_measure_ops *ops, const vae_ctx_t *ctx) {
    const uint32_t reads = ops->reads;
    const vaei_kernels *const k = ctx->kernels;
    int64_t S = 0;
    if (g->flags) return vaei_fail(VAE_E_VERSION, "measured: flags 0x%x, this library knows none", (unsigned)g->flags);
    VAEI_TRY(check_count("n", g->n));
    if (reads & (VAEI_MEASURE_X | VAEI_MEASURE_Y | VAEI_MEASURE_SIZES)) VAEI_TRY(check_sizes(g, &S));
    if (reads & (VAEI_MEASURE_MEAN | VAEI_MEASURE_LOGVAR | VAEI_MEASURE_RATE)) VAEI_TRY(check_count("latents", g->latents));
    if (reads & VAEI_MEASURE_FACTOR) VAEI_TRY(check_count("factors", g->factors));
    if (reads & VAEI_MEASURE_X) VAEI_TRY(check_floats(k, "x", g->n, S, g->x));
    if (reads & VAEI_MEASURE_Y) VAEI_TRY(check_floats(k, "y", g->n, S, g->y));
    if (reads & VAEI_MEASURE_MEAN) VAEI_TRY(check_floats(k, "mean", g->n, g->latents, g->mean));
    if (reads & VAEI_MEASURE_LOGVAR) VAEI_TRY(check_floats(k, "logvar", g->n, g->latents, g->logvar));
    if (reads & VAEI_MEASURE_FACTOR) VAEI_TRY(check_floats(k, "factor", g->n, g->factors, g->factor));
    if (reads & VAEI_MEASURE_SCORE) VAEI_TRY(check_floats(k, "score", g->n, 1, g->score));
    if (reads & VAEI_MEASURE_BOUND) VAEI_TRY(check_doubles("bound", g->n, g->bound));
    if (reads & VAEI_MEASURE_RATE) VAEI_TRY(check_doubles("rate", g->n, g->rate));
    *m = (vaei_measured){.n = g->n,
                         .H = g->height,
                         .W = g->width,
                         .C = g->channels,
                         .D = g->latents,
                         .F = g->factors,
                         .x = g->x,
                         .y = g->y,
                         .mean = g->mean,
                         .logvar = g->logvar,
                         .factor = g->factor,
                         .bound = g->bound,
                         .rate = g->rate,
                         .score = g->score,
                         .k = k,
                         .pool = ctx->pool};
    return VAE_OK;
}

static vae_status_t measure_each(const vaei_measure_ops *ops, const void *conf, const vaei_measured *m, vaei_arena *arena, double *value,
                                 double *each) {
    double *const numbers = vaei_arena_array(arena, (size_t)m->n, sizeof(*numbers)), sum = 0;
    if (!numbers) return VAE_E_NOMEM;
    VAEI_TRY(ops->each(conf, m, arena, numbers));
    for (int64_t i = 0; i < m->n; i++) sum += numbers[i];
    *value = sum / (double)m->n;
    if (each) memcpy(each, numbers, (size_t)m->n * sizeof(*each));
    return VAE_OK;
}

static vae_status_t measure_in(vaei_arena *arena, const vae_ctx_t *ctx, const char *text, const vae_measured_t *given, double *value,
                               double *each) {
    const vaei_measure_ops *ops;
    void *conf;
    vae_measured_t g;
    vaei_measured m;
    double one;
    VAEI_TRY(bind(&ops, &conf, arena, text));
    VAEI_TRY(vaei_read_struct(&g, sizeof(g), given, "measured", "set it to sizeof(vae_measured_t)"));
    VAEI_TRY(take(&m, &g, ops, ctx));
    if (ops->each) return measure_each(ops, conf, &m, arena, value, each);
    if (each) return vaei_fail(VAE_E_ARG, "each: measure %s has one number for all examples, wanted NULL", ops->module.name);
    VAEI_TRY(ops->all(conf, &m, arena, &one));
    *value = one;
    return VAE_OK;
}

vae_status_t vae_measure(vae_ctx_t *ctx, const char *text, const vae_measured_t *measured, double *value, double *each) {
    vaei_arena arena;
    fenv_t host;
    if (!text) return vaei_fail(VAE_E_ARG, "text: is NULL");
    if (!measured || !value) return vaei_fail(VAE_E_ARG, "%s: is NULL", measured ? "value" : "measured");
    VAEI_TRY(vaei_ctx_acquire(&ctx, ctx));
    vaei_arena_init(&arena, &ctx->heap);
    vaei_float_env_enter(&host);
    const vae_status_t status = measure_in(&arena, ctx, text, measured, value, each);
    vaei_float_env_leave(&host);
    vaei_arena_free(&arena);
    vae_ctx_destroy(ctx);
    return status;
}
