/* SPDX-License-Identifier: MIT
 * batch_blocks.c - runs a stack over a batch in blocks of examples, and in lanes of blocks on two threads.
 *
 * In training a block has as many examples as have activations that fit into the second-level cache (BLOCK_BYTES). Each block reads all
 * weights, so its activations have at least as many bytes as the weights. Each block has its own cache for backward, unless its backward
 * pass follows at once.
 *
 * A lane is one half of the batch: one thread runs its blocks through all layers, one after another. Two lanes synchronise only at the end
 * of the pass, whereas threads inside of layers synchronise after each layer. Other threads, and a thread whose lane is finished, help
 * inside of layers (pool.c). The second lane sums its gradients separately; then they are added to those of the run. More lanes would have
 * to clear and add more memory. The shapes alone fix blocks and lanes.
 *
 * Inference runs two lanes of one block each if there are two threads. No bit depends on that. */
#include "nn/batch_blocks.h"

enum {
    BLOCK_BYTES = 1280 << 10,
    LANES = 2, /* at most */
    /* The scratch and the gradients of the lanes have at most so many bytes; at inference, the memory that one example takes in each of
     * them. */
    LANES_BYTES = 64 << 20
};

/* Returns 0 if no layer mixes the batch, otherwise the number of examples that such layers need at least. */
static int64_t mixing(const vaei_stack *s) {
    int64_t most = 0;
    for (int32_t i = 0; i < s->n; i++) {
        const vaei_layer *l = s->layer[i];
        const int64_t values = vaei_shape_size(&l->in) / l->in.d[l->in.n - 1]; /* values of a channel in one example */
        int64_t least = l->ops->flags & VAEI_LAYER_MIXES_BATCH ? (values > 1 ? 1 : 2) : 0;
        if (least > most) most = least;
        for (int32_t j = 0; j < VAEI_LAYER_BODIES; j++) {
            least = l->body[j] ? mixing(l->body[j]) : 0;
            if (least > most) most = least;
        }
    }
    return most;
}

int64_t vaei_blocks_least(const vaei_stack *s) {
    const int64_t least = mixing(s);
    return least > 1 ? least : 1;
}

/* The gradients of a stack's parameters are at [first, end). A weight tied to a layer of another stack is outside of the stack's own
 * range, which is then extended to contain it. No other thread adds to the gradients in between while the stack runs. */
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

/* The division of a batch. */
typedef struct cut {
    int64_t lanes, lane;   /* the number of lanes; examples of a lane, at most */
    int64_t blocks, block; /* blocks of a lane; examples of a block, at most */
    int64_t most;          /* examples of a block in any batch */
    span grads;
} cut;

