/* SPDX-License-Identifier: MIT
 * app.c - a host of libvae, built in every way that docs/install.md names: twenty steps of training, and the status of a mistake. */
#include <stdio.h>
#include <vae/vae.h>

static const char text[] = "input 8\nencoder linear out=16 | relu\nlatent gaussian dim=2\n"
                           "decoder linear out=16 | relu | linear out=8\nlikelihood gaussian\n";

int main(void) {
    vae_model_t *model = NULL;
    vae_trainer_t *trainer = NULL;
    vae_metrics_t first = {.struct_size = sizeof first}, last = {.struct_size = sizeof last};
    float x[32 * 8];
    for (int i = 0; i < 32 * 8; i++) x[i] = (float)(i % 7) / 7;
    if (vae_model_create(&model, NULL, "input 8\nencoder nothing\n", 1) == VAE_OK) return 1;
    if (vae_model_create(&model, NULL, text, 1) || vae_trainer_create(&trainer, model, "optimizer adam lr=0.01", 32)) return 2;
    for (int i = 0; i < 20; i++)
        if (vae_trainer_step(trainer, 32, x, i ? &last : &first)) return 3;
    printf("libvae %s: loss %.6f to %.6f\n", vae_version_string(), (double)first.loss, (double)last.loss);
    vae_trainer_destroy(trainer);
    vae_model_destroy(model);
    return !(last.loss < first.loss);
}
