/* SPDX-License-Identifier: MIT
 * random_run.c - runs one model like a host: the calls of a session and some steps of training, with all results. */
#define _DEFAULT_SOURCE /* mmap's anonymous pages */
#include "random_models.h"

#include "base/debug.h"
#include "vae/likelihood.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { STEPS = 3, SMALL_BLOCK = 2048, MARK = 0xA5 };

int32_t random_fail(random_report *out, const char *format, ...) {
    va_list args;
    va_start(args, format);
    out->failed = 1;
    (void)vsnprintf(out->message, sizeof(out->message), format, args);
    va_end(args);
    return 0;
}

/* ---- memory ------------------------------------------------------------------------------------------------------- */

static size_t page(void) {
    return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t mapped(size_t size) {
    return (size / page() + 3) * page();
}

/* Pages with one on each side that nobody may touch; the block ends where the last one begins, up to its alignment. */
static void *guarded_block(size_t size, size_t align) {
    const size_t all = mapped(size);
    char *map = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) return NULL;
    if (mprotect(map, page(), PROT_NONE) != 0 || mprotect(map + all - page(), page(), PROT_NONE) != 0) abort();
    char *const p = map + all - page() - (size + align - 1) / align * align;
    memset(p + size, MARK, (size_t)(map + all - page() - (p + size)));
    memset(p - (uintptr_t)p % page(), MARK, (uintptr_t)p % page());
    return p;
}

/* What lies around the block must be as it was. */
static void check_block(const char *p, size_t size) {
    const char *map = (const char *)((uintptr_t)p / page() * page()); /* its first page that it shares */
    const char *const end = p + (size + 63) / 64 * 64;
    for (const char *at = map; at < p; at++)
        if (*(const unsigned char *)at != MARK) abort();
    for (const char *at = p + size; at < end; at++)
        if (*(const unsigned char *)at != MARK) abort();
}

static void *take(void *user, size_t size, size_t align) {
    (void)user;
    if (size >= SMALL_BLOCK) return guarded_block(size, 64);
    unsigned char *p = aligned_alloc(align, (size + align - 1) / align * align);
    return p ? memset(p, MARK, size) : NULL;
}

static void give_back(void *user, void *p, size_t size) {
    (void)user;
    if (size < SMALL_BLOCK) {
        free(p);
        return;
    }
    check_block(p, size);
    const size_t all = mapped(size);
    char *const end = (char *)p + (size + 63) / 64 * 64;
    VAEI_ZONES_END(end + page() - all, all);
    (void)munmap(end + page() - all, all);
}

float *random_floats(int64_t count) {
    float *p = guarded_block((size_t)count * sizeof(float), sizeof(float));
    if (!p) abort();
    return p;
}

/* A host that runs tasks last to first, or from the middle outwards: what they give may not depend on it. */
static void any_order(void *user, int32_t tasks, void (*task)(void *arg, int32_t index), void *arg) {
    (void)user;
    for (int32_t i = 0; i < tasks; i++) task(arg, tasks % 2 ? (tasks / 2 + 1 + i) % tasks : tasks - 1 - i);
}

vae_ctx_t *random_ctx(int32_t threads, int32_t isa) {
    vae_ctx_config_t config;
    vae_ctx_t *ctx = NULL;
    if (vae_ctx_config_init(&config, sizeof(config)) != VAE_OK) abort();
    config.alloc = take;
    config.free = give_back;
    config.threads = threads;
    config.parallel_for = threads == 0 ? any_order : NULL;
    config.isa = isa;
    return vae_ctx_create(&ctx, &config) == VAE_OK ? ctx : NULL;
}

/* ---- the model ---------------------------------------------------------------------------------------------------- */

static int64_t count_of(const vae_tensor_t *t) {
    int64_t count = 1;
    for (int32_t d = 0; d < vae_tensor_ndim(t); d++) count *= vae_tensor_shape(t)[d];
    return count;
}

