# SPDX-License-Identifier: MIT
"""What the tests share: a small model, images for it, and a case with a folder."""
import json
import pathlib
import tempfile
import unittest

import numpy as np

FIXTURES = pathlib.Path(__file__).resolve().parents[3] / "tests" / "fixtures"
PACKAGE = pathlib.Path(__file__).resolve().parents[1]

SPEC = """\
input      8x6x1
encoder    conv2d out=4 kernel=3 stride=2 pad=1 | relu | flatten | linear out=16 | relu
latent     gaussian dim=3
decoder    linear out=24 | relu | reshape 4x3x2 | deconv2d out=1 kernel=4 stride=2 pad=1
likelihood bernoulli
"""


def images(n, seed=0):
    """Bright bars at random rows: something that three numbers can describe."""
    random = np.random.default_rng(seed)
    x = np.full((n, 8, 6, 1), 0.1, np.float32)
    x[np.arange(n), random.integers(0, 8, n)] = 0.9
    return x


def safetensors(path):
    """name -> array, and the metadata."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + size])
    metadata = header.pop("__metadata__", {})
    types = {"F32": np.float32, "I64": np.int64}
    return {name: np.frombuffer(data, types[t["dtype"]], int(np.prod(t["shape"])), 8 + size + t["data_offsets"][0])
            .reshape(t["shape"]) for name, t in header.items()}, metadata


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def assertClose(self, got, want, tolerance=1e-5):
        got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
        self.assertEqual(got.shape, want.shape)
        error = np.abs(got - want).max() / max(np.abs(want).max(), 1e-30)
        self.assertLessEqual(error, tolerance)

    def assertSame(self, a, b):
        self.assertEqual(np.asarray(a).tobytes(), np.asarray(b).tobytes())
