"""Signs, without labels, that a model connected points that the graph does not."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from nrae_geometric.geodesics.graph import (
    ENTRIES_PER_BLOCK,
    edge_lengths,
    euclidean_unit,
    undirected_edges,
)
from nrae_geometric.metrics._common import (
    Array,
    Decoder,
    NotApplicableError,
    as_edges,
    as_points,
    check_same_length,
    decode,
    sample_rows,
)
from nrae_geometric.metrics.suite import Evaluation, register_measure
from nrae_geometric.neighbors import knn

# A latent segment is decoded at this many places for each median edge that it is long, so that a
# jump somewhere along a torn edge is not stepped over; the limit bounds the work.
_PLACES_PER_EDGE = 16
_MAX_PLACES = 256


class ShortcutEdges(NamedTuple):
    """Graph edges whose ends lie too far apart in latent space.

    Attributes:
        edge_index (torch.Tensor): ``[2, U]``, each undirected edge once.
        stretch (torch.Tensor): ``[U]``, latent length relative to the typical edge, from 0.
        is_shortcut (torch.Tensor): ``[U]``, whether the stretch exceeds the factor.
        fraction (float): Fraction of such edges, in [0, 1].
    """

    edge_index: Tensor
    stretch: Tensor
    is_shortcut: Tensor
    fraction: float


class ShortcutSegments(NamedTuple):
    """Decoded latent segments between graph neighbors that leave the data.

    Attributes:
        edge_index (torch.Tensor): ``[2, S]``, the ends of the segments that were decoded.
        departure (torch.Tensor): ``[S]``, the largest distance from the decoded segment to the
            data, in units of the edge or, if that is longer, of the median edge; from 0.
        fraction (float): Fraction of segments with a departure above 1, in [0, 1].
        num_segments (int): Number of segments that were decoded.
    """

    edge_index: Tensor
    departure: Tensor
    fraction: float
    num_segments: int


@torch.no_grad()
def shortcut_edges(
    z: Array,
    edge_index: Array,
    x: Array | None = None,
    *,
    edge_length: Array | None = None,
    factor: float = 5.0,
) -> ShortcutEdges:
    r"""Finds the graph edges whose latent length is out of proportion.

    A latent space that respects the graph keeps neighbors near each other. Where the learned
    manifold jumps instead of following the graph, the edges that it left out are torn apart:

    .. math::
        s_{ij} = \frac{\lVert z_i - z_j \rVert}{\operatorname{median} \lVert z - z' \rVert} \Big/
        \max \Bigl( 1, \frac{\lVert x_i - x_j \rVert}{\operatorname{median} \lVert x - x' \rVert}
        \Bigr)

    with medians over all edges. Given the points or the lengths of the edges, a long edge may be
    long in latent space too; a short one is held to the median, because noise decides how short it
    is.

    Args:
        z (torch.Tensor or ndarray): Latents ``[N, *]``.
        edge_index (torch.Tensor or ndarray): Graph over the points ``[2, E]``, read as undirected.
        x (torch.Tensor or ndarray, optional): Points ``[N, *shape]``; without them and without
            lengths all edges count as equally long. (default: :obj:`None`)
        edge_length (torch.Tensor or ndarray, optional): The lengths of the edges ``[E]``, in any
            metric. (default: Euclidean lengths between the points)
        factor (float, optional): Stretch above which an edge is a shortcut.
            (default: :obj:`5.0`)

    Returns:
        ShortcutEdges: The edges, their stretch and which of them are shortcuts.

    Raises:
        ValueError: If the graph has no edges, rows do not correspond or the factor is not
            positive.
    """
    if not factor > 0:
        raise ValueError(f"factor is {factor}; it must be positive")
    latents = as_points(z, "z")
    edges, length = _joining_edges(edge_index, len(latents), edge_length)
    stretch = _relative_to_median(edge_lengths(latents, edges))
    if x is not None:
        points = as_points(x, "x")
        check_same_length(z=latents, x=points)
        if length is None:
            length = edge_lengths(points, edges)
    if length is not None:
        stretch = stretch / _relative_to_median(length).clamp(min=1).to(stretch.device)
    is_shortcut = stretch > factor
    return ShortcutEdges(edges, stretch, is_shortcut, is_shortcut.double().mean().item())


@torch.no_grad()
def shortcut_segments(
    decoder: Decoder,
    z: Array,
    x: Array,
    edge_index: Array,
    *,
    edge_length: Array | None = None,
    num_segments: int | None = 1000,
    seed: int = 0,
) -> ShortcutSegments:
    r"""Finds the latent segments between graph neighbors whose decoded points leave the data.

    Between two neighbors the decoder should stay near the data. If the latents are torn apart
    there, the way from one to the other passes through regions without any:

    .. math::
        d_{ij} = \frac{\max_{0 < t < 1} \min_n \lVert f((1 - t) z_i + t z_j) - x_n \rVert}
        {\max ( \lVert x_i - x_j \rVert, \operatorname{median} \lVert x - x' \rVert )}

    with medians over all edges, and :math:`t` at 16 places for each median latent edge that the
    segment is long, from 16 to 256. The straight line between two points departs from them by at
    most half their distance, so that a departure above 1 is none that the graph could explain.

    Lengths in another metric take the place of :math:`\lVert x_i - x_j \rVert`, brought to the unit
    of the points by the ratio of the sums of both lengths over all edges.

    Args:
        decoder (callable): Maps latents ``[M, d]`` to points ``[M, *shape]``.
        z (torch.Tensor or ndarray): Latents ``[N, d]``.
        x (torch.Tensor or ndarray): Points ``[N, *shape]``.
        edge_index (torch.Tensor or ndarray): Graph over the points ``[2, E]``, read as undirected.
        edge_length (torch.Tensor or ndarray, optional): The lengths of the edges ``[E]``, in any
            metric. (default: Euclidean lengths)
        num_segments (int, optional): Number of random edges to decode; :obj:`None` for all.
            (default: :obj:`1000`)
        seed (int, optional): Seed of that choice. (default: :obj:`0`)

    Returns:
        ShortcutSegments: The segments, their departures and how many there were.

    Raises:
        ValueError: If the graph has no edges, rows do not correspond, or all edges have no length.
    """
    latents, points = as_points(z, "z"), as_points(x, "x")
    check_same_length(z=latents, x=points)
    edges, length = _joining_edges(edge_index, len(latents), edge_length)
    if length is None:
        length = edge_lengths(points, edges)
    else:
        length = length * euclidean_unit(points, edges, length)
    length = length.clamp(min=length.median())
    if length.min() == 0:
        raise NotApplicableError(
            "more than half of the edges join equal points; remove the duplicates of x"
        )
    stretch = _relative_to_median(edge_lengths(latents, edges)).to(edges.device)
    sample = sample_rows(edges.size(1), num_segments, seed, "num_segments").to(edges.device)
    edges, length = edges[:, sample], length.to(edges.device)[sample]
    z_between, segment = _along_segments(latents, edges, stretch[sample])
    # The decoded points are many times as many as the given ones.
    blocks = z_between.split(max(1, ENTRIES_PER_BLOCK // points.size(1)))
    distance = torch.cat([_distance_to(points, decode(decoder, block)) for block in blocks])
    distance = distance.to(length)
    farthest = torch.zeros_like(length).scatter_reduce(0, segment, distance, "amax")
    departure = farthest / length
    return ShortcutSegments(
        edge_index=edges,
        departure=departure,
        fraction=(departure > 1).double().mean().item(),
        num_segments=edges.size(1),
    )


def _distance_to(points: Tensor, decoded: Tensor) -> Tensor:
    """The distance ``[P]`` of each decoded point from the nearest one of the data."""
    if decoded.size(1) != points.size(1):
        raise ValueError(
            f"the decoder's points have {decoded.size(1)} values and those of x "
            f"{points.size(1)}; they must live in one space"
        )
    return knn(points.to(decoded), 1, query=decoded)[0][:, 0]


def _joining_edges(
    edge_index: Array, num_nodes: int, edge_length: Array | None
) -> tuple[Tensor, Tensor | None]:
    edge_index, edge_length = as_edges(edge_index, edge_length)
    edges, length = undirected_edges(edge_index, num_nodes, edge_length)
    if edges.size(1) == 0:
        raise NotApplicableError(
            "edge_index joins no two different points; pass a graph with edges"
        )
    return edges, length


def _along_segments(latents: Tensor, edges: Tensor, stretch: Tensor) -> tuple[Tensor, Tensor]:
    """Latents ``[P, d]`` evenly inside the segments, and the segment ``[P]`` of each."""
    count = (_PLACES_PER_EDGE * stretch).ceil().clamp(_PLACES_PER_EDGE, _MAX_PLACES).long()
    segment = torch.arange(len(count), device=count.device).repeat_interleave(count)
    place = torch.arange(len(segment), device=count.device) - (count.cumsum(0) - count)[segment]
    t = ((place + 1) / (count[segment] + 1)).to(latents)[:, None]
    start, end = latents[edges]
    return torch.lerp(start[segment], end[segment], t), segment


def _relative_to_median(length: Tensor) -> Tensor:
    """Lengths in units of their median; an edge of no length stays 0 whatever the median."""
    return torch.where(length > 0, length / length.median(), 0.0)


@register_measure("shortcut_edges", supervised=False, needs=["edges"])
def measure_shortcut_edges(evaluation: Evaluation) -> dict[str, Any]:
    """Fraction of the graph's edges torn apart in latent space, and the largest stretch."""
    points = evaluation.points
    edges = shortcut_edges(
        evaluation.z, points.edge_index, points.x, edge_length=points.get("edge_length")
    )
    return {"fraction": edges.fraction, "largest_stretch": edges.stretch.max().item()}


@register_measure("shortcut_segments", supervised=False, needs=["edges"])
def measure_shortcut_segments(evaluation: Evaluation) -> dict[str, Any]:
    """Fraction of decoded latent segments between neighbors that leave the data, and how far."""
    points = evaluation.points
    segments = shortcut_segments(
        evaluation.model.decode,
        evaluation.z,
        points.x,
        points.edge_index,
        edge_length=points.get("edge_length"),
    )
    return {
        "fraction": segments.fraction,
        "largest_departure": segments.departure.max().item(),
        "num_segments": segments.num_segments,
    }
