"""Warnings about a learned manifold in words, each with what to try."""

from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse.csgraph import connected_components

from nrae_geometric.geodesics import distance_graph, find_graph_loop, remove_shortcuts
from nrae_geometric.nn import AE
from nrae_geometric.nn.evaluation import evaluating, to_model
from nrae_geometric.nn.taylor import jacobian
from nrae_geometric.report.quality import FEW_TRUSTED, Measures

MOST_SEARCHED = 20_000
"""Shortcuts and loops are not looked for among more points."""
_MOST_LATENTS = 500
_START = "init='geodesic', "
_DEAD = 0.03
_MANY_TORN, _LITTLE_KEPT = 0.01, 0.5


class Finding(NamedTuple):
    """Something to look at.

    Attributes:
        title (str): What it is.
        text (str): What that means, with figures.
        advice (str): What to try.
    """

    title: str
    text: str
    advice: str


class GraphFindings(NamedTuple):
    """What a neighbor graph looks like.

    Attributes:
        num_components (int): Clusters of two points or more that no edge joins.
        shortcuts (numpy.ndarray): Suspected shortcuts ``[2, S]``, the smaller node first.
        has_loop (bool): Whether it closes on itself.
    """

    num_components: int
    shortcuts: np.ndarray
    has_loop: bool


def examine_graph(
    x: np.ndarray, edge_index: np.ndarray, edge_length: np.ndarray | None
) -> GraphFindings:
    """Looks for components, shortcuts and a loop; the latter two in up to 20 000 points.

    Args:
        x (numpy.ndarray): Centered and scaled points ``[N, D]``.
        edge_index (numpy.ndarray): Edges ``[2, E]``.
        edge_length (numpy.ndarray, optional): Their lengths ``[E]``.
    """
    length = None if edge_length is None else torch.from_numpy(edge_length)
    graph = distance_graph(torch.from_numpy(x), torch.from_numpy(edge_index), length)
    # Points without any edge are none that the graph was made of.
    size = np.bincount(connected_components(graph, directed=False)[1])
    num_components = int((size > 1).sum())
    none = np.zeros((2, 0), dtype=np.int64)
    if len(x) > MOST_SEARCHED or graph.nnz == 0:
        return GraphFindings(num_components, none, False)
    kept, num_removed = remove_shortcuts(graph)
    shortcuts = none
    if num_removed:
        old, new = (_pairs(each) for each in (graph, kept))
        shortcuts = np.stack(np.divmod(np.setdiff1d(old, new), len(x)))
    return GraphFindings(num_components, shortcuts, find_graph_loop(kept) is not None)


def _pairs(graph: object) -> np.ndarray:
    """A number for each undirected edge."""
    edges = graph.tocoo()  # type: ignore[attr-defined]
    upper = edges.row < edges.col
    return edges.row[upper].astype(np.int64) * edges.shape[0] + edges.col[upper]


def dead_dimensions(model: AE, z: np.ndarray) -> list[int]:
    """Returns the latent dimensions that hardly move the decoded points.

    Args:
        model (AE): The model.
        z (numpy.ndarray): Latents ``[N, d]``.
    """
    if z.shape[1] < 2:
        return []
    some = z[np.linspace(0, len(z) - 1, min(len(z), _MOST_LATENTS)).astype(int)]
    with evaluating(model):
        columns = jacobian(model.decode, to_model(model, torch.tensor(some).float()))
    speed = columns.flatten(1, -2).double().square().sum(dim=1).mean(dim=0).sqrt().cpu().numpy()
    effect = speed * z.std(axis=0)
    return [int(i) for i in np.flatnonzero(effect < _DEAD * effect.max())]


