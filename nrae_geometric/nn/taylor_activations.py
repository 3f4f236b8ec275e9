r"""Taylor rules of the activations.

A pointwise activation is a row of the table below: a function from the module and the value
:math:`a` to :math:`s(a)`, :math:`s'(a)` and a function that returns :math:`s''(a)`, the last
:obj:`None` where the activation is piecewise linear. At a kink the derivative is the one that
autograd takes.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nrae_geometric.nn.taylor_propagation import register_taylor_rule
from nrae_geometric.nn.taylor_series import TaylorSeries

Derivatives = tuple[Tensor, Tensor, Callable[[], Tensor] | None]


def _pointwise(
    *module_types: type[nn.Module],
) -> Callable[[Callable[..., Derivatives]], Callable[..., Derivatives]]:
    """Registers a function that gives an activation's value, slope and curvature."""

    def register(derivatives: Callable[..., Derivatives]) -> Callable[..., Derivatives]:
        @register_taylor_rule(*module_types)
        def rule(module: nn.Module, series: TaylorSeries) -> TaylorSeries:
            return series.map_pointwise(*derivatives(module, series.value))

        return derivatives

    return register


@_pointwise(nn.ReLU)
def _relu(module: nn.ReLU, a: Tensor) -> Derivatives:
    return a.relu(), (a > 0).to(a.dtype), None


@_pointwise(nn.LeakyReLU)
def _leaky_relu(module: nn.LeakyReLU, a: Tensor) -> Derivatives:
    slope = torch.ones_like(a).masked_fill(a <= 0, module.negative_slope)
    return a * slope, slope, None


@_pointwise(nn.Hardtanh, nn.ReLU6)
def _hardtanh(module: nn.Hardtanh, a: Tensor) -> Derivatives:
    inside = (a > module.min_val) & (a < module.max_val)
    return a.clamp(module.min_val, module.max_val), inside.to(a.dtype), None


@_pointwise(nn.ELU)
def _elu(module: nn.ELU, a: Tensor) -> Derivatives:
    return _exponential(a, F.elu(a, module.alpha), module.alpha, 1.0)


@_pointwise(nn.SELU)
def _selu(module: nn.SELU, a: Tensor) -> Derivatives:
    # The constants of Klambauer et al., "Self-Normalizing Neural Networks", NeurIPS 2017.
    return _exponential(a, F.selu(a), 1.6732632423543772, 1.0507009873554805)


def _exponential(a: Tensor, value: Tensor, alpha: float, scale: float) -> Derivatives:
    exponential = a.clamp(max=0).exp()  # which is the slope on both sides where alpha is one
    decay = exponential if alpha == scale == 1 else scale * alpha * exponential
    slope = decay if alpha == 1 else decay.masked_fill(a > 0, scale)
    return value, slope, lambda: decay.masked_fill(a > 0, 0)


@_pointwise(nn.Sigmoid)
def _sigmoid(module: nn.Sigmoid, a: Tensor) -> Derivatives:
    s = a.sigmoid()
    slope = s * (1 - s)
    return s, slope, lambda: slope * (1 - 2 * s)


@_pointwise(nn.Tanh)
def _tanh(module: nn.Tanh, a: Tensor) -> Derivatives:
    s = a.tanh()
    slope = 1 - s.square()
    return s, slope, lambda: -2 * s * slope


@_pointwise(nn.Softplus)
def _softplus(module: nn.Softplus, a: Tensor) -> Derivatives:
    beta = module.beta
    linear = a * beta > module.threshold
    slope = torch.sigmoid(beta * a).masked_fill(linear, 1)
    value = F.softplus(a, beta, module.threshold)
    return value, slope, lambda: beta * slope * (1 - slope)


@_pointwise(nn.Softsign)
def _softsign(module: nn.Softsign, a: Tensor) -> Derivatives:
    r = 1 / (1 + a.abs())
    return a * r, r.square(), lambda: -2 * a.sign() * r**3


@_pointwise(nn.SiLU)
def _silu(module: nn.SiLU, a: Tensor) -> Derivatives:
    s = a.sigmoid()
    slope = s * (1 + a * (1 - s))
    return a * s, slope, lambda: s * (1 - s) * (2 + a * (1 - 2 * s))


@_pointwise(nn.GELU)
def _gelu(module: nn.GELU, a: Tensor) -> Derivatives:
    if module.approximate == "none":
        density = torch.exp(-0.5 * a.square()) / math.sqrt(2 * math.pi)
        distribution = 0.5 * (1 + torch.erf(a / math.sqrt(2)))
        slope = distribution + a * density
        return a * distribution, slope, lambda: density * (2 - a.square())
    # s = a (1 + t) / 2 with t = tanh(g), g = sqrt(2 / pi) (a + 0.044715 a^3)
    root, cubic = math.sqrt(2 / math.pi), 0.044715
    t = torch.tanh(root * (a + cubic * a**3))
    g1 = root * (1 + 3 * cubic * a.square())
    t1 = (1 - t.square()) * g1

    def curvature() -> Tensor:
        t2 = (1 - t.square()) * (root * 6 * cubic * a) - 2 * t * t1 * g1
        return t1 + 0.5 * a * t2

    return 0.5 * a * (1 + t), 0.5 * (1 + t + a * t1), curvature


@register_taylor_rule(nn.Softmax)
def _softmax(module: nn.Softmax, series: TaylorSeries) -> TaylorSeries:
    r"""Not pointwise: :math:`s = \exp(a - L)` with :math:`L = \log \sum \exp a`."""
    if module.dim is None:
        raise ValueError("Softmax needs its dimension: give it dim=-1")
    dim = module.dim
    value, b = series.value.softmax(dim), series.first
    s = series.spread(value, b)
    deviation = b - (s * b).sum(dim, keepdim=True)
    first = s * deviation
    if series.order == 1:
        return replace(series, value=value, first=first)
    curve = series.pair_product(deviation, deviation)
    if series.second is not None:
        curve = curve + series.second
    s = series.spread(value, curve)
    return replace(
        series, value=value, first=first, second=s * (curve - (s * curve).sum(dim, keepdim=True))
    )
