# SPDX-License-Identifier: MIT
"""timing.py - the code that the programs of the peers share: options, the clock, and a line of JSON for each measurement.

    PROGRAM [--only WORKLOAD] [--mode MODE ...] [--threads N] [--seconds S]

Each workload and mode runs in a separate process, so that its peak of memory can be measured, and prints one JSON line:
    workload, peer, mode, threads, batch, runs, items_per_s, median_ms, p99_ms, cpu_ms,
    peak_rss_mb
If a mode fails, a sentence on stderr says so, and the mode is left out. Exit status 77 means that the peer is not installed; stderr has
the sentence.

peak_rss_mb is the peak during the measurement; memory that building and compiling freed before is not counted.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time

NOT_INSTALLED = 77
# glibc's malloc gives large blocks back and asks for them anew, so PyTorch would pay for page faults at every step, up to
# half its speed on large batches; a peer deserves its best.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 31),
               "MALLOC_TOP_PAD_": str(1 << 28)}


def forget_peak():
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as refs:
            refs.write("5")
    except OSError:
        pass  # the peak is then that of the whole process


def peak_mb():
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM:"))
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1 << 20)


def measure(step, seconds):
    """The times of single steps, after a warm-up, for so many seconds; at least 3, where a step takes longer than that 2.
    And the processor's time of a step, of all threads, on average."""
    start = time.perf_counter()
    step()
    first = time.perf_counter() - start
    while time.perf_counter() < start + max(0.3, seconds / 4):
        step()
    forget_peak()
    times, least = [], 2 if first > seconds else 3
    processor, end = time.process_time(), time.perf_counter() + seconds
    while len(times) < least or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return sorted(times), (time.process_time() - processor) / len(times)


def run_here(prepare, workload, mode, args):
    """prepare(workload, mode, threads) gives the step, the examples in one, and the peer's name."""
    try:
        step, batch, peer = prepare(workload, mode, args.threads)
    except ImportError as error:
        print(f"{os.path.basename(sys.argv[0])}: not measured: {error} in {sys.executable} "
              "(pip install -r bench/peers/requirements.txt)", file=sys.stderr)
        return NOT_INSTALLED
    times, processor = measure(step, args.seconds)
    median = statistics.median(times)
    line = {"workload": workload, "peer": peer, "mode": mode, "threads": args.threads, "batch": batch,
            "runs": len(times), "items_per_s": round(batch * len(times) / sum(times), 3),
            "median_ms": round(median * 1e3, 4), "p99_ms": round(times[len(times) * 99 // 100] * 1e3, 4),
            "cpu_ms": round(processor * 1e3, 4), "peak_rss_mb": round(peak_mb(), 1)}
    print(json.dumps(line), flush=True)
    return 0


def run_apart(workload, mode, args, environment):
    command = [sys.executable, sys.argv[0], "--here", "--only", workload, "--mode", mode, "--threads", str(args.threads),
               "--seconds", str(args.seconds)]
    done = subprocess.run(command, env={**os.environ, **KEEP_MEMORY, **environment}, stderr=subprocess.PIPE, text=True,
                          check=False)
    if done.returncode == NOT_INSTALLED:
        print(done.stderr.strip().splitlines()[-1], file=sys.stderr)
    elif done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        print(f"{os.path.basename(sys.argv[0])}: {workload}, {mode}: {last}", file=sys.stderr)
    return done.returncode


def main(doc, workloads, modes, prepare):
    """workloads: names; modes(workload): {mode: environment of its process}."""
    parser = argparse.ArgumentParser(description=doc.split("\n")[0])
    parser.add_argument("--only", action="append", choices=sorted(workloads))
    parser.add_argument("--mode", action="append")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.here:
        sys.exit(run_here(prepare, args.only[0], args.mode[0], args))
    for workload in args.only or workloads:
        for mode, environment in modes(workload).items():
            if args.mode and mode not in args.mode:
                continue
            if run_apart(workload, mode, args, environment) == NOT_INSTALLED:
                sys.exit(NOT_INSTALLED)
