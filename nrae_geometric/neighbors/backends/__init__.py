r"""Backends of the neighbor search, one file each."""

from nrae_geometric.neighbors.backends.base import Backend, register_backend
from nrae_geometric.neighbors.backends.cuvs import CuvsBackend
from nrae_geometric.neighbors.backends.faiss import FaissBackend
from nrae_geometric.neighbors.backends.pynndescent import PyNNDescentBackend
from nrae_geometric.neighbors.backends.scipy import ScipyBackend
from nrae_geometric.neighbors.backends.torch import TorchBackend
from nrae_geometric.neighbors.backends.torch_cluster import TorchClusterBackend

__all__ = [
    "Backend",
    "CuvsBackend",
    "FaissBackend",
    "PyNNDescentBackend",
    "ScipyBackend",
    "TorchBackend",
    "TorchClusterBackend",
    "register_backend",
]
