/* SPDX-License-Identifier: MIT
 * fuzz.h - the function that a target defines, and the functions that it may call.
 *
 * A target is one file, target_NAME.c, that defines fuzz_one(). libFuzzer or driver.c runs it. Its seeds are in the folder
 * corpus/NAME. A target aborts if a promise is broken; limits.c aborts if an input takes more than a second or 256 MB. */
#ifndef VAE_FUZZ_H
#define VAE_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One input, in a block of exactly `size` bytes. */
void fuzz_one(const uint8_t *data, size_t size);

/* limits.c: what libFuzzer and driver.c call. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Say why on stderr, and abort. */
_Noreturn void fuzz_broken(const char *what);

/* Broken unless it holds. */
#define MUST_HOLD(condition) ((condition) ? (void)0 : fuzz_broken(#condition))

/* Broken unless the library's last failure is one printable line. */
void fuzz_sentence(void);

/* ---- memory (limits.c) ------------------------------------------------------------------------------------------ */

/* All blocks taken between begin and end, by whatever library, and not given back: end(true) frees them. Only in
 * builds with a sanitizer, whose hooks it uses; elsewhere they leak. */
void fuzz_memory_begin(void);
void fuzz_memory_end(bool free_the_rest);

/* ---- the program (program.c) ------------------------------------------------------------------------------------ */

/* Run a piece of the vae program. True if it came back; false if it died, which must be with a sentence: its memory
 * and its files are then given back. */
bool fuzz_program(void (*piece)(void *user), void *user);

/* Is such a piece running? */
bool fuzz_program_runs(void);

/* A folder of this process's own, in memory if the machine has such a file system; removed at exit. */
const char *fuzz_folder(void);

/* An empty folder of this name in it; the path lasts until the next call. */
const char *fuzz_empty_folder(const char *name);

/* The bytes as a file of this name in that folder; the path lasts until the next call. */
const char *fuzz_file(const char *name, const void *data, size_t size);

/* ---- checksums (mend.c) ----------------------------------------------------------------------------------------- */

/* A copy of a model file whose outer numbers are right: the header's length, the length of the data, the checksum of
 * the data in the metadata. A gzipped one is inflated first, so that a small seed can be a large file. Free it. */
uint8_t *fuzz_mend_model(const uint8_t *data, size_t size, size_t *mended);

/* The checksums of a PNG's chunks, in place. */
void fuzz_mend_png(uint8_t *data, size_t size);

#endif