def suspicions(
    measures: Measures,
    graph: GraphFindings,
    dead: list[int],
    dim: int,
    from_geodesic: bool = False,
    more_latents: int | None = None,
) -> list[Finding]:
    """Returns what is suspicious.

    Args:
        measures (dict): As of :func:`~nrae_geometric.report.quality.measure`.
        graph (GraphFindings): The neighbor graph.
        dead (list of int): Latent dimensions without an effect.
        dim (int): The number of latent dimensions.
        from_geodesic (bool, optional): Whether the training started from geodesic coordinates,
            which then are no remedy. (default: :obj:`False`)
        more_latents (int, optional): The number of latents that the points seem to need, where
            that is more and much is lost. (default: :obj:`None`)
    """
    found = []
    if graph.num_components > 1:
        found.append(
            Finding(
                "Disconnected",
                f"The neighbor graph falls into {graph.num_components} clusters that no edge "
                "joins; nothing says how they lie to each other.",
                "Use more neighbors (n_neighbors), or learn each cluster by itself.",
            )
        )
    if graph.shortcuts.size:
        found.append(
            Finding(
                "Shortcuts",
                f"{graph.shortcuts.shape[1]} edges of the graph seem to lead through the space "
                "around the manifold. They are marked when the graph is shown.",
                "Use fewer neighbors, or points with less noise.",
            )
        )
    if graph.has_loop and dim == 1:
        found.append(
            Finding(
                "Closed loop",
                "The graph closes on itself, and no line can carry a loop.",
                "Use two latent dimensions, or fewer neighbors if shortcuts close it.",
            )
        )
    trust, torn = measures["trustworthiness"], measures["torn edges"]
    advice = (
        "Use one more latent dimension, another number of neighbors, "
        f"{'' if from_geodesic else _START}or a larger neighbor_weight where the points "
        "are noisy."
    )
    if trust is not None and trust < FEW_TRUSTED:
        found.append(
            Finding(
                "Folded",
                "Points lie together in the picture that are apart in the data: trustworthiness is "
                f"{trust:.3f}.",
                advice,
            )
        )
    if torn is not None and torn > _MANY_TORN:
        found.append(
            Finding(
                "Torn",
                f"{torn:.1%} of the edges between neighbors are more than five times too long in "
                "the picture. They are marked when the graph is shown.",
                advice,
            )
        )
    if dead:
        names = ", ".join(f"z{i + 1}" for i in dead)
        found.append(
            Finding(
                "Dead latent dimension",
                f"Moving along {names} hardly changes the decoded point.",
                f"--n-components {max(1, dim - len(dead))} may be enough.",
            )
        )
    kept = measures["reconstruction R²"]
    if kept is not None and more_latents is not None and not dead:
        found.append(
            Finding(
                "Too few latent dimensions",
                f"The points seem to have {more_latents} dimensions, noise included, and decoded "
                f"points keep {max(kept, 0):.0%} of the variance.",
                f"Use --n-components {more_latents}, where the latents need not be a picture.",
            )
        )
    elif kept is not None and kept < _LITTLE_KEPT:
        found.append(
            Finding(
                "Much is lost",
                f"Decoded points keep {max(kept, 0):.0%} of the variance of the points.",
                "Use more latent dimensions or epochs; noise cannot be kept and need not be.",
            )
        )
    return found


def unsuspicious(measures: Measures, graph: GraphFindings, num_points: int) -> str:
    """Returns what was looked for, in words, for a page where nothing was found.

    Args:
        measures (dict): As of :func:`~nrae_geometric.report.quality.measure`.
        graph (GraphFindings): The neighbor graph.
        num_points (int): The number of points.
    """
    has_graph = graph.num_components > 0
    looked_for = {
        "the neighbor graph is one": has_graph,
        "no shortcuts": has_graph and num_points <= MOST_SEARCHED,
        "no torn edges": measures["torn edges"] is not None,
        "no fold": measures["trustworthiness"] is not None,
        "most of the variance is kept": measures["reconstruction R²"] is not None,
    }
    return ", ".join(text for text, is_known in looked_for.items() if is_known)
