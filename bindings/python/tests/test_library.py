# SPDX-License-Identifier: MIT
"""The shared library: found, of the right version; its sentences and statuses as exceptions, its messages as a log."""
import ctypes
import errno
import logging
import os
import pickle
import subprocess
import sys
import threading
import unittest
from unittest import mock

import numpy as np

import vae
from vae import _errors, _library

from support import PACKAGE, SPEC, Case, images


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
            self.assertIs(type(_errors.error_of(error.status, "a: b")), error)
            self.assertEqual(error.__module__, "vae")

    def test_missing_file_is_named(self):
        path = self.folder / "absent.safetensors"
        with self.assertRaises(vae.FileError) as caught:
            vae.Model.load(path)
        self.assertIn("absent.safetensors", str(caught.exception))

    def test_file_errors_are_the_kinds_of_python(self):
        model, file = vae.Model(SPEC), self.folder / "file"
        file.write_bytes(b"no model")
        trainer = model.trainer(max_batch=4)
        self.addCleanup(trainer.close)
        for call in (vae.Model.load, model.load_weights, trainer.load):
            with self.assertRaises(FileNotFoundError) as caught:
                call(self.folder / "absent")
            error = caught.exception
            self.assertEqual((error.errno, error.filename), (errno.ENOENT, str(self.folder / "absent")))
            self.assertIsInstance(error, vae.FileError)
            self.assertRegex(str(error), "^/.*absent: open: No such file or directory$")
        for call in (model.save, trainer.save):
            with self.assertRaises(NotADirectoryError) as caught:
                call(file / "x")
            self.assertEqual(caught.exception.filename, str(file / "x"))
        copied = pickle.loads(pickle.dumps(error))
        self.assertEqual((type(copied), str(copied), copied.errno, copied.filename), (type(error), str(error), error.errno, error.filename))
        self.assertIs(type(_errors.error_of(-5, "x: read: the file ended")), vae.FileError)

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


class Log(Case):
    def test_messages_go_to_logging(self):
        context = vae.Context(threads=1)
        with self.assertLogs("vae", logging.INFO) as logs:
            context._hook(None, 1, b"a warning")
            context._hook(None, 0, b"a note")
        self.assertEqual([record.levelname for record in logs.records], ["WARNING", "INFO"])


if __name__ == "__main__":
    unittest.main()
