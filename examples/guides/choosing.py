r"""
Choosing k and lambda
=====================

The number of neighbors decides what is learned, the weight of neighbors how smooth it is. How to
look at both, and how to have them searched for.
"""

# %%
# The number of neighbors k
# -------------------------
# The graph of nearest neighbors is all that a fit knows of the manifold. Too few neighbors tear it,
# too many join what only lies side by side. On a noisy spiral of 80 points that can be seen.

import matplotlib.pyplot as plt
import optuna
import torch

from nrae_geometric import KNNGraph, ManifoldAutoencoder, SinCurve, SwissRoll
from nrae_geometric.geodesics import suggest_neighbors
from nrae_geometric.metrics import graph_diagnostics
from nrae_geometric.tuning import tune
from nrae_geometric.visualization import plot_graph

spiral = SwissRoll(80, noise=0.05)[0]
suggested = suggest_neighbors(spiral.x)
print(suggested.reason)

# %%
# Here the truth is known: edges between points more than a third of a turn apart are false, and
# drawn in orange.

figure, row = plt.subplots(1, 3, figsize=(8, 2.3), layout="constrained")
for ax, k in zip(row, (1, suggested.k, 16), strict=True):
    data = KNNGraph(k)(spiral.clone())
    component = graph_diagnostics(data.edge_index, data.num_nodes).component
    turned = (data.y[data.edge_index[0]] - data.y[data.edge_index[1]]).abs()
    false = data.edge_index[:, turned > 2 * torch.pi / 3]
    plot_graph({"": data.x}, data.edge_index, false, component, ax=ax)
    if ax.get_legend():
        ax.get_legend().remove()
    num_parts = int(component.max()) + 1
    parts = "one part" if num_parts == 1 else f"{num_parts} parts"
    ax.set_title(f"k = {k}: {parts}, {false.size(1)} false", loc="left", fontsize=10)
    ax.set_aspect("equal", adjustable="box")
    ax.set(xlim=(-2.2, 3.4), ylim=(-2.2, 1.6))

# %%
# To the left the graph is torn into parts, each of the largest with a color: nothing says how they
# lie to each other. To the right edges lead across the gap, and join what lies apart. In the
# middle is what ``n_neighbors="auto"`` takes.
#
# Without the truth, ``nrae graph points.csv --n-neighbors K`` tells the parts (``components``),
# hubs with many times the usual degree, and shortcuts. It finds single shortcuts, which a fit
# leaves out of its start. Here at k = 16 it finds none: false edges side by side excuse each other,
# as the way round one of them is another. So compare K with the number that it suggests.
#
# The weight lambda
# -----------------
# ``neighbor_weight`` is what a neighbor counts against the point itself. Small weights follow each
# point, and with it its noise; large ones smooth. Forty noisy points of a sine, trained long enough
# to follow the noise, and four hundred others to judge by:

sine = SinCurve(40, noise=0.3)
x, others, truth = sine[0].x, SinCurve(400, noise=0.3, seed=1)[0].x, sine.manifold(400).x

figure, row = plt.subplots(1, 3, figsize=(8, 2.1), layout="constrained", sharey=True)
for ax, weight in zip(row, (0.02, 0.2, 20.0), strict=True):
    curve = ManifoldAutoencoder(
        1,
        n_neighbors=5,
        neighbor_weight=weight,
        hidden_layer_sizes=(128, 128),
        batch_size=40,
        max_epochs=1200,
        random_state=0,
        device="cpu",
    ).fit(x)
    own, other = -curve.score(x), -curve.score(others)
    print(f"λ = {weight:5g}: error {own:.3f}, of other points {other:.3f}")
    z = torch.from_numpy(curve.embedding_)
    along = torch.linspace(float(z.min()), float(z.max()), 400)[:, None]
    ax.plot(*truth.T, color="0.75", linewidth=5, label="truth")
    ax.scatter(*x.T, s=10, color="0.3")
    ax.plot(*curve.inverse_transform(along).T, color="#0072b2", linewidth=1.8, label="learned")
    ax.set_title(f"λ = {weight:g}: error of others {other:.3f}", loc="left", fontsize=10)
    ax.set(aspect="equal")
row[0].legend(frameon=False)

# %%
# With the smallest weight the curve is nearest to the points that it was fitted to, and farthest
# from others: it winds through the noise. Neither the training loss nor the error of its own points
# tells that; the error of points that were *left out* does. Above the default of 0.2 little changes
# here. In short fits, as by default, the weight matters less: they stop before they follow noise.
#
# Having both searched for
# ------------------------
# :func:`~nrae_geometric.tuning.tune` does this with your points alone: each setting learns from two
# thirds of them and is judged by the others, the best ones then by all three thirds. It needs
# Optuna (``pip install 'nrae-geometric[tune]'``). Six short trials here; 30 are the default.

optuna.logging.set_verbosity(optuna.logging.WARNING)
estimator = ManifoldAutoencoder(
    1, hidden_layer_sizes=(64, 64), max_epochs=100, random_state=0, device="cpu"
)
result = tune(x, estimator, num_trials=6, progress=False)
for trial in result.table:
    k, weight, order = (trial[name] for name in ("n_neighbors", "neighbor_weight", "order"))
    print(f"k {k:2}, λ {weight:6.2f}, order {order}: {-trial['score']:.4f} ({trial['state']})")
curve = result.best_estimator.fit(x)

# %%
# ``pruned`` are trials that were given up, with the error of the first third alone. Differences
# smaller than the noise of a third of the points mean nothing: of settings that are nearly as good,
# take the simpler one, of order 1. Where points are few, ``num_repeats=2`` makes scores steadier.
#
# The score cannot see that a manifold closes on itself, of which a fit warns, nor what all points
# would have shown: graphs of two thirds of them have holes. How near the search comes to the best
# is measured among the results, under tuning.
#
# From the shell
# --------------
# .. code-block:: console
#
#    nrae graph points.csv --n-neighbors 8
#    nrae tune points.csv --latent-dim 1 --trials 30
#
# The second leaves the best model, all trials and the ``nrae fit`` command that repeats it in
# ``results/tune_points``, and goes on where it was stopped.

plt.show()
