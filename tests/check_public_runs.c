/* SPDX-License-Identifier: MIT
 * check_public_runs.c - mistaken calls of sessions and trainers; check_public_calls.c runs them. */
#include "public_calls.h"

void of_session_create(rig *r) {
    vae_session_t *s = r->session;
    REFUSED(vae_session_create(NULL, r->plain, 1));
    REFUSED(vae_session_create(&s, NULL, 1));
    REFUSED(vae_session_create(&s, (vae_model_t *)(void *)r->session, 1));
    for (int32_t i = 0; hostile(i, 1) != 0; i++) REFUSED(vae_session_create(&s, r->plain, hostile(i, 1)));
    REFUSED(vae_session_create(&s, r->plain, 0));
    REFUSED(vae_session_create(&s, r->plain, INT64_C(1) << 31));
    ck_assert_ptr_null(s);
}

void of_session_create_sized(rig *r) {
    vae_session_t *s = r->session;
    vae_session_config_t c = {.struct_size = sizeof(c), .max_batch = 1};
    REFUSED(vae_session_create_sized(NULL, r->plain, &c));
    REFUSED(vae_session_create_sized(&s, NULL, &c));
    REFUSED(vae_session_create_sized(&s, r->plain, NULL));
    REFUSED(vae_session_create_sized(&s, (vae_model_t *)(void *)r->session, &c));
    for (int32_t i = 0; hostile(i, 1) != 0; i++) {
        c.max_batch = hostile(i, 1);
        REFUSED(vae_session_create_sized(&s, r->plain, &c));
        c.max_batch = 1;
        c.height = hostile(i, 1);
        REFUSED(vae_session_create_sized(&s, r->plain, &c));
        c.width = 4;
        REFUSED(vae_session_create_sized(&s, r->plain, &c));
        c.height = c.width = 0;
    }
    c.flags = 1;
    ck_assert_fails(vae_session_create_sized(&s, r->plain, &c), VAE_E_VERSION);
    c.flags = 0;
    c.struct_size--;
    REFUSED(vae_session_create_sized(&s, r->plain, &c));
    ck_assert_ptr_null(s);
}

void of_session_model(rig *r) {
    ck_assert_ptr_null(vae_session_model(NULL));
    ck_assert_ptr_null(vae_session_model((vae_session_t *)(void *)r->plain));
    ck_assert_ptr_eq(vae_session_model(r->session), r->plain);
}

void of_session_destroy(rig *r) {
    vae_session_destroy(NULL);
    vae_session_destroy((vae_session_t *)(void *)r->plain);
}

void of_session_bytes(rig *r) {
    uint64_t bytes = 7;
    REFUSED(vae_session_bytes(NULL, 1, &bytes));
    REFUSED(vae_session_bytes(r->plain, 1, NULL));
    for (int32_t i = 0; hostile(i, 1) != 0; i++) REFUSED(vae_session_bytes(r->plain, hostile(i, 1), &bytes));
    REFUSED(vae_session_bytes(r->plain, 0, &bytes));
    REFUSED(vae_session_bytes(r->plain, INT64_C(1) << 31, &bytes));
    ck_assert_uint_eq(bytes, 7);
}

void of_session_bytes_sized(rig *r) {
    uint64_t bytes = 7;
    vae_session_config_t c = {.struct_size = sizeof(c), .max_batch = 1};
    REFUSED(vae_session_bytes_sized(NULL, &c, &bytes));
    REFUSED(vae_session_bytes_sized(r->plain, NULL, &bytes));
    REFUSED(vae_session_bytes_sized(r->plain, &c, NULL));
    c.max_batch = 0;
    REFUSED(vae_session_bytes_sized(r->plain, &c, &bytes));
    ck_assert_uint_eq(bytes, 7);
}

void of_session_seed(rig *r) {
    REFUSED(vae_session_seed(NULL, 1));
    REFUSED(vae_session_seed((vae_session_t *)(void *)r->plain, 1));
}

/* A batch of n examples and what else is named. */
#define BATCH(...) (&(vae_batch_t){.struct_size = sizeof(vae_batch_t), __VA_ARGS__})

