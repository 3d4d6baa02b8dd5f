/* SPDX-License-Identifier: MIT
 * bands.c - which steps are run in bands of rows.
 *
 * The places between steps are the nodes of a graph; an edge is a run of steps, whole or in bands. An edge knows the memory it takes: every
 * array that is there while it runs, and its windows and workspace; and the work that it does again: parameters times pixels of each step
 * that a sweep repeats. Under a limit of memory the shortest way through the graph is taken. Arrays are then placed as always
 * (lifetimes.c), which may leave gaps, so that the limit is lowered until what is placed fits. */
#include "nn/bands.h"
#include "nn/batch_blocks.h"
#include "nn/ranges.h"

#include <math.h>

enum {
    SWEEPS = 2, /* for statistics, at most: more would do the same work too often */
    HEIGHTS = 4 /* of a band, in rows of y: the higher, the less often weights are unpacked for it */
};
static const int64_t heights[HEIGHTS] = {64, 32, 16, VAEI_BAND_ALIGN};

/* From one node to another. */
typedef struct edge {
    int32_t to, height; /* height: of the bands; -1: the steps are run whole */
    size_t bytes;
    double work;
} edge;

typedef struct graph {
    const vaei_steps *s;
    const vaei_kernels *k;
    int64_t n;
    int32_t *first, *last; /* [n_buffers] steps that write it first and read it last */
    edge *edge;            /* [s->n][EDGES] */
    int32_t *edges;        /* [s->n] */
    double *best;          /* [s->n + 1] the work from a node to the end; and the edge there */
    int32_t *by;
} graph;

enum { EDGES = 1 + VAEI_BANDS_STEPS * HEIGHTS };

static size_t sum(size_t a, size_t b) {
    size_t r;
    return vaei_size_add(a, b, &r) ? r : SIZE_MAX;
}

static size_t floats_of(int64_t count) {
    vaei_carve c = {0};
    (void)vaei_carve_floats(&c, count);
    return c.used;
}

static size_t buffer_bytes(const graph *g, int32_t b) {
    return sum(floats_of(vaei_count_of(g->n, g->s->buffer[b].size)), VAEI_ALIGN);
}

/* ---- a run of steps in bands ---- */

static int32_t written_within(const vaei_steps *s, int32_t buffer, int32_t first, int32_t end) {
    for (int32_t i = first; i < end; i++)
        if (s->step[i].out == buffer) return i;
    return -1;
}

/* The step can make some rows of an image. */
static int32_t bandable(const vaei_step *t) {
    const vaei_layer *const l = t->layer;
    vaei_band all = {0};
    if (l->in.n != 3 || l->out.n != 3) return 0;
    all.last = l->out.d[0];
    if (t->deferred && !l->ops->prologue) return 0;
    return l->ops->band ? l->ops->band(l, &all) : l->ops->map != NULL;
}

static const vaei_step *first_reader(const vaei_steps *s, int32_t buffer) {
    const vaei_step *t = s->step;
    while (t->in != buffer) t++;
    return t;
}

/* Of the buffer that a step reads as its x. */
static const vaei_shape *x_shape(const vaei_steps *s, const vaei_step *t) {
    return t->upsample ? &t->upsample->in : t->prologue >= 0 ? &s->step[t->prologue].layer->in : &t->layer->in;
}

static int32_t local_value(const vaei_steps *s, int32_t buffer, int32_t first, int32_t end) {
    const int32_t writer = buffer < 0 ? -1 : written_within(s, buffer, first, end);
    return buffer < 0 ? -1 : writer < 0 ? 0 : writer - first + 1;
}

static int32_t is_of(const vaei_band_window *w, const vaei_shape *s) {
    return s->n == 3 && w->height == s->d[0] && w->row == vaei_shape_size(s) / s->d[0];
}

