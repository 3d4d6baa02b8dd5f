/* SPDX-License-Identifier: MIT
 * check_base.c - tests status.c, memory.c, philox.c, cpu.c: the base floor without text and threads. */
#include <stdio.h>

#include "base/base.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>

/* ---- status ----------------------------------------------------------------------------------------------------- */

static const vae_status_t all_codes[] = {
#define VAEI_STATUS(constant, phrase) constant,
#include "base/status.def"
#undef VAEI_STATUS
};

START_TEST(test_status_codes_have_their_own_names_and_phrases) {
    const int n = (int)VAEI_COUNT(all_codes);
    ck_assert_int_eq(n, 14);
    for (int i = 0; i < n; i++) {
        ck_assert_int_eq(all_codes[i], -i);
        ck_assert_str_ne(vaei_status_name(-i), "VAE_E_UNKNOWN");
        for (int j = 0; j < i; j++) {
            ck_assert_str_ne(vaei_status_name(-i), vaei_status_name(-j));
            ck_assert_str_ne(vaei_status_string(-i), vaei_status_string(-j));
        }
    }
    ck_assert_str_eq(vaei_status_name(VAE_E_SHAPE), "VAE_E_SHAPE");
    ck_assert_str_eq(vaei_status_string(VAE_E_SHAPE), "shapes do not agree");
}
END_TEST

START_TEST(test_status_unknown_codes_have_a_name_too) {
    const vae_status_t unknown[] = {1, -14, 99, INT32_MIN, INT32_MAX};
    for (size_t i = 0; i < VAEI_COUNT(unknown); i++) {
        ck_assert_str_eq(vaei_status_name(unknown[i]), "VAE_E_UNKNOWN");
        ck_assert_str_eq(vaei_status_string(unknown[i]), "unknown status");
    }
}
END_TEST

START_TEST(test_fail_keeps_the_sentence_and_returns_the_code) {
    ck_assert_int_eq(vaei_fail(VAE_E_ARG, "n: %d, wanted %d", 3, 4), VAE_E_ARG);
    ck_assert_str_eq(vaei_fail_text(), "n: 3, wanted 4");
}
END_TEST

START_TEST(test_fail_at_prefixes_the_deeper_sentence) {
    (void)vaei_fail(VAE_E_FORMAT, "header is cut short");
    ck_assert_int_eq(vaei_fail_at(VAE_E_FORMAT, "%s", "a.safetensors"), VAE_E_FORMAT);
    ck_assert_str_eq(vaei_fail_text(), "a.safetensors: header is cut short");
}
END_TEST

START_TEST(test_fail_may_quote_the_sentence_before) {
    (void)vaei_fail(VAE_E_IO, "inner");
    (void)vaei_fail(VAE_E_IO, "outer: %s", vaei_fail_text());
    ck_assert_str_eq(vaei_fail_text(), "outer: inner");
}
END_TEST

/* What a terminal obeys, or what turns the direction of writing, is shown as question marks; other characters as they are. */
START_TEST(test_fail_shows_nothing_that_a_terminal_obeys) {
    static const char *const obeyed[] = {"\x1b",         "\x07",         "\n",           "\x7f",         "\xc2\x80",
                                         "\xc2\x9b",     "\xc2\x9f",     "\xd8\x9c",     "\xe2\x80\x8e", "\xe2\x80\x8f",
                                         "\xe2\x80\xa8", "\xe2\x80\xaa", "\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x81\xa9",
                                         "\x9b",         "\xff",         "\xc3",         "\xe2\x80"};
    static const char *const shown[] = {"\xc3\xa4", "\xc2\xa0", "\xe2\x80\x93", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "~"};
    char wanted[64];
    for (size_t i = 0; i < VAEI_COUNT(obeyed); i++) {
        (void)vaei_fail(VAE_E_IO, "a%s[31m: is b", obeyed[i]);
        (void)snprintf(wanted, sizeof wanted, "a%.*s[31m: is b", (int)strlen(obeyed[i]), "???");
        ck_assert_str_eq(vaei_fail_text(), wanted);
    }
    for (size_t i = 0; i < VAEI_COUNT(shown); i++) {
        (void)vaei_fail(VAE_E_IO, "%s", shown[i]);
        ck_assert_str_eq(vaei_fail_text(), shown[i]);
    }
}
END_TEST

