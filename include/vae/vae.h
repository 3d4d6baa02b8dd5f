/* SPDX-License-Identifier: MIT
 * vae/vae.h - libvae: train and run variational autoencoders inside a program, on the CPU.
 *
 *   vae_model_t *model;                                           a model is a text and its parameters
 *   vae_model_create(&model, NULL, spec, 0);                      model.h
 *
 *   vae_trainer_t *trainer;                                       the host owns the loop; a step is one call
 *   vae_trainer_create(&trainer, model, "optimizer adam lr=0.001", 128);
 *   while (more) vae_trainer_step(trainer, 128, batch, NULL);     train.h
 *   vae_trainer_destroy(trainer);
 *   vae_model_save(model, "clothes.safetensors");                 PyTorch opens it too
 *
 *   vae_session_t *session;                                       a session is the scratch memory of one thread
 *   vae_session_create(&session, model, 64);
 *   vae_sample(session, 64, NULL, images);                        session.h
 *
 * Conventions. Out-parameters come first and receive a handle that the matching _destroy() frees; destroy takes NULL. Every
 * fallible call returns a vae_status_t, and vae_last_error() has the sentence (status.h). Counts are int64_t, sizes in bytes
 * size_t or uint64_t. ctx may be NULL (ctx.h). The library never prints, exits, aborts, reads the environment, installs signal
 * handlers or starts a thread that was not asked for. */
#ifndef VAE_VAE_H
#define VAE_VAE_H

#include "version.h"
#include "status.h"
#include "ctx.h"
#include "tensor.h"
#include "registry.h"
#include "model.h"
#include "import.h"
#include "batch.h"
#include "session.h"
#include "train.h"
#include "measure.h"
#include "anomaly.h"
#include "gradient.h"

#endif
