#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""faiss_bench.py - runs codebook_assign of `vae bench` with faiss's IndexFlatL2 (options: timing.py).

faiss contains its own OpenBLAS, which may not recognise a new processor; so the mode skylakex selects the kernels.
"""
import timing


def modes(_):
    with open("/proc/cpuinfo", encoding="utf-8") as cpuinfo:
        wide = " avx512f " in cpuinfo.read()
    return {"default": {}, **({"skylakex": {"OPENBLAS_CORETYPE": "SkylakeX"}} if wide else {})}


def prepare(workload, mode, threads):
    import faiss
    import numpy as np
    faiss.omp_set_num_threads(threads)
    rng = np.random.default_rng(0)
    index = faiss.IndexFlatL2(256)
    index.add(rng.standard_normal((8192, 256), dtype=np.float32))
    x = rng.standard_normal((100000, 256), dtype=np.float32)
    return (lambda: index.search(x, 1)), len(x), "faiss-" + faiss.__version__


if __name__ == "__main__":
    timing.main(__doc__, ["codebook_assign"], modes, prepare)
