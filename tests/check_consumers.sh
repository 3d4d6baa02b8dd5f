#!/bin/sh
# SPDX-License-Identifier: MIT
# check_consumers.sh - tests the library in programs that other build systems build (docs/install.md): find_package on a tree of make
# install, FetchContent, a Meson subproject, pkg-config, and the two files of `make amalgamation`, whose golden hashes must be those of
# the library. CMake and Meson build without optimisation, to save time; the bits are the same.
. scripts/report.sh
MAKE=${MAKE:-make}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
top=$PWD
prefix=$tmp/usr
run() { # run WHAT COMMAND...
    what=$1
    shift
    if "$@" > "$tmp/log" 2>&1; then ok "$what"; else not_ok "$what" "$(tail -n 12 "$tmp/log")"; fi
}
has() { command -v "$1" > /dev/null; }

run 'make install' "$MAKE" --no-print-directory BUILD="$BUILD" BLAS="${BLAS:-openblas}" PREFIX="$prefix" install
flags='-std=c11 -Wall -Wextra -Werror'
run 'pkg-config: builds' sh -c "PKG_CONFIG_PATH='$prefix/lib/pkgconfig'; export PKG_CONFIG_PATH
    $CC $flags tests/consumers/app.c -o '$tmp/pc' \$(pkg-config --cflags --libs vae) -Wl,-rpath,'$prefix/lib'"
run 'pkg-config: runs' "$tmp/pc"
wanted=$("$tmp/pc")

same() { # same WAY PROGRAM: it prints what the first one prints
    expect_same "$1: trains to the same loss" "$wanted" "$("$2" 2>&1)"
}

if has cmake; then
    run 'find_package: configures' cmake -S tests/consumers/find_package -B "$tmp/find" -DCMAKE_PREFIX_PATH="$prefix"
    run 'find_package: builds' cmake --build "$tmp/find"
    same 'find_package' "$tmp/find/app"
    same 'find_package, static' "$tmp/find/app_static"
    sed 's/find_package(vae 0.1/find_package(vae 0.2/' tests/consumers/find_package/CMakeLists.txt > "$tmp/CMakeLists.txt"
    if cmake -S "$tmp" -B "$tmp/next" -DCMAKE_PREFIX_PATH="$prefix" > "$tmp/log" 2>&1; then
        not_ok 'find_package: another minor version is refused' "$(tail -n 5 "$tmp/log")"
    else
        grep -q '0\.2' "$tmp/log" && ok 'find_package: another minor version is refused' ||
            not_ok 'find_package: another minor version is refused' "$(tail -n 5 "$tmp/log")"
    fi
    run 'FetchContent: configures' cmake -S tests/consumers/fetch_content -B "$tmp/fetch" -DVAE_SOURCES="$top" \
        -DBUILD_SHARED_LIBS=ON -DCMAKE_BUILD_TYPE=None -DCMAKE_C_FLAGS=-O0
    run 'FetchContent: builds' cmake --build "$tmp/fetch"
    same 'FetchContent' "$tmp/fetch/app"
    library=$(find "$tmp/fetch" -name 'libvae.so.0.*')
    expect_empty 'FetchContent: the library shows vae_* alone' \
        "$(nm -D --defined-only "$library" | awk '$2 != "A" && $3 !~ /^vae_/ { print $3 }')"
    run 'cmake --install' cmake --install "$tmp/fetch" --prefix "$tmp/second"
    rm -rf "$tmp/find"
    run 'find_package on it' cmake -S tests/consumers/find_package -B "$tmp/find" -DCMAKE_PREFIX_PATH="$tmp/second"
    run 'and builds' cmake --build "$tmp/find" --target app
    same 'find_package on cmake --install' "$tmp/find/app"
    mkdir "$tmp/second/share"
    mv "$(find "$tmp/second" -name vaeConfig.cmake -printf %h)" "$tmp/second/share/vae"
    run 'find_package on the layout of vcpkg' cmake -S tests/consumers/find_package -B "$tmp/vcpkg" -DCMAKE_PREFIX_PATH="$tmp/second"
else
    echo 'skipped cmake is not here'
fi

if has meson && has ninja; then
    mkdir -p "$tmp/meson/subprojects/vae"
    cp tests/consumers/meson/meson.build tests/consumers/app.c "$tmp/meson/"
    tar -cf - include lib scripts bindings/cpp meson.build meson_options.txt libvae.map | tar -xf - -C "$tmp/meson/subprojects/vae"
    run 'Meson: configures' meson setup "$tmp/meson/build" "$tmp/meson" -Dvae:buildtype=plain -Dvae:c_args=-O0
    run 'Meson: builds' meson compile -C "$tmp/meson/build"
    same 'Meson' "$tmp/meson/build/app"
else
    echo 'skipped meson is not here'
fi

run 'make amalgamation' "$MAKE" --no-print-directory BUILD="$BUILD" amalgamation
run 'it compiles alone, without a warning' $CC $flags -O1 -c "$BUILD/amalgamation/vae.c" -o "$tmp/vae.o"
expect_empty 'its names begin with vae' "$(nm "$tmp/vae.o" | awk '$2 ~ /^[A-TV-Z]$/ && $3 !~ /^vaei?_/ { print $3 }')"
mkdir -p "$tmp/include/vae"
cp "$BUILD/amalgamation/vae.h" "$tmp/include/vae/"
run 'a program with it' $CC $flags -I"$tmp/include" tests/consumers/app.c "$tmp/vae.o" -o "$tmp/two" -lm -pthread
same 'two files' "$tmp/two"
run 'golden hashes, builds' $CC -O1 -I"$tmp/include" tests/golden/golden.c "$tmp/vae.o" -o "$tmp/golden" -lm -pthread
"$tmp/golden" > "$tmp/hashes" 2> /dev/null
expect_empty 'the golden hashes are those of the library' "$(diff "$tmp/hashes" tests/golden/hashes.txt | head -n 5)"
# tcc compiles the two files in a moment. It has no atomic numbers, so this is a library without threads; and once more a library that does
# not train, whose last hash means nothing.
if has tcc; then
    models='dense norms rvq gumbel gmm'
    for only in '' -DVAE_DECODER_ONLY; do
        run "tcc $only: compiles" tcc -std=c11 -Wall -Werror -DVAE_NO_THREADS $only -c "$BUILD/amalgamation/vae.c" -o "$tmp/tcc.o"
        run "tcc $only: a program with it" tcc -std=c11 $only -I"$tmp/include" tests/golden/golden.c "$tmp/tcc.o" -o "$tmp/golden" -lm
        "$tmp/golden" 1 1 $models > "$tmp/hashes" 2>&1
        [ -z "$only" ] || sed -i 's/ train .*//' "$tmp/hashes"
        expect_empty "tcc $only: the golden hashes" "$(for model in $models; do grep " $model " tests/golden/hashes.txt; done |
            if [ -z "$only" ]; then cat; else sed 's/ train .*//'; fi | diff - "$tmp/hashes" | head -n 5)"
    done
    expect_empty 'a library that only decodes has no trainer' "$(nm "$tmp/tcc.o" | grep -E ' vae_(trainer|model_import|import)_')"
else
    echo 'skipped tcc is not here'
fi
cp "$BUILD/amalgamation/vae.c" "$tmp/first.c"
run 'make amalgamation again' "$MAKE" --no-print-directory BUILD="$BUILD" amalgamation
run 'gives the same bytes' cmp "$BUILD/amalgamation/vae.c" "$tmp/first.c"
finish
