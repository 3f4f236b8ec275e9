"""The story of a training run on planar points: title, data, graph, epochs."""

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nrae_geometric.callbacks.curve_recorder import CurveRecorder
from nrae_geometric.visualization import palette, plane
from nrae_geometric.visualization.learning_scene import LearningScene
from nrae_geometric.visualization.title_card import title_card

_WIDTH = 8.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.6, 0.2, 0.6, 1.0


class CurveFilm:
    """Draws the frames of a :class:`CurveRecorder`, one figure for all epochs.

    Args:
        recorder: A recorder with at least one frame.
    """

    def __init__(self, recorder: CurveRecorder) -> None:
        self._recorder = recorder
        self._points = palette.as_array(recorder.data.x)
        self._manifold = None if recorder.manifold is None else palette.as_array(recorder.manifold)
        shown = [self._points] if self._manifold is None else [self._points, self._manifold]
        self._window = plane.window(*shown)
        self._opening = [self._draw_title(), self._draw_data()]
        if recorder.order is not None:
            self._opening.append(self._draw_graph())
        self._scene = LearningScene(recorder, *self._stage("", ""))
        num_frames = len(recorder.frames)
        self.durations = [1.5] * len(self._opening) + [0.12] * (num_frames - 1) + [4.0]

    def draw(self, index: int) -> NDArray[np.uint8]:
        """Return frame ``index`` as RGB of shape :obj:`[height, width, 3]`."""
        if index < len(self._opening):
            return self._opening[index]
        return self._scene.draw(self._recorder.frames[index - len(self._opening)])

    def _height(self) -> float:
        width, height = np.ptp(self._window, axis=0)
        ratio = height / width if plane.is_undistorted(self._window) else 0.5
        return _TOP + _BOTTOM + (_WIDTH - _LEFT - _RIGHT) * ratio

    def _stage(self, title: str, subtitle: str) -> tuple[Figure, Axes]:
        height = self._height()
        figure = palette.new_figure(_WIDTH, height)
        axes = figure.add_axes(
            (
                _LEFT / _WIDTH,
                _BOTTOM / height,
                1 - (_LEFT + _RIGHT) / _WIDTH,
                1 - (_TOP + _BOTTOM) / height,
            )
        )
        plane.set_window(axes, self._window)
        if self._manifold is not None:
            axes.add_line(plane.true_manifold(self._manifold))
        axes.set_title(
            title, loc="left", fontsize=palette.TITLE_SIZE, color=palette.INK, weight="bold"
        )
        axes.set_title(subtitle, loc="right", fontsize=palette.LABEL_SIZE, color=palette.MUTED)
        return figure, axes

    def _draw_title(self) -> NDArray[np.uint8]:
        lines = [f"{len(self._points)} points in the plane"]
        if self._recorder.order is not None:
            lines.append(f"{self._num_edges()} neighborhood edges")
        figure = title_card(
            _WIDTH, self._height(), f"{self._recorder.model_name} training", " · ".join(lines)
        )
        return palette.render(figure)

    def _num_edges(self) -> int:
        source, target = self._recorder.data.edge_index
        return int((source != target).sum())

    def _draw_data(self) -> NDArray[np.uint8]:
        figure, axes = self._stage("Training data", f"{len(self._points)} points")
        self._add_points(axes)
        palette.legend_below([axes], _entries(axes), columns=2)
        return palette.render(figure)

    def _draw_graph(self) -> NDArray[np.uint8]:
        figure, axes = self._stage("Graph", f"{self._num_edges()} edges")
        edges = self._points[self._recorder.data.edge_index.T.numpy()]
        axes.add_collection(
            LineCollection(
                list(edges), colors=palette.ORANGE, linewidths=1.1, label="neighborhood graph"
            )
        )
        self._add_points(axes)
        palette.legend_below([axes], _entries(axes), columns=3)
        return palette.render(figure)

    def _add_points(self, axes: Axes) -> None:
        axes.add_line(plane.training_points(self._points))


def _entries(axes: Axes) -> dict[str, Artist]:
    artists, names = axes.get_legend_handles_labels()
    return dict(zip(names, artists, strict=True))
