/* SPDX-License-Identifier: MIT
 * settings.c - makes the settings of a run from the command line or a config.txt. */
#include "settings.h"
#include "cli_suggest.h"
#include "console.h"
#include "data_options.h"
#include "engine.h"
#include "escape.h"
#include "files.h"
#include "mem.h"
#include "preset_fit.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_CONFIG = 65536, MOST_PASSES = 1000000 };

void settings_free(settings_t *settings) {
    free(settings->preset);
    free(settings->weights);
    free(settings->text);
    free(settings->augment);
    free(settings->binarize);
}

static const struct {
    const char *name;
    int64_t batch, epochs;
} presets[] = {
#define PRESET(name, batch, epochs) {name, batch, epochs},
#include "preset_runs.def"
#undef PRESET
};

static void numbers_of_preset(settings_t *settings) {
    settings->batch = 128;
    settings->epochs = 10;
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
        if (strcmp(presets[i].name, settings->preset) == 0) {
            settings->batch = presets[i].batch;
            settings->epochs = presets[i].epochs;
        }
}

static void require_preset(const char *name) {
    suggest_t suggest = {.word = name};
    for (int32_t i = 0; i < vae_registry_count("preset"); i++) {
        if (strcmp(vae_registry_name("preset", i), name) == 0) return;
        suggest_try(&suggest, vae_registry_name("preset", i));
    }
    die(EXIT_USAGE, "--preset: there is no \"%s\"%s", name, suggest.best ? suggest_text(&suggest, "") : "; vae help preset lists them");
}

/* Reads the text of --model: a text file, or the text in a model file, whose weights are then the start. */
static void take_model(settings_t *settings, const char *path) {
    if (path_ends(path, ".safetensors")) {
        vae_model_t *model = engine_load(NULL, path);
        settings->text = model_spec_text(model);
        free(settings->weights);
        settings->weights = mem_text(path);
        vae_model_destroy(model);
        return;
    }
    size_t size;
    uint8_t *text = file_read(path, MOST_CONFIG, &size);
    if (memchr(text, '\0', size)) die(EXIT_FORMAT, "%s: not a text: it holds a zero byte", path);
    settings->text = spec_canonical((const char *)text, EXIT_FORMAT);
    free(text);
}

static void apply_sets(settings_t *settings, const cli_t *cli) {
    const char *set;
    for (size_t i = 0; (set = cli_list(cli, i)); i++) {
        const char *equals = strchr(set, '=');
        if (!equals || equals == set) die(EXIT_USAGE, "--set: \"%s\" is no KEY=VALUE, as in latent.dim=64", set);
        char *path = mem_text_n(set, (size_t)(equals - set));
        char *changed = spec_set(settings->text, path, equals + 1);
        free(settings->text);
        free(path);
        settings->text = changed;
    }
}

/* Makes the text canonical, with the training sections that were left out, because naming one of them writes out all. */
static void write_out_training(settings_t *settings) {
    char *clip = spec_get(settings->text, "clip");
    char *whole = clip ? spec_set(settings->text, "clip", clip) : spec_canonical(settings->text, EXIT_USAGE);
    free(clip);
    free(settings->text);
    settings->text = whole;
}

static void take_numbers(settings_t *settings, const cli_t *cli) {
    if (cli_given(cli, "batch")) settings->batch = cli_int(cli, "batch");
    if (cli_given(cli, "epochs")) settings->epochs = cli_int(cli, "epochs");
    else if (cli_given(cli, "steps")) settings->epochs = 0;
    settings->steps = cli_given(cli, "steps") ? cli_int(cli, "steps") : 0;
    settings->seed = cli_int(cli, "seed");
    settings->passes = cli_given(cli, "passes") ? cli_int(cli, "passes") : 1;
    if (settings->passes > MOST_PASSES) die(EXIT_USAGE, "--passes: %lld, at most %d", (long long)settings->passes, MOST_PASSES);
    settings->augment = mem_text(cli_text(cli, "augment"));
    settings->binarize = mem_text(cli_text(cli, "binarize"));
}

/* Sets what follows from the text. */
static void complete(settings_t *settings, const cli_t *cli) {
    numbers_of_preset(settings);
    take_numbers(settings, cli);
    apply_sets(settings, cli);
    write_out_training(settings);
}

