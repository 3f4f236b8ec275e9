"""What the comparisons with other methods share: those methods, and how a fit is judged."""

from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import Isomap

from nrae_geometric.metrics import geodesic_correlation, latent_order

OTHERS = ("PCA", "Isomap", "UMAP")
"""The methods of other libraries without a network."""
K = 10
"""The number of neighbors of Isomap, and of the measures of neighborhoods."""


def other_method(name: str, dim: int, seed: int | None) -> Any:
    """One of :data:`OTHERS` with its default parameters.

    Args:
        name: Its name.
        dim: The number of coordinates.
        seed: Its seed; without one UMAP takes all cores.
    """
    if name == "PCA":
        return PCA(dim, random_state=seed)
    if name == "Isomap":
        return Isomap(n_neighbors=K, n_components=dim)
    from umap import UMAP

    return UMAP(n_components=dim, random_state=seed)


def has_way_back(fitted: Any, dim: int) -> bool:
    """Whether coordinates can be turned into points: not by Isomap, by UMAP not on a line."""
    if isinstance(fitted, Isomap):
        return False
    return not decodes_slowly(fitted) or dim > 1


def decodes_slowly(fitted: Any) -> bool:
    """Whether each point takes an optimization of its own."""
    return type(fitted).__name__ == "UMAP"


def agreement(z: np.ndarray, y: np.ndarray) -> float:
    """The rank correlation with the true order on a line, with true distances on a sheet."""
    if z.shape[1] == 1:
        return abs(latent_order(z, y).spearman)
    return geodesic_correlation(z, y).pearson


def explained(fitted: Any, learned: np.ndarray, held_out: np.ndarray) -> float | None:
    """The share of the variance of held-out points that is reconstructed, where it can be."""
    z = fitted.transform(held_out)
    if not has_way_back(fitted, z.shape[1]):
        return None
    recon = fitted.inverse_transform(z)
    error = np.square(held_out - recon, dtype=np.float64).sum()
    return float(1 - error / np.square(held_out - learned.mean(axis=0), dtype=np.float64).sum())
