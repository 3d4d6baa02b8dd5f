/* SPDX-License-Identifier: MIT
 * checkpoint.c - finds the family of a file, its tensors under one prefix, and the scaling of its latents. */
#include "import/checkpoint.h"

#include <stdio.h>

#include "import/graph.h"
#include "io/file_system.h"
#include "io/sort.h"

#define VAEI_FAMILY(name) extern const vaei_family vaei_family_##name;
#include "import/families.def"
#undef VAEI_FAMILY

static const vaei_family *const families[] = {
#define VAEI_FAMILY(name) &vaei_family_##name,
#include "import/families.def"
#undef VAEI_FAMILY
};

static const struct {
    const char *strip, *add;
} prefixes[] = {
#define VAEI_PREFIX(strip, add) {strip, add},
#include "import/prefixes.def"
#undef VAEI_PREFIX
};

typedef struct clue {
    const char *part, *what;
} clue;

static const clue recognised[] = {
#define VAEI_RECOGNISED(part, what) {part, what},
#include "import/recognised.def"
#undef VAEI_RECOGNISED
};

static const clue outsiders[] = {
#define VAEI_OUTSIDER(part, what) {part, what},
#include "import/outsiders.def"
#undef VAEI_OUTSIDER
};

static const struct {
    const char *tensor, *whose;
    double factor, shift;
} scalings[] = {
#define VAEI_SCALING(tensor, whose, factor, shift) {tensor, "the checkpoint of " whose, factor, shift},
#include "import/scaling.def"
#undef VAEI_SCALING
};

/* ---- the family --------------------------------------------------------------------------------------------------- */

