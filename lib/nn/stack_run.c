/* SPDX-License-Identifier: MIT
 * stack_run.c - runs a stack: a loop over its steps, forward and backward. */
#include "nn/plan.h"
#include "nn/ranges.h"
#include "nn/stack.h"

/* ---- memory ---- */

static vaei_plan measured(const vaei_stack *s, const vaei_kernels *k, int64_t n, int32_t mode, size_t segment) {
    vaei_plan p = {.steps = s->steps[mode], .k = k, .n = n, .mode = mode, .segment = segment};
    vaei_plan_walk(&p);
    return p;
}

static size_t sum(size_t a, size_t b) {
    size_t r;
    return vaei_size_add(a, b, &r) ? r : SIZE_MAX;
}

vaei_bytes vaei_stack_bytes_recomputing(const vaei_stack *s, const vaei_kernels *k, int64_t n, size_t segment) {
    const vaei_plan p = measured(s, k, n, VAEI_TRAINING, segment);
    return (vaei_bytes){.pack = p.pack.used, .stats = p.stats.used, .cache = sum(p.keep.used, p.recomputed.used), .scratch = p.block};
}

vaei_bytes vaei_stack_bytes(const vaei_stack *s, const vaei_kernels *k, int64_t n, int32_t training) {
    if (training) return vaei_stack_bytes_recomputing(s, k, n, 0);
    const vaei_plan p = measured(s, k, n, VAEI_INFERENCE, 0);
    return (vaei_bytes){.pack = p.pack.used, .scratch = sum(p.keep.used, p.block)};
}

size_t vaei_stack_example_bytes(const vaei_stack *s, const vaei_kernels *k) {
    const vaei_steps *const steps = s->steps[VAEI_TRAINING];
    vaei_carve c = {0};
    for (int32_t i = 0; i < steps->n; i++) {
        const vaei_step *const t = &steps->step[i];
        (void)vaei_carve_bytes(&c, vaei_layer_bytes(t->layer, k, 1, 1).cache);
        if (steps->buffer[t->out].first == i) (void)vaei_carve_floats(&c, steps->buffer[t->out].size);
    }
    return c.used > 0 ? c.used : 1;
}

/* Tries segments that have an equal share of all bytes. */
size_t vaei_stack_segment(const vaei_stack *s, const vaei_kernels *k, int64_t n) {
    const size_t whole = measured(s, k, 1, VAEI_TRAINING, SIZE_MAX).recomputed.used;
    size_t best = SIZE_MAX, least = SIZE_MAX;
    for (int32_t parts = 1; parts <= s->steps[VAEI_TRAINING]->n; parts += 1 + parts / 8) {
        const size_t share = whole / (size_t)parts, segment = share > 0 ? share : 1;
        const vaei_bytes all = vaei_stack_bytes_recomputing(s, k, n, segment);
        const size_t bytes = sum(all.cache, all.scratch);
        if (bytes >= least) continue;
        best = segment;
        least = bytes;
    }
    return best;
}

void vaei_stack_pack(const vaei_stack *s, const vaei_run *r, void *pack) {
    const vaei_steps *const steps = s->steps[r->training ? VAEI_TRAINING : VAEI_INFERENCE];
    vaei_carve c = {.base = pack};
    for (int32_t i = 0; i < steps->n; i++) {
        const vaei_layer *const l = steps->step[i].layer;
        void *const p = vaei_carve_bytes(&c, vaei_layer_bytes(l, r->k, 1, r->training).pack);
        if (l->ops->pack) l->ops->pack(l, r, p);
    }
}

/* ---- a pass ---- */

typedef struct pass {
    const vaei_steps *s;
    const vaei_run *r;
    vaei_plan plan;
    const float *x, *made; /* made: y, if it is read */
    float *y;
    char *block; /* of forward: it has plan.forward bytes, or those of a segment */
    size_t bytes;
} pass;

static int32_t mode_of(const vaei_run *r) {
    return r->training ? VAEI_TRAINING : VAEI_INFERENCE;
}

/* The address of buffer b; NULL in backward if it was in forward's block and no longer exists, because no backward reads it. */
static float *value_at(const pass *p, int32_t b) {
    const vaei_buffer *const v = &p->s->buffer[b];
    if (b == p->s->output || v->place == VAEI_PLACE_Y) return p->y;
    if (p->plan.value[b]) return p->plan.value[b];
    return p->block ? vaei_block_at(v, p->r->n, p->block, p->bytes) : NULL;
}

