/* SPDX-License-Identifier: MIT
 * check_model_file.c - tests valid files that do not fit: metadata, tensors and training state that are missing, unknown or
 * of another shape (MF25, MF26, MF40 to MF49), through the public calls. Damaged files are in check_safetensors.c. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "io/safetensors.h"

#define SPEC "input 2\nencoder\nlatent none\ndecoder linear out=2\nlikelihood gaussian\n"

static char folder[64], path[128], changed[128];
static vaei_heap heap;

static void setup(void) {
    strcpy(folder, "/tmp/vae-check-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/a.safetensors", folder);
    (void)snprintf(changed, sizeof changed, "%s/b.safetensors", folder);
    vaei_heap_init_default(&heap);
}

static void teardown(void) {
    (void)unlink(path);
    (void)unlink(changed);
    (void)rmdir(folder);
    ck_assert_uint_eq(heap.in_use, 0);
}

/* ---- models ------------------------------------------------------------------------------------------------------ */

static const float values[8] = {1, 2, 3, 4, 5, 6, 7, 8};
static const float with_nan[4] = {1, 2, NAN, 4}, with_inf[4] = {1, 2, 3, -INFINITY};
static const uint16_t halves[4] = {0x3C00, 0x4000, 0x4200, 0x4400}; /* 1, 2, 3, 4 */
static const double doubles[4] = {1, 2, 3, 4};

#define BYTES(array) (const uint8_t *)(array)
#define WEIGHT_OF(type, rank, a, b, n, array) \
    { .name = "decoder.0.weight", .dtype = type, .ndim = rank, .shape = {a, b}, .count = n, .data = BYTES(array) }
#define WEIGHT WEIGHT_OF(VAEI_DTYPE_F32, 2, 2, 2, 4, values)
#define BIAS \
    { .name = "decoder.0.bias", .dtype = VAEI_DTYPE_F32, .ndim = 1, .shape = {2}, .count = 2, .data = BYTES(values) }
#define OTHER(title) \
    { .name = title, .dtype = VAEI_DTYPE_F32, .ndim = 1, .shape = {1}, .count = 1, .data = BYTES(values) }

