/* SPDX-License-Identifier: MIT
 * json.h - a strict reader of JSON (RFC 8259) that returns one token in each call. It has no recursion, and allocates memory only
 * for strings with escapes and for the keys of open objects.
 *
 *     {"a": [1, "x"]}     ->     OBJECT  KEY a  ARRAY  NUMBER 1  STRING x  ARRAY_END  OBJECT_END  END
 *
 * Besides texts that break the grammar, the reader refuses bytes that are not UTF-8, a key twice in one object (also if one
 * is written with escapes), lone surrogates, U+0000 (because strings become C strings), and more than VAEI_JSON_DEPTH levels
 * or more than `most_keys` keys in the open objects; `most_keys` is VAEI_JSON_KEYS unless the caller sets it. */
#ifndef VAEI_JSON_H
#define VAEI_JSON_H

#include "base/base.h"

#define VAEI_JSON_DEPTH 8
#define VAEI_JSON_KEYS  8192

enum {
    VAEI_JSON_END, /* the end of the text: the root is complete, and only white space follows it */
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
    /* KEY, STRING: without escapes; NUMBER: as written. It has no NUL at its end and points into the text or the arena. */
    const char *text;
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
        size_t first_key; /* index in `keys` of the first key of this object */
    } level[VAEI_JSON_DEPTH + 1];
    vaei_json_token *keys; /* keys of the open objects */
    const void **sorted;   /* memory to sort them */
    size_t n_keys, cap_keys, cap_sorted, most_keys;
} vaei_json;

/* text[length] and the arena must live longer than the reader. The reader need not be closed. VAE_E_FORMAT if the text is not UTF-8. */
vae_status_t vaei_json_open(vaei_json *j, vaei_arena *arena, const char *text, size_t length);

/* Reads the next token. VAE_E_FORMAT with "byte 17: ...", VAE_E_LIMIT for the depth or the keys, VAE_E_NOMEM. After a failure every call
 * fails in the same way, and after END every call returns END. */
vae_status_t vaei_json_next(vaei_json *j, vaei_json_token *token);

/* Reads to END, and so checks whether the whole text is JSON. */
vae_status_t vaei_json_finish(vaei_json *j);

#endif