/* No batch, one with a member that the call does not read, one whose struct_size is too small. */
#define REFUSED_BATCH(call, unread)                                       \
    do {                                                                  \
        const vae_batch_t *batch = NULL;                                  \
        REFUSED(call);                                                    \
        batch = BATCH(.n = 1, .x = r->x, .unread = (void *)r->x);         \
        REFUSED(call);                                                    \
        const vae_batch_t small_ = {.struct_size = 8, .n = 1, .x = r->x}; \
        batch = &small_;                                                  \
        REFUSED(call);                                                    \
    } while (0)

void of_encode_batch(rig *r) {
    REFUSED(vae_encode_batch(NULL, BATCH(.n = 1, .x = r->x), r->y, NULL));
    REFUSED_BATCH(vae_encode_batch(r->session, batch, r->y, NULL), label);
    HOSTILE(r, r->S, vae_encode_batch(r->session, BATCH(.n = n, .x = r->x), r->y, r->y + FLOATS / 2));
    FRIENDLY(vae_encode_batch(r->session, BATCH(.n = n, .x = r->x), r->y, NULL));
}

void of_decode_batch(rig *r) {
    REFUSED(vae_decode_batch(NULL, BATCH(.n = 1), r->x, r->y));
    REFUSED(vae_decode_batch(r->session, BATCH(.n = 1), NULL, r->y));
    REFUSED(vae_decode_batch(r->codes_session, BATCH(.n = 1, .codes = r->codes), r->x, r->y));
    HOSTILE(r, r->S, vae_decode_batch(r->session, BATCH(.n = n), r->x, r->y));
    FRIENDLY(vae_decode_batch(r->session, BATCH(.n = n), r->x, r->y));
    FRIENDLY(vae_decode_batch(r->codes_session, BATCH(.n = n, .codes = r->codes), NULL, r->y));
}

void of_reconstruct_batch(rig *r) {
    REFUSED(vae_reconstruct_batch(NULL, BATCH(.n = 1, .x = r->x), r->y));
    REFUSED_BATCH(vae_reconstruct_batch(r->session, batch, r->y), noise);
    HOSTILE(r, r->S, vae_reconstruct_batch(r->session, BATCH(.n = n, .x = r->x), r->y));
    FRIENDLY(vae_reconstruct_batch(r->session, BATCH(.n = n, .x = r->x), r->y));
}

void of_sample_batch(rig *r) {
    REFUSED(vae_sample_batch(NULL, BATCH(.n = 1), r->y));
    REFUSED_BATCH(vae_sample_batch(r->session, batch, r->y), weight);
    REFUSED(vae_sample_batch(r->codes_session, BATCH(.n = 1), r->y));
    HOSTILE(r, r->S, vae_sample_batch(r->session, BATCH(.n = n, .noise = r->x), r->y));
    FRIENDLY(vae_sample_batch(r->session, BATCH(.n = n, .noise = r->x), r->y));
    FRIENDLY(vae_sample_batch(r->codes_session, BATCH(.n = n, .label = r->codes), r->y));
}

void of_elbo_batch(rig *r) {
    double elbo[8];
    REFUSED(vae_elbo_batch(NULL, BATCH(.n = 1, .x = r->x), 1, elbo, NULL, NULL));
    REFUSED_BATCH(vae_elbo_batch(r->session, batch, 1, elbo, NULL, NULL), codes);
    REFUSED(vae_elbo_batch(r->session, BATCH(.n = 1, .x = r->x), 0, elbo, NULL, NULL));
    HOSTILE(r, r->S, vae_elbo_batch(r->session, BATCH(.n = n, .x = r->x), 1, elbo, NULL, NULL));
    ck_assert_ok(vae_elbo_batch(r->session, BATCH(.n = 2, .x = r->x, .noise = r->x), 2, elbo, NULL, NULL));
}

void of_session_cancel(rig *r) {
    vae_session_cancel(NULL);
    vae_session_cancel((vae_session_t *)(void *)r->plain);
    ck_assert_ok(vae_encode(r->session, 1, r->x, r->y, NULL));
}

void of_encode(rig *r) {
    REFUSED(vae_encode(NULL, 1, r->x, r->y, r->y));
    REFUSED(vae_encode(r->session, 1, NULL, r->y, r->y));
    REFUSED(vae_encode(r->session, 1, r->x, NULL, r->y));
    HOSTILE(r, r->S, vae_encode(r->session, n, r->x, r->y, r->y + FLOATS / 2));
    FRIENDLY(vae_encode(r->session, n, r->x, r->y, NULL));
    ck_assert_ok(vae_encode(r->session, 0, NULL, NULL, NULL));
}

