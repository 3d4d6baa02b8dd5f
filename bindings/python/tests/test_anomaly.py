# SPDX-License-Identifier: MIT
"""Detectors of anomalies."""
import copy
import os
import tempfile
import unittest

import numpy as np

import vae

from support import SPEC, Case, images


class Anomalies(Case):
    def test_a_detector(self):
        model, normal = vae.Model(SPEC), images(101)
        detector = vae.Anomaly(model, "pixels", alpha=0.05).fit(normal)
        errors = ((normal - model.reconstruct(normal)) ** 2).reshape(101, -1).mean(1)
        np.testing.assert_allclose(detector.anomaly_scores(normal), errors, rtol=1e-5)
        np.testing.assert_array_equal(detector.score_samples(normal), -detector.anomaly_scores(normal))
        p = detector.p_values(normal)
        np.testing.assert_array_equal(detector.predict(normal) < 0, p <= 0.05)
        self.assertTrue(np.all((p > 0) & (p <= 1)))
        self.assertEqual(detector.score, "pixels")

    def test_files_and_thresholds(self):
        model, normal = vae.Model(SPEC), images(400)
        detector = vae.Anomaly(model, "mahalanobis ridge=0.01", max_batch=7).fit(normal)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "detector.safetensors")
            detector.save(path)
            again = vae.Anomaly.load(path, threshold="tail", alpha=0.001)
            model.save(os.path.join(folder, "model.safetensors"))
            self.assertEqual(vae.Model.load(path).spec, model.spec)
            with self.assertRaisesRegex(vae.FormatError, "not a detector"):
                vae.Anomaly.load(os.path.join(folder, "model.safetensors"))
        np.testing.assert_array_equal(again.p_values(normal), detector.p_values(normal))
        self.assertTrue(np.isfinite(again.offset_))
        detector.alpha = 0.001  # of 200 scores
        self.assertEqual(detector.offset_, -np.inf)

    def test_mistakes(self):
        model = vae.Model(SPEC)
        with self.assertRaisesRegex(vae.SpecError, "did you mean 'pixels'"):
            vae.Anomaly(model, "pixel")
        with self.assertRaises(vae.ArgumentError):
            vae.Anomaly(model, threshold="tails")
        detector = vae.Anomaly(model, "elbo")
        with self.assertRaises(vae.StateError):
            detector.predict(images(3))
        with self.assertRaisesRegex(TypeError, "save"):
            copy.copy(detector)


if __name__ == "__main__":
    unittest.main()
