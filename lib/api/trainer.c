/* SPDX-License-Identifier: MIT
 * trainer.c - one step of training: backward adds gradients, apply turns them into an update.
 *
 *     g = 1/parts sum_j grad loss_j        loss_j: mean over the examples of part j
 *     g = g * clip(|g|)                    |g| in double, over chunks of a fixed length joined in order
 *     w = optimizer(w, g, lr * schedule(step))
 *
 * Bits do not depend on threads: work is cut by the parameters' sizes. Nothing is applied unless loss and |g| are finite. */
#include "api/trainer.h"
#include "base/float_env.h"

#include <float.h>
#include <math.h>
#include <stdatomic.h>

#define NORM_CHUNK ((int64_t)1 << 16) /* floats of one partial sum */
#define SLICE      ((int64_t)1 << 14) /* floats of one optimizer task */
#define TOO_FEW    " (batch norm takes statistics over the examples of a step)"

static int64_t pieces(int64_t n, int64_t size) {
    return (n + size - 1) / size;
}

/* ---- creation -------------------------------------------------------------------------------------------------- */

/* Under objective prior the network stands still: it has the memory of a session, the prior that of training. */
static void carve_trainer(const vae_model_t *model, const vaei_recipe *recipe, int64_t max_batch, vaei_carve *c, vae_trainer_t *t) {
    const vaei_params *p = &model->network.params;
    const int32_t of_prior = vaei_recipe_of_prior(recipe), n_slots = recipe->optimizer->slots(recipe->optimizer_conf);
    const int32_t how = VAEI_BLOCKS_TRAIN | (recipe->memory->recompute ? VAEI_BLOCKS_RECOMPUTE : 0) |
                        (recipe->objective.flags & VAEI_OBJECTIVE_MEAN_NLL ? VAEI_BLOCKS_FUSED : 0);
    vaei_network_carve(&model->network, model->ctx->kernels, max_batch, of_prior ? 0 : how, c, &t->work);
    if (of_prior) vaei_network_carve_prior(&model->network, model->ctx->kernels, max_batch, 1, c, &t->work);
    if (recipe->objective.flags & VAEI_OBJECTIVE_SEES_Z) vaei_network_carve_terms(&model->network, max_batch, c, &t->work);
    t->grads = vaei_carve_floats(c, p->n_floats);
    for (int32_t i = 0; i < n_slots; i++) t->slot[i] = vaei_carve_floats(c, p->n_trainable);
    t->norms = vaei_carve_array(c, pieces(p->n_floats, NORM_CHUNK) + 1, sizeof(double));
    t->tensor = vaei_carve_array(c, p->count, sizeof(*t->tensor));
}

/* Under objective prior the network stands still, and takes no statistics over the batch. */
static int64_t least_batch(const vae_model_t *model, const vaei_recipe *recipe) {
    return vaei_recipe_of_prior(recipe) ? 1 : model->network.min_batch;
}

static vae_status_t measure(const vae_model_t *model, const vaei_recipe *recipe, int64_t max_batch, size_t *bytes) {
    vae_trainer_t t;
    vaei_carve c = {0};
    if (max_batch < 1 || max_batch > INT32_MAX) return vaei_fail(VAE_E_ARG, "max_batch: %lld, wanted 1..2147483647", (long long)max_batch);
    if (max_batch < least_batch(model, recipe))
        return vaei_fail(VAE_E_ARG, "max_batch: %lld, wanted %lld or more%s", (long long)max_batch, (long long)least_batch(model, recipe),
                         TOO_FEW);
    (void)vaei_carve_bytes(&c, sizeof(t));
    carve_trainer(model, recipe, max_batch, &c, &t);
    if (c.used == SIZE_MAX) return vaei_fail(VAE_E_LIMIT, "trainer: max_batch=%lld passes the address space", (long long)max_batch);
    *bytes = c.used;
    return VAE_OK;
}

/* Terms over z compare it with N(0, I). */
static vae_status_t check_terms(const vaei_network *net) {
    if (net->latent.ops->flags & VAEI_LATENT_CODES)
        return vaei_fail(VAE_E_SPEC, "objective: a term is over values, latent %s makes codes", net->latent.ops->module.name);
    if (vaei_network_inputs(net))
        return vaei_fail(VAE_E_SPEC, "objective: a term compares with N(0, I), prior %s is another", net->prior.ops->module.name);
    return VAE_OK;
}

