r"""The loss of neighborhood reconstructing autoencoders."""

from collections.abc import Callable

from torch import Tensor, nn

from nrae_geometric.arguments import choice, integer
from nrae_geometric.nn.checks import check_edges, check_order, check_rows
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
        order (int, optional): 1 for the linear expansion (NRAE-L), 2 for the quadratic one
            (NRAE-Q). (default: :obj:`1`)
        kernel (callable, optional): The weight of each edge,
            :obj:`(x_center [E, *], x_neighbor [E, *]) -> [E]`; see
            :class:`~nrae_geometric.nn.BinaryKernel`. :obj:`None` is 1 for each.
            (default: :obj:`None`)
        reduction (str, optional): :obj:`'mean'` over the edges, :obj:`'sum'`, or :obj:`'none'` for
            a loss for each edge. (default: :obj:`'mean'`)

    Raises:
        ValueError: If the order or the reduction is none of these.

    Source: equation (9) of Lee, Kwon and Park, "Neighborhood Reconstructing Autoencoders",
    NeurIPS 2021.
    """

    def __init__(
        self, order: int = 1, kernel: Kernel | None = None, reduction: str = "mean"
    ) -> None:
        super().__init__()
        if kernel is not None and not callable(kernel):
            raise TypeError(
                "kernel must be a function (x_center [E, *], x_neighbor [E, *]) -> [E], such as "
                f"BinaryKernel(weight), got {kernel!r}"
            )
        self.order = check_order(order)
        self.kernel = kernel
        self.reduction = choice("reduction", reduction, ("mean", "sum", "none"))

    def forward(
        self,
        decoder: Callable[[Tensor], Tensor],
        z: Tensor,
        x: Tensor,
        edge_index: Tensor,
        batch_size: int | None = None,
    ) -> Tensor:
        r"""Returns the loss of the edges into the centers.

        Args:
            decoder (callable): The function :math:`f`, :obj:`[M, d] -> [M, *]`.
            z (torch.Tensor): The latent coordinates of the points, :obj:`[N, d]`.
            x (torch.Tensor): The points, :obj:`[N, *]`.
            edge_index (torch.Tensor): Edges from neighbor (row 0) to center (row 1), :obj:`[2, E]`.
                A self edge is plain reconstruction.
            batch_size (int, optional): The number of centers, where these are the first rows;
                edges into other rows are left out. :obj:`None` is all rows. (default: :obj:`None`)

        Returns:
            torch.Tensor: A scalar, or :obj:`[E']` for the :math:`E'` edges that count with
            reduction :obj:`'none'`.

        Raises:
            TypeError: If the points or latents are no tensors, or the edges no integers.
            ValueError: If there is no edge, an edge names a point that is not there, the latents
                do not belong to the points, the decoder's output has not the shape of :obj:`x` or
                cannot be expanded, or the kernel does not return one weight for each edge.
        """
        z = check_rows("z", z)
        x = x.to(z.dtype) if isinstance(x, Tensor) and not x.is_floating_point() else x
        x = check_rows("x", x)
        if x.size(0) != z.size(0) or x.device != z.device:
            raise ValueError(
                f"z has {z.size(0)} rows on {z.device}, but x has {x.size(0)} on {x.device}; each "
                "point needs its latent coordinates"
            )
        edge_index = check_edges(edge_index, z.size(0), z.device)
        num_centers = z.size(0)
        if batch_size is not None:
            num_centers = min(integer("batch_size", batch_size, 1), num_centers)
        if num_centers < z.size(0):
            edge_index = edge_index[:, edge_index[1] < num_centers]
        if edge_index.size(1) == 0:
            raise ValueError("edge_index holds no edge into a center; there is nothing to learn")

        neighbor, center = edge_index
        # Selecting rows by index_select, whose backward is much cheaper than that of z[neighbor].
        dz = z.index_select(0, neighbor) - z.index_select(0, center)
        recon = self._expand(decoder, z[:num_centers], dz, neighbor, center)
        if recon.shape[1:] != x.shape[1:]:
            raise ValueError(
                f"the decoder returns points of shape {tuple(recon.shape[1:])}, "
                f"but x has points of shape {tuple(x.shape[1:])}"
            )
        x_neighbor = x.index_select(0, neighbor)
        loss = (x_neighbor - recon).flatten(1).square().sum(1)
        if self.kernel is not None:
            weight = self.kernel(x.index_select(0, center), x_neighbor)
            if not isinstance(weight, Tensor) or weight.shape != loss.shape:
                got = f"shape {tuple(weight.shape)}" if isinstance(weight, Tensor) else repr(weight)
                raise ValueError(
                    f"the kernel must return one weight for each of {loss.size(0)} edges, got {got}"
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
        # A self edge goes nowhere: its value is the center's, and it needs no expansion.
        moving = (neighbor != center).nonzero().squeeze(1)
        if prefers_axes(z, moving.numel(), self.order):
            return expand_along_axes(decoder, z, dz, self.order, center)
        value, increment = expand_along_directions(
            decoder, z, dz[moving], self.order, center[moving]
        )
        return value[center].index_add(0, moving, increment.to(value.dtype))

    def extra_repr(self) -> str:
        """Returns the settings."""
        return f"order={self.order}, reduction={self.reduction!r}"
