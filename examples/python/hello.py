#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""hello.py - a first model in Python: train on small pictures of bars, save, load, look at new ones.

    PYTHONPATH=bindings/python python3 examples/python/hello.py
"""
import os
import tempfile

import numpy as np

import vae

SPEC = """
input      12x12x1
encoder    conv2d out=8 kernel=3 stride=2 pad=1 | relu | flatten | linear out=32 | relu
latent     gaussian dim=4
decoder    linear out=288 | relu | reshape 6x6x8 | deconv2d out=1 kernel=4 stride=2 pad=1
likelihood bernoulli
optimizer  adam lr=0.01
"""


def bars(n, seed):
    """Bright bars, lying or standing, anywhere in the picture."""
    random = np.random.default_rng(seed)
    images = np.full((n, 12, 12, 1), 0.05, np.float32)
    for image, place, lies in zip(images, random.integers(0, 11, n), random.random(n) < 0.5):
        image[(slice(place, place + 2), slice(None)) if lies else (slice(None), slice(place, place + 2))] = 0.95
    return images


def show(image):
    for row in image[:, :, 0]:
        print("   " + "".join(" .:-=+*#%@"[min(9, int(value * 10))] * 2 for value in row))


model = vae.Model(SPEC, seed=0)
print(model)
model.fit(bars(4000, seed=1), epochs=10, batch_size=64, validation_data=bars(500, seed=2),
          callbacks=lambda r: print(f"epoch {r['epoch']}: loss {r['loss']:.2f}, validation {r['val_loss']:.2f} nats"))

path = os.path.join(tempfile.mkdtemp(), "bars.safetensors")
model.save(path)
model = vae.Model.load(path)

print("a picture and what the model makes of it:")
picture = bars(1, seed=3)
show(picture[0])
print()
show(model.reconstruct(picture)[0])
print("a new one:")
show(model.sample(1)[0])
odd = np.random.default_rng(0).random((1, 12, 12, 1), np.float32)
print(f"nats to describe: a bar {-model.elbo(picture, 50).elbo[0]:.1f}, noise {-model.elbo(odd, 50).elbo[0]:.1f}")
os.remove(path)
