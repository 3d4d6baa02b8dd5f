/* SPDX-License-Identifier: MIT
 * vae/version.h - which libvae this is. The Makefile, vae.pc and the documents read the numbers from here. */
#ifndef VAE_VERSION_H
#define VAE_VERSION_H

#include <stdint.h>

/* On Windows a program that uses the DLL defines VAE_SHARED; without it the declarations are those of the static library. */
#if defined(_WIN32) && defined(VAE_BUILD)
#define VAE_API __declspec(dllexport)
#elif defined(_WIN32) && defined(VAE_SHARED)
#define VAE_API __declspec(dllimport)
#elif defined(_WIN32)
#define VAE_API
#elif defined(__GNUC__)
#define VAE_API __attribute__((visibility("default")))
#else
#define VAE_API
#endif

#define VAE_VERSION_MAJOR  0
#define VAE_VERSION_MINOR  1
#define VAE_VERSION_PATCH  0
#define VAE_VERSION_STRING "0.1.0"
/* major * 10000 + minor * 100 + patch */
#define VAE_VERSION_NUMBER 100
/* of the shared library, libvae.so.0: raised by each release that breaks a program linked with the one before, also below 1.0 */
#define VAE_VERSION_SONAME 0

/* The arithmetic of VAE_ARITH_REPRODUCIBLE. Outputs are equal bit for bit between builds with the same number. */
#define VAE_KERNEL_ABI 2

#ifdef __cplusplus
extern "C" {
#endif

/** The version of the library that is running, as VAE_VERSION_NUMBER. @since 0.1 */
VAE_API uint32_t vae_version_number(void);

/** The version of the library that is running, as VAE_VERSION_STRING; static. @since 0.1 */
VAE_API const char *vae_version_string(void);

/**
 * How the library was built, one line, static: version, instruction sets, BLAS and its core, threads.
 * Example: "libvae 0.1.0 kernel_abi=2 isa=portable,avx2,avx512 blas=openblas". @since 0.1
 */
VAE_API const char *vae_build_info(void);

#ifdef __cplusplus
}
#endif
#endif
