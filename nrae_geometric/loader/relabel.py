r"""From node numbers of the whole graph to node numbers within each batch."""

from itertools import accumulate
from typing import NamedTuple

import torch
from torch import Tensor


class LocalEdges(NamedTuple):
    r"""The edges of many batches, one batch after another, numbered within their batch."""

    row: Tensor
    col: Tensor
    new_node: Tensor
    """The nodes that are no seeds of their batch, in the order of their first appearance."""
    num_new_nodes: list[int]
    num_edges: list[int]


def relabel(
    seed: Tensor, source: Tensor, count: Tensor | int, num_seeds: list[int], num_nodes: int
) -> LocalEdges:
    r"""Numbers the nodes of each batch: its seeds first, then other nodes as they first appear.

    A node that is a seed of its batch more than once keeps all its rows, and is the source of
    edges from the first of them. Time and memory do not depend on :obj:`num_nodes`.

    Args:
        seed (torch.Tensor): The seeds of all batches, batch by batch, of shape :obj:`[M]`.
        source (torch.Tensor): The source nodes of their edges, seed by seed, of shape :obj:`[E]`.
        count (torch.Tensor or int): The number of edges of each seed, at least one, of shape
            :obj:`[M]`, or of every seed.
        num_seeds (List[int]): The number of seeds of each batch.
        num_nodes (int): The number of nodes in the graph.
    """
    seed_ptr = torch.tensor([0, *accumulate(num_seeds)], device=seed.device)
    batch = torch.arange(len(num_seeds), device=seed.device)
    batch = batch.repeat_interleave(seed_ptr.diff(), output_size=seed.numel())
    seed_position = torch.arange(seed.numel(), device=seed.device)
    seed_local = seed_position - seed_ptr.index_select(0, batch)
    center = seed_position.repeat_interleave(count, output_size=source.numel())
    batch_of_edge = batch.index_select(0, center)

    key = torch.cat([batch, batch_of_edge]) * num_nodes + torch.cat([seed, source])
    distinct, group = key.unique(return_inverse=True)
    entry = torch.arange(key.numel(), device=key.device)
    first = distinct.scatter_reduce(0, group, entry, "amin", include_self=False)
    first_of_edge = first.index_select(0, group[seed.numel() :])

    is_new = first_of_edge == entry[seed.numel() :]
    rank = torch.cat([seed_ptr[:1], is_new.cumsum(0)])
    edge_ptr = seed_ptr * count if isinstance(count, int) else _ptr(count).index_select(0, seed_ptr)
    new_ptr = rank.index_select(0, edge_ptr)
    new_offset = seed_ptr.diff() - 1 - new_ptr[:-1]
    new_local = rank[1:] + new_offset.index_select(0, batch_of_edge)

    return LocalEdges(
        row=torch.cat([seed_local, new_local]).index_select(0, first_of_edge),
        col=seed_local.index_select(0, center),
        new_node=source[is_new],
        num_new_nodes=new_ptr.diff().tolist(),
        num_edges=edge_ptr.diff().tolist(),
    )


def _ptr(count: Tensor) -> Tensor:
    return torch.cat([count.new_zeros(1), count.cumsum(0)])
