/* SPDX-License-Identifier: MIT
 * train_watch.c - reports problems of a training in sentences.
 *
 * In the first epochs a latent usually carries no information, so a collapse is reported only in the last quarter of a run. A loss that is
 * a thousand times that of the first step counts as divergence, although it is finite. */
#include "train_watch.h"
#include "console.h"
#include "engine.h"
#include "mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLLAPSE_EXAMPLES = 10 /* with fewer, the rate tells nothing */ };
#define COLLAPSED_RATE 0.1 /* nats, whatever the dimensions do */
#define UNUSED_RATE    1.0 /* nats, if no dimension distinguishes examples */
#define BLOWN_UP       1000.0

/* Returns the option's number in the text of the run, or `otherwise` if it has none. */
static double number_of(const train_loop_t *loop, const char *path, double otherwise) {
    char *text = spec_get(loop->settings->text, path), *end = text;
    const double value = text ? strtod(text, &end) : otherwise;
    const bool found = end != text;
    free(text);
    return found ? value : otherwise;
}

static bool has_option(const train_loop_t *loop, const char *path) {
    char *text = spec_get(loop->settings->text, path);
    free(text);
    return text != NULL;
}

void watch_schedule(const train_loop_t *loop, bool resumed) {
    const int64_t last = train_last_step(loop);
    const double steps = number_of(loop, "schedule.steps", INFINITY), final = number_of(loop, "schedule.final", 1.0);
    if (final > 0.0 || (double)last <= steps) return;
    char *cure = resumed ? mem_format("a run goes on with the schedule it began with; a new one may start from what it learnt: --model "
                                      "%s/last.safetensors -o NEW",
                                      loop->run.folder)
                         : mem_format("--set schedule.steps=%lld brings its end to that of the run", (long long)last);
    warn("the schedule ends at step %.0f of %lld: behind it the learning rate is 0 and nothing is learnt; %s", steps, (long long)last,
         cure);
    free(cure);
}

bool watch_blew_up(const train_loop_t *loop, double loss) {
    const curve_t *steps = &loop->run.curve[RUN_STEPS];
    return steps->n > 0 && loss > BLOWN_UP * (fabs(steps->y[0]) + 1.0);
}

/* A tenth of the learning rate, but not more than the optimizer's default. */
static double gentler_rate(const train_loop_t *loop) {
    const double lr = number_of(loop, "optimizer.lr", 0.001);
    char *name = spec_get(loop->settings->text, "optimizer");
    if (!name) return lr / 10.0;
    name[strcspn(name, " ")] = '\0';
    char *plain = spec_set(loop->settings->text, "optimizer", name), *own = spec_get(plain, "optimizer.lr");
    const double preset = own ? strtod(own, NULL) : lr;
    free(own);
    free(plain);
    free(name);
    return fmin(lr / 10.0, preset);
}

void watch_diverged(const train_loop_t *loop, const char *why) {
    const run_state_t *s = &loop->state;
    char good[64] = "no epoch was finished, so nothing is saved";
    if (s->epoch > 0) snprintf(good, sizeof good, "last.safetensors holds epoch %lld", (long long)s->epoch);
    warn("epoch %lld, step %lld: training diverged: %s", (long long)s->epoch + 1, (long long)s->step + 1, why);
    say("%s/: %s. A smaller learning rate (--set optimizer.lr=%g)%s may help, in a new run or with --force.", loop->run.folder, good,
        gentler_rate(loop), has_option(loop, "clip.max") ? "" : ", with a bound on the gradient (--set \"clip=norm max=1\"),");
}

static bool codes_collapsed(const train_loop_t *loop) {
    return usage_collapsed(&loop->score.codes);
}

static bool latent_collapsed(const train_loop_t *loop, double beta) {
    const score_t *score = &loop->score;
    const bool unused = score->rate < COLLAPSED_RATE || (score->active_units == 0 && score->rate < UNUSED_RATE);
    return loop->has_prior && beta > 0.0 && score->n >= COLLAPSE_EXAMPLES && unused;
}

static void tell_codes(const train_loop_t *loop) {
    const usage_t *codes = &loop->score.codes;
    const bool revives = has_option(loop, "latent.revive"), starts = has_option(loop, "latent.start");
    warn("the codebook has collapsed: %.0f of its %lld codes are in use, with a perplexity of %.2f; %s%sfewer codes may help",
         codes->used * (double)codes->K, (long long)codes->K, codes->perplexity,
         revives ? "reviving dead codes (--set latent.revive=1), " : "", starts ? "a k-means start (--set latent.start=kmeans) or " : "");
}

static void tell_latent(const train_loop_t *loop) {
    const score_t *score = &loop->score;
    warn("the posterior has collapsed: its rate is %.2g nats and %lld of the latent's %lld dimensions tell examples apart, so the decoder "
         "does without it; a smaller weight (--set elbo.beta=%g) or a warm-up (--set elbo.warmup=%lld) may help",
         score->rate, (long long)score->active_units, (long long)vae_model_latent_size(loop->model),
         number_of(loop, "elbo.beta", 1.0) / 2.0, (long long)(loop->state.step / 2 + 1));
}

void watch_collapse(train_loop_t *loop, double beta, bool ended) {
    const int64_t last = train_last_step(loop);
    const bool before = loop->collapsed, late = ended || loop->state.step >= last - last / 4;
    const bool now = loop->has_codes ? codes_collapsed(loop) : latent_collapsed(loop, beta);
    loop->collapsed = now && late;
    if (before && !now) say("the %s in use again", loop->has_codes ? "codes are" : "latent is");
    if (before || !loop->collapsed) return;
    if (loop->has_codes) tell_codes(loop);
    else tell_latent(loop);
}
