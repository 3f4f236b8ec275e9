"""Points of any library as rows of floating-point numbers, a block at a time."""

import math
import sys
from collections.abc import Iterator, Mapping, Set
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset
from torch_geometric.data import Data

from nrae_geometric.tables import is_table, readable

_VALUES_PER_BLOCK, _MOST_ROWS_PER_BLOCK = 2**22, 4096
_KINDS = {
    "M": "dates and times",
    "m": "durations",
    "S": "bytes",
    "T": "strings",
    "U": "strings",
    "V": "records",
}
_DATES_ADVICE = "pass numbers, such as seconds since the first of them"


class Points:
    """Points that a user brings, as rows of finite numbers.

    They may be a tensor, an array or a data frame of any library that shares its numbers with
    NumPy, a table whose rows are read when they are used, nested sequences, or the ``x``, else the
    ``pos``, of a :class:`~torch_geometric.data.Data`. Numbers are converted a block of rows at a
    time, so that no second copy of all of them is made.

    Args:
        values (Any): The points ``[N, *feature_shape]``.
        name (str): Their name in error messages.
        what (str, optional): What they must be, in error messages.
            (default: :obj:`"points [N, *feature_shape]"`)

    Attributes:
        values (Any): The tensor, array or data frame.
        shape (tuple of int): Its shape.
        dtype (numpy.dtype): The type of the rows: float32 for float32 and half precision, else
            float64.

    Raises:
        TypeError: If they are no points, such as a dictionary, strings or dates.
        ValueError: If they are complex, masked, of unequal lengths, or have fewer than two
            dimensions.
    """

    def __init__(
        self, values: Any, name: str = "X", what: str = "points [N, *feature_shape]"
    ) -> None:
        self.name = name
        self.values = _as_table(values, name)
        self.shape = tuple(int(size) for size in self.values.shape)
        if len(self.shape) < 2:
            raise ValueError(
                f"{name} must be {what}, got an array of shape "
                f"{list(self.shape)}. Reshape your data: reshape(-1, 1) if each number is a "
                "point, reshape(1, -1) if all numbers are one point"
            )
        self.dtype = _row_type(self.values, name)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def num_features(self) -> int:
        """The number of values of a point."""
        return math.prod(self.shape[1:])

    @property
    def is_frame(self) -> bool:
        """Whether they are a data frame."""
        return _is_frame(self.values)

    def require(self, num_rows: int) -> None:
        """Makes sure that there are so many points, of one value at least.

        Raises:
            ValueError: If there are not; the message is that of scikit-learn.
        """
        for size, least, noun in (
            (len(self), num_rows, "sample"),
            (self.num_features, 1, "feature"),
        ):
            if size < least:
                raise ValueError(
                    f"Found array with {size} {noun}(s) (shape={self.shape}) while a minimum of "
                    f"{least} is required."
                )

    def blocks(self, least: int = 0) -> Iterator[tuple[slice, NDArray[np.floating[Any]]]]:
        """Yields places, and the rows ``[B, D]`` there.

        Args:
            least (int, optional): The number of rows of a block where the points have few values;
                by default a few megabytes. (default: :obj:`0`)

        Raises:
            TypeError: If a value is no number.
            ValueError: If a value is NaN or infinite; the message has the first row.
        """
        num_rows = max(1, _VALUES_PER_BLOCK // max(1, self.num_features))
        num_rows = max(min(num_rows, _MOST_ROWS_PER_BLOCK), least)
        for start in range(0, len(self), num_rows):
            place = slice(start, min(start + num_rows, len(self)))
            rows = self._rows(place)
            if not np.isfinite(rows).all():
                self._refuse_rows(start, num_rows)
            yield place, rows

    def rows(self) -> NDArray[np.floating[Any]]:
        """Returns all rows ``[N, D]``, without a copy where they are such an array."""
        own = self.values
        if self._is_tensor and not _is_half(own.dtype):
            own = own.numpy(force=True)
        if isinstance(own, np.ndarray) and own.dtype == self.dtype:
            for _ in self.blocks():
                pass
            return own.reshape(len(self), -1)
        rows = np.empty((len(self), self.num_features), self.dtype)
        for place, block in self.blocks():
            rows[place] = block
        return rows

    def like(self, result: NDArray[Any]) -> Any:
        """Returns a result as a tensor on the points' device where they are one."""
        if self._is_tensor:
            return torch.from_numpy(result).to(self.values.device)
        return result

    @property
    def _is_tensor(self) -> bool:
        return isinstance(self.values, Tensor)

    def at(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.floating[Any]]:
        """Returns the points of some rows of an array or table, ``[B, D]``.

        Args:
            rows (numpy.ndarray): Their numbers.
        """
        return self.converted(readable(self.values)[rows])

    def converted(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        """Returns rows ``[B, *feature_shape]`` of an array or table as rows ``[B, D]``."""
        return rows.reshape(len(rows), -1).astype(self.dtype, copy=False)

    def _rows(self, place: slice) -> NDArray[np.floating[Any]]:
        block = getattr(readable(self.values), "iloc", self.values)[place]
        if self._is_tensor:
            block = block.float() if _is_half(block.dtype) else block
            block = block.numpy(force=True)
        elif self.is_frame:
            block = _frame_array(block, self.dtype)
        if block.dtype == object:
            block = _numbers(block, self.dtype, self.name, place.start)
        with np.errstate(over="ignore"):  # what has no float64 is refused as infinite
            return block.reshape(len(block), -1).astype(self.dtype, copy=False)

    def _refuse_rows(self, start: int, num_rows: int) -> None:
        """Raises an error with the number of all bad rows, of which the first is in a block."""
        bad: list[int] = []
        for first in range(start, len(self), num_rows):
            rows = self._rows(slice(first, min(first + num_rows, len(self))))
            bad += (first + (~np.isfinite(rows).all(axis=1)).nonzero()[0]).tolist()
        raise ValueError(
            f"{self.name} has {len(bad)} row{'s' * (len(bad) > 1)} with NaN or infinite values "
            f"(first: row {bad[0]}); drop or impute them"
        )


def point_tensor(data: Data) -> Any:
    """Returns the points of a graph: its ``x``, or its ``pos`` where it has none.

    Args:
        data (torch_geometric.data.Data): The graph.

    Raises:
        ValueError: If it has neither.
    """
    points = data.get("x") if data.get("x") is not None else data.get("pos")
    if points is None:
        raise ValueError("the data has no points: it has neither x nor pos")
    return points


def _as_table(values: Any, name: str) -> Any:
    """Returns a strided tensor, an array or a data frame."""
    kind = type(values).__name__
    if isinstance(values, Data):
        return _as_table(point_tensor(values), name)
    if isinstance(values, Tensor):
        return _checked_tensor(values.detach(), name)
    if isinstance(values, np.ma.MaskedArray):
        return _unmasked(values, name)
    if _is_frame(values) or is_table(values):
        return values
    if kind in ("LazyFrame", "HeteroData"):
        advice = {"LazyFrame": "collect() it", "HeteroData": "pass the x of one kind of nodes"}
        raise TypeError(f"{name} is a {kind}; {advice[kind]}")
    if isinstance(values, Dataset):
        raise TypeError(f"{name} is a data set; pass its graph, {name}[0]")
    is_sparse = hasattr(values, "tocsr") or hasattr(values, "todense")
    if is_sparse and not isinstance(values, np.ndarray):
        raise TypeError(
            f"{name} is a sparse {kind}, but dense data is required: networks take every value. "
            f"Use {name}.toarray(), or reduce it first, as TruncatedSVD does"
        )
    if (
        values is None
        or isinstance(values, str | bytes | type | Mapping | Set | Iterator)
        or not (_shares_numbers(values) or isinstance(values, list | tuple))
    ):
        raise TypeError(
            f"{name} must be an array of points [N, *feature_shape], a data frame or nested lists, "
            f"got a {kind}"
        )
    return _as_array(values, name)


def _shares_numbers(values: Any) -> bool:
    names = ("__array__", "__array_interface__", "__array_struct__", "__dlpack__", "__buffer__")
    if any(hasattr(values, name) for name in names):
        return True
    try:
        memoryview(values)
    except TypeError:
        # Whatever has a length and elements in order.
        return hasattr(values, "__len__") and hasattr(values, "__getitem__")
    return True


def _as_array(values: Any, name: str) -> Any:
    if isinstance(values, list | tuple) and any(isinstance(row, Tensor) for row in values):
        values = [row.numpy(force=True) if isinstance(row, Tensor) else row for row in values]
    if isinstance(values, list | tuple):
        masked = [row for row in values if isinstance(row, np.ma.MaskedArray)]
        if any(np.ma.getmaskarray(row).any() for row in masked):
            return _unmasked(np.ma.stack([np.ma.asarray(row) for row in values]), name)
    if hasattr(values, "__dlpack__") and not hasattr(values, "__array__"):
        return _checked_tensor(torch.from_dlpack(values), name)
    try:
        array = np.asarray(values)
    except TypeError as error:  # such as columns of dates and numbers
        kind = type(values).__name__
        raise TypeError(f"{name} is a {kind} that is no array of numbers: {error}") from error
    except ValueError as error:
        lengths = [len(row) if hasattr(row, "__len__") else 0 for row in values]
        other = next((i for i, length in enumerate(lengths) if length != lengths[0]), None)
        where = (
            "nested unequally"
            if other is None
            else f"ragged: row 0 has {lengths[0]} values, row {other} has {lengths[other]}"
        )
        raise ValueError(f"{name} is {where}; all points need equally many values") from error
    return array


def _checked_tensor(tensor: Tensor, name: str) -> Tensor:
    if tensor.layout != torch.strided or tensor.is_nested or tensor.is_quantized:
        raise TypeError(
            f"{name} is a sparse, nested or quantized tensor ({tensor.layout}), but dense data is "
            "required; use to_dense(), padding or dequantize()"
        )
    if tensor.is_meta:
        raise TypeError(f"{name} is a tensor on the device 'meta', which holds no numbers")
    return tensor.resolve_conj().resolve_neg()


def _unmasked(values: Any, name: str) -> Any:
    masked = np.ma.getmaskarray(values)
    if masked.any():
        rows = masked.reshape(len(masked), -1).any(axis=1) if masked.ndim else masked
        raise ValueError(
            f"{name} has {int(rows.sum())} row{'s' * (int(rows.sum()) > 1)} with masked values "
            f"(first: row {int(np.argmax(rows))}); drop or impute them"
        )
    return values.data


def _row_type(values: Any, name: str) -> np.dtype[Any]:
    """The type that holds the numbers; raises where they are none."""
    if _is_frame(values):
        return _frame_type(values, name)
    if isinstance(values, Tensor):
        if values.is_complex():
            raise ValueError(f"Complex data not supported: {name} is {values.dtype}")
        single = values.dtype == torch.float32 or _is_half(values.dtype)
        return np.dtype(np.float32 if single else np.float64)
    dtype = values.dtype
    if dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {name} is of type {dtype}")
    is_half = dtype.kind == "V" and dtype.name.startswith(("bfloat", "float8"))
    if dtype.kind in _KINDS and not is_half:
        advice = _DATES_ADVICE if dtype.kind in "mM" else "pass an array of numbers"
        raise TypeError(f"{name} holds {_KINDS[dtype.kind]} ({dtype}), not numbers; {advice}")
    single = is_half or (dtype.kind == "f" and dtype.itemsize <= 4)
    return np.dtype(np.float32 if single else np.float64)


def _is_half(dtype: torch.dtype) -> bool:
    return dtype.is_floating_point and dtype.itemsize < 4


def _numbers(
    values: NDArray[Any], dtype: np.dtype[Any], name: str, start: int
) -> NDArray[np.floating[Any]]:
    """Numbers out of objects, none of which is read out of text."""
    if values.ndim == 2 and values.shape[1] == 0:
        return values.astype(dtype)
    flat = values.reshape(len(values), -1)
    kinds = {type(value) for value in flat.flat}
    numbers = (Real, Decimal, np.bool_, np.integer, np.floating, type(None))
    for kind in kinds:
        if issubclass(kind, numbers) and not issubclass(kind, np.timedelta64):
            continue
        row, column = next(
            (i, j) for i, each in enumerate(flat) for j, value in enumerate(each)
            if type(value) is kind
        )  # fmt: skip
        if issubclass(kind, complex | np.complexfloating):
            raise ValueError(f"Complex data not supported: {name} has it in row {start + row}")
        raise TypeError(
            f"{name} has a value of type {kind.__name__} in row {start + row}, column {column}: "
            f"{flat[row, column]!r:.60}; the argument must be an array of numbers, without a "
            "string or another object in place of a number"
        )
    return flat.astype(dtype)


def _is_frame(values: Any) -> bool:
    """Whether values are a data frame of pandas or polars, neither of which is imported here."""
    return any(
        isinstance(values, sys.modules[library].DataFrame)
        for library in ("pandas", "polars")
        if hasattr(sys.modules.get(library), "DataFrame")
    )


def _frame_type(frame: Any, name: str) -> np.dtype[Any]:
    """The type of a data frame's rows; raises where a column holds no numbers."""
    types = list(frame.dtypes)
    for column, dtype in zip(frame.columns, types, strict=True):
        if _is_number_type(dtype):
            continue
        label = str(dtype).lower()
        if "complex" in label:
            raise ValueError(f"Complex data not supported: column {column!r} of {name}")
        is_date = any(word in label for word in ("date", "time", "duration", "period"))
        advice = _DATES_ADVICE if is_date else "drop it, or encode it by numbers"
        raise TypeError(f"column {column!r} of {name} is of type {dtype}, not of numbers; {advice}")
    single = types and all(str(dtype).lower() in ("float32", "float16") for dtype in types)
    return np.dtype(np.float32 if single else np.float64)


def _is_number_type(dtype: Any) -> bool:
    if hasattr(dtype, "is_numeric"):  # polars
        return dtype.is_numeric() or str(dtype) == "Boolean"
    # Objects are looked at one by one.
    return getattr(dtype, "kind", "O") in "fiub" or dtype == np.dtype(object)


def _frame_array(block: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    if not hasattr(block, "iloc"):
        polars = sys.modules["polars"]
        return block.cast(polars.Float32 if dtype == np.float32 else polars.Float64).to_numpy()
    if any(kind == np.dtype(object) for kind in block.dtypes):
        return block.to_numpy(dtype=object)
    return block.to_numpy(dtype=dtype, na_value=np.nan)
