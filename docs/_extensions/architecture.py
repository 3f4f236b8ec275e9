"""The picture of the architecture, drawn from the imports of the package."""

import tomllib
from itertools import pairwise
from pathlib import Path
from statistics import mean

import grimp
import networkx as nx
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path as Path2D
from sphinx.application import Sphinx

from nrae_geometric.visualization import save_figure, style

PACKAGE = "nrae_geometric"
NUM_FOUNDATIONS = 3  # the last layers of the contract: small modules that all others use
SWEEPS = 12
WIDTH, HEIGHT = 2.4, 0.5  # of a box, in units of columns and rows
PRODUCTS = {"cli", "estimator", "experiments", "report", "tuning", "export", "visualization"}


def setup(app: Sphinx) -> dict[str, bool]:
    """Draws the picture before pages are read."""
    app.connect("builder-inited", lambda app: draw(Path(app.srcdir)))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def draw(source: Path) -> None:
    """Writes ``auto/architecture.svg``."""
    layers = contract(source.parent / "pyproject.toml")
    foundations = [name for layer in layers[-NUM_FOUNDATIONS:] for name in layer]
    names = [name for layer in layers[:-NUM_FOUNDATIONS] for name in layer]
    graph = imports(names)
    places = layout(graph)
    columns = max(x for x, _ in places.values())
    rows = max(y for _, y in places.values())
    row = {name: int(places[name][1]) for name in names}
    figure = style.new_figure(9.2, 0.72 * rows + 1.6)
    axes = figure.subplots()
    for user, used in graph.edges:
        connect(axes, [places[name] for name in bends(user, used, row)])
    for name in names:
        box(axes, places[name], name, style.BLUE if name in PRODUCTS else style.GREEN)
    middle = columns / 2
    axes.text(
        middle,
        -0.75,
        f"below all: {', '.join(foundations)}",
        ha="center",
        fontsize=style.TICK_SIZE,
        color=style.MUTED,
        wrap=True,
    )
    axes.set_xlim(-WIDTH / 2 - 0.1, columns + WIDTH / 2 + 0.1)
    axes.set_ylim(-1, rows + 0.4)
    axes.axis("off")
    save_figure(figure, source / "auto" / "architecture.svg")


def contract(file: Path) -> list[list[str]]:
    """Returns the names of each layer, the highest first."""
    contracts = tomllib.loads(file.read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    [layers] = [each["layers"] for each in contracts if each["type"] == "layers"]
    return [[name.split(".")[-1] for name in layer.split(" | ")] for layer in layers]


def imports(names: list[str]) -> nx.DiGraph:
    """Returns who imports whom, without the edges that follow from others."""
    found = grimp.build_graph(PACKAGE, cache_dir=None)
    graph = nx.DiGraph()
    graph.add_nodes_from(names)
    for user in names:
        for used in names:
            if user != used and found.direct_import_exists(
                importer=f"{PACKAGE}.{user}", imported=f"{PACKAGE}.{used}", as_packages=True
            ):
                graph.add_edge(user, used)
    return nx.transitive_reduction(graph)


def layout(graph: nx.DiGraph) -> dict[str, tuple[float, float]]:
    """Returns places of the names and of the bends of long edges, ``user>used>row``.

    A row is the longest way down. Within rows, the order that crosses the fewest edges is sought by
    moving each member towards the middle of those that it is joined to, up and down in turn.
    """
    row: dict[str, int] = {}
    for name in reversed(list(nx.topological_sort(graph))):
        row[name] = max((row[used] + 1 for used in graph.successors(name)), default=0)
    rows: list[list[str]] = [[] for _ in range(max(row.values()) + 1)]
    joined: dict[str, list[str]] = {name: [] for name in graph}
    for name in graph:
        rows[row[name]].append(name)
    for user, used in graph.edges:
        way = bends(user, used, row)
        for bend, level in zip(way[1:-1], range(row[user] - 1, row[used], -1), strict=True):
            rows[level].append(bend)
            joined[bend] = []
        for upper, lower in pairwise(way):
            joined[upper].append(lower)
            joined[lower].append(upper)
    x = {name: float(index) for members in rows for index, name in enumerate(members)}
    for _ in range(SWEEPS):
        for members in (*rows, *reversed(rows)):
            wish = {name: mean(x[other] for other in joined[name]) for name in members}
            members.sort(key=lambda name: wish[name])
            x.update(zip(members, spread([wish[name] for name in members], members), strict=True))
    left = min(x.values())
    return {
        name: (x[name] - left, float(level)) for level, each in enumerate(rows) for name in each
    }


def bends(user: str, used: str, row: dict[str, int]) -> list[str]:
    """Returns an edge as the names of its ends and of its bends, one for each row between them."""
    between = range(row[user] - 1, row[used], -1)
    return [user, *(f"{user}>{used}>{level}" for level in between), used]


def spread(wishes: list[float], members: list[str]) -> list[float]:
    """Returns places near those wished for, in their order and with room for each box."""
    room = [0.35 if ">" in name else WIDTH / 2 + 0.15 for name in members]
    places = [wishes[0]]
    for wish, (left, right) in zip(wishes[1:], pairwise(room), strict=True):
        places.append(max(wish, places[-1] + left + right))
    shift = mean(wishes) - mean(places)
    return [place + shift for place in places]


def connect(axes: Axes, way: list[tuple[float, float]]) -> None:
    """Draws an arrow from a box to one that it imports, smoothly through the bends between."""
    points: list[tuple[float, float]] = []
    for index, (x, y) in enumerate(way):
        if index:
            points.append((x, y + HEIGHT / 2))
        if index < len(way) - 1:
            points.append((x, y - HEIGHT / 2))
    codes, corners = [Path2D.MOVETO], [points[0]]
    for (x0, y0), (x1, y1) in pairwise(points):
        middle = (y0 + y1) / 2
        codes += [Path2D.CURVE4] * 3
        corners += [(x0, middle), (x1, middle), (x1, y1)]
    axes.add_patch(
        FancyArrowPatch(
            path=Path2D(corners, codes),
            arrowstyle="-|>",
            mutation_scale=9,
            color=style.MUTED,
            linewidth=0.9,
            fill=False,
            zorder=0,
        )
    )


def box(axes: Axes, place: tuple[float, float], name: str, color: str) -> None:
    """Draws the box of a package."""
    corner = (place[0] - WIDTH / 2, place[1] - HEIGHT / 2)
    axes.add_patch(
        FancyBboxPatch(
            corner,
            WIDTH,
            HEIGHT,
            boxstyle="round,pad=0,rounding_size=0.12",
            facecolor="white",
            edgecolor=color,
            linewidth=1.4,
        )
    )
    axes.text(*place, name, ha="center", va="center", fontsize=style.TICK_SIZE, color=style.INK)
