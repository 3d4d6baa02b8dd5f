/* SPDX-License-Identifier: MIT
 * fuzz.h - what a target gives: libFuzzer's entry point, and seeds for the stand-alone driver. */
#ifndef VAE_FUZZ_H
#define VAE_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The i-th valid input into out[cap]; its size, 0 if there are no more. */
size_t fuzz_seed(size_t i, uint8_t *out, size_t cap);

#endif
