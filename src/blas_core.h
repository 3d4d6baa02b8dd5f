/* SPDX-License-Identifier: MIT
 * blas_core.h - checks whether the BLAS uses the instruction sets of this machine. */
#ifndef BLAS_CORE_H
#define BLAS_CORE_H

/* Warns in a sentence if the kernels that the BLAS has chosen are made for less than this CPU. */
void blas_core_warn(void);

#endif
