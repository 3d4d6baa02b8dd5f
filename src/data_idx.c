/* SPDX-License-Identifier: MIT
 * data_idx.c - reads IDX files, the format of MNIST and Fashion-MNIST (Y. LeCun, "THE MNIST DATABASE", file formats).
 *
 *     byte 0, 1   0
 *     byte 2      type: 08 u8, 0D float; also 09 i8, 0B i16, 0C i32, 0E double, which no images use
 *     byte 3      number of sizes: 3 [n][H][W] or 4 [n][H][W][C] for images, 1 [n] for labels
 *     then        the sizes, 4 bytes each, big-endian; then the values, big-endian
 *
 * A file may be plain or gzipped. Before memory is allocated or data are inflated, the declared bytes are compared with the
 * size of the file, and the sizes of an example with the model's. For a gzipped file the comparison uses deflate's greatest
 * ratio; it is then read to its declared end and must end there.
 *
 * In a folder, up to three levels deep (raw/, MNIST/raw/, and Kaggle's folders that are named like the file in them), the loader
 * looks for files whose name contains train or t10k or test, then "images-idx3" or "images.idx3"; the file of their labels has
 * the same name with "labels" and "idx1" in it. */
#include "console.h"
#include "data.h"
#include "files.h"
#include "mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { MOST_LEVELS = 3 };       /* of folders in a folder */
#define PIECE         (1 << 20) /* bytes of one call, whose size is an unsigned int */
#define DEFLATE_RATIO 1032      /* no deflate stream expands by more (zlib technical details) */

typedef struct idx {
    const char *path;
    gzFile stream; /* reads plain files too */
    uint8_t type;
    int32_t ndim;
    int64_t size[4];
    int64_t values; /* the product of the sizes */
} idx_t;

bool data_is_idx(const uint8_t *head, size_t n) {
    if (n < 2 || file_kind(head, n)) return false; /* some kinds begin with zeros too */
    const bool zipped = head[0] == 0x1f && head[1] == 0x8b;
    const bool swapped = n >= 4 && head[2] == 0 && head[3] == 0 && head[1] >= 0x08 && head[1] <= 0x0e;
    return zipped || swapped || (head[0] == 0 && head[1] == 0);
}

static void read_exactly(idx_t *idx, void *bytes, int64_t n) {
    uint8_t *p = bytes;
    for (int64_t done = 0; done < n;) {
        const int64_t left = n - done;
        const int got = gzread(idx->stream, p + done, left < PIECE ? (unsigned)left : PIECE);
        if (got < 0) {
            int error;
            die(EXIT_FORMAT, "%s: damaged: %s", idx->path, gzerror(idx->stream, &error));
        }
        if (got == 0) die(EXIT_FORMAT, "%s: cut short: %lld bytes are missing", idx->path, (long long)(n - done));
        done += got;
    }
}

static int64_t element_bytes(const idx_t *idx) {
    switch (idx->type) {
    case 0x08: return 1;
    case 0x0d: return 4;
    case 0x09:
    case 0x0b:
    case 0x0c:
    case 0x0e: die(EXIT_FORMAT, "%s: IDX type %02x is not read, only bytes (08) and floats (0d)", idx->path, idx->type);
    default: die(EXIT_FORMAT, "%s: IDX type %02x does not exist", idx->path, idx->type);
    }
}

