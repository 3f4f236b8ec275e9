"""Places for results, looked at before there is any, and streams of points to them."""

import argparse
import logging
import re
import shutil
import sys
import textwrap
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nrae_geometric.atomic import check_writable
from nrae_geometric.cli.parsing import Results

if TYPE_CHECKING:
    from numpy.typing import NDArray

MODEL_SUFFIX = ".nrae"
STANDARD_OUTPUT = "-"
_MOST_WIDTH = 100
_TABLES = ".npy, .npz, .csv, .parquet or .pt; - prints CSV"
STREAMED = (
    "Files that end in .npy, .csv or .parquet are read and written some rows at a time, so that "
    "they may be larger than the memory; those of other kinds are read and written whole."
)
"""What the help says of commands that map points."""


def output_path(text: str, suffixes: Collection[str], noun: str) -> Path:
    """Returns the path of a file to write.

    Args:
        text (str): The path.
        suffixes (Collection[str]): How its name may end.
        noun (str): What it is, in an error.

    Raises:
        ValueError: If the name ends otherwise, or is that of a folder.
    """
    path = Path(text).expanduser()
    if path.suffix.lower() not in suffixes:
        raise ValueError(f"the name of {noun} ends in {' or '.join(suffixes)}, got {text!r}")
    if path.is_dir():
        raise ValueError(f"{path} is a folder; name a file in it")
    return path


def check_places(*paths: Path) -> None:
    """Raises if one of the files could not be written; no folder is made yet.

    Raises:
        OSError: With the name of the file.
    """
    for path in paths:
        parent = path.absolute().parent
        while not parent.exists():
            parent = parent.parent
        if not parent.is_dir():
            raise ValueError(f"{path} cannot be written: {parent} is no folder")
        check_writable(parent / path.name)


def wrapped(text: str, first: str, indent: str) -> str:
    """Returns text in lines that fit the terminal, the first and the others with their indent.

    Paths are not broken.
    """
    return textwrap.fill(
        text,
        min(shutil.get_terminal_size((_MOST_WIDTH, 0)).columns, _MOST_WIDTH),
        initial_indent=first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


class MessageFormatter(logging.Formatter):
    """Writes a message of the library in lines that fit the terminal, each sentence on its own.

    The last sentence of a warning says what to do about it.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Returns the lines."""
        first, indent = f"{record.levelname.lower()}: ", "  "
        sentences = re.split(r"(?<=[a-z)]\.) (?=[A-Z])", record.getMessage())
        return "\n".join(
            wrapped(sentence, indent if i else first, indent)
            for i, sentence in enumerate(sentences)
        )


def add_points_output(parser: argparse.ArgumentParser, metavar: str) -> None:
    """Adds ``--out`` for a file of points."""
    parser.add_argument(
        "--out", required=True, metavar=metavar, help=f"the file to write, {_TABLES}"
    )


def points_output(arguments: argparse.Namespace, may_be_images: bool = False) -> Path | None:
    """Returns the path of a file of points to write, ``None`` for standard output.

    Args:
        arguments (argparse.Namespace): The arguments of a command.
        may_be_images (bool, optional): Whether an error says where images go, of which no folder
            is written. (default: :obj:`False`)

    Raises:
        ValueError: If its name does not tell the format, or standard output is asked for twice.
    """
    if arguments.out == STANDARD_OUTPUT:
        if arguments.json:
            raise ValueError("--out - and --json both go to standard output; name a file for one")
        return None
    from nrae_geometric.datasets.writing import WRITERS

    try:
        return output_path(arguments.out, WRITERS, "a file of points")
    except ValueError as error:
        if not may_be_images:
            raise
        hint = "images are written to one .npy file, and nrae report shows them"
        raise ValueError(f"{error}; {hint}") from error


def write_stream(
    path: Path | None,
    blocks: "Iterable[NDArray[Any]]",
    names: Sequence[str] | None,
    array: str,
    shape: Sequence[int],
) -> Results:
    """Writes blocks of points of a shape to a file or to standard output; returns the results."""
    from nrae_geometric.datasets.writing import write_csv_rows, write_points

    if path is None:
        num_points = write_csv_rows(sys.stdout, blocks, names)
    else:
        num_points = write_points(path, blocks, names=names, array=array)
    out = None if path is None else str(path)
    return {"out": out, "num_points": num_points, "shape": list(shape)}


def with_progress(blocks: "Iterable[NDArray[Any]]") -> "Iterator[NDArray[Any]]":
    """Yields blocks of points, and shows on a terminal how many have passed."""
    from tqdm import tqdm

    with tqdm(unit=" points", unit_scale=True, disable=None, file=sys.stderr) as bar:
        for block in blocks:
            yield block
            bar.update(len(block))
