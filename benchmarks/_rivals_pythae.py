"""The autoencoders of pythae with its own trainer, as estimators."""

import contextlib
import importlib.util
import io
import logging
import tempfile
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from nrae_geometric.budget import choose_budget
from nrae_geometric.nn import mlp
from nrae_geometric.scaling import choose_scale


def available() -> bool:
    """Whether pythae is installed."""
    return importlib.util.find_spec("pythae") is not None


class PythaeAutoencoder:
    """An autoencoder of pythae, with the networks, batches and epochs of ours.

    Its trainer's schedule is the cosine, as ours falls too.

    Args:
        dim: The number of latent coordinates.
        hidden: The widths of the encoder's hidden layers.
        beta: The weight of the divergence; a plain autoencoder without one.
        max_epochs: The number of epochs, where it is not that of ours.
        learning_rate: Adam's, at first.
        seed: That of the weights and batches.
    """

    def __init__(
        self,
        dim: int,
        hidden: tuple[int, ...],
        beta: float | None,
        max_epochs: int | None,
        learning_rate: float,
        seed: int,
    ) -> None:
        self.dim, self.hidden, self.beta = dim, hidden, beta
        self.max_epochs, self.learning_rate, self.seed = max_epochs, learning_rate, seed

    def fit_transform(self, x: np.ndarray) -> np.ndarray:
        """Trains, and returns the latents."""
        return self.fit(x).transform(x)

    def fit(self, x: np.ndarray) -> Self:
        """Trains."""
        from pythae.data.datasets import BaseDataset
        from pythae.trainers import BaseTrainer, BaseTrainerConfig

        self.center_, self.scale_, _ = choose_scale(x, "auto", one_unit=False)
        points = torch.from_numpy(((x - self.center_) / self.scale_).astype(np.float32))
        torch.manual_seed(self.seed)
        self.model_ = self._model(points.size(1))
        budget, _ = choose_budget(len(x), "auto", self.max_epochs)
        logging.disable()  # its loggers set their own levels
        with tempfile.TemporaryDirectory() as folder:
            settings = BaseTrainerConfig(
                output_dir=folder,
                num_epochs=budget.max_epochs,
                per_device_train_batch_size=budget.batch_size,
                learning_rate=self.learning_rate,
                scheduler_cls="CosineAnnealingLR",
                scheduler_params={"T_max": budget.max_epochs},
                keep_best_on_train=True,
                no_cuda=True,
                seed=self.seed,
            )
            dataset = BaseDataset(points, torch.zeros(len(points)))
            with contextlib.redirect_stderr(io.StringIO()):  # its bar has no switch
                BaseTrainer(self.model_, dataset, training_config=settings).train()
        logging.disable(logging.NOTSET)
        self.model_.eval()
        return self

    def _model(self, size: int) -> Any:
        from pythae.models import AE, AEConfig, BetaVAE, BetaVAEConfig
        from pythae.models.base.base_utils import ModelOutput
        from pythae.models.nn import BaseDecoder, BaseEncoder

        variational = self.beta is not None

        class Encoder(BaseEncoder):
            def __init__(self, network: nn.Module) -> None:
                super().__init__()
                self.network = network

            def forward(self, x: Tensor) -> Any:
                code = self.network(x)
                if not variational:
                    return ModelOutput(embedding=code)
                mean, log_variance = code.chunk(2, dim=1)
                return ModelOutput(embedding=mean, log_covariance=log_variance)

        class Decoder(BaseDecoder):
            def __init__(self, network: nn.Module) -> None:
                super().__init__()
                self.network = network

            def forward(self, z: Tensor) -> Any:
                return ModelOutput(reconstruction=self.network(z))

        width = 2 * self.dim if variational else self.dim
        encoder = Encoder(mlp([size, *self.hidden, width], "elu"))
        decoder = Decoder(mlp([self.dim, *reversed(self.hidden), size], "elu"))
        shape = {"input_dim": (size,), "latent_dim": self.dim}
        if variational:
            return BetaVAE(BetaVAEConfig(beta=self.beta, **shape), encoder, decoder)
        return AE(AEConfig(**shape), encoder, decoder)

    @torch.no_grad()
    def transform(self, x: np.ndarray) -> np.ndarray:
        """Returns the latents ``[N, d]``."""
        points = torch.from_numpy(((x - self.center_) / self.scale_).astype(np.float32))
        return self.model_.encoder(points).embedding.numpy()

    def decode(self, z: Tensor) -> Tensor:
        """Returns centered and scaled points ``[N, D]``."""
        return self.model_.decoder(z).reconstruction

    @torch.no_grad()
    def inverse_transform(self, z: np.ndarray) -> np.ndarray:
        """Returns points ``[N, D]``."""
        return self.decode(torch.as_tensor(z)).numpy() * self.scale_ + self.center_
