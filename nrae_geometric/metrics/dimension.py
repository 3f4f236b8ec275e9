"""The number of dimensions of a manifold, from the distances of neighbors."""

import torch
from torch import Tensor

from nrae_geometric.metrics._common import Array, NotApplicableError, as_points, check_positive
from nrae_geometric.neighbors import Metric, knn


@torch.no_grad()
def intrinsic_dimension(x: Array, k: int = 20, *, metric: str | Metric = "euclidean") -> float:
    r"""Returns the maximum likelihood estimate of the dimension of the manifold of points.

    See :func:`dimension_of_neighbors`. Noise counts as dimensions where it is as wide as the
    neighborhoods, and few points in many dimensions give too small a number: some
    :math:`10^{d/2}` points are needed for :math:`d` of them (`Eckmann and Ruelle, Physica D 1992
    <https://doi.org/10.1016/0167-2789(92)90023-G>`_).

    Args:
        x (torch.Tensor or ndarray): Points ``[N, *shape]``, at least three.
        k (int, optional): The number of neighbors to look at, at least two; all others where
            there are fewer. (default: :obj:`20`)
        metric (str or Metric, optional): As in :func:`~nrae_geometric.neighbors.knn`.
            (default: :obj:`"euclidean"`)

    Raises:
        ValueError: If there are fewer than three different points.
    """
    points = as_points(x, "x")
    if len(points) < 3:
        raise ValueError(f"x has {len(points)} rows; a dimension needs at least three points")
    k = min(check_positive(k, "k"), len(points) - 1)
    if k < 2:
        raise ValueError(f"k is {k}; distances are compared from two neighbors on")
    return dimension_of_neighbors(knn(points, k, metric=metric)[0])


def dimension_of_neighbors(distance: Tensor) -> float:
    r"""Returns the dimension that the distances of nearest neighbors speak for.

    With :math:`T_j` the distance to the :math:`j`-th neighbor,

    .. math::
        \frac{1}{\hat{m}} = \frac{1}{N (k - 1)} \sum_{i=1}^{N} \sum_{j=1}^{k-1}
        \log \frac{T_k(x_i)}{T_j(x_i)} .

    Source: Levina and Bickel, `"Maximum Likelihood Estimation of Intrinsic Dimension"
    <https://papers.nips.cc/paper/2004/hash/74934548253bcab8490ebd74afed7031-Abstract.html>`_,
    NIPS 2004, equation 8; over the points the inverses are averaged, as MacKay and Ghahramani,
    `"Comments on 'Maximum Likelihood Estimation of Intrinsic Dimension'"
    <http://www.inference.org.uk/mackay/dimension/>`_, 2005, derive. Distances of zero, to equal
    points, are left out.

    Args:
        distance (torch.Tensor): ``[N, k]``, nearest first.

    Raises:
        ValueError: If no point has two neighbors at a distance.
    """
    distance = distance.double()
    is_apart = distance > 0
    num_apart = is_apart.sum(dim=1)
    ratios = torch.where(is_apart, distance[:, -1:] / distance, 1.0).log().sum(dim=1)
    counts = num_apart > 1
    if not counts.any():
        raise NotApplicableError("no point has two neighbors apart from it; remove the duplicates")
    inverse = (ratios[counts] / (num_apart[counts] - 1)).mean().item()
    # Where all neighbors are equally far, as corners of a simplex are, there is no estimate.
    return 1 / inverse if inverse > 0 else float("inf")
