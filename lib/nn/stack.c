/* SPDX-License-Identifier: MIT
 * stack.c - building, linking and running layers in a row.
 *
 * A group is a layer and the elementwise layers behind it that work in its output, in place:
 *
 *     conv2d | batchnorm | relu | conv2d | silu | flatten
 *     [------ inference ------]  [-------------] [-----]      folded, fused
 *     [----]   [---------------] [----] [----]   [-----]      training: batchnorm needs its own y, silu its own x
 *
 *     groupnorm | silu | conv2d | residual {} | relu          inference: conv2d asks groupnorm, with its silu, for
 *     [--------------------------------------------]          pixels; residual overwrites its input
 *
 *     upsample | conv2d | relu                                inference: conv2d absorbs upsample: it reads the small image
 *     [----------------------]
 *
 * Only group outputs have memory. Inference keeps the pair it works on; training keeps all of them for backward. Where each lies is
 * written into frames by lay_out(), whose same walk measures when no memory is given. */
#include "nn/stack.h"

#define DEPTH_MAX  16
#define SIZE_LIMIT ((int64_t)1 << 40)

/* How a stack is run. ADDS: inference, and its last layer adds to y. */
enum { INFERENCE, TRAINING, ADDS };

typedef struct frame {
    vaei_slot slot;  /* scratch is set when it runs */
    float *y;        /* output; shared by the layers of a group */
    size_t held;     /* scratch of the layer that feeds it */
    int32_t segment; /* its first layer */
} frame;

vaei_noise_key vaei_layer_noise(const vaei_layer *l, const vaei_run *r, uint32_t stream) {
    vaei_noise_key key = r->noise;
    key.seed += (uint64_t)l->id * UINT64_C(0x9E3779B97F4A7C15); /* golden ratio: distinct keys for distinct layers */
    key.stream = stream;
    return key;
}

/* ---- building -------------------------------------------------------------------------------------------------- */

static void apply_map(const void *arg, const vaei_kernels *k, int64_t count, float *y) {
    const vaei_layer *l = arg;
    l->ops->map(l, k, count, y, y);
}

/* Give layer i what its neighbours can do on its finished rows. */
static void link_layer(vaei_stack *s, int32_t i) {
    vaei_layer *l = s->layer[i];
    int32_t j = i + 1;
    if (i > 0 && l->ops->absorbs && l->ops->absorbs(l, s->layer[i - 1])) l->absorbed = s->layer[i - 1];
    if (l->ops->flags & VAEI_LAYER_TAKES_POST && j < s->n && s->layer[j]->ops->map &&
        s->layer[j]->ops->flags & VAEI_LAYER_IN_PLACE && !(l->ops->flags & VAEI_LAYER_READS_Y)) {
        l->post[1] = (vaei_post){.apply = apply_map, .arg = s->layer[j]};
        s->layer[j]->skipped[1] = 1;
    }
    if (l->ops->flags & VAEI_LAYER_TAKES_FOLD && j < s->n && s->layer[j]->ops->fold) {
        l->fold = s->layer[j];
        s->layer[j]->skipped[0] = 1;
        j++;
    }
    if (l->ops->flags & VAEI_LAYER_TAKES_POST && !l->skipped[0] && j < s->n && s->layer[j]->ops->map) {
        l->post[0] = (vaei_post){.apply = apply_map, .arg = s->layer[j]};
        s->layer[j]->skipped[0] = 1;
    }
}

static vae_status_t build_layer(vaei_layer **out, vaei_build *b, vaei_node *node, const char *path, int32_t i,
                                const vaei_shape *in) {
    vaei_layer *l = vaei_arena_alloc(b->arena, sizeof(*l));
    const vaei_module *module;
    void *conf;
    if (!l || !(l->path = vaei_arena_format(b->arena, "%s.%d", path, (int)i))) return VAE_E_NOMEM;
    VAEI_TRY(vaei_module_find(&module, vaei_layers, vaei_layers_count, "layer", node, l->path));
    const char *where = vaei_arena_format(b->arena, "%s %s", l->path, module->name);
    if (!where) return VAE_E_NOMEM;
    VAEI_TRY(vaei_module_bind(&conf, module, node, b->arena, where));
    l->ops = (const vaei_layer_ops *)(const void *)module; /* the module is the first member */
    l->conf = conf;
    l->id = b->next_id++;
    l->in = *in;
    const vae_status_t planned = l->ops->plan(l, b, node, in, &l->out);
    if (planned < 0) return node->body || planned == VAE_E_NOMEM ? planned : vaei_fail_at(planned, "%s", l->path);
    if (node->body && !l->body[0])
        return vaei_fail(VAE_E_SPEC, "line %d, column %d: %s: takes no braces", (int)node->line, (int)node->column,
                         where);
    int64_t size = 1;
    for (int32_t d = 0; d < l->out.n; d++)
        if (!vaei_count_mul(size, l->out.d[d], &size) || size > SIZE_LIMIT)
            return vaei_fail(VAE_E_LIMIT, "%s: gives more than 2^40 values", where);
    *out = l;
    return VAE_OK;
}

