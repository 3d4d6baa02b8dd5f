#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""compare.py - libvae and its peers on the same cores, in turns.

    python3 bench/peers/compare.py --torch-python PYTHON [--vae build/vae] [--threads N] [--rounds N] [--seconds N]
                                   [--workload NAME ...] [--json]

Each round runs each workload in `vae bench` and then in PyTorch, both pinned to the first N cores, so that a change in
the machine's speed or load meets both. The first round tries every mode of PyTorch; the later ones keep the fastest.
Each figure is the median over the rounds, ratio that of neighbouring runs; low and high are its extremes: the noise.

One JSON line for each workload: workload, threads, rounds, vae_items_per_s, peer, mode, peer_items_per_s, ratio, low,
high. Ratio above 1: libvae is faster. A table follows unless --json is given.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
WORKLOADS = ["dense_vae_train", "conv_vae_train", "conv_vae_decode1", "texture_decode1", "texture_decode64"]


def run(command, threads):
    """The JSON lines a pinned program prints. A program that fails leaves its own words on stderr."""
    cores = ",".join(str(core) for core in range(threads))
    if shutil.which("taskset"):
        command = ["taskset", "-c", cores, *command]
    environment = {**os.environ, "GOMP_CPU_AFFINITY": cores.replace(",", " "), "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"compare.py: {' '.join(command)}: exit status {done.returncode}")
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return [line for line in lines if line.get("median_ms", 0) > 0]


def rate(line):
    """Examples a second by the median time of a step, which a moment's disturbance does not move."""
    return line["batch"] / line["median_ms"] * 1e3


def measure(args):
    """workload -> rounds, each a pair of lines: libvae's and the peer's best."""
    torch_bench = [args.torch_python, os.path.join(HERE, "torch_bench.py")]
    common = ["--threads", str(args.threads), "--seconds", str(args.seconds)]
    rounds = {workload: [] for workload in args.workload or WORKLOADS}
    modes = {}
    for count in range(args.rounds):
        for workload, pairs in rounds.items():
            print(f"round {count + 1} of {args.rounds}: {workload}", file=sys.stderr)
            ours = run([args.vae, "bench", "--json", "--only", workload, *common], args.threads)
            mode = ["--mode", modes[workload]] if workload in modes else []
            theirs = run([*torch_bench, "--workload", workload, *mode, *common], args.threads)
            if ours and theirs:
                best = max(theirs, key=rate)
                modes[workload] = best["mode"]
                pairs.append((ours[0], best))
    return {workload: pairs for workload, pairs in rounds.items() if pairs}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--vae", default=os.path.join(ROOT, "build", "vae"))
    parser.add_argument("--torch-python", default=sys.executable)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--workload", action="append", choices=WORKLOADS)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    table = []
    for workload, pairs in measure(args).items():
        vae, peer = (statistics.median(map(rate, lines)) for lines in zip(*pairs))
        ratios = [rate(ours) / rate(theirs) for ours, theirs in pairs]
        line = pairs[0][1]
        row = {"workload": workload, "threads": args.threads, "rounds": len(pairs), "vae_items_per_s": round(vae, 1),
               "peer": line["peer"], "mode": line["mode"], "peer_items_per_s": round(peer, 1),
               "ratio": round(statistics.median(ratios), 3), "low": round(min(ratios), 3),
               "high": round(max(ratios), 3)}
        print(json.dumps(row), flush=True)
        table.append(row)
    if not args.json and table:
        print("\nworkload           threads   libvae/s     peer/s  ratio    low..high  peer")
        for row in table:
            print("{workload:18} {threads:7} {vae_items_per_s:10.1f} {peer_items_per_s:10.1f} {ratio:6.2f} {low:6.2f}.."
                  "{high:<5.2f} {peer} {mode}".format(**row))


if __name__ == "__main__":
    main()
