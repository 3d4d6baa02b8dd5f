/* SPDX-License-Identifier: MIT
 * grammar.c - recursive descent over the text of grammar.h.
 *
 *   The parser looks one token ahead. The only difficult token is the newline. It ends a section, so it exists at depth 0
 *   alone; and it is not a token where the pipeline continues, that is behind a '|' or when the next line that is not blank
 *   starts with a '|'. The recursion is as deep as the braces, at most VAEI_DEPTH_MAX; every loop consumes at least one byte. */
#include "base/grammar.h"

#define WORD_SHOWN 32 /* bytes of a word that a sentence quotes */

typedef enum token_kind { TOKEN_WORD, TOKEN_NEWLINE, TOKEN_END, TOKEN_MARK /* a mark is one of = | { } */ } token_kind;

typedef struct token {
    token_kind kind;
    char mark;
    const char *start;
    size_t length;
    int32_t line, column;
} token;

typedef struct parser {
    vaei_arena *arena;
    const char *next, *end; /* the text that is not yet read */
    const char *line_start;
    int32_t line, depth, modules;
    token now;
} parser;

/* ---- tokens ----------------------------------------------------------------------------------------------------- */

static int is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c != '\0' && strchr("_.+-:,/", c) != NULL);
}

static int is_mark(const token *t, char mark) {
    return t->kind == TOKEN_MARK && t->mark == mark;
}

static int32_t column(const parser *p) {
    return (int32_t)(p->next - p->line_start) + 1;
}

static vae_status_t bad_byte(const parser *p) {
    const unsigned char c = (unsigned char)*p->next;
    const int line = (int)p->line, at = (int)column(p);
    if (c == '(') {
        return vaei_fail(VAE_E_SPEC,
                         "line %d, column %d: '(' is not allowed here: options follow a module as "
                         "key=value, as in 'conv2d out=32 kernel=3', and modules are joined by '|'",
                         line, at);
    }
    if (c > 0x20 && c < 0x7F) { return vaei_fail(VAE_E_SPEC, "line %d, column %d: '%c' is not allowed here", line, at, c); }
    return vaei_fail(VAE_E_SPEC, "line %d, column %d: byte 0x%02x, wanted ASCII text", line, at, c);
}

/* Skip spaces and one comment. Stop at a newline, at the end or at anything else. */
static vae_status_t skip_blank(parser *p) {
    while (p->next < p->end && (*p->next == ' ' || *p->next == '\t')) p->next++;
    if (p->next < p->end && *p->next == '#') {
        for (; p->next < p->end && *p->next != '\n'; p->next++) {
            const unsigned char c = (unsigned char)*p->next;
            const int line_ends = c == '\r' && p->end - p->next > 1 && p->next[1] == '\n';
            if ((c < 0x20 && c != '\t' && !line_ends) || c == 0x7F) return bad_byte(p);
        }
    }
    if (p->end - p->next > 1 && p->next[0] == '\r' && p->next[1] == '\n') p->next++;
    return VAE_OK;
}

/* Read the next token into p->now. */
static vae_status_t advance(parser *p) {
    const int newline_ends = p->depth == 0 && !is_mark(&p->now, '|');
    token t = {TOKEN_END, 0, NULL, 0, 0, 0};
    int newlines = 0;
    VAEI_TRY(skip_blank(p));
    t.line = p->line;
    t.column = column(p);
    while (p->next < p->end && *p->next == '\n') {
        p->line_start = ++p->next;
        p->line++;
        newlines = 1;
        VAEI_TRY(skip_blank(p));
    }
    if (newlines && newline_ends && p->next < p->end && *p->next != '|') {
        t.kind = TOKEN_NEWLINE; /* its place is the end of the line */
        p->now = t;
        return VAE_OK;
    }
    t.line = p->line;
    t.column = column(p);
    t.start = p->next;
    if (p->next < p->end) {
        if (is_word(*p->next)) {
            t.kind = TOKEN_WORD;
            while (p->next < p->end && is_word(*p->next)) p->next++;
        } else if (*p->next != '\0' && strchr("=|{}", *p->next)) {
            t.kind = TOKEN_MARK;
            t.mark = *p->next++;
        } else {
            return bad_byte(p);
        }
    }
    t.length = (size_t)(p->next - t.start);
    p->now = t;
    return VAE_OK;
}

