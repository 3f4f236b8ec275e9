"""Processes of one run, as Lightning Fabric starts or finds them."""

import atexit
import logging
import pickle
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from os import environ
from typing import Any, Literal, NoReturn, TypeVar, get_args

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from nrae_geometric.arguments import choice, integer
from nrae_geometric.training.device import resolve_device

Strategy = Literal["auto", "ddp", "ddp_find_unused_parameters_true"]

STRATEGIES: tuple[str, ...] = get_args(Strategy)

# In their steps all do the same, and one that keeps the others waiting is lost. Where one works
# alone, on a checkpoint, a picture or a measure, they wait for as long as is PyTorch's usual limit.
_LONGEST_STEP, _LONGEST_WAIT = timedelta(seconds=60), timedelta(minutes=30)

_T = TypeVar("_T")
_LOST = re.compile(
    "closed by peer|reset by peer|broken pipe|timed out|timeout|connection refused|"
    "process group|nccl|gloo",
    re.IGNORECASE,
)


class ProcessLostError(ConnectionError):
    """Another process of the run has ended, or cannot be reached."""


class Processes:
    r"""The processes of a run, one for each device.

    Each does the same up to the training steps, which it takes on its part of each batch; the
    gradients are averaged by :class:`~torch.nn.parallel.DistributedDataParallel`. Fabric starts
    the processes of a script by running it again for each, unless ``torchrun`` or Slurm has; they
    talk by NCCL on GPUs and by gloo on CPUs. One that keeps the others waiting for half an hour is
    given up; on CPUs, in a step, for a minute.

    Args:
        device (str, int or torch.device, optional): As in
            :class:`~nrae_geometric.training.Trainer`. (default: :obj:`"auto"`)
        devices (int, optional): The number of processes on each machine. With one on one machine
            those that ``torchrun`` has started take part. (default: :obj:`1`)
        num_nodes (int, optional): The number of machines. (default: :obj:`1`)
        strategy (str, optional): As in :class:`~nrae_geometric.training.Trainer`.
            (default: :obj:`"auto"`)

    Attributes:
        count (int): The number of processes on all machines.
        rank (int): The number of this one, from 0.
        device (torch.device): The device of this one.

    Raises:
        ValueError: If there are not so many devices, or this is no script.
    """

    def __init__(
        self,
        device: str | int | torch.device = "auto",
        devices: int = 1,
        num_nodes: int = 1,
        strategy: str = "auto",
    ) -> None:
        devices, num_nodes = integer("devices", devices, 1), integer("num_nodes", num_nodes, 1)
        choice("strategy", strategy, STRATEGIES)
        if devices == num_nodes == 1:
            devices, num_nodes = _counts_of_torchrun()
        self.count, self.rank = devices * num_nodes, 0
        self._finds_unused = strategy == "ddp_find_unused_parameters_true"
        self.device = resolve_device(device)
        self._fabric: Any = None
        if self.count == 1:
            return
        _check_several(device, self.device, devices)
        # One process does without what follows, which takes longer than a small fit's first epoch.
        from lightning_fabric import Fabric
        from lightning_fabric.strategies import DDPStrategy

        with _quiet():
            self._fabric = Fabric(
                accelerator=self.device.type,
                devices=devices,
                num_nodes=num_nodes,
                strategy=DDPStrategy(timeout=_LONGEST_WAIT),
            )
        self.device, self.rank = self._fabric.device, self._fabric.global_rank

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that writes files and shows progress."""
        return self.rank == 0

    def start(self) -> None:
        """Starts the other processes where nobody has, and waits until all have met.

        Raises:
            ProcessLostError: If they do not meet.
            ValueError: If the numbers are not those of ``torchrun`` or Slurm, or of a run before.
        """
        if self.count == 1:
            return
        found = torch.distributed.get_world_size() if torch.distributed.is_initialized() else None
        if found not in (None, self.count):
            raise ValueError(
                f"this process belongs to a run of {found} processes, and cannot take part in one "
                f"of {self.count}; use another script"
            )
        with _quiet(), self.reporting_loss():
            self._fabric.launch()
        if found is None:
            # Fabric does so for NCCL alone, but gloo's threads too may abort a process that ends.
            atexit.register(_leave)
        self.rank = self._fabric.global_rank

    def wrap(self, module: nn.Module, is_compiled: bool = False) -> nn.Module:
        """Returns a module whose gradients are the mean over the processes.

        Args:
            module (torch.nn.Module): On the device; its weights become those of the first process.
            is_compiled (bool, optional): Whether a step may have to wait until another process has
                compiled it. (default: :obj:`False`)
        """
        if self.count == 1:
            return module
        on_cpu, group = self.device.type == "cpu", torch.distributed.group.WORLD
        # NCCL may lock up where two groups are at work at a time: steps talk in losses, too.
        if on_cpu and not is_compiled:
            group = _group_of_steps(group)
        return DistributedDataParallel(
            module,
            device_ids=None if on_cpu else [self.device.index],
            process_group=group,
            find_unused_parameters=self._finds_unused,
        )

    def mean(self, values: Tensor) -> Tensor:
        """Returns the mean of a tensor over the processes."""
        return values if self.count == 1 else self._fabric.all_reduce(values.clone())

    def any(self, *flags: bool) -> list[bool]:
        """Returns for each flag whether any process has it."""
        if self.count == 1:
            return list(flags)
        numbers = torch.tensor(flags, dtype=torch.float32, device=self.device)
        return [number > 0 for number in self._fabric.all_reduce(numbers).tolist()]

    def from_first(self, function: Callable[[], _T]) -> _T:
        """Returns what a function returns in the first process, or raises what it raises there."""
        value: Any = None
        with self.together():
            if self.is_first:
                value = function()
        return value if self.count == 1 else self._fabric.broadcast(value)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Waits at the end of the block for all, and raises in all what one has raised in it."""
        error = None
        try:
            yield
        except Exception as found:
            if self.count == 1:
                raise
            error = found
        if self.count > 1:
            self._raise_first(error)

    @contextmanager
    def reporting_loss(self) -> Iterator[None]:
        """Has errors of a lost connection say what has happened.

        Raises:
            ProcessLostError: If another process cannot be reached.
        """
        try:
            yield
        except RuntimeError as error:
            is_lost = isinstance(error, torch.distributed.DistError) or _LOST.search(str(error))
            if self.count == 1 or not is_lost:
                raise
            raise ProcessLostError(
                f"process {self.rank} of {self.count} has lost another one, which has ended or "
                "cannot be reached; its own message, where it has one, says why. Go on from the "
                "last checkpoint by resume=True (--resume), where there is one, or start anew"
            ) from error

    def draw_apart(self, of_process: bool) -> None:
        """Has each process draw other numbers from PyTorch's global generators, as for dropout.

        The first one draws as before, and for all where a loss has draws for the whole batch.

        Args:
            of_process (bool): Whether the run draws from them at all.
        """
        if of_process and not self.is_first:
            seed = int(torch.randint(2**31, ())) + self.rank
            torch.default_generator.manual_seed(seed)
            if self.device.type == "cuda":
                torch.cuda.manual_seed(seed)

    def _raise_first(self, error: Exception | None) -> None:
        failed = torch.zeros(self.count, device=self.device)
        failed[self.rank] = float(error is not None)
        ranks = self._fabric.all_reduce(failed).nonzero().view(-1).tolist()
        if not ranks:
            return
        sent = self._fabric.broadcast(_portable(error), src=ranks[0])
        raise error if error is not None else sent

    def __repr__(self) -> str:
        return f"{type(self).__name__}(rank={self.rank}, count={self.count}, device={self.device})"


