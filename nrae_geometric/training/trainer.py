"""The training loop."""

import copy
import logging
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch_geometric.data import Data
from tqdm.auto import tqdm

from nrae_geometric.archive import MISFITS, check_storable
from nrae_geometric.arguments import integer, number
from nrae_geometric.atomic import check_writable
from nrae_geometric.nn.evaluation import preserved_modes
from nrae_geometric.training.callback import Callback, by_name, restore_states
from nrae_geometric.training.checkpoint import (
    architecture,
    check_same_run,
    load_checkpoint,
    save_checkpoint,
)
from nrae_geometric.training.device import resolve_device
from nrae_geometric.training.history import EpochRecord, LossHistory, NonFiniteLossError
from nrae_geometric.training.interrupt import DeferredInterrupt
from nrae_geometric.training.points import points_fault
from nrae_geometric.training.random_state import RandomState
from nrae_geometric.training.schedule import Schedule, published_schedule
from nrae_geometric.training.step import TrainingStep, resolve_precision
from nrae_geometric.training.threads import suitable_threads

logger = logging.getLogger(__name__)

# Often enough to lose little to a crash, rare enough to cost nothing.
_FIRST_CHECKPOINT, _LONGEST_GAP = 1.0, 60.0  # seconds
# Any number will do: it has validation draw the same neighbors in every epoch.
_VALIDATION_SEED = 0


