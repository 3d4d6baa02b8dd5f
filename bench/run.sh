#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh - measure libvae, and beside it PyTorch 2.13 where a Python has it. Builds nothing.
#
#   VAE               the program                              $BUILD/vae, build/vae
#   VAE_TORCH_PYTHON  a Python with PyTorch 2.13               python3
#   BENCH_THREADS     numbers of threads, one pinned core each "1 2", as far as there are cores
#   BENCH_ROUNDS      turns of each; the medians are printed   3
#   BENCH_SECONDS     of each PyTorch workload and mode        2
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
vae=${VAE:-${BUILD:-build}/vae}
python=${VAE_TORCH_PYTHON:-python3}
cores=$(nproc 2>/dev/null || echo 1)
threads=${BENCH_THREADS:-"1 2"}

if [ ! -x "$vae" ]; then
    echo "bench/run.sh: no $vae; run make first" >&2
    exit 1
fi
"$vae" --version

have_torch() {
    "$1" -c 'import sys, torch; sys.exit(not torch.__version__.startswith("2.13."))' >/dev/null 2>&1
}

if have_torch "$python"; then
    for n in $threads; do
        [ "$n" -le "$cores" ] || continue
        "$python" "bench/peers/compare.py" --vae "$vae" --torch-python "$python" --threads "$n" \
            --rounds "${BENCH_ROUNDS:-3}" --seconds "${BENCH_SECONDS:-2}"
    done
else
    for n in $threads; do
        [ "$n" -le "$cores" ] || continue
        "$vae" bench --threads "$n"
    done
    cat <<END

No PyTorch 2.13 in $python, so libvae was measured alone. To compare:
    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install torch==2.13.0 numpy
    VAE_TORCH_PYTHON=/tmp/peers/bin/python make bench
END
fi