/* Every value has one shape for all who read it: a reshape between two layers takes no step. `x`: that of value 0. */
static int32_t agree(const vaei_bands *b, const vaei_steps *s, int32_t first, const vaei_shape *x) {
    for (int32_t i = 0; i < b->n; i++) {
        const vaei_step *const t = &b->step[i];
        const vaei_shape *const made = t->in == 0 ? x : &b->step[t->in - 1].layer->out;
        if (!vaei_shape_equal(made, x_shape(s, &s->step[first + i]))) return 0;
        if (t->side >= 0 && !is_of(&b->window[t->side], &t->layer->out)) return 0;
    }
    return 1;
}

/* Fills b, whose arrays have room, with steps [first, end). False if they can't be one step. */
static int32_t gather(vaei_bands *b, const graph *g, int32_t first, int32_t end) {
    const vaei_steps *const s = g->s;
    int32_t in = -1;
    b->n = end - first;
    for (int32_t i = first; i < end; i++) {
        const vaei_step *const t = &s->step[i];
        vaei_step *const copy = &b->step[i - first];
        if (!bandable(t)) return 0;
        if (t->deferred && vaei_steps_time(s, i) >= end) return 0;
        if (t->prologue >= 0 && t->prologue < first) return 0;
        const int32_t reads[2] = {t->in, t->side};
        for (int32_t j = 0; j < 2; j++) {
            if (reads[j] < 0 || written_within(s, reads[j], first, end) >= 0) continue;
            if (in >= 0 && reads[j] != in) return 0;
            in = reads[j];
        }
        if (i < end - 1 && t->out >= 0 && (t->out == s->output || g->last[t->out] >= end)) return 0;
        *copy = *t;
        copy->in = local_value(s, t->in, first, end);
        copy->side = local_value(s, t->side, first, end);
        copy->out = i - first + 1;
        copy->prologue = t->prologue < 0 ? -1 : t->prologue - first;
        copy->banded = VAEI_BAND_ALIGN;
        const vaei_shape *const shape = &t->layer->out;
        b->window[i - first + 1] = (vaei_band_window){.height = shape->d[0], .row = vaei_shape_size(shape) / shape->d[0]};
    }
    if (s->step[end - 1].deferred || in < 0) return 0;
    const vaei_shape *const shape = x_shape(s, first_reader(s, in));
    if (shape->n != 3) return 0;
    b->x = in;
    b->window[0] = (vaei_band_window){.height = shape->d[0], .row = vaei_shape_size(shape) / shape->d[0]};
    return agree(b, s, first, shape);
}

static int32_t sweeps_of(const vaei_bands *b) {
    int32_t sweeps = 0;
    for (int32_t i = 0; i < b->n; i++) sweeps += vaei_bands_observes(b, i);
    return sweeps;
}

static double work_of(const vaei_step *t) {
    double params = 1;
    for (int32_t i = 0; i < t->layer->n_params; i++) params += (double)t->layer->param[i]->count;
    return params * (double)(t->layer->out.d[0] * t->layer->out.d[1]);
}

/* The windows, whether y may overwrite x, and the work of the sweeps for statistics. */
static void measure(vaei_bands *b, int64_t rows, double *work) {
    int64_t most[VAEI_BANDS_STEPS + 1] = {0}, made[VAEI_BANDS_STEPS] = {0};
    const vaei_band_window *const x = &b->window[0], *const y = &b->window[b->n];
    int32_t overwrites = x->height == y->height && x->row == y->row;
    vaei_sweep s = {.rows = most, .at_once = made};
    b->rows = rows;
    *work = 1; /* bands for nothing are not worth it */
    for (int32_t i = 0; i < b->n; i++) {
        if (!vaei_bands_observes(b, i)) continue;
        vaei_sweep_run(&s, b, b->step[i].in, i);
        for (int32_t j = 0; j < b->n; j++)
            if (s.active[j]) *work += work_of(&b->step[j]);
    }
    s.overwrites = &overwrites;
    vaei_sweep_run(&s, b, b->n, -1);
    for (int32_t i = 0; i <= b->n; i++) b->window[i].rows = most[i];
    for (int32_t i = 0; i < b->n; i++) b->step[i].banded = made[i] > 0 ? made[i] : 1;
    b->in_place = overwrites;
}

