/* SPDX-License-Identifier: MIT
 * safetensors_header.c - reads tensors from the JSON header.
 *
 *     {"__metadata__": {key: text, ...},
 *      name: {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
 *
 * One pass over the text fills arrays, which are large enough for as many entries as a text of that length can hold. An error of the JSON
 * comes before an error of an entry, which is reported only after the rest of the text has been read. Then the tensors, in the order of
 * their offsets, must cover the data from the first byte to the last, so that each byte belongs to exactly one tensor. Sizes are computed
 * in bits, because types of 4 and 6 bits exist. */
#include "io/safetensors_header.h"

#include "io/dtype.h"
#include "io/json.h"
#include "io/limits.h"
#include "io/sort.h"

static inline int is_text(const vaei_json_token *t, const char *text) {
    return t->length == strlen(text) && memcmp(t->text, text, t->length) == 0;
}

/* Read the next token, which must be of this kind. */
static vae_status_t expect(vaei_json *j, vaei_json_token *t, int32_t kind, const char *wanted) {
    VAEI_TRY(vaei_json_next(j, t));
    if (t->kind != kind) return vaei_fail(VAE_E_FORMAT, "before byte %zu: wanted %s", j->at, wanted);
    return VAE_OK;
}

static vae_status_t read_size(const vaei_json *j, const vaei_json_token *t, int64_t *out) {
    if (t->kind != VAEI_JSON_NUMBER || t->text[0] == '-' || !vaei_text_to_int(t->text, t->length, out))
        return vaei_fail(VAE_E_FORMAT, "before byte %zu: wanted a whole number from 0 to 2^63 - 1", j->at);
    return VAE_OK;
}

static vae_status_t read_dtype(vaei_json *j, vaei_entry *e) {
    vaei_json_token t;
    VAEI_TRY(expect(j, &t, VAEI_JSON_STRING, "the name of an element type"));
    e->dtype = vaei_dtype_find(t.text, t.length);
    if (e->dtype == 0) return vaei_fail(VAE_E_FORMAT, "unknown dtype '%.*s'", t.length < 20 ? (int)t.length : 20, t.text);
    return VAE_OK;
}

static vae_status_t read_shape(vaei_json *j, vaei_entry *e) {
    vaei_json_token t;
    VAEI_TRY(expect(j, &t, VAEI_JSON_ARRAY, "a list of sizes"));
    for (;;) {
        VAEI_TRY(vaei_json_next(j, &t));
        if (t.kind == VAEI_JSON_ARRAY_END) return VAE_OK;
        if (e->ndim == VAEI_FILE_DIMS) return vaei_fail(VAE_E_LIMIT, "more than %d dimensions", VAEI_FILE_DIMS);
        VAEI_TRY(read_size(j, &t, &e->shape[e->ndim]));
        e->ndim++;
    }
}

static vae_status_t read_offsets(vaei_json *j, vaei_tensor_place *p) {
    vaei_json_token t;
    int64_t place[2];
    VAEI_TRY(expect(j, &t, VAEI_JSON_ARRAY, "two offsets"));
    for (int i = 0; i < 2; i++) {
        VAEI_TRY(vaei_json_next(j, &t));
        VAEI_TRY(read_size(j, &t, &place[i]));
    }
    VAEI_TRY(expect(j, &t, VAEI_JSON_ARRAY_END, "two offsets and no more"));
    p->begin = (uint64_t)place[0];
    p->end = (uint64_t)place[1];
    return VAE_OK;
}

static vae_status_t check_place(vaei_tensor_place *p, uint64_t data_size) {
    vaei_entry *e = &p->entry;
    int64_t bits;
    e->count = 1;
    for (int32_t i = 0; i < e->ndim; i++) {
        if (!vaei_count_mul(e->count, e->shape[i], &e->count)) return vaei_fail(VAE_E_FORMAT, "the product of its sizes overflows");
    }
    if (!vaei_count_mul(e->count, vaei_dtype_bits(e->dtype), &bits)) return vaei_fail(VAE_E_FORMAT, "its size in bits overflows");
    if (bits % 8 != 0) return vaei_fail(VAE_E_FORMAT, "its elements do not fill whole bytes");
    if (p->begin > p->end) return vaei_fail(VAE_E_FORMAT, "its data ends before it begins");
    if (p->end > data_size) return vaei_fail(VAE_E_FORMAT, "its data ends after the end of the file");
    if (p->end - p->begin != (uint64_t)bits / 8) return vaei_fail(VAE_E_FORMAT, "its offsets and its shape disagree");
    return VAE_OK;
}

