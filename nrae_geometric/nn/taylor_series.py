r"""Truncated Taylor series of many curves at once, and the two ways a layer acts on them.

Along the direction :math:`\delta` a network's input moves as :math:`a + t\,\delta`. Behind every
layer the value, the first and the second derivative at :math:`t = 0` are the *coefficients*
:math:`(a, b, c)` of a curve :math:`a + t\,b + \tfrac{1}{2} t^2 c`. A linear layer maps each
coefficient by its linear part; a pointwise function :math:`s` maps them to

.. math::
    (s(a),\; s'(a)\,b,\; s''(a)\,b^2 + s'(a)\,c).

Many directions leave the same point, so the value is kept once for each point and the derivatives
once for each direction (Griewank and Walther, *Evaluating Derivatives*, 2008, chapter 13).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class TaylorSeries:
    r"""The coefficients of :math:`E` curves through :math:`N` points.

    Args:
        value: The points, ``[N, *]``.
        first: The first derivative along each direction, ``[E, *]``.
        second: The second derivative along each direction, ``[E, *]``; :obj:`None` where it is
            zero everywhere or not asked for.
        order: The order to which the series is carried, 1 or 2.
        index: The point that each direction leaves, ``[E]``; :obj:`None` where direction ``e``
            leaves point ``e // (E / N)``.
    """

    value: Tensor
    first: Tensor
    second: Tensor | None
    order: int
    index: Tensor | None

    def map_linear(
        self, linear: Callable[[Tensor], Tensor], bias: Tensor | None = None
    ) -> "TaylorSeries":
        """Applies a linear map to all coefficients, and adds `bias` to the value alone.

        Args:
            linear: A linear map of a batch, ``[M, *] -> [M, *out]``.
            bias: What the layer adds, broadcastable to ``[N, *out]``.
        """
        value = linear(self.value)
        return replace(
            self,
            value=value if bias is None else value + bias,
            first=linear(self.first),
            second=None if self.second is None else linear(self.second),
        )

    def map_pointwise(
        self, value: Tensor, slope: Tensor, curvature: Tensor | None = None
    ) -> "TaylorSeries":
        r"""Applies a function of single numbers, given by its derivatives at the points.

        Args:
            value: :math:`s(a)`, ``[N, *]``.
            slope: :math:`s'(a)`, ``[N, *]``.
            curvature: :math:`s''(a)`, ``[N, *]``; :obj:`None` where it is zero (almost)
                everywhere, so that no second coefficient arises.
        """
        second = None if self.second is None else self.scale(self.second, slope)
        if self.order == 2 and curvature is not None:
            bend = self.scale(self.first.square(), curvature)
            second = bend if second is None else second + bend
        return replace(self, value=value, first=self.scale(self.first, slope), second=second)

    def scale(self, coefficient: Tensor, factor: Tensor) -> Tensor:
        """Multiplies each direction's row, ``[E, *]``, by the factor of its point, ``[N, *]``."""
        if self.index is not None:
            return coefficient * factor.index_select(0, self.index)
        if coefficient.size(0) == factor.size(0):
            return coefficient * factor
        grouped = coefficient.unflatten(0, (factor.size(0), -1))
        return (grouped * factor.unsqueeze(1)).flatten(0, 1)

    def at_directions(self, point: Tensor) -> Tensor:
        """Repeats what belongs to the points, ``[N, *]``, for each direction, ``[E, *]``."""
        if self.index is not None:
            return point.index_select(0, self.index)
        if self.first.size(0) == point.size(0):
            return point
        return point.repeat_interleave(self.first.size(0) // max(point.size(0), 1), dim=0)

    def increment(self) -> Tensor:
        r"""What the expansion adds to the value, :math:`b + \tfrac{1}{2} c`, ``[E, *]``."""
        return self.first if self.second is None else torch.add(self.first, self.second, alpha=0.5)
