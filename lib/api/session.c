/* SPDX-License-Identifier: MIT
 * session.c - runs a model. A session is one block of memory: the session itself, the arrays of vaei_network_carve, and the scores
 * of vae_elbo.
 *
 * The importance-weighted bound keeps for each example a running maximum m and sum s of exp(log w - m), so that any number of samples needs
 * no more memory (Burda, Grosse, Salakhutdinov 2016, arXiv:1509.00519, eq. 8).
 *
 * A large batch goes through the network in passes of a few examples, so that the output of one layer is in the cache when the next layer
 * reads it. No bit depends on how a batch is divided. */
#include "api/given_batch.h"
#include "base/float_env.h"

#include <float.h>
#include <math.h>

struct vae_session {
    uint32_t magic;
    vae_model_t *model;
    size_t bytes;
    int64_t max_batch;
    int64_t pass;    /* the examples that go through the network at once */
    uint64_t packed; /* the model's generation when the weights were packed */
    uint64_t seed;
    uint64_t position; /* items that were drawn since the seed was set */
    uint64_t began;    /* the position at which the current call began to draw */
    _Atomic int32_t cancel;
    fenv_t host; /* the caller's floating-point environment, kept between start and finish */
    vaei_work work;
    double *recon, *rate, *top, *sum; /* [max_batch], used by vae_elbo */
    float *image;                     /* [S], used by vae_decode_rgba8 */
};

#define CACHE_BYTES ((size_t)1 << 20) /* of one core */

/* The number of examples of a pass: as many as fit into the cache. If packed weights or scratch are large, a pass takes more, because
 * every pass reads the weights again, and reading a byte of weights costs about a quarter of writing and reloading a byte of
 * activations. If the weights are most of the memory, a pass takes at least twice their bytes; otherwise memory would limit the speed of
 * linear layers. */
static int64_t pass_of(const vae_model_t *model, int64_t max_batch) {
    const int64_t threads = vaei_pool_threads(model->ctx->pool);
    vaei_carve two = {0}, four = {0}; /* the carves of two and of four examples in each lane */
    vaei_work w;
    vaei_network_carve(&model->network, model->ctx->kernels, 2, 0, &two, &w);
    vaei_network_carve(&model->network, model->ctx->kernels, 4, 0, &four, &w);
    if (threads == 0 || four.used <= two.used) return max_batch;
    const size_t example = (four.used - two.used) / 2, rest = two.used > 2 * example ? two.used - 2 * example : 0;
    const size_t fit = CACHE_BYTES * (size_t)threads + rest / 4;
    const int64_t pass = (int64_t)((fit / 2 > w.packs ? fit : 2 * w.packs) / example);
    return pass < 1 ? 1 : pass < max_batch ? pass : max_batch;
}

static void carve_session(const vae_model_t *model, int64_t max_batch, vaei_carve *c, vae_session_t *s) {
    vaei_network_carve(&model->network, model->ctx->kernels, max_batch, 0, c, &s->work);
    vaei_network_carve_prior(&model->network, model->ctx->kernels, max_batch, 0, c, &s->work);
    s->recon = vaei_carve_array(c, max_batch, sizeof(double));
    s->rate = vaei_carve_array(c, max_batch, sizeof(double));
    s->top = vaei_carve_array(c, max_batch, sizeof(double));
    s->sum = vaei_carve_array(c, max_batch, sizeof(double));
    s->image = vaei_carve_floats(c, model->network.likelihood.size);
}

static vae_status_t measure(const vae_model_t *model, int64_t max_batch, size_t *bytes) {
    vae_session_t s;
    vaei_carve c = {0};
    VAEI_TRY(vaei_check_model(model));
    if (max_batch < 1 || max_batch > INT32_MAX) return vaei_fail(VAE_E_ARG, "max_batch: %lld, wanted 1..2147483647", (long long)max_batch);
    (void)vaei_carve_bytes(&c, sizeof(s));
    carve_session(model, max_batch, &c, &s);
    if (c.used == SIZE_MAX) return vaei_fail(VAE_E_LIMIT, "session: max_batch=%lld exceeds the address space", (long long)max_batch);
    *bytes = c.used;
    return VAE_OK;
}

vae_status_t vae_session_bytes(const vae_model_t *model, int64_t max_batch, uint64_t *bytes) {
    size_t n;
    if (!bytes) return vaei_fail(VAE_E_ARG, "bytes: is NULL");
    VAEI_TRY(measure(model, max_batch, &n));
    *bytes = n;
    return VAE_OK;
}

