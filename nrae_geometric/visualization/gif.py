"""Looping GIFs with one palette for all frames, and frames in which only a part is redrawn."""

import os
from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

import imageio.v3 as imageio
import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial import KDTree

from nrae_geometric.atomic import atomic_write
from nrae_geometric.visualization import style

_NUM_COLORS = 128
# Frames that the palette is made from, evenly spread over all.
_NUM_SAMPLES = 16


class Animation(Protocol):
    """Pictures of equal size that are drawn on demand."""

    @property
    def durations(self) -> Sequence[float]:
        """The time that each frame is shown, in seconds."""

    def draw(self, index: int) -> NDArray[np.uint8]:
        """Returns frame :obj:`index` as RGB of shape :obj:`[height, width, 3]`."""


def write_gif(animation: Animation, path: str | os.PathLike[str]) -> None:
    """Writes an animation as a looping GIF, whole or not at all.

    All frames share one palette, so no color flickers.

    Args:
        animation (Animation): The frames and the time that each is shown.
        path (str or os.PathLike): The file to write.
    """
    frames = [animation.draw(index) for index in range(len(animation.durations))]
    palette = _shared_palette(frames)
    table = _nearest_colors(palette)
    milliseconds = [round(1000 * seconds) for seconds in animation.durations]
    with atomic_write(path) as temporary:
        imageio.imwrite(
            temporary,
            np.stack([table[_cells(frame)] for frame in frames]),
            extension=".gif",
            plugin="pillow",
            mode="P",
            is_batch=True,
            palette=palette.tobytes(),
            # Pillow takes no list for a single frame.
            duration=milliseconds if len(milliseconds) > 1 else milliseconds[0],
            loop=0,
            optimize=True,
        )


def _shared_palette(frames: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """The most popular colors of a sample of the frames, :obj:`[C, 3]`.

    Popularity keeps the flat colors of a drawing exact, where the averages of a median cut would
    tint the white. Of colors that agree in their five leading bits the most popular is taken.
    """
    samples = np.linspace(0, len(frames) - 1, _NUM_SAMPLES).round().astype(int)
    montage = Image.fromarray(np.concatenate([frames[index] for index in np.unique(samples)]))
    counted: Any = montage.getcolors(montage.width * montage.height)
    totals: Counter[tuple[int, ...]] = Counter()
    most_popular: dict[tuple[int, ...], tuple[int, ...]] = {}
    for count, color in sorted(counted, reverse=True):
        box = tuple(channel >> 3 for channel in color)
        totals[box] += count
        most_popular.setdefault(box, color)
    return np.array([most_popular[box] for box, _ in totals.most_common(_NUM_COLORS)], np.uint8)


def _nearest_colors(palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The index of the nearest color for each cell of 4 x 4 x 4 colors; Pillow's own is coarser."""
    centers = np.stack(np.meshgrid(*[np.arange(2, 256, 4)] * 3, indexing="ij"), axis=-1)
    nearest = KDTree(palette).query(centers.reshape(-1, 3))[1].astype(np.uint8)
    nearest[_cells(palette)] = np.arange(len(palette))
    return nearest


def _cells(colors: NDArray[np.uint8]) -> NDArray[np.int32]:
    red, green, blue = np.moveaxis(colors.astype(np.int32) >> 2, -1, 0)
    return (red << 12) | (green << 6) | blue


class BlittedFigure:
    """A figure whose background is drawn once and whose moving artists for every frame.

    Args:
        figure (matplotlib.figure.Figure): A figure on an Agg canvas, finished but for the moving
            artists' contents.
        moving (Sequence[Artist]): Artists of the figure, from the lowest to the topmost.
    """

    def __init__(self, figure: Figure, moving: Sequence[Artist]) -> None:
        assert isinstance(figure.canvas, FigureCanvasAgg)
        self._figure, self._canvas, self._moving = figure, figure.canvas, moving
        for artist in moving:
            artist.set_animated(True)
        self._canvas.draw()
        self._background = self._canvas.copy_from_bbox(figure.bbox)

    def draw(self) -> NDArray[np.uint8]:
        """Returns the figure as it is now as RGB of shape :obj:`[height, width, 3]`."""
        self._canvas.restore_region(self._background)
        renderer = self._canvas.get_renderer()
        for artist in self._moving:
            artist.draw(renderer)
        return style.pixels(self._figure)
