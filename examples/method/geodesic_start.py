r"""
The geodesic start
==================

A random start is folded, and training does not unfold it. So the fit begins unfolded: with
coordinates whose distances are those along the neighbor graph. Five steps, each with a picture.
"""

# %%
# A turn and a quarter of a spiral with noise, eighty points, each with edges to its three nearest:

import logging
import sys

import matplotlib.pyplot as plt
import torch
from torch_geometric.data import Data

from nrae_geometric import NRAE, KNNGraph, NeighborhoodLoader, Trainer, mlp
from nrae_geometric.callbacks import EmbeddingStart
from nrae_geometric.geodesics import distance_graph, geodesic_coordinates, landmark_distances
from nrae_geometric.metrics import latent_order
from nrae_geometric.nn import BinaryKernel
from nrae_geometric.training import Callback, gentle_schedule, published_schedule
from nrae_geometric.visualization.style import BLUE, COORDINATE, FAINT, INK, VERMILLION

generator = torch.Generator().manual_seed(0)
turn = torch.linspace(0, 1, 80) ** 0.7 * 2.5 * torch.pi  # about as dense outside as inside
points = (1.2 + turn / 3)[:, None] * torch.stack([turn.cos(), turn.sin()], dim=1)
points += 0.05 * torch.randn(points.shape, generator=generator)
data = KNNGraph(k=3)(Data(x=points))

# %%
# 1. Distances along the graph
# ----------------------------
# Edges are as long as their points are apart, and count in both directions. The distance
# :math:`d_{ij}` of two points is the length of the shortest path (Dijkstra's algorithm). Paths
# start at up to 256 *landmarks*, each of which is the farthest point from those before it; with
# fewer points all of them are landmarks, as here. Four will do for a picture.


def draw_points(ax, values, title):
    ax.plot(*points[data.edge_index].movedim(2, 0), color=FAINT, linewidth=1.5, zorder=1)
    drawn = ax.scatter(*points.T, c=values, cmap=COORDINATE, s=22, zorder=2)
    ax.set_aspect("equal")
    ax.set_title(title, fontsize=11, loc="left")
    return drawn


graph = distance_graph(points, data.edge_index)
landmarks, distance = landmark_distances(graph, num_landmarks=4)

figure, axes = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
straight = (points - points[landmarks[0]]).norm(dim=1)
figure.colorbar(draw_points(axes[0], straight, "Straight distances mix the arms"), ax=axes[0])
drawn = draw_points(axes[1], distance[0], "Distances along the graph follow them")
figure.colorbar(drawn, ax=axes[1])
for ax in axes:
    ax.scatter(*points[landmarks[:1]].T, color=VERMILLION, marker="*", s=160, zorder=3)
axes[1].scatter(*points[landmarks[1:]].T, facecolors="none", edgecolors=VERMILLION, s=90, zorder=3)

# %%
# Colors are distances from the star, the first landmark; circles are the other three.
#
# 2. Coordinates
# --------------
# With :math:`\Delta_{ij} = d_{ij}^2` among the :math:`L` landmarks, :math:`H = I - \frac1L 1
# 1^\top` and :math:`\lambda_a, v_a` the largest eigenvalues of :math:`-\frac12 H \Delta H` with
# their eigenvectors, a point with the squared distances :math:`\delta` to the landmarks gets
#
# .. math::
#    z_a = -\tfrac12\, \lambda_a^{-1/2}\, v_a^\top (\delta - \bar\Delta), \qquad a = 1, \dots, d,
#
# where :math:`\bar\Delta` is the mean row of :math:`\Delta`. This is classical scaling, extended to
# the points that are no landmarks: Isomap with landmarks.
#
# How well :math:`d` coordinates carry the distances is the *residual variance*, :math:`1 - \rho^2`
# with :math:`\rho` the correlation of distances between coordinates and along the graph, over pairs
# of landmarks. On a line more than .05 is warned about.

