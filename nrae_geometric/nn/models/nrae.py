r"""The neighborhood reconstructing autoencoder."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn
from torch_geometric.data import Data

from nrae_geometric.nn.kernels import BinaryKernel, GaussianKernel
from nrae_geometric.nn.losses import Kernel, NeighborhoodReconstruction
from nrae_geometric.nn.models.ae import AE
from nrae_geometric.nn.parts import weighted_by_edges
from nrae_geometric.registry import Length, ModelSettings, Section, register_model


class NRAE(AE):
    r"""The neighborhood reconstructing autoencoder: an autoencoder whose decoder's local Taylor
    expansion reconstructs the graph neighbors of each point.

    The loss is :class:`~nrae_geometric.nn.NeighborhoodReconstruction`; order 1 is published as
    NRAE-L, order 2 as NRAE-Q.

    Args:
        encoder (torch.nn.Module): A module :obj:`x [N, *] -> z [N, d]`, or a graph neural network
            :obj:`(x, edge_index) -> z`, which is given the graph's :obj:`edge_weight` and
            :obj:`edge_attr` as well if it has arguments of these names.
        decoder (torch.nn.Module): A module :obj:`z [N, d] -> x [N, *]` that treats each row by
            itself.
        order (int, optional): The order of the expansion, 1 or 2. (default: :obj:`1`)
        kernel (callable, optional): The weight of each neighbor, see
            :class:`~nrae_geometric.nn.BinaryKernel`; :obj:`None` is 1 for each.
            (default: :obj:`None`)

    Raises:
        ValueError: If the order is neither 1 nor 2.

    Source: Lee, Kwon and Park, `"Neighborhood Reconstructing Autoencoders"
    <https://proceedings.neurips.cc/paper/2021/hash/05311655a15b75fab86956663e1819cd-Abstract.html>`_,
    NeurIPS 2021.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        order: int = 1,
        kernel: Kernel | None = None,
    ) -> None:
        super().__init__(encoder, decoder)
        self.criterion = NeighborhoodReconstruction(order, kernel)

    @property
    def order(self) -> int:
        """The order of the expansion."""
        return self.criterion.order

    def loss(self, batch: Data) -> Tensor:
        """Returns the neighborhood reconstruction loss of the edges into the centers.

        Args:
            batch (torch_geometric.data.Data): Points :obj:`batch.x` of which the first
                :obj:`batch.batch_size` are centers (all without that attribute), and
                :obj:`batch.edge_index` from neighbor to center.

        Raises:
            ValueError: If there is no graph, no edge into a center, or the decoder's points have
                another shape than those of the batch.
        """
        if batch.edge_index is None:
            raise ValueError("the batch has no edge_index; build a graph with KNNGraph first")
        z, num_centers = self.encode_batch(batch), batch.get("batch_size")
        loss = self.criterion(self.decoder, z, batch.x, batch.edge_index, num_centers)
        return weighted_by_edges(loss, batch)


class BinaryKernelSettings(Section):
    """The settings of :class:`~nrae_geometric.nn.BinaryKernel`, whose weight is the lambda."""

    type: Literal["binary"]
    weight: Annotated[float, Field(alias="lambda", ge=0, le=1e30)]

    def build(self) -> BinaryKernel:
        """Returns the kernel."""
        return BinaryKernel(self.weight)


class GaussianKernelSettings(Section):
    """The settings of :class:`~nrae_geometric.nn.GaussianKernel`."""

    type: Literal["gaussian"]
    bandwidth: Annotated[Length, Field(gt=1e-15)]

    def build(self) -> GaussianKernel:
        """Returns the kernel."""
        return GaussianKernel(self.bandwidth)


KernelSettings = Annotated[
    BinaryKernelSettings | GaussianKernelSettings, Field(discriminator="type")
]


class _ExpansionSettings(ModelSettings):
    needs_graph: ClassVar[bool] = True

    @property
    def title(self) -> str:
        """NRAE-L or NRAE-Q, as published."""
        return f"NRAE-{'LQ'[self.expansion_order - 1]}"

    @property
    def expansion_order(self) -> int:
        """The order of the expansion."""
        raise NotImplementedError


@register_model
class PublishedNRAESettings(_ExpansionSettings):
    """The settings of :class:`NRAE` in the published files."""

    draws: ClassVar[bool] = False

    arch: Literal["nrael", "nraeq"]
    kernel: KernelSettings

    @property
    def expansion_order(self) -> int:
        """The order of the expansion."""
        return {"nrael": 1, "nraeq": 2}[self.arch]

    def build(self, encoder: nn.Module, decoder: nn.Module) -> NRAE:
        """Returns the model."""
        return NRAE(encoder, decoder, self.expansion_order, self.kernel.build())


@register_model
class NRAESettings(_ExpansionSettings):
    """The settings of :class:`NRAE`, whose kernel is the binary one."""

    draws: ClassVar[bool] = False

    arch: Literal["nrae"] = "nrae"
    order: Literal[1, 2] = 1
    neighbor_weight: Annotated[float, Field(ge=0, le=1e30)] = 10.0

    @property
    def expansion_order(self) -> int:
        """The order of the expansion."""
        return self.order

    def build(self, encoder: nn.Module, decoder: nn.Module) -> NRAE:
        """Returns the model."""
        return NRAE(encoder, decoder, self.order, BinaryKernel(self.neighbor_weight))

    @classmethod
    def search_space(cls, trial: Any) -> dict[str, Any]:
        """Returns an order and a neighbor weight to try."""
        return {
            "order": trial.suggest_int("order", 1, 2),
            "neighbor_weight": trial.suggest_float("neighbor_weight", 0.1, 1000.0, log=True),
        }
