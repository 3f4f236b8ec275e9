r"""Sampling of the neighbors of many batches at once."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn, Self

import torch
from torch import Tensor
from torch_geometric.sampler import BaseSampler, NodeSamplerInput, SamplerOutput

from nrae_geometric.loader.choose import choose_with_replacement, choose_without_replacement
from nrae_geometric.loader.csc import CSCGraph
from nrae_geometric.loader.relabel import BatchLayout, relabel

_SEEDS_AT_A_TIME = 2**22
_MAX_CACHED_LAYOUTS = 4  # the chunks of an epoch are equally long but for the last one


@dataclass(frozen=True)
class Part:
    r"""One of the parts of a batch, whose centers are divided in their order, as evenly as can be.

    Args:
        rank (int): The number of the part, from 0.
        count (int): The number of parts.
        total (int): The number of centers of the whole batch.
    """

    rank: int
    count: int
    total: int

    @property
    def first(self) -> int:
        r"""The number of the first of its centers in the batch."""
        return self.total * self.rank // self.count

    @property
    def end(self) -> int:
        r"""The number behind the last one; equal to :obj:`first` in a part without centers."""
        return self.total * (self.rank + 1) // self.count

    @property
    def weight(self) -> float:
        r"""The number of its centers, divided by the mean number in all parts."""
        return (self.end - self.first) * self.count / self.total


class NeighborhoodSampler(BaseSampler):
    r"""Draws in-neighbors of seed nodes uniformly, in pure PyTorch, on the graph's device.

    With :obj:`include_center` the edge of a seed :math:`i` from itself is its self loop, the first
    if there are several, which is never drawn as a neighbor. Where the graph has none, it is an
    edge beyond those of the graph, number :math:`E + i`.

    Args:
        edge_index (torch.Tensor or CSCGraph): Neighbor (row 0) and center (row 1) of each edge, of
            shape :obj:`[2, E]`; or a graph whose edges are grouped by center already. Without
            self loops, it is used as it is, and may be a map of a file.
        num_nodes (int): The number of nodes :math:`N`.
        num_neighbors (int, optional): The number of neighbors to draw for each seed, besides the
            seed itself. :obj:`None` takes all.
        include_center (bool, optional): If :obj:`True`, every seed's neighborhood begins with an
            edge from the seed to itself. (default: :obj:`True`)
        replace (bool, optional): If :obj:`True`, a neighbor may be drawn more than once.
            (default: :obj:`False`)
    """

    def __init__(
        self,
        edge_index: Tensor | CSCGraph,
        num_nodes: int,
        num_neighbors: int | None,
        include_center: bool = True,
        replace: bool = False,
    ) -> None:
        self.num_nodes = num_nodes
        self.num_neighbors = num_neighbors
        self.include_center = include_center
        self.replace = replace
        self._own_loop: Tensor | None = None
        if isinstance(edge_index, CSCGraph) and edge_index.has_self_loops():
            edge_index = edge_index.edge_index()
        if isinstance(edge_index, CSCGraph):
            self.graph, self._num_edges = edge_index, edge_index.source.numel()
        else:
            self.graph, self._num_edges = self._grouped(edge_index), edge_index.size(1)
        self._part = (0, 1)
        self._layouts: dict[tuple[int, ...], BatchLayout] = {}
        self._has_isolated_nodes = self.graph.has_isolated_nodes()

    def _grouped(self, edge_index: Tensor) -> CSCGraph:
        """Groups edges by center; loops, of which a center has its own edge, are none of them."""
        is_loop = edge_index[0] == edge_index[1]
        if not self.include_center or not bool(is_loop.any()):
            return CSCGraph.from_edge_index(edge_index, self.num_nodes)
        target, loop = edge_index[1], is_loop.nonzero().view(-1)
        own_edge = target.numel() + torch.arange(self.num_nodes, device=target.device)
        self._own_loop = own_edge.scatter_reduce_(0, target[loop], loop, "amin")
        edge_id = (~is_loop).nonzero().view(-1)
        return CSCGraph.from_edge_index(edge_index[:, edge_id], self.num_nodes, edge_id)

    @property
    def device(self) -> torch.device:
        r"""The device of the graph and of the sampling."""
        return self.graph.ptr.device

    @property
    def edges_per_seed(self) -> int | None:
        r"""The number of edges of every seed; :obj:`None` if seeds may differ."""
        if self.num_neighbors is None or self._has_isolated_nodes:
            return None
        return self.num_neighbors + self.include_center

    def part(self, rank: int, count: int) -> Self:
        r"""Returns a sampler that draws for all seeds, and keeps its part of each batch.

        Where a batch has fewer seeds than there are parts, a part without any has the first one,
        which counts nothing.

        Args:
            rank (int): The number of the part, from 0.
            count (int): The number of parts.
        """
        sampler = copy.copy(self)
        sampler._part, sampler._layouts = (rank, count), {}
        return sampler

    def check_seeds(self, node: Tensor) -> None:
        r"""Makes sure that every seed has the neighbors that are going to be drawn.

        Raises:
            ValueError: If a seed has no neighbors and does not bring itself, or has fewer
                neighbors than are drawn without replacement.
        """
        if not self.include_center:
            isolated = self._seeds_where(node, lambda degree: degree == 0)
            if isolated.numel() > 0:
                raise ValueError(
                    f"node {int(isolated[0])} has no neighbors: no edge points to it "
                    f"({isolated.numel()} such nodes in all); connect it, leave it out of "
                    f"input_nodes, or set include_center=True"
                )
        if self.num_neighbors is None or self.replace:
            return
        most = self.num_neighbors
        too_few = self._seeds_where(node, lambda degree: (degree > 0) & (degree < most))
        if too_few.numel() > 0:
            degree = self.graph.degree(too_few)
            raise ValueError(
                f"num_neighbors={most} is more than node {int(too_few[0])} has: {int(degree[0])} "
                f"besides itself ({too_few.numel()} such nodes in all); use at most "
                f"num_neighbors={int(degree.min())}, None for all neighbors, or replace=True"
            )

    def _seeds_where(self, node: Tensor, condition: Callable[[Tensor], Tensor]) -> Tensor:
        parts = node.split(_SEEDS_AT_A_TIME)
        return torch.cat([part[condition(self.graph.degree(part))] for part in parts])

    def num_edges(self, node: Tensor) -> int:
        r"""Returns the number of edges of the neighborhoods of all given nodes."""
        count = node.numel() * self.include_center
        for part in node.split(_SEEDS_AT_A_TIME):
            degree = self.graph.degree(part)
            if self.num_neighbors is not None:
                degree = (degree > 0) * self.num_neighbors
            count += int(degree.sum())
        return count

    def sample_from_nodes(
        self, index: NodeSamplerInput, generator: torch.Generator | None = None, **_: Any
    ) -> SamplerOutput:
        r"""Draws the neighborhoods of one batch of seeds."""
        return next(self.sample_batches(index, [index.node.numel()], generator))

    def sample_from_edges(self, *_: Any, **__: Any) -> NoReturn:
        r"""Raises, as neighborhoods are those of nodes."""
        raise NotImplementedError(f"{type(self).__name__} samples from nodes, not from edges")

    def sample_batches(
        self,
        index: NodeSamplerInput,
        num_seeds: list[int],
        generator: torch.Generator | None = None,
    ) -> Iterator[SamplerOutput]:
        r"""Draws the neighborhoods of many batches at once.

        Args:
            index (NodeSamplerInput): The seeds of all batches, batch by batch.
            num_seeds (List[int]): The number of seeds of each batch.
            generator (torch.Generator, optional): The source of randomness, on this sampler's
                device.

        Returns:
            One output for each batch. Edges are grouped by seed, in the order of the seeds, the
            seed's own edge first. The third entry of its metadata is its :class:`Part`.
        """
        seed = self._place(index.node)
        input_id = self._place(index.input_id)
        source, edge, count = self._draw(seed, generator)
        parts = [Part(*self._part, number) for number in num_seeds]
        if self._part[1] > 1:
            own, num_seeds = _own_seeds(parts)
            own = own.to(self.device)
            source, edge, count = _of_seeds(own, source, edge, count)
            seed, input_id = seed[own], input_id[own]
        layout = self._lay_out(num_seeds, count)
        row, new_node, num_new_nodes = relabel(seed, source, layout, self.num_nodes)
        batches = zip(
            seed.split(num_seeds),
            new_node.split(num_new_nodes),
            row.split(layout.num_edges),
            layout.col.clone().split(layout.num_edges),
            edge.split(layout.num_edges),
            input_id.split(num_seeds),
            parts,
            strict=True,
        )
        return (
            SamplerOutput(
                node=torch.cat([seeds, new_nodes]),
                row=row,
                col=col,
                edge=edge_id,
                num_sampled_nodes=[seeds.numel(), new_nodes.numel()],
                num_sampled_edges=[row.numel()],
                metadata=(ids, None, part),
            )
            for seeds, new_nodes, row, col, edge_id, ids, part in batches
        )

    def _place(self, index: Tensor) -> Tensor:
        if self.device.type == "cuda" and not index.is_cuda:
            index = index.pin_memory()  # so that the host does not wait for the device
        return index.to(self.device, non_blocking=True)

    def _lay_out(self, num_seeds: list[int], count: Tensor | int) -> BatchLayout:
        if not isinstance(count, int):
            return BatchLayout.from_counts(num_seeds, count, self.device)
        # With equally many edges for each seed, the next epoch has the same layouts.
        key = tuple(num_seeds)
        if key not in self._layouts:
            if len(self._layouts) >= _MAX_CACHED_LAYOUTS:
                self._layouts.clear()
            self._layouts[key] = BatchLayout.from_counts(num_seeds, count, self.device)
        return self._layouts[key]

    def _draw(
        self, seed: Tensor, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor, Tensor | int]:
        """Returns source and id of each drawn edge, seed by seed, and how many each seed has."""
        start = self.graph.ptr.index_select(0, seed)
        degree = self.graph.ptr.index_select(0, seed + 1) - start
        if self.num_neighbors is None:
            return self._with_center(seed, _segments(start, degree), degree)
        if self._has_isolated_nodes:
            connected = degree > 0
            position = self._choose(
                start[connected], degree[connected], self.num_neighbors, generator
            )
            return self._with_center(seed, position.view(-1), connected * self.num_neighbors)

        position = self._choose(start, degree, self.num_neighbors, generator)
        source, edge = self.graph.edges(position)
        if self.include_center:
            source = torch.cat([seed.view(-1, 1), source], dim=1)
            edge = torch.cat([self._own_edge(seed).view(-1, 1), edge], dim=1)
        return source.view(-1), edge.view(-1), source.shape[1]

    def _choose(
        self, start: Tensor, degree: Tensor, k: int, generator: torch.Generator | None
    ) -> Tensor:
        choose = choose_with_replacement if self.replace else choose_without_replacement
        return start.view(-1, 1) + choose(degree, k, generator)

    def _with_center(
        self, seed: Tensor, position: Tensor, count: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Looks up drawn edges, of which seeds have different numbers, and adds the seeds' own."""
        source, edge = self.graph.edges(position)
        if not self.include_center:
            return source, edge, count
        count = count + 1
        is_drawn = torch.ones(source.numel() + seed.numel(), dtype=torch.bool, device=seed.device)
        is_drawn[count.cumsum(0) - count] = False
        source = seed.repeat_interleave(count).masked_scatter_(is_drawn, source)
        edge = self._own_edge(seed).repeat_interleave(count).masked_scatter_(is_drawn, edge)
        return source, edge, count

    def _own_edge(self, seed: Tensor) -> Tensor:
        return seed + self._num_edges if self._own_loop is None else self._own_loop[seed]


def _own_seeds(parts: list[Part]) -> tuple[Tensor, list[int]]:
    """Returns the positions of the seeds of a part of each batch, and their numbers."""
    own, start = [], 0
    for part in parts:
        first, end = (part.first, part.end) if part.weight else (0, 1)
        own.append(torch.arange(start + first, start + end))
        start += part.total
    return torch.cat(own), [len(each) for each in own]


def _of_seeds(
    own: Tensor, source: Tensor, edge: Tensor, count: Tensor | int
) -> tuple[Tensor, Tensor, Tensor | int]:
    """Returns the edges of some seeds."""
    if isinstance(count, int):
        return source.view(-1, count)[own].view(-1), edge.view(-1, count)[own].view(-1), count
    start = count.cumsum(0) - count
    position = _segments(start[own], count[own])
    return source[position], edge[position], count[own]


def _segments(start: Tensor, length: Tensor) -> Tensor:
    """Returns start[0], ..., start[0] + length[0] - 1, start[1], ..."""
    offset = (start - (length.cumsum(0) - length)).repeat_interleave(length)
    return offset + torch.arange(offset.numel(), device=offset.device)
