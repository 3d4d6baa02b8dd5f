#!/bin/sh
# SPDX-License-Identifier: MIT
# Every command of the program while the system fails it: one allocation gives nothing, one call on files ends in EIO, ENOSPC, EINTR or half
# done (tests/interpose.c). No signal, no file of half its bytes, no temporary left; a failure is an exit code and a sentence, a success has
# the right bytes, and a training that failed goes on to the same bytes. FAILURES=all tries each call of each command, unasked every one
# of the short commands and some of the long ones, and every one on their logs. Then SIGTERM comes before calls on files of a training and
# of the fit of a prior: whoever holds the lock saves and ends with 130, and goes on to the same bytes. Ends with "N passed, N failed".
BUILD=${BUILD:-build}
CC=${CC:-cc}
VAE=${VAE:-$BUILD/vae}
case $VAE in /*) ;; *) VAE=$PWD/$VAE ;; esac
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
if ! $CC -std=c11 -O1 -shared -fPIC -o "$work/interpose.so" tests/interpose.c -ldl 2> "$work/why"; then
    echo "skipped: no library to preload: $(head -n 1 "$work/why")"
    echo "0 passed, 0 failed"
    exit 0
fi
cd "$work" || exit 1
unset VAE_DATA INTERPOSE_ONLY
passed=0
failed=0
runs=0

cat > tiny.txt << 'END'
input      8x8x1
encoder    flatten | linear out=8 | relu
latent     gaussian dim=2
decoder    linear out=64 | reshape 8x8x1
likelihood bernoulli
END
cat > codes.txt << 'END'
input      8x8x1
encoder    conv2d out=4 kernel=4 stride=4
latent     vq codes=8 dim=4 start=kmeans
decoder    deconv2d out=1 kernel=4 stride=4
likelihood gaussian
END
mkdir base
(
    cd base || exit 1
    "$VAE" train shapes:30 --model ../tiny.txt --batch 10 --epochs 1 -q -o run
    "$VAE" train shapes:30 --model ../codes.txt --batch 10 --epochs 1 -q -o book
    "$VAE" encode run shapes:30 -o z.npy
    "$VAE" recon run shapes:30 -n 4 -o in.png
    "$VAE" train shapes:30 --model ../tiny.txt --batch 10 --steps 2 -q -o parts
) > /dev/null 2>&1

failure() {
    echo "not ok $1 $2: $3"
    sed 's/^/    | /' err | head -n 3
    bad=$((bad + 1))
}

# The run folders and the files of d beside those of a run that went well, `ref`, and those before it, `base`.
check_files() {
    for left in d/*.tmp.* d/*/*.tmp.* d/*/samples/*.tmp.*; do
        [ ! -e "$left" ] || failure "$name" "$1" "leaves $left"
    done
    if [ "$code" -eq 0 ]; then
        diff -r -q --exclude timing.jsonl ref d > err || failure "$name" "$1" 'says it went well, and its files differ'
        cmp -s out ref_out || [ -n "$volatile" ] || failure "$name" "$1" 'says it went well, and its words differ'
        return
    fi
    for file in d/*.npy d/*.png d/*.safetensors d/*/best.safetensors d/*/*.png d/*/samples/*.png; do
        [ -e "$file" ] || continue
        cmp -s "$file" "ref/${file#d/}" || cmp -s "$file" "base/${file#d/}" || failure "$name" "$1" "leaves $file in part"
    done
}

# try NAME STRIDE COMMAND...: the command in a copy of base, once for each STRIDE-th failure. again: what mends a failed run
try() {
    name=$1 stride=$2
    shift 2
    bad=0 tried=0
    [ "$FAILURES" != all ] || stride=1
    rm -rf ref
    cp -r base ref
    (cd ref && LD_PRELOAD=$work/interpose.so INTERPOSE_COUNT=$work/count "$@" > ../ref_out 2> ../err < /dev/null) ||
        failure "$name" 'unharmed' 'fails'
    read -r _ allocs _ calls < count
    [ -z "$INTERPOSE_ONLY" ] || allocs=0
    for spec in $(seq -f alloc:%g 1 $stride "$allocs") $(seq -f alloc:%g+ 1 $((stride * 3)) "$allocs") \
        $(seq -f io:%g:5 1 $stride "$calls") $(seq -f io:%g:28 1 $stride "$calls") $(seq -f io:%g:4 1 $stride "$calls") \
        $(seq -f io:%g:short 1 $stride "$calls"); do
        tried=$((tried + 1))
        rm -rf d
        cp -r base d
        (cd d && LD_PRELOAD=$work/interpose.so INTERPOSE_FAIL=$spec timeout 60 "$@" > ../out 2> ../err < /dev/null)
        code=$?
        case $code in
        0) ;;
        [1-4]) grep -q '^vae: ' err || failure "$name" "$spec" "exit code $code without a sentence" ;;
        *) failure "$name" "$spec" "exit code $code" ;;
        esac
        check_files "$spec"
        if [ -n "$again" ] && [ "$code" -ne 0 ]; then
            (cd d && eval "$again" > ../out 2> ../err < /dev/null) || failure "$name" "$spec" 'does not go on afterwards'
            diff -r -q --exclude timing.jsonl ref d > err || failure "$name" "$spec" 'goes on to other bytes'
        fi
    done
    ended failures
}

ended() {
    runs=$((runs + tried))
    if [ "$bad" -eq 0 ]; then
        passed=$((passed + 1))
        echo "ok $name: $tried $1"
    else
        failed=$((failed + 1))
        echo "not ok $name: $bad of $tried $1"
    fi
}

# stop NAME STRIDE COMMAND...: behind `try` of the same command. A command that does not hold the lock yet is ended by the system: 143. One
# that holds it ends with 130, or with 0 if nothing was left to do.
stop() {
    name=$1 stride=$2
    shift 2
    bad=0 tried=0 asked=no
    [ "$FAILURES" != all ] || stride=1
    for call in $(seq 1 $stride "$calls"); do
        tried=$((tried + 1))
        rm -rf d
        cp -r base d
        { # where the shell says "Terminated"
            (cd d && timeout 60 env LD_PRELOAD="$work/interpose.so" INTERPOSE_FAIL="term:$call" "$@" > ../out 2> ../err < /dev/null)
            code=$?
        } 2> /dev/null
        case $code in
        0 | 130) asked=yes ;;
        143) [ $asked = no ] || failure "$name" "term:$call" 'ended by the system, behind a call where it was asked' ;;
        *) failure "$name" "term:$call" "exit code $code" ;;
        esac
        for lock in d/*.lock d/*/lock; do
            [ ! -e "$lock" ] || failure "$name" "term:$call" "exit code $code leaves $lock"
        done
        (cd d && eval "$again" > ../out 2> ../err < /dev/null) || failure "$name" "term:$call" 'does not go on afterwards'
        diff -r -q --exclude timing.jsonl ref d > err || failure "$name" "term:$call" 'goes on to other bytes'
    done
    [ $asked = yes ] || failure "$name" all 'ended by the system each time'
    ended signals
}

