/* SPDX-License-Identifier: MIT
 * check_mutants.c - modules that are wrong on purpose, with one fault each: the loops over the registries must find each of them, by the
 * promise that it breaks. A mutant is a copy of a module's functions with one of them replaced. */
#include "conformance.h"

#define MUTANT(kind, name)                               \
    extern const vaei_##kind##_ops vaei_##kind##_##name; \
    static const vaei_##kind##_ops *const kind##_##name = &vaei_##kind##_##name

MUTANT(layer, sigmoid);
MUTANT(layer, linear);
MUTANT(layer, batchnorm);
MUTANT(layer, tanh);
MUTANT(layer, dropout);
MUTANT(latent, gaussian);
MUTANT(latent, vq);
MUTANT(latent, gumbel);
MUTANT(likelihood, laplace);
MUTANT(likelihood, gaussian);
MUTANT(prior, pixelcnn);
MUTANT(prior, standard);
MUTANT(prior, vamp);
MUTANT(prior, gmm);
MUTANT(objective, elbo);
MUTANT(objective, gan);
MUTANT(objective, adversary);
MUTANT(optimizer, sgd);
MUTANT(optimizer, adam);
MUTANT(schedule, cosine);
MUTANT(clip, norm);

static void negate(int64_t n, float *x) {
    for (int64_t i = 0; i < n; i++) x[i] = -x[i];
}

/* ---- layers ---------------------------------------------------------------------------------------------------------- */

static void layer_wrong_sign(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy,
                             float *dx) {
    layer_sigmoid->backward(l, r, m, x, y, dy, dx);
    if (dx) negate(r->n * vaei_shape_size(&l->in), dx);
}

static void layer_forgets_one_weight(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy,
                                     float *dx) {
    float *const last = r->grads + l->param[0]->offset + l->param[0]->count - 1, kept = *last;
    layer_linear->backward(l, r, m, x, y, dy, dx);
    *last = kept;
}

static void layer_writes_its_gradient(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, const float *y, float *dy,
                                      float *dx) {
    memset(r->grads + l->param[1]->offset, 0, (size_t)l->param[1]->count * sizeof(float));
    layer_linear->backward(l, r, m, x, y, dy, dx);
}

/* The last value of a batch gets what depends on the number of threads. */
static void layer_sees_threads(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    layer_linear->forward(l, r, m, x, y);
    if (vaei_pool_threads(r->pool) > 2) y[r->n * vaei_shape_size(&l->out) - 1] *= 1.0000002f;
}

static void layer_sees_the_table(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    layer_linear->forward(l, r, m, x, y);
    for (int64_t i = 0; r->k != vaei_kernels_select(ISA_FIRST, 0) && i < r->n; i++) y[i * vaei_shape_size(&l->out)] += 1e-6f;
}

static void layer_sees_the_batch(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    layer_linear->forward(l, r, m, x, y);
    if (!r->training && r->n > 1) y[0] += 1e-6f;
}

static void narrow(const vaei_layer *l, vaei_interval *values) {
    (void)l;
    *values = (vaei_interval){0, 1};
}

static const char *of_layer(const vaei_layer_ops *of, vaei_layer_ops ops) {
    char text[EXAMPLE_MAX];
    ck_assert(example_at(&of->module, 0, text));
    return conform_layer(&ops, text);
}