static const struct {
    const char *id, *version, *spec;
    vaei_entry entry[3];
    int64_t n;
    vae_status_t status;
} models[] = {
    {"ok", "1", SPEC, {WEIGHT, BIAS}, 2, VAE_OK},
    {"ok F16", "1", SPEC, {WEIGHT_OF(VAEI_DTYPE_F16, 2, 2, 2, 4, halves), BIAS}, 2, VAE_OK},
    {"ok F64", "1", SPEC, {WEIGHT_OF(VAEI_DTYPE_F64, 2, 2, 2, 4, doubles), BIAS}, 2, VAE_OK},
    {"stray tensor behind an optimizer's", "1", SPEC, {OTHER("optimizer.0.decoder.0.bias"), BIAS, OTHER("stray")}, 3, VAE_E_FORMAT},
    {"ok checkpoint", "1", SPEC, {WEIGHT, BIAS, OTHER("optimizer.0.decoder.0.bias")}, 3, VAE_OK},
    {"MF25 zero dimension", "1", SPEC, {WEIGHT_OF(VAEI_DTYPE_F32, 2, 0, 2, 0, values), BIAS}, 2, VAE_E_SHAPE},
    {"MF26 rank 0", "1", SPEC, {WEIGHT_OF(VAEI_DTYPE_F32, 0, 1, 1, 1, values), BIAS}, 2, VAE_E_SHAPE},
    {"MF40 no version", NULL, SPEC, {WEIGHT, BIAS}, 2, VAE_E_FORMAT},
    {"MF40 no spec", "1", NULL, {WEIGHT, BIAS}, 2, VAE_E_FORMAT},
    {"MF40 empty spec", "1", "", {WEIGHT, BIAS}, 2, VAE_E_SPEC},
    {"MF40 bad spec", "1", "input 2\nencodre\n", {WEIGHT, BIAS}, 2, VAE_E_SPEC},
    {"MF40 newer", "2", SPEC, {WEIGHT, BIAS}, 2, VAE_E_VERSION},
    {"MF40 newer minor", "1.1", SPEC, {WEIGHT, BIAS}, 2, VAE_E_VERSION},
    {"MF40 no number", "one", SPEC, {WEIGHT, BIAS}, 2, VAE_E_VERSION},
    {"MF42 missing", "1", SPEC, {WEIGHT}, 1, VAE_E_FORMAT},
    {"MF42 none", "1", SPEC, {WEIGHT}, 0, VAE_E_FORMAT},
    {"MF43 extra", "1", SPEC, {WEIGHT, BIAS, OTHER("decoder.1.bias")}, 3, VAE_E_FORMAT},
    {"MF43 other case", "1", SPEC, {WEIGHT, BIAS, OTHER("Decoder.0.bias")}, 3, VAE_E_FORMAT},
    {"MF44 larger", "1", SPEC, {WEIGHT_OF(VAEI_DTYPE_F32, 2, 4, 2, 8, values), BIAS}, 2, VAE_E_SHAPE},
    {"MF44 same count", "1", SPEC, {WEIGHT_OF(VAEI_DTYPE_F32, 2, 1, 4, 4, values), BIAS}, 2, VAE_E_SHAPE},
    {"MF44 other rank", "1", SPEC, {WEIGHT_OF(VAEI_DTYPE_F32, 1, 4, 0, 4, values), BIAS}, 2, VAE_E_SHAPE},
    {"MF45 whole numbers", "1", SPEC, {WEIGHT_OF(VAEI_DTYPE_I32, 2, 2, 2, 4, values), BIAS}, 2, VAE_E_UNSUPPORTED},
    {"MF46 NaN", "1", SPEC, {WEIGHT_OF(VAEI_DTYPE_F32, 2, 2, 2, 4, with_nan), BIAS}, 2, VAE_E_NUMERIC},
    {"MF46 infinity", "1", SPEC, {WEIGHT_OF(VAEI_DTYPE_F32, 2, 2, 2, 4, with_inf), BIAS}, 2, VAE_E_NUMERIC},
};

static void write_case(int i) {
    vaei_text_entry text[2];
    int64_t n = 0;
    if (models[i].version) text[n++] = (vaei_text_entry){"vae.format_version", models[i].version};
    if (models[i].spec) text[n++] = (vaei_text_entry){"vae.spec", models[i].spec};
    ck_assert_int_eq(vaei_file_write(path, &heap, models[i].entry, models[i].n, text, n), VAE_OK);
}

/* What a file may cost before it is refused: twice its bytes and 1 MiB, and 50 ms of this process. */
static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static void check_cost(const char *id, const test_heap *h, size_t size, double start) {
    ck_assert_msg(h->peak <= (int64_t)(2 * size) + 1048576, "%s: %lld bytes for a file of %zu", id, (long long)h->peak, size);
    ck_assert_msg(now_ms() - start < 50, "%s: %g ms", id, now_ms() - start);
}

/* Texts that declare far more than the bytes that stand behind them. */
static const char *const bombs[] = {
    "input 65536\nencoder linear out=65536\nlatent gaussian dim=65536\ndecoder linear out=65536\n",
    "input 65536\nencoder repeat n=1000 { linear out=65536 }\nlatent none\ndecoder linear out=65536\n",
    "input 8192\nencoder repeat n=64 { linear out=8192 | residual { linear out=8192 } }\nlatent gaussian dim=8\ndecoder "
    "linear out=8192\n",
    "input 64x64x512\nencoder conv2d out=4096 kernel=31 pad=15\nlatent vq codes=65536 dim=4096\ndecoder conv2d out=512 "
    "kernel=1\n",
    "input 64x64x512\nencoder attention heads=1 | conv2d out=4096 kernel=3 pad=1\nlatent rvq codes=65536 dim=4096 "
    "quantizers=8\ndecoder deconv2d out=512 kernel=1\n",
    "input 16\nencoder linear out=8\nlatent gaussian dim=8\ndecoder linear out=16\nprior gmm components=65536\n",
    "input 65536\nencoder linear out=8\nlatent gaussian dim=8\ndecoder linear out=65536\nprior vamp "
    "components=10000\n",
    "input 65536\nencoder linear out=8\nlatent gaussian dim=8\ndecoder linear out=65536\nprior aggregate "
    "posteriors=100000\n",
    "input 32x32x1\nencoder conv2d out=8 kernel=1\nlatent vq codes=65536 dim=8\ndecoder conv2d out=1 kernel=1\nprior "
    "pixelcnn channels=1024\n",
    "input 32x32x1\nencoder conv2d out=8 kernel=1\nlatent vq codes=65536 dim=8\ndecoder conv2d out=1 kernel=1\nprior "
    "transformer channels=4096 layers=32\n",
};

