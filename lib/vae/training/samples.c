/* SPDX-License-Identifier: MIT
 * samples.c - copies the examples of a batch for K samples (samples.h). The encoder runs on each copy, so that dropout draws for each
 * copy and statistics over the batch are those of the examples. */
#include "vae/training/samples.h"

#include "nn/ranges.h"

void vaei_samples_carve(const vaei_network *net, int64_t n, int64_t K, vaei_carve *c, vaei_samples *s) {
    const int64_t rows = vaei_count_of(n, K);
    *s = (vaei_samples){.x = NULL};
    if (K == 1) return;
    s->x = vaei_carve_floats(c, vaei_count_of(rows, net->likelihood.size));
    s->condition = vaei_carve_floats(c, vaei_count_of(rows, net->condition.vector));
    s->weight = vaei_carve_floats(c, rows);
    s->label = vaei_carve_array(c, rows, sizeof(*s->label));
    s->length = vaei_carve_array(c, rows, sizeof(*s->length));
}

static const float *repeat(const float *from, int64_t n, int64_t K, int64_t size, float *to) {
    for (int64_t i = 0; from && i < n * K; i++) memcpy(to + i * size, from + i / K * size, (size_t)size * sizeof(*to));
    return from ? to : NULL;
}

static const int32_t *repeat_numbers(const int32_t *from, int64_t n, int64_t K, int32_t *to) {
    for (int64_t i = 0; from && i < n * K; i++) to[i] = from[i / K];
    return from ? to : NULL;
}

vaei_batch vaei_samples_repeat(const vaei_samples *s, const vaei_network *net, const vaei_batch *b, int64_t n, int64_t K) {
    vaei_batch many = *b;
    if (K == 1) return many;
    many.x = repeat(b->x, n, K, b->of_x, s->x);
    many.condition = repeat(b->condition, n, K, b->of_condition, s->condition);
    many.weight = repeat(b->weight, n, K, 1, s->weight);
    many.label = repeat_numbers(b->label, n, K, s->label);
    many.length = repeat_numbers(b->length, n, K, s->length);
    many.of_noise = net->z_size;
    many.total = b->total * (double)K;
    return many;
}
