"""One experiment from its configuration to its results."""

import csv
import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch_geometric import seed_everything
from torch_geometric.data import Data

from nrae_geometric.atomic import atomic_write
from nrae_geometric.callbacks import Recorder, make_recorder
from nrae_geometric.configs.reader import ExperimentConfig
from nrae_geometric.experiments.build import (
    TAYLOR_ORDER,
    KnownManifold,
    build_dataset,
    build_graph,
    build_loader,
    build_model,
    build_test_points,
)
from nrae_geometric.metrics.suite import measure
from nrae_geometric.nn import AE
from nrae_geometric.training.device import resolve_device
from nrae_geometric.training.history import EpochRecord
from nrae_geometric.training.trainer import Trainer
from nrae_geometric.visualization import write_animation

logger = logging.getLogger(__name__)

_COORDINATE = {"rotate": "angle in degrees", "shift": "shift in pixels"}


@dataclass(frozen=True)
class ExperimentResult:
    """What an experiment has come to.

    Attributes:
        config: The experiment.
        directory: Where its files are.
        model: The trained model.
        data: The training points and their graph.
        history: One ``{"epoch", "loss", "lr"}`` for each epoch.
        metrics: See :func:`nrae_geometric.metrics.suite.measure`.
        animation: The animation's file; drawn for one latent dimension, where asked for.
    """

    config: ExperimentConfig
    directory: Path
    model: AE
    data: Data
    history: list[EpochRecord]
    metrics: dict[str, Any]
    animation: Path | None


def run_experiment(
    config: ExperimentConfig,
    *,
    device: str | int | torch.device = "auto",
    logdir: str | os.PathLike[str] = "results",
    resume: bool = False,
    animate: bool = True,
    progress: bool = True,
) -> ExperimentResult:
    """Trains, measures and pictures one experiment.

    Writes ``config.yml``, ``checkpoint.pt``, ``history.csv``, ``metrics.json`` and the animation,
    for example ``NRAEL_training.gif``, to the folder ``logdir/exp_name``.

    Args:
        config: The experiment, see :func:`~nrae_geometric.training.load_experiment`.
        device: As in :class:`~nrae_geometric.training.Trainer`.
        logdir: The folder of all experiments.
        resume: Whether to go on from the checkpoint of a run that was stopped.
        animate: Whether to draw the animation.
        progress: Whether to show a progress bar.

    Raises:
        FileNotFoundError: If there is nothing to resume, or no MNIST.
        FloatingPointError: If the loss is NaN or infinite.
        KeyboardInterrupt: On Ctrl-C, after the checkpoint is saved.
        ValueError: If the device is not there, or another experiment is to be resumed.
    """
    device = resolve_device(device)
    directory = Path(logdir) / config.exp_name
    if resume:
        _check_same_experiment(config, directory)
    else:
        _clear(directory, config)
    _write(directory / "config.yml", config.to_yaml())

    seed_everything(config.seed)
    section = config.data.training
    dataset = build_dataset(section, config.seed)
    data = build_graph(dataset[0].to(device), section)
    model = build_model(config.model, data.x.shape[1:])
    recorder = _recorder(config, dataset, data)
    callbacks = [] if recorder is None else [recorder]
    trainer = Trainer(
        config.training.num_epochs,
        config.optimizer.lr,
        device=device,
        seed=config.seed,
        checkpoint=directory / "checkpoint.pt",
        callbacks=callbacks,
        progress=progress,
        init=config.training.init,
    )
    trainer.fit(model, build_loader(data, section, config.seed), resume=resume)
    _write_history(directory / "history.csv", trainer.history)

    metrics = measure(model, data, build_test_points(config, dataset), dataset.manifold())
    _write(directory / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    animation = None
    if animate and recorder is not None:
        animation = directory / _animation_name(config)
        write_animation(recorder, animation)
    return ExperimentResult(config, directory, model, data, trainer.history, metrics, animation)


def _animation_name(config: ExperimentConfig) -> str:
    return f"{config.model.arch.upper()}_training.gif"


def _recorder(config: ExperimentConfig, dataset: KnownManifold, data: Data) -> Recorder | None:
    if config.model.z_dim != 1:
        logger.warning("no animation: there are animations for one latent dimension alone")
        return None
    section = config.data.training
    return make_recorder(
        data,
        num_epochs=config.training.num_epochs,
        manifold=dataset.manifold().x if section.dataset == "synthetic" else None,
        order=TAYLOR_ORDER[config.model.arch],
        coordinate=_COORDINATE.get(section.type, "true coordinate"),
    )


def _check_same_experiment(config: ExperimentConfig, directory: Path) -> None:
    if not (directory / "config.yml").is_file():
        raise FileNotFoundError(f"nothing to resume: there is no {directory / 'config.yml'}")
    before = ExperimentConfig.from_yaml(directory / "config.yml")
    num_epochs = {"num_epochs": config.training.num_epochs}
    longer = before.model_copy(update={"training": before.training.model_copy(update=num_epochs)})
    if longer != config:
        raise ValueError(
            f"{directory} holds an experiment with other settings, see its config.yml; only "
            f"training.num_epochs may change when it is resumed"
        )


def _clear(directory: Path, config: ExperimentConfig) -> None:
    """Removes an earlier run's results: a stopped run must not look as if it had made them."""
    for name in ("checkpoint.pt", "history.csv", "metrics.json", _animation_name(config)):
        (directory / name).unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _write_history(path: Path, history: list[EpochRecord]) -> None:
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["epoch", "loss", "lr"])
        writer.writeheader()
        writer.writerows(history)
