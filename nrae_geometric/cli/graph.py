"""``nrae graph``: what the neighbor graph of points looks like, before anything is learned."""

import argparse
import os
import sys
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from nrae_geometric.cli.inputs import add_points, read_input
from nrae_geometric.cli.outputs import check_places, output_path, wrapped
from nrae_geometric.cli.parsing import CommandParser, Commands, Results, positive, set_command
from nrae_geometric.cli.process import no_gc_imports, place_of_process
from nrae_geometric.quiet import quiet

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

_PICTURES = (".png", ".pdf", ".svg")
# The estimate of the dimension is that of the usual range of neighbors.
_DIMENSION_NEIGHBORS = 20
_MOST_SIZES = 10
_SEARCHES = ("exact", "ivf", "hnsw", "cuvs")
_STORED_NEIGHBORS = 10
_INDENT = " " * 14


def add_graph(commands: Commands) -> CommandParser:
    """Adds ``nrae graph`` to the commands."""
    parser = commands.add_parser(
        "graph",
        help="look at the neighbor graph of your points",
        usage="nrae graph POINTS [--label-column NAME] [--n-neighbors K] [option]...",
        description="Say what the graph of nearest neighbors looks like that nrae fit would learn "
        "from: its components, degrees, duplicates, shortcuts and loops, the dimension of the "
        "points, and the number of neighbors to use. Nothing is learned. With --out FOLDER/ the "
        "graph itself is made and kept for nrae fit --graph, and nothing else: points in .npy "
        "files and Zarr arrays then stay on the disk, and processes that torchrun or Slurm starts "
        "share the search. Else files are read whole.",
        example="nrae graph points.csv --n-neighbors 8",
    )
    add_points(parser, labels=True, label_use="it is left out of the points")
    parser.add_argument(
        "--n-neighbors",
        type=positive,
        metavar="K",
        help=f"how many (default: suggested; {_STORED_NEIGHBORS} with --out FOLDER/)",
    )
    parser.add_argument(
        "--metric", default="euclidean", help="the distance of two points (default: euclidean)"
    )
    parser.add_argument(
        "--scale",
        default="auto",
        choices=("auto", "columns", "points"),
        help="whether columns are divided by their standard deviations, as nrae fit does where "
        "they are of different units (default: auto)",
    )
    parser.add_argument(
        "--out",
        metavar="PICTURE|FOLDER/",
        help="the picture, .png, .pdf or .svg (default: NAME_graph.png in this folder); or a "
        "folder for the graph, with a slash at the end",
    )
    parser.add_argument(
        "--search",
        choices=_SEARCHES,
        help="how --out FOLDER/ searches: exactly, or by an index that misses some neighbors, of "
        "faiss (ivf, hnsw) or of cuVS on a GPU (default: exact)",
    )
    parser.add_argument(
        "--recall",
        type=float,
        help="the share of the neighbors that such an index is to find (default: 0.95)",
    )
    return set_command(parser, _graph, _show)


class _Graph(NamedTuple):
    """A neighbor graph.

    Attributes:
        points (Tensor): ``[N, D]``.
        edge_index (Tensor): ``[2, N * k]``.
        edge_length (Tensor): ``[N * k]``.
        shortcuts (ndarray): ``[2, S]``, the edges that are shortcuts.
        component (Tensor): ``[N]``, the number of each point's component.
    """

    points: "Tensor"
    edge_index: "Tensor"
    edge_length: "Tensor"
    shortcuts: "np.ndarray"
    component: "Tensor"


def _graph(arguments: argparse.Namespace) -> Results:
    out = arguments.out or ""
    if out.endswith(("/", os.sep)) or (out and Path(out).expanduser().is_dir()):
        return _store(arguments, Path(out).expanduser())
    if arguments.search is not None or arguments.recall is not None:
        raise ValueError("--search and --recall are of a graph that --out FOLDER/ keeps")
    return _look(arguments)


