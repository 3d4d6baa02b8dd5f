/* SPDX-License-Identifier: MIT
 * lifetimes.c - finds the lifetime of each value of a list of steps, and its place in the block.
 *
 * A block has values at its two ends, so that a sequence of layers needs only as much as its largest pair of neighbours:
 *
 *     | low, low ...        workspace of the step        ... high |
 *
 * At inference the caller's y is free until the last step writes it, so each value that fits is placed there if it does not overlap
 * another; all others are in the block. In training, values that backward reads are kept; other values and all gradients are in blocks. */
#include "nn/steps.h"

/* ---- buffers in place ---- */

static int32_t writer_before(const vaei_steps *s, int32_t buffer, int32_t i) {
    for (int32_t j = i - 1; j >= 0; j--)
        if (s->step[j].out == buffer) return j;
    return -1;
}

static int32_t used_after(const vaei_steps *s, int32_t buffer, int32_t i) {
    for (int32_t j = 0; j < s->n; j++)
        if ((s->step[j].in == buffer || s->step[j].side == buffer) && vaei_steps_time(s, j) > i) return 1;
    return 0;
}

/* The number of steps that read a buffer and write another one. */
static int32_t readers_of(const vaei_steps *s, int32_t buffer) {
    int32_t readers = 0;
    for (int32_t i = 0; i < s->n; i++) readers += (s->step[i].in == buffer && s->step[i].out != buffer) + (s->step[i].side == buffer);
    return readers;
}

/* In training x must have no other reader, not even an earlier one, because all values of a buffer have one gradient. */
static int32_t may_write_over_x(const vaei_steps *s, const vaei_step *t, int32_t mode, int32_t writer) {
    if (t->prologue >= 0 || t->in == t->side) return 0;
    const vaei_layer_ops *const ops = t->layer->ops;
    if (mode == VAEI_TRAINING)
        return (vaei_step_sums(t) || ops->flags & VAEI_LAYER_IN_PLACE) && !vaei_step_reads_y(&s->step[writer]) && readers_of(s, t->in) == 1;
    if (vaei_step_sums(t) || ops->map || ops->flags & VAEI_LAYER_IN_PLACE) return 1;
    return t->side < 0 && ops->overwrites && ops->overwrites(t->layer);
}

/* Places y of step i over `buffer`, if step i is the last to read that buffer and the caller's y does not change its size. */
static int32_t write_over(vaei_steps *s, int32_t i, int32_t buffer) {
    vaei_step *const t = &s->step[i];
    const int64_t size = s->buffer[t->out].size;
    if (buffer <= 0 || writer_before(s, buffer, i) < 0 || used_after(s, buffer, i) || s->buffer[buffer].size < size) return 0;
    if (t->out == s->output) {
        if (s->buffer[buffer].size > size) return 0;
        vaei_steps_rename(s, buffer, s->output);
    } else {
        vaei_steps_rename(s, t->out, buffer);
    }
    return 1;
}

static void merge_in_place(vaei_steps *s, int32_t mode) {
    for (int32_t i = 0; i < s->n; i++) {
        const vaei_step *const t = &s->step[i];
        if (t->deferred) continue;
        const int32_t writer = writer_before(s, t->in, i);
        if (writer >= 0 && may_write_over_x(s, t, mode, writer) && write_over(s, i, t->in)) continue;
        if (mode == VAEI_INFERENCE && t->side >= 0 && t->side != t->in) (void)write_over(s, i, t->side);
    }
}

/* ---- lifetime and place ---- */

static void live(vaei_buffer *b, int32_t time) {
    if (time < b->first) b->first = time;
    if (time > b->last) b->last = time;
}

static void find_lifetimes(vaei_steps *s) {
    for (int32_t b = 0; b < s->n_buffers; b++) {
        s->buffer[b].first = INT32_MAX;
        s->buffer[b].last = -1;
    }
    for (int32_t i = 0; i < s->n; i++) {
        const vaei_step *const t = &s->step[i];
        const int32_t time = vaei_steps_time(s, i);
        live(&s->buffer[t->in], time);
        if (t->side >= 0) live(&s->buffer[t->side], time);
        if (t->out >= 0) live(&s->buffer[t->out], time);
    }
}

VAEI_INLINE int32_t meet(const vaei_buffer *a, const vaei_buffer *b) {
    return a->first <= b->last && b->first <= a->last;
}

/* It goes from the last value to the first, so that the values of a sequence of layers alternate. */
static void place_in_y(vaei_steps *s) {
    const vaei_buffer *const y = &s->buffer[s->output];
    for (int32_t b = s->n_buffers - 1; b > 0; b--) {
        vaei_buffer *const mine = &s->buffer[b];
        int32_t fits = mine->last >= 0 && b != s->output && mine->size <= y->size && !meet(mine, y);
        for (int32_t c = b + 1; fits && c < s->n_buffers; c++)
            if (s->buffer[c].place == VAEI_PLACE_Y && meet(mine, &s->buffer[c])) fits = 0;
        if (fits) mine->place = VAEI_PLACE_Y;
    }
}

