r"""
Tumors by size and shape
========================

Thirty measures of 569 breast tumors, in a plane: from benign to malignant they are larger and more
concave.
"""

# %%
# :doc:`/auto/guides/own_table` goes through the steps; here all tumors are learned from.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from nrae_geometric import ManifoldAutoencoder
from nrae_geometric.visualization import plot_decoded_value, plot_embedding

bunch = load_breast_cancer()
diagnosis = bunch.target_names[bunch.target]
plane = ManifoldAutoencoder(2, random_state=0)
z = plane.fit_transform(bunch.data)

low, high = np.percentile(z, [1, 99], axis=0)
shown = ((low <= z) & (z <= high)).all(axis=1)
figure, axes = plt.subplots(figsize=(7.5, 6), layout="constrained")
title = f"Benign and malignant, {len(z)} tumors ({(~shown).sum()} lie outside)"
plot_embedding(z[shown], labels=diagnosis[shown], label_name="", title=title, ax=axes)

# %%
# What the plane decodes to: one map for each of six measures. Maps end where tumors are rare.

names = [
    "mean radius",
    "worst concavity",
    "mean texture",
    "mean symmetry",
    "area error",
    "worst smoothness",
]
figure, grid = plt.subplots(2, 3, figsize=(8, 4.1), layout="constrained")
columns = list(bunch.feature_names)
for axes, name in zip(grid.flat, names, strict=True):
    plot_decoded_value(plane.inverse_transform, z[shown], columns.index(name), name=name, ax=axes)
    axes.axis("off")

# %%
# The diagnosis was not learned from. How often the ten neighbors of a tumor tell it, in the plane
# and in all thirty measures:

scaled = (bunch.data - plane.center_) / plane.scale_
for name, x in {"two latents": z, "thirty measures": scaled}.items():
    accuracy = cross_val_score(KNeighborsClassifier(10), x, diagnosis, cv=5).mean()
    print(f"{name:15}  {accuracy:.3f}")

plt.show()
