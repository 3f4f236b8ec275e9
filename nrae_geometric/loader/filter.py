r"""Joins what a sampler drew with the attributes of its nodes and edges."""

import copy

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.loader.utils import filter_node_store_, index_select
from torch_geometric.sampler import SamplerOutput


def to_batch(data: Data, out: SamplerOutput) -> Data:
    r"""Builds the batch that :class:`~torch_geometric.loader.NeighborLoader` would build.

    What PyG's own filter cannot do is looking up the attributes of edges that are not in the graph
    (number :obj:`-1`): theirs are zero.

    Args:
        data (torch_geometric.data.Data): The whole graph.
        out (torch_geometric.sampler.SamplerOutput): Nodes and edges of the batch.
    """
    batch = copy.copy(data)
    source_store, store = data.stores[0], batch.stores[0]
    filter_node_store_(source_store, store, out.node)
    device = source_store["edge_index"].device
    edge = out.edge.to(device)
    for key in data.edge_attrs():
        if key != "edge_index":
            store[key] = _select_or_zero(data[key], edge, data.__cat_dim__(key, data[key]))
    store["edge_index"] = torch.stack([out.row, out.col]).to(device)
    if "n_id" not in store:
        store["n_id"] = out.node.to(device)
    if "e_id" not in store:
        store["e_id"] = edge
    if out.batch is not None:
        store["batch"] = out.batch.to(device)
    store["num_sampled_nodes"] = out.num_sampled_nodes
    store["num_sampled_edges"] = out.num_sampled_edges
    store["input_id"] = out.metadata[0].to(device)
    store["batch_size"] = out.metadata[0].numel()
    return batch


def _select_or_zero(value: Tensor | np.ndarray, index: Tensor, dim: int) -> Tensor:
    value = torch.as_tensor(value)
    size = list(value.shape)
    size[dim] = index.numel()
    if value.numel() == 0:
        return value.new_zeros(size)
    shape = [1] * value.ndim
    shape[dim] = -1
    index = index.to(value.device)
    missing = (index < 0).view(shape)
    return index_select(value, index.clamp(min=0), dim).masked_fill_(missing, 0)
