/* SPDX-License-Identifier: MIT
 * graph.h - writes the text of a model layer by layer, and the list that tells where the parameters of each layer come from. It counts the
 * layers as the library does, so that "encoder.3.body.2.weight" takes the values of "encoder.down_blocks.0.resnets.1.conv1.weight".
 *
 *     rows[] = {{"norm1", "groupnorm groups=@ eps=1e-6"}, {"", "silu"}, {"conv1", "conv2d out=# kernel=3 pad=1"}};
 *
 * A row is a layer. The tensors NAME.weight and NAME.bias become its weight and bias; # becomes the number of rows of the weight, and @ the
 * number of groups of normalisations. A layer with bias=false has only a weight.
 *
 * The first failure is kept in `status`, and every call after it does nothing. */
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
    int32_t how; /* the VAEI_TAKE_ value for the weights of rows */
    struct {
        const char *path; /* path of the stack */
        int64_t layers;
    } level[VAEI_GRAPH_DEPTH];
    int32_t depth;
} vaei_graph;

typedef struct vaei_graph_row {
    const char *tensor; /* the name behind the caller's prefix; "": a layer without parameters */
    const char *layer;
} vaei_graph_row;

void vaei_graph_init(vaei_graph *g, vaei_import *im);
/* Reports a failure that the family found; the first failure is kept. */
void vaei_graph_fail(vaei_graph *g, vae_status_t status);

/* Begin a section: one that is a stack of layers, and one that is a single module. */
void vaei_graph_stack(vaei_graph *g, const char *section);
void vaei_graph_module(vaei_graph *g, const char *section, const char *format, ...) VAEI_FORMAT(3, 4);

/* Writes a layer that has no parameters, or whose parameters follow by vaei_graph_take(). */
void vaei_graph_layer(vaei_graph *g, const char *format, ...) VAEI_FORMAT(2, 3);
/* Write braces: a layer that contains a stack, the second stack of that layer, the end. */
void vaei_graph_open(vaei_graph *g, const char *layer, const char *body);
void vaei_graph_other(vaei_graph *g, const char *body);
void vaei_graph_close(vaei_graph *g);
/* Writes layers by rows, with the tensors "prefix.tensor". */
void vaei_graph_rows(vaei_graph *g, const char *prefix, const vaei_graph_row *rows, size_t n);
#define VAEI_GRAPH_ROWS(g, prefix, rows) vaei_graph_rows(g, prefix, rows, VAEI_COUNT(rows))
void vaei_graph_row_of(vaei_graph *g, const char *tensor, const char *layer);

/* Gives the last layer's parameter "weight", or "to_q.weight", its values. The tensor is in the family's scheme; NULL: the values come
 * from no tensor. */
void vaei_graph_take(vaei_graph *g, const char *param, const char *tensor, vaei_take how);
/* Does the same for a parameter with a whole name, "latent.mean.weight". */
void vaei_graph_take_named(vaei_graph *g, const char *param, const char *tensor, vaei_take how);

/* Marks a tensor that the model does not need. */
void vaei_graph_leave(vaei_graph *g, const char *prefix, const char *tensor);

/* Writes a residual block of layers by rows. If the file has a weight of the layer `shortcut`, that layer is the block's other branch. */
void vaei_graph_residual(vaei_graph *g, const char *prefix, const vaei_graph_row *rows, size_t n, const vaei_graph_row *shortcut);
#define VAEI_GRAPH_RESIDUAL(g, prefix, rows, shortcut) vaei_graph_residual(g, prefix, rows, VAEI_COUNT(rows), shortcut)

/* Writes attention with a normalisation before it and a residual connection: tensors PREFIX.group_norm, .to_q, .to_k, .to_v, .to_out.0. */
void vaei_graph_attention(vaei_graph *g, const char *prefix);

/* Writes the section latent of a Gaussian posterior. The heads of the mean and of the logvar are the rows of quant_conv, or copies of
 * the encoder's channels; they contain the scaling if the caller wants it. A file with a decoder alone has no posterior: its z is given. */
void vaei_graph_heads(vaei_graph *g);

/* Write a section in place of a half that the file does not have. */
void vaei_graph_missing_encoder(vaei_graph *g);
void vaei_graph_missing_decoder(vaei_graph *g);

/* Convert between pixels of 0..1 and those of the family, if the caller wants 0..1 and the family has -1..1: as the first layer of an
 * encoder, and the last layer of a decoder. */
void vaei_graph_pixels_in(vaei_graph *g);
void vaei_graph_pixels_out(vaei_graph *g);

/* Whether "prefix.tensor" exists; and the d-th size of a tensor, which is 1 behind its last size, and 0 with a failure if there is no
 * such tensor. */
int32_t vaei_graph_has(const vaei_graph *g, const char *prefix, const char *tensor);
int64_t vaei_graph_size(vaei_graph *g, const char *tensor, int32_t d);

/* Formats a name in memory of the import. It is never NULL: after a failure it is "". */
const char *vaei_graph_name(vaei_graph *g, const char *format, ...) VAEI_FORMAT(2, 3);

#endif
