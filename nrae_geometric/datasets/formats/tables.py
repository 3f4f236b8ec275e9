"""Tables of comma-separated values and of Parquet."""

import codecs
import csv
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from nrae_geometric.datasets.formats.errors import (
    Block,
    Remedy,
    Table,
    UnusableError,
    check_memory,
    pick,
)

_OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_MISSING = ("", "na", "n/a", "null", "none", "?", "-")


def read_csv(path: Path, columns: Sequence[str] | None) -> Table:
    """Reads the columns that the first line of a ``.csv`` file names, or some of them."""
    with _open_csv(path) as file:
        names, picked = _header(file, columns)
        values = _rows(file, path, names, picked if columns else None)
    _check_end(path)
    return values, [names[i] for i in picked]


def csv_blocks(path: Path, columns: Sequence[str] | None, num_rows: int) -> Iterator[Block]:
    """Yields what :func:`read_csv` reads, so many lines at a time."""
    with _open_csv(path) as file:
        names, picked = _header(file, columns)
        while len(values := _rows(file, path, names, picked if columns else None, num_rows)):
            yield values
    _check_end(path)


def csv_columns(path: Path) -> list[str]:
    """Returns the names in the first line of a ``.csv`` file."""
    with _open_csv(path) as file:
        return _names(file)


def csv_column(path: Path, name: str) -> list[str]:
    """Returns the text of one column of a ``.csv`` file."""
    with _open_csv(path) as file:
        names = _names(file)
        [place] = pick(names, [name])
        lines = csv.reader(file)
        cells = []
        for line in filter(None, lines):
            if len(line) != len(names):
                raise UnusableError(
                    f"line {lines.line_num + 1} has {len(line)} cells, not {len(names)}"
                )
            cells.append(line[place].strip())
        return cells


@contextmanager
def _open_csv(path: Path) -> Iterator[IO[str]]:
    try:
        with path.open(newline="", encoding=_encoding(path)) as file:
            yield file
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


def _names(file: IO[str]) -> list[str]:
    return [name.strip() for name in next(csv.reader(file), [])]


def _header(file: IO[str], columns: Sequence[str] | None) -> tuple[list[str], list[int]]:
    """Reads the first line; returns all names, and the positions of the picked ones."""
    names = _names(file)
    _check_names(names, columns)
    return names, pick(names, columns)


def _rows(
    file: IO[str],
    path: Path,
    names: list[str],
    picked: list[int] | None,
    num_rows: int | None = None,
) -> NDArray[np.float64]:
    checked = picked or list(range(len(names)))
    try:
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # without rows
            values = np.loadtxt(
                file,
                delimiter=",",
                quotechar='"',
                comments=None,
                ndmin=2,
                usecols=picked,
                max_rows=num_rows,
            )
    except UnicodeDecodeError:
        raise
    except ValueError as error:
        raise (_first_bad_line(path, names, checked) or UnusableError(str(error))) from error
    if len(values) and values.shape[1] != len(checked):
        raise UnusableError(
            f"the first line names {len(checked)} columns, but other lines have {values.shape[1]}"
        )
    return values


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
        raise UnusableError(
            "the first line holds numbers; put the columns' names before it, in a line such as "
            f"{'x1,x2' if len(names) > 1 else 'x1'}{',...' if len(names) > 2 else ''}"
        )
    if columns is None and "" in names:
        raise UnusableError(
            f"column {names.index('') + 1} has no name", remedy=Remedy.OTHER_COLUMNS
        )


def _first_bad_line(path: Path, names: list[str], picked: list[int]) -> UnusableError | None:
    with path.open(newline="", encoding=_encoding(path)) as file:
        lines = csv.reader(file)
        next(lines)
        for cells in filter(None, lines):
            if len(cells) != len(names):
                return UnusableError(
                    f"line {lines.line_num} has {len(cells)} cells, not {len(names)}"
                )
            for i in picked:
                if not _is_number(cells[i]):
                    is_missing = cells[i].strip().lower() in _MISSING
                    is_what = (
                        f": {cells[i]!r:.60} is no number" if cells[i].strip() else " is empty"
                    )
                    return UnusableError(
                        f"line {lines.line_num}, column {names[i]!r}{is_what}; pick other columns"
                        f"{', or drop or impute the line' if is_missing else ''}",
                        words=None if is_missing else names[i],
                    )
    return None


