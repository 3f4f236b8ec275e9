r"""Points from files of your own."""

import csv
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch_geometric.data import Data, InMemoryDataset

from nrae_geometric.registry import DatasetSettings, register_dataset

_IMAGE_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}

_Table = tuple[NDArray[Any], list[str] | None]


def read_points(
    path: str | os.PathLike[str], *, columns: Sequence[str] | None = None, mmap: bool = False
) -> tuple[NDArray[np.floating[Any]], list[str] | None]:
    r"""Reads points from a file, or images from a folder. No file is ever executed.

    ============  =======================================================================
    file          points
    ============  =======================================================================
    ``.npy``      the array
    ``.npz``      the only array, or the one that :obj:`columns=["name"]` names
    ``.pt``       the tensor, as :func:`torch.save` wrote it
    ``.csv``      a column for each name in the first line, or those in :obj:`columns`
    ``.parquet``  every column, or those in :obj:`columns`; needs ``pyarrow``
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
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"there is no file or folder {path} to read points from")
    suffix = path.suffix.lower()
    if not path.is_dir() and suffix not in _READERS:
        raise ValueError(
            f"{path} is neither a folder of images nor a file that ends in {', '.join(_READERS)}"
        )
    read = _read_images if path.is_dir() else _READERS[suffix]
    if mmap and read is _read_npy:
        read = _map_npy
    try:
        points, names = read(path, columns)
        return _checked(points, names), names
    except _UnusableError as error:
        raise ValueError(f"{path}: {error}") from error.__cause__
    except ImportError:
        raise
    except Exception as error:  # whatever the readers of five formats raise
        raise ValueError(
            f"{path} is damaged, or no {suffix} file in spite of its ending: {error}"
        ) from error


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
        ValueError: If the file cannot be read as points.
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
        x = torch.from_numpy(np.ascontiguousarray(points)).float()
        self.data, self.slices = self.collate([Data(x=x)])

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


class _UnusableError(ValueError):
    """A readable file has no points in it; the message lacks the file's name."""


def _checked(points: NDArray[Any], names: list[str] | None) -> NDArray[np.floating[Any]]:
    if points.dtype.kind not in "fiub":
        raise _UnusableError(f"points are real numbers, not of type {points.dtype}")
    shape = list(points.shape)
    if points.ndim < 2:
        raise _UnusableError(
            f"points are rows [N, D] or images [N, C, H, W], not an array of shape {shape}; "
            f"reshape single numbers to [N, 1]"
        )
    if points.size == 0:
        raise _UnusableError(f"there are no points in an array of shape {shape}")
    is_single = np.result_type(points.dtype, np.float32) == np.float32
    points = points.astype(np.float32 if is_single else np.float64, copy=False)
    if isinstance(points, np.memmap):
        return points
    is_bad = ~np.isfinite(points.reshape(len(points), -1))
    if is_bad.any():
        rows, entries = is_bad.nonzero()
        where = f", in column {names[entries[0]]!r}" if names else ""
        raise _UnusableError(
            f"{len(np.unique(rows))} of {len(points)} points have NaN or infinite values (first: "
            f"row {rows[0]}, counted from 0{where}); drop or impute them"
        )
    return points


def _pick(names: list[str], columns: Sequence[str] | None) -> list[int]:
    """Returns the positions of the named columns."""
    for name in columns or []:
        if names.count(name) != 1:
            how_many = "more than one" if name in names else "no"
            raise _UnusableError(
                f"there is {how_many} column {name!r}; there are {', '.join(map(repr, names))}"
            )
    return list(range(len(names))) if columns is None else [names.index(name) for name in columns]


def _without_columns(columns: Sequence[str] | None) -> None:
    if columns is not None:
        raise _UnusableError(f"it has no named columns to pick {', '.join(columns)} from")


def _read_npy(path: Path, columns: Sequence[str] | None) -> _Table:
    _without_columns(columns)
    return np.load(path, allow_pickle=False), None


def _map_npy(path: Path, columns: Sequence[str] | None) -> _Table:
    _without_columns(columns)
    return np.load(path, allow_pickle=False, mmap_mode="r"), None


def _read_npz(path: Path, columns: Sequence[str] | None) -> _Table:
    with np.load(path, allow_pickle=False) as arrays:
        picked = [arrays.files[i] for i in _pick(arrays.files, columns)]
        if len(picked) != 1:
            raise _UnusableError(
                f"name one of its arrays by columns=[name]; there are "
                f"{', '.join(map(repr, arrays.files)) or 'none'}"
            )
        return arrays[picked[0]], None


