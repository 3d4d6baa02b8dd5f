#!/bin/sh
# SPDX-License-Identifier: MIT
# check_format.sh - checks that all C files are formatted as `make format` formats them. Other versions of clang-format break some lines
# differently, so without version 14 the script compares nothing, and the report says so.
. scripts/report.sh

format=${CLANG_FORMAT:-clang-format-14}
if ! command -v "$format" > /dev/null; then
    ok "not compared with .clang-format: there is no $format (Debian: apt-get install clang-format-14)"
else
    expect_empty 'C as make format writes it' "$(make -s check-format CLANG_FORMAT="$format" 2>&1 | grep -a 'error:' | head -n 20)"
    printf 'int  f( void ){return 0 ;}\n' > "${TMPDIR:-/tmp}/unformatted.$$.c"
    if "$format" --dry-run --Werror --style=file:.clang-format "${TMPDIR:-/tmp}/unformatted.$$.c" 2> /dev/null; then
        not_ok 'a line that is not formatted is found'
    else
        ok 'a line that is not formatted is found'
    fi
    rm -f "${TMPDIR:-/tmp}/unformatted.$$.c"
fi
finish
