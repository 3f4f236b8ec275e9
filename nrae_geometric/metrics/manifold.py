"""Distance between the learned manifold and a known one."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from nrae_geometric.metrics._checks import as_points, check_positive
from nrae_geometric.metrics._decode import decode
from nrae_geometric.metrics.convex_hull import sample_convex_hull


class ManifoldDistance(NamedTuple):
    """Distances between a learned and a true manifold, in units of the data.

    Attributes:
        learned_to_true (float): Mean distance from the learned manifold to the true one: what the
            model made up (noise it fitted, shortcuts).
        true_to_learned (float): Mean distance from the true manifold to the learned one: what the
            model misses.
        hausdorff (float): The largest of all these distances.
        num_samples (int): Number of points that stand for the learned manifold.
    """

    learned_to_true: float
    true_to_learned: float
    hausdorff: float
    num_samples: int


@torch.no_grad()
def manifold_distance(
    decoder: Callable[[Tensor], Tensor], z: Tensor, manifold: Tensor, num_samples: int = 10_000
) -> ManifoldDistance:
    r"""Mean and Hausdorff distance between the learned manifold and a true one.

    The learned manifold is the decoder's image of the convex hull of the latents (their interval
    in one dimension), sampled densely. With learned samples :math:`A` and true samples :math:`B`,

    .. math::
        d(A, B) = \frac{1}{|A|} \sum_{a \in A} \min_{b \in B} \lVert a - b \rVert, \qquad
        d_H = \max \Bigl( \max_a \min_b \lVert a - b \rVert,\; \max_b \min_a \lVert a - b \rVert
        \Bigr).

    A distance cannot be told from 0 below the spacing of the samples. The Hausdorff distance and
    its averaged form are those of `Dubuisson and Jain, "A Modified Hausdorff Distance for Object
    Matching", ICPR 1994 <https://doi.org/10.1109/ICPR.1994.576361>`_.

    Args:
        decoder (callable): Maps latents ``[M, d]`` to points ``[M, *shape]``; a module should be in
            evaluation mode.
        z (Tensor): Latents of the data ``[N, d]``, ``d`` 1 or 2.
        manifold (Tensor): Clean points ``[M, *shape]`` that cover the true manifold densely.
        num_samples (int): Number of samples of the learned manifold. (default: ``10_000``)

    Returns:
        ManifoldDistance: The two means, the Hausdorff distance and the sample size.

    Raises:
        ValueError: If the latents are not one- or two-dimensional, or the shapes do not agree.
    """
    from nrae_geometric.neighbors import knn

    check_positive(num_samples, "num_samples")
    latents, true = as_points(z, "z"), as_points(manifold, "manifold")
    if latents.size(1) > 2:
        raise ValueError(
            f"z has {latents.size(1)} columns; the hull of the latents is sampled densely in one "
            f"and two dimensions only"
        )
    learned = decode(decoder, sample_convex_hull(latents, num_samples))
    if learned.size(1) != true.size(1):
        raise ValueError(
            f"the decoder's points have {learned.size(1)} values and the manifold's "
            f"{true.size(1)}; they must live in one space"
        )
    true = true.to(learned)
    learned_to_true, _ = knn(true, 1, query=learned)
    true_to_learned, _ = knn(learned, 1, query=true)
    return ManifoldDistance(
        learned_to_true=learned_to_true.mean().item(),
        true_to_learned=true_to_learned.mean().item(),
        hausdorff=max(learned_to_true.max().item(), true_to_learned.max().item()),
        num_samples=num_samples,
    )