START_TEST(test_fail_cuts_long_sentences_between_characters) {
    char text[1001];
    for (size_t start = 0; start < 2; start++) {
        memset(text, 'a', start);
        for (size_t i = start; i + 1 < sizeof text; i += 2) memcpy(text + i, "\xC3\xA9", 2);
        text[999] = '\0';
        (void)vaei_fail(VAE_E_IO, "%s", text);
        const char *got = vaei_fail_text();
        const size_t n = strlen(got);
        ck_assert_uint_le(n, 255);
        ck_assert_uint_ge(n, 253);
        ck_assert_str_eq(got + n - 3, "...");
        ck_assert_int_eq((unsigned char)got[n - 4], 0xA9);
    }
}
END_TEST

START_TEST(test_fail_text_is_one_line) {
    (void)vaei_fail(VAE_E_IO, "a\nb\rc\x1B[0m\x7F");
    ck_assert_str_eq(vaei_fail_text(), "a?b?c?[0m?");
}
END_TEST

static void *fail_elsewhere(void *out) {
    strcpy(out, vaei_fail_text());
    (void)vaei_fail(VAE_E_ARG, "theirs");
    return NULL;
}

START_TEST(test_fail_text_belongs_to_its_thread) {
    char seen[256] = "?";
    pthread_t thread;
    (void)vaei_fail(VAE_E_ARG, "ours");
    ck_assert_int_eq(pthread_create(&thread, NULL, fail_elsewhere, seen), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_str_eq(seen, "");
    ck_assert_str_eq(vaei_fail_text(), "ours");
}
END_TEST

/* ---- sizes ------------------------------------------------------------------------------------------------------ */

START_TEST(test_sizes_overflow_is_seen_and_leaves_out_alone) {
    size_t size = 7;
    int64_t count = 7;
    ck_assert(!vaei_size_mul(SIZE_MAX, 2, &size));
    ck_assert(!vaei_size_mul(SIZE_MAX / 2 + 1, 2, &size));
    ck_assert(!vaei_size_add(SIZE_MAX, 1, &size));
    ck_assert(!vaei_count_mul(INT64_MAX, 2, &count));
    ck_assert(!vaei_count_mul(INT64_MIN, -1, &count));
    ck_assert_uint_eq(size, 7);
    ck_assert_int_eq(count, 7);
    ck_assert(vaei_size_mul(SIZE_MAX, 1, &size) && size == SIZE_MAX);
    ck_assert(vaei_size_add(SIZE_MAX - 1, 1, &size) && size == SIZE_MAX);
    ck_assert(vaei_count_mul(INT64_MAX, 0, &count) && count == 0);
}
END_TEST

START_TEST(test_carve_measures_what_it_then_cuts) {
    static _Alignas(VAEI_ALIGN) char block[1024];
    const int64_t count[] = {1, 16, 17, 0, 3};
    vaei_carve measure = {NULL, 0}, cut = {block, 0};
    char *end = block;
    for (size_t i = 0; i < VAEI_COUNT(count); i++) {
        ck_assert_ptr_null(vaei_carve_floats(&measure, count[i]));
        char *piece = (char *)vaei_carve_floats(&cut, count[i]);
        ck_assert_ptr_eq(piece, end);
        ck_assert_uint_eq((uintptr_t)piece % VAEI_ALIGN, 0);
        end = block + cut.used;
        ck_assert_uint_ge((size_t)(end - piece), (size_t)count[i] * sizeof(float));
    }
    ck_assert_uint_eq(measure.used, cut.used);
}
END_TEST

START_TEST(test_carve_overflow_sticks) {
    const int64_t bad[] = {-1, INT64_MAX, INT64_MAX / 4};
    for (size_t i = 0; i < VAEI_COUNT(bad); i++) {
        vaei_carve c = {NULL, 64};
        ck_assert_ptr_null(vaei_carve_array(&c, bad[i], 16));
        ck_assert_uint_eq(c.used, SIZE_MAX);
        ck_assert_ptr_null(vaei_carve_floats(&c, 1));
        ck_assert_uint_eq(c.used, SIZE_MAX);
    }
}
END_TEST

/* ---- memory ----------------------------------------------------------------------------------------------------- */

typedef struct host {
    int64_t blocks, bytes, calls, fail_at; /* the call that is refused; 0: none */
} host;

static void *host_alloc(void *user, size_t size, size_t align) {
    host *h = user;
    ck_assert_uint_eq(align, VAEI_ALIGN);
    if (++h->calls == h->fail_at) return NULL;
    void *ptr = aligned_alloc(align, (size + align - 1) / align * align);
    ck_assert_ptr_nonnull(ptr);
    memset(ptr, 0xA5, size);
    h->blocks++;
    h->bytes += (int64_t)size;
    return ptr;
}

static void host_free(void *user, void *ptr, size_t size) {
    host *h = user;
    h->blocks--;
    h->bytes -= (int64_t)size;
    free(ptr);
}

static void init_host_heap(vaei_heap *heap, host *h) {
    memset(h, 0, sizeof *h);
    vaei_heap_init_default(heap);
    heap->user = h;
    heap->alloc = host_alloc;
    heap->free = host_free;
}

static int all_zero(const void *ptr, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (((const char *)ptr)[i]) return 0;
    }
    return 1;
}

