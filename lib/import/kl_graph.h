/* SPDX-License-Identifier: MIT
 * kl_graph.h - encoder and decoder of AutoencoderKL, which several families share, in the names of diffusers.
 *
 *     resnet     h = conv2(silu(norm2(conv1(silu(norm1 x)))))          y = x + h, or conv_shortcut(x) + h where the widths differ
 *     attention  y = x + to_out(softmax(q k^T / sqrt(C)) v)            one head, group norm before it
 *     encoder    conv_in, levels { resnets | attentions, conv of stride 2 }, resnet, attention, resnet, conv_norm_out, silu, conv_out
 *     decoder    conv_in, resnet, attention, resnet, levels { resnets, upsample, conv }, conv_norm_out, silu, conv_out
 *
 * Group norms have eps 1e-6. The conv of stride 2 is padded by one row of zeros below and one column of zeros on the right. The tensors of
 * the file tell the number of levels, the widths, and the numbers of resnets and attentions, separately for each half.
 *
 * Rombach et al. 2021 (arXiv:2112.10752). */
#ifndef VAEI_KL_GRAPH_H
#define VAEI_KL_GRAPH_H

#include "import/graph.h"

/* Rows that rename the tensors of the CompVis and BFL repositories, and old names of diffusers. */
extern const vaei_rename_row vaei_kl_renames[];

/* Measures the channels of a picture and the pixels per side of a latent pixel. */
vae_status_t vaei_kl_measure(vaei_import *im, vaei_graph *g);
/* Write the sections encoder and decoder from the tensors of the file. */
void vaei_kl_encoder_section(vaei_graph *g);
void vaei_kl_decoder_section(vaei_graph *g);
/* Writes all sections of a KL family. */
void vaei_kl_build(vaei_import *im, vaei_graph *g);

#endif
