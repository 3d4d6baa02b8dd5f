/* SPDX-License-Identifier: MIT
 * check_import_published.c - tests the published models at their full size by names and shapes alone, with files that have the headers of
 * the models and a hole in place of the data. The numbers of tensors and values must be those of the original programs. */
#include "import_rig.h"

#define LEVELS 5

typedef struct model {
    const char *title;
    int64_t levels, encoder[LEVELS], decoder[LEVELS], layers, latent, z, codes; /* z: channels of the encoder's end */
    int32_t quant, attention;                                                   /* levels with attention, from the last on */
    int64_t tensors, values, factor;
    const char *family;
} model;

static const model models[] = {
    {"Stable Diffusion 1, 2, XL", 4, {128, 256, 512, 512}, {128, 256, 512, 512}, 2, 4, 8, 0, 1, 0, 248, 83653863, 8, "AutoencoderKL"},
    {"Stable Diffusion 3, FLUX.1", 4, {128, 256, 512, 512}, {128, 256, 512, 512}, 2, 16, 32, 0, 0, 0, 244, 83819683, 8, "AutoencoderKL"},
    {"the x4 upscaler", 3, {128, 256, 512}, {128, 256, 512}, 2, 4, 8, 0, 1, 0, 204, 55325927, 4, "AutoencoderKL"},
    {"latent diffusion's vq-f4", 3, {128, 256, 512}, {128, 256, 512}, 2, 3, 3, 8192, 1, 0, 205, 55322782, 4, "VQModel"},
    {"VQGAN f16", 5, {128, 128, 256, 256, 512}, {128, 128, 256, 256, 512}, 2, 256, 256, 1024, 1, 1, 343, 72141699, 16, "VQModel"},
};

typedef struct header {
    vaei_writer w;
    int64_t bytes, tensors;
} header;

static void put(header *h, const char *name, const char *end, int64_t a, int64_t b, int64_t c, int64_t d) {
    const int64_t bytes = 4 * a * (b ? b : 1) * (c ? c : 1) * (d ? d : 1);
    vaei_write(&h->w, "%c\"%s%s\":{\"dtype\":\"F32\",\"shape\":[%lld", h->tensors++ ? ',' : '{', name, end, (long long)a);
    if (b) vaei_write(&h->w, ",%lld", (long long)b);
    if (c) vaei_write(&h->w, ",%lld,%lld", (long long)c, (long long)d);
    vaei_write(&h->w, "],\"data_offsets\":[%lld,%lld]}", (long long)h->bytes, (long long)(h->bytes + bytes));
    h->bytes += bytes;
}

static void put_conv(header *h, const char *name, int64_t out, int64_t in, int64_t kernel) {
    put(h, name, ".weight", out, in, kernel, kernel);
    put(h, name, ".bias", out, 0, 0, 0);
}

static void put_norm(header *h, const char *name, int64_t channels) {
    put(h, name, ".weight", channels, 0, 0, 0);
    put(h, name, ".bias", channels, 0, 0, 0);
}

typedef struct text {
    char at[120];
} text;

/* "prefix.part" */
static text join(const char *prefix, const char *part) {
    text t;
    (void)snprintf(t.at, sizeof(t.at), "%s.%s", prefix, part);
    return t;
}

static text numbered(const char *format, int i, int j) {
    text t;
    (void)snprintf(t.at, sizeof(t.at), format, i, j);
    return t;
}

static void put_resnet(header *h, const char *prefix, int64_t in, int64_t out) {
    put_norm(h, join(prefix, "norm1").at, in);
    put_conv(h, join(prefix, "conv1").at, out, in, 3);
    put_norm(h, join(prefix, "norm2").at, out);
    put_conv(h, join(prefix, "conv2").at, out, out, 3);
    if (in != out) put_conv(h, join(prefix, "nin_shortcut").at, out, in, 1);
}

static void put_attention(header *h, const char *prefix, int64_t channels) {
    static const char *const names[] = {"q", "k", "v", "proj_out"};
    put_norm(h, join(prefix, "norm").at, channels);
    for (int i = 0; i < 4; i++) put_conv(h, join(prefix, names[i]).at, channels, channels, 1);
}

