r"""
Images
======

A handwritten digit is turned step by step, and the images alone tell the order of the steps: learn
the line that they lie on, walk along it, and see what becomes of a full turn.
"""

# %%
# Half a turn
# -----------
# Images are given as ``[N, C, H, W]`` or ``[N, H, W]``, with values between 0 and 1. Here they are
# a hundred of the digit 3, turned through half a circle; a hundred more lie between them and are
# kept for judging, as are the angles. One number, the angle, makes one image from another, so one
# latent dimension should do.

import logging
import sys

import matplotlib.pyplot as plt
import numpy as np
import torch

from nrae_geometric import ManifoldAutoencoder
from nrae_geometric.datasets import RotatedDigits
from nrae_geometric.metrics import latent_order
from nrae_geometric.visualization import Panel, plot_embedding, plot_latent_traversal

data = RotatedDigits(3, num_rotate=200, rotate_range=180)[0]
images, angle = data.x.numpy(), data.y.numpy()
learned, between = images[::2], images[1::2]
line = ManifoldAutoencoder(1, random_state=0)
z = line.fit_transform(learned)
print("points", learned.shape, "to", z.shape)

# %%
# Is the order right?
# -------------------
# A line can run in either direction, so the absolute value of Spearman's correlation with the true
# angle is asked for; above .99 the order counts as right.

print(f"|Spearman| of the images learned from: {latent_order(z, angle[::2]).spearman:.4f}")
z_between = line.transform(between)
print(f"|Spearman| of those between them:      {latent_order(z_between, angle[1::2]).spearman:.4f}")
variance = np.square(between - learned.mean(axis=0)).sum(axis=(1, 2, 3)).mean()
print(f"R² of those between them:              {1 + line.score(between) / variance:.3f}")

figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
axes.plot(angle[::2], z, "o", markersize=5, label="learned from")
axes.plot(angle[1::2], z_between, "x", markersize=4, label="between")
axes.set(xlabel="true angle in degrees", ylabel="latent z")
axes.set_title("The latent coordinate follows the angle", loc="left", weight="bold")
axes.legend(frameon=False)

# %%
# A right order is a curve without a turn. One that goes up and down again has folded the line; a
# jump is a place where distant images have become neighbors. Where you have no angles, look at the
# walk instead.
#
# Walking
# -------
# Even steps along the latent line, decoded, under the images themselves at even angles.

steps = np.linspace(z.min(), z.max(), 100)[:, None]
if np.corrcoef(z[:, 0], angle[::2])[0, 1] < 0:
    steps = steps[::-1]
walk = line.inverse_transform(steps)
panels = [Panel("images", data.x), Panel("decoded", torch.from_numpy(walk))]
plot_latent_traversal(panels, axis="half a turn")

# %%
# No two neighbors in such a row should differ by a jump, and none should look like two images laid
# over each other: that is the sign of a place without data, or of a wrong edge in the graph.
#
# These networks are dense: for a few hundred small images they are fast and do as well as any. For
# larger or many images there is ``ManifoldAutoencoder(1, encoder="conv")``, which takes several
# times as long for each image.
#
# A full turn does not fit on a line
# ----------------------------------
# Turned by 360 degrees the images come back to where they started, and no line can carry a loop:
# it has to be cut somewhere. Fitting finds the loop in the neighbor graph and warns, by Python's
# ``logging``.

messages = logging.StreamHandler(sys.stdout)
logging.getLogger("nrae_geometric").addHandler(messages)
turn = RotatedDigits(3, num_rotate=100, rotate_range=360)[0]
images, angle = turn.x.numpy(), turn.y.numpy()
line = ManifoldAutoencoder(1, random_state=0).fit(images)
logging.getLogger("nrae_geometric").removeHandler(messages)

# %%
# Two latent dimensions have room for it.

plane = ManifoldAutoencoder(2, random_state=0)
z = plane.fit_transform(images)
variance = np.square(images - images.mean(axis=0)).sum(axis=(1, 2, 3)).mean()
for name, model in {"one dimension": line, "two dimensions": plane}.items():
    print(f"{name:14}  R² {1 + model.score(images) / variance:.3f}")

figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
left.plot(angle, line.transform(images), "o")
left.set(xlabel="true angle in degrees", ylabel="latent z")
left.set_title("One dimension: far angles share a place", loc="left", weight="bold")
title = "Two dimensions: a ring"
plot_embedding(z, labels=angle, label_name="true angle in degrees", title=title, ax=right)

# %%
# On the line one latent stands for two angles, and what it decodes to is a mixture of both. In the
# plane each angle has its place. The middle of the ring decodes too, but to nothing that was ever
# seen: a plane is walked where its points are.

plt.show()
