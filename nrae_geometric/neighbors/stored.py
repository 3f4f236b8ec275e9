r"""Neighbor graphs in files, beside the points that they are of.

.. code-block:: python

    x = np.load("points.npy", mmap_mode="r")
    graph = stored_knn_graph(x, 10, "points_graph")      # searched once, found by the next run
    edge_index, edge_length = precomputed_graph(graph.pair, num_nodes=len(x))

A folder has ``indices.npy`` :math:`[N, k]`, int32 where that can number the points, else int64,
``distances.npy`` :math:`[N, k]`, float32 or float64, and ``graph.json`` with the digest of the
points, the settings of the search, its recall, and the checksums of the two files.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import distributed

from nrae_geometric.arguments import flag
from nrae_geometric.atomic import atomic_write, write_json
from nrae_geometric.locking import FolderInUseError, FolderLock
from nrae_geometric.neighbors.backends import Backend
from nrae_geometric.neighbors.digest import points_digest
from nrae_geometric.neighbors.metrics import Metric
from nrae_geometric.neighbors.points import check_k
from nrae_geometric.neighbors.rows import PointRows
from nrae_geometric.neighbors.search import as_backend, as_metric
from nrae_geometric.neighbors.streamed import group_place, shard_rows, streamed_knn

_CARD = "graph.json"
_ARRAYS = ("indices", "distances")
_FORMAT = {"format": "nrae_geometric neighbor graph", "version": 1}
_BYTES_READ = 1 << 24
_SECONDS_BETWEEN = 0.1


class StoredGraph(NamedTuple):
    r"""A neighbor graph whose arrays stay on the disk.

    Attributes:
        indices (numpy.memmap): The neighbors of each point :math:`[N, k]`, nearest first.
        distances (numpy.memmap): How far they are :math:`[N, k]`.
        recall (float): The share of the true neighbors that it has, on a sample; 1 where the
            search was exact.
        settings (dict): The number of neighbors, metric and backend of the search.
    """

    indices: np.memmap
    distances: np.memmap
    recall: float
    settings: dict[str, Any]

    @property
    def pair(self) -> tuple[np.memmap, np.memmap]:
        r"""What :func:`~nrae_geometric.neighbors.precomputed_graph` and a fit's ``graph`` take."""
        return self.indices, self.distances


def stored_knn_graph(
    x: Any,
    k: int,
    folder: str | os.PathLike[str],
    *,
    metric: str | Metric = "euclidean",
    backend: str | Backend = "torch",
    rank: int | None = None,
    world_size: int | None = None,
    progress: bool = False,
) -> StoredGraph | None:
    r"""Returns the neighbor graph of points from a folder, after a search if it is not there.

    The points are known by a digest of all their rows. Reading them takes seconds for each gigabyte
    the first time; where they are a memory map of a whole file, or what
    :func:`~nrae_geometric.datasets.open_points` returns, and size, time of change and inode of the
    file are those that were noted then, they are not read again.

    Several processes share the search where they have a process group, or are told their rank:
    each writes the part of its rows, and the last one joins them. A process that is started again
    takes over a part that is complete. Files are written under temporary names, so that what has
    a name is whole.

    Args:
        x (array): Points :math:`[N, *]`, as in :func:`~nrae_geometric.neighbors.streamed_knn`.
        k (int): Number of neighbors.
        folder (str or os.PathLike): The folder of the graph, which is made if it is missing.
        metric (str or Metric, optional): As in :func:`~nrae_geometric.neighbors.knn`.
            (default: :obj:`"euclidean"`)
        backend (str or Backend, optional): As in
            :func:`~nrae_geometric.neighbors.streamed_knn`. (default: :obj:`"torch"`)
        rank (int, optional): As in :func:`~nrae_geometric.neighbors.shard_rows`.
            (default: :obj:`None`)
        world_size (int, optional): As in :func:`~nrae_geometric.neighbors.shard_rows`.
            (default: :obj:`None`)
        progress (bool, optional): Whether to show progress bars. (default: :obj:`False`)

    Returns:
        StoredGraph or None: The graph; :obj:`None` where other processes that are told their rank
        are still at work.

    Raises:
        TypeError: As :func:`~nrae_geometric.neighbors.streamed_knn`.
        ValueError: As :func:`~nrae_geometric.neighbors.streamed_knn`; or if the folder has the
            graph of other points or settings, or a damaged one.
        OSError: If a file cannot be written.
    """
    metric, engine, folder = as_metric(metric), as_backend(backend), Path(folder)
    points = PointRows(x, metric, progress=flag("progress", progress))
    k = check_k(k, len(points), leave_out_self=True)
    place = group_place(rank, world_size)
    in_group = rank is None and place[1] > 1
    card = _read_card(folder) if (folder / _CARD).exists() else None
    settings = {"k": k, "metric": repr(metric), "backend": repr(engine)}
    known = points_digest(x, None if card is None else card["points"])
    if card is not None:
        _check_same(folder, card, known, settings)
        return _opened(folder, card)
    if in_group:
        distributed.barrier()  # nobody has joined parts before all have looked
    card = {**_FORMAT, "points": known, "settings": settings}
    _write_part(folder, card, points, engine, place)
    if in_group:
        distributed.barrier()
    if place[1] > 1 and not (in_group and place[0] > 0):
        _join(folder, card, len(points), place[1])
    if in_group:
        distributed.barrier()
    return open_knn_graph(folder) if (folder / _CARD).exists() else None