def _store(arguments: argparse.Namespace, folder: Path) -> Results:
    with no_gc_imports():
        from nrae_geometric.arguments import choice, integer
        from nrae_geometric.datasets import open_points
        from nrae_geometric.datasets.files import known_file
        from nrae_geometric.datasets.formats import OPENERS, kind_of
        from nrae_geometric.neighbors import CuvsBackend, FaissBackend, stored_knn_graph
        from nrae_geometric.neighbors.search import check_available
        from nrae_geometric.registry import METRICS

    choice("metric", arguments.metric, METRICS)
    if arguments.scale == "columns":
        raise ValueError("a graph that is kept is of the points as they are: use --scale points")
    search, recall = arguments.search or "exact", arguments.recall
    if search == "exact" and recall is not None:
        raise ValueError("--recall is of --search ivf, hnsw or cuvs; the exact search finds all")
    options = {} if recall is None else {"recall": recall}
    backend: Any = "torch"
    if search != "exact":
        check_available("cuvs" if search == "cuvs" else "faiss")
        is_cuvs = search == "cuvs"
        backend = CuvsBackend(**options) if is_cuvs else FaissBackend(search, **options)  # type: ignore[arg-type]
    stays = kind_of(known_file(arguments.points)) in OPENERS and not arguments.label_column
    columns = None if arguments.array is None else [arguments.array]
    points: Any = (
        open_points(arguments.points, columns=columns) if stays else read_input(arguments).points
    )
    k = arguments.n_neighbors or min(_STORED_NEIGHBORS, max(1, len(points) - 1))
    integer("--n-neighbors", k, 1, len(points) - 1)
    rank, world_size = place_of_process()
    start = perf_counter()
    graph = stored_knn_graph(
        points,
        k,
        folder,
        metric=arguments.metric,
        backend=backend,
        rank=rank,
        world_size=world_size,
        progress=sys.stderr.isatty() and not rank,
    )
    return {
        "graph": str(folder),
        "num_points": len(points),
        "n_neighbors": k,
        "recall": None if graph is None else graph.recall,
        "is_complete": graph is not None,
        "seconds": round(perf_counter() - start, 3),
    }


@quiet()  # it says itself what the library would warn about
def _look(arguments: argparse.Namespace) -> Results:
    name = Path(arguments.points).expanduser().absolute().stem
    out = output_path(arguments.out or f"{name}_graph.png", _PICTURES, "a picture")
    # Imported here to show help without waiting for torch.
    with no_gc_imports():
        import numpy as np
        import torch

        from nrae_geometric.arguments import choice, integer
        from nrae_geometric.geodesics import (
            distance_graph,
            find_graph_loop,
            remove_shortcuts,
            suggest_neighbors,
        )
        from nrae_geometric.metrics import dimension_of_neighbors, graph_diagnostics
        from nrae_geometric.neighbors import knn
        from nrae_geometric.registry import METRICS
        from nrae_geometric.scaling import choose_scale

    choice("metric", arguments.metric, METRICS)
    points = read_input(arguments).points
    if len(points) < 3:
        raise ValueError(
            f"{arguments.points} has {len(points)} points; a graph needs at least three"
        )
    check_places(out)
    rows = points.reshape(len(points), -1)
    is_table = points.ndim == 2 and arguments.metric == "euclidean"
    _, unit, _ = choose_scale(rows, arguments.scale, one_unit=not is_table)
    by_columns = bool(np.ndim(unit))
    # Where it is one number, lengths are told in the unit of the points.
    x = torch.from_numpy(rows / (unit if by_columns else 1.0))
    suggested = suggest_neighbors(x, metric=arguments.metric)
    k = suggested.k if arguments.n_neighbors is None else arguments.n_neighbors
    k = integer("--n-neighbors", k, 1, len(x) - 1)
    most = max(k, min(_DIMENSION_NEIGHBORS, len(x) - 1))
    distance, neighbor = knn(x, most, metric=arguments.metric)
    center = torch.arange(len(x)).repeat_interleave(k)
    edge_index = torch.stack([neighbor[:, :k].flatten(), center])
    edge_length = distance[:, :k].flatten()
    lengths = distance_graph(x, edge_index, edge_length)
    kept, num_shortcuts = remove_shortcuts(lengths)
    loop = find_graph_loop(kept)
    found = graph_diagnostics(edge_index, len(x))
    shortcuts = _removed(lengths, kept)
    graph = _Graph(x, edge_index, edge_length, shortcuts, found.component)
    findings = [
        _count(found.num_components, "component"),
        _count(num_shortcuts, "suspected shortcut"),
    ]
    if loop is not None:
        findings.append("a closed loop")
    _draw(graph, out, f"{Path(arguments.points).name}, {k} neighbors: {', '.join(findings)}")
    sizes = sorted(found.component.bincount().tolist(), reverse=True)
    return {
        "picture": str(out),
        "num_points": len(x),
        "num_values": x.size(1),
        "n_neighbors": k,
        "scale": "columns" if by_columns else "points",
        "suggested": {"n_neighbors": suggested.k, "reason": suggested.reason},
        "num_components": found.num_components,
        "component_sizes": sizes[:_MOST_SIZES],
        "degrees": {
            "smallest": int(found.degree.min()),
            "median": int(found.degree.median()),
            "largest": int(found.degree.max()),
        },
        "num_duplicates": int((distance[:, 0] == 0).sum()),
        "num_edges": lengths.nnz // 2,
        "num_shortcuts": num_shortcuts,
        "loop": None if loop is None else {"length": loop.length, "diameter": loop.diameter},
        "intrinsic_dimension": _finite(dimension_of_neighbors, distance),
    }


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def _removed(before: Any, after: Any) -> "np.ndarray":
    """Edges ``[2, S]`` of a graph that another lacks."""
    import numpy as np
    from scipy.sparse import csr_array, triu

    # Equal points have edges of length zero, which would be none in a difference.
    old, new = (
        csr_array((np.ones(len(each.data)), each.indices, each.indptr), shape=each.shape)
        for each in (before, after)
    )
    lost = triu(old - new, k=1, format="coo")
    return np.stack([lost.row, lost.col])[:, lost.data > 0]


