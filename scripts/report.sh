# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# Sourced by the check scripts: `ok WHAT`, `not_ok WHAT [DETAIL]`, and at the end `finish`, which prints the line that
# run_checks.sh sums up and gives the exit status. Every script runs from the root of the tree.
passed=0
failed=0
BUILD=${BUILD:-build}
CC=${CC:-cc}

ok() {
    passed=$((passed + 1))
    echo "ok      $1"
}

not_ok() {
    failed=$((failed + 1))
    echo "not ok  $1"
    [ -z "${2:-}" ] || printf '%s\n' "$2" | sed 's/^/        /'
}

# expect_empty WHAT TEXT: passes if TEXT is empty, else shows it
expect_empty() { if [ -z "$2" ]; then ok "$1"; else not_ok "$1" "$2"; fi; }

# expect_same WHAT WANTED GOT
expect_same() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "wanted '$2', got '$3'"; fi; }

finish() {
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}

# the numbers of include/vae/version.h
version_part() { sed -n "s/^#define VAE_VERSION_$1  *//p" include/vae/version.h | tr -d '"'; }

# the functions that the public headers declare, one a line, sorted
header_functions() {
    cat include/vae/*.h | tr '\n' ' ' | sed 's|/\*[^*]*\*\**\([^/*][^*]*\*\**\)*/| |g' |
        grep -o 'VAE_API [^;{]*;' | sed 's/ *(.*//; s/.*[ *]//' | grep '^vae_' | sort
}