static const float *read_at(const pass *p, int32_t b) {
    return b == 0 ? p->x : b == p->s->output ? p->made : value_at(p, b);
}

static void run_step(const pass *p, int32_t i) {
    const vaei_step *const t = &p->s->step[i];
    const vaei_frame *const frame = &p->plan.frame[i];
    char *const workspace = p->block + vaei_reach_bytes(&t->forward[0], p->r->n);
    vaei_slot slot = frame->slot;
    vaei_prologue pixels;
    VAEI_ZONES_END(p->block, p->bytes);
    slot.scratch = workspace + frame->held;
    VAEI_ASSERT((size_t)(workspace - p->block) + frame->held <= p->bytes);
    slot.add = t->side < 0 ? NULL : read_at(p, t->side);
    if (t->prologue >= 0) {
        const vaei_layer *const maker = p->s->step[t->prologue].layer;
        vaei_slot its = p->plan.frame[t->prologue].slot;
        its.scratch = workspace;
        maker->ops->prologue(maker, p->r, &its, read_at(p, t->in), &pixels);
        slot.prologue = &pixels;
    }
    t->layer->ops->forward(t->layer, p->r, &slot, read_at(p, t->in), value_at(p, t->out));
}

static void run_steps(const pass *p, int32_t first, int32_t last) {
    for (int32_t i = first; i <= last && !vaei_run_cancelled(p->r); i++)
        if (!p->s->step[i].deferred) run_step(p, i);
}

void vaei_stack_forward(const vaei_stack *s, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    const int32_t mode = mode_of(r), training = mode == VAEI_TRAINING;
    pass p = {.s = s->steps[mode], .r = r, .x = x, .made = y, .y = y};
    if (p.s->n == 0) {
        memcpy(y, x, (size_t)(r->n * vaei_shape_size(&s->in)) * sizeof(*y));
        return;
    }
    p.plan = (vaei_plan){.steps = p.s,
                         .k = r->k,
                         .n = r->n,
                         .mode = mode,
                         .segment = training ? m->segment : 0,
                         .pack = {m->pack, 0},
                         .stats = {m->stats, 0},
                         .keep = {training ? m->cache : m->scratch, 0}};
    if (p.plan.segment > 0) /* memory that segments share is behind the kept values */
        p.plan.recomputed.base = (char *)m->cache + measured(s, r->k, r->n, mode, m->segment).keep.used;
    vaei_plan_walk(&p.plan);
    VAEI_ASSERT(!training || p.plan.recomputed.used == 0 || p.plan.segment > 0);
    p.block = (char *)m->scratch + (training ? 0 : p.plan.keep.used);
    p.bytes = p.plan.forward;
    for (int32_t first = 0, last; first < p.s->n; first = last + 1) {
        for (last = first; last + 1 < p.s->n && p.plan.frame[last + 1].segment == first;) last++;
        p.bytes = p.plan.frame[first].forward;
        VAEI_ZONES_END(p.plan.recomputed.base, p.plan.recomputed.used); /* each segment divides the shared memory in its own way */
        run_steps(&p, first, last);
    }
}

/* ---- backward ---- */

/* Runs the gradient of an activation on the rows of dx that the step behind it has just finished. */
typedef struct dx_map {
    const vaei_layer *l;
    const float *y;
    const float *dx;
} dx_map;

static void apply_map_grad(const void *arg, const vaei_kernels *k, int64_t count, float *dx) {
    const dx_map *a = arg;
    a->l->ops->map_grad(a->l, k, count, a->y + (dx - a->dx), dx, dx);
}

typedef struct back {
    pass p; /* of forward; block: all of it */
    float *dy, *dx;
    char *block;
    size_t bytes;
} back;

static float *grad_at(const back *b, int32_t g) {
    const vaei_buffer *const v = &b->p.s->grad[g];
    if (g == VAEI_GRAD_DY) return b->dy;
    if (g == VAEI_GRAD_DX) return b->dx;
    return v->of_input && !b->dx ? NULL : vaei_block_at(v, b->p.r->n, b->block, b->bytes);
}

typedef struct job {
    const vaei_kernels *k;
    const float *from;
    float *to;
} job;

static void add_range(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    j->k->add(end - begin, j->from + begin, j->to + begin);
}

static void copy_range(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    memcpy(j->to + begin, j->from + begin, (size_t)(end - begin) * sizeof(float));
}

