"""Looping GIFs of pictures in which little moves."""

import os
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, cast

import imageio.v3 as imageio
import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from nrae_geometric.arguments import integer
from nrae_geometric.atomic import atomic_write
from nrae_geometric.visualization.style import pixels


class Animation(Protocol):
    """A sequence of pictures of equal size that are drawn on demand."""

    @property
    def durations(self) -> Sequence[float]:
        """The time that each frame is shown, in seconds."""

    def draw(self, index: int) -> NDArray[np.uint8]:
        """Returns frame ``index`` as RGB, :obj:`[height, width, 3]`."""


class BlittedFigure:
    """A figure whose background is drawn once, and whose moving artists for every frame.

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
        """Returns the figure with the visible ones of its moving artists as they are now.

        Returns:
            numpy.ndarray: RGB, :obj:`[height, width, 3]`.
        """
        self._canvas.restore_region(self._background)
        renderer = self._canvas.get_renderer()
        for artist in self._moving:
            artist.draw(renderer)
        return pixels(self._figure)


def write_gif(animation: Animation, path: str | os.PathLike[str], *, num_colors: int = 128) -> None:
    """Writes an animation as a looping GIF, whole or not at all.

    All frames share one palette, made from a sample of them, so that no color flickers.

    Args:
        animation (Animation): The frames and their durations. Equal frames in a row become one.
        path (str or os.PathLike): The file. Missing folders are made.
        num_colors (int, optional): The size of the palette, at most 255: one more stands for
            unchanged pixels. (default: :obj:`128`)

    Raises:
        TypeError: If the size is no integer.
        ValueError: If it is out of range.
    """
    num_colors = integer("num_colors", num_colors, 1, 255)
    milliseconds = [round(1000 * seconds) for seconds in animation.durations]
    palette = _shared_palette(animation, num_colors)
    frames = np.stack(list(_quantized(animation, palette)))
    # Not to the file itself, which the writer would try again to write to where a disk is full.
    content: Any = imageio.imwrite(
        "<bytes>",
        frames,
        extension=".gif",
        plugin="pillow",
        mode="P",
        palette=bytes(palette),
        is_batch=True,
        # Pillow takes no list for a single frame.
        duration=milliseconds if len(milliseconds) > 1 else milliseconds[0],
        loop=0,
        optimize=True,
    )
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)


def _shared_palette(animation: Animation, num_colors: int, num_samples: int = 16) -> list[int]:
    """Returns the most popular colors of a sample of the frames, channel after channel.

    Popularity keeps the flat colors of a drawing exact, where averages would tint them. Of colors
    that agree in their five leading bits, the most popular one stands for all. Frames are taken
    evenly over the running time, so that those shown for long are among them, and over all.
    """
    ends = np.cumsum(animation.durations)
    sample = np.union1d(
        np.searchsorted(ends, np.linspace(0, ends[-1], num_samples)),
        np.linspace(0, len(ends) - 1, num_samples).round().astype(int),
    )
    montage = Image.fromarray(np.concatenate([animation.draw(int(index)) for index in sample]))
    counted = cast(
        list[tuple[int, tuple[int, int, int]]], montage.getcolors(montage.width * montage.height)
    )
    popular: dict[tuple[int, ...], tuple[int, int, int]] = {}
    for _, color in sorted(counted, reverse=True):
        popular.setdefault(tuple(channel >> 3 for channel in color), color)
    return [channel for color in list(popular.values())[:num_colors] for channel in color]


def _quantized(animation: Animation, palette: list[int]) -> Iterator[NDArray[np.uint8]]:
    """Yields the number of each pixel's color in the palette."""
    # Pillow looks up colors by the least corner of their cell of 4 x 4 x 4, which is two below its
    # center: a palette two below has the nearest color to the center found.
    lowered = Image.new("P", (1, 1))
    lowered.putpalette([max(channel - 2, 0) for channel in palette])
    for index in range(len(animation.durations)):
        frame = Image.fromarray(animation.draw(index))
        yield np.asarray(frame.quantize(palette=lowered, dither=Image.Dither.NONE))
