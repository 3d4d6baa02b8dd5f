# SPDX-License-Identifier: MIT
"""vae.sklearn.VAE: scikit-learn's own checks of an estimator, and what is ours."""
import copy
import pickle
import unittest
import warnings

import numpy as np

import vae
from support import Case

try:
    import joblib
    import sklearn
    from sklearn.datasets import load_digits
    from sklearn.exceptions import SkipTestWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler
    from sklearn.utils.estimator_checks import check_estimator

    from vae.sklearn import VAE
except ImportError as error:
    raise unittest.SkipTest(f"no scikit-learn: {error}") from None

SMALL = {"hidden_layer_sizes": (32,), "likelihood": "bernoulli", "max_iter": 8, "learning_rate": 0.005, "random_state": 0}


class Estimator(Case):
    @classmethod
    def setUpClass(cls):
        digits = load_digits()
        cls.x, cls.y = digits.data / 16, digits.target
        cls.fitted = VAE(6, **SMALL).fit(cls.x)

    def test_scikit_learns_own_checks(self):
        warnings.simplefilter("ignore", SkipTestWarning)  # the checks of the array API want a switch in the environment
        self.addCleanup(warnings.resetwarnings)
        check_estimator(VAE(max_iter=2, hidden_layer_sizes=(8,)))
        check_estimator(VAE(max_iter=2, hidden_layer_sizes=(), early_stopping=True, validation_fraction=0.3))

    def test_latents_tell_digits_apart_in_a_pipeline(self):
        pipeline = make_pipeline(MinMaxScaler(clip=True), VAE(8, **{**SMALL, "max_iter": 40}), LogisticRegression(max_iter=1000))
        pipeline.fit(self.x[:1200] * 7, self.y[:1200])
        self.assertGreater(pipeline.score(self.x[1200:] * 7, self.y[1200:]), 0.75)
        self.assertEqual(list(pipeline[:-1].get_feature_names_out()), [f"vae{i}" for i in range(8)])

    def test_grid_search_finds_the_better_width(self):
        x, longer = self.x[:600], {**SMALL, "max_iter": 40}
        search = GridSearchCV(VAE(**longer), {"n_components": [1, 6]}, cv=2, n_jobs=2).fit(x)
        self.assertEqual(search.best_params_, {"n_components": 6})
        self.assertAlmostEqual(search.best_estimator_.score(x), VAE(6, **longer).fit(x).score(x))

    def test_calls_are_those_of_the_model(self):
        x, z = self.x[:50], self.fitted.transform(self.x[:50])
        self.assertSame(z, self.fitted.model_.encode(x)[0])
        self.assertSame(self.fitted.inverse_transform(z), self.fitted.model_.reconstruct(x).reshape(50, 64))
        self.assertEqual((self.fitted.n_iter_, len(self.fitted.history_)), (8, 8))

    def test_scores_are_a_bound_that_more_draws_make_tighter(self):
        x = self.x[:200]
        model = copy.deepcopy(self.fitted)
        means = {1: [], 16: []}
        for model._noise_seed in range(20):
            for draws, found in means.items():
                found.append(model.score_samples(x, draws).mean())
        wanted = model.model_.elbo(x, samples=64).elbo.mean()
        self.assertLess(np.mean(means[1]), np.mean(means[16]) - 0.5)
        self.assertLess(abs(np.mean(means[16]) - wanted), 0.5)
        self.assertSame(self.fitted.score_samples(x[100:]), self.fitted.score_samples(x)[100:])
        self.assertEqual(self.fitted.score(x), self.fitted.score_samples(x).mean())
        noisy = np.random.default_rng(0).random(x.shape)
        self.assertGreater(self.fitted.score_samples(x).min(), self.fitted.score_samples(noisy).max())

    def test_random_state_decides_everything(self):
        again, other = (VAE(6, **{**SMALL, "random_state": seed}).fit(self.x) for seed in (0, 1))
        self.assertSame(again.transform(self.x), self.fitted.transform(self.x))
        self.assertFalse(np.array_equal(other.transform(self.x), self.fitted.transform(self.x)))
        a, b, c = (self.fitted.sample(5, seed) for seed in (0, 0, 1))
        self.assertSame(a, b)
        self.assertFalse(np.array_equal(a, c))
        self.assertEqual(VAE(6, **SMALL, n_jobs=2).fit(self.x).score(self.x), self.fitted.score(self.x))

    def test_copies_answer_the_same(self):
        joblib.dump(self.fitted, self.folder / "estimator")
        for other in (pickle.loads(pickle.dumps(self.fitted)), copy.deepcopy(self.fitted), joblib.load(self.folder / "estimator")):
            self.assertSame(other.score_samples(self.x[:20]), self.fitted.score_samples(self.x[:20]))
        with self.assertRaises(sklearn.exceptions.NotFittedError):
            sklearn.base.clone(self.fitted).transform(self.x)

    def test_a_text_or_preset_takes_the_place_of_the_layers(self):
        spec = ("input 8x8x1\nencoder conv2d out=4 kernel=3 stride=2 pad=1 | relu | flatten | linear out=6\nlatent {}\n"
                "decoder linear out=64 | reshape 8x8x1\nlikelihood bernoulli\n")
        for latent, width in (("gaussian dim=3", 3), ("none", 6)):
            estimator = VAE(spec=spec.format(latent), max_iter=2).fit(self.x)
            self.assertEqual(estimator.transform(self.x).shape, (1797, width))
            self.assertTrue(np.isfinite(estimator.score(self.x)))
        with self.assertRaisesRegex(vae.ShapeError, r"spec: an input of \(28, 28, 1\), and X has 64 features"):
            VAE(spec="dense").fit(self.x)

    def test_early_stopping_keeps_the_best_epoch(self):
        estimator = VAE(2, **{**SMALL, "max_iter": 200, "learning_rate": 0.05}, early_stopping=True, n_iter_no_change=3).fit(self.x[:200])
        losses = estimator.history_["val_loss"]
        self.assertLess(estimator.n_iter_, 200)
        self.assertEqual(int(np.argmin(losses)), len(losses) - 4)
        for wrong in ({"validation_fraction": 1.0}, {"validation_fraction": 0.0}, {"max_iter": 0}):
            with self.assertRaisesRegex(vae.ArgumentError, next(iter(wrong))):
                VAE(2, **{**SMALL, "early_stopping": True, **wrong}).fit(self.x[:50])


if __name__ == "__main__":
    unittest.main()
