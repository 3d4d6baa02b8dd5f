#!/bin/sh
# SPDX-License-Identifier: MIT
# check_abi.sh - compares the library with tests/golden/abi.txt, the ABI that docs/abi.md promises. Every line of the list must hold for
# this library (a struct may be larger), and the list must contain everything new. If abidiff is installed, all types that a function
# takes or returns, and those behind its pointers, must be those of tests/golden/libvae.abi. `scripts/check_abi.sh --write` writes both
# files anew. After a release it refuses to remove a line of the list unless the soname, which is in the list too, has been raised. The
# script also runs a program that was built when the structs were smaller with this library, and loads and unloads libvae a thousand times.
BUILD=${BUILD:-build} CC=${CC:-cc}
export BUILD CC
. scripts/report.sh
golden=tests/golden/abi.txt dump=tests/golden/libvae.abi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# members and constants as the headers have them
cat include/vae/*.h | "$CC" -fpreprocessed -E -P -x c - 2>/dev/null | tr '\n' ' ' | grep -oE 'typedef struct vae_[a-z_]+ \{[^}]*\}' |
    sed -E 's/^typedef struct (vae_[a-z_]+) \{/\1_t;/; s/\}//' | awk -F ';' '{
        for (i = 2; i < NF; i++) {
            if (match($i, /\(\*[a-z_]+\)/)) { print "MEMBER(" $1 ", " substr($i, RSTART + 2, RLENGTH - 3) ");"; continue }
            n = split($i, part, ",")
            for (k = 1; k <= n; k++) {
                sub(/ +$/, "", part[k])
                m = split(part[k], word, /[ *]+/)
                print "MEMBER(" $1 ", " word[m] ");"
            }
        }
        print "STRUCT(" $1 ");" }' > "$tmp/abi_list.h"
grep -ohE '\bVAE_[A-Z0-9_]+ = -?[0-9]+' include/vae/*.h | awk '{ print "VALUE(" $1 ");" }' >> "$tmp/abi_list.h"
if ! "$CC" -std=c99 -Iinclude -I"$tmp" -o "$tmp/abi" scripts/abi.c 2> "$tmp/log"; then
    not_ok 'scripts/abi.c' "$(head -n 5 "$tmp/log")"
    finish
    exit 1
fi
{ "$tmp/abi"; echo "soname $(version_part SONAME)"; sed -n 's/^ *\(vae_[a-z0-9_]*\);.*/function \1/p' libvae.map; } | sort > "$tmp/now"
cat include/vae/*.h | "$CC" -fpreprocessed -E -P -x c - 2>/dev/null | tr '\n' ' ' | grep -oE 'VAE_API [^;]*;' |
    sed 's/VAE_API //; s/  */ /g; s/^/prototype /' | sort >> "$tmp/now"

