#!/bin/sh
# SPDX-License-Identifier: MIT
# check_install.sh - tests the installed library. It runs make install into an empty prefix and builds programs outside of the tree with
# pkg-config, shared and static, in C99, C11 and C++17. Then it moves the prefix, and uninstalls the library, which must leave no file.
. scripts/report.sh
MAKE=${MAKE:-make}
CXX=${CXX:-c++}
BLAS=${BLAS:-openblas}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
prefix=$tmp/usr
run() { # run WHAT COMMAND...
    what=$1
    shift
    if "$@" > "$tmp/log" 2>&1; then ok "$what"; else not_ok "$what" "$(tail -n 8 "$tmp/log")"; fi
}

run 'make install' "$MAKE" --no-print-directory BUILD="$BUILD" BLAS="$BLAS" PREFIX="$prefix" install
if [ "$failed" -ne 0 ]; then
    finish
    exit 1
fi
installed=$(cd "$prefix" && find . -type f -o -type l | sort)
for file in include/vae/vae.h include/vae/vae.hpp lib/libvae.a lib/libvae.so lib/pkgconfig/vae.pc bin/vae; do
    [ -e "$prefix/$file" ] && ok "installs $file" || not_ok "installs $file" "$installed"
done
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
expect_same 'pkg-config --modversion' \
    "$(version_part MAJOR).$(version_part MINOR).$(version_part PATCH)" "$(pkg-config --modversion vae)"

