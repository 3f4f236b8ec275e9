"""Files that are written whole or not at all."""

import csv
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yields a temporary path that takes the place of the target when the block succeeds.

    On an error the temporary file is removed and the target is as it was.

    Args:
        path (str or os.PathLike): The target. Missing folders are made.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.stem}-{uuid4().hex}{target.suffix}")
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Writes a value as indented JSON.

    Args:
        path (str or os.PathLike): The file. Missing folders are made.
        value (Any): What :func:`json.dumps` takes, without NaN and infinity.

    Raises:
        TypeError: If JSON has no such value.
        ValueError: If a number is not finite, which JSON cannot hold.
    """
    text = json.dumps(value, indent=2, allow_nan=False)
    with atomic_write(path) as temporary:
        temporary.write_text(f"{text}\n", encoding="utf-8")


def write_csv(
    path: str | os.PathLike[str], columns: Sequence[str], rows: Iterable[Mapping[str, Any]]
) -> None:
    """Writes rows as CSV below a line of column names.

    Args:
        path (str or os.PathLike): The file. Missing folders are made.
        columns (Sequence[str]): The names, in their order.
        rows (Iterable[Mapping[str, Any]]): A value for each column, empty where there is none.

    Raises:
        ValueError: If a row has a value without a column.
    """
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