def open_knn_graph(folder: str | os.PathLike[str], x: Any = None) -> StoredGraph:
    r"""Opens a graph that :func:`stored_knn_graph` has written, and checks its files.

    Args:
        folder (str or os.PathLike): The folder of the graph.
        x (array, optional): The points that it must be of. (default: :obj:`None`)

    Raises:
        FileNotFoundError: If there is no such graph.
        OSError: If the file of the points has become shorter.
        ValueError: If it is damaged or incomplete, of another program, or of other points.
    """
    folder = Path(folder)
    card = _read_card(folder)
    if x is not None:
        _check_same(folder, card, points_digest(x, card["points"]), card["settings"])
    return _opened(folder, card)


def _read_card(folder: Path) -> dict[str, Any]:
    path = folder / _CARD
    if not path.is_file():
        raise FileNotFoundError(f"there is no neighbor graph in {folder}: it has no {_CARD}")
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        is_ours = card["format"] == _FORMAT["format"]
        if is_ours and card["version"] != _FORMAT["version"]:
            raise ValueError(
                f"{path} is of version {card['version']} of the format, and this program knows "
                f"version {_FORMAT['version']}"
            )
        int(card["settings"]["k"]), float(card["recall"])
        is_ours &= all(isinstance(card["checksums"][name], str) for name in _ARRAYS)
        is_ours &= isinstance(card["points"]["digest"], str)
    except (KeyError, TypeError, UnicodeDecodeError, json.JSONDecodeError):
        is_ours = False
    if not is_ours:
        raise ValueError(
            f"{path} is damaged, or not of a neighbor graph; name another folder, or remove this "
            "one"
        )
    return card


def _check_same(
    folder: Path, card: dict[str, Any], points: dict[str, Any], settings: dict[str, Any]
) -> None:
    others = [
        f"{name} {card['settings'].get(name)}, not {value}"
        for name, value in settings.items()
        if card["settings"].get(name) != value
    ]
    if card["points"]["digest"] != points["digest"]:
        others.insert(0, "other points, or points that have changed since")
    if others:
        raise ValueError(
            f"{folder} has a neighbor graph of {'; '.join(others)}; name another folder, or remove "
            "this one"
        )


def _opened(folder: Path, card: dict[str, Any]) -> StoredGraph:
    arrays = []
    for name in _ARRAYS:
        path = folder / f"{name}.npy"
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
            is_whole = _checksum(path) == card["checksums"][name]
        except FileNotFoundError:
            raise ValueError(f"{folder} has {_CARD}, but no {path.name}; remove it") from None
        except (ValueError, EOFError):
            is_whole = False
        if not is_whole:
            raise ValueError(f"{path} is damaged: it is not what was written; remove {folder}")
        arrays.append(array)
    return StoredGraph(arrays[0], arrays[1], card["recall"], card["settings"])


