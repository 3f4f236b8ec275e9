"""The training loop."""

import os
import time
from collections.abc import Iterable, Sequence
from typing import Literal, Protocol, cast

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from torch_geometric import seed_everything
from torch_geometric.data import Data
from tqdm.auto import tqdm

from nrae_geometric.geodesics import GeodesicCoordinates
from nrae_geometric.nn import AE
from nrae_geometric.training.checkpoint import (
    coordinates_state,
    load_checkpoint,
    random_state,
    restore_coordinates,
    restore_random_state,
    save_checkpoint,
)
from nrae_geometric.training.device import resolve_device
from nrae_geometric.training.history import EpochRecord, LossHistory
from nrae_geometric.training.interrupt import deferred_interrupt
from nrae_geometric.training.schedule import published_schedule, warm_schedule
from nrae_geometric.training.step import Precision, TrainingStep

# Often enough to lose little to a crash, rare enough to cost nothing.
_SECONDS_BETWEEN_CHECKPOINTS = 60.0


class Callback(Protocol):
    """What the trainer calls at the end of epochs.

    An attribute ``epochs: Container[int]``, where there is one, names the epochs it wants to be
    called at; the loss is then fetched from the device for these alone. Methods ``state_dict()``
    and ``load_state_dict(state)``, where there are any, take part in checkpoints; the state
    consists of tensors, numbers, strings, and lists, tuples and dictionaries of them.
    """

    def on_epoch_end(self, epoch: int, loss: float | None, model: nn.Module) -> None:
        """Called after ``epoch`` (from 0) with its mean loss and the model itself."""


