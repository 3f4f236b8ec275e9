r"""Taylor coefficients on their way through a module: by its rule or, without one, by autograd.

A rule is registered for a type of module, :func:`register_pointwise` for a function of single
numbers, :func:`register_taylor_rule` for anything else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from torch import Tensor, nn

from nrae_geometric._compat import has_backward_hooks, has_forward_hooks, original_module
from nrae_geometric.nn.taylor.differentiate import propagate_by_differentiation
from nrae_geometric.nn.taylor.series import Derivatives, TaylorSeries

Rule = Callable[..., TaylorSeries]
TaylorRule = TypeVar("TaylorRule", bound=Rule)
PointwiseFunction = TypeVar("PointwiseFunction", bound=Callable[..., Derivatives])

_RULES: dict[type[nn.Module], tuple[Rule, dict[str, Any]]] = {}
"""For each type its rule, and the methods that the rule describes."""


def register_taylor_rule(
    *module_types: type[nn.Module],
) -> Callable[[TaylorRule], TaylorRule]:
    r"""Registers how modules of the given types map Taylor coefficients.

    .. code-block:: python

        @register_taylor_rule(Doubling)
        def double(module, series):
            return series.map_linear(lambda x: 2 * x)

    A sub-class inherits the rule as long as it inherits all methods. A layer whose rule cannot be
    trusted, since it has forward hooks, or a method that a sub-class, the instance or somebody
    else has exchanged, or that has no rule, is differentiated by nested automatic differentiation:
    slower, and just as exact.

    Args:
        *module_types (type): The classes that the rule is for; the last registration counts.
    """

    def register(rule: TaylorRule) -> TaylorRule:
        _RULES.update({kind: (rule, _methods(kind)) for kind in module_types})
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
    """Returns the Taylor coefficients behind a module from those before it.

    Args:
        module (callable): A module, which may be compiled, or any other function.
        series (TaylorSeries): The coefficients before it.

    Raises:
        ValueError: If the module has backward hooks, mixes the rows of its input, or cannot be
            differentiated.
    """
    if not isinstance(module, nn.Module):
        return propagate_by_differentiation(module, series)
    module = original_module(module)
    rule = find_rule(module)
    if rule is None:
        return propagate_by_differentiation(module, series)
    result = rule(module, series)
    if result.value.size(0) != series.value.size(0):
        raise rows_error(module)
    return result


def find_rule(module: nn.Module) -> Rule | None:
    """Returns the rule of a module; :obj:`None` where it has none that can be trusted."""
    kind = type(module)
    if has_forward_hooks(module) or has_backward_hooks(module):
        return None
    for base in kind.__mro__:
        if base in _RULES:
            rule, methods = _RULES[base]
            own = module.__dict__
            for name, method in methods.items():
                if name in own or getattr(kind, name) is not method:
                    return None
            return rule
    return None


def rows_error(module: nn.Module) -> ValueError:
    """Returns the error of a layer that reaches across the rows of a batch."""
    return ValueError(
        f"{module} acts across the rows of its input, so that there is no Taylor expansion at a "
        "point; have it act on the dimensions behind the first"
    )


def _methods(kind: type[nn.Module]) -> dict[str, Any]:
    """The methods that take part in a call: those of the class, and those that lead to it."""
    names = {
        name
        for base in kind.__mro__
        if base not in (nn.Module, object)
        for name, value in vars(base).items()
        if callable(value) and name not in _BESIDE_CALLS
    }
    return {name: getattr(kind, name) for name in sorted(names | _CALLS)}


_CALLS = {"forward", "__call__", "_call_impl", "_wrapped_call_impl", "_slow_forward"}
_CALLS |= {"__getattr__", "__getattribute__"}
_BESIDE_CALLS = {"__init__", "__repr__", "extra_repr", "__setstate__", "__getstate__"}
_BESIDE_CALLS |= {"reset_parameters", "__dir__", "__deepcopy__", "_load_from_state_dict"}
