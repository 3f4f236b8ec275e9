r"""Numbering of nodes within batches."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor


@dataclass(frozen=True)
class BatchLayout:
    r"""The positions of seeds and edges of many batches, the same for all nodes and neighbors.

    Seeds lie batch by batch (:math:`M` in all), edges seed by seed (:math:`E` in all).

    Args:
        num_seeds (List[int]): The number of seeds of each batch.
        num_edges (List[int]): The number of edges of each batch.
        edge_ptr (torch.Tensor): The position of each batch's first edge, of shape :obj:`[B + 1]`.
        seed_size (torch.Tensor): The number of seeds of each batch, of shape :obj:`[B]`.
        seed_local (torch.Tensor): The number of each seed in its batch, of shape :obj:`[M]`.
        center (torch.Tensor): The seed of each edge, of shape :obj:`[E]`.
        col (torch.Tensor): The number in its batch of each edge's seed, of shape :obj:`[E]`.
        batch (torch.Tensor): The batches of all seeds, then those of all edges, of shape
            :obj:`[M + E]`.
        entry (torch.Tensor): The numbers :obj:`0` to :obj:`M + E - 1`.
    """

    num_seeds: list[int]
    num_edges: list[int]
    edge_ptr: Tensor
    seed_size: Tensor
    seed_local: Tensor
    center: Tensor
    col: Tensor
    batch: Tensor
    entry: Tensor

    @classmethod
    def from_counts(
        cls,
        num_seeds: list[int],
        count: Tensor | int,
        device: torch.device,
    ) -> BatchLayout:
        r"""Lays out batches.

        Args:
            num_seeds (List[int]): The number of seeds of each batch.
            count (torch.Tensor or int): The number of edges of each seed, at least one, of shape
                :obj:`[M]`, or of every seed.
            device (torch.device): The device of the tensors.
        """
        seed_ptr = torch.tensor([0, *accumulate(num_seeds)], device=device)
        seed_size = seed_ptr.diff()
        seed_batch = torch.arange(len(num_seeds), device=device).repeat_interleave(seed_size)
        seed = torch.arange(seed_batch.numel(), device=device)
        seed_local = seed - seed_ptr[seed_batch]
        center = seed.repeat_interleave(count)
        batch = torch.cat([seed_batch, seed_batch[center]])
        if isinstance(count, int):
            edge_ptr = seed_ptr * count
        else:
            edge_ptr = torch.cat([seed_ptr[:1], count.cumsum(0)])[seed_ptr]
        return cls(
            num_seeds=num_seeds,
            num_edges=edge_ptr.diff().tolist(),
            edge_ptr=edge_ptr,
            seed_size=seed_size,
            seed_local=seed_local,
            center=center,
            col=seed_local[center],
            batch=batch,
            entry=torch.arange(batch.numel(), device=device),
        )


def relabel(
    seed: Tensor, source: Tensor, layout: BatchLayout, num_nodes: int
) -> tuple[Tensor, Tensor, list[int]]:
    r"""Numbers the nodes of each batch: its seeds first, then other nodes as they first appear.

    A node that is a seed of its batch more than once keeps all its rows, and is the source of
    edges from the first of them. Time and memory do not depend on :obj:`num_nodes`.

    Args:
        seed (torch.Tensor): The seeds, of shape :obj:`[M]`.
        source (torch.Tensor): The source nodes of the edges, of shape :obj:`[E]`.
        layout (BatchLayout): The batches that they belong to.
        num_nodes (int): The number of nodes in the graph.

    Returns:
        The number of each edge's source in its batch, of shape :obj:`[E]`; the nodes that are
        no seeds of their batch, batch by batch; and how many of those each batch has.
    """
    num_seeds = seed.numel()
    key = torch.cat([seed, source]).add_(layout.batch, alpha=num_nodes)
    distinct, group = key.unique(return_inverse=True)
    first = distinct.scatter_reduce(0, group, layout.entry, "amin", include_self=False)
    first = first.index_select(0, group[num_seeds:])

    is_new = first == layout.entry[num_seeds:]
    rank = torch.cat([layout.edge_ptr[:1], is_new.cumsum(0)])
    new_ptr = rank.index_select(0, layout.edge_ptr)
    offset = layout.seed_size - new_ptr[:-1] - 1
    new_local = offset.index_select(0, layout.batch[num_seeds:]).add_(rank[1:])

    row = torch.cat([layout.seed_local, new_local]).index_select(0, first)
    return row, source[is_new], new_ptr.diff().tolist()
