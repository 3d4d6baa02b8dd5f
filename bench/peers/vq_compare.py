#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""vq_compare.py - trains the same VQ-VAE with libvae and with vector-quantize-pytorch and compares them.

    python3 -m venv peers && peers/bin/pip install -r bench/peers/requirements.txt
    make && peers/bin/python bench/peers/vq_compare.py [--recipe NAME ...] [--way NAME ...] [--seed N ...] [--steps N]
                                                       [--threads N] [--json]
    ... --table FILE      runs nothing; prints the table of saved lines
    ... --together STEPS  starts both from equal parameters and codebooks; prints their losses for each step

A recipe is a model, data, and a number of steps; both sides have the same layers with the same values at the start, the
same batches in the same order, loss, optimizer and learning rate. The ways to run one:

    package            vector-quantize-pytorch as in its example, or with its defaults
    package, tuned     with the settings of "libvae" that the package has: start, revival, decay, gradient
    libvae, plain      libvae with the settings of "package"
    libvae             with the settings of docs/codes.md, or the preset

The recipes:

    clothes      Fashion-MNIST, values in [-1, 1], the example of the package (examples/autoencoder.py): 256 codes, batch 256,
                 1,000 steps of AdamW at 3e-4, mean absolute error + 10 times the mean squared commitment, the output clamped
                 to [-1, 1] as there
    textures32   freedoom at 32x32, the preset vq32: batch 32, its loss, Adam at 5e-4
    textures64   freedoom at 64x64, the preset vq64

The data are those of Debian's packages dataset-fashion-mnist and freedoom, or of the folder VAE_DATA. Textures are written
by `vae encode` through a model that does nothing, so both sides read the same pixels.

