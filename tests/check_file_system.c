/* SPDX-License-Identifier: MIT
 * check_file_system.c - tests the writer of model files and its system calls: calls that fail or are interrupted, no space,
 * a kill. */
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "io/dtype.h"
#include "io/limits.h"
#include "io/safetensors.h"

/* ---- a folder for each test -------------------------------------------------------------------------------------- */

static char folder[64], path[128];
static vaei_heap heap;

static void setup(void) {
    strcpy(folder, "/tmp/vae-check-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/model.safetensors", folder);
    vaei_heap_init_default(&heap);
}

/* Removes every file; returns their number. */
static int empty_folder(void) {
    DIR *d = opendir(folder);
    int count = 0;
    for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
        char name[400];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        (void)snprintf(name, sizeof name, "%s/%s", folder, e->d_name);
        (void)remove(name);
        count++;
    }
    if (d) closedir(d);
    return count;
}

static void teardown(void) {
    vaei_file_set_system(NULL);
    ck_assert_uint_eq(heap.in_use, 0);
    (void)empty_folder();
    (void)rmdir(folder);
}

static size_t slurp(const char *name, uint8_t *out, size_t cap) {
    FILE *file = fopen(name, "rb");
    ck_assert_ptr_nonnull(file);
    const size_t n = fread(out, 1, cap, file);
    fclose(file);
    return n;
}

#define FLOATS 1000

static float numbers[FLOATS];

/* One tensor whose values are all `value`. */
static vae_status_t save(float value) {
    for (int i = 0; i < FLOATS; i++) numbers[i] = value;
    const vaei_entry e = {
        .name = "w", .dtype = VAEI_DTYPE_F32, .ndim = 1, .shape = {FLOATS}, .count = FLOATS, .data = (const uint8_t *)numbers};
    return vaei_file_write(path, &heap, &e, 1, NULL, 0);
}

/* The value all numbers of the file share; -1 if it cannot be read or they differ. */
static float saved(void) {
    static float x[FLOATS];
    vaei_file f;
    float value = -1;
    if (vaei_file_read(&f, &heap, path) != VAE_OK) return -1;
    const vaei_entry *e = vaei_file_find(&f, "w");
    if (e && e->count == FLOATS && vaei_entry_floats(e, x, path) == VAE_OK) {
        value = x[0];
        for (int i = 1; i < FLOATS; i++) value = memcmp(&x[i], &x[0], sizeof x[0]) == 0 ? value : -1;
    }
    vaei_file_close(&f);
    return value;
}

/* ---- what is written --------------------------------------------------------------------------------------------- */

START_TEST(test_written_file_reads_back) {
    static const float a[6] = {1, -2, 3.5f, 0, 1e-30f, -1e30f};
    static const int64_t steps[1] = {-5000000000};
    static const uint8_t u[3] = {1, 2, 255};
    const vaei_entry entry[] = {
        {.name = "u.odd", .dtype = VAEI_DTYPE_U8, .ndim = 1, .shape = {3}, .count = 3, .data = u},
        {.name = "encoder.0.weight", .dtype = VAEI_DTYPE_F32, .ndim = 2, .shape = {2, 3}, .count = 6, .data = (const uint8_t *)a},
        {.name = "\"quote\\\303\251", .dtype = VAEI_DTYPE_I64, .ndim = 0, .count = 1, .data = (const uint8_t *)steps},
        {.name = "none", .dtype = VAEI_DTYPE_F32, .ndim = 2, .shape = {0, 4}, .count = 0},
    };
    const vaei_text_entry text[] = {{"vae.spec", "input      2x2x1\nencoder    \"\\\t\001 \303\251\n"}, {"empty", ""}};
    vaei_file f;
    float x[6];
    ck_assert_int_eq(vaei_file_write(path, &heap, entry, 4, text, 2), VAE_OK);
    ck_assert_int_eq(vaei_file_read(&f, &heap, path), VAE_OK);
    ck_assert_int_eq(f.n_entries, 4);
    ck_assert_int_eq(f.n_text, 3);
    for (int i = 0; i < 2; i++) ck_assert_str_eq(vaei_file_text(&f, text[i].key), text[i].value);
    for (int i = 0; i < 4; i++) {
        const vaei_entry *e = vaei_file_find(&f, entry[i].name);
        ck_assert_ptr_nonnull(e);
        ck_assert_int_eq(e->dtype, entry[i].dtype);
        ck_assert_int_eq(e->ndim, entry[i].ndim);
        ck_assert_int_eq(e->count, entry[i].count);
        ck_assert_mem_eq(e->shape, entry[i].shape, sizeof e->shape);
    }
    ck_assert_int_eq(vaei_entry_floats(vaei_file_find(&f, "encoder.0.weight"), x, path), VAE_OK);
    ck_assert_mem_eq(x, a, sizeof a);
    ck_assert_mem_eq(vaei_file_find(&f, "u.odd")->data, u, sizeof u);
    ck_assert_ptr_null(vaei_file_find(&f, "encoder.0"));
    ck_assert_ptr_null(vaei_file_find(&f, ""));
    ck_assert_ptr_null(vaei_file_text(&f, "vae.spec2"));
    vaei_file_close(&f);
}
END_TEST

