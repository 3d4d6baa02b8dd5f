# SPDX-License-Identifier: MIT
"""Model.fit(): what it takes as data, what its callbacks see, what its errors name."""
import io
import unittest
from unittest import mock

import numpy as np

import vae
from vae import _progress

from support import SPEC, Case, images

COLOUR = ("input 4x4x3\nencoder flatten | linear out=6 | relu\nlatent gaussian dim=2\n"
          "decoder linear out=48 | reshape 4x4x3\nlikelihood bernoulli\n")
CLASSES = SPEC.replace("encoder ", "condition classes=3\nencoder condition | ")


class Loader:
    """As a DataLoader: may be gone through again and again."""

    def __init__(self, *batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)


class Data(Case):
    def trained(self, x, spec=SPEC, **options):
        model = vae.Model(spec)
        model.fit(x, **{"epochs": 2, "batch_size": 8, **options})
        return model.state_dict()

    def assertEqualStates(self, a, b):
        self.assertEqual(list(a), list(b))
        for name in a:
            self.assertSame(a[name], b[name])

    def test_bytes_with_a_scale_are_floats_times_the_scale(self):
        pixels = (images(40) * 255).round().astype(np.uint8)
        floats = pixels * np.float32(1 / 255)
        want = self.trained(floats, validation_data=floats)
        self.assertEqualStates(self.trained(pixels, scale=1 / 255, validation_data=pixels), want)
        with self.assertRaisesRegex(vae.ArgumentError, "dtype uint8.*scale=1/255"):
            vae.Model(SPEC).fit(pixels)
        for scale in (0, float("nan")):
            with self.assertRaisesRegex(vae.ArgumentError, "scale"):
                vae.Model(SPEC).fit(pixels, scale=scale)

    def test_arrays_of_all_kinds_train_alike(self):
        x = images(40).astype(np.float64)
        want = self.trained(x.astype(np.float32))
        stored = np.memmap(self.folder / "x", np.float32, "w+", shape=x.shape)
        stored[:] = x
        turned = np.asfortranarray(x.astype(np.float32))
        for what in (x, x.tolist(), x.reshape(40, -1), stored, turned, x[:, :, :, 0]):
            self.assertEqualStates(self.trained(what), want)
        self.assertEqualStates(self.trained(stored, shuffle=False), self.trained(x, shuffle=False))

    def test_memmap_is_read_by_the_batch(self):
        reads = []

        class Watched(np.ndarray):
            def __getitem__(self, key):
                part = super().__getitem__(key)
                reads.append(part.shape)
                return part

        self.trained((images(40) * 255).astype(np.uint8).view(Watched), scale=1 / 255, epochs=1)
        self.assertEqual([shape[0] for shape in reads if shape], [8] * 5)

    def test_iterables_and_functions_give_batches(self):
        x = images(24)
        want = self.trained(x, shuffle=False)
        parts = [x[0:8], x[8:16], x[16:24]]
        self.assertEqualStates(self.trained(Loader(*parts), batch_size=None), want)
        self.assertEqualStates(self.trained(lambda: (part for part in parts), validation_data=Loader(*parts)), want)
        self.assertEqualStates(self.trained(iter(parts), epochs=1), self.trained(x, shuffle=False, epochs=1))
        with self.assertRaisesRegex(vae.ArgumentError, "iterator gives its batches once, and epochs is 2"):
            self.trained(iter(parts))
        with self.assertRaisesRegex(vae.ArgumentError, "gives no batch"):
            self.trained(Loader())
        with self.assertRaisesRegex(vae.ArgumentError, "batch 1: 24 examples, wanted at most 8"):
            self.trained(Loader(parts[0], x))
        with self.assertRaisesRegex(vae.ArgumentError, "an iterable brings them itself"):
            vae.Model(SPEC).fit(Loader(*parts), np.zeros(24, int))
        with self.assertRaisesRegex(vae.ArgumentError, "x: object, wanted an array"):
            vae.Model(SPEC).fit(object())

    def test_batches_of_images_and_labels_with_channels_first(self):
        x = np.random.default_rng(0).random((16, 4, 4, 3), np.float32)
        labels = np.arange(16) % 3
        want = self.trained(x, COLOUR, shuffle=False)
        loader = Loader(*((np.moveaxis(x[i:i + 8], -1, 1), labels[i:i + 8]) for i in (0, 8)))
        self.assertEqualStates(self.trained(loader, COLOUR), want)

    def test_labels_of_batches_go_to_a_model_with_classes(self):
        x, labels = images(16), np.arange(16) % 3
        want = self.trained(x, CLASSES, y=labels, shuffle=False)
        self.assertEqualStates(self.trained(Loader((x[:8], labels[:8]), (x[8:], labels[8:])), CLASSES), want)
        with self.assertRaisesRegex(vae.ArgumentError, "label"):
            self.trained(Loader(x[:8]), CLASSES)

    def test_validation_data_of_all_kinds_give_the_same_loss(self):
        x, labels = images(50), np.arange(50) % 3
        losses = set()
        for data in ((x, labels), Loader((x[:8], labels[:8]), (x[8:], labels[8:]))):
            history = vae.Model(CLASSES).fit(x, labels, validation_data=data)
            losses.add(round(history[-1]["val_loss"], 9))
        self.assertEqual(len(losses), 1)

    def test_targets_are_refused_with_a_hint(self):
        with self.assertRaisesRegex(vae.ShapeError, r"an autoencoder needs no targets: fit\(x\)"):
            vae.Model(SPEC).fit(images(8), images(8))

    def test_errors_name_the_row_of_the_callers_array(self):
        x = images(100)
        x[37, 0, 3] = np.nan
        with self.assertRaisesRegex(vae.NumericError, r"^x\[37\]\[3\]: not a finite number"):
            vae.Model(SPEC).fit(x, batch_size=8)
        with self.assertRaisesRegex(vae.NumericError, r"^validation_data: x\[37\]\[3\]: not a finite number"):
            vae.Model(SPEC).fit(images(8), batch_size=8, validation_data=x)
        with self.assertRaisesRegex(vae.NumericError, r"^batch 1: x\[5\]\[3\]"):
            vae.Model(SPEC).fit(Loader(images(32), x[32:64]))
        labels = np.zeros(100, int)
        labels[61] = 7
        with self.assertRaisesRegex(vae.ArgumentError, r"^label\[61\]: 7"):
            vae.Model(CLASSES).fit(images(100), labels, batch_size=8)
        many = images(300)
        many[290, 0, 3] = np.nan
        with self.assertRaisesRegex(vae.NumericError, r"^x\[290\]\[3\]"):
            vae.Model(SPEC).session(max_batch=2).encode(many)


