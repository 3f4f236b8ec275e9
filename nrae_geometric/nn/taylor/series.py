r"""Truncated Taylor series at many points, and the two ways a layer acts on them.

Let a network's input move as :math:`a + \sum_i t_i \delta_i`. Behind every layer the value
:math:`a`, the first derivatives :math:`b_i` along the directions and the second derivatives
:math:`c_{ij}` along pairs of them are the *coefficients* of a Taylor series in :math:`t`. A linear
layer maps each coefficient by its linear part; a pointwise function :math:`s` maps them to

.. math::
    s(a), \quad s'(a)\,b_i, \quad s''(a)\,b_i b_j + s'(a)\,c_{ij}.

Many directions leave the same point, so the value is kept once for each point. (Griewank and
Walther, *Evaluating Derivatives*, 2008, chapter 13.)
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

_STACK_LIMIT = 2**21
"""Above this many numbers the copy that a joint product needs costs more than it saves."""


@dataclass(frozen=True)
class Derivatives:
    r"""A pointwise function and its derivatives at the points :math:`a`, :obj:`[N, *]` each.

    A derivative that costs something to compute can be given as a function without arguments. The
    third one is for the gradient of an expansion of second order.

    Args:
        value (torch.Tensor): :math:`s(a)`.
        slope (torch.Tensor): :math:`s'(a)`.
        curvature (torch.Tensor or callable, optional): :math:`s''(a)`; :obj:`None` where it is
            zero (almost) everywhere. (default: :obj:`None`)
        third (torch.Tensor or callable, optional): :math:`s'''(a)`; given if and only if the
            curvature is. (default: :obj:`None`)

    Raises:
        ValueError: If one of curvature and third derivative is given without the other.
    """

    value: Tensor
    slope: Tensor
    curvature: Tensor | Callable[[], Tensor] | None = None
    third: Tensor | Callable[[], Tensor] | None = None

    def __post_init__(self) -> None:
        if (self.curvature is None) != (self.third is None):
            given, missing = "curvature", "third derivative"
            if self.curvature is None:
                given, missing = missing, given
            raise ValueError(
                f"a pointwise function with a {given} needs its {missing} as well: "
                "Derivatives(value, slope, curvature, third)"
            )


@dataclass(frozen=True)
class TaylorSeries:
    r"""The coefficients of a Taylor series at each of :math:`N` points.

    Args:
        value (torch.Tensor): The points, :obj:`[N, *]`.
        first (torch.Tensor): The first derivatives, a row for each direction, :obj:`[E, *]`.
        second (torch.Tensor, optional): The second derivatives, :obj:`[S, *]`; :obj:`None` where
            they are zero everywhere or not asked for.
        order (int): The order to which the series is carried, 1 or 2.
        index (torch.Tensor, optional): The point that each direction leaves, :obj:`[E]`;
            :obj:`None` where each point owns :math:`E / N` consecutive ones. (default:
            :obj:`None`)
        pairs ((torch.Tensor, torch.Tensor), optional): The places, within a point's directions, of
            the two directions of each of its second derivatives, :obj:`[S / N]` each; :obj:`None`
            where each direction has one second derivative, along itself. (default: :obj:`None`)
    """

    value: Tensor
    first: Tensor
    second: Tensor | None
    order: int
    index: Tensor | None = None
    pairs: tuple[Tensor, Tensor] | None = None

    @property
    def coefficients(self) -> list[Tensor]:
        """The value, and the derivatives as far as there are any."""
        return [part for part in (self.value, self.first, self.second) if part is not None]

    def map_linear(
        self, linear: Callable[[Tensor], Tensor], bias: Tensor | None = None
    ) -> "TaylorSeries":
        """Applies a linear map to all coefficients, and adds :obj:`bias` to the value alone.

        Args:
            linear (callable): A linear map of a batch, :obj:`[M, *] -> [M, *out]`.
            bias (torch.Tensor, optional): The layer's constant, broadcastable to :obj:`[N, *out]`.
                (default: :obj:`None`)
        """
        parts = self.coefficients
        if sum(part.numel() for part in parts) <= _STACK_LIMIT:
            parts = linear(torch.cat(parts)).split([part.size(0) for part in parts])
        else:
            parts = [linear(part) for part in parts]
        return replace(
            self,
            value=parts[0] if bias is None else parts[0] + bias,
            first=parts[1],
            second=None if self.second is None else parts[2],
        )

    def map_pointwise(
        self,
        value: Tensor,
        slope: Tensor,
        curvature: Tensor | Callable[[], Tensor] | None = None,
    ) -> "TaylorSeries":
        r"""Applies a function of single numbers, given by its derivatives at the points.

        Args:
            value (torch.Tensor): :math:`s(a)`, :obj:`[N, *]`.
            slope (torch.Tensor): :math:`s'(a)`, :obj:`[N, *]`.
            curvature (torch.Tensor or callable, optional): :math:`s''(a)`, :obj:`[N, *]`, or a
                function that returns it, called at order 2 alone; :obj:`None` where it is zero
                (almost) everywhere, so that no second coefficient arises. (default: :obj:`None`)
        """
        second = None if self.second is None else self.scale_rows(self.second, slope)
        if self.order == 2 and curvature is not None:
            factor = evaluate(curvature)
            bend = self.scale_rows(self.pair_product(self.first, self.first), factor)
            second = bend if second is None else second + bend
        return replace(self, value=value, first=self.scale_rows(self.first, slope), second=second)

    def pair_product(self, p: Tensor, q: Tensor) -> Tensor:
        r"""Returns the symmetric product :math:`(p_i q_j + p_j q_i) / 2` for each pair.

        Args:
            p (torch.Tensor): A row for each direction, :obj:`[E, *]`.
            q (torch.Tensor): The same, :obj:`[E, *]`.

        Returns:
            torch.Tensor: A row for each second derivative, :obj:`[S, *]`.
        """
        if self.pairs is None:
            return p * q
        p_left, p_right = self.pair_directions(p)
        if p is q:
            return p_left * p_right
        q_left, q_right = self.pair_directions(q)
        return 0.5 * (p_left * q_right + p_right * q_left)

    def pair_directions(self, p: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the rows of the two directions of each second derivative, :obj:`[S, *]` each."""
        if self.pairs is None:
            return p, p
        grouped = p.unflatten(0, (self.value.size(0), -1))
        left, right = (grouped.index_select(1, side).flatten(0, 1) for side in self.pairs)
        return left, right

    def scale_rows(self, coefficient: Tensor, factor: Tensor) -> Tensor:
        """Multiplies each row of a coefficient by what belongs to its point, :obj:`[N, *]`."""
        if self.index is not None:
            return coefficient * factor.index_select(0, self.index)
        if coefficient.size(0) == factor.size(0):
            return coefficient * factor
        grouped = coefficient.unflatten(0, (factor.size(0), -1))
        return (grouped * factor.unsqueeze(1)).flatten(0, 1)

    def per_direction(self, point: Tensor, coefficient: Tensor) -> Tensor:
        """Repeats what belongs to the points, :obj:`[N, *]`, for each row of a coefficient."""
        if self.index is not None:
            return point.index_select(0, self.index)
        if coefficient.size(0) == point.size(0):
            return point
        return point.repeat_interleave(coefficient.size(0) // max(point.size(0), 1), dim=0)


def evaluate(derivative: Tensor | Callable[[], Tensor]) -> Tensor:
    """Returns a derivative that is given as a tensor or as a function."""
    return derivative if isinstance(derivative, Tensor) else derivative()