void of_decode(rig *r) {
    REFUSED(vae_decode(NULL, 1, r->x, r->y));
    REFUSED(vae_decode(r->session, 1, NULL, r->y));
    REFUSED(vae_decode(r->session, 1, r->x, NULL));
    HOSTILE(r, r->S, vae_decode(r->session, n, r->x, r->y));
    FRIENDLY(vae_decode(r->session, n, r->x, r->y));
    ck_assert_ok(vae_decode(r->session, 0, NULL, NULL));
}

void of_decode_rgba8(rig *r) {
    REFUSED(vae_decode_rgba8(NULL, r->x, r->bytes, 16));
    REFUSED(vae_decode_rgba8(r->session, NULL, r->bytes, 16));
    REFUSED(vae_decode_rgba8(r->session, r->x, NULL, 16));
    REFUSED(vae_decode_rgba8(r->session, r->x, r->bytes, 0));
    REFUSED(vae_decode_rgba8(r->session, r->x, r->bytes, 15));
    REFUSED(vae_decode_rgba8(r->session, r->x, r->bytes, SIZE_MAX));
    REFUSED(vae_decode_rgba8(r->session, r->x, r->bytes, SIZE_MAX / 4));
    ck_assert_ok(vae_decode_rgba8(r->session, r->x, r->bytes, 17));
}

void of_encode_codes(rig *r) {
    int32_t *codes = (int32_t *)(void *)r->y;
    REFUSED(vae_encode_codes(NULL, 1, r->x, codes));
    REFUSED(vae_encode_codes(r->codes_session, 1, NULL, codes));
    REFUSED(vae_encode_codes(r->codes_session, 1, r->x, NULL));
    HOSTILE(r, r->codes_each, vae_encode_codes(r->codes_session, n, r->x, codes));
    FRIENDLY(vae_encode_codes(r->codes_session, n, r->x, codes));
}

void of_encode_codes_batch(rig *r) {
    int32_t *codes = (int32_t *)(void *)r->y;
    REFUSED(vae_encode_codes_batch(NULL, BATCH(.n = 1, .x = r->x), codes));
    REFUSED_BATCH(vae_encode_codes_batch(r->codes_session, batch, codes), label);
    HOSTILE(r, r->codes_each, vae_encode_codes_batch(r->codes_session, BATCH(.n = n, .x = r->x), codes));
    FRIENDLY(vae_encode_codes_batch(r->codes_session, BATCH(.n = n, .x = r->x), codes));
}

void of_decode_codes(rig *r) {
    REFUSED(vae_decode_codes(NULL, 1, r->codes, r->y));
    REFUSED(vae_decode_codes(r->codes_session, 1, NULL, r->y));
    REFUSED(vae_decode_codes(r->codes_session, 1, r->codes, NULL));
    HOSTILE(r, r->codes_each, vae_decode_codes(r->codes_session, n, r->codes, r->y));
    FRIENDLY(vae_decode_codes(r->codes_session, n, r->codes, r->y));
}

void of_codes_packed_bytes(rig *r) {
    (void)r;
    ck_assert_uint_eq(vae_codes_packed_bytes(-1, 4), 0);
    ck_assert_uint_eq(vae_codes_packed_bytes(INT64_MIN, 4), 0);
    ck_assert_uint_eq(vae_codes_packed_bytes(INT64_MAX, 4), 0);
    ck_assert_uint_eq(vae_codes_packed_bytes(4, 1), 0);
    ck_assert_uint_eq(vae_codes_packed_bytes(4, INT64_MIN), 0);
    ck_assert_uint_eq(vae_codes_packed_bytes(4, INT64_MAX), 0);
}

void of_codes_pack(rig *r) {
    REFUSED(vae_codes_pack(1, 4, NULL, r->bytes, 1));
    REFUSED(vae_codes_pack(1, 4, r->codes, NULL, 1));
    REFUSED(vae_codes_pack(1, 4, r->codes, r->bytes, 0));
    for (int32_t i = 0; hostile(i, 1) != 0; i++) {
        REFUSED(vae_codes_pack(hostile(i, 1), 4, r->codes, r->bytes, SIZE_MAX));
        REFUSED(vae_codes_pack(1, hostile(i, 1), r->codes, r->bytes, SIZE_MAX));
    }
    FRIENDLY(vae_codes_pack(n, 4, r->codes, r->bytes, sizeof(r->bytes)));
}

