/* SPDX-License-Identifier: MIT
 * peak.h - the peak arithmetic speed of one core. */
#ifndef PEAK_H
#define PEAK_H

/* Single-precision operations a second of this core, two for a fused multiply-add, in 1e9; measured, in a few hundredths of a
 * second. 0 where this file knows no instruction for it. */
double peak_gflops(void);

#endif
