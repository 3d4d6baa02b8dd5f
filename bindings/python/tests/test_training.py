# SPDX-License-Identifier: MIT
"""Trainers, fit(), optimizers in Python."""
import gc
import os
import signal
import threading
import unittest
from unittest import mock

import numpy as np

import vae
from vae import _library

from support import SPEC, Case, images


class Steps(vae.Callback):
    """Keeps the number of each step; stops at one."""

    def __init__(self, seen, stop_at=0):
        self.seen, self.stop_at = seen, stop_at

    def on_step_end(self, run, metrics):
        self.seen.append(metrics.step)
        run.stop = metrics.step == self.stop_at


class Training(Case):
    def test_fit_lowers_the_loss_and_keeps_a_record(self):
        model, x, seen = vae.Model(SPEC), images(400), []
        history = model.fit(x, epochs=8, batch_size=32, options="optimizer adam lr=0.01", validation_data=images(50, 1),
                            callbacks=lambda record: seen.append(record["epoch"]))
        self.assertEqual(seen, [1, 2, 3, 4, 5, 6, 7, 8])
        self.assertLess(history[-1]["loss"], history[0]["loss"] - 1)
        self.assertLess(history[-1]["val_loss"], history[0]["val_loss"] - 1)
        self.assertClose([history[-1]["loss"]], [history[-1]["recon"] + history[-1]["rate"]], 1e-9)
        self.assertEqual(history[-1]["step"], 8 * 13)
        self.assertIs(model.history, history)

    def test_fit_joins_a_last_batch_that_batch_norm_cannot_take(self):
        spec = SPEC.replace("linear out=16", "linear out=16 | batchnorm")
        self.assertNotEqual(spec, SPEC)
        seen = []
        vae.Model(spec).fit(images(33), epochs=2, batch_size=8, callbacks=Steps(seen))
        self.assertEqual(len(seen), 2 * 4)
        vae.Model(spec).fit(images(34), epochs=1, batch_size=8, callbacks=Steps(seen))
        self.assertEqual(len(seen), 2 * 4 + 5)
        model = vae.Model(spec)
        before = model.params["encoder.4.weight"].copy()
        with self.assertRaisesRegex(vae.ArgumentError, "max_batch: 1, wanted 2 or more .batch norm"):
            model.fit(images(1))
        self.assertSame(model.params["encoder.4.weight"], before)
        vae.Model(SPEC).fit(images(33), epochs=1, batch_size=8, callbacks=Steps(seen))
        self.assertEqual(len(seen), 2 * 4 + 5 + 5)

    def test_fit_is_repeatable(self):
        x = images(50)
        runs = [vae.Model(SPEC, threads=threads) for threads in (1, 2)]
        for model in runs:
            model.fit(x, epochs=2, batch_size=16, seed=3)
        for name in runs[0].params:
            self.assertSame(runs[0].params[name], runs[1].params[name])
        other = vae.Model(SPEC)
        other.fit(x, epochs=2, batch_size=16, seed=4)
        self.assertFalse(np.array_equal(other.params["encoder.0.weight"], runs[0].params["encoder.0.weight"]))

    def test_callbacks_stop_the_training(self):
        model = vae.Model(SPEC)
        self.assertEqual(len(model.fit(images(20), epochs=9, callbacks=lambda record: record["epoch"] == 2)), 2)
        steps = []
        model.fit(images(20), epochs=9, batch_size=4, callbacks=Steps(steps, stop_at=7))
        self.assertEqual(steps, [1, 2, 3, 4, 5, 6, 7])

    def test_error_in_a_callback_passes_through_and_frees_the_trainer(self):
        def fail(_record):
            raise ZeroDivisionError("mine")

        model = vae.Model(SPEC)
        with self.assertRaisesRegex(ZeroDivisionError, "mine"):
            model.fit(images(8), callbacks=fail)
        model.fit(images(8))

    def test_ctrl_c_ends_fit_between_steps_and_the_model_goes_on(self):
        model = vae.Model(SPEC)
        timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        self.addCleanup(timer.cancel)
        with self.assertRaises(KeyboardInterrupt):
            model.fit(images(64), epochs=10**7)
        self.assertTrue(np.isfinite(model.elbo(images(8)).elbo).all())
        model.save(self.folder / "model.safetensors")
        model.fit(images(8))

    def test_library_calls_let_other_threads_run(self):
        model, x, ticks = vae.Model(SPEC, threads=1), images(20000), []
        session = model.session(max_batch=20000)  # one call of the library
        done = threading.Event()

        def tick():
            while not done.wait(0.001):
                ticks.append(1)

        thread = threading.Thread(target=tick)
        calls = []
        real = _library.lib.vae_elbo_batch

        def count(*arguments):
            before = len(ticks)
            status = real(*arguments)
            calls.append(len(ticks) - before)
            return status

        thread.start()
        with mock.patch.object(_library.lib, "vae_elbo_batch", count):
            session.elbo(x, samples=20)
        done.set()
        thread.join()
        self.assertEqual(len(calls), 1)
        self.assertGreater(calls[0], 3)

    def test_step_is_backward_and_apply(self):
        x, noise = images(8), np.zeros((8, 3), np.float32)
        model = vae.Model(SPEC)
        with model.trainer("optimizer sgd lr=0.5\nclip none", max_batch=8) as trainer:
            self.assertEqual(trainer.steps, 0)
            weight = model.params["decoder.0.weight"].copy()
            metrics = trainer.backward(x, noise)
            self.assertTrue(np.isfinite(metrics.loss))
            gradient = trainer.grad("decoder.0.weight").copy()
            applied = trainer.apply()
            self.assertEqual((applied.step, applied.lr, trainer.steps), (1, 0.5, 1))
            self.assertClose(model.params["decoder.0.weight"], weight - 0.5 * gradient, 1e-6)
            self.assertEqual(np.abs(trainer.grad("decoder.0.weight")).max(), 0)

    def test_noise_is_of_each_sample_of_the_objective(self):
        x, noise = images(4), np.random.default_rng(3).standard_normal((4, 5, 3)).astype(np.float32)
        model = vae.Model(SPEC)
        with model.trainer("objective iwae samples=5", max_batch=4) as trainer:
            self.assertEqual(trainer.samples, 5)
            whole = trainer.backward(x, noise).loss
            bound = model.session(4).elbo(x, samples=5, noise=noise).elbo.mean()
            self.assertAlmostEqual(whole, -bound, delta=1e-4 * abs(bound))
            for wrong in (noise[:, 0], noise[:, :4], noise[:3], noise.reshape(20, 3), noise.reshape(4, 15)):
                with self.assertRaisesRegex(vae.ShapeError, r"noise: shape .*, wanted \(4, 5, 3\)"):
                    trainer.backward(x, wrong)
        with model.trainer(max_batch=4) as trainer:
            self.assertEqual(trainer.samples, 1)
            self.assertEqual(trainer.backward(x, noise[:, 0]).loss, trainer.backward(x, noise[:, :1]).loss)
            with self.assertRaisesRegex(vae.ShapeError, "noise: shape"):
                trainer.backward(x, noise)

    def test_conditions_go_with_their_examples(self):
        spec = ("input 8x6x1\ncondition classes=3 vector=2\nencoder condition mode=film | flatten | linear out=6\n"
                "latent gaussian dim=2\ndecoder condition | linear out=48 | reshape 8x6x1\nlikelihood bernoulli\n")
        x, random = images(9), np.random.default_rng(0)
        labels, values, z = np.arange(9) % 3, random.random((9, 2), np.float32), random.random((9, 2), np.float32)
        model = vae.Model(spec)
        self.assertEqual((model.class_count, model.condition_size, vae.Model(SPEC).condition_size), (3, 2, 0))
        history = model.fit(x, labels, epochs=5, batch_size=4, options="optimizer adam lr=0.01", condition=values,
                            validation_data=(x, labels, values))
        self.assertLess(history[-1]["val_loss"], history[0]["val_loss"])
        session = model.session(max_batch=1)  # parts have their own conditions
        for call, first in (("encode", x), ("reconstruct", x), ("decode", z)):
            whole = getattr(model, call)(first, labels=labels, condition=values)
            parts = getattr(session, call)(first, labels=labels, condition=values)
            np.testing.assert_array_equal(np.asarray(whole), np.asarray(parts))
            with self.assertRaisesRegex(vae.ArgumentError, "label: is NULL"):
                getattr(model, call)(first, condition=values)
            with self.assertRaisesRegex(vae.ArgumentError, "condition: is NULL"):
                getattr(model, call)(first, labels=labels)
            with self.assertRaises(vae.ShapeError):
                getattr(model, call)(first, labels=labels, condition=values[:, :1])
        other = model.decode(z, labels=(labels + 1) % 3, condition=values)
        self.assertGreater(np.abs(other - model.decode(z, labels=labels, condition=values)).max(), 1e-4)
        self.assertEqual(model.sample(9, labels=labels, condition=values).shape, x.shape)
        without = model.decode(z, labels=np.full(9, -1), condition=values)
        self.assertGreater(np.abs(without - model.decode(z, labels=labels, condition=values)).max(), 1e-4)
        self.assertTrue(np.isfinite(model.elbo(x, labels=labels, condition=values).elbo).all())
        with model.trainer(max_batch=9) as trainer:
            self.assertEqual(trainer.step(x, labels, condition=values).step, 1)
            with self.assertRaises(vae.ArgumentError):
                trainer.step(x)

    def test_labels_tell_classes_apart(self):
        spec = ("input 8x8x1\nencoder conv2d out=4 kernel=4 stride=4\nlatent vq codes=8 dim=4\n"
                "decoder deconv2d out=1 kernel=4 stride=4\nlikelihood gaussian\n"
                "prior pixelcnn channels=8 layers=1 classes=3\n")
        model, x = vae.Model(spec), np.random.default_rng(0).random((9, 8, 8, 1), np.float32)
        classes = np.arange(9) % 3
        self.assertEqual(model.class_count, 3)
        self.assertEqual(vae.Model(SPEC).class_count, 0)
        with model.trainer("objective prior\noptimizer adam lr=0.01", max_batch=9) as trainer:
            first = trainer.step(x, classes).loss
            for _ in range(20):
                last = trainer.step(x, classes).loss
            self.assertLess(last, first)
            with self.assertRaises(vae.ArgumentError):
                trainer.step(x)
            with self.assertRaises(vae.ShapeError):
                trainer.step(x, classes[:8])
            with self.assertRaisesRegex(vae.ArgumentError, r"label\[2\]: 3, wanted 0..2"):
                trainer.step(x, [0, 1, 3, 0, 0, 0, 0, 0, 0])
            with self.assertRaises(vae.ArgumentError):
                trainer.step(x, classes / 2)
            with self.assertRaises(vae.ArgumentError):
                trainer.step(x, classes + 2**40)
        session = model.session(max_batch=2)  # parts have their own labels
        whole = model.elbo(x, labels=classes)
        parts = session.elbo(x, labels=classes)
        self.assertTrue(np.array_equal(whole.rate, parts.rate))
        self.assertFalse(np.array_equal(whole.rate, model.elbo(x, labels=(classes + 1) % 3).rate))
        self.assertEqual(session.sample(5, labels=[0, 1, 2, 1, 0]).shape, (5, 8, 8, 1))
        with self.assertRaises(vae.ArgumentError):
            session.sample(5)

    def test_gradients_may_be_written(self):
        model = vae.Model(SPEC)
        with model.trainer("optimizer sgd lr=1", max_batch=8) as trainer:
            trainer.backward(images(8))
            for name in model.params:
                trainer.grad(name)[...] = 0
            before = {name: value.copy() for name, value in model.params.items()}
            trainer.apply()
            for name, value in before.items():
                self.assertSame(model.params[name], value)

    def test_resume_equals_the_unbroken_run(self):
        x, path = images(40), self.folder / "checkpoint.safetensors"
        whole = vae.Model(SPEC)
        with whole.trainer(seed=9) as trainer:
            for _ in range(6):
                trainer.step(x)
        part = vae.Model(SPEC)
        with part.trainer(seed=9) as trainer:
            for _ in range(3):
                trainer.step(x)
            trainer.save(path)
        rest = vae.Model.load(path)
        with rest.trainer() as trainer:
            trainer.load(path)
            self.assertEqual(trainer.steps, 3)
            for _ in range(3):
                trainer.step(x)
        for name in whole.params:
            self.assertSame(rest.params[name], whole.params[name])

    def test_weights_count_as_repetitions(self):
        x, noise = images(4), np.random.default_rng(1).standard_normal((4, 3)).astype(np.float32)
        grads = []
        for rows, weights in (([0, 1, 2, 3], [1, 3, 0, 1]), ([0, 1, 1, 1, 3], None)):
            model = vae.Model(SPEC, seed=2)
            with model.trainer(max_batch=8) as trainer:
                loss = trainer.backward(x[rows], noise[rows], weights=weights).loss
                grads.append((loss, trainer.grad("latent.mean.weight").copy()))
                with self.assertRaises(vae.ShapeError):
                    trainer.backward(x, weights=[1, 2])
        self.assertClose([grads[0][0]], [grads[1][0]], 1e-9)
        self.assertClose(grads[0][1], grads[1][1], 1e-5)

    def test_one_trainer_at_a_time(self):
        model = vae.Model(SPEC)
        first = model.trainer()
        with self.assertRaises(vae.StateError):
            model.trainer()
        first.close()
        model.trainer().close()
        with self.assertRaises(vae.StateError):
            first.step(images(1))
        with model.trainer() as trainer, self.assertRaises(vae.StateError):
            trainer.apply()

    def test_gradient_arrays_keep_a_closed_trainer_alive(self):
        model = vae.Model(SPEC)
        trainer = model.trainer()
        trainer.backward(images(4))
        gradient = trainer.grad("decoder.0.weight")
        want = gradient.tobytes()
        trainer.close()
        gc.collect()
        self.assertEqual(gradient.tobytes(), want)
        del gradient
        model.trainer().close()

    def test_training_sections_of_the_spec_are_the_default(self):
        model = vae.Model(SPEC + "optimizer  sgd lr=0.25\n")
        with model.trainer() as trainer:
            self.assertIn("sgd", trainer.options)
            self.assertEqual(trainer.step(images(4)).lr, 0.25)
            trainer.set_lr(0.125)
            self.assertEqual(trainer.step(images(4)).lr, 0.125)

    def test_a_critic_tells_of_itself(self):
        with vae.Model(SPEC + "critic flatten | linear out=1\n").trainer("objective elbo | gan loss=logistic start=1") as trainer:
            first, second = trainer.step(images(4)), trainer.step(images(4))
        self.assertEqual((first.critic_loss, first.critic_accuracy, first.aux), (0, 0, 0))
        self.assertTrue(0 < second.critic_loss < 10 and 0 <= second.critic_accuracy <= 1 and second.aux > 0)
        self.assertEqual(len(second.latent_rates), 1)

    def test_optimizer_in_python(self):
        def descend(w, g, slots, t, lr, decay):
            slots[0][:] += 1
            self.assertEqual((slots[0] == t).all(), True)
            w -= np.float32(lr) * g

        x = images(8)
        mine, library = vae.Model(SPEC), vae.Model(SPEC)
        with mine.trainer("optimizer sgd lr=0.1") as trainer:
            trainer.set_optimizer(descend, slots=1)
            trainer.step(x)
            trainer.step(x)
        with library.trainer("optimizer sgd lr=0.1") as trainer:
            trainer.step(x)
            trainer.step(x)
        for name in mine.params:
            self.assertClose(mine.params[name], library.params[name], 1e-6)

    def test_error_in_a_python_optimizer_is_raised(self):
        def fail(*_):
            raise KeyboardInterrupt

        with vae.Model(SPEC).trainer() as trainer:
            trainer.set_optimizer(fail)
            with self.assertRaises(KeyboardInterrupt):
                trainer.step(images(2))

    def test_nothing_to_train_on_is_an_error(self):
        with self.assertRaises(vae.ArgumentError):
            vae.Model(SPEC).fit(images(0))


if __name__ == "__main__":
    unittest.main()