#define LAYER(name, change)             \
    vaei_layer_ops ops = *layer_##name; \
    change;                             \
    return of_layer(layer_##name, ops)

static const char *layer_1(void) {
    LAYER(sigmoid, ops.backward = layer_wrong_sign);
}
static const char *layer_2(void) {
    LAYER(linear, ops.backward = layer_forgets_one_weight);
}
static const char *layer_3(void) {
    LAYER(linear, ops.backward = layer_writes_its_gradient);
}
static const char *layer_4(void) {
    LAYER(linear, ops.forward = layer_sees_threads);
}
static const char *layer_5(void) {
    if (vaei_kernels_select(0, 0) == vaei_kernels_select(ISA_FIRST, 0)) return broken("this CPU has one table: nothing differs");
    LAYER(linear, ops.forward = layer_sees_the_table);
}
static const char *layer_6(void) {
    LAYER(linear, ops.forward = layer_sees_the_batch);
}
static const char *layer_7(void) {
    LAYER(batchnorm, ops.flags &= ~VAEI_LAYER_MIXES_BATCH);
}
static const char *layer_8(void) {
    LAYER(linear, ops.flags |= VAEI_LAYER_MIXES_BATCH);
}
static const char *layer_9(void) {
    LAYER(tanh, ops.range = narrow);
}
static const char *layer_10(void) {
    LAYER(tanh, ops.range = NULL);
}

static void layer_overwrites_too_early(const vaei_layer *l, const vaei_run *r, const vaei_slot *m, const float *x, float *y) {
    const float first = x[0];
    memset(y, 0, sizeof(*y));
    layer_dropout->forward(l, r, m, x, y);
    if (x == y) y[0] += 0 * first + 1;
}

static const char *layer_11(void) {
    LAYER(dropout, ops.forward = layer_overwrites_too_early);
}

/* ---- latents --------------------------------------------------------------------------------------------------------- */

static void latent_wrong_sign(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, const float *mean,
                              const float *logvar, const float *noise, const float *dz, const float *dkl, float *dh) {
    const int64_t Z = r->n * vaei_shape_size(&q->z);
    float *turned = malloc((size_t)Z * sizeof(float));
    memcpy(turned, dz, (size_t)Z * sizeof(float));
    negate(Z, turned);
    q->param[0] ? latent_gaussian->backward(q, r, m, h, mean, logvar, noise, turned, dkl, dh) : (void)0;
    free(turned);
}

static void latent_ignores_kl(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, const float *mean,
                              const float *logvar, const float *noise, const float *dz, const float *dkl, float *dh) {
    const int64_t Z = r->n * vaei_shape_size(&q->z);
    float *none = calloc((size_t)Z, sizeof(float));
    (void)dkl;
    latent_gumbel->backward(q, r, m, h, mean, logvar, noise, dz, none, dh);
    free(none);
}

/* Past the choice of codes */
static void codes_wrong_sign(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, const float *mean,
                             const float *logvar, const float *noise, const float *dz, const float *dkl, float *dh) {
    latent_vq->backward(q, r, m, h, mean, logvar, noise, dz, dkl, dh);
    for (int64_t i = 0; i < r->n * vaei_shape_size(&q->z); i++) dh[i] -= 2 * dz[i];
}

static void codes_commit_away(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, const float *mean,
                              const float *logvar, const float *noise, const float *dz, const float *dkl, float *dh) {
    latent_vq->backward(q, r, m, h, mean, logvar, noise, dz, dkl, dh);
    for (int64_t i = 0; i < r->n * vaei_shape_size(&q->z); i++) dh[i] = 2 * dz[i] - dh[i];
}

static void codes_out_of_bounds(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const float *h, int32_t *codes) {
    latent_vq->encode_codes(q, r, m, h, codes);
    for (int64_t i = 0; i < r->n; i++) codes[i * q->n_codes] = (int32_t)q->codebook_size;
}

static void codes_of_another(const vaei_latent *q, const vaei_run *r, const vaei_slot *m, const int32_t *codes, float *z) {
    latent_vq->decode_codes(q, r, m, codes, z);
    z[0] += 1;
}

static const char *of_latent(const vaei_latent_ops *of, vaei_latent_ops ops) {
    char text[EXAMPLE_MAX];
    ck_assert(example_at(&of->module, 0, text));
    return conform_latent(&ops, text);
}

#define LATENT(name, change)              \
    vaei_latent_ops ops = *latent_##name; \
    change;                               \
    return of_latent(latent_##name, ops)

static const char *latent_1(void) {
    LATENT(gaussian, ops.backward = latent_wrong_sign);
}
static const char *latent_2(void) {
    LATENT(gumbel, ops.backward = latent_ignores_kl);
}
static const char *latent_3(void) {
    LATENT(vq, ops.backward = codes_wrong_sign);
}
static const char *latent_4(void) {
    LATENT(vq, ops.backward = codes_commit_away);
}
static const char *latent_5(void) {
    LATENT(vq, ops.encode_codes = codes_out_of_bounds);
}
static const char *latent_6(void) {
    LATENT(vq, ops.decode_codes = codes_of_another);
}

/* ---- likelihoods ------------------------------------------------------------------------------------------------------ */

static void likelihood_wrong_sign(const vaei_likelihood *p, const vaei_run *r, const void *facts, const float *theta, const float *x,
                                  float weight, float *dtheta) {
    likelihood_laplace->backward(p, r, facts, theta, x, weight, dtheta);
    negate(p->theta_size, dtheta);
}

static void likelihood_of_others(const vaei_likelihood *p, const vaei_run *r, void *facts, double *nll) {
    (void)p, (void)facts;
    if (r->n > 1) nll[0] += 1e-9 * nll[r->n - 1];
}

static void mean_beyond(const vaei_likelihood *p, const vaei_run *r, const float *theta, float *x) {
    likelihood_laplace->mean(p, r, theta, x);
    x[0] = INFINITY;
}

static void mean_wrong_sign(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *dx, float *dtheta) {
    negate(p->theta_size, dtheta);
    likelihood_laplace->mean_backward(p, r, theta, dx, dtheta);
    negate(p->theta_size, dtheta);
}

static void mean_not_added(const vaei_likelihood *p, const vaei_run *r, const float *theta, const float *dx, float *dtheta) {
    memset(dtheta, 0, (size_t)p->theta_size * sizeof(*dtheta));
    likelihood_gaussian->mean_backward(p, r, theta, dx, dtheta);
}

static void mean_aside(const vaei_likelihood *p, const vaei_run *r, const float *theta, float *x) {
    likelihood_laplace->mean(p, r, theta, x);
    x[p->size - 1] += 0.1f;
}

static void sample_narrow(const vaei_likelihood *p, const vaei_run *r, vaei_noise_key key, uint32_t item, const float *theta, float *x) {
    likelihood_laplace->sample(p, r, key, item, theta, x);
    for (int64_t i = 0; i < p->size; i++) x[i] = theta[i] + 0.8f * (x[i] - theta[i]);
}

static void sample_aside(const vaei_likelihood *p, const vaei_run *r, vaei_noise_key key, uint32_t item, const float *theta, float *x) {
    likelihood_gaussian->sample(p, r, key, item, theta, x);
    x[0] += 0.1f;
}

static void sample_once(const vaei_likelihood *p, const vaei_run *r, vaei_noise_key key, uint32_t item, const float *theta, float *x) {
    key.step = 0;
    likelihood_laplace->sample(p, r, key, item, theta, x);
}

static const char *of_likelihood(vaei_likelihood_ops ops, const char *text) {
    return conform_likelihood(&ops, text);
}

#define LIKELIHOOD(name, text, change)            \
    vaei_likelihood_ops ops = *likelihood_##name; \
    change;                                       \
    return of_likelihood(ops, text)

static vae_status_t of_batch_forgotten(vaei_likelihood *p, vaei_build *b) {
    const vae_status_t status = likelihood_gaussian->plan(p, b);
    p->of_batch = 0;
    return status;
}

static const char *likelihood_1(void) {
    LIKELIHOOD(laplace, "laplace", ops.backward = likelihood_wrong_sign);
}
static const char *likelihood_2(void) {
    LIKELIHOOD(laplace, "laplace", ops.settle = likelihood_of_others);
}
static const char *likelihood_3(void) {
    LIKELIHOOD(laplace, "laplace", ops.mean = mean_beyond);
}
static const char *likelihood_4(void) {
    LIKELIHOOD(laplace, "laplace", ops.mean = mean_aside);
}
static const char *likelihood_5(void) {
    LIKELIHOOD(gaussian, "gaussian sigma=learned", ops.plan = of_batch_forgotten);
}
static const char *likelihood_6(void) {
    LIKELIHOOD(laplace, "laplace", ops.sample = sample_narrow);
}
static const char *likelihood_7(void) {
    LIKELIHOOD(gaussian, "gaussian", ops.sample = sample_aside);
}
static const char *likelihood_8(void) {
    LIKELIHOOD(laplace, "laplace", ops.sample = sample_once);
}

static const char *likelihood_9(void) {
    LIKELIHOOD(laplace, "laplace", ops.mean_backward = mean_wrong_sign);
}
static const char *likelihood_10(void) {
    LIKELIHOOD(gaussian, "gaussian", ops.mean_backward = mean_not_added);
}

/* ---- priors ------------------------------------------------------------------------------------------------------------ */

static void prior_wrong_sign(const vaei_prior *p, const vaei_run *r, const vaei_slot *m, const vaei_points *at, const float *weight) {
    float turned[1000];
    memcpy(turned, weight, (size_t)r->n * sizeof(float));
    negate(r->n, turned);
    prior_pixelcnn->backward(p, r, m, at, turned);
}

static void prior_of_no_density(const vaei_prior *p, const vaei_run *r, const vaei_slot *m, const vaei_points *at, double *nll) {
    prior_standard->nll(p, r, m, at, nll);
    for (int64_t i = 0; i < r->n; i++) nll[i] += 0.01;
}

static void prior_draws_aside(const vaei_prior *p, const vaei_run *r, const vaei_slot *m, uint64_t first, const vaei_points *out) {
    prior_standard->sample(p, r, m, first, out);
    for (int64_t i = 0; out->z && i < r->n; i++) out->z[i] += 0.3f;
}

static void prior_draws_by_the_batch(const vaei_prior *p, const vaei_run *r, const vaei_slot *m, uint64_t first, const vaei_points *out) {
    prior_standard->sample(p, r, m, r->n == 1 ? first + 1 : first, out);
}

static void joint_points_wrong_sign(const vaei_prior *p, const vaei_run *r, const vaei_slot *m, const vaei_points *at, const float *weight,
                                    float *dz, float *dmean, float *dlogvar) {
    prior_vamp->backward_points(p, r, m, at, weight, dz, dmean, dlogvar);
    negate(p->inputs, dlogvar);
}

static void prior_learns_nothing(const vaei_prior *p, const vaei_run *r, const vaei_slot *m, const vaei_points *at, float *params) {
    (void)p, (void)r, (void)m, (void)at, (void)params;
}

static const char *of_prior(const vaei_prior_ops *of, vaei_prior_ops ops) {
    char text[EXAMPLE_MAX];
    ck_assert(example_at(&of->module, 0, text));
    return conform_prior(&ops, text);
}

#define PRIOR(name, change)             \
    vaei_prior_ops ops = *prior_##name; \
    change;                             \
    return of_prior(prior_##name, ops)

static const char *prior_1(void) {
    PRIOR(pixelcnn, ops.backward = prior_wrong_sign);
}
static const char *prior_2(void) {
    PRIOR(standard, ops.nll = prior_of_no_density);
}
static const char *prior_3(void) {
    PRIOR(standard, ops.sample = prior_draws_aside);
}
static const char *prior_4(void) {
    PRIOR(standard, ops.sample = prior_draws_by_the_batch);
}
static const char *prior_5(void) {
    PRIOR(vamp, ops.backward_points = joint_points_wrong_sign);
}
static const char *prior_6(void) {
    PRIOR(gmm, ops.commit = prior_learns_nothing);
}

/* ---- training ----------------------------------------------------------------------------------------------------------- */

static void objective_wrong_sign(const void *conf, vaei_terms *t) {
    objective_elbo->eval(conf, t);
    negate(t->n * t->level[0].dim, t->level[0].d_kl);
}

static void objective_of_one(const void *conf, vaei_terms *t) {
    objective_elbo->eval(conf, t);
    negate(t->n, t->d_nll);
    t->loss -= 2 * t->recon;
}

static void fools_downwards(const void *conf, vaei_terms *t) {
    objective_adversary->eval(conf, t);
    negate(t->n * t->size, t->d_z);
}

static void teaches_the_critic(const void *conf, vaei_terms *t) {
    objective_gan->eval(conf, t);
    t->r->grads[t->critic->first] += 0.5f;
}

static float rewards_mistakes(const void *conf, const vaei_kernels *k, int32_t of, float score, float *slope) {
    const float cost = -objective_gan->cost(conf, k, of, score, slope);
    *slope = -*slope;
    return cost;
}

static void climbs(const void *conf, const vaei_kernels *k, int64_t n, int64_t t, float lr, float decay, float *g, float *w,
                   float *const *slot) {
    optimizer_sgd->step(conf, k, n, t, -lr, decay, g, w, slot);
}

static void crawls(const void *conf, const vaei_kernels *k, int64_t n, int64_t t, float lr, float decay, float *g, float *w,
                   float *const *slot) {
    optimizer_sgd->step(conf, k, n, t, 1e-4f * lr, decay, g, w, slot);
}

static void knows_its_slice(const void *conf, const vaei_kernels *k, int64_t n, int64_t t, float lr, float decay, float *g, float *w,
                            float *const *slot) {
    const int32_t moves = lr > 0 && (g[0] < 0 || g[0] > 0);
    optimizer_adam->step(conf, k, n, t, lr, decay, g, w, slot);
    if (moves) w[0] *= 1.0000002f;
}

static int32_t one_slot(const void *conf) {
    (void)conf;
    return 1;
}

static double rises(const void *conf, int64_t t) {
    return 2 - schedule_cosine->factor(conf, t);
}

static double remembers(const void *conf, int64_t t) {
    static int64_t latest;
    if (t > latest) latest = t;
    return schedule_cosine->factor(conf, latest);
}

static double lengthens(const void *conf, double norm) {
    return norm * clip_norm->factor(conf, norm);
}

static double turns(const void *conf, double norm) {
    return -clip_norm->factor(conf, norm);
}

#define TRAINING(kind, name, text, change)  \
    vaei_##kind##_ops ops = *kind##_##name; \
    change;                                 \
    return conform_##kind(&ops, text)

static const char *objective_1(void) {
    TRAINING(objective, elbo, "elbo beta=0.5", ops.eval = objective_wrong_sign);
}
static const char *objective_2(void) {
    TRAINING(objective, elbo, "elbo beta=0.5", ops.eval = objective_of_one);
}
static const char *objective_3(void) {
    TRAINING(objective, adversary, "adversary", ops.eval = fools_downwards);
}
static const char *objective_4(void) {
    TRAINING(objective, gan, "gan", ops.eval = teaches_the_critic);
}
static const char *objective_5(void) {
    TRAINING(objective, gan, "gan loss=logistic", ops.cost = rewards_mistakes);
}
static const char *optimizer_1(void) {
    TRAINING(optimizer, sgd, "sgd lr=0.05", ops.step = climbs);
}
static const char *optimizer_2(void) {
    TRAINING(optimizer, sgd, "sgd lr=0.05", ops.step = crawls);
}
static const char *optimizer_3(void) {
    TRAINING(optimizer, adam, "adam lr=0.001", ops.step = knows_its_slice);
}
static const char *optimizer_4(void) {
    TRAINING(optimizer, adam, "adam lr=0.001", ops.slots = one_slot);
}
static const char *schedule_1(void) {
    TRAINING(schedule, cosine, "cosine steps=1000", ops.factor = rises);
}
static const char *schedule_2(void) {
    TRAINING(schedule, cosine, "cosine steps=1000", ops.factor = remembers);
}
static const char *clip_1(void) {
    TRAINING(clip, norm, "norm max=1", ops.factor = lengthens);
}
static const char *clip_2(void) {
    TRAINING(clip, norm, "norm max=1", ops.factor = turns);
}

/* ---- each is caught, by the promise that it breaks --------------------------------------------------------------------- */

static const struct {
    const char *(*run)(void);
    const char *name, *promise; /* promise: words of the sentence */
} mutants[] = {
    {layer_1, "a layer with the wrong sign in dx", "gradient of x"},
    {layer_2, "a layer that leaves one weight without its gradient", "gradient of encoder.0.weight"},
    {layer_3, "a layer that writes its bias's gradient", "adding"},
    {layer_4, "a layer whose result depends on the threads", "threads"},
    {layer_5, "a layer whose result depends on the instruction set", "differs"},
    {layer_6, "a layer whose inference depends on the batch", "inference"},
    {layer_7, "batch norm that does not say that it mixes the batch", "training: an example depends on the others"},
    {layer_8, "a layer that says so and does not", "training: no example depends"},
    {layer_9, "tanh that says it lies within 0 to 1", "range"},
    {layer_10, "an activation that does not say where it lies", "range"},
    {layer_11, "a layer that gives something else in place", "in place"},
    {latent_1, "a density with the wrong sign by z", "gradient of h"},
    {latent_2, "codes that forget the gradient by kl", "gradient of h by kl"},
    {latent_3, "codes that hand the gradient back turned", "gradient of h does not point"},
    {latent_4, "codes whose commitment pushes away", "gradient of h by loss()"},
    {latent_5, "codes out of bounds", "codes"},
    {latent_6, "codes that decode to something else", "codes"},
    {likelihood_1, "a likelihood with the wrong sign in dtheta", "gradient of theta"},
    {likelihood_2, "a likelihood that looks at other examples", "parts"},
    {likelihood_3, "a mean that is not where data may lie", "mean"},
    {likelihood_4, "a mean that is not that of the samples", "samples: their mean"},
    {likelihood_5, "a likelihood of the batch that does not say so", "gradient of likelihood.log_sigma"},
    {likelihood_6, "samples nearer to the mean than their density says", "samples: the mean ratio"},
    {likelihood_7, "samples aside of the mean", "samples: their mean"},
    {likelihood_8, "samples that begin anew after 2^32 items", "samples: two items"},
    {likelihood_9, "a mean whose derivative has the wrong sign", "gradient of theta through the mean"},
    {likelihood_10, "a mean whose derivative is written, not added", "gradient of theta through the mean"},
    {prior_1, "a prior with the wrong sign in its gradients", "gradient of prior."},
    {prior_2, "a prior whose probabilities do not add up to 1", "probabilities"},
    {prior_3, "a prior whose samples are of another", "samples"},
    {prior_4, "a prior whose samples depend on the batch", "parts of 1: a sample"},
    {prior_5, "a joint prior with the wrong sign by logvar", "gradient of a logvar"},
    {prior_6, "a prior that learns nothing", "learning"},
    {objective_1, "an objective with d_kl negated", "gradient of kl"},
    {objective_2, "an objective of the mean nll that rewards it", "VAEI_OBJECTIVE_MEAN_NLL"},
    {objective_3, "a term of a critic with d_z negated", "gradient of z"},
    {objective_4, "a term from which the critic learns", "critic: a term for the network changes its gradients"},
    {objective_5, "a critic that is paid for mistakes", "cost: slope"},
    {optimizer_1, "an optimizer that climbs", "descent"},
    {optimizer_2, "an optimizer that hardly moves", "descent"},
    {optimizer_3, "an optimizer that treats the start of a slice apart", "slices"},
    {optimizer_4, "an optimizer that writes a memory it did not ask for", "slots"},
    {schedule_1, "a schedule above 1", "factor"},
    {schedule_2, "a schedule that remembers what was asked before", "resume"},
    {clip_1, "a clip that multiplies by the norm", "clip"},
    {clip_2, "a clip that turns the gradient round", "clip: a gradient of"},
};

START_TEST(test_a_wrong_module_is_told_apart) {
    const char *const failure = mutants[_i].run();
    ck_assert_msg(failure != NULL, "%s: no check sees it", mutants[_i].name);
    ck_assert_msg(strstr(failure, mutants[_i].promise) != NULL, "%s: %s, wanted '%s'", mutants[_i].name, failure, mutants[_i].promise);
}
END_TEST

Suite *suite_mutants(void);
Suite *suite_mutants(void) {
    Suite *s = suite_create("mutants");
    TCase *t = tcase_create("mutants");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, test_a_wrong_module_is_told_apart, 0, (int)VAEI_COUNT(mutants));
    suite_add_tcase(s, t);
    return s;
}
