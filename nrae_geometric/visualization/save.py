"""Figures to files."""

import os
from typing import TYPE_CHECKING

from nrae_geometric.atomic import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_figure(figure: "Figure", path: str | os.PathLike[str]) -> None:
    """Write a figure atomically.

    Args:
        figure: What a ``plot_*`` function returned.
        path: File to write; its ending (``.png``, ``.pdf``, ``.svg``) is the format.
    """
    with atomic_write(path) as temporary:
        figure.savefig(temporary)
