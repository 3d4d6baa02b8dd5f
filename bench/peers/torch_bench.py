#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""torch_bench.py - runs the workloads of `vae bench` in PyTorch 2.13, in each of PyTorch's fast modes (options: timing.py).

The time of a training step begins with a batch in memory and ends with updated parameters (noise, forward, backward, Adam); that of a
decoding begins with latents and ends with pixels in memory. Modes: eager (NCHW) and channels_last (NHWC strides), compile (inductor with
its C++ wrapper, autotuned, frozen weights for decoding) on both. Adam is the fused one, in eager_foreach the foreach one,
and in compile_adam it is compiled.
"""
import sys
import warnings

import timing

TORCH = "2.13"
ASSIGN_ROWS = 4096  # of codebook_assign at once, as libvae's session: all scores of 1e5 vectors would be 3 GB

# mode: channels last, Adam, compiled
TRAINING_MODES = {
    "eager": (False, "fused", False),
    "eager_foreach": (False, "foreach", False),
    "channels_last": (True, "fused", False),
    "compile": (False, "fused", True),
    "compile_adam": (False, "compiled", True),
    "compile_channels_last": (True, "fused", True),
}
INFERENCE_MODES = {
    "eager": (False, None, False),
    "channels_last": (True, None, False),
    "compile": (False, None, True),
    "compile_channels_last": (True, None, True),
}
FLAT = ("dense_vae_train", "gru_train", "lstm_train", "codebook_assign", "matmul_1024")  # there is no layout to choose
NAMES = ["dense_vae_train", "conv_vae_train", "vqvae_train", "gru_train", "lstm_train",
         "conv_vae_decode1", "texture_decode1", "texture_decode64",
         "codebook_assign", "matmul_1024", "kl_decode_256", "kl_decode_512"]


def modes(workload):
    table = TRAINING_MODES if workload.endswith("_train") else INFERENCE_MODES
    return {mode: {} for mode in table if not (workload in FLAT and "channels_last" in mode)}


def compiled(torch, function, frozen):
    import torch._inductor.config as inductor
    inductor.cpp_wrapper = True
    inductor.max_autotune = True
    inductor.max_autotune_report_choices_stats = False
    inductor.autotune_num_choices_displayed = 0
    inductor.freezing = frozen
    return torch.compile(function)


def training(torch, model, x, adam, compiling):
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=adam == "fused", foreach=adam != "fused")
    run = compiled(torch, model, frozen=False) if compiling else model
    update = compiled(torch, optimizer.step, frozen=False) if adam == "compiled" else optimizer.step

    def step():
        optimizer.zero_grad()
        run(x).backward()
        update()

    return step


def inference(torch, model, x, compiling):
    run = compiled(torch, model, frozen=True) if compiling else model
    parts = x.split(ASSIGN_ROWS) if len(x) > ASSIGN_ROWS else [x]

    def step():
        with torch.inference_mode():
            for part in parts:
                run(part)

    return step


def prepare(workload, mode, threads):
    import torch
    import models
    if not torch.__version__.startswith(TORCH + "."):
        print(f"torch_bench.py: PyTorch {torch.__version__} found; the peer is {TORCH}", file=sys.stderr)
    warnings.filterwarnings("ignore", category=UserWarning)  # inductor's own, about its insides
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    trains = workload in models.TRAINING
    build, shape = (models.TRAINING if trains else models.INFERENCE)[workload]
    channels_last, adam, compiling = (TRAINING_MODES if trains else INFERENCE_MODES)[mode]
    model, x = build(), torch.rand(shape) if trains else torch.randn(shape)
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
        x = x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x
    step = training(torch, model, x, adam, compiling) if trains else inference(torch, model.eval(), x, compiling)
    return step, shape[0], "pytorch-" + torch.__version__


if __name__ == "__main__":
    timing.main(__doc__, NAMES, modes, prepare)
