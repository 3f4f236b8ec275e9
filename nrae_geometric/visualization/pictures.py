"""Images as matplotlib shows them."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from nrae_geometric.visualization import palette


def as_pictures(images: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn images [N, H, W], [N, 1, H, W] or [N, 3, H, W] into [N, H, W] or [N, H, W, 3] in 0..1.

    Raises:
        ValueError: If the images have neither one nor three channels.
    """
    images = np.clip(images, 0, 1)
    if images.ndim == 3:
        return images
    if images.ndim == 4 and images.shape[1] in (1, 3):
        return images[:, 0] if images.shape[1] == 1 else np.moveaxis(images, 1, -1)
    raise ValueError(
        f"images have shape {images.shape}; expected [N, H, W], [N, 1, H, W] or [N, 3, H, W]"
    )


def show_picture(axes: Axes, picture: NDArray[np.float64]) -> AxesImage:
    """Show one picture with hard pixels and a thin frame, and no ticks."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color(palette.FAINT)
    return axes.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
