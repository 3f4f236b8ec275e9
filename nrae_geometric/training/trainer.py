"""The training loop."""

import copy
import logging
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch_geometric.data import Data
from tqdm.auto import tqdm

from nrae_geometric.arguments import integer, number
from nrae_geometric.nn.evaluation import preserved_modes
from nrae_geometric.training.callback import Callback, by_name
from nrae_geometric.training.history import EpochRecord, LossHistory, NonFiniteLossError
from nrae_geometric.training.interrupt import DeferredInterrupt
from nrae_geometric.training.points import points_fault
from nrae_geometric.training.processes import Processes, divided
from nrae_geometric.training.random_state import RandomState
from nrae_geometric.training.saving import RunSaver
from nrae_geometric.training.schedule import Schedule, published_schedule
from nrae_geometric.training.step import TrainingStep, resolve_precision
from nrae_geometric.training.threads import suitable_threads

logger = logging.getLogger(__name__)

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
        devices (int, optional): The number of devices of each machine that share the work: GPUs,
            or processes on the CPU. Fabric runs the script again for each of them, unless
            ``torchrun`` or Slurm has started it so often; under ``torchrun``, one stands for as
            many as it has started. The loader must be able to divide its batches, as
            :class:`~nrae_geometric.loader.NeighborhoodLoader` is, and have a generator.
            (default: :obj:`1`)
        num_nodes (int, optional): The number of machines. (default: :obj:`1`)
        strategy (str, optional): How several devices share the work: :obj:`"auto"` and
            :obj:`"ddp"` average the gradients;
            :obj:`"ddp_find_unused_parameters_true"` does so for models with parameters that the
            loss does not always depend on. (default: :obj:`"auto"`)
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
        processes (Processes): Those that share the work; ``trainer.processes.is_first`` is true in
            the one that writes files.
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
        devices: int = 1,
        num_nodes: int = 1,
        strategy: str = "auto",
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
        self.processes = Processes(device, devices, num_nodes, strategy)
        self.device = self.processes.device
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
        self.processes.start()
        self.loader, self.validation, self.resumed = loader, validation, resume
        self._batches = divided(loader, self.processes, model)
        self._validation_batches = divided(validation, self.processes)
        self.optimizer_state = copy.deepcopy(optimizer_state)
        schedule = self.schedule
        seeds = self.global_generators and (self.seed is not None or resume)
        random = RandomState(self.device, of_process=seeds)
        with (
            self.processes.reporting_loss(),
            random.preserved(),
            preserved_modes(model),
            torch.enable_grad(),
        ):
            try:
                self._fit(model)
            finally:
                self.schedule = schedule  # a callback's choice is for this model alone

    def _fit(self, model: nn.Module) -> None:
        processes, random = self.processes, self._random_state(self.loader)
        step = TrainingStep(model, self.lr, self.device, self.precision, self.compile)
        saver = RunSaver(self, model, step, self._history, random)
        if self.resumed:
            generators = saver.restore()
        else:
            if self.optimizer_state is not None:
                step.load_state_dict(self.optimizer_state)
            self._history.restore([])
            self.stop_reason = None
            seed = self.seed
            if seed is None and processes.count > 1:
                seed = processes.from_first(lambda: secrets.randbits(32))
            if seed is not None:
                random.seed(seed)
        self.epoch = len(self.history)
        fault = self._points_fault(step)
        if fault is not None:
            logger.warning("training may come to nothing: %s", fault)
        with DeferredInterrupt(enabled=self.checkpoint is not None) as interrupt:
            with processes.together():
                self.call("on_fit_start", model)
            if self.resumed:
                random.set(generators)
            step.average_over(processes)
            processes.draw_apart(self.global_generators)
            saver.check()
            self._stop_if_asked(saver, interrupt)
            try:
                num_rows = getattr(self._batches, "rows_per_batch", None)
                with suitable_threads(model, num_rows, self.device):
                    self._train(model, step, interrupt, saver)
                self._history.read()
            except NonFiniteLossError as error:
                fault = self._points_fault(step)
                if fault is None:
                    raise
                raise FloatingPointError(f"{error.what}: {fault}") from None
            with processes.together():
                self.call("on_fit_end", model)
            self.optimizer_state = step.state_dict()
            saver.save()
            if any(processes.any(interrupt.requested)):
                interrupt.deliver()

    def call(self, hook: str, model: nn.Module) -> None:
        """Calls a hook of all callbacks that have something to do in this process.

        Args:
            hook (str): Its name.
            model (torch.nn.Module): The model.
        """
        for callback in self.callbacks.values():
            if self.processes.is_first or not callback.in_first_process:
                getattr(callback, hook)(self, model)

    def _train(
        self, model: nn.Module, step: TrainingStep, interrupt: DeferredInterrupt, saver: RunSaver
    ) -> None:
        schedule = self.schedule or published_schedule
        for epoch in self._epochs():
            self.epoch = epoch
            step.lr = self.lr * schedule(epoch, self.max_epochs)
            loss = step.epoch(self._batches, self._rates(schedule))
            validation = self._validation_loss(step)
            self._history.add(epoch, step.lr, self.processes.mean(loss), validation)
            with self.processes.together():
                self.call("on_epoch_end", model)
            ends, stops, is_due = self.processes.any(
                self.stop_reason is not None, interrupt.requested, saver.is_due
            )
            if ends:  # all, where a callback of one has asked for it
                reason = self.processes.from_first(lambda: self.stop_reason)
                self.stop_reason = reason or self.stop_reason or "a callback of another process"
            if self.is_last_epoch:
                continue  # the last checkpoint waits for the callbacks' last word
            if stops or is_due:
                saver.save()
            if stops:
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
            initial=first,
            total=self.max_epochs,
            unit="epoch",
            disable=not (self.progress and self.processes.is_first),
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
        if self._validation_batches is None:
            return None
        random = self._random_state(self.validation)
        with random.preserved():
            random.seed(_VALIDATION_SEED)
            return step.evaluate(self._validation_batches, self.processes)

    def _stop_if_asked(self, saver: RunSaver, interrupt: DeferredInterrupt) -> None:
        if any(self.processes.any(interrupt.requested)):
            saver.save()
            interrupt.deliver()

    def _random_state(self, loader: Iterable[Data] | None) -> RandomState:
        generator = getattr(loader, "generator", None)
        return RandomState(self.device, generator, of_process=self.global_generators)