class Trainer:
    r"""Fits a model's ``loss(batch)`` with Adam.

    Args:
        max_epochs (int): How often the loader is gone through, unless a callback ends the run.
        lr (float, optional): The learning rate, which the schedule multiplies.
            (default: :obj:`1e-3`)
        callbacks (Sequence[Callback], optional): Called in this order. (default: :obj:`()`)
        schedule (Schedule, optional): A function ``(epoch, max_epochs) -> factor``. By default
            :func:`~nrae_geometric.training.published_schedule`, unless a callback chooses
            another. (default: :obj:`None`)
        device (str, int or torch.device, optional): :obj:`"auto"`, :obj:`"cpu"`, the number of a
            GPU, or a device. (default: :obj:`"auto"`)
        precision (str, optional): :obj:`"32-true"`, :obj:`"64-true"`, :obj:`"bf16-true"`,
            :obj:`"bf16-mixed"`, :obj:`"16-mixed"`, or, as in Lightning, :obj:`"32"`,
            :obj:`"64"`, :obj:`"bf16"` and :obj:`"16"`. With ``64-true`` and ``bf16-true`` the
            model is converted, and each batch's points to the model's type.
            (default: :obj:`"32-true"`)
        seed (int, optional): Seeds Python, NumPy, PyTorch and the loader's generator at the start
            of :meth:`fit`, which then leaves the global generators as they were. Seed the same
            before building the model for a reproducible run. (default: :obj:`None`)
        global_generators (bool, optional): Whether model, loaders or callbacks may draw from the
            global generators, as dropout does. These are then seeded for the run, and other seeded
            runs in the same process wait for it. With :obj:`False` they are never touched, the
            seed is that of the loader's own generator, and runs in threads go side by side.
            (default: :obj:`True`)
        checkpoint (str or os.PathLike, optional): The file to save to: after a second, whenever
            the run has doubled its time since and at least every minute, at the end, and when
            Ctrl-C, SIGTERM or SIGHUP stops the run, which then happens at the end of the epoch, or
            of the callbacks' start. A second signal stops at once and saves nothing.
            (default: :obj:`None`)
        fingerprint (str, optional): What tells runs apart whose models have the same shapes, such
            as a digest of their settings. A checkpoint has it, and none with another one is
            resumed. (default: :obj:`None`)
        progress (bool, optional): Whether to show a progress bar. (default: :obj:`True`)
        compile (bool, optional): Whether to run the loss through :func:`torch.compile`.
            (default: :obj:`False`)

    Attributes:
        callbacks (dict[str, Callback]): The callbacks by their names.
        loader (Iterable[Data]): What :meth:`fit` trains on.
        validation (Iterable[Data], optional): What it validates on.
        epoch (int): The present epoch, from 0; before the first one that which comes next.
        resumed (bool): Whether the run goes on from a checkpoint.
        stop_reason (str, optional): Why a callback has ended the run; :obj:`None` if none has.
        optimizer_state (dict, optional): Adam's state behind :meth:`fit`, for another run to go on.

    Raises:
        TypeError: If an argument is of another type.
        ValueError: If an argument is out of its range, or two callbacks have one name.

    Where steps get slower over the epochs, numbers below 1e-38 have come up, which most processors
    are slow with. ``torch.set_flush_denormal(True)`` at the start of a program helps, as
    ``nrae train`` does.

    Small steps on the CPU run on fewer threads than PyTorch would use, by a rule that depends on
    the sizes of batches and model alone; the setting of the calling thread is as before afterwards,
    and one that allows fewer counts.

    Example::

        trainer = Trainer(max_epochs=2001, seed=1)
        trainer.fit(model, loader)
        trainer.history[-1]  # {"epoch": 2000, "loss": 0.05, "lr": 1.64e-05}
    """

    loader: Iterable[Data]
    validation: Iterable[Data] | None

    def __init__(
        self,
        max_epochs: int,
        lr: float = 1e-3,
        *,
        callbacks: Sequence[Callback] = (),
        schedule: Schedule | None = None,
        device: str | int | torch.device = "auto",
        precision: str | int = "32-true",
        seed: int | None = None,
        global_generators: bool = True,
        checkpoint: str | os.PathLike[str] | None = None,
        fingerprint: str | None = None,
        progress: bool = True,
        compile: bool = False,
    ) -> None:
        self.max_epochs = integer("max_epochs", max_epochs, 1)
        self.lr = number("lr", lr, above=0)
        self.callbacks = by_name(callbacks)
        if schedule is not None and not callable(schedule):
            raise TypeError(
                f"schedule must be a function (epoch, max_epochs) -> factor, got {schedule!r}"
            )
        self.schedule = schedule
        self.device = resolve_device(device)
        self.precision = resolve_precision(precision)
        self.global_generators = global_generators
        self.seed = None if seed is None else integer("seed", seed, 0, 2**32 - 1)
        self.checkpoint = None if checkpoint is None else Path(checkpoint)
        self.fingerprint = fingerprint
        self.progress = progress
        self.compile = compile
        self.epoch = 0
        self.resumed = False
        self.stop_reason: str | None = None
        self.optimizer_state: dict[str, Any] | None = None
        self._history = LossHistory(self.device)
        self._has_saved = False

    @property
    def history(self) -> list[EpochRecord]:
        """One ``{"epoch", "loss", "lr"}`` for each epoch; the loss is the mean over batches.

        Where there is a validation loader, a record has ``"validation_loss"`` as well. Reading
        the history waits for the device.
        """
        return self._history.read()

    @property
    def is_last_epoch(self) -> bool:
        """Whether no epoch follows the present one, as far as is known."""
        return self.epoch >= self.max_epochs - 1 or self.stop_reason is not None

    def request_stop(self, reason: str) -> None:
        """Ends the run after this epoch, as if it were the last.

        Args:
            reason (str): Kept in :obj:`stop_reason` and in the checkpoint.
        """
        self.stop_reason = reason
        logger.info("training ends after epoch %d: %s", self.epoch, reason)

    def fit(
        self,
        model: nn.Module,
        loader: Iterable[Data],
        *,
        validation: Iterable[Data] | None = None,
        resume: bool = False,
        optimizer_state: dict[str, Any] | None = None,
    ) -> None:
        """Trains the model in place and leaves it on the device.

        Args:
            model (torch.nn.Module): A module with ``loss(batch) -> Tensor []``. Where it is in
                training mode, parts that are in evaluation mode (``model.decoder[1].eval()``) are
                frozen, and trained in that mode; where it is in evaluation mode, all of it is
                trained in training mode. Afterwards each part is in its mode as before.
            loader (Iterable[Data]): Yields the batches of one epoch each time it is gone through.
                Its attribute ``generator``, where there is one, is seeded and saved with the rest.
            validation (Iterable[Data], optional): Batches whose mean loss over their centers is
                noted after each epoch, in evaluation mode. Random choices in them are the same
                in every epoch, and training goes as it would without. (default: :obj:`None`)
            resume (bool, optional): Whether to go on from the checkpoint. On the CPU the result
                is bit for bit that of an uninterrupted run. A run that a callback has ended stays
                ended. (default: :obj:`False`)
            optimizer_state (dict, optional): The :obj:`optimizer_state` of an earlier run of a
                model of the same shapes, to go on from it with other batches.
                (default: :obj:`None`)

        Raises:
            FileNotFoundError: If there is no checkpoint to go on from.
            FloatingPointError: If a loss is NaN or infinite; the message tells what is wrong with
                the points where they are the cause.
            KeyboardInterrupt: On Ctrl-C, after the checkpoint is saved.
            ValueError: If a loader yields nothing, the points are infinite or all equal in the
                model's type alone, or the checkpoint does not fit.
        """
        self.loader, self.validation, self.resumed = loader, validation, resume
        self.optimizer_state = copy.deepcopy(optimizer_state)
        schedule = self.schedule
        seeds = self.global_generators and (self.seed is not None or resume)
        random = RandomState(self.device, of_process=seeds)
        with random.preserved(), preserved_modes(model), torch.enable_grad():
            try:
                self._fit(model)
            finally:
                self.schedule = schedule  # a callback's choice is for this model alone

    def _fit(self, model: nn.Module) -> None:
        step = TrainingStep(model, self.lr, self.device, self.precision, self.compile)
        if self.resumed:
            generators = self._restore(model, step)
        else:
            if self.optimizer_state is not None:
                step.load_state_dict(self.optimizer_state)
            self._history.restore([])
            self.stop_reason, self._has_saved = None, False
            if self.seed is not None:
                self._random_state(self.loader).seed(self.seed)
        self.epoch = len(self.history)
        fault = self._points_fault(step)
        if fault is not None:
            logger.warning("training may come to nothing: %s", fault)
        with DeferredInterrupt(enabled=self.checkpoint is not None) as interrupt:
            started_at = time.monotonic()
            for callback in self.callbacks.values():
                callback.on_fit_start(self, model)
            if self.resumed:
                self._random_state(self.loader).set(generators)
            if self.checkpoint is not None:
                # An hour of training must not end in a file that cannot be written.
                check_storable(self._state(model))
                check_writable(self.checkpoint)
            if interrupt.requested:
                self._save(model, step)
                interrupt.deliver()
            try:
                num_rows = getattr(self.loader, "rows_per_batch", None)
                with suitable_threads(model, num_rows, self.device):
                    self._train(model, step, interrupt, started_at)
                self._history.read()
            except NonFiniteLossError as error:
                fault = self._points_fault(step)
                if fault is None:
                    raise
                raise FloatingPointError(f"{error.what}: {fault}") from None
            for callback in self.callbacks.values():
                callback.on_fit_end(self, model)
            self.optimizer_state = step.state_dict()
            self._save(model, step)
            if interrupt.requested:
                interrupt.deliver()

    def _train(
        self,
        model: nn.Module,
        step: TrainingStep,
        interrupt: DeferredInterrupt,
        started_at: float,
    ) -> None:
        schedule = self.schedule or published_schedule
        save_at = started_at + _FIRST_CHECKPOINT
        for epoch in self._epochs():
            self.epoch = epoch
            step.lr = self.lr * schedule(epoch, self.max_epochs)
            loss = step.epoch(self.loader, self._rates(schedule))
            self._history.add(epoch, step.lr, loss, self._validation_loss(step))
            for callback in self.callbacks.values():
                callback.on_epoch_end(self, model)
            if self.is_last_epoch:
                continue  # the last checkpoint waits for the callbacks' last word
            if interrupt.requested or time.monotonic() > save_at:
                self._save(model, step)
                now = time.monotonic()
                save_at = now + min(now - started_at, _LONGEST_GAP)
            if interrupt.requested:
                interrupt.deliver()

    def _rates(self, schedule: Schedule) -> Iterator[float] | None:
        if not getattr(schedule, "every_step", False):
            return None
        loader: Any = self.loader
        num_steps, epoch = len(loader), self.epoch
        return (
            self.lr * schedule(epoch + i / num_steps, self.max_epochs) for i in range(num_steps)
        )

    def _points_fault(self, step: TrainingStep) -> str | None:
        """What is wrong with the points, of which a loader over one graph has all."""
        x = getattr(getattr(self.loader, "data", None), "x", step.points)
        return points_fault(x, step.dtype) if isinstance(x, torch.Tensor) else None

    def _epochs(self) -> Iterable[int]:
        first = self.epoch
        with tqdm(
            initial=first, total=self.max_epochs, unit="epoch", disable=not self.progress
        ) as bar:
            for epoch in range(first, self.max_epochs):
                if self.stop_reason is not None:
                    return
                yield epoch
                if self._history.records:
                    loss = self._history.records[-1]["loss"]
                    bar.set_postfix(loss=f"{loss:.4g}", refresh=False)
                bar.update()

    def _validation_loss(self, step: TrainingStep) -> torch.Tensor | None:
        if self.validation is None:
            return None
        random = self._random_state(self.validation)
        with random.preserved():
            random.seed(_VALIDATION_SEED)
            return step.evaluate(self.validation)

    def _random_state(self, loader: Iterable[Data]) -> RandomState:
        generator = getattr(loader, "generator", None)
        return RandomState(self.device, generator, of_process=self.global_generators)

    def _identity(self, model: nn.Module) -> dict[str, Any]:
        return {
            "settings": self.fingerprint,
            "architecture": architecture(model),
            "seed": self.seed,
            "precision": self.precision,
        }

    def _state(self, model: nn.Module) -> dict[str, Any]:
        """The part of a checkpoint that the caller's objects determine."""
        return {
            "run": self._identity(model),
            "model": model.state_dict(),
            "callbacks": {
                name: state for name, each in self.callbacks.items() if (state := each.state_dict())
            },
        }

    def _save(self, model: nn.Module, step: TrainingStep) -> None:
        if self.checkpoint is None:
            return
        state = {
            **self._state(model),
            "completed_epochs": len(self.history),
            "stop_reason": self.stop_reason,
            "optimizer": step.state_dict(),
            "history": self.history,
            "random": self._random_state(self.loader).get(),
        }
        save_checkpoint(self.checkpoint, state, keep_previous=self._has_saved)
        self._has_saved = True
        for callback in self.callbacks.values():
            callback.on_checkpoint(self, model)

    def _restore(self, model: nn.Module, step: TrainingStep) -> dict[str, Any]:
        if self.checkpoint is None:
            raise ValueError("resume=True needs to know the checkpoint; pass Trainer(checkpoint=)")
        state = load_checkpoint(self.checkpoint)
        try:
            check_same_run(state, self._identity(model), self.max_epochs)
            model.load_state_dict(state["model"])
            step.load_state_dict(state["optimizer"])
            self._history.restore(state["history"])
            self.stop_reason = state["stop_reason"]
            restore_states(self.callbacks, state["callbacks"])
            generators: dict[str, Any] = state["random"]
            self._random_state(self.loader).set(generators)
        except MISFITS as error:
            reason = error if isinstance(error, ValueError) else repr(error)
            raise ValueError(f"{self.checkpoint} does not fit this run: {reason}") from error
        self._has_saved = True
        return generators