/* Nothing may hide behind a 1 or a 0. What a latent or a prior keeps beside its weights is left as it starts. */
static void move_params(vae_model_t *m, random_dice *d) {
    for (int64_t i = 0; i < vae_model_param_count(m); i++) {
        const vae_tensor_t *t;
        const char *name;
        float values[256];
        if (vae_model_param(m, i, &t, &name) != VAE_OK) abort();
        const int64_t count = count_of(t);
        if (strncmp(name, "encoder", 7) != 0 && strncmp(name, "decoder", 7) != 0) continue;
        if (count > (int64_t)(sizeof(values) / sizeof(values[0]))) continue;
        for (int64_t j = 0; j < count; j++) values[j] = ((const float *)vae_tensor_data(t))[j] + (float)(0.4 * random_unit(d) - 0.15);
        if (vae_model_set_param(m, i, values, count) != VAE_OK) abort();
    }
}

vae_model_t *random_model(const random_case *c, vae_ctx_t *ctx, random_report *out) {
    vae_model_t *m = NULL;
    random_dice d = {c->seed + 11};
    if (vae_model_create(&m, ctx, c->model, c->seed) != VAE_OK) {
        out->refused = 1;
        (void)snprintf(out->message, sizeof(out->message), "%s", vae_last_error());
        return NULL;
    }
    move_params(m, &d);
    return m;
}

/* The likelihood of the model, or NULL. */
static const vaei_likelihood_ops *likelihood_of(const char *model) {
    const char *const at = strstr(model, "likelihood ");
    for (size_t i = 0; at && i < vaei_likelihoods_count; i++) {
        const vaei_likelihood_ops *const ops = (const vaei_likelihood_ops *)(const void *)vaei_likelihoods[i];
        const size_t length = strlen(ops->module.name);
        if (strncmp(at + strlen("likelihood "), ops->module.name, length) == 0 && strchr(" \n", at[strlen("likelihood ") + length]))
            return ops;
    }
    return NULL;
}

float *random_examples(const random_case *c, const vae_model_t *m) {
    random_dice d = {c->seed + 12};
    const int64_t count = c->n * vae_model_input_size(m);
    const vaei_likelihood_ops *const ops = likelihood_of(c->model);
    const int32_t unit = (ops && ops->hi <= 1) || random_chance(&d, 30), counts = ops && ops->lo >= 0 && !unit;
    float *x = random_floats(count);
    const int64_t tokens = vae_model_token_count(m);
    for (int64_t i = 0; i < count && tokens > 0; i++) x[i] = (float)random_range(&d, 0, tokens - 1);
    for (int64_t i = 0; i < count && tokens == 0; i++) x[i] = (float)(unit ? random_unit(&d) : 3 * random_unit(&d) - 1.5);
    for (int64_t i = 0; i < count && tokens == 0 && counts; i++) x[i] = floorf(2 * fabsf(x[i]));
    return x;
}

static const int32_t *random_labels(const random_case *c, const vae_model_t *m) {
    const int64_t classes = vae_model_class_count(m);
    random_dice d = {c->seed + 13};
    if (classes == 0) return NULL;
    int32_t *labels = (int32_t *)(void *)random_floats(c->n);
    for (int64_t i = 0; i < c->n; i++) labels[i] = (int32_t)random_range(&d, 0, classes - 1);
    return labels;
}

void random_bring(const random_case *c, const vae_model_t *m, int64_t first, vae_batch_t *batch) {
    static const int32_t *labels; /* of a process: it has one case */
    static float *values;
    const int64_t V = vae_model_condition_size(m);
    random_dice d = {c->seed + 15};
    char classes[32];
    const int32_t wants =
        vae_spec_get(c->model, "condition.classes", classes, sizeof(classes), NULL) == VAE_OK && strcmp(classes, "0") != 0;
    if (wants && !labels) labels = random_labels(c, m);
    if (V > 0 && !values) {
        values = random_floats(c->n * V);
        for (int64_t i = 0; i < c->n * V; i++) values[i] = (float)(4 * random_unit(&d) - 2);
    }
    if (wants) batch->label = labels + first;
    if (V > 0) batch->condition = values + first * V;
}