vae_status_t vaei_stack_build(vaei_stack **out, vaei_build *b, const vaei_pipeline *pipeline, const char *path,
                              const vaei_shape *in) {
    const int64_t n = pipeline ? vaei_pipeline_count(pipeline) : 0;
    if (n > VAEI_MODULES_MAX) return vaei_fail(VAE_E_LIMIT, "%s: more than %d layers", path, VAEI_MODULES_MAX);
    if (b->depth >= DEPTH_MAX) return vaei_fail(VAE_E_LIMIT, "%s: nested more than %d deep", path, DEPTH_MAX);
    vaei_stack *s = vaei_arena_alloc(b->arena, sizeof(*s));
    if (!s || !(s->layer = vaei_arena_array(b->arena, (size_t)n + 1, sizeof(*s->layer)))) return VAE_E_NOMEM;
    s->n = (int32_t)n;
    s->in = s->out = *in;
    b->depth++;
    for (int32_t i = 0; i < s->n; i++) {
        VAEI_TRY(build_layer(&s->layer[i], b, vaei_pipeline_at(pipeline, i), path, i, &s->out));
        s->out = s->layer[i]->out;
    }
    b->depth--;
    for (int32_t i = 0; i < s->n; i++) link_layer(s, i);
    *out = s;
    return VAE_OK;
}

/* ---- memory ---------------------------------------------------------------------------------------------------- */

/* Whether layer j works in the output of the one before it. */
static int32_t in_place(const vaei_stack *s, const vaei_kernels *k, int32_t j, int32_t mode) {
    const vaei_layer *l = s->layer[j];
    if (j == 0) return 0;
    if (mode == TRAINING)
        return l->ops->flags & VAEI_LAYER_IN_PLACE && !(s->layer[j - 1]->ops->flags & VAEI_LAYER_READS_Y);
    return l->skipped[0] || l->ops->map || (l->ops->overwrites && l->ops->overwrites(l, k));
}

/* Whether layer i makes pixels for the next one that runs, *to, or leaves its work to it. */
static int32_t feeds(const vaei_stack *s, const vaei_kernels *k, int32_t i, int32_t *to) {
    *to = i + 1;
    while (*to < s->n && s->layer[*to]->skipped[0]) ++*to;
    if (!s->layer[i]->ops->feed || *to >= s->n) return 0;
    const vaei_layer *l = s->layer[*to];
    if (l->absorbed == s->layer[i]) return 1;
    return l->ops->fuses && l->ops->fuses(l, k);
}

/* Layers [first, last] with one output, which maker is the first to write; another `first` feeds it. */
typedef struct group {
    int32_t first, maker, last;
} group;

/* The stack's own y is no larger than its last output: a layer that shrinks does not share it. */
static group group_at(const vaei_stack *s, const vaei_kernels *k, int32_t i, int32_t mode) {
    group g = {i, i, i};
    if (mode == TRAINING || !feeds(s, k, i, &g.maker)) g.maker = i;
    for (g.last = g.maker; g.last + 1 < s->n && in_place(s, k, g.last + 1, mode);) g.last++;
    if (g.last < s->n - 1) return g;
    for (int32_t j = g.last; j > g.maker; j--) {
        const vaei_layer *l = s->layer[j];
        if (vaei_shape_size(&l->out) < vaei_shape_size(&l->in)) g.last = j - 1;
    }
    return g;
}