static int32_t begins(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

/* Finds a tensor of the file by its name, with the prefix `strip` of the file in place of `add`. */
static const vaei_entry *find_foreign(const vaei_import *im, const char *strip, const char *add, const char *name) {
    char text[VAEI_NAME_ROOM];
    if (!begins(name, add)) return NULL;
    const int n = snprintf(text, sizeof(text), "%s%s", strip, name + strlen(add));
    return n > 0 && (size_t)n < sizeof(text) ? vaei_file_find(&im->file, text) : NULL;
}

static int32_t is_signed(vaei_import *im, const vaei_family *family, const char *strip, const char *add) {
    for (const char *const *sign = family->signs; *sign; sign++) {
        const vaei_entry *e = find_foreign(im, strip, add, *sign);
        if (!e || (family->rank > 0 && e->ndim != family->rank)) continue;
        im->family = family;
        im->strip = strip;
        im->add = add;
        return 1;
    }
    return 0;
}

static const char *clue_of(const vaei_file *f, const clue *clues, size_t n) {
    for (size_t c = 0; c < n; c++)
        for (int64_t i = 0; i < f->n_entries; i++)
            if (strstr(f->entry[i].name, clues[c].part)) return clues[c].what;
    return NULL;
}

static vae_status_t find_family(vaei_import *im) {
    const vaei_file *f = &im->file;
    if (vaei_file_text(f, "vae.spec"))
        return vaei_fail(VAE_E_ARG, "%.80s: the file is a model of libvae, which vae_model_load() opens", f->where);
    const char *known = clue_of(f, recognised, VAEI_COUNT(recognised));
    if (known) return vaei_fail(VAE_E_UNSUPPORTED, "%.80s: the file is %s", f->where, known);
    for (size_t p = 0; p < VAEI_COUNT(prefixes); p++)
        for (size_t i = 0; i < VAEI_COUNT(families); i++)
            if (is_signed(im, families[i], prefixes[p].strip, prefixes[p].add)) return VAE_OK;
    const char *other = clue_of(f, outsiders, VAEI_COUNT(outsiders));
    if (other)
        return vaei_fail(VAE_E_UNSUPPORTED, "%.80s: the file holds %s: open the file of the autoencoder (VAE) instead", f->where, other);
    return vaei_fail(VAE_E_UNSUPPORTED, "%.80s: none of its %lld tensors belongs to a known kind of autoencoder", f->where,
                     (long long)f->n_entries);
}

/* ---- its tensors -------------------------------------------------------------------------------------------------- */

/* Tensors that a training program may leave in any checkpoint and that no model needs. */
static const char *const never_needed[] = {"loss.", "model_ema.", "discriminator.", "perceptual_loss.", NULL};

static int32_t is_among(const char *name, const char *const *beginnings) {
    for (; beginnings && *beginnings; beginnings++)
        if (begins(name, *beginnings)) return 1;
    return 0;
}

static int32_t is_left(const vaei_import *im, const char *name) {
    static const char counter[] = ".num_batches_tracked";
    const size_t n = strlen(name), m = sizeof(counter) - 1;
    return is_among(name, never_needed) || is_among(name, im->family->leaves) || (n > m && strcmp(name + n - m, counter) == 0);
}

static int compare_named(const void *a, const void *b) {
    return strcmp(((const vaei_named *)a)->name, ((const vaei_named *)b)->name);
}

/* Refuses a file in which two tensors have the same name after the renaming, because it holds both schemes of names. */
static vae_status_t check_unique(const vaei_import *im) {
    for (int64_t i = 1; i < im->n_tensors; i++)
        if (strcmp(im->tensor[i - 1].name, im->tensor[i].name) == 0)
            return vaei_fail(VAE_E_FORMAT, "%.50s: '%.80s' and '%.80s' are the same tensor in two schemes of names", im->file.where,
                             im->tensor[i - 1].entry->name, im->tensor[i].entry->name);
    return VAE_OK;
}

static vae_status_t sort_names(vaei_import *im, vaei_arena *scratch) {
    const size_t n = (size_t)im->n_tensors;
    const void **order = vaei_arena_array(scratch, n + 1, sizeof(*order));
    vaei_named *sorted = vaei_arena_array(&im->arena, n + 1, sizeof(*sorted));
    if (!order || !sorted) return VAE_E_NOMEM;
    for (size_t i = 0; i < n; i++) order[i] = &im->tensor[i];
    vaei_sort(order, n, compare_named);
    for (size_t i = 0; i < n; i++) sorted[i] = *(const vaei_named *)order[i];
    im->tensor = sorted;
    return check_unique(im);
}

static vae_status_t select_tensors(vaei_import *im, vaei_arena *scratch) {
    const size_t strip = strlen(im->strip);
    im->tensor = vaei_arena_array(scratch, (size_t)im->file.n_entries + 1, sizeof(*im->tensor));
    if (!im->tensor) return VAE_E_NOMEM;
    for (int64_t i = 0; i < im->file.n_entries; i++) {
        const vaei_entry *e = &im->file.entry[i];
        if (!begins(e->name, im->strip) || is_left(im, e->name + strip)) continue;
        const char *name = *im->add ? vaei_arena_format(&im->arena, "%s%s", im->add, e->name + strip) : e->name + strip;
        if (!name) return VAE_E_NOMEM;
        im->tensor[im->n_tensors++] = (vaei_named){.name = name, .entry = e};
    }
    VAEI_TRY(vaei_rename(im->family->renames, im->tensor, im->n_tensors, &im->arena));
    return sort_names(im, scratch);
}

vaei_named *vaei_import_find(const vaei_import *im, const char *name) {
    int64_t lo = 0, hi = im->n_tensors;
    while (lo < hi) {
        const int64_t mid = lo + (hi - lo) / 2;
        const int order = strcmp(im->tensor[mid].name, name);
        if (order == 0) return &im->tensor[mid];
        if (order < 0) lo = mid + 1;
        else hi = mid;
    }
    return NULL;
}

static vae_status_t find_halves(vaei_import *im) {
    const char *const where = im->file.where;
    const int32_t encoder = vaei_import_find(im, im->family->encoder) != NULL, decoder = vaei_import_find(im, im->family->decoder) != NULL;
    im->has_encoder = encoder && !im->way.no_encoder;
    im->has_decoder = decoder && !im->way.no_decoder;
    if (im->has_encoder || im->has_decoder) return VAE_OK;
    if (!encoder && !decoder)
        return vaei_fail(VAE_E_FORMAT, "%.80s: %s is not complete without the tensors '%s' and '%s'", where, im->family->name,
                         im->family->encoder, im->family->decoder);
    return vaei_fail(VAE_E_UNSUPPORTED, "%.80s: the file holds only %s, which the options leave out", where,
                     encoder ? "an encoder" : "a decoder");
}

/* Whether the tensor belongs to a half that the caller does not want. */
static int32_t is_unwanted(const vaei_import *im, const char *name) {
    return (im->way.no_encoder && (begins(name, "encoder.") || begins(name, "quant_conv."))) ||
           (im->way.no_decoder && (begins(name, "decoder.") || begins(name, "post_quant_conv.")));
}

static vae_status_t check_all_used(const vaei_import *im) {
    for (int64_t i = 0; i < im->n_tensors; i++)
        if (!im->tensor[i].used && !is_unwanted(im, im->tensor[i].name))
            return vaei_fail(VAE_E_UNSUPPORTED, "%.80s: tensor '%.80s' is no known part of %s", im->file.where, im->tensor[i].entry->name,
                             im->family->name);
    return VAE_OK;
}

/* ---- facts that names and shapes do not tell ---------------------------------------------------------------------- */

static vae_status_t read_config(vaei_import *im, const char *path) {
    vaei_config *c = &im->config;
    VAEI_TRY(vaei_config_read(c, im->heap, path));
    const char *wanted = im->family->config_class;
    if (c->found && c->class_name[0] && wanted && strcmp(c->class_name, wanted) != 0)
        return vaei_fail(VAE_E_FORMAT, "%.80s: its tensors are those of %s, but config.json beside it is for %s", path, wanted,
                         c->class_name);
    return VAE_OK;
}

static vae_status_t find_scaling(vaei_import *im) {
    const vaei_config *c = &im->config;
    vaei_scaling *s = &im->scaling;
    if (im->family->model_side) *s = (vaei_scaling){1, 0, "the family: it works on the diffusion model's latents"};
    else if (im->way.factor != 0) *s = (vaei_scaling){im->way.factor, im->way.shift, "the caller"};
    else if (c->factor != 0) *s = (vaei_scaling){c->factor, c->shift, "config.json"};
    else if (c->class_name[0] && im->family->factor != 0) *s = (vaei_scaling){im->family->factor, 0, "the default of config.json's class"};
    for (size_t i = 0; s->factor == 0 && *im->strip && i < VAEI_COUNT(scalings); i++)
        if (vaei_file_find(&im->file, scalings[i].tensor)) *s = (vaei_scaling){scalings[i].factor, scalings[i].shift, scalings[i].whose};
    if (!im->way.scaled || s->factor != 0) return VAE_OK;
    return vaei_fail(VAE_E_UNSUPPORTED,
                     "%.80s: the scaling of its latents is unknown: put its config.json beside it, or give factor and shift",
                     im->file.where);
}

/* Takes the wanted size of pictures, or the least multiple of the factor that is not below VAEI_IMPORT_SIDE. */
static vae_status_t choose_size(vaei_import *im) {
    int64_t *const side[] = {&im->way.height, &im->way.width};
    for (int32_t i = 0; i < 2; i++) {
        if (*side[i] == 0) *side[i] = (VAEI_IMPORT_SIDE + im->factor - 1) / im->factor * im->factor;
        if (*side[i] % im->factor != 0)
            return vaei_fail(VAE_E_ARG, "%s: %lld, wanted a multiple of %lld", i ? "width" : "height", (long long)*side[i],
                             (long long)im->factor);
    }
    return VAE_OK;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static vae_status_t build(vaei_import *im, vaei_arena *scratch) {
    vaei_graph g;
    VAEI_TRY(find_family(im));
    VAEI_TRY(read_config(im, im->file.where));
    VAEI_TRY(find_scaling(im));
    VAEI_TRY(select_tensors(im, scratch));
    VAEI_TRY(find_halves(im));
    vaei_graph_init(&g, im);
    VAEI_TRY(g.status);
    VAEI_TRY(im->family->measure(im, &g));
    VAEI_TRY(g.status);
    VAEI_TRY(choose_size(im));
    vaei_graph_module(&g, "input", "%lldx%lldx%lld", (long long)im->way.height, (long long)im->way.width, (long long)im->channels);
    im->family->build(im, &g);
    vaei_graph_module(&g, "likelihood", "gaussian");
    VAEI_TRY(g.status);
    VAEI_TRY(check_all_used(im));
    if (g.text.length >= VAEI_TEXT_MAX)
        return vaei_fail(VAE_E_LIMIT, "%.80s: the model has more layers than a text may hold", im->file.where);
    return VAE_OK;
}

vae_status_t vaei_import_open(vaei_import *im, vaei_heap *heap, const char *path, const vaei_import_way *way) {
    vaei_arena scratch;
    memset(im, 0, sizeof(*im));
    im->heap = heap;
    im->way = *way;
    VAEI_TRY(vaei_file_open_foreign(&im->file, heap, path));
    vaei_arena_init(&im->arena, heap);
    vaei_arena_init(&scratch, heap);
    const vae_status_t status = build(im, &scratch);
    vaei_arena_free(&scratch);
    if (status < 0) vaei_import_close(im);
    return status;
}

void vaei_import_close(vaei_import *im) {
    vaei_arena_free(&im->arena);
    vaei_file_close(&im->file);
}

void vaei_import_describe(const vaei_import *im, vaei_writer *w) {
    const vaei_scaling *s = &im->scaling;
    int64_t values = 0;
    for (int64_t i = 0; i < im->n_tensors; i++) values += im->tensor[i].entry->count;
    vaei_write(w, "family      %s\n", im->family->name);
    vaei_write(w, "holds       %s\n", !im->has_decoder ? "encoder alone" : im->has_encoder ? "encoder and decoder" : "decoder alone");
    vaei_write(w, "tensors     %lld of the file's %lld", (long long)im->n_tensors, (long long)im->file.n_entries);
    if (*im->strip) vaei_write(w, ", under '%s'", im->strip);
    vaei_write(w, "\nvalues      %lld\n", (long long)values);
    vaei_write(w, "pictures    %lld channels, sides that are multiples of %lld\n", (long long)im->channels, (long long)im->factor);
    vaei_write(w, "latents     %lld channels, 1/%lld of each side", (long long)im->latent, (long long)im->factor);
    if (im->codes > 0) vaei_write(w, "; codes of %lld", (long long)im->codes);
    vaei_write(w, "\nscaling     ");
    if (s->factor != 0) {
        vaei_write(w, "(z - ");
        vaei_write_float(w, s->shift);
        vaei_write(w, ") * ");
        vaei_write_float(w, s->factor);
        vaei_write(w, ", by %s\n", s->by);
    } else {
        vaei_write(w, "unknown: latents are raw\n");
    }
}
