/* SPDX-License-Identifier: MIT
 * bands_run.c - a walk over the image in bands of rows, and the layer `bands`, which runs its steps by such walks.
 *
 * To make rows of a value, the rows that they are made of are made first. A value's rows come in multiples of VAEI_BAND_ALIGN, so that the
 * tiles of every convolution lie where they lie in the whole image. */
#include "nn/bands.h"
#include "nn/ranges.h"

/* ---- the walk ---- */

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* The rows of value `in` that rows of what step i writes are made of. `asked`: those of the prologue's y, which is the step's x. */
static void needs(const vaei_bands *b, int32_t i, vaei_band *band, vaei_band *asked) {
    const vaei_step *const t = &b->step[i];
    if (t->layer->ops->band) (void)t->layer->ops->band(t->layer, band);
    else (void)vaei_band_same(t->layer, band);
    if (t->prologue < 0) return;
    const vaei_layer *const maker = b->step[t->prologue].layer;
    *asked = (vaei_band){.first = band->x_first, .last = band->x_last};
    (void)maker->ops->band(maker, asked);
}

/* Of both, the rows that must be there. */
static void rows_needed(const vaei_bands *b, int32_t i, vaei_band *band) {
    vaei_band asked = {0};
    needs(b, i, band, &asked);
    if (b->step[i].prologue < 0) return;
    band->x_first = asked.x_first;
    band->x_last = asked.x_last;
}

/* The first row of a value that step i will read again, or its height. */
static int64_t reads_from(const vaei_sweep *s, int32_t i, int32_t value) {
    const vaei_step *const t = &s->b->step[i];
    const int64_t height = s->b->window[value].height, made = s->made[i + 1], end = s->b->window[i + 1].height;
    if (!s->active[i] || t->deferred || made == end) return height;
    int64_t from = height;
    if (t->side == value) from = made;
    if (t->in != value) return from;
    vaei_band next = {.first = made, .last = least(made + VAEI_BAND_ALIGN, end)};
    rows_needed(s->b, i, &next);
    return least(from, next.x_first);
}

static int64_t first_wanted(const vaei_sweep *s, int32_t value) {
    int64_t first = s->b->window[value].height;
    for (int32_t i = 0; i < s->b->n; i++) first = least(first, reads_from(s, i, value));
    if (s->observer < 0 || value != s->target || s->observed == s->b->window[value].height) return first;
    const vaei_layer *const l = s->b->step[s->observer].layer;
    vaei_band rows = {.first = s->observed};
    l->ops->observe(l, NULL, NULL, &rows, NULL);
    return least(first, rows.x_first);
}

/* Before rows come up to `to`: those that nobody reads again leave the window. */
static void make_room(vaei_sweep *s, int32_t value, int64_t to) {
    const int64_t wanted = least(first_wanted(s, value), s->made[value]);
    if (wanted > s->kept[value]) {
        if (s->move) s->move(s->arg, s, value, wanted);
        s->kept[value] = wanted;
    }
    if (s->rows && to - s->kept[value] > s->rows[value]) s->rows[value] = to - s->kept[value];
}

/* y's rows up to `to` are written: they must not lie over rows of x that are still read. */
static void check_overwriting(const vaei_sweep *s, int64_t to) {
    const int32_t last = s->b->n - 1;
    if (s->b->step[last].in == 0) *s->overwrites = 0;
    for (int32_t i = 0; i < last; i++)
        if (reads_from(s, i, 0) < to) *s->overwrites = 0;
}

static void make_rows(vaei_sweep *s, int32_t value, int64_t rows) {
    const int32_t i = value - 1;
    if (value == 0 || (s->r && vaei_run_cancelled(s->r))) return;
    const vaei_step *const t = &s->b->step[i];
    const int64_t to = least((rows + VAEI_BAND_ALIGN - 1) / VAEI_BAND_ALIGN * VAEI_BAND_ALIGN, s->b->window[value].height);
    if (s->made[value] >= to) return;
    vaei_band band = {.first = s->made[value], .last = to}, reads = band;
    rows_needed(s->b, i, &reads);
    make_rows(s, t->in, reads.x_last);
    if (t->side >= 0) make_rows(s, t->side, to);
    if (value != s->b->n || s->observer >= 0) make_room(s, value, to);
    if (s->at_once && to - band.first > s->at_once[i]) s->at_once[i] = to - band.first;
    if (s->run && !(s->r && vaei_run_cancelled(s->r))) s->run(s->arg, s, i, &band);
    s->made[value] = to;
    if (s->overwrites && value == s->b->n) check_overwriting(s, to);
}