static size_t activation_bytes(const vaei_shape *shape, int64_t n) {
    vaei_carve c = {0};
    int64_t count;
    if (!vaei_count_mul(n, vaei_shape_size(shape), &count)) return SIZE_MAX;
    (void)vaei_carve_floats(&c, count);
    return c.used;
}

static size_t sum_or_max(size_t a, size_t b) {
    size_t r;
    return vaei_size_add(a, b, &r) ? r : SIZE_MAX;
}

static size_t round_up(size_t bytes) {
    vaei_carve c = {0};
    (void)vaei_carve_bytes(&c, bytes);
    return c.used;
}

static void raise_to(size_t *most, size_t value) {
    if (value > *most) *most = value;
}

/* Bytes of the output of a group, where it is not the stack's own y. */
static size_t output_bytes(const vaei_stack *s, const group *g, int64_t n) {
    return g->last == s->n - 1 ? 0 : activation_bytes(&s->layer[g->maker]->out, n);
}

/* By its values: y is its owner's, and nothing may be written behind it. */
static int32_t fits_y(const vaei_stack *s, const group *g) {
    return vaei_shape_size(&s->layer[g->maker]->out) <= vaei_shape_size(&s->out);
}

/* Whether, at inference, the output of a group stands in the stack's y, which is free until the last group writes it:
 * every other group counted back from the end, or from one too large for y. */
static int32_t stands_in_y(const vaei_stack *s, const vaei_kernels *k, const group *g) {
    int32_t in_y = 1;
    if (g->last == s->n - 1) return 1;
    if (!fits_y(s, g)) return 0;
    for (group next = group_at(s, k, g->last + 1, INFERENCE);; next = group_at(s, k, next.last + 1, INFERENCE)) {
        in_y = !in_y;
        if (next.last == s->n - 1) return in_y;
        if (!fits_y(s, &next)) return !in_y;
    }
}

/* Bytes of the output of a group outside the stack's y. */
static size_t own_bytes(const vaei_stack *s, const vaei_kernels *k, int64_t n, int32_t mode, const group *g) {
    return mode == INFERENCE && stands_in_y(s, k, g) ? 0 : output_bytes(s, g, n);
}

/* What training holds of a group for one example. */
static size_t example_bytes(const vaei_stack *s, const vaei_kernels *k, const group *g) {
    size_t bytes = activation_bytes(&s->layer[g->maker]->out, 1);
    for (int32_t j = g->first; j <= g->last; j++) {
        vaei_need need = {0};
        if (s->layer[j]->ops->need) s->layer[j]->ops->need(s->layer[j], k, 1, 1, &need);
        bytes = sum_or_max(bytes, need.cache);
    }
    return bytes;
}

/* What lay_out() cuts, with bases or only measured. */
typedef struct layout {
    size_t segment; /* given: bytes of one example that end a segment, so that no batch has others; 0: there are none */
    vaei_carve pack, stats;
    vaei_carve keep;  /* the frames first; in training the cache */
    vaei_carve again; /* of one segment, all at the same place; used: the most of any */
    size_t ends;      /* bytes of the two-ended block: its largest pair of neighbours, with scratch between them */
} layout;

