r"""Sends Taylor coefficients through a module: by its rule or, without one, by nested JVPs."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import torch
from torch import Tensor, nn

from nrae_geometric.nn.taylor.exact_normalization import ExactNormalization
from nrae_geometric.nn.taylor.series import TaylorSeries

TaylorRule = TypeVar("TaylorRule", bound=Callable[..., TaylorSeries])

_RULES: dict[type[nn.Module], Callable[..., TaylorSeries]] = {}


def register_taylor_rule(
    *module_types: type[nn.Module],
) -> Callable[[TaylorRule], TaylorRule]:
    r"""Registers how modules of the given types map Taylor coefficients.

    .. code-block:: python

        @register_taylor_rule(Sine)
        def sine_rule(module, series):
            sin, cos = series.value.sin(), series.value.cos()
            return series.map_pointwise(sin, cos, -sin)

    A sub-class inherits the rule as long as it inherits :meth:`forward`. A layer without a rule is
    differentiated by nested :func:`torch.func.jvp`: slower, and just as exact.

    Args:
        *module_types: The classes that the rule is for; the last registration counts.
    """

    def register(rule: TaylorRule) -> TaylorRule:
        _RULES.update(dict.fromkeys(module_types, rule))
        return rule

    return register


def propagate(module: Callable[[Tensor], Tensor], series: TaylorSeries) -> TaylorSeries:
    """Returns the Taylor coefficients behind a module from those before it."""
    rule = find_rule(module) if isinstance(module, nn.Module) else None
    return _propagate_by_jvp(module, series) if rule is None else rule(module, series)


def find_rule(module: nn.Module) -> Callable[..., TaylorSeries] | None:
    """Returns the rule of a module; None where it has none that can be trusted."""
    if module._forward_hooks or module._forward_pre_hooks:
        return None  # a hook may change what the layer computes
    for base in type(module).__mro__:
        if base in _RULES:
            return _RULES[base] if type(module).forward is base.forward else None
    return None


def _propagate_by_jvp(module: Callable[[Tensor], Tensor], series: TaylorSeries) -> TaylorSeries:
    def function(point: Tensor) -> Tensor:
        with ExactNormalization():
            return module(point.clone())  # a module that works in place must not change the points

    def slope(point: Tensor, direction: Tensor) -> Tensor:
        return torch.func.jvp(function, (point,), (direction,))[1]

    # Points with several directions are repeated: forward mode carries one tangent a row.
    value = module(series.value.clone())
    first = slope(series.spread(series.value, series.first), series.first)
    if series.order == 1:
        return replace(series, value=value, first=first)
    left, right = series.pair_directions(series.first)
    point = series.spread(series.value, left)
    bend = torch.zeros_like(left) if series.second is None else series.second
    second = torch.func.jvp(slope, (point, right), (left, bend))[1]
    return replace(series, value=value, first=first, second=second)
