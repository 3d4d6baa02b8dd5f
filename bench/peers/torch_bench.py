#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""torch_bench.py - the workloads of `vae bench` in PyTorch 2.13, in each of PyTorch's own fast modes.

    python3 bench/peers/torch_bench.py [--workload NAME ...] [--mode NAME ...] [--threads N] [--seconds S]

One JSON line for each workload and mode, with the keys of `vae bench --json`:
    workload, peer, mode, threads, batch, items_per_s, median_ms, p99_ms
A step is timed from a batch in memory to updated parameters (training: noise drawn, forward, backward, Adam) or from
latents to pixels in memory (decoding). items_per_s is the batch divided by the median time of a step.

Modes: eager (NCHW), channels_last (NHWC strides), each with Adam's default or its fused kernel, and compile (inductor
with its C++ wrapper, autotuned, weights frozen where nothing trains) over both layouts. A mode that fails here says so on
stderr and is left out. glibc's malloc is told to keep its memory: otherwise PyTorch pays for page faults at every
step, up to half its speed on large batches, and a peer deserves its best.
"""
import argparse
import json
import os
import statistics
import sys
import time
import warnings

import torch
import torch.nn.functional as F
from torch import nn

TORCH = "2.13"
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 31),
               "MALLOC_TOP_PAD_": str(1 << 28)}


class Vae(nn.Module):
    """A Gaussian latent between two stacks; returns the loss, minus the ELBO in nats per example, one sample."""

    def __init__(self, encoder, features, dim, decoder):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.mean, self.logvar = nn.Linear(features, dim), nn.Linear(features, dim)

    def forward(self, x):
        h = self.encoder(x)
        mean, logvar = self.mean(h), self.logvar(h).clamp(-30, 20)
        z = mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)
        recon = F.binary_cross_entropy_with_logits(self.decoder(z), x, reduction="sum")
        rate = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).sum()
        return (recon + rate) / x.shape[0]


def conv_decoder():
    return nn.Sequential(nn.Linear(32, 3136), nn.Unflatten(1, (64, 7, 7)),
                         nn.ConvTranspose2d(64, 64, 3, 2, 1, 1), nn.ReLU(),
                         nn.ConvTranspose2d(64, 32, 3, 2, 1, 1), nn.ReLU(), nn.Conv2d(32, 1, 3, 1, 1))


def conv_vae():
    encoder = nn.Sequential(nn.Conv2d(1, 32, 3, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 3, 2, 1), nn.ReLU(), nn.Flatten())
    return Vae(encoder, 3136, 32, conv_decoder())


def dense_vae():
    encoder = nn.Sequential(nn.Linear(784, 128), nn.LeakyReLU(0.3))
    return Vae(encoder, 128, 256, nn.Sequential(nn.Linear(256, 128), nn.LeakyReLU(0.3), nn.Linear(128, 784)))


def texture_decoder():
    """64x64 RGB from 16 numbers."""
    layers = [nn.Linear(16, 4096), nn.Unflatten(1, (64, 8, 8))]
    for width, out in ((64, 64), (64, 32), (32, 16)):
        layers += [nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(width, out, 3, 1, 1), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(16, 3, 3, 1, 1), nn.Sigmoid())


def compiled(model, frozen):
    import torch._inductor.config as inductor
    inductor.cpp_wrapper = True
    inductor.max_autotune = True
    inductor.max_autotune_report_choices_stats = False
    inductor.autotune_num_choices_displayed = 0
    inductor.freezing = frozen
    return torch.compile(model)


def training(build, batch, shape):
    def prepare(channels_last, fused, compiling):
        model = build()
        batches = torch.rand(8, batch, *shape)
        if channels_last:
            model = model.to(memory_format=torch.channels_last)
            batches = [b.contiguous(memory_format=torch.channels_last) for b in batches]
        adam = torch.optim.Adam(model.parameters(), lr=1e-3, fused=fused)
        run = compiled(model, frozen=False) if compiling else model
        count = 0

        def step():
            nonlocal count
            adam.zero_grad()
            run(batches[count % 8]).backward()
            adam.step()
            count += 1

        return step

    return prepare, batch


def decoding(build, batch, dim):
    def prepare(channels_last, fused, compiling):
        model = build().eval()
        latents = torch.randn(8, batch, dim)
        if channels_last:
            model = model.to(memory_format=torch.channels_last)
        run = compiled(model, frozen=True) if compiling else model
        count = 0

        def step():
            nonlocal count
            with torch.inference_mode():
                run(latents[count % 8])
            count += 1

        return step

    return prepare, batch


WORKLOADS = {
    "dense_vae_train": lambda: training(dense_vae, 64, (784,)),
    "conv_vae_train": lambda: training(conv_vae, 128, (1, 28, 28)),
    "conv_vae_decode1": lambda: decoding(lambda: nn.Sequential(*conv_decoder(), nn.Sigmoid()), 1, 32),
    "texture_decode1": lambda: decoding(texture_decoder, 1, 16),
    "texture_decode64": lambda: decoding(texture_decoder, 64, 16),
}

# mode: channels last, fused Adam, compiled
MODES = {
    "eager": (False, False, False),
    "eager_fused": (False, True, False),
    "channels_last": (True, False, False),
    "channels_last_fused": (True, True, False),
    "compile": (False, True, True),
    "compile_channels_last": (True, True, True),
}


def sensible(workload, mode):
    """Dense models have no layout, decoders no optimizer."""
    if workload.startswith("dense"):
        return "channels_last" not in mode
    return not (mode.endswith("fused") and "decode" in workload)


def measure(step, seconds):
    end = time.perf_counter() + max(0.3, seconds / 4)
    warm = 0
    while warm < 5 or time.perf_counter() < end:
        step()
        warm += 1
    times = []
    end = time.perf_counter() + seconds
    while len(times) < 10 or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    times.sort()
    return statistics.median(times), times[min(len(times) - 1, int(0.99 * len(times)))]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--workload", action="append", choices=sorted(WORKLOADS))
    parser.add_argument("--mode", action="append", choices=sorted(MODES))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2.0)
    args = parser.parse_args()
    if not torch.__version__.startswith(TORCH + "."):
        print(f"torch_bench.py: PyTorch {torch.__version__} found; the peer is {TORCH}", file=sys.stderr)
    warnings.filterwarnings("ignore", category=UserWarning)  # inductor's own, about its insides
    torch.set_num_threads(args.threads)
    for workload in args.workload or WORKLOADS:
        prepare, batch = WORKLOADS[workload]()
        for mode in args.mode or MODES:
            if not sensible(workload, mode):
                continue
            torch.manual_seed(0)
            try:
                median, p99 = measure(prepare(*MODES[mode]), args.seconds)
            except Exception as error:  # a mode needs a compiler or a kernel that is not everywhere
                print(f"torch_bench.py: {workload}, {mode}: {str(error).splitlines()[0]}", file=sys.stderr)
                continue
            print(json.dumps({"workload": workload, "peer": "pytorch-" + torch.__version__, "mode": mode,
                              "threads": args.threads, "batch": batch, "items_per_s": round(batch / median, 1),
                              "median_ms": round(median * 1e3, 4), "p99_ms": round(p99 * 1e3, 4)}), flush=True)


if __name__ == "__main__":
    if not KEEP_MEMORY.keys() <= os.environ.keys():  # malloc reads them when the process starts
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **KEEP_MEMORY})
    main()
