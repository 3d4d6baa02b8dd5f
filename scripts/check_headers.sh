#!/bin/sh
# SPDX-License-Identifier: MIT
# check_headers.sh - compiles each public header alone, as strict C99, C11 and C++11 with warnings, and checks that it uses no stdio, no
# inline functions and no function-like macros, and that every function has a description and a @since.
. scripts/report.sh

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
CXX=${CXX:-c++}

alone() { # alone WHAT HEADER COMPILER...
    what=$1 header=$2
    shift 2
    printf '#include <vae/%s>\ntypedef int nothing;\n' "$header" > "$tmp/one.${suffix}"
    if "$@" -Iinclude -Werror -fsyntax-only "$tmp/one.${suffix}" 2> "$tmp/log"; then ok "$header as $what"
    else not_ok "$header as $what" "$(head -n 4 "$tmp/log")"; fi
}
for path in include/vae/*.h; do
    header=${path##*/}
    suffix=c
    alone 'C99 -pedantic' "$header" "$CC" -std=c99 -pedantic -Wall -Wextra -Wstrict-prototypes -Wc++-compat
    suffix=cpp
    if command -v "$CXX" > /dev/null; then alone 'C++11 -pedantic' "$header" "$CXX" -std=c++11 -pedantic -Wall -Wextra; fi
done

expect_empty 'no stdio, no inline functions' "$(grep -nE 'stdio\.h|^static|inline ' include/vae/*.h)"
expect_empty 'no function-like macros but VAE_API' "$(grep -nE '^ *# *define [A-Za-z_]+\(' include/vae/*.h)"
undocumented=$(awk '/^\/\*\*/ { doc = 1; since = 0 } /@since/ { since = 1 }
    /^VAE_API/ { if (!doc || !since) print FILENAME ": " $0; doc = 0 }' include/vae/*.h)
expect_empty 'every function is documented, with @since' "$undocumented"
if command -v python3 > /dev/null; then
    expect_empty 'the bindings for other languages declare what the headers declare' \
        "$(PYTHONDONTWRITEBYTECODE=1 python3 scripts/make_declarations.py --check 2>&1)"
else
    echo 'skipped: python3 is not here, which compares the declarations of the bindings'
fi
finish
