"""The folder of an experiment's files.

Whatever ends a run, and whenever, the files that it leaves are those of one run:

* Until the first checkpoint of a run is written, the folder is as the run before has left it.
* Then ``config.yml`` becomes that of the new run, and the history, the measures and the animation,
  which were made of another model, go. They come back at the end of the run.
* A checkpoint carries the fingerprint of its configuration, which tells it from that of another
  ``config.yml`` where a run was killed between the two.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from nrae_geometric.atomic import atomic_write
from nrae_geometric.configs import ExperimentConfig, load_config
from nrae_geometric.locking import FolderLock
from nrae_geometric.registry import MODELS
from nrae_geometric.training import Callback, Trainer
from nrae_geometric.training.checkpoint import load_checkpoint

CONFIG = "config.yml"
CHECKPOINT = "checkpoint.pt"
HISTORY = "history.csv"
METRICS = "metrics.json"


def animation_name(arch: str) -> str:
    """Returns the name of the animation of a model's training.

    Args:
        arch (str): ``model.arch`` of the configuration.
    """
    return f"{arch.upper()}_training.gif"


def check_resumable(config: ExperimentConfig, directory: Path) -> bool:
    """Returns whether there is a checkpoint to go on from; a run without one yet starts anew.

    Args:
        config (ExperimentConfig): The experiment.
        directory (Path): Its folder.

    Raises:
        FileNotFoundError: If there is nothing to resume.
        ValueError: If the files are damaged, of other settings, or of a longer run.
    """
    if (directory / CHECKPOINT).is_file():
        state = load_checkpoint(directory / CHECKPOINT)
        check_fingerprint(state, config, directory)
        completed = state["completed_epochs"]
        if completed > config.training.num_epochs:
            raise ValueError(
                f"{directory} has trained for {completed} epochs already, more than the "
                f"{config.training.num_epochs} of training.num_epochs; resume it with at least "
                f"{completed}, or train anew"
            )
        return True
    if not (directory / CONFIG).is_file():
        raise FileNotFoundError(f"nothing to resume: there is no {directory / CHECKPOINT}")
    found = load_config(directory / CONFIG)
    if found.fingerprint() != config.fingerprint():
        raise _other_settings(directory, found, config)
    return False


def check_fingerprint(state: Mapping[str, Any], config: ExperimentConfig, directory: Path) -> None:
    """Raises an error unless a checkpoint is of an experiment.

    Args:
        state (Mapping[str, Any]): The checkpoint.
        config (ExperimentConfig): The experiment.
        directory (Path): Its folder.

    Raises:
        ValueError: If it is of another one.
    """
    if state["run"]["settings"] == config.fingerprint():
        return
    found = load_config(directory / CONFIG) if (directory / CONFIG).is_file() else config
    if found.fingerprint() == config.fingerprint():
        raise ValueError(
            f"{directory / CHECKPOINT} is of another model, or other settings, than {CONFIG} "
            f"beside it; train anew"
        )
    raise _other_settings(directory, found, config)


class RunFolder(Callback):
    """Hands a folder on from one run to the next.

    It goes behind all callbacks that could refuse to start.

    Args:
        lock (FolderLock): The folder, locked.
        config (ExperimentConfig): The experiment.
    """

    def __init__(self, lock: FolderLock, config: ExperimentConfig) -> None:
        self.lock = lock
        self.config = config
        self._num_epochs = 0
        self._is_ours = False

    @property
    def path(self) -> Path:
        """The folder."""
        return self.lock.folder

    def on_fit_start(self, trainer: Trainer, model: nn.Module) -> None:
        """Writes the configuration to a new folder, with which a killed run can be resumed."""
        self._num_epochs = len(trainer.history)
        if not any((self.path / name).exists() for name in (CHECKPOINT, *_names_of_results())):
            self._write_config()

    def on_epoch_end(self, trainer: Trainer, model: nn.Module) -> None:
        """Makes the folder anew if somebody has removed it.

        Raises:
            FolderInUseError: If another run has taken its place.
        """
        if self.lock.renew():
            self._write_config()

    def on_checkpoint(self, trainer: Trainer, model: nn.Module) -> None:
        """Makes the folder that of this run.

        Raises:
            FolderInUseError: If another run has taken its place.
        """
        if not self.lock.renew() and self._is_ours:
            return
        if not trainer.resumed or len(trainer.history) > self._num_epochs:
            for name in _names_of_results():
                (self.path / name).unlink(missing_ok=True)
        self._write_config()
        self._is_ours = True

    def check_complete(self, *names: str) -> None:
        """Raises an error unless all files are there.

        Args:
            *names (str): The names of the files.

        Raises:
            FileNotFoundError: If somebody has removed one.
            FolderInUseError: If another run has taken the folder.
        """
        self.lock.renew()
        if missing := [name for name in names if not (self.path / name).is_file()]:
            raise FileNotFoundError(
                f"{self.path} lacks {', '.join(missing)}, which somebody has removed while the "
                f"run was writing there; train anew"
            )

    def _write_config(self) -> None:
        with atomic_write(self.path / CONFIG) as temporary:
            temporary.write_text(self.config.to_yaml(), encoding="utf-8")


def _names_of_results() -> list[str]:
    """The files that are made of a trained model."""
    return [HISTORY, METRICS, *map(animation_name, MODELS)]


def _other_settings(
    directory: Path, found: ExperimentConfig, asked: ExperimentConfig
) -> ValueError:
    return ValueError(
        f"{directory} holds an experiment with other settings ({', '.join(found.changes(asked))}), "
        f"see its {CONFIG}; only training.num_epochs may change when it is resumed"
    )