def _finite(function: Any, *arguments: Any) -> float | None:
    import math

    from nrae_geometric.metrics import NotApplicableError

    try:
        value = function(*arguments)
    except NotApplicableError:
        return None
    return value if math.isfinite(value) else None


def _draw(graph: _Graph, out: Path, title: str) -> None:
    from sklearn.decomposition import PCA

    from nrae_geometric.geodesics import geodesic_coordinates
    from nrae_geometric.visualization import plot_graph, save_figure
    from nrae_geometric.visualization.graph import graph_axes
    from nrae_geometric.visualization.style import new_figure

    x, places = graph.points, {}
    if x.size(1) == 2:
        places["the points"] = x.numpy()
    elif x.size(1) > 2:
        places["principal components"] = PCA(2, random_state=0).fit_transform(x.numpy())
    z = geodesic_coordinates(x, graph.edge_index, 2, edge_length=graph.edge_length).z
    places["coordinates along the graph"] = z.numpy()
    axes = graph_axes(len(places), new_figure)
    plot_graph(places, graph.edge_index, graph.shortcuts, graph.component, title=title, ax=axes)
    save_figure(axes, out)


def _show(results: Results) -> None:
    if "graph" in results:
        found = (
            f"a share of {results['recall']:.4f} of the true neighbors is in it, by a sample"
            if results["is_complete"]
            else "its part is written; the last of the processes joins all"
        )
        print(
            f"{results['num_points']} points, {results['n_neighbors']} neighbors each, in "
            f"{results['seconds']:.1f} s: {found}\ngraph    {results['graph']}"
        )
        return
    degrees, loop = results["degrees"], results["loop"]
    components, dimension = results["num_components"], results["intrinsic_dimension"]
    sizes = ", ".join(map(str, results["component_sizes"]))
    sizes += ", ..." if components > _MOST_SIZES else ""
    k = results["n_neighbors"]
    lines = {
        "components": "1: every point can be reached from every other"
        if components == 1
        else f"{components} that no edge joins, of {sizes} points: nothing says how they lie to "
        "each other",
        "degrees": f"from {degrees['smallest']} to {degrees['largest']}, usually "
        f"{degrees['median']}; one far above the others is a hub",
        "duplicates": f"{results['num_duplicates']} points that equal another",
        "shortcuts": f"{results['num_shortcuts']} of {results['num_edges']} edges lead through the "
        "space around the manifold; the start of a fit leaves them out",
        "loop": "none that is as long as the graph"
        if loop is None
        else f"one, {loop['length']:.3g} long: use --n-components 2, as no line carries a loop, or "
        "fewer neighbors if shortcuts close it",
        "dimension": "not to be told"
        if dimension is None
        else f"{dimension:.2f}, by the distances of neighbors, noise included",
    }
    print(f"{results['num_points']} points of {results['num_values']} values, {k} neighbors each")
    if results["scale"] == "columns":
        print("(each column divided by its standard deviation, as they are of different units)")
    for name, text in lines.items():
        print(wrapped(text, f"  {name:12}", _INDENT))
    print(wrapped(results["suggested"]["reason"], f"  {'suggested':12}", _INDENT))
    print(wrapped(results["picture"], f"  {'picture':12}", _INDENT))
