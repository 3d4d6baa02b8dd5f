/* SPDX-License-Identifier: MIT
 * data_wad.c - reads textures of WAD files as examples: 64x64 pixels in colour, scaled to the model's input.
 *
 * Every flat and every opaque wall texture is cut into 64x64 crops that do not overlap, from its upper left corner;
 * crops of one colour and repeated crops are dropped. Freedoom 0.12.1 has 2,159 of them.
 *
 * The name decides the split: about one texture in ten is for testing, chosen by a hash of the letters of its name. Digits
 * are ignored, so that the frames of an animation (NUKAGE1, NUKAGE2), a switch on and off (SW1BRIK, SW2BRIK) and the
 * variants of a wall are in the same split; otherwise test examples would be nearly copies of training examples. */
#include "console.h"
#include "data.h"
#include "files.h"
#include "mem.h"
#include "wad.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 64, CROP = SIDE * SIDE * 3, ONE_IN = 10 };

typedef struct crops {
    int64_t n, cap;
    uint8_t *pixel; /* [n][SIDE][SIDE][3] */
    bool *for_test; /* [n] */
    int64_t *slot;  /* [slots] of a hash table over the crops, -1 where free */
    int64_t slots;  /* a power of two */
} crops_t;

static uint64_t hash_bytes(const uint8_t *byte, size_t n) {
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (size_t i = 0; i < n; i++) hash = (hash ^ byte[i]) * 0x100000001b3u;
    return hash ^ hash >> 32;
}

static bool name_for_test(const char *name) {
    uint8_t letter[WAD_NAME];
    size_t n = 0;
    for (const char *p = name; *p; p++)
        if (!isdigit((unsigned char)*p)) letter[n++] = (uint8_t)*p;
    return hash_bytes(letter, n) % ONE_IN == 0;
}

/* Returns the slot of an equal crop, or the free slot for this one. */
static int64_t *find_slot(const crops_t *crops, const uint8_t *pixel) {
    for (uint64_t h = hash_bytes(pixel, CROP);; h++) {
        int64_t *slot = &crops->slot[h & (uint64_t)(crops->slots - 1)];
        if (*slot < 0 || memcmp(crops->pixel + *slot * CROP, pixel, CROP) == 0) return slot;
    }
}

static void grow(crops_t *crops) {
    crops->cap = crops->cap * 2 + 1024;
    crops->pixel = mem_grow(crops->pixel, crops->cap, CROP);
    crops->for_test = mem_grow(crops->for_test, crops->cap, sizeof *crops->for_test);
    free(crops->slot);
    for (crops->slots = 1; crops->slots < 2 * crops->cap;) crops->slots *= 2;
    crops->slot = mem_alloc(crops->slots, sizeof *crops->slot);
    for (int64_t i = 0; i < crops->slots; i++) crops->slot[i] = -1;
    for (int64_t i = 0; i < crops->n; i++) *find_slot(crops, crops->pixel + i * CROP) = i;
}

static bool is_one_colour(const uint8_t *pixel) {
    return memcmp(pixel, pixel + 3, CROP - 3) == 0;
}

static void add_crop(crops_t *crops, const uint8_t *pixel, bool for_test) {
    if (is_one_colour(pixel)) return;
    if (crops->n == crops->cap) grow(crops);
    int64_t *slot = find_slot(crops, pixel);
    if (*slot >= 0) return;
    memcpy(crops->pixel + crops->n * CROP, pixel, CROP);
    crops->for_test[crops->n] = for_test;
    *slot = crops->n++;
}

static void cut(void *user, const char *name, const bitmap_t *image) {
    uint8_t crop[CROP];
    const bool for_test = name_for_test(name);
    for (int64_t top = 0; top + SIDE <= image->h; top += SIDE)
        for (int64_t left = 0; left + SIDE <= image->w; left += SIDE) {
            for (int64_t y = 0; y < SIDE; y++) memcpy(crop + y * SIDE * 3, image->pixel + ((top + y) * image->w + left) * 3, SIDE * 3);
            add_crop(user, crop, for_test);
        }
}

/* Copies the crops of one split, scaled. */
static void take(data_t *data, const crops_t *crops, bool for_test, const data_shape_t *to) {
    const int64_t h = to->h, w = to->w, c = to->c;
    int64_t n = 0;
    for (int64_t i = 0; i < crops->n; i++) n += crops->for_test[i] == for_test;
    *data = (data_t){.extent = extent_image(h, w, c)};
    if (n == 0) return;
    data->u8 = mem_alloc(n, (size_t)(h * w * c));
    for (int64_t i = 0; i < crops->n; i++) {
        if (crops->for_test[i] != for_test) continue;
        const bitmap_t image = {.h = SIDE, .w = SIDE, .c = 3, .pixel = crops->pixel + i * CROP};
        bitmap_fit(&image, h, w, c, data->u8 + data->n++ * h * w * c);
    }
}

void data_load_wad(data_set_t *set, const char *const *path, size_t n_path) {
    crops_t crops = {0};
    data_want_picture(set);
    for (size_t i = 0; i < n_path; i++) {
        wad_t wad;
        wad_open(&wad, path[i]);
        wad_textures(&wad, cut, &crops);
        wad_close(&wad);
    }
    const data_shape_t to = data_shape(set, crops.n, SIDE, SIDE, 3);
    take(&set->train, &crops, false, &to);
    take(&set->test, &crops, true, &to);
    if (set->train.n == 0) {
        free(set->train.u8);
        set->train = set->test;
        set->test = (data_t){0};
    }
    free(crops.pixel);
    free(crops.for_test);
    free(crops.slot);
}

void data_load_freedoom(data_set_t *set) {
    const char *own = getenv("VAE_DATA");
    const char *folder = own && own[0] ? own : "/usr/share/games/doom";
    char *one = path_join(folder, "freedoom1.wad"), *two = path_join(folder, "freedoom2.wad");
    if (!path_exists(one) || !path_exists(two))
        die(EXIT_RUNTIME,
            "freedoom: freedoom1.wad and freedoom2.wad are not in %s; apt install freedoom, or set VAE_DATA to their "
            "folder",
            folder);
    data_load_wad(set, (const char *[]){one, two}, 2);
    free(one);
    free(two);
}