static vaei_layer layer_of(vaei_bands *b) {
    return (vaei_layer){.ops = &vaei_layer_bands, .state = b, .out = b->step[b->n - 1].layer->out};
}

/* ---- edges ---- */

/* Arrays that are there before the steps and behind them, but for those that the steps read last or write. */
static size_t passing_bytes(const graph *g, int32_t first, int32_t end) {
    size_t bytes = 0;
    for (int32_t b = 1; b < g->s->n_buffers; b++)
        if (b != g->s->output && g->first[b] < first && g->last[b] >= end) bytes = sum(bytes, buffer_bytes(g, b));
    return bytes;
}

static int32_t is_array(const graph *g, int32_t buffer) {
    return buffer > 0 && buffer != g->s->output;
}

static void add_edge(graph *g, int32_t from, int32_t to, int32_t height, size_t bytes, double work) {
    if (bytes < SIZE_MAX) g->edge[from * EDGES + g->edges[from]++] = (edge){to, height, bytes, work};
}

/* One step as it is, with those between a deferred step and the step that it serves. */
static void add_whole(graph *g, int32_t first) {
    const vaei_steps *const s = g->s;
    int32_t end = first + 1;
    size_t most = 0;
    for (int32_t i = first; i < end; i++) {
        const vaei_step *const t = &s->step[i];
        if (vaei_steps_time(s, i) >= end) end = vaei_steps_time(s, i) + 1;
        if (t->deferred) continue;
        size_t bytes = vaei_layer_bytes(t->layer, g->k, g->n, 0).scratch;
        if (t->prologue >= 0) bytes = sum(bytes, vaei_layer_bytes(s->step[t->prologue].layer, g->k, g->n, 0).scratch);
        for (int32_t b = 1; b < s->n_buffers; b++) {
            /* y may stand where an array of its size ends */
            const int32_t ends = g->last[b] == i && b != t->out && t->out >= 0 && s->buffer[b].size == s->buffer[t->out].size &&
                                 (b == t->side || (b == t->in && t->prologue < 0 && (vaei_step_sums(t) || t->layer->ops->map)));
            if (is_array(g, b) && g->first[b] <= i && g->last[b] >= i && !ends) bytes = sum(bytes, buffer_bytes(g, b));
        }
        if (bytes > most) most = bytes;
    }
    add_edge(g, first, end, -1, most, 0);
}

static void add_bands(graph *g, vaei_bands *b, int32_t first, int32_t end) {
    const int32_t out = g->s->step[end - 1].out;
    const int32_t in = b->x;
    for (int32_t h = 0; h < HEIGHTS; h++) {
        double work;
        if (h > 0 && heights[h - 1] >= 2 * b->window[b->n].height) continue;
        measure(b, heights[h], &work);
        const vaei_layer l = layer_of(b);
        const int32_t dies = is_array(g, in) && g->last[in] < end;
        size_t bytes = sum(passing_bytes(g, first, end), vaei_layer_bytes(&l, g->k, g->n, 0).scratch);
        if (dies) bytes = sum(bytes, buffer_bytes(g, in));
        if (is_array(g, out) && !(dies && b->in_place)) bytes = sum(bytes, buffer_bytes(g, out));
        add_edge(g, first, end, h, bytes, work);
    }
}

/* Layers ask the steps that run them, whole or in bands, what to do. */
static void link_steps(vaei_step *step, int32_t n) {
    for (int32_t i = 0; i < n; i++) step[i].layer->step[VAEI_INFERENCE] = &step[i];
}

static void add_edges(graph *g, vaei_bands *b) {
    for (int32_t first = 0; first < g->s->n; first++) {
        add_whole(g, first);
        for (int32_t end = first + 1; end <= g->s->n && end - first <= VAEI_BANDS_STEPS; end++) {
            if (!bandable(&g->s->step[end - 1])) break;
            if (!gather(b, g, first, end)) continue;
            if (sweeps_of(b) > SWEEPS) break;
            link_steps(b->step, b->n);
            add_bands(g, b, first, end);
            link_steps(g->s->step + first, end - first);
        }
    }
}

/* ---- the shortest way ---- */

