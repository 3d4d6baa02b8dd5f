/* SPDX-License-Identifier: MIT
 * plan_text.c - writes the plan of a stack for people and for programs: its steps, the fusions of fuse.c, the algorithm of each
 * convolution, the layers that are views, and every array with its place and its lifetime. */
#include "nn/plan_text.h"
#include "nn/plan.h"
#include "nn/ranges.h"

static const char *const places[] = {"caller", "in y", "low end", "high end", "kept"};

typedef struct sheet {
    const vaei_plan *p;
    vaei_writer *w;
    int32_t json, items; /* items: those already written in the open list */
} sheet;

static const char *layer_name(const vaei_layer *l) {
    return l->ops->module.name;
}

static void write_buffer(vaei_writer *w, int32_t b, const vaei_steps *s) {
    if (b == 0) vaei_write(w, "x");
    else if (b == s->output) vaei_write(w, "y");
    else vaei_write(w, "b%d", (int)b);
}

static const char *algorithm_of(const sheet *t, const vaei_step *step) {
    const vaei_layer *const l = step->layer;
    return l->ops->algorithm ? l->ops->algorithm(l, t->p->k, t->p->mode == VAEI_TRAINING) : "";
}

static size_t workspace_of(const sheet *t, const vaei_step *step) {
    return vaei_layer_bytes(step->layer, t->p->k, t->p->n, t->p->mode == VAEI_TRAINING).scratch;
}

/* ---- steps ---- */

/* Writes one rewrite that fired: the rule of fuse.c and the layer whose work moved. */
static void joined(sheet *t, const char *rule, const vaei_layer *l) {
    if (!l) return;
    if (t->json)
        vaei_write(t->w, "%s{\"rule\":\"%s\",\"layer\":\"%s\",\"path\":\"%s\"}", t->items++ > 0 ? "," : "", rule, layer_name(l), l->path);
    else vaei_write(t->w, "%s%s %s (%s)", t->items++ > 0 ? ", " : "  ", rule, layer_name(l), l->path);
}

static void joined_all(sheet *t, const vaei_step *step) {
    const vaei_steps *const s = t->p->steps;
    t->items = 0;
    joined(t, "upsample", step->upsample);
    joined(t, "fold", step->fold);
    joined(t, "prologue", step->prologue < 0 ? NULL : s->step[step->prologue].layer);
    joined(t, "sum", step->side >= 0 && !vaei_step_sums(step) ? step->sum : NULL);
    joined(t, "epilogue", step->activation);
    joined(t, "gradient", step->dx_activation);
}

static void json_number(vaei_writer *w, const char *key, int64_t value) {
    vaei_write(w, ",\"%s\":%lld", key, (long long)value);
}

static void step_json(sheet *t, int32_t i) {
    const vaei_step *const step = &t->p->steps->step[i];
    vaei_write(t->w, "%s{\"path\":\"%s\",\"layer\":\"%s\",\"algorithm\":\"%s\"", i > 0 ? "," : "", step->layer->path,
               layer_name(step->layer), algorithm_of(t, step));
    json_number(t->w, "in", step->in);
    json_number(t->w, "side", step->side);
    json_number(t->w, "out", step->out);
    json_number(t->w, "workspace", (int64_t)workspace_of(t, step));
    vaei_write(t->w, ",\"joined\":[");
    joined_all(t, step);
    vaei_write(t->w, "]}");
}

static void step_text(sheet *t, int32_t i) {
    const vaei_steps *const s = t->p->steps;
    const vaei_step *const step = &s->step[i];
    const char *const algorithm = algorithm_of(t, step);
    vaei_write(t->w, "%5d  ", (int)i);
    if (step->deferred) vaei_write(t->w, "pixels");
    else write_buffer(t->w, step->out, s);
    vaei_write(t->w, " = %s(", layer_name(step->layer));
    write_buffer(t->w, step->in, s);
    vaei_write(t->w, ")");
    if (step->side >= 0) {
        vaei_write(t->w, " + ");
        write_buffer(t->w, step->side, s);
    }
    vaei_write(t->w, "  %s", step->layer->path);
    if (algorithm[0]) vaei_write(t->w, "  by %s", algorithm);
    joined_all(t, step);
    const size_t workspace = workspace_of(t, step);
    if (workspace > 0) vaei_write(t->w, "  workspace %llu", (unsigned long long)workspace);
    vaei_write(t->w, "\n");
}