void of_codes_unpack(rig *r) {
    int32_t *codes = (int32_t *)(void *)r->y;
    memset(r->bytes, 0, sizeof(r->bytes));
    REFUSED(vae_codes_unpack(1, 4, NULL, 1, codes));
    REFUSED(vae_codes_unpack(1, 4, r->bytes, 1, NULL));
    REFUSED(vae_codes_unpack(1, 4, r->bytes, 0, codes));
    for (int32_t i = 0; hostile(i, 1) != 0; i++) {
        REFUSED(vae_codes_unpack(hostile(i, 1), 4, r->bytes, SIZE_MAX, codes));
        REFUSED(vae_codes_unpack(1, hostile(i, 1), r->bytes, SIZE_MAX, codes));
    }
    UNTOUCHED(r);
    FRIENDLY(vae_codes_unpack(n, 4, r->bytes, sizeof(r->bytes), codes));
}

void of_reconstruct(rig *r) {
    REFUSED(vae_reconstruct(NULL, 1, r->x, r->y));
    REFUSED(vae_reconstruct(r->session, 1, NULL, r->y));
    REFUSED(vae_reconstruct(r->session, 1, r->x, NULL));
    HOSTILE(r, r->S, vae_reconstruct(r->session, n, r->x, r->y));
    FRIENDLY(vae_reconstruct(r->session, n, r->x, r->y));
}

void of_sample(rig *r) {
    REFUSED(vae_sample(NULL, 1, NULL, r->y));
    REFUSED(vae_sample(r->session, 1, NULL, NULL));
    REFUSED(vae_sample(r->session, 1, r->x, NULL));
    HOSTILE(r, r->S, vae_sample(r->session, n, NULL, r->y));
    HOSTILE(r, r->S, vae_sample(r->session, n, r->x, r->y));
    FRIENDLY(vae_sample(r->session, n, NULL, r->y));
    FRIENDLY(vae_sample(r->session, n, r->x, r->y));
}

void of_elbo(rig *r) {
    REFUSED(vae_elbo(NULL, 1, r->x, 1, NULL, r->d[0], r->d[1], r->d[2]));
    REFUSED(vae_elbo(r->session, 1, NULL, 1, NULL, r->d[0], r->d[1], r->d[2]));
    HOSTILE(r, r->S, vae_elbo(r->session, n, r->x, 1, NULL, r->d[0], r->d[1], r->d[2]));
    HOSTILE(r, r->D, vae_elbo(r->session, 1, r->x, n, r->x, r->d[0], r->d[1], r->d[2]));
    REFUSED(vae_elbo(r->session, 1, r->x, 0, NULL, r->d[0], r->d[1], r->d[2]));
    REFUSED(vae_elbo(r->session, 1, r->x, -1, NULL, r->d[0], r->d[1], r->d[2]));
    REFUSED(vae_elbo(r->session, 2, r->x, INT64_MAX, NULL, r->d[0], r->d[1], r->d[2]));
    FRIENDLY(vae_elbo(r->session, n, r->x, 2, r->x, r->d[0], r->d[1], r->d[2]));
    FRIENDLY(vae_elbo(r->session, n, r->x, 1, NULL, NULL, NULL, NULL));
}

void of_trainer_create(rig *r) {
    vae_trainer_t *t = r->trainer;
    vae_model_t *m;
    REFUSED(vae_trainer_create(NULL, r->plain, NULL, 1));
    REFUSED(vae_trainer_create(&t, NULL, NULL, 1));
    REFUSED(vae_trainer_create(&t, (vae_model_t *)(void *)r->session, NULL, 1));
    ck_assert_ok(vae_model_create(&m, r->ctx, SPEC_DENSE, 0));
    for (int32_t i = 0; hostile(i, 1) != 0; i++) REFUSED(vae_trainer_create(&t, m, NULL, hostile(i, 1)));
    REFUSED(vae_trainer_create(&t, m, NULL, 0));
    REFUSED(vae_trainer_create(&t, m, NULL, INT64_C(1) << 31));
    ck_assert_ptr_null(t);
    vae_model_destroy(m);
}