START_TEST(test_what_a_text_declares_is_not_taken_before_the_file_has_it) {
    char spec[1024];
    uint8_t bytes[4096];
    test_heap h = {0};
    vae_model_t *m;
    (void)snprintf(spec, sizeof spec, "%slikelihood gaussian\n", bombs[_i]);
    const vaei_text_entry text[] = {{"vae.format_version", "1"}, {"vae.spec", spec}};
    ck_assert_int_eq(vaei_file_write(path, &heap, NULL, 0, text, 2), VAE_OK);
    FILE *file = fopen(path, "rb");
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    vae_ctx_t *ctx = test_ctx(&h, 1, 0);
    for (int from_memory = 0; from_memory < 2; from_memory++) {
        const double start = now_ms();
        const vae_status_t status = from_memory ? vae_model_load_memory(&m, ctx, bytes, size) : vae_model_load(&m, ctx, path);
        ck_assert_msg(status == VAE_E_FORMAT || status == VAE_E_LIMIT, "%s: %s", spec, vae_last_error());
        check_cost(spec, &h, size, start);
    }
    vae_ctx_destroy(ctx);
    ck_assert_int_eq(h.live, 0);
}
END_TEST

/* Data that do not belong to the model are not read: a file with holes, terabytes long, is refused as fast as another. */
START_TEST(test_a_file_of_another_model_is_refused_by_its_header) {
    const vaei_text_entry text[] = {{"vae.format_version", "1"}, {"vae.spec", SPEC}};
    const vaei_entry entry[] = {WEIGHT, OTHER("encoder.0.weight")};
    char *head = malloc(4096);
    test_heap h = {0};
    vae_model_t *m;
    ck_assert_int_eq(vaei_file_write(path, &heap, entry, 2, text, 2), VAE_OK);
    FILE *file = fopen(path, "rb");
    const size_t size = fread(head, 1, 4095, file);
    fclose(file);
    head[size] = '\0';
    char *shape = strstr(head + 8, "\"shape\":[1],\"data_offsets\":[16,20]}}");
    ck_assert_ptr_nonnull(shape);
    memcpy(shape, "\"shape\":[4000000000],\"data_offsets\":[16,16000000016]}}    ", 58);
    file = fopen(path, "wb");
    ck_assert_uint_eq(fwrite(head, 1, size - 20, file), size - 20);
    fclose(file);
    ck_assert_int_eq(truncate(path, (off_t)(size - 20) + 16000000016), 0);
    free(head);
    vae_ctx_t *ctx = test_ctx(&h, 1, 0);
    const double start = now_ms();
    ck_assert_fails(vae_model_load(&m, ctx, path), VAE_E_FORMAT);
    check_cost("sparse", &h, 4096, start);
    vae_ctx_destroy(ctx);
}
END_TEST

