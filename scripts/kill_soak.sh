#!/bin/sh
# SPDX-License-Identifier: MIT
# kill_soak.sh - `make kill-soak KILLS=1000` kills training runs at random moments and resumes them with the same program, until it has
# made that many kills. Every file of each finished run, except timing.jsonl, must have the bytes of an undisturbed run. After every tenth
# kill, the files in the folder must load. The script prints a line for every hundred kills and `N passed, N failed` at the end, where
# each run is one test.
set -u
cd "$(dirname "$0")/.." || exit 1
vae=$PWD/${BUILD:-build}/vae
case ${BUILD:-build} in /*) vae=$BUILD/vae ;; esac
kills=${KILLS:-1000}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
cat > tiny.txt << 'END'
input      16x16x1
encoder    flatten | linear out=24 | relu
latent     gaussian dim=4
decoder    linear out=256 | reshape 16x16x1
likelihood bernoulli
END
arguments="shapes:96 --model tiny.txt --batch 16 --epochs 12 --seed 3 -q -o"
under() { od -An -N2 -tu2 /dev/urandom | awk -v most="$1" '{ print $1 % most }'; }

# shellcheck disable=SC2086
"$vae" train $arguments whole > /dev/null || exit 1
done_kills=0 passed=0 failed=0 run=0 lives=0
while [ "$done_kills" -lt "$kills" ]; do
    folder=run$run
    resume=
    [ ! -e "$folder/resume.safetensors" ] || resume=--resume
    # shellcheck disable=SC2086
    (exec "$vae" train $arguments "$folder" $resume) > out 2> err &
    life=$!
    lives=$((lives + 1))
    sleep "0.$(printf %03d "$(under 350)")"
    if kill -9 "$life" 2> /dev/null; then
        wait "$life" 2> /dev/null
        done_kills=$((done_kills + 1))
        [ $((done_kills % 100)) -ne 0 ] || echo "$done_kills kills, $passed runs whole, $failed not"
        [ $((done_kills % 10)) -ne 0 ] && continue
        for file in best last; do
            [ ! -e "$folder/$file.safetensors" ] || "$vae" info "$folder/$file.safetensors" > /dev/null 2> err && continue
            echo "torn: $folder/$file.safetensors: $(cat err)"
            failed=$((failed + 1))
        done
        continue
    fi
    wait "$life" || { echo "a life ended by itself: $(cat err)"; failed=$((failed + 1)); }
    if diff -r -x timing.jsonl -x lock whole "$folder" > different; then
        passed=$((passed + 1))
    else
        echo "$folder differs: $(head -n 3 different)"
        failed=$((failed + 1))
    fi
    rm -rf "$folder"
    run=$((run + 1))
done
echo "$done_kills kills in $lives lives"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