static vae_status_t unexpected(const parser *p, const char *wanted) {
    const token *t = &p->now;
    const int line = (int)t->line, at = (int)t->column;
    if (t->kind == TOKEN_END) { return vaei_fail(VAE_E_SPEC, "line %d, column %d: the text ends here, wanted %s", line, at, wanted); }
    if (t->kind == TOKEN_NEWLINE) { return vaei_fail(VAE_E_SPEC, "line %d, column %d: the line ends here, wanted %s", line, at, wanted); }
    return vaei_fail(VAE_E_SPEC, "line %d, column %d: '%.*s', wanted %s", line, at, (int)(t->length < WORD_SHOWN ? t->length : WORD_SHOWN),
                     t->start, wanted);
}

/* ---- tree ------------------------------------------------------------------------------------------------------- */

static vae_status_t parse_pipeline(parser *p, vaei_pipeline *out);

/* value | key '=' value */
static vae_status_t parse_attr(parser *p, vaei_attr **out) {
    vaei_attr *attr = vaei_arena_alloc(p->arena, sizeof *attr);
    const char *word = vaei_arena_copy(p->arena, p->now.start, p->now.length);
    if (!attr || !word) return VAE_E_NOMEM;
    attr->line = p->now.line;
    attr->column = p->now.column;
    VAEI_TRY(advance(p));
    if (is_mark(&p->now, '=')) {
        attr->key = word;
        VAEI_TRY(advance(p));
        if (p->now.kind != TOKEN_WORD) return unexpected(p, "a value behind '='");
        word = vaei_arena_copy(p->arena, p->now.start, p->now.length);
        if (!word) return VAE_E_NOMEM;
        VAEI_TRY(advance(p));
    }
    attr->value = word;
    *out = attr;
    return VAE_OK;
}

/* '{' [ pipeline ] '}' */
static vae_status_t parse_body(parser *p, vaei_pipeline **out) {
    const token open = p->now;
    vaei_pipeline *body = vaei_arena_alloc(p->arena, sizeof *body);
    if (!body) return VAE_E_NOMEM;
    if (p->depth == VAEI_DEPTH_MAX) {
        return vaei_fail(VAE_E_LIMIT, "line %d, column %d: braces nest deeper than %d", (int)open.line, (int)open.column, VAEI_DEPTH_MAX);
    }
    p->depth++;
    VAEI_TRY(advance(p));
    if (p->now.kind != TOKEN_END && !is_mark(&p->now, '}')) VAEI_TRY(parse_pipeline(p, body));
    if (p->now.kind == TOKEN_END) {
        return vaei_fail(VAE_E_SPEC, "line %d, column %d: '{' is never closed", (int)open.line, (int)open.column);
    }
    if (!is_mark(&p->now, '}')) return unexpected(p, "'|' or '}'");
    p->depth--;
    *out = body;
    return advance(p);
}

/* repeat n=K { pipeline } */
static vae_status_t check_repeat(vaei_node *node) {
    const vaei_attr *n = node->attrs;
    int64_t times = 0;
    if (!n || n->next || !n->key || strcmp(n->key, "n") != 0) {
        return vaei_fail(VAE_E_SPEC, "line %d, column %d: repeat takes one option, n, as in 'repeat n=2 { relu }'", (int)node->line,
                         (int)node->column);
    }
    if (!vaei_text_to_int(n->value, strlen(n->value), &times) || times < 1 || times > VAEI_MODULES_MAX) {
        return vaei_fail(VAE_E_SPEC, "line %d, column %d: repeat: n=%.40s, wanted 1..%d", (int)n->line, (int)n->column, n->value,
                         VAEI_MODULES_MAX);
    }
    if (!node->body || node->body->next || !node->body->first) {
        return vaei_fail(VAE_E_SPEC, "line %d, column %d: repeat: wanted one pair of braces with modules in it", (int)node->line,
                         (int)node->column);
    }
    node->times = (int32_t)times;
    return VAE_OK;
}