static cut cut_of(const vaei_stack *s, const vaei_kernels *k, int64_t n, int32_t training) {
    cut c = {1, n, 1, n, n, {0, 0}};
    if (training) c.grads = span_of(s);
    if (training && mixing(s) > 0) return c;
    const vaei_bytes of_one = vaei_stack_bytes(s, k, 1, training);
    if (!training) {
        const int64_t lanes = n >= LANES && of_one.scratch <= LANES_BYTES / LANES ? LANES : 1;
        const int64_t lane = n / lanes + (n % lanes != 0);
        return (cut){lanes, lane, 1, lane, lane, {0, 0}};
    }
    const size_t one = vaei_stack_example_bytes(s, k);
    const size_t bytes = of_one.pack > BLOCK_BYTES ? of_one.pack : BLOCK_BYTES;
    const int64_t about = bytes / one > 0 ? (int64_t)(bytes / one) : 1, share = about > 1 ? about / 2 : 1;
    c.most = about + about / 2 + 1;
    const size_t lane_bytes = vaei_stack_bytes(s, k, c.most, 1).scratch + (size_t)c.grads.end * sizeof(float);
    if (n / LANES >= share && lane_bytes <= LANES_BYTES / LANES) c.lanes = LANES;
    c.lane = n / c.lanes + (n % c.lanes != 0);
    c.blocks = (c.lane + about / 2) / about; /* the nearest number */
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

/* Bytes from a block's cache to that of the next block, and from the scratch of one running lane to that of the next. */
typedef struct steps {
    size_t cache, scratch;
} steps;

static steps steps_of(const vaei_stack *s, const vaei_kernels *k, int64_t block, int32_t training, size_t segment, vaei_bytes *bytes) {
    *bytes = segment > 0 ? vaei_stack_bytes_recomputing(s, k, block, segment) : vaei_stack_bytes(s, k, block, training);
    return (steps){rounded(bytes->cache), rounded(bytes->scratch)};
}

static size_t times(size_t bytes, int64_t count) {
    size_t product;
    return vaei_size_mul(bytes, (size_t)count, &product) ? product : SIZE_MAX;
}

/* The size also suffices for the whole batch as one block, which is used with one thread. */
static vaei_bytes inference_bytes(const vaei_stack *s, const vaei_kernels *k, int64_t n) {
    const cut c = cut_of(s, k, n, 0);
    vaei_bytes bytes = vaei_stack_bytes(s, k, n, 0), lane;
    const steps step = steps_of(s, k, c.block, 0, 0, &lane);
    const size_t all = times(step.scratch, c.lanes);
    if (all > bytes.scratch) bytes.scratch = all;
    return bytes;
}

/* A smaller batch may be divided into larger blocks, but never into more. */
vaei_bytes vaei_blocks_bytes(const vaei_stack *s, const vaei_kernels *k, int64_t n, int32_t how, vaei_slot *slot) {
    vaei_bytes bytes = {0};
    slot->segment = 0;
    if (!(how & VAEI_BLOCKS_TRAIN)) return inference_bytes(s, k, n);
    const cut c = cut_of(s, k, n, 1);
    const int64_t most = c.most < n ? c.most : n;
    vaei_carve scratch = {0};
    if (how & VAEI_BLOCKS_RECOMPUTE) slot->segment = vaei_stack_segment(s, k, most);
    const steps step = steps_of(s, k, most, 1, slot->segment, &bytes);
    bytes.cache = times(step.cache, how & VAEI_BLOCKS_FUSED ? c.lanes : c.lanes * c.blocks);
    (void)vaei_carve_bytes(&scratch, times(step.scratch, c.lanes));
    (void)vaei_carve_floats(&scratch, c.lanes > 1 ? c.grads.end : 0);
    bytes.scratch = scratch.used;
    return bytes;
}

/* ---- lanes ------------------------------------------------------------------------------------------------------- */

typedef struct lanes {
    const vaei_stack *stack;
    const vaei_run *r;
    const vaei_slot *m;
    cut c;
    steps step;
    float *grads; /* of the second lane, [c.grads.end], same offsets */
    const float *x, *y;
    float *made, *dy, *dx; /* made: y, if forward is part of the pass; dy: if backward is */
    const vaei_dy_source *source;
    vaei_index_pool indices; /* of running lanes: each has its own scratch, and a cache if its backward pass follows at once */
    _Atomic int32_t arrived; /* lanes that have finished */
} lanes;

static lanes lanes_of(const vaei_stack *s, const vaei_run *r, const vaei_slot *m) {
    vaei_bytes bytes;
    lanes a = {.stack = s, .r = r, .m = m, .c = cut_of(s, r->k, r->n, r->training)};
    a.step = steps_of(s, r->k, a.c.block, r->training, m->segment, &bytes);
    a.grads = (float *)(void *)((char *)m->scratch + a.c.lanes * (int64_t)a.step.scratch);
    return a;
}

static float *grads_of(const lanes *a, int64_t lane) {
    return lane == 0 ? a->r->grads : a->grads;
}

/* Runs n examples from `first` on, with the cache of number `cache`. */
static void run_block(const lanes *a, int64_t lane, int64_t held, int64_t cache, int64_t first, int64_t n) {
    const vaei_stack *const s = a->stack;
    const int64_t in = vaei_shape_size(&s->in), out = vaei_shape_size(&s->out);
    const float *const x = a->x + first * in, *const y = a->y + first * out;
    float *const dy = a->dy ? a->dy + first * out : NULL, *const dx = a->dx ? a->dx + first * in : NULL;
    vaei_run r = vaei_run_slice(a->r, first, n);
    vaei_slot m = *a->m;
    r.grads = grads_of(a, lane);
    m.cache = (char *)m.cache + cache * (int64_t)a->step.cache;
    m.scratch = (char *)m.scratch + held * (int64_t)a->step.scratch;
    if (a->made) vaei_stack_forward(s, &r, &m, x, a->made + first * out);
    if (a->source) a->source->make(a->source->arg, &r, first, y, dy);
    if (dy) vaei_stack_backward(s, &r, &m, x, y, dy, dx);
}

/* The lane that finishes second adds the gradients. */
static void join(lanes *a) {
    const span *const g = &a->c.grads;
    if (a->c.lanes == 1 || g->first >= g->end) return;
    if (atomic_fetch_add_explicit(&a->arrived, 1, memory_order_acq_rel) == 0) return;
    a->r->k->add(g->end - g->first, grads_of(a, 1) + g->first, grads_of(a, 0) + g->first);
}

static void lane_task(void *arg, int32_t lane) {
    lanes *const a = arg;
    const cut *const c = &a->c;
    const span *const g = &c->grads;
    const int32_t held = vaei_index_take(&a->indices);
    const int64_t first = lane * c->lane, end = first + c->lane < a->r->n ? first + c->lane : a->r->n;
    if (lane > 0 && a->dy && g->first < g->end) memset(grads_of(a, lane) + g->first, 0, (size_t)(g->end - g->first) * sizeof(float));
    for (int64_t i = 0; i < c->blocks; i++) {
        /* a separate backward pass begins with the last block, whose values from forward are still in the cache */
        const int64_t number = a->made ? i : c->blocks - 1 - i, at = first + number * c->block;
        if (at < end) run_block(a, lane, held, a->source ? held : lane * c->blocks + number, at, end - at < c->block ? end - at : c->block);
    }
    if (a->dy) join(a);
    vaei_index_give_back(&a->indices, held);
}

static void run_lanes(lanes *a) {
    if (a->r->n > 0) vaei_parallel(a->r->pool, (int32_t)a->c.lanes, lane_task, a);
}

/* ---- passes ------------------------------------------------------------------------------------------------------ */

void vaei_blocks_forward(const vaei_stack *s, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    if (!r->training && (r->n < LANES || vaei_pool_threads(r->pool) == 1)) {
        vaei_stack_forward(s, r, m, x, y);
        return;
    }
    lanes a = lanes_of(s, r, m);
    a.x = x;
    a.y = a.made = y;
    run_lanes(&a);
}

void vaei_blocks_backward(const vaei_stack *s, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy,
                          float *dx) {
    lanes a = lanes_of(s, r, m);
    a.x = x;
    a.y = y;
    a.dy = dy;
    a.dx = dx;
    run_lanes(&a);
}

void vaei_blocks_forward_backward(const vaei_stack *s, const vaei_run *r, const vaei_slot *m, const float *x, const vaei_dy_source *t,
                                  float *y, float *dy, float *dx) {
    lanes a = lanes_of(s, r, m);
    a.x = x;
    a.y = a.made = y;
    a.dy = dy;
    a.dx = dx;
    a.source = t;
    run_lanes(&a);
}