found = geodesic_coordinates(points, data.edge_index, dim=1)
print(f"residual variance {found.residual_variance:.1e}, loop {found.loop}")

figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
projection = (points - points.mean(dim=0)) @ torch.linalg.svd(points - points.mean(dim=0)).Vh[0]
for ax, z, title in (
    (axes[0], projection, "A projection turns round three times"),
    (axes[1], found.z[:, 0], "Geodesic coordinates run along the spiral"),
):
    ax.plot(turn, z, color=FAINT, zorder=1)
    ax.scatter(turn, z, color=BLUE, s=16)
    ax.set(xlabel="angle along the spiral in rad", ylabel="coordinate")
    ax.set_title(title, fontsize=11, loc="left")

# %%
# On the left is the first principal component, which is what a nearly linear encoder sees.
#
# 3. The fit
# ----------
# With :math:`z` scaled to unit variance, up to 500 steps of Adam fit the encoder to the coordinates
# and the decoder to the points, each by itself:
#
# .. math::
#    \frac1N \sum_i \Bigl( \frac1d \lVert g(x_i) - z_i \rVert^2
#    + \frac1{\sigma^2} \lVert f(z_i) - x_i \rVert^2 \Bigr),
#
# with :math:`\sigma^2` the variance of the points.
# :class:`~nrae_geometric.callbacks.EmbeddingStart` does steps 1 to 3 before the first epoch. A
# callback of our own keeps the curve that the fit leaves behind:

line = torch.linspace(-1, 1, 1000)[:, None]


def decoded_curve(model):
    with torch.no_grad():
        z = model.encode(points)
        return model.decode(z.mean() + line * (z.max() - z.min()) / 2), z


class KeepCurves(Callback):
    """Keeps the decoder's curve before the first epoch, and the order of latents after each."""

    def on_fit_start(self, trainer, model):
        self.start, self.orders = decoded_curve(model)[0], []

    def on_epoch_end(self, trainer, model):
        self.orders.append(latent_order(decoded_curve(model)[1], found.z).spearman)


torch.manual_seed(0)
encoder, decoder = mlp([2, 128, 128, 1], "tanh"), mlp([1, 128, 128, 2], "tanh")
model = NRAE(encoder, decoder, 1, BinaryKernel(0.5))
loader = NeighborhoodLoader(data, 3, batch_size=27, shuffle=True, generator=torch.Generator())
kept = KeepCurves()
callbacks = [EmbeddingStart("geodesic", lr=3e-3), kept]
Trainer(200, callbacks=callbacks, seed=0, device="cpu", progress=False).fit(model, loader)
figure, axes = plt.subplots(1, 2, figsize=(8, 3.7), layout="constrained")
for ax, curve, title in (
    (axes[0], kept.start, "After the fit: in order"),
    (axes[1], decoded_curve(model)[0], "After 200 epochs of NRAE-L"),
):
    draw_points(ax, found.z[:, 0], title)
    ax.plot(*curve.T, color=INK, linewidth=1.2)

# %%
# The fit need not be good, only in order: the inner end of the curve lies beside the points, and
# training goes on from there.
#
# 4. Gentle training
# ------------------
# Then the loss of NRAE takes over. A fresh Adam moves each weight by about the learning rate in its
# first steps, however small the gradient, which could tear the line at once. So the learning rate
# rises slowly, and not as high: :func:`~nrae_geometric.training.gentle_schedule` multiplies the
# published schedule by
#
# .. math::
#    c \min\Bigl(1, \frac{(e + 1)^2}{R^2}\Bigr), \qquad
#    R = \min(200, \lfloor N_{\mathrm{epochs}} / 2 \rfloor),
#
# in epoch :math:`e`, with :math:`c = 0.3` at order 1 and 0.1 at order 2, whose loss is steeper in
# the weights.
#
# 5. A look back
# --------------
# When training ends, the order of the latents is compared with that of the coordinates it began
# with, which needs no labels. Below 0.99 of Spearman's :math:`|\rho|` a warning says that the line
# has been folded.

