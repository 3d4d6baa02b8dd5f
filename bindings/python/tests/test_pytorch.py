# SPDX-License-Identifier: MIT
"""Forward, gradients and steps beside the numbers that PyTorch gave."""
import unittest

import vae

from support import FIXTURES, Case, safetensors


class PyTorch(Case):
    """The numbers PyTorch gave for the same parameters and inputs: see tests/fixtures/make_torch.py."""

    def fixture(self, name):
        tensors, metadata = safetensors(FIXTURES / f"{name}.safetensors")
        model = vae.Model(metadata["fixture.spec"])
        model.params.update({key[6:]: value for key, value in tensors.items() if key.startswith("param.")})
        self.assertEqual(len(model.params), sum(key.startswith("param.") for key in tensors))
        return model, tensors, metadata["fixture.options"]

    def test_forward(self):
        for name in ("conv", "conv-bn"):
            with self.subTest(fixture=name):
                model, t, _ = self.fixture(name)
                mean, logvar = model.encode(t["x"])
                self.assertClose(mean, t["mean"])
                self.assertClose(logvar, t["logvar"])
                self.assertClose(model.decode(t["z"]), t["xhat"])
                bound = model.elbo(t["x"], 1, t["noise"])
                self.assertClose(bound.recon, t["nll"])
                self.assertClose(bound.rate, t["kl"])

    def test_gradients(self):
        for name in ("conv", "conv-bn"):
            model, t, options = self.fixture(name)
            with model.trainer(options, max_batch=len(t["x"])) as trainer:
                metrics = trainer.backward(t["x"], t["noise"])
                self.assertClose([metrics.loss], t["loss"])
                self.assertClose([metrics.recon], t["recon"])
                self.assertClose([metrics.rate], t["rate"])
                for key in t:
                    if key.startswith("grad."):
                        with self.subTest(fixture=name, tensor=key):
                            self.assertClose(trainer.grad(key[5:]), t[key])

    def test_ten_steps_of_adam(self):
        for name in ("conv", "conv-bn"):
            model, t, options = self.fixture(name)
            with model.trainer(options, max_batch=len(t["x"])) as trainer:
                losses = []
                for x, noise in zip(t["steps.x"], t["steps.noise"]):
                    losses.append(trainer.backward(x, noise).loss)
                    trainer.apply()
            self.assertClose(losses, t["steps.loss"])
            for key in t:
                if key.startswith("after."):
                    with self.subTest(fixture=name, tensor=key):
                        self.assertClose(model.params[key[6:]], t[key])


if __name__ == "__main__":
    unittest.main()
