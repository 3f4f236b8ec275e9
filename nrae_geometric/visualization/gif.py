"""Looping GIFs with one palette for all frames."""

import os
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nrae_geometric.visualization.files import replacing


class Film(Protocol):
    """A sequence of pictures of equal size that are drawn on demand."""

    @property
    def durations(self) -> Sequence[float]:
        """How long each frame is shown, in seconds."""

    def draw(self, index: int) -> NDArray[np.uint8]:
        """Return frame ``index`` as RGB of shape :obj:`[height, width, 3]`."""


def write_gif(
    film: Film, path: str | os.PathLike[str], *, num_colors: int = 128, num_samples: int = 12
) -> None:
    """Write a film as a looping GIF, atomically.

    All frames share one palette, so no color flickers. Equal frames in a row become one.

    Args:
        film: The frames and how long each is shown.
        path: File to write.
        num_colors: Size of the palette, at most 255: one index is left for unchanged pixels.
        num_samples: Number of frames, evenly spread, that the palette is made from.
    """
    num_frames = len(film.durations)
    palette = _shared_palette(film, num_colors, num_samples)
    frames = _quantized(film, palette)
    first = next(frames)
    with replacing(path) as temporary:
        first.save(
            temporary,
            format="GIF",
            save_all=num_frames > 1,
            append_images=frames,
            duration=[round(1000 * seconds) for seconds in film.durations],
            loop=0,
            palette=bytes(palette.getpalette() or ()),
            optimize=True,
        )


def _shared_palette(film: Film, num_colors: int, num_samples: int) -> Image.Image:
    chosen = np.unique(np.linspace(0, len(film.durations) - 1, num_samples).round().astype(int))
    montage = np.concatenate([film.draw(int(index)) for index in chosen])
    return Image.fromarray(montage).quantize(num_colors, dither=Image.Dither.NONE)


def _quantized(film: Film, palette: Image.Image) -> Iterator[Image.Image]:
    for index in range(len(film.durations)):
        frame = Image.fromarray(film.draw(index))
        yield frame.quantize(palette=palette, dither=Image.Dither.NONE)