def is_first_process() -> bool:
    """Returns whether this process writes what a run leaves: where it is the only one, it does.

    Where several learn together, all of them run the script to its end; one should write files and
    print.
    """
    available = torch.distributed.is_available() and torch.distributed.is_initialized()
    return not available or torch.distributed.get_rank() == 0


def divided(loader: Any, processes: Processes, model: nn.Module | None = None) -> Any:
    """Returns what of a loader's batches is this process's part.

    Args:
        loader (Iterable[Data], optional): The loader. Its method ``part(rank, count)`` returns an
            iterable of the parts, as that of
            :class:`~nrae_geometric.loader.NeighborhoodLoader` does.
        processes (Processes): The processes.
        model (torch.nn.Module, optional): The model that learns from them, which needs parts.
            Without one, each process has all batches of a loader that has none.
            (default: :obj:`None`)

    Raises:
        ValueError: If there are several processes, and its batches cannot be divided, or have
            another order in each process, or the model would learn something else from parts.
    """
    if processes.count == 1 or loader is None:
        return loader
    if model is not None:
        _check_rows_apart(model)
    part = getattr(loader, "part", None)
    if part is None and model is not None:
        raise ValueError(
            f"{type(loader).__name__} cannot divide its batches among {processes.count} processes; "
            "use a NeighborhoodLoader, or devices=1"
        )
    if getattr(loader, "generator", loader) is None:
        raise ValueError(
            "several processes need the same batches, and so a generator of the loader's own; "
            "pass generator=torch.Generator() to it"
        )
    return loader if part is None else part(processes.rank, processes.count)


