/* SPDX-License-Identifier: MIT
 * progress.c - prints the line of progress, at most ten times a second on a terminal, and every fifteen seconds elsewhere. */
#include "progress.h"
#include "console.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { BAR = 10, WIDE = 105 };

double now_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

const char *text_thousands(double value, char text[PROGRESS_TEXT]) {
    const long long n = llround(fmin(fmax(value, 0.0), 999999999.0));
    if (n >= 1000000) snprintf(text, PROGRESS_TEXT, "%lld,%03lld,%03lld", n / 1000000, n / 1000 % 1000, n % 1000);
    else if (n >= 1000) snprintf(text, PROGRESS_TEXT, "%lld,%03lld", n / 1000, n % 1000);
    else snprintf(text, PROGRESS_TEXT, "%lld", n);
    return text;
}

const char *text_duration(double seconds, char text[PROGRESS_TEXT]) {
    const long long s = llround(fmin(fmax(seconds, 0.0), 3.6e8));
    if (s >= 3600) snprintf(text, PROGRESS_TEXT, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    else snprintf(text, PROGRESS_TEXT, "%lld:%02lld", s / 60, s % 60);
    return text;
}

void progress_show(const progress_t *p) {
    static double last; /* when a line was shown */
    const double now = now_seconds();
    const bool live = console_live();
    if (last == 0.0) last = live ? now - 1.0 : now;
    if (now - last < (live ? 0.1 : 15.0)) return;
    last = now;
    char bar[BAR + 1], rate[PROGRESS_TEXT], left[PROGRESS_TEXT], line[256], parts[96], of[PROGRESS_TEXT + 1] = "";
    const int done = (int)(p->batch * BAR / p->batches);
    memset(bar, ' ', BAR);
    memset(bar, '=', (size_t)done);
    if (done < BAR) bar[done] = '>';
    bar[BAR] = '\0';
    if (p->epochs < INT64_MAX) snprintf(of, sizeof of, "/%lld", (long long)p->epochs);
    const bool wide = !live || console_width() >= WIDE;
    if (p->perplexity > 0.0) /* because the rate of codes is constant */
        snprintf(parts, sizeof parts, "(%s%.1f)  %s%.0f", wide ? "recon " : "", p->recon, wide ? "perplexity " : "perp ", p->perplexity);
    else snprintf(parts, sizeof parts, "(%s%.1f + %s%.1f)", wide ? "recon " : "", p->recon, wide ? "rate " : "", p->rate);
    snprintf(line, sizeof line, "epoch %lld%s [%s] %3d%%  loss %.2f %s  %s img/s  ETA %s", (long long)p->epoch, of, bar,
             (int)(p->batch * 100 / p->batches), p->loss, parts, text_thousands(p->images_per_s, rate),
             text_duration((double)p->steps_left * p->seconds_per_step, left));
    if (live) console_line(line);
    else say("%s", line);
}

void progress_count(const char *what, int64_t done, int64_t n) {
    static double next; /* when a line may be shown */
    static int64_t before;
    const double now = now_seconds();
    const bool live = console_live();
    char line[96];
    if (next == 0.0 || done <= before) next = live ? now : now + 2.0; /* a new count begins */
    before = done;
    if (now < next || (done == n && !live)) return;
    next = now + (live ? 0.1 : 15.0);
    snprintf(line, sizeof line, "%s: %lld of %lld", what, (long long)done, (long long)n);
    if (live) console_line(line);
    else say("%s", line);
}
