r"""Points from files of your own."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch_geometric.data import Data, InMemoryDataset

from nrae_geometric.datasets.formats import (
    OPENERS,
    READERS,
    RemediableError,
    UnusableError,
    WordsError,
    kind_of,
    read_images,
)
from nrae_geometric.datasets.formats.arrays import map_npy, read_npy
from nrae_geometric.registry import DatasetSettings, register_dataset


def read_points(
    path: str | os.PathLike[str], *, columns: Sequence[str] | None = None, mmap: bool = False
) -> tuple[NDArray[np.floating[Any]], list[str] | None]:
    r"""Reads points from a file or a folder. No file is ever executed.

    ============  =======================================================================
    file          points
    ============  =======================================================================
    ``.npy``      the array
    ``.npz``      the only array, or the one that :obj:`columns=["name"]` names
    ``.pt``       the tensor, as :func:`torch.save` wrote it
    ``.csv``      a column for each name in the first line, or those in :obj:`columns`
    ``.parquet``  every column, or those in :obj:`columns`, of a file or of all such files in a
                  folder, by their names; needs ``pyarrow``
    ``.zarr``     the array, or the one of a group that :obj:`columns=["name"]` names; needs
                  ``zarr``
    a folder      its images, sorted by name, as :obj:`[N, C, H, W]` in :math:`[0, 1]`; all
                  must have the same size and channels, other files are passed over
    ============  =======================================================================

    Args:
        path (str or os.PathLike): The file, known by its ending, or the folder.
        columns (sequence of str, optional): The names of the columns to read, in this order.
            (default: :obj:`None`, all of them)
        mmap (bool, optional): If :obj:`True`, floating-point numbers of an ``.npy`` file stay on
            the disk until they are used, and may be not finite. (default: :obj:`False`)

    Returns:
        Tuple[numpy.ndarray, List[str] or None]: The points, one each row, in shape
        :obj:`[N, *shape]` and single or double precision, whichever holds their numbers; and the
        names of the columns, :obj:`None` where they have none.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If a library is missing that can read it.
        ValueError: If the file is of an unknown kind, is damaged, lacks a column, or holds
            anything but real, finite numbers. The message names the file.
    """
    if isinstance(columns, str):
        raise TypeError(f"columns must be a list of names, got {columns!r}; pass [{columns!r}]")
    path, columns = known_file(path), None if columns is None else list(columns)
    read = READERS.get(kind_of(path), read_images)
    if mmap and read is read_npy:
        read = map_npy
    with naming(path):
        points, names = read(path, columns)
        return _checked(points, names), names


def open_points(path: str | os.PathLike[str], *, columns: Sequence[str] | None = None) -> Any:
    r"""Opens a file of points that stay there, each read when it is asked for.

    .. code-block:: python

        points = open_points("points.npy")
        points.shape            # (50000000, 100)
        points[10:20]           # an array [10, 100]
        points[[7, 3, 7]]       # an array [3, 100]

    ``.npy`` files and Zarr arrays are opened. Rows of tables (``.csv``, ``.parquet``) can only be
    read one behind another; :func:`~nrae_geometric.datasets.write_points` and
    :func:`~nrae_geometric.datasets.read_blocks` make an ``.npy`` file of them in the memory of a
    block. Rows of Zarr arrays are read with the chunks that they are in: where single rows are
    asked for, as in training, an ``.npy`` file is faster.

    Args:
        path (str or os.PathLike): The file or folder.
        columns (sequence of str, optional): The name of the array, in a group of Zarr.
            (default: :obj:`None`)

    Returns:
        NpyRows or zarr.Array: A table with a :obj:`shape` ``[N, *shape]``, a :obj:`dtype`, and
        rows by a slice or by an array of numbers. Numbers may be not finite.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If a library is missing that can read it.
        ValueError: If the file is of another kind, damaged, or has no points.
    """
    path = known_file(path)
    with naming(path):
        if kind_of(path) not in OPENERS:
            raise UnusableError(
                "single rows can be read of .npy files and Zarr arrays; make one: "
                f"write_points('points.npy', read_blocks({path.name!r}, 65536))"
            )
        table = OPENERS[kind_of(path)](path, None if columns is None else list(columns))
        _check_shape(table.shape)
        return table


def known_file(path: str | os.PathLike[str]) -> Path:
    """Returns the path of a file of points, or of a folder.

    Args:
        path (str or os.PathLike): The file or the folder.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is a file of another kind.
    """
    found = _existing(path)
    if not found.is_dir() and found.suffix.lower() not in READERS:
        raise ValueError(
            f"{found} is neither a folder of images nor a file that ends in {', '.join(READERS)}"
        )
    return found


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Has the errors of a reader name its file.

    Args:
        path (pathlib.Path): The file.

    Raises:
        ImportError: If a library is missing that can read it.
        ValueError: If the file cannot be read.
    """
    try:
        yield
    except UnusableError as error:
        message = f"{path}: {error}"
        if error.words is not None:
            raise WordsError(message, error.words) from error.__cause__
        if error.remedy is not None:
            raise RemediableError(message, error.remedy) from error.__cause__
        raise ValueError(message) from error.__cause__
    except ImportError:
        raise
    except MemoryError as error:
        raise ValueError(f"{path} is damaged, or needs more memory than there is") from error
    except Exception as error:  # whatever the readers of five formats raise
        if isinstance(error, OSError) and error.filename is not None:
            raise  # no permission, or a broken disk
        if path.stat().st_size == 0:
            raise ValueError(f"{path} is empty") from error
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        kind = path.suffix.lower()
        raise ValueError(
            f"{path} is damaged, or no {kind} file in spite of its ending: {reason}"
        ) from error