One JSON line for each run: recipe, way, seed, steps, codes_used (share of the codes that the held-out examples use),
batch_codes_used (that the last batch of training uses), perplexity, l1, mse (means over held-out values), cpu_s (loading,
building, training; all threads), wall_s. A table of means over seeds with the extremes follows unless --json is given.
Seconds are of the process under whatever else the machine did: compare.py measures speed.
"""
import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "bindings", "python"))
import vae  # noqa: E402

from timing import KEEP_MEMORY  # noqa: E402

FASHION = "/usr/share/datasets/fashion-mnist"  # Debian's package dataset-fashion-mnist
EVALUATE = 64  # examples at a time

# ---- data ---------------------------------------------------------------------------------------------------------------


def read_idx(name):
    with gzip.open(os.path.join(os.environ.get("VAE_DATA", FASHION), name)) as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28, 1)
    return pixels.astype(np.float32) / 127.5 - 1


def clothes():
    return read_idx("train-images-idx3-ubyte.gz"), read_idx("t10k-images-idx3-ubyte.gz")


def textures(side):
    """Training and held-out examples [n, side, side, 3] in [0, 1], as `vae train freedoom` sees them."""
    with tempfile.TemporaryDirectory() as folder:
        path = [os.path.join(folder, name) for name in ("nothing.safetensors", "train.npy", "test.npy")]
        vae.Model(f"input {side}x{side}x3\nencoder\nlatent none\ndecoder\nlikelihood gaussian\n", threads=1).save(path[0])
        for split, output in (("train", path[1]), ("test", path[2])):
            subprocess.run([os.environ.get("VAE", os.path.join(ROOT, "build", "vae")), "encode", path[0], "freedoom", "--split",
                            split, "-o", output], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return tuple(np.load(name).reshape(-1, side, side, 3) for name in path[1:])


def batches(count, size, seed, steps):
    """Row numbers of each batch: epochs of all rows in random order, the last partial batch left out."""
    random = np.random.Generator(np.random.Philox(seed))
    each = count // size
    for step in range(steps):
        if step % each == 0:
            order = random.permutation(count)
        yield order[step % each * size:][:size]


# ---- libvae -------------------------------------------------------------------------------------------------------------

CLOTHES = """input      28x28x1
encoder    conv2d out=16 kernel=3 pad=1 | maxpool kernel=2 | gelu | conv2d out=32 kernel=3 pad=1 | maxpool kernel=2
latent     vq codes=256 {latent}
decoder    upsample | conv2d out=16 kernel=3 pad=1 | gelu | upsample | conv2d out=1 kernel=3 pad=1 | hardtanh
likelihood laplace
optimizer  adamw lr=3e-4 weight_decay=0.01
"""
# Sums over an example instead of means: everything times 784 values, so 10 becomes 10 x 784 / (49 positions x 32) = 5.
CLOTHES_PLAIN = "scale=5 commitment=1 decay=0.8 debias=false gradient=rotation"
CLOTHES_VAE = "scale=5 commitment=1 decay=0.8 start=kmeans revive=1"


def preset(name):
    return vae.registry()["preset"][name].text


def train_libvae(spec, train, batch, steps, seed, threads):
    model = vae.Model(spec, seed=seed, threads=threads, max_batch=EVALUATE)
    with model.trainer(max_batch=batch, seed=seed) as trainer:
        for rows in batches(len(train), batch, seed, steps):
            trainer.step(train[rows])
    book = model.params["latent.codebook"].astype(np.float64)

    def answer(x):
        """Reconstructions, and the codes: the nearest to each vector, looked for here so that one program judges both."""
        vectors = model.encode(x)[0].reshape(-1, book.shape[1]).astype(np.float64)
        return model.reconstruct(x), np.argmin((book * book).sum(1) - 2 * vectors @ book.T, axis=1)

    return answer


# ---- PyTorch ------------------------------------------------------------------------------------------------------------


def start_torch(build, spec, seed, threads):
    """The layers have the values that libvae draws for this seed, so that nothing differs but what is compared."""
    import torch
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    model, loss_of, optimizer = build(torch)
    ours = vae.Model(spec, seed=seed, threads=1).params
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.copy_(torch.from_numpy(np.array(ours[name])))
    model.train()

    def step(x):
        optimizer.zero_grad()
        loss = loss_of(model, torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2))))
        loss.backward()
        optimizer.step()
        return loss

    return torch, model, step


def train_torch(build, spec, train, batch, steps, seed, threads):
    torch, model, step = start_torch(build, spec, seed, threads)
    for rows in batches(len(train), batch, seed, steps):
        step(train[rows])
    model.eval()

    def answer(x):
        with torch.inference_mode():
            y, codes, _ = model(torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2))))
        return y.numpy().transpose(0, 2, 3, 1), codes.numpy().ravel()

    return answer


def vq_model(torch, encoder, quantizer, decoder):
    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder, self.quantizer, self.decoder = torch.nn.Sequential(*encoder), quantizer, torch.nn.Sequential(*decoder)

        def forward(self, x):
            q, codes, commit = self.quantizer(self.encoder(x))
            return self.decoder(q), codes, commit

    return Model()


def clothes_torch(**options):
    def build(torch):
        from vector_quantize_pytorch import VectorQuantize
        nn = torch.nn
        encoder = [nn.Conv2d(1, 16, 3, padding=1), nn.MaxPool2d(2), nn.GELU(), nn.Conv2d(16, 32, 3, padding=1), nn.MaxPool2d(2)]
        decoder = [nn.Upsample(scale_factor=2), nn.Conv2d(32, 16, 3, padding=1), nn.GELU(), nn.Upsample(scale_factor=2),
                   nn.Conv2d(16, 1, 3, padding=1), nn.Hardtanh()]
        quantizer = VectorQuantize(dim=32, codebook_size=256, accept_image_fmap=True, **options)
        model = vq_model(torch, encoder, quantizer, decoder)

        def loss(model, x):
            y, _, commit = model(x)
            return (y - x).abs().mean() + 10 * commit.sum()

        return model, loss, torch.optim.AdamW(model.parameters(), lr=3e-4, weight_decay=0.01)

    return build


def textures_torch(**options):
    """The preset vq64 (vq32 has the same layers), whose terms are sums over an example, with the optimal sigma."""
    def build(torch):
        from vector_quantize_pytorch import VectorQuantize
        nn, functional = torch.nn, torch.nn.functional

        class Residual(nn.Module):
            def __init__(self):
                super().__init__()
                self.body = nn.Sequential(nn.ReLU(), nn.Conv2d(128, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 128, 1))

            def forward(self, x):
                return x + self.body(x)

        encoder = [nn.Conv2d(3, 64, 4, 2, 1), nn.ReLU(), nn.Conv2d(64, 128, 4, 2, 1), nn.ReLU(), nn.Conv2d(128, 128, 3, padding=1),
                   Residual(), Residual(), nn.ReLU(), nn.Conv2d(128, 64, 1)]
        decoder = [nn.Conv2d(64, 128, 3, padding=1), Residual(), Residual(), nn.ReLU(), nn.ConvTranspose2d(128, 64, 4, 2, 1),
                   nn.ReLU(), nn.ConvTranspose2d(64, 3, 4, 2, 1)]
        quantizer = VectorQuantize(dim=64, codebook_size=512, accept_image_fmap=True, commitment_weight=0.25, **options)
        model = vq_model(torch, encoder, quantizer, decoder)

        def loss(model, x):
            y, codes, commit = model(x)
            log_sigma = functional.softplus(0.5 * (x - y).square().mean().log() + 6) - 6
            size = x[0].numel()
            recon = (x - y).square().sum() / len(x) / 2 * torch.exp(-2 * log_sigma) + size * log_sigma
            return recon + 10 * commit.sum() * 64 * codes[0].numel()

        return model, loss, torch.optim.Adam(model.parameters(), lr=5e-4)

    return build


# ---- recipes ------------------------------------------------------------------------------------------------------------

TUNED = {"rotation_trick": False, "kmeans_init": True, "threshold_ema_dead_code": 1}
TEXTURE_WAYS = {
    "package": textures_torch(),
    "package, tuned": textures_torch(decay=0.99, rotation_trick=False, threshold_ema_dead_code=1),
}
RECIPES = {
    "clothes": {"data": clothes, "batch": 256, "steps": 1000, "range": (-1, 1), "ways": {
        "package": clothes_torch(),
        "package, tuned": clothes_torch(**TUNED),
        "libvae, plain": CLOTHES.format(latent=CLOTHES_PLAIN),
        "libvae": CLOTHES.format(latent=CLOTHES_VAE)}},
    "textures32": {"data": lambda: textures(32), "batch": 32, "steps": 300, "range": (0, 1),
                   "ways": {**TEXTURE_WAYS, "libvae": preset("vq32")}},
    "textures64": {"data": lambda: textures(64), "batch": 32, "steps": 150, "range": (0, 1),
                   "ways": {**TEXTURE_WAYS, "libvae": preset("vq64")}},
}


def measure(answer, test, bounds, codes):
    """What the trained model makes of the held-out examples."""
    used, l1, mse = np.zeros(codes), 0.0, 0.0
    for first in range(0, len(test), EVALUATE):
        x = test[first:first + EVALUATE]
        y, chosen = answer(x)
        error = np.clip(y.astype(np.float64), *bounds) - x
        l1, mse = l1 + np.abs(error).sum(), mse + np.square(error).sum()
        used += np.bincount(chosen, minlength=codes)
    share = used[used > 0] / used.sum()
    return {"codes_used": round(float((used > 0).mean()), 4), "perplexity": round(float(np.exp(-(share * np.log(share)).sum())), 2),
            "l1": round(l1 / test.size, 5), "mse": round(mse / test.size, 6)}


def run(recipe, name, way, data, seed, steps, threads):
    train, test = data
    wall, cpu = time.perf_counter(), time.process_time()
    if isinstance(way, str):
        answer = train_libvae(way, train, recipe["batch"], steps, seed, threads)
    else:
        answer = train_torch(way, recipe["ways"]["libvae"], train, recipe["batch"], steps, seed, threads)
    seconds = {"cpu_s": round(time.process_time() - cpu, 1), "wall_s": round(time.perf_counter() - wall, 1)}
    codes = 256 if recipe["data"] is clothes else 512
    *_, last = batches(len(train), recipe["batch"], seed, steps)
    batch_used = measure(answer, train[last], recipe["range"], codes)["codes_used"]
    return {"way": name, "seed": seed, "steps": steps, **measure(answer, test, recipe["range"], codes),
            "batch_codes_used": batch_used, **seconds}


def together(steps, seed, threads):
    """"package" and "libvae, plain" from the same start, codebook included, and how far apart they are."""
    ways, train = RECIPES["clothes"]["ways"], clothes()[0]
    torch, model, step = start_torch(ways["package"], ways["libvae, plain"], seed, threads)
    ours = vae.Model(ways["libvae, plain"], seed=seed, threads=threads)
    book = model.quantizer._codebook
    book.embed.copy_(torch.from_numpy(np.array(ours.params["latent.codebook"])))
    book.embed_avg.copy_(book.embed)
    with ours.trainer(max_batch=256, seed=seed) as trainer:
        for count, rows in enumerate(batches(len(train), 256, seed, steps), 1):
            metrics = trainer.step(train[rows])
            # a mean of errors instead of their sum, without the constants ln 2 b and ln K
            loss = (metrics.loss - metrics.beta * metrics.rate) / 784 - np.log(2)
            theirs = step(train[rows]).item()
            print(json.dumps({"step": count, "libvae": round(loss, 6), "package": round(theirs, 6)}), flush=True)


def table(rows):
    """In Markdown: means over seeds, and the extremes where there is more than one."""
    print("\n| recipe | way | seeds | codes used, % | perplexity | L1 | MSE x 1000 | CPU s |\n|---|---|---|---|---|---|---|---|")
    groups = {}
    for row in rows:
        groups.setdefault((row["recipe"], row["way"]), []).append(row)
    for (recipe, way), group in sorted(groups.items()):
        def cell(key, form, factor=1, group=group):
            values = [row[key] * factor for row in group]
            extremes = f" ({min(values):{form}}..{max(values):{form}})" if len(values) > 1 else ""
            return f"{statistics.mean(values):{form}}{extremes}"
        print(f"| {recipe} | {way} | {len(group)} | {cell('codes_used', '.1f', 100)} | {cell('perplexity', '.0f')} | {cell('l1', '.4f')} "
              f"| {cell('mse', '.2f', 1000)} | {statistics.mean(row['cpu_s'] for row in group):.0f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--recipe", action="append", choices=RECIPES)
    parser.add_argument("--way", action="append", help="default: all of the recipe")
    parser.add_argument("--seed", type=int, action="append", help="default: 0, 1 and 2")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--table", metavar="FILE", help="run nothing; the table of lines printed before")
    parser.add_argument("--together", metavar="STEPS", type=int, help="both from one start; the losses of each step")
    args = parser.parse_args()
    if args.table:
        with open(args.table, encoding="utf-8") as file:
            table([json.loads(line) for line in file if line.startswith("{")])
        return
    if args.together:
        together(args.together, (args.seed or [0])[0], args.threads)
        return
    rows = []
    for recipe_name in args.recipe or RECIPES:
        recipe = RECIPES[recipe_name]
        data = recipe["data"]()
        for seed in args.seed or range(3):
            for name, way in recipe["ways"].items():
                if args.way and name not in args.way:
                    continue
                row = {"recipe": recipe_name, **run(recipe, name, way, data, seed, args.steps or recipe["steps"], args.threads)}
                print(json.dumps(row), flush=True)
                rows.append(row)
    if not args.json and rows:
        table(rows)


if __name__ == "__main__":
    if not KEEP_MEMORY.keys() <= os.environ.keys():  # malloc reads them when the process starts; see timing.py
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **KEEP_MEMORY})
    main()