/* Lengths, if the model takes any: 1 to all steps. */
static const int32_t *random_lengths(const random_case *c, vae_model_t *m, random_report *out) {
    vaei_shape in = {0};
    random_dice d = {c->seed + 17};
    int32_t *const length = (int32_t *)(void *)random_floats(c->n);
    float *const x = random_examples(c, m), *const mean = random_floats(vae_model_latent_size(m));
    vae_session_t *s = NULL;
    vae_batch_t one = {.struct_size = sizeof(one), .n = 1, .x = x, .length = length};
    in.n = vae_model_input_shape(m, in.d);
    random_bring(c, m, 0, &one);
    for (int64_t i = 0; i < c->n; i++) length[i] = (int32_t)random_range(&d, 1, in.d[0]);
    if (vae_session_create(&s, m, 1) != VAE_OK) return NULL;
    out->lengths = vae_encode_batch(s, &one, mean, NULL) != VAE_E_UNSUPPORTED;
    vae_session_destroy(s);
    return out->lengths ? length : NULL;
}

/* What x holds beyond a length moves no bit of any result: it takes the place of what follows it, `by` numbers further. */
static void turn_beyond(const random_case *c, const vae_model_t *m, const int32_t *length, int64_t by, float *x) {
    int64_t shape[4];
    const int64_t S = vae_model_input_size(m);
    if (vae_model_input_shape(m, shape) < 1) abort();
    for (int64_t i = 0; i < c->n; i++) {
        float *const from = x + i * S + length[i] * (S / shape[0]), *const end = x + (i + 1) * S;
        for (int64_t k = 0; k < by && from < end; k++) {
            const float first = *from;
            memmove(from, from + 1, (size_t)(end - from - 1) * sizeof(*from));
            end[-1] = first;
        }
    }
}

/* ---- what comes out ----------------------------------------------------------------------------------------------- */

static void keep(random_result *r, const char *name, const void *data, size_t bytes) {
    if (r->count == (int32_t)(sizeof(r->name) / sizeof(r->name[0]))) abort();
    r->name[r->count] = name;
    r->data[r->count] = data;
    r->bytes[r->count++] = bytes;
}

static float *keep_floats(random_result *r, const char *name, int64_t count) {
    float *p = random_floats(count);
    keep(r, name, p, (size_t)count * sizeof(*p));
    return p;
}

/* A call may be one that this model does not have; then it says so, every time. */
static int32_t refused(random_result *r, int64_t first, vae_status_t status) {
    if (status == VAE_OK) return 0;
    if (first == 0) keep(r, "refusal", vae_status_name(status), strlen(vae_status_name(status)));
    return status == VAE_E_UNSUPPORTED || status == VAE_E_NUMERIC || status == VAE_E_STATE;
}

typedef struct use {
    const random_case *c;
    const random_variant *v;
    random_result *r;
    vae_model_t *m;
    vae_session_t *s;
    const float *x;
    int64_t S, D, K;
    const int32_t *labels, *length;
} use;

/* n examples from number i on, with x or without. */
static vae_batch_t batch_of(const use *u, int64_t i, int64_t n, int32_t x) {
    vae_batch_t b = {.struct_size = sizeof(b), .n = n, .x = x ? u->x + i * u->S : NULL, .length = u->length ? u->length + i : NULL};
    random_bring(u->c, u->m, i, &b);
    return b;
}

/* The examples of a batch in calls of v->part. */
#define IN_PARTS(u, i, n) for (int64_t i = 0, n; n = (u)->c->n - i < (u)->v->part ? (u)->c->n - i : (u)->v->part, i < (u)->c->n; i += n)