/* '{' is the ninth byte, spaces fill up, and the data starts at a multiple of 64, for every length of the header. */
START_TEST(test_written_data_is_aligned) {
    uint8_t file[8192];
    char value[80] = "";
    for (size_t n = 0; n < 70; n++) {
        const vaei_text_entry text = {"k", value};
        const vaei_entry e = {.name = "w", .dtype = VAEI_DTYPE_F32, .ndim = 1, .shape = {2}, .count = 2, .data = (const uint8_t *)numbers};
        memset(value, 'x', n);
        ck_assert_int_eq(vaei_file_write(path, &heap, &e, 1, &text, 1), VAE_OK);
        const size_t size = slurp(path, file, sizeof file);
        const size_t length = file[0] | (size_t)file[1] << 8;
        ck_assert_uint_eq((8 + length) % 64, 0);
        ck_assert_uint_eq(size, 8 + length + 8);
        ck_assert_int_eq(file[8], '{');
        size_t end = 8 + length;
        while (file[end - 1] == ' ') end--;
        ck_assert_int_eq(file[end - 1], '}');
        ck_assert_uint_lt(8 + length - end, 64);
    }
}
END_TEST

START_TEST(test_writing_twice_gives_the_same_bytes) {
    uint8_t first[8192], second[8192];
    ck_assert_int_eq(save(3), VAE_OK);
    const size_t n = slurp(path, first, sizeof first);
    ck_assert_int_eq(save(3), VAE_OK);
    ck_assert_uint_eq(slurp(path, second, sizeof second), n);
    ck_assert_mem_eq(first, second, n);
}
END_TEST

START_TEST(test_path_without_a_folder) {
    char before[4096];
    ck_assert_ptr_nonnull(getcwd(before, sizeof before));
    ck_assert_int_eq(chdir(folder), 0);
    strcpy(path, "plain");
    ck_assert_int_eq(save(1), VAE_OK);
    ck_assert_float_eq(saved(), 1);
    ck_assert_int_eq(chdir(before), 0);
}
END_TEST

/* One byte, but for what a case changes. */
#define TENSOR(name_, dtype_, ndim_, size_, count_, data_) \
    { .name = name_, .dtype = dtype_, .ndim = ndim_, .shape = {size_, 2}, .count = count_, .data = data_ }
#define BYTES (const uint8_t *)numbers

#define LONG                                                           \
    "................................................................" \
    "................................................................" /* half of the longest name */

