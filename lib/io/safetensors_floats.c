/* SPDX-License-Identifier: MIT
 * safetensors_floats.c - reads the numbers of a tensor as float32. The file is little-endian and its data may be at any
 * address, so each number is assembled from its bytes; compilers make one load of that. */
#include <math.h>

#include "io/dtype.h"
#include "io/half.h"
#include "io/safetensors.h"

static uint16_t load16(const uint8_t *p) {
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t load32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static double load_double(const uint8_t *p) {
    const uint64_t bits = (uint64_t)load32(p) | (uint64_t)load32(p + 4) << 32;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float number(const uint8_t *p, int32_t dtype, int64_t i) {
    switch (dtype) {
    case VAEI_DTYPE_F16: return vaei_float_from_half(load16(p + 2 * i));
    case VAEI_DTYPE_BF16: return vaei_float_from_bfloat16(load16(p + 2 * i));
    case VAEI_DTYPE_F64: return (float)load_double(p + 8 * i);
    case VAEI_DTYPE_F8_E4M3: return vaei_float_from_e4m3(p[i]);
    case VAEI_DTYPE_F8_E5M2: return vaei_float_from_e5m2(p[i]);
    default: return vaei_float_from_bits(load32(p + 4 * i));
    }
}

vae_status_t vaei_entry_is_floats(const vaei_entry *e, const char *where) {
    switch (e->dtype) {
    case VAEI_DTYPE_F32:
    case VAEI_DTYPE_F16:
    case VAEI_DTYPE_BF16:
    case VAEI_DTYPE_F64:
    case VAEI_DTYPE_F8_E4M3:
    case VAEI_DTYPE_F8_E5M2: return VAE_OK;
    default:
        return vaei_fail(VAE_E_UNSUPPORTED, "%.80s: tensor '%.80s' is %s, wanted F32, F16, BF16, F64 or F8", where, e->name,
                         vaei_dtype_name(e->dtype));
    }
}

vae_status_t vaei_entry_floats(const vaei_entry *e, float *out, const char *where) {
    VAEI_TRY(vaei_entry_is_floats(e, where));
    for (int64_t i = 0; i < e->count; i++) {
        const float v = number(e->data, e->dtype, i);
        if (!isfinite(v))
            return vaei_fail(VAE_E_NUMERIC, "%.80s: tensor '%.80s': value %lld is not a finite float32", where, e->name, (long long)i);
        if (out) out[i] = v;
    }
    return VAE_OK;
}