START_TEST(test_heap_blocks_are_zeroed_aligned_and_counted) {
    const size_t sizes[] = {0, 1, 63, 64, 65, 4096, 100000};
    void *block[VAEI_COUNT(sizes)];
    vaei_heap heap;
    host h;
    init_host_heap(&heap, &h);
    if (_i == 0) vaei_heap_init_default(&heap);
    for (size_t i = 0; i < VAEI_COUNT(sizes); i++) {
        block[i] = vaei_heap_alloc(&heap, sizes[i], "block");
        ck_assert_ptr_nonnull(block[i]);
        ck_assert_uint_eq((uintptr_t)block[i] % VAEI_ALIGN, 0);
        ck_assert(all_zero(block[i], sizes[i]));
        if (_i == 1) ck_assert_uint_eq(heap.in_use, (uint64_t)h.bytes);
    }
    ck_assert_uint_eq(heap.in_use, 1 + 1 + 63 + 64 + 65 + 4096 + 100000);
    for (size_t i = 0; i < VAEI_COUNT(sizes); i++) vaei_heap_free(&heap, block[i], sizes[i]);
    vaei_heap_free(&heap, NULL, 77);
    ck_assert_uint_eq(heap.in_use, 0);
    ck_assert_int_eq(h.blocks, 0);
    ck_assert_int_eq(h.bytes, 0);
}
END_TEST

START_TEST(test_heap_limit_refuses_the_byte_too_much) {
    vaei_heap heap;
    vaei_heap_init_default(&heap);
    heap.limit = 1000;
    void *a = vaei_heap_alloc(&heap, 600, "first");
    ck_assert_ptr_nonnull(a);
    ck_assert_ptr_null(vaei_heap_alloc(&heap, 401, "second"));
    ck_assert_str_eq(vaei_fail_text(), "second: 401 bytes wanted, 600 in use, the limit is 1000");
    void *b = vaei_heap_alloc(&heap, 400, "third");
    ck_assert_ptr_nonnull(b);
    ck_assert_uint_eq(heap.in_use, 1000);
    vaei_heap_free(&heap, a, 600);
    vaei_heap_free(&heap, b, 400);
    ck_assert_uint_eq(heap.in_use, 0);
}
END_TEST

START_TEST(test_heap_refusal_of_the_host_gives_the_bytes_back) {
    vaei_heap heap;
    host h;
    init_host_heap(&heap, &h);
    h.fail_at = 1;
    ck_assert_ptr_null(vaei_heap_alloc(&heap, 64, "weights"));
    ck_assert_str_eq(vaei_fail_text(), "weights: no memory for 64 bytes");
    ck_assert_uint_eq(heap.in_use, 0);
}
END_TEST

START_TEST(test_heap_absurd_sizes_are_refused_before_the_host_is_asked) {
    const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 63, (size_t)PTRDIFF_MAX + 1};
    vaei_heap heap;
    host h;
    init_host_heap(&heap, &h);
    for (size_t i = 0; i < VAEI_COUNT(sizes); i++) ck_assert_ptr_null(vaei_heap_alloc(&heap, sizes[i], "block"));
    ck_assert_int_eq(h.calls, 0);
    ck_assert_uint_eq(heap.in_use, 0);
}
END_TEST

static void *take_and_give(void *arg) {
    vaei_heap *heap = arg;
    for (int i = 0; i < 20000; i++) {
        void *p = vaei_heap_alloc(heap, 100, "block");
        if (heap->in_use > heap->limit) return heap;
        vaei_heap_free(heap, p, 100);
    }
    return NULL;
}

START_TEST(test_heap_threads_never_pass_the_limit_together) {
    pthread_t thread[4];
    vaei_heap heap;
    void *passed;
    vaei_heap_init_default(&heap);
    heap.limit = 250;
    for (int i = 0; i < 4; i++) ck_assert_int_eq(pthread_create(&thread[i], NULL, take_and_give, &heap), 0);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_join(thread[i], &passed), 0);
        ck_assert_ptr_null(passed);
    }
    ck_assert_uint_eq(heap.in_use, 0);
}
END_TEST

