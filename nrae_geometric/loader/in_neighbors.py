r"""The graph in compressed sparse column form: the in-neighbors of each node side by side."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch_geometric.utils import index_sort


@dataclass(frozen=True)
class InNeighbors:
    r"""The in-neighbors of node :math:`i` are :obj:`source[ptr[i]:ptr[i + 1]]`.

    They keep the order that they have in :obj:`edge_index`.

    Args:
        ptr (torch.Tensor): Where each node's neighbors begin, of shape :obj:`[N + 1]`.
        source (torch.Tensor): The neighbors, of shape :obj:`[E]`.
        edge_id (torch.Tensor, optional): The column of each of them in :obj:`edge_index`, of shape
            :obj:`[E]`. :obj:`None` if this is its own position.
        loop_id (torch.Tensor, optional): The column of each node's self loop or :obj:`-1`, of shape
            :obj:`[N]`. :obj:`None` if self loops have not been taken out.
    """

    ptr: Tensor
    source: Tensor
    edge_id: Tensor | None = None
    loop_id: Tensor | None = None

    @classmethod
    def from_edge_index(
        cls, edge_index: Tensor, num_nodes: int, *, keep_loops: bool = True
    ) -> InNeighbors:
        r"""Groups the edges by target.

        Args:
            edge_index (torch.Tensor): Neighbor and center of each edge, in any order, of shape
                :obj:`[2, E]`.
            num_nodes (int): The number of nodes :math:`N`.
            keep_loops (bool, optional): If :obj:`False`, self loops go to :obj:`loop_id`.
        """
        source, target = edge_index[0], edge_index[1]
        edge_id: Tensor | None = None
        loop_id: Tensor | None = None

        is_loop = source == target
        if not keep_loops and bool(is_loop.any()):
            loops = is_loop.nonzero().view(-1)
            loop_id = source.new_full((num_nodes,), -1)
            loop_id.scatter_reduce_(0, target[loops], loops, "amax")
            edge_id = (~is_loop).nonzero().view(-1)
            source, target = source[edge_id], target[edge_id]

        if bool((target[1:] < target[:-1]).any()):
            target, order = index_sort(target, max_value=num_nodes, stable=True)
            source = source[order]
            edge_id = order if edge_id is None else edge_id[order]
        ptr = torch.nn.functional.pad(target.bincount(minlength=num_nodes).cumsum(0), (1, 0))
        return cls(ptr, source, edge_id, loop_id)

    def degree(self, node: Tensor) -> Tensor:
        r"""The number of in-neighbors of each :obj:`node`."""
        return self.ptr[node + 1] - self.ptr[node]

    def edge_ids(self, position: Tensor) -> Tensor:
        r"""The columns in :obj:`edge_index` of the edges at :obj:`position` of :obj:`source`."""
        return position if self.edge_id is None else self.edge_id[position]

    def loop_ids(self, node: Tensor) -> Tensor:
        r"""The column in :obj:`edge_index` of each node's self loop, :obj:`-1` without one."""
        return torch.full_like(node, -1) if self.loop_id is None else self.loop_id[node]
