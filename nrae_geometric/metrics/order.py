"""The order of points along a one-dimensional latent coordinate."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from nrae_geometric.metrics._common import (
    Array,
    NotApplicableError,
    as_coordinate,
    check_same_length,
    kendall,
    spearman,
)
from nrae_geometric.metrics.suite import Evaluation, register_measure
from nrae_geometric.nn.evaluation import encode_data

RIGHT_ORDER = 0.99
"""The smallest absolute Spearman correlation of an order that counts as the right one.

Noise exchanges neighbors and leaves more than this; a latent line that joins what lies far apart
leaves less, unless it folds the last few points alone.
"""


class LatentOrder(NamedTuple):
    """Agreement of a latent order with the true one; 1 is perfect, in either direction.

    Attributes:
        spearman (float): Absolute value of Spearman's rank correlation, in [0, 1].
        kendall (float): Absolute value of Kendall's rank correlation (tau-b), in [0, 1].
        consecutive (float): Fraction of consecutive true points that are consecutive in latent
            order, in [0, 1].
    """

    spearman: float
    kendall: float
    consecutive: float


@torch.no_grad()
def latent_order(z: Array, y: Array) -> LatentOrder:
    r"""Returns the agreement between the orders of a one-dimensional latent and the truth.

    Absolute values, because a latent coordinate may run in either direction. The rank correlations
    judge the global order, see :data:`RIGHT_ORDER`. The fraction of consecutive points

    .. math::
        \frac{1}{N - 1} \sum_{i=1}^{N-1}
        \mathbf{1} \bigl( | r(z_{(i+1)}) - r(z_{(i)}) | = 1 \bigr),

    with :math:`z_{(i)}` the latent of the point with the :math:`i`-th smallest :math:`y` and
    :math:`r` the rank, judges the connectivity: a manifold cut into a few pieces and put together
    in the wrong order scores high here and low there. Equal latents are not consecutive, and pairs
    that equal values of :math:`y` leave undecided are not counted. A constant coordinate has no
    order: all three are then 0.

    Source: Spearman, "The Proof and Measurement of Association between Two Things", 1904; Kendall,
    "A New Measure of Rank Correlation", 1938.

    Args:
        z (torch.Tensor or ndarray): Latents ``[N]`` or ``[N, 1]``.
        y (torch.Tensor or ndarray): True coordinate ``[N]`` or ``[N, 1]``.

    Returns:
        LatentOrder: The three scores.

    Raises:
        ValueError: If there are fewer than two points, or more than one coordinate a point.
    """
    latent, true = as_coordinate(z, "z"), as_coordinate(y, "y")
    check_same_length(z=latent, y=true)
    if len(latent) < 2:
        raise NotApplicableError("z has 1 row; an order needs at least two points")
    return LatentOrder(
        spearman=abs(spearman(latent, true)),
        kendall=abs(kendall(latent, true)),
        consecutive=_consecutive_fraction(latent, true),
    )


def _consecutive_fraction(latent: Tensor, true: Tensor) -> float:
    from scipy.stats import rankdata

    # Average ranks differ by exactly one only where both points are the sole holders of theirs.
    latent_rank, true_rank = (
        torch.from_numpy(rankdata(values.cpu().numpy())) for values in (latent, true)
    )
    order = true_rank.argsort()
    decided = true_rank[order].diff() == 1
    kept = latent_rank[order].diff().abs() == 1
    return (kept & decided).sum().item() / max(decided.sum().item(), 1)


@register_measure("latent_order", supervised=True, needs=["test"])
def measure_latent_order(evaluation: Evaluation) -> dict[str, Any]:
    """Agreement between the order of the test points along the latent line and the true one."""
    test = evaluation.test
    if test.y is None:
        raise NotApplicableError("the test points have no true coordinate y")
    return latent_order(encode_data(evaluation.model, test), test.y)._asdict()
