"""Writing pictures so that a reader never meets half of one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside ``path``, which takes its place when the block succeeds.

    Missing folders are made. On an error the temporary file is removed and ``path`` is as it was.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.stem}-{uuid4().hex}{target.suffix}")
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def save_figure(figure: "Figure", path: str | os.PathLike[str]) -> None:
    """Write a figure atomically.

    Args:
        figure: What a ``plot_*`` function returned.
        path: File to write; its ending (``.png``, ``.pdf``, ``.svg``) is the format.
    """
    with replacing(path) as temporary:
        figure.savefig(temporary)
