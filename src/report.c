/* SPDX-License-Identifier: MIT
 * report.c - writes sentences about a folder of pictures. */
#include "report.h"
#include "console.h"
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void report_picture(report_t *report, const bitmap_t *image) {
    const int64_t pixels = image->h * image->w;
    if (report->n == 0 || pixels < report->least_h * report->least_w) {
        report->least_h = image->h;
        report->least_w = image->w;
    }
    if (pixels > report->most_h * report->most_w) {
        report->most_h = image->h;
        report->most_w = image->w;
    }
    report->n++;
    report->n_grey += image->c == 1;
    report->n_alpha += (image->notes & BITMAP_ALPHA) != 0;
    report->n_cmyk += (image->notes & BITMAP_CMYK) != 0;
    report->n_turned += (image->notes & BITMAP_TURNED) != 0;
    report->n_first += (image->notes & BITMAP_FIRST) != 0;
    report->n_as_wanted += image->h == report->h && image->w == report->w && image->c == report->c;
}

void report_bad(report_t *report, const char *path, const char *why) {
    if (report->n_bad < REPORT_LISTED) {
        report->bad[report->n_bad].path = mem_text(path);
        memcpy(report->bad[report->n_bad].why, why, strlen(why) + 1);
    }
    report->n_bad++;
}

void report_other_kind(report_t *report, const char *kind) {
    const char *end = strstr(kind, " picture"), *name = end ? strchr(kind, ' ') + 1 : kind;
    const size_t n = end ? (size_t)(end - name) : strlen(name);
    for (size_t i = 0; i < REPORT_KINDS; i++) {
        if (report->kind[i].n > 0 && (strlen(report->kind[i].name) != n || strncmp(report->kind[i].name, name, n) != 0)) continue;
        snprintf(report->kind[i].name, sizeof report->kind[i].name, "%.*s", (int)n, name);
        report->kind[i].n++;
        return;
    }
}

void report_free(report_t *report) {
    for (int64_t i = 0; i < report->n_bad && i < REPORT_LISTED; i++) free(report->bad[i].path);
}

char *report_kinds(const report_t *report) {
    strbuf_t text = {0};
    strbuf_put(&text, "", 0);
    for (size_t i = 0; i < REPORT_KINDS && report->kind[i].n > 0; i++)
        strbuf_add(&text, "%s%lld %s picture%s", i ? ", " : "", (long long)report->kind[i].n, report->kind[i].name,
                   report->kind[i].n > 1 ? "s" : "");
    return text.s;
}

static const char *plural(int64_t n) {
    return n == 1 ? "" : "s";
}

static void list_bad(const report_t *report) {
    const int64_t shown = report->n_bad < REPORT_LISTED ? report->n_bad : REPORT_LISTED;
    for (int64_t i = 0; i < shown; i++) warn("%s: %s", report->bad[i].path, report->bad[i].why);
    if (report->n_bad > shown) warn("%s: and %lld more", report->source, (long long)(report->n_bad - shown));
}

/* Warns about formats that are not read, and about those that this build cannot read. */
static void warn_of_kinds(const report_t *report, const char *kinds) {
    char *read = bitmap_formats_text(true), *missing = bitmap_formats_text(false);
    warn("%s: %s left out; %s are read%s%s%s", report->source, kinds, read,
         missing[0] ? ", and this vae was built without the libraries of " : "", missing, missing[0] ? " (vae --version)" : "");
    free(read);
    free(missing);
}

void report_left_out(const report_t *report, bool strict) {
    char *kinds = report_kinds(report);
    list_bad(report);
    if (report->n == 0) die(EXIT_FORMAT, "%s: none of %lld pictures could be read", report->source, (long long)report->n_bad);
    if (strict && (report->n_bad > 0 || kinds[0]))
        die(EXIT_FORMAT, "%s: %lld of %lld pictures could not be read%s%s (--strict)", report->source, (long long)report->n_bad,
            (long long)(report->n + report->n_bad), kinds[0] ? ", and there are " : "", kinds);
    if (report->n_bad > 0)
        warn("%s: %lld of %lld pictures could not be read and %s left out; --strict ends here instead", report->source,
             (long long)report->n_bad, (long long)(report->n + report->n_bad), report->n_bad == 1 ? "is" : "are");
    if (kinds[0]) warn_of_kinds(report, kinds);
    if (report->hidden > 0) say("%s: %lld hidden name%s passed over", report->source, (long long)report->hidden, plural(report->hidden));
    free(kinds);
}

