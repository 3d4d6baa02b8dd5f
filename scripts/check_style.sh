#!/bin/sh
# SPDX-License-Identifier: MIT
# check_style.sh - checks the rules of CONTRIBUTING.md that a script can check.
. scripts/report.sh

if [ -d .git ] && command -v git > /dev/null; then
    all=$(git ls-files --cached --others --exclude-standard)
else
    all=$(find . \( -path "./$BUILD" -o -path ./demo \) -prune -o -type f -print | sed 's|^\./||')
fi
code=$(printf '%s\n' "$all" | grep -E '\.(c|h|hpp|def)$')
sources=$(printf '%s\n' "$all" | grep -E '(\.(c|h|hpp|def|sh|py|map)|^Makefile|^bootstrap|^\.ci/run)$')

expect_empty 'lines of at most 140 columns' "$(awk 'length($0) > 140 { print FILENAME ":" FNR }' $sources)"
expect_empty 'files of at most 600 lines' "$(wc -l $code | awk '$2 != "total" && $1 > 600 { print $2 ": " $1 }')"
# a function of lib begins where a line begins with a letter and ends with a line that is a brace
expect_empty 'functions of lib of at most 60 lines' "$(awk '/^[A-Za-z]/ { first = FNR } /^}$/ && FNR - first >= 60 {
    print FILENAME ":" first ": " FNR - first + 1 }' $(printf '%s\n' "$code" | grep '^lib/'))"
circles=$(awk '/^#include "/ { name = FILENAME; sub(/^lib\//, "", name); split($0, part, "\""); print name, part[2] }' \
    $(printf '%s\n' "$code" | grep '^lib/.*\.h$') | tsort 2>&1 > /dev/null)
expect_empty 'headers of lib include each other in no circle' "$circles"
expect_empty 'file names are unique' "$(printf '%s\n' "$code" | sed 's|.*/||' | sort | uniq -d)"
expect_empty 'no tabs in C' "$(grep -lP '\t' $code)"
expect_empty 'no trailing white space' "$(grep -nE '[[:space:]]+$' $sources | head -n 5)"
marks='TO''DO|FIX''ME|XX''X|HA''CK'
expect_empty 'nothing left for later' "$(grep -nwE "$marks" $sources)"
expect_empty 'no unfinished merge' "$(git grep -nIE '^(<{7}|>{7}) ' 2> /dev/null | head -n 5)"
unlicensed=$(for f in $(printf '%s\n' "$sources" | grep -v '\.def$'); do
    [ ! -s "$f" ] || head -n 3 "$f" | grep -q 'SPDX-License-Identifier: MIT' || echo "$f"
done)
expect_empty 'every source names its licence' "$unlicensed"
lib=$(printf '%s\n' "$code" | grep '^lib/')
release=$(printf '%s\n' "$lib" | grep -v '^lib/base/debug\.h$') # which is empty there: check_imports.sh looks
expect_empty 'no assert, locale, setjmp or time; no warnings switched off' \
    "$(grep -nE '#include <(assert|locale|setjmp|time)\.h>|#pragma GCC diagnostic' $release /dev/null)"
# a licence line and at least one line of words; a .def has one line a module and one of words
opening=$(for f in $lib; do
    case $f in *.def) wanted=1 ;; *) wanted=2 ;; esac
    [ "$(awk 'NR == 1 && !/^\/\*/ { exit } { n++ } /\*\// { exit } END { print n + 0 }' "$f")" -ge $wanted ] || echo "$f"
done)
expect_empty 'every file of lib opens with what it is' "$opening"
finish
