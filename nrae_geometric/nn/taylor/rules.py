r"""Taylor rules of containers, linear layers and normalizations.

The rules of activations are in :mod:`nrae_geometric.nn.taylor.activations`.
"""

from collections import deque
from dataclasses import replace
from functools import partial
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from nrae_geometric.nn.taylor.dense_chain import Pointwise, is_dense, propagate_chain
from nrae_geometric.nn.taylor.differentiate import propagate_by_differentiation
from nrae_geometric.nn.taylor.exact_functions import batch_statistics_error
from nrae_geometric.nn.taylor.propagate import (
    PointwiseRule,
    find_rule,
    propagate,
    register_taylor_rule,
    rows_error,
)
from nrae_geometric.nn.taylor.series import TaylorSeries


@register_taylor_rule(nn.Sequential)
def _sequential(module: nn.Sequential, series: TaylorSeries) -> TaylorSeries:
    layers = deque(module)
    while layers:
        chain = _pop_chain(layers) if is_dense(series) else []
        series = propagate_chain(chain, series) if chain else propagate(layers.popleft(), series)
    return series


def _pop_chain(layers: deque[nn.Module]) -> list[tuple[nn.Linear, Pointwise | None]]:
    """Takes the linear layers with which a network begins, each with the activation behind it."""
    chain: list[tuple[nn.Linear, Pointwise | None]] = []
    while layers and find_rule(layers[0]) is _linear:
        layer = cast(nn.Linear, layers.popleft())
        rule = find_rule(layers[0]) if layers else None
        function = None
        if isinstance(rule, PointwiseRule) and not _learns(layers[0]):
            function = partial(rule.derivatives, layers.popleft())
        chain.append((layer, function))
    return chain


def _learns(module: nn.Module) -> bool:
    """Whether a pointwise function depends on tensors that want a gradient."""
    tensors = [*module.parameters(), *module.buffers(), *vars(module).values()]
    return any(isinstance(tensor, Tensor) and tensor.requires_grad for tensor in tensors)


@register_taylor_rule(nn.Linear)
def _linear(module: nn.Linear, series: TaylorSeries) -> TaylorSeries:
    weight = module.weight  # looked up once: a parametrization computes it
    return series.map_linear(lambda x: F.linear(x, weight), module.bias)


@register_taylor_rule(
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)
def _convolution(module: nn.Conv2d, series: TaylorSeries) -> TaylorSeries:
    if series.value.dim() != len(module.kernel_size) + 2:  # the rows would be taken for channels
        raise rows_error(module)
    if module.bias is None:
        return series.map_linear(module.forward)
    if is_parametrized(module, "bias"):  # no bias that a call can do without
        return propagate_by_differentiation(module, series)
    zero = {"bias": torch.zeros_like(module.bias)}
    return series.map_linear(
        lambda x: torch.func.functional_call(module, zero, (x,)),
        _per_channel(module.bias, series),
    )


@register_taylor_rule(
    nn.Identity,
    nn.AvgPool1d,
    nn.AvgPool2d,
    nn.AvgPool3d,
    nn.AdaptiveAvgPool1d,
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveAvgPool3d,
    nn.Upsample,
    nn.UpsamplingNearest2d,
    nn.UpsamplingBilinear2d,
    nn.PixelShuffle,
    nn.PixelUnshuffle,
    nn.ZeroPad1d,
    nn.ZeroPad2d,
    nn.ZeroPad3d,
    nn.Flatten,
    nn.Unflatten,
)
def _without_bias(module: nn.Module, series: TaylorSeries) -> TaylorSeries:
    if _reaches_rows(module, series.value.dim()):
        raise rows_error(module)
    return series.map_linear(module.forward)


def _reaches_rows(module: nn.Module, num_dims: int) -> bool:
    """Whether a layer acts on the first of so many dimensions."""
    if isinstance(module, nn.Flatten | nn.Unflatten):
        first = module.start_dim if isinstance(module, nn.Flatten) else module.dim
        return isinstance(first, int) and first % num_dims == 0
    if isinstance(module, nn.ZeroPad1d | nn.ZeroPad2d | nn.ZeroPad3d):
        return len(module.padding) // 2 >= num_dims
    return isinstance(module, nn.PixelShuffle | nn.PixelUnshuffle) and num_dims < 4


