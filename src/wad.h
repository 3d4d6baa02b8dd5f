/* SPDX-License-Identifier: MIT
 * wad.h - reads the textures of a Doom WAD file.
 *
 * A WAD is an archive of named lumps: "IWAD" or "PWAD", the number of lumps, the directory's offset; the directory has
 * 16 bytes for each lump: offset, size, name of 8 bytes. All numbers are little-endian. These lumps are read:
 *
 *     PLAYPAL                 256 colours of 3 bytes; the first palette is used
 *     F_START .. F_END        flats (floors, ceilings): 64x64 palette indices, 4096 bytes; FF_START and FF_END too
 *     TEXTURE1, TEXTURE2      wall textures: a size and the patches to draw, one over another
 *     PNAMES                  the patches' lumps by number
 *
 * A patch is a picture of columns, each of runs of opaque pixels, or a PNG. Every offset and size is checked; a file
 * that breaks a rule ends the program with exit code 3 and its name. */
#ifndef WAD_H
#define WAD_H

#include "bitmap.h"

#define WAD_NAME 9 /* bytes of a lump's name with its NUL */

typedef struct wad {
    const char *path;
    uint8_t *byte;
    int64_t size;
    int64_t n; /* lumps */
    int64_t directory;
} wad_t;

bool wad_is(const uint8_t *head, size_t n);

void wad_open(wad_t *wad, const char *path);
void wad_close(wad_t *wad);

/* Called with each flat and each wall texture that covers its whole rectangle, in the order of the file. The image has 3 channels and
 * exists only during the call. */
typedef void wad_visit_t(void *user, const char *name, const bitmap_t *image);
void wad_textures(const wad_t *wad, wad_visit_t *visit, void *user);

#endif