/* One walk for measuring and for placing; returns the frames. y may be NULL when measuring. */
static frame *lay_out(const vaei_stack *s, const vaei_kernels *k, int64_t n, int32_t mode, layout *c, float *y) {
    const int32_t training = mode == TRAINING;
    frame *frames = vaei_carve_array(&c->keep, s->n, sizeof(frame));
    vaei_carve *const hold = c->segment > 0 ? &c->again : &c->keep;
    size_t before = 0, most = 0; /* of any segment */
    size_t scratch = 0, one = 0; /* of this one: scratch; bytes of one example */
    int32_t first = 0;
    c->ends = 0;
    for (int32_t i = 0; i < s->n;) {
        const group g = group_at(s, k, i, mode);
        const size_t bytes = own_bytes(s, k, n, mode, &g);
        const size_t pair = sum_or_max(before, bytes);
        size_t held = 0;
        for (int32_t j = i; j <= g.last; j++) {
            const vaei_layer *l = s->layer[j];
            vaei_need need = {0};
            if (l->ops->need) l->ops->need(l, k, n, training, &need);
            const vaei_slot slot = {.pack = vaei_carve_bytes(&c->pack, need.pack),
                                    .cache = training ? vaei_carve_bytes(hold, need.cache) : NULL,
                                    .stats = training ? vaei_carve_bytes(&c->stats, need.stats) : NULL};
            /* behind the maker, at inference, the group's input is no more */
            raise_to(&c->ends, sum_or_max(training || j <= g.maker ? pair : bytes, sum_or_max(held, need.scratch)));
            raise_to(&scratch, need.scratch);
            if (frames) frames[j] = (frame){.slot = slot, .y = y, .held = held, .segment = first};
            held = j < g.maker ? sum_or_max(held, round_up(need.scratch)) : 0;
        }
        if (c->segment > 0) one = sum_or_max(one, example_bytes(s, k, &g));
        const int32_t ends_segment = c->segment > 0 && g.last < s->n - 1 && one >= c->segment;
        if (training && bytes > 0) {
            float *kept = vaei_carve_bytes(ends_segment ? &c->keep : hold, bytes);
            for (int32_t j = i; frames && j <= g.last; j++) frames[j].y = kept;
        }
        raise_to(&most, c->again.used);
        if (ends_segment) {
            raise_to(&c->ends, sum_or_max(bytes, scratch)); /* made again beside its gradient */
            scratch = one = c->again.used = 0;
            first = g.last + 1;
        }
        before = bytes;
        i = g.last + 1;
    }
    c->again.used = most;
    c->ends = round_up(c->ends);
    return frames;
}

static layout measure(const vaei_stack *s, const vaei_kernels *k, int64_t n, int32_t mode, size_t segment,
                      vaei_need *need) {
    layout c = {.segment = segment};
    (void)lay_out(s, k, n, mode, &c, NULL);
    *need = (vaei_need){.pack = c.pack.used, .stats = c.stats.used};
    need->cache = mode == TRAINING ? sum_or_max(c.keep.used, c.again.used) : 0;
    need->scratch = mode == TRAINING ? c.ends : sum_or_max(c.keep.used, c.ends);
    return c;
}

void vaei_stack_need(const vaei_stack *s, const vaei_kernels *k, int64_t n, int32_t training, vaei_need *need) {
    (void)measure(s, k, n, training ? TRAINING : INFERENCE, 0, need);
}

void vaei_stack_add_need(const vaei_stack *s, const vaei_kernels *k, int64_t n, vaei_need *need) {
    (void)measure(s, k, n, ADDS, 0, need);
}

void vaei_stack_need_again(const vaei_stack *s, const vaei_kernels *k, int64_t n, size_t segment, vaei_need *need) {
    (void)measure(s, k, n, TRAINING, segment, need);
}

/* Tries segments of an equal share of all bytes. */
size_t vaei_stack_segment(const vaei_stack *s, const vaei_kernels *k, int64_t n) {
    vaei_need need;
    const size_t whole = measure(s, k, 1, TRAINING, SIZE_MAX, &need).again.used;
    size_t best = SIZE_MAX, least = SIZE_MAX;
    for (int32_t parts = 1; parts <= s->n; parts += 1 + parts / 8) {
        const size_t share = whole / (size_t)parts, segment = share > 0 ? share : 1;
        (void)measure(s, k, n, TRAINING, segment, &need);
        const size_t bytes = sum_or_max(need.cache, need.scratch);
        if (bytes >= least) continue;
        best = segment;
        least = bytes;
    }
    return best;
}

void vaei_stack_pack(const vaei_stack *s, const vaei_run *r, void *pack) {
    vaei_carve c = {.base = pack};
    for (int32_t i = 0; i < s->n; i++) {
        const vaei_layer *l = s->layer[i];
        vaei_need need = {0};
        if (l->ops->need) l->ops->need(l, r->k, 1, r->training, &need);
        void *p = vaei_carve_bytes(&c, need.pack);
        if (l->ops->pack && !l->skipped[r->training ? 1 : 0]) l->ops->pack(l, r, p);
    }
}

/* ---- running --------------------------------------------------------------------------------------------------- */

