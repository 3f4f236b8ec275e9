r"""Taylor rules of the activations.

A pointwise activation is a function from the module and the value :math:`a` to
:class:`~nrae_geometric.nn.Derivatives`. At a kink the derivative is
the one that autograd takes.
"""

import math
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nrae_geometric.nn.taylor.propagate import (
    register_pointwise,
    register_taylor_rule,
    rows_error,
)
from nrae_geometric.nn.taylor.series import Derivatives, TaylorSeries


@register_pointwise(nn.ReLU)
def _relu(module: nn.ReLU, a: Tensor) -> Derivatives:
    value = a.relu()
    return Derivatives(value, _step(value))


def _step(positive_part: Tensor) -> Tensor:
    """One where there is a positive part, else zero: much faster than comparing and choosing."""
    return positive_part.detach().sign()


@register_pointwise(nn.LeakyReLU)
def _leaky_relu(module: nn.LeakyReLU, a: Tensor) -> Derivatives:
    slope = torch.ones_like(a).masked_fill(a <= 0, module.negative_slope)
    return Derivatives(a * slope, slope)


@register_pointwise(nn.Hardtanh, nn.ReLU6)
def _hardtanh(module: nn.Hardtanh, a: Tensor) -> Derivatives:
    inside = (a > module.min_val) & (a < module.max_val)
    return Derivatives(a.clamp(module.min_val, module.max_val), inside.to(a.dtype))


@register_pointwise(nn.ELU)
def _elu(module: nn.ELU, a: Tensor) -> Derivatives:
    return _exponential(a, module.alpha, 1.0)


@register_pointwise(nn.SELU)
def _selu(module: nn.SELU, a: Tensor) -> Derivatives:
    # The constants of Klambauer et al., "Self-Normalizing Neural Networks", NeurIPS 2017.
    return _exponential(a, 1.6732632423543772, 1.0507009873554805)


def _exponential(a: Tensor, alpha: float, scale: float) -> Derivatives:
    """The scale times a on the right of zero, and times alpha (exp a - 1) on its left."""
    right, left = a.relu(), a.clamp(max=0).expm1()
    step = _step(right)
    if alpha == scale == 1:
        slope = left + 1
        return Derivatives(right + left, slope, *[lambda: slope - step] * 2)
    curvature = scale * alpha * (left + 1 - step)
    value = scale * (right + alpha * left)
    return Derivatives(value, curvature + scale * step, *[lambda: curvature] * 2)


@register_pointwise(nn.Sigmoid)
def _sigmoid(module: nn.Sigmoid, a: Tensor) -> Derivatives:
    s = a.sigmoid()
    slope = s * (1 - s)
    return Derivatives(s, slope, lambda: slope * (1 - 2 * s), lambda: slope * (1 - 6 * slope))


@register_pointwise(nn.Tanh)
def _tanh(module: nn.Tanh, a: Tensor) -> Derivatives:
    s = a.tanh()
    slope = 1 - s.square()
    return Derivatives(s, slope, lambda: -2 * s * slope, lambda: slope * (4 - 6 * slope))


@register_pointwise(nn.Softplus)
def _softplus(module: nn.Softplus, a: Tensor) -> Derivatives:
    beta = module.beta
    linear = a * beta > module.threshold
    slope = torch.sigmoid(beta * a).masked_fill(linear, 1)
    bend = slope * (1 - slope)
    return Derivatives(
        F.softplus(a, beta, module.threshold),
        slope,
        lambda: beta * bend,
        lambda: beta**2 * bend * (1 - 2 * slope),
    )


@register_pointwise(nn.Softsign)
def _softsign(module: nn.Softsign, a: Tensor) -> Derivatives:
    r = 1 / (1 + a.abs())
    return Derivatives(a * r, r.square(), lambda: -2 * a.sign() * r**3, lambda: 6 * r**4)


@register_pointwise(nn.SiLU)
def _silu(module: nn.SiLU, a: Tensor) -> Derivatives:
    s = a.sigmoid()
    s1 = s * (1 - s)
    s2 = s1 * (1 - 2 * s)
    return Derivatives(
        a * s,
        s + a * s1,
        lambda: 2 * s1 + a * s2,
        lambda: 3 * s2 + a * s1 * (1 - 6 * s1),
    )


@register_pointwise(nn.GELU)
def _gelu(module: nn.GELU, a: Tensor) -> Derivatives:
    if module.approximate == "none":
        density = torch.exp(-0.5 * a.square()) / math.sqrt(2 * math.pi)
        distribution = 0.5 * (1 + torch.erf(a / math.sqrt(2)))
        return Derivatives(
            a * distribution,
            distribution + a * density,
            lambda: density * (2 - a.square()),
            lambda: density * a * (a.square() - 4),
        )
    # s = a (1 + t) / 2 with t = tanh(g), g = sqrt(2 / pi) (a + 0.044715 a^3)
    root, cubic = math.sqrt(2 / math.pi), 0.044715
    t = torch.tanh(root * (a + cubic * a**3))
    g1 = root * (1 + 3 * cubic * a.square())
    g2, g3 = root * 6 * cubic * a, root * 6 * cubic
    bell = 1 - t.square()
    t1 = bell * g1
    t2 = bell * g2 - 2 * t * t1 * g1

    def third() -> Tensor:
        t3 = bell * g3 - 4 * t * t1 * g2 - 2 * g1 * (t1.square() + t * t2)
        return 1.5 * t2 + 0.5 * a * t3

    return Derivatives(0.5 * a * (1 + t), 0.5 * (1 + t + a * t1), lambda: t1 + 0.5 * a * t2, third)


@register_taylor_rule(nn.Softmax)
def _softmax(module: nn.Softmax, series: TaylorSeries) -> TaylorSeries:
    r"""Not pointwise: :math:`s = \exp(a - L)` with :math:`L = \log \sum \exp a`."""
    if module.dim is None:
        raise ValueError("Softmax needs its dimension: give it dim=-1")
    dim = module.dim
    if dim % series.value.dim() == 0:
        raise rows_error(module)
    value, b = series.value.softmax(dim), series.first
    s = series.per_direction(value, b)
    deviation = b - (s * b).sum(dim, keepdim=True)
    first = s * deviation
    if series.order == 1:
        return replace(series, value=value, first=first)
    curve = series.pair_product(deviation, deviation)
    if series.second is not None:
        curve = curve + series.second
    s = series.per_direction(value, curve)
    return replace(
        series, value=value, first=first, second=s * (curve - (s * curve).sum(dim, keepdim=True))
    )
