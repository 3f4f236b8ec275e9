"""Records of the epochs, read from the device as rarely as possible."""

import math
import operator
import time
from typing import NotRequired, TypedDict

import torch
from torch import Tensor

# Reading a loss makes the host wait for a GPU, so it is done this rarely unless asked for.
_SECONDS_BETWEEN_READS = 0.5


class EpochRecord(TypedDict):
    """The losses of an epoch, and the learning rate that it was trained with.

    Attributes:
        epoch (int): The epoch, from 0.
        loss (float): The mean of the training loss over the batches.
        lr (float): The learning rate.
        validation_loss (float): The mean of the loss over the validation points, where there are
            any.
    """

    epoch: int
    loss: float
    lr: float
    validation_loss: NotRequired[float]


class NonFiniteLossError(FloatingPointError):
    """A loss is NaN or infinite.

    Args:
        what (str): Which loss, and when.
        advice (str): What to try.
    """

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(what + advice)
        self.what = what


class LossHistory:
    """The records of all epochs.

    Args:
        device (torch.device): The device of the losses. On the CPU they are read at once.
    """

    def __init__(self, device: torch.device) -> None:
        self.records: list[EpochRecord] = []
        self._pending: list[tuple[int, float, list[Tensor]]] = []
        self._read_at = -math.inf
        self._patience = 0.0 if device.type == "cpu" else _SECONDS_BETWEEN_READS

    def add(
        self, epoch: int, lr: float, loss: Tensor, validation_loss: Tensor | None = None
    ) -> None:
        """Notes an epoch; its losses ``[]`` are read later."""
        losses = [loss] if validation_loss is None else [loss, validation_loss]
        self._pending.append((epoch, lr, losses))
        if time.monotonic() - self._read_at >= self._patience:
            self.read()

    def read(self) -> list[EpochRecord]:
        """Waits for all losses and returns all records.

        Raises:
            FloatingPointError: If a loss is NaN or infinite. Epochs from there on are forgotten.
        """
        pending, self._pending = self._pending, []
        if pending:
            losses = [loss.double() for *_, losses in pending for loss in losses]
            values = iter(torch.stack(losses).tolist())
            for epoch, lr, losses in pending:
                record: EpochRecord = {"epoch": epoch, "loss": next(values), "lr": lr}
                if len(losses) > 1:
                    record["validation_loss"] = next(values)
                _check_finite(record)
                self.records.append(record)
            self._read_at = time.monotonic()
        return self.records

    def restore(self, records: list[EpochRecord]) -> None:
        """Goes on from the records of an earlier run.

        Raises:
            TypeError or KeyError: If they are other values.
            ValueError: If they are not one for each epoch.
        """
        epochs = [operator.index(record["epoch"]) for record in records]
        if epochs != list(range(len(records))):
            raise ValueError("its history is not one record for each epoch")
        self.records = list(records)
        self._pending = []


def _check_finite(record: EpochRecord) -> None:
    for name, loss in (
        ("loss", record["loss"]),
        ("validation loss", record.get("validation_loss")),
    ):
        if loss is not None and not math.isfinite(loss):
            raise NonFiniteLossError(
                f"the {name} is {loss} in epoch {record['epoch']}",
                f", at a learning rate of {record['lr']:g}; try a smaller learning rate or kernel "
                "weight (lambda), points scaled to about unit size, or full precision",
            )
