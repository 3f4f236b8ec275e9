r"""The contractive autoencoder."""

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.autograd import grad
from torch_geometric.data import Data

from nrae_geometric.arguments import number
from nrae_geometric.loader import Part
from nrae_geometric.nn.models.regularized import RegularizedAE, RegularizedSettings, Weight
from nrae_geometric.nn.outputs import call
from nrae_geometric.nn.parts import normal_like
from nrae_geometric.nn.taylor import TaylorSeries, jacobian
from nrae_geometric.nn.taylor.propagate import PointwiseRule, find_rule, propagate
from nrae_geometric.registry import register_model

# A derivative of each latent up to here; of wider codes along random directions.
_MOST_LATENTS = 16


class CAE(RegularizedAE):
    r"""The contractive autoencoder, whose latents resist small changes of the points.

    .. math::
        \mathcal{L} = \frac{1}{B D} \sum_i \lVert x_i - f(g(x_i)) \rVert^2 +
        \frac{\lambda}{B} \sum_i \lVert J_g(x_i) \rVert_F^2

    The norms are those of :func:`contraction`. As a smaller scale of the latents alone lowers them,
    the decoder has to be large where the encoder is flat; compare weights only between models of
    one architecture.

    Args:
        encoder (torch.nn.Module): A module :obj:`x [N, *] -> z [N, d]` that treats each row by
            itself.
        decoder (torch.nn.Module): As in :class:`~nrae_geometric.nn.AE`.
        contraction_weight (float, optional): The weight :math:`\lambda \geq 0`.
            (default: :obj:`0.01`)
        neighborhood_weight (float, optional): As in
            :class:`~nrae_geometric.nn.models.regularized.RegularizedAE`. (default: :obj:`0.0`)

    Raises:
        ValueError: If a weight is negative or not finite, or the encoder takes a graph.

    Source: Rifai, Vincent, Muller, Glorot and Bengio, `"Contractive Auto-Encoders"
    <https://icml.cc/2011/papers/455_icmlpaper.pdf>`_, ICML 2011.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        contraction_weight: float = 0.01,
        neighborhood_weight: float = 0.0,
    ) -> None:
        super().__init__(encoder, decoder, neighborhood_weight)
        self.contraction_weight = number("contraction_weight", contraction_weight, 0)
        if self.encoder_uses_graph:
            raise ValueError(
                f"the encoder {type(encoder).__name__} takes a graph, but a contractive "
                "autoencoder differentiates a point's latents by that point alone; use another"
            )

    def objective(self, x: Tensor, code: Tensor, batch: Data) -> Tensor:
        """Returns the squared error and the weighted norm of the encoder's Jacobian."""
        contraction = self.contraction(x, batch.get("part")).mean()
        return self.reconstruction(x, code) + self.contraction_weight * contraction

    def contraction(self, x: Tensor, part: Part | None = None) -> Tensor:
        """Returns the squared norm of the encoder's Jacobian at points, see :func:`contraction`.

        Args:
            x (torch.Tensor): The points, :obj:`[N, *]`.
            part (Part, optional): As there. (default: :obj:`None`)
        """
        return contraction(self.encoder, x, part)


def contraction(encoder: nn.Module, x: Tensor, part: Part | None = None) -> Tensor:
    r"""Returns :math:`\lVert J_g(x_i) \rVert_F^2` at each point, :obj:`[N]`.

    A single layer :math:`s(W x + b)` has it in closed form,
    :math:`\sum_a s'_a(x)^2 \lVert W_a \rVert^2`. Others are differentiated exactly, forward where
    points have fewer values than latents, and else in reverse, one pass for each latent. With more
    than 16 of both it is Hutchinson's estimate :math:`\lVert J_g^\top v \rVert^2` for one draw of
    :math:`v \sim \mathcal{N}(0, I)`, whose mean is exact.

    Args:
        encoder (torch.nn.Module): The function :math:`g`, :obj:`[N, *] -> [N, d]`, that treats each
            row by itself.
        x (torch.Tensor): The points, :obj:`[N, *]`.
        part (Part, optional): The part of a batch that they are, of whose draw they have theirs.
            (default: :obj:`None`)

    Returns:
        torch.Tensor: The squared norms, differentiable with respect to points and parameters.
    """
    if (layer := _single_layer(encoder)) is not None:
        linear, activation = layer
        rows = linear.weight.square().sum(1)
        if activation is None:
            return rows.sum().expand(len(x))
        before = linear(x.flatten(1))
        # The Jacobian of a function of single numbers is diagonal: one direction has all of it.
        along_ones = TaylorSeries(before, torch.ones_like(before), None, 1)
        return propagate(activation, along_ones).first.square() @ rows
    is_differentiable = torch.is_grad_enabled()
    with torch.enable_grad():
        given = x if x.requires_grad else x.detach().requires_grad_()
        z = call(encoder, given)
        num_values, num_latents = x[0].numel(), z.size(1)
        if num_values < num_latents and num_values <= _MOST_LATENTS:
            norms = jacobian(encoder, x).flatten(1).square().sum(1)
        elif num_latents <= _MOST_LATENTS:
            norms = x.new_zeros(len(x))
            for latent in z.T:
                [row] = grad(latent.sum(), given, create_graph=is_differentiable, retain_graph=True)
                norms = norms + row.flatten(1).square().sum(1)
        else:
            [row] = grad(z, given, normal_like(z, part), create_graph=is_differentiable)
            norms = row.flatten(1).square().sum(1)
    return norms if is_differentiable else norms.detach()


def _single_layer(encoder: nn.Module) -> tuple[nn.Linear, nn.Module | None] | None:
    """The layer and the activation of an encoder that has one of each, or no activation."""
    parts = [encoder]
    while len(parts) == 1 and isinstance(parts[0], nn.Sequential):
        parts = [part for part in parts[0] if not isinstance(part, nn.Flatten | nn.Identity)]
    if not parts or type(parts[0]) is not nn.Linear or len(parts) > 2:
        return None
    if len(parts) == 1:
        return parts[0], None
    return (parts[0], parts[1]) if isinstance(find_rule(parts[1]), PointwiseRule) else None


@register_model
class CAESettings(RegularizedSettings):
    """The settings of :class:`CAE`."""

    autoencoder: ClassVar[type[RegularizedAE]] = CAE
    searched: ClassVar[tuple[str, float, float]] = ("contraction_weight", 1e-4, 1.0)

    arch: Literal["cae"] = "cae"
    contraction_weight: Weight = 0.01
