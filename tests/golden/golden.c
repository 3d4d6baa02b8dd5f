/* SPDX-License-Identifier: MIT
 * golden.c - prints a hash of what small models compute: encoded, decoded, sampled, and their parameters after 20 steps of training; of
 * models with a prior, after some steps of its training too, and with a sample from it. The lines must equal tests/golden/hashes.txt for
 * every instruction set, compiler, optimisation level, number of threads and split of the batch.
 *
 *     golden [threads [first [model ...]]]    every instruction set this machine has, from number `first` on, and the named models or
 *                                             all; exits 1 if two instruction sets differ, or two splits */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vae/vae.h>

#define N           4
#define STEPS       20
#define PRIOR_STEPS 5

static const struct {
    const char *name, *text;
} models[] = {
    {"dense", "input 12x12x1\nencoder flatten | linear out=33 | leaky_relu slope=0.3 | linear out=20 | tanh\nlatent "
              "gaussian dim=7\n"
              "decoder linear out=31 | elu | linear out=144 | reshape 12x12x1\nlikelihood bernoulli\n"},
    {"conv", "input 28x28x1\nencoder conv2d out=32 kernel=3 stride=2 pad=1 | relu | conv2d out=64 kernel=3 stride=2 "
             "pad=1 | relu | flatten\n"
             "latent gaussian dim=32\ndecoder linear out=3136 | reshape 7x7x64 | deconv2d out=64 kernel=3 stride=2 "
             "pad=1 output_pad=1 | relu "
             "| deconv2d out=32 kernel=3 stride=2 pad=1 output_pad=1 | relu | conv2d out=1 kernel=3 pad=1\nlikelihood "
             "bernoulli\n"},
    {"norms", "input 12x12x3\nencoder conv2d out=12 kernel=3 pad=same | batchnorm | silu | avgpool kernel=2 | residual { "
              "groupnorm groups=4 | gelu "
              "| conv2d out=12 kernel=3 pad=1 } | layernorm | maxpool kernel=2 | flatten | dropout p=0.3\nlatent gaussian "
              "dim=6\n"
              "decoder linear out=108 | softplus | reshape 3x3x12 | upsample factor=2 | conv2d out=16 kernel=3 pad=1 | sigmoid "
              "| deconv2d out=3 kernel=4 stride=2 pad=1\nlikelihood gaussian sigma=learned\n"},
    {"texture", "input 64x64x3\nencoder avgpool kernel=8 | flatten | linear out=32 | relu\nlatent gaussian dim=16\n"
                "decoder linear out=4096 | reshape 8x8x64 | upsample | conv2d out=64 kernel=3 pad=1 | relu | upsample | conv2d "
                "out=32 kernel=3 pad=1 "
                "| relu | upsample | conv2d out=16 kernel=3 pad=1 | relu | conv2d out=3 kernel=3 pad=1\nlikelihood bernoulli\n"},
    {"attention", "input 16x16x3\nencoder conv2d out=16 kernel=3 pad=1 | silu | residual { groupnorm groups=4 | attention heads=2 } "
                  "| pixel_unshuffle factor=2\nlatent gaussian dim=4 map=true\ndecoder conv2d out=12 kernel=3 pad=1 | attention | "
                  "pixel_shuffle "
                  "| conv2d out=3 kernel=5 pad=2\nlikelihood gaussian sigma=optimal\n"},
    {"windows", "input 14x14x2\nencoder conv2d out=12 kernel=3 pad=1 groups=2 pad_mode=circular | relu | conv2d out=12 kernel=3 "
                "pad=2 "
                "dilation=2 groups=12 pad_mode=reflect | elu | conv2d out=20 kernel=5x3 stride=2x1 pad=2x1 | conv2d out=16 kernel=1 "
                "| residual { conv2d out=16 kernel=3 pad=1 } { conv2d out=16 kernel=1 } | flatten\nlatent gaussian dim=9\n"
                "decoder linear out=147 | reshape 7x7x3 | deconv2d out=12 kernel=4 stride=2 pad=1 | tanh | deconv2d out=8 "
                "kernel=3 "
                "pad=1 groups=4 | conv2d out=2 kernel=7 pad=3\nlikelihood gaussian sigma=fixed value=0.4\n"},
    {"vq", "input 16x16x3\nencoder conv2d out=16 kernel=4 stride=4 | silu | conv2d out=12 kernel=3 pad=1\n"
           "latent vq codes=24 dim=6 heads=2 start=kmeans revive=0.8 gradient=rotation\ndecoder conv2d out=16 kernel=3 "
           "pad=1 | residual { attention } | deconv2d out=3 kernel=4 stride=4\nlikelihood gaussian sigma=optimal\n"
           "prior pixelcnn channels=8 layers=2\n"},
    {"rvq", "input 12x12x1\nencoder conv2d out=8 kernel=4 stride=4 | silu\n"
            "latent rvq codes=9 quantizers=3 start=kmeans revive=0.5\ndecoder deconv2d out=1 kernel=4 stride=4\n"
            "likelihood bernoulli\nprior transformer channels=8 layers=2 heads=2\n"},
    {"gumbel", "input 12x12x1\nencoder conv2d out=11 kernel=4 stride=4\nlatent gumbel codes=11 dim=5 temperature=0.7\n"
               "decoder deconv2d out=1 kernel=4 stride=4\nlikelihood bernoulli\n"},
    {"strided", "input 16x16x3\nencoder conv2d out=64 kernel=4 stride=2 pad=1 | relu | conv2d out=96 kernel=4 stride=2 pad=1 | relu | "
                "flatten\nlatent gaussian dim=6\ndecoder linear out=1536 | reshape 4x4x96 | conv2d out=160 kernel=3 pad=1 | relu | "
                "deconv2d out=64 kernel=4 stride=2 pad=1 | relu | deconv2d out=3 kernel=4 stride=2 pad=1\nlikelihood bernoulli\n"},
    {"gmm", "input 6x6x1\nencoder flatten | linear out=24 | silu\nlatent gaussian dim=5\ndecoder linear out=36 | "
            "reshape 6x6x1\nlikelihood bernoulli\nprior gmm components=3 covariance=full\n"},
};
#define MODELS ((int)(sizeof(models) / sizeof(models[0])))

