r"""The preservation of neighborhoods between data and latent space, judged by ranks.

Notation: :math:`\rho_{ij}` is the rank of point :math:`j` among the neighbors of point :math:`i` in
data space and :math:`r_{ij}` its rank in latent space, both from 1 to :math:`N - 1`;
:math:`\nu_i` are the :math:`k` nearest neighbors of :math:`i` in data space and :math:`n_i` those
in latent space. Distances are Euclidean and ties go to the lower index. Points are compared in
blocks of rows, so memory grows with :math:`N` and not with its square; time is :math:`O(N D)` for
each point whose neighborhood is judged, and ``num_samples`` judges a random subset of them (a few
thousand determine each score to about one percent).
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from nrae_geometric.arguments import integer
from nrae_geometric.geodesics.graph import power_of_two
from nrae_geometric.metrics._common import (
    ROWS_PER_BLOCK,
    Array,
    NotApplicableError,
    as_points,
    check_same_length,
    sample_rows,
)
from nrae_geometric.metrics.suite import Evaluation, register_measure
from nrae_geometric.neighbors.ranking import distance_matrix

# So many random points determine the scores to about one percent.
_NUM_EVALUATED = 2000
# Two blocks of [rows, N] distances of this many entries are alive at a time.
_ENTRIES_PER_BLOCK = 2**20
# Beyond this ratio of the largest to the median coordinate, products would cancel.
_WIDE = 2.0**10
# Ratio of a squared distance and a squared norm below which digits of the former are lost.
_CANCELED = 2.0**-26
# Beyond this the distance of two points may overflow.
_LARGEST = 2.0**1000
# Points whose median is a center.
_SAMPLE = 256
# Up to this dimension coordinate differences are faster than a matrix product.
_LOW_DIMENSION = 16


class RankErrors(NamedTuple):
    """Mean relative rank errors; 0 if all ranks agree, 1 if they are reversed.

    Attributes:
        data (float): Over the neighbors in data space, as continuity.
        latent (float): Over the neighbors in latent space, as trustworthiness.
    """

    data: float
    latent: float


class EmbeddingQuality(NamedTuple):
    """All scores of this module, from one pass over the distances.

    Attributes:
        trustworthiness (float): See :func:`trustworthiness`.
        continuity (float): See :func:`continuity`.
        neighborhood_recall (float): See :func:`neighborhood_recall`.
        rank_error_data (float): See :func:`mean_relative_rank_errors`.
        rank_error_latent (float): See :func:`mean_relative_rank_errors`.
        num_samples (int): Number of points whose neighborhoods were judged.
    """

    trustworthiness: float
    continuity: float
    neighborhood_recall: float
    rank_error_data: float
    rank_error_latent: float
    num_samples: int


def trustworthiness(
    x: Array, z: Array, k: int = 5, *, num_samples: int | None = None, seed: int = 0
) -> float:
    r"""Returns how free latent neighborhoods are of points from far away.

    .. math::
        T(k) = 1 - \frac{2}{N k (2N - 3k - 1)} \sum_{i=1}^{N} \sum_{j \in n_i}
        \max(0, \rho_{ij} - k)

    Falls when the model puts strangers side by side, as a fold or a shortcut does. A slightly
    farther point costs little, so it is no recall: that is :func:`neighborhood_recall`. Equals
    :func:`sklearn.manifold.trustworthiness`, without its :math:`N \times N` matrices.

    Source: `Venna and Kaski, "Neighborhood Preservation in Nonlinear Projection Methods", ICANN
    2001 <https://doi.org/10.1007/3-540-44668-0_68>`_.

    Args:
        x (torch.Tensor or ndarray): Points ``[N, *shape]``.
        z (torch.Tensor or ndarray): Their latents ``[N, *]``.
        k (int, optional): Number of neighbors, below :math:`N / 2`. (default: :obj:`5`)
        num_samples (int, optional): Judge the neighborhoods of so many random points, each among
            all points; :obj:`None` for all. (default: :obj:`None`)
        seed (int, optional): Seed of that choice. (default: :obj:`0`)

    Returns:
        float: In [0, 1]; 1 if every latent neighbor is among the ``k`` nearest points.

    Raises:
        ValueError: If rows do not correspond or ``k`` is not between 1 and :math:`N / 2`.
    """
    x, z, rows, k = _checked(x, z, k, num_samples, seed)
    return _intrusion_free(_neighbor_ranks(z, x, k, rows), len(x))


def continuity(
    x: Array, z: Array, k: int = 5, *, num_samples: int | None = None, seed: int = 0
) -> float:
    r"""Returns the share of nearness in data space that is nearness in latent space.

    .. math::
        C(k) = 1 - \frac{2}{N k (2N - 3k - 1)} \sum_{i=1}^{N} \sum_{j \in \nu_i}
        \max(0, r_{ij} - k)

    Falls when the model tears neighbors apart. It is trustworthiness with the two spaces exchanged;
    arguments, range and source are those of :func:`trustworthiness`.
    """
    x, z, rows, k = _checked(x, z, k, num_samples, seed)
    return _intrusion_free(_neighbor_ranks(x, z, k, rows), len(x))


def neighborhood_recall(
    x: Array, z: Array, k: int = 5, *, num_samples: int | None = None, seed: int = 0
) -> float:
    r"""Returns the fraction of the k nearest neighbors in data space that are so in latent space.

    .. math::
        Q_{NX}(k) = \frac{1}{N k} \sum_{i=1}^{N} | \nu_i \cap n_i |

    Random latents score :math:`k / (N - 1)`. Arguments as for :func:`trustworthiness`; the result
    is in [0, 1].

    Source: `Lee and Verleysen, "Quality Assessment of Dimensionality Reduction: Rank-Based
    Criteria", Neurocomputing 2009 <https://doi.org/10.1016/j.neucom.2008.12.017>`_.
    """
    x, z, rows, k = _checked(x, z, k, num_samples, seed)
    return _recall(_neighbor_ranks(x, z, k, rows))


def mean_relative_rank_errors(
    x: Array, z: Array, k: int = 5, *, num_samples: int | None = None, seed: int = 0
) -> RankErrors:
    r"""Returns the mean relative change of the neighbors' ranks between the two spaces.

    .. math::
        W_\nu(k) = \frac{1}{H_k} \sum_{i=1}^{N} \sum_{j \in \nu_i}
        \frac{| \rho_{ij} - r_{ij} |}{\rho_{ij}}, \qquad
        W_n(k) = \frac{1}{H_k} \sum_{i=1}^{N} \sum_{j \in n_i}
        \frac{| \rho_{ij} - r_{ij} |}{r_{ij}}, \qquad
        H_k = N \sum_{l=1}^{k} \frac{| N - 2 l |}{l}

    Unlike the other scores they also see changes of order within a neighborhood. 0 if all ranks
    agree and 1 if they are reversed, which is the largest value while :math:`3k \le N + 1`.
    Arguments and source are those of :func:`neighborhood_recall`.
    """
    x, z, rows, k = _checked(x, z, k, num_samples, seed)
    return RankErrors(
        data=_rank_error(_neighbor_ranks(x, z, k, rows), len(x)),
        latent=_rank_error(_neighbor_ranks(z, x, k, rows), len(x)),
    )


def embedding_quality(
    x: Array, z: Array, k: int = 5, *, num_samples: int | None = None, seed: int = 0
) -> EmbeddingQuality:
    """Returns all scores of this module for the price of one of the rank errors.

    Arguments as for :func:`trustworthiness`.
    """
    x, z, rows, k = _checked(x, z, k, num_samples, seed)
    data, latent = _neighbor_ranks(x, z, k, rows), _neighbor_ranks(z, x, k, rows)
    return EmbeddingQuality(
        trustworthiness=_intrusion_free(latent, len(x)),
        continuity=_intrusion_free(data, len(x)),
        neighborhood_recall=_recall(data),
        rank_error_data=_rank_error(data, len(x)),
        rank_error_latent=_rank_error(latent, len(x)),
        num_samples=len(rows),
    )


def _checked(
    x: Array, z: Array, k: int, num_samples: int | None, seed: int
) -> tuple[Tensor, Tensor, Tensor, int]:
    points, latents = as_points(x, "x"), as_points(z, "z")
    check_same_length(x=points, z=latents)
    k = integer("k", k)
    largest = (len(points) - 1) // 2
    if not 1 <= k <= largest:
        raise ValueError(
            f"k is {k}; for {len(points)} points choose it from 1 to {largest}: the scores compare "
            f"neighborhoods smaller than half of the points"
        )
    return points, latents, sample_rows(len(points), num_samples, seed), k


def _intrusion_free(ranks: Tensor, num_points: int) -> float:
    k = ranks.size(1)
    worst = k * (2 * num_points - 3 * k - 1) / 2
    return 1 - (ranks - k).clamp(min=0).sum(dim=1).mean().item() / worst


def _recall(ranks: Tensor) -> float:
    return (ranks <= ranks.size(1)).double().mean().item()


def _rank_error(ranks: Tensor, num_points: int) -> float:
    own = torch.arange(1, ranks.size(1) + 1, device=ranks.device)
    worst = ((num_points - 2 * own).abs() / own).sum()
    return (((ranks - own).abs() / own).sum(dim=1).mean() / worst).item()


def _neighbor_ranks(neighbor_space: Tensor, rank_space: Tensor, k: int, rows: Tensor) -> Tensor:
    """The ranks ``[S, k]`` in ``rank_space`` of the k nearest neighbors that the centers in
    ``rows [S]`` have in ``neighbor_space``, nearest first, in float64.

    A rank counts from 1 and leaves the center itself out; ties go to the lower index.
    """
    neighbor_distances, rank_distances = _Distances(neighbor_space), _Distances(rank_space)
    blocks = rows.to(rank_space.device).split(max(1, _ENTRIES_PER_BLOCK // len(rank_space)))
    ranks = [
        _ranks(rank_distances.rows(block), _nearest(neighbor_distances.rows(block), k))
        for block in blocks
    ]
    return torch.cat(ranks).double()


class _Distances:
    """Rows of the distance matrix of ``[N, D]`` points, each up to a monotone map of its own."""

    def __init__(self, points: Tensor) -> None:
        center = points[:: max(1, len(points) // _SAMPLE)].double().median(dim=0).values
        size = torch.cat(
            [(block - center).abs_().amax(dim=1) for block in points.split(ROWS_PER_BLOCK)]
        )
        middle = size.median(dim=0).indices
        unit = power_of_two(points)
        self._is_direct = points.size(1) <= _LOW_DIMENSION or bool(
            size.max() > _WIDE * size[middle]
        )
        if self._is_direct:
            # Smaller units round nothing, larger ones round the smallest points away.
            self.points = points.double() / max(min(unit, 1.0), unit / _LARGEST)
            return
        self.points = points.double() / unit
        # A common offset would cancel in the matrix product. Taking away a point, unlike the mean,
        # is exact for whole numbers and keeps their ties.
        self.points -= self.points[middle].clone()
        blocks = self.points.split(ROWS_PER_BLOCK)
        self.squared_norm = torch.cat([block.square().sum(dim=1) for block in blocks])
        self.mean_norm = float(self.squared_norm.mean())

    def rows(self, rows: Tensor) -> Tensor:
        """``[B, N]``, with infinity between a point and itself."""
        centers = self.points[rows]
        if self._is_direct:
            return distance_matrix(centers, self.points).scatter_(1, rows[:, None], torch.inf)
        distance = torch.addmm(self.squared_norm, centers, self.points.T, alpha=-2)
        distance.scatter_(1, rows[:, None], torch.inf)
        # Where neighbors are this near, the product has canceled.
        own = self.squared_norm[rows]
        size = own.clamp(min=self.mean_norm)
        near = (distance.amin(dim=1) + own <= _CANCELED * size).nonzero().flatten()
        if len(near) > 0:
            exact = distance_matrix(centers[near], self.points)
            distance[near] = exact.scatter_(1, rows[near, None], torch.inf)
        return distance


def _nearest(distance: Tensor, k: int) -> Tensor:
    """Column numbers of the k smallest entries of each row, sorted; ties go to the lower column."""
    farthest = distance.topk(k, largest=False).values[:, -1:]
    column = torch.arange(distance.size(1), device=distance.device).expand_as(distance)
    # topk picks any of several equal entries, so let it choose among column numbers instead.
    key = column.masked_fill(distance < farthest, -1)
    key = key.masked_fill(distance > farthest, distance.size(1))
    chosen = key.topk(k, largest=False).indices.sort(dim=1).values
    return chosen.gather(1, distance.gather(1, chosen).argsort(dim=1, stable=True))


def _ranks(distance: Tensor, columns: Tensor) -> Tensor:
    column = torch.arange(distance.size(1), device=distance.device)
    ranks = torch.empty_like(columns)
    for position, chosen in enumerate(columns.split(1, dim=1)):
        own = distance.gather(1, chosen)
        before = (distance < own) | ((distance == own) & (column < chosen))
        ranks[:, position] = 1 + before.sum(dim=1)
    return ranks


@register_measure("embedding_quality", supervised=False)
def measure_embedding_quality(evaluation: Evaluation) -> dict[str, Any]:
    """Trustworthiness, continuity, recall and rank errors of the latent neighborhoods."""
    num_points = len(evaluation.z)
    if num_points < 3:
        raise NotApplicableError(f"{num_points} points have no neighborhoods to compare")
    k = min(5, (num_points - 1) // 2)
    quality = embedding_quality(evaluation.points.x, evaluation.z, k, num_samples=_NUM_EVALUATED)
    return quality._asdict()
