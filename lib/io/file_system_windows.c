/* SPDX-License-Identifier: MIT
 * file_system_windows.c - reads a file and replaces one by the calls of Windows.
 *
 *     create path.tmp.<pid> (it must not exist) -> write -> FlushFileBuffers -> close -> MoveFileEx over path
 *
 * Paths are UTF-8 and are converted for the wide calls, independent of the code page of the system. MoveFileEx with MOVEFILE_WRITE_THROUGH
 * returns when the new name is on the disk, so no folder needs to be flushed. It fails while another program has the old file open and does
 * not share the right to delete it; this library shares that right for the files that it reads. The system's error sentences are in
 * English, independent of the language of the system. */
#include "io/file_system.h"

#include "base/system.h"

#if VAEI_FILES == VAEI_WINDOWS
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include "base/threads.h"

#define CHUNK ((DWORD)1 << 30) /* bytes of one call */
#define NAMES 100              /* names that are tried for a temporary file */

static HANDLE handle_of(vaei_fs_file file) {
    return (HANDLE)file;
}

/* Returns 1 with the thread's error set if a test wants this call to fail. */
static int is_failed(const char *call) {
    const int error = vaei_fs_error_of_test(call);
    if (error == 0) return 0;
    SetLastError((DWORD)error);
    return 1;
}

static vae_status_t io_fail(const char *path, const char *call) {
    const DWORD error = GetLastError();
    WCHAR wide[128];
    char reason[4 * VAEI_COUNT(wide)];
    DWORD length = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS | FORMAT_MESSAGE_MAX_WIDTH_MASK, NULL, error,
                                  MAKELANGID(LANG_ENGLISH, SUBLANG_ENGLISH_US), wide, VAEI_COUNT(wide), NULL);
    while (length > 0 && (wide[length - 1] == L' ' || wide[length - 1] == L'.')) length--;
    const int bytes = WideCharToMultiByte(CP_UTF8, 0, wide, (int)length, reason, sizeof reason, NULL, NULL);
    if (bytes <= 0) return vaei_fail(VAE_E_IO, "%.120s: %s: error %lu", path, call, (unsigned long)error);
    return vaei_fail(VAE_E_IO, "%.120s: %s: %.*s", path, call, bytes, reason);
}

/* Converts the path to UTF-16. */
static vae_status_t widen(WCHAR **out, vaei_arena *arena, const char *path) {
    const int length = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, NULL, 0);
    if (length <= 0) return io_fail(path, "path");
    *out = vaei_arena_array(arena, (size_t)length, sizeof **out);
    if (!*out) return VAE_E_NOMEM;
    (void)MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, *out, length);
    return VAE_OK;
}

/* ---- reading ---- */

static int is_folder(const WCHAR *name) {
    const DWORD attributes = GetFileAttributesW(name);
    return attributes != INVALID_FILE_ATTRIBUTES && attributes & FILE_ATTRIBUTE_DIRECTORY;
}

