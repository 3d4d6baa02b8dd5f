/* SPDX-License-Identifier: MIT
 * graph.h - the text of a model, written layer by layer, with the list that tells where the parameters of each layer come from. It counts
 * the layers as the library does, so that "encoder.3.body.2.weight" gets what is "encoder.down_blocks.0.resnets.1.conv1.weight" there.
 *
 *     rows[] = {{"norm1", "groupnorm groups=@ eps=1e-6"}, {"", "silu"}, {"conv1", "conv2d out=# kernel=3 pad=1"}};
 *
 * A row is a layer: the tensors NAME.weight and NAME.bias become its weight and bias, # the number of rows of the weight, @ the groups of
 * normalisations. A layer with bias=false has a weight alone.
 *
 * The first failure stays in `status`, and what follows it does nothing. */
#ifndef VAEI_GRAPH_H
#define VAEI_GRAPH_H

#include "base/grammar.h"
#include "import/checkpoint.h"

#define VAEI_GRAPH_DEPTH 4

typedef struct vaei_graph {
    vaei_import *im;
    vae_status_t status;
    vaei_writer text;
    int64_t cap_takes, groups;
    int32_t how; /* VAEI_TAKE_ of the weights of rows */
    struct {
        const char *path; /* of the stack */
        int64_t layers;
    } level[VAEI_GRAPH_DEPTH];
    int32_t depth;
} vaei_graph;

typedef struct vaei_graph_row {
    const char *tensor; /* behind the prefix that the caller gives; "": a layer without parameters */
    const char *layer;
} vaei_graph_row;

void vaei_graph_init(vaei_graph *g, vaei_import *im);
/* A failure of the family's own; keeps the first. */
void vaei_graph_fail(vaei_graph *g, vae_status_t status);

/* A section that is a stack of layers, and one that is a single module. */
void vaei_graph_stack(vaei_graph *g, const char *section);
void vaei_graph_module(vaei_graph *g, const char *section, const char *format, ...) VAEI_FORMAT(3, 4);

/* A layer without parameters, or whose parameters follow by vaei_graph_take(). */
void vaei_graph_layer(vaei_graph *g, const char *format, ...) VAEI_FORMAT(2, 3);
/* Braces: a layer that contains a stack, its other stack, the end. */
void vaei_graph_open(vaei_graph *g, const char *layer, const char *body);
void vaei_graph_other(vaei_graph *g, const char *body);
void vaei_graph_close(vaei_graph *g);
/* Layers by rows, of tensors "prefix.tensor". */
void vaei_graph_rows(vaei_graph *g, const char *prefix, const vaei_graph_row *rows, size_t n);
#define VAEI_GRAPH_ROWS(g, prefix, rows) vaei_graph_rows(g, prefix, rows, VAEI_COUNT(rows))
void vaei_graph_row_of(vaei_graph *g, const char *tensor, const char *layer);

/* A parameter of the last layer: "weight", or "to_q.weight". The tensor is in the family's scheme; NULL: from none. */
void vaei_graph_take(vaei_graph *g, const char *param, const char *tensor, vaei_take how);
/* The same of a parameter named whole, "latent.mean.weight". */
void vaei_graph_take_named(vaei_graph *g, const char *param, const char *tensor, vaei_take how);

/* A tensor that the model does not need. */
void vaei_graph_leave(vaei_graph *g, const char *prefix, const char *tensor);

/* A residual of layers by rows; its other way is a layer of its own, `shortcut`, where the file has that layer's weight. */
void vaei_graph_residual(vaei_graph *g, const char *prefix, const vaei_graph_row *rows, size_t n, const vaei_graph_row *shortcut);
#define VAEI_GRAPH_RESIDUAL(g, prefix, rows, shortcut) vaei_graph_residual(g, prefix, rows, VAEI_COUNT(rows), shortcut)

/* Attention with a normalisation before it and a way around it: tensors PREFIX.group_norm, .to_q, .to_k, .to_v, .to_out.0 */
void vaei_graph_attention(vaei_graph *g, const char *prefix);

/* The section latent of a Gaussian posterior: heads of the mean and of the logvar are the rows of quant_conv, or the channels of the
 * encoder as they are, with the scaling in them if it is wanted. A decoder alone has none: its z is given. */
void vaei_graph_heads(vaei_graph *g);

/* In place of a half that is not there. */
void vaei_graph_missing_encoder(vaei_graph *g);
void vaei_graph_missing_decoder(vaei_graph *g);

/* Between pictures of 0..1 and those of the family, where the caller wants 0..1 and the family has -1..1: first layer of an encoder, last
 * layer of a decoder. */
void vaei_graph_pixels_in(vaei_graph *g);
void vaei_graph_pixels_out(vaei_graph *g);

/* Whether "prefix.tensor" is there; the d-th size of a tensor, 1 behind its last, 0 with a failure if there is no such tensor. */
int32_t vaei_graph_has(const vaei_graph *g, const char *prefix, const char *tensor);
int64_t vaei_graph_size(vaei_graph *g, const char *tensor, int32_t d);

/* "format ..." in memory of the import. Never NULL: "" after a failure. */
const char *vaei_graph_name(vaei_graph *g, const char *format, ...) VAEI_FORMAT(2, 3);

#endif
