/* SPDX-License-Identifier: MIT
 * workloads.c - the models of vae bench. Multiplications of one example, forward, of linear and convolution layers,
 * attention and the search for codes, by the direct algorithm:
 *
 *     leaky     784*128 + 128*256*2 + 256*128 + 128*784                                     =     299,008
 *     conv      decoder 32*3136 + 49*64*64*9 + 196*64*32*9 + 784*32*9                       =   5,745,152
 *               with encoder 196*32*9 + 49*64*32*9 and heads 2*3136*32                      =   6,905,472
 *     texture   decoder 16*4096 + 256*64*64*9 + 1024*64*32*9 + 4096*32*16*9 + 4096*16*3*9   =  49,020,928
 *     vqvae     encoder 256*64*48 + 64*128*1024 + 64*128*1152 + 2*64*(32*1152 + 128*32) + 64*64*128
 *               codes 64*512*64, decoder 64*128*576 + 2*64*(32*1152 + 128*32) + 64*128*64*16 + 256*64*3*16
 *                                                                                           =  45,613,056
 *     gru       64*128*384*2 + heads 2*128*16 + 64*16*128                                   =   6,426,624
 *     lstm      64*128*512*2 + heads and the decoder                                        =   8,523,776
 *     assign    8192*256                                                                    =   2,097,152
 *     matmul    1024*1024                                                                   =   1,048,576
 *
 * The least number that is known, by Winograd's method on tiles of 4 x 4: 36 of 144 in 3x3 convolutions of stride 1, 81 of 144 in
 * those of stride 2, 100 of 256 in 4x4 convolutions of stride 2, transposed or not. A 3x3 convolution behind an upsampling by two
 * is one of the last kind on the small image, 100 of 576.
 *
 *     conv      decoder 32*3136 + (49*64*64*9 + 196*64*32*9) 81/144 + 784*32*9/4            =   3,204,992
 *               with encoder (196*32*9 + 49*64*32*9) 81/144 and heads                       =   3,945,480
 *     texture   16*4096 + (256*64*64*9 + 1024*64*32*9 + 4096*32*16*9) 100/576 + 4096*16*3*9/4 =  8,699,904
 *     vqvae     2 (256*64*48 + 64*128*1024) 100/256 + (64*128*1152 + 4*64*32*1152 + 64*128*576) / 4
 *               and the rest                                                                =  16,736,256
 *
 * The KL decoder is the one of latent diffusion (Rombach et al. 2022, arXiv:2112.10752): an eighth of the side and 4
 * channels in, 512, 512, 256, 128 channels at four sizes with three residual blocks each, attention at the smallest. */
#include "workloads.h"
#include "engine.h"
#include "mem.h"

static const char texture[] = "input      64x64x3\n"
                              "encoder    flatten\n"
                              "latent     gaussian dim=16\n"
                              "decoder    linear out=4096 | reshape 8x8x64 | upsample factor=2 | conv2d out=64 kernel=3 pad=1 | relu |\n"
                              "           upsample factor=2 | conv2d out=32 kernel=3 pad=1 | relu |\n"
                              "           upsample factor=2 | conv2d out=16 kernel=3 pad=1 | relu | conv2d out=3 kernel=3 pad=1\n"
                              "likelihood bernoulli\n";

#define VQVAE_BLOCK "residual { relu | conv2d out=32 kernel=3 pad=1 | relu | conv2d out=128 kernel=1 }"
static const char vqvae[] = "input      32x32x3\n"
                            "encoder    conv2d out=64 kernel=4 stride=2 pad=1 | relu | conv2d out=128 kernel=4 stride=2 pad=1 | relu |\n"
                            "           conv2d out=128 kernel=3 pad=1 |\n"
                            "           " VQVAE_BLOCK " |\n"
                            "           " VQVAE_BLOCK " | relu | conv2d out=64 kernel=1\n"
                            "latent     vq codes=512 dim=64\n"
                            "decoder    conv2d out=128 kernel=3 pad=1 |\n"
                            "           " VQVAE_BLOCK " |\n"
                            "           " VQVAE_BLOCK " | relu |\n"
                            "           deconv2d out=64 kernel=4 stride=2 pad=1 | relu | deconv2d out=3 kernel=4 stride=2 pad=1\n"
                            "likelihood gaussian\n";

static const char assign[] = "input      256\n"
                             "encoder    flatten\n"
                             "latent     vq codes=8192 dim=256\n"
                             "decoder    flatten\n"
                             "likelihood gaussian\n";

static const char matmul[] = "input      1024\n"
                             "encoder    flatten\n"
                             "latent     none\n"
                             "decoder    linear out=1024 bias=false\n"
                             "likelihood gaussian\n";

#define RECURRENT(cell)                             \
    "input      64x128\n"                           \
    "encoder    " cell " out=128 | last\n"          \
    "latent     gaussian dim=16\n"                  \
    "decoder    spread steps=64 | linear out=128\n" \
    "likelihood gaussian sigma=optimal\n"