void of_trainer_destroy(rig *r) {
    vae_trainer_destroy(NULL);
    vae_trainer_destroy((vae_trainer_t *)(void *)r->plain);
}

void of_trainer_min_batch(rig *r) {
    int64_t n = 7;
    REFUSED(vae_trainer_min_batch(NULL, NULL, &n));
    REFUSED(vae_trainer_min_batch(r->plain, NULL, NULL));
    ck_assert_int_eq(vae_trainer_min_batch(r->plain, "optimizer nosuch", &n), VAE_E_SPEC);
    ck_assert_int_eq(n, 7);
}

void of_trainer_bytes(rig *r) {
    uint64_t bytes = 7;
    REFUSED(vae_trainer_bytes(NULL, NULL, 1, &bytes));
    REFUSED(vae_trainer_bytes(r->plain, NULL, 1, NULL));
    for (int32_t i = 0; hostile(i, 1) != 0; i++) REFUSED(vae_trainer_bytes(r->plain, NULL, hostile(i, 1), &bytes));
    REFUSED(vae_trainer_bytes(r->plain, NULL, INT64_C(1) << 31, &bytes));
    ck_assert_uint_eq(bytes, 7);
}

void of_trainer_options(rig *r) {
    size_t length;
    REFUSED(vae_trainer_options(NULL, NULL, 0, &length));
    GIVES_TEXT(vae_trainer_options(r->trainer, buf, cap, needed));
}

void of_trainer_seed(rig *r) {
    REFUSED(vae_trainer_seed(NULL, 1));
    REFUSED(vae_trainer_seed((vae_trainer_t *)(void *)r->plain, 1));
}

/* Every batch of training is at most max_batch, so that every larger number is refused. */
#define REFUSED_BATCHES(call)                                                           \
    do {                                                                                \
        for (int32_t i_ = 0; hostile(i_, 1) != 0; i_++) {                               \
            const int64_t n = hostile(i_, 1);                                           \
            REFUSED(call);                                                              \
        }                                                                               \
        const int64_t more_[] = {0, MAX_BATCH + 1, INT64_C(1) << 31, INT64_C(1) << 32}; \
        for (size_t i_ = 0; i_ < sizeof(more_) / sizeof(more_[0]); i_++) {              \
            const int64_t n = more_[i_];                                                \
            REFUSED(call);                                                              \
        }                                                                               \
    } while (0)

/* Every struct_size: too small is refused, a larger one filled as far as it is known, and nothing behind it touched. */
#define METRICS(call)                                                                                           \
    do {                                                                                                        \
        union {                                                                                                 \
            vae_metrics_t m;                                                                                    \
            char room[sizeof(vae_metrics_t) + 64];                                                              \
        } u_;                                                                                                   \
        for (uint32_t size_ = 0; size_ < sizeof(u_); size_++) {                                                 \
            vae_metrics_t *const metrics = &u_.m;                                                               \
            memset(&u_, 0x5A, sizeof(u_));                                                                      \
            metrics->struct_size = size_;                                                                       \
            const vae_status_t status_ = (call);                                                                \
            ck_assert_int_eq(status_, size_ < 8 ? VAE_E_ARG : VAE_OK);                                          \
            for (size_t i_ = size_ < 8 ? 8 : size_; i_ < sizeof(u_); i_++) ck_assert_int_eq(u_.room[i_], 0x5A); \
        }                                                                                                       \
    } while (0)

void of_trainer_step(rig *r) {
    REFUSED(vae_trainer_step(NULL, 1, r->x, NULL));
    REFUSED(vae_trainer_step(r->trainer, 1, NULL, NULL));
    REFUSED_BATCHES(vae_trainer_step(r->trainer, n, r->x, NULL));
    ck_assert_int_eq(vae_trainer_steps(r->trainer), 0);
    METRICS(vae_trainer_step(r->trainer, 2, r->x, metrics));
}

void of_trainer_backward(rig *r) {
    REFUSED(vae_trainer_backward(NULL, 1, r->x, r->x, NULL));
    REFUSED(vae_trainer_backward(r->trainer, 1, NULL, r->x, NULL));
    REFUSED_BATCHES(vae_trainer_backward(r->trainer, n, r->x, NULL, NULL));
    METRICS(vae_trainer_backward(r->trainer, 2, r->x, r->x, metrics));
    ck_assert_ok(vae_trainer_apply(r->trainer, NULL));
}