static vae_status_t read_recipe(vaei_recipe *recipe, vaei_arena *arena, const vae_model_t *model, const char *options) {
    vaei_document document;
    const char *text = options ? options : "";
    fenv_t host;
    VAEI_TRY(vaei_spec_parse(&document, arena, text, strlen(text)));
    vaei_float_env_enter(&host);
    vae_status_t status = vaei_recipe_build(recipe, arena, &document);
    vaei_float_env_leave(&host);
    if (status == VAE_OK && vaei_recipe_of_prior(recipe) && !vaei_network_has_prior(&model->network))
        status = vaei_fail(VAE_E_SPEC, "objective prior: the model has no section prior to fit (prior pixelcnn, prior gmm, ...)");
    if (status == VAE_OK && vaei_recipe_of_prior(recipe) && vaei_network_inputs(&model->network))
        status = vaei_fail(VAE_E_SPEC, "objective prior: prior %s learns with its model, by another objective (elbo)",
                           model->network.prior.ops->module.name);
    if (status == VAE_OK && recipe->objective.flags & VAEI_OBJECTIVE_SEES_Z) status = check_terms(&model->network);
    return status;
}

vae_status_t vae_trainer_bytes(vae_model_t *model, const char *options, int64_t max_batch, uint64_t *bytes) {
    vaei_arena arena;
    vaei_recipe recipe;
    size_t n = 0;
    VAEI_TRY(vaei_check_model(model));
    if (!bytes) return vaei_fail(VAE_E_ARG, "bytes: is NULL");
    vaei_arena_init(&arena, &model->ctx->heap);
    vae_status_t status = read_recipe(&recipe, &arena, model, options);
    if (status == VAE_OK) status = measure(model, &recipe, max_batch, &n);
    const uint64_t taken = vaei_arena_bytes(&arena); /* a trainer keeps its recipe */
    vaei_arena_free(&arena);
    if (status == VAE_OK) *bytes = taken + n;
    return status;
}

vae_status_t vae_trainer_min_batch(vae_model_t *model, const char *options, int64_t *n) {
    vaei_arena arena;
    vaei_recipe recipe;
    VAEI_TRY(vaei_check_model(model));
    if (!n) return vaei_fail(VAE_E_ARG, "n: is NULL");
    vaei_arena_init(&arena, &model->ctx->heap);
    const vae_status_t status = read_recipe(&recipe, &arena, model, options);
    if (status == VAE_OK) *n = least_batch(model, &recipe);
    vaei_arena_free(&arena);
    return status;
}

static vae_status_t create(vae_trainer_t **out, vae_model_t *model, const char *options, int64_t max_batch) {
    vaei_heap *heap = &model->ctx->heap;
    vaei_arena arena;
    vaei_recipe recipe;
    vae_trainer_t *t = NULL;
    size_t bytes = 0;
    vaei_arena_init(&arena, heap);
    vae_status_t status = read_recipe(&recipe, &arena, model, options);
    if (status == VAE_OK) status = measure(model, &recipe, max_batch, &bytes);
    if (status == VAE_OK && !(t = vaei_heap_alloc(heap, bytes, "trainer"))) status = VAE_E_NOMEM;
    if (status < 0) {
        vaei_arena_free(&arena);
        return status;
    }
    const vaei_params *p = &model->network.params;
    vaei_carve c = {.base = (char *)t};
    (void)vaei_carve_bytes(&c, sizeof(*t));
    carve_trainer(model, &recipe, max_batch, &c, t);
    for (int64_t i = 0; i < p->count; i++) vaei_tensor_of_param(&t->tensor[i], p->at[i], t->grads);
    t->magic = VAEI_MAGIC_TRAINER;
    t->arena = arena;
    t->recipe = recipe;
    t->bytes = bytes;
    t->max_batch = max_batch;
    t->n_slots = recipe.optimizer->slots(recipe.optimizer_conf);
    t->lr = recipe.optimizer->lr(recipe.optimizer_conf);
    t->model = vaei_model_acquire(model);
    *out = t;
    return VAE_OK;
}

vae_status_t vae_trainer_create(vae_trainer_t **out, vae_model_t *model, const char *options, int64_t max_batch) {
    if (!out) return vaei_fail(VAE_E_ARG, "out: is NULL");
    *out = NULL;
    VAEI_TRY(vaei_check_model(model));
    int32_t expected = 0;
    if (!atomic_compare_exchange_strong(&model->has_trainer, &expected, 1)) return vaei_fail(VAE_E_STATE, "model: has a trainer already");
    const vae_status_t status = create(out, model, options, max_batch);
    if (status < 0) model->has_trainer = 0;
    return status;
}

