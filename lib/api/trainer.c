/* SPDX-License-Identifier: MIT
 * trainer.c - the public calls of training. They check arguments; lib/vae/training does the work. */
#include "api/trainer.h"
#include "base/float_env.h"

#define TOO_FEW " (batch norm takes statistics over the examples of a step)"

/* ---- creation -------------------------------------------------------------------------------------------------- */

static void carve_trainer(const vae_model_t *model, const vaei_recipe *recipe, int64_t max_batch, vaei_carve *c, vae_trainer_t *t) {
    vaei_training_carve(&t->training, &model->network, recipe, model->ctx->kernels, max_batch, c);
    t->tensor = vaei_carve_array(c, model->network.params.count, sizeof(*t->tensor));
}

static int64_t least_batch(const vae_model_t *model, const vaei_recipe *recipe) {
    return vaei_training_least(&model->network, recipe);
}

static vae_status_t measure(const vae_model_t *model, const vaei_recipe *recipe, int64_t max_batch, size_t *bytes) {
    vae_trainer_t t;
    vaei_carve c = {0};
    if (max_batch < 1 || max_batch > INT32_MAX) return vaei_fail(VAE_E_ARG, "max_batch: %lld, wanted 1..2147483647", (long long)max_batch);
    if (recipe->objective.samples > INT32_MAX / max_batch)
        return vaei_fail(VAE_E_LIMIT, "trainer: %lld samples of max_batch=%lld are more than 2147483647",
                         (long long)recipe->objective.samples, (long long)max_batch);
    if (max_batch < least_batch(model, recipe))
        return vaei_fail(VAE_E_ARG, "max_batch: %lld, wanted %lld or more%s", (long long)max_batch, (long long)least_batch(model, recipe),
                         TOO_FEW);
    (void)vaei_carve_bytes(&c, sizeof(t));
    carve_trainer(model, recipe, max_batch, &c, &t);
    if (c.used == SIZE_MAX) return vaei_fail(VAE_E_LIMIT, "trainer: max_batch=%lld exceeds the address space", (long long)max_batch);
    *bytes = c.used;
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
    return status == VAE_OK ? vaei_training_check(&model->network, recipe) : status;
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
    const uint64_t taken = vaei_arena_bytes(&arena); /* the recipe counts too, because a trainer keeps it */
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
    for (int64_t i = 0; i < p->count; i++) vaei_tensor_of_param(&t->tensor[i], p->at[i], t->training.grads);
    t->magic = VAEI_MAGIC_TRAINER;
    t->arena = arena;
    t->recipe = recipe;
    t->bytes = bytes;
    t->max_batch = max_batch;
    t->model = vaei_model_acquire(model);
    t->training.net = &model->network;
    t->training.recipe = &t->recipe;
    t->training.k = model->ctx->kernels;
    t->training.pool = model->ctx->pool;
    t->training.params = model->params;
    t->training.generation = &model->generation;
    *out = t;
    return VAE_OK;
}

