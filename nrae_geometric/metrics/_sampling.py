"""Reproducible random subsets of points, so that metrics stay affordable at any size."""

import torch
from torch import Tensor


def sample_rows(num_rows: int, num_samples: int | None, seed: int) -> Tensor:
    """Sorted row numbers ``[S]`` (CPU): all rows, or ``num_samples`` drawn without replacement.

    The generator is its own: a metric recorded during training must not move the random stream
    that training draws from.
    """
    if num_samples is None or num_samples >= num_rows:
        return torch.arange(num_rows)
    generator = torch.Generator().manual_seed(seed)
    return torch.randperm(num_rows, generator=generator)[:num_samples].sort().values
