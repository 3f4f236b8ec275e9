"""Animation of the way along the latent axis of a trained model, there and back."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from nrae_geometric.callbacks.image_recorder import ImageRecorder
from nrae_geometric.visualization import style
from nrae_geometric.visualization.gif import BlittedFigure

_WIDTH, _HEIGHT = 6.4, 6.0


class ImageAnimation:
    """Draws the latest frame of an :class:`ImageRecorder`, one picture for each decoded image.

    Above: the image decoded at the moving position, and beside it the training image whose
    latent is nearest. Below: the moving position among the encoded training images; where the
    true coordinate is known they lie at its height, so that a well-ordered latent space shows as
    a monotone line.

    Args:
        recorder (Recorder): A recorder with at least one frame.
    """

    def __init__(self, recorder: ImageRecorder) -> None:
        tensors = {k: style.as_array(v) for k, v in recorder.frames[-1].tensors.items()}
        self._latent, self._grid = tensors["latent"][:, 0], tensors["grid"][:, 0]
        self._decoded = style.as_pictures(tensors["images"])
        self._originals = style.as_pictures(style.as_array(recorder.data.x))
        subtitle = f"{len(self._latent)} images on one latent axis"
        self._title = style.render(style.title_card(_WIDTH, _HEIGHT, recorder.model_name, subtitle))
        figure = style.new_figure(_WIDTH, _HEIGHT)
        _head(figure.add_axes((0.12, 0.93, 0.85, 0.05)), recorder)
        self._image = _picture(
            figure.add_axes((0.12, 0.42, 0.4, 0.43)), "decoded from z", self._decoded[0]
        )
        self._nearest = _picture(
            figure.add_axes((0.57, 0.42, 0.4, 0.43)), "nearest training image", self._originals[0]
        )
        axis = figure.add_axes((0.12, 0.11, 0.85, 0.25))
        _encoded(axis, self._latent, recorder)
        self._position = axis.axvline(self._grid[0], color=style.VERMILLION, linewidth=2.5)
        self._picture = BlittedFigure(figure, [self._image, self._nearest, self._position])
        there = list(range(len(self._grid)))
        self._route = [*there, *there[-2:0:-1]]
        self.durations = [1.5, *(0.8 if i in (0, there[-1]) else 0.08 for i in self._route)]

    def draw(self, index: int) -> NDArray[np.uint8]:
        """Returns frame ``index`` as RGB of shape :obj:`[height, width, 3]`."""
        if index == 0:
            return self._title
        place = self._route[index - 1]
        z = self._grid[place]
        self._image.set_data(self._decoded[place])
        self._nearest.set_data(self._originals[np.abs(self._latent - z).argmin()])
        self._position.set_xdata([z, z])
        return self._picture.draw()


def _head(axes: Axes, recorder: ImageRecorder) -> None:
    frame = recorder.frames[-1]
    loss = "" if frame.loss is None else f"    loss {style.short(frame.loss)}"
    axes.set_axis_off()
    axes.text(
        0,
        0.5,
        recorder.model_name,
        fontsize=style.TITLE_SIZE,
        weight="bold",
        color=style.INK,
        va="center",
    )
    axes.text(
        1,
        0.5,
        f"epoch {frame.epoch}{loss}",
        fontsize=style.TITLE_SIZE - 2,
        color=style.INK,
        va="center",
        ha="right",
    )


def _picture(axes: Axes, title: str, picture: NDArray[np.float64]) -> AxesImage:
    axes.set_title(title, fontsize=style.LABEL_SIZE, color=style.INK)
    return style.show_picture(axes, picture)


def _encoded(axes: Axes, latent: NDArray[np.float64], recorder: ImageRecorder) -> None:
    known = recorder.data.y is not None
    height = style.as_array(recorder.data.y).ravel() if known else np.zeros_like(latent)
    axes.scatter(
        latent, height, c=height, cmap=style.COORDINATE, s=26, linewidths=0.4, edgecolors="white"
    )
    axes.margins(x=0.03, y=0.12)
    style.style_axes(axes)
    axes.set_xlabel("latent z", fontsize=style.LABEL_SIZE, color=style.INK)
    if known:
        axes.locator_params(axis="y", nbins=5)
        axes.set_ylabel(recorder.coordinate, fontsize=style.LABEL_SIZE, color=style.INK)
    else:
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
