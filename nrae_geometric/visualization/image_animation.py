"""Animation of the latent axis of a model of images, there and back."""

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from nrae_geometric.callbacks import ImageRecorder
from nrae_geometric.visualization import style
from nrae_geometric.visualization.gif import BlittedFigure

_WIDTH, _HEIGHT, _DPI = 6.4, 5.8, 100


class ImageAnimation:
    """The latest frame of an :class:`~nrae_geometric.callbacks.ImageRecorder`, image by image.

    Above: the image decoded at the moving position, and beside it the training image whose
    latent is nearest. Below: the moving position among the encoded training images; where the
    true coordinate is known they lie at its height, so that a well-ordered latent space shows as
    a monotone line.

    Args:
        recorder (ImageRecorder): A recorder with at least one frame.

    Attributes:
        durations (list[float]): The time that each frame is shown, in seconds.
    """

    def __init__(self, recorder: ImageRecorder) -> None:
        frame = recorder.frames[-1]
        self._latent = style.as_array(frame.tensors["latent"])[:, 0]
        self._grid = style.as_array(frame.tensors["grid"])[:, 0]
        self._decoded = style.as_images(frame.tensors["images"])
        self._originals = style.as_images(recorder.data.x)
        subtitle = f"{len(self._latent)} images on one latent axis"
        self._title = style.render(
            style.title_figure(_WIDTH, _HEIGHT, recorder.model_name, subtitle, _DPI)
        )
        figure = style.new_figure(_WIDTH, _HEIGHT, dpi=_DPI)
        panels = figure.subplot_mosaic("DN;LL", height_ratios=[2, 1])
        figure.suptitle(
            f"{recorder.model_name}    {style.epoch_text(frame.epoch, frame.loss)}",
            fontsize=style.TITLE_SIZE,
            color=style.INK,
        )
        for key, title in {"D": "decoded from z", "N": "nearest training image"}.items():
            panels[key].set_title(title, fontsize=style.LABEL_SIZE, color=style.INK)
        self._image = style.show_image(panels["D"], self._decoded[0])
        self._nearest = style.show_image(panels["N"], self._originals[0])
        _draw_latents(panels["L"], self._latent, recorder)
        self._position = panels["L"].axvline(self._grid[0], color=style.VERMILLION, linewidth=2.5)
        self._figure = BlittedFigure(figure, [self._image, self._nearest, self._position])
        forth = list(range(len(self._grid)))
        self._places = [*forth, *forth[-2:0:-1]]
        ends = {forth[0], forth[-1]}
        self.durations = [1.5, *(0.8 if place in ends else 0.08 for place in self._places)]

    def draw(self, index: int) -> NDArray[np.uint8]:
        """Returns frame ``index`` as RGB, :obj:`[height, width, 3]`."""
        if index == 0:
            return self._title
        place = self._places[index - 1]
        z = self._grid[place]
        self._image.set_data(self._decoded[place])
        self._nearest.set_data(self._originals[np.abs(self._latent - z).argmin()])
        self._position.set_xdata([z, z])
        return self._figure.draw()


def _draw_latents(axes: Axes, latent: NDArray[np.float64], recorder: ImageRecorder) -> None:
    known = recorder.data.y is not None
    height = style.as_array(recorder.data.y).ravel() if known else np.zeros_like(latent)
    axes.scatter(
        latent, height, c=height, cmap=style.COORDINATE, s=26, linewidths=0.4, edgecolors="white"
    )
    axes.margins(x=0.03, y=0.12)
    style.style_axes(axes, "latent z", recorder.coordinate if known else None)
    axes.locator_params(axis="y", nbins=5)
    if not known:
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
