/* SPDX-License-Identifier: MIT
 * network.c - runs the model, forward and backward.
 *
 * vaei_network_carve divides the block of a session or of a trainer:
 *
 *     | packs: encoder, latent, decoder | caches (training) | rows: h mean logvar z ... | scratch shared by the three parts |
 */
#include "vae/network.h"
#include "vae/latents/normal_pair.h"

#include "nn/bands.h"
#include "nn/ranges.h"

/* ---- memory ---------------------------------------------------------------------------------------------------- */

/* wide: the rows of the encoder. */
static void carve_levels(const vaei_network *net, int64_t n, int64_t wide, int32_t training, vaei_carve *c, vaei_work *w) {
    for (int32_t i = 0; i < net->n_levels; i++) {
        const int64_t D = vaei_shape_size(vaei_network_z(net, i)), nD = vaei_count_of(n, D),
                      posterior = i == 0 ? vaei_count_of(wide, D) : nD;
        vaei_level *const v = &w->level[i];
        v->size = D;
        v->mean = vaei_carve_floats(c, posterior);
        v->logvar = vaei_carve_floats(c, posterior);
        v->prior_mean = i == 0 ? NULL : vaei_carve_floats(c, nD);
        v->prior_logvar = i == 0 ? NULL : vaei_carve_floats(c, nD);
        v->z = vaei_carve_floats(c, nD);
        v->noise = vaei_carve_floats(c, nD);
        v->kl = vaei_carve_floats(c, nD);
        v->d_kl = training ? vaei_carve_floats(c, nD) : NULL;
    }
    for (int32_t i = 0; i < net->n_taps; i++) {
        const int64_t size = vaei_shape_size(&net->tap[i]->shape), count = vaei_count_of(wide, size);
        float *const value = vaei_carve_floats(c, count);
        w->side[i] = (vaei_side){value, training ? vaei_carve_floats(c, count) : NULL, size};
    }
}

/* The gradient of a level needs the loss of the whole batch, and so does the gradient of a likelihood with facts of the batch. */
static int32_t decoder_fuses(const vaei_network *net, int32_t how) {
    return how & VAEI_BLOCKS_FUSED && !net->likelihood.of_batch && net->n_levels == 1;
}