vae_status_t vae_session_create(vae_session_t **out, const vae_model_t *model, int64_t max_batch) {
    size_t bytes;
    if (!out) return vaei_fail(VAE_E_ARG, "out: is NULL");
    *out = NULL;
    VAEI_TRY(measure(model, max_batch, &bytes));
    vae_session_t *s = vaei_heap_alloc(&model->ctx->heap, bytes, "session");
    if (!s) return VAE_E_NOMEM;
    vaei_carve c = {.base = (char *)s};
    (void)vaei_carve_bytes(&c, sizeof(*s));
    carve_session(model, max_batch, &c, s);
    s->magic = VAEI_MAGIC_SESSION;
    s->model = vaei_model_acquire(model);
    s->bytes = bytes;
    s->max_batch = max_batch;
    s->pass = pass_of(model, max_batch);
    *out = s;
    return VAE_OK;
}

const vae_model_t *vae_session_model(const vae_session_t *session) {
    return session && session->magic == VAEI_MAGIC_SESSION ? session->model : NULL;
}

void vae_session_destroy(vae_session_t *session) {
    if (!session || session->magic != VAEI_MAGIC_SESSION) return;
    vae_model_t *model = session->model;
    session->magic = 0;
    vaei_heap_free(&model->ctx->heap, session, session->bytes);
    vae_model_destroy(model);
}

static vae_status_t check_session(const vae_session_t *s) {
    if (!s) return vaei_fail(VAE_E_ARG, "session: is NULL");
    if (s->magic != VAEI_MAGIC_SESSION) return vaei_fail(VAE_E_ARG, "session: not a session, or already destroyed");
    return VAE_OK;
}

vae_status_t vae_session_seed(vae_session_t *session, uint64_t seed) {
    VAEI_TRY(check_session(session));
    session->seed = seed;
    session->position = 0;
    return VAE_OK;
}

void vae_session_cancel(vae_session_t *session) {
    if (session && session->magic == VAEI_MAGIC_SESSION) atomic_store_explicit(&session->cancel, 1, memory_order_relaxed);
}

/* ---- passes over at most max_batch examples -------------------------------------------------------------------- */

/* Starts a run over n examples. Loops take parts of it by part(). */
static vaei_run start(vae_session_t *s, int64_t n, const vaei_batch *b) {
    const vae_model_t *m = s->model;
    vaei_run r = {
        .k = m->ctx->kernels, .pool = m->ctx->pool, .batch = *b, .params = m->params, .noise.seed = s->seed, .cancel = &s->cancel};
    const uint64_t generation = vaei_model_generation(m);
    vaei_float_env_enter(&s->host);
    s->began = s->position;
    if (s->packed != generation) {
        r.n = s->max_batch;
        vaei_network_pack(&m->network, &r, &s->work);
        vaei_network_pack_prior(&m->network, &r, &s->work);
        s->packed = generation;
    }
    r.n = n;
    return r;
}

static vae_status_t finish(vae_session_t *s) {
    vaei_float_env_leave(&s->host);
    const vae_status_t status = vaei_take_cancel(&s->cancel);
    if (status < 0) s->position = s->began;
    return status;
}

/* Returns the part of a run that begins at example `first` and goes through the network at once. Its first_item is 0, because a session
 * numbers its draws by its position. */
static vaei_run part(const vae_session_t *s, const vaei_run *r, int64_t first) {
    vaei_run p = vaei_run_slice(r, first, r->n - first < s->pass ? r->n - first : s->pass);
    p.first_item = 0;
    return p;
}

static int32_t has_codes(const vae_session_t *s) {
    return (s->model->network.latent.ops->flags & VAEI_LATENT_CODES) != 0;
}

/* Sets z from a mean: the mean itself, or the vectors of the codes nearest to it. */
static void quantize(const vae_session_t *s, const vaei_run *r, const float *mean, float *z) {
    const vaei_latent *q = &s->model->network.latent;
    q->ops->draw(q, r, &s->work.latent, mean, NULL, NULL, z, NULL, NULL);
}