static const struct {
    vaei_entry entry;
    vae_status_t status;
} refused[] = {
    {TENSOR("", VAEI_DTYPE_U8, 1, 1, 1, BYTES), VAE_E_ARG},
    {TENSOR(NULL, VAEI_DTYPE_U8, 1, 1, 1, BYTES), VAE_E_ARG},
    {TENSOR("a\nb", VAEI_DTYPE_U8, 1, 1, 1, BYTES), VAE_E_ARG},
    {TENSOR("a\177b", VAEI_DTYPE_U8, 1, 1, 1, BYTES), VAE_E_ARG},
    {TENSOR("\377", VAEI_DTYPE_U8, 1, 1, 1, BYTES), VAE_E_ARG},
    {TENSOR(LONG LONG "n", VAEI_DTYPE_U8, 1, 1, 1, BYTES), VAE_E_ARG},
    {TENSOR("__metadata__", VAEI_DTYPE_U8, 1, 1, 1, BYTES), VAE_E_ARG},
    {TENSOR("other", VAEI_DTYPE_U8, 1, 1, 1, BYTES), VAE_E_ARG}, /* the name of the second */
    {TENSOR("w", 0, 1, 1, 1, BYTES), VAE_E_ARG},
    {TENSOR("w", 77, 1, 1, 1, BYTES), VAE_E_ARG},
    {TENSOR("w", VAEI_DTYPE_U8, 9, 1, 1, BYTES), VAE_E_ARG},
    {TENSOR("w", VAEI_DTYPE_U8, -1, 1, 1, BYTES), VAE_E_ARG},
    {TENSOR("w", VAEI_DTYPE_U8, 1, 1, 2, BYTES), VAE_E_ARG},
    {TENSOR("w", VAEI_DTYPE_U8, 1, 1, 1, NULL), VAE_E_ARG},
    {TENSOR("w", VAEI_DTYPE_U8, 1, -1, -1, BYTES), VAE_E_LIMIT},
    {TENSOR("w", VAEI_DTYPE_U8, 2, INT64_MAX, -2, BYTES), VAE_E_LIMIT},
    {TENSOR("w", VAEI_DTYPE_F32, 1, INT64_MAX, INT64_MAX, BYTES), VAE_E_LIMIT},
};

START_TEST(test_writer_refuses_bad_tensors) {
    const vaei_entry pair[2] = {refused[_i].entry, TENSOR("other", VAEI_DTYPE_U8, 1, 1, 1, BYTES)};
    size_t needed = 7;
    ck_assert_int_eq(vaei_file_write(path, &heap, pair, 2, NULL, 0), refused[_i].status);
    ck_assert_int_eq(vaei_file_write_memory(NULL, 0, &needed, &heap, pair, 2, NULL, 0), refused[_i].status);
    ck_assert_uint_eq(needed, 7);
    ck_assert_int_eq(empty_folder(), 0);
}
END_TEST

START_TEST(test_writer_refuses_what_no_file_holds) {
    const vaei_entry halves[2] = {TENSOR("a", VAEI_DTYPE_U8, 1, INT64_MAX / 4 + 1, INT64_MAX / 4 + 1, BYTES),
                                  TENSOR("b", VAEI_DTYPE_U8, 1, INT64_MAX / 4 + 1, INT64_MAX / 4 + 1, BYTES)};
    const vaei_entry nibbles = TENSOR("a", vaei_dtype_find("F4", 2), 1, 2, 2, BYTES);
    char *big = calloc(20, VAEI_TEXT_VALUE_MAX + 1);
    char keys[20][4];
    vaei_text_entry texts[20];
    for (int i = 0; i < 20; i++) {
        texts[i] = (vaei_text_entry){keys[i], big + i * (VAEI_TEXT_VALUE_MAX + 1)};
        memset(big + i * (VAEI_TEXT_VALUE_MAX + 1), 'x', VAEI_TEXT_VALUE_MAX);
        (void)snprintf(keys[i], sizeof keys[i], "%d", i);
    }
    ck_assert_int_eq(vaei_file_write(path, &heap, halves, 2, NULL, 0), VAE_E_LIMIT);
    ck_assert_int_eq(vaei_file_write(path, &heap, halves, -1, NULL, 0), VAE_E_LIMIT);
    ck_assert_int_eq(vaei_file_write(path, &heap, halves, VAEI_TENSORS_MAX + 1, NULL, 0), VAE_E_LIMIT);
    ck_assert_int_eq(vaei_file_write(path, &heap, NULL, 0, texts, -1), VAE_E_LIMIT);
    ck_assert_int_eq(vaei_file_write(path, &heap, NULL, 0, texts, VAEI_TEXTS_MAX), VAE_E_LIMIT);
    ck_assert_int_eq(vaei_file_write(path, &heap, NULL, 0, texts, 20), VAE_E_LIMIT);
    ck_assert_ptr_nonnull(strstr(vaei_fail_text(), "1 MiB"));
    ck_assert_int_eq(vaei_file_write(path, &heap, &nibbles, 1, NULL, 0), VAE_E_ARG);
    ck_assert_int_eq(empty_folder(), 0);
    free(big);
}
END_TEST

