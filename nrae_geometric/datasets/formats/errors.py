"""What the readers of all formats share."""

from collections.abc import Sequence
from enum import Enum
from typing import Any

from numpy.typing import NDArray

from nrae_geometric.tables import machine_memory

Table = tuple[NDArray[Any], list[str] | None]
"""Points ``[N, *shape]``, and the names of their columns where they have some."""
Block = NDArray[Any]
"""Some of the points, ``[B, *shape]``."""


class Remedy(Enum):
    """What to do about a file, in the words of Python; other front ends have their own."""

    NAME_ARRAY = "name one of its arrays by columns=[name]"
    OTHER_COLUMNS = "name it, or pick others by columns if it is an index"
    LABELED_FILE = "put points and labels into one .npz file"


class UnusableError(ValueError):
    """A file is damaged or has no points in it; the message lacks the file's name.

    Args:
        message (str): What is wrong.
        words (str, optional): The column of a table that holds words, where this is the reason.
            (default: :obj:`None`)
        remedy (Remedy, optional): What to do, where that depends on who reads the file.
            (default: :obj:`None`)
    """

    def __init__(
        self, message: str, words: str | None = None, remedy: Remedy | None = None
    ) -> None:
        super().__init__(message)
        self.words = words
        self.remedy = remedy


class RemediableError(ValueError):
    """A file cannot be read as it was asked for, but otherwise.

    Args:
        problem (str): What is wrong.
        remedy (Remedy): What to do about it.
    """

    def __init__(self, problem: str, remedy: Remedy) -> None:
        super().__init__(f"{problem}; {remedy.value}")
        self.problem = problem
        self.remedy = remedy


class WordsError(ValueError):
    """A column that was to be read holds words.

    Args:
        message (str): What is wrong.
        column (str): The name of the column.
    """

    def __init__(self, message: str, column: str) -> None:
        super().__init__(message)
        self.column = column


def without_columns(columns: Sequence[str] | None) -> None:
    """Raises if columns are picked from a file that has none."""
    if columns is not None:
        raise UnusableError(f"it has no named columns to pick {', '.join(columns)} from")


def pick(names: list[str], columns: Sequence[str] | None) -> list[int]:
    """Returns the positions of the named columns, all of them without names."""
    for name in columns or []:
        if names.count(name) != 1:
            how_many = "more than one" if name in names else "no"
            raise UnusableError(
                f"there is {how_many} column {name!r}; there are {', '.join(map(repr, names))}"
            )
    return list(range(len(names))) if columns is None else [names.index(name) for name in columns]


def check_memory(num_bytes: int) -> None:
    """Makes sure that a table fits, which may be a million times as large as its file."""
    if num_bytes > (memory := machine_memory()):
        raise UnusableError(f"it promises {num_bytes} bytes, but the machine has {memory}")
