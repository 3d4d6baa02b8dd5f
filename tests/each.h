/* SPDX-License-Identifier: MIT
 * each.h - assertions in loops over numbers. Check writes the place of every assertion that holds to a file, to tell where a crash
 * came from. For the millions of numbers of a kernel's test this took most of the time, so these assertions write only failures. */
#ifndef EACH_H
#define EACH_H

#include <check.h>

#define ck_assert_each_msg(condition, ...)           \
    do {                                             \
        if (!(condition)) ck_abort_msg(__VA_ARGS__); \
    } while (0)
#define ck_assert_each(condition) ck_assert_each_msg(condition, "%s", #condition)

#endif