static void activate(vaei_sweep *s, int32_t value) {
    const int32_t i = value - 1;
    if (value <= 0 || s->active[i]) return;
    s->active[i] = 1;
    activate(s, s->b->step[i].in);
    activate(s, s->b->step[i].side);
}

void vaei_sweep_run(vaei_sweep *s, const vaei_bands *b, int32_t target, int32_t observer) {
    const int64_t height = b->window[target].height;
    s->b = b;
    s->target = target;
    s->observer = observer;
    s->observed = 0;
    memset(s->made, 0, sizeof(s->made));
    memset(s->kept, 0, sizeof(s->kept));
    memset(s->active, 0, sizeof(s->active));
    s->made[0] = b->window[0].height;
    activate(s, target);
    for (int64_t goal = 0; goal < height && !(s->r && vaei_run_cancelled(s->r));) {
        goal = least(goal + b->rows, height);
        make_rows(s, target, goal);
        if (observer < 0) continue;
        vaei_band rows = {.first = s->observed, .last = s->made[target]};
        if (s->observe) s->observe(s->arg, s, &rows);
        s->observed = rows.last;
    }
}

int32_t vaei_bands_observes(const vaei_bands *b, int32_t i) {
    return b->step[i].layer->ops->observe && b->step[i].in > 0;
}

/* ---- the layer ---- */

typedef struct parts {
    vaei_slot *slot; /* [n]: scratch is a step's own, or what they share */
    float **window;  /* [n + 1] */
} parts;

/* What must outlive a call of the step. */
static int32_t keeps(const vaei_step *t) {
    return t->deferred || t->layer->ops->observe;
}

static void layout(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces) {
    const vaei_bands *const b = l->state;
    parts own, *const p = pieces ? pieces : &own;
    size_t shared = 0;
    (void)n;
    VAEI_ASSERT(!training);
    p->slot = vaei_carve_array(&m->scratch, b->n, sizeof(*p->slot));
    p->window = vaei_carve_array(&m->scratch, b->n + 1, sizeof(*p->window));
    for (int32_t i = 0; i < b->n; i++) {
        const vaei_bytes bytes = vaei_layer_bytes(b->step[i].layer, k, 1, training);
        const vaei_slot slot = {.pack = vaei_carve_bytes(&m->pack, bytes.pack),
                                .scratch = keeps(&b->step[i]) ? vaei_carve_bytes(&m->scratch, bytes.scratch) : NULL};
        if (p->slot) p->slot[i] = slot;
        if (!keeps(&b->step[i]) && bytes.scratch > shared) shared = bytes.scratch;
    }
    void *const workspace = vaei_carve_bytes(&m->scratch, shared);
    for (int32_t i = 0; i < b->n; i++) {
        const vaei_band_window *const w = &b->window[i];
        float *const window = i > 0 ? vaei_carve_floats(&m->scratch, vaei_count_of(w->rows, w->row)) : NULL;
        if (p->window) p->window[i] = window;
        if (p->slot && !keeps(&b->step[i])) p->slot[i].scratch = workspace;
    }
}

static void pack(const vaei_layer *l, const vaei_run *r, void *memory) {
    const vaei_bands *const b = l->state;
    vaei_carve c = {.base = memory};
    for (int32_t i = 0; i < b->n; i++) {
        const vaei_layer *const sub = b->step[i].layer;
        void *const p = vaei_carve_bytes(&c, vaei_layer_bytes(sub, r->k, 1, r->training).pack);
        if (sub->ops->pack) sub->ops->pack(sub, r, p);
    }
}

/* One example at work */
typedef struct work {
    const vaei_bands *b;
    const vaei_run *r;
    parts p;
    const float *x;
    float *y;
} work;

/* Row `row` of a value; of y while it is written. */
static float *row_of(const work *w, const vaei_sweep *s, int32_t value, int64_t row) {
    const int64_t floats = w->b->window[value].row;
    if (value == w->b->n && s->observer < 0) return w->y + row * floats;
    return w->p.window[value] + (row - s->kept[value]) * floats;
}