def _write_part(
    folder: Path,
    card: dict[str, Any],
    points: PointRows,
    engine: Backend,
    place: tuple[int, int],
) -> None:
    """Searches the rows of this process, and writes what it finds, and last of all its card."""
    part = _part_name(*place)
    if _has_part(folder, card, part):
        return
    rows = shard_rows(len(points), *place)
    shape = (len(rows), card["settings"]["k"])
    types = (np.int32 if len(points) < 2**31 else np.int64, str(points.dtype)[len("torch.") :])
    with _whole_or_none(folder, part):
        with ExitStack() as files:
            arrays = []
            for name, dtype in zip(_ARRAYS, types, strict=True):
                temporary = files.enter_context(atomic_write(folder / f"{name}{part}.npy"))
                arrays.append(_new_array(temporary, dtype, shape))
            index, distance = map(torch.from_numpy, arrays)
            streamed_knn(
                points.values,
                shape[1],
                rows,
                metric=points.metric,
                backend=engine,
                out=(distance, index),
                folder=folder,
                progress=points.progress,
            )
            for array in arrays:
                array.flush()
        recall = getattr(engine, "measured_recall", None)
        _write_card(folder, card, part, 1.0 if recall is None else recall)


@contextmanager
def _whole_or_none(folder: Path, part: str) -> Iterator[None]:
    """Removes after an error the arrays that have got no card, and a folder that was made."""
    is_new = not folder.exists()
    try:
        yield
    except BaseException:
        with suppress(OSError):  # another process has its files there, or has removed it
            if not _card_path(folder, part).exists():
                for name in _ARRAYS:
                    (folder / f"{name}{part}.npy").unlink(missing_ok=True)
            if is_new:
                folder.rmdir()
        raise


def _card_path(folder: Path, part: str) -> Path:
    return folder / _CARD.replace(".json", f"{part}.json")


def _new_array(path: Path, dtype: Any, shape: tuple[int, int]) -> np.memmap:
    array = np.lib.format.open_memmap(path, "w+", dtype, shape)
    # Written through a map, a full disk would kill the process instead of raising an error.
    if hasattr(os, "posix_fallocate"):
        with path.open("rb+") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, path.stat().st_size))
    return array


def _write_card(folder: Path, card: dict[str, Any], part: str, recall: float) -> None:
    checksums = {name: _checksum(folder / f"{name}{part}.npy") for name in _ARRAYS}
    write_json(_card_path(folder, part), {**card, "recall": recall, "checksums": checksums})


def _part_name(rank: int, world_size: int) -> str:
    return "" if world_size == 1 else f"-{rank + 1}-of-{world_size}"


def _has_part(folder: Path, card: dict[str, Any], part: str) -> bool:
    path = _card_path(folder, part)
    if not path.exists():
        return False
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return found["points"]["digest"] == card["points"]["digest"] and (
            found["settings"] == card["settings"]
            and all(
                _checksum(folder / f"{name}{part}.npy") == found["checksums"][name]
                for name in _ARRAYS
            )
        )
    except (KeyError, TypeError, ValueError, FileNotFoundError):
        return False


def _join(folder: Path, card: dict[str, Any], num_points: int, world_size: int) -> None:
    """Joins the parts of all processes, if they are there, and removes them."""
    with ExitStack() as stack:
        while True:  # one process alone, as another removes what it has joined
            try:
                stack.enter_context(FolderLock(folder))
                break
            except FolderInUseError:
                time.sleep(_SECONDS_BETWEEN)
        parts = [_part_name(rank, world_size) for rank in range(world_size)]
        if all(_has_part(folder, card, part) for part in parts):
            _join_parts(folder, card, num_points, parts)


def _join_parts(folder: Path, card: dict[str, Any], num_points: int, parts: list[str]) -> None:
    cards = [json.loads(_card_path(folder, part).read_text(encoding="utf-8")) for part in parts]
    shares = [len(shard_rows(num_points, rank, len(parts))) for rank in range(len(parts))]
    recall = float(np.average([each["recall"] for each in cards], weights=shares))
    with _whole_or_none(folder, ""):
        for name in _ARRAYS:
            arrays = [np.load(folder / f"{name}{part}.npy", mmap_mode="r") for part in parts]
            with atomic_write(folder / f"{name}.npy") as temporary:
                shape = (num_points, card["settings"]["k"])
                whole = _new_array(temporary, arrays[0].dtype, shape)
                start = 0
                for array in arrays:
                    whole[start : start + len(array)] = array
                    start += len(array)
                whole.flush()
        _write_card(folder, card, "", recall)
    for part in parts:
        _card_path(folder, part).unlink(missing_ok=True)
        for name in _ARRAYS:
            (folder / f"{name}{part}.npy").unlink(missing_ok=True)


def _checksum(path: Path) -> str:
    digest = blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(_BYTES_READ):
            digest.update(block)
    return digest.hexdigest()
