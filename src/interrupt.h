/* SPDX-License-Identifier: MIT
 * interrupt.h - signals. Ctrl-C, SIGTERM and SIGHUP (a closed terminal) end the program, and the file that it is writing is removed. A
 * training first saves and then stops; a second signal ends it at once. */
#ifndef INTERRUPT_H
#define INTERRUPT_H

#include <stdbool.h>

/* For every command, at the start. */
void interrupt_begin(void);

/* From here on a signal is a request, which interrupt_seen() tells: called before the lock is taken (lock.h). */
void interrupt_catch(void);
bool interrupt_seen(void);

/* The exit code of a program that stopped as asked: 129 after SIGHUP, else 130. */
int interrupt_code(void);

#endif
