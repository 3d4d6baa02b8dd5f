/* SPDX-License-Identifier: MIT
 * codes.c - packs and unpacks codes. Each code takes b = ceil(log2 K) bits: code i is in the bits i b .. i b + b - 1 of the array, where
 * bit j of the array is bit j mod 8 of byte j / 8. */
#include "api/api.h"

#define K_MAX ((int64_t)1 << 31) /* codes are int32_t */

static int32_t bits_of(int64_t K) {
    int32_t bits = 0;
    while (((int64_t)1 << bits) < K) bits++;
    return bits;
}

size_t vae_codes_packed_bytes(int64_t count, int64_t K) {
    int64_t bits;
    if (count < 0 || K < 2 || K > K_MAX || !vaei_count_mul(count, bits_of(K), &bits) || bits > INT64_MAX - 7) return 0;
    const uint64_t bytes = (uint64_t)(bits + 7) / 8;
    return bytes > SIZE_MAX ? 0 : (size_t)bytes;
}

static vae_status_t check_call(int64_t count, int64_t K, const void *codes, const void *bytes, size_t have) {
    if (count < 0 || (uint64_t)count > PTRDIFF_MAX / sizeof(int32_t))
        return vaei_fail(VAE_E_ARG, "count: %lld, wanted 0..%lld", (long long)count, (long long)(PTRDIFF_MAX / sizeof(int32_t)));
    if (K < 2 || K > K_MAX) return vaei_fail(VAE_E_ARG, "K: %lld codes, wanted 2..%lld", (long long)K, (long long)K_MAX);
    if (count == 0) return VAE_OK;
    const size_t wanted = vae_codes_packed_bytes(count, K);
    if (!codes || !bytes) return vaei_fail(VAE_E_ARG, "%s: is NULL", codes ? "bytes" : "codes");
    if (wanted == 0 || have < wanted)
        return vaei_fail(VAE_E_ARG, "bytes: %zu, %lld codes of K=%lld take %zu", have, (long long)count, (long long)K, wanted);
    return VAE_OK;
}

vae_status_t vae_codes_pack(int64_t count, int64_t K, const int32_t *codes, uint8_t *bytes, size_t cap) {
    VAEI_TRY(check_call(count, K, codes, bytes, cap));
    for (int64_t i = 0; i < count; i++)
        if (codes[i] < 0 || codes[i] >= K)
            return vaei_fail(VAE_E_ARG, "codes[%lld]: %ld, wanted 0..%lld", (long long)i, (long)codes[i], (long long)K - 1);
    const int32_t bits = bits_of(K);
    uint64_t held = 0; /* bits that are not yet written, the lowest first */
    int32_t n = 0;
    for (int64_t i = 0; i < count; i++) {
        held |= (uint64_t)(uint32_t)codes[i] << n;
        for (n += bits; n >= 8; n -= 8, held >>= 8) *bytes++ = (uint8_t)held;
    }
    if (n > 0) *bytes = (uint8_t)held;
    return VAE_OK;
}

/* Reads the code that begins at bit i b. It never reads bytes past the array, because the bits of a code end inside. */
static int64_t code_at(const uint8_t *bytes, int64_t i, int32_t bits) {
    int64_t code = 0;
    for (int32_t j = 0; j < bits;) {
        const int64_t at = i * bits + j;
        const int32_t shift = (int32_t)(at % 8), take = 8 - shift < bits - j ? 8 - shift : bits - j;
        code |= (int64_t)((bytes[at / 8] >> shift) & ((1 << take) - 1)) << j;
        j += take;
    }
    return code;
}

vae_status_t vae_codes_unpack(int64_t count, int64_t K, const uint8_t *bytes, size_t size, int32_t *codes) {
    VAEI_TRY(check_call(count, K, codes, bytes, size));
    const int32_t bits = bits_of(K);
    for (int64_t i = 0; i < count; i++)
        if (code_at(bytes, i, bits) >= K)
            return vaei_fail(VAE_E_FORMAT, "bytes: code %lld is %lld, wanted 0..%lld", (long long)i, (long long)code_at(bytes, i, bits),
                             (long long)K - 1);
    for (int64_t i = 0; i < count; i++) codes[i] = (int32_t)code_at(bytes, i, bits);
    return VAE_OK;
}