START_TEST(test_writer_refuses_bad_texts) {
    char *big = calloc(1, VAEI_TEXT_VALUE_MAX + 2);
    memset(big, 'x', VAEI_TEXT_VALUE_MAX + 1);
    const struct {
        vaei_text_entry text[2];
        vae_status_t status;
    } cases[] = {
        {{{"a", "1"}, {"a", "2"}}, VAE_E_ARG},    {{{"vae.crc32c", "1"}, {"a", "2"}}, VAE_E_ARG}, {{{"", "1"}, {"a", "2"}}, VAE_E_ARG},
        {{{"b", "\300"}, {"a", "2"}}, VAE_E_ARG}, {{{"b", big}, {"a", "2"}}, VAE_E_LIMIT},        {{{"b", big + 1}, {"a", "2"}}, VAE_OK},
    };
    for (size_t i = 0; i < VAEI_COUNT(cases); i++)
        ck_assert_int_eq(vaei_file_write(path, &heap, NULL, 0, cases[i].text, 2), cases[i].status);
    free(big);
}
END_TEST

START_TEST(test_writer_and_reader_agree_on_the_most) {
    static char names[VAEI_TENSORS_MAX + 1][12];
    static vaei_entry entry[VAEI_TENSORS_MAX + 1];
    vaei_file f;
    for (int i = 0; i <= VAEI_TENSORS_MAX; i++) {
        (void)snprintf(names[i], sizeof names[i], "%d", i);
        entry[i] = (vaei_entry)TENSOR(names[i], VAEI_DTYPE_U8, 1, 1, 1, BYTES);
    }
    ck_assert_int_eq(vaei_file_write(path, &heap, entry, VAEI_TENSORS_MAX + 1, NULL, 0), VAE_E_LIMIT);
    ck_assert_int_eq(vaei_file_write(path, &heap, entry, VAEI_TENSORS_MAX, NULL, 0), VAE_OK);
    ck_assert_int_eq(vaei_file_read(&f, &heap, path), VAE_OK);
    ck_assert_int_eq(f.n_entries, VAEI_TENSORS_MAX);
    for (int i = 0; i < VAEI_TENSORS_MAX; i++) ck_assert_ptr_nonnull(vaei_file_find(&f, names[i]));
    vaei_file_close(&f);
}
END_TEST

/* ---- calls that fail --------------------------------------------------------------------------------------------- */

typedef struct fault {
    int at, error; /* the at-th call asked about fails with this */
    int calls, fsyncs;
    char failed[16];
} fault;

static int fails(void *user, const char *call) {
    fault *f = user;
    f->fsyncs += strcmp(call, "fsync") == 0;
    if (f->calls++ != f->at) return 0;
    (void)snprintf(f->failed, sizeof f->failed, "%s", call);
    return f->error;
}

/* Each call of a save fails once: the old file stands, nothing is left behind, the next save works. */
static void check_save_faults(int error) {
    for (int at = 0;; at++) {
        fault f = {.at = at, .error = error};
        const vaei_system system = {&f, fails};
        ck_assert_int_eq(save(1), VAE_OK);
        vaei_file_set_system(&system);
        const vae_status_t status = save(2);
        vaei_file_set_system(NULL);
        if (f.failed[0] == '\0') {
            ck_assert_int_eq(status, VAE_OK);
            ck_assert_int_ge(at, 7); /* open, write, write, open, fsync, close, rename, fsync */
            break;
        }
        const int is_retried = error == EINTR && (strcmp(f.failed, "open") == 0 || strcmp(f.failed, "write") == 0);
        const int is_last = strcmp(f.failed, "fsync") == 0 && f.fsyncs == 2; /* of the folder: the rename is done */
        const int is_needless = is_last && error == EINVAL;                  /* some folders cannot be synced and need not be */
        ck_assert_msg(status == (is_retried || is_needless ? VAE_OK : VAE_E_IO), "call %d, %s: %d", at, f.failed, (int)status);
        if (strcmp(f.failed, "fsync") == 0) ck_assert_int_eq(f.calls, at + 1); /* never asked again, nothing after it */
        ck_assert_float_eq(saved(), is_retried || is_last ? 2 : 1);
        ck_assert_int_eq(empty_folder(), 1);
    }
}

