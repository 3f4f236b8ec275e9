r"""The isometrically regularized autoencoder."""

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.autograd import grad
from torch_geometric.data import Data

from nrae_geometric.arguments import number
from nrae_geometric.loader import Part
from nrae_geometric.nn.models.regularized import RegularizedAE, RegularizedSettings, Weight
from nrae_geometric.nn.parts import from_first, gathered, normal_like, own_rows
from nrae_geometric.nn.taylor import pullback_metric
from nrae_geometric.registry import Length, register_model

_MOST_LATENTS = 16


class IRAE(RegularizedAE):
    r"""The isometrically regularized autoencoder, whose latent space is a scaled map.

    .. math::
        \mathcal{L} = \frac{1}{B D} \sum_i \lVert x_i - f(z_i) \rVert^2 + \lambda
        \frac{\mathbb{E} \operatorname{Tr} G(z)^2}{\bigl(\mathbb{E} \operatorname{Tr} G(z)\bigr)^2},
        \qquad G = J_f^\top J_f

    The :func:`relaxed_distortion` is taken between the latents of a batch, see
    :func:`mixed_latents`. It is smallest, :math:`1 / d`, where the decoder scales all lengths by
    one factor, so that straight lines in latent space are shortest ways, and distances can be
    compared across it. Use it for maps of sheets; a sphere has none.

    Args:
        encoder (torch.nn.Module): As in :class:`~nrae_geometric.nn.AE`.
        decoder (torch.nn.Module): As in :class:`~nrae_geometric.nn.AE`.
        isometry_weight (float, optional): The weight :math:`\lambda \geq 0`.
            (default: :obj:`0.1`)
        extrapolation (float, optional): How far beyond two latents places between them may lie, as
            a share of the way, :math:`\eta \geq 0`. (default: :obj:`0.2`)
        neighborhood_weight (float, optional): As in
            :class:`~nrae_geometric.nn.models.regularized.RegularizedAE`. (default: :obj:`0.0`)

    Raises:
        ValueError: If the extrapolation or a weight is negative or not finite.

    Source: Lee, Yoon, Son and Park, `"Regularized Autoencoders for Isometric Representation
    Learning" <https://openreview.net/forum?id=mQxt8l7JL04>`_, ICLR 2022.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        isometry_weight: float = 0.1,
        extrapolation: float = 0.2,
        neighborhood_weight: float = 0.0,
    ) -> None:
        super().__init__(encoder, decoder, neighborhood_weight)
        self.isometry_weight = number("isometry_weight", isometry_weight, 0)
        self.extrapolation = number("extrapolation", extrapolation, 0)

    def objective(self, x: Tensor, code: Tensor, batch: Data) -> Tensor:
        """Returns the squared error and the weighted distortion between the latents."""
        part = batch.get("part")
        places = mixed_latents(code, self.extrapolation, part)
        distortion = relaxed_distortion(self.decoder, places, part)
        return self.reconstruction(x, code) + self.isometry_weight * distortion


def mixed_latents(z: Tensor, extrapolation: float, part: Part | None = None) -> Tensor:
    r"""Returns places on the lines through pairs of latents, :obj:`[B, d]`.

    .. math::
        \alpha_i z_i + (1 - \alpha_i) z_{\pi(i)}, \qquad
        \alpha_i \sim \mathcal{U}(-\eta, 1 + \eta)

    Args:
        z (torch.Tensor): The latents, :obj:`[B, d]`.
        extrapolation (float): The share :math:`\eta` of the way beyond them.
        part (Part, optional): The part of a batch whose latents they are; the others in the pairs
            are those of the whole batch. (default: :obj:`None`)
    """
    z = gathered(z, part)
    other = z.index_select(0, from_first(torch.randperm(len(z), device=z.device), part))
    alpha = from_first(torch.rand(len(z), 1, dtype=z.dtype, device=z.device), part)
    alpha = alpha * (1 + 2 * extrapolation) - extrapolation
    return own_rows(alpha * z + (1 - alpha) * other, part)


def relaxed_distortion(decoder: nn.Module, z: Tensor, part: Part | None = None) -> Tensor:
    r"""Returns the relaxed distortion of a decoder over latents, ``[]``, at least :math:`1 / d`.

    .. math::
        \frac{\mathbb{E} \operatorname{Tr} G^2}{(\mathbb{E} \operatorname{Tr} G)^2}

    Up to 16 latent coordinates the traces are exact, from
    :func:`~nrae_geometric.nn.pullback_metric`; beyond, they are Hutchinson's estimates
    :math:`\lVert J v \rVert^2` and :math:`\lVert J^\top J v \rVert^2` for one draw of
    :math:`v \sim \mathcal{N}(0, I)` at each place.

    Args:
        decoder (torch.nn.Module): The function :math:`f`, :obj:`[B, d] -> [B, *]`, that treats each
            row by itself.
        z (torch.Tensor): The places, :obj:`[B, d]`.
        part (Part, optional): The part of a batch that they are; the means are those over the whole
            batch. (default: :obj:`None`)
    """
    if z.size(1) <= _MOST_LATENTS:
        metric = pullback_metric(decoder, z)
        trace = metric.diagonal(dim1=1, dim2=2).sum(1)
        trace_of_square = metric.square().sum((1, 2))
    else:
        trace, trace_of_square = _estimated_traces(decoder, z, part)
    trace, trace_of_square = gathered(trace, part), gathered(trace_of_square, part)
    tiny = torch.finfo(trace.dtype).tiny
    return trace_of_square.mean() / trace.mean().square().clamp(min=tiny)


def _estimated_traces(decoder: nn.Module, z: Tensor, part: Part | None) -> tuple[Tensor, Tensor]:
    is_differentiable = torch.is_grad_enabled()
    with torch.enable_grad():
        places = z if z.requires_grad else z.detach().requires_grad_()
        x = decoder(places)
        v = normal_like(z, part)
        # The derivative of J' u by u, along v, is J v.
        u = torch.zeros_like(x, requires_grad=True)
        [pulled] = grad(x, places, u, create_graph=True)
        [pushed] = grad(pulled, u, v, create_graph=True)
        [back] = grad(x, places, pushed, create_graph=is_differentiable)
        trace = pushed.flatten(1).square().sum(1)
        square = back.square().sum(1)
    return (trace, square) if is_differentiable else (trace.detach(), square.detach())


@register_model
class IRAESettings(RegularizedSettings):
    """The settings of :class:`IRAE`."""

    autoencoder: ClassVar[type[RegularizedAE]] = IRAE
    searched: ClassVar[tuple[str, float, float]] = ("isometry_weight", 1e-4, 10.0)

    arch: Literal["irae"] = "irae"
    isometry_weight: Weight = 0.1
    extrapolation: Length = 0.2
