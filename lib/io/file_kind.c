/* SPDX-License-Identifier: MIT
 * file_kind.c - recognises file formats by their first bytes, for error sentences only. */
#include "io/file_kind.h"

#include <string.h>

static const struct {
    const char *magic;
    size_t length;
    const char *kind;
} kinds[] = {
    {"PK\003\004", 4, "a ZIP archive (PyTorch's .pt, or .npz): save it as safetensors"},
    {"GGUF", 4, "a GGUF file, which is not read: take the same model as safetensors"},
    {"\211HDF\r\n\032\n", 8, "an HDF5 file (Keras): save it as safetensors"},
    {"\223NUMPY", 6, "a NumPy array (.npy)"},
    {"\037\213", 2, "compressed by gzip: unpack it first"},
    {"\211PNG", 4, "a PNG image"},
    {"version https://git-lfs", 23, "a Git LFS pointer, not the file itself: run git lfs pull"},
};

static int is_page(const uint8_t *s, size_t size) {
    while (size > 0 && (*s == ' ' || *s == '\n' || *s == '\r' || *s == '\t')) s++, size--;
    if (size < 5 || s[0] != '<') return 0;
    return s[1] == '!' || s[1] == '?' || ((s[1] | 0x20) == 'h' && (s[2] | 0x20) == 't');
}

const char *vaei_file_kind(const uint8_t *head, size_t size) {
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (size >= kinds[i].length && memcmp(head, kinds[i].magic, kinds[i].length) == 0) return kinds[i].kind;
    }
    if (size >= 2 && head[0] == 0x80 && head[1] >= 1 && head[1] <= 5)
        return "a Python pickle (old PyTorch), which is never read because it can run code: save it as safetensors";
    return is_page(head, size) ? "a web page: the download failed" : NULL;
}
