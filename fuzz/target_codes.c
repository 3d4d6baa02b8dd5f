/* SPDX-License-Identifier: MIT
 * target_codes.c - passes any codes to the calls on codes. Byte 0 selects a model, byte 1 is the count n, and the other bytes are
 * codes, values to encode, and bits to unpack. A wrong n or code must give an error status, and no other memory is read or written. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <vae/vae.h>

#include "fuzz.h"

static const char *const specs[] = {
    "input 4\nencoder linear out=4\nlatent vq codes=7 dim=2\ndecoder linear out=4\nlikelihood gaussian",
    "input 4\nencoder linear out=4\nlatent rvq codes=5 dim=2 quantizers=3\ndecoder linear out=4\nlikelihood gaussian",
    "input 4\nencoder linear out=4\nlatent fsq levels=3x5 heads=2\ndecoder linear out=4\nlikelihood gaussian",
    "input 4\nencoder linear out=4\nlatent lfq codes=16\ndecoder linear out=4\nlikelihood gaussian",
    "input 4\nencoder linear out=4\nlatent gaussian dim=2\ndecoder linear out=4\nlikelihood gaussian",
};
enum { MODELS = sizeof specs / sizeof *specs, MOST = 6 };
static vae_model_t *model[MODELS];
static vae_session_t *session[MODELS];

static void judge(vae_status_t status) {
    if (status != VAE_OK) fuzz_sentence();
}

/* Counts that no block could have. */
static void refuse(vae_session_t *s, int32_t *codes, float *x) {
    static const int64_t counts[] = {-1, INT64_MIN, INT64_MAX, INT64_MAX / 4};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        MUST_HOLD(vae_decode_codes(s, counts[i], codes, x) != VAE_OK);
        MUST_HOLD(vae_encode_codes(s, counts[i], x, codes) != VAE_OK);
    }
}

static void bits(const uint8_t *data, size_t size, int64_t K, int64_t count) {
    const size_t bytes = vae_codes_packed_bytes(count, K);
    int32_t *codes = malloc((size_t)count * sizeof *codes + 1);
    uint8_t *again = malloc(bytes + 1);
    MUST_HOLD(codes && again);
    if (vae_codes_unpack(count, K, data, size, codes) == VAE_OK) {
        MUST_HOLD(bytes <= size);
        for (int64_t i = 0; i < count; i++) MUST_HOLD(codes[i] >= 0 && codes[i] < K);
        MUST_HOLD(vae_codes_pack(count, K, codes, again, bytes) == VAE_OK);
    } else {
        fuzz_sentence();
    }
    free(codes);
    free(again);
}

void fuzz_one(const uint8_t *data, size_t size) {
    if (size < 2) return;
    const size_t which = data[0] % MODELS;
    const int64_t n = data[1] % MOST;
    if (!session[which]) {
        MUST_HOLD(vae_model_create(&model[which], NULL, specs[which], 3) == VAE_OK);
        MUST_HOLD(vae_session_create(&session[which], model[which], 2) == VAE_OK);
    }
    vae_session_t *s = session[which];
    const int64_t per = vae_model_codes_per_example(model[which]), wide = vae_model_input_size(model[which]);
    const size_t code_bytes = (size_t)(n * (per > 0 ? per : 1)) * sizeof(int32_t);
    const size_t x_bytes = (size_t)(n * wide) * sizeof(float);
    int32_t *codes = malloc(code_bytes + 1);
    float *x = malloc(x_bytes + 1);
    MUST_HOLD(codes && x);
    memset(codes, 0, code_bytes);
    memset(x, 0, x_bytes);
    memcpy(codes, data + 2, size - 2 < code_bytes ? size - 2 : code_bytes);
    judge(vae_decode_codes(s, n, codes, x));
    memcpy(x, data + 2, size - 2 < x_bytes ? size - 2 : x_bytes);
    if (vae_encode_codes(s, n, x, codes) == VAE_OK) judge(vae_decode_codes(s, n, codes, x));
    else fuzz_sentence();
    if (data[1] >= 128) refuse(s, codes, x);
    bits(data + 2, size - 2, data[0] - 1, data[1]);
    free(codes);
    free(x);
}
