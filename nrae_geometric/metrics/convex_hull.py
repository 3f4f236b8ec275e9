"""Evenly spread samples of the convex hull of one- or two-dimensional points."""

import torch
from torch import Tensor

# Below this ratio of its extents a planar point set is sampled as the segment it nearly is.
_FLAT = 1e-6


def sample_convex_hull(points: Tensor, num_samples: int) -> Tensor:
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
    from scipy.spatial import ConvexHull

    corners = points[torch.from_numpy(ConvexHull(points.cpu().numpy()).vertices).long()]
    first, second = corners[1:-1] - corners[0], corners[2:] - corners[0]
    area = (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]).abs()
    sobol = torch.quasirandom.SobolEngine(3).draw(num_samples, dtype=points.dtype)
    choice, radius, angle = sobol.T.contiguous().to(points.device)
    triangle = torch.searchsorted(area.cumsum(0) / area.sum(), choice).clamp(max=len(area) - 1)
    # The square root makes the density uniform over the triangle instead of peaked at its apex.
    radius, angle = radius.sqrt()[:, None], angle[:, None]
    return corners[0] + radius * ((1 - angle) * first[triangle] + angle * second[triangle])
