/* SPDX-License-Identifier: MIT
 * wad.c - reads WAD files (The Unofficial Doom Specs, chapters 2, 5 and 8).
 *
 *     texture      name[8], 4 bytes, i16 width, height, 4 bytes, i16 patches; for each patch:
 *                  i16 x, y of its corner, u16 number in PNAMES, 4 bytes
 *     patch        u16 width, height, i16 offsets (unused here); for each column u32, where its runs begin
 *     run          u8 first row, u8 length, one byte, the pixels, one byte; 255 ends the column
 *
 * In pictures higher than 254, the first row of a run is relative to the run before if it is not below that run ("tall
 * patches"). As in the game, the last lump of a name is used, and the case of names is ignored. A texture with a patch that
 * is not in the file is skipped; add-ons use patches of the game. */
#include "wad.h"
#include "console.h"
#include "files.h"
#include "mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
    FLAT = 64,
    FLAT_BYTES = FLAT * FLAT,
    COLOURS = 256,
    LUMP = 16,      /* bytes of a directory entry, */
    TEXTURE = 22,   /* of a texture's head, */
    PLACEMENT = 10, /* of one patch in it */
    MOST_SIDE = 4096,
    MOST_LUMPS = 1 << 16,
    OPAQUE = 250 /* alpha of a PNG from which on a pixel is opaque */
};
#define MOST_FILE ((int64_t)1 << 29)
/* A game's textures draw less than 30 pixels for each byte of the file, and store 4 bytes of patches. */
#define FREE_WORK ((int64_t)1 << 24) /* pixels drawn for one file, and names compared: this much and */
#define WORK      64                 /* so many for each of its bytes */
#define FREE_KEPT ((int64_t)1 << 24) /* bytes of its stored patches: this much and */
#define KEPT      8                  /* so many for each byte, */
#define MOST_KEPT ((int64_t)1 << 28) /* at most this */

typedef struct lump {
    const uint8_t *byte;
    int64_t size;
    char name[WAD_NAME]; /* in capitals */
} lump_t;

/* A patch as a picture: its colours and where they are. */
typedef struct patch {
    bool read, missing;
    int64_t h, w;
    uint8_t *pixel; /* [h][w][4], A is 0 or 255 */
} patch_t;

/* The data that composing textures needs. */
typedef struct composer {
    const wad_t *wad;
    const uint8_t *palette;
    lump_t names; /* PNAMES */
    patch_t *patch;
    int64_t n_patch;
    int64_t work, kept; /* up to now */
    wad_visit_t *visit;
    void *user;
} composer_t;

static int64_t u16(const uint8_t *p) {
    return p[0] | p[1] << 8;
}

static int64_t i16(const uint8_t *p) {
    const int64_t value = u16(p);
    return value < 0x8000 ? value : value - 0x10000;
}

static int64_t u32(const uint8_t *p) {
    return u16(p) | u16(p + 2) << 16;
}

bool wad_is(const uint8_t *head, size_t n) {
    return n >= 4 && (memcmp(head, "IWAD", 4) == 0 || memcmp(head, "PWAD", 4) == 0);
}

static void copy_name(char name[WAD_NAME], const uint8_t *from) {
    memset(name, 0, WAD_NAME);
    for (int i = 0; i < WAD_NAME - 1 && from[i]; i++) name[i] = (char)toupper(from[i]);
}

static lump_t lump_at(const wad_t *wad, int64_t i) {
    const uint8_t *entry = wad->byte + wad->directory + i * LUMP;
    const int64_t size = u32(entry + 4);
    lump_t lump = {.byte = wad->byte + (size ? u32(entry) : 0), .size = size};
    copy_name(lump.name, entry + 8);
    return lump;
}

/* Returns the last lump of this name; false if there is none. */
static bool lump_find(const wad_t *wad, const char *name, lump_t *lump) {
    for (int64_t i = wad->n; i-- > 0;) {
        *lump = lump_at(wad, i);
        if (strcmp(lump->name, name) == 0) return true;
    }
    return false;
}

void wad_open(wad_t *wad, const char *path) {
    size_t size;
    *wad = (wad_t){.path = path};
    wad->byte = file_read(path, MOST_FILE, &size);
    wad->size = (int64_t)size;
    if (!wad_is(wad->byte, size)) die(EXIT_FORMAT, "%s: not a WAD file: it begins with neither IWAD nor PWAD", path);
    if (size < 12) die(EXIT_FORMAT, "%s: cut short: a WAD file's head has 12 bytes", path);
    wad->n = u32(wad->byte + 4);
    wad->directory = u32(wad->byte + 8);
    if (wad->n > MOST_LUMPS) die(EXIT_FORMAT, "%s: %lld lumps, at most %d are read", path, (long long)wad->n, MOST_LUMPS);
    if (wad->directory < 12 || wad->directory + wad->n * LUMP > wad->size)
        die(EXIT_FORMAT, "%s: cut short: the directory of %lld lumps at byte %lld reaches past the end at %lld", path, (long long)wad->n,
            (long long)wad->directory, (long long)wad->size);
    for (int64_t i = 0; i < wad->n; i++) {
        const uint8_t *entry = wad->byte + wad->directory + i * LUMP;
        const int64_t offset = u32(entry), bytes = u32(entry + 4);
        if (bytes > 0 && offset + bytes > wad->size)
            die(EXIT_FORMAT, "%s: lump %lld holds bytes %lld to %lld, the file %lld", path, (long long)i, (long long)offset,
                (long long)(offset + bytes), (long long)wad->size);
    }
}

