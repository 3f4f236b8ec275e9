"""Points that a command reads, and the options that say which."""

import argparse
import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

from nrae_geometric.cli.parsing import CommandParser

if TYPE_CHECKING:
    from numpy.typing import NDArray

POINTS = (
    "a file that ends in .npy, .npz, .csv (with a line of names), .parquet or .pt, or a folder of "
    "images"
)


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
    parser: CommandParser, labels: bool, metavar: str = "POINTS", others: str = ""
) -> None:
    """Adds a file of points, or what else the command takes, and options that pick columns."""
    parser.add_argument("points", metavar=metavar, help=POINTS + others)
    group = parser.add_argument_group("parts of the file")
    group.add_argument(
        "--columns", metavar="A,B,C", help="the columns of a table to read (default: all)"
    )
    group.add_argument("--array", metavar="NAME", help="the array of an .npz file to read")
    if labels:
        group.add_argument(
            "--label-column",
            metavar="NAME",
            help="a column, or array, of numbers or text: it colors the picture and is not learned",
        )


def read_input(arguments: argparse.Namespace) -> Input:
    """Reads the points that the arguments name, and their labels.

    Raises:
        ValueError: As :func:`~nrae_geometric.datasets.read_points`, or if there is not one label
            for each point.
    """
    from nrae_geometric.datasets import read_labels, read_points
    from nrae_geometric.datasets.formats import WordsError

    labels, column = None, getattr(arguments, "label_column", None)
    try:
        points, names = read_points(arguments.points, columns=picked_columns(arguments))
    except WordsError as error:
        hint = " (--columns A,B,C)"
        if column is None and hasattr(arguments, "label_column"):
            option = f"--label-column {shlex.quote(error.column)}"
            hint += f", or color the picture by this one ({option})"
        raise ValueError(f"{error}{hint}") from error
    if column is not None:
        labels = read_labels(arguments.points, column)
        if len(labels) != len(points):
            raise ValueError(
                f"{arguments.points}: {column!r} has {len(labels)} labels for {len(points)} points"
            )
    return Input(points, names, labels)


def picked_columns(arguments: argparse.Namespace) -> list[str] | None:
    """Returns the columns that the arguments pick: those named, or all but that of the labels."""
    from nrae_geometric.datasets import column_names
    from nrae_geometric.datasets.files import known_file

    path, label = known_file(arguments.points), getattr(arguments, "label_column", None)
    kind = "folder" if path.is_dir() else path.suffix.lower()
    if arguments.array is not None:
        if kind != ".npz":
            raise ValueError(f"--array picks an array of an .npz file, but {path} is none")
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
