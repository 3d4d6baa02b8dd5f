#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""onnx_bench.py - runs the workloads of `vae bench` that do not train in onnxruntime (options: timing.py).

A separate process exports the models of models.py by PyTorch. The graphs are kept in the folder of temporary files until models.py
changes. All graph optimisations are on, and inputs and outputs are bound to memory before the measurement.
"""
import os
import subprocess
import sys
import tempfile

import timing

HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = ["conv_vae_decode1", "texture_decode1", "texture_decode64", "matmul_1024", "kl_decode_256", "kl_decode_512"]
EXPORT = """
import sys, torch, models
build, shape = models.INFERENCE[sys.argv[1]]
torch.manual_seed(0)
torch.onnx.export(build().eval(), (torch.randn(shape),), sys.argv[2], input_names=["z"], output_names=["x"], verbose=False)
"""


def graph(workload):
    """The file of the exported graph; weights may lie in a file beside it."""
    folder = os.path.join(tempfile.gettempdir(), f"libvae-peers-{os.getuid()}", workload)
    path = os.path.join(folder, "graph.onnx")
    if not os.path.exists(path) or os.path.getmtime(path) < os.path.getmtime(os.path.join(HERE, "models.py")):
        os.makedirs(folder, mode=0o700, exist_ok=True)
        done = subprocess.run([sys.executable, "-c", EXPORT, workload, path], cwd=HERE, capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            raise ImportError("no graph: " + (done.stderr.strip().splitlines() or ["torch.onnx failed"])[-1])
    return path


def prepare(workload, mode, threads):
    import numpy as np
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    session = ort.InferenceSession(graph(workload), options, providers=["CPUExecutionProvider"])
    shape = session.get_inputs()[0].shape
    z = ort.OrtValue.ortvalue_from_numpy(np.random.default_rng(0).standard_normal(shape, dtype=np.float32))
    x = ort.OrtValue.ortvalue_from_shape_and_type(session.get_outputs()[0].shape, np.float32)
    binding = session.io_binding()
    binding.bind_ortvalue_input("z", z)
    binding.bind_ortvalue_output("x", x)
    return (lambda: session.run_with_iobinding(binding)), shape[0], "onnxruntime-" + ort.__version__


if __name__ == "__main__":
    timing.main(__doc__, NAMES, lambda workload: {"all_optimizations": {}}, prepare)
