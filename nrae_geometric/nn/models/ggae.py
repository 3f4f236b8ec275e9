r"""The graph geometry-preserving autoencoder."""

import copy
from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch_geometric.data import Data

from nrae_geometric.arguments import choice, number
from nrae_geometric.geodesics.graph import distance_graph, shortest_paths
from nrae_geometric.nn.models.regularized import RegularizedAE, RegularizedSettings, Weight
from nrae_geometric.nn.parts import gathered
from nrae_geometric.registry import Length, register_model

LARGEST_GRAPH = 5000
"""The largest number of points between all of which paths are measured."""

_NEAREST = 5


class GGAE(RegularizedAE):
    r"""The graph geometry-preserving autoencoder, whose latents have the distances of the graph.

    .. math::
        \mathcal{L} = \frac{1}{B D} \sum_i \lVert x_i - f(z_i) \rVert^2 +
        \frac{\lambda}{B} \sum_i \lVert H_i - I \rVert_F^2, \qquad
        H_i = \frac{1}{2} \sum_j L_{ij} (z_j - z_i) (z_j - z_i)^\top

    with the :func:`graph_laplacian` :math:`L` of a batch. :math:`H_i` estimates
    :math:`J G^{-1} J^\top` of the map from the graph to latent space: it is :math:`I` where that
    leaves lengths what they are. The paper has the same sum without its constant :math:`d`. Unlike
    :class:`~nrae_geometric.nn.IRAE`, which asks this of the decoder, it follows the graph, and the
    unit of the latents is that of the points.

    The graph's distances need all of it: make the loader over :meth:`prepared` graphs.

    Args:
        encoder (torch.nn.Module): As in :class:`~nrae_geometric.nn.AE`.
        decoder (torch.nn.Module): As in :class:`~nrae_geometric.nn.AE`.
        geometry_weight (float, optional): The weight :math:`\lambda \geq 0`. The authors' code has
            1, and 0.01 to 10 for its data sets. (default: :obj:`1.0`)
        bandwidth (float, optional): The bandwidth :math:`h` of the kernel, a squared distance. By
            default the squared distance to the fifth-nearest point of a batch, the median over its
            points; the authors choose it for each data set. (default: :obj:`None`)
        distance (str, optional): :obj:`"graph"` takes shortest paths along the graph, of which
            there is a table for all pairs of up to 5000 points; :obj:`"euclidean"` straight ways
            between the points of a batch, of any number. (default: :obj:`"graph"`)
        neighborhood_weight (float, optional): As in
            :class:`~nrae_geometric.nn.models.regularized.RegularizedAE`. (default: :obj:`0.0`)

    There is no table of fewer paths for more points. The kernel weighs only pairs within some
    bandwidths, and paths by way of landmarks are bounds that are loosest for just these: with a
    landmark at a distance :math:`r` from two near points, the bound is about :math:`2 r`, whatever
    lies between them. Paths within a batch alone would need edges that a batch of distant points
    does not have. For more points learn from some of them, or take straight ways, which for near
    points are what the paths are.

    Raises:
        ValueError: If an argument is out of its range.

    Example::

        graph = model.prepared(KNNGraph(10)(Data(x=points)))
        loader = NeighborhoodLoader(graph, 1, batch_size=256, shuffle=True)
        Trainer(100).fit(model, loader)

    Source: Lim, Kim, Lee, Jang and Park, `"Graph Geometry-Preserving Autoencoders"
    <https://proceedings.mlr.press/v235/lim24a.html>`_, ICML 2024.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        geometry_weight: float = 1.0,
        bandwidth: float | None = None,
        distance: str = "graph",
        neighborhood_weight: float = 0.0,
    ) -> None:
        super().__init__(encoder, decoder, neighborhood_weight)
        self.geometry_weight = number("geometry_weight", geometry_weight, 0)
        self.bandwidth = None if bandwidth is None else number("bandwidth", bandwidth, above=0)
        self.distance = choice("distance", distance, ["graph", "euclidean"])

    def prepared(self, graph: Data) -> Data:
        """Returns the graph with its shortest paths, as :obj:`graph_distance`, ``[N, N]``.

        Args:
            graph (torch_geometric.data.Data): Points and :obj:`edge_index`, with
                :obj:`edge_length` where that is not Euclidean.

        Raises:
            ValueError: If there are no edges, or too many points.
        """
        if self.distance != "graph":
            return graph
        if graph.edge_index is None:
            raise ValueError("GGAE needs a graph; build one with KNNGraph first")
        num_points = int(graph.num_nodes)
        if num_points > LARGEST_GRAPH:
            raise ValueError(
                f"GGAE measures the paths between all of up to {LARGEST_GRAPH} points, got "
                f"{num_points}; learn from some of them, or set distance='euclidean'"
            )
        lengths = distance_graph(graph.x.flatten(1), graph.edge_index, graph.get("edge_length"))
        every = np.arange(num_points)
        paths = torch.from_numpy(shortest_paths(lengths, every, every))
        kind = torch.float64 if graph.x.dtype == torch.float64 else torch.float32
        graph = copy.copy(graph)
        graph.graph_distance = paths.to(graph.x.device, kind)
        return graph

    def objective(self, x: Tensor, code: Tensor, batch: Data) -> Tensor:
        """Returns the squared error and the weighted distortion.

        Raises:
            ValueError: If the batch has no paths and needs them.
        """
        distance, z = self._distances(x, batch).to(code), gathered(code, batch.get("part"))
        distortion = geometry_distortion(distance, z, self.bandwidth)
        return self.reconstruction(x, code) + self.geometry_weight * distortion

    def _distances(self, x: Tensor, batch: Data) -> Tensor:
        part = batch.get("part")
        if self.distance == "euclidean":
            points = gathered(x.detach(), part).flatten(1)
            return torch.cdist(points, points)
        paths = batch.get("graph_distance")
        if paths is None:
            raise ValueError(
                "the batch has no graph_distance; build a graph with KNNGraph, and make the loader "
                "over model.prepared(graph)"
            )
        paths = paths[: len(x)]
        if (nodes := batch.get("n_id")) is None:
            return paths[:, : len(x)]
        nodes = gathered(nodes[: len(x)], part)
        return gathered(paths[:, nodes.to(paths.device)], part)


def geometry_distortion(distance: Tensor, z: Tensor, bandwidth: float | None = None) -> Tensor:
    r"""Returns the mean of :math:`\lVert H_i - I \rVert_F^2`, see :class:`GGAE`, ``[]``.

    Args:
        distance (torch.Tensor): The distances of the points, :obj:`[B, B]`, infinite where no path
            is.
        z (torch.Tensor): Their latents, :obj:`[B, d]`.
        bandwidth (float, optional): As in :class:`GGAE`. (default: :obj:`None`)
    """
    laplacian = graph_laplacian(distance, bandwidth)
    apart = z[None] - z[:, None]
    tensor = torch.einsum("ij,ija,ijb->iab", laplacian, apart, apart) / 2
    identity = torch.eye(z.size(1), dtype=z.dtype, device=z.device)
    return (tensor - identity).square().sum((1, 2)).mean()


@torch.no_grad()
def graph_laplacian(distance: Tensor, bandwidth: float | None = None) -> Tensor:
    r"""Returns a Laplacian that does not depend on how densely the points lie, :obj:`[B, B]`.

    .. math::
        L = \frac{4}{h} \bigl( \tilde D^{-1} \tilde K - I \bigr), \qquad
        \tilde K = D^{-1} K D^{-1}, \qquad K_{ij} = e^{-d_{ij}^2 / h}

    with the diagonal matrices :math:`D` and :math:`\tilde D` of the sums of the rows of :math:`K`
    and :math:`\tilde K`.

    Args:
        distance (torch.Tensor): The distances, :obj:`[B, B]`, symmetric.
        bandwidth (float, optional): The bandwidth :math:`h`, as in :class:`GGAE`.
            (default: :obj:`None`)
    """
    squared = distance.square()
    width = _usual_bandwidth(squared) if bandwidth is None else squared.new_tensor(bandwidth)
    kernel = (-squared / width).exp()
    rows = kernel.sum(1)
    kernel = kernel / (rows[:, None] * rows)
    walk = kernel / kernel.sum(1, keepdim=True)
    return (walk - torch.eye(len(walk), dtype=walk.dtype, device=walk.device)) * (4 / width)


def _usual_bandwidth(squared: Tensor) -> Tensor:
    nearest = squared.sort(dim=1).values[:, min(_NEAREST, len(squared) - 1)]
    nearest = nearest[nearest.isfinite() & (nearest > 0)]
    return nearest.median() if len(nearest) else squared.new_ones(())


@register_model
class GGAESettings(RegularizedSettings):
    """The settings of :class:`GGAE`."""

    autoencoder: ClassVar[type[RegularizedAE]] = GGAE
    searched: ClassVar[tuple[str, float, float]] = ("geometry_weight", 1e-3, 10.0)
    draws: ClassVar[bool] = False
    needs_graph: ClassVar[bool] = True

    arch: Literal["ggae"] = "ggae"
    geometry_weight: Weight = 1.0
    bandwidth: Annotated[Length, Field(gt=0)] | None = None
    distance: Literal["graph", "euclidean"] = "graph"

    @property
    def follows_graph(self) -> bool:
        """Whether distances are those of the graph, or the neighborhoods count."""
        return self.distance == "graph" or self.neighborhood_weight > 0
