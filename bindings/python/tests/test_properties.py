# SPDX-License-Identifier: MIT
"""Hypothesis drives the library through ctypes: what must hold for any bytes, texts, arrays and orders of calls."""
import ctypes
import unittest

import numpy as np

import vae
from support import SPEC, images
from vae import _library

try:
    from hypothesis import assume, given, settings
    from hypothesis import strategies as st
    from hypothesis.extra.numpy import arrays
    from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
except ImportError as error:
    raise unittest.SkipTest(f"no Hypothesis: {error}") from None

settings.register_profile("check", max_examples=60, deadline=None, derandomize=True, database=None)
settings.load_profile("check")
MODEL = vae.Model(SPEC, threads=1)
BYTES = MODEL.to_bytes()
WORDS = [*vae.registry()["layer"], "|", "{", "}", "=", "out=3", "dim=2", "\n", "input", "encoder", "latent gaussian", "decoder",
         "likelihood bernoulli", "8x6x1", "repeat n=2", "-1", "1e99", "é", "#"]
VALUES = st.floats(0, 1, width=32)


class Bytes(unittest.TestCase):
    @given(st.integers(2, 2**31), st.data())
    def test_codes_survive_packing(self, size, data):
        codes = data.draw(arrays(np.int32, st.integers(0, 40), elements=st.integers(0, size - 1)))
        packed = vae.codes_pack(codes, size)
        self.assertEqual(len(packed), -(-len(codes) * (size - 1).bit_length() // 8))
        np.testing.assert_array_equal(vae.codes_unpack(packed, len(codes), size), codes)

    @given(st.lists(st.tuples(st.integers(0, len(BYTES) - 1), st.integers(0, 255)), max_size=4), st.integers(0, len(BYTES)))
    def test_a_damaged_file_is_refused_or_a_model(self, changes, length):
        damaged = bytearray(BYTES)
        for place, value in changes:
            damaged[place] = value
        damaged = damaged[: length if length % 3 == 0 else None]
        try:
            model = vae.Model.from_bytes(bytes(damaged), threads=1)
        except vae.VaeError as error:
            self.assertNotEqual(str(error), "")
            self.assertNotEqual(bytes(damaged), BYTES)
        else:
            self.assertEqual(vae.Model.from_bytes(model.to_bytes(), threads=1).to_bytes(), model.to_bytes())

    @given(st.integers(0, 2 * len(BYTES)))
    def test_memory_too_small_is_untouched(self, cap):
        needed, data = ctypes.c_size_t(), ctypes.create_string_buffer(b"\xab" * cap, cap)
        status = _library.lib.vae_model_save_memory(MODEL._handle.pointer, data, cap, ctypes.byref(needed))
        self.assertEqual(needed.value, len(BYTES))
        self.assertEqual(status, 0 if cap >= len(BYTES) else -1)
        self.assertEqual(data.raw, (BYTES if status == 0 else b"")[:cap].ljust(cap, b"\xab"))


class Texts(unittest.TestCase):
    @given(st.one_of(st.text(), st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join)))
    def test_any_text_is_a_spec_or_a_sentence(self, text):
        assume("\0" not in text)
        try:
            canonical = vae.canonical(text)
        except (vae.VaeError, UnicodeEncodeError):
            return
        self.assertEqual(vae.canonical(canonical), canonical)

    @given(st.integers(1, 6), st.integers(1, 9), st.sampled_from(["relu", "tanh", "silu", "elu"]), st.integers(0, 2**64 - 1))
    def test_a_model_says_the_text_that_makes_it(self, size, width, activation, seed):
        text = (f"input {size}\nencoder linear out={width} | {activation}\nlatent gaussian dim=2\n"
                f"decoder linear out={width} | {activation} | linear out={size}\nlikelihood gaussian\n")
        model = vae.Model(text, seed, threads=1)
        self.assertEqual(vae.Model(model.spec, seed, threads=1).to_bytes(), model.to_bytes())


class Arrays(unittest.TestCase):
    @given(arrays(np.float32, st.tuples(st.integers(0, 9), st.just(8), st.just(6), st.just(1)), elements=VALUES), st.integers(1, 9))
    def test_results_do_not_depend_on_the_split(self, x, batch):
        mean, logvar = MODEL.session(max_batch=batch).encode(x)
        for i in range(len(x)):
            np.testing.assert_array_equal((mean[i:i + 1], logvar[i:i + 1]), MODEL.encode(x[i:i + 1]))

    @given(st.integers(0, 3), st.integers(0, 47), st.sampled_from([np.nan, np.inf, -np.inf, -0.5, 1.5]))
    def test_one_bad_value_is_found_where_it_is(self, row, place, value):
        x = images(4)
        x.reshape(4, -1)[row, place] = value
        with self.assertRaisesRegex(vae.VaeError, rf"^x\[{row}\]\[{place}\]: "):
            MODEL.encode(x)


class Training(RuleBasedStateMachine):
    """Steps, failures and copies in any order: what fails changes nothing, and a copy is the same model from there on."""

    @initialize(optimizer=st.sampled_from(["adam lr=0.01", "sgd lr=0.1 momentum=0.9"]))
    def begin(self, optimizer):
        self.options = f"optimizer {optimizer}"
        self.model = vae.Model(SPEC, threads=1)
        self.trainer = self.model.trainer(self.options, max_batch=6)
        self.known, self.steps, self.waiting = self.model.to_bytes(), 0, 0

    def changed(self):
        self.known = self.model.to_bytes()

    @rule(n=st.integers(1, 6))
    @precondition(lambda self: not self.waiting)
    def step(self, n):
        self.trainer.step(images(n))
        self.steps += 1
        self.changed()

    @rule(n=st.integers(1, 6))
    def backward(self, n):
        self.trainer.backward(images(n))
        self.waiting += 1

    @rule()
    def apply(self):
        if not self.waiting:
            with unittest.TestCase().assertRaises(vae.StateError):
                self.trainer.apply()
            return
        self.trainer.apply()
        self.waiting, self.steps = 0, self.steps + 1
        self.changed()

    @rule(n=st.integers(7, 20))
    def too_many(self, n):
        with unittest.TestCase().assertRaises(vae.VaeError):
            self.trainer.backward(images(n))

    @rule(value=st.sampled_from([np.nan, np.inf, -1.0, 2.0]))
    def bad_example(self, value):
        x = images(3)
        x[1, 2, 3] = value
        with unittest.TestCase().assertRaises(vae.VaeError):
            self.trainer.backward(x)

    @rule(value=VALUES)
    def set_param(self, value):
        self.model.params["decoder.0.bias"] = np.full(24, value, np.float32)
        self.changed()

    @rule()
    def set_param_of_another_size(self):
        with unittest.TestCase().assertRaises(vae.ShapeError):
            self.model.params["decoder.0.bias"] = np.zeros(3, np.float32)

    @rule()
    def copy(self):
        copied = vae.Model.from_bytes(self.model.to_bytes(), threads=1)
        np.testing.assert_array_equal(copied.reconstruct(images(5)), self.model.reconstruct(images(5)))

    @rule()
    def second_trainer(self):
        with unittest.TestCase().assertRaises(vae.StateError):
            self.model.trainer(self.options)

    @invariant()
    def nothing_else_changed(self):
        if hasattr(self, "model"):
            assert self.model.to_bytes() == self.known
            assert self.trainer.steps == self.steps

    def teardown(self):
        if hasattr(self, "trainer"):
            self.trainer.close()


TestTraining = Training.TestCase
TestTraining.settings = settings(max_examples=25, stateful_step_count=20, deadline=None, derandomize=True, database=None)

if __name__ == "__main__":
    unittest.main()
