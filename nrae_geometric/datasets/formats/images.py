"""Folders of images."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from nrae_geometric.datasets.formats.errors import Table, UnusableError, without_columns

_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


def read_images(path: Path, columns: Sequence[str] | None) -> Table:
    """Reads the images of a folder, sorted by name, as ``[N, C, H, W]`` in 0..1."""
    without_columns(columns)
    files = sorted(
        file
        for file in path.iterdir()
        if file.suffix.lower() in _SUFFIXES and not file.name.startswith(".")
    )
    if not files:
        raise UnusableError(
            f"there are no images in this folder, of the kinds {', '.join(sorted(_SUFFIXES))}"
        )
    first = _read_image(files[0])
    points = np.empty((len(files), *first.shape), dtype=np.float32)
    for i, file in enumerate(files):
        image = _read_image(file)
        if image.shape != first.shape:
            raise UnusableError(
                f"channels, height and width of {file.name} are {image.shape}, but those of "
                f"{files[0].name} are {first.shape}; resize or convert one of them"
            )
        points[i] = image
    return points, None


def _read_image(file: Path) -> NDArray[np.float32]:
    """Returns an image, [C, H, W] in [0, 1]."""
    try:
        with Image.open(file) as opened:
            # A photo's second picture is a thumbnail or its depth.
            num_frames = 1 if opened.format == "MPO" else getattr(opened, "n_frames", 1)
            image = ImageOps.exif_transpose(opened)
            pixels = np.asarray(image.convert("RGB") if image.mode == "P" else image)
    except Exception as error:  # Pillow raises errors of many kinds
        raise UnusableError(
            f"{file.name} cannot be read ({error}); replace or remove it"
        ) from error
    if num_frames > 1:
        raise UnusableError(f"{file.name} has {num_frames} frames; save each as an image")
    if pixels.dtype == bool:
        pixels = pixels.astype(np.uint8) * 255
    if pixels.dtype.kind != "u":
        raise UnusableError(
            f"{file.name} has pixels of mode {image.mode}; convert them to 8 or 16 bits"
        )
    pixels = pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)
    return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)
