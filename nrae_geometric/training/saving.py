"""Checkpoints of a run: what is in them, and when they are written."""

import time
from typing import TYPE_CHECKING, Any

from torch import nn

from nrae_geometric.archive import MISFITS, check_storable
from nrae_geometric.atomic import check_writable
from nrae_geometric.training.callback import restore_states
from nrae_geometric.training.checkpoint import (
    architecture,
    check_same_run,
    load_checkpoint,
    save_checkpoint,
)
from nrae_geometric.training.history import LossHistory
from nrae_geometric.training.random_state import RandomState
from nrae_geometric.training.step import TrainingStep

if TYPE_CHECKING:
    from nrae_geometric.training.trainer import Trainer

# Often enough to lose little to a crash, rare enough to cost nothing.
_FIRST_CHECKPOINT, _LONGEST_GAP = 1.0, 60.0  # seconds


class RunSaver:
    """Saves a run to the trainer's checkpoint, and restores it.

    The first process alone reads and writes the file; what it fails with, all fail with.

    Args:
        trainer (Trainer): The trainer, which may have no checkpoint: then nothing is saved.
        model (torch.nn.Module): The model.
        step (TrainingStep): Its steps.
        history (LossHistory): Its losses.
        random (RandomState): The generators of the run.
    """

    def __init__(
        self,
        trainer: "Trainer",
        model: nn.Module,
        step: TrainingStep,
        history: LossHistory,
        random: RandomState,
    ) -> None:
        self._trainer, self._model, self._step = trainer, model, step
        self._history, self._random = history, random
        self._has_saved = False
        self._started_at = time.monotonic()
        self._save_at = self._started_at + _FIRST_CHECKPOINT

    @property
    def is_due(self) -> bool:
        """Whether it is time for a checkpoint, as the first process sees it."""
        trainer = self._trainer
        has_file = trainer.checkpoint is not None and trainer.processes.is_first
        return has_file and time.monotonic() > self._save_at

    def check(self) -> None:
        """Makes sure that the checkpoint can be written, before time has gone into it.

        Raises:
            OSError: If it cannot, with its name.
            TypeError: If a file cannot hold a value of the run.
        """
        if self._trainer.checkpoint is None:
            return
        with self._trainer.processes.together():
            if self._trainer.processes.is_first:
                check_storable(self._fixed_state())
                check_writable(self._trainer.checkpoint)

    def save(self) -> None:
        """Writes the checkpoint.

        Raises:
            OSError: If it cannot be written, with its name.
        """
        trainer = self._trainer
        if trainer.checkpoint is None:
            return
        with trainer.processes.together():
            if trainer.processes.is_first:
                state = {
                    **self._fixed_state(),
                    "completed_epochs": len(trainer.history),
                    "stop_reason": trainer.stop_reason,
                    "optimizer": self._step.state_dict(),
                    "history": trainer.history,
                    "random": self._random.get(),
                }
                save_checkpoint(trainer.checkpoint, state, keep_previous=self._has_saved)
            self._has_saved = True
            trainer.call("on_checkpoint", self._model)
        now = time.monotonic()
        self._save_at = now + min(now - self._started_at, _LONGEST_GAP)

    def restore(self) -> dict[str, Any]:
        """Goes on from the checkpoint, and returns the states of its generators.

        Raises:
            FileNotFoundError: If there is none.
            ValueError: If it does not fit the run.
        """
        trainer, path = self._trainer, self._trainer.checkpoint
        if path is None:
            raise ValueError("resume=True needs to know the checkpoint; pass Trainer(checkpoint=)")
        state = trainer.processes.from_first(lambda: load_checkpoint(path))
        try:
            check_same_run(state, self._identity(), trainer.max_epochs)
            self._model.load_state_dict(state["model"])
            self._step.load_state_dict(state["optimizer"])
            self._history.restore(state["history"])
            trainer.stop_reason = state["stop_reason"]
            restore_states(trainer.callbacks, state["callbacks"])
            generators: dict[str, Any] = state["random"]
            self._random.set(generators)
        except MISFITS as error:
            reason = error if isinstance(error, ValueError) else repr(error)
            raise ValueError(f"{path} does not fit this run: {reason}") from error
        self._has_saved = True
        return generators

    def _identity(self) -> dict[str, Any]:
        return {
            "settings": self._trainer.fingerprint,
            "architecture": architecture(self._model),
            "seed": self._trainer.seed,
            "precision": self._trainer.precision,
        }

    def _fixed_state(self) -> dict[str, Any]:
        """The part of a checkpoint that the caller's objects determine."""
        callbacks = self._trainer.callbacks.items()
        return {
            "run": self._identity(),
            "model": self._model.state_dict(),
            "callbacks": {name: state for name, each in callbacks if (state := each.state_dict())},
        }