def _read_pt(path: Path, columns: Sequence[str] | None) -> _Table:
    _without_columns(columns)
    tensor = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(tensor, torch.Tensor):
        raise _UnusableError(f"it holds no tensor but a {type(tensor).__name__}; save the tensor")
    tensor = tensor.detach()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy(), None


def _read_csv(path: Path, columns: Sequence[str] | None) -> _Table:
    with path.open(newline="", encoding="utf-8-sig") as file:
        names = [name.strip() for name in next(csv.reader(file), [])]
        picked = _pick(names, columns)
        # What pandas writes has the header 0,1,2 without names, and none above an index.
        if all(map(_is_number, names)) and names != [str(i) for i in range(len(names))]:
            raise _UnusableError("the first line holds numbers; put the columns' names before it")
        if columns is None and "" in names:
            raise _UnusableError(
                f"column {names.index('') + 1} has no name; name it, or pick others by columns "
                "if it is an index"
            )
        try:
            with warnings.catch_warnings(action="ignore", category=UserWarning):  # without rows
                values = np.loadtxt(
                    file,
                    delimiter=",",
                    quotechar='"',
                    comments=None,
                    ndmin=2,
                    usecols=None if columns is None else picked,
                )
        except ValueError as error:
            raise _UnusableError(_first_bad_line(path, names, picked) or str(error)) from error
    if len(values) and values.shape[1] != len(picked):
        raise _UnusableError(
            f"the first line names {len(picked)} columns, but other lines have {values.shape[1]}"
        )
    return values, [names[i] for i in picked]


def _first_bad_line(path: Path, names: list[str], picked: list[int]) -> str | None:
    with path.open(newline="", encoding="utf-8-sig") as file:
        lines = csv.reader(file)
        next(lines)
        for cells in filter(None, lines):
            if len(cells) != len(names):
                return f"line {lines.line_num} has {len(cells)} cells, not {len(names)}"
            for i in picked:
                if not _is_number(cells[i]):
                    return (
                        f"line {lines.line_num}, column {names[i]!r}: {cells[i]!r} is no number; "
                        "pick other columns, or drop or impute the line"
                    )
    return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _read_parquet(path: Path, columns: Sequence[str] | None) -> _Table:
    try:
        from pyarrow import parquet, types
    except ImportError as error:
        raise ImportError(f"reading {path} needs pyarrow: pip install pyarrow") from error
    schema = parquet.read_schema(path)
    picked = [schema.field(i) for i in _pick(schema.names, columns)]
    for field in picked:
        if not (types.is_integer(field.type) or types.is_floating(field.type)):
            raise _UnusableError(
                f"column {field.name!r} is of type {field.type}; pick columns of numbers"
            )
    names = [field.name for field in picked]
    table = parquet.read_table(path, columns=names)
    return np.column_stack([table.column(name).to_numpy() for name in names]), names


def _read_images(path: Path, columns: Sequence[str] | None) -> _Table:
    _without_columns(columns)
    files = sorted(
        file
        for file in path.iterdir()
        if file.suffix.lower() in _IMAGE_SUFFIXES and not file.name.startswith(".")
    )
    if not files:
        raise _UnusableError(
            f"there are no images in this folder, of the kinds {', '.join(sorted(_IMAGE_SUFFIXES))}"
        )
    first = _read_image(files[0])
    points = np.empty((len(files), *first.shape), dtype=np.float32)
    for i, file in enumerate(files):
        image = _read_image(file)
        if image.shape != first.shape:
            raise _UnusableError(
                f"channels, height and width of {file.name} are {image.shape}, but those of "
                f"{files[0].name} are {first.shape}; resize or convert one of them"
            )
        points[i] = image
    return points, None


def _read_image(file: Path) -> NDArray[np.float32]:
    """Returns an image, [C, H, W] in [0, 1]."""
    try:
        with Image.open(file) as opened:
            image = ImageOps.exif_transpose(opened)
            pixels = np.asarray(image.convert("RGB") if image.mode == "P" else image)
    except Exception as error:  # Pillow raises errors of many kinds
        raise _UnusableError(
            f"{file.name} cannot be read ({error}); replace or remove it"
        ) from error
    if pixels.dtype == bool:
        pixels = pixels.astype(np.uint8) * 255
    if pixels.dtype.kind != "u":
        raise _UnusableError(
            f"{file.name} has pixels of mode {image.mode}; convert them to 8 or 16 bits"
        )
    pixels = pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)
    return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)


_READERS: dict[str, Callable[[Path, Sequence[str] | None], _Table]] = {
    ".npy": _read_npy,
    ".npz": _read_npz,
    ".pt": _read_pt,
    ".csv": _read_csv,
    ".parquet": _read_parquet,
}