START_TEST(test_save_survives_every_call_failing) {
    static const int errors[] = {EIO, ENOSPC, EINTR, EINVAL};
    check_save_faults(errors[_i]);
}
END_TEST

START_TEST(test_first_save_failing_leaves_nothing) {
    for (int at = 0; at < 7; at++) { /* up to the rename */
        fault f = {.at = at, .error = EIO};
        const vaei_system system = {&f, fails};
        vaei_file_set_system(&system);
        ck_assert_int_eq(save(2), VAE_E_IO);
        vaei_file_set_system(NULL);
        ck_assert_int_eq(empty_folder(), 0);
    }
}
END_TEST

START_TEST(test_load_survives_every_call_failing) {
    const int error = _i == 0 ? EIO : EINTR;
    ck_assert_int_eq(save(1), VAE_OK);
    for (int at = 0;; at++) {
        fault f = {.at = at, .error = error};
        const vaei_system system = {&f, fails};
        vaei_file file;
        vaei_file_set_system(&system);
        const vae_status_t status = vaei_file_read(&file, &heap, path);
        vaei_file_set_system(NULL);
        const int is_retried = error == EINTR && strcmp(f.failed, "fstat") != 0;
        if (status == VAE_OK) vaei_file_close(&file);
        if (f.failed[0] == '\0') {
            ck_assert_int_eq(status, VAE_OK);
            ck_assert_int_eq(at, 5); /* open, fstat, read, read, read */
            break;
        }
        ck_assert_int_eq(status, is_retried ? VAE_OK : VAE_E_IO);
        ck_assert_uint_eq(heap.in_use, 0);
    }
}
END_TEST

START_TEST(test_sentence_names_the_file_and_the_reason) {
    vaei_file f;
    ck_assert_int_eq(vaei_file_read(&f, &heap, path), VAE_E_IO);
    ck_assert_ptr_nonnull(strstr(vaei_fail_text(), "model.safetensors: open: "));
    fault unknown = {.at = 0, .error = 99999}; /* for which the system has no words */
    vaei_file_set_system(&(vaei_system){&unknown, fails});
    ck_assert_int_eq(vaei_file_read(&f, &heap, path), VAE_E_IO);
    vaei_file_set_system(NULL);
    ck_assert_ptr_nonnull(strstr(vaei_fail_text(), "model.safetensors: open: error 99999"));
}
END_TEST

/* MF51 */
static int shrinks(void *user, const char *call) {
    int *reads = user;
    if (strcmp(call, "read") == 0 && ++*reads == 3 && truncate(path, 500) != 0) return EIO;
    return 0;
}

START_TEST(test_MF51_file_that_shrinks_while_it_is_read) {
    int reads = 0;
    const vaei_system system = {&reads, shrinks};
    vaei_file f;
    ck_assert_int_eq(save(1), VAE_OK);
    vaei_file_set_system(&system);
    ck_assert_int_eq(vaei_file_read(&f, &heap, path), VAE_E_FORMAT);
    ck_assert_int_eq(reads, 4);
}
END_TEST

START_TEST(test_MF50_not_a_regular_file) {
    vaei_file f;
    ck_assert_int_eq(vaei_file_read(&f, &heap, folder), VAE_E_IO);
    ck_assert_ptr_nonnull(strstr(vaei_fail_text(), "not a regular file"));
    ck_assert_int_eq(vaei_file_read(&f, &heap, "/dev/zero"), VAE_E_IO);
    ck_assert_int_eq(vaei_file_read(&f, &heap, "/dev/null"), VAE_E_IO);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(vaei_file_read(&f, &heap, path), VAE_E_IO); /* and does not wait for a writer */
    ck_assert_ptr_nonnull(strstr(vaei_fail_text(), "not a regular file"));
}
END_TEST

