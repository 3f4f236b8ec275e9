r"""Matrix products without loss of precision, and the fastest type for them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import torch
from torch import Tensor


@contextmanager
def exact_matmul(device: torch.device) -> Iterator[None]:
    r"""Computes matrix products in the type of their operands, as the filter's error bound needs.

    There is no autocast, no TF32 or bfloat16 in place of float32, and sums of bfloat16 products
    are float32.

    Args:
        device (torch.device): The device of the operands.
    """
    cuda = torch.backends.cuda.matmul
    precision = torch.get_float32_matmul_precision()
    reduced = cuda.allow_bf16_reduced_precision_reduction
    torch.set_float32_matmul_precision("highest")
    cuda.allow_bf16_reduced_precision_reduction = False
    try:
        with torch.no_grad(), torch.autocast(device.type, enabled=False):
            yield
    finally:
        cuda.allow_bf16_reduced_precision_reduction = reduced
        torch.set_float32_matmul_precision(precision)


@lru_cache(maxsize=8)
def filter_dtype(device: torch.device) -> torch.dtype:
    r"""Returns bfloat16 if its product is at least half as fast again as that of float32.

    Measured once for each device: processors without bfloat16 instructions emulate them slowly.
    """
    seconds = {}
    with exact_matmul(device):
        for dtype in (torch.float32, torch.bfloat16):
            a = torch.ones(512, 512, dtype=dtype, device=device)
            seconds[dtype] = min(_seconds(a) for _ in range(4))
    fast = seconds[torch.bfloat16] * 1.5 < seconds[torch.float32]
    return torch.bfloat16 if fast else torch.float32


def _seconds(a: Tensor) -> float:
    start = time.perf_counter()
    # Fetching one value waits for an accelerator to finish.
    (a @ a)[0, 0].item()
    return time.perf_counter() - start