typedef struct result {
    uint64_t encode, decode, sample, train;
} result;

/* FNV-1a of `size` bytes of floats, the lowest byte of each first, whatever the machine's order is */
static uint64_t hash(const float *x, size_t size) {
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++) {
        uint32_t bits;
        memcpy(&bits, x + i / sizeof(*x), sizeof(bits));
        h = (h ^ (bits >> 8 * (i % sizeof(*x)) & 0xFF)) * UINT64_C(0x100000001b3);
    }
    return h;
}

static void fail(const char *where) {
    fprintf(stderr, "golden: %s: %s\n", where, vae_last_error());
    exit(2);
}

static float *numbers(int64_t n) {
    float *x = malloc((size_t)n * sizeof(*x));
    uint64_t s = 1;
    if (!x) exit(2);
    for (int64_t i = 0; i < n; i++) {
        s = s * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        x[i] = (float)(s >> 40) / 16777216.0f;
    }
    return x;
}

static uint64_t hash_params(const vae_model_t *m) {
    uint64_t h = 0;
    for (int64_t i = 0; i < vae_model_param_count(m); i++) {
        const vae_tensor_t *t;
        size_t bytes = sizeof(float);
        if (vae_model_param(m, i, &t, NULL) != VAE_OK) fail("parameter");
        for (int32_t d = 0; d < vae_tensor_ndim(t); d++) bytes *= (size_t)vae_tensor_shape(t)[d];
        h = h * 31 + hash(vae_tensor_data(t), bytes);
    }
    return h;
}