static int32_t find_way(graph *g, size_t limit, size_t *most) {
    g->best[g->s->n] = 0;
    for (int32_t i = g->s->n - 1; i >= 0; i--) {
        g->best[i] = INFINITY;
        for (int32_t j = 0; j < g->edges[i]; j++) {
            const edge *const e = &g->edge[i * EDGES + j];
            if (e->bytes > limit || !(g->best[e->to] + e->work < g->best[i])) continue;
            g->best[i] = g->best[e->to] + e->work;
            g->by[i] = j;
        }
    }
    if (!(g->best[0] < INFINITY)) return 0;
    *most = 0;
    for (int32_t i = 0; i < g->s->n;) {
        const edge *const e = &g->edge[i * EDGES + g->by[i]];
        if (e->bytes > *most) *most = e->bytes;
        i = e->to;
    }
    return 1;
}

static vae_status_t new_bands(vaei_bands **out, int32_t n, vaei_arena *arena) {
    vaei_bands *const b = vaei_arena_alloc(arena, sizeof(*b));
    if (!b) return VAE_E_NOMEM;
    b->step = vaei_arena_array(arena, (size_t)n, sizeof(*b->step));
    b->window = vaei_arena_array(arena, (size_t)n + 1, sizeof(*b->window));
    *out = b;
    return b->step && b->window ? VAE_OK : VAE_E_NOMEM;
}

/* The step of layer `bands` for the steps of an edge, at to[0]. */
static vae_status_t put_bands(const graph *g, int32_t first, const edge *e, vaei_step *to, vaei_arena *arena) {
    const vaei_steps *const s = g->s;
    vaei_bands *b;
    double work;
    vaei_layer *const l = vaei_arena_alloc(arena, sizeof(*l));
    VAEI_TRY(new_bands(&b, e->to - first, arena));
    if (!l) return VAE_E_NOMEM;
    (void)gather(b, g, first, e->to);
    link_steps(b->step, b->n);
    measure(b, heights[e->height], &work);
    *l = layer_of(b);
    if (!(l->path = vaei_arena_format(arena, "%s to %s", b->step[0].layer->path, b->step[b->n - 1].layer->path))) return VAE_E_NOMEM;
    *to = (vaei_step){.layer = l, .in = b->x, .side = -1, .out = s->step[e->to - 1].out, .prologue = -1};
    return VAE_OK;
}

/* The way as a list of steps. */
static vae_status_t take_way(const graph *g, vaei_steps **out, vaei_arena *arena) {
    vaei_steps *const list = vaei_arena_alloc(arena, sizeof(*list));
    if (!list) return VAE_E_NOMEM;
    *list = *g->s;
    list->n = 0;
    list->step = vaei_arena_array(arena, (size_t)g->s->n + 1, sizeof(*list->step));
    list->buffer = vaei_arena_array(arena, (size_t)g->s->n_buffers, sizeof(*list->buffer));
    if (!list->step || !list->buffer) return VAE_E_NOMEM;
    for (int32_t b = 0; b < list->n_buffers; b++) list->buffer[b] = (vaei_buffer){.size = g->s->buffer[b].size};
    for (int32_t i = 0; i < g->s->n;) {
        const edge *const e = &g->edge[i * EDGES + g->by[i]];
        if (e->height >= 0) {
            VAEI_TRY(put_bands(g, i, e, &list->step[list->n++], arena));
        } else {
            const int32_t shift = i - list->n;
            for (int32_t j = i; j < e->to; j++) {
                list->step[list->n] = g->s->step[j];
                if (g->s->step[j].prologue >= 0) list->step[list->n].prologue -= shift;
                list->n++;
            }
        }
        i = e->to;
    }
    *out = list;
    return VAE_OK;
}

