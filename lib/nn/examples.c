/* SPDX-License-Identifier: MIT
 * examples.c - training a stack on a batch in blocks of examples.
 *
 * A block is as large as keeps its activations in the second cache and some of the third: BLOCK_BYTES. Each block reads all weights, so it
 * is never so small that they would take more than WEIGHTS_SHARE times its room. Each block has a cache of its own, for backward,
 * unless it turns at once. */
#include "nn/examples.h"

enum { BLOCK_BYTES = 1280 << 10, WEIGHTS_SHARE = 2 };

/* Whether a layer looks at several examples at once: only such have statistics to commit. */
static int32_t sees_batch(const vaei_stack *s) {
    for (int32_t i = 0; i < s->n; i++) {
        const vaei_layer *l = s->layer[i];
        if (l->ops->commit && !l->body[0]) return 1;
        for (int32_t j = 0; j < VAEI_LAYER_BODIES; j++) {
            if (l->body[j] && sees_batch(l->body[j])) return 1;
        }
    }
    return 0;
}

/* Examples at once, at most */
static int64_t most_of(const vaei_stack *s, const vaei_kernels *k, int64_t n) {
    vaei_need need;
    if (sees_batch(s)) return n;
    vaei_stack_need(s, k, 1, 1, &need);
    const size_t one = need.cache + (size_t)vaei_shape_size(&s->out) * sizeof(float);
    const size_t least = need.pack / WEIGHTS_SHARE, bytes = least > BLOCK_BYTES ? least : BLOCK_BYTES;
    const size_t fit = bytes / one > 0 ? bytes / one : 1;
    return fit < (uint64_t)n ? (int64_t)fit : n;
}

/* Blocks as even as can be */
static int64_t block_of(const vaei_stack *s, const vaei_kernels *k, int64_t n) {
    const int64_t most = most_of(s, k, n), blocks = n / most + (n % most != 0);
    return n / blocks + (n % blocks != 0);
}

/* Of one block; returns the bytes from its cache to the next one's. */
static size_t block_need(const vaei_stack *s, const vaei_kernels *k, int64_t block, size_t segment, vaei_need *need) {
    vaei_carve c = {0};
    if (segment > 0)
        vaei_stack_need_again(s, k, block, segment, need);
    else
        vaei_stack_need(s, k, block, 1, need);
    (void)vaei_carve_bytes(&c, need->cache);
    return c.used;
}

vaei_need vaei_examples_need(const vaei_stack *s, const vaei_kernels *k, int64_t n, int32_t how, vaei_slot *slot) {
    vaei_need need = {0};
    slot->segment = 0;
    if (!(how & VAEI_EXAMPLES_TRAIN)) {
        vaei_stack_need(s, k, n, 0, &need);
        return need;
    }
    const int64_t block = most_of(s, k, n); /* fewer examples than n may come in larger blocks */
    if (how & VAEI_EXAMPLES_AGAIN) slot->segment = vaei_stack_segment(s, k, block);
    const size_t step = block_need(s, k, block, slot->segment, &need);
    if (how & VAEI_EXAMPLES_TURN)
        need.cache = step;
    else if (!vaei_size_mul(step, (size_t)(n / block + (n % block != 0)), &need.cache))
        need.cache = SIZE_MAX;
    return need;
}

/* One of the blocks: its run, its memory */
typedef struct part {
    vaei_run r;
    vaei_slot m;
} part;

static part part_at(const vaei_run *r, const vaei_slot *m, int64_t first, int64_t block, size_t step) {
    part p = {*r, *m};
    p.r.n = r->n - first < block ? r->n - first : block;
    p.r.first_item = r->first_item + (uint32_t)first;
    p.m.cache = (char *)m->cache + (size_t)(first / block) * step;
    return p;
}

void vaei_examples_forward(const vaei_stack *s, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    const int64_t in = vaei_shape_size(&s->in), out = vaei_shape_size(&s->out);
    vaei_need need;
    if (!r->training) {
        vaei_stack_forward(s, r, m, x, y);
        return;
    }
    const int64_t block = block_of(s, r->k, r->n);
    const size_t step = block_need(s, r->k, block, m->segment, &need);
    for (int64_t i = 0; i < r->n; i += block) {
        const part p = part_at(r, m, i, block, step);
        vaei_stack_forward(s, &p.r, &p.m, x + i * in, y + i * out);
    }
}

void vaei_examples_backward(const vaei_stack *s, const vaei_run *r, const vaei_slot *m, const float *x, const float *y,
                            float *dy, float *dx) {
    const int64_t in = vaei_shape_size(&s->in), out = vaei_shape_size(&s->out);
    const int64_t block = block_of(s, r->k, r->n);
    vaei_need need;
    const size_t step = block_need(s, r->k, block, m->segment, &need);
    /* the last block first: what forward left of it is still in the cache */
    for (int64_t i = (r->n - 1) / block * block; i >= 0; i -= block) {
        const part p = part_at(r, m, i, block, step);
        vaei_stack_backward(s, &p.r, &p.m, x + i * in, y + i * out, dy + i * out, dx ? dx + i * in : NULL);
    }
}

void vaei_examples_turn(const vaei_stack *s, const vaei_run *r, const vaei_slot *m, const float *x, const vaei_turn *t,
                        float *y, float *dy, float *dx) {
    const int64_t in = vaei_shape_size(&s->in), out = vaei_shape_size(&s->out), block = block_of(s, r->k, r->n);
    for (int64_t i = 0; i < r->n; i += block) {
        const part p = part_at(r, m, i, block, 0);
        vaei_stack_forward(s, &p.r, &p.m, x + i * in, y + i * out);
        t->turn(t->arg, &p.r, i, y + i * out, dy + i * out);
        vaei_stack_backward(s, &p.r, &p.m, x + i * in, y + i * out, dy + i * out, dx + i * in);
    }
}
