/* SPDX-License-Identifier: MIT
 * check_quantizer_parity.c - tests latents of codes against the package vector-quantize-pytorch: codes, outputs, terms of the loss,
 * gradients and ten steps of the averages, to 1e-5 of each tensor's largest value. tests/fixtures/make_vq.py makes
 * quantizers.safetensors. */
#include "quantizer_rig.h"

#include "io/safetensors.h"

#define FIXTURE   "tests/fixtures/quantizers.safetensors"
#define TOLERANCE 1e-5

typedef struct fixture {
    vaei_heap heap;
    vaei_file file;
    const char *name, *text;
    rig g;
    int64_t size; /* of x at one step */
} fixture;

static float *read_tensor(const fixture *f, const char *what, const char *rest, int64_t *count) {
    char name[160];
    snprintf(name, sizeof name, "%s.%s%s", f->name, what, rest);
    const vaei_entry *e = vaei_file_find(&f->file, name);
    ck_assert_msg(e != NULL, "fixture has no %s", name);
    float *x = malloc((size_t)e->count * sizeof *x + 1);
    ck_assert_ok(vaei_entry_floats(e, x, name));
    *count = e->count;
    return x;
}

static void compare(const fixture *f, const char *what, const char *rest, const float *got) {
    int64_t count;
    double scale = 1e-3, worst = 0;
    float *wanted = read_tensor(f, what, rest, &count);
    for (int64_t i = 0; i < count; i++) scale = fmax(scale, fabs((double)wanted[i]));
    for (int64_t i = 0; i < count; i++) {
        const double d = fabs((double)got[i] - (double)wanted[i]);
        worst = d <= worst ? worst : d;
    }
    ck_assert_msg(worst <= TOLERANCE * scale, "%s.%s%s: off by %g of %g", f->name, what, rest, worst, scale);
    free(wanted);
}

static void open_fixture(fixture *f, int which) {
    int64_t count, n = 4;
    memset(f, 0, sizeof *f);
    vaei_heap_init_default(&f->heap);
    ck_assert_ok(vaei_file_read(&f->file, &f->heap, FIXTURE));
    for (int64_t i = 0, at = 0; i < f->file.n_text; i++) {
        if (strncmp(f->file.text[i].key, "fixture.", 8) == 0 || at++ != which) continue;
        f->name = f->file.text[i].key;
        f->text = f->file.text[i].value;
    }
    ck_assert_ptr_nonnull(f->name);
    float *dz = read_tensor(f, "dz", "", &count);
    free(dz);
    f->size = count;
    rig_open(&f->g, f->text, count == n * 36 ? (vaei_shape){3, {2, 3, 6}} : (vaei_shape){1, {count / n}}, n, 2);
    for (int64_t i = 0; i < f->g.table.count; i++) {
        const vaei_param *p = f->g.table.at[i];
        if (strstr(p->name, "batches")) continue;
        float *w = read_tensor(f, "param.", p->name + strlen("latent."), &count);
        ck_assert_int_eq(count, p->count);
        memcpy(f->g.params + p->offset, w, (size_t)count * sizeof *w);
        free(w);
    }
}

static void close_fixture(fixture *f) {
    rig_close(&f->g);
    vaei_file_close(&f->file);
}

#define CASES 26

START_TEST(test_a_pass_equals_the_package) {
    fixture f;
    int64_t count;
    open_fixture(&f, _i);
    float *x = read_tensor(&f, "x", "", &count), *dz = read_tensor(&f, "dz", "", &count);
    const float aux = (float)forward(&f.g, x);
    int32_t *codes = codes_of(&f.g, x);
    float *wanted = read_tensor(&f, "codes", "", &count);
    ck_assert_int_eq(count, f.g.run.n * f.g.q.n_codes);
    for (int64_t i = 0; i < count; i++) ck_assert_int_eq(codes[i], (int32_t)wanted[i]);
    compare(&f, "z", "", f.g.z);
    compare(&f, "aux", "", &aux);
    backward(&f.g, x, dz);
    compare(&f, "dx", "", f.g.dh);
    for (int64_t i = 0; i < f.g.table.count; i++) {
        const vaei_param *p = f.g.table.at[i];
        if (p->flags & VAEI_PARAM_TRAINED) compare(&f, "grad.", p->name + strlen("latent."), f.g.grads + p->offset);
    }
    free(x), free(dz), free(codes), free(wanted);
    close_fixture(&f);
}
END_TEST

START_TEST(test_ten_steps_of_averages_equal_the_package) {
    fixture f;
    int64_t count;
    open_fixture(&f, _i);
    float *x = read_tensor(&f, "x", "", &count);
    for (int64_t step = 0; step < 10; step++) {
        (void)forward(&f.g, x + step * f.size);
        commit(&f.g);
    }
    for (int64_t i = 0; strstr(f.text, "debias=false") && !strstr(f.text, "freeze") && i < f.g.table.count; i++) {
        const vaei_param *p = f.g.table.at[i];
        const char *name = p->name + strlen("latent.");
        if (strncmp(name, "project", 7) != 0 && strcmp(name, "batches") != 0) compare(&f, "after.", name, f.g.params + p->offset);
    }
    free(x);
    close_fixture(&f);
}
END_TEST

START_TEST(test_the_fixture_has_every_case) {
    vaei_heap heap;
    vaei_file file;
    int cases = 0;
    vaei_heap_init_default(&heap);
    ck_assert_ok(vaei_file_read(&file, &heap, FIXTURE));
    for (int64_t i = 0; i < file.n_text; i++) cases += strncmp(file.text[i].key, "fixture.", 8) != 0;
    ck_assert_int_eq(cases, CASES);
    vaei_file_close(&file);
}
END_TEST

Suite *suite_quantizer_parity(void);
Suite *suite_quantizer_parity(void) {
    Suite *s = suite_create("quantizer parity");
    TCase *t = tcase_create("quantizer parity");
    tcase_add_test(t, test_the_fixture_has_every_case);
    tcase_add_loop_test(t, test_a_pass_equals_the_package, 0, CASES);
    tcase_add_loop_test(t, test_ten_steps_of_averages_equal_the_package, 0, CASES);
    suite_add_tcase(s, t);
    return s;
}