class Script(vae.Callback):
    """Gives each record a figure of its own, keeps the weights behind each epoch, and may raise."""

    def __init__(self, *figures, fails=None):
        self.figures, self.fails, self.states, self.ended = figures, fails, [], 0

    def on_epoch_end(self, run, record):
        record["mine"] = self.figures[len(run.history) - 1]
        self.states.append(run.model.state_dict())
        if self.fails is not None and len(run.history) == len(self.figures):
            raise self.fails

    def on_train_end(self, run):
        self.ended += 1


class Callbacks(Case):
    def assertState(self, model, state):
        for name, array in model.state_dict().items():
            self.assertSame(array, state[name])

    def test_early_stopping_ends_with_the_best_weights(self):
        for restore, index in ((True, 1), (False, 3)):
            model, script = vae.Model(SPEC), Script(3.0, 1.0, 2.0, 0.999, 9.0)
            stopping = vae.EarlyStopping("mine", patience=2, min_delta=0.01, restore_best_weights=restore)
            history = model.fit(images(40), epochs=5, callbacks=[script, stopping])
            self.assertEqual((len(history), stopping.best, stopping.best_epoch, script.ended), (4, 1.0, 2, 1))
            self.assertState(model, script.states[index])
            self.assertFalse(np.array_equal(script.states[1]["encoder.0.weight"], script.states[3]["encoder.0.weight"]))

    def test_best_weights_come_back_however_the_training_ends(self):
        for fails in (KeyboardInterrupt(), ZeroDivisionError()):
            model, script = vae.Model(SPEC), Script(3.0, 1.0, 2.0, fails=fails)
            with self.assertRaises(type(fails)):
                model.fit(images(40), epochs=9, callbacks=[script, vae.BestWeights("mine")])
            self.assertState(model, script.states[1])
            self.assertEqual((len(model.history), script.ended), (3, 1))

    def test_monitor_is_the_validation_loss_where_there_is_one(self):
        model, best = vae.Model(SPEC), vae.BestWeights()
        history = model.fit(images(40), epochs=3, callbacks=best, validation_data=images(8, 1))
        self.assertEqual(best.best, min(history["val_loss"]))
        history = model.fit(images(40), epochs=3, callbacks=best)
        self.assertEqual(best.best, min(history["loss"]))
        with self.assertRaisesRegex(vae.ArgumentError, "monitor: 'los', wanted one of epoch, step, loss"):
            model.fit(images(8), callbacks=vae.BestWeights("los"))

    def test_what_is_no_callback_is_refused(self):
        for wrong in (vae.EarlyStopping, [3], "loss"):
            with self.assertRaisesRegex(vae.ArgumentError, "callbacks"):
                vae.Model(SPEC).fit(images(8), callbacks=wrong)
        with self.assertRaisesRegex(vae.ArgumentError, "patience: 0"):
            vae.EarlyStopping(patience=0)

    def test_run_tells_what_is_trained(self):
        seen = []

        class Look(vae.Callback):
            def on_train_begin(self, run):
                seen.append((run.epochs, run.steps, len(run.history), run.trainer.steps))

            def on_train_end(self, run):
                seen.append(len(run.history))

        vae.Model(SPEC).fit(images(20), epochs=2, batch_size=8, callbacks=Look())
        vae.Model(SPEC).fit(Loader(images(8)), epochs=1, callbacks=Look())
        self.assertEqual(seen, [(2, 3, 0, 0), 2, (1, None, 0, 0), 1])

    def test_history_is_a_table(self):
        history = vae.Model(SPEC).fit(images(20), epochs=3, validation_data=images(8))
        self.assertEqual((history["epoch"], len(history[1:]), history[-1]["epoch"]), ([1, 2, 3], 2, 3))
        self.assertRegex(repr(history), r"^<vae.History of 3 epochs: loss [0-9.]+, val_loss [0-9.]+>$")
        self.assertEqual(repr(vae.History()), "<vae.History of 0 epochs>")


