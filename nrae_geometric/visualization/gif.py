"""Looping GIFs with one palette for all frames."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial import KDTree

from nrae_geometric.atomic import atomic_write


class Film(Protocol):
    """A sequence of pictures of equal size that are drawn on demand."""

    @property
    def durations(self) -> Sequence[float]:
        """How long each frame is shown, in seconds."""

    def draw(self, index: int) -> NDArray[np.uint8]:
        """Return frame ``index`` as RGB of shape :obj:`[height, width, 3]`."""


def write_gif(
    film: Film, path: str | os.PathLike[str], *, num_colors: int = 128, num_samples: int = 16
) -> None:
    """Write a film as a looping GIF, atomically.

    All frames share one palette, so no color flickers. Equal frames in a row become one.

    Args:
        film: The frames and how long each is shown.
        path: File to write.
        num_colors: Size of the palette, at most 255: one index is left for unchanged pixels.
        num_samples: The palette is made from as many frames evenly spread over the running time,
            and as many evenly spread over all frames.
    """
    milliseconds = [round(1000 * seconds) for seconds in film.durations]
    palette = _shared_palette(film, num_colors, num_samples)
    frames = _quantized(film, palette)
    first = next(frames)
    with atomic_write(path) as temporary:
        first.save(
            temporary,
            format="GIF",
            save_all=len(milliseconds) > 1,
            append_images=frames,
            duration=milliseconds if len(milliseconds) > 1 else milliseconds[0],
            loop=0,
            palette=palette.tobytes(),
            optimize=True,
        )


def _shared_palette(film: Film, num_colors: int, num_samples: int) -> NDArray[np.uint8]:
    """Return the most popular colors of a sample of the frames, :obj:`[num_colors, 3]`.

    Popularity keeps the flat colors of a drawing exact, where the averages of a median cut would
    tint the white and merge neighboring hues. Of colors that agree in their five leading bits,
    the most popular stands for all.
    """
    ends = np.cumsum(film.durations)
    chosen = np.union1d(
        np.searchsorted(ends, np.linspace(0, ends[-1], num_samples)),
        np.linspace(0, len(ends) - 1, num_samples).round().astype(int),
    )
    montage = Image.fromarray(np.concatenate([film.draw(int(index)) for index in chosen]))
    counted = montage.getcolors(montage.width * montage.height)
    popular = sorted(cast(list[tuple[int, tuple[int, int, int]]], counted), reverse=True)
    totals: Counter[tuple[int, ...]] = Counter()
    standing_for: dict[tuple[int, ...], tuple[int, ...]] = {}
    for count, color in popular:
        box = tuple(channel >> 3 for channel in color)
        totals[box] += count
        standing_for.setdefault(box, color)
    colors = [standing_for[box] for box, _ in totals.most_common(num_colors)]
    return np.array(colors, dtype=np.uint8)


def _quantized(film: Film, palette: NDArray[np.uint8]) -> Iterator[Image.Image]:
    nearest = _nearest_in_palette(palette)
    for index in range(len(film.durations)):
        frame = Image.fromarray(nearest[_cell(film.draw(index))])
        frame.putpalette(palette.tobytes())
        yield frame


def _nearest_in_palette(palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the index of the nearest palette color for each cell of 4 x 4 x 4 colors.

    Pillow's own table compares the corners of the cells, which can turn white into another color
    although it is in the palette.
    """
    center = np.stack(np.meshgrid(*[np.arange(2, 256, 4)] * 3, indexing="ij"), axis=-1)
    nearest = KDTree(palette).query(center.reshape(-1, 3))[1].astype(np.uint8)
    nearest[_cell(palette)] = np.arange(len(palette))
    return nearest


def _cell(color: NDArray[np.uint8]) -> NDArray[np.int32]:
    red, green, blue = np.moveaxis(color.astype(np.int32) >> 2, -1, 0)
    return (red << 12) | (green << 6) | blue
