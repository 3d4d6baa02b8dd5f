/* SPDX-License-Identifier: MIT
 * check_conformance_training.c - tests every example of every objective, optimizer, schedule and clip against objective.h and optimizer.h.
 * This file has a closed form for each of them, by name, and fails for a module without one. */
#include "conformance.h"

#include "vae/training/recipe.h"

typedef struct fixture {
    vaei_heap heap;
    vaei_arena arena;
    vaei_recipe recipe;
} fixture;

static void fixture_open(fixture *f, const char *section, const char *example) {
    char text[EXAMPLE_MAX + 40];
    vaei_document document;
    memset(f, 0, sizeof(*f));
    vaei_heap_init_default(&f->heap);
    vaei_arena_init(&f->arena, &f->heap);
    snprintf(text, sizeof(text), "%s %s\n", section, example);
    ck_assert_int_eq(vaei_document_parse(&document, &f->arena, text, strlen(text)), VAE_OK);
    ck_assert_msg(vaei_recipe_build(&f->recipe, &f->arena, &document) == VAE_OK, "%s: %s", text, vaei_fail_text());
}

static const char *fixture_close(fixture *f, const char *failure) {
    vaei_arena_free(&f->arena);
    return failure || f->heap.in_use == 0 ? failure : broken("memory: %zu bytes are left", f->heap.in_use);
}

/* The value of `key` in an example, or what the table gives where the example leaves it out. */
static double option(const char *example, const char *key, double otherwise) {
    char wanted[40];
    snprintf(wanted, sizeof(wanted), " %s=", key);
    const char *const at = strstr(example, wanted);
    if (!at) return otherwise;
    const char *const text = at + strlen(wanted);
    return strncmp(text, "true", 4) == 0 ? 1 : strncmp(text, "false", 5) == 0 ? 0 : strtod(text, NULL);
}

static int32_t is_named(const char *example, const char *name) {
    return strcspn(example, " ") == strlen(name) && strncmp(example, name, strlen(name)) == 0;
}

/* ---- objectives ----------------------------------------------------------------------------------------------------- */

enum { N = 6, D = 3, LOWER = 2 }; /* values of the first latent and of one in the decoder */

typedef struct objective_probe {
    vaei_objective o;
    vaei_terms t;
    vaei_batch batch;
    vaei_run r;
    double nll[N], row[N];
    float kl[N * (D + LOWER)], d_nll[N], d_kl[N * (D + LOWER)], z[N * D], d_z[N * D], prior[N * D], mean[N * D], d_mean[N * D];
    float logvar[N * D], d_logvar[N * D], precision[N * D], pairs[N * N];
    double margin[D];
    vaei_critic critic;
    vaei_critic_work work;
    float *params, *grads;
    int64_t n_params;
    void *block;
} objective_probe;

/* A critic of D values, for terms that have one. */
static void open_critic(objective_probe *a, vaei_arena *arena) {
    static const char *const texts[] = {"critic linear out=7 | tanh | linear out=1\n",
                                        "critic on=z | linear out=7 | tanh | linear out=1\n"};
    const char *const text = texts[(a->o.flags & VAEI_OBJECTIVE_SEES_Z) != 0];
    const vaei_shape values = {1, {D}};
    const vaei_kernels *const k = vaei_kernels_select(0, 0);
    vaei_document document;
    vaei_build build;
    vaei_params params;
    vaei_build_init(&build, arena);
    ck_assert_int_eq(vaei_document_parse(&document, arena, text, strlen(text)), VAE_OK);
    ck_assert_int_eq(vaei_critic_build(&a->critic, &build, document.first, &values, &values, NULL), VAE_OK);
    ck_assert_int_eq(vaei_build_finish(&build, &params), VAE_OK);
    ck_assert_int_eq(vaei_stacks_link(build.stacks, arena), VAE_OK);
    vaei_critic_place(&a->critic, &params);
    ck_assert_int_eq(a->critic.count, params.n_floats);
    a->n_params = params.n_floats;
    a->params = calloc((size_t)params.n_floats, sizeof(float));
    a->grads = calloc((size_t)params.n_floats, sizeof(float));
    vaei_params_init(&params, k, 4, a->params);
    vaei_carve c = {0};
    vaei_critic_carve(&a->critic, k, N, 0, &c, &a->work);
    a->block = aligned_alloc(VAEI_ALIGN, (c.used + VAEI_ALIGN - 1) / VAEI_ALIGN * VAEI_ALIGN);
    c = (vaei_carve){.base = a->block};
    vaei_critic_carve(&a->critic, k, N, 0, &c, &a->work);
    const vaei_run r = {.k = k, .n = N, .training = 1, .params = a->params};
    vaei_stack_pack(a->critic.stack, &r, a->work.slot.pack);
}