void of_trainer_step_batch(rig *r) {
    REFUSED(vae_trainer_step_batch(NULL, BATCH(.n = 1, .x = r->x), NULL));
    REFUSED_BATCH(vae_trainer_step_batch(r->prior_trainer, batch, NULL), codes);
    REFUSED_BATCHES(vae_trainer_step_batch(r->trainer, BATCH(.n = n, .x = r->x), NULL));
    ck_assert_int_eq(vae_trainer_steps(r->trainer), 0);
    METRICS(vae_trainer_step_batch(r->trainer, BATCH(.n = 2, .x = r->x, .noise = r->x), metrics));
}

void of_trainer_backward_batch(rig *r) {
    const vae_batch_t *const fine = BATCH(.n = 2, .codes = r->codes, .label = r->codes);
    REFUSED(vae_trainer_backward_batch(NULL, fine, NULL));
    REFUSED(vae_trainer_backward_batch(r->prior_trainer, BATCH(.n = 1, .label = r->codes), NULL));
    REFUSED(vae_trainer_backward_batch(r->prior_trainer, BATCH(.n = 2, .codes = r->codes), NULL));
    REFUSED(vae_trainer_backward_batch(r->prior_trainer, BATCH(.n = 2, .codes = r->codes, .label = r->codes, .x = r->x), NULL));
    REFUSED_BATCHES(vae_trainer_backward_batch(r->prior_trainer, BATCH(.n = n, .codes = r->codes, .label = r->codes), NULL));
    ck_assert_ok(vae_trainer_backward_batch(r->prior_trainer, fine, NULL));
}

void of_trainer_cancel(rig *r) {
    vae_trainer_cancel(NULL);
    vae_trainer_cancel((vae_trainer_t *)(void *)r->plain);
    ck_assert_ok(vae_trainer_step(r->trainer, 1, r->x, NULL));
}

void of_trainer_apply(rig *r) {
    REFUSED(vae_trainer_apply(NULL, NULL));
    ck_assert_fails(vae_trainer_apply(r->trainer, NULL), VAE_E_STATE);
}

void of_trainer_grad(rig *r) {
    vae_tensor_t *t = r->tensor;
    REFUSED(vae_trainer_grad(NULL, 0, &t));
    REFUSED(vae_trainer_grad(r->trainer, 0, NULL));
    for (int32_t i = 0; hostile(i, 1) != 0; i++) REFUSED(vae_trainer_grad(r->trainer, hostile(i, 1), &t));
    ck_assert_ptr_null(t);
}

static void climb(void *user, int64_t n, int64_t t, float lr, float decay, const float *g, float *w, float *const *slot) {
    (void)user, (void)n, (void)t, (void)lr, (void)decay, (void)g, (void)w, (void)slot;
}

void of_trainer_set_optimizer(rig *r) {
    union {
        vae_optimizer_t o;
        char room[sizeof(vae_optimizer_t) + 64];
    } u;
    const vae_optimizer_t good = {.struct_size = sizeof(good), .slots = 1, .name = "mine", .step = climb};
    u.o = good;
    REFUSED(vae_trainer_set_optimizer(NULL, &u.o));
    REFUSED(vae_trainer_set_optimizer(r->trainer, NULL));
    u.o.step = NULL;
    REFUSED(vae_trainer_set_optimizer(r->trainer, &u.o));
    u.o = good;
    u.o.name = NULL;
    REFUSED(vae_trainer_set_optimizer(r->trainer, &u.o));
    for (int32_t slots = -1; slots <= 9; slots += 10) {
        u.o = good;
        u.o.slots = slots;
        REFUSED(vae_trainer_set_optimizer(r->trainer, &u.o));
    }
    for (uint32_t size = 0; size < sizeof(u); size++) {
        memset(&u, 0, sizeof(u));
        u.o = good;
        u.o.struct_size = size;
        ck_assert_int_eq(vae_trainer_set_optimizer(r->trainer, &u.o), size < sizeof(u.o) ? VAE_E_ARG : VAE_OK);
        if (size <= sizeof(u.o)) continue;
        u.room[size - 1] = 1; /* a field of a newer header */
        ck_assert_fails(vae_trainer_set_optimizer(r->trainer, &u.o), VAE_E_VERSION);
    }
}