def _check_rows_apart(model: nn.Module) -> None:
    """Makes sure that what becomes of a point does not depend on the rest of its batch."""
    if getattr(model, "encoder_uses_graph", False):
        raise ValueError(
            "several processes divide a batch, and a graph encoder would see other neighborhoods "
            "in the parts than in the whole; use another encoder, or devices=1"
        )
    for name, part in model.named_modules():
        if not isinstance(part, _BatchNorm):
            continue
        if part.training or not model.training or part.running_mean is None:
            raise ValueError(
                f"several processes divide a batch, and {type(part).__name__} ({name}) would "
                "normalize each part by itself; use LayerNorm, or devices=1"
            )


def _portable(error: Exception | None) -> Exception | None:
    """An error that another process can read."""
    try:
        return pickle.loads(pickle.dumps(error))
    except Exception:
        kind = FloatingPointError if isinstance(error, FloatingPointError) else RuntimeError
        return kind(str(error))


@cache
def _group_of_steps(group: Any) -> Any:
    """Another group of all processes, made once for each of theirs."""
    return torch.distributed.new_group(timeout=_LONGEST_STEP)


def _leave() -> None:
    """Ends the connections of this process."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _counts_of_torchrun() -> tuple[int, int]:
    if not torch.distributed.is_available() or not torch.distributed.is_torchelastic_launched():
        return 1, 1
    local = int(environ["LOCAL_WORLD_SIZE"])
    return local, int(environ["WORLD_SIZE"]) // local


def _check_several(given: Any, device: torch.device, devices: int) -> None:
    if not torch.distributed.is_available():
        raise ValueError("this PyTorch has no torch.distributed; use devices=1")
    if hasattr(sys, "ps1"):
        raise ValueError(
            "several devices need a script, which Fabric runs again for each of them; in a "
            "notebook or at a prompt use devices=1"
        )
    if device.type != "cuda":
        return
    if str(given) not in ("auto", "cuda"):
        _refuse(f"device={given!r} is one GPU, but devices={devices}; use device='auto'")
    if devices > (found := torch.cuda.device_count()):
        _refuse(f"devices={devices}, but PyTorch finds {found} here; use fewer, or device='cpu'")


def _refuse(message: str) -> NoReturn:
    raise ValueError(message)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps Fabric from telling that all is well."""
    loggers = [logging.getLogger(f"lightning_fabric.{name}") for name in ("utilities", "connector")]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)
