/* SPDX-License-Identifier: MIT
 * 05_threads.c - one model and four threads with a session each. No lock is needed, because the model is only read. All threads
 * decode the same latents, each in batches of a different size, and the bytes are equal. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <vae/vae.h>

#define THREADS 4
#define N       60
#define D       8
#define S       (16 * 16 * 3)

static const char *const spec = "input      16x16x3\n"
                                "encoder    conv2d out=8 kernel=4 stride=2 pad=1 | silu | flatten\n"
                                "latent     gaussian dim=8\n"
                                "decoder    linear out=512 | silu | reshape 8x8x8 | deconv2d out=3 kernel=4 stride=2 pad=1\n"
                                "likelihood gaussian\n";

typedef struct job {
    const vae_model_t *model;
    const float *z;
    int64_t batch;
    vae_status_t status;
    char error[256]; /* a copy, because only the thread that failed can read the sentence */
    float x[N * S];
} job;

static void *work(void *arg) {
    job *j = arg;
    vae_session_t *session = NULL;
    j->status = vae_session_create(&session, j->model, j->batch);
    for (int i = 0; i < N && j->status == VAE_OK; i += (int)j->batch) j->status = vae_decode(session, j->batch, j->z + i * D, j->x + i * S);
    if (j->status != VAE_OK) snprintf(j->error, sizeof j->error, "%s", vae_last_error());
    vae_session_destroy(session);
    return NULL;
}

int main(void) {
    static job jobs[THREADS];
    static const int64_t batch[THREADS] = {1, 3, 20, 60};
    float z[N * D];
    for (int i = 0; i < N * D; i++) z[i] = (float)(i * 37 % 101) / 50.0f - 1.0f;

    vae_model_t *model;
    if (vae_model_create(&model, NULL, spec, 0) != VAE_OK) {
        fprintf(stderr, "05_threads: %s\n", vae_last_error());
        return 1;
    }
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        jobs[i].model = model;
        jobs[i].z = z;
        jobs[i].batch = batch[i];
        if (pthread_create(&threads[i], NULL, work, &jobs[i]) != 0) return 1;
    }
    int equal = 1;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        if (jobs[i].status != VAE_OK) fprintf(stderr, "05_threads: %s\n", jobs[i].error);
        equal = equal && jobs[i].status == VAE_OK && memcmp(jobs[i].x, jobs[0].x, sizeof jobs[0].x) == 0;
    }
    vae_model_destroy(model);
    printf("%d threads, %d images each: %s\n", THREADS, N, equal ? "the same bytes" : "different bytes");
    return equal ? 0 : 1;
}
