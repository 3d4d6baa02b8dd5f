#!/bin/sh
# SPDX-License-Identifier: MIT
# check_ports.sh - builds libvae for other systems and processors with zig (PyPI: ziglang). For targets that can run here it runs
# tests/golden/golden.c, whose hashes must be those of tests/golden/hashes.txt, and tests/golden/port.c, which uses threads and files. It
# prints a table with a row for each target: whether the library compiles, where it ran, and which models gave equal hashes.
#
#     scripts/check_ports.sh            the targets of `make check`
#     scripts/check_ports.sh --all      every target: make check-ports
#     scripts/check_ports.sh NAME ...   the targets with these names
#
# If a runner (wine, node, qemu) is not installed, the row of the target says so. If bootstrap should have installed the runner, the
# target fails.
set -u
cd "$(dirname "$0")/.." || exit 1
. scripts/report.sh
mkdir -p "$BUILD/ports"
dir=$(cd "$BUILD/ports" && pwd)

# name, zig's target, what runs it (- is: nothing here), which models: an emulated processor is slow
ports='
x86_64-windows   x86_64-windows-gnu      wine          all
x86-windows      x86-windows-gnu         -             -
aarch64-windows  aarch64-windows-gnu     -             -
x86_64-macos     x86_64-macos            -             -
aarch64-macos    aarch64-macos           -             -
x86_64-freebsd   x86_64-freebsd          -             -
x86_64-musl      x86_64-linux-musl       native        all
aarch64-musl     aarch64-linux-musl      qemu-aarch64  few
arm-musl         arm-linux-musleabihf    qemu-arm      few
riscv64-musl     riscv64-linux-musl      qemu-riscv64  few
s390x-musl       s390x-linux-musl        qemu-s390x    few
wasm32-wasi      wasm32-wasi             node          all
wasm32-simd128   wasm32-wasi+simd128     node          all
'
few='dense norms gumbel gmm'
in_check='wasm32-simd128 s390x-musl'
from_bootstrap='qemu-s390x'

case ${1:-} in
'') wanted=$in_check ;;
--all) wanted=$(echo "$ports" | awk 'NF { print $1 }') ;;
*) wanted=$* ;;
esac

zig=$(scripts/zig.sh) || { echo 'skipped: no zig (scripts/python_venv.sh)'; exit 0; }

# has RUNNER: is it here?
has() {
    case $1 in
    native) [ "$(uname -sm)" = 'Linux x86_64' ] ;;
    wine) command -v wine > /dev/null ;;
    node) command -v node > /dev/null ;;
    *) command -v "$1" > /dev/null ;;
    esac
}

# run RUNNER PROGRAM ARGUMENTS: in the current folder
run() {
    runner=$1 program=$2
    shift 2
    case $runner in
    native) "./$program" "$@" ;;
    wine) WINEPREFIX=$dir/wine WINEDEBUG=-all wine "./$program.exe" "$@" ;;
    node) "$OLDPWD/scripts/run_wasi.sh" "$program.wasm" "$@" ;;
    *) "$runner" "./$program" "$@" ;;
    esac
}

# printed FOLDER RUNNER PROGRAM ARGUMENTS: what it prints, and what went wrong if something did
printed() {
    folder=$1
    shift
    (cd "$folder" && run "$@") > "$folder/printed" 2> "$folder/errors" || { cat "$folder/errors"; echo "exit status $?"; }
    tr -d '\r' < "$folder/printed"
}

# the names that a DLL exports; those of the map
exported() { objdump -p "$1" | sed -n '/Ordinal.Name Pointer/,/^$/s/^[[:space:]]*\[.*\] *\([a-z_0-9]*\)$/\1/p' | sort; }
mapped() { sed -n 's/^ *\(vae_[a-z0-9_]*\);.*/\1/p' libvae.map | sort; }

