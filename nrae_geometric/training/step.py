"""Steps of gradient descent, on any device and in any precision."""

import copy
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from typing import Any, Literal, get_args

import torch
from lightning_fabric.plugins.precision import (
    DoublePrecision,
    HalfPrecision,
    MixedPrecision,
)
from lightning_fabric.plugins.precision import Precision as FabricPrecision
from torch import Tensor, nn
from torch_geometric.data import Data

from nrae_geometric.nn.evaluation import evaluating, set_modes, training_modes
from nrae_geometric.training.points import check_type
from nrae_geometric.training.processes import Processes

Precision = Literal["32-true", "64-true", "bf16-true", "bf16-mixed", "16-mixed"]

_SHORT_NAMES = {"32": "32-true", "64": "64-true", "bf16": "bf16-mixed", "16": "16-mixed"}


def resolve_precision(precision: str | int) -> Precision:
    """Returns the full name of a precision.

    Args:
        precision (str or int): A name of :obj:`Precision`, or, as in Lightning, :obj:`"32"`,
            :obj:`"64"`, :obj:`"bf16"` or :obj:`"16"`, of which the last two are mixed.

    Raises:
        ValueError: If there is no such precision.
    """
    name: Any = _SHORT_NAMES.get(str(precision), precision)
    if name not in get_args(Precision):
        names = ", ".join(map(repr, (*get_args(Precision), *_SHORT_NAMES)))
        raise ValueError(f"precision {precision!r} is not known; choose one of {names}")
    return name


def fabric_precision(precision: Precision, device: torch.device) -> FabricPrecision:
    """Returns what converts a model, chooses the types of operations and scales the loss.

    Args:
        precision (str): The full name of a precision.
        device (torch.device): The device of the run.
    """
    if precision == "64-true":
        return DoublePrecision()
    if precision == "bf16-true":
        return HalfPrecision(precision)
    if precision == "32-true":
        return FabricPrecision()
    # Named by a string, Fabric would take bfloat16 on the CPU where float16 is asked for.
    return MixedPrecision(precision, device.type)