/* word { value | key '=' value } { '{' [ pipeline ] '}' } */
static vae_status_t parse_module(parser *p, vaei_node **out) {
    if (p->now.kind != TOKEN_WORD) return unexpected(p, "a module");
    if (p->modules == VAEI_MODULES_MAX) {
        return vaei_fail(VAE_E_LIMIT, "line %d, column %d: more than %d modules", (int)p->now.line, (int)p->now.column, VAEI_MODULES_MAX);
    }
    p->modules++;
    vaei_node *node = vaei_arena_alloc(p->arena, sizeof *node);
    if (!node || !(node->name = vaei_arena_copy(p->arena, p->now.start, p->now.length))) return VAE_E_NOMEM;
    node->line = p->now.line;
    node->column = p->now.column;
    VAEI_TRY(advance(p));
    for (vaei_attr **last = &node->attrs; p->now.kind == TOKEN_WORD; last = &(*last)->next) { VAEI_TRY(parse_attr(p, last)); }
    for (vaei_pipeline **last = &node->body; is_mark(&p->now, '{'); last = &(*last)->next) { VAEI_TRY(parse_body(p, last)); }
    if (strcmp(node->name, "repeat") == 0) VAEI_TRY(check_repeat(node));
    *out = node;
    return VAE_OK;
}

/* module { '|' module } */
static vae_status_t parse_pipeline(parser *p, vaei_pipeline *out) {
    vaei_node **last = &out->first;
    VAEI_TRY(parse_module(p, last));
    while (is_mark(&p->now, '|')) {
        last = &(*last)->next;
        VAEI_TRY(advance(p));
        VAEI_TRY(parse_module(p, last));
    }
    return VAE_OK;
}

static int next_is(const parser *p, char mark) {
    parser ahead = *p;
    return advance(&ahead) == VAE_OK && is_mark(&ahead.now, mark);
}

/* key '=' value { key '=' value } [ '|' ], or nothing of it */
static vae_status_t parse_options(parser *p, vaei_node *out, int32_t *goes_on) {
    vaei_attr **last = &out->attrs;
    for (; p->now.kind == TOKEN_WORD && next_is(p, '='); last = &(*last)->next) VAEI_TRY(parse_attr(p, last));
    if (!out->attrs || p->now.kind == TOKEN_NEWLINE || p->now.kind == TOKEN_END) return VAE_OK;
    *goes_on = is_mark(&p->now, '|');
    return *goes_on ? advance(p) : unexpected(p, "key=value, '|' or the end of the line");
}

/* keyword ( [ pipeline ] | options [ '|' pipeline ] ) newline */
static vae_status_t parse_section(parser *p, vaei_section **out) {
    if (p->now.kind != TOKEN_WORD) return unexpected(p, "the name of a section");
    vaei_section *section = vaei_arena_alloc(p->arena, sizeof *section);
    if (!section || !(section->name = vaei_arena_copy(p->arena, p->now.start, p->now.length))) return VAE_E_NOMEM;
    section->line = p->now.line;
    section->column = p->now.column;
    section->own = (vaei_node){.name = section->name, .line = section->line, .column = section->column};
    VAEI_TRY(advance(p));
    int32_t goes_on = 0;
    VAEI_TRY(parse_options(p, &section->own, &goes_on));
    if (goes_on || (p->now.kind != TOKEN_NEWLINE && p->now.kind != TOKEN_END)) VAEI_TRY(parse_pipeline(p, &section->pipeline));
    if (p->now.kind != TOKEN_NEWLINE && p->now.kind != TOKEN_END) return unexpected(p, "'|' or the end of the line");
    *out = section;
    return VAE_OK;
}

/* Recognise texts of other formats by their first characters: a sentence about the form of our texts helps more than the number of the
 * first wrong byte. */
