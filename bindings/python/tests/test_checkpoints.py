# SPDX-License-Identifier: MIT
"""Checkpoints of other programs: see tests/fixtures/make_import.py."""
import unittest

import numpy as np

import vae

from support import FIXTURES, SPEC, Case, safetensors

KL = FIXTURES / "import" / "kl"


class Checkpoints(Case):
    def test_decodes_as_diffusers_does(self):
        golden = safetensors(KL / "golden.safetensors")[0]
        model = vae.Model.import_checkpoint(KL / "ldm.safetensors", (10, 14), own_pixels=True)
        self.assertClose(model.decode(golden["z"]), golden["y"], 5e-6)
        mean, logvar = model.encode(golden["x"])
        self.assertClose(mean, golden["mean"], 5e-6)
        self.assertEqual(logvar.shape, mean.shape)

    def test_latents_of_the_diffusion_model(self):
        golden = safetensors(KL / "golden.safetensors")[0]
        scaled = vae.open(KL / "diffusers.safetensors", (10, 14), scaled=True)
        raw = vae.open(KL / "diffusers.safetensors", (10, 14))
        self.assertClose(scaled.decode(golden["z"] * np.float32(0.13025)), raw.decode(golden["z"]))

    def test_one_half(self):
        golden = safetensors(KL / "golden.safetensors")[0]
        decoder = vae.open(KL / "diffusers.safetensors", (10, 14), own_pixels=True, half="decoder")
        self.assertClose(decoder.decode(golden["z"]), golden["y"], 5e-6)
        with self.assertRaises(vae.UnsupportedError):
            decoder.encode(golden["x"])
        with self.assertRaises(vae.ArgumentError):
            vae.open(KL / "diffusers.safetensors", half="left")

    def test_open_takes_models_too(self):
        path = self.folder / "model.safetensors"
        vae.Model(SPEC).save(path)
        self.assertEqual(vae.open(path).latent_shape, (3,))

    def test_words_about_a_checkpoint(self):
        self.assertIn("AutoencoderKLFlux2", vae.describe_checkpoint(FIXTURES / "import" / "flux2" / "bfl.safetensors"))
        with self.assertRaises(vae.UnsupportedError):
            vae.describe_checkpoint(FIXTURES / "conv-bn-weights.safetensors")
        with self.assertRaises(vae.FileError):
            vae.open("no such file")


if __name__ == "__main__":
    unittest.main()