/* Computes the mean of the likelihood for r->n latents z[n][Z] of the host. */
static void decode_given(const vae_session_t *s, const vaei_run *r, const float *z, float *x) {
    const vaei_network *net = &s->model->network;
    const vaei_work *w = &s->work;
    const vaei_level *top = &w->level[0];
    vaei_network_part_levels(net, r, w, VAEI_LEVEL_Z, z);
    if (has_codes(s) && !net->latent.raw) {
        memcpy(top->mean, top->z, (size_t)(r->n * top->size) * sizeof(*top->z));
        quantize(s, r, top->mean, top->z);
    }
    vaei_network_decode(net, r, w, VAEI_LEVELS_GIVEN);
    vaei_network_mean_x(net, r, w, x);
}

/* Runs after the encoder: sets theta for the mean of level 0, and for the means of the other levels, each given the means before it. */
static void decode_means(const vae_session_t *s, const vaei_run *r) {
    const vaei_level *top = &s->work.level[0];
    quantize(s, r, top->mean, top->z);
    vaei_network_decode(&s->model->network, r, &s->work, VAEI_LEVELS_MEAN);
}

static vae_status_t check_input(const vae_session_t *s, const char *what, int64_t n, int64_t size, const float *x) {
    return vaei_check_rows(s->model, what, n, size, x, -FLT_MAX, FLT_MAX);
}

/* Checks an output y[n * size] of elements of `bytes` bytes before any input is read, because a number of examples that is too large for
 * one of the arrays must not be used to read another. */
static vae_status_t check_output(const void *y, const char *what, int64_t n, int64_t size, size_t bytes) {
    VAEI_TRY(vaei_check_extent(n, size, bytes));
    return !y && n > 0 ? vaei_fail(VAE_E_ARG, "%s: is NULL", what) : VAE_OK;
}

vae_status_t vae_encode_batch(vae_session_t *session, const vae_batch_t *batch, float *mean, float *logvar) {
    VAEI_TRY(check_session(session));
    const vaei_network *net = &session->model->network;
    const vaei_work *w = &session->work;
    vaei_batch b;
    int64_t n;
    VAEI_TRY(vaei_check_halves(session->model, "vae_encode_batch", VAEI_RUNS_ENCODER));
    VAEI_TRY(vaei_batch_open(&b, &n, session->model, batch, "vae_encode_batch", VAEI_READS_X));
    VAEI_TRY(check_output(mean, "mean", n, net->z_size, sizeof(*mean)));
    VAEI_TRY(vaei_batch_check_x(session->model, &b, n));
    const vaei_run r = start(session, n, &b);
    for (int64_t i = 0; i < n && !vaei_run_cancelled(&r); i += session->pass) {
        const vaei_run p = part(session, &r, i);
        vaei_network_encode(net, &p, w, w->level[0].mean, logvar ? w->level[0].logvar : NULL);
        if (net->n_levels > 1) decode_means(session, &p);
        else if (net->latent.raw) quantize(session, &p, w->level[0].mean, w->level[0].z);
        if (vaei_run_cancelled(&p)) break;
        vaei_network_join_levels(net, &p, w, net->latent.raw ? VAEI_LEVEL_Z : VAEI_LEVEL_MEAN, mean + i * net->z_size);
        if (logvar) vaei_network_join_levels(net, &p, w, VAEI_LEVEL_LOGVAR, logvar + i * net->z_size);
    }
    return finish(session);
}

vae_status_t vae_encode(vae_session_t *session, int64_t n, const float *x, float *mean, float *logvar) {
    const vae_batch_t batch = {.struct_size = sizeof(batch), .n = n, .x = x};
    return vae_encode_batch(session, &batch, mean, logvar);
}

static vae_status_t decode_codes(vae_session_t *session, const vaei_batch *b, int64_t n, float *x) {
    const vaei_network *net = &session->model->network;
    VAEI_TRY(vaei_check_codes(session->model, n, net->latent.ops->flags & VAEI_LATENT_GAPS ? -1 : 0, b->codes));
    const vaei_run r = start(session, n, b);
    for (int64_t i = 0; i < n && !vaei_run_cancelled(&r); i += session->pass) {
        const vaei_run p = part(session, &r, i);
        vaei_network_decode_codes(net, &p, &session->work);
        vaei_network_mean_x(net, &p, &session->work, x + i * net->likelihood.size);
    }
    return finish(session);
}

