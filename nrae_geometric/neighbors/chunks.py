r"""How many rows to work on at once."""

import torch

# Float64 values held at once: small enough to stay in a processor's cache, and to be allocated
# without new pages from the system every time. An accelerator wants long kernels instead.
_CPU_VALUES, _ACCELERATOR_VALUES = 1 << 17, 1 << 24


def chunk_rows(num_features: int, device: torch.device) -> int:
    r"""Number of rows of so many features that are worked on at once."""
    values = _CPU_VALUES if device.type == "cpu" else _ACCELERATOR_VALUES
    return max(1, values // num_features)