/* Whether the backward pass of some step reads the buffer. */
static int32_t is_read_back(const vaei_steps *s, int32_t buffer) {
    for (int32_t i = 0; i < s->n; i++) {
        const vaei_step *const t = &s->step[i];
        if (t->out == buffer && vaei_step_reads_y(t)) return 1;
        if (t->in == buffer && t->out != buffer && t->layer->ops->flags & VAEI_LAYER_READS_X) return 1;
    }
    return 0;
}

static void place_buffers(vaei_steps *s, int32_t mode) {
    for (int32_t b = 1; mode == VAEI_TRAINING && b < s->n_buffers; b++)
        if (b != s->output && is_read_back(s, b)) s->buffer[b].place = VAEI_PLACE_KEPT;
    if (mode == VAEI_INFERENCE) place_in_y(s);
    for (int32_t i = 0; i < s->n; i++) {
        const vaei_step *const t = &s->step[i];
        if (t->out <= 0 || t->out == s->output || s->buffer[t->out].place != VAEI_PLACE_CALLER) continue;
        s->buffer[t->out].place = VAEI_PLACE_LOW; /* in the block: place_arrays() chooses the end */
    }
}

/* Whether no step behind step i writes a buffer that was written before. */
static int32_t cuttable(const vaei_steps *s, int32_t i) {
    for (int32_t j = i + 1; j < s->n; j++)
        if (s->buffer[s->step[j].out].first <= i) return 0;
    return 1;
}

/* ---- the block: each array is at one of its ends, beyond the arrays that have the same end at that time ---- */

static void reach_over(vaei_reach *r, const vaei_buffer *b) {
    if (b->before.values + b->size > r->values) r->values = b->before.values + b->size;
    if (b->before.arrays + 1 > r->arrays) r->arrays = b->before.arrays + 1;
}

/* How far the arrays at an end of the block reach at a time, of those written before `begun`. */
static vaei_reach reach_at(const vaei_buffer *all, int32_t n, int32_t place, int32_t time, int32_t begun) {
    vaei_reach r = {0, 0};
    for (int32_t b = 0; b < n; b++)
        if (all[b].place == place && all[b].first <= time && time <= all[b].last && all[b].first < begun) reach_over(&r, &all[b]);
    return r;
}

static int32_t in_block(const vaei_buffer *b) {
    return b->place == VAEI_PLACE_LOW || b->place == VAEI_PLACE_HIGH;
}

/* An end of the block as array b would find it: how far other arrays reach, and whether all of them outlive b. */
static vaei_reach end_for(const vaei_buffer *all, int32_t b, int32_t place, int32_t *outlives) {
    vaei_reach top = {0, 0};
    *outlives = 1;
    for (int32_t i = 0; i < b; i++) {
        if (all[i].place != place || all[i].last < all[b].first) continue;
        reach_over(&top, &all[i]);
        if (all[i].last < all[b].last) *outlives = 0;
    }
    return top;
}

/* Places the arrays in the order in which they begin. Each goes to the end where all other arrays outlive it, so that no array is below
 * a gap; if that holds for both ends or for none, it goes to the end with less. */
static void place_arrays(vaei_buffer *all, int32_t n) {
    for (int32_t b = 0; b < n; b++) {
        if (!in_block(&all[b])) continue;
        int32_t low_outlives, high_outlives;
        const vaei_reach low = end_for(all, b, VAEI_PLACE_LOW, &low_outlives), high = end_for(all, b, VAEI_PLACE_HIGH, &high_outlives);
        const int32_t on_high = low_outlives != high_outlives ? high_outlives : high.values < low.values;
        all[b].place = on_high ? VAEI_PLACE_HIGH : VAEI_PLACE_LOW;
        all[b].before = on_high ? high : low;
    }
}

static void stand_all(vaei_steps *s) {
    place_arrays(s->buffer, s->n_buffers);
    place_arrays(s->grad, s->n_grads);
    for (int32_t i = 0; i < s->n; i++) {
        vaei_step *const t = &s->step[i];
        const int32_t back = s->n - 1 - i;
        for (int32_t end = 0; end < 2; end++) {
            const int32_t place = end == 0 ? VAEI_PLACE_LOW : VAEI_PLACE_HIGH;
            t->forward[end] = reach_at(s->buffer, s->n_buffers, place, i, i + 1);
            t->backward[end] = reach_at(s->grad, s->n_grads, place, back, back + 1);
            t->waiting[end] = reach_at(s->grad, s->n_grads, place, back, back);
        }
    }
}

/* ---- gradients -------------------------------------------------------------------------------------------------------------
 *
 * The steps run from the last to the first. A value that several steps read gets a gradient from each of them. The step that reads it first
 * in the list, and is therefore last here, adds the others to its own gradient, the latest first:
 *
 *     b4 = residual b3 + b0         d b3 = d b4          d b0 = (d b0 of b1's step) + d b4 */
