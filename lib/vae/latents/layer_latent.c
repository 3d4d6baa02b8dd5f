/* SPDX-License-Identifier: MIT
 * layer_latent.c - a latent in the decoder: a level of a hierarchy.
 *
 *     s [R][C]: the input; t [R][T]: the values of the tap `from` in the encoder; both have R positions
 *
 *     prior      p(z | s)    = N(P s)                  path.prior.mean.*, path.prior.logvar.*
 *     posterior  q(z | s, t) = N(Q [s, t])             path.mean.*, path.logvar.*
 *     y = [s, z]             [R][C + dim]
 *
 * P and Q are the two heads of the latent that the text names; the rate is KL(q || p) (normal_pair.h). The latents before this one have
 * determined s, so that p(z1, z2, ...) = p(z1) p(z2 | z1) .... The pass decides the source of z: it is drawn from q in training and
 * scoring, drawn from p in sampling, and given by the host in decoding.
 *
 * Sonderby et al. 2016 (arXiv:1602.02282), Child 2020 (arXiv:2011.10650). Not here: levels of codes. */
#include "nn/ranges.h"
#include "vae/latents/normal_pair.h"

typedef struct conf {
    vaei_inner latent;
    const char *from;
} conf;

static const vaei_option options[] = {
    VAEI_OPTION_NAME(conf, from, VAEI_OPT_REQUIRED, "name of the tap in the encoder that the posterior reads"),
    {0},
};

static const vaei_inner_kind latents = {"latent", vaei_latents, &vaei_latents_count};

/* ---- building ---- */

static vae_status_t find_tap(const vaei_tap **out, vaei_build *b, const char *name) {
    const char *names[VAEI_LEVELS_MAX];
    char hint[96];
    size_t n = 0;
    for (vaei_tap *t = b->taps; t; t = t->next) {
        if (strcmp(t->name, name) == 0) {
            t->is_read = 1;
            *out = t;
            return VAE_OK;
        }
        if (n < VAEI_COUNT(names)) names[n++] = t->name;
    }
    return vaei_fail(VAE_E_SPEC, "from=%.40s: the encoder has no tap of that name%s", name, vaei_text_hint(hint, name, names, n));
}

/* Whether all sizes but the last are equal. */
static int32_t same_places(const vaei_shape *a, const vaei_shape *b) {
    int32_t same = a->n == b->n;
    for (int32_t i = 0; same && i < a->n - 1; i++) same = a->d[i] == b->d[i];
    return same;
}

static vae_status_t plan_one(vaei_latent *q, vaei_layer *l, vaei_build *b, vaei_node *node, const char *path, const vaei_shape *h) {
    const conf *const c = l->conf;
    *q = (vaei_latent){.ops = (const vaei_latent_ops *)(const void *)c->latent.module, .conf = c->latent.conf, .path = path, .h = *h};
    VAEI_TRY(q->ops->plan(q, b, node, &q->h, &q->z));
    for (int32_t i = 0; i < q->n_params; i++) {
        if (l->n_params == VAEI_LAYER_PARAMS) return vaei_fail(VAE_E_LIMIT, "latent %s: has too many parameters", q->ops->module.name);
        l->param[l->n_params++] = q->param[i];
    }
    return VAE_OK;
}

static vae_status_t plan(vaei_layer *l, vaei_build *b, vaei_node *node, const vaei_shape *in, vaei_shape *out) {
    const conf *const c = l->conf;
    const vaei_latent_ops *const ops = (const vaei_latent_ops *)(const void *)c->latent.module;
    char stream[96], kept[96];
    vaei_pair *const pair = vaei_arena_alloc(b->arena, sizeof(*pair));
    const char *const prior = vaei_arena_format(b->arena, "%s.prior", l->path);
    if (!pair || !prior) return VAE_E_NOMEM;
    if (!(b->takes & VAEI_TAKES_LATENTS)) return vaei_fail(VAE_E_SPEC, "latent %s: is a layer of the decoder only", ops->module.name);
    if (!ops->encode_backward)
        return vaei_fail(VAE_E_SPEC, "latent %s: has no density, wanted a latent with a density (gaussian) in the decoder",
                         ops->module.name);
    if (b->n_pairs == VAEI_LEVELS_MAX - 1) return vaei_fail(VAE_E_LIMIT, "latent: more than %d in a model", VAEI_LEVELS_MAX);
    VAEI_TRY(find_tap(&pair->tap, b, c->from));
    if (!same_places(in, &pair->tap->shape))
        return vaei_fail(VAE_E_SHAPE, "latent %s: reads %s, and from=%s keeps %s: wanted the same sizes but the last", ops->module.name,
                         vaei_shape_text(in, stream), c->from, vaei_shape_text(&pair->tap->shape, kept));
    vaei_shape both = *in;
    both.d[both.n - 1] += pair->tap->shape.d[in->n - 1];
    VAEI_TRY(plan_one(&pair->posterior, l, b, node, l->path, &both));
    VAEI_TRY(plan_one(&pair->prior, l, b, node, prior, in));
    if (!same_places(in, &pair->posterior.z))
        return vaei_fail(VAE_E_SHAPE, "latent %s: makes %s of %s, wanted the same sizes but the last", ops->module.name,
                         vaei_shape_text(&pair->posterior.z, kept), vaei_shape_text(in, stream));
    pair->number = ++b->n_pairs;
    pair->next = b->pairs;
    b->pairs = pair;
    l->state = pair;
    *out = *in;
    out->d[out->n - 1] += pair->posterior.z.d[in->n - 1];
    return VAE_OK;
}

