r"""The topological autoencoder."""

from typing import ClassVar, Literal

import numpy as np
import torch
from scipy.sparse.csgraph import minimum_spanning_tree
from torch import Tensor, nn
from torch_geometric.data import Data

from nrae_geometric.arguments import number
from nrae_geometric.nn.models.regularized import RegularizedAE, RegularizedSettings, Weight
from nrae_geometric.nn.parts import gathered
from nrae_geometric.registry import register_model


class TopoAE(RegularizedAE):
    r"""The topological autoencoder, whose latents are connected at the distances of the points.

    .. math::
        \mathcal{L} = \frac{1}{B D} \sum_i \lVert x_i - f(z_i) \rVert^2 + \frac{\lambda}{B}
        \sum_{(i, j) \in \pi^X \cup \pi^Z} \tfrac12 \bigl( A^X_{ij} - A^Z_{ij} \bigr)^2

    with :math:`\pi^X` and :math:`\pi^Z` the pairs of :func:`persistence_pairs` among the points
    and among the latents of a batch (a pair of both counts twice), :math:`A^X` the distances of the
    points divided by the largest of them, and :math:`A^Z` those of the latents divided by a scale
    that is learned. Use it where clusters and gaps between them should be kept.

    Args:
        encoder (torch.nn.Module): As in :class:`~nrae_geometric.nn.AE`.
        decoder (torch.nn.Module): As in :class:`~nrae_geometric.nn.AE`.
        topology_weight (float, optional): The weight :math:`\lambda \geq 0`.
            (default: :obj:`1.0`)
        neighborhood_weight (float, optional): As in
            :class:`~nrae_geometric.nn.models.regularized.RegularizedAE`. (default: :obj:`0.0`)

    Raises:
        ValueError: If a weight is negative or not finite.

    Source: Moor, Horn, Rieck and Borgwardt, `"Topological Autoencoders"
    <https://proceedings.mlr.press/v119/moor20a.html>`_, ICML 2020, section 3.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        topology_weight: float = 1.0,
        neighborhood_weight: float = 0.0,
    ) -> None:
        super().__init__(encoder, decoder, neighborhood_weight)
        self.topology_weight = number("topology_weight", topology_weight, 0)
        self.latent_scale = nn.Parameter(torch.ones(()))

    def reset_parameters(self) -> None:
        """Draws all learnable parameters anew, and sets the scale of the latents to 1."""
        super().reset_parameters()
        nn.init.ones_(self.latent_scale)

    def objective(self, x: Tensor, code: Tensor, batch: Data) -> Tensor:
        """Returns the squared error and the weighted difference of the topologies."""
        error, part = self.reconstruction(x, code), batch.get("part")
        points, z = gathered(x.detach(), part).flatten(1), gathered(code, part)
        of_points = torch.cdist(points, points)
        tiny = torch.finfo(of_points.dtype).tiny
        topology = topological_difference(
            of_points / of_points.max().clamp(min=tiny), distances(z) / self.latent_scale
        )
        return error + self.topology_weight * topology / len(z)


def topological_difference(of_points: Tensor, of_latents: Tensor) -> Tensor:
    r"""Returns the difference of two tables of distances at the pairs of both topologies, ``[]``.

    .. math::
        \tfrac12 \lVert A^X[\pi^X] - A^Z[\pi^X] \rVert^2 +
        \tfrac12 \lVert A^Z[\pi^Z] - A^X[\pi^Z] \rVert^2

    Args:
        of_points (torch.Tensor): The distances of the points, :obj:`[B, B]`.
        of_latents (torch.Tensor): Those of their latents, :obj:`[B, B]`.
    """
    pairs = torch.cat([persistence_pairs(each) for each in (of_points, of_latents)], dim=1)
    first, second = pairs
    return (of_points[first, second] - of_latents[first, second]).square().sum() / 2


@torch.no_grad()
def persistence_pairs(distance: Tensor) -> Tensor:
    """Returns the pairs of points at whose distances components join, :obj:`[2, B - 1]`.

    They are the edges of a minimum spanning tree: the persistence pairs of dimension 0 of the
    Vietoris-Rips filtration. Where distances are equal, the tree is one of several.

    Args:
        distance (torch.Tensor): Distances, :obj:`[B, B]`, symmetric.
    """
    _, rank = np.unique(distance.cpu().numpy(), return_inverse=True)
    # The tree depends on the order alone, and SciPy takes a distance of 0 for no edge.
    tree = minimum_spanning_tree(np.triu(rank.reshape(distance.shape) + 1.0, 1)).tocoo()
    return torch.as_tensor(np.stack([tree.row, tree.col]), dtype=torch.long).to(distance.device)


def distances(z: Tensor) -> Tensor:
    """Returns Euclidean distances, :obj:`[B, B]`, whose gradient is 0 between equal points.

    Args:
        z (torch.Tensor): The points, :obj:`[B, d]`.
    """
    squared = (z[:, None] - z).square().sum(2)
    is_apart = squared > 0
    return torch.where(is_apart, squared, 1).sqrt() * is_apart


@register_model
class TopoAESettings(RegularizedSettings):
    """The settings of :class:`TopoAE`."""

    autoencoder: ClassVar[type[RegularizedAE]] = TopoAE
    searched: ClassVar[tuple[str, float, float]] = ("topology_weight", 0.01, 100.0)
    draws: ClassVar[bool] = False

    arch: Literal["topoae"] = "topoae"
    topology_weight: Weight = 1.0
