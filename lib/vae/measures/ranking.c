/* SPDX-License-Identifier: MIT
 * ranking.c - sorts scores in ascending order (ranking.h). */
#include "vae/measures/ranking.h"

#include <stdlib.h>

static int ascending(const void *a, const void *b) {
    const vaei_ranked *const x = a, *const y = b;
    return (x->score > y->score) - (x->score < y->score);
}

vae_status_t vaei_ranking_make(vaei_ranking *r, const char *name, const vaei_measured *m, vaei_arena *arena) {
    *r = (vaei_ranking){.n = m->n, .at = vaei_arena_array(arena, (size_t)m->n, sizeof(*r->at))};
    if (!r->at) return VAE_E_NOMEM;
    for (int64_t i = 0; i < m->n; i++) {
        r->at[i] = (vaei_ranked){m->score[i], m->factor[i * m->F] > 0};
        r->anomalies += r->at[i].is_anomaly;
    }
    if (r->anomalies == 0 || r->anomalies == r->n)
        return vaei_fail(VAE_E_ARG, "%s: %lld of %lld examples are anomalies, wanted some of both kinds", name, (long long)r->anomalies,
                         (long long)r->n);
    qsort(r->at, (size_t)r->n, sizeof(*r->at), ascending);
    return VAE_OK;
}

int64_t vaei_ranking_equal(const vaei_ranking *r, int64_t i, int64_t *anomalies) {
    int64_t end = i;
    while (end < r->n && !(r->at[end].score > r->at[i].score)) *anomalies += r->at[end++].is_anomaly;
    return end;
}
