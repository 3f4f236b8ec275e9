"""Label-free signs that a model connected what the graph does not."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from nrae_geometric.metrics._checks import (
    as_points,
    check_edge_index,
    check_positive,
    check_same_length,
)
from nrae_geometric.metrics._decode import decode
from nrae_geometric.metrics._edges import edge_lengths, undirected_edges
from nrae_geometric.metrics._sampling import sample_rows

# A latent segment is decoded at this many places for each median edge that it is long, so that a
# jump somewhere along a torn edge is not stepped over; the limit bounds the work.
_PLACES_PER_EDGE = 16
_MAX_PLACES = 256


class ShortcutEdges(NamedTuple):
    """Graph edges whose ends lie too far apart in latent space.

    Attributes:
        edge_index (Tensor): ``[2, U]``, each undirected edge once.
        stretch (Tensor): ``[U]``, latent length relative to the typical edge, from 0.
        is_shortcut (Tensor): ``[U]``, whether the stretch exceeds the factor.
        fraction (float): Fraction of such edges, in [0, 1].
    """

    edge_index: Tensor
    stretch: Tensor
    is_shortcut: Tensor
    fraction: float


class ShortcutSegments(NamedTuple):
    """Decoded latent segments between graph neighbors that leave the data.

    Attributes:
        edge_index (Tensor): ``[2, S]``, the ends of the segments that were decoded.
        departure (Tensor): ``[S]``, the largest distance from the decoded segment to the data, in
            units of the edge or, if that is longer, of the median edge; from 0.
        fraction (float): Fraction of segments with a departure above 1, in [0, 1].
        num_segments (int): Number of segments that were decoded.
    """

    edge_index: Tensor
    departure: Tensor
    fraction: float
    num_segments: int


@torch.no_grad()
def shortcut_edges(
    z: Tensor, edge_index: Tensor, x: Tensor | None = None, *, factor: float = 5.0
) -> ShortcutEdges:
    r"""Graph edges whose latent length is out of proportion.

    A latent space that respects the graph keeps neighbors near each other. Where the learned
    manifold jumps instead of following the graph, the edges that it left out are torn apart:

    .. math::
        s_{ij} = \frac{\lVert z_i - z_j \rVert}{\operatorname{median} \lVert z - z' \rVert} \Big/
        \max \Bigl( 1, \frac{\lVert x_i - x_j \rVert}{\operatorname{median} \lVert x - x' \rVert}
        \Bigr)

    with medians over all edges. Given the points, a long edge may be long in latent space too; a
    short one is held to the median, because noise decides how short it is.

    Args:
        z (Tensor): Latents ``[N, *]``.
        edge_index (Tensor): Graph over the points ``[2, E]``, read as undirected.
        x (Tensor, optional): Points ``[N, *shape]``; without them all edges count as equally long.
            (default: ``None``)
        factor (float): Stretch above which an edge is a shortcut. (default: ``5.0``)

    Returns:
        ShortcutEdges: The edges, their stretch and which of them are shortcuts.

    Raises:
        ValueError: If the graph has no edges or rows do not correspond.
    """
    latents = as_points(z, "z")
    edges = _checked_edges(edge_index, len(latents))
    stretch = _relative_to_median(edge_lengths(latents, edges))
    if x is not None:
        points = as_points(x, "x")
        check_same_length(z=latents, x=points)
        stretch = stretch / _relative_to_median(edge_lengths(points, edges)).clamp(min=1)
    is_shortcut = stretch > factor
    return ShortcutEdges(edges, stretch, is_shortcut, is_shortcut.double().mean().item())


@torch.no_grad()
def shortcut_segments(
    decoder: Callable[[Tensor], Tensor],
    z: Tensor,
    x: Tensor,
    edge_index: Tensor,
    *,
    num_segments: int | None = 1000,
    seed: int = 0,
) -> ShortcutSegments:
    r"""Latent segments between graph neighbors whose decoded points leave the data.

    Between two neighbors the decoder should stay near the data. If the latents are torn apart
    there, the way from one to the other passes through regions without any:

    .. math::
        d_{ij} = \frac{\max_{0 < t < 1} \min_n \lVert f((1 - t) z_i + t z_j) - x_n \rVert}
        {\max ( \lVert x_i - x_j \rVert, \operatorname{median} \lVert x - x' \rVert )}

    with medians over all edges, and :math:`t` at 16 places for each median latent edge that the
    segment is long, from 16 to 256. The straight line between two points departs from them by at
    most half their distance, so that a departure above 1 is none that the graph could explain.

    Args:
        decoder (callable): Maps latents ``[M, d]`` to points ``[M, *shape]``.
        z (Tensor): Latents ``[N, d]``.
        x (Tensor): Points ``[N, *shape]``.
        edge_index (Tensor): Graph over the points ``[2, E]``, read as undirected.
        num_segments (int, optional): Number of random edges to decode; ``None`` for all.
            (default: ``1000``)
        seed (int): Seed of that choice. (default: ``0``)

    Returns:
        ShortcutSegments: The segments, their departures and how many there were.

    Raises:
        ValueError: If the graph has no edges, rows do not correspond, or all edges have no length.
    """
    from nrae_geometric.neighbors import knn

    latents, points = as_points(z, "z"), as_points(x, "x")
    check_same_length(z=latents, x=points)
    edges = _checked_edges(edge_index, len(latents))
    if num_segments is not None:
        check_positive(num_segments, "num_segments")
    length = edge_lengths(points, edges)
    length = length.clamp(min=length.median())
    stretch = _relative_to_median(edge_lengths(latents, edges))
    if length.min() == 0:
        raise ValueError(
            "more than half of the edges join equal points; remove the duplicates of x"
        )
    sample = sample_rows(edges.size(1), num_segments, seed).to(edges.device)
    edges = edges[:, sample]
    z_between, segment = _along_segments(latents, edges, stretch[sample])
    decoded = decode(decoder, z_between)
    distance, _ = knn(points.to(decoded), 1, query=decoded)
    farthest = distance.new_zeros(edges.size(1)).scatter_reduce(0, segment, distance[:, 0], "amax")
    departure = farthest / length[sample]
    return ShortcutSegments(
        edge_index=edges,
        departure=departure,
        fraction=(departure > 1).double().mean().item(),
        num_segments=edges.size(1),
    )


def _checked_edges(edge_index: Tensor, num_nodes: int) -> Tensor:
    check_edge_index(edge_index, num_nodes)
    edges = undirected_edges(edge_index, num_nodes)
    if edges.size(1) == 0:
        raise ValueError("edge_index joins no two different points; pass a graph with edges")
    return edges


def _along_segments(latents: Tensor, edges: Tensor, stretch: Tensor) -> tuple[Tensor, Tensor]:
    """Latents ``[P, d]`` evenly inside the segments, and the segment ``[P]`` of each."""
    count = (_PLACES_PER_EDGE * stretch).ceil().clamp(_PLACES_PER_EDGE, _MAX_PLACES).long()
    segment = torch.arange(len(count), device=count.device).repeat_interleave(count)
    place = torch.arange(len(segment), device=count.device) - (count.cumsum(0) - count)[segment]
    t = ((place + 1) / (count[segment] + 1)).to(latents.dtype)[:, None]
    start, end = latents[edges]
    return torch.lerp(start[segment], end[segment], t), segment


def _relative_to_median(length: Tensor) -> Tensor:
    """Lengths in units of their median; an edge of no length stays 0 whatever the median."""
    return torch.where(length > 0, length / length.median(), 0.0)