# a struct that has grown is no change for who knows the smaller one
broken=$(awk 'NR == FNR { if ($1 == "struct") size[$2] = $3; else seen[$0] = 1; next }
    $1 == "struct" { if (size[$2] + 0 < $3 + 0) print; next } !($0 in seen)' "$tmp/now" "$golden")

# the types as the compiler wrote them down, by what is exported alone: no path of a machine, no line numbers, no names of parameters
dump_types() {
    abidw --no-corpus-path --no-comp-dir-path --no-show-locs --no-elf-needed --no-architecture --no-parameter-names \
        --no-write-default-sizes --type-id-style hash --headers-dir include/vae --drop-private-types --drop-undefined-syms \
        --exported-interfaces-only "$BUILD/libvae.so"
}
types_lack=
if ! command -v abidiff > /dev/null; then
    types_lack='there is no abidiff (Debian: apt-get install abigail-tools)'
elif ! readelf -SW "$BUILD/libvae.so" | grep -q '\.debug_info'; then
    types_lack='libvae.so was built without -g'
fi
if [ "${1:-}" = --write ]; then
    [ -z "$types_lack" ] || { echo "$dump cannot be written: $types_lack"; exit 1; }
    if [ -n "$broken" ] && grep -q '^## \[[0-9.]*\] - [0-9]' CHANGELOG.md && grep -qx "soname $(version_part SONAME)" "$golden"; then
        printf '%s\n' 'this breaks linked programs: raise VAE_VERSION_SONAME in include/vae/version.h first' "$broken" >&2
        exit 1
    fi
    cp "$tmp/now" "$golden"
    dump_types > "$dump" || exit 1
    echo "$golden and $dump are written"
    exit 0
fi
compare_types() {
    dump_types > "$tmp/libvae.abi" 2> "$tmp/log" || { not_ok 'abidw reads libvae.so' "$(head -n 5 "$tmp/log")"; return; }
    compared="$(grep -c '<function-decl' "$dump") functions, $(grep -c '<class-decl' "$dump") structs, \
$(grep -c '<data-member' "$dump") members"
    # an empty report and 0: no difference
    report=$(abidiff "$dump" "$tmp/libvae.abi" 2>&1) && [ -z "$report" ] && report= || report=${report:-abidiff fails}
    expect_empty "the types are those of $dump: $compared" "$report"
    # the same dump with one parameter of another type, and with a struct whose member is of another
    double=$(sed -n "s/.*<type-decl name='double'.* id='\([0-9a-z]*\)'.*/\1/p" "$dump")
    int=$(sed -n "s/.*<type-decl name='int' .* id='\([0-9a-z]*\)'.*/\1/p" "$dump")
    awk -v to="'$int" '!done && /<parameter / && sub(/.[0-9a-z]*.\/>/, to "\047/>") { done = 1 } 1' "$dump" > "$tmp/parameter.abi"
    awk -v from="$double" -v to="$int" '!done && /<var-decl/ && sub(from, to) { done = 1 } 1' "$dump" > "$tmp/member.abi"
    for change in parameter member; do
        abidiff "$tmp/$change.abi" "$tmp/libvae.abi" > /dev/null 2>&1
        expect_same "a $change of another type is seen" 4 "$(($? & 4))"
    done
}
if [ "$("$tmp/abi" | sed -n 's/^member vae_ctx_config_t.user [0-9]* //p')" = 8 ]; then
    expect_empty 'what linked programs know is still so' "$broken"
    expect_empty 'what is new is listed (scripts/check_abi.sh --write)' "$(diff "$golden" "$tmp/now" | grep '^>')"
    if [ -n "$types_lack" ]; then echo "skipped: types are compared by $golden alone: $types_lack"; else compare_types; fi
fi

# the headers as they were before metrics had those of codes: their last five members, from aux on, are taken out
mkdir -p "$tmp/old/vae"
cp include/vae/*.h "$tmp/old/vae/"
awk '/^    double aux;/ { skip = 1 } /^\} vae_metrics_t/ { skip = 0 } !skip' include/vae/train.h > "$tmp/old/vae/train.h"
cat > "$tmp/old.c" <<'END'
#include <string.h>
#include <vae/vae.h>
int main(void) {
    static const char spec[] = "input 4\nencoder linear out=3\nlatent gaussian dim=2\ndecoder linear out=4\nlikelihood bernoulli\n";
    struct { vae_metrics_t m; char behind[64]; } u;
    float x[8] = {0}, y[8];
    vae_model_t *model; vae_trainer_t *trainer; vae_session_t *session;
    memset(&u, 0x5A, sizeof u);
    u.m.struct_size = sizeof u.m;
    if (sizeof u.m != 64 || vae_model_create(&model, 0, spec, 1) || vae_trainer_create(&trainer, model, 0, 2)) return 1;
    if (vae_trainer_step(trainer, 2, x, &u.m) || u.m.step != 1 || !(u.m.loss > 0)) return 2;
    for (int i = 0; i < 64; i++) if (u.behind[i] != 0x5A) return 3;
    if (vae_session_create(&session, model, 2) || vae_reconstruct(session, 2, x, y)) return 4;
    vae_session_destroy(session); vae_trainer_destroy(trainer); vae_model_destroy(model);
    return 0;
}
END
cat > "$tmp/come_and_go.c" <<'END'
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <vae/vae.h>
static long number_of(const char *key) {
    char line[256]; long n = -1; FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f)) if (strncmp(line, key, strlen(key)) == 0) sscanf(line + strlen(key), " %ld", &n);
    if (f) fclose(f);
    return n;
}
int main(int argc, char **argv) {
    long before = 0;
    for (int i = 0; i < 1000; i++) {
        void *lib = dlopen(argv[argc - 1], RTLD_NOW | RTLD_LOCAL);
        vae_ctx_config_t config; vae_ctx_t *ctx;
        if (!lib) return 1;
        vae_status_t (*init)(vae_ctx_config_t *, size_t); vae_status_t (*create)(vae_ctx_t **, const vae_ctx_config_t *);
        void (*destroy)(vae_ctx_t *);
        *(void **)&init = dlsym(lib, "vae_ctx_config_init"); *(void **)&create = dlsym(lib, "vae_ctx_create");
        *(void **)&destroy = dlsym(lib, "vae_ctx_destroy");
        if (init(&config, sizeof config)) return 2;
        config.threads = 3;
        if (create(&ctx, &config)) return 3;
        destroy(ctx);
        dlclose(lib);
        if (i == 99) before = number_of("VmRSS:");
    }
    if (number_of("Threads:") != 1) return 4;
    return number_of("VmRSS:") - before > 512 ? 5 : 0; /* KiB in 900 rounds */
}
END
if "$CC" -std=c99 -I"$tmp/old" -o "$tmp/old_program" "$tmp/old.c" -L"$BUILD" -lvae 2> "$tmp/log"; then
    LD_LIBRARY_PATH="$BUILD" "$tmp/old_program"
    expect_same 'a program of the smaller structs runs' 0 $?
else
    not_ok 'a program of the smaller structs' "$(head -n 5 "$tmp/log")"
fi
if "$CC" -std=gnu99 -Iinclude -o "$tmp/come_and_go" "$tmp/come_and_go.c" -ldl 2> "$tmp/log"; then
    "$tmp/come_and_go" "$(cd "$BUILD" && pwd)/libvae.so"
    expect_same 'libvae is loaded and unloaded a thousand times' 0 $?
else
    not_ok 'loading and unloading' "$(head -n 5 "$tmp/log")"
fi
finish