START_TEST(test_folder_that_is_not_there) {
    (void)snprintf(path, sizeof path, "%s/none/model.safetensors", folder);
    ck_assert_int_eq(save(1), VAE_E_IO);
    (void)snprintf(path, sizeof path, "%s", folder); /* a folder is not replaced */
    ck_assert_int_eq(save(1), VAE_E_IO);
    ck_assert_int_eq(empty_folder(), 0);
}
END_TEST

/* A temporary left by a crashed process of the same number is neither overwritten nor in the way. */
START_TEST(test_stale_temporary_is_passed_by) {
    char stale[256];
    uint8_t content[8];
    (void)snprintf(stale, sizeof stale, "%s.tmp.%ld", path, (long)getpid());
    FILE *file = fopen(stale, "wb");
    ck_assert_ptr_nonnull(file);
    fputs("stale", file);
    fclose(file);
    ck_assert_int_eq(save(2), VAE_OK);
    ck_assert_float_eq(saved(), 2);
    ck_assert_uint_eq(slurp(stale, content, sizeof content), 5);
    ck_assert_int_eq(empty_folder(), 2);
}
END_TEST

/* A hundred of them are too many: the call says so and takes none. */
START_TEST(test_stale_temporaries_without_end) {
    char stale[256];
    for (int i = 0; i < 100; i++) {
        const int n = snprintf(stale, sizeof stale, "%s.tmp.%ld", path, (long)getpid());
        if (i > 0) (void)snprintf(stale + n, sizeof stale - (size_t)n, ".%d", i);
        FILE *file = fopen(stale, "wb");
        ck_assert_ptr_nonnull(file);
        fclose(file);
    }
    ck_assert_int_eq(save(2), VAE_E_IO);
    ck_assert_ptr_nonnull(strstr(vaei_fail_text(), ".99: open: "));
    ck_assert_int_eq(empty_folder(), 100);
}
END_TEST

/* The system really runs out of space in the middle of the data. */
START_TEST(test_no_space_leaves_the_old_file) {
    struct rlimit before, small;
    void (*const handler)(int) = signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(save(1), VAE_OK);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 1000;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    const vae_status_t status = save(2);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, handler);
    ck_assert_int_eq(status, VAE_E_IO);
    ck_assert_float_eq(saved(), 1);
    ck_assert_int_eq(empty_folder(), 1);
}
END_TEST

/* A process that saves without end is killed at many moments: the file is always whole. */
START_TEST(test_kill_never_tears_a_file) {
    for (int round = 0; round < 20; round++) {
        ck_assert_int_eq(save(0), VAE_OK);
        const pid_t child = fork();
        if (child == 0) {
            for (int i = 1;; i++) (void)save((float)i);
        }
        const struct timespec pause = {0, 1000000 + 700000 * round};
        (void)nanosleep(&pause, NULL);
        (void)kill(child, SIGKILL);
        (void)waitpid(child, NULL, 0);
        ck_assert_float_ge(saved(), 0);
    }
}
END_TEST

START_TEST(test_file_without_memory) {
    ck_assert_int_eq(save(1), VAE_OK);
    for (int writing = 0; writing < 2; writing++) {
        for (int64_t at = 1;; at++) {
            test_heap h = {.fail_at = at};
            vaei_heap failing = {.user = &h, .alloc = test_alloc, .free = test_free};
            vaei_file f;
            vae_status_t status;
            if (writing) {
                const vaei_entry e = TENSOR("w", VAEI_DTYPE_U8, 1, 1, 1, BYTES);
                status = vaei_file_write(path, &failing, &e, 1, NULL, 0);
            } else {
                status = vaei_file_read(&f, &failing, path);
                if (status == VAE_OK) vaei_file_close(&f);
            }
            ck_assert_int_eq(h.live, 0);
            if (status == VAE_OK) break;
            ck_assert_int_eq(status, VAE_E_NOMEM);
            ck_assert_float_eq(saved(), 1);
        }
    }
}
END_TEST

