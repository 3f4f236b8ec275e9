"""Arrays and tensors: what the user gives is what the user gets."""

from typing import Any

import numpy as np
import torch
from torch import Tensor


def as_array(values: Any) -> Any:
    """Returns a tensor or nested lists as an array, and leaves arrays and data frames alone."""
    if isinstance(values, Tensor):
        return values.detach().cpu().numpy()
    return values if hasattr(values, "shape") else np.asarray(values)


def like(values: Any, result: np.ndarray) -> Any:
    """Returns the result as a tensor on the same device where the values are one."""
    return torch.from_numpy(result).to(values.device) if isinstance(values, Tensor) else result
