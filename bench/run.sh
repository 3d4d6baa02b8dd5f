#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh - measures libvae and its peers in turns, on pinned cores. It builds nothing. It leaves out a peer that is not installed and
# says so in a sentence.
#
#   VAE               the program                                     $BUILD/vae, build/vae
#   PEERS_PYTHON      a Python with bench/peers/requirements.txt      python3
#   BENCH_ONLY        workloads, separated by spaces                  all
#   BENCH_THREADS     numbers of threads, one pinned core each        "1 2", as far as there are cores
#   BENCH_ROUNDS      turns of each; the medians are printed          3
#   BENCH_SLOW_ROUNDS the same of workloads that take seconds         2
#   BENCH_SECONDS     of each workload, peer and mode                 2
#   BENCH_CLOCK       wall; or cpu, for one thread on a shared machine  wall
#   BENCH_LINES       where the JSON lines go, for tables.py        $BUILD/bench.jsonl
#   BENCH_RAW         a file for every line of every run              none
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
vae=${VAE:-${BUILD:-build}/vae}
python=${PEERS_PYTHON:-python3}
cores=$(nproc 2>/dev/null || echo 1)

if [ ! -x "$vae" ]; then
    echo "bench/run.sh: no $vae; run make first" >&2
    exit 1
fi
"$vae" --version

lines=${BENCH_LINES:-${BUILD:-build}/bench.jsonl}
: > "$lines"
only=
for name in ${BENCH_ONLY:-}; do only="$only --only $name"; done

for n in ${BENCH_THREADS:-1 2}; do
    [ "$n" -le "$cores" ] || continue
    if command -v "$python" > /dev/null; then
        set -- --vae "$vae" --peers-python "$python" --threads "$n" --rounds "${BENCH_ROUNDS:-3}" \
            --slow-rounds "${BENCH_SLOW_ROUNDS:-2}" --seconds "${BENCH_SECONDS:-2}"
        [ "$n" -gt 1 ] || set -- "$@" --clock "${BENCH_CLOCK:-wall}"
        [ -z "${BENCH_RAW:-}" ] || set -- "$@" --raw "$BENCH_RAW"
        # shellcheck disable=SC2086
        "$python" bench/peers/compare.py "$@" $only >> "$lines"
    else
        echo "bench/run.sh: no $python, so libvae is measured alone" >&2
        for name in ${BENCH_ONLY:-all}; do
            set -- --threads "$n" --seconds "${BENCH_SECONDS:-2}"
            [ "$name" = all ] || set -- "$@" --only "$name"
            "$vae" bench "$@"
        done
    fi
done
[ ! -s "$lines" ] || { echo && "$python" bench/peers/tables.py "$lines"; }
