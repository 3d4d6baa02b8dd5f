/* SPDX-License-Identifier: MIT
 * peak.h - measures the peak arithmetic speed of one core. */
#ifndef PEAK_H
#define PEAK_H

/* Returns the single-precision operations per second of this core in 1e9, two for a fused multiply-add, measured in a few hundredths of
 * a second. 0 if this file knows no instruction for it. */
double peak_gflops(void);

#endif
