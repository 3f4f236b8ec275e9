r"""Taylor coefficients on their way through a module: by its rule or, without one, by nested JVPs.

A rule is registered for a type of module, :func:`register_pointwise` for a function of single
numbers, :func:`register_taylor_rule` for anything else.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from nrae_geometric._compat import has_forward_hooks
from nrae_geometric.nn.taylor.series import Derivatives, TaylorSeries

Rule = Callable[..., TaylorSeries]
TaylorRule = TypeVar("TaylorRule", bound=Rule)
PointwiseFunction = TypeVar("PointwiseFunction", bound=Callable[..., Derivatives])

_RULES: dict[type[nn.Module], tuple[Rule, Callable[..., Any]]] = {}
"""For each type its rule, and the method :meth:`forward` that the rule describes."""


def register_taylor_rule(
    *module_types: type[nn.Module],
) -> Callable[[TaylorRule], TaylorRule]:
    r"""Registers how modules of the given types map Taylor coefficients.

    .. code-block:: python

        @register_taylor_rule(Doubling)
        def double(module, series):
            return series.map_linear(lambda x: 2 * x)

    A sub-class inherits the rule as long as it inherits :meth:`forward`. A layer whose rule cannot
    be trusted, since it has forward hooks or a :meth:`forward` of its own, or that has no rule, is
    differentiated by nested :func:`torch.func.jvp`: slower, and just as exact.

    Args:
        *module_types (type): The classes that the rule is for; the last registration counts.
    """

    def register(rule: TaylorRule) -> TaylorRule:
        _RULES.update({kind: (rule, kind.forward) for kind in module_types})
        return rule

    return register


def register_pointwise(
    *module_types: type[nn.Module],
) -> Callable[[PointwiseFunction], PointwiseFunction]:
    r"""Registers the derivatives of modules that apply a function to each number of their input.

    .. code-block:: python

        @register_pointwise(Sine)
        def sine(module, a):
            sin, cos = a.sin(), a.cos()
            return Derivatives(sin, cos, -sin, -cos)

    Behind linear layers such a module is as fast as the built-in activations, unless it has
    parameters to learn. The function depends on the module and the points alone, and changes
    neither.

    Args:
        *module_types (type): The classes that the function is for; the last registration counts.
    """

    def register(derivatives: PointwiseFunction) -> PointwiseFunction:
        register_taylor_rule(*module_types)(PointwiseRule(derivatives))
        return derivatives

    return register


@dataclass(frozen=True)
class PointwiseRule:
    """The Taylor rule of a pointwise function.

    Args:
        derivatives (callable): From the module and the points to the function's derivatives.
    """

    derivatives: Callable[..., Derivatives]

    def __call__(self, module: nn.Module, series: TaylorSeries) -> TaylorSeries:
        """Returns the coefficients behind the module."""
        function = self.derivatives(module, series.value)
        return series.map_pointwise(function.value, function.slope, function.curvature)


def propagate(module: Callable[[Tensor], Tensor], series: TaylorSeries) -> TaylorSeries:
    """Returns the Taylor coefficients behind a module from those before it."""
    rule = find_rule(module) if isinstance(module, nn.Module) else None
    return propagate_by_jvp(module, series) if rule is None else rule(module, series)


def find_rule(module: nn.Module) -> Rule | None:
    """Returns the rule of a module; :obj:`None` where it has none that can be trusted."""
    kind = type(module)
    if "forward" in module.__dict__ or kind.__call__ is not nn.Module.__call__:
        return None
    if has_forward_hooks(module):
        return None
    for base in kind.__mro__:
        if base in _RULES:
            rule, forward = _RULES[base]
            return rule if kind.forward is forward else None
    return None


def propagate_by_jvp(module: Callable[[Tensor], Tensor], series: TaylorSeries) -> TaylorSeries:
    """Returns the Taylor coefficients behind any function, by nested differentiation."""
    jvp = _jvp_by_reverse_mode if _is_scripted(module) else torch.func.jvp

    def function(point: Tensor) -> Tensor:
        with _Substitutes(_EXACT):
            return module(point.clone())  # a module that works in place must not change the points

    def slope(point: Tensor, direction: Tensor) -> Tensor:
        return jvp(function, (point,), (direction,))[1]

    with _Substitutes(_REFUSED):
        value = module(series.value.clone())
    # Points with several directions are repeated: forward mode carries one tangent a row.
    first = slope(series.per_direction(series.value, series.first), series.first)
    if series.order == 1:
        return replace(series, value=value, first=first)
    left, right = series.pair_directions(series.first)
    point = series.per_direction(series.value, left)
    bend = torch.zeros_like(left) if series.second is None else series.second
    second = jvp(slope, (point, right), (left, bend))[1]
    return replace(series, value=value, first=first, second=second)


def _is_scripted(module: Callable[[Tensor], Tensor]) -> bool:
    scripted = (torch.jit.ScriptModule, torch.jit.ScriptFunction)
    parts = module.modules() if isinstance(module, nn.Module) else [module]
    return any(isinstance(part, scripted) for part in parts)


def _jvp_by_reverse_mode(
    function: Callable[..., Tensor], points: tuple[Tensor, ...], tangents: tuple[Tensor, ...]
) -> tuple[Tensor, Tensor]:
    """:func:`torch.func.jvp` for TorchScript, whose optimized code loses forward-mode tangents."""
    return torch.autograd.functional.jvp(function, points, tangents, create_graph=True)


class _Substitutes(TorchFunctionMode):
    """A context in which some functions of PyTorch are replaced by others."""

    def __init__(self, substitutes: Mapping[Callable[..., Any], Callable[..., Any]]) -> None:
        super().__init__()
        self.substitutes = substitutes

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        return self.substitutes.get(func, func)(*args, **(kwargs or {}))


def batch_statistics_error(name: str) -> ValueError:
    """Returns the error of a normalization that has no expansion at a single point."""
    return ValueError(
        f"{name} with the statistics of a batch makes each row depend on all others and has no "
        "Taylor expansion of its own; call .eval() on it (with running statistics), or use "
        "LayerNorm or GroupNorm"
    )


def _layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    *_: Any,
) -> Tensor:
    rows = input.reshape(-1, 1, math.prod(normalized_shape))
    output = F.group_norm(rows, 1, eps=eps).reshape(input.shape)
    output = output if weight is None else output * weight
    return output if bias is None else output + bias


def _instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    if use_input_stats:
        return F.group_norm(input, input.size(1), weight, bias, eps)
    return F.instance_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)


def _batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    if training:
        raise batch_statistics_error("batch_norm")
    return F.batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)


_REFUSED: dict[Callable[..., Any], Callable[..., Any]] = {F.batch_norm: _batch_norm}
"""Batch normalization, which has no expansion with the statistics of a batch."""

# PyTorch's fused kernels of layer and instance normalization treat the saved mean and deviation as
# constants from the second nested differentiation on, so that second derivatives in forward mode,
# and what is differentiated further from there, come out wrong without any error. Those of group
# normalization, which can express both, are right.
_EXACT: dict[Callable[..., Any], Callable[..., Any]] = {
    **_REFUSED,
    F.layer_norm: _layer_norm,
    torch.layer_norm: _layer_norm,
    F.instance_norm: _instance_norm,
}
"""Normalizations whose higher derivatives are right."""
