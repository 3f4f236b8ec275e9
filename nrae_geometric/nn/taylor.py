r"""Taylor expansion of a decoder along many directions, layer by layer.

.. code-block:: python

    from nrae_geometric.nn import mlp, taylor_expand

    decoder = mlp([1, 64, 2], "elu")
    z, dz = torch.randn(8, 1), torch.randn(8, 5, 1)          # five directions from each point
    taylor_expand(decoder, z, dz.flatten(0, 1), order=2)     # [40, 2]

Each layer has a *rule* that maps the Taylor coefficients at its input to those at its output
(:mod:`nrae_geometric.nn.taylor_rules`). One pass through the decoder then costs one forward pass
for the points and one (order 1) or two (order 2) linear maps a layer for each direction, and its
backward pass is ordinary autograd. A layer without a rule is differentiated by nested
:func:`torch.func.jvp`: slower, and just as exact.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import torch
from torch import Tensor, nn

from nrae_geometric.nn.taylor_series import TaylorSeries

TaylorRule = TypeVar("TaylorRule", bound=Callable[..., TaylorSeries])

_RULES: dict[type[nn.Module], Callable[..., TaylorSeries]] = {}


def register_taylor_rule(*module_types: type[nn.Module]) -> Callable[[TaylorRule], TaylorRule]:
    r"""Registers how modules of the given types map Taylor coefficients.

    .. code-block:: python

        @register_taylor_rule(Sine)
        def sine_rule(module, series):
            sin, cos = series.value.sin(), series.value.cos()
            return series.map_pointwise(sin, cos, -sin)

    A sub-class inherits the rule as long as it inherits :meth:`forward`.

    Args:
        *module_types: The classes that the rule is for; the last registration counts.
    """

    def register(rule: TaylorRule) -> TaylorRule:
        _RULES.update(dict.fromkeys(module_types, rule))
        return rule

    return register


def taylor_expand(
    module: Callable[[Tensor], Tensor],
    z: Tensor,
    dz: Tensor,
    order: int = 1,
    index: Tensor | None = None,
) -> Tensor:
    r"""Expands a function around points, to first or second order, along given directions.

    .. math::
        F_e = f(z_{i_e}) + J_f(z_{i_e})\,\delta_e
        + \tfrac{1}{2}\,\delta_e^\top H_f(z_{i_e})\,\delta_e
        \quad \text{(the last term at order 2 only)}

    Args:
        module: The function :math:`f`, ``[M, *in] -> [M, *out]``, that treats each row by itself:
            a module, nested in any way, or any callable.
        z: The points, ``[N, *in]``.
        dz: The directions, ``[E, *in]``.
        order: 1 or 2.
        index: The row of `z` that each direction leaves, ``[E]``. Without it each point owns the
            same number of consecutive rows of `dz`, and :math:`E` is a multiple of :math:`N`.

    Returns:
        The expansions :math:`F_e`, ``[E, *out]``.

    Raises:
        ValueError: If the order is neither 1 nor 2, or the shapes do not fit.

    Source: equations (5) and (6) of Lee, Kwon and Park, `"Neighborhood Reconstructing
    Autoencoders" <https://proceedings.neurips.cc/paper/2021/hash/05311655a15b75fab86956663e1819cd-Abstract.html>`_,
    NeurIPS 2021.
    """
    series = taylor_coefficients(module, z, dz, order, index)
    return series.at_directions(series.value) + series.increment()


def taylor_coefficients(
    module: Callable[[Tensor], Tensor],
    z: Tensor,
    dz: Tensor,
    order: int = 1,
    index: Tensor | None = None,
) -> TaylorSeries:
    """Computes the parts that :func:`taylor_expand` sums, with the same arguments.

    The value is there once for each point, the derivatives once for each direction.
    """
    if order not in (1, 2):
        raise ValueError(f"order must be 1 or 2, got {order!r}")
    if z.shape[1:] != dz.shape[1:]:
        raise ValueError(
            f"dz must be [E, *] with the point shape of z, {tuple(z.shape[1:])}, "
            f"but its rows have shape {tuple(dz.shape[1:])}"
        )
    num_points, num_directions = z.size(0), dz.size(0)
    if index is None and num_directions % max(num_points, 1):
        raise ValueError(
            f"{num_directions} directions cannot be shared evenly by {num_points} points; "
            "pass index to say which point each direction leaves"
        )
    if index is not None and index.shape != (num_directions,):
        raise ValueError(f"index must be [{num_directions}] to match dz, got {tuple(index.shape)}")
    return propagate(module, TaylorSeries(z, dz, None, order, index))


def propagate(module: Callable[[Tensor], Tensor], series: TaylorSeries) -> TaylorSeries:
    """Sends Taylor coefficients through a module by its rule or, without one, by nested JVPs."""
    rule = _find_rule(module) if isinstance(module, nn.Module) else None
    return _propagate_by_jvp(module, series) if rule is None else rule(module, series)


def _find_rule(module: nn.Module) -> Callable[..., TaylorSeries] | None:
    if module._forward_hooks or module._forward_pre_hooks:
        return None  # a hook may change what the layer computes
    for base in type(module).__mro__:
        if base in _RULES:
            return _RULES[base] if type(module).forward is base.forward else None
    return None


def _propagate_by_jvp(module: Callable[[Tensor], Tensor], series: TaylorSeries) -> TaylorSeries:
    def slope(point: Tensor, direction: Tensor) -> Tensor:
        return torch.func.jvp(module, (point,), (direction,))[1]

    # Points with several directions are repeated: forward mode carries one tangent a row.
    point = series.at_directions(series.value)
    if series.order == 1:
        return replace(series, value=module(series.value), first=slope(point, series.first))
    bend = torch.zeros_like(series.first) if series.second is None else series.second
    first, second, *_ = torch.func.jvp(slope, (point, series.first), (series.first, bend))
    return replace(series, value=module(series.value), first=first, second=second)
