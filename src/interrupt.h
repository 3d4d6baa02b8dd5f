/* SPDX-License-Identifier: MIT
 * interrupt.h - Ctrl-C and SIGTERM ask training to stop; a second one ends the program at once. */
#ifndef INTERRUPT_H
#define INTERRUPT_H

#include <stdbool.h>

void interrupt_catch(void);
bool interrupt_seen(void);

#endif
