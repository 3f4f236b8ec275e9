"""Pictures of graphs over points."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from nrae_geometric.visualization import style

_MOST_POINTS, _MOST_EDGES = 20_000, 40_000
_MOST_IN_A_ROW = 2
_COMPONENTS = (style.BLUE, style.GREEN, style.PURPLE, style.ORANGE, style.SKY)


def plot_graph(
    places: Mapping[str, Tensor | ArrayLike],
    edges: Tensor | ArrayLike,
    shortcuts: Tensor | ArrayLike,
    component: Tensor | ArrayLike,
    *,
    title: str | None = None,
    ax: style.AxesLike | None = None,
) -> Any:
    """Draws a graph over points in one or several planes, its shortcuts above all else.

    The five largest components have a color each, all others one. Of more than 20 000 points and
    40 000 edges random parts are drawn, of shortcuts all.

    Args:
        places (Mapping[str, torch.Tensor]): For each plane its name, which stands below it, and
            the points' places ``[N, 2]`` in it.
        edges (torch.Tensor or array_like): Edges ``[2, E]``.
        shortcuts (torch.Tensor or array_like): Those of them that are shortcuts ``[2, S]``.
        component (torch.Tensor or array_like): The number of each point's component ``[N]``.
        title (str, optional): The title. (default: :obj:`None`)
        ax (Axes, Sequence[Axes] or numpy.ndarray, optional): Axes to draw on, one for each plane.
            (default: those of a new figure of :mod:`matplotlib.pyplot`)

    Returns:
        numpy.ndarray or matplotlib.axes.Axes: The axes of the planes, or the one that was given.

    Raises:
        ValueError: If there is no plane, or there are not as many axes as planes.
    """
    if not places:
        raise ValueError("places is empty; give the points' places in at least one plane")
    all_edges, wrong = (np.asarray(each, dtype=np.int64) for each in (edges, shortcuts))
    rank = _by_size(np.asarray(component))
    random = np.random.default_rng(0)
    shown = random.permutation(len(rank))[:_MOST_POINTS]
    drawn = all_edges[:, random.permutation(all_edges.shape[1])[:_MOST_EDGES]]
    if ax is None:
        row = graph_axes(len(places))
    else:
        row = style.given_axes(ax, len(places), "one for each plane of places")
    for axes, (name, values) in zip(row, places.items(), strict=True):
        plane = style.as_array(values)
        axes.add_collection(_lines(plane, drawn, style.MUTED))
        axes.scatter(
            *plane[shown].T,
            c=[_COMPONENTS[min(number, len(_COMPONENTS) - 1)] for number in rank[shown]],
            s=float(np.clip(3000 / len(shown), 2, 18)),
            linewidths=0,
            zorder=2,
        )
        axes.add_collection(_lines(plane, wrong, style.VERMILLION))
        style.style_plane(axes, name, "")
    entries: dict[str, Line2D | tuple[Line2D, ...]] = {"edges": Line2D([], [], color=style.MUTED)}
    if wrong.size:
        entries["shortcuts"] = Line2D([], [], color=style.VERMILLION, linewidth=1.6)
    style.legend_below(list(row), entries, columns=2)
    style.title_panels(list(row), title)
    return style.returned(ax, row)


def graph_axes(num: int, make: style.FigureMaker = style.pyplot_figure) -> NDArray[Any]:
    """Returns the axes ``[num]`` of a new figure of a graph.

    Args:
        num (int): The number of planes.
        make (callable, optional): Makes the figure.
            (default: :func:`~nrae_geometric.visualization.style.pyplot_figure`)
    """
    num_columns = min(num, _MOST_IN_A_ROW)
    num_rows = -(-num // num_columns)
    width = 5.0 if num == 1 else style.PAGE
    figure = make(width, num_rows * (width / num_columns + 0.2) + 0.4)
    grid = figure.subplots(num_rows, num_columns, squeeze=False).ravel()
    for axes in grid[num:]:
        axes.remove()
    return np.asarray(grid[:num])


def _lines(plane: NDArray[np.float64], edges: NDArray[np.int64], color: str) -> LineCollection:
    is_wrong = color == style.VERMILLION
    return LineCollection(
        list(plane[edges.T]),
        colors=color,
        linewidths=1.6 if is_wrong else 0.4,
        alpha=1 if is_wrong else 0.5,
        zorder=3 if is_wrong else 1,
        rasterized=True,
    )


def _by_size(component: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers of components anew, the largest first."""
    order = np.bincount(component).argsort(kind="stable")[::-1]
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return rank[component]
