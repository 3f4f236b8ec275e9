r"""Batches of centers with sampled neighbors."""

from nrae_geometric.loader.neighborhood_loader import NeighborhoodLoader
from nrae_geometric.loader.neighborhood_sampler import NeighborhoodSampler

__all__ = ["NeighborhoodLoader", "NeighborhoodSampler"]
