r"""Batches of centers with sampled neighbors, in the layout of PyG's neighbor loader."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.loader import NeighborLoader
from torch_geometric.sampler import SamplerOutput

from nrae_geometric.loader.arguments import (
    check_edge_index,
    check_generator,
    check_num_neighbors,
    check_options,
)
from nrae_geometric.loader.filter import to_batch
from nrae_geometric.loader.neighborhood_sampler import NeighborhoodSampler

# Enough for a chunk's fixed cost to vanish, small enough for index tensors of some 30 MB.
_EDGES_PER_CHUNK = 2**18


class NeighborhoodLoader(NeighborLoader):
    r"""Loads batches of centers with a random choice of their graph neighbors.

    This is a one-hop :class:`~torch_geometric.loader.NeighborLoader` with a sampler of its own,
    and its batches have the same layout:

    * the first :obj:`batch_size` rows of :obj:`x` (and of every other node-level attribute) are
      the centers, the other rows their neighbors, each node once;
    * :obj:`edge_index` runs from neighbor (row 0) to center (row 1) in the batch's own numbering,
      grouped by center;
    * :obj:`n_id` and :obj:`e_id` are the numbers of nodes and edges in :obj:`data`, and
      :obj:`input_id` the positions of the centers in :obj:`input_nodes`;
    * :obj:`num_sampled_nodes` and :obj:`num_sampled_edges` are the numbers for each hop;
    * :obj:`edges_per_center` is the number of edges of each center, its own included, where all
      have the same.

    In contrast to the base class it needs no compiled extension, can let the center be one of its
    own neighbors, refuses to return fewer neighbors than asked for, and draws everything from
    one generator. Without workers, it draws all batches of an epoch together (about 260 000
    edges at a time at most) on the device that holds :obj:`data.edge_index`.

    .. code-block:: python

        data = KNNGraph(k=10)(Data(x=points))
        loader = NeighborhoodLoader(data, num_neighbors=2, batch_size=32, shuffle=True)
        for batch in loader:
            loss = model.loss(batch)

    .. note::

        Parallel edges are different edges: a neighbor with two edges is drawn twice as often.
        A self loop in the graph is a neighbor like any other with :obj:`include_center=False`.
        With :obj:`include_center=True` it is never drawn, but serves as the center's own edge.
        Where the graph has no such edge, the center's own edge has :obj:`e_id` :obj:`-1` and
        edge attributes of zero.

    .. note::

        With :obj:`num_workers=0` an epoch depends on the state of :obj:`generator` at its first
        batch and on nothing else, and the state afterwards does not depend on what was drawn.
        Saving the state between two epochs and restoring it repeats what follows. The same holds
        for workers, except for :obj:`persistent_workers`, which carry their own random state from
        epoch to epoch.

    Args:
        data (torch_geometric.data.Data): The graph, with :obj:`edge_index` from neighbor (row 0)
            to center (row 1).
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
        **dataloader_kwargs (optional): :obj:`input_nodes`, :obj:`transform`,
            :obj:`transform_sampler_output` and :obj:`filter_per_worker` of
            :class:`~torch_geometric.loader.NeighborLoader`, and arguments of
            :class:`torch.utils.data.DataLoader`, such as :obj:`drop_last` or :obj:`num_workers`.

    Raises:
        TypeError: If :obj:`data` is no :class:`~torch_geometric.data.Data`, or an option of
            :class:`~torch_geometric.loader.NeighborLoader` has no meaning here.
        ValueError: If a node has fewer neighbors than are drawn from it without replacement or
            none at all (the message names it), or an argument is out of range.
    """

    def __init__(
        self,
        data: Data,
        num_neighbors: int | None,
        *,
        include_center: bool = True,
        replace: bool = False,
        batch_size: int = 1,
        shuffle: bool = False,
        generator: torch.Generator | None = None,
        **dataloader_kwargs: Any,
    ) -> None:
        check_options(dataloader_kwargs)
        check_num_neighbors(num_neighbors, include_center)
        check_generator(generator)
        edge_index = check_edge_index(data)
        if dataloader_kwargs.get("num_workers", 0) > 0:
            edge_index = edge_index.cpu()  # CUDA does not survive the fork into a worker.
        sampler = NeighborhoodSampler(
            edge_index, data.num_nodes, num_neighbors, include_center, replace
        )
        super().__init__(
            data,
            [-1 if num_neighbors is None else num_neighbors],
            replace=replace,
            neighbor_sampler=sampler,
            batch_size=batch_size,
            shuffle=shuffle,
            generator=generator,
            **dataloader_kwargs,
        )
        if self.batch_sampler is None:
            raise ValueError("batch_size must be a positive integer (got None)")
        seeds = self.input_data.node.to(sampler.device)
        sampler.check_seeds(seeds)
        self._seeds_per_chunk = 1 + _EDGES_PER_CHUNK * len(seeds) // (1 + sampler.num_edges(seeds))

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
        if self.transform_sampler_output is not None:
            out = self.transform_sampler_output(out)
        batch = to_batch(self.data, out)
        if self.node_sampler.edges_per_seed is not None and self.transform_sampler_output is None:
            batch.edges_per_center = self.node_sampler.edges_per_seed
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