table=
row() { table="$table$(printf '%-17s %-9s %-14s %-12s %s' "$@")
"; }

# shellcheck disable=SC2086
port() {
    name=$1 target=$2 runner=$3 models=$4 out=$dir/$1 ran=- hashes=- asked=-
    suffix=
    case $target in *windows*) suffix=.exe ;; wasm*) suffix=.wasm ;; esac
    cc="$zig cc -target ${target%+*}"
    case $target in *+simd128) cc="$cc -msimd128" ;; esac # its library holds the portable kernels, too: golden.c compares both
    kinds='static shared'
    case $target in wasm*) kinds=static ;; esac
    mkdir -p "$out"
    if ! ${MAKE:-make} -s -j2 --no-print-directory BUILD="$out" CC="$cc" AR="$zig ar" BLAS=none CFLAGS=-O1 $kinds \
        > "$out/make.log" 2>&1; then
        row "$name" no - - -
        not_ok "$name: the library compiles" "$(grep -E 'error|Error' "$out/make.log" | head -n 10)"
        return
    fi
    expect_empty "$name: the library compiles without a warning" "$(grep -E 'warning:' "$out/make.log" | head -n 10)"
    for program in golden port; do
        $cc -O1 -Iinclude -o "$out/$program$suffix" "tests/golden/$program.c" "$out/libvae.a" -lm > "$out/$program.log" 2>&1 ||
            { row "$name" yes - - -; not_ok "$name: $program.c links" "$(head -n 10 "$out/$program.log")"; return; }
    done
    case $target in
    *windows*)
        expect_same "$name: the DLL exports what libvae.map lists" "$(mapped)" "$(exported "$out"/libvae-*.dll)"
        $cc -O1 -Iinclude -DVAE_SHARED -o "$out/port.exe" tests/golden/port.c "$out/libvae.dll.a" > "$out/port.log" 2>&1 ||
            not_ok "$name: port.c links with the DLL" "$(head -n 10 "$out/port.log")"
        ;;
    esac
    if [ "$runner" = - ]; then
        row "$name" yes 'not here' - -
        return
    elif ! has "$runner"; then
        row "$name" yes "no $runner" - -
        case " $from_bootstrap " in *" $runner "*) not_ok "$name: $runner, which bootstrap installs, is not here" ;; esac
        return
    fi
    names=
    [ "$models" = all ] || names=$few
    threads=1
    case $runner in native | wine) threads=3 ;; esac
    wanted_hashes=$(if [ -z "$names" ]; then cat tests/golden/hashes.txt; else
        for model in $names; do grep " $model " tests/golden/hashes.txt; done; fi)
    got=$(printed "$out" "$runner" golden $threads 1 $names)
    hashes="$(echo "$wanted_hashes" | wc -l) equal"
    [ "$got" = "$wanted_hashes" ] || hashes=other
    expect_same "$name: equal hashes" "$wanted_hashes" "$got"
    asked=$(printed "$out" "$runner" port)
    expect_same "$name: threads, files and the bytes of a saved model" "$(promise "$target")" "$asked"
    case $asked in
    *files=yes*) [ -e "$out/port ä 日.safetensors" ] || not_ok "$name: names of files are UTF-8" "$(ls "$out")" ;;
    esac
    row "$name" yes "$runner" "$hashes" "$asked"
}

# what port.c prints here, but that WebAssembly has no threads
promise() {
    case $1 in
    wasm*) echo "$here" | sed 's/threads=yes/threads=no/' ;;
    *) echo "$here" ;;
    esac
}

libs=$(${MAKE:-make} -s --no-print-directory BLAS="${BLAS:-openblas}" print-OUR_LDLIBS)
# shellcheck disable=SC2086
"$CC" -O1 -Iinclude -o "$dir/port" tests/golden/port.c "$BUILD/libvae.a" $libs ||
    { not_ok "port.c links with $BUILD/libvae.a"; finish; exit 1; }
here=$(cd "$dir" && ./port) || { not_ok 'port.c runs here' "$here"; finish; exit 1; }

# shellcheck disable=SC2086
# the library without what a system may lack: these files stand before those of the archive
"$CC" -std=c11 -O1 -DVAE_NO_THREADS -DVAE_NO_FILES -Iinclude -Ilib -o "$dir/bare" tests/golden/port.c lib/base/pool.c \
    lib/base/threads_*.c lib/io/file_system*.c "$BUILD/libvae.a" $libs || not_ok 'a build without threads and files links'
expect_same 'a build without threads and files says so' "$(echo "$here" | sed 's/=yes/=no/g')" "$(cd "$dir" && ./bare)"

for one in $wanted; do
    # shellcheck disable=SC2046
    set -- $(echo "$ports" | awk -v name="$one" '$1 == name')
    if [ $# -eq 4 ]; then port "$@"; else not_ok "there is no target $one"; fi
done

echo
printf '%-17s %-9s %-14s %-12s %s\n%s' target compiles 'runs by' hashes asked "$table"
finish
