r"""Approximate search: exact, but among the points of the nearest cells alone."""

import logging
from contextlib import ExitStack

import torch
from torch import Tensor

from nrae_geometric.neighbors.backends.cells import CELL_POINTS, CellFile, Cluster
from nrae_geometric.neighbors.backends.recall import (
    StreamedSample,
    Unit,
    complete_rows,
    rank_candidates,
    roundoff,
)
from nrae_geometric.neighbors.backends.torch import TorchBackend
from nrae_geometric.neighbors.ranking import smallest
from nrae_geometric.neighbors.rows import PointRows

logger = logging.getLogger(__name__)

# Cells that each is compared with at least, and entries of the table of all of them.
_FEWEST_CELLS, _MOST_ENTRIES = 4, 1 << 26
# Candidates beyond the neighbors: mostly enough to prove that nothing nearer was left out.
_SPARE = 4


def search_in_cells(
    x: PointRows,
    k: int,
    rows: range,
    distance: Tensor,
    neighbor: Tensor,
    *,
    cluster: Cluster,
    recall: float,
    most_bytes: int,
) -> float:
    r"""Searches cell by cell, each among the nearest cells exactly, and returns the recall.

    In how many of the nearest cells is doubled until a sample has the recall that is asked for.
    Rows with too few neighbors, as these cells have no more, are searched exactly. The time grows
    with the number of points, not with its square, and the memory does not grow.

    Args:
        x (PointRows): Points :math:`[N, D]`.
        k (int): Number of neighbors.
        rows (range): The points that are sought for.
        distance (torch.Tensor): Where their distances are written :math:`[M, k]`.
        neighbor (torch.Tensor): Where their neighbors are written :math:`[M, k]`.
        cluster (Callable): Finds the centers of cells.
        recall (float): The recall that is asked for. A lower one is warned about.
        most_bytes (int): The size of the points, and of the results, that are in memory at once.

    Raises:
        OSError: If the folder for temporary files of the points has too little space.
    """
    sample = StreamedSample(x, k, rows)
    with ExitStack() as files:
        cells = CellFile(x, cluster, most_bytes, files)
        table = _wide_enough(x, k, cells, sample, recall)
        results = _Results(rows, distance, neighbor, most_bytes // 4)
        with x.bar("searching", len(rows)) as bar:
            for region in cells.regions:
                places = torch.arange(*cells.starts[[region.start, region.stop]].tolist())
                number = cells.numbers(places)
                is_sought = (number >= rows.start) & (number < rows.stop)
                near, nearest = _nearest(k, cells, places[is_sought], table)
                results.add(number[is_sought], x.distance(near), nearest)
                bar.update(len(near))
        results.write()
    complete_rows(x, k, rows, distance, neighbor)
    measured = sample.recall(distance[sample.rows - rows.start])
    level = logging.INFO if measured >= recall else logging.WARNING
    logger.log(
        level, "%d of %d cells hold %.4f of the neighbors", table.size(1), len(cells), measured
    )
    return measured


def _wide_enough(
    x: PointRows, k: int, cells: CellFile, sample: StreamedSample, recall: float
) -> Tensor:
    """The nearest cells of each ``[C, B]``, so many that a sample has the recall."""
    most = min(len(cells), max(_FEWEST_CELLS, _MOST_ENTRIES // len(cells)))
    breadth = min(most, max(_FEWEST_CELLS, 2 * k // CELL_POINTS))
    places, order = cells.places(sample.rows).sort()
    while True:
        table = _nearest_cells(cells.centers, breadth)
        near, _ = _nearest(k, cells, places, table)
        measured = sample.recall(x.distance(near[order.argsort()]))
        logger.info("%d of %d cells: recall %.4f", breadth, len(cells), measured)
        if measured >= recall or breadth >= most:
            return table
        breadth = min(2 * breadth, most)


def _nearest_cells(centers: Tensor, count: int) -> Tensor:
    """The cells with the nearest centers ``[C, count]``, itself among them, by number."""
    table = torch.arange(len(centers)).unsqueeze(1)
    if count > 1:
        others = TorchBackend().search(centers, count - 1, None)[1]
        table = torch.cat([table, others], dim=1).sort(dim=1).values
    return table.int()


def _nearest(k: int, cells: CellFile, places: Tensor, table: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest of the points in the nearest cells: Euclidean distances and numbers ``[M, k]``.

    Args:
        k (int): Number of neighbors; infinitely far and -1 where there are not so many.
        cells (CellFile): All cells.
        places (Tensor): Where the points are that are sought for ``[M]``, sorted.
        table (Tensor): The cells to look into for points of each ``[C, B]``.
    """
    query = cells.points(places)
    itself = cells.numbers(places).unsqueeze(1)
    owner = torch.searchsorted(cells.starts, places, right=True) - 1
    own, counts = owner.unique_consecutive(return_counts=True)
    near = query.new_full((len(places), k), torch.inf)
    nearest = torch.full((len(places), k), -1)
    for part in cells.parts(table[own].unique().long()):
        block = cells.read(part)
        starts = block.starts.tolist()
        width = min(k + 1, len(block.points))
        distance = near.new_full((len(places), width), torch.inf)
        number = nearest.new_full((len(places), width), -1)
        stop = 0
        for cell, count in zip(own.tolist(), counts.tolist(), strict=True):
            start, stop = stop, stop + count
            others = table[cell].long()
            at = torch.searchsorted(part, others).clamp_(max=len(part) - 1)
            at = at[part[at] == others]
            spans = [slice(starts[i], starts[i + 1]) for i in at.tolist()]
            if not spans:
                continue
            numbers = torch.cat([block.numbers[span] for span in spans])
            found, index = _nearest_of(
                torch.cat([block.points[span] for span in spans]),
                min(width, len(numbers)),
                query[start:stop],
            )
            distance[start:stop, : found.size(1)] = found
            number[start:stop, : found.size(1)] = numbers[index]
        distance[number == itself] = torch.inf
        number[number == itself] = -1
        near, nearest = smallest(
            torch.cat([near, distance], dim=1), torch.cat([nearest, number], dim=1), k
        )
    return near, nearest


def _nearest_of(x: Tensor, k: int, query: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest of few points exactly: distances and rows ``[M, k]``.

    Products in float32 tell them where rounding leaves no doubt.
    """
    unit = Unit(x)
    points, queries = unit.float32(x), unit.float32(query)
    norm = points.square().sum(dim=1)
    width = min(k + _SPARE, len(x))
    score, found = torch.addmm(norm, queries, points.T, alpha=-2).topk(width, largest=False)
    beyond = None
    if width < len(x):
        least = score[:, -1] + queries.square().sum(dim=1) - roundoff(points, queries)
        beyond = least.clamp(min=0).sqrt() / unit.scale
    return rank_candidates(x, k, query, torch.arange(len(query)), found, beyond)


class _Results:
    """Results in any order, which are written in parts, each in the order of the rows."""

    def __init__(self, rows: range, distance: Tensor, neighbor: Tensor, most_bytes: int) -> None:
        self._first, self._out, self._most = rows.start, (distance, neighbor), most_bytes
        self._parts: list[tuple[Tensor, Tensor, Tensor]] = []
        self._size = 0

    def add(self, number: Tensor, distance: Tensor, neighbor: Tensor) -> None:
        """Takes the distances and neighbors ``[M, k]`` of some points ``[M]``."""
        part = number, distance, neighbor.to(self._out[1].dtype)
        self._parts.append(part)
        self._size += sum(each.nbytes for each in part)
        if self._size > self._most:
            self.write()

    def write(self) -> None:
        """Writes what was added."""
        if not self._parts:
            return
        number, *values = (torch.cat(each) for each in zip(*self._parts, strict=True))
        self._parts, self._size = [], 0
        number, order = number.sort()
        for out, value in zip(self._out, values, strict=True):
            out[number - self._first] = value[order]
