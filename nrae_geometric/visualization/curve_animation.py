"""Animation of a training run on planar points: title, data, graph, epochs."""

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from nrae_geometric.callbacks.curve_recorder import CurveRecorder
from nrae_geometric.callbacks.recorder import Frame
from nrae_geometric.visualization import plane, style
from nrae_geometric.visualization.gif import BlittedFigure

_WIDTH = 8.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.6, 0.2, 0.6, 1.0


class CurveAnimation:
    """Draws the frames of a :class:`CurveRecorder`, one figure for all epochs.

    Args:
        recorder (Recorder): A recorder with at least one frame.
    """

    def __init__(self, recorder: CurveRecorder) -> None:
        self._recorder = recorder
        self._points = style.as_array(recorder.data.x)
        self._manifold = None if recorder.manifold is None else style.as_array(recorder.manifold)
        shown = [self._points] if self._manifold is None else [self._points, self._manifold]
        self._window = plane.window_around(*shown)
        self._opening = [self._draw_title(), self._draw_data()]
        if recorder.order is not None:
            self._opening.append(self._draw_graph())
        self._scene = _EpochFigure(recorder, *self._stage("", ""))
        num_frames = len(recorder.frames)
        self.durations = [1.5] * len(self._opening) + [0.12] * (num_frames - 1) + [4.0]

    def draw(self, index: int) -> NDArray[np.uint8]:
        """Returns frame ``index`` as RGB of shape :obj:`[height, width, 3]`."""
        if index < len(self._opening):
            return self._opening[index]
        return self._scene.draw(self._recorder.frames[index - len(self._opening)])

    def _height(self) -> float:
        width, height = np.ptp(self._window, axis=0)
        ratio = height / width if plane.is_undistorted(self._window) else 0.5
        return _TOP + _BOTTOM + (_WIDTH - _LEFT - _RIGHT) * ratio

    def _stage(self, title: str, subtitle: str) -> tuple[Figure, Axes]:
        height = self._height()
        figure = style.new_figure(_WIDTH, height)
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
        axes.set_title(title, loc="left", fontsize=style.TITLE_SIZE, color=style.INK, weight="bold")
        axes.set_title(subtitle, loc="right", fontsize=style.LABEL_SIZE, color=style.MUTED)
        return figure, axes

    def _draw_title(self) -> NDArray[np.uint8]:
        lines = [f"{len(self._points)} points in the plane"]
        if self._recorder.order is not None:
            lines.append(f"{self._num_edges()} neighborhood edges")
        figure = style.title_card(
            _WIDTH, self._height(), f"{self._recorder.model_name} training", " · ".join(lines)
        )
        return style.render(figure)

    def _num_edges(self) -> int:
        source, target = self._recorder.data.edge_index
        return int((source != target).sum())

    def _draw_data(self) -> NDArray[np.uint8]:
        figure, axes = self._stage("Training data", f"{len(self._points)} points")
        self._add_points(axes)
        style.legend_below([axes], _entries(axes), columns=2)
        return style.render(figure)

    def _draw_graph(self) -> NDArray[np.uint8]:
        figure, axes = self._stage("Graph", f"{self._num_edges()} edges")
        edges = self._points[self._recorder.data.edge_index.T.numpy()]
        axes.add_collection(
            LineCollection(
                list(edges), colors=style.ORANGE, linewidths=1.1, label="neighborhood graph"
            )
        )
        self._add_points(axes)
        style.legend_below([axes], _entries(axes), columns=3)
        return style.render(figure)

    def _add_points(self, axes: Axes) -> None:
        axes.add_line(plane.training_points(self._points))


def _entries(axes: Axes) -> dict[str, Artist]:
    artists, names = axes.get_legend_handles_labels()
    return dict(zip(names, artists, strict=True))


_DASHES = (0, (3, 1.5))
_EMPTY = np.empty((0, 2))
_ORDER_NAMES = {1: "linear", 2: "quadratic"}


class _EpochFigure:
    """Draws recorded frames over a background that is drawn once.

    Args:
        recorder (CurveRecorder): The recorder of the frames.
        figure (matplotlib.figure.Figure): The figure to draw on.
        axes (matplotlib.axes.Axes): Its axes, with the window set and the true manifold in place.
    """

    def __init__(self, recorder: CurveRecorder, figure: Figure, axes: Axes) -> None:
        self._points = style.as_array(recorder.data.x)
        self._owner = recorder.owner.numpy()
        self._neighbors = self._points[recorder.neighbors.numpy()]
        self._highlighted = self._points[recorder.highlighted.numpy()]
        axes.set_title(
            recorder.model_name,
            loc="left",
            fontsize=style.TITLE_SIZE,
            color=style.INK,
            weight="bold",
        )
        self._epoch = axes.set_title(
            "", loc="right", fontsize=style.TITLE_SIZE - 2, color=style.INK
        )
        self._curve = plane.learned_curve(_EMPTY)
        self._errors = LineCollection([], colors=style.SKY, linewidths=1.3)
        self._local = [
            Line2D([], [], color=color, linewidth=2.8, solid_capstyle="round")
            for color in style.NEIGHBORHOODS[: len(self._highlighted)]
        ]
        self._spokes = [
            LineCollection([], colors=color, linewidths=1.3, linestyles=[_DASHES])
            for color in style.NEIGHBORHOODS[: len(self._highlighted)]
        ]
        self._add_legend(recorder, axes)
        # Later ones lie on top.
        moving: list[Artist] = [self._errors, self._curve, *self._local, *self._spokes]
        moving += [plane.training_points(self._points), *self._marks()]
        for artist in moving:
            axes.add_artist(artist)
        self._picture = BlittedFigure(figure, [*moving, self._epoch])

    def draw(self, frame: Frame) -> NDArray[np.uint8]:
        """Returns a recorded frame as RGB of shape :obj:`[height, width, 3]`."""
        self._update(frame)
        return self._picture.draw()

    def _update(self, frame: Frame) -> None:
        state = {name: style.as_array(tensor) for name, tensor in frame.tensors.items()}
        loss = "" if frame.loss is None else f"    loss {style.short(frame.loss)}"
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
        for i, color in enumerate(style.NEIGHBORHOODS[: len(self._highlighted)]):
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
        entries["reconstruction"] = Line2D([], [], color=style.SKY, linewidth=1.5)
        if recorder.order is not None:
            entries[f"local {_ORDER_NAMES[recorder.order]} curve"] = tuple(self._local)
            entries["neighbor reconstruction"] = tuple(
                Line2D([], [], color=line.get_color(), linewidth=1.5, linestyle=_DASHES)
                for line in self._local
            )
        style.legend_below([axes], entries, columns=(len(entries) + 1) // 2)


def _segments(start: NDArray[np.float64], end: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    return list(np.stack([start, end], axis=1))
