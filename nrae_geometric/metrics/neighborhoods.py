r"""How well a latent space keeps the neighborhoods of its data, judged by ranks.

Notation: :math:`\rho_{ij}` is the rank of point :math:`j` among the neighbors of point :math:`i` in
data space and :math:`r_{ij}` its rank in latent space, both from 1 to :math:`N - 1`;
:math:`\nu_i` are the :math:`k` nearest neighbors of :math:`i` in data space and :math:`n_i` those
in latent space. Distances are Euclidean and ties go to the lower index. Points are compared in
blocks of rows, so memory grows with :math:`N` and not with its square; time is :math:`O(N D)` for
each point whose neighborhood is judged, and ``num_samples`` judges a random subset of them (a few
thousand determine each score to about one percent).
"""

from typing import NamedTuple

import torch
from torch import Tensor

from nrae_geometric.metrics._checks import as_points, check_positive, check_same_length
from nrae_geometric.metrics._ranks import neighbor_ranks
from nrae_geometric.metrics._sampling import sample_rows


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
    x: Tensor, z: Tensor, k: int = 5, *, num_samples: int | None = None, seed: int = 0
) -> float:
    r"""Are points that are near in latent space near in data space?

    .. math::
        T(k) = 1 - \frac{2}{N k (2N - 3k - 1)} \sum_{i=1}^{N} \sum_{j \in n_i}
        \max(0, \rho_{ij} - k)

    Falls when the model puts strangers side by side, as a fold or a shortcut does. Equals
    :func:`sklearn.manifold.trustworthiness`, without its :math:`N \times N` matrices.

    Source: `Venna and Kaski, "Neighborhood Preservation in Nonlinear Projection Methods", ICANN
    2001 <https://doi.org/10.1007/3-540-44668-0_68>`_.

    Args:
        x (Tensor): Points ``[N, *shape]``.
        z (Tensor): Their latents ``[N, *]``.
        k (int): Number of neighbors, below :math:`N / 2`. (default: ``5``)
        num_samples (int, optional): Judge the neighborhoods of so many random points, each among
            all points; ``None`` for all. (default: ``None``)
        seed (int): Seed of that choice. (default: ``0``)

    Returns:
        float: In [0, 1]; 1 if no latent neighbor is a stranger.

    Raises:
        ValueError: If rows do not correspond or ``k`` is not between 1 and :math:`N / 2`.
    """
    x, z, rows = _checked(x, z, k, num_samples, seed)
    return _intrusion_free(_ranks(z, x, k, rows), len(x))


def continuity(
    x: Tensor, z: Tensor, k: int = 5, *, num_samples: int | None = None, seed: int = 0
) -> float:
    r"""Are points that are near in data space near in latent space?

    .. math::
        C(k) = 1 - \frac{2}{N k (2N - 3k - 1)} \sum_{i=1}^{N} \sum_{j \in \nu_i}
        \max(0, r_{ij} - k)

    Falls when the model tears neighbors apart. It is trustworthiness with the two spaces exchanged;
    arguments, range and source are those of :func:`trustworthiness`.
    """
    x, z, rows = _checked(x, z, k, num_samples, seed)
    return _intrusion_free(_ranks(x, z, k, rows), len(x))


def neighborhood_recall(
    x: Tensor, z: Tensor, k: int = 5, *, num_samples: int | None = None, seed: int = 0
) -> float:
    r"""Fraction of the k nearest neighbors in data space that are so in latent space.

    .. math::
        Q_{NX}(k) = \frac{1}{N k} \sum_{i=1}^{N} | \nu_i \cap n_i |

    Random latents score :math:`k / (N - 1)`. Arguments as for :func:`trustworthiness`; the result
    is in [0, 1].

    Source: `Lee and Verleysen, "Quality Assessment of Dimensionality Reduction: Rank-Based
    Criteria", Neurocomputing 2009 <https://doi.org/10.1016/j.neucom.2008.12.017>`_.
    """
    x, z, rows = _checked(x, z, k, num_samples, seed)
    return _recall(_ranks(x, z, k, rows))


def mean_relative_rank_errors(
    x: Tensor, z: Tensor, k: int = 5, *, num_samples: int | None = None, seed: int = 0
) -> RankErrors:
    r"""Mean relative change of the neighbors' ranks between the two spaces.

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
    x, z, rows = _checked(x, z, k, num_samples, seed)
    return RankErrors(
        data=_rank_error(_ranks(x, z, k, rows), len(x)),
        latent=_rank_error(_ranks(z, x, k, rows), len(x)),
    )


def embedding_quality(
    x: Tensor, z: Tensor, k: int = 5, *, num_samples: int | None = None, seed: int = 0
) -> EmbeddingQuality:
    """All scores of this module for the price of one of the rank errors.

    Arguments as for :func:`trustworthiness`.
    """
    x, z, rows = _checked(x, z, k, num_samples, seed)
    data, latent = _ranks(x, z, k, rows), _ranks(z, x, k, rows)
    return EmbeddingQuality(
        trustworthiness=_intrusion_free(latent, len(x)),
        continuity=_intrusion_free(data, len(x)),
        neighborhood_recall=_recall(data),
        rank_error_data=_rank_error(data, len(x)),
        rank_error_latent=_rank_error(latent, len(x)),
        num_samples=len(rows),
    )


def _checked(
    x: Tensor, z: Tensor, k: int, num_samples: int | None, seed: int
) -> tuple[Tensor, Tensor, Tensor]:
    x, z = as_points(x, "x"), as_points(z, "z")
    check_same_length(x=x, z=z)
    if not 1 <= k < len(x) / 2:
        raise ValueError(
            f"k is {k}; for {len(x)} points choose it from 1 to {(len(x) - 1) // 2}: the scores "
            f"compare neighborhoods smaller than half of the points"
        )
    if num_samples is not None:
        check_positive(num_samples, "num_samples")
    return x, z, sample_rows(len(x), num_samples, seed)


def _ranks(neighbor_space: Tensor, rank_space: Tensor, k: int, rows: Tensor) -> Tensor:
    return torch.cat(list(neighbor_ranks(neighbor_space, rank_space, k, rows))).double()


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
