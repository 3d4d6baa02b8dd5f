/* SPDX-License-Identifier: MIT
 * json.h - a strict reader of JSON (RFC 8259), one token a call. No recursion; memory only for strings with escapes and
 * for the keys of open objects.
 *
 *     {"a": [1, "x"]}     ->     OBJECT  KEY a  ARRAY  NUMBER 1  STRING x  ARRAY_END  OBJECT_END  END
 *
 * Refused beyond what the grammar refuses: bytes that are not UTF-8, a key twice in one object (also if one is written
 * with escapes), lone surrogates, U+0000 (strings become C strings), more than VAEI_JSON_DEPTH levels or
 * VAEI_JSON_KEYS keys in the open objects, unless the caller sets most_keys to more. */
#ifndef VAEI_JSON_H
#define VAEI_JSON_H

#include "base/base.h"

#define VAEI_JSON_DEPTH 8
#define VAEI_JSON_KEYS  8192

enum {
    VAEI_JSON_END, /* of the text: the root is complete and only white space follows */
    VAEI_JSON_OBJECT,
    VAEI_JSON_OBJECT_END,
    VAEI_JSON_ARRAY,
    VAEI_JSON_ARRAY_END,
    VAEI_JSON_KEY,
    VAEI_JSON_STRING,
    VAEI_JSON_NUMBER,
    VAEI_JSON_TRUE,
    VAEI_JSON_FALSE,
    VAEI_JSON_NULL
};

typedef struct vaei_json_token {
    int32_t kind;
    const char *text; /* KEY, STRING: without escapes; NUMBER: as written. No NUL behind; points into the text or the arena */
    size_t length;
} vaei_json_token;

typedef struct vaei_json {
    vaei_arena *arena;
    const char *text;
    size_t length, at;
    int32_t expect, depth;
    vae_status_t status;
    struct {
        int32_t is_object;
        size_t first_key; /* in keys: those of this object */
    } level[VAEI_JSON_DEPTH + 1];
    vaei_json_token *keys; /* of the open objects */
    const void **sorted;   /* room to sort them */
    size_t n_keys, cap_keys, cap_sorted, most_keys;
} vaei_json;

/* text[length] and the arena outlive the reader, which needs no closing. VAE_E_FORMAT if the text is not UTF-8. */
vae_status_t vaei_json_open(vaei_json *j, vaei_arena *arena, const char *text, size_t length);

/* VAE_E_FORMAT with "byte 17: ...", VAE_E_LIMIT for the depth, VAE_E_NOMEM; after a failure the same again, after END END. */
vae_status_t vaei_json_next(vaei_json *j, vaei_json_token *token);

/* Reads to END: whether the whole text is JSON. */
vae_status_t vaei_json_finish(vaei_json *j);

#endif
