# SPDX-License-Identifier: MIT
"""The Python package against a real libvae; the standard library's unittest and NumPy are all it needs.

    PYTHONPATH=bindings/python python3 -m unittest bindings/python/tests/test_vae.py
"""
import ctypes
import gc
import json
import logging
import os
import pathlib
import pickle
import re
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
from unittest import mock

import numpy as np

import vae
from vae import _library

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


class Library(Case):
    def run_python(self, code, **environment):
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False,
                              env={**os.environ, "PYTHONPATH": str(PACKAGE), **environment})

    def test_version_is_the_packages(self):
        self.assertEqual(vae.library_version.split(".")[:2], vae.__version__.split(".")[:2])
        self.assertIn("libvae", vae.build_info)

    def test_named_library_that_is_missing_is_an_import_error_with_its_path(self):
        done = self.run_python("import vae", VAE_LIBRARY=str(self.folder / "absent.so"))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("ImportError", done.stderr)
        self.assertIn(str(self.folder / "absent.so"), done.stderr)
        self.assertIn("VAE_LIBRARY", done.stderr)

    def test_library_that_is_another_is_an_import_error_that_says_so(self):
        done = self.run_python("import vae", VAE_LIBRARY="libc.so.6")
        self.assertIn("ImportError", done.stderr)
        self.assertIn("no function vae_", done.stderr)

    def test_search_lists_each_place_it_tries(self):
        with mock.patch.dict(os.environ):
            os.environ.pop("VAE_LIBRARY", None)
            places = list(_library.candidates())
        self.assertEqual(os.path.dirname(places[0]), os.path.dirname(os.path.abspath(_library.__file__)))
        self.assertTrue(any(os.path.basename(os.path.dirname(place)) == "build" for place in places))
        self.assertEqual(places[-1], "libvae.so.0")

    def test_other_minor_version_is_refused(self):
        with mock.patch.object(_library, "VERSION", (0, 99, 0)):
            with self.assertRaisesRegex(OSError, "this package wants 0.99"):
                _library.prepare(_library.lib._name)

    def test_structs_have_the_librarys_sizes(self):
        config = _library.CtxConfig()
        _library.check(_library.lib.vae_ctx_config_init(ctypes.byref(config), ctypes.sizeof(config)))
        self.assertEqual(config.struct_size, ctypes.sizeof(config))

    def test_every_prototype_names_a_function_of_the_headers(self):
        headers = PACKAGE.parents[1] / "include" / "vae"
        if not headers.is_dir():
            self.skipTest("no headers beside the package")
        declared = re.sub(r"/\*.*?\*/", "", "".join(path.read_text() for path in headers.glob("*.h")), flags=re.S)
        for name, (_, arguments) in _library.PROTOTYPES.items():
            found = re.search(rf"\b{name}\(([^()]*)\);", declared)
            self.assertIsNotNone(found, name)
            count = 0 if found[1].strip() == "void" else found[1].count(",") + 1
            self.assertEqual(count, len(arguments), name)