/* dx += the gradients from the other readers of x */
static void join(const back *b, const vaei_step *t, int32_t operand, int64_t size, float *dx) {
    for (int32_t i = 0; dx && i < t->n_joins[operand]; i++) {
        job j = {b->p.r->k, grad_at(b, b->p.s->join[t->joins[operand] + i]), dx};
        vaei_parallel_ranges(b->p.r->pool, b->p.r->n * size, 1, add_range, &j);
    }
}

static void copy(const back *b, int64_t size, const float *from, float *to) {
    job j = {b->p.r->k, from, to};
    if (to && to != from) vaei_parallel_ranges(b->p.r->pool, b->p.r->n * size, 1, copy_range, &j);
}

static void step_back(const back *b, int32_t i) {
    const vaei_run *const r = b->p.r;
    const vaei_step *const t = &b->p.s->step[i];
    const vaei_layer *const l = t->layer;
    const int64_t in = b->p.s->buffer[t->in].size;
    const int32_t in_place = t->in == t->out;
    const float *const x = in_place ? NULL : read_at(&b->p, t->in), *const y = read_at(&b->p, t->out);
    float *const dy = grad_at(b, t->dy), *const dx = grad_at(b, t->dx);
    vaei_slot slot = b->p.plan.frame[i].slot;
    VAEI_ZONES_END(b->block, b->bytes);
    slot.scratch = b->block + vaei_reach_bytes(&t->backward[0], r->n);
    VAEI_ASSERT(vaei_reach_bytes(&t->backward[0], r->n) <= b->bytes);
    if (t->activation && !t->gradient_done) t->activation->ops->backward(t->activation, r, &slot, NULL, y, dy, dy);
    if (vaei_step_sums(t)) {
        float *const d_side = grad_at(b, t->d_side);
        copy(b, in, dy, d_side);
        join(b, t, 1, in, d_side);
        copy(b, in, dy, dx);
    } else if (t->activation || !t->gradient_done) {
        const dx_map map = {t->dx_activation, x, dx};
        const vaei_epilogue epilogue = {apply_map_grad, &map};
        slot.dx_epilogue = t->dx_activation ? &epilogue : t->flushes_dx ? &vaei_flush_rows : NULL;
        l->ops->backward(l, r, &slot, x, y, dy, dx);
    }
    join(b, t, 0, in, dx);
}

void vaei_stack_backward(const vaei_stack *s, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy, float *dx) {
    back b = {.p = {.s = s->steps[VAEI_TRAINING], .r = r, .x = x, .made = y}, .dy = dy, .dx = dx, .block = m->scratch};
    if (b.p.s->n == 0) {
        copy(&b, vaei_shape_size(&s->in), dy, dx);
        return;
    }
    if (vaei_run_cancelled(r)) return; /* forward may have left out some frames */
    b.p.plan = (vaei_plan){.steps = b.p.s, .k = r->k, .n = r->n, .mode = VAEI_TRAINING, .keep = {m->cache, 0}};
    vaei_plan_frames(&b.p.plan);
    b.bytes = b.p.plan.frame[0].block;
    vaei_run_flush(r, r->n * vaei_shape_size(&s->out), dy, dy);
    int32_t segment = b.p.plan.frame[b.p.s->n - 1].segment;
    for (int32_t i = b.p.s->n - 1; i >= 0 && !vaei_run_cancelled(r); i--) {
        const vaei_frame *const frame = &b.p.plan.frame[i];
        if (frame->segment != segment) {
            segment = frame->segment;
            VAEI_ZONES_END((char *)m->cache + measured(s, r->k, r->n, VAEI_TRAINING, m->segment).keep.used,
                           measured(s, r->k, r->n, VAEI_TRAINING, m->segment).recomputed.used);
            b.p.block = b.block + vaei_reach_bytes(&b.p.s->step[i].waiting[0], r->n);
            b.p.bytes = b.p.plan.frame[segment].forward;
            run_steps(&b.p, segment, i);
        }
        step_back(&b, i);
    }
}

void vaei_stack_commit(const vaei_stack *s, const vaei_run *r, const vaei_slot *m, float *params) {
    const vaei_steps *const steps = s->steps[VAEI_TRAINING];
    vaei_carve stats = {.base = m->stats};
    for (int32_t i = 0; i < steps->n; i++) {
        const vaei_layer *const l = steps->step[i].layer;
        const vaei_slot slot = {.stats = vaei_carve_bytes(&stats, vaei_layer_bytes(l, r->k, r->n, 1).stats)};
        if (l->ops->commit) l->ops->commit(l, r, &slot, params);
    }
}