/* scratch: of the layers up to the maker, and of those behind it */
static void run_group(const vaei_stack *s, const vaei_run *r, frame *frames, const group *g, const vaei_addition *a,
                      char *const scratch[2], const float *x, float *y) {
    const int32_t mode = r->training ? 1 : 0, last_adds = a && g->last == s->n - 1;
    const int32_t feeds = g->maker > g->first && s->layer[g->maker]->absorbed != s->layer[g->first];
    vaei_feed feed;
    if (feeds) {
        frames[g->first].slot.scratch = scratch[0];
        s->layer[g->first]->ops->feed(s->layer[g->first], r, &frames[g->first].slot, x, &feed);
    }
    for (int32_t j = g->maker; j <= g->last; j++) {
        const vaei_layer *l = s->layer[j];
        const int32_t fed = feeds && j == g->maker, adds = last_adds && j == g->maker;
        const vaei_post *post = adds ? a->post : vaei_layer_post(l, r);
        const vaei_fusion fusion = {fed ? &feed : NULL, adds ? a->add : NULL, post};
        vaei_slot slot = frames[j].slot;
        if (j > g->maker && l->skipped[mode]) continue;
        slot.scratch = scratch[j > g->maker] + frames[j].held;
        slot.fusion = fed || adds ? &fusion : NULL;
        l->ops->forward(l, r, &slot, j == g->maker ? x : y, y);
    }
}

static void run(const vaei_stack *s, const vaei_run *r, const vaei_slot *m, int32_t mode, const float *x,
                const vaei_addition *a, float *y) {
    const int32_t training = mode == TRAINING;
    layout c = {.segment = m->segment,
                .pack = {m->pack, 0},
                .stats = {m->stats, 0},
                .keep = {training ? m->cache : m->scratch, 0}};
    if (c.segment > 0) {
        vaei_need need;
        c.again.base = (char *)m->cache + measure(s, r->k, r->n, mode, c.segment, &need).keep.used;
    }
    frame *frames = lay_out(s, r->k, r->n, mode, &c, y);
    char *block = (char *)m->scratch + (training ? 0 : c.keep.used), *block_end = block + c.ends;
    int32_t low = 1; /* which end the next output takes */
    size_t before = 0;
    for (int32_t i = 0; i < s->n && !vaei_run_cancelled(r);) {
        const group g = group_at(s, r->k, i, mode);
        const size_t bytes = own_bytes(s, r->k, r->n, mode, &g);
        float *out = training ? frames[g.last].y : bytes == 0 ? y : (float *)(void *)(low ? block : block_end - bytes);
        /* scratch lies between the two activations: behind whichever stands at the low end */
        char *const behind = training || !low ? block : block + bytes;
        char *const scratch[2] = {training || low ? behind : block + before, behind};
        if (a && a->ready && g.last == s->n - 1) a->ready(a->arg);
        run_group(s, r, frames, &g, a, scratch, x, out);
        x = out;
        before = bytes;
        low = !low;
        i = g.last + 1;
    }
}

void vaei_stack_forward(const vaei_stack *s, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    if (s->n == 0) {
        memcpy(y, x, (size_t)(r->n * vaei_shape_size(&s->in)) * sizeof(*y));
        return;
    }
    run(s, r, m, r->training ? TRAINING : INFERENCE, x, NULL, y);
}

/* The last group, if one layer alone writes it, and can add. */
static int32_t adding_group(const vaei_stack *s, const vaei_kernels *k, group *g) {
    if (s->n == 0) return 0;
    for (*g = group_at(s, k, 0, ADDS); g->last < s->n - 1;) *g = group_at(s, k, g->last + 1, ADDS);
    const vaei_layer *l = s->layer[g->maker];
    for (int32_t j = g->maker + 1; j <= g->last; j++) {
        if (!s->layer[j]->skipped[0]) return 0;
    }
    return !l->post[0].apply && l->ops->fuses && l->ops->fuses(l, k);
}

int32_t vaei_stack_adds(const vaei_stack *s, const vaei_kernels *k) {
    group g;
    return adding_group(s, k, &g);
}

int32_t vaei_stack_add_frees_x(const vaei_stack *s, const vaei_kernels *k) {
    group g;
    return adding_group(s, k, &g) && g.first > 0;
}

void vaei_stack_add(const vaei_stack *s, const vaei_run *r, const vaei_slot *m, const float *x, const vaei_addition *a,
                    float *y) {
    run(s, r, m, ADDS, x, a, y);
}

