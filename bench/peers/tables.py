#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tables.py - prints the lines of compare.py as the tables of docs/performance.md, in Markdown.

    python3 bench/peers/tables.py build/bench.jsonl

It prints two tables for each number of threads. The first has the speed, the peers, the goal and the limit, the second times, arithmetic
and memory. If several lines have the same workload and number of threads, the last one is used.
"""
import json
import sys

# workload: what is wanted of it
WANTED = {
    "dense_vae_train": "2 x PyTorch",
    "conv_vae_train": "2 x PyTorch, half of the peak",
    "vqvae_train": "",
    "conv_vae_decode1": "3 x PyTorch, 2 x onnxruntime",
    "texture_decode1": "3 x PyTorch, 2 x onnxruntime",
    "texture_decode64": "3 x PyTorch",
    "codebook_assign": "",
    "matmul_1024": "0.85 of the peak",
    "kl_decode_256": "",
    "kl_decode_512": "2 x PyTorch, 700 MB",
}
SPEED_UP = {"conv_vae_train": 1.8, "kl_decode_256": 1.8}  # of two threads against one


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(head, rows):
    for cells in (head, ["---"] * len(head), *rows):
        print("|" + "|".join(f" {cell} " if cell != "---" else cell for cell in cells) + "|")
    print()


def range_of(ratio):
    return f"**{ratio['ratio']:.2f}** ({ratio['low']:.2f}..{ratio['high']:.2f})"


def peers(row):
    """PyTorch and the other one; None where it was not measured."""
    other = row["peers"].get("onnxruntime") or row["peers"].get("faiss")
    return row["peers"].get("pytorch"), other


def speed(row):
    torch, other = peers(row)
    limit = row["limit_items_per_s"]
    return [f"`{row['workload']}`", number(row["items_per_s"]),
            f"{number(torch['items_per_s'])} ({torch['mode']})" if torch else "", range_of(torch) if torch else "",
            f"{number(other['items_per_s'])} ({other['peer'].split('-')[0]})" if other else "", range_of(other) if other else "",
            WANTED.get(row["workload"], ""), number(limit) if limit > 0 else "",
            f"{100 * row['items_per_s'] / limit:.0f} %" if limit > 0 else ""]


def memory(peer):
    if not peer:
        return ""
    least = "" if peer["least_peak_rss_mb"] >= peer["peak_rss_mb"] else f" (least {peer['least_peak_rss_mb']:,.0f})"
    return f"{peer['peak_rss_mb']:,.0f}{least}"


def details(row, scales):
    peak = row["peak_gflops"]
    cells = [f"`{row['workload']}`", f"{row['step_ms']:,.3f} ms", f"{row['p99_ms'] / row['median_ms']:.2f}",
             f"{row['gflops']:.0f}", f"{100 * row['gflops'] / peak:.0f} %" if peak > 0 else "",
             f"{row['peak_rss_mb']:,.0f}", *map(memory, peers(row)), row["allocs"]]
    if scales:
        wanted = SPEED_UP.get(row["workload"])
        cells.append(range_of(row["scaling"]) + (f", wanted {wanted}" if wanted else ""))
    return cells


def print_tables(rows):
    first, scales = rows[0], all("scaling" in row for row in rows)
    threads = "one thread" if first["threads"] == 1 else f"{first['threads']} threads"
    clock = ", by the processor's time" if first["clock"] == "cpu" else ""
    names = sorted({peer["peer"] for row in rows for peer in row["peers"].values()})
    rounds = sorted({row["rounds"] for row in rows})
    print(f"Examples per second, {threads}, {first['isa']}, {first['arith']} arithmetic{clock}; rounds: {' or '.join(map(str, rounds))}, "
          f"of {first['seconds']} s; peak {first['peak_gflops']:.1f} GFLOP/s; peers: {', '.join(names) or 'none'}.\n")
    table(["workload", "libvae", "PyTorch, best mode", "ratio", "other peer", "ratio", "wanted", "limit", "of it"], map(speed, rows))
    print("The same runs: times, arithmetic counted by the direct algorithm, and peak memory in MiB (of the fastest mode).\n")
    table(["workload", "a turn", "p99 / median", "GFLOP/s", "of peak", "libvae", "PyTorch", "other", "allocations"]
          + (["against one thread"] if scales else []), [details(row, scales) for row in rows])


def main():
    found = {}
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            for line in filter(lambda line: line.startswith("{"), file):
                row = json.loads(line)
                found[row["threads"], row["workload"]] = row
    if not found:
        sys.exit("usage: tables.py FILE..., with lines of compare.py")
    for threads in sorted({threads for threads, _ in found}):
        print_tables([found[threads, workload] for workload in WANTED if (threads, workload) in found])


if __name__ == "__main__":
    main()
