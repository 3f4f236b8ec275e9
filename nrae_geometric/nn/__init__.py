"""Encoders and decoders, Taylor expansion, kernels, the loss and the models."""

from nrae_geometric.nn import taylor_activations, taylor_rules  # noqa: F401  (registers the rules)
from nrae_geometric.nn.autoencoder import AE, NRAE
from nrae_geometric.nn.kernels import BinaryKernel, GaussianKernel
from nrae_geometric.nn.mlp import ACTIVATIONS, mlp
from nrae_geometric.nn.neighborhood_reconstruction import NeighborhoodReconstruction
from nrae_geometric.nn.taylor import taylor_expand
from nrae_geometric.nn.taylor_propagation import register_taylor_rule
from nrae_geometric.nn.taylor_series import TaylorSeries

__all__ = [
    "ACTIVATIONS",
    "AE",
    "NRAE",
    "BinaryKernel",
    "GaussianKernel",
    "NeighborhoodReconstruction",
    "TaylorSeries",
    "mlp",
    "register_taylor_rule",
    "taylor_expand",
]