static const float *read_row(const work *w, const vaei_sweep *s, int32_t value, int64_t row) {
    return value == 0 ? w->x + row * w->b->window[0].row : row_of(w, s, value, row);
}

typedef struct map_job {
    const vaei_layer *l;
    const vaei_kernels *k;
    const float *x;
    float *y;
} map_job;

static void map_range(void *arg, int64_t begin, int64_t end) {
    const map_job *const j = arg;
    j->l->ops->map(j->l, j->k, end - begin, j->x + begin, j->y + begin);
}

static void run_rows(void *arg, const vaei_sweep *s, int32_t i, const vaei_band *rows) {
    const work *const w = arg;
    const vaei_step *const t = &w->b->step[i];
    const vaei_layer *const l = t->layer;
    vaei_band band = *rows, asked = {0};
    vaei_slot slot = w->p.slot[i];
    vaei_prologue pixels;
    needs(w->b, i, &band, &asked);
    const float *const x = read_row(w, s, t->in, t->prologue < 0 ? band.x_first : asked.x_first);
    float *const y = row_of(w, s, i + 1, band.first);
    if (l->ops->map) {
        map_job j = {l, w->r->k, x, y};
        vaei_parallel_ranges(w->r->pool, (band.last - band.first) * w->b->window[i + 1].row, 1, map_range, &j);
        return;
    }
    slot.band = &band;
    slot.add = t->side < 0 ? NULL : read_row(w, s, t->side, band.first);
    if (t->prologue >= 0) {
        const vaei_layer *const maker = w->b->step[t->prologue].layer;
        vaei_slot its = w->p.slot[t->prologue];
        its.band = &asked;
        maker->ops->prologue(maker, w->r, &its, x, &pixels);
        slot.prologue = &pixels;
    }
    l->ops->forward(l, w->r, &slot, x, y);
}

static void move_rows(void *arg, const vaei_sweep *s, int32_t value, int64_t kept) {
    const work *const w = arg;
    float *const window = w->p.window[value];
    const int64_t row = w->b->window[value].row, count = s->made[value] - kept;
    if (count > 0) memmove(window, window + (kept - s->kept[value]) * row, (size_t)(count * row) * sizeof(*window));
}

static void observe_rows(void *arg, const vaei_sweep *s, vaei_band *rows) {
    const work *const w = arg;
    const vaei_layer *const l = w->b->step[s->observer].layer;
    l->ops->observe(l, w->r, &w->p.slot[s->observer], rows, NULL);
    l->ops->observe(l, w->r, &w->p.slot[s->observer], rows, read_row(w, s, s->target, rows->x_first));
}

static void run_example(work *w) {
    const vaei_bands *const b = w->b;
    vaei_sweep s = {.run = run_rows, .move = move_rows, .observe = observe_rows, .arg = w, .r = w->r};
    for (int32_t i = 0; i < b->n; i++) {
        const vaei_layer *const l = b->step[i].layer;
        if (!l->ops->observe || b->step[i].in > 0) continue;
        vaei_band all = {.last = b->window[0].height};
        l->ops->observe(l, w->r, &w->p.slot[i], &all, w->x);
    }
    for (int32_t i = 0; i < b->n; i++)
        if (vaei_bands_observes(b, i)) vaei_sweep_run(&s, b, b->step[i].in, i);
    vaei_sweep_run(&s, b, b->n, -1);
}

static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    const vaei_bands *const b = l->state;
    const int64_t in = b->window[0].height * b->window[0].row, out = b->window[b->n].height * b->window[b->n].row;
    work w = {.b = b};
    vaei_memory memory = vaei_slot_memory(m);
    layout(l, r->k, r->n, r->training, &memory, &w.p);
    for (int64_t i = 0; i < r->n && !vaei_run_cancelled(r); i++) {
        const vaei_run one = vaei_run_slice(r, i, 1);
        w.r = &one;
        w.x = x + i * in;
        w.y = y + i * out;
        run_example(&w);
    }
}

static int32_t overwrites(const vaei_layer *l) {
    const vaei_bands *const b = l->state;
    return b->in_place;
}

const vaei_layer_ops vaei_layer_bands = {
    .module = {"bands", "steps that are run some rows at a time", "", "", 0, NULL},
    .layout = layout,
    .pack = pack,
    .forward = forward,
    .overwrites = overwrites,
};
