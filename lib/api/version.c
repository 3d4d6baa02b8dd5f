/* SPDX-License-Identifier: MIT
 * version.c - returns the version of the library and the names of the status codes. */
#include "api/api.h"

uint32_t vae_version_number(void) {
    return VAE_VERSION_NUMBER;
}

const char *vae_version_string(void) {
    return VAE_VERSION_STRING;
}

const char *vae_build_info(void) {
    static VAEI_THREAD_LOCAL char text[256];
    vaei_writer w = {.buf = text, .cap = sizeof(text)};
    vaei_write(&w, "libvae %s kernel_abi=%d isa=", VAE_VERSION_STRING, VAE_KERNEL_ABI);
    for (int32_t isa = VAE_ISA_PORTABLE, first = 1; isa <= VAE_ISA_WASM128; isa++) {
        const vaei_kernels *k = vaei_kernels_select(isa, 0);
        if (k) vaei_write(&w, "%s%s", first ? "" : ",", k->name), first = 0;
    }
    vaei_write(&w, " blas=%s", vaei_kernels_blas_name());
    return text;
}

const char *vae_status_name(vae_status_t status) {
    return vaei_status_name(status);
}

const char *vae_status_string(vae_status_t status) {
    return vaei_status_string(status);
}

const char *vae_last_error(void) {
    return vaei_fail_text();
}
