/* SPDX-License-Identifier: MIT
 * recipe.h - how a model is trained: the training sections of a document, bound to their modules.
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
    const vaei_optimizer_ops *critic_optimizer; /* NULL: the critic has an optimizer like the network's */
    vaei_objective objective;
    const vaei_schedule_ops *schedule;
    const vaei_clip_ops *clip;
    const vaei_memory_ops *memory;
    void *optimizer_conf, *critic_optimizer_conf, *schedule_conf, *clip_conf;
    const char *text;        /* canonical, one section a line */
    const char *resume_text; /* the same without what changes no result: memory */
} vaei_recipe;

/* From the training sections of the document (model sections are left alone). Adds missing sections to the document. */
vae_status_t vaei_recipe_build(vaei_recipe *recipe, vaei_arena *arena, vaei_document *document);

#endif