START_TEST(test_model_file_must_fit) {
    uint8_t bytes[4096];
    test_heap h = {0};
    vae_ctx_t *ctx = test_ctx(&h, 1, 0);
    const int64_t live = h.live;
    write_case(_i);
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    for (int from_memory = 0; from_memory < 2; from_memory++) {
        vae_model_t *m = NULL;
        const double start = now_ms();
        const vae_status_t status = from_memory ? vae_model_load_memory(&m, ctx, bytes, size) : vae_model_load(&m, ctx, path);
        ck_assert_msg(status == models[_i].status, "%s: %s (%s)", models[_i].id, vae_status_name(status), vae_last_error());
        if (status == VAE_OK) {
            int64_t count;
            float *p = all_params(m, &count);
            ck_assert_int_eq(count, 6);
            ck_assert_mem_eq(p, values, 4 * sizeof(float));
            free(p);
        } else {
            ck_assert_ptr_null(m);
            ck_assert_ptr_nonnull(strstr(vae_last_error(), from_memory ? "memory" : "a.safetensors"));
            check_cost(models[_i].id, &h, size, start);
        }
        vae_model_destroy(m);
        ck_assert_int_eq(h.live, live);
    }
    vae_ctx_destroy(ctx);
    ck_assert_int_eq(h.live, 0);
}
END_TEST

/* Into a model that is there: the same judgement of the tensors, metadata or not, and on failure not one value changes. */
START_TEST(test_load_weights_is_all_or_nothing) {
    vae_model_t *m;
    int64_t count;
    const int is_about_texts = strncmp(models[_i].id, "MF40", 4) == 0;
    const vae_status_t wanted = is_about_texts ? VAE_OK : models[_i].status;
    ck_assert_ok(vae_model_create(&m, NULL, SPEC, 3));
    write_case(_i);
    float *before = all_params(m, &count);
    ck_assert_int_eq(vae_model_load_weights(m, path), wanted);
    float *after = all_params(m, &count);
    if (wanted == VAE_OK) ck_assert_mem_eq(after, values, 4 * sizeof(float));
    else ck_assert_mem_eq(after, before, (size_t)count * sizeof(float));
    free(before);
    free(after);
    vae_model_destroy(m);
}
END_TEST

START_TEST(test_MF47_damaged_weights_are_refused) {
    vae_model_t *m, *again;
    uint8_t bytes[4096];
    ck_assert_ok(vae_model_create(&m, NULL, SPEC, 3));
    ck_assert_ok(vae_model_save(m, path));
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    ck_assert_ok(vae_model_load_memory(&again, NULL, bytes, size));
    vae_model_destroy(again);
    for (size_t i = size - 24; i < size; i++) { /* six floats */
        bytes[i] ^= 1;
        ck_assert_fails(vae_model_load_memory(&again, NULL, bytes, size), VAE_E_FORMAT);
        ck_assert_ptr_nonnull(strstr(vae_last_error(), "checksum"));
        bytes[i] ^= 1;
    }
    vae_model_destroy(m);
}
END_TEST

/* ---- checkpoints ------------------------------------------------------------------------------------------------- */

typedef struct run {
    vae_model_t *model;
    vae_trainer_t *trainer;
} run;

static void run_init(run *r, int steps) {
    float x[8];
    ck_assert_ok(vae_model_create(&r->model, NULL, SPEC, 3));
    ck_assert_ok(vae_trainer_create(&r->trainer, r->model, "optimizer adam lr=0.01", 4));
    fill(x, 8, 5);
    for (int i = 0; i < steps; i++) ck_assert_ok(vae_trainer_step(r->trainer, 4, x, NULL));
}

static void run_free(run *r) {
    vae_trainer_destroy(r->trainer);
    vae_model_destroy(r->model);
}

/* path with one text set to value (NULL: left out), or one tensor left out, into `changed`. */
static void change(const char *key, const char *value, const char *tensor) {
    vaei_text_entry text[32];
    vaei_entry entry[32];
    vaei_file f;
    int64_t n_text = 0, n = 0;
    int found = 0;
    ck_assert_int_eq(vaei_file_read(&f, &heap, path), VAE_OK);
    ck_assert_int_le(f.n_text, 32);
    ck_assert_int_le(f.n_entries, 32);
    for (int64_t i = 0; i < f.n_text; i++) {
        const int is_it = key && strcmp(f.text[i].key, key) == 0;
        found |= is_it;
        if (strcmp(f.text[i].key, "vae.crc32c") == 0 || (is_it && !value)) continue;
        text[n_text] = f.text[i];
        if (is_it) text[n_text].value = value;
        n_text++;
    }
    for (int64_t i = 0; i < f.n_entries; i++) {
        const int is_it = tensor && strcmp(f.entry[i].name, tensor) == 0;
        found |= is_it;
        if (!is_it) entry[n++] = f.entry[i];
    }
    ck_assert(found || (!key && !tensor));
    ck_assert_int_eq(vaei_file_write(changed, &heap, entry, n, text, n_text), VAE_OK);
    vaei_file_close(&f);
}

