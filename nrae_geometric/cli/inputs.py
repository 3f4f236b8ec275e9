"""Points that a command reads, and the options that say which."""

import argparse
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from nrae_geometric.cli.parsing import CommandParser

if TYPE_CHECKING:
    from numpy.typing import NDArray

POINTS = (
    "a file that ends in .npy, .npz, .csv (with a line of names), .parquet or .pt, a Zarr array, "
    "or a folder of .parquet files or of images"
)
_MOST_NAMES = 12
# What readers advise, by the names of the enumeration, in options.
_REMEDIES = {
    "NAME_ARRAY": "name one of its arrays by --array NAME",
    "OTHER_COLUMNS": "name it, or pick others by --columns A,B,C if it is an index",
    "LABELED_FILE": "put points and labels into one .npz file and name them by --array and "
    "--label-column",
}
_INDEX_NAMES = ("", "index", "id", "unnamed: 0")


class Input(NamedTuple):
    """Points of a file.

    Attributes:
        points (ndarray): The points ``[N, *shape]``.
        names (list of str, optional): The names of their columns.
        labels (ndarray, optional): A label for each ``[N]``.
    """

    points: "NDArray[Any]"
    names: list[str] | None
    labels: "NDArray[Any] | None"


def add_points(
    parser: CommandParser,
    labels: bool,
    metavar: str = "POINTS",
    others: str = "",
    label_use: str = "it colors the picture and is not learned",
) -> None:
    """Adds a file of points, or what else the command takes, and options that pick columns."""
    parser.add_argument("points", metavar=metavar, help=POINTS + others)
    group = parser.add_argument_group("parts of the file")
    group.add_argument(
        "--columns", metavar="A,B,C", help="the columns of a table to read (default: all)"
    )
    group.add_argument(
        "--array", metavar="NAME", help="the array of an .npz file or a Zarr group to read"
    )
    if labels:
        group.add_argument(
            "--label-column",
            metavar="NAME",
            help=f"a column, or array, of numbers or text: {label_use}",
        )


def read_input(arguments: argparse.Namespace, on_disk: bool | str = False) -> Input:
    """Reads the points that the arguments name, and their labels.

    Args:
        arguments (argparse.Namespace): The arguments of a command.
        on_disk (bool or str, optional): Whether the points may be a table whose rows stay on the
            disk, as :class:`~nrae_geometric.estimator.ManifoldAutoencoder` has it.
            (default: :obj:`False`)

    Raises:
        ValueError: As :func:`~nrae_geometric.datasets.read_points`, or if there is not one label
            for each point.
    """
    from nrae_geometric.datasets import read_labels, read_points

    labels, column = None, getattr(arguments, "label_column", None)
    with naming_options(arguments):
        columns = picked_columns(arguments)
        if column is not None:  # first, as a wrong name leaves the labels among the points
            labels = read_labels(arguments.points, column)
        table = _table(arguments.points, columns, on_disk)
        if table is not None:
            return Input(table, None, labels)
        points, names = read_points(arguments.points, columns=columns)
    if arguments.columns is None and names is not None:
        _warn_of_index(points, names)
    if labels is not None and len(labels) != len(points):
        raise ValueError(
            f"{arguments.points}: {column!r} has {len(labels)} labels for {len(points)} points"
        )
    return Input(points, names, labels)


def _table(path: str, columns: list[str] | None, on_disk: bool | str) -> Any:
    """The points of a file where they stay on the disk."""
    from nrae_geometric.datasets import open_points
    from nrae_geometric.tables import stays_on_disk

    if not on_disk:
        return None
    try:
        table = open_points(path, columns=columns)
    except ValueError:  # a file of another kind, which is read whole
        if on_disk == "auto":
            return None
        raise
    return None if stays_on_disk(table, on_disk) is None else table


@contextmanager
def naming_options(arguments: argparse.Namespace, is_free: bool = True) -> Iterator[None]:
    """Has the errors of readers say which option helps.

    Args:
        arguments (argparse.Namespace): The arguments of a command, which name the points.
        is_free (bool, optional): Whether other columns can be picked. (default: :obj:`True`)

    Raises:
        ValueError: As the readers.
    """
    from nrae_geometric.datasets.formats import RemediableError, WordsError

    try:
        yield
    except WordsError as error:
        if not is_free:
            raise
        hint = f" ({_option_without(arguments, error.column)})"
        if getattr(arguments, "label_column", "") is None:
            option = f"--label-column {shlex.quote(error.column)}"
            hint += f", or take this one as labels ({option})"
        raise ValueError(f"{error}{hint}") from error
    except RemediableError as error:
        raise ValueError(f"{error.problem}; {_REMEDIES[error.remedy.name]}") from error


def _option_without(arguments: argparse.Namespace, column: str) -> str:
    """The option that picks all columns that would be read but one."""
    from nrae_geometric.datasets import column_names

    names = picked_columns(arguments) or column_names(arguments.points) or []
    return _columns_option([name for name in names if name != column])


def _columns_option(names: list[str]) -> str:
    if not names:
        return "--columns A,B,C"
    more = ",..." if len(names) > _MOST_NAMES else ""
    return f"--columns {shlex.quote(','.join(names[:_MOST_NAMES]))}{more}"


def _warn_of_index(points: "NDArray[Any]", names: list[str]) -> None:
    """Says on standard error that the first column only counts the rows."""
    import numpy as np

    if len(names) < 2 or names[0].lower() not in _INDEX_NAMES or len(points) < 2:
        return
    first, last = int(points[0, 0]), int(points[-1, 0])
    if first in (0, 1) and np.array_equal(points[:, 0], np.arange(first, first + len(points))):
        name = f"is named {names[0]!r}" if names[0] else "has no name"
        print(
            f"nrae: the first column {name} and counts from {first} to {last}: an index? leave it "
            f"out with {_columns_option(names[1:])}",
            file=sys.stderr,
        )


def picked_columns(arguments: argparse.Namespace) -> list[str] | None:
    """Returns the columns that the arguments pick: those named, or all but that of the labels."""
    from nrae_geometric.datasets import column_names
    from nrae_geometric.datasets.files import known_file
    from nrae_geometric.datasets.formats import kind_of

    path, label = known_file(arguments.points), getattr(arguments, "label_column", None)
    kind = kind_of(path)
    if arguments.array is not None:
        if kind not in (".npz", ".zarr"):
            raise ValueError(
                f"--array picks an array of an .npz file or a Zarr group, but {path} is none"
            )
        return [arguments.array]
    if arguments.columns is not None:
        if kind not in (".csv", ".parquet"):
            raise ValueError(f"--columns picks columns of a table, but {path} is none")
        columns = [name.strip() for name in arguments.columns.split(",")]
        if "" in columns or len(set(columns)) < len(columns):
            raise ValueError(
                f"--columns needs different names with commas between, got {arguments.columns!r}"
            )
        return columns
    if label is None:
        return None
    names = column_names(path)
    return None if names is None else [name for name in names if name != label]