typedef struct reading {
    int32_t current; /* the gradient of the buffer, after all readers have given theirs */
    int32_t left;    /* readers that have not given their gradient */
    int32_t waiting; /* the latest of the gradients given up to now, or -1: a list through tape.next */
} reading;

typedef struct tape {
    vaei_steps *s;
    reading *of;   /* [n_buffers] */
    int32_t *next; /* a list of the gradients that wait */
    int32_t time;
} tape;

static int32_t new_grad(tape *a, int32_t buffer) {
    vaei_steps *const s = a->s;
    s->grad[s->n_grads] =
        (vaei_buffer){.size = s->buffer[buffer].size, .first = a->time, .last = a->time, .place = VAEI_PLACE_LOW, .of_input = buffer == 0};
    return s->n_grads++;
}

static void use_grad(tape *a, int32_t grad) {
    live(&a->s->grad[grad], a->time);
}

/* Decides where the gradient of one reader of a buffer goes; the last reader gets the others to add. `dy` is the gradient that the
 * reader itself reads, in which its result may stay if `keep` is set. */
static int32_t give(tape *a, int32_t buffer, int32_t dy, int32_t keep, int32_t *joins, int32_t *n_joins) {
    vaei_steps *const s = a->s;
    reading *const r = &a->of[buffer];
    const int32_t last = --r->left == 0, to_caller = last && buffer == 0;
    const int32_t grad = to_caller ? VAEI_GRAD_DX : keep ? dy : new_grad(a, buffer);
    *joins = s->n_joins;
    *n_joins = 0;
    if (!last) {
        a->next[grad] = r->waiting;
        r->waiting = grad;
        return grad;
    }
    for (int32_t g = r->waiting; g >= 0; g = a->next[g]) {
        use_grad(a, g);
        s->join[s->n_joins++] = g;
        ++*n_joins;
    }
    r->current = grad;
    return grad;
}

static void step_back(tape *a, int32_t i) {
    vaei_steps *const s = a->s;
    vaei_step *const t = &s->step[i];
    const int32_t in_place = t->in == t->out;
    t->dy = a->of[t->out].current;
    t->dx = t->d_side = -1;
    use_grad(a, t->dy);
    if (t->side >= 0) t->d_side = give(a, t->side, t->dy, 0, &t->joins[1], &t->n_joins[1]);
    if (in_place) t->dx = t->dy;
    else t->dx = give(a, t->in, t->dy, vaei_step_sums(t) && t->in > 0 && a->of[t->in].left == 1, &t->joins[0], &t->n_joins[0]);
}

/* If all that step i reads is the y of an activation that works in place, step i also computes the gradient of the activation. */
static void join_gradients(vaei_steps *s) {
    for (int32_t i = 0; i < s->n; i++) {
        vaei_step *const t = &s->step[i];
        const int32_t from = writer_before(s, t->in, i);
        if (from < 0 || t->in == t->out || !(t->layer->ops->flags & VAEI_LAYER_TAKES_DX_EPILOGUE)) continue;
        if (t->n_joins[0] > 0 || t->dx != s->step[from].dy) continue;
        vaei_step *const before = &s->step[from];
        const vaei_layer *const l = before->activation ? before->activation : before->layer;
        if (!l->ops->map_grad || (!before->activation && before->in != before->out)) continue;
        t->dx_activation = l;
        before->gradient_done = 1;
    }
}

static vae_status_t plan_gradients(vaei_steps *s, vaei_arena *arena) {
    const size_t most = 2 * (size_t)s->n + VAEI_GRADS_FIRST;
    tape a = {.s = s, .of = vaei_arena_array(arena, (size_t)s->n_buffers, sizeof(*a.of))};
    a.next = vaei_arena_array(arena, most, sizeof(*a.next));
    s->grad = vaei_arena_array(arena, most, sizeof(*s->grad));
    s->join = vaei_arena_array(arena, most, sizeof(*s->join));
    if (!a.of || !a.next || !s->grad || !s->join) return VAE_E_NOMEM;
    s->n_grads = VAEI_GRADS_FIRST;
    for (int32_t b = 0; b < s->n_buffers; b++) a.of[b] = (reading){.current = VAEI_GRAD_DY, .waiting = -1};
    for (int32_t i = 0; i < s->n; i++) {
        const vaei_step *const t = &s->step[i];
        if (t->in != t->out) a.of[t->in].left++;
        if (t->side >= 0) a.of[t->side].left++;
    }
    for (int32_t i = s->n - 1; i >= 0; i--, a.time++) step_back(&a, i);
    join_gradients(s);
    return VAE_OK;
}

vae_status_t vaei_lifetimes(vaei_steps *s, int32_t mode, vaei_arena *arena) {
    merge_in_place(s, mode);
    find_lifetimes(s);
    place_buffers(s, mode);
    if (mode == VAEI_TRAINING) {
        VAEI_TRY(plan_gradients(s, arena));
        for (int32_t i = 0; i < s->n; i++) s->step[i].cuttable = cuttable(s, i);
    }
    stand_all(s);
    return VAE_OK;
}