/* ---- memory ---- */

typedef struct parts {
    vaei_slot posterior, prior;
    float *h; /* [n][R][C + T] */
    /* training: */
    float *dz;            /* [n][D] */
    vaei_normal_slopes d; /* [n][D] each */
    float *dh, *ds;       /* derivatives by h and by s */
} parts;

static void layout(const vaei_layer *l, const vaei_kernels *k, int64_t n, int32_t training, vaei_memory *m, void *pieces) {
    const vaei_pair *const pair = l->state;
    const int64_t D = vaei_count_of(n, vaei_shape_size(&pair->posterior.z)), H = vaei_count_of(n, vaei_shape_size(&pair->posterior.h));
    parts *const p = pieces ? pieces : &(parts){.h = NULL};
    const vaei_bytes q = vaei_latent_bytes(&pair->posterior, k, n, training), prior = vaei_latent_bytes(&pair->prior, k, n, training);
    *p = (parts){.h = vaei_carve_floats(&m->scratch, H)};
    p->posterior.pack = vaei_carve_bytes(&m->pack, q.pack);
    p->prior.pack = vaei_carve_bytes(&m->pack, prior.pack);
    p->posterior.cache = vaei_carve_bytes(&m->cache, q.cache);
    p->prior.cache = vaei_carve_bytes(&m->cache, prior.cache);
    p->posterior.scratch = p->prior.scratch = vaei_carve_bytes(&m->scratch, q.scratch > prior.scratch ? q.scratch : prior.scratch);
    if (!training) return;
    p->dz = vaei_carve_floats(&m->scratch, D);
    p->d.mean = vaei_carve_floats(&m->scratch, D);
    p->d.logvar = vaei_carve_floats(&m->scratch, D);
    p->d.prior_mean = vaei_carve_floats(&m->scratch, D);
    p->d.prior_logvar = vaei_carve_floats(&m->scratch, D);
    p->dh = vaei_carve_floats(&m->scratch, H);
    p->ds = vaei_carve_floats(&m->scratch, vaei_count_of(n, vaei_shape_size(&l->in)));
}

static void pack(const vaei_layer *l, const vaei_run *r, void *memory) {
    const vaei_pair *const pair = l->state;
    parts m;
    if (!pair->posterior.ops->pack) return;
    vaei_layer_packed(l, r, memory, &m);
    pair->posterior.ops->pack(&pair->posterior, r, m.posterior.pack);
    pair->prior.ops->pack(&pair->prior, r, m.prior.pack);
}

/* ---- rows side by side ---- */

/* Makes whole[rows][a + b] from first[rows][a] and second[rows][b]. */
typedef struct joined {
    int64_t a, b;
    const float *first, *second;
    float *whole;
} joined;

static void join_range(void *arg, int64_t begin, int64_t end) {
    const joined *const j = arg;
    for (int64_t i = begin; i < end; i++) {
        float *const row = j->whole + i * (j->a + j->b);
        memcpy(row, j->first + i * j->a, (size_t)j->a * sizeof(float));
        memcpy(row + j->a, j->second + i * j->b, (size_t)j->b * sizeof(float));
    }
}

/* Does the reverse; a part that is NULL is left out. */
typedef struct parted {
    const vaei_kernels *k;
    int64_t a, b;
    const float *whole;
    float *first, *second;
} parted;

static void part_range(void *arg, int64_t begin, int64_t end) {
    const parted *const j = arg;
    for (int64_t i = begin; i < end; i++) {
        const float *const row = j->whole + i * (j->a + j->b);
        if (j->first) memcpy(j->first + i * j->a, row, (size_t)j->a * sizeof(float));
        memcpy(j->second + i * j->b, row + j->a, (size_t)j->b * sizeof(float));
    }
}

static void add_part_range(void *arg, int64_t begin, int64_t end) {
    const parted *const j = arg;
    for (int64_t i = begin; i < end; i++) {
        const float *const row = j->whole + i * (j->a + j->b);
        if (j->first) j->k->add(j->a, row, j->first + i * j->a);
        if (j->second) j->k->add(j->b, row + j->a, j->second + i * j->b);
    }
}

static int64_t rows_of(const vaei_layer *l, const vaei_run *r) {
    return r->n * (vaei_shape_size(&l->in) / l->in.d[l->in.n - 1]);
}