static void take_preset(settings_t *settings, const cli_t *cli) {
    char words[EXTENT_TEXT];
    int64_t h, w, c;
    data_way_t way = {0};
    settings->preset = mem_text(cli_text(cli, "preset"));
    require_preset(settings->preset);
    settings->text = registry_text("preset", settings->preset);
    data_way_shape(cli, &way);
    vae_model_t *model = NULL;
    must(vae_model_create(&model, NULL, settings->text, 0));
    const extent_t own = model_input(model);
    vae_model_destroy(model);
    if ((way.h == 0 && way.c == 0) || !extent_picture(&own, &h, &w, &c)) return;
    const extent_t wish = extent_image(way.h ? way.h : h, way.w ? way.w : w, way.c ? way.c : c);
    if (!settings_adapt(settings, &wish))
        die(EXIT_USAGE, "--size: the preset \"%s\" cannot be made for %s; sides that are a multiple of 16 suit those for pictures",
            settings->preset, extent_text(&wish, words));
}

bool settings_decide(settings_t *settings, const cli_t *cli, const extent_t *examples) {
    const char *name = preset_choose(examples, &settings->text);
    if (!name) return false;
    free(settings->preset);
    settings->preset = mem_text(name);
    complete(settings, cli);
    return true;
}

bool settings_adapt(settings_t *settings, const extent_t *examples) {
    char *fitted, size[EXTENT_TEXT];
    size_t needed = 0;
    extent_text(examples, size);
    if (settings->preset[0]) {
        fitted = preset_fit(settings->text, examples);
    } else {
        (void)vae_spec_set(settings->text, "input", size, NULL, 0, &needed);
        fitted = mem_alloc((int64_t)needed + 1, 1);
        fitted[0] = '\0';
        (void)vae_spec_set(settings->text, "input", size, fitted, needed, NULL);
    }
    const bool works = preset_works(fitted);
    free(works ? settings->text : fitted);
    if (works) settings->text = fitted;
    return works;
}

void settings_from_cli(settings_t *settings, const cli_t *cli) {
    if (cli_given(cli, "preset") && cli_given(cli, "model")) die(EXIT_USAGE, "train: --preset and --model exclude each other");
    data_way_t way = {0};
    data_way_shape(cli, &way);
    if (cli_given(cli, "model") && (way.h || way.c))
        die(EXIT_USAGE, "train: the text of --model says the size of its input; --size, --color and --grey are for presets");
    *settings = (settings_t){.weights = mem_text("")};
    if (cli_given(cli, "preset")) {
        take_preset(settings, cli);
    } else {
        settings->preset = mem_text("");
        if (!cli_given(cli, "model")) return;
        take_model(settings, cli_text(cli, "model"));
    }
    complete(settings, cli);
}

/* Returns the value of "# key = value" in the text, in fresh memory; NULL if there is none. */
static char *comment_value(const char *text, const char *key) {
    const size_t n = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, "# ", 2) == 0 && strncmp(line + 2, key, n) == 0 && strncmp(line + 2 + n, " = ", 3) == 0)
            return mem_text_n(line + n + 5, strcspn(line + n + 5, "\n"));
    }
    return NULL;
}

static char *require_value(const char *text, const char *key, const char *path) {
    char *value = comment_value(text, key);
    if (!value) die(EXIT_FORMAT, "%s: no line \"# %s = ...\"", path, key);
    return value;
}

static int64_t require_number(const char *text, const char *key, const char *path) {
    char *end, *value = require_value(text, key, path);
    const long long number = strtoll(value, &end, 10);
    if (end == value || *end != '\0' || number < 0) die(EXIT_FORMAT, "%s: %s is \"%s\", wanted a whole number", path, key, value);
    free(value);
    return number;
}

bool settings_equal(const settings_t *a, const settings_t *b) {
    return strcmp(a->text, b->text) == 0 && strcmp(a->weights, b->weights) == 0 && strcmp(a->augment, b->augment) == 0 &&
           strcmp(a->binarize, b->binarize) == 0 && a->batch == b->batch && a->passes == b->passes && a->epochs == b->epochs &&
           a->steps == b->steps && a->seed == b->seed;
}

/* Takes the input of the run, which the data may have changed. */
static void take_input_of(settings_t *asked, const settings_t *run) {
    vae_model_t *model = NULL;
    if (vae_model_create(&model, NULL, run->text, 0) != VAE_OK) return; /* then the texts differ in any case */
    const extent_t input = model_input(model);
    (void)settings_adapt(asked, &input);
    vae_model_destroy(model);
}

static void refuse_change(const settings_t *run, const settings_t *asked, const cli_t *cli, const char *path) {
    const bool model = cli_given(cli, "preset") || cli_given(cli, "model") || cli_list(cli, 0);
    const char *what = NULL;
    if (model && strcmp(asked->text, run->text) != 0) what = "model or training text";
    if (cli_given(cli, "batch") && asked->batch != run->batch) what = "--batch";
    if (cli_given(cli, "passes") && asked->passes != run->passes) what = "--passes";
    if (cli_given(cli, "seed") && asked->seed != run->seed) what = "--seed";
    if (cli_given(cli, "augment") && strcmp(asked->augment, run->augment) != 0) what = "--augment";
    if (cli_given(cli, "binarize") && strcmp(asked->binarize, run->binarize) != 0) what = "--binarize";
    if (!what) return;
    char *folder = path_folder(path);
    die(EXIT_USAGE,
        "--resume: the %s differs from %s; a run goes on as it began, to the same bits. A new run may start from what this one "
        "learnt: --model %s/last.safetensors -o NEW, with the training's options by --set",
        what, path, folder);
}

