# SPDX-License-Identifier: MIT
"""The package as checkers of types, of style and of documents see it, where they are installed (build/venv)."""
import doctest
import importlib
import importlib.util
import pkgutil
import subprocess
import sys
import unittest

import numpy as np

import vae
from support import PACKAGE


def installed(*modules):
    return all(importlib.util.find_spec(module) for module in modules)


class Style(unittest.TestCase):
    def run_module(self, *arguments):
        done = subprocess.run([sys.executable, "-m", *arguments], cwd=PACKAGE, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    @unittest.skipUnless(installed("mypy"), "no mypy")
    def test_types_are_strict(self):
        self.run_module("mypy", "--strict", "--cache-dir", "../../build/mypy", "vae")

    @unittest.skipUnless(installed("ruff"), "no ruff")
    def test_ruff_finds_nothing(self):
        self.run_module("ruff", "check", "--no-cache", ".")

    def test_examples_in_docstrings_are_right(self):
        tried = 0
        for name in (f"vae.{module.name}" for module in pkgutil.iter_modules(vae.__path__)):
            if name == "vae.sklearn" and not installed("sklearn"):
                continue
            result = doctest.testmod(importlib.import_module(name), extraglobs={"vae": vae, "np": np},
                                     optionflags=doctest.NORMALIZE_WHITESPACE)
            self.assertEqual(result.failed, 0, name)
            tried += result.attempted
        self.assertGreater(tried, 10)


if __name__ == "__main__":
    unittest.main()