class Shown(Case):
    def lines(self, progress, encoding="utf-8", tty=False, **options):
        raw = io.BytesIO()
        stream = io.TextIOWrapper(raw, encoding)
        stream.isatty = lambda: tty
        with mock.patch("sys.stderr", stream), mock.patch.object(_progress, "_PAUSE", 0):
            vae.Model(SPEC).fit(images(20), epochs=2, batch_size=8, progress=progress, **options)
        stream.flush()
        return raw.getvalue().decode(encoding).split("\r")[1:]

    def test_one_line_is_written_anew(self):
        lines = self.lines(True, validation_data=images(8))
        self.assertEqual(len(lines), 2 * 3 + 2 + 1)
        self.assertRegex(lines[0], "^epoch 1/2  ███░+  loss [0-9.]+  0:00  0:00 left")
        self.assertRegex(lines[-1], "^epoch 2/2  █{16}  loss [0-9.]+  val_loss [0-9.]+  0:00 *\n$")
        self.assertIn("###....", self.lines(True, "ascii")[0])
        self.assertRegex(self.lines(True, callbacks=lambda record: True)[-1], r"^epoch 1/2  █{8}░{8}  loss [0-9.]+  0:00 *\n$")

    def test_line_is_for_terminals_unless_it_is_asked_for(self):
        self.assertEqual(self.lines(None), [])
        self.assertEqual(self.lines(False, tty=True), [])
        self.assertGreater(len(self.lines(None, tty=True)), 0)

    def test_iterable_without_a_length_moves_the_bar_by_the_epoch(self):
        raw = io.StringIO()
        with mock.patch("sys.stderr", raw):
            vae.Model(SPEC).fit(Loader(images(8), images(8)), epochs=2, progress=True)
        self.assertIn("epoch 2/2", raw.getvalue())


class States(Case):
    def test_state_dict_goes_into_another_model(self):
        model, other = vae.Model(SPEC, seed=1), vae.Model(SPEC, seed=2)
        state = model.state_dict()
        self.assertEqual(list(state), list(model.params))
        self.assertEqual(other.load_state_dict({**state, "encoder.1.num_batches_tracked": np.int64(3)}), ([], []))
        self.assertSame(other.encode(images(4))[0], model.encode(images(4))[0])
        state["encoder.0.weight"][:] = 0  # a copy
        self.assertNotEqual(np.abs(model.params["encoder.0.weight"]).max(), 0)

    def test_state_that_does_not_fit_changes_nothing(self):
        model = vae.Model(SPEC)
        before, state = model.state_dict(), {name: array + 1 for name, array in model.state_dict().items()}
        last = list(state)[-1]
        wrong = {**state, last: state[last][None]}, {**state, last: np.full_like(state[last], np.nan)}, {**state, "more": np.zeros(1)}
        for states in (*wrong, {last: state[last]}):
            with self.assertRaises(vae.VaeError):
                model.load_state_dict(states)
            for name in before:
                self.assertSame(model.params[name], before[name])
        with self.assertRaisesRegex(vae.ArgumentError, "lacks encoder.0.weight.*; has, and the model has not, more"):
            model.load_state_dict({"more": 0})
        keys = model.load_state_dict({last: state[last], "more": 0}, strict=False)
        self.assertEqual((keys.unexpected_keys, len(keys.missing_keys)), (["more"], len(before) - 1))
        self.assertSame(model.params[last], state[last])


if __name__ == "__main__":
    unittest.main()
