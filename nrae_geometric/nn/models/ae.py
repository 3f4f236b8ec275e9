r"""The plain autoencoder."""

from typing import Any, ClassVar, Literal

from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn import Sequential
from torch_geometric.nn.inits import reset

from nrae_geometric._compat import parameter_names
from nrae_geometric.nn.evaluation import EDGE_ARGUMENTS
from nrae_geometric.nn.outputs import as_floats, call
from nrae_geometric.registry import ModelSettings, register_model


class AE(nn.Module):
    r"""The autoencoder: an encoder :math:`g` and a decoder :math:`f` with
    :math:`f(g(x)) \approx x`.

    Args:
        encoder (torch.nn.Module): A module :obj:`x [N, *] -> z [N, d]`, or a graph neural network
            :obj:`(x, edge_index) -> z`, which is given the graph's :obj:`edge_weight` and
            :obj:`edge_attr` as well if it has arguments of these names.
        decoder (torch.nn.Module): A module :obj:`z [N, d] -> x [N, *]` that treats each row by
            itself.

    Attributes:
        encoder_uses_graph (bool): Whether the encoder takes a graph: by its own argument
            :obj:`edge_index`, or that of the module that it wraps. Set it where a wrapper hides
            its arguments.
        encoder_edge_arguments (dict[str, bool]): Those of :obj:`edge_weight` and
            :obj:`edge_attr` that the encoder takes, and whether it needs them.

    Raises:
        ValueError: If a graph encoder is spread over several devices by
            :class:`torch.nn.DataParallel`, which would cut the graph in pieces.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        names = parameter_names(encoder)
        self.encoder_uses_graph = "edge_index" in names
        self.encoder_edge_arguments = {
            name: names[name] for name in EDGE_ARGUMENTS if name in names
        }
        if self.encoder_uses_graph and len(getattr(encoder, "device_ids", None) or ()) > 1:
            raise ValueError(
                f"{type(encoder).__name__} over the devices {encoder.device_ids} would cut the "
                "graph in pieces; use the graph encoder itself, on one device"
            )

    def reset_parameters(self) -> None:
        """Draws all learnable parameters anew."""
        reset(self.encoder)
        reset(self.decoder)

    def encode(
        self,
        x: Tensor,
        edge_index: Tensor | None = None,
        edge_weight: Tensor | None = None,
        edge_attr: Tensor | None = None,
    ) -> Tensor:
        """Returns the latent coordinates of points, :obj:`[N, d]`.

        Args:
            x (torch.Tensor): The points, :obj:`[N, *]`. Integers are converted, except for an
                encoder that embeds them.
            edge_index (torch.Tensor, optional): The graph, :obj:`[2, E]`; used where the encoder
                takes one. (default: :obj:`None`)
            edge_weight (torch.Tensor, optional): The weights of its edges, :obj:`[E]`; used where
                the encoder takes them. (default: :obj:`None`)
            edge_attr (torch.Tensor, optional): The features of its edges, :obj:`[E, *]`; used
                where the encoder takes them. (default: :obj:`None`)

        Raises:
            TypeError: If the points are no tensor, or complex.
            ValueError: If the encoder takes a graph and none is given, or does not return one row
                of coordinates for each point.
        """
        edges = {"edge_weight": edge_weight, "edge_attr": edge_attr}
        return self.latents(self._code(x, edge_index, edges))

    def latents(self, code: Tensor) -> Tensor:
        """Returns the latent coordinates :obj:`[N, d]` in what the encoder returns: all of it."""
        return code

    def _code(
        self, x: Tensor, edge_index: Tensor | None, edges: dict[str, Tensor | None]
    ) -> Tensor:
        """What the encoder returns for points."""
        if not self._embeds(x):
            x = as_floats(x, self.encoder)
        if not self.encoder_uses_graph:
            code = call(self.encoder, x)
        elif edge_index is None:
            raise ValueError(
                f"the encoder {type(self.encoder).__name__} takes edge_index; pass the graph"
            )
        else:
            code = call(self.encoder, x, edge_index, **self._edge_arguments(edges))
        if code.dim() < 2:
            raise ValueError(
                f"the encoder {type(self.encoder).__name__} returns latents of shape "
                f"{list(code.shape)}; it must return coordinates for each point, [{len(x)}, d]"
            )
        return code

    def _edge_arguments(self, given: dict[str, Tensor | None]) -> dict[str, Tensor | None]:
        """What the encoder takes of the edges; it cannot do without those that have no default."""
        chosen = {}
        for name, is_required in self.encoder_edge_arguments.items():
            if given[name] is not None or isinstance(self.encoder, Sequential):
                chosen[name] = given[name]
            elif is_required:
                raise ValueError(
                    f"the encoder {type(self.encoder).__name__} takes {name}, but the graph has "
                    f"none; add data.{name}"
                )
        return chosen

    def _embeds(self, x: Any) -> bool:
        """Whether the points are integers, and the encoder one that looks these up."""
        if not isinstance(x, Tensor) or x.is_floating_point():
            return False
        return any(isinstance(m, nn.Embedding | nn.EmbeddingBag) for m in self.encoder.modules())

    def decode(self, z: Tensor) -> Tensor:
        """Returns the points :obj:`[N, *]` at latent coordinates :obj:`[N, d]`."""
        return call(self.decoder, z)

    def forward(self, x: Tensor, edge_index: Tensor | None = None) -> Tensor:
        """Returns the reconstruction :math:`f(g(x))` of the points, :obj:`[N, *]`."""
        return self.decode(self.encode(x, edge_index))

    def encode_centers(self, batch: Data) -> tuple[Tensor, Tensor]:
        """Returns the centers of a batch, :obj:`[B, *]`, and their latents, :obj:`[B, d]`.

        Args:
            batch (torch_geometric.data.Data): Points :obj:`batch.x` of which the first
                :obj:`batch.batch_size` are centers (all without that attribute), and
                :obj:`batch.edge_index` for an encoder that takes it.
        """
        x = self._centers(batch)
        if self.encoder_uses_graph:
            return x, self.encode_batch(batch)[: len(x)]
        return x, self.encode(x)

    def encode_batch(self, batch: Data) -> Tensor:
        """Returns the latents of all points of a batch or graph, :obj:`[N, d]`.

        Args:
            batch (torch_geometric.data.Data): Points :obj:`batch.x`, and the graph with what the
                encoder takes of it.
        """
        edges = {name: batch.get(name) for name in self.encoder_edge_arguments}
        return self.encode(batch.x, batch.edge_index, **edges)

    def code_centers(self, batch: Data) -> tuple[Tensor, Tensor]:
        """Returns the centers of a batch, and what the encoder returns for them.

        Args:
            batch (torch_geometric.data.Data): As in :meth:`encode_centers`.
        """
        x = self._centers(batch)
        if self.encoder_uses_graph:
            return x, self.code_batch(batch)[: len(x)]
        return x, self._code(x, None, {})

    def code_batch(self, batch: Data) -> Tensor:
        """Returns what the encoder returns for all points of a batch or graph.

        Args:
            batch (torch_geometric.data.Data): As in :meth:`encode_batch`.
        """
        edges = {name: batch.get(name) for name in EDGE_ARGUMENTS}
        return self._code(batch.x, batch.edge_index, edges)

    def _centers(self, batch: Data) -> Tensor:
        x = batch.x[: batch.get("batch_size")]
        return x if self._embeds(x) else as_floats(x, self.encoder)

    def prepared(self, graph: Data) -> Data:
        """Returns a graph with what the loss needs that no batch of it has: itself.

        Args:
            graph (torch_geometric.data.Data): The points and their graph, of which a loader draws
                batches.
        """
        return graph

    def loss(self, batch: Data) -> Tensor:
        r"""Returns the squared error of the centers, averaged over points and dimensions.

        Args:
            batch (torch_geometric.data.Data): A batch as :meth:`encode_centers` takes it.

        Raises:
            ValueError: If the decoder's points have another shape than those of the batch.
        """
        x, z = self.encode_centers(batch)
        recon = self.decode(z)
        if recon.shape != x.shape:
            raise ValueError(
                f"the decoder returns points of shape {tuple(recon.shape[1:])}, "
                f"but x has points of shape {tuple(x.shape[1:])}"
            )
        return (x - recon).square().mean()


@register_model
class AESettings(ModelSettings):
    """The settings of :class:`AE`."""

    draws: ClassVar[bool] = False

    arch: Literal["ae"] = "ae"

    def build(self, encoder: nn.Module, decoder: nn.Module) -> AE:
        """Returns the model."""
        return AE(encoder, decoder)