START_TEST(test_arena_pieces_are_zeroed_aligned_and_apart) {
    const size_t sizes[] = {1, 16, 17, 0, 16000, 3, 40000, 5, 16384, 100};
    char *piece[VAEI_COUNT(sizes)];
    vaei_heap heap;
    vaei_arena arena;
    host h;
    init_host_heap(&heap, &h);
    vaei_arena_init(&arena, &heap);
    for (size_t i = 0; i < VAEI_COUNT(sizes); i++) {
        piece[i] = vaei_arena_alloc(&arena, sizes[i]);
        ck_assert_ptr_nonnull(piece[i]);
        ck_assert_uint_eq((uintptr_t)piece[i] % 16, 0);
        ck_assert(all_zero(piece[i], sizes[i]));
        memset(piece[i], (int)i + 1, sizes[i]);
    }
    for (size_t i = 0; i < VAEI_COUNT(sizes); i++) {
        for (size_t j = 0; j < sizes[i]; j++) ck_assert_int_eq(piece[i][j], (int)i + 1);
    }
    vaei_arena_free(&arena);
    ck_assert_int_eq(h.blocks, 0);
    ck_assert_ptr_nonnull(vaei_arena_alloc(&arena, 1)); /* may be used again */
    vaei_arena_free(&arena);
    ck_assert_int_eq(h.bytes, 0);
    ck_assert_uint_eq(heap.in_use, 0);
}
END_TEST

START_TEST(test_arena_small_things_share_a_chunk) {
    vaei_heap heap;
    vaei_arena arena;
    host h;
    init_host_heap(&heap, &h);
    vaei_arena_init(&arena, &heap);
    for (int i = 0; i < 500; i++) ck_assert_ptr_nonnull(vaei_arena_alloc(&arena, 32));
    ck_assert_int_eq(h.calls, 1);
    vaei_arena_free(&arena);
}
END_TEST

START_TEST(test_arena_overflow_and_refusal_leave_it_usable) {
    vaei_heap heap;
    vaei_arena arena;
    host h;
    init_host_heap(&heap, &h);
    vaei_arena_init(&arena, &heap);
    ck_assert_ptr_null(vaei_arena_alloc(&arena, SIZE_MAX));
    ck_assert_ptr_null(vaei_arena_alloc(&arena, SIZE_MAX - 40));
    ck_assert_ptr_null(vaei_arena_array(&arena, SIZE_MAX / 4, 8));
    ck_assert_ptr_null(vaei_arena_copy(&arena, "", SIZE_MAX));
    h.fail_at = 1;
    ck_assert_ptr_null(vaei_arena_alloc(&arena, 10));
    ck_assert_ptr_nonnull(vaei_arena_alloc(&arena, 10));
    vaei_arena_free(&arena);
    ck_assert_int_eq(h.blocks, 0);
}
END_TEST

START_TEST(test_arena_formats_and_copies_text) {
    vaei_heap heap;
    vaei_arena arena;
    vaei_heap_init_default(&heap);
    vaei_arena_init(&arena, &heap);
    ck_assert_str_eq(vaei_arena_format(&arena, "%s.%d", "encoder", 12), "encoder.12");
    ck_assert_str_eq(vaei_arena_copy(&arena, "abcdef", 3), "abc");
    ck_assert_str_eq(vaei_arena_copy(&arena, NULL, 0), "");
    vaei_arena_free(&arena);
}
END_TEST

/* ---- random bits ------------------------------------------------------------------------------------------------ */