/* ---- arrays ---- */

static void array_json(sheet *t, int32_t b, const vaei_buffer *v) {
    vaei_write(t->w, "%s{\"buffer\":%d,\"place\":\"%s\"", t->items++ > 0 ? "," : "", (int)b, places[v->place]);
    json_number(t->w, "first", v->first);
    json_number(t->w, "last", v->last);
    json_number(t->w, "bytes", vaei_count_of(t->p->n, v->size * (int64_t)sizeof(float)));
    vaei_write(t->w, "}");
}

static void array_text(sheet *t, int32_t b, const vaei_buffer *v) {
    vaei_write(t->w, "       ");
    write_buffer(t->w, b, t->p->steps);
    vaei_write(t->w, "  steps %d to %d  %s  %lld bytes\n", (int)v->first, (int)v->last, places[v->place],
               (long long)vaei_count_of(t->p->n, v->size * (int64_t)sizeof(float)));
}

static void write_arrays(sheet *t) {
    const vaei_steps *const s = t->p->steps;
    t->items = 0;
    for (int32_t b = 1; b < s->n_buffers; b++) {
        if (s->buffer[b].last < 0) continue;
        if (t->json) array_json(t, b, &s->buffer[b]);
        else array_text(t, b, &s->buffer[b]);
    }
}

/* ---- layers without a step ---- */

/* Views (fuse.c), in braces too. */
static void write_views(sheet *t, const vaei_stack *s) {
    for (int32_t i = 0; i < s->n; i++) {
        const vaei_layer *const l = s->layer[i];
        for (int32_t j = 0; j < VAEI_LAYER_BODIES; j++)
            if (l->body[j]) write_views(t, l->body[j]);
        if (!l->ops->is_view || l->step[t->p->mode]) continue;
        if (t->json) vaei_write(t->w, "%s\"%s\"", t->items++ > 0 ? "," : "", l->path);
        else vaei_write(t->w, "       %s (%s) is a view of its input\n", layer_name(l), l->path);
    }
}

/* ---- the whole ---- */

static void write_json(sheet *t, const vaei_stack *stack, const char *name, const vaei_bytes *bytes) {
    vaei_write(t->w, "{\"stack\":\"%s\",\"mode\":\"%s\"", name, t->p->mode == VAEI_TRAINING ? "training" : "inference");
    json_number(t->w, "examples", t->p->n);
    json_number(t->w, "packed_weights", (int64_t)bytes->pack);
    json_number(t->w, "kept", (int64_t)bytes->cache);
    json_number(t->w, "block", (int64_t)bytes->scratch);
    vaei_write(t->w, ",\"steps\":[");
    for (int32_t i = 0; i < t->p->steps->n; i++) step_json(t, i);
    vaei_write(t->w, "],\"views\":[");
    t->items = 0;
    write_views(t, stack);
    vaei_write(t->w, "],\"arrays\":[");
    write_arrays(t);
    vaei_write(t->w, "]}");
}

static void write_text(sheet *t, const vaei_stack *stack, const char *name, const vaei_bytes *bytes) {
    vaei_write(t->w, "%s, %s, %lld at a time: packed weights %llu, kept for backward %llu, values and workspace %llu bytes\n", name,
               t->p->mode == VAEI_TRAINING ? "training" : "inference", (long long)t->p->n, (unsigned long long)bytes->pack,
               (unsigned long long)bytes->cache, (unsigned long long)bytes->scratch);
    for (int32_t i = 0; i < t->p->steps->n; i++) step_text(t, i);
    write_views(t, stack);
    write_arrays(t);
}

void vaei_plan_write(const vaei_stack *s, const vaei_kernels *k, const char *name, int64_t n, int32_t training, int32_t json,
                     vaei_writer *w) {
    const int32_t mode = training ? VAEI_TRAINING : VAEI_INFERENCE;
    const vaei_plan p = {.steps = s->steps[mode], .k = k, .n = n, .mode = mode};
    sheet t = {.p = &p, .w = w, .json = json};
    const vaei_bytes bytes = vaei_stack_bytes(s, k, n, training);
    if (json) write_json(&t, s, name, &bytes);
    else write_text(&t, s, name, &bytes);
}
