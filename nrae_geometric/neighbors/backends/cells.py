r"""Points on the disk in the order of their cells: an inverted file beyond memory."""

import math
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import torch
from torch import Tensor

from nrae_geometric.neighbors.backends.recall import Unit
from nrae_geometric.neighbors.rows import PointRows

# Points of a cell on average, and at most.
CELL_POINTS, _MOST_CELL_POINTS = 256, 1024
# Each region is a file that is open while points are divided.
_MOST_REGIONS = 512
_SAMPLED_PER_REGION, _FEWEST_SAMPLED = 256, 10_000

Assign = Callable[[Tensor], Tensor]
Cluster = Callable[[Tensor, int], tuple[Assign, Tensor]]
"""Finds so many centers of points ``[B, D]`` in float32; what assigns points to them, and they."""


class CellBlock(NamedTuple):
    """Some cells in memory.

    Attributes:
        points (Tensor): Their points ``[B, D]``, as they were read.
        numbers (Tensor): The number of each among all points ``[B]``.
        starts (Tensor): Where each cell starts among them, and the last one ends ``[C + 1]``.
    """

    points: Tensor
    numbers: Tensor
    starts: Tensor


class CellFile:
    r"""Points in files that have no names, in the order of their cells.

    k-means on a sample divides all points into regions, which are written one after the other, and
    k-means in each region divides it into cells of 256 points on average; those of more than 1024
    are divided again. The number of regions, and of cells in each, grows with the square root of
    the number of points, and so do the comparisons that find the cell of a point.

    Args:
        x (PointRows): Points :math:`[N, D]`.
        cluster (Callable): Finds centers, see :obj:`Cluster`.
        most_bytes (int): The size of the points that are in memory at once.
        files (ExitStack): What closes them, and so gives their space back.

    Attributes:
        centers (torch.Tensor): The centers of cells :math:`[C, D]`, float64.
        starts (torch.Tensor): Where each cell starts, and the last one ends :math:`[C + 1]`.
        regions (list of range): The cells of each region, which lie near each other.
        most_rows (int): The number of points that are in memory at once.

    The files are in the folder for temporary files of the points, and take a little more than
    these.

    Raises:
        OSError: If the disk has too little space, or is full.
    """

    centers: Tensor
    starts: Tensor

    def __init__(self, x: PointRows, cluster: Cluster, most_bytes: int, files: ExitStack) -> None:
        first = x.read(slice(0, 1)).numpy()
        self._type, self._dim = first.dtype, first.shape[1]
        self._record = np.dtype([("number", np.int64), ("point", self._type, self._dim)])
        self.most_rows = max(1, most_bytes // self._record.itemsize)
        # A region is gone once its points are in order.
        _check_space(x.folder, round(1.25 * len(x) * self._record.itemsize))
        self._cluster, self._folder, self._files = cluster, x.folder, files
        count = math.ceil(max((len(x) / CELL_POINTS) ** 0.5, 4 * len(x) / self.most_rows))
        self._sort(x, self._divided(x, min(_most_files(), count, len(x))))

    def __len__(self) -> int:
        return len(self.centers)

    def places(self, numbers: Tensor) -> Tensor:
        """Returns where the points with these numbers are ``[M]``, which are sorted."""
        places = torch.empty_like(numbers)
        for start in range(0, len(self._numbers), self.most_rows):
            found = torch.from_numpy(np.array(self._numbers[start : start + self.most_rows]))
            at = torch.searchsorted(numbers, found).clamp_(max=len(numbers) - 1)
            is_one = (numbers[at] == found).nonzero().view(-1)
            places[at[is_one]] = is_one + start
        return places

    def points(self, places: Tensor) -> Tensor:
        """Reads the points at sorted places ``[M, D]``, as they were read."""
        return torch.from_numpy(np.asarray(self._points[places.numpy()]))

    def numbers(self, places: Tensor) -> Tensor:
        """Reads the numbers of the points at sorted places ``[M]``."""
        return torch.from_numpy(np.asarray(self._numbers[places.numpy()]))

    def read(self, cells: Tensor) -> CellBlock:
        """Reads the points of cells ``[C]``, which are sorted."""
        first, last = self.starts[cells], self.starts[cells + 1]
        starts = torch.cat([first.new_zeros(1), (last - first).cumsum(0)])
        points = np.empty((int(starts[-1]), self._dim), self._type)
        numbers = np.empty(len(points), np.int64)
        # Neighboring cells are read at once.
        is_gap = torch.cat([cells.new_ones(1, dtype=torch.bool), first[1:] != last[:-1]])
        runs = is_gap.nonzero().view(-1).tolist()
        for begin, end in zip(runs, [*runs[1:], len(cells)], strict=True):
            here = slice(int(starts[begin]), int(starts[end]))
            there = slice(int(first[begin]), int(last[end - 1]))
            points[here], numbers[here] = self._points[there], self._numbers[there]
        return CellBlock(torch.from_numpy(points), torch.from_numpy(numbers), starts)

    def parts(self, cells: Tensor) -> Iterator[Tensor]:
        """Yields parts of some cells, whose points are in memory at once."""
        ends = (self.starts[cells + 1] - self.starts[cells]).cumsum(0)
        start = 0
        while start < len(cells):
            most = self.most_rows + (int(ends[start - 1]) if start else 0)
            stop = max(start + 1, int(torch.searchsorted(ends, most, right=True)))
            yield cells[start:stop]
            start = stop

    def _divided(self, x: PointRows, count: int) -> list[IO[bytes]]:
        """Writes the points of each region to a file."""
        size = min(len(x), max(_FEWEST_SAMPLED, count * _SAMPLED_PER_REGION))
        sample = x.read(np.sort(np.random.default_rng(0).choice(len(x), size, replace=False)))
        unit = Unit(sample)
        assign, _ = self._cluster(unit.float32(sample), count)
        regions = [self._new_file() for _ in range(count)]
        for block in x.blocks(title="dividing"):
            points = x.read(block)
            region, order = assign(unit.float32(points)).sort(stable=True)
            records = np.empty(len(points), self._record)
            records["number"], records["point"] = order + block.start, points[order]
            ends = region.bincount(minlength=count).cumsum(0).tolist()
            for file, start, end in zip(regions, [0, *ends], ends, strict=False):
                file.write(records[start:end].tobytes())
        return regions

    def _sort(self, x: PointRows, regions: list[IO[bytes]]) -> None:
        """Divides each region into cells, and writes its points in their order."""
        by_cell, numbers = self._new_file(), self._new_file()
        centers, sizes = [], [torch.zeros(1, dtype=torch.long)]
        self.regions: list[range] = []
        with x.bar("sorting", len(x)) as bar:
            for file in regions:
                file.seek(0)
                while content := file.read(self.most_rows * self._record.itemsize):
                    records = np.frombuffer(content, self._record)
                    points = torch.from_numpy(records["point"].copy())
                    order, size, center = self._cells(points)
                    by_cell.write(points[order].numpy().tobytes())
                    numbers.write(records["number"][order.numpy()].tobytes())
                    centers.append(center)
                    sizes.append(size)
                    before = self.regions[-1].stop if self.regions else 0
                    self.regions.append(range(before, before + len(size)))
                    bar.update(len(points))
                file.close()
        by_cell.flush()
        numbers.flush()
        self.centers = torch.cat(centers)
        self.starts = torch.cat(sizes).cumsum(0)
        self._points = np.memmap(by_cell, self._type, "r", shape=(len(x), self._dim))
        self._numbers = np.memmap(numbers, np.int64, "r", shape=(len(x),))

    def _cells(self, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The order ``[B]`` that puts points into cells, their sizes ``[C]`` and centers."""
        unit = Unit(points)
        scaled = unit.float32(points)
        assign, found = self._cluster(scaled, math.ceil(len(points) / CELL_POINTS))
        cell, order = assign(scaled).sort(stable=True)
        sizes = cell.bincount(minlength=len(found))
        centers = unit.restored(found)
        del scaled
        orders, parts, places = [], [], []
        for rows, center in zip(order.split(sizes.tolist()), centers, strict=True):
            if len(rows) <= _MOST_CELL_POINTS:
                part = torch.tensor([len(rows)] if len(rows) else [], dtype=torch.long)
                place = center.expand(len(part), -1)
            elif len(rows) < len(points):
                # They are much denser than others, and need a unit of their own.
                inner, part, place = self._cells(points[rows])
                rows = rows[inner]
            else:
                # Nothing divides duplicates.
                count = -(-len(rows) // _MOST_CELL_POINTS)
                part = torch.arange(count + 1).mul_(len(rows)).div_(count, rounding_mode="floor")
                part, place = part.diff(), center.expand(count, -1)
            orders.append(rows)
            parts.append(part)
            places.append(place)
        return torch.cat(orders), torch.cat(parts), torch.cat(places)

    def _new_file(self) -> IO[bytes]:
        # Without a name: nothing is left of it, whatever ends the process.
        return self._files.enter_context(tempfile.TemporaryFile(dir=self._folder))


def _most_files() -> int:
    """How many regions there may be: half of the files that this process may have open."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows, which allows for more
        return _MOST_REGIONS
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST_REGIONS if most == resource.RLIM_INFINITY else min(_MOST_REGIONS, 1 + most // 2)


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(
            f"the points in the order of their cells need {needed / 1e9:.3g} GB for a while, and "
            f"{folder} has {free / 1e9:.3g} GB; name a folder with more"
        )
