r"""Graphs in compressed sparse column form."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch_geometric.utils import index_sort

_NODES_AT_A_TIME = 2**20


@dataclass(frozen=True)
class CSCGraph:
    r"""A graph whose in-neighbors of node :math:`i` are :obj:`source[ptr[i]:ptr[i + 1]]`.

    They keep the order that they have in :obj:`edge_index`. The tensors may be maps of files, of
    which only what is asked for is read.

    Args:
        ptr (torch.Tensor): The position of each node's first neighbor, of shape :obj:`[N + 1]`.
        source (torch.Tensor): The neighbors, integers of shape :obj:`[E]`.
        edge_id (torch.Tensor, optional): The number of each edge, of shape :obj:`[E]`.
            (default: :obj:`None`, its position)
    """

    ptr: Tensor
    source: Tensor
    edge_id: Tensor | None = None

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
        if bool((target[1:] < target[:-1]).any()):
            target, order = index_sort(target, max_value=num_nodes, stable=True)
            source = source[order]
            edge_id = order if edge_id is None else edge_id[order]
        ptr = torch.nn.functional.pad(target.bincount(minlength=num_nodes).cumsum(0), (1, 0))
        return cls(ptr, source, edge_id)

    @property
    def num_nodes(self) -> int:
        r"""The number of nodes."""
        return self.ptr.numel() - 1

    def edge_index(self) -> Tensor:
        r"""Returns neighbor and center of each edge in the order of their numbers, ``[2, E]``."""
        target = torch.arange(self.num_nodes, device=self.ptr.device)
        edges = torch.stack([self.source.long(), target.repeat_interleave(self.ptr.diff())])
        if self.edge_id is None:
            return edges
        return torch.empty_like(edges).index_copy_(1, self.edge_id, edges)

    def edges(self, position: Tensor) -> tuple[Tensor, Tensor]:
        r"""Returns the neighbors and the numbers of the edges at positions."""
        edge_id = position if self.edge_id is None else self.edge_id[position]
        return self.source[position].long(), edge_id

    def degree(self, node: Tensor) -> Tensor:
        r"""Returns the number of in-neighbors of each :obj:`node`."""
        return self.ptr[node + 1] - self.ptr[node]

    def has_isolated_nodes(self) -> bool:
        r"""Returns whether a node has no neighbors."""
        return any(
            bool((self.ptr[start + 1 : start + _NODES_AT_A_TIME + 1] == ptr).any())
            for start, ptr in self._parts()
        )

    def has_self_loops(self) -> bool:
        r"""Makes sure that all neighbors are nodes, and returns whether one is a node's own.

        Raises:
            ValueError: If positions do not ascend to the number of edges, or a neighbor does not
                exist.
        """
        if int(self.ptr[0]) != 0 or int(self.ptr[-1]) != self.source.numel():
            raise ValueError(
                f"the positions of the graph's columns run from {int(self.ptr[0])} to "
                f"{int(self.ptr[-1])}, but it has {self.source.numel()} edges"
            )
        found = False
        for start, ptr in self._parts():
            length = self.ptr[start + 1 : start + _NODES_AT_A_TIME + 1] - ptr
            if bool((length < 0).any()):
                raise ValueError("the positions of the graph's columns do not ascend")
            first = int(ptr[0])
            source = self.source[first : first + int(length.sum())].long()
            bad = ((source < 0) | (source >= self.num_nodes)).nonzero()
            if len(bad):
                raise ValueError(
                    f"the graph has an edge from node {int(source[bad[0, 0]])}, but its nodes are "
                    f"0 to {self.num_nodes - 1}"
                )
            target = torch.arange(start, start + len(ptr), device=ptr.device)
            found = found or bool((source == target.repeat_interleave(length)).any())
        return found

    def _parts(self) -> list[tuple[int, Tensor]]:
        starts = range(0, self.num_nodes, _NODES_AT_A_TIME)
        parts = self.ptr[:-1].split(_NODES_AT_A_TIME)
        return list(zip(starts, parts, strict=True)) if self.num_nodes else []
