# SPDX-License-Identifier: MIT
"""vae.plot, with matplotlib's backend for files; and the notebook, run where there is a Jupyter kernel."""
import importlib.util
import json
import os
import pathlib
import sys
import unittest
from unittest import mock

import numpy as np

import vae
from support import PACKAGE, SPEC, Case, images

NOTEBOOKS = PACKAGE.parents[1] / "examples" / "python"


@unittest.skipUnless(importlib.util.find_spec("matplotlib"), "no matplotlib")
class Plots(Case):
    def setUp(self):
        import matplotlib
        matplotlib.use("agg")
        import matplotlib.pyplot as plt
        self.addCleanup(plt.close, "all")
        super().setUp()
        self.model = vae.Model(SPEC)

    def shown(self, ax):
        return np.asarray(ax.images[0].get_array())

    def test_images_stand_in_a_grid_with_lines_between(self):
        x = images(5)
        grid = self.shown(vae.plot.images(x, columns=3))
        self.assertEqual(grid.shape, (2 * 9 - 1, 3 * 7 - 1))
        for i in range(5):
            self.assertSame(grid[i // 3 * 9:, i % 3 * 7:][:8, :6], x[i, :, :, 0])
        self.assertEqual((grid[8].min(), grid[9:, 14:].min()), (1, 1))
        colour = np.random.default_rng(0).random((4, 3, 3, 3), np.float32)
        self.assertEqual(self.shown(vae.plot.images(colour)).shape, (7, 7, 3))
        for wrong in (np.zeros((2, 3, 3, 2)), np.zeros((0, 3, 3, 1)), np.zeros(9)):
            with self.assertRaises(vae.ShapeError):
                vae.plot.images(wrong)

    def test_reconstructions_stand_below_their_examples(self):
        x = images(4)
        grid = self.shown(vae.plot.reconstructions(self.model, x.reshape(4, -1)))
        self.assertSame(grid[:8, 7:13], x[1, :, :, 0])
        self.assertSame(grid[9:, 7:13], self.model.reconstruct(x)[1, :, :, 0])

    def test_samples_are_those_of_the_seed(self):
        grid = self.shown(vae.plot.samples(self.model, 4, seed=3))
        self.assertSame(grid[9:, 7:], self.model.session(seed=3).sample(4)[3, :, :, 0])

    def test_traversals_change_one_latent_at_a_time(self):
        x = images(1)
        grid = self.shown(vae.plot.traversals(self.model, x, dims=[2, 0], steps=3, width=1.5))
        z = self.model.encode(x)[0]
        z[0, 2] = 1.5
        self.assertClose(grid[:8, 14:], self.model.decode(z)[0, :, :, 0])
        self.assertEqual(grid.shape[0], 2 * 9 - 1)
        with self.assertRaises(vae.ArgumentError):
            vae.plot.traversals(self.model, images(2))

    def test_latents_are_points_of_a_colour_for_each_label(self):
        x = images(30)
        ax = vae.plot.latents(self.model, x, np.arange(30) % 3)
        self.assertEqual([text.get_text() for text in ax.get_legend().get_texts()], ["0", "1", "2"])
        points = np.concatenate([np.asarray(part.get_offsets()) for part in ax.collections])
        z = self.model.encode(x)[0].astype(np.float64)
        self.assertEqual(points.shape, (30, 2))
        total = ((z - z.mean(0))**2).sum()
        self.assertLessEqual(total - (points**2).sum(), total / 3 + 1e-9)  # the two largest of three directions
        self.assertEqual(len(vae.plot.latents(self.model, x, np.linspace(0, 1, 30)).collections), 1)
        two = vae.Model(SPEC.replace("dim=3", "dim=2"))
        self.assertClose(vae.plot.latents(two, x).collections[0].get_offsets(), two.encode(x)[0])
        vae.plot.latents(vae.Model(SPEC.replace("dim=3", "dim=1")), x)

    def test_history_has_a_line_for_each_loss(self):
        records = self.model.fit(images(20), epochs=3, validation_data=images(5))
        training, validation = vae.plot.history(records).lines
        self.assertEqual((list(training.get_ydata()), list(validation.get_ydata())), (records["loss"], records["val_loss"]))
        self.assertEqual(len(vae.plot.history(self.model.fit(images(8))).lines), 1)

    def test_drawing_goes_where_it_is_told(self):
        import matplotlib.pyplot as plt
        ax = plt.subplots()[1]
        self.assertIs(vae.plot.samples(self.model, 2, ax=ax), ax)
        self.assertEqual(len(plt.get_fignums()), 1)


@unittest.skipUnless(all(map(importlib.util.find_spec, ("nbclient", "ipykernel", "sklearn", "matplotlib"))), "no Jupyter kernel")
@unittest.skipUnless(NOTEBOOKS.is_dir(), "no notebooks beside the package")
class Notebook(Case):
    def test_digits_runs_and_shows_its_pictures(self):
        import nbformat
        from nbclient import NotebookClient

        notebook = nbformat.read(NOTEBOOKS / "digits.ipynb", 4)
        paths = [str(PACKAGE), *filter(None, [os.environ.get("PYTHONPATH")])]
        kernels = self.folder / "kernels" / "here"
        kernels.mkdir(parents=True)
        (kernels / "kernel.json").write_text(json.dumps(
            {"argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"], "display_name": "here", "language": "python",
             "env": {"PYTHONPATH": os.pathsep.join(paths)}}))
        with mock.patch.dict(os.environ, {"JUPYTER_PATH": str(self.folder), "IPYTHONDIR": str(self.folder)}):
            NotebookClient(notebook, timeout=120, kernel_name="here", resources={"metadata": {"path": str(self.folder)}}).execute()
        cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        pictures = sum("image/png" in output.get("data", {}) for cell in cells for output in cell.outputs)
        self.assertGreaterEqual(pictures, 5)
        line = "".join(output.text for cell in cells for output in cell.outputs if output.output_type == "stream")
        self.assertRegex(line, r"\repoch \d+/\d+  █")
        self.assertLess(pathlib.Path(NOTEBOOKS / "digits.ipynb").stat().st_size, 200_000)


if __name__ == "__main__":
    unittest.main()