static vae_status_t check_name(const vaei_json_token *t) {
    if (t->length == 0) return vaei_fail(VAE_E_FORMAT, "a tensor's name is empty");
    if (t->length > VAEI_NAME_MAX) return vaei_fail(VAE_E_LIMIT, "a tensor's name is longer than %d bytes", VAEI_NAME_MAX);
    for (size_t i = 0; i < t->length; i++) {
        const unsigned char c = (unsigned char)t->text[i];
        if (c < 0x20 || c == 0x7F) return vaei_fail(VAE_E_FORMAT, "a tensor's name holds a control character");
    }
    return VAE_OK;
}

static vae_status_t read_fields(vaei_json *j, vaei_tensor_place *p) {
    enum { DTYPE = 1, SHAPE = 2, OFFSETS = 4 };
    vaei_json_token t;
    int32_t seen = 0;
    VAEI_TRY(expect(j, &t, VAEI_JSON_OBJECT, "an object"));
    for (;;) {
        VAEI_TRY(vaei_json_next(j, &t));
        if (t.kind == VAEI_JSON_OBJECT_END) break;
        if (is_text(&t, "dtype")) {
            seen |= DTYPE;
            VAEI_TRY(read_dtype(j, &p->entry));
        } else if (is_text(&t, "shape")) {
            seen |= SHAPE;
            VAEI_TRY(read_shape(j, &p->entry));
        } else if (is_text(&t, "data_offsets")) {
            seen |= OFFSETS;
            VAEI_TRY(read_offsets(j, p));
        } else {
            return vaei_fail(VAE_E_FORMAT, "unknown key '%.*s'", t.length < 20 ? (int)t.length : 20, t.text);
        }
    }
    if (seen != (DTYPE | SHAPE | OFFSETS))
        return vaei_fail(VAE_E_FORMAT, "no %s", !(seen & DTYPE) ? "dtype" : !(seen & SHAPE) ? "shape" : "data_offsets");
    return VAE_OK;
}

static vae_status_t read_tensor(vaei_json *j, vaei_tensor_place *p, const vaei_json_token *name, uint64_t data_size, vaei_arena *kept) {
    VAEI_TRY(check_name(name));
    p->entry.name = vaei_arena_copy(kept, name->text, name->length);
    if (!p->entry.name) return VAE_E_NOMEM;
    vae_status_t status = read_fields(j, p);
    if (status == VAE_OK) status = check_place(p, data_size);
    return status == VAE_OK ? VAE_OK : vaei_fail_at(status, "tensor '%.80s'", p->entry.name);
}

static vae_status_t check_text(const vaei_header *h, const vaei_json_token *key, const vaei_json_token *value) {
    if (h->n_text == VAEI_TEXTS_MAX) return vaei_fail(VAE_E_LIMIT, "more than %d texts in %s", VAEI_TEXTS_MAX, VAEI_METADATA_KEY);
    if (key->length > VAEI_NAME_MAX) return vaei_fail(VAE_E_LIMIT, "a key in %s is longer than %d bytes", VAEI_METADATA_KEY, VAEI_NAME_MAX);
    if (value->length > VAEI_TEXT_VALUE_MAX) return vaei_fail(VAE_E_LIMIT, "a text in %s is longer than 64 KiB", VAEI_METADATA_KEY);
    return VAE_OK;
}

static vae_status_t read_metadata(vaei_json *j, vaei_header *h, const vaei_file_limits *limits, vaei_arena *kept) {
    vaei_json_token key, value;
    VAEI_TRY(expect(j, &key, VAEI_JSON_OBJECT, "an object of texts in " VAEI_METADATA_KEY));
    for (;;) {
        VAEI_TRY(vaei_json_next(j, &key));
        if (key.kind == VAEI_JSON_OBJECT_END) return VAE_OK;
        VAEI_TRY(expect(j, &value, VAEI_JSON_STRING, "a text in " VAEI_METADATA_KEY));
        const vae_status_t status = check_text(h, &key, &value);
        if (status < 0 && limits->skips_texts) continue;
        VAEI_TRY(status);
        vaei_text_entry *const text = h->text + h->n_text++;
        text->key = vaei_arena_copy(kept, key.text, key.length);
        text->value = vaei_arena_copy(kept, value.text, value.length);
        if (!text->key || !text->value) return VAE_E_NOMEM;
    }
}

