/* SPDX-License-Identifier: MIT
 * latent_vq.c - vector quantization: each position's vector is replaced by the nearest of K codes.
 *
 *     k = argmin_k |x - e_k|^2        q = e_k        ties to the lowest k
 *     aux = scale (|sg(x) - q|^2 + commitment |x - sg(q)|^2)        sums over positions and dimensions; sg: constant for the gradient
 *
 * The first term exists only with learn=gradient; with learn=ema codes are moving averages (codebook.c). scale 1 is the published loss
 * for a squared error summed over the data; with errors averaged over S values of x and W of the vectors instead, as most programs do,
 * the same balance is scale = S / (2 W) for a Gaussian likelihood of sigma 1, whose squares are halved.
 *
 * The gradient is passed straight through the choice (straight), or rotated and scaled by the map from x to q (rotation). The rate is
 * ln K for each code, a constant. A position has `heads` codes, each of its own codebook: latent.codebook [K, D] or [heads, K, D].
 *
 * van den Oord, Vinyals, Kavukcuoglu 2017 (arXiv:1711.00937); rotation: Fifty et al. 2024 (arXiv:2410.06424); cosine: Yu et al. 2021
 * (arXiv:2110.04627). Not here: priors over codes, beam search. */
#include "vae/codes/codebooks.h"

static const vaei_option options[] = {
    VAEI_CODEBOOKS_OPTIONS,
    VAEI_QUANTIZER_HEADS("number of codes of a position; each represents its own share of the channels"),
    VAEI_OPTION_BOOL(vaei_codebooks_conf, cosine, 0, "vectors and codes have length 1, and the nearest code is the nearest in angle"),
    VAEI_OPTION_FLOAT(vaei_codebooks_conf, temperature, 0, 0, 100,
                      "training draws each code by softmax(-distance / temperature); 0: the nearest code is taken"),
    VAEI_OPTION_FLOAT(vaei_codebooks_conf, orthogonal, 0, 0, 1e6, "weight of a loss that keeps the directions of the codes apart"),
    VAEI_OPTION_FLOAT(vaei_codebooks_conf, diversity, 0, 0, 1e6, "weight of a loss that keeps all codes in use"),
    {0},
};

static vae_status_t plan(vaei_latent *q, vaei_quantizer *s, vaei_build *b, vaei_node *node) {
    return vaei_codebooks_plan(q, s, b, node, 0);
}

static const vaei_quantizer_ops quantizer = {.plan = plan, VAEI_CODEBOOKS_OPS};

const vaei_latent_ops vaei_latent_vq = {
    .module = {.name = "vq",
               .summary = "vector quantization: the nearest of K codes at each position",
               .examples = "vq codes=8\n"
                           "vq codes=6 dim=2 heads=2 learn=gradient orthogonal=0.3 scale=0.7\n"
                           "vq codes=6 diversity=0.5 commitment=0.5 gradient=rotation freeze=true decode=raw\n"
                           "vq codes=8 cosine=true debias=false decay=0.9 eps=0.001\n"
                           "vq codes=8 temperature=0.05\n"
                           "vq codes=4 start=kmeans revive=0.5",
               .paper = "van den Oord, Vinyals, Kavukcuoglu 2017 (arXiv:1711.00937)",
               .conf_size = sizeof(vaei_codebooks_conf),
               .options = options},
    .flags = VAEI_LATENT_PRIOR | VAEI_LATENT_CODES,
    VAEI_QUANTIZER(quantizer),
};
