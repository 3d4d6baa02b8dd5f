# SPDX-License-Identifier: MIT
"""Registry, models in use, arrays on their way in and out, files."""
import copy
import gc
import os
import pickle
import sys
import threading
import unittest
from unittest import mock

import numpy as np

import vae
from vae import _library

from support import FIXTURES, SPEC, Case, images, safetensors


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

    def test_rgba8_of_a_model_with_alpha(self):
        model = vae.Model("input 3x2x4\nencoder flatten | linear out=4\nlatent gaussian dim=2\n"
                          "decoder linear out=24 | reshape 3x2x4\nlikelihood gaussian\n")
        z = np.full(2, 0.5, np.float32)
        value = np.clip(model.decode(z[None])[0], 0, 1) * 255
        self.assertLessEqual(np.abs(model.decode_rgba8(z).astype(float) - value).max(), 0.51)

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

    def test_a_session_of_another_size_equals_the_model_of_that_size(self):
        text = ("input 16x16x1\nencoder conv2d out=4 kernel=4 stride=4\nlatent gaussian dim=2 map=true\n"
                "decoder deconv2d out=1 kernel=4 stride=4\nlikelihood gaussian\n")
        model, other = vae.Model(text, seed=3), vae.Model(text.replace("16x16", "8x24"), seed=5)
        other.load_state_dict(model.state_dict())
        session = model.session(size=(8, 24))
        self.assertEqual((session.input_shape, session.latent_shape), ((8, 24, 1), (2, 6, 2)))
        x = np.random.default_rng(0).random((3, 8, 24, 1), np.float32)
        self.assertSame(session.reconstruct(x), other.reconstruct(x))
        with self.assertRaisesRegex(vae.StateError, "a session or a trainer uses it"):
            model.set_input_size(8, 24)
        del session
        gc.collect()
        model.set_input_size(8, 24)
        self.assertEqual(model.input_shape, (8, 24, 1))
        self.assertSame(model.reconstruct(x), other.reconstruct(x))
        self.assertEqual(list(model.state_dict()), list(other.state_dict()))
        bounded = model.session(memory_budget=1 << 30)
        self.assertSame(bounded.reconstruct(x), model.reconstruct(x))
        with self.assertRaisesRegex(vae.LimitError, "takes [0-9]+ at least"):
            model.session(memory_budget=1)
        with self.assertRaisesRegex(vae.ShapeError, "wanted multiples of 4x4"):
            model.session(size=(10, 24))
        with self.assertRaisesRegex(vae.UnsupportedError, "has parameters for each place"):
            vae.Model(SPEC).session(size=(8, 8))

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
        calls, result = self.pointers("vae_encode_batch", lambda: model.encode(x, out=(mean, logvar)))
        self.assertEqual((calls[0][1]._obj.n, calls[0][1]._obj.x), (6, x.ctypes.data))
        self.assertEqual(calls[0][2:], (mean.ctypes.data, logvar.ctypes.data))
        self.assertIs(result[0], mean)
        self.assertIs(result[1], logvar)
        with model.trainer(max_batch=6) as trainer:
            calls, _ = self.pointers("vae_trainer_step_batch", lambda: trainer.step(x))
        self.assertEqual(calls[0][1]._obj.x, x.ctypes.data)

    def test_fit_without_shuffling_passes_the_callers_memory(self):
        model, x = vae.Model(SPEC), images(10)
        calls, _ = self.pointers("vae_trainer_step_batch", lambda: model.fit(x, batch_size=4, shuffle=False))
        self.assertEqual([(call[1]._obj.n, call[1]._obj.x - x.ctypes.data) for call in calls], [(4, 0), (4, 4 * 192), (2, 8 * 192)])

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
        for copied in (vae.Model.load(path), vae.Model.load(str(path)), vae.Model.from_bytes(path.read_bytes())):
            self.assertSame(copied.reconstruct(x), model.reconstruct(x))
            self.assertEqual(copied.spec, model.spec)
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


class Copies(Case):
    def test_a_copy_is_a_model_of_its_own(self):
        model = vae.Model(SPEC, threads=1)
        model.history = [{"epoch": 1, "loss": 2.0}]
        x = images(4)
        mean = model.encode(x)[0].copy()
        for copied in (copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            self.assertEqual(copied.spec, model.spec)
            self.assertEqual(copied.history, model.history)
            self.assertTrue(np.array_equal(copied.encode(x)[0], mean))
            name = next(iter(copied.params))
            copied.params[name] = copied.params[name] + 1
            self.assertTrue(np.array_equal(model.encode(x)[0], mean))
        self.assertEqual(vae.Model.from_bytes(model.to_bytes()).spec, model.spec)

    def test_what_cannot_be_copied_says_what_to_do(self):
        model = vae.Model(SPEC, threads=1)
        stray = []
        hook, sys.unraisablehook = sys.unraisablehook, stray.append
        try:
            with model.trainer() as trainer:
                for thing in (model.context, model.session(), trainer, model.params, model._handle):
                    for way in (copy.copy, copy.deepcopy, pickle.dumps):
                        with self.assertRaisesRegex(TypeError, "cannot be copied or pickled: "):
                            way(thing)
            gc.collect()
        finally:
            sys.unraisablehook = hook
        self.assertEqual(stray, [])


class Cancelling(Case):
    def test_another_thread_gives_a_call_up(self):
        session = vae.Model(SPEC, threads=1).session()
        timer = threading.Timer(0.05, session.cancel)
        timer.start()
        with self.assertRaises(vae.CancelledError):
            session.elbo(images(1), samples=10**12)
        timer.join()
        self.assertEqual(session.elbo(images(1)).elbo.shape, (1,))

    def test_a_step_given_up_changes_nothing(self):
        model = vae.Model(SPEC, threads=1)
        before = model.to_bytes()
        with model.trainer() as trainer:
            trainer.cancel()
            with self.assertRaises(vae.CancelledError):
                trainer.step(images(4))
            self.assertEqual(model.to_bytes(), before)
            self.assertEqual(trainer.step(images(4)).step, 1)


class Mistakes(Case):
    def test_words_of_other_programs_are_understood_as_questions(self):
        for spec, hint in (("input 4\nencoder Dense out=3\n", "linear"), ("input: 4\n", "YAML"), ("{\"input\": 4}", "JSON")):
            with self.assertRaisesRegex(vae.SpecError, hint):
                vae.Model(spec)

    def test_values_that_the_likelihood_is_not_of(self):
        model = vae.Model(SPEC, threads=1)
        with self.assertRaisesRegex(vae.ArgumentError, "wanted 0..1"):
            model.encode(images(4) * 255)
        with self.assertRaisesRegex(vae.ArgumentError, "wanted 0..1"):
            model.reconstruct(images(4) * 255)


if __name__ == "__main__":
    unittest.main()
