"""Tables of comma-separated values and of Parquet."""

import codecs
import csv
import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nrae_geometric.datasets.formats.errors import Table, UnusableError, pick

_OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


def read_csv(path: Path, columns: Sequence[str] | None) -> Table:
    """Reads the columns that the first line of a ``.csv`` file names, or some of them."""
    encoding = _encoding(path)
    try:
        return _read_csv(path, columns, encoding)
    except UnicodeDecodeError as error:
        raise UnusableError(
            f"it is not encoded in UTF-8 (byte {error.object[error.start]:#04x}); save it so"
        ) from error


def _encoding(path: Path) -> str:
    """UTF-8 unless the first bytes are the mark of another, as some spreadsheets write it."""
    with path.open("rb") as file:
        mark = file.read(4)
    if mark.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    return "utf-16" if mark.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"


def _read_csv(path: Path, columns: Sequence[str] | None, encoding: str) -> Table:
    with path.open(newline="", encoding=encoding) as file:
        header = next(csv.reader(file), [])
        names = [name.strip() for name in header]
        _check_names(names, columns)
        picked = pick(names, columns)
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
        except UnicodeDecodeError:
            raise
        except ValueError as error:
            fault = _first_bad_line(path, encoding, names, picked)
            raise UnusableError(fault or str(error)) from error
    if len(values) and values.shape[1] != len(picked):
        raise UnusableError(
            f"the first line names {len(picked)} columns, but other lines have {values.shape[1]}"
        )
    if _ends_in_quotes(path, encoding):
        raise UnusableError("the last line opens a quote that is not closed; it was cut short")
    return values, [names[i] for i in picked]


def _check_names(names: list[str], columns: Sequence[str] | None) -> None:
    if len(names) == 1:
        for separator, plural in _OTHER_SEPARATORS.items():
            if separator in names[0]:
                raise UnusableError(
                    f"its columns seem to be separated by {plural}; separate them by commas, and "
                    "write numbers with a point"
                )
    # What pandas writes has the header 0,1,2 without names, and none above an index.
    if names and all(map(_is_number, names)) and names != [str(i) for i in range(len(names))]:
        raise UnusableError("the first line holds numbers; put the columns' names before it")
    if columns is None and "" in names:
        raise UnusableError(
            f"column {names.index('') + 1} has no name; name it, or pick others by columns "
            "if it is an index"
        )


def _first_bad_line(path: Path, encoding: str, names: list[str], picked: list[int]) -> str | None:
    with path.open(newline="", encoding=encoding) as file:
        lines = csv.reader(file)
        next(lines)
        for cells in filter(None, lines):
            if len(cells) != len(names):
                return f"line {lines.line_num} has {len(cells)} cells, not {len(names)}"
            for i in picked:
                if not _is_number(cells[i]):
                    return (
                        f"line {lines.line_num}, column {names[i]!r}: {cells[i]!r:.60} is no "
                        "number; pick other columns, or drop or impute the line"
                    )
    return None


def _ends_in_quotes(path: Path, encoding: str) -> bool:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4096 & ~3))
        end = file.read().decode(encoding, errors="replace")
    return end.rstrip("\r\n").rpartition("\n")[2].count('"') % 2 == 1


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def read_parquet(path: Path, columns: Sequence[str] | None) -> Table:
    """Reads the columns of a ``.parquet`` file, or some of them."""
    try:
        from pyarrow import parquet, types
    except ImportError as error:
        raise ImportError(f"reading {path} needs pyarrow: pip install pyarrow") from error
    with parquet.ParquetFile(path) as file:
        schema = file.schema_arrow
        picked = [schema.field(i) for i in pick(schema.names, columns)]
        for field in picked:
            if not (types.is_integer(field.type) or types.is_floating(field.type)):
                raise UnusableError(
                    f"column {field.name!r} is of type {field.type}; pick columns of numbers"
                )
        names = [field.name for field in picked]
        if twice := [name for name in names if schema.names.count(name) > 1]:
            raise UnusableError(f"there is more than one column {twice[0]!r}")
        if not names:
            raise UnusableError("it has no columns")
        _check_memory(file.metadata.num_rows * len(names) * 8)
        table = file.read(columns=names)
    return np.column_stack([table.column(name).to_numpy() for name in names]), names


def _check_memory(num_bytes: int) -> None:
    """Makes sure that a table fits, which may be a million times as large as its file."""
    if hasattr(os, "sysconf"):
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        if num_bytes > memory:
            raise UnusableError(f"it promises {num_bytes} bytes, but the machine has {memory}")
