# SPDX-License-Identifier: MIT
"""Latents of codes: encoded, decoded, packed, measured in training, and given to the fit of a prior."""
import unittest

import numpy as np

import vae

from support import SPEC, Case

CODES = """\
input      8x8x1
encoder    conv2d out=4 kernel=4 stride=4
latent     vq codes=8 dim=4 revive=0.5
decoder    deconv2d out=1 kernel=4 stride=4
likelihood gaussian
prior      pixelcnn channels=8 layers=1
"""


def pictures(n, seed=0):
    return np.random.default_rng(seed).random((n, 8, 8, 1), np.float32)


class Codes(Case):
    def test_counts(self):
        model = vae.Model(CODES)
        self.assertEqual((model.codes_per_example, model.codebook_size), (4, 8))
        model = vae.Model(SPEC)
        self.assertEqual((model.codes_per_example, model.codebook_size), (0, 0))

    def test_decoded_codes_are_the_reconstruction(self):
        model, x = vae.Model(CODES, max_batch=2), pictures(9)
        codes = model.encode_codes(x)
        self.assertEqual((codes.shape, codes.dtype), ((9, 4), np.int32))
        self.assertTrue(((codes >= 0) & (codes < 8)).all())
        self.assertSame(model.decode_codes(codes), model.reconstruct(x))
        self.assertSame(model.decode_codes(codes.astype(np.int64)), model.reconstruct(x))
        self.assertEqual(model.encode_codes(x[:0]).shape, (0, 4))

    def test_out_is_written_and_returned(self):
        model, x = vae.Model(CODES), pictures(3)
        codes, y = np.empty((3, 4), np.int32), np.empty_like(x)
        self.assertIs(model.encode_codes(x, out=codes), codes)
        self.assertIs(model.decode_codes(codes, out=y), y)
        self.assertSame(y, model.reconstruct(x))
        with self.assertRaises(vae.ArgumentError):
            model.encode_codes(x, out=np.empty((3, 4), np.int64))

    def test_what_is_no_code_is_refused(self):
        model = vae.Model(CODES)
        with self.assertRaisesRegex(vae.ArgumentError, r"codes\[1\]\[0\]: 8, wanted 0..7"):
            model.decode_codes([[0, 1, 2, 3], [8, 0, 0, 0]])
        with self.assertRaisesRegex(vae.ArgumentError, "whole numbers"):
            model.decode_codes(np.zeros((1, 4), np.float32))
        with self.assertRaisesRegex(vae.ArgumentError, "32 bits"):
            model.decode_codes([[2**32, 0, 0, 0]])
        with self.assertRaises(vae.ShapeError):
            model.decode_codes([0, 1, 2, 3])
        with self.assertRaisesRegex(vae.UnsupportedError, "no codes"):
            vae.Model(SPEC).encode_codes(np.zeros((1, 8, 6, 1), np.float32))

    def test_packed_codes_come_back(self):
        random = np.random.default_rng(0)
        for size in (2, 3, 8, 512, 1000, 2**20):
            codes = random.integers(0, size, (7, 5), np.int32)
            packed = vae.codes_pack(codes, size)
            self.assertEqual(len(packed), (35 * (size - 1).bit_length() + 7) // 8)
            self.assertSame(vae.codes_unpack(packed, 35, size), codes)
        self.assertEqual(vae.codes_pack(np.zeros(0, int), 8), b"")
        self.assertEqual(vae.codes_pack([1, 0, 3], 4), b"\x31")  # the lowest bits first

    def test_packing_says_what_does_not_fit(self):
        with self.assertRaisesRegex(vae.ArgumentError, r"codes\[1\]: 8, wanted 0..7"):
            vae.codes_pack([0, 8], 8)
        with self.assertRaises(vae.ArgumentError):
            vae.codes_pack([0], 1)
        with self.assertRaises(vae.ArgumentError):
            vae.codes_unpack(b"\0", 3, 8)
        for count in (-1, 9, 2**62):
            with self.assertRaisesRegex(vae.ArgumentError, "count"):
                vae.codes_unpack(b"\0", count, 2)
        with self.assertRaises(vae.FormatError):
            vae.codes_unpack(b"\x07", 1, 5)

    def test_a_step_tells_how_the_codes_do(self):
        model, x = vae.Model(CODES), pictures(32)
        with model.trainer("optimizer adam lr=0.001", max_batch=32) as trainer:
            metrics = trainer.step(x)
        self.assertClose([metrics.loss], [metrics.recon + metrics.beta * metrics.rate + metrics.aux], 1e-12)
        self.assertGreater(metrics.aux, 0)
        self.assertGreater(metrics.quantization_error, 0)
        self.assertTrue(1 <= metrics.perplexity <= 8 * metrics.codes_used <= 8)
        self.assertTrue(0 <= metrics.dead_codes <= 8)
        with vae.Model(SPEC).trainer() as trainer:
            metrics = trainer.step(np.full((4, 8, 6, 1), 0.5, np.float32))
        self.assertEqual((metrics.aux, metrics.perplexity, metrics.codes_used, metrics.quantization_error), (0, 0, 0, 0))

    def test_a_prior_fits_to_codes_as_to_their_examples(self):
        x, options = pictures(8), "objective prior\noptimizer adam lr=0.01"
        by_examples, by_codes = vae.Model(CODES), vae.Model(CODES)
        codes = by_codes.encode_codes(x)
        with by_examples.trainer(options) as first, by_codes.trainer(options) as second:
            for _ in range(3):
                metrics = first.step(x)
                second.backward_codes(codes)
                self.assertEqual(second.apply(), metrics)
        for name in by_examples.params:
            self.assertSame(by_examples.params[name], by_codes.params[name])
        with by_codes.trainer() as trainer, self.assertRaisesRegex(vae.UnsupportedError, "objective prior"):
            trainer.backward_codes(codes)


if __name__ == "__main__":
    unittest.main()
