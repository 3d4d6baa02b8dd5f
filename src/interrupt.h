/* SPDX-License-Identifier: MIT
 * interrupt.h - signals. Ctrl-C, SIGTERM and SIGHUP (a closed terminal) end the program, and the file that it is writing is removed. A
 * training first saves and then stops; a second signal ends it at once. */
#ifndef INTERRUPT_H
#define INTERRUPT_H

#include <stdbool.h>

/* Called by every command at its start. */
void interrupt_begin(void);

/* From this call on, a signal is a request, which interrupt_seen() reports. Call it before the lock is taken (lock.h). */
void interrupt_catch(void);
bool interrupt_seen(void);

/* The exit code of a program that stopped because of a signal: 129 after SIGHUP, otherwise 130. */
int interrupt_code(void);

#endif
