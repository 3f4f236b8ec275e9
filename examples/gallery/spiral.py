r"""
A spiral, from the parts
========================

Thirty points of a spiral, three models, one start: NRAE's curve stays nearer to the true one. The
parts are those that :class:`~nrae_geometric.ManifoldAutoencoder` puts together by itself.
"""

# %%
# Points, a graph that joins each to its nearest neighbors, a loader that draws points with some of
# their neighbors, a model with a loss for what is drawn, and a trainer.

import torch
from matplotlib import pyplot as plt
from torch_geometric import seed_everything

from nrae_geometric import AE, NRAE, KNNGraph, NeighborhoodLoader, SwissRoll, Trainer, mlp
from nrae_geometric.callbacks import EmbeddingStart
from nrae_geometric.metrics import latent_order, manifold_distance
from nrae_geometric.nn import BinaryKernel
from nrae_geometric.nn.traversal import decode_latent_range
from nrae_geometric.visualization import Panel, plot_learned_curves

dataset = SwissRoll(30, noise=0.01, seed=1)
truth = dataset.manifold()


def train(order, k, weight):
    """A trained model: an autoencoder where the order is None, else NRAE of that order."""
    seed_everything(0)
    encoder = mlp([2, 128, 128, 128, 1], "elu")
    decoder = mlp([1, 128, 128, 128, 2], "elu")
    if order is None:
        model, num_neighbors = AE(encoder, decoder), 0
    else:
        model, num_neighbors = NRAE(encoder, decoder, order, BinaryKernel(weight)), 1
    data = KNNGraph(k)(dataset[0])
    loader = NeighborhoodLoader(data, num_neighbors, batch_size=16, shuffle=True)
    start = EmbeddingStart("geodesic")
    Trainer(400, seed=0, callbacks=[start], device="cpu", progress=False).fit(model, loader)
    return model.eval()


models = {
    "AE": train(order=None, k=2, weight=0),
    "NRAE-L": train(order=1, k=2, weight=2),
    "NRAE-Q": train(order=2, k=3, weight=100),
}

# %%
# The numbers of neighbors and the weights are those published for this spiral. All three models
# start from the coordinates along the graph, so all have the right order; their curves differ
# between the points, and in their mean distance from the true one.

panels = []
for name, model in models.items():
    with torch.no_grad():
        order = latent_order(model.encode(truth.x), truth.y).spearman
        distance = manifold_distance(model.decode, model.encode(dataset[0].x), truth.x)
        curve = decode_latent_range(model, dataset[0].x)[1]
    mean = (distance.learned_to_true + distance.true_to_learned) / 2
    panels.append(Panel(name, curve, {"distance": mean}, order))
plot_learned_curves(panels, dataset[0].x, truth.x)

# %%
# From random weights, as published, which model gets the order right depends on the seed.
# ``python examples/swiss_roll.py --init random`` shows it, and writes an animation of each training
# run.

plt.show()
