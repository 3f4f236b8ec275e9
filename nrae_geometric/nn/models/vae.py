r"""The variational autoencoder."""

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy
from torch_geometric.data import Data

from nrae_geometric.arguments import choice, integer, number
from nrae_geometric.nn.models.regularized import (
    RegularizedAE,
    RegularizedSettings,
    Weight,
    squared_error,
)
from nrae_geometric.nn.parts import normal_like
from nrae_geometric.registry import register_model

_SMALLEST, _LARGEST = -20.0, 20.0  # of a logarithm of a variance, so that its exponential is finite


class VAE(RegularizedAE):
    r"""The variational autoencoder, whose latents are near a standard normal distribution.

    .. math::
        \mathcal{L} = -\mathbb{E}_{q(z \mid x)} \log p(x \mid z) +
        \beta\, \mathrm{KL}\bigl(q(z \mid x) \,\Vert\, \mathcal{N}(0, I)\bigr), \qquad
        q(z \mid x) = \mathcal{N}\bigl(\mu(x), \operatorname{diag} \sigma^2(x)\bigr)

    The first term is estimated by one draw of :math:`z` for each point, and both are summed over
    the values of a point. A Gaussian :math:`p(x \mid z)` has unit variance, which leaves half the
    squared error. Use it to draw new points; a large :math:`\beta` makes latents independent, and
    lets dimensions vanish that the reconstruction does not need.

    Args:
        encoder (torch.nn.Module): A module :obj:`x [N, *] -> [N, 2 d]`, or a graph neural network:
            means and logarithms of variances of the latents.
        decoder (torch.nn.Module): A module :obj:`z [N, d] -> x [N, *]`; with a Bernoulli likelihood
            it returns probabilities.
        beta (float, optional): The weight :math:`\beta \geq 0`; 1 is the bound on the likelihood.
            (default: :obj:`1.0`)
        likelihood (str, optional): :obj:`"gaussian"`, or :obj:`"bernoulli"` for values from 0 to 1.
            (default: :obj:`"gaussian"`)
        neighborhood_weight (float, optional): As in
            :class:`~nrae_geometric.nn.models.regularized.RegularizedAE`. (default: :obj:`0.0`)

    Raises:
        ValueError: If there is no such likelihood, or a weight is negative or not finite.

    Sources: Kingma and Welling, `"Auto-Encoding Variational Bayes"
    <https://arxiv.org/abs/1312.6114>`_, ICLR 2014; Higgins et al., `"beta-VAE"
    <https://openreview.net/forum?id=Sy2fzU9gl>`_, ICLR 2017.
    """

    num_latents: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        beta: float = 1.0,
        likelihood: str = "gaussian",
        neighborhood_weight: float = 0.0,
    ) -> None:
        super().__init__(encoder, decoder, neighborhood_weight)
        self.beta = number("beta", beta, 0)
        self.likelihood = choice("likelihood", likelihood, ["gaussian", "bernoulli"])
        # Learned from the first points, as the decoder may be any module.
        self.register_buffer("num_latents", torch.tensor(0))

    def latents(self, code: Tensor) -> Tensor:
        """Returns the means :obj:`[N, d]` of what the encoder returns, :obj:`[N, 2 d]`.

        Raises:
            ValueError: If the encoder does not return an even number of values.
        """
        return self._moments(code)[0]

    def objective(self, x: Tensor, code: Tensor, batch: Data) -> Tensor:
        """Returns the negative bound on the logarithm of the likelihood, a mean over points."""
        mean, log_variance = self._moments(code)
        self.num_latents.fill_(mean.size(1))
        z = mean + (log_variance / 2).exp() * normal_like(mean, batch.get("part"))
        return (self._surprise(self.decode(z), x) + self.beta * kl(mean, log_variance)).mean()

    @torch.no_grad()
    def sample(self, num: int) -> Tensor:
        """Returns new points, :obj:`[num, *]`, decoded from draws of the standard normal.

        Args:
            num (int): How many.

        Raises:
            RuntimeError: If the model has not seen any point yet.
            ValueError: If the number is not positive.
        """
        num = integer("num", num, 1)
        if not self.num_latents:
            raise RuntimeError("the model has seen no points yet; train it before it can draw some")
        like = next(self.parameters())
        return self.decode(
            torch.randn(num, int(self.num_latents), dtype=like.dtype, device=like.device)
        )

    def _moments(self, code: Tensor) -> tuple[Tensor, Tensor]:
        if code.size(1) % 2:
            raise ValueError(
                f"the encoder {type(self.encoder).__name__} returns {code.size(1)} values for each "
                "point; it must return a mean and the logarithm of a variance for each latent"
            )
        mean, log_variance = code.chunk(2, dim=1)
        return mean, log_variance.clamp(_SMALLEST, _LARGEST)

    def _surprise(self, decoded: Tensor, x: Tensor) -> Tensor:
        """Minus the logarithm of the likelihood of each point, without its constant."""
        error = squared_error(decoded, x)
        if self.likelihood == "gaussian":
            return error.flatten(1).sum(1) / 2
        for name, values in (("the points", x), ("the decoder's values", decoded)):
            low, high = values.detach().aminmax()
            if not (low >= 0 and high <= 1):
                raise ValueError(
                    f"a Bernoulli likelihood needs values from 0 to 1, but {name} are from "
                    f"{low.item():.4g} to {high.item():.4g}; use likelihood='gaussian', or a "
                    "decoder that ends in a sigmoid"
                )
        return binary_cross_entropy(decoded, x, reduction="none").flatten(1).sum(1)


def kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    r"""Returns the divergence of normal distributions from the standard one, :obj:`[N]`.

    .. math::
        \mathrm{KL} = \frac{1}{2} \sum_a \bigl( \mu_a^2 + \sigma_a^2 - 1 - \log \sigma_a^2 \bigr)

    Args:
        mean (torch.Tensor): Their means, :obj:`[N, d]`.
        log_variance (torch.Tensor): The logarithms of their variances, :obj:`[N, d]`.
    """
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2


@register_model
class VAESettings(RegularizedSettings):
    """The settings of :class:`VAE`."""

    autoencoder: ClassVar[type[RegularizedAE]] = VAE
    searched: ClassVar[tuple[str, float, float]] = ("beta", 1e-3, 10.0)

    arch: Literal["vae"] = "vae"
    beta: Weight = 1.0
    likelihood: Literal["gaussian", "bernoulli"] = "gaussian"

    def encoder_width(self, z_dim: int) -> int:
        """A mean and the logarithm of a variance for each latent coordinate."""
        return 2 * z_dim
