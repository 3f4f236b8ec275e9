"""Strips of images along a latent axis."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from nrae_geometric.visualization import palette
from nrae_geometric.visualization.pictures import as_pictures, show_picture

_CELL, _LABEL, _TOP, _BOTTOM = 0.8, 1.5, 0.15, 0.45


def plot_orbit(
    strips: Mapping[str, Tensor], *, num_images: int = 12, axis: str = "latent z"
) -> Figure:
    """Draw strips of images along the latent axis, one row for each model.

    Args:
        strips: For each row its name and its images in order, :obj:`[G, C, H, W]` or
            :obj:`[G, H, W]` with values in 0..1; for example what :func:`decode_latent_range` gives.
        num_images: Number of images a row shows, evenly spread over the strip, ends included.
        axis: What grows from left to right.
    """
    if not strips:
        raise ValueError("strips is empty; give at least one name with its images")
    width = _LABEL + num_images * _CELL + 0.15
    height = _TOP + len(strips) * _CELL + _BOTTOM
    figure = palette.new_figure(width, height)
    for row, (name, images) in enumerate(strips.items()):
        pictures = as_pictures(palette.as_array(images))
        bottom = (height - _TOP - (row + 1) * _CELL) / height
        figure.text(
            (_LABEL - 0.15) / width,
            bottom + 0.5 * _CELL / height,
            name,
            ha="right",
            va="center",
            fontsize=13,
            weight="bold",
            color=palette.INK,
        )
        places = np.linspace(0, len(pictures) - 1, num_images).round().astype(int)
        for column, place in enumerate(places):
            left = (_LABEL + column * _CELL) / width
            cell = (left, bottom, 0.94 * _CELL / width, 0.94 * _CELL / height)
            show_picture(figure.add_axes(cell), pictures[place])
    figure.text(
        (_LABEL + num_images * _CELL / 2) / width,
        0.2 / height,
        f"{axis} →",
        ha="center",
        va="center",
        fontsize=palette.LABEL_SIZE,
        color=palette.MUTED,
    )
    return figure