/* Every place of a header at which the arena's chunk may be full: a text of each length, each allocation failing. */
START_TEST(test_header_without_memory_anywhere) {
    static char value[17000];
    static uint8_t bytes[20000];
    for (size_t length = 0; length < sizeof value - 16; length += 16) {
        memset(value, 'x', length);
        value[length] = '\0';
        const vaei_text_entry text[2] = {{"k", value}, {"l", ""}};
        const vaei_entry e = TENSOR("w", VAEI_DTYPE_U8, 1, 1, 1, BYTES);
        const int writing = length > 16000 && length < 16400; /* where the names of files are what does not fit any more */
        size_t size;
        ck_assert_int_eq(vaei_file_write_memory(bytes, sizeof bytes, &size, &heap, &e, 1, text, 2), VAE_OK);
        for (int64_t at = 1;; at++) {
            test_heap h = {.fail_at = at};
            vaei_heap failing = {.user = &h, .alloc = test_alloc, .free = test_free};
            vaei_file f;
            const vae_status_t status = vaei_file_read_memory(&f, &failing, bytes, size, "memory");
            if (status == VAE_OK) vaei_file_close(&f);
            ck_assert_int_eq(h.live, 0);
            if (writing) {
                test_heap other = {.fail_at = at};
                vaei_heap full = {.user = &other, .alloc = test_alloc, .free = test_free};
                const vae_status_t written = vaei_file_write(path, &full, &e, 1, text, 2);
                ck_assert(written == VAE_OK || written == VAE_E_NOMEM);
                ck_assert_int_eq(other.live, 0);
            }
            if (status == VAE_OK) break;
            ck_assert_int_eq(status, VAE_E_NOMEM);
        }
    }
}
END_TEST

/* So many names that the lists of what is written fill chunks of their own. */
START_TEST(test_many_tensors_without_memory) {
    enum { MANY = 2044 };
    static vaei_entry e[MANY];
    static char name[MANY][8];
    vae_status_t status = VAE_E_NOMEM;
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(name[i], sizeof name[i], "%d", i);
        e[i] = (vaei_entry)TENSOR(name[i], VAEI_DTYPE_U8, 1, 1, 1, BYTES);
    }
    for (int64_t at = 1; status != VAE_OK; at++) {
        test_heap h = {.fail_at = at};
        vaei_heap failing = {.user = &h, .alloc = test_alloc, .free = test_free};
        size_t needed;
        status = vaei_file_write_memory(NULL, 0, &needed, &failing, e, MANY, NULL, 0);
        ck_assert(status == VAE_OK || status == VAE_E_NOMEM);
        ck_assert_int_eq(h.live, 0);
        ck_assert(status == VAE_E_NOMEM || at == 5); /* names, keys, buffer, head */
    }
}
END_TEST

Suite *suite_file_system(void);

Suite *suite_file_system(void) {
    Suite *s = suite_create("file system");
    TCase *t = tcase_create("writer");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_written_file_reads_back);
    tcase_add_test(t, test_written_data_is_aligned);
    tcase_add_test(t, test_writing_twice_gives_the_same_bytes);
    tcase_add_test(t, test_path_without_a_folder);
    tcase_add_loop_test(t, test_writer_refuses_bad_tensors, 0, (int)VAEI_COUNT(refused));
    tcase_add_test(t, test_writer_refuses_bad_texts);
    tcase_add_test(t, test_writer_refuses_what_no_file_holds);
    tcase_add_test(t, test_writer_and_reader_agree_on_the_most);
    suite_add_tcase(s, t);
    t = tcase_create("faults");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, test_save_survives_every_call_failing, 0, 4);
    tcase_add_test(t, test_first_save_failing_leaves_nothing);
    tcase_add_loop_test(t, test_load_survives_every_call_failing, 0, 2);
    tcase_add_test(t, test_sentence_names_the_file_and_the_reason);
    tcase_add_test(t, test_MF51_file_that_shrinks_while_it_is_read);
    tcase_add_test(t, test_MF50_not_a_regular_file);
    tcase_add_test(t, test_folder_that_is_not_there);
    tcase_add_test(t, test_stale_temporary_is_passed_by);
    tcase_add_test(t, test_stale_temporaries_without_end);
    tcase_add_test(t, test_no_space_leaves_the_old_file);
    tcase_add_test(t, test_kill_never_tears_a_file);
    tcase_add_test(t, test_file_without_memory);
    tcase_add_test(t, test_many_tensors_without_memory);
    tcase_add_test(t, test_header_without_memory_anywhere);
    suite_add_tcase(s, t);
    return s;
}
