"""Taylor expansion of modules, layer by layer."""

from nrae_geometric.nn.taylor import activations, rules  # noqa: F401  (registers the rules)
from nrae_geometric.nn.taylor.expand import jacobian, pullback_metric, taylor_expand
from nrae_geometric.nn.taylor.propagate import register_pointwise, register_taylor_rule
from nrae_geometric.nn.taylor.series import Derivatives, TaylorSeries

__all__ = [
    "Derivatives",
    "TaylorSeries",
    "jacobian",
    "pullback_metric",
    "register_pointwise",
    "register_taylor_rule",
    "taylor_expand",
]
