/* SPDX-License-Identifier: MIT
 * examples.c - training a stack on a batch in blocks of examples, and lanes of blocks side by side.
 *
 * A block is as large as keeps its activations in the second cache: BLOCK_BYTES. Each block reads all weights, so it is never
 * so small that they would take more than WEIGHTS_SHARE times its room. Each block has a cache of its own, for backward, unless
 * it turns at once.
 *
 * A lane is a run of blocks, or half a block, that one thread takes through all layers, one after another: lanes
 * meet only at the end of the pass, where threads inside of layers would meet for each of them. A lane sums gradients of its own,
 * the first one those of the run; they join in pairs. Blocks, lanes and pairs are fixed by the shapes. */
#include "nn/examples.h"

#include <stdatomic.h>

enum {
    BLOCK_BYTES = 1280 << 10,
    WEIGHTS_SHARE = 2,
    LEAST_LANES = 2, /* or one; more by powers of two, which two threads or four share evenly */
    LANES = 8,
    LANES_BYTES = 64 << 20 /* of all lanes' scratch and gradients, at most */
};

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

/* The gradients of a stack's parameters stand at [first, end). */
typedef struct span {
    int64_t first, end;
} span;

static span span_of(const vaei_stack *s) {
    span all = {INT64_MAX, 0};
    for (int32_t i = 0; i < s->n; i++) {
        const vaei_layer *l = s->layer[i];
        for (int32_t j = 0; j < l->n_params; j++) {
            const vaei_param *p = l->param[j];
            if (p->offset < all.first) all.first = p->offset;
            if (p->offset + p->count > all.end) all.end = p->offset + p->count;
        }
        for (int32_t j = 0; j < VAEI_LAYER_BODIES; j++) {
            if (!l->body[j]) continue;
            const span inside = span_of(l->body[j]);
            if (inside.first < all.first) all.first = inside.first;
            if (inside.end > all.end) all.end = inside.end;
        }
    }
    return all;
}

/* How a batch is cut */
typedef struct cut {
    int64_t lanes, lane;   /* how many, examples of one at most */
    int64_t blocks, block; /* of a lane; examples of one at most */
    int64_t most;          /* examples of a block of any batch */
    span grads;
} cut;