void vae_trainer_destroy(vae_trainer_t *trainer) {
    if (!trainer || trainer->magic != VAEI_MAGIC_TRAINER) return;
    vae_model_t *model = trainer->model;
    vaei_trainer_free_host_memory(trainer);
    vaei_arena_free(&trainer->arena);
    trainer->magic = 0;
    vaei_heap_free(&model->ctx->heap, trainer, trainer->bytes);
    model->has_trainer = 0;
    vae_model_destroy(model);
}

/* ---- the step -------------------------------------------------------------------------------------------------- */

static void give_metrics(const vae_trainer_t *t, vae_metrics_t *out, double parts, double lr, double norm) {
    if (!out) return;
    const vae_metrics_t m = {.struct_size = out->struct_size,
                             .step = t->step,
                             .loss = t->loss / parts,
                             .recon = t->recon / parts,
                             .rate = t->rate / parts,
                             .beta = t->beta,
                             .lr = lr,
                             .grad_norm = norm,
                             .aux = t->aux / parts,
                             .perplexity = t->codes.perplexity,
                             .codes_used = t->codes.used,
                             .dead_codes = t->codes.dead,
                             .quantization_error = t->codes.error};
    memcpy(out, &m, out->struct_size < sizeof(m) ? out->struct_size : sizeof(m));
}

static vae_status_t check_metrics(const vae_metrics_t *m) {
    if (m && m->struct_size < sizeof(uint64_t))
        return vaei_fail(VAE_E_ARG, "metrics: struct_size %u: set it to sizeof(vae_metrics_t)", (unsigned)m->struct_size);
    return VAE_OK;
}

static void forget_parts(vae_trainer_t *t) {
    t->parts = t->items = 0;
    t->loss = t->recon = t->rate = t->aux = 0.0;
}

static void forget_gradients(vae_trainer_t *t) {
    memset(t->grads, 0, (size_t)t->model->network.params.n_floats * sizeof(float));
    forget_parts(t);
}

typedef struct norm_job {
    const vae_trainer_t *t;
    int64_t n;
} norm_job;

static void norm_task(void *arg, int32_t i) {
    const norm_job *job = arg;
    const int64_t first = i * NORM_CHUNK, n = job->n - first < NORM_CHUNK ? job->n - first : NORM_CHUNK;
    job->t->norms[i] = job->t->model->ctx->kernels->sum_squares(n, job->t->grads + first);
}

static double gradient_norm(const vae_trainer_t *t) {
    norm_job job = {t, t->model->network.params.n_trainable};
    const int32_t tasks = (int32_t)pieces(job.n, NORM_CHUNK);
    double sum = 0.0;
    vaei_parallel(t->model->ctx->pool, tasks, norm_task, &job);
    for (int32_t i = 0; i < tasks; i++) sum += t->norms[i];
    return sqrt(sum);
}

/* Weighted. */
static double mean_of(int64_t n, const vaei_batch *b, const double *x) {
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++) sum += vaei_batch_weight(b, i) * x[i];
    return sum / b->total;
}

static int32_t is_finite(double v) {
    return v - v <= 0.0;
}

static vaei_run start(vae_trainer_t *t, int64_t n, const vaei_batch *b) {
    const vae_model_t *m = t->model;
    vaei_run r = {.k = m->ctx->kernels, .pool = m->ctx->pool, .n = n, .training = 1, .params = m->params, .grads = t->grads, .batch = *b};
    r.noise = (vaei_noise_key){.seed = t->seed, .step = (uint64_t)t->step, .stream = VAEI_STREAM_LATENT};
    r.first_item = (uint32_t)t->items;
    r.cancel = t->parts == 0 ? &t->cancel : NULL; /* the gradients of the parts before are not kept apart from those of this one */
    const uint64_t generation = m->generation;
    if (t->packed != generation) {
        vaei_run network = r;
        network.training = !vaei_recipe_of_prior(&t->recipe);
        if (network.training || t->still != generation - t->moves) vaei_network_pack(&m->network, &network, &t->work);
        if (!network.training) vaei_network_pack_prior(&m->network, &r, &t->work);
        t->still = generation - t->moves; /* by fitting the prior the network does not change */
        t->packed = generation;
    }
    return r;
}

