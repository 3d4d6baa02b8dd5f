#!/bin/sh
# SPDX-License-Identifier: MIT
# check_hardening.sh - checks that the library and the program are built with protections against exploits: no writable code, no writable
# tables of addresses, addresses that change with each run, and checks of the stack in code that reads foreign bytes. On x86-64 they must
# have the marks with which a processor refuses a jump or a return to a wrong place (IBT, SHSTK).
. scripts/report.sh

for file in "$BUILD/libvae.so" "$BUILD/vae"; do
    name=$(basename "$file")
    [ -e "$file" ] || { not_ok "$name is not there"; continue; }
    kind=$(readelf -h "$file" | awk '$1 == "Type:" { print $2 }')
    expect_same "$name may stand anywhere in memory" DYN "$kind"
    segments=$(readelf -lW "$file")
    expect_same "$name: the stack holds no code" RW "$(echo "$segments" | awk '$1 == "GNU_STACK" { print $7 }')"
    expect_empty "$name: no segment is written and executed" "$(echo "$segments" | awk '$1 == "LOAD" && /RWE/')"
    expect_same "$name: addresses are read-only once resolved" 1 "$(echo "$segments" | grep -c GNU_RELRO)"
    dynamic=$(readelf -dW "$file")
    echo "$dynamic" | grep -qE 'BIND_NOW|FLAGS_1.*NOW' && ok "$name: all are resolved at the start" || not_ok "$name: BIND_NOW is missing"
    expect_empty "$name: its code is not changed when it is loaded" "$(echo "$dynamic" | grep TEXTREL)"
    expect_empty "$name: no path of the builder's in it" "$(echo "$dynamic" | grep -E 'RPATH|RUNPATH')"
done
for floor in lib/io lib/import lib/api src; do
    guarded=$(nm -A "$BUILD/obj/$floor"/*.o | grep -c '__stack_chk_fail$')
    [ "$guarded" -gt 0 ] && ok "$floor: $guarded files check their stacks" || not_ok "$floor: no file checks its stack"
done
# The linker marks a file only if all that goes into it is marked, so each object is looked at; a program begins with an object of the C
# library, which may lack the marks: what is expected of the linked files is what a program and a library of one empty function get.
lacks_marks() { readelf -nW "$1" 2> /dev/null | grep -q 'IBT, SHSTK' || echo "$1"; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
if [ "$(echo __x86_64__ | "$CC" -E -P -x c - 2> /dev/null)" = 1 ]; then
    unmarked=$(for object in "$BUILD"/obj/lib/*/*.o "$BUILD"/obj/lib/vae/*/*.o "$BUILD"/obj/src/*.o; do lacks_marks "$object"; done)
    expect_empty 'every object marks where jumps and returns may go (IBT, SHSTK)' "$unmarked"
    echo 'int main(void) { return 0; }' > "$tmp/empty.c"
    "$CC" -fcf-protection -shared -fPIC -o "$tmp/libvae.so" "$tmp/empty.c" && "$CC" -fcf-protection -fPIE -pie -o "$tmp/vae" "$tmp/empty.c"
    for name in libvae.so vae; do
        if [ -n "$(lacks_marks "$tmp/$name")" ]; then
            echo "skipped: the C library of this machine takes the marks from $name"
        else
            expect_empty "$name is marked (IBT, SHSTK)" "$(lacks_marks "$BUILD/$name")"
        fi
    done
fi
# the same archive from the same objects: no time and no owner in it
expect_empty 'libvae.a holds no times and no owners' \
    "$(ar tvO "$BUILD/libvae.a" 2>/dev/null | awk '$2 != "0/0" || $0 !~ /Jan +1 .*1970/' | head -n 3)"
finish