/* The authors' vectors for ten rounds: Random123, kat_vectors, philox4x32. */
START_TEST(test_philox_gives_the_published_vectors) {
    static const struct {
        vaei_noise_key key;
        uint32_t item, block, want[4];
    } vector[] = {
        {{0, 0, 0}, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{UINT64_MAX, ((uint64_t)1 << 56) - 1, 255}, UINT32_MAX, UINT32_MAX, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x299f31d0a4093822, 0x70734413198a2e, 3}, 0x85a308d3, 0x243f6a88, {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < VAEI_COUNT(vector); i++) {
        uint32_t got[4];
        vaei_philox(vector[i].key, vector[i].item, vector[i].block, 1, got);
        for (int j = 0; j < 4; j++) ck_assert_uint_eq(got[j], vector[i].want[j]);
    }
}
END_TEST

START_TEST(test_philox_blocks_do_not_depend_on_how_they_are_cut) {
    const vaei_noise_key key = {42, 7, 1};
    uint32_t whole[4 * 23], piece[4 * 23];
    vaei_philox(key, 5, UINT32_MAX - 10, 23, whole); /* the block number wraps */
    for (int64_t at = 0; at < 23;) {
        const int64_t n = at % 3 + 1 < 23 - at ? at % 3 + 1 : 23 - at;
        vaei_philox(key, 5, UINT32_MAX - 10 + (uint32_t)at, n, piece + 4 * at);
        at += n;
    }
    ck_assert_mem_eq(whole, piece, sizeof whole);
}
END_TEST

START_TEST(test_philox_every_part_of_the_key_matters) {
    const vaei_noise_key base = {1, 1, 1};
    vaei_noise_key other[] = {base, base, base, base, base};
    uint32_t want[4], got[4];
    other[0].seed ^= 1;
    other[1].seed ^= (uint64_t)1 << 63;
    other[2].step ^= 1;
    other[3].step ^= (uint64_t)1 << 55;
    other[4].stream ^= 128;
    vaei_philox(base, 1, 1, 1, want);
    for (size_t i = 0; i < VAEI_COUNT(other); i++) {
        vaei_philox(other[i], 1, 1, 1, got);
        ck_assert_mem_ne(got, want, sizeof want);
    }
    vaei_philox(base, 2, 1, 1, got);
    ck_assert_mem_ne(got, want, sizeof want);
}
END_TEST

START_TEST(test_cpu_agrees_with_the_compiler) {
    const vaei_cpu cpu = vaei_cpu_detect();
#if defined(__x86_64__)
    ck_assert_int_eq(cpu.avx2_fma, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
    ck_assert_int_eq(cpu.avx512, cpu.avx2_fma && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                                     __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"));
    ck_assert_int_eq(cpu.neon, 0);
#elif defined(__aarch64__)
    ck_assert_int_eq(cpu.neon, 1);
#else
    ck_assert_int_eq(cpu.neon, 0);
#endif
}
END_TEST

Suite *suite_base(void);

Suite *suite_base(void) {
    Suite *s = suite_create("base");
    TCase *status = tcase_create("status"), *memory = tcase_create("memory"), *bits = tcase_create("bits");
    tcase_add_test(status, test_status_codes_have_their_own_names_and_phrases);
    tcase_add_test(status, test_status_unknown_codes_have_a_name_too);
    tcase_add_test(status, test_fail_keeps_the_sentence_and_returns_the_code);
    tcase_add_test(status, test_fail_at_prefixes_the_deeper_sentence);
    tcase_add_test(status, test_fail_may_quote_the_sentence_before);
    tcase_add_test(status, test_fail_shows_nothing_that_a_terminal_obeys);
    tcase_add_test(status, test_fail_cuts_long_sentences_between_characters);
    tcase_add_test(status, test_fail_text_is_one_line);
    tcase_add_test(status, test_fail_text_belongs_to_its_thread);
    tcase_add_test(memory, test_sizes_overflow_is_seen_and_leaves_out_alone);
    tcase_add_test(memory, test_carve_measures_what_it_then_cuts);
    tcase_add_test(memory, test_carve_overflow_sticks);
    tcase_add_loop_test(memory, test_heap_blocks_are_zeroed_aligned_and_counted, 0, 2);
    tcase_add_test(memory, test_heap_limit_refuses_the_byte_too_much);
    tcase_add_test(memory, test_heap_refusal_of_the_host_gives_the_bytes_back);
    tcase_add_test(memory, test_heap_absurd_sizes_are_refused_before_the_host_is_asked);
    tcase_add_test(memory, test_heap_threads_never_pass_the_limit_together);
    tcase_add_test(memory, test_arena_pieces_are_zeroed_aligned_and_apart);
    tcase_add_test(memory, test_arena_small_things_share_a_chunk);
    tcase_add_test(memory, test_arena_overflow_and_refusal_leave_it_usable);
    tcase_add_test(memory, test_arena_formats_and_copies_text);
    tcase_add_test(bits, test_philox_gives_the_published_vectors);
    tcase_add_test(bits, test_philox_blocks_do_not_depend_on_how_they_are_cut);
    tcase_add_test(bits, test_philox_every_part_of_the_key_matters);
    tcase_add_test(bits, test_cpu_agrees_with_the_compiler);
    suite_add_tcase(s, status);
    suite_add_tcase(s, memory);
    suite_add_tcase(s, bits);
    return s;
}