static vae_status_t make_graph(graph *g, const vaei_stack *s, vaei_arena *arena) {
    vaei_steps *list;
    vaei_bands *b;
    VAEI_TRY(vaei_steps_fused(&list, s, VAEI_INFERENCE, arena));
    VAEI_TRY(new_bands(&b, VAEI_BANDS_STEPS, arena));
    const size_t n = (size_t)list->n + 1;
    g->s = list;
    g->first = vaei_arena_array(arena, (size_t)list->n_buffers, sizeof(*g->first));
    g->last = vaei_arena_array(arena, (size_t)list->n_buffers, sizeof(*g->last));
    g->edge = vaei_arena_array(arena, n * EDGES, sizeof(*g->edge));
    g->edges = vaei_arena_array(arena, n, sizeof(*g->edges));
    g->best = vaei_arena_array(arena, n, sizeof(*g->best));
    g->by = vaei_arena_array(arena, n, sizeof(*g->by));
    if (!g->first || !g->last || !g->edge || !g->edges || !g->best || !g->by) return VAE_E_NOMEM;
    for (int32_t i = 0; i < list->n_buffers; i++) {
        g->first[i] = i == 0 ? -1 : INT32_MAX;
        g->last[i] = -1;
    }
    for (int32_t i = 0; i < list->n; i++) {
        const vaei_step *const t = &list->step[i];
        const int32_t time = vaei_steps_time(list, i);
        if (t->out >= 0 && i < g->first[t->out]) g->first[t->out] = i;
        if (time > g->last[t->in]) g->last[t->in] = time;
        if (t->side >= 0 && time > g->last[t->side]) g->last[t->side] = time;
    }
    link_steps(list->step, list->n);
    add_edges(g, b);
    return VAE_OK;
}

static size_t scratch_of(const vaei_stack *s, const vaei_kernels *k, int64_t n) {
    vaei_slot slot;
    return vaei_blocks_bytes(s, k, n, 0, &slot).scratch;
}

/* The way under a limit becomes the stack's steps; returns the scratch that they take. */
static vae_status_t try_way(graph *g, vaei_stack *s, vaei_arena *arena, size_t *bytes) {
    vaei_steps *list = NULL;
    VAEI_TRY(take_way(g, &list, arena));
    VAEI_TRY(vaei_steps_finish(s, list, VAEI_INFERENCE, arena));
    *bytes = scratch_of(s, g->k, g->n);
    return VAE_OK;
}

/* The least limit under which there is a way. */
static size_t least_limit(graph *g) {
    size_t below = 0, most = SIZE_MAX; /* there is none at `below` */
    (void)find_way(g, SIZE_MAX, &most);
    while (most - below > 1) {
        const size_t middle = below + (most - below) / 2;
        size_t used;
        if (find_way(g, middle, &used)) most = used;
        else below = middle;
    }
    return most;
}

/* Tries the steps without bands, then ways of less and less memory, until one fits; the way of the least memory is left in the graph. */
static vae_status_t fit(graph *g, vaei_stack *s, size_t room, vaei_arena *scratch) {
    const size_t lowest = least_limit(g), first = room > lowest ? room : lowest;
    size_t limit = SIZE_MAX, chosen = SIZE_MAX, least = SIZE_MAX, most, bytes;
    do {
        (void)find_way(g, limit, &most);
        VAEI_TRY(try_way(g, s, scratch, &bytes));
        if (bytes < least) {
            least = bytes;
            chosen = limit;
        }
        limit = most > first ? first : most > 0 ? most - 1 : 0;
    } while (bytes > room && most > lowest);
    (void)find_way(g, chosen, &most);
    return VAE_OK;
}

vae_status_t vaei_bands_fit(vaei_stack *s, const vaei_kernels *k, int64_t n, size_t room, vaei_arena *arena) {
    vaei_arena scratch;
    size_t bytes;
    graph g = {.k = k, .n = n};
    if (scratch_of(s, k, n) <= room || s->steps[VAEI_INFERENCE]->n == 0) return VAE_OK;
    vaei_arena_init(&scratch, arena->heap);
    vae_status_t status = make_graph(&g, s, &scratch);
    if (status == VAE_OK) status = fit(&g, s, room, &scratch);
    if (status == VAE_OK) status = try_way(&g, s, arena, &bytes); /* once more, to stay */
    vaei_arena_free(&scratch);
    return status;
}
