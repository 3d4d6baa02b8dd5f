/* SPDX-License-Identifier: MIT
 * recipe.h - a recipe, which describes the training of a model: the training sections of a document, bound to their modules.
 *
 *     optimizer  adam lr=0.001
 *     objective  elbo beta=1                               a sum of terms; the others are one module each
 *     schedule   constant
 *     clip       none
 *     memory     keep                                          a section left out takes this default */
#ifndef VAEI_RECIPE_H
#define VAEI_RECIPE_H

#include "base/module.h"
#include "vae/objective.h"
#include "vae/optimizer.h"

typedef struct vaei_recipe {
    const vaei_optimizer_ops *optimizer;
    const vaei_optimizer_ops *critic_optimizer; /* NULL: the critic's optimizer is that of the network */
    vaei_objective objective;
    const vaei_schedule_ops *schedule;
    const vaei_clip_ops *clip;
    const vaei_memory_ops *memory;
    void *optimizer_conf, *critic_optimizer_conf, *schedule_conf, *clip_conf;
    const char *text;        /* the canonical text, one line for each section */
    const char *resume_text; /* the same without sections that change no result: memory */
} vaei_recipe;

/* Makes a recipe from the training sections of the document and ignores model sections. It adds missing sections to the document. */
vae_status_t vaei_recipe_build(vaei_recipe *recipe, vaei_arena *arena, vaei_document *document);

#endif
