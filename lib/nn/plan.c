/* SPDX-License-Identifier: MIT
 * plan.c - computes addresses from lifetimes. */
#include "nn/plan.h"

static size_t sum(size_t a, size_t b) {
    size_t r;
    return vaei_size_add(a, b, &r) ? r : SIZE_MAX;
}

static void raise_to(size_t *most, size_t value) {
    if (value > *most) *most = value;
}

static size_t rounded(size_t bytes) {
    vaei_carve c = {0};
    (void)vaei_carve_bytes(&c, bytes);
    return c.used;
}

static size_t value_bytes(int64_t n, int64_t size) {
    int64_t count;
    vaei_carve c = {0};
    if (!vaei_count_mul(n, size, &count)) return SIZE_MAX;
    (void)vaei_carve_floats(&c, count);
    return c.used;
}

/* Each array below may begin up to an alignment later than the sizes of its values say. */
size_t vaei_reach_bytes(const vaei_reach *r, int64_t n) {
    return sum(value_bytes(n, r->values), (size_t)r->arrays * VAEI_ALIGN);
}

float *vaei_block_at(const vaei_buffer *b, int64_t n, char *block, size_t bytes) {
    if (!block) return NULL; /* backward of steps that read no value has no block of values */
    if (b->place == VAEI_PLACE_LOW) return (float *)(void *)(block + vaei_reach_bytes(&b->before, n));
    const vaei_reach end = {b->before.values + b->size, b->before.arrays + 1};
    return (float *)(void *)(block + bytes - vaei_reach_bytes(&end, n));
}

static size_t ends_bytes(const vaei_reach ends[2], int64_t n) {
    return sum(vaei_reach_bytes(&ends[0], n), vaei_reach_bytes(&ends[1], n));
}

static vaei_bytes bytes_of(const vaei_plan *p, const vaei_step *t, int64_t n) {
    return vaei_layer_bytes(t->layer, p->k, n, p->mode == VAEI_TRAINING);
}

/* Returns the last step of the segment that begins with `first`. */
static int32_t segment_end(const vaei_plan *p, int32_t first) {
    const vaei_steps *const s = p->steps;
    size_t one = 0;
    for (int32_t i = first; p->segment > 0 && i < s->n - 1; i++) {
        const vaei_step *const t = &s->step[i];
        const vaei_buffer *const out = &s->buffer[t->out];
        one = sum(one, bytes_of(p, t, 1).cache);
        if (out->first == i && out->place == VAEI_PLACE_KEPT) one = sum(one, value_bytes(1, out->size));
        if (one >= p->segment && t->cuttable) return i;
    }
    return s->n - 1;
}

/* Places, in training, a buffer that belongs neither to the caller nor to a block. */
static void keep_value(vaei_plan *p, int32_t buffer, int32_t segment_last) {
    const vaei_buffer *const b = &p->steps->buffer[buffer];
    const int32_t passes_on = p->segment > 0 && b->last > segment_last;
    if (b->place == VAEI_PLACE_CALLER || (b->place != VAEI_PLACE_KEPT && !passes_on)) return;
    vaei_carve *const to = p->segment > 0 && !passes_on ? &p->recomputed : &p->keep;
    float *const at = vaei_carve_bytes(to, value_bytes(p->n, b->size));
    if (p->value) p->value[buffer] = at;
}

static void walk_segment(vaei_plan *p, int32_t first, int32_t last) {
    const vaei_steps *const s = p->steps;
    const int32_t training = p->mode == VAEI_TRAINING;
    vaei_carve *const hold = p->segment > 0 ? &p->recomputed : &p->keep;
    size_t forward = 0;
    for (int32_t i = first; i <= last; i++) {
        const vaei_step *const t = &s->step[i];
        const vaei_bytes bytes = bytes_of(p, t, p->n);
        const size_t held = t->prologue < 0 ? 0 : rounded(bytes_of(p, &s->step[t->prologue], p->n).scratch);
        const vaei_slot slot = {.pack = vaei_carve_bytes(&p->pack, bytes.pack),
                                .cache = training ? vaei_carve_bytes(hold, bytes.cache) : NULL,
                                .stats = training ? vaei_carve_bytes(&p->stats, bytes.stats) : NULL};
        if (training && s->buffer[t->out].first == i) keep_value(p, t->out, last);
        if (p->frame) p->frame[i] = (vaei_frame){.slot = slot, .held = held, .segment = first};
        if (t->deferred) continue;
        raise_to(&forward, sum(ends_bytes(t->forward, p->n), sum(held, bytes.scratch)));
        if (training) raise_to(&p->block, sum(ends_bytes(t->backward, p->n), bytes.scratch));
    }
    forward = rounded(forward);
    raise_to(&p->forward, forward);
    if (p->frame) p->frame[first].forward = forward;
    if (last < s->n - 1) raise_to(&p->block, sum(ends_bytes(s->step[last].waiting, p->n), forward));
}

void vaei_plan_frames(vaei_plan *p) {
    p->frame = vaei_carve_array(&p->keep, p->steps->n, sizeof(*p->frame));
    p->value = vaei_carve_array(&p->keep, p->steps->n_buffers, sizeof(*p->value));
}

void vaei_plan_walk(vaei_plan *p) {
    const vaei_steps *const s = p->steps;
    size_t most = 0;
    vaei_plan_frames(p);
    p->forward = p->block = 0;
    if (p->value) memset(p->value, 0, (size_t)s->n_buffers * sizeof(*p->value));
    for (int32_t first = 0, last; first < s->n; first = last + 1) {
        last = segment_end(p, first);
        walk_segment(p, first, last);
        raise_to(&most, p->recomputed.used);
        p->recomputed.used = 0;
    }
    p->recomputed.used = most;
    raise_to(&p->block, p->forward);
    p->block = rounded(p->block);
    if (p->frame && s->n > 0) p->frame[0].block = p->block;
}