again='' volatile=''
try help 1 "$VAE" help
try help_of_a_layer 1 "$VAE" help conv2d
try man_page 1 "$VAE" help --man
try completion 1 "$VAE" completion bash
try info 1 "$VAE" info run
try info_in_json 1 "$VAE" info run --json
try sample 1 "$VAE" sample run -n 4 --threads 1 -o s.png
try sample_over_the_old 5 "$VAE" sample run -n 4 --threads 1 -f -o in.png
try sample_an_array 5 "$VAE" sample run -n 4 --threads 1 -o s.npy
try recon 4 "$VAE" recon run shapes:30 -n 4 --threads 1 -o r.png
try recon_of_a_picture 7 "$VAE" recon run in.png -n 4 --threads 2 -o r.png
try encode 5 "$VAE" encode run shapes:30 --threads 1 -o e.npy --logvar v.npy --labels l.npy --factors f.npy
try encode_codes 5 "$VAE" encode book shapes:30 --codes --threads 1 -o e.npy
try decode 5 "$VAE" decode run z.npy --threads 1 -o y.png
try interp 5 "$VAE" interp run shapes:30 --threads 1 -o i.png
try eval 4 "$VAE" eval run shapes:30 --threads 1 --json
try codes 7 "$VAE" codes book shapes:30 --threads 1 -o c.png
volatile=yes # its words tell the time
again='"$VAE" train shapes:30 --model ../tiny.txt --batch 10 --epochs 1 -q -o new --resume ||
    "$VAE" train shapes:30 --model ../tiny.txt --batch 10 --epochs 1 -q -o new'
try train 17 "$VAE" train shapes:30 --model ../tiny.txt --batch 10 --epochs 1 -q -o new --threads 1
stop stopped_train 5 "$VAE" train shapes:30 --model ../tiny.txt --batch 10 --epochs 1 -q -o new --threads 1
export INTERPOSE_ONLY=metrics.jsonl
try train_and_its_log 1 "$VAE" train shapes:30 --model ../tiny.txt --batch 10 --epochs 1 -q -o new --threads 1
unset INTERPOSE_ONLY
again='"$VAE" train shapes:30 -q -o parts --resume --epochs 1'
try resume 17 "$VAE" train shapes:30 -q -o parts --resume --epochs 1 --threads 1
stop stopped_resume 5 "$VAE" train shapes:30 -q -o parts --resume --epochs 1 --threads 1
export INTERPOSE_ONLY=metrics.jsonl
try resume_and_its_log 1 "$VAE" train shapes:30 -q -o parts --resume --epochs 1 --threads 1
unset INTERPOSE_ONLY
again='"$VAE" prior run shapes:30 --kind gmm --set prior.components=2 --batch 10 --epochs 1 -q -o p.safetensors --resume ||
    "$VAE" prior run shapes:30 --kind gmm --set prior.components=2 --batch 10 --epochs 1 -q -o p.safetensors'
try prior 17 "$VAE" prior run shapes:30 --kind gmm --set prior.components=2 --batch 10 --epochs 1 -q -o p.safetensors --threads 1
stop stopped_prior 5 "$VAE" prior run shapes:30 --kind gmm --set prior.components=2 --batch 10 --epochs 1 -q -o p.safetensors --threads 1

echo "$runs failures in all"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
