r"""Chains of linear layers and pointwise activations, with all coefficients in one matrix.

Where each point has one direction, its value :math:`a`, first coefficient :math:`b` and second
coefficient :math:`c` are rows of three blocks of one matrix ``[3 N, C]`` (two, where :math:`c` is
zero or not asked for). A linear layer is one product then, and the activation behind it,

.. math::
    (a, b, c) \mapsto (s(a),\; s'(a)\,b,\; s''(a)\,b^2 + s'(a)\,c),

one step of autograd with a derivative of its own, in place of a dozen of each.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import forward_ad

from nrae_geometric.nn.taylor_series import TaylorSeries


class Derivatives(NamedTuple):
    r"""A pointwise function and its derivatives at the points :math:`a`.

    Attributes:
        value: :math:`s(a)`.
        slope: :math:`s'(a)`.
        curvature: Returns :math:`s''(a)`; :obj:`None` where it is zero (almost) everywhere.
        third: Returns :math:`s'''(a)`; given where the curvature is.
    """

    value: Tensor
    slope: Tensor
    curvature: Callable[[], Tensor] | None = None
    third: Callable[[], Tensor] | None = None


Pointwise = Callable[[Tensor], Derivatives]


@dataclass(frozen=True)
class PointwiseRule:
    """The Taylor rule of a pointwise activation.

    Args:
        derivatives: From the module and the points to the activation's derivatives.
    """

    derivatives: Callable[..., Derivatives]

    def __call__(self, module: nn.Module, series: TaylorSeries) -> TaylorSeries:
        value, slope, curvature, _ = self.derivatives(module, series.value)
        return series.map_pointwise(value, slope, curvature)


def is_stackable(series: TaylorSeries) -> bool:
    """Whether :func:`propagate_stack` can take the series: each point has one direction.

    Nothing but reverse-mode autograd may be at work. Compiled, transformed by :mod:`torch.func`, in
    forward mode or mixed precision, operations one by one are the better choice, or the only one.
    """
    value, num_points = series.value, series.value.size(0)
    return (
        num_points > 0
        and value.dim() == 2
        and series.index is None
        and all(part.size(0) == num_points for part in series.parts)
        and not torch.compiler.is_compiling()
        and not torch.is_autocast_enabled(value.device.type)
        and not torch._C._are_functorch_transforms_active()
        and forward_ad._current_level < 0
    )


def propagate_stack(
    layers: Iterable[tuple[nn.Linear, Pointwise | None]], series: TaylorSeries
) -> TaylorSeries:
    """Sends a series through linear layers, each with an activation behind it or none."""
    num_points = series.value.size(0)
    stack = torch.cat(series.parts)
    for layer, function in layers:
        stack = F.linear(stack, layer.weight)
        if function is not None:
            stack = _Activate.apply(stack, layer.bias, function, num_points, series.order)
        elif layer.bias is not None:
            stack = _AddToPoints.apply(stack, layer.bias, num_points)
    value, first, *second = stack.split(num_points)
    return replace(series, value=value, first=first, second=second[0] if second else None)


class _AddToPoints(torch.autograd.Function):
    """Adds a bias to the first block."""

    @staticmethod
    def forward(ctx: Any, stack: Tensor, bias: Tensor, num_points: int) -> Tensor:
        ctx.mark_dirty(stack)
        ctx.num_points = num_points
        stack[:num_points] += bias
        return stack

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return grad, grad[: ctx.num_points].sum(0), None


class _Activate(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        stack: Tensor,
        bias: Tensor | None,
        function: Pointwise,
        num_points: int,
        order: int,
    ) -> Tensor:
        a, b, c = _blocks(stack, bias, num_points)
        value, slope, second, third = _evaluate(function, a, order)
        ctx.save_for_backward(stack, bias)
        ctx.function, ctx.num_points, ctx.order = function, num_points, order
        ctx.derivatives = slope, second, third
        num_blocks = 2 if c is None and third is None else 3
        out = stack.new_empty(num_blocks * num_points, stack.size(1))
        out_value, out_first, *out_second = out.split(num_points)
        out_value.copy_(value)
        torch.mul(slope, b, out=out_first)
        if second is not None and third is not None:
            torch.mul(b, b, out=out_second[0]).mul_(second)
            if c is not None:
                out_second[0].addcmul_(slope, c)
        elif c is not None:
            torch.mul(slope, c, out=out_second[0])
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        stack, bias = ctx.saved_tensors
        slope, second, third = ctx.derivatives
        if torch.is_grad_enabled():  # this derivative is going to be differentiated in turn
            a, b, c = _blocks(stack, bias, ctx.num_points)
            _, slope, second, third = _evaluate(ctx.function, a, ctx.order)
        else:
            _, b, c = _blocks(stack, None, ctx.num_points)
        if second is None:
            grad = (grad.unflatten(0, (-1, ctx.num_points)) * slope).flatten(0, 1)
            grad_a = grad[: ctx.num_points]
        else:
            grad_value, grad_first, *grad_second = grad.split(ctx.num_points)
            grad_a, grad_b = grad_value * slope, grad_first * slope
            grad_slope = grad_first * b
            blocks = [grad_a, grad_b]
            if grad_second:
                by_direction = grad_second[0] * b
                grad_a = torch.addcmul(grad_a, by_direction * b, third)
                blocks[1] = torch.addcmul(grad_b, by_direction, second, value=2)
                if c is not None:
                    grad_slope = torch.addcmul(grad_slope, grad_second[0], c)
                    blocks.append(grad_second[0] * slope)
            blocks[0] = grad_a = torch.addcmul(grad_a, grad_slope, second)
            grad = torch.cat(blocks)
        return grad, None if bias is None else grad_a.sum(0), None, None, None


def _blocks(
    stack: Tensor, bias: Tensor | None, num_points: int
) -> tuple[Tensor, Tensor, Tensor | None]:
    a, b, *c = stack.split(num_points)
    return a if bias is None else a + bias, b, c[0] if c else None


def _evaluate(
    function: Pointwise, a: Tensor, order: int
) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
    """Value, slope, and as many of the second and third derivatives as gradients need."""
    value, slope, curvature, third = function(a)
    if curvature is None or third is None:
        return value, slope, None, None
    second = curvature()
    if order == 1:
        return value, slope, second, None
    return value, slope, second, second if third is curvature else third()
