/* SPDX-License-Identifier: MIT
 * layer_residual.c - a stack with a way around it
 *
 *       residual { body }                  y = body(x) + x
 *       residual { body } { shortcut }     y = body(x) + shortcut(x)          dx = body^T dy + shortcut^T dy
 *
 *   Both ways must end in the same shape. Parameters: <path>.body.<i>.weight, <path>.shortcut.<i>.weight.
 *
 *   He, Zhang, Ren, Sun 2015 (arXiv:1512.03385). */
#include "nn/ranges.h"
#include "nn/stack.h"

enum { BODY, SHORTCUT };

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    static const char *const names[VAEI_LAYER_BODIES] = {"body", "shortcut"};
    const vaei_pipeline *p = node->body;
    char made[96], wanted[96];
    if (!p) return vaei_fail(VAE_E_SPEC, "residual: wants layers in braces");
    for (int32_t i = 0; p; i++, p = p->next) {
        if (i == VAEI_LAYER_BODIES)
            return vaei_fail(VAE_E_SPEC, "%s residual: more than a body and a shortcut in braces", l->path);
        const char *path = vaei_arena_format(b->arena, "%s.%s", l->path, names[i]);
        if (!path) return VAE_E_NOMEM;
        VAEI_TRY(vaei_stack_build(&l->body[i], b, p, path, in));
    }
    *out = l->body[BODY]->out;
    const vaei_shape *other = l->body[SHORTCUT] ? &l->body[SHORTCUT]->out : in;
    if (!vaei_shape_equal(out, other))
        return vaei_fail(VAE_E_SHAPE, "%s residual: the body makes %s, the %s %s", l->path, vaei_shape_text(out, made),
                         l->body[SHORTCUT] ? "shortcut makes" : "input is", vaei_shape_text(other, wanted));
    return VAE_OK;
}

/* The memory of one pass. kept: a way's own result, for a stack whose backward reads it. */
typedef struct parts {
    vaei_slot slot[VAEI_LAYER_BODIES];
    float *kept[VAEI_LAYER_BODIES];
    float *other; /* forward: the shortcut's result; backward: a copy of dy */
    float *dx;    /* the shortcut's */
} parts;

/* At inference, whether the body's last layer adds to y what the other way made. */
static int32_t adds(const vaei_layer *l, const vaei_kernels *k, int32_t training) {
    return !training && vaei_stack_adds(l->body[BODY], k);
}

static int32_t overwrites(const vaei_layer *l, const vaei_kernels *k) {
    const vaei_stack *shortcut = l->body[SHORTCUT];
    if (!vaei_stack_add_frees_x(l->body[BODY], k)) return 0;
    if (!shortcut) return 1;
    const vaei_layer *first = shortcut->n == 1 ? shortcut->layer[0] : NULL;
    return first && first->ops->overwrites && first->ops->overwrites(first, k);
}

/* What cut() cuts into parts. */
typedef struct carves {
    vaei_carve pack, cache, scratch, stats;
} carves;

static parts cut(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, carves *c) {
    const int64_t in = vaei_count_of(n, vaei_shape_size(&l->in)), out = vaei_count_of(n, vaei_shape_size(&l->out));
    const int32_t fused = adds(l, k, training);
    size_t shared = 0;
    parts p = {0};
    if (training || (l->body[SHORTCUT] && !fused)) p.other = vaei_carve_floats(&c->scratch, out);
    if (training && l->body[SHORTCUT]) p.dx = vaei_carve_floats(&c->scratch, in);
    void *rest = vaei_carve_bytes(&c->scratch, 0);
    for (int32_t i = 0; i < VAEI_LAYER_BODIES && l->body[i]; i++) {
        vaei_need need = {0};
        if (fused && i == BODY) {
            vaei_stack_add_need(l->body[i], k, n, &need);
        } else {
            vaei_stack_need(l->body[i], k, n, training, &need);
        }
        /* fused: the shortcut runs while the body does */
        void *own = fused ? vaei_carve_bytes(&c->scratch, need.scratch) : rest;
        p.slot[i] = (vaei_slot){.pack = vaei_carve_bytes(&c->pack, need.pack),
                                .cache = vaei_carve_bytes(&c->cache, need.cache),
                                .scratch = own,
                                .stats = vaei_carve_bytes(&c->stats, need.stats)};
        if (training && vaei_stack_reads_y(l->body[i])) p.kept[i] = vaei_carve_floats(&c->cache, out);
        if (shared < need.scratch) shared = need.scratch;
    }
    if (!fused) (void)vaei_carve_bytes(&c->scratch, shared);
    return p;
}