static vae_status_t decode_values(vae_session_t *session, const vaei_batch *b, int64_t n, const float *z, float *x) {
    const vaei_network *net = &session->model->network;
    VAEI_TRY(check_input(session, "z", n, net->z_size, z));
    const vaei_run r = start(session, n, b);
    for (int64_t i = 0; i < n && !vaei_run_cancelled(&r); i += session->pass) {
        const vaei_run p = part(session, &r, i);
        decode_given(session, &p, z + i * net->z_size, x + i * net->likelihood.size);
    }
    return finish(session);
}

vae_status_t vae_decode_batch(vae_session_t *session, const vae_batch_t *batch, const float *z, float *x) {
    VAEI_TRY(check_session(session));
    vaei_batch b;
    int64_t n;
    VAEI_TRY(vaei_check_halves(session->model, "vae_decode_batch", VAEI_RUNS_DECODER));
    VAEI_TRY(vaei_batch_open(&b, &n, session->model, batch, "vae_decode_batch", VAEI_READS_CODES));
    if (z && b.codes) return vaei_fail(VAE_E_ARG, "z and codes: both are given, wanted one of them");
    VAEI_TRY(check_output(x, "x", n, session->model->network.likelihood.size, sizeof(*x)));
    return b.codes ? decode_codes(session, &b, n, x) : decode_values(session, &b, n, z, x);
}

vae_status_t vae_decode(vae_session_t *session, int64_t n, const float *z, float *x) {
    const vae_batch_t batch = {.struct_size = sizeof(batch), .n = n};
    return vae_decode_batch(session, &batch, z, x);
}

static uint8_t to_pixel(float v) {
    const float bounded = v > 0.0f ? (v < 1.0f ? v : 1.0f) : 0.0f;
    return (uint8_t)(bounded * 255.0f + 0.5f);
}

vae_status_t vae_decode_rgba8(vae_session_t *session, const float *z, uint8_t *pixels, size_t row_stride) {
    VAEI_TRY(check_session(session));
    const vaei_network *net = &session->model->network;
    const vaei_shape *in = &net->input;
    char text[96];
    if (in->n != 3 || (in->d[2] != 1 && in->d[2] != 3 && in->d[2] != 4))
        return vaei_fail(VAE_E_UNSUPPORTED, "model: its output is %s, wanted an image of 1, 3 or 4 channels", vaei_shape_text(in, text));
    const int64_t H = in->d[0], W = in->d[1], C = in->d[2];
    VAEI_TRY(vaei_check_halves(session->model, "vae_decode_rgba8", VAEI_RUNS_DECODER));
    VAEI_TRY(check_input(session, "z", 1, net->z_size, z));
    VAEI_TRY(vaei_batch_check_condition(session->model, &(vaei_batch){.of_x = 1}, 1, "vae_decode_batch"));
    if (row_stride / 4 < (uint64_t)W || row_stride > PTRDIFF_MAX / (uint64_t)H)
        return vaei_fail(VAE_E_ARG, "row_stride: %zu, wanted %lld..%lld", row_stride, (long long)W * 4, (long long)(PTRDIFF_MAX / H));
    VAEI_TRY(check_output(pixels, "pixels", 1, H, row_stride));
    const vaei_run r = start(session, 1, &(vaei_batch){.x = NULL});
    decode_given(session, &r, z, session->image);
    for (int64_t y = 0; y < H && !vaei_run_cancelled(&r); y++) {
        const float *v = session->image + y * W * C;
        uint8_t *p = pixels + (size_t)y * row_stride;
        for (int64_t x = 0; x < W; x++, v += C, p += 4) {
            p[0] = to_pixel(v[0]);
            p[1] = C > 1 ? to_pixel(v[1]) : p[0];
            p[2] = C > 1 ? to_pixel(v[2]) : p[0];
            p[3] = C == 4 ? to_pixel(v[3]) : 255;
        }
    }
    return finish(session);
}

vae_status_t vae_reconstruct_batch(vae_session_t *session, const vae_batch_t *batch, float *y) {
    VAEI_TRY(check_session(session));
    const vaei_network *net = &session->model->network;
    const vaei_work *w = &session->work;
    vaei_batch b;
    int64_t n;
    VAEI_TRY(vaei_check_halves(session->model, "vae_reconstruct_batch", VAEI_RUNS_ENCODER | VAEI_RUNS_DECODER));
    VAEI_TRY(vaei_batch_open(&b, &n, session->model, batch, "vae_reconstruct_batch", VAEI_READS_X));
    VAEI_TRY(check_output(y, "y", n, b.of_x, sizeof(*y)));
    VAEI_TRY(vaei_batch_check_x(session->model, &b, n));
    const vaei_run r = start(session, n, &b);
    for (int64_t i = 0; i < n && !vaei_run_cancelled(&r); i += session->pass) {
        const vaei_run p = part(session, &r, i);
        vaei_network_encode(net, &p, w, w->level[0].mean, NULL);
        decode_means(session, &p);
        vaei_network_mean_x(net, &p, w, y + i * b.of_x);
    }
    return finish(session);
}

