"""How good a trained model is, where the true manifold is known."""

from typing import Any

import torch
from torch_geometric.data import Data

from nrae_geometric.metrics import latent_order, manifold_distance, reconstruction_error
from nrae_geometric.nn import AE


@torch.no_grad()
def measure(model: AE, points: Data, test: Data, manifold: Data) -> dict[str, Any]:
    """Compares what a model has learned with the known manifold.

    Args:
        model: A trained model.
        points: The training points, with their graph for an encoder that takes it.
        test: Clean points ``x`` and their true coordinate ``y``, not trained on.
        manifold: Points that cover the true manifold densely.

    Returns:
        ``reconstruction_error`` of the test points, ``latent_order`` of the test points (one
        latent and one true coordinate alone), and ``manifold_distance`` (one or two latent
        coordinates); see :mod:`nrae_geometric.metrics`. Numbers and dictionaries of numbers.
    """
    model.eval()
    parameter = next(model.parameters())
    points, test, manifold = (
        Data(x=data.x.to(parameter), y=data.y, edge_index=data.edge_index).to(parameter.device)
        for data in (points, test, manifold)
    )
    latent = model.encode(test.x, test.edge_index)
    error = reconstruction_error(test.x, model.decode(latent))
    measured: dict[str, Any] = {"reconstruction_error": error.item()}
    if latent.size(1) == 1 and test.y is not None and test.y.dim() == 1:
        measured["latent_order"] = latent_order(latent, test.y)._asdict()
    if latent.size(1) <= 2:
        learned = model.encode(points.x, points.edge_index)
        distance = manifold_distance(model.decode, learned, manifold.x)
        measured["manifold_distance"] = distance._asdict()
    return measured
