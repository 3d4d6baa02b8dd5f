# SPDX-License-Identifier: MIT
"""Measures over arrays, and of a model."""
import unittest

import numpy as np

import vae

from support import SPEC, Case, images


class Measures(Case):
    def test_arrays(self):
        random = np.random.default_rng(1)
        x, y = random.random((5, 16, 17, 3), np.float32), random.random((5, 16, 17, 3), np.float32)
        error = ((x.astype("f8") - y) ** 2).reshape(5, -1).mean(1)
        each = vae.measure("psnr", x=x, y=y, each=True)
        np.testing.assert_allclose(each, -10 * np.log10(error), rtol=1e-12)
        self.assertAlmostEqual(vae.measure("psnr", x=x, y=y), each.mean(), places=12)
        self.assertAlmostEqual(vae.measure("ssim", x=x, y=x), 1)
        self.assertAlmostEqual(vae.measure("ssim", x=x[..., 0], y=y[..., 0]), vae.measure("ssim", x=x[..., :1], y=y[..., :1]))
        labels = np.arange(40) % 4
        mean = np.stack([labels, random.random(40)], 1)
        self.assertGreater(vae.measure("mig", mean=mean, factors=labels), 0.5)
        self.assertEqual(vae.measure("active_units", mean=mean), 2)
        self.assertEqual(vae.measure("auroc", score=[0.1, 0.4, 0.3, 0.9], factors=[0, 0, 1, 1]), 0.75)
        self.assertEqual(vae.measure("rate_per_dim", rate=[2.0, 4.0], latents=3), 1)
        self.assertAlmostEqual(vae.measure("bits_per_dim", bound=[-8 * np.log(2)], shape=(2, 2, 1)), 2)

    def test_a_model(self):
        model, x = vae.Model(SPEC), images(30)
        names = set(vae.registry()["measure"]) - {"mig", "sap", "dci", "auroc", "aupr"}
        values = model.measure(x, " | ".join(names), samples=3)
        self.assertEqual(set(values), names)
        self.assertTrue(all(np.isfinite(value) for value in values.values()))
        mean, logvar = model.encode(x)
        self.assertEqual(values["active_units"], vae.measure("active_units", mean=mean))
        self.assertEqual(values["ssim"], vae.measure("ssim", x=x, y=model.reconstruct(x)))
        self.assertEqual(values["aggregate_kl"], vae.measure("aggregate_kl", mean=mean, logvar=logvar))
        values = model.measure(x, ["mig bins=3", "sap", "dci"], factors=np.arange(30) % 3)
        self.assertEqual(list(values), ["mig bins=3", "sap", "dci"])

    def test_mistakes(self):
        x = images(4)
        with self.assertRaisesRegex(vae.SpecError, "did you mean 'ssim'"):
            vae.measure("ssmi", x=x, y=x)
        with self.assertRaisesRegex(vae.ArgumentError, "y: is NULL"):
            vae.measure("ssim", x=x)
        with self.assertRaisesRegex(vae.ShapeError, "x has 4 examples, y has 3"):
            vae.measure("ssim", x=x, y=x[:3])
        with self.assertRaises(vae.ArgumentError):
            vae.measure("ssim")
        with self.assertRaises(vae.ArgumentError):
            vae.measure("mig", mean=np.zeros((4, 2)), factors=np.zeros(4), each=True)
        with self.assertRaises(vae.NumericError):
            vae.measure("psnr", x=x, y=np.full_like(x, np.nan))


if __name__ == "__main__":
    unittest.main()
