/* SPDX-License-Identifier: MIT
 * folder.h - lists the files of a folder and of all folders in it, in an order that is the same on every machine. */
#ifndef FOLDER_H
#define FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FOLDER_MOST_LEVELS 16 /* levels of folders in folders */

typedef struct folder {
    const char *path; /* NULL: the files and folders come from several places */
    char **file;      /* [n] paths: those of the folder itself first, then folder by folder, all in bytewise order */
    int64_t n, cap;
    int64_t n_named;  /* if they come from several places: the number of files at the front that were named themselves */
    int64_t n_hidden; /* files and folders whose name begins with a dot, which are skipped */
    int64_t n_unread; /* folders and links that could not be followed, each named in a warning */
} folder_t;

/* Lists regular files. Links are followed; a folder that is reached by several links, or by a link and its name, is listed once, so
 * there are no loops. The path must exist in memory as long as the list. */
void folder_list(folder_t *folder, const char *path);
void folder_free(folder_t *folder);

/* Lists named files, then the files of folders, in the given order. All files are at level 0, because no folder contains all of them. */
void folder_list_several(folder_t *folder, const char *const *path, size_t n);

/* Returns the part of a path behind the folder's own path. */
const char *folder_inside(const folder_t *folder, const char *file);

/* The number of folders between the folder and the file. */
int folder_levels(const folder_t *folder, const char *file);

/* Returns the first file of this name at most this many levels below; NULL if there is none. */
const char *folder_find(const folder_t *folder, const char *name, int levels);

#endif
