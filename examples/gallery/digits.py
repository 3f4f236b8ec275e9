r"""
Handwritten digits
==================

A plane in which every place is an image, and two ways from one digit to another.
"""

# %%
# Of 1797 images of 8 by 8 pixels nine tenths are learned from.

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from nrae_geometric import ManifoldAutoencoder
from nrae_geometric.geodesics import distance_graph, shortest_path
from nrae_geometric.metrics import trustworthiness
from nrae_geometric.visualization import (
    Panel,
    plot_decoded_images,
    plot_embedding,
    plot_latent_traversal,
)

bunch = load_digits()
learned, new, digit, new_digit = train_test_split(
    bunch.images / 16, bunch.target, test_size=0.1, stratify=bunch.target, random_state=0
)
plane = ManifoldAutoencoder(2, random_state=0)
z = plane.fit_transform(learned)

# %%
# Each image on the right is decoded at the middle of its cell. None of them is in the data; its
# color is that of the most frequent digit there.

low, high = np.percentile(z, [1, 99], axis=0)
shown = ((low <= z) & (z <= high)).all(axis=1)
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.7), layout="constrained")
plot_embedding(z[shown], labels=digit[shown], title="Ten digits, hardly mixed", ax=left)
title = "What the plane decodes to"
plot_decoded_images(plane.inverse_transform, z[shown], labels=digit[shown], title=title, ax=right)
right.set(xlim=left.get_xlim(), ylim=left.get_ylim())

# %%
# Two ways
# --------
# From the middle 0 to the middle 1 one can go straight through the plane, or by way of the images
# on the shortest path in the graph of neighbors.


def middle(name):
    """The image of a digit that lies nearest to the median of its kind."""
    among = np.flatnonzero(digit == name)
    distance = np.linalg.norm(z[among] - np.median(z[among], axis=0), axis=1)
    return among[distance.argmin()]


def even_steps(way, num):
    """Places at even steps along a way of straight lines."""
    length = np.append(0, np.linalg.norm(np.diff(way, axis=0), axis=1).cumsum())
    steps = np.linspace(0, length[-1], num)
    return np.stack([np.interp(steps, length, each) for each in way.T], axis=1)


data = plane.graph_.cpu()
graph = distance_graph(data.x.flatten(1), data.edge_index, data.edge_length)
path = shortest_path(graph, middle(0), middle(1))
ways = {"straight": z[path[[0, -1]]], "along the graph": z[path]}

figure, axes = plt.subplots(figsize=(6.5, 6), layout="constrained")
plot_embedding(z[shown], labels=digit[shown], title="Straight, and along the graph", ax=axes)
for way, dashes in zip(ways.values(), ("--", "-"), strict=True):
    axes.plot(*way.T, color="white", linewidth=5)
    axes.plot(*way.T, dashes, color="black", linewidth=2)

# %%
# Fourteen even steps along each way, decoded:

panels = []
for name, way in ways.items():
    images = plane.inverse_transform(even_steps(way, 14))
    panels.append(Panel(name, torch.from_numpy(images)))
plot_latent_traversal(panels, num_images=14, axis="from a 0 to a 1", cmap="gray_r")

# %%
# The straight way crosses whatever lies between, here the fives. The other one keeps to what is
# there: a 0 closes to a 6, whose remainder is a 1 that stands on a base. Its last step is long, as
# the plane has two places for two ways to write a 1: clusters that are near in the data and far in
# the plane are what such a walk brings to light.
#
# New images
# ----------
# The tenth that was held out falls where its digits are.

neighbors = KNeighborsClassifier(10).fit(z, digit)
accuracy = neighbors.score(plane.transform(new), new_digit)
r2 = 1 + plane.score(new) / np.square(new - learned.mean(axis=0)).sum(axis=(1, 2)).mean()
print(f"right digit by ten neighbors in the plane: {accuracy:.3f}")
print(f"R² of the images that come back:           {r2:.3f}")
print(f"trustworthiness of the plane:              {trustworthiness(learned, z, 10):.3f}")

# %%
# Two numbers tell which digit it is; they hold less of how it was written.

plt.show()