static void add_sizes(strbuf_t *text, const report_t *report) {
    strbuf_add(text, "%lldx%lld", (long long)report->least_w, (long long)report->least_h);
    if (report->least_h != report->most_h || report->least_w != report->most_w)
        strbuf_add(text, " to %lldx%lld", (long long)report->most_w, (long long)report->most_h);
}

static void add_note(strbuf_t *text, int64_t n, const char *what) {
    if (n > 0) strbuf_add(text, "; %lld %s", (long long)n, what);
}

void report_conversions(const report_t *report, const uint8_t background[3]) {
    strbuf_t text = {0};
    char over[80];
    const bool sized =
        report->least_h != report->h || report->least_w != report->w || report->most_h != report->h || report->most_w != report->w;
    const int64_t n_colour = report->n - report->n_grey;
    snprintf(over, sizeof over, "laid over #%02x%02x%02x where transparent (--background)", background[0], background[1], background[2]);
    if (report->n_as_wanted < report->n) {
        strbuf_add(&text, "%lld picture%s of ", (long long)report->n, plural(report->n));
        add_sizes(&text, report);
        strbuf_add(&text, " %s %s made %lldx%lld %s%s",
                   n_colour == 0         ? "in grey"
                   : report->n_grey == 0 ? "in colour"
                                         : "in grey and colour",
                   report->n == 1 ? "is" : "are", (long long)report->w, (long long)report->h, report->c == 1 ? "grey" : "colour",
                   report->by_model ? ", as the model wants" : "");
        if (sized) strbuf_add(&text, ": the middle is cut out and scaled");
    } else {
        strbuf_add(&text, "%lld picture%s", (long long)report->n, plural(report->n));
    }
    const size_t before = text.n;
    add_note(&text, report->n_alpha, over);
    add_note(&text, report->n_cmyk, "converted from CMYK");
    add_note(&text, report->n_turned, "turned upright as the camera noted");
    add_note(&text, report->n_first, "of several frames or pages, of which the first is taken");
    if (n_colour > 0 && report->c == 1) warn("%s: %s", report->source, text.s); /* colour is lost */
    else if (report->n_as_wanted < report->n || text.n > before) say("%s: %s", report->source, text.s);
    free(text.s);
}

/* Names of folders that are splits of the data, not classes. */
static bool is_split(const char *name, size_t n) {
    static const char *const split[] = {"train", "training", "val", "valid", "validation", "test", "testing"};
    for (size_t i = 0; i < sizeof split / sizeof *split; i++)
        if (strlen(split[i]) == n && strncmp(split[i], name, n) == 0) return true;
    return false;
}

void report_levels(const report_t *report, int64_t inside, int64_t beside, const char *classes) {
    if (inside == 0) return;
    if (!classes) {
        say("%s: %lld pictures lie beside folders, %lld in them, so they have no labels", report->source, (long long)beside,
            (long long)inside);
        return;
    }
    strbuf_t names = {0};
    int64_t n = 0, splits = 0;
    strbuf_put(&names, "", 0);
    for (const char *p = classes; *p; n++) {
        const size_t length = strcspn(p, "\n");
        splits += is_split(p, length);
        if (n < REPORT_LISTED) strbuf_add(&names, "%s%.*s", n ? ", " : "", (int)length, p);
        p += length + 1;
    }
    say("%s: labels by the %lld folder%s of the first level: %s%s; pictures lie in up to %d level%s of folders", report->source,
        (long long)n, plural(n), names.s, n > REPORT_LISTED ? ", ..." : "", report->levels, plural(report->levels));
    if (splits == n)
        warn("%s: its folders are named as parts of a data set, not as classes; give one of them as DATA to take its folders "
             "as classes",
             report->source);
    free(names.s);
}
