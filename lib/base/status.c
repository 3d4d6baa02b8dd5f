/* SPDX-License-Identifier: MIT
 * status.c - status codes, and the sentence of this thread.
 *
 *   The sentence is in a fixed thread-local buffer, so that running out of memory can be reported too. It is always one line: control
 *   characters, which can come from a hostile text or a file name, become '?' (utf8.h); a longer sentence is cut and ends in "...".
 *   The
 *   new sentence is first built in another buffer, because its arguments may point into the old sentence. */
#include "base/base.h"
#include "base/utf8.h"

#include <stdio.h>

#define SENTENCE_MAX 256 /* bytes, with the NUL */

static VAEI_THREAD_LOCAL char sentence[SENTENCE_MAX];

/* Store a text that wants `wanted` bytes; `text` holds at most the first SENTENCE_MAX - 1 of them. */
static void store(char text[SENTENCE_MAX], int wanted) {
    size_t length = strlen(text);
    if (wanted >= SENTENCE_MAX) {
        length -= 3;
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80) length--; /* a cut must not divide a character */
        memcpy(text + length, "...", 4);
        length += 3;
    }
    vaei_utf8_make_plain(text, length);
    memcpy(sentence, text, length + 1);
}

vae_status_t vaei_fail(vae_status_t status, const char *format, ...) {
    char text[SENTENCE_MAX] = "";
    va_list args;
    va_start(args, format);
    const int wanted = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    store(text, wanted);
    return status;
}

vae_status_t vaei_fail_at(vae_status_t status, const char *format, ...) {
    char prefix[SENTENCE_MAX] = "", text[SENTENCE_MAX] = "";
    va_list args;
    va_start(args, format);
    (void)vsnprintf(prefix, sizeof prefix, format, args);
    va_end(args);
    const int wanted = snprintf(text, sizeof text, "%s: %s", prefix, sentence);
    store(text, wanted);
    return status;
}

const char *vaei_fail_text(void) {
    return sentence;
}

const char *vaei_status_name(vae_status_t status) {
    switch (status) {
#define VAEI_STATUS(constant, phrase) \
    case constant:                    \
        return #constant;
#include "base/status.def"
#undef VAEI_STATUS
    default: return "VAE_E_UNKNOWN";
    }
}

const char *vaei_status_string(vae_status_t status) {
    switch (status) {
#define VAEI_STATUS(constant, phrase) \
    case constant:                    \
        return phrase;
#include "base/status.def"
#undef VAEI_STATUS
    default: return "unknown status";
    }
}
