/* SPDX-License-Identifier: MIT
 * json.c - reads JSON by a state machine and a stack of open brackets. The state says which token may be next:
 *
 *     VALUE        a value                        at the start, after ':' and after ',' in an array
 *     FIRST_VALUE  a value or ']'                 after '['
 *     KEY          a key                          after ',' in an object
 *     FIRST_KEY    a key or '}'                   after '{'
 *     SEPARATOR    ',' or the closing bracket     after a value
 *     NOTHING      white space to the end         after the root
 *
 * The keys of an object are stored until the object closes. Then they are sorted and compared with their neighbours, which
 * takes n log n time for any input. */
#include "io/json.h"

#include "io/sort.h"
#include "base/utf8.h"

enum { VALUE, FIRST_VALUE, KEY, FIRST_KEY, SEPARATOR, NOTHING };

static vae_status_t fail(const vaei_json *j, const char *wanted) {
    const size_t at = j->at;
    if (at >= j->length) return vaei_fail(VAE_E_FORMAT, "byte %zu: the text ends, wanted %s", at, wanted);
    const unsigned char c = (unsigned char)j->text[at];
    if (c > 0x20 && c < 0x7F) return vaei_fail(VAE_E_FORMAT, "byte %zu: got '%c', wanted %s", at, c, wanted);
    return vaei_fail(VAE_E_FORMAT, "byte %zu: got the byte 0x%02x, wanted %s", at, c, wanted);
}

/* Returns the byte at the current position, or -1 at the end. */
static inline int peek(const vaei_json *j) {
    return j->at < j->length ? (unsigned char)j->text[j->at] : -1;
}

static inline int is_digit(int c) {
    return c >= '0' && c <= '9';
}