static void put_middle(header *h, const char *half, int64_t channels) {
    put_resnet(h, join(half, "mid.block_1").at, channels, channels);
    put_attention(h, join(half, "mid.attn_1").at, channels);
    put_resnet(h, join(half, "mid.block_2").at, channels, channels);
}

static void put_model(header *h, const model *m) {
    const int n = (int)m->levels;
    int64_t channels = m->encoder[0];
    put_conv(h, "encoder.conv_in", channels, 3, 3);
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < m->layers; j++, channels = m->encoder[i]) {
            put_resnet(h, numbered("encoder.down.%d.block.%d", i, j).at, channels, m->encoder[i]);
            if (i >= n - m->attention) put_attention(h, numbered("encoder.down.%d.attn.%d", i, j).at, m->encoder[i]);
        }
        if (i < n - 1) put_conv(h, numbered("encoder.down.%d.downsample.conv", i, 0).at, channels, channels, 3);
    }
    put_middle(h, "encoder", channels);
    put_norm(h, "encoder.norm_out", channels);
    put_conv(h, "encoder.conv_out", m->z, channels, 3);
    channels = m->decoder[n - 1];
    put_conv(h, "decoder.conv_in", channels, m->latent, 3);
    put_middle(h, "decoder", channels);
    for (int i = n - 1; i >= 0; i--) { /* up.0 is the largest */
        for (int j = 0; j <= m->layers; j++, channels = m->decoder[i]) {
            put_resnet(h, numbered("decoder.up.%d.block.%d", i, j).at, channels, m->decoder[i]);
            if (i >= n - m->attention) put_attention(h, numbered("decoder.up.%d.attn.%d", i, j).at, m->decoder[i]);
        }
        if (i > 0) put_conv(h, numbered("decoder.up.%d.upsample.conv", i, 0).at, channels, channels, 3);
    }
    put_norm(h, "decoder.norm_out", channels);
    put_conv(h, "decoder.conv_out", 3, channels, 3);
    if (m->quant) put_conv(h, "quant_conv", m->z, m->z, 1);
    if (m->quant) put_conv(h, "post_quant_conv", m->latent, m->latent, 1);
    if (m->codes) put(h, "quantize.embedding", ".weight", m->codes, m->latent, 0, 0);
}

/* The header, and as many bytes as it tells, which the disk does not hold. */
static void write_hole(header *h) {
    FILE *out = fopen(path, "wb");
    ck_assert_ptr_nonnull(out);
    vaei_write(&h->w, "}");
    for (int i = 0; i < 8; i++) (void)fputc((int)(h->w.length >> 8 * i & 255), out);
    ck_assert_uint_eq(fwrite(h->w.buf, 1, h->w.length, out), h->w.length);
    (void)fclose(out);
    ck_assert_int_eq(truncate(path, (off_t)(8 + h->w.length) + (off_t)h->bytes), 0);
}

START_TEST(test_published_models_are_known) {
    const model *m = &models[_i];
    char given[2048], wanted[300];
    header h = {.w = {malloc(200000), 200000, 0}};
    put_model(&h, m);
    write_hole(&h);
    ck_assert_ok(vae_import_describe(NULL, path, given, sizeof(given), NULL));
    (void)snprintf(wanted, sizeof(wanted),
                   "family      %s\nholds       encoder and decoder\ntensors     %lld of the file's %lld\nvalues      %lld\n"
                   "pictures    3 channels, sides that are multiples of %lld\nlatents     %lld channels, 1/%lld of each side",
                   m->family, (long long)m->tensors, (long long)m->tensors, (long long)m->values, (long long)m->factor,
                   (long long)m->latent, (long long)m->factor);
    ck_assert_msg(strncmp(given, wanted, strlen(wanted)) == 0, "%s: %s\nwanted %s", m->title, given, wanted);
    ck_assert_ptr_nonnull(strstr(given, "scaling     unknown"));
    free(h.w.buf);
}
END_TEST

Suite *suite_import_published(void);
Suite *suite_import_published(void) {
    Suite *s = suite_create("import published");
    TCase *t = tcase_create("published");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, test_published_models_are_known, 0, (int)VAEI_COUNT(models));
    suite_add_tcase(s, t);
    return s;
}
