r"""
MNIST
=====

Thousands of images in a few numbers each: how many it takes, what comes back from them, and which
images are unlike the others.
"""

# %%
# Data
# ----
# The environment variable NRAE_DATA names the folder of MNIST's files. Without it,
# ``MNIST("some/folder")`` downloads them. Five thousand images are learned from, a thousand are
# held out.

import os

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.neighbors import KNeighborsClassifier

from nrae_geometric import ManifoldAutoencoder
from nrae_geometric.datasets import MNIST
from nrae_geometric.visualization import Panel, plot_latent_traversal

data = MNIST(os.environ["NRAE_DATA"], download=False)[0]
images, digit = data.x[:6000].numpy(), data.y[:6000].numpy()
learned, new = images[:5000], images[5000:]

# %%
# How many dimensions?
# --------------------
# Two for a picture, see :doc:`/auto/gallery/mnist_plane`; more if what comes back matters. Here are
# ten, and twelve epochs, a third of the default, as this page is built often.

model = ManifoldAutoencoder(10, max_epochs=12, random_state=0).fit(learned)
z = model.transform(new)

# %%
# Of the images held out, the accuracy is that of ten neighbors by their latents, and beside it by
# all 784 pixels; :math:`R^2` is the share of variance that comes back.

for name, known, asked in (
    ("ten latents", model.embedding_, z),
    ("all pixels", learned.reshape(5000, -1), new.reshape(1000, -1)),
):
    accuracy = KNeighborsClassifier(10).fit(known, digit[:5000]).score(asked, digit[5000:])
    print(f"right digit by {name:12} {accuracy:.3f}")
variance = np.square(new - learned.mean(axis=0)).sum(axis=(1, 2, 3)).mean()
print(f"R² of the images           {1 + model.score(new) / variance:.3f}")

# %%
# If ten latents tell the digits apart as well as all pixels do, little that matters is lost. Try
# half as many and look again.
#
# What comes back
# ---------------

back = model.inverse_transform(z)
panels = [
    Panel("held out", torch.from_numpy(new[:14])),
    Panel("decoded", torch.from_numpy(back[:14])),
]
plot_latent_traversal(panels, num_images=14, axis="fourteen images", cmap="gray_r")

# %%
# Which images are odd?
# ---------------------
# Those that come back worst are unlike what was learned from: rare ways to write a digit, or
# damage.

error = np.square(back - new).sum(axis=(1, 2, 3))
worst = error.argsort()[::-1][:14]
panels = [
    Panel("odd", torch.from_numpy(new[worst])),
    Panel("decoded", torch.from_numpy(back[worst])),
]
plot_latent_traversal(panels, num_images=14, axis="from the worst", cmap="gray_r")

# %%
# The error is a sum over pixels, so bold writing counts for more. Divide it by the image's own sum
# of squares where that is not meant.

plt.show()
