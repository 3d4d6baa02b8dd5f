/* SPDX-License-Identifier: MIT
 * each.h - assertions in loops over numbers. Check writes down the place of every assertion that holds, as a message to a file, to tell
 * where a crash came from; for the millions of numbers of a kernel's test that took most of the time. These write failures only. */
#ifndef EACH_H
#define EACH_H

#include <check.h>

#define ck_assert_each_msg(condition, ...)           \
    do {                                             \
        if (!(condition)) ck_abort_msg(__VA_ARGS__); \
    } while (0)
#define ck_assert_each(condition) ck_assert_each_msg(condition, "%s", #condition)

#endif
