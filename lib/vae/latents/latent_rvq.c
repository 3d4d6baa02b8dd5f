/* SPDX-License-Identifier: MIT
 * latent_rvq.c - residual vector quantization: each quantizer encodes the error that the quantizers before it have left.
 *
 *     r_0 = x        k_s = argmin_k |r_s - e_sk|^2        r_s+1 = r_s - e_s,k_s        q = sum_s e_s,k_s
 *     aux = scale sum_s (|sg(r_s) - e|^2 + commitment |r_s - sg(e)|^2)        the first with learn=gradient, see latent_vq.c
 *
 * With cosine k_s = argmax_k r_s.e_sk over codes of length 1, and the terms contain r_s / |r_s| in place of r_s.
 *
 * A position has `quantizers` codes, coarse to fine: latent.codebook [quantizers, K, D], or [K, D] if shared. The decoder's gradient is
 * passed from q to x once. With dropout a training step uses only the first quantizers, their number drawn evenly from
 * min_quantizers..quantizers; the codes of the others are -1, which adds nothing. Decoding takes -1 too, so that the first codes alone
 * give coarse pictures.
 *
 * Zeghidour et al. 2021 (arXiv:2107.03312), algorithm 1; Defossez et al. 2022 (arXiv:2210.13438). Not here: beam search, codebooks made by
 * networks. */
#include "vae/codes/codebooks.h"

static const vaei_option options[] = {
    VAEI_CODEBOOKS_OPTIONS,
    VAEI_OPTION_INT(vaei_codebooks_conf, quantizers, 4, 1, 256, "number of quantizers, and of codes of a position, coarse to fine"),
    VAEI_OPTION_BOOL(vaei_codebooks_conf, shared, 0, "all quantizers share one codebook"),
    VAEI_OPTION_BOOL(vaei_codebooks_conf, dropout, 0, "each training step leaves out a random number of the last quantizers"),
    VAEI_OPTION_INT(vaei_codebooks_conf, min_quantizers, 1, 1, 256, "number of quantizers that dropout never leaves out"),
    VAEI_OPTION_BOOL(vaei_codebooks_conf, cosine, 0, "codes have length 1, and each stage takes the code nearest in angle"),
    VAEI_OPTION_CHOICE(
        vaei_codebooks_conf, gradient_of, VAEI_GRADIENT_OF_SUM, "sum|stages",
        "straight-through gradient: sum: around the sum of all quantizers; stages: around each quantizer, and the gradients add up"),
    {0},
};

static vae_status_t plan(vaei_latent *q, vaei_quantizer *s, vaei_build *b, vaei_node *node) {
    return vaei_codebooks_plan(q, s, b, node, 1);
}

static const vaei_quantizer_ops quantizer = {.plan = plan, VAEI_CODEBOOKS_OPS};

const vaei_latent_ops vaei_latent_rvq = {
    .module = {.name = "rvq",
               .summary = "residual vector quantization: each code represents the error that the codes before it have left",
               .examples = "rvq codes=8 quantizers=3\n"
                           "rvq codes=5 quantizers=2 learn=gradient shared=true dim=4 scale=0.7 commitment=0.5\n"
                           "rvq codes=5 quantizers=3 cosine=true gradient_of=stages decode=raw\n"
                           "rvq codes=6 quantizers=3 dropout=true min_quantizers=2 debias=false decay=0.9 eps=0.001\n"
                           "rvq codes=4 quantizers=2 start=kmeans revive=0.5\n"
                           "rvq codes=6 quantizers=2 gradient=rotation freeze=true",
               .paper = "Zeghidour et al. 2021 (arXiv:2107.03312)",
               .conf_size = sizeof(vaei_codebooks_conf),
               .options = options},
    .flags = VAEI_LATENT_PRIOR | VAEI_LATENT_CODES | VAEI_LATENT_GAPS,
    VAEI_QUANTIZER(quantizer),
};
