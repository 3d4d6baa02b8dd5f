/* SPDX-License-Identifier: MIT
 * file_system_none.c - is for a build without files: models are loaded from memory, and a call with a path fails with a sentence that
 * says so. */
#include "io/file_system.h"

#include "base/system.h"

#if VAEI_FILES == VAEI_NONE

static vae_status_t refuse(const char *path) {
    return vaei_fail(VAE_E_UNSUPPORTED, "%.120s: this build of libvae has no files, only memory", path);
}

vae_status_t vaei_fs_open(vaei_fs_file *file, uint64_t *size, vaei_arena *arena, const char *path) {
    (void)file, (void)size, (void)arena;
    return refuse(path);
}

int32_t vaei_fs_exists(vaei_arena *arena, const char *path) {
    (void)arena, (void)path;
    return 0;
}

size_t vaei_fs_folder(const char *path) {
    (void)path;
    return 0;
}

vae_status_t vaei_fs_read(vaei_fs_file file, uint64_t offset, void *data, size_t size, const char *path) {
    (void)file, (void)offset, (void)data, (void)size;
    return refuse(path);
}

void vaei_fs_close(vaei_fs_file file) {
    (void)file;
}

vae_status_t vaei_fs_begin(vaei_fs_new *f, vaei_arena *arena, const char *path) {
    (void)f, (void)arena;
    return refuse(path);
}

vae_status_t vaei_fs_write(const vaei_fs_new *f, const void *data, size_t size) {
    (void)data, (void)size;
    return refuse(f->path);
}

vae_status_t vaei_fs_commit(vaei_fs_new *f, vaei_arena *arena) {
    (void)arena;
    return refuse(f->path);
}

void vaei_fs_cancel(vaei_fs_new *f) {
    (void)f;
}
#endif