vae_status_t vae_trainer_create(vae_trainer_t **out, vae_model_t *model, const char *options, int64_t max_batch) {
    if (!out) return vaei_fail(VAE_E_ARG, "out: is NULL");
    *out = NULL;
    VAEI_TRY(vaei_check_model(model));
    VAEI_TRY(vaei_check_halves(model, "vae_trainer_create", VAEI_RUNS_ENCODER | VAEI_RUNS_DECODER));
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

_Static_assert(VAE_LATENTS_MAX == VAEI_LEVELS_MAX, "metrics have a place for each latent");

/* ---- the step -------------------------------------------------------------------------------------------------- */

static void give_metrics(const vae_trainer_t *t, vae_metrics_t *out, const vaei_measures *given) {
    if (!out) return;
    vae_metrics_t m = {.struct_size = out->struct_size,
                       .step = t->training.step,
                       .loss = given->loss,
                       .recon = given->recon,
                       .rate = given->rate,
                       .beta = given->beta,
                       .lr = given->lr,
                       .grad_norm = given->grad_norm,
                       .aux = given->aux,
                       .perplexity = given->codes.perplexity,
                       .codes_used = given->codes.used,
                       .dead_codes = given->codes.dead,
                       .quantization_error = given->codes.error,
                       .latents = t->model->network.n_levels,
                       .critic_loss = given->critic.loss,
                       .critic_accuracy = given->critic.accuracy};
    memcpy(m.latent_rate, given->level_rate, sizeof(m.latent_rate));
    memcpy(out, &m, out->struct_size < sizeof(m) ? out->struct_size : sizeof(m));
}

static vae_status_t check_metrics(const vae_metrics_t *m) {
    if (m && m->struct_size < sizeof(uint64_t))
        return vaei_fail(VAE_E_ARG, "metrics: struct_size %u: set it to sizeof(vae_metrics_t)", (unsigned)m->struct_size);
    return VAE_OK;
}

static vae_status_t check_batch(const vae_trainer_t *t, int64_t n, vaei_batch *b) {
    const vae_model_t *const model = t->model;
    const vaei_training_task *const task = t->training.learner[0].task;
    const char *const objective = t->recipe.objective.term[0]->module.name;
    const int64_t least = least_batch(model, &t->recipe);
    if (n < least || n > t->max_batch)
        return vaei_fail(VAE_E_ARG, "n: %lld, wanted %lld..%lld%s", (long long)n, (long long)least, (long long)t->max_batch,
                         n == 1 && least > 1 ? TOO_FEW : "");
    if (b->codes && !(task->reads & VAEI_TASK_CODES))
        return vaei_fail(VAE_E_UNSUPPORTED, "codes: the objective is %s, wanted objective prior", objective);
    if (b->label && !(task->reads & VAEI_TASK_LABEL) && model->network.condition.classes == 0)
        return vaei_fail(VAE_E_UNSUPPORTED, "label: the objective is %s, wanted objective prior", objective);
    if (b->codes && b->x) return vaei_fail(VAE_E_ARG, "x and codes: both are given, wanted one of them");
    VAEI_TRY(b->codes ? vaei_check_codes(model, n, 0, b->codes) : vaei_batch_check_x(model, b, n));
    if (!b->codes) VAEI_TRY(vaei_batch_check_condition(model, b, n, "vae_trainer_step_batch"));
    b->of_noise *= t->recipe.objective.samples;
    VAEI_TRY(vaei_batch_check_noise(model, b, n));
    if (b->weight && task->check_weight) VAEI_TRY(task->check_weight(&model->network));
    VAEI_TRY(vaei_batch_check_weight(b, n));
    return task->reads & VAEI_TASK_LABEL ? vaei_batch_check_label(model, b, n) : VAE_OK;
}

static vae_status_t add_gradients(vae_trainer_t *trainer, const vae_batch_t *batch, vae_metrics_t *metrics) {
    vaei_measures measures;
    vaei_batch b;
    int64_t n;
    VAEI_TRY(check_metrics(metrics));
    VAEI_TRY(vaei_batch_open(&b, &n, trainer->model, batch, "vae_trainer_backward_batch",
                             VAEI_READS_X | VAEI_READS_LABEL | VAEI_READS_CODES | VAEI_READS_NOISE | VAEI_READS_WEIGHT | VAEI_READS_LATER));
    VAEI_TRY(check_batch(trainer, n, &b));
    VAEI_TRY(vaei_take_cancel(&trainer->cancel));
    const vae_status_t status = vaei_training_backward(&trainer->training, n, &b, &trainer->cancel, &measures);
    if (status == VAE_E_CANCELLED) (void)vaei_take_cancel(&trainer->cancel);
    VAEI_TRY(status);
    give_metrics(trainer, metrics, &measures);
    return VAE_OK;
}

static vae_status_t apply(vae_trainer_t *trainer, vae_metrics_t *metrics) {
    vaei_measures measures;
    VAEI_TRY(vaei_check_trainer(trainer));
    VAEI_TRY(check_metrics(metrics));
    if (trainer->training.parts == 0) return vaei_fail(VAE_E_STATE, "apply: no gradients: call vae_trainer_backward() first");
    VAEI_TRY(vaei_training_apply(&trainer->training, &measures));
    give_metrics(trainer, metrics, &measures);
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
    if (trainer->training.parts > 0) return vaei_fail(VAE_E_STATE, "step: gradients wait for vae_trainer_apply()");
    VAEI_TRY(vae_trainer_backward_batch(trainer, batch, metrics));
    return vae_trainer_apply(trainer, metrics);
}

vae_status_t vae_trainer_step(vae_trainer_t *trainer, int64_t n, const float *x, vae_metrics_t *metrics) {
    const vae_batch_t batch = {.struct_size = sizeof(batch), .n = n, .x = x};
    return vae_trainer_step_batch(trainer, &batch, metrics);
}
