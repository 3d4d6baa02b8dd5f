# SPDX-License-Identifier: MIT
"""Five lines: handwritten digits of scikit-learn, a model of them, new ones."""
try:
    from sklearn.datasets import load_digits
except ImportError as error:
    raise SystemExit(print(f"digits.py: skipped, {error}"))

import vae

SPEC = """input 8x8x1
encoder    flatten | linear out=128 | relu
latent     gaussian dim=6
decoder    linear out=128 | relu | linear out=64 | reshape 8x8x1
likelihood bernoulli
optimizer  adam lr=0.003"""

model = vae.Model(SPEC)
history = model.fit(load_digits().images / 16, epochs=20)
for image in model.sample(3)[..., 0]:
    print("\n".join("".join(" .:-=+*#%@"[int(9.99 * value)] * 2 for value in row) for row in image))
assert history["loss"][-1] < history["loss"][0] - 5, history
