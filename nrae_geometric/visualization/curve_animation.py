"""Animation of a training run on planar points: title, data, graph, epochs."""

from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from nrae_geometric.callbacks import CurveRecorder, Frame
from nrae_geometric.visualization import plane, style
from nrae_geometric.visualization.gif import BlittedFigure

_WIDTH, _DPI = 6.6, 100
# Room for tick labels to the left, and for the title and the legend above and below, in inches.
_LEFT, _ABOVE_AND_BELOW = 0.55, 1.4
_DASHES = (0, (3, 1.5))
_EMPTY = np.empty((0, 2))
_ORDER_NAMES = {1: "linear", 2: "quadratic"}


class CurveAnimation:
    """The frames of a :class:`~nrae_geometric.callbacks.CurveRecorder`, drawn on one figure.

    Args:
        recorder (CurveRecorder): A recorder with at least one frame.

    Attributes:
        durations (list[float]): The time that each frame is shown, in seconds.
    """

    def __init__(self, recorder: CurveRecorder) -> None:
        self._recorder = recorder
        self._points = style.as_array(recorder.data.x)
        self._owner = recorder.owner.numpy()
        self._neighbors = self._points[recorder.neighbors.numpy()]
        self._highlighted = self._points[recorder.highlighted.numpy()]
        manifold = None if recorder.manifold is None else style.as_array(recorder.manifold)
        corners = plane.window(self._points, *([] if manifold is None else [manifold]))
        height = _ABOVE_AND_BELOW + (_WIDTH - _LEFT) * plane.height_over_width(corners)

        figure = style.new_figure(_WIDTH, height, dpi=_DPI)
        axes = figure.subplots()
        plane.set_window(axes, corners)
        if manifold is not None:
            axes.add_line(plane.true_manifold(manifold))
        font: dict[str, Any] = {"fontsize": style.TITLE_SIZE + 2, "color": style.INK}
        axes.set_title(recorder.model_name, loc="left", weight="bold", **font)
        self._status = axes.set_title("", loc="right", **font)
        self._create_artists()
        moving = [self._edges, *self._learned, self._marks, *self._highlights]
        for artist in moving:
            axes.add_artist(artist)
        style.legend_below([axes], self._legend(manifold is not None), columns=3)
        self._figure = BlittedFigure(figure, [*moving, self._status])

        self._opening = [self._draw_title(height), *self._draw_data()]
        num_frames = len(recorder.frames)
        self.durations = [1.5] * len(self._opening) + [0.12] * (num_frames - 1) + [4.0]

    def draw(self, index: int) -> NDArray[np.uint8]:
        """Returns frame ``index`` as RGB, :obj:`[height, width, 3]`."""
        if index < len(self._opening):
            return self._opening[index]
        self._update(self._recorder.frames[index - len(self._opening)])
        return self._figure.draw()

    def _create_artists(self) -> None:
        colors = style.NEIGHBORHOODS[: len(self._highlighted)]
        self._edges = LineCollection([], colors=style.ORANGE, linewidths=1.1)
        self._marks = plane.training_points(self._points)
        self._reconstruction = LineCollection([], colors=style.SKY, linewidths=1.3)
        self._curve = plane.learned_curve(_EMPTY)
        self._local_curves = [
            Line2D([], [], color=color, linewidth=2.8, solid_capstyle="round") for color in colors
        ]
        self._neighbor_reconstruction = [
            LineCollection([], colors=color, linewidths=1.3, linestyles=[_DASHES])
            for color in colors
        ]
        self._highlights: list[Artist] = []
        for i, color in enumerate(colors):
            neighbors = plane.training_points(self._neighbors[self._owner == i])
            neighbors.set(color=color, markersize=7)
            center = plane.training_points(self._highlighted[i : i + 1])
            center.set(color=color, markersize=9, marker="D")
            self._highlights += [neighbors, center]
        self._learned: list[Artist] = [
            self._reconstruction,
            self._curve,
            *self._local_curves,
            *self._neighbor_reconstruction,
        ]

    def _legend(self, knows_manifold: bool) -> dict[str, Artist | tuple[Artist, ...]]:
        entries: dict[str, Artist | tuple[Artist, ...]] = {"training points": self._marks}
        if knows_manifold:
            entries["true manifold"] = plane.true_manifold(_EMPTY)
        entries["learned manifold"] = self._curve
        entries["reconstruction"] = Line2D([], [], color=style.SKY, linewidth=1.5)
        if self._recorder.order is not None:
            entries[f"local {_ORDER_NAMES[self._recorder.order]} curve"] = tuple(self._local_curves)
            entries["neighbor reconstruction"] = tuple(
                Line2D([], [], color=line.get_color(), linewidth=1.5, linestyle=_DASHES)
                for line in self._local_curves
            )
        return entries

    def _draw_title(self, height: float) -> NDArray[np.uint8]:
        lines = [f"{len(self._points)} points in the plane"]
        if self._recorder.order is not None:
            lines.append(f"{self._num_edges} neighborhood edges")
        title = f"{self._recorder.model_name} training"
        return style.render(style.title_figure(_WIDTH, height, title, " · ".join(lines), _DPI))

    def _draw_data(self) -> list[NDArray[np.uint8]]:
        """Returns the pictures of the data alone and, where there is one, of the graph."""
        later = [*self._learned, *self._highlights]
        for artist in later:
            artist.set_visible(False)
        self._status.set_text(f"{len(self._points)} training points")
        pictures = [self._figure.draw()]
        if self._recorder.order is not None:
            edges = self._recorder.data.edge_index.T.numpy()
            self._edges.set_segments(list(self._points[edges]))
            self._status.set_text(f"{self._num_edges} neighborhood edges")
            pictures.append(self._figure.draw())
            self._edges.set_visible(False)
        for artist in later:
            artist.set_visible(True)
        return pictures

    @property
    def _num_edges(self) -> int:
        source, target = self._recorder.data.edge_index
        return int((source != target).sum())

    def _update(self, frame: Frame) -> None:
        state = {name: style.as_array(tensor) for name, tensor in frame.tensors.items()}
        self._status.set_text(style.epoch_text(frame.epoch, frame.loss))
        self._curve.set_data(*state["curve"].T)
        self._reconstruction.set_segments(_segments(self._points, state["reconstruction"]))
        for i, (curve, lines) in enumerate(
            zip(self._local_curves, self._neighbor_reconstruction, strict=True)
        ):
            own = self._owner == i
            curve.set_data(*state["local_curve"][i].T)
            lines.set_segments(
                _segments(self._neighbors[own], state["neighbor_reconstruction"][own])
            )


def _segments(start: NDArray[np.float64], end: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    return list(np.stack([start, end], axis=1))
