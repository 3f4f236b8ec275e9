"""Runs of ``reproduce.py`` that are not published experiments, through the estimator."""

from typing import Any

import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold
from torch import Tensor

from nrae_geometric.datasets import SinCurve, SwissRoll
from nrae_geometric.estimator import ManifoldAutoencoder
from nrae_geometric.metrics import geodesic_correlation, latent_order, reconstruction_error


def cross_validated_sine(
    seed: int,
    num_epochs: int = 250,
    neighbors: tuple[int, ...] = (6, 9, 12),
    weights: tuple[float, ...] = (0.3, 1.0),
) -> dict[str, Any]:
    """Learns the published noisy sine with settings chosen on held-out noisy points.

    The choice is scikit-learn's: the setting with the smallest reconstruction error of the points
    left out, over five folds. A step takes all points with all of their neighbors, so that nothing
    but the weights' start is random. Every other setting is learned from all points too, to show
    what the choice has missed.
    """
    dataset = SinCurve(seed=seed)
    points, manifold = dataset[0].x.numpy(), dataset.manifold()
    estimator = ManifoldAutoencoder(
        n_components=1,
        hidden_layer_sizes=(128, 128, 128),
        max_epochs=num_epochs,
        batch_size=len(points),
        random_state=0,
        device="cpu",
    )
    grid = [
        {
            "n_neighbors": [k],
            "n_sampled_neighbors": [k],
            "neighbor_weight": list(weights),
            "order": [1, 2],
        }
        for k in neighbors
    ]
    folds = KFold(5, shuffle=True, random_state=0)
    search = GridSearchCV(estimator, grid, cv=folds, refit=False).fit(points)
    tried, scores = search.cv_results_["params"], search.cv_results_["mean_test_score"]
    measured = []
    for settings, score in zip(tried, scores, strict=True):
        fitted = clone(estimator).set_params(**settings).fit(points)
        z = fitted.transform(manifold.x)
        error = reconstruction_error(manifold.x, fitted.inverse_transform(z)).item()
        order = latent_order(z, manifold.y).spearman
        held_out = -float(score)
        measured.append({**settings, "held_out": held_out, "error": error, "spearman": order})
    picked = measured[search.best_index_]
    return {
        **{name: picked[name] for name in ("error", "spearman")},
        "curves": [],
        "tried": measured,
    }


def unrolled_sheet(seed: int, order: int, num_epochs: int = 40) -> dict[str, Any]:
    """Unrolls the roll in space, and measures the distances between new, clean points of it.

    Order 0 is a plain autoencoder.
    """
    dataset = SwissRoll(1000, noise=0.05, dim=3, seed=seed)
    estimator = ManifoldAutoencoder(
        n_components=2,
        **({"method": "ae"} if order == 0 else {"order": order, "neighbor_weight": 1.0}),
        n_neighbors=8,
        n_sampled_neighbors=3,
        hidden_layer_sizes=(256, 256, 256),
        max_epochs=num_epochs,
        batch_size=100,
        random_state=seed,
        device="cpu",
    ).fit(dataset[0].x)
    roll = dataset.manifold()
    z = estimator.transform(roll.x)
    return {
        "error": reconstruction_error(roll.x, estimator.inverse_transform(z)).item(),
        "geodesic": geodesic_correlation(z, unrolled(roll.y)).pearson,
    }


def unrolled(y: Tensor) -> Tensor:
    """Arc length along the spiral r = t and height, from the parameter t and the height."""
    t, height = y.double().T
    root = (1 + t.square()).sqrt()
    return torch.stack([(t * root + t.asinh()) / 2, height], dim=1)
