#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""compare.py - measures libvae and its peers in turns, on the same cores.

    python3 bench/peers/compare.py [--peers-python PYTHON] [--vae build/vae] [--only NAME ...] [--threads N]
                                   [--rounds N] [--slow-rounds N] [--seconds N] [--clock wall|cpu] [--raw FILE]

Each round runs a workload in `vae bench` and then in each peer that has it, all pinned to the same cores, so that a change
in the machine's speed or load affects all of them. The first round runs every mode of a peer, and later rounds run the modes within
a tenth of the fastest; the result of the peer in a round is its fastest mode. A ratio compares the rates of one round, computed
from the median time of a step. The script prints the median of the ratio over the rounds and its extremes, which show the noise.
A ratio above 1 means that libvae is faster. With more than one thread each round also runs libvae on one thread, to measure the
scaling. Workloads that take seconds have --slow-rounds.

--clock cpu uses the mean processor time of a step. It is for one thread on a machine that runs other programs too, which take
most of the wall time.

The script prints one JSON line for each workload, with all figures of libvae and of each peer, from which tables.py makes tables.
--raw appends every line of every run to a file.
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
NOT_INSTALLED = 77
CLOSE = 0.9  # of the fastest mode's rate: tried again

INFERENCE = ["conv_vae_decode1", "texture_decode1", "texture_decode64", "matmul_1024", "kl_decode_256", "kl_decode_512"]
WORKLOADS = ["dense_vae_train", "conv_vae_train", "vqvae_train", "gru_train", "lstm_train", "codebook_assign", *INFERENCE]
SLOW = ("codebook_assign", "kl_decode_256", "kl_decode_512")
PEERS = {
    "pytorch": ("torch_bench.py", WORKLOADS),
    "onnxruntime": ("onnx_bench.py", INFERENCE),
    "faiss": ("faiss_bench.py", ["codebook_assign"]),
}


def run(args, command, threads):
    """The JSON lines of a program pinned to the last cores, and its exit status; its own words go to stderr. step_ms is the
    time of a step by the chosen clock."""
    here = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count())
    cores = sorted(here)[-threads:]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "GOMP_CPU_AFFINITY": " ".join(map(str, cores))}
    if shutil.which("taskset"):
        command = ["taskset", "-c", ",".join(map(str, cores)), *command]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if args.raw:
        with open(args.raw, "a", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
    for line in lines:
        line["step_ms"] = line["cpu_ms" if args.clock == "cpu" else "median_ms"]
    return [line for line in lines if line["step_ms"] > 0], done.returncode


def rate(line):
    """Examples a second by the time of a step: the median, which a moment's disturbance does not move, or the processor's."""
    return line["batch"] / line["step_ms"] * 1e3


def run_vae(args, workload, threads):
    command = [args.vae, "bench", "--json", "--only", workload, "--threads", str(threads), "--seconds", str(args.seconds)]
    lines, status = run(args, command, threads)
    if status != 0 or not lines:
        sys.exit(f"compare.py: {' '.join(command)}: exit status {status}")
    return lines[0]


def run_peer(args, peer, workload, modes):
    """The lines of the peer's modes; None if it is not installed, which it has said."""
    command = [args.peers_python, os.path.join(HERE, PEERS[peer][0]), "--only", workload, "--threads", str(args.threads),
               "--seconds", str(args.seconds)]
    for mode in modes:
        command += ["--mode", mode]
    lines, status = run(args, command, args.threads)
    return None if status == NOT_INSTALLED else lines


def spread(ratios):
    return {"ratio": round(statistics.median(ratios), 3), "low": round(min(ratios), 3), "high": round(max(ratios), 3)}


def middle(lines):
    """The run with the median rate."""
    return sorted(lines, key=rate)[len(lines) // 2]


def measure(args, workload, absent):
    """All rounds of a workload: libvae's figures, and each peer's with the ratio to it."""
    ours, alone, theirs, modes = [], [], {peer: [] for peer in PEERS}, {}
    memory = {}  # of each peer, in the mode that takes least
    rounds = min(args.rounds, args.slow_rounds) if workload in SLOW else args.rounds
    for count in range(rounds):
        print(f"{workload}, round {count + 1} of {rounds}", file=sys.stderr)
        ours.append(run_vae(args, workload, args.threads))
        if args.threads > 1:
            alone.append(run_vae(args, workload, 1))
        for peer, (_, has) in PEERS.items():
            if workload not in has or peer in absent:
                continue
            lines = run_peer(args, peer, workload, modes.get(peer, []))
            if lines is None:
                absent.add(peer)
            elif lines:
                best = max(lines, key=rate)
                memory[peer] = min([memory.get(peer, float("inf"))] + [line["peak_rss_mb"] for line in lines])
                modes[peer] = [line["mode"] for line in lines if rate(line) >= CLOSE * rate(best)]
                theirs[peer].append((ours[-1], best))
    row = {**middle(ours), "rounds": rounds, "seconds": args.seconds, "clock": args.clock, "peers": {}}
    row["gflops"] *= rate(row) / row["items_per_s"]  # all figures by the same clock
    row["items_per_s"] = rate(row)
    if alone:
        row["scaling"] = spread([rate(two) / rate(one) for two, one in zip(ours, alone)])
    for peer, pairs in theirs.items():
        if pairs:
            line = middle([line for _, line in pairs])
            row["peers"][peer] = {**spread([rate(a) / rate(b) for a, b in pairs]), "peer": line["peer"],
                                  "mode": line["mode"], "items_per_s": round(rate(line), 3),
                                  "median_ms": line["median_ms"], "p99_ms": line["p99_ms"],
                                  "peak_rss_mb": line["peak_rss_mb"], "least_peak_rss_mb": memory[peer]}
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--vae", default=os.path.join(ROOT, "build", "vae"))
    parser.add_argument("--peers-python", default=sys.executable)
    parser.add_argument("--only", action="append", choices=WORKLOADS)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slow-rounds", type=int, default=2)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    parser.add_argument("--raw")
    args = parser.parse_args()
    if args.clock == "cpu" and args.threads > 1:
        parser.error("--clock cpu says nothing about more than one thread")
    absent = set()
    for workload in args.only or WORKLOADS:
        print(json.dumps(measure(args, workload, absent)), flush=True)


if __name__ == "__main__":
    main()