typedef struct noise_job {
    const vaei_run *r;
    int64_t D;
    float *noise;
} noise_job;

static void noise_task(void *arg, int32_t i) {
    const noise_job *job = arg;
    vaei_noise_normal(job->r->k, job->r->noise, job->r->first_item + (uint32_t)i, job->D, job->noise + i * job->D);
}

static void params_moved(vae_trainer_t *t) {
    t->model->generation++;
    t->moves += (uint64_t)vaei_recipe_of_prior(&t->recipe);
}

static void draw_noise(const vaei_run *r, const vaei_network *net, float *out) {
    const int64_t D = vaei_shape_size(&net->latent.z);
    if (r->batch.noise) {
        memcpy(out, r->batch.noise, (size_t)(r->n * D) * sizeof(float));
    } else if (!(net->latent.ops->flags & VAEI_LATENT_CODES)) {
        noise_job job = {r, D, out};
        vaei_parallel(r->pool, (int32_t)r->n, noise_task, &job);
    }
}

/* Running statistics and codes, or a prior fitted without gradients: what moves in commit, not in apply. */
static int32_t commits(const vae_trainer_t *t) {
    const vaei_network *net = &t->model->network;
    return vaei_recipe_of_prior(&t->recipe) ? net->prior.ops->commit != NULL : net->params.n_floats > net->params.n_trainable;
}

static vae_status_t give_up(vae_trainer_t *t) {
    (void)vaei_take_cancel(&t->cancel);
    return VAE_E_CANCELLED;
}

/* One batch forward and back: the network, or its prior alone. *aux: the part of terms->loss that is neither recon nor rate. Gradients
 * may be half done when it fails. */
static vae_status_t pass(vae_trainer_t *t, const vaei_run *r, vaei_terms *terms, double *aux) {
    const vaei_network *net = &t->model->network;
    const vaei_work *w = &t->work;
    const int32_t of_prior = vaei_recipe_of_prior(&t->recipe);
    VAEI_TRY(of_prior ? vaei_network_forward_prior(net, r, w) : vaei_network_forward(net, r, w));
    if (vaei_run_cancelled(r)) return give_up(t);
    *terms = (vaei_terms){.n = r->n, .step = t->step, .batch = &r->batch, .nll = w->nll, .d_nll = w->d_nll};
    if (!of_prior) {
        const int32_t joint = vaei_network_inputs(net) > 0; /* whose rate has no parts by dimension */
        terms->dim = joint ? 1 : vaei_shape_size(&net->latent.z);
        terms->kl = joint ? w->rate : w->kl;
        terms->d_kl = joint ? w->d_rate : w->d_kl;
    }
    if (t->recipe.objective.flags & VAEI_OBJECTIVE_SEES_Z) {
        terms->r = r;
        terms->size = vaei_shape_size(&net->latent.z);
        terms->z = w->z;
        terms->d_z = w->d_z_terms;
        terms->prior = w->prior_z;
        terms->row = w->row;
    }
    vaei_objective_eval(&t->recipe.objective, terms);
    *aux = of_prior ? 0.0 : mean_of(r->n, &r->batch, w->aux);
    terms->loss += *aux;
    *aux += terms->other;
    if (!is_finite(terms->loss)) return vaei_fail(VAE_E_NUMERIC, "loss: not finite at step %lld", (long long)t->step);
    if (of_prior) vaei_network_backward_prior(net, r, w);
    else vaei_network_backward(net, r, w);
    if (vaei_run_cancelled(r)) return give_up(t); /* the last time: what commit moves stays moved */
    if (!commits(t)) return VAE_OK;
    if (!is_finite(gradient_norm(t))) /* what commit moves, moves only with a sound gradient */
        return vaei_fail(VAE_E_NUMERIC, "gradient: not finite at step %lld", (long long)t->step);
    if (of_prior) vaei_network_commit_prior(net, r, w, t->model->params);
    else vaei_network_commit(net, r, w, t->model->params);
    params_moved(t);
    return VAE_OK;
}

/* What learns from the batch as a whole has no place for weights. */
static vae_status_t check_weight(const vae_trainer_t *t, vaei_batch *b, int64_t n) {
    const vaei_network *net = &t->model->network;
    const int32_t of_prior = vaei_recipe_of_prior(&t->recipe);
    if (b->weight && of_prior && net->prior.ops->commit)
        return vaei_fail(VAE_E_UNSUPPORTED, "weight: prior %s learns from all examples alike", net->prior.ops->module.name);
    if (b->weight && !of_prior && net->latent.ops->loss)
        return vaei_fail(VAE_E_UNSUPPORTED, "weight: latent %s learns from all examples alike", net->latent.ops->module.name);
    return vaei_batch_check_weight(b, n);
}