static int32_t use_codes(const use *u, random_report *out) {
    int32_t *codes = (int32_t *)(void *)random_floats(u->c->n * u->K);
    float *y = keep_floats(u->r, "decode_codes", u->c->n * u->S);
    if (u->K == 0) return 1;
    keep(u->r, "encode_codes", codes, (size_t)(u->c->n * u->K) * sizeof(*codes));
    IN_PARTS(u, i, n) {
        const vae_batch_t batch = batch_of(u, i, n, 1);
        RANDOM_TRY(out, vae_encode_codes_batch(u->s, &batch, codes + i * u->K));
    }
    IN_PARTS(u, i, n) {
        vae_batch_t batch = batch_of(u, i, n, 0);
        batch.codes = codes + i * u->K;
        RANDOM_TRY(out, vae_decode_batch(u->s, &batch, NULL, y + i * u->S));
    }
    return 1;
}

/* Samples: the means, or x drawn. */
static int32_t use_samples(const use *u, const char *name, uint32_t flags, random_report *out) {
    const int64_t N = u->c->n;
    float *x = keep_floats(u->r, name, N * u->S);
    RANDOM_TRY(out, vae_session_seed(u->s, 5));
    IN_PARTS(u, i, n) {
        vae_batch_t batch = batch_of(u, i, n, 0);
        batch.flags = flags;
        if (u->labels) batch.label = u->labels + i;
        const vae_status_t status = vae_sample_batch(u->s, &batch, x + i * u->S);
        if (!refused(u->r, i, status)) RANDOM_TRY(out, status);
        else memset(x, 0, (size_t)(N * u->S) * sizeof(float));
        if (status != VAE_OK) break;
    }
    return 1;
}

static int32_t use_session(const use *u, random_report *out) {
    const int64_t N = u->c->n;
    float *mean = keep_floats(u->r, "encode's mean", N * u->D), *logvar = keep_floats(u->r, "encode's logvar", N * u->D);
    float *y = keep_floats(u->r, "decode", N * u->S), *again = keep_floats(u->r, "reconstruct", N * u->S);
    double *scores = (double *)(void *)random_floats(6 * N);
    IN_PARTS(u, i, n) {
        const vae_batch_t batch = batch_of(u, i, n, 1);
        const vae_status_t both = vae_encode_batch(u->s, &batch, mean + i * u->D, logvar + i * u->D);
        if (refused(u->r, i, both)) memset(logvar + i * u->D, 0, (size_t)(n * u->D) * sizeof(float));
        else RANDOM_TRY(out, both);
        RANDOM_TRY(out, vae_encode_batch(u->s, &batch, mean + i * u->D, NULL));
        RANDOM_TRY(out, vae_reconstruct_batch(u->s, &batch, again + i * u->S));
    }
    IN_PARTS(u, i, n) {
        const vae_batch_t batch = batch_of(u, i, n, 0);
        RANDOM_TRY(out, vae_decode_batch(u->s, &batch, mean + i * u->D, y + i * u->S));
    }
    if (!use_samples(u, "sample", 0, out) || !use_samples(u, "draw", VAE_BATCH_DRAW, out)) return 0;
    keep(u->r, "elbo", scores, (size_t)(3 * N) * sizeof(double));
    RANDOM_TRY(out, vae_session_seed(u->s, 6));
    IN_PARTS(u, i, n) {
        vae_batch_t batch = batch_of(u, i, n, 1);
        if (u->labels) batch.label = u->labels + i;
        const vae_status_t status = vae_elbo_batch(u->s, &batch, 1, scores + i, scores + N + i, scores + 2 * N + i);
        if (!refused(u->r, i, status)) RANDOM_TRY(out, status);
        else memset(scores, 0, (size_t)(3 * N) * sizeof(double));
        if (status != VAE_OK) break;
    }
    return use_codes(u, out);
}

static int32_t keep_params(const use *u, const char *name) {
    for (int64_t i = 0, at = 0, pass = 0; pass < 2; pass++) {
        float *all = pass ? keep_floats(u->r, name, at) : NULL;
        for (i = 0, at = 0; i < vae_model_param_count(u->m); i++) {
            const vae_tensor_t *t;
            if (vae_model_param(u->m, i, &t, NULL) != VAE_OK) abort();
            if (pass) memcpy(all + at, vae_tensor_data(t), (size_t)count_of(t) * sizeof(float));
            at += count_of(t);
        }
    }
    return 1;
}

