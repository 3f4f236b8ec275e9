"""Recorder for planar points on a curve: the published synthetic experiments."""

import torch
from torch import Tensor
from torch_geometric.data import Data

from nrae_geometric.arguments import integer
from nrae_geometric.callbacks.recorder import Recorder, published_name
from nrae_geometric.nn import taylor_expand
from nrae_geometric.nn.evaluation import edge_arguments
from nrae_geometric.nn.traversal import Autoencoder, encode, latent_grid


class CurveRecorder(Recorder):
    r"""Records how a curve settles among planar points.

    Each frame holds

    * ``latent`` :obj:`[N, 1]`: :math:`g(x_i)`,
    * ``reconstruction`` :obj:`[N, 2]`: :math:`f(g(x_i))`,
    * ``curve`` :obj:`[P, 2]`: the decoder over the range of the latents,

    and, where ``order`` is given, for the two points in :obj:`highlighted`

    * ``neighbor_reconstruction`` :obj:`[E, 2]`: the decoder's Taylor expansion around the
      highlighted point, at the latents of its neighbors :obj:`neighbors`,
    * ``local_curve`` :obj:`[2, Q, 2]`: the same expansion over the range of those latents.

    Args:
        data (Data): Training points, ``x`` of shape :obj:`[N, 2]`; ``edge_index`` is needed with
            ``order``; ``y`` orders the points along the true curve where it is known.
        manifold (Tensor, optional): Points of the true curve in order, shape :obj:`[M, 2]`.
            (default: :obj:`None`)
        order (int, optional): Order of the local expansions, 1 or 2; :obj:`None` draws none.
            (default: :obj:`None`)
        model_name (str, optional): Name of the model as the pictures print it; by default that of
            the published model of that order. (default: :obj:`None`)
        num_curve (int, optional): Number of points that draw the learned curve.
            (default: :obj:`300`)

    Raises:
        ValueError: If points are not planar, the order is none of these, or no point has a
            neighbor.
    """

    num_local = 41

    def __init__(
        self,
        data: Data,
        manifold: Tensor | None = None,
        *,
        order: int | None = None,
        model_name: str | None = None,
        num_curve: int = 300,
    ) -> None:
        if data.x.dim() != 2 or data.x.size(1) != 2:
            raise ValueError(
                f"data.x has shape {tuple(data.x.shape)}; a curve recorder draws planar points, "
                "[N, 2]"
            )
        if manifold is not None and (manifold.dim() != 2 or manifold.size(1) != 2):
            raise ValueError(
                f"manifold has shape {tuple(manifold.shape)}; give ordered planar points, [M, 2]"
            )
        super().__init__(data, model_name=model_name or published_name(order))
        self.manifold = None if manifold is None else manifold.detach().cpu()
        self.order = order
        self.num_curve = integer("num_curve", num_curve, 2)
        self.highlighted = torch.empty(0, dtype=torch.long)
        self.neighbors = torch.empty(0, dtype=torch.long)
        #: For each entry of :obj:`neighbors`, which highlighted point it belongs to.
        self.owner = torch.empty(0, dtype=torch.long)
        if order is not None:
            self._highlight()

    def _highlight(self) -> None:
        if self.data.edge_index is None:
            raise ValueError(
                f"order={self.order} draws neighborhoods, but data has no edge_index; "
                "build the graph first, for example with KNNGraph(k)(data)"
            )
        source, target = self.data.edge_index
        source, target = source[source != target], target[source != target]
        known = self.data.y is not None and self.data.y.numel() == self.data.x.size(0)
        along = self.data.y.flatten() if known else self.data.x[:, 0]
        with_neighbors = along.argsort(stable=True)
        with_neighbors = with_neighbors[torch.isin(with_neighbors, target)]
        if len(with_neighbors) == 0:
            raise ValueError("no point in data.edge_index has a neighbor other than itself")
        # A third and two thirds along the curve: apart from each other and from its ends.
        places = torch.tensor([len(with_neighbors) // 3, 2 * len(with_neighbors) // 3])
        self.highlighted = with_neighbors[places].unique_consecutive()
        edge, self.owner = (target.unsqueeze(1) == self.highlighted).nonzero(as_tuple=True)
        self.neighbors = source[edge]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the tensors of one frame."""
        num_points = self.data.x.size(0)
        shapes: dict[str, tuple[int, ...]] = {
            "latent": (num_points, 1),
            "reconstruction": (num_points, 2),
            "curve": (self.num_curve, 2),
        }
        if self.order is not None:
            shapes["neighbor_reconstruction"] = (len(self.neighbors), 2)
            shapes["local_curve"] = (len(self.highlighted), self.num_local, 2)
        return shapes

    def snapshot(self, model: Autoencoder) -> dict[str, Tensor]:
        """Returns one frame; see the class for its tensors."""
        edges = edge_arguments(model, self.data)
        z = encode(model, self.data.x, self.data.edge_index, **edges)
        frame = {
            "latent": z,
            "reconstruction": model.decode(z),
            "curve": model.decode(latent_grid(z, self.num_curve)),
        }
        return frame if self.order is None else {**frame, **self._expand(model, z, self.order)}

    def _expand(self, model: Autoencoder, z: Tensor, order: int) -> dict[str, Tensor]:
        owner = self.owner.to(z.device)
        center = z[self.highlighted.to(z.device)]
        dz = z[self.neighbors.to(z.device)] - center[owner]
        spans = torch.stack([_padded_span(dz[owner == i], self.num_local) for i in owner.unique()])
        index = torch.arange(len(center), device=z.device).repeat_interleave(self.num_local)
        expand = taylor_expand(
            model.decoder,
            center,
            torch.cat([dz, spans.flatten(0, 1)]),
            order=order,
            index=torch.cat([owner, index]),
        )
        return {
            "neighbor_reconstruction": expand[: len(dz)],
            "local_curve": expand[len(dz) :].unflatten(0, (len(center), self.num_local)),
        }


def _padded_span(dz: Tensor, num: int) -> Tensor:
    # From the first neighbor past the point itself (0) to the last, and a quarter beyond.
    low, high = dz.min().clamp(max=0), dz.max().clamp(min=0)
    pad = 0.25 * (high - low)
    return latent_grid(torch.stack([low - pad, high + pad]), num)
