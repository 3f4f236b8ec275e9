r"""Parametric UMAP with a decoder."""

import copy
from functools import cache
from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from scipy.optimize import curve_fit
from torch import Tensor, nn
from torch_geometric.data import Data

from nrae_geometric.arguments import flag, integer, number
from nrae_geometric.nn.models.regularized import RegularizedAE, RegularizedSettings, Weight
from nrae_geometric.nn.parts import from_first, gathered, gathered_edges
from nrae_geometric.registry import Count, Length, register_model

_NUM_HALVINGS, _TOLERANCE, _SMALLEST_SHARE = 64, 1e-5, 1e-3
# The least that two points that should be apart are apart, whose logarithm is finite.
_LEAST_APART = 1e-4


class ParametricUMAP(RegularizedAE):
    r"""Parametric UMAP with a decoder, whose latents attract along the graph and repel elsewhere.

    .. math::
        \mathcal{L} = \frac{1}{B D} \sum_i \lVert x_i - f(z_i) \rVert^2 -
        \frac{\lambda}{E (1 + K)} \sum_{(i, j)} w_{ij} \Bigl( \log q_{ij} +
        \sum_{k = 1}^K \log (1 - q_{i n_k}) \Bigr), \qquad
        q_{ij} = \frac{1}{1 + a \lVert z_i - z_j \rVert^{2 b}}

    over the :math:`E` edges of a batch, each with :math:`K` other centers :math:`n_k` drawn at
    random. The weights :math:`w_{ij}`, 1 on average, are as the :func:`fuzzy_memberships` of the
    edges; UMAP draws edges with these probabilities instead. So clusters come apart, and distances
    between them mean little; latents of new points and points of new latents cost one pass.

    Weights need all of a graph, not a batch: make the loader over :meth:`prepared` graphs.

    Args:
        encoder (torch.nn.Module): As in :class:`~nrae_geometric.nn.AE`.
        decoder (torch.nn.Module): As in :class:`~nrae_geometric.nn.AE`.
        umap_weight (float, optional): The weight :math:`\lambda \geq 0`. (default: :obj:`1.0`)
        min_dist (float, optional): Up to this distance latents are as good as equal; with
            :obj:`spread` it determines :math:`a` and :math:`b`, see :func:`curve_parameters`.
            (default: :obj:`0.1`)
        spread (float, optional): The distance over which :math:`q` then falls.
            (default: :obj:`1.0`)
        num_negatives (int, optional): The number :math:`K`. (default: :obj:`5`)
        joint (bool, optional): Whether the encoder learns from the reconstruction too, or from the
            graph alone. (default: :obj:`True`)
        neighborhood_weight (float, optional): As in
            :class:`~nrae_geometric.nn.models.regularized.RegularizedAE`. (default: :obj:`0.0`)

    Raises:
        ValueError: If an argument is out of its range.

    Example::

        graph = model.prepared(KNNGraph(15)(Data(x=points)))
        loader = NeighborhoodLoader(graph, 1, batch_size=256, shuffle=True)
        Trainer(100).fit(model, loader)

    Source: Sainburg, McInnes and Gentner, `"Parametric UMAP Embeddings for Representation and
    Semisupervised Learning" <https://arxiv.org/abs/2009.12981>`_, Neural Computation 2021. Defaults
    are those of umap-learn.
    """

    encodes_neighbors = True

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        umap_weight: float = 1.0,
        min_dist: float = 0.1,
        spread: float = 1.0,
        num_negatives: int = 5,
        joint: bool = True,
        neighborhood_weight: float = 0.0,
    ) -> None:
        super().__init__(encoder, decoder, neighborhood_weight)
        self.umap_weight = number("umap_weight", umap_weight, 0)
        self.min_dist = number("min_dist", min_dist, 0)
        self.spread = number("spread", spread, above=0)
        self.num_negatives = integer("num_negatives", num_negatives, 1)
        self.joint = flag("joint", joint)
        self.a, self.b = curve_parameters(self.min_dist, self.spread)

    def prepared(self, graph: Data) -> Data:
        """Returns the graph with the weights of its edges, as :obj:`edge_attraction`.

        Args:
            graph (torch_geometric.data.Data): Points, :obj:`edge_index` from neighbor to center and
                :obj:`edge_length`.

        Raises:
            ValueError: If there are no edges, or they have no length.
        """
        if graph.edge_index is None or graph.get("edge_length") is None:
            raise ValueError(
                "Parametric UMAP needs edges with lengths; build a graph with KNNGraph first"
            )
        member, is_mutual = fuzzy_memberships(
            graph.edge_index, graph.edge_length, int(graph.num_nodes)
        )
        # What is an edge from one side alone counts for both.
        weight = torch.where(is_mutual, member, 2 * member)
        mean = weight[weight > 0].mean() if bool((weight > 0).any()) else 1.0
        graph = copy.copy(graph)
        graph.edge_attraction = (weight / mean).to(graph.edge_length.dtype)
        return graph

    def objective(self, x: Tensor, code: Tensor, batch: Data) -> Tensor:
        """Returns the squared error, and the weighted cross-entropy of the edges.

        Args:
            x (torch.Tensor): The centers, :obj:`[B, *]`.
            code (torch.Tensor): The latents of all points of the batch, :obj:`[N, d]`.
            batch (torch_geometric.data.Data): The batch, with :obj:`edge_attraction`.

        Raises:
            ValueError: If the edges have no weights.
        """
        weight = batch.get("edge_attraction")
        if weight is None:
            raise ValueError(
                "the batch has no edge_attraction; build a graph with KNNGraph, and make the "
                "loader over model.prepared(graph)"
            )
        z = code[: len(x)]
        error = self.reconstruction(x, z if self.joint else z.detach())
        neighbor, center = batch.edge_index
        is_edge = (neighbor != center) & (center < len(x))
        neighbor, center, weight = neighbor[is_edge], center[is_edge], weight[is_edge].to(code)
        apart, part, num = self._apart(code, center, neighbor), batch.get("part"), len(x)
        if part is not None:
            code, num, center = gathered(z, part), part.total, center + part.first
            center, weight, apart = gathered_edges(part, center, weight, apart)
        surprise = apart.log1p()
        if num > 1:
            shift = torch.randint(1, num, (self.num_negatives, len(center)), device=code.device)
            shift = from_first(shift, part)
            negative = self._apart(code, center.expand_as(shift), (center + shift) % num)
            surprise = surprise - (negative / (1 + negative)).clamp(min=_LEAST_APART).log().sum(0)
        num_terms = max(1, len(center)) * (1 + self.num_negatives)
        return error + self.umap_weight * (weight * surprise).sum() / num_terms

    def _apart(self, z: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """The values of the curve's denominator, less 1."""
        squared = (z[first] - z[second]).square().sum(-1)
        is_apart = squared > 0  # elsewhere the power has no finite derivative
        return self.a * torch.where(is_apart, squared, 1).pow(self.b) * is_apart


@cache
def curve_parameters(min_dist: float, spread: float) -> tuple[float, float]:
    r"""Returns :math:`a` and :math:`b` of :math:`1 / (1 + a t^{2 b})`.

    The curve is the least-squares fit, at 300 distances :math:`t` up to three spreads, to
    :math:`\min(1, e^{-(t - \mathrm{min\_dist}) / \mathrm{spread}})`.

    Args:
        min_dist (float): The distance from which it falls.
        spread (float): How far it takes to fall.
    """

    def curve(t: np.ndarray, a: float, b: float) -> np.ndarray:
        return 1 / (1 + a * t ** (2 * b))

    distance = np.linspace(0, 3 * spread, 300)
    wanted = np.exp(-np.maximum(distance - min_dist, 0) / spread)
    (a, b), _ = curve_fit(curve, distance, wanted)
    return float(a), float(b)


@torch.no_grad()
def fuzzy_memberships(
    edge_index: Tensor, edge_length: Tensor, num_nodes: int
) -> tuple[Tensor, Tensor]:
    r"""Returns how much edges belong to UMAP's fuzzy graph, from 0 to 1, and which have a reverse.

    .. math::
        p_{ij} = w_{ij} + w_{ji} - w_{ij} w_{ji}, \qquad
        w_{ij} = \exp\Bigl( -\frac{\max(0, r_{ij} - \rho_i)}{\sigma_i} \Bigr), \qquad
        \sum_j w_{ij} = \log_2 (k_i + 1)

    with :math:`r` the lengths of the :math:`k_i` edges into :math:`i`, and :math:`\rho_i` the
    smallest that is not 0. The scale :math:`\sigma_i` is at least a thousandth of the mean length.

    Args:
        edge_index (torch.Tensor): Edges from neighbor to center, :obj:`[2, E]`. One from a point to
            itself belongs to it not at all.
        edge_length (torch.Tensor): Their lengths, :obj:`[E]`.
        num_nodes (int): The number of points.

    Returns:
        tuple: The memberships :obj:`[E]` in float64, and :obj:`[E]` whether the center is a
        neighbor of its neighbor.

    Source: McInnes, Healy and Melville, `"UMAP" <https://arxiv.org/abs/1802.03426>`_, 2018,
    algorithms 2 and 3.
    """
    is_edge = edge_index[0] != edge_index[1]
    edges, length = edge_index[:, is_edge], edge_length[is_edge].double()
    strength = edge_length.new_zeros(len(edge_length), dtype=torch.float64)
    has_reverse = torch.zeros_like(is_edge)
    if not edges.size(1):
        return strength, has_reverse
    one_way = _directed_memberships(edges[1], length, num_nodes)
    key = edges[0] * num_nodes + edges[1]
    ordered, order = key.sort()
    place = torch.searchsorted(ordered, edges[1] * num_nodes + edges[0]).clamp(max=len(key) - 1)
    reverse = order[place]
    has_reverse[is_edge] = is_mutual = (edges == edges[:, reverse].flip(0)).all(0)
    other_way = one_way[reverse] * is_mutual
    strength[is_edge] = one_way + other_way - one_way * other_way
    return strength, has_reverse


def _directed_memberships(center: Tensor, length: Tensor, num_nodes: int) -> Tensor:
    """How much each edge belongs to the neighborhood of its center."""
    order = center.argsort(stable=True)
    degree = center.bincount(minlength=num_nodes)
    first = degree.cumsum(0) - degree
    column = torch.arange(len(order), device=order.device) - first[center[order]]
    table = length.new_full((num_nodes, int(degree.max())), torch.inf)
    table[center[order], column] = length[order]
    nearest = torch.where(table > 0, table, torch.inf).amin(1)
    nearest[nearest.isinf()] = 0.0  # all of them are equal points
    scale = _scales((table - nearest[:, None]).clamp(min=0), (degree + 1.0).log2())
    total = torch.where(table.isinf(), 0, table).sum(1)
    mean = torch.where(nearest > 0, total / (degree + 1), total.sum() / (degree + 1).sum())
    scale = scale.maximum(_SMALLEST_SHARE * mean)
    beyond = (length - nearest[center]).clamp(min=0)
    return torch.where(beyond > 0, (-beyond / scale[center]).exp(), 1.0)


def _scales(beyond: Tensor, wanted: Tensor) -> Tensor:
    """The scale of each row for which its exponentials sum up to what is wanted, by bisection."""
    low, high = torch.zeros_like(wanted), torch.full_like(wanted, torch.inf)
    scale = torch.ones_like(wanted)
    for _ in range(_NUM_HALVINGS):
        found = (-beyond / scale[:, None]).exp().sum(1)
        is_found = (found - wanted).abs() < _TOLERANCE
        high = torch.where(~is_found & (found > wanted), scale, high)
        low = torch.where(~is_found & (found <= wanted), scale, low)
        proposed = torch.where(high.isinf(), 2 * scale, (low + high) / 2)
        scale = torch.where(is_found, scale, proposed)
    return scale


@register_model
class ParametricUMAPSettings(RegularizedSettings):
    """The settings of :class:`ParametricUMAP`."""

    autoencoder: ClassVar[type[RegularizedAE]] = ParametricUMAP
    searched: ClassVar[tuple[str, float, float]] = ("umap_weight", 1e-3, 10.0)
    needs_graph: ClassVar[bool] = True

    arch: Literal["parametric_umap"] = "parametric_umap"
    umap_weight: Weight = 1.0
    min_dist: Length = 0.1
    spread: Annotated[Length, Field(gt=0)] = 1.0
    num_negatives: Count = 5
    joint: bool = True

    @property
    def title(self) -> str:
        """As published."""
        return "Parametric UMAP"
