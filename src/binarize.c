/* SPDX-License-Identifier: MIT
 * binarize.c - applies thresholds to pixels, or draws them from Bernoulli distributions. */
#include "binarize.h"
#include "console.h"
#include "shuffle.h"

#include <string.h>

#define OF_BINARIZE UINT64_C(0x62696e6172697a65) /* separates its streams from those of augment.c and shuffle_epoch() */

binarize_t binarize_of(const char *name) {
    static const char *const names[] = {"dynamic", "static", "threshold"};
    for (int i = 0; i < 3; i++)
        if (strcmp(name, names[i]) == 0) return (binarize_t)(BINARIZE_DYNAMIC + i);
    return BINARIZE_NOT;
}

/* Returns the next value of an example, which is 1 with probability x. */
static bool is_one(binarize_t how, uint64_t *stream, double x) {
    return how == BINARIZE_THRESHOLD ? x >= 0.5 : draw_unit(stream) < x;
}

static void change_split(data_t *data, binarize_t how) {
    const int64_t size = extent_total(&data->extent);
    for (int64_t i = 0; i < data->n; i++) {
        uint64_t stream = draw_stream(OF_BINARIZE, (uint64_t)i);
        uint8_t *const u8 = data->u8 ? data->u8 + i * size : NULL;
        float *const f32 = data->f32 ? data->f32 + i * size : NULL;
        for (int64_t s = 0; s < size; s++) {
            if (u8) u8[s] = is_one(how, &stream, (double)u8[s] / 255.0) ? 255 : 0;
            else f32[s] = is_one(how, &stream, (double)f32[s]) ? 1.0f : 0.0f;
        }
    }
}

void binarize_data(data_set_t *set, binarize_t how, bool trains) {
    if (how == BINARIZE_NOT) return;
    if (set->way.tokens > 0) die(EXIT_USAGE, "--binarize: the model takes tokens, wanted values from 0 to 1");
    data_require_unit(set, "--binarize");
    if (!(trains && how == BINARIZE_DYNAMIC)) change_split(&set->train, how);
    change_split(&set->test, how);
}

void binarize_batch(binarize_t how, uint64_t seed, int64_t pass, const int64_t *index, int64_t n, int64_t size, float *x) {
    if (how != BINARIZE_DYNAMIC) return;
    const uint64_t of_pass = draw_stream(seed ^ OF_BINARIZE, (uint64_t)pass);
    for (int64_t i = 0; i < n; i++) {
        uint64_t stream = draw_stream(of_pass, (uint64_t)index[i]);
        for (int64_t s = i * size; s < (i + 1) * size; s++) x[s] = is_one(how, &stream, (double)x[s]) ? 1.0f : 0.0f;
    }
}