@register_taylor_rule(nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)
def _dropout(module: nn.Dropout, series: TaylorSeries) -> TaylorSeries:
    if not module.training or module.p == 0:
        return series
    # One mask for each point: the expansion is that of the network which the point has drawn.
    mask = module.forward(torch.ones_like(series.value))
    return series.map_pointwise(series.value * mask, mask)


@register_taylor_rule(nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
def _batch_norm(module: nn.BatchNorm1d, series: TaylorSeries) -> TaylorSeries:
    if module.training or module.running_mean is None or module.running_var is None:
        raise batch_statistics_error(type(module).__name__)
    scale = torch.rsqrt(module.running_var + module.eps)
    scale = scale if module.weight is None else scale * module.weight
    shift = -module.running_mean * scale
    shift = shift if module.bias is None else shift + module.bias
    return _affine(series, _per_channel(scale, series), _per_channel(shift, series))


@register_taylor_rule(nn.LayerNorm)
def _layer_norm(module: nn.LayerNorm, series: TaylorSeries) -> TaylorSeries:
    dims = tuple(range(-len(module.normalized_shape), 0))
    if len(dims) >= series.value.dim():
        raise rows_error(module)
    series = _standardize(series, dims, module.eps)
    return _affine(series, module.weight, module.bias)


@register_taylor_rule(nn.GroupNorm)
def _group_norm(module: nn.GroupNorm, series: TaylorSeries) -> TaylorSeries:
    shape = series.value.shape[1:]
    grouped = series.map_linear(lambda x: x.reshape(x.size(0), module.num_groups, -1))
    series = _standardize(grouped, (-1,), module.eps)
    series = series.map_linear(lambda x: x.reshape(x.size(0), *shape))
    return _affine(series, _per_channel(module.weight, series), _per_channel(module.bias, series))


def _affine(series: TaylorSeries, factor: Tensor | None, shift: Tensor | None) -> TaylorSeries:
    return series if factor is None else series.map_linear(lambda x: x * factor, shift)


def _standardize(series: TaylorSeries, dims: tuple[int, ...], eps: float) -> TaylorSeries:
    r"""Taylor coefficients of :math:`u\,r` with :math:`u` centered, :math:`r = v^{-1/2}`, and
    :math:`v = \overline{u^2} + \epsilon`, by the product rule.
    """

    def mean(x: Tensor) -> Tensor:
        return x.mean(dims, keepdim=True)

    series = series.map_linear(lambda x: x - mean(x))
    u, u1, u2 = series.value, series.first, series.second
    r = torch.rsqrt(mean(u.square()) + eps)
    u_each, r_each = series.per_direction(u, u1), series.per_direction(r, u1)
    v1 = 2 * mean(u_each * u1)
    r1 = -0.5 * r_each**3 * v1
    first = u1 * r_each + u_each * r1
    if series.order == 1:
        return replace(series, value=u * r, first=first)
    v2 = series.pair_product(u1, u1)
    u_each, r_each = series.per_direction(u, v2), series.per_direction(r, v2)
    v2 = 2 * mean(v2 if u2 is None else v2 + u_each * u2)
    r2 = 0.75 * r_each**5 * series.pair_product(v1, v1) - 0.5 * r_each**3 * v2
    second = 2 * series.pair_product(u1, r1.expand_as(u1)) + u_each * r2
    return replace(
        series, value=u * r, first=first, second=second if u2 is None else second + u2 * r_each
    )


def _per_channel(parameter: Tensor | None, series: TaylorSeries) -> Tensor | None:
    """Shapes :obj:`[C]` so that it broadcasts over the rows :obj:`[N, C, *]` of the series."""
    if parameter is None:
        return None
    return parameter.reshape(-1, *(1,) * (series.value.dim() - 2))