static void close_critic(objective_probe *a) {
    free(a->params), free(a->grads), free(a->block);
}

static double objective_value(void *arg) {
    objective_probe *a = arg;
    vaei_objective_eval(&a->o, &a->t);
    return a->t.loss;
}

/* At some steps, so that warm-ups and cycles are under way; the rates of a dimension lie on one side of any floor that examples set. */
static const char *objective_at(objective_probe *a, int64_t step) {
    const int32_t rated = !(a->o.flags & VAEI_OBJECTIVE_OF_PRIOR), sees_z = (a->o.flags & VAEI_OBJECTIVE_SEES_Z) != 0;
    const int32_t sees_posterior = (a->o.flags & VAEI_OBJECTIVE_SEES_POSTERIOR) != 0;
    const int32_t sees_mean = (a->o.flags & VAEI_OBJECTIVE_SEES_MEAN) != 0;
    float d_nll[N], d_kl[N * (D + LOWER)] = {0}, d_z[N * D] = {0}, d_mean[N * D], d_logvar[N * D];
    for (int i = 0; i < N; i++) a->nll[i] = 100 + 10 * sin(i);
    for (int i = 0; i < N * D; i++) a->kl[i] = 0.2f + (float)(i % D) + 0.1f * (float)cos(i);
    for (int i = 0; i < N * LOWER; i++) a->kl[N * D + i] = 0.2f + 0.7f * (float)(i % LOWER) + 0.05f * (float)cos(i);
    a->t = (vaei_terms){.n = N, .samples = a->o.samples, .step = step, .batch = &a->batch, .nll = a->nll, .d_nll = a->d_nll};
    a->t.level[0] = (vaei_rates){.dim = D, .kl = a->kl, .d_kl = a->d_kl};
    a->t.level[1] = (vaei_rates){.dim = LOWER, .kl = a->kl + N * D, .d_kl = a->d_kl + N * D};
    if (rated) a->t.levels = 2;
    for (int i = 0; i < N * D; i++) a->z[i] = 1.5f * (float)sin(3 * i + 1);
    for (int i = 0; i < N * D; i++) a->mean[i] = (float)cos(2 * i);
    a->r = (vaei_run){.k = vaei_kernels_select(0, 0), .n = N, .training = 1, .params = a->params, .grads = a->grads, .batch = a->batch};
    a->r.noise = (vaei_noise_key){.seed = 3, .step = (uint64_t)step};
    a->t.r = &a->r, a->t.critic = &a->critic, a->t.critic_work = &a->work;
    if (sees_z) a->t.size = D, a->t.z = a->z, a->t.d_z = a->d_z, a->t.prior = a->prior, a->t.row = a->row;
    for (int i = 0; i < N * D; i++) a->logvar[i] = 0.5f * (float)sin(5 * i);
    if (sees_posterior) {
        a->t.mean = a->mean, a->t.logvar = a->logvar, a->t.d_mean = a->d_mean, a->t.d_logvar = a->d_logvar;
        a->t.precision = a->precision, a->t.pairs = a->pairs, a->t.margin = a->margin;
    }
    if (sees_mean) a->t.size_x = D, a->t.mean_x = a->mean, a->t.d_mean_x = a->d_mean;
    for (int64_t i = 0; i < a->n_params; i++) a->grads[i] = 0.25f;
    (void)objective_value(a);
    for (int64_t i = 0; i < a->n_params; i++)
        if (a->grads[i] < 0.25f || a->grads[i] > 0.25f) return broken("critic: a term for the network changes its gradients");
    if (!isfinite(a->t.loss) || !isfinite(a->t.recon) || !isfinite(a->t.rate) || !isfinite(a->t.beta)) return broken("loss: not finite");
    memcpy(d_nll, a->d_nll, sizeof(d_nll));
    if (rated) memcpy(d_kl, a->d_kl, sizeof(d_kl));
    memcpy(d_z, a->d_z, sizeof(d_z));
    memcpy(d_mean, a->d_mean, sizeof(d_mean));
    memcpy(d_logvar, a->d_logvar, sizeof(d_logvar));
    if (sees_posterior) {
        CONFORM(gradient_is("the posterior's mean", objective_value, a, a->mean, d_mean, N * D, 1.0f / 64, 1e-3, 1e-3));
        CONFORM(gradient_is("the posterior's logvar", objective_value, a, a->logvar, d_logvar, N * D, 1.0f / 64, 1e-3, 1e-3));
    }
    if (sees_mean) CONFORM(gradient_is("the mean", objective_value, a, a->mean, d_mean, N * D, 1.0f / 64, 1e-3, 1e-2));
    if (sees_z) CONFORM(gradient_is("z", objective_value, a, a->z, d_z, N * D, 1.0f / 64, 1e-3, 1e-2));
    if (rated) CONFORM(gradient_is("kl", objective_value, a, a->kl, d_kl, N * (D + LOWER), 1.0f / 64, 1e-4, 1e-3));
    for (int i = 0; i < N; i++) {
        const double kept = a->nll[i], h = 1.0 / 1024;
        a->nll[i] = kept + h;
        const double above = objective_value(a);
        a->nll[i] = kept - h;
        const double slope = (above - objective_value(a)) / (2 * h);
        a->nll[i] = kept;
        if (!(fabs(slope - (double)d_nll[i]) <= 1e-6))
            return broken("gradient of nll[%d] is %g, differences say %g", i, (double)d_nll[i], slope);
    }
    return NULL;
}

