/* SPDX-License-Identifier: MIT
 * training_task.c - what the tasks share. */
#include "vae/training/training_task.h"

const vaei_training_task *vaei_task_of(const vaei_recipe *recipe) {
    return recipe->objective.flags & VAEI_OBJECTIVE_OF_PRIOR ? &vaei_task_prior : &vaei_task_network;
}