static void read_header(idx_t *idx) {
    uint8_t magic[4];
    read_exactly(idx, magic, 4);
    if (magic[0] != 0 || magic[1] != 0) {
        if (magic[2] == 0 && magic[3] == 0) die(EXIT_FORMAT, "%s: the IDX header is byte-swapped", idx->path);
        if (path_ends(idx->path, ".tar.gz") || path_ends(idx->path, ".tgz"))
            die(EXIT_FORMAT, "%s: this is an archive; unpack it first", idx->path);
        if (gzdirect(idx->stream) == 0)
            die(EXIT_FORMAT, "%s: a zipped file that is not IDX: it begins with %02x %02x; unpack it first", idx->path, magic[0], magic[1]);
        die(EXIT_FORMAT, "%s: not an IDX file: it begins with %02x %02x", idx->path, magic[0], magic[1]);
    }
    idx->type = magic[2];
    idx->ndim = magic[3];
    (void)element_bytes(idx);
    if (idx->ndim < 1 || idx->ndim > 4) die(EXIT_FORMAT, "%s: %d sizes, an IDX file here has 1 to 4", idx->path, idx->ndim);
    idx->values = 1;
    for (int32_t i = 0; i < idx->ndim; i++) {
        uint8_t b[4];
        read_exactly(idx, b, 4);
        idx->size[i] = (int64_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
        if (idx->size[i] == 0 || idx->size[i] > INT32_MAX)
            die(EXIT_FORMAT, "%s: size %d is %lld, wanted 1 to 2147483647", idx->path, i, (long long)idx->size[i]);
        if (!size_mul(idx->values, idx->size[i], &idx->values)) die(EXIT_FORMAT, "%s: the product of the sizes overflows", idx->path);
    }
}

static void open_idx(idx_t *idx, const char *path) {
    uint8_t head[1];
    int64_t file_bytes, payload;
    (void)file_head(path, head, sizeof head, &file_bytes);
    *idx = (idx_t){.path = path, .stream = gzopen(path, "rb")};
    if (!idx->stream) die(EXIT_RUNTIME, "%s: cannot be opened", path); /* LCOV_EXCL_BR_LINE: it was there a moment ago */
    gzbuffer(idx->stream, 1 << 18);
    read_header(idx);
    const int64_t header = 4 + 4 * idx->ndim;
    const bool zipped = head[0] != 0; /* IDX itself begins with zeros */
    if (!size_mul(idx->values, element_bytes(idx), &payload) || payload > INT64_MAX - header)
        die(EXIT_FORMAT, "%s: the declared size overflows", path);
    if (zipped ? payload / DEFLATE_RATIO > file_bytes : header + payload > file_bytes)
        die(EXIT_FORMAT, "%s: cut short: it declares %lld bytes and holds %lld", path, (long long)(header + payload),
            (long long)file_bytes);
    if (!zipped && header + payload < file_bytes)
        die(EXIT_FORMAT, "%s: %lld bytes follow the last value", path, (long long)(file_bytes - header - payload));
}

static void close_idx(idx_t *idx) {
    uint8_t one;
    const int got = gzread(idx->stream, &one, 1);
    if (got > 0) die(EXIT_FORMAT, "%s: bytes follow the last value", idx->path);
    if (got < 0 || gzclose(idx->stream) != Z_OK) die(EXIT_FORMAT, "%s: damaged or cut short at its end", idx->path);
}

static float *read_floats(idx_t *idx) {
    float *value = mem_alloc(idx->values, sizeof *value);
    read_exactly(idx, value, idx->values * 4);
    for (int64_t i = 0; i < idx->values; i++) {
        uint8_t b[4];
        memcpy(b, &value[i], 4);
        const uint32_t bits = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
        memcpy(&value[i], &bits, 4);
        if (!isfinite(value[i]))
            die(EXIT_FORMAT, "%s: example %lld, value %lld is not finite (%g)", idx->path, (long long)(i / (idx->values / idx->size[0])),
                (long long)(i % (idx->values / idx->size[0])), (double)value[i]);
    }
    return value;
}

static int32_t *read_labels(const char *path, int64_t n, int32_t classes) {
    idx_t idx;
    open_idx(&idx, path);
    if (idx.ndim != 1 || idx.type != 0x08)
        die(EXIT_FORMAT, "%s: not labels: wanted one size and type 08, got %d and %02x", path, idx.ndim, idx.type);
    if (idx.values != n) die(EXIT_FORMAT, "%s: %lld labels for %lld images", path, (long long)idx.values, (long long)n);
    uint8_t *byte = mem_alloc(n, 1);
    int32_t *label = mem_alloc(n, sizeof *label);
    read_exactly(&idx, byte, n);
    for (int64_t i = 0; i < n; i++) {
        label[i] = byte[i];
        if (classes && label[i] >= classes)
            die(EXIT_FORMAT, "%s: label %lld is %d, there are %d classes", path, (long long)i, label[i], classes);
    }
    free(byte);
    close_idx(&idx);
    return label;
}

/* Loads the examples of a file, which fit the model, and their labels if a file of labels is given. */
static void load_examples(data_set_t *set, data_t *data, const char *images, const char *labels, int32_t classes) {
    idx_t idx;
    open_idx(&idx, images);
    if (idx.ndim < 3) die(EXIT_FORMAT, "%s: not images: wanted 3 or 4 sizes, got %d", images, idx.ndim);
    *data = (data_t){.n = idx.size[0]};
    data->extent = extent_image(idx.size[1], idx.size[2], idx.ndim == 4 ? idx.size[3] : 1);
    data_fit(set, data->n, &data->extent);
    if (labels) data->label = read_labels(labels, data->n, classes);
    if (idx.type == 0x0d) {
        data->f32 = read_floats(&idx);
    } else {
        data->u8 = mem_alloc(idx.values, 1);
        read_exactly(&idx, data->u8, idx.values);
    }
    close_idx(&idx);
}

/* Returns the text with `to` in place of each `from`, in fresh memory. */
static char *replaced(const char *text, const char *from, const char *to) {
    strbuf_t out = {0};
    strbuf_put(&out, "", 0);
    for (const char *at; (at = strstr(text, from)); text = at + strlen(from)) {
        strbuf_put(&out, text, (size_t)(at - text));
        strbuf_put(&out, to, strlen(to));
    }
    strbuf_put(&out, text, strlen(text));
    return out.s;
}

/* Returns the file of this name, or the one with .gz added or removed; frees the name and returns NULL if neither exists. */
static char *existing(char *name) {
    if (path_exists(name) && !path_is_folder(name)) return name;
    const bool zipped = path_ends(name, ".gz");
    char *other = zipped ? mem_text_n(name, strlen(name) - 3) : mem_format("%s.gz", name);
    free(name);
    if (path_exists(other) && !path_is_folder(other)) return other;
    free(other);
    return NULL;
}

/* The labels' file of "...images-idx3-ubyte..." is "...labels-idx1-ubyte...", with a dot for the dash in either, beside it or, as
 * in Kaggle's folders, in a folder whose name changes alike. NULL if there is none. */
static char *labels_of(const char *images) {
    static const char *const from[] = {"images-idx3", "images.idx3"}, *const to[] = {"labels-idx1", "labels.idx1"};
    const char *slash = strrchr(images, '/');
    const size_t n_folder = slash ? (size_t)(slash + 1 - images) : 0;
    char *found = NULL;
    for (int f = 0; f < 2; f++)
        for (int t = 0; t < 2 && !found; t++) {
            if (!strstr(images + n_folder, from[f])) continue;
            char *name = replaced(images + n_folder, from[f], to[t]);
            found = existing(mem_format("%.*s%s", (int)n_folder, images, name));
            free(name);
            if (!found) found = existing(replaced(images, from[f], to[t]));
        }
    return found;
}

static void say_no_labels(const char *images) {
    const char *slash = strrchr(images, '/');
    const char *name = slash ? slash + 1 : images;
    char *dashed = replaced(name, "images-idx3", "labels-idx1"), *labels = replaced(dashed, "images.idx3", "labels.idx1");
    if (strcmp(labels, name) != 0) say("%s: no labels: there is no %s beside it", images, labels);
    else say("%s: no labels: its name holds neither images-idx3 nor images.idx3, to find them by", images);
    free(labels);
    free(dashed);
}

static void load_with_labels(data_set_t *set, data_t *data, const char *images, int32_t classes) {
    char *labels = labels_of(images);
    load_examples(set, data, images, labels, classes);
    if (!labels) say_no_labels(images);
    free(labels);
}

void data_load_idx(data_set_t *set, const char *path) {
    load_with_labels(set, &set->train, path, 0);
}

/* Whether a file is the images of this split of a folder. */
static bool is_images(const char *file, bool test) {
    const char *name = strrchr(file, '/') + 1;
    const char *images = strstr(name, "images-idx3"), *dotted = strstr(name, "images.idx3");
    const char *end = images ? images : dotted;
    if (!end) return false;
    const bool is_test = strstr(name, "t10k-") || strstr(name, "test-");
    return test ? is_test : !is_test && strstr(name, "train-");
}

/* The images of a split among the files of the folder, the plain file before the zipped one; NULL if there are none. Several
 * sets of images are refused by name. */
static const char *find_images(const folder_t *folder, bool test) {
    const char *found = NULL;
    for (int64_t i = 0; i < folder->n; i++) {
        const char *file = folder->file[i];
        if (!is_images(file, test) || folder_levels(folder, file) > MOST_LEVELS) continue;
        const size_t n = found ? strlen(found) : 0;
        const bool zip_of_found = found && strncmp(file, found, n) == 0 && strcmp(file + n, ".gz") == 0;
        if (found && !zip_of_found)
            die(EXIT_FORMAT, "%s: several sets of images, such as %s and %s; give a file, or the folder of one", folder->path, found, file);
        if (!found) found = file;
    }
    return found;
}

static bool load_splits(data_set_t *set, const folder_t *folder, int32_t classes) {
    const char *train = find_images(folder, false), *test = find_images(folder, true);
    if (!train && !test) return false;
    if (!train) say("%s: images for testing alone, %s: all examples are these", folder->path, test);
    load_with_labels(set, &set->train, train ? train : test, classes);
    if (!train || !test) return true;
    load_with_labels(set, &set->test, test, classes);
    if (!extent_equal(&set->train.extent, &set->test.extent)) die(EXIT_FORMAT, "%s: training and test images differ in size", folder->path);
    return true;
}

bool data_load_idx_folder(data_set_t *set, const folder_t *folder) {
    return load_splits(set, folder, 0);
}

void data_load_fashion_mnist(data_set_t *set) {
    const char *own = getenv("VAE_DATA");
    const char *path = own && own[0] ? own : "/usr/share/datasets/fashion-mnist";
    folder_t folder = {.path = path};
    if (path_is_folder(path)) folder_list(&folder, path);
    if (!load_splits(set, &folder, 10) || set->test.n == 0)
        die(EXIT_RUNTIME,
            "fashion-mnist: train-images-idx3-ubyte.gz and t10k-images-idx3-ubyte.gz are not in %s; "
            "apt install dataset-fashion-mnist, or set VAE_DATA to their folder",
            path);
    set->classes = mem_text("T-shirt/top\nTrouser\nPullover\nDress\nCoat\nSandal\nShirt\nSneaker\nBag\nAnkle boot\n");
    folder_free(&folder);
}
