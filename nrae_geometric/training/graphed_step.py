"""Training steps that are captured once and replayed, so that a GPU does not wait for Python."""

import copy
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor
from torch_geometric.data import Data

from nrae_geometric.training.fused_adam import FusedAdam

logger = logging.getLogger(__name__)

# What PyTorch recommends before a capture, so that everything that is set up once is set up.
_WARM_UP_STEPS = 3
# Full batches have one shape and the rest of an epoch another; more than a few are no pattern.
_MOST_SHAPES = 4
# How far each tensor that a replayed step leaves may be from the usual one, relative to its norm.
_TOLERANCE = 1e-2

Step = Callable[[Data, Tensor | None], Tensor]


class Capture(Protocol):
    """A way to capture what runs on a device."""

    def warm_up(self) -> AbstractContextManager[None]:
        """Where steps are to be taken before a capture."""

    def record(self, function: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        """Returns what runs a function again, and the tensor that then holds its result."""


class CudaCapture:
    """Captures with :class:`torch.cuda.CUDAGraph`.

    Args:
        device: A GPU.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)

    @contextmanager
    def warm_up(self) -> Iterator[None]:
        usual = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(usual)
        with torch.cuda.stream(self._stream):
            yield
        usual.wait_stream(self._stream)

    def record(self, function: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        graph = torch.cuda.CUDAGraph()
        usual = torch.cuda.current_stream(self._device)
        # Other threads, such as one that pins memory for a loader, may go on meanwhile.
        capture = torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local")
        try:
            with torch.cuda.device(self._device), capture:
                result = function()
        except RuntimeError:
            torch.cuda.set_stream(usual)  # a capture that breaks off may leave its own behind
            raise
        return graph.replay, result


class GraphedStep:
    """Takes steps; those on batches of a shape that comes again, by replaying a captured one.

    A captured step is compared with the same step taken as usual before it is relied on. Where
    it differs, or a step cannot be captured, all steps are taken as usual and the reason is logged.

    Args:
        step: Takes a step on a batch, at the learning rate ``[]`` on the device where it is given,
            and returns the loss ``[]``.
        adam: The optimizer that it uses.
        capture: How steps are captured.
        buffers: What a step changes besides, such as running statistics.
    """

    def __init__(
        self, step: Step, adam: FusedAdam, capture: Capture, buffers: Sequence[Tensor] = ()
    ) -> None:
        self._step = step
        self._buffers = list(buffers)
        self._adam = adam
        self._capture = capture
        self._gave_up = False
        self._seen: Counter[tuple[Any, ...]] = Counter()
        self._replays: dict[tuple[Any, ...], _Replay] = {}

    def __call__(self, batch: Data) -> Tensor:
        """Takes a step and returns the loss before it, ``[]``."""
        if self._gave_up:
            return self._step(batch, None)
        shape = _shape(batch)
        if shape in self._replays:
            return self._replays[shape](batch, self._adam.param_groups[0]["lr"])
        self._seen[shape] += 1
        if len(self._seen) > _MOST_SHAPES:
            return self._give_up(
                "batches have ever new shapes; NeighborhoodLoader(disjoint=True) draws equal ones",
                batch,
            )
        if self._seen[shape] <= _WARM_UP_STEPS:
            with self._capture.warm_up():
                return self._step(batch, None)
        tensors = [*self._adam.tensors, *self._buffers]
        before = [tensor.clone() for tensor in tensors]
        try:
            replay = self._record(batch)
        except (RuntimeError, NotImplementedError) as error:
            _restore(tensors, before)
            # What ends a capture hides what broke it.
            cause = error.__context__ or error
            return self._give_up(str(cause).partition("\n")[0], batch)
        return self._compare(replay, shape, batch, tensors, before)

    def _record(self, batch: Data) -> "_Replay":
        self._adam.zero_grad()
        inputs = _clone(batch)
        # Adam's kernel reads float32, also where the model is float64.
        lr = torch.empty((), dtype=torch.float32, device=batch.x.device)
        run, loss = self._capture.record(lambda: self._step(inputs, lr))
        return _Replay(run, inputs, lr, loss)

    def _compare(
        self,
        replay: "_Replay",
        shape: tuple[Any, ...],
        batch: Data,
        tensors: list[Tensor],
        before: list[Tensor],
    ) -> Tensor:
        _restore(tensors, before)
        with torch.random.fork_rng([batch.x.device] if batch.x.is_cuda else []):
            replayed_loss = replay(batch, self._adam.param_groups[0]["lr"])
        replayed = [tensor.clone() for tensor in tensors]
        _restore(tensors, before)
        loss = self._step(batch, None)
        if all(map(_is_near, [*replayed, replayed_loss], [*tensors, loss])):
            self._replays[shape] = replay
            logger.info("steps on batches of %d rows are replayed from a CUDA graph", len(batch.x))
        else:
            self._log("a captured step differs from the same step taken as usual")
        return loss

    def _give_up(self, reason: str, batch: Data) -> Tensor:
        self._log(reason)
        return self._step(batch, None)

    def _log(self, reason: str) -> None:
        self._gave_up = True
        self._replays.clear()
        log_uncaptured(reason)


def log_uncaptured(reason: str) -> None:
    """Tells why steps on a GPU are not captured."""
    logger.info("steps are not captured in a CUDA graph: %s", reason)


class _Replay(NamedTuple):
    """A captured step.

    Attributes:
        run: Takes it.
        inputs: The batch that it reads.
        lr: The learning rate that it reads.
        loss: The loss that it writes.
    """

    run: Callable[[], None]
    inputs: Data
    lr: Tensor
    loss: Tensor

    def __call__(self, batch: Data, lr: float) -> Tensor:
        for target, source in zip(_tensors(self.inputs), _tensors(batch), strict=True):
            target.copy_(source, non_blocking=True)
        self.lr.fill_(lr)
        self.run()
        return self.loss.clone()


def _tensors(batch: Data) -> list[Tensor]:
    return [value for value in batch.stores[0].values() if isinstance(value, Tensor)]


def _shape(batch: Data) -> tuple[Any, ...]:
    """All that a captured step takes for granted about a batch."""
    return tuple(
        (name, value.shape, value.dtype) if isinstance(value, Tensor) else (name, repr(value))
        for name, value in batch.stores[0].items()
    )


def _clone(batch: Data) -> Data:
    clone = copy.copy(batch)
    for name, value in batch.stores[0].items():
        if isinstance(value, Tensor):
            clone[name] = value.detach().clone()
    return clone


@torch.no_grad()
def _restore(tensors: list[Tensor], values: list[Tensor]) -> None:
    for tensor, value in zip(tensors, values, strict=True):
        tensor.copy_(value)


def _is_near(a: Tensor, b: Tensor) -> bool:
    a, b = a.double(), b.double()
    return bool((a - b).norm() <= _TOLERANCE * b.norm())  # false for NaN