static const struct {
    const char *id, *key, *value, *tensor;
    vae_status_t status;
} checkpoints[] = {
    {"ok", NULL, NULL, NULL, VAE_OK},
    {"ok last step", "vae.step", "72057594037927935", NULL, VAE_OK},
    {"MF48 no training", "vae.training", NULL, NULL, VAE_E_FORMAT},
    {"MF48 no optimizer", "vae.optimizer", NULL, NULL, VAE_E_FORMAT},
    {"MF48 no first slot", NULL, NULL, "optimizer.0.decoder.0.bias", VAE_E_FORMAT},
    {"MF48 no second slot", NULL, NULL, "optimizer.1.decoder.0.weight", VAE_E_FORMAT},
    {"MF42 no weight", NULL, NULL, "decoder.0.weight", VAE_E_FORMAT},
    {"MF49 no step", "vae.step", NULL, NULL, VAE_E_FORMAT},
    {"MF49 step -1", "vae.step", "-1", NULL, VAE_E_FORMAT},
    {"MF49 step 2^56", "vae.step", "72057594037927936", NULL, VAE_E_FORMAT},
    {"MF49 step 2^64", "vae.step", "18446744073709551616", NULL, VAE_E_FORMAT},
    {"MF49 step 1e3", "vae.step", "1e3", NULL, VAE_E_FORMAT},
    {"MF49 step empty", "vae.step", "", NULL, VAE_E_FORMAT},
    {"MF49 seed", "vae.seed", "0x10", NULL, VAE_E_FORMAT},
    {"MF49 no lr", "vae.lr", NULL, NULL, VAE_E_FORMAT},
    {"other version", "vae.format_version", "2", NULL, VAE_E_STATE},
    {"MF49 lr NaN", "vae.lr", "7ff8000000000000", NULL, VAE_E_FORMAT},
    {"MF49 lr infinite", "vae.lr", "7ff0000000000000", NULL, VAE_E_FORMAT},
    {"MF49 lr negative", "vae.lr", "bff0000000000000", NULL, VAE_E_FORMAT},
    {"other training", "vae.training", "optimizer sgd\n", NULL, VAE_E_STATE},
    {"other spec", "vae.spec", "input 3\n", NULL, VAE_E_STATE},
};

START_TEST(test_checkpoint_must_fit) {
    run saved, fresh;
    int64_t count;
    run_init(&saved, 3);
    ck_assert_ok(vae_trainer_save(saved.trainer, path));
    change(checkpoints[_i].key, checkpoints[_i].value, checkpoints[_i].tensor);
    run_init(&fresh, 1);
    float *before = all_params(fresh.model, &count), *wanted = all_params(saved.model, &count);
    const vae_status_t status = vae_trainer_load(fresh.trainer, changed);
    float *after = all_params(fresh.model, &count);
    ck_assert_msg(status == checkpoints[_i].status, "%s: %s (%s)", checkpoints[_i].id, vae_status_name(status), vae_last_error());
    ck_assert_mem_eq(after, status == VAE_OK ? wanted : before, (size_t)count * sizeof(float));
    free(before);
    free(wanted);
    free(after);
    run_free(&saved);
    run_free(&fresh);
}
END_TEST