class Trainer:
    r"""Fits a model's ``loss(batch)`` with Adam and the published learning-rate schedule.

    Args:
        num_epochs: How often the loader is gone through.
        lr: The learning rate of the first 80 % of the epochs, see
            :func:`~nrae_geometric.training.schedule.published_schedule`.
        device: ``"auto"``, ``"cpu"``, the number of a GPU, or a :class:`torch.device`.
        precision: ``"32-true"``, ``"64-true"``, ``"bf16-true"``, ``"bf16-mixed"`` or
            ``"16-mixed"``. With ``64-true`` and ``bf16-true`` the model is converted, and each
            batch's points to the model's type.
        seed: Seeds Python, NumPy, PyTorch and the loader's generator at the start of
            :meth:`fit`. Seed the same before building the model for a reproducible run.
        checkpoint: The file to save to: every minute, at the end, and when Ctrl-C stops the run
            (at the end of the epoch; a second Ctrl-C stops at once and saves nothing).
        callbacks: See :class:`Callback`.
        progress: Whether to show a progress bar.
        compile: Whether to run the loss through :func:`torch.compile`.
        init: Where the weights start. ``"random"`` leaves them as they are, which is the published
            way. ``"geodesic"`` first fits an :class:`~nrae_geometric.nn.AE` to the geodesic
            coordinates of the loader's graph, see
            :func:`~nrae_geometric.training.warm_start`, and trains gently, see
            :func:`~nrae_geometric.training.schedule.warm_schedule`. Where training folds the line
            nevertheless, a warning says so.

    Where steps get slower over the epochs, numbers below 1e-38 have come up, which most processors
    are slow with. ``torch.set_flush_denormal(True)`` at the start of a program helps, as
    ``nrae train`` does.

    Example::

        trainer = Trainer(num_epochs=2001, seed=1)
        trainer.fit(model, loader)
        trainer.history[-1]  # {"epoch": 2000, "loss": 0.05, "lr": 1.64e-05}
    """

    def __init__(
        self,
        num_epochs: int,
        lr: float = 1e-3,
        *,
        device: str | int | torch.device = "auto",
        precision: Precision = "32-true",
        seed: int | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        callbacks: Sequence[Callback] = (),
        progress: bool = True,
        compile: bool = False,
        init: Literal["random", "geodesic"] = "random",
    ) -> None:
        if num_epochs < 1:
            raise ValueError(f"num_epochs must be at least 1, got {num_epochs}")
        if not 0 < lr < float("inf"):
            raise ValueError(f"lr must be positive and finite, got {lr}")
        if init not in ("random", "geodesic"):
            raise ValueError(f"init must be 'random' or 'geodesic', got {init!r}")
        self.num_epochs = num_epochs
        self.lr = lr
        self.device = resolve_device(device)
        self.precision = precision
        self.seed = seed
        self.checkpoint = checkpoint
        self.callbacks = tuple(callbacks)
        self.progress = progress
        self.compile = compile
        self.init = init
        self.coordinates: GeodesicCoordinates | None = None
        self._history = LossHistory(self.device)

    @property
    def history(self) -> list[EpochRecord]:
        """One ``{"epoch", "loss", "lr"}`` for each epoch; the loss is the mean over batches."""
        return self._history.records

    def fit(self, model: nn.Module, loader: Iterable[Data], *, resume: bool = False) -> None:
        """Trains the model in place and leaves it on the device.

        Args:
            model: A module with ``loss(batch) -> Tensor []``.
            loader: Yields the batches of one epoch each time it is gone through. Its attribute
                ``generator``, where there is one, is seeded and saved with the rest.
            resume: Whether to go on from the checkpoint. On the CPU the result is bit for bit
                that of an uninterrupted run.

        Raises:
            FileNotFoundError: If there is no checkpoint to go on from.
            FloatingPointError: If the loss is NaN or infinite.
            KeyboardInterrupt: On Ctrl-C, after the checkpoint is saved.
            ValueError: If the loader yields nothing, or the checkpoint does not fit.
        """
        generator: torch.Generator | None = getattr(loader, "generator", None)
        step = TrainingStep(model, self.lr, self.device, self.precision, self.compile)
        if resume:
            first_epoch = self._restore(model, step, generator)
        else:
            first_epoch = 0
            self._history.restore([])
            self._seed(generator)
            if self.init == "geodesic":
                from nrae_geometric.callbacks.embedding_start import warm_start

                self.coordinates = warm_start(
                    cast(AE, model),
                    loader,
                    device=self.device,
                    precision=self.precision,
                )
        schedule = self._schedule(step.adam, first_epoch, getattr(model, "order", 1))
        saved_at = time.monotonic()
        with deferred_interrupt(enabled=self.checkpoint is not None) as interrupt:
            for epoch in self._epochs(first_epoch):
                model.train()
                loss = step.epoch(loader)
                self._history.add(epoch, step.adam.param_groups[0]["lr"], loss)
                schedule.step()
                self._call_back(epoch, model)
                save_now = (
                    interrupt.requested
                    or epoch == self.num_epochs - 1
                    or time.monotonic() - saved_at > _SECONDS_BETWEEN_CHECKPOINTS
                )
                if save_now:
                    self._history.read()
                    self._save(epoch + 1, model, step, generator)
                    saved_at = time.monotonic()
                if interrupt.requested:
                    raise KeyboardInterrupt
        if self.coordinates is not None:
            from nrae_geometric.callbacks.embedding_start import report_folds

            report_folds(cast(AE, model), loader, self.coordinates)

    def _schedule(self, adam: torch.optim.Adam, first_epoch: int, order: int) -> LambdaLR:
        if self.init == "random":
            return published_schedule(adam, self.num_epochs, first_epoch)
        return warm_schedule(adam, self.num_epochs, first_epoch, order)

    def _epochs(self, first_epoch: int) -> Iterable[int]:
        with tqdm(
            initial=first_epoch,
            total=self.num_epochs,
            unit="epoch",
            disable=not self.progress,
        ) as bar:
            for epoch in range(first_epoch, self.num_epochs):
                yield epoch
                if self.history:
                    bar.set_postfix(loss=f"{self.history[-1]['loss']:.4g}", refresh=False)
                bar.update()

    def _seed(self, generator: torch.Generator | None) -> None:
        if self.seed is None:
            return
        seed_everything(self.seed)
        if generator is not None:
            generator.manual_seed(self.seed)

    def _call_back(self, epoch: int, model: nn.Module) -> None:
        for callback in self.callbacks:
            epochs = getattr(callback, "epochs", None)
            if epochs is None or epoch in epochs:
                self._history.read()
                callback.on_epoch_end(epoch, self.history[-1]["loss"], model)

    def _save(
        self,
        completed: int,
        model: nn.Module,
        step: TrainingStep,
        generator: torch.Generator | None,
    ) -> None:
        if self.checkpoint is None:
            return
        state = {
            "completed_epochs": completed,
            "model": model.state_dict(),
            "optimizer": step.adam.state_dict(),
            "history": self.history,
            "coordinates": coordinates_state(self.coordinates),
            "random": random_state(self.device, generator),
            "callbacks": [
                callback.state_dict() if hasattr(callback, "state_dict") else None
                for callback in self.callbacks
            ],
        }
        save_checkpoint(self.checkpoint, state)

    def _restore(
        self, model: nn.Module, step: TrainingStep, generator: torch.Generator | None
    ) -> int:
        if self.checkpoint is None:
            raise ValueError("resume=True needs to know the checkpoint; pass Trainer(checkpoint=)")
        state = load_checkpoint(self.checkpoint)
        if len(state["callbacks"]) != len(self.callbacks):
            raise ValueError(
                f"{self.checkpoint} was saved with {len(state['callbacks'])} callbacks, "
                f"this trainer has {len(self.callbacks)}"
            )
        try:
            model.load_state_dict(state["model"])
        except RuntimeError as error:
            raise ValueError(f"{self.checkpoint} is of another model: {error}") from None
        step.adam.load_state_dict(state["optimizer"])
        for group in step.adam.param_groups:
            group["lr"] = self.lr  # the schedule computes the current rate from the initial one
        for callback, saved in zip(self.callbacks, state["callbacks"], strict=True):
            if hasattr(callback, "load_state_dict"):
                callback.load_state_dict(saved)
        self._history.restore(state["history"])
        self.coordinates = restore_coordinates(state.get("coordinates"))
        restore_random_state(state["random"], self.device, generator)
        return state["completed_epochs"]
