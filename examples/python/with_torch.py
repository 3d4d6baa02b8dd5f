#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""with_torch.py - one model, two programs: trained by libvae and opened in PyTorch, and the other way round.

    pip install torch safetensors
    PYTHONPATH=bindings/python python3 examples/python/with_torch.py

The file needs no converter: names count the layers of a stack as nn.Sequential does, and tensors lie as PyTorch's do.
Only activations differ: [n, height, width, channels] here, [n, channels, height, width] there.
"""
import os
import sys
import tempfile

import numpy as np

import vae

try:
    import torch
    from safetensors.torch import load_file, save_file
    from torch import nn
except ImportError as error:
    print(f"with_torch.py: skipped, {error}")
    sys.exit(0)

SPEC = """
input      28x28x1
encoder    conv2d out=8 kernel=3 stride=2 pad=1 | relu | batchnorm | flatten
latent     gaussian dim=6
decoder    linear out=784 | reshape 14x14x4 | deconv2d out=1 kernel=4 stride=2 pad=1
likelihood bernoulli
"""


class Vae(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(1, 8, 3, 2, 1), nn.ReLU(), nn.BatchNorm2d(8), nn.Flatten())
        self.latent = nn.ModuleDict({"mean": nn.Linear(1568, 6), "logvar": nn.Linear(1568, 6)})
        self.decoder = nn.Sequential(nn.Linear(6, 784), nn.Unflatten(1, (4, 14, 14)), nn.ConvTranspose2d(4, 1, 4, 2, 1))

    def forward(self, x):
        h = self.encoder(x)
        mean = self.latent["mean"](h)
        return mean, self.latent["logvar"](h), torch.sigmoid(self.decoder(mean))


def compare(ours, theirs, x):
    """Largest difference of mean, log-variance and picture, relative to the largest value."""
    mean, logvar = ours.encode(x)
    with torch.no_grad():
        answers = theirs.eval()(torch.from_numpy(x).permute(0, 3, 1, 2))
    answers = [answer.permute(0, 2, 3, 1) if answer.dim() == 4 else answer for answer in answers]
    pairs = zip((mean, logvar, ours.decode(mean)), answers)
    return max(np.abs(a - b.numpy()).max() / np.abs(a).max() for a, b in pairs)


images = np.random.default_rng(0).random((256, 28, 28, 1), np.float32)
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "model.safetensors")

    ours = vae.Model(SPEC)
    ours.fit(images, epochs=2, batch_size=32)
    ours.save(path)
    theirs = Vae()
    counter = {"encoder.2.num_batches_tracked": torch.tensor(0)}  # only PyTorch keeps it
    theirs.load_state_dict({**load_file(path), **counter})
    there = compare(ours, theirs, images)
    print(f"libvae -> PyTorch: largest relative difference {there:.1e}")

    theirs = Vae()
    theirs(torch.rand(64, 1, 28, 28))  # running statistics that are not the first ones
    save_file(theirs.state_dict(), path)
    ours.load_weights(path)
    back = compare(ours, theirs, images)
    print(f"PyTorch -> libvae: largest relative difference {back:.1e}")
sys.exit(0 if max(there, back) <= 1e-5 else "with_torch.py: they differ by more than 1e-5")