static parts parts_of(const vaei_layer *l, const vaei_run *r, const vaei_slot *m) {
    carves c = {{m->pack, 0}, {m->cache, 0}, {m->scratch, 0}, {m->stats, 0}};
    return cut(l, r->k, r->n, r->training, &c);
}

static void need(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_need *need) {
    carves c = {0};
    (void)cut(l, k, n, training, &c);
    *need = (vaei_need){c.pack.used, c.cache.used, c.scratch.used, c.stats.used};
}

static void pack(const vaei_layer *l, const vaei_run *r, void *memory) {
    carves c = {.pack = {memory, 0}};
    const parts p = cut(l, r->k, 1, r->training, &c);
    for (int32_t i = 0; i < VAEI_LAYER_BODIES && l->body[i]; i++) vaei_stack_pack(l->body[i], r, p.slot[i].pack);
}

typedef struct job {
    const vaei_run *r;
    const vaei_post *post;
    const float *a, *b; /* y = a + b; a may be y */
    float *y;
} job;

static void add(void *arg, int64_t begin, int64_t end) {
    const job *j = arg;
    const int64_t count = end - begin;
    if (j->a != j->y) memcpy(j->y + begin, j->a + begin, (size_t)count * sizeof(float));
    j->r->k->add(count, j->b + begin, j->y + begin);
    if (j->post) j->post->apply(j->post->arg, j->r->k, count, j->y + begin);
}

typedef struct way {
    const vaei_stack *stack;
    const vaei_run *r;
    const vaei_slot *slot;
    const float *x;
    float *y;
} way;

static void run_shortcut(void *arg) {
    const way *w = arg;
    vaei_stack_forward(w->stack, w->r, w->slot, w->x, w->y);
}

/* When the body has read x: y = shortcut(x), if there is one; its last layer adds y or x. y may be x. */
static void forward_fused(const vaei_layer *l, const vaei_run *r, const parts *p, const float *x, float *y) {
    const vaei_stack *shortcut = l->body[SHORTCUT];
    way w = {shortcut, r, &p->slot[SHORTCUT], x, y};
    const vaei_addition a = {shortcut ? y : x, vaei_layer_post(l, r), shortcut ? run_shortcut : NULL, &w};
    vaei_stack_add(l->body[BODY], r, &p->slot[BODY], x, &a, y);
}

static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    const parts p = parts_of(l, r, m);
    if (adds(l, r->k, r->training)) {
        forward_fused(l, r, &p, x, y);
        return;
    }
    float *body = p.kept[BODY] ? p.kept[BODY] : y;
    job j = {r, vaei_layer_post(l, r), body, x, y};
    vaei_stack_forward(l->body[BODY], r, &p.slot[BODY], x, body);
    if (l->body[SHORTCUT]) {
        float *shortcut = p.kept[SHORTCUT] ? p.kept[SHORTCUT] : p.other;
        vaei_stack_forward(l->body[SHORTCUT], r, &p.slot[SHORTCUT], x, shortcut);
        j.b = shortcut;
    }
    vaei_parallel_ranges(r->pool, r->n * vaei_shape_size(&l->out), 1, add, &j);
}

static void backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y,
                     float *dy, float *dx) {
    const parts p = parts_of(l, r, m);
    memcpy(p.other, dy, (size_t)(r->n * vaei_shape_size(&l->out)) * sizeof(float));
    vaei_stack_backward(l->body[BODY], r, &p.slot[BODY], x, p.kept[BODY] ? p.kept[BODY] : y, p.other, dx);
    job j = {r, NULL, dx, dy, dx};
    if (l->body[SHORTCUT]) {
        float *shortcut_dx = dx ? p.dx : NULL;
        vaei_stack_backward(l->body[SHORTCUT], r, &p.slot[SHORTCUT], x, p.kept[SHORTCUT] ? p.kept[SHORTCUT] : y, dy,
                            shortcut_dx);
        j.b = shortcut_dx;
    }
    if (dx) vaei_parallel_ranges(r->pool, r->n * vaei_shape_size(&l->in), 1, add, &j);
}

static void commit(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, float *params) {
    const parts p = parts_of(l, r, m);
    for (int32_t i = 0; i < VAEI_LAYER_BODIES && l->body[i]; i++) vaei_stack_commit(l->body[i], r, &p.slot[i], params);
}

const vaei_layer_ops vaei_layer_residual = {
    .module = {"residual", "adds its input, or a shortcut of it, to what its layers make",
               "residual { conv2d out=4 kernel=3 pad=1 | tanh } { conv2d out=4 kernel=1 }",
               "He et al. 2015 (arXiv:1512.03385)", 0, NULL},
    .flags = VAEI_LAYER_TAKES_POST,
    .plan = plan,
    .need = need,
    .pack = pack,
    .forward = forward,
    .backward = backward,
    .commit = commit,
    .overwrites = overwrites,
};
