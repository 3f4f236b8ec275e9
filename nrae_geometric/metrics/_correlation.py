"""Correlation coefficients that are 0, not NaN, where one of the variables is constant."""

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor


def _or_zero(coefficient: Callable[..., Any], a: Tensor, b: Tensor) -> float:
    first, second = (values.detach().cpu().double().numpy() for values in (a, b))
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(coefficient(first, second).statistic)


def pearson(a: Tensor, b: Tensor) -> float:
    """Pearson's r of two ``[N]`` tensors."""
    from scipy.stats import pearsonr

    return _or_zero(pearsonr, a, b)


def spearman(a: Tensor, b: Tensor) -> float:
    """Spearman's rho of two ``[N]`` tensors."""
    from scipy.stats import spearmanr

    return _or_zero(spearmanr, a, b)


def kendall(a: Tensor, b: Tensor) -> float:
    """Kendall's tau-b of two ``[N]`` tensors."""
    from scipy.stats import kendalltau

    return _or_zero(kendalltau, a, b)