static const char gru[] = RECURRENT("gru"), lstm[] = RECURRENT("lstm");

static const workload_t workloads[] = {
    {"dense_vae_train", WORKLOAD_TRAIN, 64, 64, .preset = "leaky", .forward = 299008.0, .least = 299008.0},
    {"conv_vae_train", WORKLOAD_TRAIN, 128, 128, .preset = "conv", .forward = 6905472.0, .least = 3945480.0},
    {"conv_vae_decode1", WORKLOAD_DECODE, 1, 1, .preset = "conv", .forward = 5745152.0, .least = 3204992.0},
    {"texture_decode1", WORKLOAD_DECODE, 1, 1, .text = texture, .forward = 49020928.0, .least = 8699904.0},
    {"texture_decode64", WORKLOAD_DECODE, 64, 64, .text = texture, .forward = 49020928.0, .least = 8699904.0},
    {"vqvae_train", WORKLOAD_TRAIN, 64, 64, .text = vqvae, .forward = 45613056.0, .least = 16736256.0},
    {"gru_train", WORKLOAD_TRAIN, 64, 64, .text = gru, .forward = 6426624.0, .least = 6426624.0},
    {"lstm_train", WORKLOAD_TRAIN, 64, 64, .text = lstm, .forward = 8523776.0, .least = 8523776.0},
    {"codebook_assign", WORKLOAD_CODES, 100000, 4096, .text = assign, .forward = 2097152.0, .least = 2097152.0},
    {"matmul_1024", WORKLOAD_DECODE, 1024, 1024, .text = matmul, .forward = 1048576.0, .least = 1048576.0},
    {"kl_decode_256", WORKLOAD_DECODE, 1, 1, .side = 256, .slow = true},
    {"kl_decode_512", WORKLOAD_DECODE, 1, 1, .side = 512, .slow = true},
};

const workload_t *workload(size_t i) {
    return i < sizeof workloads / sizeof *workloads ? &workloads[i] : NULL;
}

/* A decoder in progress: its text up to now, and the size and channels at its end. */
typedef struct writer {
    strbuf_t text;
    int64_t side, channels;
    double forward, winograd;
} writer_t;

static void conv(writer_t *w, int64_t channels, int64_t kernel) {
    strbuf_add(&w->text, "conv2d out=%lld kernel=%lld pad=%lld", (long long)channels, (long long)kernel, (long long)(kernel / 2));
    const double count = (double)(w->side * w->side * w->channels * channels * kernel * kernel);
    w->forward += count;
    if (kernel == 3) w->winograd += count;
    w->channels = channels;
}

static void norm(writer_t *w) {
    strbuf_add(&w->text, "groupnorm groups=32 eps=1e-6 | ");
}

static void residual(writer_t *w, int64_t channels) {
    const int64_t before = w->channels;
    strbuf_add(&w->text, "residual { ");
    for (int i = 0; i < 2; i++) {
        norm(w);
        strbuf_add(&w->text, "silu | ");
        conv(w, channels, 3);
        strbuf_add(&w->text, i == 0 ? " | " : " }");
    }
    if (before != channels) {
        w->channels = before;
        strbuf_add(&w->text, " { ");
        conv(w, channels, 1);
        strbuf_add(&w->text, " }");
    }
    strbuf_add(&w->text, " |\n");
}

static void attention(writer_t *w) {
    const double positions = (double)(w->side * w->side), channels = (double)w->channels;
    strbuf_add(&w->text, "residual { ");
    norm(w);
    strbuf_add(&w->text, "attention } |\n");
    w->forward += 4.0 * positions * channels * channels + 2.0 * positions * positions * channels;
}

static char *kl_text(int64_t side, work_count_t *count) {
    static const int64_t level[4] = {512, 512, 256, 128};
    writer_t w = {.side = side / 8, .channels = 4};
    strbuf_add(&w.text, "input %lldx%lldx3\nencoder avgpool kernel=8\nlatent gaussian dim=4 map=true\ndecoder ", (long long)side,
               (long long)side);
    conv(&w, 512, 3);
    strbuf_add(&w.text, " |\n");
    residual(&w, 512);
    attention(&w);
    residual(&w, 512);
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 3; j++) residual(&w, level[i]);
        if (i == 3) break;
        strbuf_add(&w.text, "upsample factor=2 | ");
        w.side *= 2;
        conv(&w, level[i], 3);
        strbuf_add(&w.text, " |\n");
    }
    norm(&w);
    strbuf_add(&w.text, "silu | ");
    conv(&w, 3, 3);
    strbuf_add(&w.text, "\nlikelihood gaussian\n");
    *count = (work_count_t){w.forward, w.forward - 0.75 * w.winograd};
    return w.text.s;
}

char *workload_text(const workload_t *work, work_count_t *count) {
    *count = (work_count_t){work->forward, work->least};
    if (work->preset) return registry_text("preset", work->preset);
    return work->text ? mem_text(work->text) : kl_text(work->side, count);
}
