/* SPDX-License-Identifier: MIT
 * measuring.c - arrays for measures. A measure that has a number for each example is given ENGINE_BATCH of them at a time, so that
 * reconstructions of the whole data set are never in memory; posteriors are. */
#include "measuring.h"
#include "console.h"
#include "engine.h"
#include "labels.h"
#include "mem.h"
#include "pictures.h"
#include "progress.h"

#include <stdlib.h>
#include <string.h>

#define PICTURES   (VAE_MEASURE_X | VAE_MEASURE_Y)
#define POSTERIORS (VAE_MEASURE_MEAN | VAE_MEASURE_LOGVAR)

/* What the model or the data lack for a measure, or NULL. */
static const char *lacks(const task_t *task, uint32_t reads) {
    const data_t *data = task->data;
    const bool codes = vae_model_codebook_size(task->model) > 0;
    if (reads & VAE_MEASURE_SCORE) return "it is of scores of anomalies: vae anomaly score prints it";
    if (reads & PICTURES && picture_extent(task->model, data).n == 0) return "the examples are no pictures";
    if (reads & VAE_MEASURE_MEAN && codes) return "the latent of this model has codes";
    if (reads & VAE_MEASURE_LOGVAR && !model_has_prior(task->model)) return "the latent of this model has no distribution";
    if (reads & VAE_MEASURE_FACTOR && !data->factor && !data->label) return "the data has neither factors nor labels";
    return NULL;
}

static void add(measuring_t *m, const char *text, uint32_t reads) {
    m->item = mem_grow(m->item, m->n + 1, sizeof *m->item);
    m->item[m->n++] = (measuring_item_t){.text = mem_text(text), .reads = reads};
}

/* A copy of text[n] without the spaces around it. */
static char *trimmed(const char *text, size_t n) {
    while (n > 0 && (*text == ' ' || *text == '\n')) text++, n--;
    while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\n')) n--;
    return mem_text_n(text, n);
}

measuring_t measuring_parse(const char *text, const task_t *task) {
    measuring_t m = {0};
    for (const char *at = text; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL) {
        char *one = trimmed(at, strcspn(at, "|"));
        uint32_t reads;
        must_or(vae_measure_reads(one, &reads), EXIT_USAGE);
        const char *why = lacks(task, reads);
        if (why) die(EXIT_USAGE, "--measures: %s: %s", one, why);
        add(&m, one, reads);
        free(one);
    }
    return m;
}

measuring_t measuring_all(const task_t *task) {
    measuring_t m = {0};
    for (int32_t i = 0; i < vae_registry_count("measure"); i++) {
        const char *name = vae_registry_name("measure", i);
        uint32_t reads;
        must(vae_measure_reads(name, &reads));
        if (!lacks(task, reads)) add(&m, name, reads);
    }
    return m;
}

/* What a pass over the data fills. */
typedef struct arrays {
    uint32_t reads;                /* of all measures together */
    float *x, *y;                  /* [ENGINE_BATCH][S] */
    float *mean, *logvar, *factor; /* [n][...] */
    vae_measured_t whole;
} arrays_t;

static arrays_t arrays_make(const measuring_t *m, const task_t *task, const bounds_t *bounds) {
    const int64_t S = vae_model_input_size(task->model), D = vae_model_latent_size(task->model), n = task->n;
    const extent_t extent = picture_extent(task->model, task->data);
    const data_t *data = task->data;
    const int64_t F = data->factor ? data->n_factor : 1;
    arrays_t a = {.whole = {.struct_size = sizeof a.whole, .n = n, .height = 1, .width = 1, .channels = S, .latents = D, .factors = F}};
    for (int64_t i = 0; i < m->n; i++) a.reads |= m->item[i].reads;
    if (extent.n > 0) (void)extent_drawable(&extent, &a.whole.height, &a.whole.width, &a.whole.channels);
    a.x = mem_alloc(ENGINE_BATCH * S, sizeof *a.x);
    a.y = mem_alloc(ENGINE_BATCH * S, sizeof *a.y);
    a.mean = mem_alloc(a.reads & POSTERIORS ? n * D : 0, sizeof *a.mean);
    a.logvar = mem_alloc(a.reads & POSTERIORS ? n * D : 0, sizeof *a.logvar);
    a.factor = mem_alloc(n * F, sizeof *a.factor);
    for (int64_t i = 0; i < n && !data->factor && data->label; i++) a.factor[i] = (float)data->label[i];
    if (data->factor) memcpy(a.factor, data->factor, (size_t)(n * F) * sizeof *a.factor);
    a.whole.mean = a.mean, a.whole.logvar = a.logvar, a.whole.factor = a.factor;
    a.whole.bound = bounds->elbo, a.whole.rate = bounds->rate;
    return a;
}

/* The rows from number `first` on. */
static vae_measured_t part_of(const arrays_t *a, int64_t first, int64_t n) {
    vae_measured_t part = a->whole;
    part.n = n;
    part.x = a->x, part.y = a->y;
    part.mean += first * part.latents, part.logvar += first * part.latents;
    part.factor += first * part.factors;
    part.bound += first, part.rate += first;
    return part;
}

void measuring_run(measuring_t *m, const task_t *task, const bounds_t *bounds) {
    arrays_t a = arrays_make(m, task, bounds);
    double value;
    for (int64_t first = 0; first < task->n; first += ENGINE_BATCH) {
        const int64_t n = task->n - first < ENGINE_BATCH ? task->n - first : ENGINE_BATCH, at = first * a.whole.latents;
        data_range(task->data, first, n, a.x);
        const vae_batch_t batch = labels_batch(task->model, task->data, first, n, a.x);
        if (a.reads & VAE_MEASURE_Y) must(vae_reconstruct_batch(task->session, &batch, a.y));
        if (a.reads & POSTERIORS) must(vae_encode_batch(task->session, &batch, a.mean + at, a.logvar + at));
        const vae_measured_t part = part_of(&a, first, n);
        for (int64_t i = 0; i < m->n; i++) {
            if (!(m->item[i].reads & VAE_MEASURE_EACH)) continue;
            must(vae_measure(task->ctx, m->item[i].text, &part, &value, NULL));
            m->item[i].value += value * (double)n / (double)task->n;
        }
        progress_count("measuring examples", first + n, task->n);
    }
    for (int64_t i = 0; i < m->n; i++)
        if (!(m->item[i].reads & VAE_MEASURE_EACH)) must(vae_measure(task->ctx, m->item[i].text, &a.whole, &m->item[i].value, NULL));
    free(a.x), free(a.y), free(a.mean), free(a.logvar), free(a.factor);
}

void measuring_free(measuring_t *m) {
    for (int64_t i = 0; i < m->n; i++) free(m->item[i].text);
    free(m->item);
}
