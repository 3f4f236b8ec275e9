"""Encoders and decoders, Taylor expansion, kernels, the loss and the models."""

from nrae_geometric.nn.conv import conv_decoder, conv_encoder
from nrae_geometric.nn.kernels import BinaryKernel, GaussianKernel
from nrae_geometric.nn.losses import NeighborhoodReconstruction
from nrae_geometric.nn.mlp import ACTIVATIONS, mlp
from nrae_geometric.nn.models import (
    AE,
    CAE,
    DAE,
    GGAE,
    GRAE,
    IRAE,
    NRAE,
    SPAE,
    VAE,
    WAE,
    ParametricUMAP,
    TopoAE,
)
from nrae_geometric.nn.taylor import (
    Derivatives,
    TaylorSeries,
    jacobian,
    pullback_metric,
    register_pointwise,
    register_taylor_rule,
    taylor_expand,
)

__all__ = [
    "ACTIVATIONS",
    "AE",
    "CAE",
    "DAE",
    "GGAE",
    "GRAE",
    "IRAE",
    "NRAE",
    "SPAE",
    "VAE",
    "WAE",
    "BinaryKernel",
    "Derivatives",
    "GaussianKernel",
    "NeighborhoodReconstruction",
    "ParametricUMAP",
    "TaylorSeries",
    "TopoAE",
    "conv_decoder",
    "conv_encoder",
    "jacobian",
    "mlp",
    "pullback_metric",
    "register_pointwise",
    "register_taylor_rule",
    "taylor_expand",
]
