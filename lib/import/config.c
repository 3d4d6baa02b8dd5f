/* SPDX-License-Identifier: MIT
 * config.c - reads the keys of a config.json that names and shapes do not tell. It skips other keys and their values. */
#include "import/config.h"

#include "io/file_system.h"
#include "io/json.h"

#define CONFIG_MAX 1048576 /* bytes */
#define GROUPS_MAX 65536

enum { TEXT, COUNT, NUMBER };

static const struct {
    const char *key;
    int32_t kind;
    size_t at;
} keys[] = {
    {"_class_name", TEXT, offsetof(vaei_config, class_name)},
    {"norm_num_groups", COUNT, offsetof(vaei_config, groups)},
    {"scaling_factor", NUMBER, offsetof(vaei_config, factor)},
    {"shift_factor", NUMBER, offsetof(vaei_config, shift)},
};

static vae_status_t take_text(char *out, const vaei_json_token *t) {
    const size_t n = t->length < sizeof(((vaei_config *)0)->class_name) ? t->length : sizeof(((vaei_config *)0)->class_name) - 1;
    if (t->kind != VAEI_JSON_STRING) return VAE_E_FORMAT;
    memcpy(out, t->text, n);
    return VAE_OK;
}

static vae_status_t take_count(int64_t *out, const vaei_json_token *t) {
    if (t->kind != VAEI_JSON_NUMBER || !vaei_text_to_int(t->text, t->length, out)) return VAE_E_FORMAT;
    return *out >= 1 && *out <= GROUPS_MAX ? VAE_OK : VAE_E_FORMAT;
}

static vae_status_t take_number(double *out, const vaei_json_token *t) {
    return t->kind == VAEI_JSON_NUMBER && vaei_text_to_double(t->text, t->length, out) ? VAE_OK : VAE_E_FORMAT;
}

/* Reads the value of a key of the root object. The value null means the same as a missing key. */
static vae_status_t take(vaei_config *c, const vaei_json_token *key, const vaei_json_token *value) {
    for (size_t i = 0; i < VAEI_COUNT(keys); i++) {
        if (strlen(keys[i].key) != key->length || memcmp(keys[i].key, key->text, key->length) != 0) continue;
        char *const at = (char *)c + keys[i].at;
        if (value->kind == VAEI_JSON_NULL) return VAE_OK;
        const vae_status_t status = keys[i].kind == TEXT    ? take_text(at, value)
                                    : keys[i].kind == COUNT ? take_count((int64_t *)(void *)at, value)
                                                            : take_number((double *)(void *)at, value);
        return status < 0 ? vaei_fail(status, "%s: the value has a wrong kind", keys[i].key) : VAE_OK;
    }
    return VAE_OK;
}

static vae_status_t read_keys(vaei_config *c, vaei_arena *arena, const char *text, size_t length) {
    vaei_json j;
    vaei_json_token t, key = {0};
    VAEI_TRY(vaei_json_open(&j, arena, text, length));
    VAEI_TRY(vaei_json_next(&j, &t));
    if (t.kind != VAEI_JSON_OBJECT) return vaei_fail(VAE_E_FORMAT, "the text is not an object");
    while (t.kind != VAEI_JSON_END) {
        VAEI_TRY(vaei_json_next(&j, &t));
        if (j.depth != 1 && t.kind != VAEI_JSON_OBJECT && t.kind != VAEI_JSON_ARRAY) continue;
        if (t.kind == VAEI_JSON_KEY) {
            key = t;
            continue;
        }
        if (key.text) VAEI_TRY(take(c, &key, &t));
        key.text = NULL;
    }
    return VAE_OK;
}

static vae_status_t read_file(vaei_config *c, vaei_arena *arena, const char *path) {
    uint64_t size;
    vaei_fs_file file;
    const vae_status_t status = vaei_fs_open(&file, &size, arena, path);
    if (status < 0) return status;
    if (size > CONFIG_MAX) {
        vaei_fs_close(file);
        return vaei_fail(VAE_E_LIMIT, "%.120s: the file is longer than 1 MiB", path);
    }
    char *text = vaei_arena_alloc(arena, (size_t)size + 1);
    const vae_status_t read = text ? vaei_fs_read(file, 0, text, (size_t)size, path) : VAE_E_NOMEM;
    vaei_fs_close(file);
    VAEI_TRY(read);
    const vae_status_t parsed = read_keys(c, arena, text, (size_t)size);
    return parsed < 0 ? vaei_fail_at(parsed, "%.120s", path) : VAE_OK;
}

vae_status_t vaei_config_read(vaei_config *c, vaei_heap *heap, const char *path) {
    vaei_arena arena;
    memset(c, 0, sizeof(*c));
    vaei_arena_init(&arena, heap);
    char *name = vaei_arena_format(&arena, "%.*sconfig.json", (int)vaei_fs_folder(path), path);
    vae_status_t status = name ? VAE_OK : VAE_E_NOMEM;
    if (name && vaei_fs_exists(&arena, name)) {
        c->found = 1;
        status = read_file(c, &arena, name);
    }
    vaei_arena_free(&arena);
    return status;
}