def _check_end(path: Path) -> None:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4096 & ~3))
        end = file.read().decode(_encoding(path), errors="replace")
    if end.rstrip("\r\n").rpartition("\n")[2].count('"') % 2 == 1:
        raise UnusableError("the last line opens a quote that is not closed; it was cut short")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def parquet_files(path: Path) -> list[Path]:
    """Returns a ``.parquet`` file, or those of a folder and of folders in it, by their paths."""
    if not path.is_dir():
        return [path]
    found = sorted(path.rglob("*.parquet"))
    parts = (file.relative_to(path).parts for file in found)
    is_hidden = [any(name.startswith((".", "_")) for name in names) for names in parts]
    return [file for file, hidden in zip(found, is_hidden, strict=True) if not hidden]


def read_parquet(path: Path, columns: Sequence[str] | None) -> Table:
    """Reads the columns of a ``.parquet`` file or of a folder of them, or some of the columns."""
    tables, num_bytes = [], 0
    for file, names in _opened_parts(path, columns):
        num_bytes += file.metadata.num_rows * len(names) * 8
        check_memory(num_bytes)
        table = file.read(columns=names)
        tables.append(np.column_stack([table.column(name).to_numpy() for name in names]))
    return tables[0] if len(tables) == 1 else np.concatenate(tables), names


def parquet_blocks(path: Path, columns: Sequence[str] | None, num_rows: int) -> Iterator[Block]:
    """Yields what :func:`read_parquet` reads, so many rows at a time."""
    for file, names in _opened_parts(path, columns):
        for batch in file.iter_batches(num_rows, columns=names):
            table = [batch.column(name).to_numpy(zero_copy_only=False) for name in names]
            yield np.column_stack(table)


def _opened_parts(path: Path, columns: Sequence[str] | None) -> Iterator[tuple[Any, list[str]]]:
    """Yields each file of a table and the columns to read, which are those of the first file."""
    first: list[str] | None = None
    for part in parquet_files(path):
        try:
            with _open_parquet(part) as file:
                names = _number_columns(file, columns if first is None else first)
                others = set(file.schema_arrow.names) - set(names)
                if first is not None and columns is None and others:
                    raise UnusableError(f"it has a column {min(others)!r} that others have not")
                first = names
                yield file, names
        except (UnusableError, ValueError, OSError) as error:
            if part == path:
                raise
            known = (error.words, error.remedy) if isinstance(error, UnusableError) else ()
            raise UnusableError(f"{part.relative_to(path)}: {error}", *known) from error


def parquet_columns(path: Path) -> list[str]:
    """Returns the names of the columns of a ``.parquet`` file, or of the first of a folder."""
    with _open_parquet(parquet_files(path)[0]) as file:
        return list(file.schema_arrow.names)


def parquet_column(path: Path, name: str) -> list[Any]:
    """Returns the values of one column of a ``.parquet`` file, or of a folder of them."""
    values = []
    for part in parquet_files(path):
        with _open_parquet(part) as file:
            pick(file.schema_arrow.names, [name])
            values += file.read(columns=[name]).column(name).to_pylist()
    return values


@contextmanager
def _open_parquet(path: Path) -> Iterator[Any]:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise ImportError(f"reading {path} needs pyarrow: pip install pyarrow") from error
    with parquet.ParquetFile(path) as file:
        yield file


def _number_columns(file: Any, columns: Sequence[str] | None) -> list[str]:
    from pyarrow import types

    schema = file.schema_arrow
    picked = [schema.field(i) for i in pick(schema.names, columns)]
    for field in picked:
        if not (types.is_integer(field.type) or types.is_floating(field.type)):
            raise UnusableError(
                f"column {field.name!r} is of type {field.type}; pick other columns",
                words=field.name if types.is_string(field.type) else None,
            )
    names = [field.name for field in picked]
    if twice := [name for name in names if schema.names.count(name) > 1]:
        raise UnusableError(f"there is more than one column {twice[0]!r}")
    if not names:
        raise UnusableError("it has no columns")
    return names
