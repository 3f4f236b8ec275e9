r"""Points rounded to a fast type, and bounds of distances that allow for it.

Let :math:`\tilde{x}` be the centered, scaled and rounded point and :math:`e = \|x - \tilde{x}\|`
how far rounding moved it. By the triangle inequality

.. math::
    \big| \|x_i - x_j\| - \|\tilde{x}_i - \tilde{x}_j\| \big| \le e_i + e_j ,

and the distance of rounded points comes from one matrix product whose columns hold the squared
norms :math:`n` too,

.. math::
    v_{ij} = [\tilde{x}_i, n_i, 1] \cdot [-2 \tilde{x}_j, 1, n_j] ,

with an error of at most :math:`c (n_i + n_j)` from summing in float32, or float64 for float64
points. The columns hold :math:`(1 - c) n` instead, so that, up to the final rounding of :math:`v`,

.. math::
    \|\tilde{x}_i - \tilde{x}_j\|^2 - 2 c (n_i + n_j)
    \le v_{ij} \le \|\tilde{x}_i - \tilde{x}_j\|^2 .
"""

import copy
import math
from functools import cached_property

import torch
from torch import Tensor

from nrae_geometric.neighbors.ranking import block_rows, row_blocks

# Roundings of one step of a sum, and to spare: tensor cores truncate, AVX512-BF16 rounds twice. The
# sum of all magnitudes is at most 2 (n_i + n_j).
_SUM_ROUNDOFF = 2 * 4
# More than all products that underflow can add up to, for coordinates of at most one, and than
# what the bounds lose where they underflow themselves.
UNDERFLOW = 1e-30
# Covers the float32 rounding of the bounds themselves.
_MARGIN = 1e-5


