/* SPDX-License-Identifier: MIT
 * public_calls.h - helpers of the tests of wrong calls: their objects, and the mistakes. */
#ifndef VAE_TESTS_PUBLIC_CALLS_H
#define VAE_TESTS_PUBLIC_CALLS_H

#include "support.h"

#define MAX_BATCH 3
#define ROWS      8 /* in each array of the rig */
#define FLOATS    4096

#define LABELLED                                                                                                     \
    "input 4x4x1\nencoder conv2d out=2 kernel=2 stride=2\nlatent vq codes=4 dim=2\ndecoder deconv2d out=1 kernel=2 " \
    "stride=2\nlikelihood gaussian\nprior pixelcnn channels=4 layers=1 classes=3\n"

typedef struct rig {
    vae_ctx_t *ctx;
    vae_model_t *plain, *coded;
    vae_session_t *session, *codes_session;
    vae_trainer_t *trainer, *prior_trainer;
    vae_tensor_t *tensor;
    float x[FLOATS], y[FLOATS], before[FLOATS]; /* y is what calls write to */
    int32_t codes[FLOATS];
    uint8_t bytes[FLOATS];
    double d[3][ROWS];
    int64_t S, D, codes_each;
} rig;

#define REFUSED(call) ck_assert_fails(call, VAE_E_ARG)
#define UNTOUCHED(r)  ck_assert_mem_eq((r)->y, (r)->before, sizeof((r)->y))

/* Numbers of examples that no memory holds, where one example has `size` floats; 0: the end. */
static inline int64_t hostile(int32_t i, int64_t size) {
    const int64_t all[] = {
        INT64_MIN,     INT64_MIN + 1, -1, (INT64_C(1) << 62) / size, (INT64_C(1) << 61) / size + 1, INT64_MAX / size + (size > 1),
        INT64_MAX - 1, INT64_MAX};
    return i < (int32_t)(sizeof(all) / sizeof(all[0])) ? all[i] : 0;
}

/* call(n) is refused for every such number, and for one example a NULL in a pointer is checked by the caller. */
#define HOSTILE(r, size, call)                                 \
    do {                                                       \
        for (int32_t i_ = 0; hostile(i_, (size)) != 0; i_++) { \
            const int64_t n = hostile(i_, (size));             \
            REFUSED(call);                                     \
        }                                                      \
        UNTOUCHED(r);                                          \
    } while (0)

/* call(n) is right for none, one, and more than max_batch. */
#define FRIENDLY(call)                                                     \
    do {                                                                   \
        const int64_t good_[] = {0, 1, MAX_BATCH, MAX_BATCH + 1, ROWS};    \
        for (size_t i_ = 0; i_ < sizeof(good_) / sizeof(good_[0]); i_++) { \
            const int64_t n = good_[i_];                                   \
            ck_assert_ok(call);                                            \
        }                                                                  \
    } while (0)

/* The calls that give text: buf, cap, needed. */
#define GIVES_TEXT(call)                             \
    do {                                             \
        char text_[8192];                            \
        char *buf = NULL;                            \
        size_t cap = 0, size_ = 0, *needed = &size_; \
        ck_assert_ok(call);                          \
        ck_assert_uint_gt(size_, 0);                 \
        needed = NULL;                               \
        REFUSED(call);                               \
        cap = SIZE_MAX;                              \
        REFUSED(call);                               \
        memset(text_, 'x', sizeof(text_));           \
        buf = text_;                                 \
        cap = size_ - 1;                             \
        REFUSED(call);                               \
        ck_assert_int_eq(text_[0], 'x');             \
        cap = size_;                                 \
        ck_assert_ok(call);                          \
        ck_assert_uint_eq(strlen(text_), size_ - 1); \
        ck_assert_int_eq(text_[size_], 'x');         \
    } while (0)

#define COUNT_OF(name, given, wanted)                                    \
    void of_##name(rig *r) {                                             \
        ck_assert_int_eq(vae_##name(NULL), wanted);                      \
        ck_assert_int_eq(vae_##name((given)(void *)r->session), wanted); \
    }

/* of_<name>() is the test of vae_<name>(). */
#define CALL(name) void of_##name(rig *r);
#include "public_calls.def"
#undef CALL

#endif
