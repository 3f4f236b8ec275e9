r"""Batches of centers with sampled neighbors."""

from nrae_geometric.loader.neighborhood_loader import NeighborhoodLoader
from nrae_geometric.loader.neighborhood_sampler import NeighborhoodSampler, Part
from nrae_geometric.loader.stores import EdgeStore, PointStore

__all__ = ["EdgeStore", "NeighborhoodLoader", "NeighborhoodSampler", "Part", "PointStore"]
