r"""Graphs in compressed sparse column form."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch_geometric.utils import index_sort


@dataclass(frozen=True)
class CSCGraph:
    r"""A graph whose in-neighbors of node :math:`i` are :obj:`source[ptr[i]:ptr[i + 1]]`.

    They keep the order that they have in :obj:`edge_index`.

    Args:
        ptr (torch.Tensor): The position of each node's first neighbor, of shape :obj:`[N + 1]`.
        source (torch.Tensor): The neighbors, of shape :obj:`[E]`.
        edge_id (torch.Tensor): The number of each edge, of shape :obj:`[E]`.
    """

    ptr: Tensor
    source: Tensor
    edge_id: Tensor

    @classmethod
    def from_edge_index(
        cls, edge_index: Tensor, num_nodes: int, edge_id: Tensor | None = None
    ) -> CSCGraph:
        r"""Groups edges by target.

        Args:
            edge_index (torch.Tensor): Neighbor and center of each edge, in any order, of shape
                :obj:`[2, E]`.
            num_nodes (int): The number of nodes :math:`N`.
            edge_id (torch.Tensor, optional): The number of each edge, of shape :obj:`[E]`.
                (default: :obj:`None`, its column in :obj:`edge_index`)
        """
        source, target = edge_index
        if edge_id is None:
            edge_id = torch.arange(target.numel(), device=target.device)
        if bool((target[1:] < target[:-1]).any()):
            target, order = index_sort(target, max_value=num_nodes, stable=True)
            source, edge_id = source[order], edge_id[order]
        ptr = torch.nn.functional.pad(target.bincount(minlength=num_nodes).cumsum(0), (1, 0))
        return cls(ptr, source, edge_id)

    def degree(self, node: Tensor) -> Tensor:
        r"""Returns the number of in-neighbors of each :obj:`node`."""
        return self.ptr[node + 1] - self.ptr[node]
