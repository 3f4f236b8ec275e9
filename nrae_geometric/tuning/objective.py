"""The score of one choice of settings."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from sklearn.model_selection import KFold
from torch import Tensor

from nrae_geometric.estimator import ManifoldAutoencoder
from nrae_geometric.tuning.score import explain, log_likelihood

# Enough for a mean to one percent of its spread, few enough to keep memory bounded.
_MAX_HELD_OUT = 1000


def cross_validated_scores(
    estimator: ManifoldAutoencoder, points: np.ndarray, num_folds: int, seed: int
) -> Iterator[float]:
    """Yields, fold after fold, the score of all the folds so far.

    Each fold is left out once, while the estimator learns from the others. Of a fold of more than
    1000 points, the first 1000 are judged.

    Args:
        estimator: The settings; fitted anew for each fold.
        points: ``[N, *feature_shape]``.
        num_folds: The number of parts.
        seed: The seed of the random division into parts.
    """
    explanations = []
    for rest, fold in KFold(num_folds, shuffle=True, random_state=seed).split(points):
        estimator.fit(points[rest])
        device = next(estimator.model_.parameters()).device
        latents = torch.from_numpy(estimator.transform(points[rest])).float().to(device)
        held_out = torch.from_numpy(points[fold[:_MAX_HELD_OUT]]).to(device)
        explanations.append(explain(_decoder(estimator, device), latents, held_out))
        yield log_likelihood(explanations, points[0].size)


def _decoder(estimator: ManifoldAutoencoder, device: torch.device) -> Callable[[Tensor], Tensor]:
    """The decoder with its points in the unit of the data, which the estimator's is not."""
    center = torch.from_numpy(estimator.center_).float().to(device)

    def decode(z: Tensor) -> Tensor:
        return estimator.model_.decode(z) * estimator.scale_ + center

    return decode
