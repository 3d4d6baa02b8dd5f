/* SPDX-License-Identifier: MIT
 * system.h - selects which of the files NAME_posix.c, NAME_windows.c and NAME_none.c is compiled, where libvae calls the operating system.
 *
 *     lib/base/threads_*.c      threads and locks           lib/io/file_system_*.c    files
 *     lib/base/aligned_*.c      blocks of memory
 *
 * All files may be given to the compiler; those of other systems are empty. A build can leave out the threads or the files:
 *
 *     VAE_NO_THREADS    a context of more than one thread is refused; the host's parallel_for works
 *     VAE_NO_FILES      models are loaded from memory alone */
#ifndef VAEI_SYSTEM_H
#define VAEI_SYSTEM_H

#define VAEI_NONE    0
#define VAEI_POSIX   1
#define VAEI_WINDOWS 2

#if defined(_WIN32)
#define VAEI_SYSTEM VAEI_WINDOWS
#elif defined(__wasm__) && !defined(__wasi__)
#define VAEI_SYSTEM VAEI_NONE
#else
#define VAEI_SYSTEM VAEI_POSIX
#endif

/* WebAssembly has threads only if they were chosen when it was compiled. */
#if defined(VAE_NO_THREADS) || defined(__wasm__) && !defined(_REENTRANT)
#define VAEI_THREADS VAEI_NONE
#else
#define VAEI_THREADS VAEI_SYSTEM
#endif

#if defined(VAE_NO_FILES)
#define VAEI_FILES VAEI_NONE
#else
#define VAEI_FILES VAEI_SYSTEM
#endif

#endif