/* The tensors of a checkpoint that has every text right. */
static const struct {
    const char *tensor;
    int32_t dtype;
    int64_t count;
    const float *data;
    vae_status_t status;
    const char *words;
} wrong_tensors[] = {
    {"optimizer.0.decoder.0.bias", VAEI_DTYPE_F32, 1, values, VAE_E_FORMAT, "missing or of another size"},
    {"optimizer.0.decoder.0.bias", VAEI_DTYPE_I32, 2, values, VAE_E_UNSUPPORTED, "is I32, wanted F32"},
    {"optimizer.0.decoder.0.bias", VAEI_DTYPE_F32, 2, with_nan + 1, VAE_E_NUMERIC, "optimizer.0.decoder.0.bias': value 1 is not"},
    {"decoder.0.bias", VAEI_DTYPE_F32, 2, with_nan + 1, VAE_E_NUMERIC, "decoder.0.bias': value 1 is not"},
};

START_TEST(test_checkpoint_tensors_must_fit) {
    run r;
    int64_t count, n = 0;
    vaei_file f;
    vaei_entry entry[32];
    run_init(&r, 3);
    ck_assert_ok(vae_trainer_save(r.trainer, path));
    ck_assert_int_eq(vaei_file_read(&f, &heap, path), VAE_OK);
    for (; n < f.n_entries; n++) {
        entry[n] = f.entry[n];
        if (strcmp(entry[n].name, wrong_tensors[_i].tensor) != 0) continue;
        entry[n].dtype = wrong_tensors[_i].dtype;
        entry[n].ndim = 1;
        entry[n].shape[0] = entry[n].count = wrong_tensors[_i].count;
        entry[n].data = BYTES(wrong_tensors[_i].data);
    }
    ck_assert_int_eq(vaei_file_write(changed, &heap, entry, n, f.text + 1, f.n_text - 1), VAE_OK); /* but for the checksum */
    vaei_file_close(&f);
    float *before = all_params(r.model, &count);
    ck_assert_fails(vae_trainer_load(r.trainer, changed), wrong_tensors[_i].status);
    ck_assert_msg(strstr(vae_last_error(), wrong_tensors[_i].words) != NULL, "%s", vae_last_error());
    float *after = all_params(r.model, &count);
    ck_assert_mem_eq(after, before, (size_t)count * sizeof(float));
    ck_assert_int_eq(vae_trainer_steps(r.trainer), 3);
    free(before);
    free(after);
    run_free(&r);
}
END_TEST

/* Each allocation of a save fails: it is said, and the file that was there stays. */
START_TEST(test_checkpoint_without_memory) {
    static const char many[] = "input 2\nencoder\nlatent none\ndecoder repeat n=40 { linear out=2 }\nlikelihood gaussian\n";
    test_heap h = {0};
    vae_ctx_t *ctx = test_ctx(&h, 1, 0);
    vae_model_t *m;
    vae_trainer_t *t;
    ck_assert_ok(vae_model_create(&m, ctx, many, 3));
    ck_assert_ok(vae_trainer_create(&t, m, "optimizer adam lr=0.01", 4));
    ck_assert_ok(vae_trainer_save(t, path));
    const int64_t live = h.live;
    vae_status_t status = VAE_E_NOMEM;
    for (int64_t at = 1; status != VAE_OK; at++) {
        h.fail_at = h.calls + at;
        status = vae_trainer_save(t, path);
        h.fail_at = 0;
        ck_assert(status == VAE_OK || status == VAE_E_NOMEM);
        ck_assert_int_eq(h.live, live);
        ck_assert_ok(vae_trainer_load(t, path));
    }
    vae_trainer_destroy(t);
    vae_model_destroy(m);
    vae_ctx_destroy(ctx);
    ck_assert_int_eq(h.live, 0);
}
END_TEST

START_TEST(test_checkpoint_waits_for_no_gradients) {
    run r;
    float x[8];
    run_init(&r, 1);
    fill(x, 8, 5);
    ck_assert_ok(vae_trainer_save(r.trainer, path));
    ck_assert_ok(vae_trainer_backward(r.trainer, 4, x, NULL, NULL));
    ck_assert_fails(vae_trainer_load(r.trainer, path), VAE_E_STATE);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "vae_trainer_apply()"));
    run_free(&r);
}
END_TEST