/* One step, or why there is none: examples too few for the layers or the latent, numbers too large. */
static int32_t step(const use *u, vae_trainer_t *t, int64_t n, random_report *out) {
    vae_metrics_t *metrics = (vae_metrics_t *)(void *)random_floats(sizeof(*metrics) / sizeof(float) + 2);
    metrics->struct_size = sizeof(*metrics);
    vae_batch_t batch = batch_of(u, 0, n, 1);
    if (u->labels) batch.label = u->labels;
    vae_status_t status = vae_trainer_step_batch(t, &batch, metrics);
    if (status == VAE_E_UNSUPPORTED &&
        batch.length) { /* the prior or the critic learns whole sequences, which turn_beyond() leaves alone */
        batch.length = NULL;
        batch.x = random_examples(u->c, u->m);
        status = vae_trainer_step_batch(t, &batch, metrics);
    }
    if (status == VAE_E_UNSUPPORTED && batch.label) { /* the prior is not what learns */
        batch.label = NULL;
        status = vae_trainer_step_batch(t, &batch, metrics);
    }
    if (status == VAE_OK) {
        keep(u->r, "metrics", metrics, sizeof(*metrics));
        return 1;
    }
    keep(u->r, "refused step", vae_status_name(status), strlen(vae_status_name(status)));
    if (status != VAE_E_ARG && status != VAE_E_NUMERIC && status != VAE_E_STATE)
        return random_fail(out, "vae_trainer_step: %s: %s", vae_status_name(status), vae_last_error());
    return 1;
}

/* The bytes that were told beforehand are those that were taken. */
static int32_t check_bytes(const char *what, uint64_t told, uint64_t taken, random_report *out) {
    if (taken == told) return 1;
    return random_fail(out, "%s takes %llu bytes, told %llu", what, (unsigned long long)taken, (unsigned long long)told);
}

/* A trainer for n examples, or for the least batch where that is more; its steps with n are then refused. */
vae_status_t random_trainer(vae_trainer_t **t, vae_model_t *m, const char *training, int64_t n) {
    int64_t least = 1;
    const vae_status_t status = vae_trainer_min_batch(m, training, &least);
    return status < 0 ? status : vae_trainer_create(t, m, training, n > least ? n : least);
}

static int32_t use_trainer(const use *u, vae_ctx_t *ctx, random_report *out) {
    char training[2048];
    vae_trainer_t *t = NULL;
    uint64_t told = 0;
    int64_t most = u->c->n > u->c->max_batch ? u->c->n : u->c->max_batch, least = 1;
    const uint64_t before = vae_ctx_bytes_in_use(ctx);
    (void)snprintf(training, sizeof(training), "%s%s", u->c->training, u->v->memory);
    RANDOM_TRY(out, vae_trainer_min_batch(u->m, training, &least));
    if (most < least) most = least;
    RANDOM_TRY(out, vae_trainer_bytes(u->m, training, most, &told));
    RANDOM_TRY(out, vae_trainer_create(&t, u->m, training, most));
    if (!check_bytes("trainer", told, vae_ctx_bytes_in_use(ctx) - before, out)) return 0;
    RANDOM_TRY(out, vae_trainer_seed(t, 9));
    for (int32_t i = 0; i < STEPS; i++)
        if (!step(u, t, i == 1 && u->c->n > 2 ? u->c->n - 1 : u->c->n, out)) return 0;
    vae_trainer_destroy(t);
    return keep_params(u, "parameters after training");
}

