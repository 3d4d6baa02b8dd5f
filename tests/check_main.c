/* SPDX-License-Identifier: MIT
 * check_main.c - runs every suite of suites.def. With a word as argument it runs only the suites whose name contains the word. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUITE(name) Suite *suite_##name(void);
#include "suites.def"
#undef SUITE

typedef struct entry {
    const char *name;
    Suite *(*make)(void);
} entry;

#define SUITE(name) {#name, suite_##name},
static const entry suites[] = {
#include "suites.def"
};
#undef SUITE

int main(int argc, char **argv) {
    SRunner *runner = srunner_create(NULL);
    for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
        if (argc < 2 || strstr(suites[i].name, argv[1])) srunner_add_suite(runner, suites[i].make());
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
