"""The distance between the learned manifold and a known one."""

from typing import Any, NamedTuple

import torch
from scipy.spatial import ConvexHull
from torch import Tensor

from nrae_geometric.metrics._common import (
    Array,
    Decoder,
    NotApplicableError,
    as_points,
    check_positive,
    decode,
)
from nrae_geometric.metrics.suite import Evaluation, register_measure
from nrae_geometric.neighbors import knn

# Below this ratio of its extents a planar point set is sampled as the segment it nearly is.
_FLAT = 1e-6


class ManifoldDistance(NamedTuple):
    """Distances between a learned and a true manifold, in units of the data.

    Attributes:
        learned_to_true (float): Mean distance from the learned manifold to the true one, as of
            fitted noise and shortcuts.
        true_to_learned (float): Mean distance from the true manifold to the learned one, as of
            missing parts.
        hausdorff (float): The largest of all these distances.
        num_samples (int): Number of points that stand for the learned manifold.
    """

    learned_to_true: float
    true_to_learned: float
    hausdorff: float
    num_samples: int


@torch.no_grad()
def manifold_distance(
    decoder: Decoder, z: Array, manifold: Array, num_samples: int = 10_000
) -> ManifoldDistance:
    r"""Returns the mean and the Hausdorff distance between the learned manifold and a true one.

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
        z (torch.Tensor or ndarray): Latents of the data ``[N, d]``, ``d`` 1 or 2.
        manifold (torch.Tensor or ndarray): Clean points ``[M, *shape]`` that cover the true
            manifold densely.
        num_samples (int, optional): Number of samples of the learned manifold.
            (default: :obj:`10_000`)

    Returns:
        ManifoldDistance: The two means, the Hausdorff distance and the sample size.

    Raises:
        ValueError: If the latents are not one- or two-dimensional, or the shapes do not agree.
    """
    num_samples = check_positive(num_samples, "num_samples")
    latents, true = as_points(z, "z"), as_points(manifold, "manifold")
    if latents.size(1) > 2:
        raise NotApplicableError(
            f"z has {latents.size(1)} columns; the hull of the latents is sampled densely in one "
            f"and two dimensions only"
        )
    learned = decode(decoder, _sample_convex_hull(latents, num_samples))
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


@register_measure("manifold_distance", supervised=True, needs=["manifold"])
def measure_manifold_distance(evaluation: Evaluation) -> dict[str, Any]:
    """Distances between the decoded hull of one or two latent coordinates and the manifold."""
    model, manifold = evaluation.model, evaluation.manifold
    return manifold_distance(model.decode, evaluation.z, manifold.x)._asdict()


def _sample_convex_hull(points: Tensor, num_samples: int) -> Tensor:
    """``[num_samples, d]`` points that fill the convex hull of ``[N, d]`` points, ``d`` 1 or 2.

    An interval is divided evenly. A planar hull is cut into a fan of triangles, which a Sobol
    sequence fills in proportion to their areas. The result is deterministic, and as even for
    latents stretched along one direction as for round ones.
    """
    origin = points.double().mean(dim=0)
    _, extent, axes = torch.linalg.svd(points.double() - origin, full_matrices=False)
    if len(extent) < 2 or extent[1] <= _FLAT * extent[0]:
        along = (points.double() - origin) @ axes[0]
        steps = torch.linspace(0, 1, num_samples, dtype=along.dtype, device=along.device)
        position = along.min() + (along.max() - along.min()) * steps
        samples = origin + position[:, None] * axes[0]
    else:
        # Unit extents keep the hull's own tolerances harmless for latents of any scale.
        whitened = (points.double() - origin) @ axes.T / extent
        samples = origin + (_sample_planar_hull(whitened, num_samples) * extent) @ axes
    return samples.to(points.dtype)


def _sample_planar_hull(points: Tensor, num_samples: int) -> Tensor:
    corners = points[torch.from_numpy(ConvexHull(points.cpu().numpy()).vertices).long()]
    first, second = corners[1:-1] - corners[0], corners[2:] - corners[0]
    area = (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]).abs()
    sobol = torch.quasirandom.SobolEngine(3).draw(num_samples, dtype=points.dtype)
    choice, radius, angle = sobol.T.contiguous().to(points.device)
    triangle = torch.searchsorted(area.cumsum(0) / area.sum(), choice).clamp(max=len(area) - 1)
    # The square root makes the density uniform over the triangle instead of peaked at its apex.
    radius, angle = radius.sqrt()[:, None], angle[:, None]
    return corners[0] + radius * ((1 - angle) * first[triangle] + angle * second[triangle])
