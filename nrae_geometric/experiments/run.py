"""One experiment from its configuration to its results."""

import logging
import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch_geometric.data import Data

from nrae_geometric.atomic import remove_leftovers, write_csv, write_json
from nrae_geometric.callbacks import EmbeddingStart, Recorder, recorder_for
from nrae_geometric.configs import ExperimentConfig
from nrae_geometric.experiments.build import build_graph, build_loader, build_model
from nrae_geometric.experiments.evaluate import measure_supervised, measure_unsupervised
from nrae_geometric.experiments.folder import (
    CHECKPOINT,
    CONFIG,
    HISTORY,
    METRICS,
    RunFolder,
    animation_name,
    check_resumable,
)
from nrae_geometric.locking import FolderLock
from nrae_geometric.nn import AE
from nrae_geometric.training import Callback, Trainer
from nrae_geometric.training.history import EpochRecord
from nrae_geometric.training.processes import Processes
from nrae_geometric.training.random_state import RandomState
from nrae_geometric.visualization import write_animation

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExperimentResult:
    """The outcome of an experiment.

    Attributes:
        config (ExperimentConfig): The experiment.
        directory (Path): The folder of its files.
        model (AE): The trained model.
        data (Data): The training points and their graph.
        history (list[dict]): One ``{"epoch", "loss", "lr"}`` for each epoch.
        metrics (dict[str, Any]): The measures against the truth; without any, those of the points
            alone, see :func:`~nrae_geometric.metrics.evaluate_supervised`.
        animation (Path or None): The file of the animation; drawn for one latent dimension and
            points that can be drawn, where asked for.
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
    devices: int = 1,
    num_nodes: int = 1,
    logdir: str | os.PathLike[str] = "results",
    resume: bool = False,
    animate: bool = True,
    progress: bool = True,
) -> ExperimentResult:
    """Trains, measures and pictures one experiment.

    Writes ``config.yml``, ``checkpoint.pt``, ``history.csv``, ``metrics.json`` and the animation,
    for example ``NRAEL_training.gif``, to the folder ``logdir/exp_name``. What an earlier run has
    left there stays until the first checkpoint of this one is written, and goes then. No other run
    may use the folder meanwhile. Where somebody removes it, it is made anew.

    Args:
        config (ExperimentConfig): The experiment, see :func:`~nrae_geometric.configs.load_config`.
        device (str, int or torch.device, optional): As in
            :class:`~nrae_geometric.training.Trainer`. (default: :obj:`"auto"`)
        devices (int, optional): How many processes of this machine train together, as there. The
            first of all writes. (default: :obj:`1`)
        num_nodes (int, optional): The number of machines. (default: :obj:`1`)
        logdir (str or os.PathLike, optional): The folder of all experiments.
            (default: :obj:`"results"`)
        resume (bool, optional): Whether to go on from the checkpoint of a run that was stopped.
            (default: :obj:`False`)
        animate (bool, optional): Whether to record the training and draw the animation.
            (default: :obj:`True`)
        progress (bool, optional): Whether to show a progress bar. (default: :obj:`True`)

    Raises:
        ConfigError: If the model does not fit the points.
        FileNotFoundError: If there is nothing to resume, or no file to read points from.
        FloatingPointError: If the loss is NaN or infinite.
        FolderInUseError: If another run is writing to the folder.
        KeyboardInterrupt: On Ctrl-C, after the checkpoint is saved.
        TypeError: If the configuration is something else, such as its name.
        OSError: If a file cannot be written, with its name.
        ValueError: If the device is not there, or another experiment, or one that has trained for
            more epochs, is to be resumed.
    """
    if not isinstance(config, ExperimentConfig):
        raise TypeError(
            f"config must be an ExperimentConfig, as load_config(name) returns it, got {config!r}"
        )
    directory = Path(logdir) / config.exp_name
    processes = Processes(device, devices, num_nodes)
    if resume and not directory.is_dir():
        raise FileNotFoundError(f"nothing to resume: there is no {directory}")
    processes.start()
    with ExitStack() as stack:
        folder = None
        with processes.together():
            if processes.is_first:
                folder = RunFolder(stack.enter_context(FolderLock(directory)), config)
                remove_leftovers(directory)
                # A run that was stopped before its first checkpoint starts anew.
                resume = resume and check_resumable(config, directory)
        resume = processes.from_first(lambda: resume)
        make_trainer = partial(
            Trainer,
            config.training.num_epochs,
            config.optimizer.lr,
            device=device,
            devices=devices,
            num_nodes=num_nodes,
            seed=config.seed,
            checkpoint=directory / CHECKPOINT,
            fingerprint=config.fingerprint(),
            progress=progress,
        )
        return _run(config, processes.device, make_trainer, folder, resume, animate)


def _run(
    config: ExperimentConfig,
    device: torch.device,
    make_trainer: Callable[..., Trainer],
    folder: RunFolder | None,
    resume: bool,
    animate: bool,
) -> ExperimentResult:
    """Runs an experiment; a process that has no folder writes nothing."""
    section = config.data.training
    random = RandomState(device)
    with random.preserved():
        random.seed(config.seed)
        dataset = section.build(config.seed)
        data = build_graph(dataset[0].to(device), section)
        model = build_model(config.model, data.x.shape[1:])
    recorder = _recorder(config, dataset, data) if animate and folder is not None else None
    callbacks: list[Callback] = [] if recorder is None else [recorder]
    if config.training.init != "random":
        callbacks.append(EmbeddingStart(config.training.init))
    trainer = make_trainer(callbacks=callbacks if folder is None else [*callbacks, folder])
    trainer.fit(model, build_loader(model.prepared(data), config), resume=resume)
    metrics = measure_supervised(config, dataset, model, data) or measure_unsupervised(model, data)
    if folder is None:
        assert trainer.checkpoint is not None
        directory = trainer.checkpoint.parent
        return ExperimentResult(config, directory, model, data, trainer.history, metrics, None)
    write_csv(folder.path / HISTORY, ["epoch", "loss", "lr"], trainer.history)
    write_json(folder.path / METRICS, metrics)
    animation = None
    if recorder is not None:
        animation = folder.path / animation_name(config.model.arch)
        write_animation(recorder, animation)
    names = [CONFIG, CHECKPOINT, HISTORY, METRICS]
    folder.check_complete(*names, *([] if animation is None else [animation.name]))
    return ExperimentResult(config, folder.path, model, data, trainer.history, metrics, animation)


def _recorder(config: ExperimentConfig, dataset: Any, data: Data) -> Recorder | None:
    if config.model.z_dim != 1:
        logger.warning("no animation: there are animations for one latent dimension alone")
        return None
    planar = data.x.shape[1:] == (2,)
    recorder = recorder_for(
        data,
        manifold=dataset.manifold().x if planar and hasattr(dataset, "manifold") else None,
        order=config.model.expansion_order,
        coordinate=config.data.training.coordinate,
        model_name=config.model.title,
    )
    if recorder is None:
        logger.warning("no animation: there are animations for planar points and images alone")
    return recorder