def _existing(path: str | os.PathLike[str]) -> Path:
    if os.fspath(path) == "":
        raise ValueError("the path of the file to read points from is empty")
    found = Path(path).expanduser()
    if not found.exists():
        raise FileNotFoundError(f"there is no file or folder {found} to read points from")
    if not (found.is_file() or found.is_dir()):
        raise ValueError(f"{found} is a device or a pipe, neither a file nor a folder")
    return found


class PointsFile(InMemoryDataset):
    r"""The points of a file of your own, see :func:`read_points`.

    The one graph has the points as :obj:`x` of shape :obj:`[N, *shape]`, and no :obj:`y`.

    Args:
        path (str or os.PathLike): The file, or a folder of images.
        columns (sequence of str, optional): The names of the columns to read.
            (default: :obj:`None`, all of them)
        transform (callable, optional): Maps a :class:`~torch_geometric.data.Data` to its
            transformed version at every access. (default: :obj:`None`)

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If a library is missing that can read it.
        ValueError: If the file cannot be read as points, or single precision cannot hold them.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        columns: Sequence[str] | None = None,
        transform: Callable[[Data], Data] | None = None,
    ) -> None:
        super().__init__(transform=transform)
        self.path = os.fspath(path)
        points, self.columns = read_points(path, columns=columns)
        self.data, self.slices = self.collate([Data(x=_single(points, self.path))])

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}({self.path!r}, num_nodes={self._data.num_nodes})"


@register_dataset
class FileSettings(DatasetSettings):
    """The settings of :class:`PointsFile` in a configuration.

    A relative path starts from the working directory.
    """

    dataset: Literal["file"]
    path: str
    columns: list[str] | None = None

    def build(self, seed: int) -> PointsFile:
        """Returns the data set."""
        return PointsFile(self.path, self.columns)


def _single(points: NDArray[np.floating[Any]], path: str) -> torch.Tensor:
    """Points as float32, if that can hold them and tell them apart."""
    largest = np.abs(points).max()
    if largest > np.finfo(np.float32).max:
        raise ValueError(
            f"{path}: the numbers reach {largest:.3g}, but single precision ends at 3.4e38; "
            "divide them by a constant"
        )
    x = torch.from_numpy(np.ascontiguousarray(points)).float()
    rows = x.flatten(1)
    if len(rows) > 1 and bool((rows == rows[0]).all()) and (points != points[0]).any():
        raise ValueError(
            f"{path}: in single precision all points are equal; subtract their mean and divide "
            "them by a constant, so that they are of about unit size"
        )
    return x


def _check_shape(shape: Sequence[int]) -> None:
    if len(shape) < 2:
        raise UnusableError(
            f"points are rows [N, D] or images [N, C, H, W], not an array of shape {list(shape)}; "
            f"reshape single numbers to [N, 1]"
        )
    if 0 in shape:
        raise UnusableError(f"there are no points in an array of shape {list(shape)}")


def _checked(points: NDArray[Any], names: list[str] | None) -> NDArray[np.floating[Any]]:
    if points.dtype.kind not in "fiub":
        raise UnusableError(f"points are real numbers, not of type {points.dtype}")
    _check_shape(points.shape)
    is_single = np.result_type(points.dtype, np.float32) == np.float32
    points = points.astype(np.float32 if is_single else np.float64, copy=False)
    if isinstance(points, np.memmap):
        return points
    is_bad = ~np.isfinite(points.reshape(len(points), -1))
    if is_bad.any():
        rows, entries = is_bad.nonzero()
        where = f", in column {names[entries[0]]!r}" if names else ""
        raise UnusableError(
            f"{len(np.unique(rows))} of {len(points)} points have NaN or infinite values (first: "
            f"row {rows[0]}, counted from 0{where}); drop or impute them"
        )
    return points