epochs = range(200)
figure, (rate, order) = plt.subplots(1, 2, figsize=(8, 2.9), layout="constrained")
for name, schedule, color in (
    ("published", published_schedule, VERMILLION),
    ("gentle", gentle_schedule, BLUE),
):
    rate.plot(epochs, [1e-3 * schedule(epoch, 200) for epoch in epochs], color=color, label=name)
rate.set(xlabel="epoch", ylabel="learning rate")
rate.set_title("The rate rises slowly, and not as high", fontsize=11, loc="left")
rate.legend(fontsize=9)
order.semilogy(epochs, [1 - rho for rho in kept.orders], color=BLUE, label="this run")
order.axhline(0.01, color=INK, linestyle="--", label="a warning above")
order.set(xlabel="epoch", ylabel="1 - |Spearman|", ylim=(1e-4, 1))
order.set_title("The order stays that of the coordinates", fontsize=11, loc="left")
order.legend(fontsize=9)

# %%
# One easy curve proves little. Over seeds, the geodesic start gives the right order on the
# published spiral on 20 of 20 for AE, NRAE-L and NRAE-Q each, where random weights give 0, 5 and 1
# of 10 (``python benchmarks/reproduce.py --studies roll``, recorded in
# ``benchmarks/results/reproduce.md``).
#
# Loops and branches
# ------------------
# A graph that closes on itself cannot be laid along a line. Among some forty landmarks the most
# persistent loop of the Vietoris-Rips complex is looked for: it is born at the scale :math:`b` that
# closes it and dies at :math:`d`, a third of its length. If :math:`d \ge 2b` and :math:`3d` is at
# least the diameter of the graph, a warning says so and
# :attr:`~nrae_geometric.geodesics.GeodesicCoordinates.loop` holds it. A branch has no loop; there
# the residual variance tells.

angle = torch.linspace(0, 2 * torch.pi, 61)[:-1]
arm = torch.linspace(0, 1, 20)
direction = torch.tensor([[0.0, 1.0], [-0.87, -0.5], [0.87, -0.5]])
shapes = {
    "Circle": torch.stack([angle.cos(), angle.sin()], dim=1),
    "Y": (arm[:, None, None] * direction).flatten(0, 1)[2:],  # the arms share their first point
}
messages = logging.StreamHandler(sys.stdout)
logging.getLogger("nrae_geometric").addHandler(messages)
figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
for ax, (name, x) in zip(axes, shapes.items(), strict=True):
    other = geodesic_coordinates(x, KNNGraph(k=2)(Data(x=x)).edge_index, dim=1)
    ax.scatter(*x.T, c=other.z[:, 0], cmap=COORDINATE, s=24)
    ax.set_aspect("equal")
    loop = "no loop" if other.loop is None else f"a loop of length {other.loop.length:.1f}"
    title = f"{name}: {loop},\nresidual variance {other.residual_variance:.2f}"
    ax.set_title(title, fontsize=11, loc="left")
    ax.set_axis_off()
logging.getLogger("nrae_geometric").removeHandler(messages)

# %%
# Equal colors are equal coordinates: the two sides of the circle lie on each other, and one arm of
# the Y lies on a single place. Two latent dimensions are the remedy for both.
#
# Single wrong edges are left out, and pieces that no edge joins are joined where they are nearest
# (:func:`~nrae_geometric.geodesics.remove_shortcuts`,
# :func:`~nrae_geometric.geodesics.connect_components`).
#
# Sources: Tenenbaum, de Silva and Langford, `Science 290
# <https://doi.org/10.1126/science.290.5500.2319>`_ (2000); de Silva and Tenenbaum, *Sparse
# Multidimensional Scaling using Landmark Points*, Stanford (2004); the persistence of a circle,
# Adamaszek and Adams, *The Vietoris-Rips Complexes of a Circle* (2017).

plt.show()
