r"""Chains of linear layers and pointwise activations, with all coefficients in one matrix.

Where each point has one direction, its value :math:`a`, first coefficient :math:`b` and second
coefficient :math:`c` are rows of three blocks of one matrix :obj:`[3 N, C]` (two, where :math:`c`
is zero or not asked for). A linear layer is one product then, and the activation behind it maps

.. math::
    (a, b, c) \mapsto (s(a),\; s'(a)\,b,\; s''(a)\,b^2 + s'(a)\,c).

The whole chain is one step of autograd with a derivative of its own, in place of a dozen for each
layer.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nrae_geometric._compat import is_transformed
from nrae_geometric.nn.taylor.series import Derivatives, TaylorSeries, evaluate

Pointwise = Callable[[Tensor], Derivatives]


def is_dense(series: TaylorSeries) -> bool:
    """Returns whether :func:`propagate_chain` can take the series: each point has one direction.

    Nothing but reverse-mode autograd may be at work. Compiled, transformed by :mod:`torch.func`, in
    forward mode or mixed precision, operations one by one are the better choice, or the only one.
    """
    value, num_points = series.value, series.value.size(0)
    return (
        num_points > 0
        and value.dim() == 2
        and series.index is None
        and all(part.size(0) == num_points for part in series.coefficients)
        and not torch.compiler.is_compiling()
        and not torch.is_autocast_enabled(value.device.type)
        and not is_transformed()
    )


def propagate_chain(
    layers: Sequence[tuple[nn.Linear, Pointwise | None]], series: TaylorSeries
) -> TaylorSeries:
    """Sends a series through linear layers, each with an activation behind it or none."""
    functions = [function for _, function in layers]
    parameters = [parameter for layer, _ in layers for parameter in (layer.weight, layer.bias)]
    value, first, second = _Chain.apply(
        series.order, functions, series.value, series.first, series.second, *parameters
    )
    return TaylorSeries(value, first, second, series.order)


_NUM_COEFFICIENTS = 3
_SAVED_PER_LAYER = 5  # the stack before it, and what _activate returns besides the one behind it


class _Chain(torch.autograd.Function):
    """Three coefficients, the last of which may be None, through weights and biases in turn."""

    @staticmethod
    def forward(
        ctx: Any, order: int, functions: Sequence[Pointwise | None], *inputs: Any
    ) -> tuple[Tensor | None, ...]:
        stack = torch.cat([part for part in inputs[:_NUM_COEFFICIENTS] if part is not None])
        num_points = inputs[0].size(0)
        saved: list[Tensor | None] = []
        for i, function in enumerate(functions, start=1):
            weight, bias = inputs[2 * i + 1 : 2 * i + 3]
            saved.append(stack)
            stack = F.linear(stack, weight)
            if bias is not None:
                stack[:num_points] += bias
            derivatives: list[Tensor | None] = [None] * 4
            if function is not None:
                stack, *derivatives = _activate(function, stack, num_points, order)
            saved += derivatives
        ctx.save_for_backward(*inputs, *saved)
        ctx.order, ctx.functions = order, functions
        parts = stack.split(num_points)
        return parts if len(parts) == _NUM_COEFFICIENTS else (*parts, None)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor | None, ...]:
        num_layers = len(ctx.functions)
        num_inputs = _NUM_COEFFICIENTS + 2 * num_layers
        inputs, saved = ctx.saved_tensors[:num_inputs], ctx.saved_tensors[num_inputs:]
        needs = ctx.needs_input_grad[2:]
        if torch.is_grad_enabled():  # this derivative is going to be differentiated in turn
            return None, None, *_differentiable_backward(ctx, inputs, needs, grads)
        gradients: list[Tensor | None] = [None] * num_inputs
        grad = torch.cat([part for part in grads if part is not None])
        num_points = inputs[0].size(0)
        needs_stack = any(needs[:_NUM_COEFFICIENTS])
        for i in reversed(range(num_layers)):
            stack, *derivatives = saved[_SAVED_PER_LAYER * i : _SAVED_PER_LAYER * (i + 1)]
            weight = _NUM_COEFFICIENTS + 2 * i
            if ctx.functions[i] is not None:
                grad = _activate_backward(grad, num_points, *derivatives)
            if needs[weight]:
                gradients[weight] = grad.t() @ stack
            if needs[weight + 1]:
                gradients[weight + 1] = grad[:num_points].sum(0)
            if i > 0 or needs_stack:
                grad = grad @ inputs[weight]
        if needs_stack:
            parts = grad.split(num_points)
            gradients[: len(parts)] = parts
        return None, None, *gradients


def _activate(
    function: Pointwise, stack: Tensor, num_points: int, order: int
) -> tuple[Tensor, Tensor | None, Tensor, Tensor | None, Tensor | None]:
    """The coefficients behind an activation; then, as far as the gradient depends on them, those
    before it, its slope, its second and its third derivative.
    """
    before = stack.view(-1, num_points, stack.size(1))
    derivatives = function(before[0])
    slope, curvature, third = derivatives.slope, derivatives.curvature, derivatives.third
    second = None if curvature is None else evaluate(curvature)
    num_blocks = before.size(0)
    num_blocks_out = num_blocks if second is None or order == 1 else _NUM_COEFFICIENTS
    out = stack.new_empty(num_blocks_out, num_points, stack.size(1))
    out[0] = derivatives.value
    torch.mul(before[1:], slope, out=out[1:num_blocks])
    if second is None or third is None or order == 1:
        return out.flatten(0, 1), None if second is None else before, slope, second, None
    bend = before[1].square().mul_(second)
    if num_blocks == num_blocks_out:
        bend += out[2]
    out[2] = bend
    return (
        out.flatten(0, 1),
        before,
        slope,
        second,
        second if third is curvature else evaluate(third),
    )


def _activate_backward(
    grad: Tensor,
    num_points: int,
    before: Tensor | None,
    slope: Tensor,
    second: Tensor | None,
    third: Tensor | None,
) -> Tensor:
    """From the gradient behind an activation, which is overwritten, the one before it."""
    grad = grad.view(-1, num_points, grad.size(1))
    if before is None or second is None:
        return grad.mul_(slope).flatten(0, 1)
    by_slope = grad[1] * before[1]
    if third is None:
        grad.mul_(slope)[0].addcmul_(by_slope, second)
        return grad.flatten(0, 1)
    if before.size(0) == _NUM_COEFFICIENTS:
        by_slope.addcmul_(grad[2], before[2])
    by_bend = grad[2] * before[1]
    grad.mul_(slope)[0].addcmul_(by_slope, second).addcmul_(by_bend * before[1], third)
    grad[1].addcmul_(by_bend, second, value=2)
    return grad[: before.size(0)].flatten(0, 1)


def _differentiable_backward(
    ctx: Any, saved: Sequence[Any], needs: Sequence[bool], grads: Sequence[Tensor | None]
) -> list[Tensor | None]:
    """The gradients by autograd itself, from layers one by one."""
    # Views, since one input may depend on another, or be used twice: each is asked for by itself.
    inputs: list[Any] = [None if x is None else x.view_as(x) for x in saved]
    value, first, second, *parameters = inputs
    series = TaylorSeries(value, first, second, ctx.order)
    for i, function in enumerate(ctx.functions):
        weight, bias = parameters[2 * i : 2 * i + 2]
        series = series.map_linear(partial(F.linear, weight=weight), bias)
        if function is not None:
            at = function(series.value)
            series = series.map_pointwise(at.value, at.slope, at.curvature)
    needed = [tensor for tensor, need in zip(inputs, needs, strict=True) if need]
    pairs = [
        (part, grad)
        for part, grad in zip(series.coefficients, grads, strict=False)
        if part.requires_grad and grad is not None
    ]
    parts, part_grads = zip(*pairs, strict=True)
    found = iter(
        torch.autograd.grad(
            parts,
            needed,
            part_grads,
            create_graph=True,
            allow_unused=True,
        )
    )
    return [next(found) if need else None for need in needs]