void vaei_network_carve(const vaei_network *net, const vaei_kernels *k, int64_t n, int32_t how, vaei_carve *c, vaei_work *w) {
    const int32_t training = how & VAEI_BLOCKS_TRAIN, fused = decoder_fuses(net, how);
    const int64_t H = vaei_shape_size(&net->latent.h), D = vaei_shape_size(&net->latent.z);
    const int64_t wide = n + (training ? vaei_network_inputs(net) : 0); /* rows of the encoder */
    const int64_t wH = vaei_count_of(wide, H), nT = vaei_count_of(n, net->likelihood.theta_size);
    const vaei_bytes e = vaei_blocks_bytes(net->encoder, k, wide, how & ~VAEI_BLOCKS_FUSED, &w->encoder);
    const vaei_bytes q = vaei_latent_bytes(&net->latent, k, wide, training);
    const vaei_bytes d = vaei_blocks_bytes(net->decoder, k, n, fused ? how : how & ~VAEI_BLOCKS_FUSED, &w->decoder);

    w->fused = fused;
    w->d_z_terms = w->d_mean_terms = w->mean_x = w->d_mean_x = w->d_x = NULL;
    w->encoder.pack = vaei_carve_bytes(c, e.pack);
    w->latent.pack = vaei_carve_bytes(c, q.pack);
    w->decoder.pack = vaei_carve_bytes(c, d.pack);
    w->packs = e.pack + q.pack + d.pack;
    w->encoder.cache = vaei_carve_bytes(c, e.cache);
    w->latent.cache = vaei_carve_bytes(c, q.cache);
    w->decoder.cache = vaei_carve_bytes(c, d.cache);
    w->encoder.stats = vaei_carve_bytes(c, e.stats);
    w->decoder.stats = vaei_carve_bytes(c, d.stats);
    w->facts = vaei_carve_bytes(c, VAEI_LIKELIHOOD_FACTS);
    w->h = vaei_carve_floats(c, wH);
    carve_levels(net, n, wide, training, c, w);
    w->theta = vaei_carve_floats(c, nT);
    w->nll = vaei_carve_array(c, n, sizeof(double));
    w->log_ratio = vaei_carve_array(c, n, sizeof(double));
    w->codes = vaei_carve_array(c, vaei_count_of(n, net->latent.n_codes), sizeof(int32_t));
    if (training) {
        w->aux = vaei_carve_array(c, n, sizeof(double));
        w->d_theta = vaei_carve_floats(c, nT);
        w->d_z = vaei_carve_floats(c, vaei_count_of(n, D));
        w->d_h = vaei_carve_floats(c, wH);
        w->d_nll = vaei_carve_floats(c, n);
        net->rate->carve(net, k, n, c, w);
    }
    size_t scratch = e.scratch > d.scratch ? e.scratch : d.scratch;
    if (q.scratch > scratch) scratch = q.scratch;
    w->encoder.scratch = w->latent.scratch = w->decoder.scratch = vaei_carve_bytes(c, scratch);
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static size_t rounded(size_t bytes) {
    vaei_carve c = {0};
    (void)vaei_carve_bytes(&c, bytes);
    return c.used;
}

size_t vaei_network_scratch(const vaei_network *net, const vaei_kernels *k, int64_t n) {
    vaei_slot slot;
    const size_t e = vaei_blocks_bytes(net->encoder, k, n, 0, &slot).scratch, d = vaei_blocks_bytes(net->decoder, k, n, 0, &slot).scratch;
    return rounded(larger(larger(e, d), vaei_latent_bytes(&net->latent, k, n, 0).scratch));
}

vae_status_t vaei_network_fit(const vaei_network *net, const vaei_kernels *k, int64_t n, size_t room, vaei_arena *arena) {
    VAEI_TRY(vaei_bands_fit(net->encoder, k, n, room / VAEI_ALIGN * VAEI_ALIGN, arena));
    return vaei_bands_fit(net->decoder, k, n, room / VAEI_ALIGN * VAEI_ALIGN, arena);
}

void vaei_network_carve_terms(const vaei_network *net, int64_t n, vaei_carve *c, vaei_work *w) {
    const int64_t nD = vaei_count_of(n, vaei_shape_size(&net->latent.z));
    w->d_z_terms = vaei_carve_floats(c, nD);
    w->prior_z = vaei_carve_floats(c, nD);
    w->row = vaei_carve_array(c, n, sizeof(double));
}

void vaei_network_carve_posterior(const vaei_network *net, int64_t n, vaei_carve *c, vaei_work *w) {
    const int64_t D = vaei_shape_size(&net->latent.z), nD = vaei_count_of(n, D);
    w->d_mean_terms = vaei_carve_floats(c, nD);
    w->d_logvar_terms = vaei_carve_floats(c, nD);
    w->d_h_terms = vaei_carve_floats(c, vaei_count_of(n, vaei_shape_size(&net->latent.h)));
    w->precision = vaei_carve_floats(c, nD);
    w->pairs = vaei_carve_floats(c, vaei_count_of(n, n));
    w->margin = vaei_carve_array(c, D, sizeof(double));
}

void vaei_network_carve_mean(const vaei_network *net, int64_t n, vaei_carve *c, vaei_work *w) {
    w->mean_x = vaei_carve_floats(c, vaei_count_of(n, net->likelihood.size));
    w->d_mean_x = vaei_carve_floats(c, vaei_count_of(n, net->likelihood.size));
}

/* ---- running --------------------------------------------------------------------------------------------------- */

void vaei_network_pack(const vaei_network *net, const vaei_run *r, const vaei_work *w) {
    vaei_stack_pack(net->encoder, r, w->encoder.pack);
    if (net->latent.ops->pack) net->latent.ops->pack(&net->latent, r, w->latent.pack);
    vaei_stack_pack(net->decoder, r, w->decoder.pack);
}

/* Returns the run with the arrays of this work, which begin at its example 0. */
static vaei_run within(const vaei_run *r, const vaei_work *w, int32_t levels_from) {
    vaei_run in = *r;
    in.side = w->side;
    in.level = w->level;
    in.levels_from = levels_from;
    in.row = 0;
    return in;
}

const float *vaei_network_input(const vaei_network *net, const vaei_run *r, const vaei_work *w) {
    vaei_run_flush(r, r->n * net->likelihood.size, r->batch.x, w->theta);
    return w->theta;
}

static void encoder_forward(const vaei_network *net, const vaei_run *r, const vaei_work *w, const float *x) {
    const vaei_run in = within(r, w, VAEI_LEVELS_POSTERIOR);
    vaei_blocks_forward(net->encoder, &in, &w->encoder, x, w->h);
    vaei_run_flush(r, r->n * vaei_shape_size(&net->latent.h), w->h, w->h);
}

static void encode(const vaei_network *net, const vaei_run *r, const vaei_work *w, const float *x, float *mean, float *logvar) {
    encoder_forward(net, r, w, x);
    if (vaei_run_cancelled(r)) return;
    net->latent.ops->encode(&net->latent, r, &w->latent, w->h, mean, logvar);
}

void vaei_network_encode(const vaei_network *net, const vaei_run *r, const vaei_work *w, float *mean, float *logvar) {
    encode(net, r, w, vaei_network_input(net, r, w), mean, logvar);
}

void vaei_network_decode(const vaei_network *net, const vaei_run *r, const vaei_work *w, int32_t levels_from) {
    const vaei_run in = within(r, w, levels_from);
    vaei_blocks_forward(net->decoder, &in, &w->decoder, w->level[0].z, w->theta);
}

void vaei_network_mean_x(const vaei_network *net, const vaei_run *r, const vaei_work *w, float *x) {
    if (!vaei_run_cancelled(r)) vaei_likelihood_mean(&net->likelihood, r, w->theta, x);
}

void vaei_network_draw_x(const vaei_network *net, const vaei_run *r, const vaei_work *w, uint64_t first, float *x) {
    if (!vaei_run_cancelled(r)) vaei_likelihood_sample(&net->likelihood, r, first, w->theta, x);
}

void vaei_network_encode_codes(const vaei_network *net, const vaei_run *r, const vaei_work *w, int32_t *codes) {
    encoder_forward(net, r, w, vaei_network_input(net, r, w));
    if (vaei_run_cancelled(r)) return;
    net->latent.ops->encode_codes(&net->latent, r, &w->latent, w->h, codes);
}

void vaei_network_decode_codes(const vaei_network *net, const vaei_run *r, const vaei_work *w) {
    net->latent.ops->decode_codes(&net->latent, r, &w->latent, r->batch.codes, w->level[0].z);
    for (int32_t l = 1; l < net->n_levels; l++) memset(w->level[l].noise, 0, (size_t)(r->n * w->level[l].size) * sizeof(float));
    vaei_network_decode(net, r, w, VAEI_LEVELS_PRIOR);
}

typedef struct decoder_end {
    const vaei_likelihood *p;
    const vaei_work *w;
} decoder_end;

static void likelihood_dy(const void *arg, const vaei_run *r, int64_t first, const float *theta, float *d_theta) {
    const decoder_end *const t = arg;
    const float *const x = r->batch.x;
    _Alignas(VAEI_ALIGN) char facts[VAEI_LIKELIHOOD_FACTS];
    vaei_likelihood_nll(t->p, r, facts, theta, x, t->w->nll + first);
    vaei_likelihood_backward(t->p, r, facts, theta, x, t->w->d_nll + first, d_theta);
}

/* Runs the decoder forward and backward for an objective whose loss contains the mean nll. */
static void decode_and_return(const vaei_network *net, const vaei_run *r, const vaei_work *w) {
    const decoder_end here = {&net->likelihood, w};
    const vaei_run in = within(r, w, VAEI_LEVELS_POSTERIOR);
    const vaei_dy_source t = {likelihood_dy, &here};
    for (int64_t i = 0; i < r->n; i++) w->d_nll[i] = (float)(vaei_batch_weight(&r->batch, i) / r->batch.total);
    vaei_blocks_forward_backward(net->decoder, &in, &w->decoder, w->level[0].z, &t, w->theta, w->d_theta, w->d_z);
}

vae_status_t vaei_network_forward(const vaei_network *net, const vaei_run *r, const vaei_work *w) {
    const vaei_latent *q = &net->latent;
    const vaei_level *const v = &w->level[0];
    const vaei_run wide = net->rate->encoder_run(net, r, w);
    encode(net, &wide, w, net->rate->input(net, r, w), v->mean, v->logvar);
    if (vaei_run_cancelled(r)) return VAE_OK;
    if (q->ops->prepare) VAEI_TRY(q->ops->prepare(q, r, &w->latent, w->h));
    q->ops->draw(q, r, &w->latent, v->mean, v->logvar, v->noise, v->z, v->kl, NULL);
    net->rate->forward(net, r, w);
    memset(w->aux, 0, (size_t)r->n * sizeof(*w->aux));
    if (q->ops->loss) q->ops->loss(q, r, &w->latent, w->aux);
    if (w->fused) {
        decode_and_return(net, r, w);
        return VAE_OK;
    }
    vaei_network_decode(net, r, w, VAEI_LEVELS_POSTERIOR);
    if (vaei_run_cancelled(r)) return VAE_OK;
    vaei_likelihood_nll(&net->likelihood, r, w->facts, w->theta, r->batch.x, w->nll);
    return VAE_OK;
}

void vaei_network_terms(const vaei_network *net, const vaei_run *r, const vaei_work *w, vaei_terms *terms) {
    terms->nll = w->nll;
    terms->d_nll = w->d_nll;
    terms->aux = w->aux;
    terms->levels = net->n_levels;
    terms->level[0] = net->rate->rates(w);
    for (int32_t i = 1; i < net->n_levels; i++)
        terms->level[i] = (vaei_rates){.dim = w->level[i].size, .kl = w->level[i].kl, .d_kl = w->level[i].d_kl};
    terms->r = r;
    terms->critic = &net->critic;
    terms->critic_work = &w->critic;
    if (w->mean_x) {
        vaei_network_mean_x(net, r, w, w->mean_x);
        terms->size_x = net->likelihood.size;
        terms->mean_x = w->mean_x;
        terms->d_mean_x = w->d_mean_x;
    }
    if (!w->d_z_terms) return;
    terms->size = w->level[0].size;
    terms->z = w->level[0].z;
    terms->d_z = w->d_z_terms;
    terms->prior = w->prior_z;
    terms->row = w->row;
    if (!w->d_mean_terms) return;
    terms->mean = w->level[0].mean;
    terms->logvar = w->level[0].logvar;
    terms->d_mean = w->d_mean_terms;
    terms->d_logvar = w->d_logvar_terms;
    terms->precision = w->precision;
    terms->pairs = w->pairs;
    terms->margin = w->margin;
}

/* Only the rows of the batch have gradients; pseudo-inputs have none. */
static void clear_sides(const vaei_network *net, int64_t rows, const vaei_work *w) {
    for (int32_t i = 0; i < net->n_taps; i++) memset(w->side[i].grad, 0, (size_t)(rows * w->side[i].size) * sizeof(float));
}

void vaei_network_backward(const vaei_network *net, const vaei_run *r, const vaei_work *w) {
    const float *const x = r->batch.x;
    const vaei_level *const v = &w->level[0];
    const vaei_run in = within(r, w, VAEI_LEVELS_POSTERIOR), wide = net->rate->encoder_run(net, &in, w);
    clear_sides(net, wide.n, w);
    if (!w->fused) {
        vaei_likelihood_backward(&net->likelihood, r, w->facts, w->theta, x, w->d_nll, w->d_theta);
        if (w->d_mean_x) vaei_likelihood_mean_backward(&net->likelihood, r, w->theta, w->d_mean_x, w->d_theta);
        vaei_blocks_backward(net->decoder, &in, &w->decoder, v->z, w->theta, w->d_theta, w->d_z);
    }
    if (vaei_run_cancelled(r)) return;
    if (w->d_z_terms) r->k->add(r->n * v->size, w->d_z_terms, w->d_z);
    net->rate->backward(net, r, w);
    net->latent.ops->backward(&net->latent, r, &w->latent, w->h, v->mean, v->logvar, v->noise, w->d_z, v->d_kl, w->d_h);
    if (w->d_mean_terms) {
        net->latent.ops->encode_backward(&net->latent, r, &w->latent, w->h, v->logvar, w->d_mean_terms, w->d_logvar_terms, w->d_h_terms);
        r->k->add(r->n * vaei_shape_size(&net->latent.h), w->d_h_terms, w->d_h);
    }
    vaei_blocks_backward(net->encoder, &wide, &w->encoder, net->rate->input(net, r, w), w->h, w->d_h, w->d_x);
    net->rate->input_backward(net, r, w);
}

void vaei_network_commit(const vaei_network *net, const vaei_run *r, const vaei_work *w, float *params) {
    const vaei_run wide = net->rate->encoder_run(net, r, w);
    vaei_stack_commit(net->encoder, &wide, &w->encoder, params);
    if (net->latent.ops->commit) net->latent.ops->commit(&net->latent, r, &w->latent, params);
    vaei_stack_commit(net->decoder, r, &w->decoder, params);
    if (net->likelihood.ops->commit) net->likelihood.ops->commit(&net->likelihood, r, w->facts, params);
}

/* ---- levels ------------------------------------------------------------------------------------------------------ */

static float *array_of(const vaei_level *v, int32_t which) {
    float *const arrays[] = {
        [VAEI_LEVEL_MEAN] = v->mean, [VAEI_LEVEL_LOGVAR] = v->logvar, [VAEI_LEVEL_NOISE] = v->noise, [VAEI_LEVEL_Z] = v->z};
    return arrays[which];
}

void vaei_network_part_row(const vaei_network *net, const vaei_run *r, const vaei_work *w, int32_t which, const float *row, int64_t i) {
    for (int32_t l = 0; l < net->n_levels; l++) {
        const vaei_level *const v = &w->level[l];
        r->k->flush(v->size, row, array_of(v, which) + i * v->size);
        row += v->size;
    }
}

void vaei_network_part_levels(const vaei_network *net, const vaei_run *r, const vaei_work *w, int32_t which, const float *values) {
    for (int64_t i = 0; i < r->n; i++) vaei_network_part_row(net, r, w, which, values + i * net->z_size, i);
}

void vaei_network_join_levels(const vaei_network *net, const vaei_run *r, const vaei_work *w, int32_t which, float *values) {
    for (int64_t i = 0; i < r->n; i++)
        for (int32_t l = 0; l < net->n_levels; l++) {
            const vaei_level *const v = &w->level[l];
            memcpy(values, array_of(v, which) + i * v->size, (size_t)v->size * sizeof(float));
            values += v->size;
        }
}

void vaei_network_levels_ratio(const vaei_network *net, const vaei_run *r, const vaei_work *w) {
    for (int32_t l = 1; l < net->n_levels; l++) vaei_normal_pair_log_ratio(&w->level[l], r->n, w->log_ratio);
}

/* Level 0 draws from the stream itself, and each other level from its own stream. */
void vaei_network_noise_row(const vaei_network *net, const vaei_run *r, const vaei_work *w, vaei_noise_key key, uint32_t item, int64_t i) {
    for (int32_t l = 0; l < net->n_levels; l++) {
        const vaei_level *const v = &w->level[l];
        if (l > 0) key.stream = VAEI_STREAM_LEVELS + (uint32_t)l;
        vaei_noise_normal(r->k, key, item, v->size, v->noise + i * v->size);
    }
}

typedef struct noise_job {
    const vaei_network *net;
    const vaei_run *r;
    const vaei_work *w;
} noise_job;

static void noise_task(void *arg, int32_t i) {
    const noise_job *const j = arg;
    vaei_network_noise_row(j->net, j->r, j->w, j->r->noise, j->r->first_item + (uint32_t)i, i);
}

void vaei_network_noise(const vaei_network *net, const vaei_run *r, const vaei_work *w) {
    noise_job job = {net, r, w};
    if (r->batch.noise) vaei_network_part_levels(net, r, w, VAEI_LEVEL_NOISE, r->batch.noise);
    else if (!(net->latent.ops->flags & VAEI_LATENT_CODES) || net->n_levels > 1) vaei_parallel(r->pool, (int32_t)r->n, noise_task, &job);
}
