/* SPDX-License-Identifier: MIT
 * folder.h - the files of a folder and of all folders in it, in an order that is the same on every machine. */
#ifndef FOLDER_H
#define FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FOLDER_MOST_LEVELS 16 /* of folders in folders */

typedef struct folder {
    const char *path; /* NULL: files and folders from several places */
    char **file;      /* [n] paths: those of the folder itself first, then folder by folder, all in bytewise order */
    int64_t n, cap;
    int64_t n_named;  /* of files from several places, the first ones, which were named themselves */
    int64_t n_hidden; /* files and folders whose name begins with a dot, which are passed over */
    int64_t n_unread; /* folders and links that could not be followed, each named in a warning */
} folder_t;

/* List regular files. Links are followed; a folder that several links lead to, or a link and a name, is entered once, so there
 * are no loops. The path must live as long as the list. */
void folder_list(folder_t *folder, const char *path);
void folder_free(folder_t *folder);

/* Files as they are named, then the files of folders, in the order given. Each is on no level: there is no folder that all lie in. */
void folder_list_several(folder_t *folder, const char *const *path, size_t n);

/* What stands behind the folder's own path. */
const char *folder_inside(const folder_t *folder, const char *file);

/* The folders between the folder and the file. */
int folder_levels(const folder_t *folder, const char *file);

/* The first file of this name, at most this many folders below; NULL if there is none. */
const char *folder_find(const folder_t *folder, const char *name, int levels);

#endif