static vae_status_t check_batch(const vae_trainer_t *t, int64_t n, vaei_batch *b) {
    const vae_model_t *model = t->model;
    const int32_t of_prior = vaei_recipe_of_prior(&t->recipe);
    const int64_t least = least_batch(model, &t->recipe);
    if (n < least || n > t->max_batch)
        return vaei_fail(VAE_E_ARG, "n: %lld, wanted %lld..%lld%s", (long long)n, (long long)least, (long long)t->max_batch,
                         n == 1 && least > 1 ? TOO_FEW : "");
    if (b->codes && !of_prior)
        return vaei_fail(VAE_E_UNSUPPORTED, "codes: the objective is %s, wanted objective prior", t->recipe.objective.term[0]->module.name);
    if (b->label && !of_prior)
        return vaei_fail(VAE_E_UNSUPPORTED, "label: the objective is %s, wanted objective prior", t->recipe.objective.term[0]->module.name);
    if (b->codes && b->x) return vaei_fail(VAE_E_ARG, "x and codes: both are given, wanted one of them");
    VAEI_TRY(b->codes ? vaei_check_codes(model, n, 0, b->codes) : vaei_batch_check_x(model, b, n));
    VAEI_TRY(vaei_batch_check_noise(model, b, n));
    VAEI_TRY(check_weight(t, b, n));
    return of_prior ? vaei_batch_check_label(model, b, n) : VAE_OK;
}

static vae_status_t add_gradients(vae_trainer_t *trainer, const vae_batch_t *batch, vae_metrics_t *metrics) {
    const vaei_network *net = &trainer->model->network;
    vaei_terms terms;
    vaei_batch b;
    double aux = 0.0;
    int64_t n;
    VAEI_TRY(check_metrics(metrics));
    VAEI_TRY(vaei_batch_open(&b, &n, trainer->model, batch, "vae_trainer_backward_batch",
                             VAEI_READS_X | VAEI_READS_LABEL | VAEI_READS_CODES | VAEI_READS_NOISE | VAEI_READS_WEIGHT));
    VAEI_TRY(check_batch(trainer, n, &b));
    VAEI_TRY(vaei_take_cancel(&trainer->cancel));

    const vaei_run r = start(trainer, n, &b);
    draw_noise(&r, net, trainer->work.noise);
    const vae_status_t status = pass(trainer, &r, &terms, &aux);
    if (status == VAE_E_NUMERIC || status == VAE_E_CANCELLED) forget_gradients(trainer);
    VAEI_TRY(status);
    if (net->latent.ops->measure && !vaei_recipe_of_prior(&trainer->recipe))
        net->latent.ops->measure(&net->latent, &r, &trainer->work.latent, &trainer->codes);
    trainer->parts++;
    trainer->items += n;
    trainer->loss += terms.loss;
    trainer->recon += terms.recon;
    trainer->rate += terms.rate;
    trainer->aux += aux;
    trainer->beta = terms.beta;
    give_metrics(trainer, metrics, (double)trainer->parts, 0.0, 0.0);
    return VAE_OK;
}

typedef struct update_job {
    vae_trainer_t *t;
    const vaei_param *p;
    float lr, decay, scale;
} update_job;

static void update_task(void *arg, int32_t i) {
    const update_job *job = arg;
    vae_trainer_t *t = job->t;
    const vaei_kernels *k = t->model->ctx->kernels;
    const int64_t first = i * SLICE, n = job->p->count - first < SLICE ? job->p->count - first : SLICE;
    const int64_t at = job->p->offset + first;
    float *slot[VAEI_OPTIMIZER_SLOTS] = {NULL};
    for (int32_t j = 0; j < t->n_slots; j++) slot[j] = t->slot[j] + at;
    if (job->scale != 1.0f) k->scale(n, job->scale, t->grads + at);
    if (t->host.step) return;
    t->recipe.optimizer->step(t->recipe.optimizer_conf, k, n, t->step + 1, job->lr, job->decay, t->grads + at, t->model->params + at, slot);
    memset(t->grads + at, 0, (size_t)n * sizeof(float)); /* while it is in the cache */
}