static cut cut_of(const vaei_stack *s, const vaei_kernels *k, int64_t n) {
    vaei_need need;
    cut c = {1, n, 1, n, n, span_of(s)};
    if (sees_batch(s)) return c;
    vaei_stack_need(s, k, 1, 1, &need);
    const size_t one = need.cache + (size_t)vaei_shape_size(&s->out) * sizeof(float);
    const size_t least = need.pack / WEIGHTS_SHARE, bytes = least > BLOCK_BYTES ? least : BLOCK_BYTES;
    const int64_t about = bytes / one > 0 ? (int64_t)(bytes / one) : 1, share = about > 1 ? about / 2 : 1;
    c.most = about + about / 2 + 1;
    vaei_stack_need(s, k, c.most, 1, &need);
    const size_t lane_bytes = need.scratch + (size_t)c.grads.end * sizeof(float);
    for (int64_t lanes = LANES; lanes >= LEAST_LANES && c.lanes == 1; lanes /= 2) {
        if (n / lanes >= share && lane_bytes <= LANES_BYTES / (size_t)lanes) c.lanes = lanes;
    }
    c.lane = n / c.lanes + (n % c.lanes != 0);
    c.blocks = (c.lane + about / 2) / about; /* the nearest */
    if (c.blocks == 0) c.blocks = 1;
    c.block = c.lane / c.blocks + (c.lane % c.blocks != 0);
    return c;
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static size_t rounded(size_t bytes) {
    vaei_carve c = {0};
    (void)vaei_carve_bytes(&c, bytes);
    return c.used;
}

/* Bytes from a block's cache to the next one's, from a seat's scratch to the next one's */
typedef struct steps {
    size_t cache, scratch;
} steps;

static steps steps_of(const vaei_stack *s, const vaei_kernels *k, int64_t block, size_t segment, vaei_need *need) {
    if (segment > 0)
        vaei_stack_need_again(s, k, block, segment, need);
    else
        vaei_stack_need(s, k, block, 1, need);
    return (steps){rounded(need->cache), rounded(need->scratch)};
}

static size_t times(size_t bytes, int64_t count) {
    size_t product;
    return vaei_size_mul(bytes, (size_t)count, &product) ? product : SIZE_MAX;
}

/* A smaller batch may come in larger blocks, never in more. */
vaei_need vaei_examples_need(const vaei_stack *s, const vaei_kernels *k, int64_t n, int32_t how, vaei_slot *slot) {
    vaei_need need = {0};
    slot->segment = 0;
    if (!(how & VAEI_EXAMPLES_TRAIN)) {
        vaei_stack_need(s, k, n, 0, &need);
        return need;
    }
    const cut c = cut_of(s, k, n);
    const int64_t most = c.most < n ? c.most : n;
    vaei_carve scratch = {0};
    if (how & VAEI_EXAMPLES_AGAIN) slot->segment = vaei_stack_segment(s, k, most);
    const steps step = steps_of(s, k, most, slot->segment, &need);
    need.cache = times(step.cache, how & VAEI_EXAMPLES_TURN ? c.lanes : c.lanes * c.blocks);
    (void)vaei_carve_bytes(&scratch, times(step.scratch, c.lanes));
    (void)vaei_carve_floats(&scratch, c.lanes > 1 ? (c.lanes - 1) * c.grads.end : 0);
    need.scratch = scratch.used;
    return need;
}

/* ---- lanes ------------------------------------------------------------------------------------------------------- */

typedef struct lanes {
    const vaei_stack *stack;
    const vaei_run *r;
    const vaei_slot *m;
    cut c;
    steps step;
    float *grads; /* of the lanes but the first, each [c.grads.end], same offsets */
    const float *x, *y;
    float *made, *dy, *dx; /* made: y, where forward is part of it; dy: where backward is */
    const vaei_turn *turn;
    vaei_seats seats;               /* a lane at work has scratch of its own, and a cache if it turns */
    _Atomic int32_t arrived[LANES]; /* at the sum that takes up lane i and those it has taken */
} lanes;

static lanes lanes_of(const vaei_stack *s, const vaei_run *r, const vaei_slot *m) {
    vaei_need need;
    lanes a = {.stack = s, .r = r, .m = m, .c = cut_of(s, r->k, r->n)};
    a.step = steps_of(s, r->k, a.c.block, m->segment, &need);
    a.grads = (float *)(void *)((char *)m->scratch + a.c.lanes * (int64_t)a.step.scratch);
    return a;
}

static float *grads_of(const lanes *a, int64_t lane) {
    return lane == 0 ? a->r->grads : a->grads + (lane - 1) * a->c.grads.end;
}

/* n examples from number `first` on, with cache number `cache` */
static void run_block(const lanes *a, int64_t lane, int64_t seat, int64_t cache, int64_t first, int64_t n) {
    const vaei_stack *const s = a->stack;
    const int64_t in = vaei_shape_size(&s->in), out = vaei_shape_size(&s->out);
    const float *const x = a->x + first * in, *const y = a->y + first * out;
    float *const dy = a->dy ? a->dy + first * out : NULL, *const dx = a->dx ? a->dx + first * in : NULL;
    vaei_run r = *a->r;
    vaei_slot m = *a->m;
    r.n = n;
    r.first_item += (uint32_t)first;
    r.grads = grads_of(a, lane);
    m.cache = (char *)m.cache + cache * (int64_t)a->step.cache;
    m.scratch = (char *)m.scratch + seat * (int64_t)a->step.scratch;
    if (a->made) vaei_stack_forward(s, &r, &m, x, a->made + first * out);
    if (a->turn) a->turn->turn(a->turn->arg, &r, first, y, dy);
    if (dy) vaei_stack_backward(s, &r, &m, x, y, dy, dx);
}

/* Sums of two neighbours, of two such sums, and so on; whoever comes second adds. */
static void join(lanes *a, int64_t lane) {
    const span *const g = &a->c.grads;
    for (int64_t step = 1; step < a->c.lanes && g->first < g->end; step *= 2) {
        const int64_t left = lane / (2 * step) * (2 * step), right = left + step;
        if (atomic_fetch_add_explicit(&a->arrived[right], 1, memory_order_acq_rel) == 0) return;
        a->r->k->add(g->end - g->first, grads_of(a, right) + g->first, grads_of(a, left) + g->first);
        lane = left;
    }
}

static void lane_task(void *arg, int32_t lane) {
    lanes *const a = arg;
    const cut *const c = &a->c;
    const span *const g = &c->grads;
    const int32_t seat = vaei_seat_take(&a->seats);
    const int64_t first = lane * c->lane, end = first + c->lane < a->r->n ? first + c->lane : a->r->n;
    if (lane > 0 && a->dy && g->first < g->end)
        memset(grads_of(a, lane) + g->first, 0, (size_t)(g->end - g->first) * sizeof(float));
    for (int64_t i = 0; i < c->blocks; i++) {
        /* backward alone takes the last block first: what forward left of it is still in the cache */
        const int64_t number = a->made ? i : c->blocks - 1 - i, at = first + number * c->block;
        if (at < end)
            run_block(a, lane, seat, a->turn ? seat : lane * c->blocks + number, at,
                      end - at < c->block ? end - at : c->block);
    }
    if (a->dy) join(a, lane);
    vaei_seat_leave(&a->seats, seat);
}

static void run_lanes(lanes *a) {
    if (a->r->n > 0) vaei_parallel(a->r->pool, (int32_t)a->c.lanes, lane_task, a);
}

/* ---- passes ------------------------------------------------------------------------------------------------------ */

void vaei_examples_forward(const vaei_stack *s, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    if (!r->training) {
        vaei_stack_forward(s, r, m, x, y);
        return;
    }
    lanes a = lanes_of(s, r, m);
    a.x = x;
    a.y = a.made = y;
    run_lanes(&a);
}

void vaei_examples_backward(const vaei_stack *s, const vaei_run *r, const vaei_slot *m, const float *x, const float *y,
                            float *dy, float *dx) {
    lanes a = lanes_of(s, r, m);
    a.x = x;
    a.y = y;
    a.dy = dy;
    a.dx = dx;
    run_lanes(&a);
}

void vaei_examples_turn(const vaei_stack *s, const vaei_run *r, const vaei_slot *m, const float *x, const vaei_turn *t,
                        float *y, float *dy, float *dx) {
    lanes a = lanes_of(s, r, m);
    a.x = x;
    a.y = a.made = y;
    a.dy = dy;
    a.dx = dx;
    a.turn = t;
    run_lanes(&a);
}
