#!/bin/sh
# SPDX-License-Identifier: MIT
# check_bench.sh - tests the comparison of `make bench` with artificial programs: the ratios must be right, and a peer that is not
# installed must give a sentence.
. scripts/report.sh

if ! command -v python3 > /dev/null; then
    ok 'no python3: nothing to compare with'
    finish
fi
vae=${VAE:-$BUILD/vae}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# without peers: modules that cannot be imported stand before those that may be installed
for module in torch onnxruntime faiss; do echo 'raise ImportError("no such module")' > "$tmp/$module.py"; done
VAE=$vae PYTHONPATH=$tmp PEERS_PYTHON=python3 BENCH_ONLY=dense_vae_train BENCH_THREADS=1 BENCH_ROUNDS=1 BENCH_SECONDS=0 \
    BENCH_LINES=$tmp/lines bench/run.sh > "$tmp/out" 2> "$tmp/err"
expect_same 'the run goes on without peers' 0 $?
expect_same 'and has its row' 1 "$(grep -c '^| `dense_vae_train` .* 2 x PyTorch |' "$tmp/out")"
expect_same 'a sentence says what is missing' 1 "$(grep -c '^torch_bench.py: not measured: no such module' "$tmp/err")"

# made-up programs: libvae takes 2 ms for a turn, the peer 5 ms in one mode and 3 ms in the other
cat > "$tmp/vae" << 'END'
#!/bin/sh
echo '{"workload":"dense_vae_train","threads":1,"isa":"portable","arith":"reproducible","batch":64,"runs":5,"items_per_s":32000,' \
    '"median_ms":2,"p99_ms":3,"cpu_ms":1,"gflops":50,"peak_gflops":100,' \
    '"limit_items_per_s":64000,"plan_bytes":1,"peak_rss_mb":10,"allocs":0}'
END
cat > "$tmp/peers" << 'END'
#!/bin/sh
for mode in slow:5 fast:3; do
    echo '{"workload":"dense_vae_train","peer":"pytorch-9","mode":"'${mode%:*}'","threads":1,"batch":64,"runs":5,' \
        '"items_per_s":1,"median_ms":'${mode#*:}',"p99_ms":9,"cpu_ms":4,"peak_rss_mb":200}'
done
END
chmod +x "$tmp/vae" "$tmp/peers"
compare="python3 bench/peers/compare.py --vae $tmp/vae --peers-python $tmp/peers --only dense_vae_train --rounds 2"
row='| `dense_vae_train` | 32,000 | 21,333 (fast) | **1.50** (1.50..1.50) |  |  | 2 x PyTorch | 64,000 | 50 % |'
$compare > "$tmp/lines" 2> "$tmp/err"
expect_same 'the ratio is to the fastest mode' "$row" "$(python3 bench/peers/tables.py "$tmp/lines" | grep '2 x PyTorch')"
expect_same "by the processor's time" '"ratio": 4.0' "$($compare --clock cpu 2> "$tmp/err" | grep -o '"ratio": [0-9.]*')"
finish