START_TEST(test_MF48_model_is_not_a_checkpoint) {
    run r;
    run_init(&r, 1);
    ck_assert_ok(vae_model_save(r.model, path));
    ck_assert_fails(vae_trainer_load(r.trainer, path), VAE_E_FORMAT);
    ck_assert_ptr_nonnull(strstr(vae_last_error(), "not a checkpoint"));
    run_free(&r);
}
END_TEST

/* ---- the manual ---------------------------------------------------------------------------------------------------- */

/* The keys that the table of docs/formats.md gives for models, or for checkpoints: in order, a space behind each. */
static void documented_keys(int32_t checkpoint, char out[1024]) {
    char line[512], key[64], where[64];
    FILE *doc = fopen("docs/formats.md", "r");
    ck_assert_ptr_nonnull(doc);
    out[0] = '\0';
    while (fgets(line, sizeof line, doc)) {
        if (sscanf(line, "| `%60[^`]` | %60[a-z] |", key, where) != 2) continue;
        if (strcmp(where, "both") != 0 && !(checkpoint && strcmp(where, "checkpoints") == 0)) continue;
        strcat(strcat(out, key), " ");
    }
    fclose(doc);
}

/* Whether every word of `words` is a key of the file, and how many keys it has. */
static void check_keys(const char *words, int32_t checkpoint) {
    vaei_file f;
    char copy[1024];
    int64_t count = 0;
    strcpy(copy, words);
    ck_assert_int_eq(vaei_file_read(&f, &heap, path), VAE_OK);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "), count++)
        ck_assert_msg(vaei_file_text(&f, word) != NULL, "docs/formats.md names %s, which no file has", word);
    ck_assert_int_eq(f.n_text, count);
    ck_assert_str_eq(vaei_file_text(&f, "format"), "pt");
    int64_t slots = 0;
    for (int64_t i = 0; i < f.n_entries; i++) slots += strncmp(f.entry[i].name, "optimizer.", 10) == 0;
    ck_assert_int_eq(slots, checkpoint ? 4 : 0); /* adam: two of the weight and of the bias */
    vaei_file_close(&f);
}

START_TEST(test_the_keys_of_the_manual_are_those_of_a_file) {
    char keys[1024];
    vae_model_t *m;
    vae_trainer_t *t;
    ck_assert_ok(vae_model_create(&m, NULL, SPEC, 3));
    ck_assert_ok(vae_model_save(m, path));
    documented_keys(0, keys);
    check_keys(keys, 0);
    ck_assert_ok(vae_trainer_create(&t, m, NULL, 1));
    ck_assert_ok(vae_trainer_save(t, path));
    documented_keys(1, keys);
    check_keys(keys, 1);
    vae_trainer_destroy(t);
    vae_model_destroy(m);
}
END_TEST

Suite *suite_model_file(void);

Suite *suite_model_file(void) {
    Suite *s = suite_create("model file");
    TCase *t = tcase_create("models");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, test_model_file_must_fit, 0, (int)VAEI_COUNT(models));
    tcase_add_loop_test(t, test_load_weights_is_all_or_nothing, 0, (int)VAEI_COUNT(models));
    tcase_add_loop_test(t, test_what_a_text_declares_is_not_taken_before_the_file_has_it, 0, (int)VAEI_COUNT(bombs));
    tcase_add_test(t, test_a_file_of_another_model_is_refused_by_its_header);
    tcase_add_test(t, test_MF47_damaged_weights_are_refused);
    suite_add_tcase(s, t);
    t = tcase_create("checkpoints");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, test_checkpoint_must_fit, 0, (int)VAEI_COUNT(checkpoints));
    tcase_add_test(t, test_the_keys_of_the_manual_are_those_of_a_file);
    tcase_add_test(t, test_MF48_model_is_not_a_checkpoint);
    tcase_add_loop_test(t, test_checkpoint_tensors_must_fit, 0, (int)VAEI_COUNT(wrong_tensors));
    tcase_add_test(t, test_checkpoint_waits_for_no_gradients);
    tcase_add_test(t, test_checkpoint_without_memory);
    suite_add_tcase(s, t);
    return s;
}