void settings_read(settings_t *settings, const char *path) {
    size_t size;
    char *config = (char *)file_read(path, MOST_CONFIG, &size);
    *settings = (settings_t){
        .preset = require_value(config, "preset", path),
        .weights = require_value(config, "weights", path),
        .text = spec_canonical(config, EXIT_FORMAT),
        .augment = comment_value(config, "augment"),
        .binarize = comment_value(config, "binarize"),
        .batch = require_number(config, "batch", path),
        .epochs = require_number(config, "epochs", path),
        .steps = require_number(config, "steps", path),
        .seed = require_number(config, "seed", path),
        .passes = 1,
    };
    char *passes = comment_value(config, "passes");
    if (passes) settings->passes = require_number(config, "passes", path);
    free(passes);
    if (settings->passes < 1 || settings->passes > MOST_PASSES) die(EXIT_FORMAT, "%s: passes is not between 1 and %d", path, MOST_PASSES);
    if (!settings->augment) settings->augment = mem_text("");
    if (!settings->binarize) settings->binarize = mem_text("");
    if (settings->batch < 1) die(EXIT_FORMAT, "%s: batch is 0", path);
    if (settings->epochs == 0 && settings->steps == 0) die(EXIT_FORMAT, "%s: neither epochs nor steps", path);
    free(config);
}

/* --set without a model changes the text of the run. */
static void set_in_text_of(settings_t *asked, const settings_t *run, const cli_t *cli) {
    *asked = (settings_t){.preset = mem_text(""), .weights = mem_text(""), .text = mem_text(run->text)};
    take_numbers(asked, cli);
    apply_sets(asked, cli);
    write_out_training(asked);
}

void settings_from_run(settings_t *settings, const cli_t *cli, const char *path) {
    settings_t asked;
    settings_read(settings, path);
    if (cli_given(cli, "preset") || cli_given(cli, "model")) {
        settings_from_cli(&asked, cli);
        take_input_of(&asked, settings);
    } else set_in_text_of(&asked, settings, cli);
    refuse_change(settings, &asked, cli, path);
    if (cli_given(cli, "epochs") || cli_given(cli, "steps")) {
        settings->epochs = asked.epochs;
        settings->steps = asked.steps;
    }
    settings_free(&asked);
}

int64_t settings_last_step(const settings_t *settings, int64_t steps_per_epoch) {
    int64_t last;
    if (settings->epochs == 0 || !size_mul(settings->epochs, steps_per_epoch, &last)) last = INT64_MAX;
    return settings->steps > 0 && settings->steps < last ? settings->steps : last;
}

void settings_write(const settings_t *settings, const char *source, const char *path) {
    strbuf_t text = {0};
    strbuf_add(&text, "# A run of vae %s. This file is a text that vae train --model takes.\n", VAE_VERSION_STRING);
    char *data = escape_text(source), *weights = escape_text(settings->weights); /* each on one line */
    strbuf_add(&text, "# data = %s\n# preset = %s\n# weights = %s\n", data, settings->preset, weights);
    free(data);
    free(weights);
    strbuf_add(&text, "# batch = %lld\n# epochs = %lld\n", (long long)settings->batch, (long long)settings->epochs);
    strbuf_add(&text, "# steps = %lld\n# seed = %lld\n", (long long)settings->steps, (long long)settings->seed);
    strbuf_add(&text, "# passes = %lld\n", (long long)settings->passes);
    strbuf_add(&text, "# augment = %s\n", settings->augment);
    if (settings->binarize[0]) strbuf_add(&text, "# binarize = %s\n", settings->binarize);
    strbuf_add(&text, "\n");
    strbuf_add(&text, "%s\n", settings->text);
    file_write_text(path, text.s);
    free(text.s);
}

bool settings_likelihood_is(const settings_t *settings, const char *name) {
    const char *line = settings->text;
    while (line && strncmp(line, "likelihood", 10) != 0) {
        line = strchr(line, '\n');
        if (line) line++;
    }
    if (!line) return false;
    line += 10;
    line += strspn(line, " ");
    const size_t n = strlen(name);
    return strncmp(line, name, n) == 0 && strchr(" \n", line[n]);
}
