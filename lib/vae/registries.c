/* SPDX-License-Identifier: MIT
 * registries.c - the arrays of this floor's modules, made from the .def files. A new module is its file and one line there; without
 * the file the program does not link. */
#include "vae/latent.h"
#include "vae/likelihood.h"
#include "vae/measures.h"
#include "vae/objective.h"
#include "vae/optimizer.h"
#include "vae/prior.h"
#include "vae/scores.h"

#define VAEI_LATENT(name) extern const vaei_latent_ops vaei_latent_##name;
#include "vae/latents.def"
#undef VAEI_LATENT
#define VAEI_LIKELIHOOD(name) extern const vaei_likelihood_ops vaei_likelihood_##name;
#include "vae/likelihoods.def"
#undef VAEI_LIKELIHOOD
#define VAEI_OBJECTIVE(name) extern const vaei_objective_ops vaei_objective_##name;
#include "vae/objectives.def"
#undef VAEI_OBJECTIVE
#define VAEI_OPTIMIZER(name) extern const vaei_optimizer_ops vaei_optimizer_##name;
#include "vae/optimizers.def"
#undef VAEI_OPTIMIZER
#define VAEI_SCHEDULE(name) extern const vaei_schedule_ops vaei_schedule_##name;
#include "vae/schedules.def"
#undef VAEI_SCHEDULE
#define VAEI_CLIP(name) extern const vaei_clip_ops vaei_clip_##name;
#include "vae/clips.def"
#undef VAEI_CLIP
#define VAEI_MEMORY(name) extern const vaei_memory_ops vaei_memory_##name;
#include "vae/memories.def"
#undef VAEI_MEMORY
#define VAEI_PRIOR(name) extern const vaei_prior_ops vaei_prior_##name;
#include "vae/priors.def"
#undef VAEI_PRIOR
#define VAEI_MEASURE(name) extern const vaei_measure_ops vaei_measure_##name;
#include "vae/measures.def"
#undef VAEI_MEASURE
#define VAEI_SCORE(name) extern const vaei_score_ops vaei_score_##name;
#include "vae/scores.def"
#undef VAEI_SCORE

#define VAEI_LATENT(name)     &vaei_latent_##name.module,
#define VAEI_LIKELIHOOD(name) &vaei_likelihood_##name.module,
#define VAEI_OBJECTIVE(name)  &vaei_objective_##name.module,
#define VAEI_OPTIMIZER(name)  &vaei_optimizer_##name.module,
#define VAEI_SCHEDULE(name)   &vaei_schedule_##name.module,
#define VAEI_CLIP(name)       &vaei_clip_##name.module,
#define VAEI_MEMORY(name)     &vaei_memory_##name.module,
#define VAEI_PRIOR(name)      &vaei_prior_##name.module,
#define VAEI_MEASURE(name)    &vaei_measure_##name.module,
#define VAEI_SCORE(name)      &vaei_score_##name.module,

const vaei_module *const vaei_latents[] = {
#include "vae/latents.def"
};
const vaei_module *const vaei_likelihoods[] = {
#include "vae/likelihoods.def"
};
const vaei_module *const vaei_objectives[] = {
#include "vae/objectives.def"
};
const vaei_module *const vaei_optimizers[] = {
#include "vae/optimizers.def"
};
const vaei_module *const vaei_schedules[] = {
#include "vae/schedules.def"
};
const vaei_module *const vaei_clips[] = {
#include "vae/clips.def"
};
const vaei_module *const vaei_memories[] = {
#include "vae/memories.def"
};
const vaei_module *const vaei_priors[] = {
#include "vae/priors.def"
};
const vaei_module *const vaei_measurements[] = {
#include "vae/measures.def"
};
const vaei_module *const vaei_scores[] = {
#include "vae/scores.def"
};

extern const vaei_layer_ops vaei_layer_latent;
#define VAEI_LAYER(name) extern const vaei_layer_ops vaei_layer_##name;
#include "nn/layers.def"
#undef VAEI_LAYER
#define VAEI_LAYER(name) &vaei_layer_##name.module,
const vaei_module *const vaei_elements[] = {
#include "nn/layers.def"
    &vaei_layer_latent.module,
};

const size_t vaei_elements_count = VAEI_COUNT(vaei_elements);
const size_t vaei_latents_count = VAEI_COUNT(vaei_latents);
const size_t vaei_likelihoods_count = VAEI_COUNT(vaei_likelihoods);
const size_t vaei_objectives_count = VAEI_COUNT(vaei_objectives);
const size_t vaei_optimizers_count = VAEI_COUNT(vaei_optimizers);
const size_t vaei_schedules_count = VAEI_COUNT(vaei_schedules);
const size_t vaei_clips_count = VAEI_COUNT(vaei_clips);
const size_t vaei_memories_count = VAEI_COUNT(vaei_memories);
const size_t vaei_priors_count = VAEI_COUNT(vaei_priors);
const size_t vaei_measurements_count = VAEI_COUNT(vaei_measurements);
const size_t vaei_scores_count = VAEI_COUNT(vaei_scores);
