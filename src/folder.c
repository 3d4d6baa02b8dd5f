/* SPDX-License-Identifier: MIT
 * folder.c - lists the files of folders.
 *
 * Links are followed last, so a folder of the tree is listed at its own place, whatever links lead to it. */
#include "folder.h"
#include "console.h"
#include "files.h"
#include "mem.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct link {
    char *path;
    int level;
} link_t;

/* A walk through folders: those already listed, as a hash table with open addressing, and the links to folders that are followed later. */
typedef struct walk {
    folder_t *folder;
    struct identity {
        dev_t device;
        ino_t number;
        bool used;
    } * seen;
    int64_t n_seen, slots; /* slots: a power of two, more than twice n_seen */
    link_t *link;
    int64_t n_links, cap_links;
} walk_t;

static struct identity *find_slot(const walk_t *walk, dev_t device, ino_t number) {
    uint64_t at = ((uint64_t)number * 0x9e3779b97f4a7c15u) ^ (uint64_t)device;
    for (;; at++) {
        struct identity *slot = &walk->seen[at & (uint64_t)(walk->slots - 1)];
        if (!slot->used || (slot->device == device && slot->number == number)) return slot;
    }
}

/* Returns true if the folder is listed for the first time. */
static bool first_time(walk_t *walk, const struct stat *info) {
    if (2 * (walk->n_seen + 1) > walk->slots) {
        const walk_t old = *walk;
        walk->slots = old.slots ? old.slots * 2 : 64;
        walk->seen = mem_alloc(walk->slots, sizeof *walk->seen);
        for (int64_t i = 0; i < old.slots; i++)
            if (old.seen[i].used) *find_slot(walk, old.seen[i].device, old.seen[i].number) = old.seen[i];
        free(old.seen);
    }
    struct identity *slot = find_slot(walk, info->st_dev, info->st_ino);
    if (slot->used) return false;
    *slot = (struct identity){info->st_dev, info->st_ino, true};
    walk->n_seen++;
    return true;
}

static void add_file(folder_t *folder, char *path) {
    if (folder->n == folder->cap) {
        folder->cap = folder->cap * 2 + 64;
        folder->file = mem_grow(folder->file, folder->cap, sizeof *folder->file);
    }
    folder->file[folder->n++] = path;
}

static void add_link(walk_t *walk, char *path, int level) {
    if (walk->n_links == walk->cap_links) {
        walk->cap_links = walk->cap_links * 2 + 16;
        walk->link = mem_grow(walk->link, walk->cap_links, sizeof *walk->link);
    }
    walk->link[walk->n_links++] = (link_t){path, level};
}

static void not_read(walk_t *walk, const char *path, const char *why) {
    walk->folder->n_unread++;
    warn("%s: left out: %s", path, why);
}

static void enter(walk_t *walk, const char *path, int level);

static void take_entry(walk_t *walk, const char *parent, const char *name, int level) {
    struct stat own = {0}, info;
    char *path = path_join(parent, name);
    (void)lstat(path, &own);
    if (stat(path, &info) != 0) {
        not_read(walk, path, strerror(errno));
    } else if (S_ISREG(info.st_mode)) {
        add_file(walk->folder, path);
        return;
    } else if (S_ISDIR(info.st_mode) && S_ISLNK(own.st_mode)) {
        add_link(walk, path, level + 1);
        return;
    } else if (S_ISDIR(info.st_mode)) {
        enter(walk, path, level + 1);
    }
    free(path);
}

static void enter(walk_t *walk, const char *path, int level) {
    struct stat info;
    if (level > FOLDER_MOST_LEVELS) {
        not_read(walk, path, "it lies deeper than 16 folders");
        return;
    }
    DIR *stream = opendir(path);
    if (!stream) {
        if (level == 0) die(EXIT_RUNTIME, "%s: %s", path, strerror(errno)); /* LCOV_EXCL_BR_LINE: root may read every folder */
        not_read(walk, path, strerror(errno));
        return;
    }
    (void)fstat(dirfd(stream), &info); /* an open folder exists */
    if (first_time(walk, &info)) {
        for (struct dirent *entry; (entry = readdir(stream));) {
            const char *name = entry->d_name;
            if (name[0] != '.') take_entry(walk, path, name, level);
            else if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) walk->folder->n_hidden++;
        }
    }
    closedir(stream);
}

/* A slash comes before all other characters, so that the files of a folder are together, behind those of folders with shorter names. */
static int bytewise(const void *a, const void *b) {
    const unsigned char *x = *(unsigned char *const *)a, *y = *(unsigned char *const *)b;
    while (*x && *x == *y) x++, y++;
    const int left = *x == '/' ? 1 : *x ? *x + 1 : 0, right = *y == '/' ? 1 : *y ? *y + 1 : 0;
    return (left > right) - (left < right);
}

const char *folder_inside(const folder_t *folder, const char *file) {
    const char *inside = file + strlen(folder->path);
    return inside + (*inside == '/');
}

int folder_levels(const folder_t *folder, const char *file) {
    int levels = 0;
    if (!folder->path) return levels;
    for (const char *p = folder_inside(folder, file); *p; p++) levels += *p == '/';
    return levels;
}

/* Moves the files of the folder itself to the front, in their order. */
static void own_files_first(folder_t *folder) {
    char **sorted = mem_alloc(folder->n, sizeof *sorted);
    int64_t n = 0;
    for (int round = 0; round < 2; round++)
        for (int64_t i = 0; i < folder->n; i++)
            if ((folder_levels(folder, folder->file[i]) > 0) == (round == 1)) sorted[n++] = folder->file[i];
    free(folder->file);
    folder->file = sorted;
    folder->cap = folder->n;
}

void folder_list(folder_t *folder, const char *path) {
    *folder = (folder_t){.path = path};
    walk_t walk = {.folder = folder};
    enter(&walk, path, 0);
    for (int64_t i = 0; i < walk.n_links; i++) { /* a link may add more links */
        enter(&walk, walk.link[i].path, walk.link[i].level);
        free(walk.link[i].path);
    }
    free(walk.link);
    free(walk.seen);
    if (folder->n) qsort(folder->file, (size_t)folder->n, sizeof *folder->file, bytewise);
    own_files_first(folder);
}

void folder_list_several(folder_t *folder, const char *const *path, size_t n) {
    *folder = (folder_t){0};
    for (size_t i = 0; i < n; i++) {
        if (!path_exists(path[i])) die(EXIT_RUNTIME, "%s: no such file; several arguments are pictures and folders of them", path[i]);
        if (!path_is_folder(path[i])) add_file(folder, mem_text(path[i]));
    }
    folder->n_named = folder->n;
    for (size_t i = 0; i < n; i++) {
        if (!path_is_folder(path[i])) continue;
        folder_t one;
        folder_list(&one, path[i]);
        for (int64_t k = 0; k < one.n; k++) add_file(folder, one.file[k]);
        folder->n_hidden += one.n_hidden;
        folder->n_unread += one.n_unread;
        free(one.file);
    }
}

void folder_free(folder_t *folder) {
    for (int64_t i = 0; i < folder->n; i++) free(folder->file[i]);
    free(folder->file);
    *folder = (folder_t){0};
}

const char *folder_find(const folder_t *folder, const char *name, int levels) {
    for (int64_t i = 0; i < folder->n; i++) {
        const char *file = folder->file[i]; /* it has a slash, the one behind the folder */
        if (strcmp(strrchr(file, '/') + 1, name) == 0 && folder_levels(folder, file) <= levels) return file;
    }
    return NULL;
}
