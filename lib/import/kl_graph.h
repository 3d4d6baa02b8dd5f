/* SPDX-License-Identifier: MIT
 * kl_graph.h - encoder and decoder of AutoencoderKL, as several families have them, in diffusers' names.
 *
 *     resnet     h = conv2(silu(norm2(conv1(silu(norm1 x)))))          y = x + h, or conv_shortcut(x) + h where the widths differ
 *     attention  y = x + to_out(softmax(q k^T / sqrt(C)) v)            one head, group norm before it
 *     encoder    conv_in, levels { resnets | attentions, conv of stride 2 }, resnet, attention, resnet, conv_norm_out, silu, conv_out
 *     decoder    conv_in, resnet, attention, resnet, levels { resnets, upsample, conv }, conv_norm_out, silu, conv_out
 *
 * Group norms have eps 1e-6; the conv of stride 2 has one row and one column of zeros, below and right. Levels, widths, numbers of resnets
 * and attentions are what the file has, of each half by itself.
 *
 * Rombach et al. 2021 (arXiv:2112.10752). */
#ifndef VAEI_KL_GRAPH_H
#define VAEI_KL_GRAPH_H

#include "import/graph.h"

/* From the names of the CompVis and BFL repositories, and old ones of diffusers. */
extern const vaei_rename_row vaei_kl_renames[];

/* Channels of a picture, pixels a latent's side. */
vae_status_t vaei_kl_measure(vaei_import *im, vaei_graph *g);
/* The sections encoder and decoder, of what the file has. */
void vaei_kl_encoder_section(vaei_graph *g);
void vaei_kl_decoder_section(vaei_graph *g);
/* All sections of a KL family. */
void vaei_kl_build(vaei_import *im, vaei_graph *g);

#endif
