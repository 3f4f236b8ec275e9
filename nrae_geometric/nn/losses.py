r"""The loss of neighborhood reconstructing autoencoders."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from nrae_geometric.nn.taylor.expand import (
    expand_along_axes,
    expand_along_directions,
    prefers_axes,
)

Kernel = Callable[[Tensor, Tensor], Tensor]


class NeighborhoodReconstruction(nn.Module):
    r"""Reconstructs each center's neighbors by the Taylor expansion of the decoder.

    .. math::
        \mathcal{L} = \frac{1}{|E|} \sum_{(j, i) \in E} K(x_i, x_j)\,
        \lVert x_j - F_i(z_j - z_i) \rVert^2, \qquad
        F_i(\delta) = f(z_i) + J_f(z_i)\,\delta \left[ + \tfrac{1}{2}\,
        \delta^\top H_f(z_i)\,\delta \right]

    The squared norm is summed over all dimensions of a point. It fits any model that has a decoder
    and any batch of edges, those of :class:`~torch_geometric.loader.NeighborLoader` included.

    Args:
        order: 1 for the linear expansion (NRAE-L), 2 for the quadratic one (NRAE-Q).
        kernel: The weight of each edge, ``(x_center [E, *], x_neighbor [E, *]) -> [E]``; 1 for
            each by default.
        reduction: ``'mean'`` over the edges, ``'sum'``, or ``'none'`` for a loss for each edge.

    Source: equation (9) of Lee, Kwon and Park, "Neighborhood Reconstructing Autoencoders",
    NeurIPS 2021.
    """

    def __init__(
        self, order: int = 1, kernel: Kernel | None = None, reduction: str = "mean"
    ) -> None:
        super().__init__()
        if order not in (1, 2):
            raise ValueError(f"order must be 1 or 2, got {order!r}")
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(f"reduction must be 'mean', 'sum' or 'none', got {reduction!r}")
        self.order = order
        self.kernel = kernel
        self.reduction = reduction

    def forward(
        self,
        decoder: Callable[[Tensor], Tensor],
        z: Tensor,
        x: Tensor,
        edge_index: Tensor,
        batch_size: int | None = None,
    ) -> Tensor:
        r"""Computes the loss.

        Args:
            decoder: The function :math:`f`, ``[M, d] -> [M, *]``.
            z: The latent coordinates of the points, ``[N, d]``.
            x: The points, ``[N, *]``.
            edge_index: Edges from neighbor (row 0) to center (row 1), ``[2, E]``. A self edge is
                plain reconstruction.
            batch_size: The number of centers, where these are the first rows; edges into other
                rows are left out. All rows by default.

        Returns:
            A scalar, or ``[E']`` for the :math:`E'` edges that count with reduction ``'none'``.

        Raises:
            ValueError: If there is no edge, the decoder's output has not the shape of `x`, or the
                kernel does not return one weight for each edge.
        """
        num_centers = z.size(0) if batch_size is None else min(batch_size, z.size(0))
        if num_centers < z.size(0):
            edge_index = edge_index[:, edge_index[1] < num_centers]
        if edge_index.size(1) == 0:
            raise ValueError("edge_index holds no edge into a center; there is nothing to learn")

        neighbor, center = edge_index
        z_center = z[:num_centers]
        # Selecting rows by index_select, whose backward is much cheaper than that of z[neighbor].
        dz = z.index_select(0, neighbor) - z.index_select(0, center)
        recon = self._expand(decoder, z_center, dz, neighbor, center)
        if recon.shape[1:] != x.shape[1:]:
            raise ValueError(
                f"the decoder returns points of shape {tuple(recon.shape[1:])}, "
                f"but x has points of shape {tuple(x.shape[1:])}"
            )
        x_neighbor = x.index_select(0, neighbor)
        loss = (x_neighbor - recon).flatten(1).square().sum(1)
        if self.kernel is not None:
            weight = self.kernel(x.index_select(0, center), x_neighbor)
            if weight.shape != loss.shape:
                raise ValueError(
                    f"the kernel must return one weight for each of {loss.size(0)} edges, "
                    f"got shape {tuple(weight.shape)}"
                )
            loss = weight * loss
        if self.reduction == "none":
            return loss
        return loss.mean() if self.reduction == "mean" else loss.sum()

    def _expand(
        self,
        decoder: Callable[[Tensor], Tensor],
        z: Tensor,
        dz: Tensor,
        neighbor: Tensor,
        center: Tensor,
    ) -> Tensor:
        # Which edges are self edges is looked up only where the choice may depend on it: they are
        # no directions to expand along, and a center usually has one at most.
        num_edges = neighbor.numel()
        moving: Tensor | None = None
        along_axes = prefers_axes(z, num_edges - z.size(0), self.order)
        if not along_axes:
            moving = (neighbor != center).nonzero().squeeze(1)
            along_axes = prefers_axes(z, moving.numel(), self.order)
        if along_axes or moving is None:
            index = None if _is_even(center, z.size(0)) else center
            return expand_along_axes(decoder, z, dz, self.order, index)
        # A self edge goes nowhere: its value is the center's, and it needs no expansion.
        value, increment = expand_along_directions(
            decoder, z, dz[moving], self.order, center[moving]
        )
        return value[center].index_add(0, moving, increment.to(value.dtype))

    def extra_repr(self) -> str:
        return f"order={self.order}, reduction={self.reduction!r}"


def _is_even(center: Tensor, num_centers: int) -> bool:
    """Whether all centers own the same number of consecutive edges, in order."""
    count = center.numel() // num_centers
    if count * num_centers != center.numel():
        return False
    owners = torch.arange(num_centers, device=center.device)
    return torch.equal(center.view(num_centers, count), owners[:, None].expand(-1, count))