static vae_status_t check_kind(const char *text, size_t length) {
    size_t i = 0, name;
    while (i < length && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r' || text[i] == '\n')) i++;
    const char *other = NULL;
    if (i < length && (text[i] == '{' || text[i] == '[')) other = "JSON";
    if (i < length && text[i] == '<') other = "XML";
    if (length - i >= 3 && memcmp(text + i, "---", 3) == 0) other = "YAML";
    for (name = i; name < length && ((text[name] >= 'a' && text[name] <= 'z') || text[name] == '_');) name++;
    if (name > i && name < length && text[name] == ':') other = "YAML";
    if (!other) return VAE_OK;
    return vaei_fail(VAE_E_SPEC,
                     "line 1, column 1: this looks like %s: a text of libvae has a section a line, its name, a space and "
                     "its modules, as in 'latent gaussian dim=32'",
                     other);
}

vae_status_t vaei_document_parse(vaei_document *out, vaei_arena *arena, const char *text, size_t length) {
    vaei_document document = {NULL};
    vaei_section **last = &document.first;
    if (length > VAEI_TEXT_MAX) return vaei_fail(VAE_E_LIMIT, "text: longer than %d bytes", VAEI_TEXT_MAX);
    if (length == 0) text = "";
    if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) { /* a byte order mark */
        text += 3;
        length -= 3;
    }
    VAEI_TRY(check_kind(text, length));
    parser p = {.arena = arena, .next = text, .end = text + length, .line_start = text, .line = 1};
    VAEI_TRY(advance(&p));
    for (int32_t n = 0; p.now.kind != TOKEN_END; n++) {
        if (p.now.kind == TOKEN_NEWLINE) VAEI_TRY(advance(&p));
        if (n == VAEI_SECTIONS_MAX) { return vaei_fail(VAE_E_LIMIT, "line %d: more than %d sections", (int)p.now.line, VAEI_SECTIONS_MAX); }
        vaei_section *section = NULL;
        VAEI_TRY(parse_section(&p, &section));
        const vaei_section *twin = vaei_document_find(&document, section->name);
        if (twin) {
            return vaei_fail(VAE_E_SPEC, "line %d, column %d: section '%.*s' is given twice, first in line %d", (int)section->line,
                             (int)section->column, WORD_SHOWN, section->name, (int)twin->line);
        }
        *last = section;
        last = &section->next;
    }
    *out = document;
    return VAE_OK;
}

/* ---- walks ------------------------------------------------------------------------------------------------------ */

vaei_section *vaei_document_find(const vaei_document *document, const char *section) {
    for (vaei_section *s = document->first; s; s = s->next) {
        if (strcmp(s->name, section) == 0) return s;
    }
    return NULL;
}

int64_t vaei_pipeline_count(const vaei_pipeline *pipeline) {
    int64_t count = 0;
    for (const vaei_node *node = pipeline->first; node && count <= VAEI_MODULES_MAX; node = node->next) {
        count += node->times ? node->times * vaei_pipeline_count(node->body) : 1;
    }
    return count <= VAEI_MODULES_MAX ? count : VAEI_MODULES_MAX + 1;
}

vaei_node *vaei_pipeline_at(const vaei_pipeline *pipeline, int64_t index) {
    vaei_node *node = pipeline->first;
    while (node && index >= 0) {
        if (!node->times) {
            if (index == 0) return node;
            index--;
            node = node->next;
            continue;
        }
        const int64_t once = vaei_pipeline_count(node->body), all = once * node->times;
        if (index < all) {
            index %= once;
            node = node->body->first;
        } else {
            index -= all;
            node = node->next;
        }
    }
    return NULL;
}

/* ---- printing --------------------------------------------------------------------------------------------------- */

static void print_attrs(const vaei_attr *a, const char *before, vaei_writer *w) {
    for (; a; a = a->next, before = " ") vaei_write(w, "%s%s%s%s", before, a->key ? a->key : "", a->key ? "=" : "", a->value);
}

static void print_node(const vaei_node *node, vaei_writer *w) {
    vaei_write(w, "%s", node->name);
    print_attrs(node->attrs, " ", w);
    for (const vaei_pipeline *body = node->body; body; body = body->next) {
        vaei_write(w, " { ");
        vaei_pipeline_print(body, w);
        vaei_write(w, body->first ? " }" : "}");
    }
}

void vaei_pipeline_print(const vaei_pipeline *pipeline, vaei_writer *w) {
    vaei_write(w, "%s", ""); /* writes a NUL even if there is no module */
    for (const vaei_node *node = pipeline->first; node; node = node->next) {
        print_node(node, w);
        if (node->next) vaei_write(w, " | ");
    }
}

void vaei_section_print(const vaei_section *s, vaei_writer *w) {
    print_attrs(s->own.attrs, "", w);
    if (s->own.attrs && s->pipeline.first) vaei_write(w, " | ");
    vaei_pipeline_print(&s->pipeline, w);
}

void vaei_document_print(const vaei_document *document, vaei_writer *w) {
    vaei_write(w, "%s", "");
    for (const vaei_section *s = document->first; s; s = s->next) {
        vaei_write(w, s->pipeline.first || s->own.attrs ? "%-10s " : "%s", s->name);
        vaei_section_print(s, w);
        vaei_write(w, "\n");
    }
}
