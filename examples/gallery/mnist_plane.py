r"""
MNIST
=====

5000 handwritten digits of 28 by 28 pixels in a plane: what two dimensions hold, and what they do
not.
"""

# %%
# The environment variable NRAE_DATA names the folder of MNIST's files;
# :class:`~nrae_geometric.datasets.MNIST` says where in it they are looked for.

import os

import matplotlib.pyplot as plt
import numpy as np
from sklearn.neighbors import KNeighborsClassifier

from nrae_geometric import ManifoldAutoencoder
from nrae_geometric.datasets import MNIST
from nrae_geometric.metrics import trustworthiness
from nrae_geometric.visualization import plot_decoded_images, plot_embedding

data = MNIST(os.environ["NRAE_DATA"], download=False)[0]
images, digit = data.x[:6000].numpy(), data.y[:6000].numpy()
plane = ManifoldAutoencoder(2, random_state=0).fit(images[:5000])
z = plane.embedding_

low, high = np.percentile(z, [1, 99], axis=0)
shown = ((low <= z) & (z <= high)).all(axis=1)
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.7), layout="constrained")
kinds = digit[:5000][shown]
plot_embedding(z[shown], labels=kinds, title="Ten digits, of which 4, 7 and 9 mix", ax=left)
title = "What the plane decodes to"
plot_decoded_images(
    plane.inverse_transform, z[shown], labels=kinds, num_columns=24, title=title, ax=right
)
right.set(xlim=left.get_xlim(), ylim=left.get_ylim())

# %%
# Slant and width vary within each digit's group. Where digits mix, the decoded images are mixtures
# too: the plane has no room for ten kinds of images and the ways of writing each. For a thousand
# images that were not learned from:

new = images[5000:]
neighbors = KNeighborsClassifier(10).fit(z, digit[:5000])
accuracy = neighbors.score(plane.transform(new), digit[5000:])
r2 = 1 + plane.score(new) / np.square(new - images[:5000].mean(axis=0)).sum(axis=(1, 2, 3)).mean()
print(f"right digit by ten neighbors in the plane: {accuracy:.3f}")
print(f"R² of the images that come back:           {r2:.3f}")
print(f"trustworthiness of the plane:              {trustworthiness(images[:5000], z, 10):.3f}")

# %%
# To keep the digits apart take more dimensions, as in :doc:`/auto/guides/mnist`.

plt.show()