/* The gradient of an activation, done on the rows of dx that the layer behind it has just finished. */
typedef struct dx_map {
    const vaei_layer *l;
    const float *y;
    const float *dx;
} dx_map;

static void apply_map_grad(const void *arg, const vaei_kernels *k, int64_t count, float *dx) {
    const dx_map *a = arg;
    a->l->ops->map_grad(a->l, k, count, a->y + (dx - a->dx), dx, dx);
}

/* Whether layer i does the gradient of the activation before it. */
static int32_t fuses_grad(const vaei_stack *s, int32_t i) {
    return i > 0 && s->layer[i]->ops->flags & VAEI_LAYER_TAKES_DX_POST && in_place(s, NULL, i - 1, TRAINING) &&
           s->layer[i - 1]->ops->map_grad;
}

/* Forward of a segment, up to layer `last`. */
static void run_again(const vaei_stack *s, const vaei_run *r, frame *frames, int32_t last, char *scratch,
                      const float *x) {
    char *const both[2] = {scratch, scratch};
    for (int32_t i = frames[last].segment; i <= last;) {
        const group g = group_at(s, r->k, i, TRAINING);
        run_group(s, r, frames, &g, NULL, both, i == 0 ? x : frames[i - 1].y, frames[g.last].y);
        i = g.last + 1;
    }
}

void vaei_stack_backward(const vaei_stack *s, const vaei_run *r, const vaei_slot *m, const float *x, const float *y,
                         float *dy, float *dx) {
    frame *frames = m->cache; /* the first piece that lay_out cuts */
    layout c = {.segment = m->segment};
    if (s->n == 0) {
        if (dx) memcpy(dx, dy, (size_t)(r->n * vaei_shape_size(&s->in)) * sizeof(*dx));
        return;
    }
    if (vaei_run_cancelled(r)) return; /* forward may have left frames out */
    (void)lay_out(s, r->k, r->n, TRAINING, &c, NULL);
    char *block = m->scratch, *block_end = block + c.ends;
    int32_t low = 1, segment = frames[s->n - 1].segment; /* is there */
    size_t after = 0;                                    /* bytes of dy in the block */
    for (int32_t last = s->n - 1; last >= 0 && !vaei_run_cancelled(r);) {
        int32_t i = last;
        if (frames[last].segment != segment) run_again(s, r, frames, last, block + (low ? 0 : after), x);
        segment = frames[last].segment;
        while (in_place(s, r->k, i, TRAINING)) i--;
        const size_t bytes = i == 0 ? 0 : activation_bytes(&s->layer[i]->in, r->n);
        float *d = i == 0 ? dx : (float *)(void *)(low ? block : block_end - bytes);
        const float *group_y = last == s->n - 1 ? y : frames[last].y, *group_x = i == 0 ? x : frames[i - 1].y;
        const int32_t done = last + 1 < s->n && fuses_grad(s, last + 1); /* by the layer behind */
        for (int32_t j = done ? last - 1 : last; j >= i; j--) {
            const vaei_layer *l = s->layer[j];
            const dx_map map = {i > 0 ? s->layer[i - 1] : NULL, group_x, d};
            const vaei_post post = {apply_map_grad, &map};
            vaei_slot slot = frames[j].slot;
            slot.scratch = block + (low ? bytes : after);
            slot.dx_post = j == i && fuses_grad(s, i) ? &post : NULL;
            l->ops->backward(l, r, &slot, j > i ? NULL : group_x, group_y, dy, j > i ? dy : d);
        }
        dy = d;
        after = bytes;
        low = !low;
        last = i - 1;
    }
}

void vaei_stack_commit(const vaei_stack *s, const vaei_run *r, const vaei_slot *m, float *params) {
    vaei_carve stats = {.base = m->stats};
    for (int32_t i = 0; i < s->n; i++) {
        const vaei_layer *l = s->layer[i];
        vaei_need need = {0};
        if (l->ops->need) l->ops->need(l, r->k, r->n, 1, &need);
        const vaei_slot slot = {.stats = vaei_carve_bytes(&stats, need.stats)};
        if (l->ops->commit) l->ops->commit(l, r, &slot, params);
    }
}

int32_t vaei_stack_reads_y(const vaei_stack *s) {
    return s->n > 0 && (s->layer[s->n - 1]->ops->flags & VAEI_LAYER_READS_Y) != 0;
}
