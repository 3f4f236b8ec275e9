r"""From node numbers of the whole graph to node numbers within each batch."""

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
    seed: Tensor,
    seed_batch: Tensor,
    source: Tensor,
    center: Tensor,
    num_seeds: list[int],
    num_nodes: int,
) -> LocalEdges:
    r"""Numbers the nodes of each batch: its seeds first, then other nodes as they first appear.

    A node that is a seed of its batch more than once keeps all its rows, and is the source of
    edges from the first of them. Time and memory do not depend on :obj:`num_nodes`.

    Args:
        seed (torch.Tensor): The seeds of all batches, batch by batch, of shape :obj:`[M]`.
        seed_batch (torch.Tensor): The batch of each seed, of shape :obj:`[M]`.
        source (torch.Tensor): The source node of each edge, batch by batch, of shape :obj:`[E]`.
        center (torch.Tensor): The position in :obj:`seed` of its target, of shape :obj:`[E]`.
        num_seeds (List[int]): The number of seeds of each batch.
        num_nodes (int): The number of nodes in the graph.
    """
    source_batch = seed_batch[center]
    size = torch.tensor(num_seeds, device=seed.device)
    seed_local = torch.arange(seed.numel(), device=seed.device)
    seed_local = seed_local - (size.cumsum(0) - size)[seed_batch]

    key = torch.cat([seed_batch * num_nodes + seed, source_batch * num_nodes + source])
    distinct, group = key.unique(return_inverse=True)
    entry = torch.arange(key.numel(), device=key.device)
    first = distinct.scatter_reduce(0, group, entry, "amin", include_self=False)[group]

    is_new = (first == entry)[seed.numel() :]
    count = torch.zeros((2, len(num_seeds)), dtype=torch.long, device=seed.device)
    count[0].scatter_add_(0, source_batch, is_new.long())
    count[1].scatter_add_(0, source_batch, torch.ones_like(source_batch))
    new_offset = size + count[0] - count[0].cumsum(0)
    new_local = is_new.cumsum(0) - 1 + new_offset[source_batch]

    local = torch.cat([seed_local, new_local])
    num_new_nodes, num_edges = count.tolist()
    return LocalEdges(
        row=local[first[seed.numel() :]],
        col=seed_local[center],
        new_node=source[is_new],
        num_new_nodes=num_new_nodes,
        num_edges=num_edges,
    )