static int64_t last_of(const vaei_shape *s) {
    return s->d[s->n - 1];
}

/* ---- passes ---- */

/* Returns row r->row of an array of the level. */
static float *at(const vaei_run *r, const vaei_level *v, float *values) {
    return values + r->row * v->size;
}

/* Makes h = [s, t]. */
static void join_tap(const vaei_layer *l, const vaei_run *r, const parts *m, const float *s) {
    const vaei_pair *const pair = l->state;
    const vaei_side *const side = &r->side[pair->tap->number];
    joined j = {last_of(&l->in), last_of(&pair->tap->shape), s, side->value + r->row * side->size, m->h};
    vaei_parallel_ranges(r->pool, rows_of(l, r), j.a + j.b, join_range, &j);
}

static void forward(const vaei_layer *l, const vaei_run *r, const vaei_slot *slot, const float *s, float *y) {
    const vaei_pair *const pair = l->state;
    const vaei_latent *const q = &pair->posterior, *const p = &pair->prior;
    const vaei_level *const v = &r->level[pair->number];
    parts m;
    vaei_layer_pieces(l, r, slot, &m);
    float *const z = at(r, v, v->z), *const prior_mean = at(r, v, v->prior_mean), *const prior_logvar = at(r, v, v->prior_logvar);
    if (r->levels_from != VAEI_LEVELS_GIVEN) p->ops->encode(p, r, &m.prior, s, prior_mean, prior_logvar);
    if (r->levels_from == VAEI_LEVELS_PRIOR) p->ops->draw(p, r, &m.prior, prior_mean, prior_logvar, at(r, v, v->noise), z, NULL, NULL);
    if (r->levels_from == VAEI_LEVELS_POSTERIOR || r->levels_from == VAEI_LEVELS_MEAN) {
        const float *const noise = r->levels_from == VAEI_LEVELS_MEAN ? NULL : at(r, v, v->noise);
        join_tap(l, r, &m, s);
        q->ops->encode(q, r, &m.posterior, m.h, at(r, v, v->mean), at(r, v, v->logvar));
        q->ops->draw(q, r, &m.posterior, at(r, v, v->mean), at(r, v, v->logvar), noise, z, NULL, NULL);
        vaei_normal_pair_rate(r, v);
    }
    joined j = {last_of(&l->in), last_of(&q->z), s, z, y};
    vaei_parallel_ranges(r->pool, rows_of(l, r), j.a + j.b, join_range, &j);
}

static void backward(const vaei_layer *l, const vaei_run *r, const vaei_slot *slot, const float *s, const float *y, float *dy, float *dx) {
    const vaei_pair *const pair = l->state;
    const vaei_latent *const q = &pair->posterior, *const p = &pair->prior;
    const vaei_level *const v = &r->level[pair->number];
    const vaei_side *const side = &r->side[pair->tap->number];
    parts m;
    vaei_layer_pieces(l, r, slot, &m);
    const int64_t C = last_of(&l->in), count = r->n * vaei_shape_size(&l->in);
    parted of_y = {r->k, C, last_of(&q->z), dy, dx, m.dz},
           of_h = {r->k, C, last_of(&pair->tap->shape), m.dh, dx, side->grad + r->row * side->size};
    (void)y;
    vaei_parallel_ranges(r->pool, rows_of(l, r), of_y.a + of_y.b, part_range, &of_y);
    vaei_normal_pair_backward(r, v, m.dz, &m.d);
    join_tap(l, r, &m, s);
    q->ops->encode_backward(q, r, &m.posterior, m.h, at(r, v, v->logvar), m.d.mean, m.d.logvar, m.dh);
    p->ops->encode_backward(p, r, &m.prior, s, at(r, v, v->prior_logvar), m.d.prior_mean, m.d.prior_logvar, m.ds);
    vaei_parallel_ranges(r->pool, rows_of(l, r), of_h.a + of_h.b, add_part_range, &of_h);
    if (!dx) return;
    parted of_s = {r->k, C, 0, m.ds, dx, NULL};
    vaei_parallel_ranges(r->pool, rows_of(l, r), C, add_part_range, &of_s);
    vaei_run_flush(r, count, dx, dx);
}

const vaei_layer_ops vaei_layer_latent = {
    .module = {.name = "latent",
               .summary = "a latent in the decoder: its prior depends on the layer's input, its posterior on that input and on a tap",
               .examples = "latent gaussian dim=4 map=true from=wide\n"
                           "latent gaussian dim=3 from=wide",
               .paper = "Sonderby et al. 2016 (arXiv:1602.02282)",
               .conf_size = sizeof(conf),
               .options = options,
               .inner = &latents},
    .flags = VAEI_LAYER_READS_X,
    .plan = plan,
    .layout = layout,
    .pack = pack,
    .forward = forward,
    .backward = backward,
};