/* What lets the decoder go back before eval is true of any terms. */
static const char *mean_nll(objective_probe *a) {
    for (int round = 0; a->o.flags & VAEI_OBJECTIVE_MEAN_NLL && round < 2; round++) {
        for (int i = 0; i < N; i++) a->nll[i] = round ? 1e6 * (i - 1) : 1;
        for (int i = 0; i < N * (D + LOWER); i++) a->kl[i] = round ? 1e3f * (float)i : 0;
        (void)objective_value(a);
        for (int i = 0; i < N; i++)
            if (a->d_nll[i] < (float)(1 / (double)N) || a->d_nll[i] > (float)(1 / (double)N))
                return broken("VAEI_OBJECTIVE_MEAN_NLL is set, d_nll[%d] is %g of %d examples", i, (double)a->d_nll[i], N);
    }
    return NULL;
}

/* What a score costs: the slope is the derivative, and points the way: real ones up, made ones down, the network's up. */
static const char *costs(const vaei_objective_ops *ops, const void *conf) {
    const vaei_kernels *const k = vaei_kernels_select(0, 0);
    for (int32_t of = VAEI_SCORE_REAL; of <= VAEI_SCORE_FOOLED; of++)
        for (int i = -20; i < 20; i++) {
            const float h = 1.0f / 64, score = 0.23f * (float)i + 0.1f;
            float slope, other;
            const float above = ops->cost(conf, k, of, score + h, &other), below = ops->cost(conf, k, of, score - h, &other);
            (void)ops->cost(conf, k, of, score, &slope);
            if (!(fabsf(slope - (above - below) / (2 * h)) <= 2e-3f))
                return broken("cost: slope %g at score %g, differences say %g", (double)slope, (double)score,
                              (double)(above - below) / (2 * h));
            if (of == VAEI_SCORE_MADE ? slope < 0 : slope > 0)
                return broken("cost: slope %g at score %g has the wrong sign", (double)slope, (double)score);
        }
    return NULL;
}

