r"""Batches of centers with sampled neighbors, in the layout of PyG's neighbor loader."""

import copy
from collections.abc import Iterable, Iterator
from itertools import chain
from types import MethodType
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.loader import NeighborLoader
from torch_geometric.sampler import SamplerOutput

from nrae_geometric.arguments import flag
from nrae_geometric.loader.checks import (
    check_generator,
    checked_batch_size,
    checked_data,
    checked_input_nodes,
    checked_num_neighbors,
    checked_options,
)
from nrae_geometric.loader.csc import CSCGraph
from nrae_geometric.loader.neighborhood_sampler import NeighborhoodSampler
from nrae_geometric.loader.stores import (
    Stores,
    are_stores,
    stored_attributes,
    stored_batch,
    stored_graph,
)

# Enough for a chunk's fixed cost to vanish, small enough for index tensors of some 30 MB.
_EDGES_PER_CHUNK = 2**18


class NeighborhoodLoader(NeighborLoader):
    r"""Loads batches of centers with a random choice of their graph neighbors.

    Batches are those of a one-hop :class:`~torch_geometric.loader.NeighborLoader`: the first
    :obj:`batch_size` rows of :obj:`x` are the centers, the others their neighbors, each node once;
    :obj:`edge_index` runs from neighbor (row 0) to center (row 1), grouped by center; :obj:`n_id`
    and :obj:`e_id` are the numbers of nodes and edges in :obj:`data`. Where all centers have
    equally many edges, :obj:`edges_per_center` is their number, the center's own included.

    No compiled extension is needed, and fewer neighbors than asked for are an error. A center's
    own edge is its self loop, which is never drawn as a neighbor; where there is none, it is
    numbered :obj:`data.num_edges + n_id` and has attributes of zero.

    .. code-block:: python

        data = KNNGraph(k=10)(Data(x=points))
        loader = NeighborhoodLoader(data, num_neighbors=2, batch_size=32, shuffle=True)
        for batch in loader:
            loss = model.loss(batch)

    .. note::

        With :obj:`num_workers=0` the batches of an epoch are drawn together, on the device of
        :obj:`data.edge_index`. They depend on the state of :obj:`generator` at the first batch
        alone, and each epoch advances it by one draw. The same holds for workers, except for
        :obj:`persistent_workers`, which carry a random state of their own.

    Args:
        data (torch_geometric.data.Data or tuple): The graph, with :obj:`edge_index` from neighbor
            (row 0) to center (row 1), a tensor, an array or lists. Of parallel edges each is a
            neighbor. Where there is no :obj:`x`, its batches have :obj:`pos` as :obj:`x`; neither
            has a gradient's history in them. Or PyG's pair :obj:`(feature_store, graph_store)`,
            such as :class:`PointStore` and :class:`EdgeStore`, for points that are not in memory:
            a batch asks the feature store for the rows of its nodes and for nothing else. Such
            batches have no attributes of edges.
        num_neighbors (int, optional): The number of neighbors to draw for each center, besides
            the center itself. :obj:`None` takes all of them.
        include_center (bool, optional): If :obj:`True`, each center also has an edge from itself,
            before those from its neighbors. A node without neighbors then has this edge alone.
            (default: :obj:`True`)
        replace (bool, optional): If :obj:`True`, draws with replacement. (default: :obj:`False`)
        batch_size (int, optional): The number of centers in a batch. (default: :obj:`1`)
        shuffle (bool, optional): If :obj:`True`, centers come in a new order in every epoch.
            (default: :obj:`False`)
        generator (torch.Generator, optional): The source of randomness, a CPU generator also for
            data on other devices. :obj:`None` uses PyTorch's default generator.
            (default: :obj:`None`)
        **dataloader_kwargs (optional): :obj:`input_nodes` (indices or a mask of the centers),
            :obj:`transform`, :obj:`transform_sampler_output` and :obj:`filter_per_worker` of
            :class:`~torch_geometric.loader.NeighborLoader`, and arguments of
            :class:`torch.utils.data.DataLoader`, such as :obj:`drop_last` or :obj:`num_workers`.

    Raises:
        TypeError: If :obj:`data` is neither a graph nor a pair of stores, an argument is of
            another type, or an option of :class:`~torch_geometric.loader.NeighborLoader` has no
            meaning here.
        ValueError: If an attribute of nodes or edges is of another length than those are, a node
            has fewer neighbors than are drawn from it without replacement or none at all (the
            message names it), or an argument is out of range.
    """

    def __init__(
        self,
        data: Data | Stores,
        num_neighbors: int | None,
        *,
        include_center: bool = True,
        replace: bool = False,
        batch_size: int = 1,
        shuffle: bool = False,
        generator: torch.Generator | None = None,
        **dataloader_kwargs: Any,
    ) -> None:
        include_center = flag("include_center", include_center)
        replace = flag("replace", replace)
        num_neighbors = checked_num_neighbors(num_neighbors, include_center)
        check_generator(generator)
        options = checked_options(dataloader_kwargs)
        edges: Tensor | CSCGraph
        if are_stores(data):
            self._stored_attributes = stored_attributes(data)
            edges = stored_graph(data)
            num_nodes, is_cuda = edges.num_nodes, False
        else:
            data = checked_data(data)
            num_nodes, is_cuda = data.num_nodes, data.is_cuda
            # CUDA does not survive the fork into a worker.
            in_workers = options.get("num_workers", 0) > 0
            edges = data.edge_index.cpu() if in_workers else data.edge_index
        nodes = checked_input_nodes(dataloader_kwargs.get("input_nodes"), num_nodes)
        if nodes is None and are_stores(data):
            nodes = torch.arange(num_nodes)
        options["input_nodes"] = nodes
        if options.get("filter_per_worker") is None:
            # As PyG has it, which would write its choice to the root logger.
            options["filter_per_worker"] = not is_cuda
        sampler = NeighborhoodSampler(edges, num_nodes, num_neighbors, include_center, replace)
        super().__init__(
            data,
            [-1 if num_neighbors is None else num_neighbors],
            replace=replace,
            neighbor_sampler=sampler,
            batch_size=checked_batch_size(batch_size),
            shuffle=None if shuffle is None else flag("shuffle", shuffle),
            generator=generator,
            **options,
        )
        self._num_parts = 1
        self._edge_attributes = (
            {} if are_stores(data) else _edge_attributes(data, num_nodes if include_center else 0)
        )
        seeds = self.input_data.node.to(sampler.device)
        sampler.check_seeds(seeds)
        self._seeds_per_chunk = 1 + _EDGES_PER_CHUNK * len(seeds) // (1 + sampler.num_edges(seeds))

    @property
    def rows_per_batch(self) -> int:
        r"""The number of centers and neighbors in a batch, each as often as it is drawn.

        Where all neighbors of a center are taken, they are counted by their mean number.
        """
        seeds = self.input_data.node.to(self.node_sampler.device)
        num_rows = self.node_sampler.num_edges(seeds)
        if not self.node_sampler.include_center:
            num_rows += len(seeds)
        num_rows = min(self.batch_size, len(seeds)) * num_rows // max(len(seeds), 1)
        return -(-num_rows // self._num_parts)

    def part(self, rank: int, count: int) -> Self:
        r"""Returns a loader of one of several equal parts of each batch.

        All parts draw the same centers and neighbors as the whole loader from a generator in the
        same state; each then keeps centers that follow each other. The attribute :obj:`part` of its
        batches, a :class:`Part`, says which, and has a weight: a loss that is a mean over centers,
        multiplied by it, is that of the whole batch in the mean over the parts. A part without a
        center has the batch's first one, and a weight of zero.

        Args:
            rank (int): The number of the part, from 0.
            count (int): The number of parts.
        """
        loader = copy.copy(self)
        loader._num_parts = count
        loader.node_sampler = self.node_sampler.part(rank, count)
        loader.collate_fn = MethodType(type(self).collate_fn, loader)  # that of worker processes
        return loader

    def __iter__(self) -> Iterator[Data]:
        return super().__iter__() if self.num_workers > 0 else self._iterate_chunks()

    def __call__(self, index: Tensor | list[int]) -> Data:
        r"""Draws the batch whose centers are the given positions in :obj:`input_nodes`."""
        inputs = self.input_data[index]
        return self.filter_fn(
            self.node_sampler.sample_from_nodes(inputs, generator=self._spawn_generator())
        )

    def filter_fn(self, out: SamplerOutput) -> Data:
        r"""Joins the sampled nodes and edges with their attributes."""
        edges_per_center = self.node_sampler.edges_per_seed
        if self.transform_sampler_output is not None:
            out, edges_per_center = self.transform_sampler_output(out), None
        if are_stores(self.data):
            batch = stored_batch(self.data[0], self._stored_attributes, out)
            store, device = batch.stores[0], out.node.device
        else:
            batch = copy.copy(self.data)
            store = batch.stores[0]  # spares the detours of attributes of the batch
            for key in self.data.node_attrs():
                value = self.data[key]
                store[key] = _select(value, out.node, self.data.__cat_dim__(key, value))
            if "num_nodes" in store:
                store["num_nodes"] = out.node.numel()
            for key, (value, dim) in self._edge_attributes.items():
                store[key] = _select(value, out.edge, dim)
            device = self.data.edge_index.device
        store["edge_index"] = torch.stack([out.row, out.col]).to(device)
        store["n_id"] = out.node.to(device)
        store["e_id"] = out.edge.to(device)
        if out.batch is not None:
            store["batch"] = out.batch.to(device)
        store["num_sampled_nodes"] = out.num_sampled_nodes
        store["num_sampled_edges"] = out.num_sampled_edges
        store["input_id"] = out.metadata[0].to(device)
        store["batch_size"] = out.metadata[0].numel()
        if self._num_parts > 1:
            store["part"] = out.metadata[2]
        if edges_per_center is not None:
            store["edges_per_center"] = edges_per_center
        return batch if self.transform is None else self.transform(batch)

    def _iterate_chunks(self) -> Iterator[Data]:
        generator = self._spawn_generator()
        pin_memory = self.pin_memory and torch.cuda.is_available()
        for chunk in _group(self.batch_sampler, self._seeds_per_chunk):
            inputs = self.input_data[torch.tensor(list(chain.from_iterable(chunk)))]
            num_seeds = [len(batch) for batch in chunk]
            for out in self.node_sampler.sample_batches(inputs, num_seeds, generator):
                batch = self.filter_fn(out)
                yield batch.pin_memory() if pin_memory else batch

    def _spawn_generator(self) -> torch.Generator:
        # One draw from the user's generator, so that its state afterwards depends neither on the
        # device nor on how much of the epoch is used.
        seed = torch.empty((), dtype=torch.int64).random_(generator=self.generator)
        return torch.Generator(self.node_sampler.device).manual_seed(int(seed))

    def __repr__(self) -> str:
        sampler = self.node_sampler
        shuffle = isinstance(self.sampler, torch.utils.data.RandomSampler)
        return (
            f"{type(self).__name__}(num_nodes={sampler.num_nodes}, "
            f"num_neighbors={sampler.num_neighbors}, include_center={sampler.include_center}, "
            f"replace={sampler.replace}, "
            f"batch_size={self.batch_size}, shuffle={shuffle})"
        )


def _group(batches: Iterable[list[int]], num_seeds: int) -> Iterator[list[list[int]]]:
    """Groups consecutive batches until a group has at least num_seeds seeds."""
    group: list[list[int]] = []
    size = 0
    for batch in batches:
        group.append(batch)
        size += len(batch)
        if size >= num_seeds:
            yield group
            group, size = [], 0
    if group:
        yield group


def _select(value: Any, index: Tensor, dim: int) -> Any:
    if isinstance(value, Tensor):
        return value.index_select(dim, index.to(value.device))
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.take(index.cpu().numpy(), axis=dim))
    if isinstance(value, list | tuple):
        return [value[i] for i in index.tolist()]
    return value[index]


def _edge_attributes(data: Data, num_own_edges: int) -> dict[str, tuple[Any, int]]:
    """Returns attributes of the graph's edges and of own edges after them, and their dimension."""
    attributes = {}
    for key in data.edge_attrs():
        if key != "edge_index":
            value = data[key]
            dim = data.__cat_dim__(key, value)
            if num_own_edges > 0:
                value = torch.as_tensor(value)
                shape = list(value.shape)
                shape[dim] = num_own_edges
                # As PyG's graph networks have it: the weight of an added self-loop is 1.
                fill = 1 if key == "edge_weight" else 0
                value = torch.cat([value, value.new_full(shape, fill)], dim=dim)
            attributes[key] = (value, dim)
    return attributes
