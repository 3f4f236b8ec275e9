"""One figure in which a curve settles among its points, redrawn for every epoch."""

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from nrae_geometric.callbacks.curve_recorder import CurveRecorder
from nrae_geometric.callbacks.recorder import Frame
from nrae_geometric.visualization import palette, plane
from nrae_geometric.visualization.blitting import BlittedFigure

_DASHES = (0, (3, 1.5))
_EMPTY = np.empty((0, 2))
_ORDER_NAMES = {1: "linear", 2: "quadratic"}


class LearningScene:
    """Draws recorded frames over a background that is drawn once.

    Args:
        recorder: Where the frames come from.
        figure: The figure to draw on.
        axes: Its axes, with the window set and the true manifold in place.
    """

    def __init__(self, recorder: CurveRecorder, figure: Figure, axes: Axes) -> None:
        self._points = palette.as_array(recorder.data.x)
        self._owner = recorder.owner.numpy()
        self._neighbors = self._points[recorder.neighbors.numpy()]
        self._highlighted = self._points[recorder.highlighted.numpy()]
        axes.set_title(
            recorder.model_name,
            loc="left",
            fontsize=palette.TITLE_SIZE,
            color=palette.INK,
            weight="bold",
        )
        self._epoch = axes.set_title(
            "", loc="right", fontsize=palette.TITLE_SIZE - 2, color=palette.INK
        )
        self._curve = plane.learned_curve(_EMPTY)
        self._errors = LineCollection([], colors=palette.SKY, linewidths=1.3)
        self._local = [
            Line2D([], [], color=color, linewidth=2.8, solid_capstyle="round")
            for color in palette.NEIGHBORHOODS[: len(self._highlighted)]
        ]
        self._spokes = [
            LineCollection([], colors=color, linewidths=1.3, linestyles=[_DASHES])
            for color in palette.NEIGHBORHOODS[: len(self._highlighted)]
        ]
        self._add_legend(recorder, axes)
        # Later ones lie on top.
        moving: list[Artist] = [self._errors, self._curve, *self._local, *self._spokes]
        moving += [plane.training_points(self._points), *self._marks()]
        for artist in moving:
            axes.add_artist(artist)
        self._picture = BlittedFigure(figure, [*moving, self._epoch])

    def draw(self, frame: Frame) -> NDArray[np.uint8]:
        """Return a recorded frame as RGB of shape :obj:`[height, width, 3]`."""
        self._update(frame)
        return self._picture.draw()

    def _update(self, frame: Frame) -> None:
        state = {name: palette.as_array(tensor) for name, tensor in frame.tensors.items()}
        loss = "" if frame.loss is None else f"    loss {palette.short(frame.loss)}"
        self._epoch.set_text(f"epoch {frame.epoch}{loss}")
        self._curve.set_data(*state["curve"].T)
        self._errors.set_segments(_segments(self._points, state["reconstruction"]))
        for i, (local, spokes) in enumerate(zip(self._local, self._spokes, strict=True)):
            own = self._owner == i
            local.set_data(*state["local_curve"][i].T)
            spokes.set_segments(
                _segments(self._neighbors[own], state["neighbor_reconstruction"][own])
            )

    def _marks(self) -> list[Line2D]:
        marks = []
        for i, color in enumerate(palette.NEIGHBORHOODS[: len(self._highlighted)]):
            marks.append(plane.training_points(self._neighbors[self._owner == i]))
            marks.append(plane.training_points(self._highlighted[i : i + 1]))
            marks[-2].set(color=color, markersize=7)
            marks[-1].set(color=color, markersize=9, marker="D")
        return marks

    def _add_legend(self, recorder: CurveRecorder, axes: Axes) -> None:
        entries: dict[str, Artist | tuple[Artist, ...]] = {
            "training points": plane.training_points(self._points)
        }
        if recorder.manifold is not None:
            entries["true manifold"] = plane.true_manifold(_EMPTY)
        entries["learned manifold"] = self._curve
        entries["reconstruction"] = Line2D([], [], color=palette.SKY, linewidth=1.5)
        if recorder.order is not None:
            entries[f"local {_ORDER_NAMES[recorder.order]} curve"] = tuple(self._local)
            entries["neighbor reconstruction"] = tuple(
                Line2D([], [], color=line.get_color(), linewidth=1.5, linestyle=_DASHES)
                for line in self._local
            )
        palette.legend_below([axes], entries, columns=(len(entries) + 1) // 2)


def _segments(start: NDArray[np.float64], end: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    return list(np.stack([start, end], axis=1))