shared=$(pkg-config --cflags --libs vae)
static="$(pkg-config --cflags vae) $prefix/lib/libvae.a $(pkg-config --static --libs vae | sed 's/-lvae\b//')"
warnings='-Wall -Wextra -Werror'
mkdir "$tmp/app"
cp examples/*.c "$tmp/app/"
cd "$tmp/app" || exit 1
export LD_LIBRARY_PATH="$prefix/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"

for example in *.c; do
    name=${example%.c}
    run "$name, shared, builds" $CC -std=c11 $warnings -O1 -o "$name" "$example" $shared -lm -pthread
    run "$name, shared, runs" "./$name"
done
run 'shared: a C99 program' $CC -std=c99 -pedantic $warnings -O1 -o c99 01_reconstruct.c $shared
run 'static: a C99 program builds' $CC -std=c99 -pedantic $warnings -O1 -o c99_static 01_reconstruct.c $static
run 'static: and runs without libvae.so' env LD_LIBRARY_PATH= ./c99_static
expect_same 'shared and static print the same' "$(./c99)" "$(./c99_static)"
needed=$(objdump -p c99 | awk '$1 == "NEEDED" && $2 ~ /vae/ { print $2 }')
expect_same 'programs ask for the soname' "libvae.so.$(cd "$OLDPWD" && version_part SONAME)" "$needed"

cat > cpp17.cpp <<'END'
#include <cstdio>
#include <vae/vae.hpp>
#include <vector>
int main() {
    try {
        vae::model model("input 8\nencoder linear out=16 | relu\nlatent gaussian dim=2\n"
                         "decoder linear out=16 | relu | linear out=8\nlikelihood gaussian\n", 1);
        std::vector<float> x(32 * 8, 0.5f), z(32 * 2);
        vae::trainer trainer(model, "optimizer adam lr=0.01\n", 32);
        const double first = trainer.step(32, x.data()).loss;
        for (int i = 0; i < 50; i++) trainer.step(32, x.data());
        const double last = trainer.step(32, x.data()).loss;
        vae::session session(model, 32);
        session.encode(32, x.data(), z.data());
        vae::model image("input 4x4x1\nencoder conv2d out=2 kernel=2 stride=2\nlatent gaussian dim=1 map=true\n"
                         "decoder deconv2d out=1 kernel=2 stride=2\nlikelihood gaussian\n");
        vae_session_config_t config = {};
        config.max_batch = 1;
        config.height = 6;
        config.width = 2;
        vae::session sized(image, config);
        if (vae_model_latent_size(sized.own_model()) != 3) return 1;
        sized.reconstruct(1, x.data(), z.data());
        model.save("cpp17.safetensors");
        if (vae::model::load("cpp17.safetensors").spec() != model.spec()) return 1;
        try {
            vae::model wrong("input 8\nencoder liner out=2\n");
            return 1;
        } catch (const vae::error &e) {
            if (e.status() != VAE_E_SPEC) return 1;
            std::printf("%s\n", e.what());
        }
        return last < first ? 0 : 1;
    } catch (const vae::error &e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 1;
    }
}
END
cat > results.cpp <<'END'
#include <cstdio>
#include <vae/vae.hpp>
#include <vector>
static int say(const vae::result<void> &r) {
    std::fprintf(stderr, "%s\n", r.message().c_str());
    return 1;
}
int main() {
    auto wrong = vae::model::create("input 8\nencoder liner out=2\n");
    if (wrong || wrong.status() != VAE_E_SPEC || wrong.message().find("linear") == std::string::npos) return 1;
    auto made = vae::model::create("input 8\nencoder linear out=16 | relu\nlatent gaussian dim=2\n"
                                   "decoder linear out=16 | relu | linear out=8\nlikelihood gaussian\n", 1);
    if (!made) return say(made);
    vae::model &model = made.value();
    std::vector<float> x(32 * 8, 0.5f), z(32 * 2);
    auto trainer = vae::trainer::create(model, "optimizer adam lr=0.01\n", 32);
    if (!trainer) return say(trainer);
    const double first = trainer.value().step(32, x.data()).value().loss;
    for (int i = 0; i < 50; i++)
        if (auto step = trainer.value().step(32, x.data()); !step) return say(step);
    const double last = trainer.value().step(32, x.data()).value().loss;
    auto session = vae::session::create(model, 32);
    if (!session) return say(session);
    if (auto r = session.value().encode(32, x.data(), z.data()); !r) return say(r);
    if (auto r = model.save("cpp17_results.safetensors"); !r) return say(r);
    auto loaded = vae::model::load("cpp17_results.safetensors");
    if (!loaded || loaded.value().spec().value() != model.spec().value()) return 1;
    if (session.value().encode(-1, x.data(), z.data()).status() != VAE_E_ARG) return 1;
    return last < first ? 0 : 1;
}
END
run 'C++17 with vae.hpp, shared, builds' "$CXX" -std=c++17 -pedantic $warnings -O1 -o cpp17 cpp17.cpp $shared
run 'C++17 with vae.hpp, shared, runs' ./cpp17
run 'C++17 with vae.hpp, static, builds' "$CXX" -std=c++17 -pedantic $warnings -O1 -o cpp17_static cpp17.cpp $static
run 'C++17 with vae.hpp, static, runs' env LD_LIBRARY_PATH= ./cpp17_static
run 'C++17 without exceptions builds' "$CXX" -std=c++17 -fno-exceptions -pedantic $warnings -O1 -o results results.cpp $shared
run 'C++17 without exceptions runs' ./results
cd "$OLDPWD" || exit 1

moved=$(pkg-config --define-variable=prefix=/elsewhere --cflags --libs vae)
expect_same 'the .pc file moves with its prefix' '-I/elsewhere/include -L/elsewhere/lib -lvae' "$(echo $moved)"

# the sources without the Makefile: one command, no BLAS, the same numbers
run 'builds by one command' $CC -O2 -fPIC -shared -Iinclude -Ilib -Wl,--as-needed -o "$tmp/libvae.so.0" \
    lib/*/*.c lib/vae/*/*.c -lm -lpthread
run 'a program links with it' $CC -Iinclude -o "$tmp/one" examples/01_reconstruct.c "$tmp/libvae.so.0"
expect_same 'and computes the same' "$("$tmp/app/c99")" "$(LD_LIBRARY_PATH=$tmp "$tmp/one")"
needed=$(objdump -p "$tmp/libvae.so.0" | awk '$1 == "NEEDED" { print $2 }' | grep -vE '^(libc|libm|libpthread|ld-linux.*)\.so')
expect_empty 'without a BLAS: libc and libm only' "$needed"

run 'make install with DESTDIR' "$MAKE" --no-print-directory BUILD="$BUILD" BLAS="$BLAS" PREFIX=/usr LIBDIR=/usr/lib/here \
    DESTDIR="$tmp/dest" install
missing=$(for f in bash-completion/completions/vae zsh/site-functions/_vae fish/vendor_completions.d/vae.fish; do
    [ -s "$tmp/dest/usr/share/$f" ] || echo "$f"
done)
expect_empty 'completions for bash, zsh and fish' "$missing"
expect_same 'DESTDIR is not in the .pc file' 'libdir=${prefix}/lib/here' "$(grep ^libdir "$tmp/dest/usr/lib/here/pkgconfig/vae.pc")"
run 'make uninstall' "$MAKE" --no-print-directory BUILD="$BUILD" BLAS="$BLAS" PREFIX="$prefix" uninstall
expect_empty 'uninstall leaves no file' "$(find "$prefix" -type f -o -type l)"
finish