vae_status_t vaei_fs_open(vaei_fs_file *out, uint64_t *size, vaei_arena *arena, const char *path) {
    const DWORD share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
    WCHAR *name;
    LARGE_INTEGER bytes;
    VAEI_TRY(widen(&name, arena, path));
    if (is_folder(name)) return vaei_fail(VAE_E_IO, "%.120s: not a regular file", path);
    const HANDLE h =
        is_failed("open") ? INVALID_HANDLE_VALUE : CreateFileW(name, GENERIC_READ, share, NULL, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
    if (h == INVALID_HANDLE_VALUE) return io_fail(path, "open");
    if (GetFileType(h) != FILE_TYPE_DISK) { /* it is a pipe or a device */
        (void)CloseHandle(h);
        return vaei_fail(VAE_E_IO, "%.120s: not a regular file", path);
    }
    if (is_failed("fstat") || !GetFileSizeEx(h, &bytes)) {
        const vae_status_t status = io_fail(path, "size");
        (void)CloseHandle(h);
        return status;
    }
    *size = (uint64_t)bytes.QuadPart;
    *out = (vaei_fs_file)h;
    return VAE_OK;
}

int32_t vaei_fs_exists(vaei_arena *arena, const char *path) {
    WCHAR *name;
    return widen(&name, arena, path) == VAE_OK && GetFileAttributesW(name) != INVALID_FILE_ATTRIBUTES;
}

size_t vaei_fs_folder(const char *path) {
    size_t length = strlen(path);
    while (length > 0 && !strchr("/\\:", path[length - 1])) length--;
    return length;
}

vae_status_t vaei_fs_read(vaei_fs_file file, uint64_t offset, void *data, size_t size, const char *path) {
    char *at = data;
    for (size_t left = size; left > 0;) {
        OVERLAPPED place = {.Offset = (DWORD)offset, .OffsetHigh = (DWORD)(offset >> 32)};
        DWORD got = 0;
        const int done = !is_failed("read") && ReadFile(handle_of(file), at, left < CHUNK ? (DWORD)left : CHUNK, &got, &place);
        if (!done && GetLastError() != ERROR_HANDLE_EOF) return io_fail(path, "read");
        if (got == 0) return vaei_fail(VAE_E_FORMAT, "%.120s: the file became shorter while it was read", path);
        at += got;
        offset += got;
        left -= got;
    }
    return VAE_OK;
}

void vaei_fs_close(vaei_fs_file file) {
    (void)CloseHandle(handle_of(file));
}

/* ---- replacing ---- */

vae_status_t vaei_fs_begin(vaei_fs_new *f, vaei_arena *arena, const char *path) {
    const long long process = (long long)vaei_process();
    HANDLE h = INVALID_HANDLE_VALUE;
    WCHAR *name, *temporary = NULL;
    VAEI_TRY(widen(&name, arena, path));
    for (int i = 0; i < NAMES && h == INVALID_HANDLE_VALUE; i++) {
        const char *const aside =
            i == 0 ? vaei_arena_format(arena, "%s.tmp.%lld", path, process) : vaei_arena_format(arena, "%s.tmp.%lld.%d", path, process, i);
        if (!aside) return VAE_E_NOMEM;
        VAEI_TRY(widen(&temporary, arena, aside));
        h = is_failed("open") ? INVALID_HANDLE_VALUE
                              : CreateFileW(temporary, GENERIC_WRITE, 0, NULL, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, NULL);
        if (h == INVALID_HANDLE_VALUE && GetLastError() != ERROR_FILE_EXISTS) break;
    }
    if (h == INVALID_HANDLE_VALUE) return io_fail(path, "open");
    *f = (vaei_fs_new){.file = (vaei_fs_file)h, .path = path, .name = name, .temporary = temporary};
    return VAE_OK;
}

vae_status_t vaei_fs_write(const vaei_fs_new *f, const void *data, size_t size) {
    const char *at = data;
    for (size_t left = size; left > 0;) {
        DWORD done = 0;
        if (is_failed("write") || !WriteFile(handle_of(f->file), at, left < CHUNK ? (DWORD)left : CHUNK, &done, NULL))
            return io_fail(f->path, "write");
        at += done;
        left -= done;
    }
    return VAE_OK;
}

void vaei_fs_cancel(vaei_fs_new *f) {
    if (f->file != VAEI_FS_NO_FILE) (void)CloseHandle(handle_of(f->file));
    (void)DeleteFileW(f->temporary);
    f->file = VAEI_FS_NO_FILE;
}

static vae_status_t flush_and_close(vaei_fs_new *f) {
    const HANDLE h = handle_of(f->file);
    if (is_failed("fsync") || !FlushFileBuffers(h)) return io_fail(f->path, "flush");
    f->file = VAEI_FS_NO_FILE; /* the file is closed even if CloseHandle fails */
    const int closed = CloseHandle(h);
    if (is_failed("close") || !closed) return io_fail(f->path, "close");
    return VAE_OK;
}

vae_status_t vaei_fs_commit(vaei_fs_new *f, vaei_arena *arena) {
    (void)arena;
    vae_status_t status = flush_and_close(f);
    if (status == VAE_OK &&
        (is_failed("rename") || !MoveFileExW(f->temporary, f->name, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)))
        status = io_fail(f->path, "rename");
    if (status < 0) vaei_fs_cancel(f);
    return status;
}
#endif
