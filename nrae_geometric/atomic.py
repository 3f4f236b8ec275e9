"""Files that are written whole or not at all."""

import csv
import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

if sys.platform != "win32":
    import fcntl

_PREFIX = ".nrae-"
# Suffixes that tell image writers the format; others might make a name too long for the folder.
_LONGEST_SUFFIX = 8


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yields a temporary path that takes the place of the target when the block succeeds.

    On an error the temporary file is removed and the target is as it was. Where the process was
    killed, the next one that writes the target removes the temporary file.

    Args:
        path (str or os.PathLike): The target, of any name that the file system takes. Missing
            folders are made.

    Raises:
        OSError: If the file cannot be written, with its name.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    start = _start_of_temporary_name(target)
    remove_leftovers(target.parent, start)
    suffix = target.suffix if len(target.suffix) <= _LONGEST_SUFFIX else ""
    temporary, file = _locked(target, start, suffix)
    try:
        with file:
            yield temporary
            # The name must not reach the disk before the bytes do.
            os.fsync(file.fileno())
            if sys.platform != "win32":
                os.replace(temporary, target)
        if sys.platform == "win32":  # where an open file cannot be renamed
            os.replace(temporary, target)
    except OSError as error:
        # A full disk names no file, or where a copy is from, and nobody knows the temporary one.
        named = {str(name) for name in (error.filename, error.filename2) if name is not None}
        if error.errno is None or (named and str(temporary) not in named):
            raise
        raise OSError(error.errno, error.strerror, str(target)) from error
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(folder: str | os.PathLike[str], start: str = _PREFIX) -> None:
    """Removes the temporary files of killed processes from a folder.

    A file that is being written is locked and stays. On systems without such locks all stay.

    Args:
        folder (str or os.PathLike): The folder, not those inside it. It may be missing.
        start (str, optional): How the names of the files begin. (default: all of
            :func:`atomic_write`)
    """
    if sys.platform == "win32":
        return
    with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
        for entry in list(os.scandir(folder)):
            if entry.name.startswith(start):
                # Another process may be faster, or the owner of the folder someone else.
                with suppress(OSError), open(entry.path, "rb+") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    os.unlink(entry.path)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raises what :func:`atomic_write` would raise for lack of a folder or a permission.

    Args:
        path (str or os.PathLike): The file, which is neither made nor changed.

    Raises:
        OSError: If the file cannot be written, with its name.
    """
    with suppress(_Abandoned), atomic_write(path):
        raise _Abandoned


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Writes a value as indented JSON.

    Args:
        path (str or os.PathLike): The file. Missing folders are made.
        value (Any): What :func:`json.dumps` takes, without NaN and infinity.

    Raises:
        OSError: If the file cannot be written, with its name.
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
        OSError: If the file cannot be written, with its name.
        ValueError: If a row has a value without a column.
    """
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


class _Abandoned(Exception):
    """Ends a write that was a test of the folder."""


def _start_of_temporary_name(target: Path) -> str:
    # Of a fixed length, since the target's own name may be as long as names can be.
    return f"{_PREFIX}{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:12]}-"


def _locked(target: Path, start: str, suffix: str) -> tuple[Path, IO[bytes]]:
    """Makes a file beside the target and locks it."""
    while True:
        # Never a name again: somebody may be about to remove what had it.
        temporary = target.with_name(f"{start}{uuid4().hex[:12]}{suffix}")
        try:
            file = temporary.open("xb")
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(target)) from error
        if sys.platform == "win32":
            return temporary, file
        with suppress(OSError):  # some network file systems have no locks
            fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return temporary, file
        file.close()  # taken for a leftover before it was locked
