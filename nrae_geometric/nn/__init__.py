"""Encoders and decoders, Taylor expansion, kernels, the loss and the models."""

from nrae_geometric.nn.conv import conv_decoder, conv_encoder
from nrae_geometric.nn.kernels import BinaryKernel, GaussianKernel
from nrae_geometric.nn.losses import NeighborhoodReconstruction
from nrae_geometric.nn.mlp import ACTIVATIONS, mlp
from nrae_geometric.nn.models import AE, NRAE
from nrae_geometric.nn.taylor import (
    Derivatives,
    TaylorSeries,
    jacobian,
    register_pointwise,
    register_taylor_rule,
    taylor_expand,
)

__all__ = [
    "ACTIVATIONS",
    "AE",
    "NRAE",
    "BinaryKernel",
    "Derivatives",
    "GaussianKernel",
    "NeighborhoodReconstruction",
    "TaylorSeries",
    "conv_decoder",
    "conv_encoder",
    "jacobian",
    "mlp",
    "register_pointwise",
    "register_taylor_rule",
    "taylor_expand",
]
