#!/bin/sh
# SPDX-License-Identifier: MIT
# check_failures.sh - runs every command of the program while calls to the system fail: one allocation returns NULL, or one call on a file
# ends with EIO, ENOSPC, EINTR or is only partly done (tests/interpose.c). No command may end by a signal, leave a half-written file, or
# leave a temporary file. A command that fails must have an exit code and a sentence, one that succeeds must have the right bytes, and a
# failed training must resume to the same bytes. FAILURES=all fails each call of each command, and FAILURES=memory fails each allocation
# once and nothing else. By default every call of the short commands fails once, some calls of the long ones, and all of their calls on
# logs. Then SIGTERM is sent before calls on files of a training and of the fit of a prior: the process that holds the lock must save and
# end with 130, and must resume to the same bytes. The program's help lists the commands: each one is run with --help, and each must have
# a line below that runs it. The last line is "N passed, N failed".
BUILD=${BUILD:-build}
CC=${CC:-cc}
VAE=${VAE:-$BUILD/vae}
case $VAE in /*) ;; *) VAE=$PWD/$VAE ;; esac
checkpoint=$PWD/tests/fixtures/import/tiny/diffusers.safetensors
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
ran=

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
    "$VAE" anomaly fit run shapes:30 --score recon -o detector.safetensors
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

# specs STRIDE: what is to fail, of $allocs allocations and $calls calls on files
specs() {
    seq -f alloc:%g 1 "$1" "$allocs"
    [ "$FAILURES" != memory ] || return 0
    [ "$FAILURES" = all ] && lasting=1 || lasting=$(($1 * 3))
    seq -f alloc:%g+ 1 $lasting "$allocs"
    for error in 5 28 4 short; do seq -f "io:%g:$error" 1 "$1" "$calls"; done
}

# try NAME STRIDE COMMAND...: the command in a copy of base, once for each STRIDE-th failure. again: what mends a failed run
try() {
    name=$1 stride=$2
    shift 2
    bad=0 tried=0
    case $FAILURES in all | memory) stride=1 ;; esac
    case $3 in --help) ;; *) ran="$ran $2 " ;; esac
    rm -rf ref
    cp -r base ref
    (cd ref && LD_PRELOAD=$work/interpose.so INTERPOSE_COUNT=$work/count "$@" > ../ref_out 2> ../err < /dev/null) ||
        failure "$name" 'unharmed' 'fails'
    read -r _ allocs _ calls < count
    [ -z "$INTERPOSE_ONLY" ] || allocs=0
    for spec in $(specs $stride); do
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
    [ "$FAILURES" != memory ] || return 0
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
commands=$("$VAE" help | sed -n 's/^  \([a-z]*\)   *[a-z].*/\1/p')
for command in $commands; do try "help_of_$command" 1 "$VAE" "$command" --help; done
try help 1 "$VAE" help
try help_of_a_layer 1 "$VAE" help conv2d
try man_page 1 "$VAE" help --man
for shell in bash zsh fish; do try "completion_of_$shell" 1 "$VAE" completion $shell; done
try data 3 "$VAE" data shapes:30 -n 9 -o x.png
try import 9 "$VAE" import "$checkpoint" --height 16 --width 16 --threads 1 -o m.safetensors
try info_of_a_checkpoint 9 "$VAE" info "$checkpoint"
try report 9 "$VAE" report run -o r.html
try score 5 "$VAE" score run shapes:30 --threads 1 -o s.csv
try anomaly_fit 9 "$VAE" anomaly fit run shapes:30 --score recon --threads 1 -o a.safetensors
try anomaly 9 "$VAE" anomaly score detector.safetensors shapes:30 --threads 1 -o a.csv --anomalies in.png --maps maps
try traverse 7 "$VAE" traverse run shapes:30 --threads 1 -o t.png
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
try bench 1 "$VAE" bench --only dense_vae_train --seconds 0 --threads 1
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

for command in $commands; do
    case $ran in
    *" $command "*) ;;
    *)
        failed=$((failed + 1))
        echo "not ok $command: no line of this script runs it"
        ;;
    esac
done
echo "$runs failures in all"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