void wad_close(wad_t *wad) {
    free(wad->byte);
    wad->byte = NULL;
}

static noreturn void bad_patch(const composer_t *composer, const char *name, const char *what) {
    die(EXIT_FORMAT, "%s: patch %s: %s", composer->wad->path, name, what);
}

static void require_work(composer_t *composer, int64_t pixels) {
    composer->work += pixels;
    if (composer->work > FREE_WORK + WORK * composer->wad->size)
        die(EXIT_FORMAT, "%s: its textures take more work to draw than any game's", composer->wad->path);
}

/* Dies if there is no space for one more patch. */
static void require_room(composer_t *composer, int64_t h, int64_t w) {
    const int64_t bound = FREE_KEPT + KEPT * composer->wad->size;
    composer->kept += h * w * 4;
    if (composer->kept > (bound < MOST_KEPT ? bound : MOST_KEPT))
        die(EXIT_FORMAT, "%s: its patches take more memory, %lld bytes, than any game's of its size", composer->wad->path,
            (long long)composer->kept);
}

/* Reads one column of a patch, from its first run to the byte 255. */
static void read_column(composer_t *composer, const lump_t *lump, patch_t *patch, int64_t x, int64_t at) {
    int64_t top = -1;
    for (;;) {
        if (at >= lump->size) bad_patch(composer, lump->name, "a column reaches past the end");
        const uint8_t *run = lump->byte + at;
        if (run[0] == 255) return;
        if (at + 4 > lump->size || at + 4 + run[1] > lump->size) bad_patch(composer, lump->name, "a run of pixels reaches past the end");
        require_work(composer, 1 + run[1]);
        top = top >= 0 && run[0] <= top ? top + run[0] : run[0];
        for (int64_t i = 0; i < run[1] && top + i < patch->h; i++) {
            uint8_t *pixel = patch->pixel + ((top + i) * patch->w + x) * 4;
            memcpy(pixel, composer->palette + run[3 + i] * 3, 3);
            pixel[3] = 255;
        }
        at += 4 + run[1];
    }
}

static void read_columns(composer_t *composer, const lump_t *lump, patch_t *patch) {
    if (lump->size < 8) bad_patch(composer, lump->name, "cut short");
    patch->w = u16(lump->byte);
    patch->h = u16(lump->byte + 2);
    if (patch->w < 1 || patch->w > MOST_SIDE || patch->h < 1 || patch->h > MOST_SIDE)
        bad_patch(composer, lump->name, "width and height lie outside 1 to 4096");
    if (8 + 4 * patch->w > lump->size) bad_patch(composer, lump->name, "cut short");
    require_work(composer, patch->w * patch->h);
    require_room(composer, patch->h, patch->w);
    patch->pixel = mem_alloc(patch->h * patch->w, 4);
    for (int64_t x = 0; x < patch->w; x++) read_column(composer, lump, patch, x, u32(lump->byte + 8 + 4 * x));
}

static void read_png(composer_t *composer, const lump_t *lump, patch_t *patch) {
    char why[BITMAP_WHY] = "";
    bitmap_t image;
    if (!bitmap_decode_png_rgba(&image, lump->byte, (size_t)lump->size, MOST_SIDE, why)) bad_patch(composer, lump->name, why);
    require_work(composer, image.h * image.w);
    require_room(composer, image.h, image.w);
    for (int64_t p = 0; p < image.h * image.w; p++) image.pixel[p * 4 + 3] = image.pixel[p * 4 + 3] < OPAQUE ? 0 : 255;
    *patch = (patch_t){.read = true, .h = image.h, .w = image.w, .pixel = image.pixel};
}

/* Returns the patch of this number, which is read when it is first used; NULL if the file does not contain it. */
static const patch_t *patch_get(composer_t *composer, int64_t number) {
    patch_t *patch = &composer->patch[number];
    char name[WAD_NAME];
    lump_t lump;
    if (patch->read) return patch->missing ? NULL : patch;
    patch->read = true;
    copy_name(name, composer->names.byte + 4 + 8 * number);
    require_work(composer, composer->wad->n);
    patch->missing = !lump_find(composer->wad, name, &lump);
    if (patch->missing) return NULL;
    if (bitmap_format_of(lump.byte, (size_t)lump.size)) read_png(composer, &lump, patch);
    else read_columns(composer, &lump, patch);
    return patch;
}

/* Draws a patch with its corner at (left, top) and clips it to the texture. */
static void draw(bitmap_t *image, bool *covered, const patch_t *patch, int64_t left, int64_t top) {
    for (int64_t y = top < 0 ? -top : 0; y < patch->h && top + y < image->h; y++)
        for (int64_t x = left < 0 ? -left : 0; x < patch->w && left + x < image->w; x++) {
            const uint8_t *pixel = patch->pixel + (y * patch->w + x) * 4;
            const int64_t at = (top + y) * image->w + left + x;
            if (pixel[3] == 0) continue;
            memcpy(image->pixel + at * 3, pixel, 3);
            covered[at] = true;
        }
}