vae_status_t vae_reconstruct(vae_session_t *session, int64_t n, const float *x, float *y) {
    const vae_batch_t batch = {.struct_size = sizeof(batch), .n = n, .x = x};
    return vae_reconstruct_batch(session, &batch, y);
}

/* Checks that vae_sample can be called, and can be called with noise. */
static vae_status_t check_sampling(const vae_session_t *s, const float *noise) {
    const vaei_network *net = &s->model->network;
    const int32_t learned = vaei_network_has_prior(net);
    if (!learned && !(net->latent.ops->flags & VAEI_LATENT_PRIOR))
        return vaei_fail(VAE_E_UNSUPPORTED, "latent %s: has no prior to sample from", net->latent.ops->module.name);
    if (noise && has_codes(s))
        return vaei_fail(VAE_E_UNSUPPORTED, "noise: latent %s draws codes, wanted NULL", net->latent.ops->module.name);
    if (noise && learned)
        return vaei_fail(VAE_E_UNSUPPORTED, "noise: prior %s draws its own noise, wanted NULL", net->prior.ops->module.name);
    return VAE_OK;
}

/* Draws z of level 0 from its prior and the noise of the other levels, by the items from `first` on; or takes both from the noise of the
 * batch. */
static void sample_levels(const vae_session_t *s, const vaei_run *r, uint64_t first) {
    const vaei_network *net = &s->model->network;
    const vaei_work *w = &s->work;
    const vaei_level *top = &w->level[0];
    if (r->batch.noise) {
        vaei_network_part_levels(net, r, w, VAEI_LEVEL_NOISE, r->batch.noise);
        memcpy(top->z, top->noise, (size_t)(r->n * top->size) * sizeof(*top->z));
        return;
    }
    for (int64_t i = 0; i < r->n && net->n_levels > 1; i++) {
        const uint64_t position = first + (uint64_t)i;
        vaei_network_noise_row(net, r, w, vaei_prior_key(s->seed, position), (uint32_t)position, i);
    }
    vaei_network_sample(net, r, w, first);
}

vae_status_t vae_sample_batch(vae_session_t *session, const vae_batch_t *batch, float *x) {
    VAEI_TRY(check_session(session));
    const vaei_network *net = &session->model->network;
    vaei_batch b;
    int64_t n;
    VAEI_TRY(vaei_check_halves(session->model, "vae_sample_batch", VAEI_RUNS_DECODER));
    VAEI_TRY(vaei_batch_open(&b, &n, session->model, batch, "vae_sample_batch", VAEI_READS_LABEL | VAEI_READS_NOISE | VAEI_READS_DRAW));
    const int32_t draws = (batch->flags & VAE_BATCH_DRAW) != 0;
    VAEI_TRY(check_sampling(session, b.noise));
    VAEI_TRY(check_output(x, "x", n, b.of_x, sizeof(*x)));
    VAEI_TRY(vaei_batch_check_noise(session->model, &b, n));
    VAEI_TRY(vaei_batch_check_label(session->model, &b, n));
    const vaei_run r = start(session, n, &b);
    for (int64_t i = 0; i < n && !vaei_run_cancelled(&r); i += session->pass) {
        const vaei_run p = part(session, &r, i);
        const uint64_t first = session->position;
        sample_levels(session, &p, first);
        vaei_network_decode(net, &p, &session->work, VAEI_LEVELS_PRIOR);
        if (draws) vaei_network_draw_x(net, &p, &session->work, first, x + i * b.of_x);
        else vaei_network_mean_x(net, &p, &session->work, x + i * b.of_x);
        if (!b.noise || draws) session->position += (uint64_t)p.n;
    }
    return finish(session);
}

vae_status_t vae_sample(vae_session_t *session, int64_t n, const float *noise, float *x) {
    const vae_batch_t batch = {.struct_size = sizeof(batch), .n = n, .noise = noise};
    return vae_sample_batch(session, &batch, x);
}

