"""Losses that stay on the device until somebody asks for them."""

import math
import time
from typing import TypedDict

import torch
from torch import Tensor

# Reading a loss makes the host wait for a GPU, so it is done this rarely unless asked for.
_SECONDS_BETWEEN_READS = 0.5


class EpochRecord(TypedDict):
    """The mean loss of an epoch over its batches, and the learning rate it was trained with."""

    epoch: int
    loss: float
    lr: float


class LossHistory:
    """The record of every epoch.

    Args:
        device: Where the losses are computed. On the CPU they are read at once.
    """

    def __init__(self, device: torch.device) -> None:
        self.records: list[EpochRecord] = []
        self._pending: list[tuple[int, float, Tensor]] = []
        self._read_at = -math.inf
        self._patience = 0.0 if device.type == "cpu" else _SECONDS_BETWEEN_READS

    def add(self, epoch: int, lr: float, loss: Tensor) -> None:
        """Notes an epoch; its loss ``[]`` is read later."""
        self._pending.append((epoch, lr, loss))
        if time.monotonic() - self._read_at >= self._patience:
            self.read()

    def read(self) -> None:
        """Brings :attr:`records` up to date.

        Raises:
            FloatingPointError: If a loss is NaN or infinite.
        """
        if not self._pending:
            return
        losses = torch.stack([loss for _, _, loss in self._pending]).tolist()
        for (epoch, lr, _), loss in zip(self._pending, losses, strict=True):
            if not math.isfinite(loss):
                raise FloatingPointError(
                    f"the loss is {loss} in epoch {epoch}, at a learning rate of {lr:g}; try a "
                    f"smaller learning rate or kernel weight (lambda), points scaled to about "
                    f"unit size, or full precision"
                )
            self.records.append({"epoch": epoch, "loss": loss, "lr": lr})
        self._pending.clear()
        self._read_at = time.monotonic()

    def restore(self, records: list[EpochRecord]) -> None:
        """Goes on from the records of an earlier run."""
        self.records = list(records)
        self._pending.clear()