static int by_value(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* What a critic takes for real of a term that permutes: in each dimension the values of the batch, and in the whole other examples. */
static const char *permuted(objective_probe *a) {
    const vaei_game game = vaei_objective_game(&a->o);
    vaei_critic_facts facts;
    int32_t moved = 0;
    vaei_critic_learn(&a->critic, &a->r, &a->work, &game, a->z, &facts);
    for (int64_t i = 0; i < N * D; i++) moved += memcmp(&a->work.in[i], &a->z[i], sizeof(float)) != 0;
    if (!moved) return broken("critic: what it takes for real is what the model made");
    for (int64_t d = 0; d < D; d++) {
        float made[N], real[N];
        for (int64_t i = 0; i < N; i++) made[i] = a->z[i * D + d], real[i] = a->work.in[i * D + d];
        qsort(made, N, sizeof(*made), by_value);
        qsort(real, N, sizeof(*real), by_value);
        CONFORM(same_bytes("critic", "a dimension of what it takes for real", real, made, sizeof(made)));
    }
    return NULL;
}

const char *conform_objective(const vaei_objective_ops *ops, const char *example) {
    static const int64_t steps[] = {0, 1, 5, 9, 1000000};
    const char *failure = NULL;
    fixture f;
    char sum[EXAMPLE_MAX + 20];
    (void)snprintf(sum, sizeof(sum), "%s%s", ops->flags & VAEI_OBJECTIVE_NO_NLL ? "elbo | " : "", example);
    fixture_open(&f, "objective", sum);
    objective_probe a = {.o = f.recipe.objective};
    a.o.term[a.o.n - 1] = ops;
    if (ops->cost) open_critic(&a, &f.arena);
    static const float weight[N] = {1, 0.5f, 3, 0, 2};
    const vaei_batch batches[2] = {{.weight = weight, .total = 6.5}, {.total = N}};
    for (int32_t b = 0; b < 2 && !failure; b++) {
        a.batch = batches[b];
        for (size_t i = 0; i < VAEI_COUNT(steps) && !failure; i++) failure = objective_at(&a, steps[i]);
    }
    if (!failure) failure = mean_nll(&a);
    if (!failure && ops->flags & VAEI_OBJECTIVE_PERMUTES) failure = permuted(&a);
    if (!failure && ops->cost) failure = costs(ops, a.o.conf[a.o.n - 1]);
    close_critic(&a);
    return fixture_close(&f, failure);
}

/* ---- optimizers ----------------------------------------------------------------------------------------------------- */

enum { COUNT = 100, SLOTS = VAEI_OPTIMIZER_SLOTS };

typedef struct descent {
    const vaei_optimizer_ops *ops;
    const void *conf;
    const vaei_kernels *k;
    float w[COUNT], g[COUNT], memory[SLOTS][COUNT]; /* a step clears g */
} descent;

static void start_at(descent *a, const vaei_optimizer_ops *ops, const void *conf, float from) {
    *a = (descent){.ops = ops, .conf = conf, .k = vaei_kernels_select(0, 0)};
    for (int i = 0; i < COUNT; i++) a->w[i] = from + 0.01f * (float)(i % 7);
}

/* f(w) = sum a_i (w_i - 1)^2 / 2 with a_i of 1 to 8 */
static double bowl(descent *a) {
    double f = 0;
    for (int i = 0; i < COUNT; i++) {
        const double slope = 1 + i % 8, d = (double)a->w[i] - 1;
        a->g[i] = (float)(slope * d);
        f += slope * d * d / 2;
    }
    return f;
}

/* On w[from .. from + n) */
static void step(descent *a, int64_t t, double lr, double decay, int64_t from, int64_t n) {
    float *slot[SLOTS];
    for (int i = 0; i < SLOTS; i++) slot[i] = a->memory[i] + from;
    a->ops->step(a->conf, a->k, n, t, (float)lr, (float)decay, a->g + from, a->w + from, slot);
}

/* The first step moves each weight against its gradient, and many steps go down, from all sides. */
static const char *descends(descent *a, const vaei_optimizer_ops *ops, const void *conf) {
    static const float starts[] = {0, 3, -2, 1.5f};
    const double lr = vaei_optimizer_lr(ops, conf);
    for (size_t s = 0; s < VAEI_COUNT(starts); s++) {
        start_at(a, ops, conf, starts[s]);
        float before[COUNT], slope[COUNT];
        const double first = bowl(a);
        memcpy(before, a->w, sizeof(before));
        memcpy(slope, a->g, sizeof(slope));
        step(a, 1, lr, 0, 0, COUNT);
        for (int i = 0; i < COUNT; i++)
            if (!((a->w[i] - before[i]) * slope[i] < 0))
                return broken("descent: the first step moves w[%d] by %g along its gradient %g", i, (double)(a->w[i] - before[i]),
                              (double)slope[i]);
        for (int64_t t = 2; t <= 300; t++) {
            (void)bowl(a);
            step(a, t, lr, 0, 0, COUNT);
        }
        const double last = bowl(a);
        if (!(last < 0.9 * first)) return broken("descent: from %g the loss goes from %g to %g", (double)starts[s], first, last);
    }
    return NULL;
}

/* Nothing asked for, nothing moves; decay alone draws weights to 0. */
static const char *rests(descent *a, const vaei_optimizer_ops *ops, const void *conf) {
    float before[COUNT];
    start_at(a, ops, conf, 3);
    memcpy(before, a->w, sizeof(before));
    for (int64_t t = 1; t <= 3; t++) step(a, t, vaei_optimizer_lr(ops, conf), 0, 0, COUNT);
    CONFORM(same_bytes("rest", "a weight without a gradient", a->w, before, sizeof(before)));
    step(a, 4, vaei_optimizer_lr(ops, conf), 0.01, 0, COUNT);
    for (int i = 0; i < COUNT; i++)
        if (!(a->w[i] < before[i] && a->w[i] > 0)) return broken("decay: moves %g to %g", (double)before[i], (double)a->w[i]);
    start_at(a, ops, conf, 3);
    (void)bowl(a);
    step(a, 1, 0, 0.01, 0, COUNT);
    return same_bytes("rest", "a weight at learning rate 0", a->w, before, sizeof(before));
}

/* The first step by hand: g' = g + decay w, or for adamw and lion w shrinks first. */
static double first_step(const char *example, double lr, double decay, double g, double w) {
    if (is_named(example, "sgd")) {
        const double momentum = option(example, "momentum", 0), slope = g + decay * w;
        return w - lr * (option(example, "nesterov", 0) > 0 ? (1 + momentum) * slope : slope);
    }
    const double eps = option(example, "eps", 1e-8);
    if (is_named(example, "adam")) {
        const double slope = g + decay * w;
        return w - lr * slope / (fabs(slope) + eps);
    }
    if (is_named(example, "adamw")) return w * (1 - lr * decay) - lr * g / (fabs(g) + eps);
    if (is_named(example, "lion")) return w * (1 - lr * decay) - lr * (double)((g > 0) - (g < 0));
    if (is_named(example, "radam")) return w - lr * (g + decay * w);
    if (is_named(example, "adamax")) return w - lr * (g + decay * w) / (fabs(g + decay * w) + eps);
    if (is_named(example, "rmsprop")) {
        const double slope = g + decay * w, alpha = option(example, "alpha", 0.99);
        const double variance = strstr(example, "centered=true") ? alpha * (1 - alpha) : 1 - alpha;
        return w - lr * slope / (sqrt(variance) * fabs(slope) + eps);
    }
    return NAN;
}

static const char *closed_form(descent *a, const vaei_optimizer_ops *ops, const void *conf, const char *example) {
    float before[COUNT], slope[COUNT];
    start_at(a, ops, conf, 3);
    (void)bowl(a);
    memcpy(before, a->w, sizeof(before));
    memcpy(slope, a->g, sizeof(slope));
    step(a, 1, 0.125, 0.0625, 0, COUNT);
    for (int i = 0; i < COUNT; i++) {
        const double want = first_step(example, 0.125, 0.0625, (double)slope[i], (double)before[i]);
        if (isnan(want)) return broken("closed form: check_conformance_training.c has none of this optimizer");
        if (!(fabs((double)a->w[i] - want) <= 1e-5 * (1 + fabs(want))))
            return broken("closed form: the first step gives %.8g, wanted %.8g", (double)a->w[i], want);
    }
    return NULL;
}

/* In slices and on each table: the same bits of weights and memories. */
static const char *slices_and_tables(descent *a, const vaei_optimizer_ops *ops, const void *conf) {
    descent *const want = malloc(sizeof(*want));
    const char *failure = NULL;
    for (int32_t isa = 0; isa < ISA_END && !failure; isa++) {
        const int64_t cut = isa == 0 ? COUNT : 37;
        if (!vaei_kernels_select(isa, 0)) continue;
        start_at(a, ops, conf, 3);
        a->k = vaei_kernels_select(isa, 0);
        for (int64_t t = 1; t <= 4; t++) {
            (void)bowl(a);
            for (int64_t i = 0; i < COUNT; i += cut) step(a, t, vaei_optimizer_lr(ops, conf), 0.01, i, COUNT - i < cut ? COUNT - i : cut);
        }
        if (isa == 0) *want = *a;
        failure = same_bytes(a->k->name, "a weight in slices", a->w, want->w, sizeof(a->w));
        if (!failure) failure = same_bytes(a->k->name, "a memory in slices", a->memory, want->memory, sizeof(a->memory));
    }
    free(want);
    return failure;
}

/* Memories past those that slots() asks for are not touched; the gradient is cleared. */
static const char *memories(descent *a, const vaei_optimizer_ops *ops, const void *conf) {
    const int32_t slots = ops->slots(conf);
    if (slots < 0 || slots > SLOTS) return broken("slots: %d, at most %d", (int)slots, SLOTS);
    start_at(a, ops, conf, 3);
    (void)bowl(a);
    step(a, 1, vaei_optimizer_lr(ops, conf), 0.01, 0, COUNT);
    for (int i = 0; i < COUNT; i++)
        if (a->g[i] < 0 || a->g[i] > 0) return broken("gradient: g[%d] is %g after the step, wanted 0", i, (double)a->g[i]);
    for (int i = slots; i < SLOTS; i++)
        for (int j = 0; j < COUNT; j++)
            if (a->memory[i][j] < 0 || a->memory[i][j] > 0) return broken("slots: asks for %d and writes number %d", (int)slots, i);
    return NULL;
}

const char *conform_optimizer(const vaei_optimizer_ops *ops, const char *example) {
    fixture f;
    fixture_open(&f, "optimizer", example);
    const void *conf = f.recipe.optimizer_conf;
    descent *const a = malloc(sizeof(*a));
    const char *failure = descends(a, ops, conf);
    if (!failure) failure = rests(a, ops, conf);
    if (!failure) failure = closed_form(a, ops, conf, example);
    if (!failure) failure = slices_and_tables(a, ops, conf);
    if (!failure) failure = memories(a, ops, conf);
    free(a);
    return fixture_close(&f, failure);
}

/* ---- schedules and clips --------------------------------------------------------------------------------------------- */

static double schedule_by_hand(const char *example, int64_t t) {
    const double warmup = option(example, "warmup", 0), rise = (double)t < warmup ? (double)(t + 1) / warmup : 1;
    if (is_named(example, "constant")) return rise;
    if (is_named(example, "step")) {
        double factor = rise;
        for (int64_t i = (int64_t)option(example, "every", 0); i <= t && factor > 1e-300; i += (int64_t)option(example, "every", 0))
            factor *= option(example, "factor", 0.1);
        return factor;
    }
    if (is_named(example, "inverse_sqrt")) return (double)t < warmup ? rise : pow((double)(t + 1) / fmax(warmup, 1), -0.5);
    if (is_named(example, "one_cycle")) {
        const double steps = option(example, "steps", 0), first = 1 / option(example, "div", 25), x = (double)t;
        const double last = first / option(example, "final_div", 1e4), up = option(example, "rise", 0.3) * steps - 1;
        if (x >= steps - 1) return last;
        const double side = sin(0.5 * acos(-1) * (x <= up ? x / up : (steps - 1 - x) / (steps - 1 - up)));
        return x <= up ? first + (1 - first) * side * side : last + (1 - last) * side * side;
    }
    if (is_named(example, "cosine")) {
        const double steps = option(example, "steps", 0), final = option(example, "final", 0), left = steps - (double)t;
        if ((double)t < warmup) return rise;
        if (left <= 0) return final;
        const double half = sin(0.5 * acos(-1) * left / (steps - warmup)); /* (1 + cos u) / 2 = sin^2 of what is left */
        return final + (1 - final) * half * half;
    }
    return NAN;
}

/* In [0, 1], of the closed form, and the same whatever was asked before: a resumed run goes on where it was. */
const char *conform_schedule(const vaei_schedule_ops *ops, const char *example) {
    enum { STEPS = 1500 };
    static double forth[STEPS];
    const char *failure = NULL;
    fixture f;
    fixture_open(&f, "schedule", example);
    const void *conf = f.recipe.schedule_conf;
    for (int64_t t = 0; t < STEPS && !failure; t++) {
        const double want = schedule_by_hand(example, t);
        forth[t] = ops->factor(conf, t);
        if (isnan(want)) failure = broken("closed form: check_conformance_training.c has none of this schedule");
        else if (!(forth[t] >= 0 && forth[t] <= 1)) failure = broken("factor: %g at step %d is not within 0..1", forth[t], (int)t);
        else if (!(fabs(forth[t] - want) <= 1e-6)) failure = broken("closed form: %.8g at step %d, wanted %.8g", forth[t], (int)t, want);
    }
    for (int64_t t = STEPS - 1; t >= 0 && !failure; t -= 7) {
        const double back = ops->factor(conf, t);
        failure = same_bytes("resume", "a factor asked for again", &back, &forth[t], sizeof(back));
    }
    for (int64_t t = 1000000; t <= 1000000000000 && !failure; t *= 1000) {
        const double far = ops->factor(conf, t);
        if (!(far >= 0 && far <= 1)) failure = broken("factor: %g at step %lld", far, (long long)t);
    }
    return fixture_close(&f, failure);
}

static double clip_by_hand(const char *example, double norm) {
    if (is_named(example, "none") || is_named(example, "value") || is_named(example, "adaptive")) return 1;
    if (is_named(example, "norm")) return norm > option(example, "max", 1) ? option(example, "max", 1) / norm : 1;
    return NAN;
}

/* What is left of one gradient of a unit, by the norms of both. */
static double limit_by_hand(const char *example, double g, double norm, double of_w) {
    const double max = option(example, "max", is_named(example, "value") ? 1 : 0.01);
    if (is_named(example, "value")) return fmin(fmax(g, -max), max);
    const double most = max * fmax(of_w, option(example, "floor", 1e-3));
    return norm > most ? g * most / norm : g;
}

/* Gradients of three units, far above, far below and around the limits, one unit without weights. */
static const char *limits(const vaei_clip_ops *ops, const void *conf, const char *example) {
    enum { ROWS = 3, COLUMNS = 7 };
    const vaei_kernels *const k = vaei_kernels_select(0, 0);
    for (double size = 1e-6; size < 1e4; size *= 10) {
        float w[ROWS][COLUMNS], g[ROWS][COLUMNS], was[ROWS][COLUMNS];
        for (int i = 0; i < ROWS * COLUMNS; i++) {
            w[i / COLUMNS][i % COLUMNS] = (float)(i / COLUMNS) * 0.4f * (float)cos(i);
            g[i / COLUMNS][i % COLUMNS] = was[i / COLUMNS][i % COLUMNS] = (float)(size * sin(3 * i + 1));
        }
        ops->limit(conf, k, ROWS, COLUMNS, w[0], g[0]);
        for (int i = 0; i < ROWS; i++) {
            double norm = 0, of_w = 0;
            for (int j = 0; j < COLUMNS; j++) norm += (double)was[i][j] * (double)was[i][j], of_w += (double)w[i][j] * (double)w[i][j];
            for (int j = 0; j < COLUMNS; j++) {
                const double want = limit_by_hand(example, (double)was[i][j], sqrt(norm), sqrt(of_w));
                if (!(fabs((double)g[i][j] - want) <= 1e-6 * fabs(want)))
                    return broken("closed form: a gradient %g of unit %d becomes %g, wanted %g", (double)was[i][j], i, (double)g[i][j],
                                  want);
            }
        }
    }
    return NULL;
}

/* Never longer, never turned, never gone: 0 < factor <= 1. */
const char *conform_clip(const vaei_clip_ops *ops, const char *example) {
    const char *failure = NULL;
    fixture f;
    fixture_open(&f, "clip", example);
    for (double norm = 0; norm < 1e37 && !failure; norm = norm > 0 ? norm * 1.7 : 1e-30) {
        const double factor = ops->factor(f.recipe.clip_conf, norm), want = clip_by_hand(example, norm);
        if (isnan(want)) failure = broken("closed form: check_conformance_training.c has none of this clip");
        else if (!(factor > 0)) failure = broken("clip: a gradient of %g is turned round, by %g", norm, factor);
        else if (!(factor <= 1)) failure = broken("clip: a gradient of %g gets longer, by %g", norm, factor);
        else if (!(fabs(factor - want) <= 1e-6 * want)) failure = broken("closed form: %g at norm %g, wanted %g", factor, norm, want);
    }
    if (!failure && ops->limit) failure = limits(ops, f.recipe.clip_conf, example);
    return fixture_close(&f, failure);
}

START_TEST(test_objective_example_conforms) {
    CONFORMS(objective, vaei_objectives);
}
END_TEST
START_TEST(test_optimizer_example_conforms) {
    CONFORMS(optimizer, vaei_optimizers);
}
END_TEST
START_TEST(test_schedule_example_conforms) {
    CONFORMS(schedule, vaei_schedules);
}
END_TEST
START_TEST(test_clip_example_conforms) {
    CONFORMS(clip, vaei_clips);
}
END_TEST

Suite *suite_conformance_training(void);
Suite *suite_conformance_training(void) {
    Suite *s = suite_create("conformance of training");
    TCase *t = tcase_create("training");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, test_objective_example_conforms, 0, examples_of(vaei_objectives, vaei_objectives_count));
    tcase_add_loop_test(t, test_optimizer_example_conforms, 0, examples_of(vaei_optimizers, vaei_optimizers_count));
    tcase_add_loop_test(t, test_schedule_example_conforms, 0, examples_of(vaei_schedules, vaei_schedules_count));
    tcase_add_loop_test(t, test_clip_example_conforms, 0, examples_of(vaei_clips, vaei_clips_count));
    suite_add_tcase(s, t);
    return s;
}