class RoundedPoints:
    r"""A block of points as operands of the filter's matrix product.

    Args:
        x (torch.Tensor): Points :math:`[B, D]`, float32 or float64.
        center (torch.Tensor): The point that becomes the origin, float64 :math:`[D]`.
        scale (float): Power of two that brings every coordinate below one.
        dtype (torch.dtype): Type of the product: bfloat16, float32 or float64.
    """

    def __init__(self, x: Tensor, center: Tensor, scale: float, dtype: torch.dtype) -> None:
        self.dtype = dtype
        self._num_features = x.size(1)
        self._num_pieces = 3 if dtype == torch.bfloat16 else 1
        unit = 2.0**-53 if dtype == torch.float64 else 2.0**-24
        self._relative = (x.size(1) + 2 * self._num_pieces) * _SUM_ROUNDOFF * unit

        num_points, num_features = x.shape
        self.right = torch.ones(
            num_points, num_features + 2 * self._num_pieces, dtype=dtype, device=x.device
        )
        r"""Right operand :math:`[B, W]`."""
        norm, error = torch.empty(2, num_points, dtype=torch.float64, device=x.device)
        for rows in row_blocks(num_points, block_rows(num_features, x.device)):
            exact = (x[rows].double() - center).mul_(scale)
            rounded = exact.to(dtype, copy=True)
            torch.mul(rounded, -2, out=self.right[rows, :num_features])
            torch.sum(exact.sub_(rounded).square_(), dim=1, out=error[rows])
            torch.sum(exact.copy_(rounded).square_(), dim=1, out=norm[rows])
        error.sqrt_()
        # The centered float64 point is rounded too, relative to its uncentered coordinates.
        size = max(float(x.amax()), -float(x.amin()), float(center.abs().amax())) * scale
        error += size * x.size(1) ** 0.5 * 2.0**-51
        self.error = (error * (1 + _MARGIN)).float()
        self.norm = norm.float()

        norm = norm * (1 - self._relative)
        pieces = []
        for _ in range(self._num_pieces):
            pieces.append(norm.to(dtype))
            norm = norm - pieces[-1]
        torch.stack(pieces, dim=1, out=self.right[:, -self._num_pieces :])

    @cached_property
    def ball(self) -> tuple[Tensor, Tensor]:
        r"""The center, scaled :math:`[D]`, and radius of a ball around the unrounded points."""
        wide = self.right[:, : self._num_features].double() * -0.5
        middle = wide.mean(dim=0)
        return middle, wide.sub_(middle).square_().sum(dim=1).sqrt_().max() + self.error.max()

    def part(self, rows: slice) -> "RoundedPoints":
        r"""Returns some of these points."""
        part = copy.copy(self)
        part.__dict__.pop("ball", None)
        part.error, part.norm, part.right = self.error[rows], self.norm[rows], self.right[rows]
        return part

    def left(self) -> Tensor:
        r"""Returns the left operand :math:`[B, W]`."""
        sizes = [self._num_features, self._num_pieces, self._num_pieces]
        rounded, ones, squares = self.right.split(sizes, dim=1)
        return torch.cat([rounded * -0.5, squares, ones], dim=1)

    def bound(self, limit: Tensor, others: "RoundedPoints") -> Tensor:
        r"""Returns a bound of the products of all pairs within their limit.

        Args:
            limit (torch.Tensor): Squared distance, scaled, for each of these points :math:`[B]`.
            others (RoundedPoints): The points on the other side.

        Returns:
            torch.Tensor: Bound :math:`[B]` in the product's type. Rounding is monotone: comparing
            rounded products with the rounded bound loses no pair.
        """
        distance = limit.sqrt() + self.error + others.error.max()
        return (distance.square_().mul_(1 + _MARGIN) + UNDERFLOW).to(self.dtype)

    def upper_bound(self, product: Tensor, others: "RoundedPoints") -> Tensor:
        r"""Returns an upper bound of the squared distance, scaled, of pairs with a product.

        Args:
            product (torch.Tensor): One product for each of these points :math:`[B]`.
            others (RoundedPoints): The points on the other side.
        """
        return self._upper(product, self.norm + others.norm.max(), self.error + others.error.max())

    def bounds(
        self, product: Tensor, row: Tensor, others: "RoundedPoints", col: Tensor
    ) -> tuple[Tensor, Tensor]:
        r"""Returns lower and upper bounds of the squared distances, scaled, of pairs.

        Args:
            product (torch.Tensor): Their products :math:`[P]`.
            row (torch.Tensor): Their rows of these points :math:`[P]`.
            others (RoundedPoints): The points on the other side.
            col (torch.Tensor): Their rows of those :math:`[P]`.
        """
        error = self.error[row] + others.error[col]
        rounded = product.float().clamp_(min=0) * (1 - torch.finfo(self.dtype).eps)
        lower = (rounded.sqrt_() * (1 - _MARGIN) - error - UNDERFLOW).clamp_(min=0).square_()
        return lower * (1 - _MARGIN), self._upper(product, self.norm[row] + others.norm[col], error)

    def _upper(self, product: Tensor, norms: Tensor, error: Tensor) -> Tensor:
        rounded = product.float().clamp_(min=0) * (1 + torch.finfo(self.dtype).eps)
        rounded += 2 * self._relative * norms + UNDERFLOW
        return (rounded.sqrt_() + error).square_() * (1 + _MARGIN)


def mean_point(x: Tensor) -> Tensor:
    r"""Returns the mean in float64 without a float64 copy of all points."""
    parts = x.split(block_rows(x.size(1), x.device))
    return sum(part.double().sum(dim=0) for part in parts) / x.size(0)


def power_of_two_scale(points: list[Tensor], center: Tensor) -> float:
    r"""Returns the power of two that brings every coordinate about the center below one."""
    largest = max(
        float((extreme.double() - center).abs().max())
        for x in points
        for extreme in (x.amin(dim=0), x.amax(dim=0))
    )
    return 2.0 ** -math.frexp(largest)[1]