static vae_status_t read_entries(vaei_header *h, vaei_json *j, const vaei_file_limits *limits, vaei_tensor_place *places,
                                 uint64_t data_size, vaei_arena *kept) {
    vaei_json_token t;
    for (;;) {
        VAEI_TRY(vaei_json_next(j, &t));
        if (t.kind == VAEI_JSON_OBJECT_END) return VAE_OK;
        if (is_text(&t, VAEI_METADATA_KEY)) {
            VAEI_TRY(read_metadata(j, h, limits, kept));
        } else {
            if (h->n_tensors == limits->tensors) return vaei_fail(VAE_E_LIMIT, "more than %zu tensors", limits->tensors);
            vaei_tensor_place *const place = places + h->n_tensors;
            VAEI_TRY(read_tensor(j, place, &t, data_size, kept));
            h->tensor[h->n_tensors++] = place;
        }
    }
}

/* ---- the whole ---- */

static int compare_places(const void *a, const void *b) {
    const vaei_tensor_place *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end; /* an empty tensor comes before the tensor that begins at the same offset */
}

static int compare_names(const void *a, const void *b) {
    const vaei_tensor_place *x = a, *y = b;
    return strcmp(x->entry.name, y->entry.name);
}

static vae_status_t check_cover(const vaei_header *h, uint64_t data_size) {
    uint64_t covered = 0;
    vaei_sort(h->tensor, h->n_tensors, compare_places);
    for (size_t i = 0; i < h->n_tensors; i++) {
        const vaei_tensor_place *p = h->tensor[i];
        if (p->begin != covered)
            return vaei_fail(VAE_E_FORMAT, "tensor '%.80s': %s", p->entry.name,
                             p->begin < covered ? "its data overlaps another's" : "a hole before its data");
        covered = p->end;
    }
    if (covered != data_size) return vaei_fail(VAE_E_FORMAT, "the file has bytes after the last tensor's data");
    return VAE_OK;
}

/* The number of entries, of at least `bytes` bytes and a comma each, that fit into a text, and one more for an incomplete entry; at most
 * the allowed number. */
static size_t most_entries(size_t length, size_t bytes, size_t most) {
    const size_t fit = length / (bytes + 1) + 1;
    return fit < most ? fit : most;
}

vae_status_t vaei_header_parse(vaei_header *out, const vaei_file_limits *limits, vaei_arena *kept, vaei_arena *scratch, const char *text,
                               size_t length, uint64_t data_size) {
    static const char tensor[] = "\"\":{\"dtype\":\"F4\",\"shape\":[],\"data_offsets\":[0,0]}", pair[] = "\"\":\"\"";
    const size_t tensors = most_entries(length, sizeof tensor - 1, limits->tensors);
    const size_t texts = most_entries(length, sizeof pair - 1, VAEI_TEXTS_MAX);
    vaei_header h = {0};
    vaei_json j;
    vaei_json_token t;
    VAEI_TRY(vaei_json_open(&j, scratch, text, length));
    if (2 * limits->tensors > j.most_keys) j.most_keys = 2 * limits->tensors;
    VAEI_TRY(expect(&j, &t, VAEI_JSON_OBJECT, "an object at the start"));
    vaei_tensor_place *places = vaei_arena_array(scratch, tensors, sizeof *places);
    h.tensor = vaei_arena_array(scratch, tensors, sizeof *h.tensor);
    h.text = vaei_arena_array(kept, texts, sizeof *h.text);
    if (!places || !h.tensor || !h.text) return VAE_E_NOMEM;
    const vae_status_t status = read_entries(&h, &j, limits, places, data_size, kept);
    VAEI_TRY(vaei_json_finish(&j));
    VAEI_TRY(status);
    VAEI_TRY(check_cover(&h, data_size));
    vaei_sort(h.tensor, h.n_tensors, compare_names);
    *out = h;
    return VAE_OK;
}