/* ---- codes -------------------------------------------------------------------------------------------------------- */

vae_status_t vae_encode_codes_batch(vae_session_t *session, const vae_batch_t *batch, int32_t *codes) {
    VAEI_TRY(check_session(session));
    const vaei_network *net = &session->model->network;
    vaei_batch b;
    int64_t n;
    if (!has_codes(session)) return vaei_fail(VAE_E_UNSUPPORTED, "latent %s: has no codes", net->latent.ops->module.name);
    VAEI_TRY(vaei_check_halves(session->model, "vae_encode_codes_batch", VAEI_RUNS_ENCODER));
    VAEI_TRY(vaei_batch_open(&b, &n, session->model, batch, "vae_encode_codes_batch", VAEI_READS_X));
    VAEI_TRY(check_output(codes, "codes", n, b.of_codes, sizeof(*codes)));
    VAEI_TRY(vaei_batch_check_x(session->model, &b, n));
    const vaei_run r = start(session, n, &b);
    for (int64_t i = 0; i < n && !vaei_run_cancelled(&r); i += session->pass) {
        const vaei_run p = part(session, &r, i);
        vaei_network_encode_codes(net, &p, &session->work, codes + i * b.of_codes);
    }
    return finish(session);
}

vae_status_t vae_encode_codes(vae_session_t *session, int64_t n, const float *x, int32_t *codes) {
    const vae_batch_t batch = {.struct_size = sizeof(batch), .n = n, .x = x};
    return vae_encode_codes_batch(session, &batch, codes);
}

vae_status_t vae_decode_codes(vae_session_t *session, int64_t n, const int32_t *codes, float *x) {
    VAEI_TRY(check_session(session));
    const vae_batch_t batch = {.struct_size = sizeof(batch), .n = n, .codes = codes};
    vaei_batch b;
    VAEI_TRY(vaei_check_halves(session->model, "vae_decode_batch", VAEI_RUNS_DECODER));
    VAEI_TRY(vaei_batch_open(&b, &n, session->model, &batch, "vae_decode_batch", VAEI_READS_CODES));
    VAEI_TRY(check_output(x, "x", n, session->model->network.likelihood.size, sizeof(*x)));
    return decode_codes(session, &b, n, x);
}

/* ---- scores ------------------------------------------------------------------------------------------------------ */

/* The rate of one latent of example i in closed form. */
static double rate_of(const vaei_level *v, int64_t i) {
    double kl = 0.0;
    for (int64_t d = 0; d < v->size; d++) kl += (double)v->kl[i * v->size + d];
    return kl;
}

/* The part of the rate that differs between samples: all of it if the prior belongs to the model, otherwise that of the decoder's
 * latents. */
static double sampled_rate(const vae_session_t *s, int64_t i) {
    const vaei_network *net = &s->model->network;
    double rate = 0.0;
    if (vaei_network_has_prior(net)) return -s->work.log_ratio[i];
    for (int32_t l = 1; l < net->n_levels; l++) rate += rate_of(&s->work.level[l], i);
    return rate;
}

/* Adds one sample of each of the r->n examples: log w = -nll + log p(z) - log q(z|x). */
static void add_sample(vae_session_t *s, int64_t n, int32_t first) {
    const vaei_work *w = &s->work;
    for (int64_t i = 0; i < n; i++) {
        const double log_w = w->log_ratio[i] - w->nll[i];
        s->recon[i] = (first ? 0.0 : s->recon[i]) + w->nll[i];
        s->rate[i] = (first ? 0.0 : s->rate[i]) + sampled_rate(s, i);
        if (first || log_w > s->top[i]) {
            s->sum[i] = (first ? 0.0 : s->sum[i] * exp(s->top[i] - log_w)) + 1.0;
            s->top[i] = log_w;
        } else {
            s->sum[i] += exp(log_w - s->top[i]);
        }
    }
}

/* Draws the noise of sample j of k for each example. */
static void draw_noise(const vae_session_t *s, const vaei_run *r, int64_t j, int64_t k) {
    const vaei_network *net = &s->model->network;
    for (int64_t i = 0; i < r->n; i++) {
        const int64_t sample = i * k + j;
        const uint64_t position = s->position + (uint64_t)sample;
        if (r->batch.noise) vaei_network_part_row(net, r, &s->work, VAEI_LEVEL_NOISE, r->batch.noise + sample * net->z_size, i);
        else vaei_network_noise_row(net, r, &s->work, vaei_prior_key(s->seed, position), (uint32_t)position, i);
    }
}