/* The host's optimizer sees whole parameters, in order, on the calling thread. */
static void update_by_host(const update_job *job) {
    vae_trainer_t *t = job->t;
    const int64_t at = job->p->offset;
    float *slot[VAEI_OPTIMIZER_SLOTS] = {NULL};
    for (int32_t j = 0; j < t->n_slots; j++) slot[j] = t->slot[j] + at;
    t->host.step(t->host.user, job->p->count, t->step + 1, job->lr, job->decay, t->grads + at, t->model->params + at, slot);
    memset(t->grads + at, 0, (size_t)job->p->count * sizeof(float));
}

static vae_status_t apply(vae_trainer_t *trainer, vae_metrics_t *metrics) {
    VAEI_TRY(vaei_check_trainer(trainer));
    VAEI_TRY(check_metrics(metrics));
    if (trainer->parts == 0) return vaei_fail(VAE_E_STATE, "apply: no gradients: call vae_trainer_backward() first");
    vae_model_t *model = trainer->model;
    const vaei_params *p = &model->network.params;
    const vaei_recipe *recipe = &trainer->recipe;
    const double parts = (double)trainer->parts, norm = gradient_norm(trainer) / parts;
    if (!is_finite(norm)) {
        forget_gradients(trainer);
        return vaei_fail(VAE_E_NUMERIC, "gradient: not finite at step %lld", (long long)trainer->step);
    }
    const double lr = trainer->lr * recipe->schedule->factor(recipe->schedule_conf, trainer->step);
    const float decay = (float)recipe->optimizer->decay(recipe->optimizer_conf);
    const int32_t wanted = VAEI_PARAM_TRAINED | (vaei_recipe_of_prior(recipe) ? VAEI_PARAM_OF_PRIOR : 0);
    update_job job = {.t = trainer, .lr = (float)lr, .scale = (float)(recipe->clip->factor(recipe->clip_conf, norm) / parts)};
    for (int64_t i = 0; i < p->count; i++) {
        job.p = p->at[i];
        if ((job.p->flags & (VAEI_PARAM_TRAINED | VAEI_PARAM_OF_PRIOR)) != wanted) {
            memset(trainer->grads + job.p->offset, 0, (size_t)job.p->count * sizeof(float));
            continue;
        }
        job.decay = job.p->flags & VAEI_PARAM_DECAYED ? decay : 0.0f;
        vaei_parallel(model->ctx->pool, (int32_t)pieces(job.p->count, SLICE), update_task, &job);
        if (trainer->host.step) update_by_host(&job);
    }
    params_moved(trainer);
    trainer->step++;
    give_metrics(trainer, metrics, parts, lr, norm);
    forget_parts(trainer);
    return VAE_OK;
}

vae_status_t vae_trainer_backward_batch(vae_trainer_t *trainer, const vae_batch_t *batch, vae_metrics_t *metrics) {
    fenv_t host;
    VAEI_TRY(vaei_check_trainer(trainer));
    vaei_float_env_enter(&host);
    const vae_status_t status = add_gradients(trainer, batch, metrics);
    vaei_float_env_leave(&host);
    return status;
}

vae_status_t vae_trainer_backward(vae_trainer_t *trainer, int64_t n, const float *x, const float *noise, vae_metrics_t *metrics) {
    const vae_batch_t batch = {.struct_size = sizeof(batch), .n = n, .x = x, .noise = noise};
    return vae_trainer_backward_batch(trainer, &batch, metrics);
}

vae_status_t vae_trainer_apply(vae_trainer_t *trainer, vae_metrics_t *metrics) {
    fenv_t host;
    vaei_float_env_enter(&host);
    const vae_status_t status = apply(trainer, metrics);
    vaei_float_env_leave(&host);
    return status;
}

vae_status_t vae_trainer_step_batch(vae_trainer_t *trainer, const vae_batch_t *batch, vae_metrics_t *metrics) {
    VAEI_TRY(vaei_check_trainer(trainer));
    if (trainer->parts > 0) return vaei_fail(VAE_E_STATE, "step: gradients wait for vae_trainer_apply()");
    VAEI_TRY(vae_trainer_backward_batch(trainer, batch, metrics));
    return vae_trainer_apply(trainer, metrics);
}

vae_status_t vae_trainer_step(vae_trainer_t *trainer, int64_t n, const float *x, vae_metrics_t *metrics) {
    const vae_batch_t batch = {.struct_size = sizeof(batch), .n = n, .x = x};
    return vae_trainer_step_batch(trainer, &batch, metrics);
}
