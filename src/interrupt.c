/* SPDX-License-Identifier: MIT
 * interrupt.c - signal handlers, which the system removes after their first use.
 *
 * If SIGHUP is ignored when the program starts, it stays ignored, because nohup works in this way. SIGXFSZ is ignored, so that a file
 * beyond the size limit is an error with a sentence. In training SIGPIPE is ignored, so that a closed terminal does not end it before
 * it has saved. */
#include "interrupt.h"
#include "console.h"
#include "file_writer.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>

static volatile sig_atomic_t seen; /* the number of the signal */

static void on_request(int number) {
    seen = number;
}

/* The signal is blocked while its handler runs; afterwards the system's own handler takes it. */
static void on_end(int number) {
    file_abandon();
    (void)raise(number);
}

static void handle(int number, void (*handler)(int)) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = (int)(SA_RESTART | SA_RESETHAND);
    (void)sigaction(number, &action, NULL);
}

static bool is_ignored(int number) {
    struct sigaction now;
    return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

void interrupt_begin(void) {
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (!is_ignored(ends[i])) handle(ends[i], on_end);
    (void)signal(SIGXFSZ, SIG_IGN);
}

void interrupt_catch(void) {
    handle(SIGINT, on_request); /* even if the shell started a background command with it ignored */
    handle(SIGTERM, on_request);
    if (!is_ignored(SIGHUP)) handle(SIGHUP, on_request);
    (void)signal(SIGPIPE, SIG_IGN);
}

bool interrupt_seen(void) {
    return seen != 0;
}

int interrupt_code(void) {
    return seen == SIGHUP ? EXIT_HUNG_UP : EXIT_INTERRUPTED;
}