static void compose(composer_t *composer, const lump_t *lump, int64_t at) {
    char name[WAD_NAME];
    const char *path = composer->wad->path;
    if (at + TEXTURE > lump->size) die(EXIT_FORMAT, "%s: %s: a texture reaches past the end", path, lump->name);
    const uint8_t *head = lump->byte + at;
    const int64_t w = i16(head + 12), h = i16(head + 14), n = i16(head + 20);
    copy_name(name, head);
    if (w < 1 || w > MOST_SIDE || h < 1 || h > MOST_SIDE)
        die(EXIT_FORMAT, "%s: texture %s is %lldx%lld, wanted 1 to %d", path, name, (long long)w, (long long)h, MOST_SIDE);
    if (n < 0 || at + TEXTURE + n * PLACEMENT > lump->size)
        die(EXIT_FORMAT, "%s: texture %s: its %lld patches reach past the end", path, name, (long long)n);
    bitmap_t image = bitmap_new(h, w, 3, 0);
    bool *covered = mem_alloc(h * w, sizeof *covered);
    bool whole = true;
    require_work(composer, h * w);
    for (int64_t i = 0; i < n; i++) {
        const uint8_t *placement = head + TEXTURE + i * PLACEMENT;
        const int64_t number = u16(placement + 4);
        if (number >= composer->n_patch)
            die(EXIT_FORMAT, "%s: texture %s wants patch %lld, PNAMES has %lld", path, name, (long long)number,
                (long long)composer->n_patch);
        const patch_t *patch = patch_get(composer, number);
        whole = patch != NULL;
        if (!whole) break;
        require_work(composer, patch->h * patch->w);
        draw(&image, covered, patch, i16(placement), i16(placement + 2));
    }
    for (int64_t i = 0; whole && i < h * w; i++) whole = covered[i];
    if (whole) composer->visit(composer->user, name, &image);
    free(covered);
    bitmap_free(&image);
}

static void compose_all(composer_t *composer, const char *name) {
    lump_t lump;
    if (!lump_find(composer->wad, name, &lump)) return;
    const char *path = composer->wad->path;
    if (!composer->names.byte) {
        if (!lump_find(composer->wad, "PNAMES", &composer->names)) die(EXIT_FORMAT, "%s: %s without PNAMES", path, name);
        const lump_t *names = &composer->names;
        composer->n_patch = names->size < 4 ? -1 : u32(names->byte);
        if (composer->n_patch < 0 || 4 + 8 * composer->n_patch > names->size) die(EXIT_FORMAT, "%s: PNAMES is cut short", path);
        composer->patch = mem_alloc(composer->n_patch, sizeof *composer->patch);
    }
    const int64_t n = lump.size < 4 ? -1 : u32(lump.byte);
    if (n < 0 || 4 + 4 * n > lump.size) die(EXIT_FORMAT, "%s: %s is cut short", path, name);
    for (int64_t i = 0; i < n; i++) compose(composer, &lump, u32(lump.byte + 4 + 4 * i));
}

static void visit_flats(const composer_t *composer) {
    bool inside = false;
    bitmap_t image = bitmap_new(FLAT, FLAT, 3, 0);
    for (int64_t i = 0; i < composer->wad->n; i++) {
        const lump_t lump = lump_at(composer->wad, i);
        const bool begins = strcmp(lump.name, "F_START") == 0 || strcmp(lump.name, "FF_START") == 0;
        const bool ends = strcmp(lump.name, "F_END") == 0 || strcmp(lump.name, "FF_END") == 0;
        inside = begins || (inside && !ends);
        if (!inside || lump.size != FLAT_BYTES) continue;
        for (int64_t p = 0; p < FLAT_BYTES; p++) memcpy(image.pixel + p * 3, composer->palette + lump.byte[p] * 3, 3);
        composer->visit(composer->user, lump.name, &image);
    }
    if (inside) die(EXIT_FORMAT, "%s: F_START without F_END", composer->wad->path);
    bitmap_free(&image);
}

void wad_textures(const wad_t *wad, wad_visit_t *visit, void *user) {
    lump_t palette;
    if (!lump_find(wad, "PLAYPAL", &palette)) die(EXIT_FORMAT, "%s: no PLAYPAL, the colours of its pictures", wad->path);
    if (palette.size < 3 * COLOURS)
        die(EXIT_FORMAT, "%s: PLAYPAL has %lld bytes, a palette takes %d", wad->path, (long long)palette.size, 3 * COLOURS);
    composer_t composer = {.wad = wad, .palette = palette.byte, .visit = visit, .user = user};
    visit_flats(&composer);
    compose_all(&composer, "TEXTURE1");
    compose_all(&composer, "TEXTURE2");
    for (int64_t i = 0; i < composer.n_patch; i++) free(composer.patch[i].pixel);
    free(composer.patch);
}
