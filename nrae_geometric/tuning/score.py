"""How well a learned manifold explains points that it was not learned from."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from nrae_geometric.metrics import decoder_distortion
from nrae_geometric.metrics.convex_hull import sample_convex_hull

_NUM_SAMPLES = 2000
_MAX_STEPS = 200
_TOLERANCE = 1e-6


class Explanation(NamedTuple):
    """Points and the samples of a manifold that may have generated them.

    Attributes:
        squared_distance (Tensor): ``[N, S]``, of each point to each sample.
        log_weight (Tensor): ``[S]``, logarithm of each sample's share of the manifold's volume.
    """

    squared_distance: Tensor
    log_weight: Tensor


@torch.no_grad()
def explain(decoder: Callable[[Tensor], Tensor], z: Tensor, x: Tensor) -> Explanation:
    """Compares points with a learned manifold.

    Args:
        decoder: Maps latents ``[M, d]`` to points ``[M, *shape]``.
        z: Latents of the points that it was learned from, ``[N, d]``, ``d`` 1 or 2; the manifold
            is the image of their convex hull.
        x: Points that it was not learned from, ``[M, *shape]``.
    """
    latents = sample_convex_hull(z, _NUM_SAMPLES)
    volume = decoder_distortion(decoder, latents).volume
    samples = decoder(latents).flatten(1).double()
    distance = torch.cdist(x.flatten(1).double(), samples)
    return Explanation(distance.square(), (volume / volume.sum()).log())


def log_likelihood(explanations: Sequence[Explanation], dim: int) -> float:
    r"""Mean log-likelihood of points under noisy samples of the manifolds that explain them.

    The points are taken for samples of the manifold :math:`f(Z)`, spread evenly over its volume,
    plus Gaussian noise of one variance :math:`\sigma^2` in each of the :math:`D` dimensions:

    .. math::
        \ell = \max_\sigma \frac{1}{N} \sum_{n=1}^{N} \log \sum_s w_s \,
        (2 \pi \sigma^2)^{-D / 2} \exp \Bigl(
        - \frac{\lVert x_n - f(z_s) \rVert^2}{2 \sigma^2} \Bigr),
        \qquad w_s \propto \sqrt{\det J_f(z_s)^\top J_f(z_s)}

    A manifold far from the points scores low, and so does one that is longer than it needs to be:
    a curve that winds through the noise, or jumps through the space between the points, spends
    its weight where none of them are. The distance to the manifold alone would reward it, because
    a longer curve is nearer to everything.

    Source: the density is that of the generative topographic mapping (Bishop, Svensén and
    Williams, Neural Computation 1998) with weights by volume; that the distance alone cannot
    choose a curve's complexity is due to Duchamp and Stuetzle, "Extremal properties of principal
    curves in the plane", Annals of Statistics 1996.

    Args:
        explanations: Of one or several manifolds, each by its own points.
        dim: The dimension :math:`D` of the points.

    Returns:
        The mean over all points, in nats; greater is better.
    """
    floor = torch.finfo(torch.float64).tiny
    count = sum(len(each.squared_distance) for each in explanations)
    nearest = torch.cat([each.squared_distance.amin(dim=1) for each in explanations])
    variance = (nearest.mean() / dim).clamp(min=floor)
    value = -torch.inf
    for _ in range(_MAX_STEPS):
        # Expectation maximisation: no step makes the likelihood smaller.
        total, spread = 0.0, 0.0
        for each in explanations:
            joint = each.log_weight - each.squared_distance / (2 * variance)
            evidence = joint.logsumexp(dim=1, keepdim=True)
            total += evidence.sum().item()
            spread += ((joint - evidence).exp() * each.squared_distance).sum().item()
        previous, value = value, total / count - dim / 2 * (2 * torch.pi * variance).log().item()
        if value - previous < _TOLERANCE:
            break
        variance = variance.new_tensor(spread / (count * dim)).clamp(min=floor)
    return value