/* Encoded, decoded, sampled, in batches of at most `split`. */
static result infer(const vae_model_t *m, int64_t split, const float *x) {
    vae_session_t *s;
    result r = {0};
    const int64_t S = vae_model_input_size(m), D = vae_model_latent_size(m);
    float *z = numbers(2 * N * D), *y = numbers(N * S);
    if (vae_session_create(&s, m, split) != VAE_OK) fail("session");
    if (vae_encode(s, N, x, z, z + N * D) != VAE_OK) fail("encode");
    r.encode = hash(z, (size_t)(2 * N * D) * sizeof(float));
    if (vae_decode(s, N, z, y) != VAE_OK) fail("decode");
    r.decode = hash(y, (size_t)(N * S) * sizeof(float));
    if (vae_sample(s, N, NULL, y) != VAE_OK) fail("sample");
    r.sample = hash(y, (size_t)(N * S) * sizeof(float));
    vae_session_destroy(s);
    free(y), free(z);
    return r;
}

/* Of a library that does not train, the last hash of a line means nothing. */
static void train(vae_model_t *m, const char *recipe, int steps, const float *x) {
#ifndef VAE_DECODER_ONLY
    vae_trainer_t *t;
    if (vae_trainer_create(&t, m, recipe, N) != VAE_OK) fail("trainer");
    for (int i = 0; i < steps; i++)
        if (vae_trainer_step(t, N - i % 2, x, NULL) != VAE_OK) fail("step");
    vae_trainer_destroy(t);
#else
    (void)m, (void)recipe, (void)steps, (void)x;
#endif
}

static result run(vae_ctx_t *ctx, const char *text, int *differ) {
    vae_model_t *m;
    if (vae_model_create(&m, ctx, text, 1) != VAE_OK) fail("model");
    float *x = numbers(N * vae_model_input_size(m));
    result r = infer(m, 1, x);
    for (int64_t split = 2; split <= N; split++) {
        const result other = infer(m, split, x);
        if (memcmp(&r, &other, sizeof(r)) == 0) continue;
        fprintf(stderr, "golden: batches of %d differ\n", (int)split);
        *differ = 1;
    }
    train(m, "optimizer adam lr=0.002\nobjective elbo warmup=5\nclip norm max=50", STEPS, x);
    r.train = hash_params(m);
    if (strstr(text, "\nprior")) {
        train(m, "objective prior", PRIOR_STEPS, x);
        r.train = r.train * 31 + hash_params(m) + infer(m, N, x).sample;
    }
    vae_model_destroy(m);
    free(x);
    return r;
}

/* The arguments from the third on are names of models; without any all are wanted. */
static int is_wanted(const char *name, int argc, char **argv) {
    for (int i = 3; i < argc; i++)
        if (strcmp(argv[i], name) == 0) return 1;
    return argc <= 3;
}

int main(int argc, char **argv) {
    int differ = 0;
    for (int i = 0; i < MODELS; i++) {
        result first = {0};
        if (!is_wanted(models[i].name, argc, argv)) continue;
        for (int32_t isa = argc > 2 ? atoi(argv[2]) : VAE_ISA_PORTABLE, n = 0; isa <= VAE_ISA_WASM128; isa++) {
            vae_ctx_config_t c;
            vae_ctx_t *ctx;
            if (vae_ctx_config_init(&c, sizeof(c)) != VAE_OK) fail("config");
            c.threads = argc > 1 ? atoi(argv[1]) : 1;
            c.isa = isa;
            if (vae_ctx_create(&ctx, &c) != VAE_OK) continue;
            const result r = run(ctx, models[i].text, &differ);
            if (n++ == 0) first = r;
            if (memcmp(&r, &first, sizeof(r)) != 0) {
                fprintf(stderr, "golden: %s: %s differs\n", models[i].name, vae_ctx_isa(ctx));
                differ = 1;
            }
            vae_ctx_destroy(ctx);
        }
        printf("kernel_abi=%d %-10s encode %016llx decode %016llx sample %016llx train %016llx\n", VAE_KERNEL_ABI, models[i].name,
               (unsigned long long)first.encode, (unsigned long long)first.decode, (unsigned long long)first.sample,
               (unsigned long long)first.train);
    }
    return differ;
}