static void skip_space(vaei_json *j) {
    const char *const text = j->text;
    size_t at = j->at;
    while (at < j->length && (text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r')) at++;
    j->at = at;
}

vae_status_t vaei_json_open(vaei_json *j, vaei_arena *arena, const char *text, size_t length) {
    memset(j, 0, sizeof *j);
    j->arena = arena;
    j->text = text;
    j->length = length;
    j->expect = VALUE;
    j->most_keys = VAEI_JSON_KEYS;
    j->at = vaei_utf8_prefix(text, length);
    if (j->at < length) return j->status = fail(j, "UTF-8");
    j->at = 0;
    return VAE_OK;
}

/* ---- strings ---- */

/* Reads four hex digits at the current position. */
static int hex4(vaei_json *j, unsigned long *out) {
    unsigned long value = 0;
    for (int i = 0; i < 4; i++, j->at++) {
        const int c = peek(j), letter = c | 0x20;
        if (is_digit(c)) value = value * 16 + (unsigned long)(c - '0');
        else if (letter >= 'a' && letter <= 'f') value = value * 16 + (unsigned long)(letter - 'a' + 10);
        else return 0;
    }
    *out = value;
    return 1;
}

static int is_high(unsigned long code) {
    return code >= 0xD800 && code < 0xDC00;
}

static int is_low(unsigned long code) {
    return code >= 0xDC00 && code < 0xE000;
}

/* Reads the rest of an escape after "\u": one character, which may need a second escape. */
static vae_status_t unicode_escape(vaei_json *j, char out[4], size_t *bytes) {
    unsigned long code, low;
    if (!hex4(j, &code)) return fail(j, "four hexadecimal digits");
    if (code == 0) return vaei_fail(VAE_E_FORMAT, "byte %zu: U+0000 in a string", j->at);
    if (is_high(code)) {
        const char *rest = j->text + j->at;
        if (j->length - j->at < 2 || rest[0] != '\\' || rest[1] != 'u') return fail(j, "the second half of a surrogate pair");
        j->at += 2;
        if (!hex4(j, &low) || !is_low(low)) return fail(j, "the second half of a surrogate pair");
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    } else if (is_low(code)) {
        return vaei_fail(VAE_E_FORMAT, "byte %zu: the second half of a surrogate pair alone", j->at);
    }
    *bytes = vaei_utf8_put(code, out);
    return VAE_OK;
}

static vae_status_t escape(vaei_json *j, char out[4], size_t *bytes) {
    static const char letter[] = "\"\\/bfnrt", meaning[] = "\"\\/\b\f\n\r\t";
    j->at++; /* skips the backslash */
    const int c = peek(j);
    if (c == 'u') {
        j->at++;
        return unicode_escape(j, out, bytes);
    }
    const char *found = c > 0 ? strchr(letter, c) : NULL;
    if (!found) return fail(j, "one of \"\\/bfnrtu behind a backslash");
    j->at++;
    out[0] = meaning[found - letter];
    *bytes = 1;
    return VAE_OK;
}

/* Goes back to `start` and reads the string again up to its closing quote, with the escapes replaced. */
static vae_status_t unescape(vaei_json *j, size_t start, vaei_json_token *token) {
    const size_t end = j->at;
    char *copy = vaei_arena_alloc(j->arena, end - start); /* this is enough, because an escape is longer than the character that it means */
    size_t length = 0;
    if (!copy) return VAE_E_NOMEM;
    for (j->at = start; j->at < end;) {
        size_t bytes = 1;
        if (j->text[j->at] == '\\') VAEI_TRY(escape(j, copy + length, &bytes));
        else copy[length] = j->text[j->at++];
        length += bytes;
    }
    token->text = copy;
    token->length = length;
    return VAE_OK;
}

/* The current position must be at the opening quote. */
static vae_status_t read_string(vaei_json *j, vaei_json_token *token) {
    const unsigned char *const text = (const unsigned char *)j->text;
    const size_t start = j->at + 1, length = j->length;
    size_t at = start;
    int32_t escaped = 0;
    while (at < length && text[at] != '"' && text[at] >= 0x20) {
        escaped |= text[at] == '\\';
        at += text[at] == '\\' ? 2 : 1; /* an escaped quote does not end the string */
    }
    j->at = at;
    if (peek(j) != '"') return fail(j, "the rest of a string"); /* it ends at a control character or at the end of the text */
    token->text = j->text + start;
    token->length = at - start;
    if (escaped) VAEI_TRY(unescape(j, start, token));
    j->at++;
    return VAE_OK;
}

/* ---- keys ---- */

static int compare_keys(const void *a, const void *b) {
    const vaei_json_token *x = a, *y = b;
    if (x->length != y->length) return x->length < y->length ? -1 : 1;
    return memcmp(x->text, y->text, x->length);
}

static vae_status_t remember_key(vaei_json *j, const vaei_json_token *token) {
    if (j->n_keys == j->most_keys) return vaei_fail(VAE_E_LIMIT, "byte %zu: more than %zu keys in the open objects", j->at, j->most_keys);
    if (j->n_keys == j->cap_keys) {
        const size_t cap = j->cap_keys > 0 ? 2 * j->cap_keys : 64;
        vaei_json_token *keys = vaei_arena_array(j->arena, cap, sizeof *keys);
        if (!keys) return VAE_E_NOMEM;
        if (j->n_keys > 0) memcpy(keys, j->keys, j->n_keys * sizeof *keys);
        j->keys = keys;
        j->cap_keys = cap;
    }
    j->keys[j->n_keys++] = *token;
    return VAE_OK;
}

static vae_status_t check_keys(vaei_json *j) {
    const size_t first = j->level[j->depth].first_key, count = j->n_keys - first;
    if (count > j->cap_sorted) {
        const void **sorted = vaei_arena_array(j->arena, count, sizeof *sorted);
        if (!sorted) return VAE_E_NOMEM;
        j->sorted = sorted;
        j->cap_sorted = count;
    }
    for (size_t i = 0; i < count; i++) j->sorted[i] = &j->keys[first + i];
    vaei_sort(j->sorted, count, compare_keys);
    for (size_t i = 1; i < count; i++) {
        const vaei_json_token *key = j->sorted[i];
        const int shown = key->length < 60 ? (int)key->length : 60;
        if (compare_keys(j->sorted[i - 1], key) == 0)
            return vaei_fail(VAE_E_FORMAT, "byte %zu: the key '%.*s' twice in one object", j->at, shown, key->text);
    }
    j->n_keys = first;
    return VAE_OK;
}

static vae_status_t read_key(vaei_json *j, vaei_json_token *token) {
    if (peek(j) != '"') return fail(j, "a key in double quotes");
    VAEI_TRY(read_string(j, token));
    VAEI_TRY(remember_key(j, token));
    skip_space(j);
    if (peek(j) != ':') return fail(j, "':'");
    j->at++;
    token->kind = VAEI_JSON_KEY;
    j->expect = VALUE;
    return VAE_OK;
}

/* ---- values ---- */

static vae_status_t digits(vaei_json *j) {
    const char *const text = j->text;
    size_t at = j->at;
    if (!is_digit(peek(j))) return fail(j, "a digit");
    while (at < j->length && is_digit(text[at])) at++;
    j->at = at;
    return VAE_OK;
}

static vae_status_t read_number(vaei_json *j, vaei_json_token *token) {
    const size_t start = j->at;
    if (peek(j) == '-') j->at++;
    if (peek(j) == '0') j->at++; /* If a digit follows, as in 01, the check of the separator refuses it. */
    else VAEI_TRY(digits(j));
    if (peek(j) == '.') {
        j->at++;
        VAEI_TRY(digits(j));
    }
    if (peek(j) == 'e' || peek(j) == 'E') {
        j->at++;
        if (peek(j) == '+' || peek(j) == '-') j->at++;
        VAEI_TRY(digits(j));
    }
    token->kind = VAEI_JSON_NUMBER;
    token->text = j->text + start;
    token->length = j->at - start;
    return VAE_OK;
}

static vae_status_t read_word(vaei_json *j, vaei_json_token *token, const char *word, int32_t kind) {
    const size_t length = strlen(word);
    if (j->length - j->at < length || memcmp(j->text + j->at, word, length) != 0) return fail(j, "a value");
    j->at += length;
    token->kind = kind;
    return VAE_OK;
}

static vae_status_t open_bracket(vaei_json *j, vaei_json_token *token, int32_t is_object) {
    if (j->depth == VAEI_JSON_DEPTH) return vaei_fail(VAE_E_LIMIT, "byte %zu: more than %d levels of brackets", j->at, VAEI_JSON_DEPTH);
    j->at++;
    j->depth++;
    j->level[j->depth].is_object = is_object;
    j->level[j->depth].first_key = j->n_keys;
    j->expect = is_object ? FIRST_KEY : FIRST_VALUE;
    token->kind = is_object ? VAEI_JSON_OBJECT : VAEI_JSON_ARRAY;
    return VAE_OK;
}

static void after_value(vaei_json *j) {
    j->expect = j->depth > 0 ? SEPARATOR : NOTHING;
}

static vae_status_t close_bracket(vaei_json *j, vaei_json_token *token) {
    const int32_t is_object = j->level[j->depth].is_object;
    if (is_object) VAEI_TRY(check_keys(j));
    j->at++;
    j->depth--;
    token->kind = is_object ? VAEI_JSON_OBJECT_END : VAEI_JSON_ARRAY_END;
    after_value(j);
    return VAE_OK;
}

static vae_status_t read_value(vaei_json *j, vaei_json_token *token) {
    const int c = peek(j);
    if (c == '{' || c == '[') return open_bracket(j, token, c == '{');
    after_value(j);
    if (c == '"') {
        token->kind = VAEI_JSON_STRING;
        return read_string(j, token);
    }
    if (c == '-' || is_digit(c)) return read_number(j, token);
    if (c == 't') return read_word(j, token, "true", VAEI_JSON_TRUE);
    if (c == 'f') return read_word(j, token, "false", VAEI_JSON_FALSE);
    if (c == 'n') return read_word(j, token, "null", VAEI_JSON_NULL);
    return fail(j, "a value");
}

static vae_status_t next(vaei_json *j, vaei_json_token *token) {
    skip_space(j);
    const int32_t is_object = j->level[j->depth].is_object;
    const int c = peek(j);
    switch (j->expect) {
    case NOTHING: return c < 0 ? VAE_OK : fail(j, "the end of the text");
    case FIRST_VALUE: return c == ']' ? close_bracket(j, token) : read_value(j, token);
    case FIRST_KEY: return c == '}' ? close_bracket(j, token) : read_key(j, token);
    case SEPARATOR:
        if (c == (is_object ? '}' : ']')) return close_bracket(j, token);
        if (c != ',') return fail(j, is_object ? "',' or '}'" : "',' or ']'");
        j->at++;
        skip_space(j);
        return is_object ? read_key(j, token) : read_value(j, token);
    default: return read_value(j, token);
    }
}

vae_status_t vaei_json_next(vaei_json *j, vaei_json_token *token) {
    *token = (vaei_json_token){.kind = VAEI_JSON_END};
    if (j->status == VAE_OK) j->status = next(j, token);
    return j->status;
}

vae_status_t vaei_json_finish(vaei_json *j) {
    vaei_json_token token;
    do VAEI_TRY(vaei_json_next(j, &token));
    while (token.kind != VAEI_JSON_END);
    return VAE_OK;
}