void of_trainer_set_lr(rig *r) {
    REFUSED(vae_trainer_set_lr(NULL, 1));
    REFUSED(vae_trainer_set_lr(r->trainer, -1));
    REFUSED(vae_trainer_set_lr(r->trainer, 1e300 * 1e300));
    REFUSED(vae_trainer_set_lr(r->trainer, 1e300 * 1e300 * 0));
}

void of_trainer_save(rig *r) {
    REFUSED(vae_trainer_save(NULL, "x"));
    REFUSED(vae_trainer_save(r->trainer, NULL));
}

void of_trainer_load(rig *r) {
    REFUSED(vae_trainer_load(NULL, "x"));
    REFUSED(vae_trainer_load(r->trainer, NULL));
}

COUNT_OF(trainer_samples, vae_trainer_t *, -1)
COUNT_OF(trainer_steps, vae_trainer_t *, -1)

/* ---- detectors -------------------------------------------------------------------------------------------------------- */

static vae_anomaly_t *detector_of(rig *r, int32_t is_fitted) {
    const vae_batch_t normal = {.struct_size = sizeof(normal), .n = ROWS, .x = r->x};
    vae_anomaly_t *a;
    ck_assert_ok(vae_anomaly_create(&a, r->plain, "pixels", MAX_BATCH));
    if (is_fitted) ck_assert_ok(vae_anomaly_add(a, &normal));
    if (is_fitted) ck_assert_ok(vae_anomaly_fit(a));
    return a;
}

static vae_anomaly_t *no_detector(rig *r) {
    return (vae_anomaly_t *)(void *)r->session;
}

void of_anomaly_create(rig *r) {
    vae_anomaly_t *a = no_detector(r);
    REFUSED(vae_anomaly_create(NULL, r->plain, "bound", 1));
    REFUSED(vae_anomaly_create(&a, NULL, "bound", 1));
    REFUSED(vae_anomaly_create(&a, (vae_model_t *)(void *)r->session, "bound", 1));
    REFUSED(vae_anomaly_create(&a, r->plain, NULL, 1));
    REFUSED(vae_anomaly_create(&a, r->plain, "bound", 0));
    REFUSED(vae_anomaly_create(&a, r->plain, "bound", INT64_MAX));
    ck_assert_ptr_null(a);
}

void of_anomaly_destroy(rig *r) {
    vae_anomaly_destroy(NULL);
    vae_anomaly_destroy(no_detector(r));
}

void of_anomaly_add(rig *r) {
    vae_anomaly_t *a = detector_of(r, 0);
    vae_batch_t batch = {.struct_size = sizeof(batch), .n = 1, .x = r->x};
    REFUSED(vae_anomaly_add(NULL, &batch));
    REFUSED(vae_anomaly_add(no_detector(r), &batch));
    REFUSED(vae_anomaly_add(a, NULL));
    batch.x = NULL;
    REFUSED(vae_anomaly_add(a, &batch));
    batch = (vae_batch_t){.struct_size = sizeof(batch), .n = 1, .x = r->x, .noise = r->x};
    REFUSED(vae_anomaly_add(a, &batch));
    batch.noise = NULL;
    HOSTILE(r, r->S, (batch.n = n, vae_anomaly_add(a, &batch)));
    vae_anomaly_destroy(a);
}

void of_anomaly_fit(rig *r) {
    REFUSED(vae_anomaly_fit(NULL));
    REFUSED(vae_anomaly_fit(no_detector(r)));
}

void of_anomaly_score(rig *r) {
    vae_anomaly_t *a = detector_of(r, 1);
    vae_batch_t batch = {.struct_size = sizeof(batch), .n = 1, .x = r->x};
    REFUSED(vae_anomaly_score(NULL, &batch, r->y, r->d[0]));
    REFUSED(vae_anomaly_score(no_detector(r), &batch, r->y, r->d[0]));
    REFUSED(vae_anomaly_score(a, NULL, r->y, r->d[0]));
    HOSTILE(r, r->S, (batch.n = n, vae_anomaly_score(a, &batch, r->y, r->d[0])));
    FRIENDLY((batch.n = n, vae_anomaly_score(a, &batch, NULL, NULL)));
    vae_anomaly_destroy(a);
}