int32_t random_run(const random_case *c, const random_variant *v, random_result *r, random_report *out) {
    vae_ctx_t *ctx = random_ctx(v->threads, v->isa);
    vae_session_t *s = NULL;
    uint64_t told = 0;
    if (!ctx) return 1;
    const uint64_t empty = vae_ctx_bytes_in_use(ctx);
    vae_model_t *m = random_model(c, ctx, out);
    if (!m) {
        vae_ctx_destroy(ctx);
        return 0;
    }
    const uint64_t before = vae_ctx_bytes_in_use(ctx);
    const int32_t *const length = random_lengths(c, m, out);
    float *const x = random_examples(c, m);
    if (length) turn_beyond(c, m, length, (int64_t)strlen(v->name), x);
    RANDOM_TRY(out, vae_session_bytes(m, v->max_batch, &told));
    RANDOM_TRY(out, vae_session_create(&s, m, v->max_batch));
    if (!check_bytes("session", told, vae_ctx_bytes_in_use(ctx) - before, out)) return 0;
    const use u = {
        c, v, r, m, s, x, vae_model_input_size(m), vae_model_latent_size(m), vae_model_codes_per_example(m), random_labels(c, m), length};
    if (!use_session(&u, out)) return 0;
    if (!use_trainer(&u, ctx, out)) return 0;
    float *after = keep_floats(r, "reconstruct after training", c->n * u.S);
    IN_PARTS(&u, i, n) {
        const vae_batch_t batch = batch_of(&u, i, n, 1);
        const vae_status_t status = vae_reconstruct_batch(s, &batch, after + i * u.S);
        if (!refused(r, i, status)) RANDOM_TRY(out, status);
    }
    vae_session_destroy(s);
    vae_model_destroy(m);
    const uint64_t left = vae_ctx_bytes_in_use(ctx) - empty;
    if (left != 0) return random_fail(out, "%llu bytes are left", (unsigned long long)left);
    vae_ctx_destroy(ctx);
    return 1;
}

/* ---- save, load, resume -------------------------------------------------------------------------------------------- */

static int32_t same_params(const vae_model_t *a, const vae_model_t *b, const char *what, random_report *out) {
    for (int64_t i = 0; i < vae_model_param_count(a); i++) {
        const vae_tensor_t *x, *y;
        const char *name;
        if (vae_model_param(a, i, &x, &name) != VAE_OK || vae_model_param(b, i, &y, NULL) != VAE_OK) abort();
        if (memcmp(vae_tensor_data(x), vae_tensor_data(y), (size_t)count_of(x) * sizeof(float)) != 0)
            return random_fail(out, "%s: parameter %s differs", what, name);
    }
    return 1;
}

/* A trainer that went on, and one that came from the file of the first step. */
int32_t random_resume(const random_case *c, random_report *out) {
    char path[128];
    random_result r[2] = {{{0}, {0}, {0}, 0}, {{0}, {0}, {0}, 0}};
    const random_variant v = {"resume", 1, 0, c->max_batch, c->n, ""};
    vae_ctx_t *ctx = random_ctx(2, 0);
    vae_model_t *m = random_model(c, ctx, out), *loaded = NULL;
    vae_trainer_t *a = NULL, *b = NULL;
    if (!m) return 0;
    const use u = {
        c, &v, &r[0], m, NULL, random_examples(c, m), vae_model_input_size(m), 0, 0, random_labels(c, m), random_lengths(c, m, out)};
    use w = u;
    w.r = &r[1];
    (void)snprintf(path, sizeof(path), "/tmp/random_models.%ld.safetensors", (long)getpid());
    RANDOM_TRY(out, random_trainer(&a, m, c->training, c->n));
    RANDOM_TRY(out, vae_trainer_seed(a, 9));
    if (!step(&u, a, c->n, out)) return 0;
    RANDOM_TRY(out, vae_trainer_save(a, path));
    const vae_status_t status = vae_model_load(&loaded, ctx, path);
    if (status == VAE_OK && !same_params(m, loaded, "load", out)) return 0;
    if (status == VAE_OK) RANDOM_TRY(out, random_trainer(&b, loaded, c->training, c->n));
    const vae_status_t again = status == VAE_OK ? vae_trainer_load(b, path) : status;
    (void)unlink(path);
    if (again != VAE_OK) return random_fail(out, "load: %s", vae_last_error());
    for (int32_t i = 0; i < 2; i++)
        if (!step(&u, a, c->n, out) || !step(&w, b, c->n, out)) return 0;
    out->resumed = 1;
    return same_params(m, loaded, "resume", out);
}