static void score_part(vae_session_t *s, const vaei_run *r, int64_t k) {
    const vaei_network *net = &s->model->network;
    const vaei_work *w = &s->work;
    const vaei_level *top = &w->level[0];
    vaei_network_encode(net, r, w, top->mean, top->logvar);
    for (int64_t j = 0; j < k && !vaei_run_cancelled(r); j++) {
        draw_noise(s, r, j, k);
        net->latent.ops->draw(&net->latent, r, &w->latent, top->mean, top->logvar, top->noise, top->z, top->kl, w->log_ratio);
        if (vaei_network_has_prior(net)) vaei_network_prior_ratio(net, r, w);
        vaei_network_decode(net, r, w, VAEI_LEVELS_POSTERIOR);
        vaei_network_levels_ratio(net, r, w);
        vaei_likelihood_nll(&net->likelihood, r, w->facts, w->theta, r->batch.x, w->nll);
        add_sample(s, r->n, j == 0);
    }
    if (!r->batch.noise) s->position += (uint64_t)(r->n * k);
}

/* Checks that k samples of each example are not too many. */
static vae_status_t check_samples(const vae_session_t *s, int64_t n, int64_t k) {
    const vaei_latent *q = &s->model->network.latent;
    int64_t draws;
    if (k < 1) return vaei_fail(VAE_E_ARG, "k: %lld, wanted 1 or more", (long long)k);
    if (k > 1 && !(q->ops->flags & VAEI_LATENT_PRIOR))
        return vaei_fail(VAE_E_UNSUPPORTED, "latent %s: has no distribution to draw k=%lld samples from", q->ops->module.name,
                         (long long)k);
    VAEI_TRY(vaei_check_extent(n, 1, sizeof(double)));
    if (!vaei_count_mul(n, k, &draws) || vaei_check_extent(draws, s->model->network.z_size, sizeof(float)) < 0)
        return vaei_fail(VAE_E_ARG, "k: %lld samples of %lld examples are too many", (long long)k, (long long)n);
    return VAE_OK;
}

vae_status_t vae_elbo_batch(vae_session_t *session, const vae_batch_t *batch, int64_t k, double *elbo, double *recon, double *rate) {
    VAEI_TRY(check_session(session));
    const vaei_network *net = &session->model->network;
    vaei_batch b;
    int64_t n;
    VAEI_TRY(vaei_check_halves(session->model, "vae_elbo_batch", VAEI_RUNS_ENCODER | VAEI_RUNS_DECODER));
    VAEI_TRY(vaei_batch_open(&b, &n, session->model, batch, "vae_elbo_batch", VAEI_READS_X | VAEI_READS_LABEL | VAEI_READS_NOISE));
    VAEI_TRY(check_samples(session, n, k));
    b.of_noise = k * net->z_size;
    VAEI_TRY(vaei_batch_check_x(session->model, &b, n));
    if (b.noise) VAEI_TRY(check_input(session, "noise", n * k, net->z_size, b.noise));
    VAEI_TRY(vaei_batch_check_label(session->model, &b, n));
    const vaei_run r = start(session, n, &b);
    for (int64_t i = 0; i < n && !vaei_run_cancelled(&r); i += session->pass) {
        const vaei_run p = part(session, &r, i);
        score_part(session, &p, k);
        for (int64_t j = 0; j < p.n; j++) {
            const double kl = session->rate[j] / (double)k + (vaei_network_has_prior(net) ? 0.0 : rate_of(&session->work.level[0], j));
            const double mean_recon = session->recon[j] / (double)k;
            if (recon) recon[i + j] = mean_recon;
            if (rate) rate[i + j] = kl;
            if (elbo) elbo[i + j] = k == 1 ? -mean_recon - kl : session->top[j] + log(session->sum[j] / (double)k);
        }
    }
    return finish(session);
}

vae_status_t vae_elbo(vae_session_t *session, int64_t n, const float *x, int64_t k, const float *noise, double *elbo, double *recon,
                      double *rate) {
    const vae_batch_t batch = {.struct_size = sizeof(batch), .n = n, .x = x, .noise = noise};
    return vae_elbo_batch(session, &batch, k, elbo, recon, rate);
}