void of_anomaly_threshold(rig *r) {
    vae_anomaly_t *a = detector_of(r, 1);
    double t = 7;
    REFUSED(vae_anomaly_threshold(NULL, 0, 0.1, &t));
    REFUSED(vae_anomaly_threshold(no_detector(r), 0, 0.1, &t));
    REFUSED(vae_anomaly_threshold(a, 0, 0.1, NULL));
    REFUSED(vae_anomaly_threshold(a, -1, 0.1, &t));
    REFUSED(vae_anomaly_threshold(a, INT32_MAX, 0.1, &t));
    ck_assert_double_eq(t, 7);
    vae_anomaly_destroy(a);
}

COUNT_OF(anomaly_count, vae_anomaly_t *, 0)

void of_anomaly_scores(rig *r) {
    ck_assert_ptr_null(vae_anomaly_scores(NULL));
    ck_assert_ptr_null(vae_anomaly_scores(no_detector(r)));
}

void of_anomaly_text(rig *r) {
    vae_anomaly_t *a = detector_of(r, 0);
    size_t length;
    REFUSED(vae_anomaly_text(NULL, NULL, 0, &length));
    GIVES_TEXT(vae_anomaly_text(a, buf, cap, needed));
    vae_anomaly_destroy(a);
}

void of_anomaly_model(rig *r) {
    vae_anomaly_t *a = detector_of(r, 0);
    ck_assert_ptr_null(vae_anomaly_model(NULL));
    ck_assert_ptr_null(vae_anomaly_model(no_detector(r)));
    ck_assert_ptr_eq(vae_anomaly_model(a), r->plain);
    vae_anomaly_destroy(a);
}

void of_anomaly_save(rig *r) {
    vae_anomaly_t *a = detector_of(r, 1);
    REFUSED(vae_anomaly_save(NULL, "x"));
    REFUSED(vae_anomaly_save(a, NULL));
    vae_anomaly_destroy(a);
}

void of_anomaly_load(rig *r) {
    vae_anomaly_t *a = no_detector(r);
    REFUSED(vae_anomaly_load(NULL, r->ctx, "x", 1));
    REFUSED(vae_anomaly_load(&a, r->ctx, NULL, 1));
    REFUSED(vae_anomaly_load(&a, (vae_ctx_t *)(void *)r->session, "x", 1));
    ck_assert_ptr_null(a);
}

/* ---- gradients by the input ------------------------------------------------------------------------------------------- */

void of_gradient_create(rig *r) {
    vae_gradient_t *g = (vae_gradient_t *)(void *)r->session;
    REFUSED(vae_gradient_create(NULL, r->plain, 1));
    REFUSED(vae_gradient_create(&g, NULL, 1));
    REFUSED(vae_gradient_create(&g, (vae_model_t *)(void *)r->session, 1));
    REFUSED(vae_gradient_create(&g, r->plain, 0));
    REFUSED(vae_gradient_create(&g, r->plain, INT64_MAX));
    ck_assert_ptr_null(g);
    ck_assert_fails(vae_gradient_create(&g, r->coded, 1), VAE_E_UNSUPPORTED);
}

void of_gradient_destroy(rig *r) {
    vae_gradient_destroy(NULL);
    vae_gradient_destroy((vae_gradient_t *)(void *)r->session);
}

void of_input_gradient(rig *r) {
    vae_gradient_t *g;
    vae_batch_t batch = {.struct_size = sizeof(batch), .n = 1, .x = r->x};
    ck_assert_ok(vae_gradient_create(&g, r->plain, MAX_BATCH));
    REFUSED(vae_input_gradient(NULL, &batch, r->d[0], r->y));
    REFUSED(vae_input_gradient((vae_gradient_t *)(void *)r->session, &batch, r->d[0], r->y));
    REFUSED(vae_input_gradient(g, NULL, r->d[0], r->y));
    REFUSED(vae_input_gradient(g, &batch, r->d[0], NULL));
    HOSTILE(r, r->S, (batch.n = n, vae_input_gradient(g, &batch, r->d[0], r->y)));
    FRIENDLY((batch.n = n, vae_input_gradient(g, &batch, NULL, r->y)));
    vae_gradient_destroy(g);
}