class Errors(Case):
    def test_sentence_and_status_arrive(self):
        with self.assertRaises(vae.SpecError) as caught:
            vae.Model(SPEC.replace("kernel=3", "kernal=3"))
        self.assertIn("kernal", str(caught.exception))
        self.assertIn("kernel", str(caught.exception).replace("kernal", ""))
        self.assertEqual(caught.exception.name, "VAE_E_SPEC")
        self.assertEqual(caught.exception.status, -3)

    def test_errors_are_also_pythons_own(self):
        with self.assertRaises(ValueError):
            vae.Model("nonsense")
        with self.assertRaises(OSError):
            vae.Model.load(self.folder / "absent.safetensors")
        with self.assertRaises(MemoryError):
            vae.Model(SPEC, mem_limit=1000)
        for error in vae.VaeError.__subclasses__():
            self.assertIs(_library.ERRORS[error.status], error)

    def test_missing_file_is_named(self):
        path = self.folder / "absent.safetensors"
        with self.assertRaises(vae.FileError) as caught:
            vae.Model.load(path)
        self.assertIn("absent.safetensors", str(caught.exception))

    def test_errors_survive_pickling(self):
        copy = pickle.loads(pickle.dumps(vae.FileError("open: no such file")))
        self.assertEqual((type(copy), str(copy)), (vae.FileError, "open: no such file"))

    def test_each_thread_reads_its_own_sentence(self):
        wrong = []

        def fail(word):
            for _ in range(200):
                try:
                    vae.Model(SPEC.replace("relu", word, 1))
                except vae.SpecError as error:
                    if word not in str(error):
                        wrong.append(str(error))

        threads = [threading.Thread(target=fail, args=(f"word{i}",)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_nul_in_a_text_is_refused(self):
        with self.assertRaises(vae.ArgumentError):
            vae.Model(SPEC + "\0likelihood")
        with self.assertRaises(ValueError):
            vae.Model(SPEC).save("a\0b")

    def test_damaged_file_is_a_format_error(self):
        path = self.folder / "model.safetensors"
        vae.Model(SPEC).save(path)
        path.write_bytes(path.read_bytes()[:100])
        with self.assertRaises(vae.FormatError):
            vae.Model.load(path)

    def test_whole_numbers_are_refused_with_advice(self):
        with self.assertRaisesRegex(vae.ArgumentError, "255"):
            vae.Model(SPEC).encode(np.zeros((2, 8, 6, 1), np.uint8))

    def test_wrong_shapes_name_both_shapes(self):
        model = vae.Model(SPEC)
        with self.assertRaisesRegex(vae.ShapeError, r"\(2, 1, 8, 6\), wanted \(n, 8, 6, 1\)"):
            model.encode(np.zeros((2, 1, 8, 6), np.float32))
        with self.assertRaisesRegex(vae.ShapeError, r"x\[None\]"):
            model.encode(np.zeros((8, 6, 1), np.float32))
        with self.assertRaises(vae.ShapeError):
            model.decode(np.zeros(3, np.float32))

    def test_not_a_number_is_a_numeric_error(self):
        x = images(3)
        x[1, 0, 0, 0] = np.nan
        with self.assertRaises(ArithmeticError):
            vae.Model(SPEC).encode(x)


class Registry(Case):
    def test_lists_every_kind(self):
        kinds = vae.registry()
        self.assertLessEqual({"layer", "latent", "likelihood", "objective", "optimizer", "preset"}, set(kinds))
        self.assertIn("conv2d", kinds["layer"])
        for modules in kinds.values():
            for name, module in modules.items():
                self.assertEqual(module.name, name)
                self.assertTrue(module.text.strip(), name)

    def test_options_have_types_and_words(self):
        options = {option.name: option for option in vae.registry()["layer"]["conv2d"].options}
        self.assertLessEqual({"out", "kernel", "stride", "pad", "groups", "bias"}, set(options))
        self.assertEqual(options["out"].type, "int")
        self.assertEqual(options["out"].default, "")
        self.assertTrue(options["kernel"].text)

    def test_every_preset_builds(self):
        self.assertIn("conv", vae.presets())
        for name in vae.presets():
            with self.subTest(preset=name):
                model = vae.Model(name)
                self.assertEqual(vae.Model(model.spec).spec, model.spec)

    def test_unknown_preset_comes_with_the_names_near_it(self):
        with self.assertRaisesRegex(vae.VaeError, "conv"):
            vae.Model("convv")

    def test_spec_tools(self):
        text = vae.spec_set(SPEC, "latent.dim", 5)
        self.assertEqual(vae.spec_get(text, "latent.dim"), "5")
        self.assertEqual(vae.Model(text).latent_shape, (5,))
        self.assertEqual(vae.canonical(vae.canonical(SPEC)), vae.canonical(SPEC))
        with self.assertRaisesRegex(vae.SpecError, "did you mean 'dim'"):
            vae.spec_set(SPEC, "latent.dimm", 5)


class Running(Case):
    def test_shapes(self):
        model = vae.Model(SPEC)
        self.assertEqual((model.input_shape, model.latent_shape), ((8, 6, 1), (3,)))
        mean, logvar = model.encode(images(5))
        self.assertEqual((mean.shape, logvar.shape, mean.dtype), ((5, 3), (5, 3), np.float32))
        self.assertEqual(model.decode(mean).shape, (5, 8, 6, 1))
        self.assertEqual(model.sample(4).shape, (4, 8, 6, 1))
        self.assertEqual(model.reconstruct(images(2)).shape, (2, 8, 6, 1))
        self.assertEqual(model.elbo(images(2)).elbo.dtype, np.float64)
        self.assertEqual(model.encode(images(0))[0].shape, (0, 3))
        self.assertIn("8x6x1", repr(model))

    def test_flat_and_two_dimensional_images_are_the_same(self):
        model, x = vae.Model(SPEC), images(3)
        want = model.encode(x)[0]
        self.assertSame(model.encode(x.reshape(3, 48))[0], want)
        self.assertSame(model.encode(x.reshape(3, 8, 6))[0], want)

    def test_equal_seeds_give_equal_models(self):
        x = images(3)
        self.assertSame(vae.Model(SPEC, seed=7).reconstruct(x), vae.Model(SPEC, seed=7).reconstruct(x))
        self.assertFalse(np.array_equal(vae.Model(SPEC, seed=7).reconstruct(x), vae.Model(SPEC, seed=8).reconstruct(x)))

    def test_reconstruct_is_encode_and_decode(self):
        model, x = vae.Model(SPEC), images(9)
        self.assertSame(model.reconstruct(x), model.decode(model.encode(x)[0]))

    def test_elbo_is_the_sum_of_its_parts(self):
        bound = vae.Model(SPEC).elbo(images(9))
        self.assertClose(bound.elbo, -bound.recon - bound.rate, 1e-12)
        self.assertTrue((bound.rate >= 0).all())

    def test_more_samples_tighten_the_bound(self):
        model, x = vae.Model(SPEC), images(200)
        self.assertGreater(model.elbo(x, samples=20).elbo.mean(), model.elbo(x).elbo.mean())

    def test_noise_may_be_given(self):
        model, x = vae.Model(SPEC), images(4)
        noise = np.random.default_rng(0).standard_normal((4, 2, 3)).astype(np.float32)
        self.assertSame(model.elbo(x, 2, noise).elbo, model.elbo(x, 2, noise).elbo)
        self.assertSame(model.sample(noise=noise[:, 0]), model.decode(noise[:, 0]))
        with self.assertRaises(vae.ShapeError):
            model.elbo(x, 3, noise)

    def test_seed_repeats_the_stream(self):
        model = vae.Model(SPEC)
        model.seed(5)
        first, second = model.sample(3), model.sample(3)
        model.seed(5)
        self.assertSame(model.sample(3), first)
        self.assertFalse(np.array_equal(first, second))

    def test_parts_and_threads_do_not_change_a_byte(self):
        x = images(150)
        want = vae.Model(SPEC, threads=1, max_batch=256).reconstruct(x)
        for threads, max_batch in ((1, 1), (2, 3), (3, 64)):
            self.assertSame(vae.Model(SPEC, threads=threads, max_batch=max_batch).reconstruct(x), want)

    def test_rgba8_writes_into_a_part_of_an_image(self):
        model = vae.Model(SPEC)
        z = np.zeros(3, np.float32)
        image = np.full((20, 20, 4), 77, np.uint8)
        model.decode_rgba8(z, out=image[4:12, 5:11])
        value = np.clip(model.decode(z[None])[0], 0, 1) * 255
        self.assertLessEqual(np.abs(image[4:12, 5:11, :3].astype(float) - value).max(), 0.51)
        self.assertTrue((image[4:12, 5:11, 3] == 255).all())
        image[4:12, 5:11] = 77
        self.assertTrue((image == 77).all())
        with self.assertRaises(vae.ArgumentError):
            model.decode_rgba8(z, out=np.zeros((8, 12, 4), np.uint8)[:, ::2])

    def test_sessions_run_side_by_side(self):
        model, x = vae.Model(SPEC), images(40)
        want = model.reconstruct(x)
        results = [None] * 4

        def work(i):
            session = model.session()
            for _ in range(50):
                results[i] = session.reconstruct(x)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for result in results:
            self.assertSame(result, want)

    @unittest.skipUnless(hasattr(os, "fork"), "no fork here")
    def test_model_with_threads_says_that_it_was_forked(self):
        model = vae.Model(SPEC, threads=2)
        child = os.fork()
        if child == 0:
            try:
                model.sample(1)
            except vae.StateError:
                os._exit(42)
            os._exit(1)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 42)

    def test_context_options(self):
        context = vae.Context(threads=1, isa="portable")
        self.assertEqual(context.isa, "portable")
        before = context.bytes_in_use
        model = vae.Model(SPEC, context=context)
        self.assertGreater(context.bytes_in_use, before)
        x = images(3)
        self.assertSame(model.reconstruct(x), vae.Model(SPEC).reconstruct(x))
        with self.assertRaisesRegex(vae.ArgumentError, "portable"):
            vae.Context(isa="mmx")
        with self.assertRaises(vae.ArgumentError):
            vae.Model(SPEC, context=context, threads=2)

    def test_blas_is_close_or_says_that_it_is_not_there(self):
        x = images(9)
        try:
            model = vae.Model(SPEC, arith="blas")
        except vae.UnsupportedError:
            self.assertIn("blas=none", vae.build_info)
            return
        self.assertClose(model.reconstruct(x), vae.Model(SPEC).reconstruct(x))

    def test_memory_is_given_back(self):
        context = vae.Context(threads=1)
        before = context.bytes_in_use
        for _ in range(3):
            model = vae.Model(SPEC, context=context)
            model.sample(2)
            model.trainer(max_batch=4).step(images(4))
            del model
        gc.collect()
        self.assertEqual(context.bytes_in_use, before)


class Arrays(Case):
    def pointers(self, name, call):
        """The pointers that a function of the library received during call()."""
        real, seen = getattr(_library.lib, name), []

        def spy(*arguments):
            seen.append(arguments)
            return real(*arguments)

        with mock.patch.object(_library.lib, name, spy):
            result = call()
        return seen, result

    def test_float32_goes_in_and_out_without_a_copy(self):
        model, x = vae.Model(SPEC), images(6)
        mean, logvar = np.empty((6, 3), np.float32), np.empty((6, 3), np.float32)
        calls, result = self.pointers("vae_encode", lambda: model.encode(x, out=(mean, logvar)))
        self.assertEqual(calls[0][1:], (6, x.ctypes.data, mean.ctypes.data, logvar.ctypes.data))
        self.assertIs(result[0], mean)
        self.assertIs(result[1], logvar)
        with model.trainer(max_batch=6) as trainer:
            calls, _ = self.pointers("vae_trainer_step", lambda: trainer.step(x))
        self.assertEqual(calls[0][2], x.ctypes.data)

    def test_fit_without_shuffling_passes_the_callers_memory(self):
        model, x = vae.Model(SPEC), images(10)
        calls, _ = self.pointers("vae_trainer_step", lambda: model.fit(x, batch=4, shuffle=False))
        self.assertEqual([(call[1], call[2] - x.ctypes.data) for call in calls], [(4, 0), (4, 4 * 192), (2, 8 * 192)])

    def test_other_arrays_are_converted(self):
        model, x = vae.Model(SPEC), images(6)
        want = model.encode(x)[0]
        self.assertSame(model.encode(x.astype(np.float64))[0], want)
        self.assertSame(model.encode(np.asfortranarray(x))[0], want)
        self.assertSame(model.encode(np.repeat(x, 2, 0)[::2])[0], want)
        self.assertSame(model.encode(x.tolist())[0], want)
        self.assertSame(model.encode(x.astype(">f4"))[0], want)

    def test_out_is_written_and_returned(self):
        model, x = vae.Model(SPEC), images(6)
        out = np.empty_like(x)
        self.assertIs(model.reconstruct(x, out=out), out)
        self.assertSame(out, model.reconstruct(x))
        for wrong in (np.empty(x.shape), np.empty((12, 8, 6, 1), np.float32)[::2], [0.0]):
            with self.assertRaises(vae.ArgumentError):
                model.reconstruct(x, out=wrong)
        with self.assertRaises(vae.ShapeError):
            model.reconstruct(x, out=np.empty((5, 8, 6, 1), np.float32))
        out.flags.writeable = False
        with self.assertRaises(vae.ArgumentError):
            model.reconstruct(x, out=out)

    def test_params_are_the_librarys_memory(self):
        model = vae.Model(SPEC)
        self.assertIn("encoder.0.weight", model.params)
        self.assertNotIn("encoder.0.wait", model.params)
        self.assertEqual(model.params["encoder.0.weight"].shape, (4, 1, 3, 3))
        self.assertEqual(model.params["latent.mean.weight"].shape, (3, 16))
        self.assertEqual(sum(value.size for value in model.params.values()), model.param_total)
        weight = model.params["encoder.0.weight"]
        self.assertEqual(weight.ctypes.data, model.params["encoder.0.weight"].ctypes.data)
        before = weight.copy()
        model.fit(images(8))
        self.assertFalse(np.array_equal(weight, before))

    def test_params_cannot_be_written_in_place(self):
        weight = vae.Model(SPEC).params["encoder.0.weight"]
        with self.assertRaises(ValueError):
            weight[0] = 1
        with self.assertRaises(ValueError):
            weight.flags.writeable = True

    def test_params_outlive_the_model(self):
        model = vae.Model(SPEC, seed=3)
        weight = model.params["encoder.0.weight"]
        want = weight.tobytes()
        del model
        gc.collect()
        vae.Model(SPEC, seed=4)
        self.assertEqual(weight.tobytes(), want)

    def test_params_can_be_assigned(self):
        model, x = vae.Model(SPEC, seed=1), images(3)
        other = vae.Model(SPEC, seed=2)
        model.params.update(other.params)
        self.assertSame(model.reconstruct(x), other.reconstruct(x))
        with self.assertRaises(vae.ShapeError):
            model.params["encoder.0.weight"] = np.zeros((1, 4, 3, 3), np.float32)
        with self.assertRaises(vae.NumericError):
            model.params["encoder.0.bias"] = [0, 0, 0, np.inf]
        with self.assertRaisesRegex(KeyError, "encoder.0.weight"):
            model.params["encoder.0.wieght"] = 0.0
        self.assertSame(model.reconstruct(x), other.reconstruct(x))


class Files(Case):
    def test_save_and_load_give_the_same_bytes(self):
        model, x, path = vae.Model(SPEC, seed=3), images(5), self.folder / "model.safetensors"
        model.save(path)
        for copy in (vae.Model.load(path), vae.Model.load(str(path)), vae.Model.from_bytes(path.read_bytes())):
            self.assertSame(copy.reconstruct(x), model.reconstruct(x))
            self.assertEqual(copy.spec, model.spec)
        tensors, _ = safetensors(path)
        self.assertEqual(set(tensors), set(model.params))
        self.assertSame(tensors["encoder.0.weight"], model.params["encoder.0.weight"])

    def test_nothing_is_no_model(self):
        with self.assertRaises(vae.FormatError):
            vae.Model.from_bytes(b"")

    def test_weights_of_pytorch_fit(self):
        _, metadata = safetensors(FIXTURES / "conv-bn.safetensors")
        state, _ = safetensors(FIXTURES / "conv-bn-weights.safetensors")
        model = vae.Model(metadata["fixture.spec"])
        model.load_weights(FIXTURES / "conv-bn-weights.safetensors")
        for name in model.params:
            self.assertSame(model.params[name], state[name])
        with self.assertRaises(vae.VaeError):
            vae.Model(SPEC).load_weights(FIXTURES / "conv-bn-weights.safetensors")


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


class Training(Case):
    def test_fit_lowers_the_loss_and_keeps_a_record(self):
        model, x, seen = vae.Model(SPEC), images(400), []
        history = model.fit(x, epochs=8, batch=32, options="optimizer adam lr=0.01", validation=images(50, 1),
                            callback=lambda record: seen.append(record["epoch"]))
        self.assertEqual(seen, [1, 2, 3, 4, 5, 6, 7, 8])
        self.assertLess(history[-1]["loss"], history[0]["loss"] - 1)
        self.assertLess(history[-1]["val_loss"], history[0]["val_loss"] - 1)
        self.assertClose([history[-1]["loss"]], [history[-1]["recon"] + history[-1]["rate"]], 1e-9)
        self.assertEqual(history[-1]["step"], 8 * 13)
        self.assertIs(model.history, history)

    def test_fit_is_repeatable(self):
        x = images(50)
        runs = [vae.Model(SPEC, threads=threads) for threads in (1, 2)]
        for model in runs:
            model.fit(x, epochs=2, batch=16, seed=3)
        for name in runs[0].params:
            self.assertSame(runs[0].params[name], runs[1].params[name])
        other = vae.Model(SPEC)
        other.fit(x, epochs=2, batch=16, seed=4)
        self.assertFalse(np.array_equal(other.params["encoder.0.weight"], runs[0].params["encoder.0.weight"]))

    def test_callbacks_stop_the_training(self):
        model = vae.Model(SPEC)
        self.assertEqual(len(model.fit(images(20), epochs=9, callback=lambda record: record["epoch"] == 2)), 2)
        steps = []
        model.fit(images(20), epochs=9, batch=4, on_step=lambda metrics: steps.append(metrics.step) or len(steps) == 7)
        self.assertEqual(steps, [1, 2, 3, 4, 5, 6, 7])

    def test_error_in_a_callback_passes_through_and_frees_the_trainer(self):
        def fail(_record):
            raise ZeroDivisionError("mine")

        model = vae.Model(SPEC)
        with self.assertRaisesRegex(ZeroDivisionError, "mine"):
            model.fit(images(8), callback=fail)
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
        real = _library.lib.vae_elbo

        def count(*arguments):
            before = len(ticks)
            status = real(*arguments)
            calls.append(len(ticks) - before)
            return status

        thread.start()
        with mock.patch.object(_library.lib, "vae_elbo", count):
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
            with self.assertRaises(vae.StateError):
                trainer.step(x)
            with self.assertRaises(vae.ShapeError):
                trainer.step(x, classes[:8])
            with self.assertRaisesRegex(vae.ArgumentError, r"labels\[2\]: 3, wanted 0..2"):
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
        with self.assertRaises(vae.StateError):
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


class Log(Case):
    def test_messages_go_to_logging(self):
        context = vae.Context(threads=1)
        with self.assertLogs("vae", logging.INFO) as logs:
            context._hook(None, 1, b"a warning")
            context._hook(None, 0, b"a note")
        self.assertEqual([record.levelname for record in logs.records], ["WARNING", "INFO"])


if __name__ == "__main__":
    unittest.main()