class TrainingStep:
    """Moves a model to a device and takes fused Adam steps on its loss.

    Args:
        model (torch.nn.Module): A module with ``loss(batch) -> Tensor []``; moved in place, and
            put into training mode. Where it is in that mode already, its parts stay in theirs.
        lr (float): The learning rate.
        device (torch.device): The device to train on.
        precision (str, optional): :obj:`"32-true"` leaves the model as it is; another ``true``
            type converts it. With a ``mixed`` type the weights stay as they are and
            :class:`torch.autocast` chooses the type of each operation; float16 has its loss
            scaled. (default: :obj:`"32-true"`)
        compile (bool, optional): Whether to run the loss through :func:`torch.compile`.
            (default: :obj:`False`)

    Attributes:
        dtype (torch.dtype): The model's floating type.
        points (torch.Tensor, optional): The points of the last step, as they were given.
    """

    def __init__(
        self,
        model: nn.Module,
        lr: float,
        device: torch.device,
        precision: Precision = "32-true",
        compile: bool = False,
    ) -> None:
        self._modes = training_modes(model)
        self.points: Tensor | None = None
        self._precision = fabric_precision(precision, device)
        self.model = self._precision.convert_module(model).to(device)
        self.device = device
        self._adam = torch.optim.Adam(model.parameters(), lr=lr, fused=True)
        # The context of another type sets the default type of the whole process, and so that of
        # runs in other threads.
        is_mixed = isinstance(self._precision, MixedPrecision)
        self._autocast = self._precision.forward_context() if is_mixed else nullcontext()
        loss: Any = model.loss  # nn.Module types every attribute as a tensor or module
        self._loss = self._trained_loss = torch.compile(loss) if compile else loss
        self._is_compiled = compile
        self.dtype = next(model.parameters()).dtype

    @property
    def lr(self) -> float:
        """The learning rate, which can be set."""
        return self._adam.param_groups[0]["lr"]

    @lr.setter
    def lr(self, lr: float) -> None:
        for group in self._adam.param_groups:
            group["lr"] = lr

    def average_over(self, processes: Processes) -> None:
        """Has the steps follow the mean gradient of several processes, each on its part of a batch.

        Args:
            processes (Processes): The processes. The weights become those of the first one.
        """
        if processes.count > 1:
            part = _LossOfPart(self.model, self._loss)
            self._trained_loss = processes.wrap(part, self._is_compiled)

    def __call__(self, batch: Data) -> Tensor:
        """Takes one step and returns the loss before it, ``[]``, detached and on the device.

        Args:
            batch (Data): Points ``x``, brought to the model's device and floating type.
        """
        batch = self._place(batch)
        self._adam.zero_grad()
        with self._autocast:
            loss = self._trained_loss(batch)
        self._precision.backward(loss, None)
        self._precision.optimizer_step(self._adam)
        return loss.detach()

    def epoch(self, batches: Iterable[Data], rates: Iterator[float] | None = None) -> Tensor:
        """Takes a step on each batch, without waiting for the device, and returns the mean loss.

        Args:
            batches (Iterable[Data]): The batches of one epoch.
            rates (Iterator[float], optional): The learning rate of each, where it is not that of
                before. (default: :obj:`None`)

        Raises:
            ValueError: If there is no batch, or its points are lost in the model's type.
        """
        set_modes(self._modes)  # a callback may have changed them
        losses = []
        for batch in batches:
            if self.points is None:
                check_type(batch.x, self.dtype)
            self.points = batch.x
            if rates is not None:
                self.lr = next(rates)
            losses.append(self(batch))
        if not losses:
            raise ValueError("the loader yields no batches; it needs at least one")
        return torch.stack(losses).mean()

    def evaluate(self, batches: Iterable[Data], processes: Processes | None = None) -> Tensor:
        """Returns the mean loss over the centers of all batches, without training on them.

        Args:
            batches (Iterable[Data]): The validation points.
            processes (Processes, optional): Those that each have a part of the batches.
                (default: :obj:`None`)

        Raises:
            ValueError: If there is no batch.
        """
        losses, counts = [], []
        with evaluating(self.model), self._autocast:
            for batch in map(self._place, batches):
                losses.append(self._loss(batch))
                count = batch.batch_size if "batch_size" in batch else batch.num_nodes
                counts.append(count * ("part" not in batch or batch.part.weight > 0))
        if not losses:
            raise ValueError("the validation loader yields no batches; it needs at least one")
        weights = torch.tensor(counts, dtype=torch.float64, device=self.device)
        if processes is None or processes.count == 1:
            return torch.stack(losses).double() @ (weights / sum(counts))
        total = torch.stack([torch.stack(losses).double() @ weights, weights.sum()])
        loss, count = processes.mean(total)
        return loss / count

    def state_dict(self) -> dict[str, Any]:
        """Returns the state of the optimizer, and of the scaler of the loss where there is one."""
        return {"adam": self._adam.state_dict(), "scaler": self._precision.state_dict() or None}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from the state of a stopped run."""
        self._adam.load_state_dict(state["adam"])
        if state["scaler"] is not None:
            self._precision.load_state_dict(state["scaler"])

    def _place(self, batch: Data) -> Data:
        held = [name for name in _WITHOUT_HISTORY if _requires_grad(batch.get(name))]
        if held:  # the points are given: a second step cannot go back to where they come from
            batch = copy.copy(batch)
            for name in held:
                batch[name] = batch[name].detach()
        if batch.x.device != self.device:
            batch = copy.copy(batch).to(self.device, non_blocking=True)
        if batch.x.dtype != self.dtype:
            if batch.x.is_complex():
                raise TypeError(
                    f"batch.x is {batch.x.dtype}, but points are real numbers; pass real and "
                    "imaginary parts as two values"
                )
            batch = copy.copy(batch)
            batch.x = batch.x.to(self.dtype)
        return batch


class _LossOfPart(nn.Module):
    """The loss of a part of a batch as a forward call, in which DDP takes its part.

    It is weighted so that its mean over the processes is the mean over the whole batch's centers.
    """

    def __init__(self, model: nn.Module, loss: Callable[[Data], Tensor]) -> None:
        super().__init__()
        self.model = model
        self._loss = loss

    def forward(self, batch: Data) -> Tensor:
        return self._loss(batch) * batch.part.weight


_WITHOUT_HISTORY = ("x", "edge_weight", "edge_attr")


def _requires_grad(value: Any) -> bool:
    return isinstance(value, Tensor) and value.requires_grad
